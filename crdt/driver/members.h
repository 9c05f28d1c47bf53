#pragma once

// The members of a JSON object, read with the types that are expected of them.
//
// The first thing that is wrong is remembered, everything read after it is empty, so that requests
// are read like their grammar and the reader is asked once.
// Threads: one. Views are into the object, which must outlive the reader.

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "crdt/any.h"
#include "crdt/base/bytes.h"
#include "crdt/update_format.h"

namespace weft::crdt::driver {

// kInvalidArgument: what a request asks for cannot be done.
absl::Status Refuse(std::string_view reason);

class Members {
 public:
  explicit Members(const Any& object);

  bool ok() const { return status_.ok(); }
  // OK, or kInvalidArgument: which member is missing or is something else.
  const absl::Status& status() const { return status_; }
  void Fail(absl::Status status);

  // Null when there is no such member, or when it is null.
  const Any* Find(std::string_view name) const;
  bool Has(std::string_view name) const { return Find(name) != nullptr; }

  // These want the member to be there.
  const Any& Get(std::string_view name);
  std::string_view String(std::string_view name);
  // An integer from 0 to 2^53 - 1.
  std::uint64_t Count(std::string_view name);
  const Any::Array& List(std::string_view name);
  const AnyObject& Object(std::string_view name);
  Bytes Base64(std::string_view name);
  // In the language of values.
  Any Value(std::string_view name);

  // These do without it.
  std::uint64_t CountOr(std::string_view name, std::uint64_t otherwise);
  std::int64_t IntegerOr(std::string_view name, std::int64_t otherwise);
  bool FlagOr(std::string_view name, bool otherwise);
  std::string_view StringOr(std::string_view name, std::string_view otherwise);
  // 1 or 2; 1 when it is missing.
  UpdateFormat Format(std::string_view name = "v");

 private:
  void Want(std::string_view name, std::string_view what);

  const AnyObject* object_ = nullptr;
  absl::Status status_;
};

// The number of a JSON value that is an integer from 0 to 2^53 - 1.
std::optional<std::uint64_t> AsCount(const Any& json);

}  // namespace weft::crdt::driver
