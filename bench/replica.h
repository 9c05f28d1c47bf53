#pragma once

// Documents as benchmarks make them, with the updates that they emit.

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "crdt/doc.h"

namespace weft::bench {

// The root that texts live in.
inline constexpr const char* kRoot = "text";

std::unique_ptr<crdt::Doc> MakeDoc(std::uint64_t client, bool gc = true);

// A document whose updates are made, as they are when somebody listens, and counted.
class Listened {
 public:
  explicit Listened(std::uint64_t client);
  Listened(const Listened&) = delete;  // the observer points here
  Listened& operator=(const Listened&) = delete;
  crdt::Doc& operator*() const { return *doc_; }
  crdt::Doc* operator->() const { return doc_.get(); }
  std::size_t update_bytes() const { return update_bytes_; }

 private:
  std::unique_ptr<crdt::Doc> doc_;
  std::size_t update_bytes_ = 0;
  crdt::Subscription subscription_;
};

// A document that keeps every update it emits.
class Recorder {
 public:
  explicit Recorder(std::uint64_t client);
  Recorder(const Recorder&) = delete;  // the observer points here
  Recorder& operator=(const Recorder&) = delete;
  crdt::Doc& operator*() const { return *doc_; }
  crdt::Doc* operator->() const { return doc_.get(); }
  const std::vector<crdt::Bytes>& updates() const { return updates_; }
  std::vector<crdt::Bytes> TakeUpdates() { return std::move(updates_); }

 private:
  std::unique_ptr<crdt::Doc> doc_;
  std::vector<crdt::Bytes> updates_;
  crdt::Subscription subscription_;
};

// One by one; the first that is refused ends it.
absl::Status ApplyAll(crdt::Doc& doc, const std::vector<crdt::Bytes>& updates);

// What this process holds on the heap.
std::size_t HeapBytes();

}  // namespace weft::bench
