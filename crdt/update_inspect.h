#pragma once

// A readable account of an update, for people who look for what went wrong.
//
//   120 bytes, 2 clients, 3 blocks, 1 element deleted in 1 range
//     text      2 blocks, 12 elements
//     type      1 block, 1 element
//   client 5
//     0               type      Map  in root "m"  at key "k"
//     1-11            text      "hello world"  in type 5:0
//   client 3
//     0               text      "!"  after 5:11
//   deletes
//     client 5: 3-4
//
// The account is bounded whatever the update: so many blocks and ranges are told one by one, the
// rest is counted, and of each content the beginning is shown.
// Source: Yjs, logUpdate, which prints the objects of JavaScript.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "crdt/any.h"
#include "crdt/base/bytes.h"
#include "crdt/limits.h"
#include "crdt/update.h"
#include "crdt/update_format.h"

namespace weft::crdt {

struct InspectOptions {
  std::size_t blocks = 10'000;   // told one by one
  std::size_t ranges = 10'000;   // of deletes, likewise
  std::size_t shown_bytes = 60;  // of a text, a key or a value
};

// An update in numbers.
struct UpdateSummary {
  struct Count {
    std::uint64_t blocks = 0;
    std::uint64_t elements = 0;
  };
  std::size_t bytes = 0;
  std::size_t clients = 0;
  Count all;                      // holes apart
  std::array<Count, 11> by_kind;  // by ContentKind
  std::uint64_t delete_ranges = 0;
  std::uint64_t deleted = 0;  // elements
};

// Fails: as DecodeUpdate.
absl::StatusOr<UpdateSummary> SummarizeUpdate(ByteView update,
                                              UpdateFormat format = UpdateFormat::kV1,
                                              const DecodeLimits& limits = {});

// Fails: as DecodeUpdate.
absl::StatusOr<std::string> InspectUpdate(ByteView update, UpdateFormat format = UpdateFormat::kV1,
                                          const InspectOptions& options = {},
                                          const DecodeLimits& limits = {});

// "collected", "deleted", "json", "binary", "text", "embed", "format", "type", "any", "doc", "hole".
std::string_view KindName(ContentKind kind);
// "Array", "XmlText" and so on.
std::string_view TypeName(TypeKind type);

// What a block holds and where it belongs, in one line without an end.
std::string DescribeContent(const Block& block, std::span<const Any> values,
                            std::size_t shown_bytes);
std::string DescribePlace(const Block& block, std::size_t shown_bytes);
// A value as JSON, as far as `shown_bytes` go; binary as its size, since JSON has no form for it.
std::string DescribeValue(const Any& value, std::size_t shown_bytes);

}  // namespace weft::crdt
