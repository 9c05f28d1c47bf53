#pragma once

// The JSON messages of the script editor's socket, as text and as values.
//
//   client -> server   {"OP": name, "DATA": …}
//   server -> client   {"OP": name, "DATA": …}                         of the application's older part
//                      {"OP": "NOOP", "ACTION": name, "DATA": {…}}     of working together
//   bytes in JSON      standard base64
//
// Members that are not known are left alone; a client that knows less sees the same messages.
// Threads: value types.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "crdt/any.h"
#include "crdt/base/bytes.h"

namespace weft::server::script {

// What a client says.
struct ClientMessage {
  std::string op;
  crdt::Any data;  // undefined when there is none

  // A member of DATA; empty or nothing when DATA is no object, or the member of another kind.
  std::string_view Text(std::string_view name) const;
  std::optional<std::uint64_t> Number(std::string_view name) const;
  bool Flag(std::string_view name) const;
};

// Nested no deeper than this.
inline constexpr std::size_t kMaxWireDepth = 32;

// Fails: kInvalidArgument, with where and why.
absl::StatusOr<ClientMessage> ParseClientMessage(std::string_view text);

// The two forms that a server says.
std::string OperationMessage(std::string_view op, const crdt::Any& data);
std::string ActionMessage(std::string_view action, crdt::AnyObject data);

std::string ToBase64(crdt::ByteView bytes);
// Fails: kInvalidArgument.
absl::StatusOr<crdt::Bytes> FromBase64(std::string_view text);

}  // namespace weft::server::script
