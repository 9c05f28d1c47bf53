#include "sync/close.h"

#include <string_view>

#include "crdt/base/check.h"
#include "crdt/base/utf.h"

namespace weft::sync {
namespace {

CloseCode CodeFor(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return CloseCode::kMalformed;
    case absl::StatusCode::kPermissionDenied:
      return CloseCode::kForbidden;
    case absl::StatusCode::kFailedPrecondition:
      return CloseCode::kCollision;
    case absl::StatusCode::kResourceExhausted:
      return CloseCode::kTooLarge;
    case absl::StatusCode::kUnavailable:
      return CloseCode::kTryAgainLater;
    default:
      return CloseCode::kInternalError;
  }
}

// The longest beginning of `text` that fits and does not end inside a character.
std::string_view CutToReason(std::string_view text) {
  if (text.size() <= kMaxCloseReasonBytes) return text;
  std::size_t size = kMaxCloseReasonBytes;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  return text.substr(0, size);
}

}  // namespace

Close CloseFor(const absl::Status& status) {
  CHECK(!status.ok());
  const CloseCode code = CodeFor(status);
  if (code == CloseCode::kInternalError) return {.code = code, .reason = "internal error"};
  const std::string_view reason =
      CutToReason(std::string_view(status.message().data(), status.message().size()));
  // A message may quote what a peer sent; a close frame must be UTF-8.
  if (!crdt::IsValidUtf8(reason)) return {.code = code, .reason = "malformed"};
  return {.code = code, .reason = std::string(reason)};
}

}  // namespace weft::sync
