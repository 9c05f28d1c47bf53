#pragma once

// Awareness updates as values for tests, and the receiving side of y-protocols: what a stock client
// makes of the updates that it hears.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "crdt/base/bytes.h"

namespace weft::sync {

struct AwarenessEntry {
  std::uint64_t client = 0;
  std::uint64_t clock = 0;
  std::string json;

  friend bool operator==(const AwarenessEntry&, const AwarenessEntry&) = default;
};

crdt::Bytes EncodeEntries(const std::vector<AwarenessEntry>& entries);
// Empty bytes are no entries. Ends the test program when they are malformed.
std::vector<AwarenessEntry> DecodeEntries(crdt::ByteView update);

// A client that only listens; applies the rules of y-protocols for states of others.
class ListeningPeer {
 public:
  void Hear(crdt::ByteView update);

  // The states it shows: JSON by client.
  std::map<std::uint64_t, std::string> Shown() const;

 private:
  struct Known {
    std::uint64_t clock = 0;
    std::optional<std::string> json;
  };
  std::map<std::uint64_t, Known> known_;
};

}  // namespace weft::sync
