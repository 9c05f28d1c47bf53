#pragma once

// Words that the hub says to its clients, where more than one part of it does.

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "crdt/any.h"
#include "crdt/base/bytes.h"
#include "server/script/revision_room.h"
#include "server/script/wire_message.h"

namespace weft::server::script {

// Modes.
inline constexpr std::string_view kEdit = "edit";
inline constexpr std::string_view kCuts = "cuts";

// Refusals.
inline constexpr std::string_view kLiveSession =
    "Cannot edit script while a live session is in progress";
inline constexpr std::string_view kNoPermission = "Insufficient permissions";

inline std::string NoRevision(RevisionId revision) {
  return absl::StrCat("there is no revision ", Number(revision));
}

// A number as clients have it.
inline crdt::Any ToAny(std::uint64_t number) { return static_cast<double>(number); }

inline crdt::AnyObject Payload(crdt::ByteView bytes) { return {{"payload", ToBase64(bytes)}}; }

// The room, as the older form of the protocol calls it.
inline std::string DraftName(const RevisionRoom& room) {
  return absl::StrCat("draft_", Number(room.revision));
}

}  // namespace weft::server::script
