#pragma once

// Why a conversation ends, in the words that a WebSocket client understands: a code and a reason.
//
// y-websocket clients reconnect after every close, except with a code of 4400 to 4499: those are
// final, and mirror HTTP's 4xx. 4500 to 4599 and all other codes mean: try again later, with
// back-off.

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace weft::sync {

enum class CloseCode : std::uint16_t {
  // Of RFC 6455 and its registry; clients try again.
  kInternalError = 1011,   // something failed here; it is in the log
  kServiceRestart = 1012,  // the server goes down in good order
  kTryAgainLater = 1013,   // busy: a limit that others have filled, or a receiver that is too slow

  // Final: the same client would be refused again for the same reason.
  kMalformed =
      4400,  // bytes that are no message, no state vector, no update or no awareness update
  kForbidden = 4403,  // the peer may not do this here
  kCollision = 4409,  // ids that the document has, with other content: two write as one client
  kTooLarge = 4413,   // a frame, an update or a state past its limit
};

struct Close {
  CloseCode code = CloseCode::kInternalError;
  std::string reason;  // UTF-8 of at most kMaxCloseReasonBytes

  friend bool operator==(const Close&, const Close&) = default;
};

// What a close frame has room for.
inline constexpr std::size_t kMaxCloseReasonBytes = 123;

// The close that a failed step of a conversation leads to.
//
//   kInvalidArgument     4400   malformed
//   kPermissionDenied    4403   forbidden
//   kFailedPrecondition  4409   another content for known ids (crdt/collision.h)
//   kResourceExhausted   4413   what this peer sent is past a limit
//   kUnavailable         1013   no room just now, through no fault of this peer
//   anything else        1011   the reason names no detail; the message belongs in the log
//
// Requires: `status` is an error.
Close CloseFor(const absl::Status& status);

}  // namespace weft::sync
