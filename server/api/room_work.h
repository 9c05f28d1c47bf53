#pragma once

// Working together on a room: who is in which mode, what of it is not published, publishing it, throwing that
// away. Asked for by HTTP (mode_calls.cc) and by members (weft.v1: Ask), and answered in the same words.
//
// All that is refused because of what others do is a problem of status 409 with `blockers` or a `refusal`, for
// machines; both come from lease/.

#include <string>
#include <string_view>
#include <vector>

#include "server/api/calls.h"
#include "server/lease/write_blockers.h"

namespace weft::server::api {

// Who asks. Lives until the answer is there.
struct Asker {
  std::string room;
  std::string subject = {};  // as its token names it
  // A connection; kNoHolder: a program that only has the token of its lease, if any.
  lease::HolderId connection = lease::kNoHolder;
  std::string lease = {};  // that token, or of a connection before this one
};

// All modes: who is in them, and what a newcomer would be told.
CallResult ShowModes(Tools& tools, const Asker& asker);
// Enters the mode, stays in it, or changes it in place.
CallResult TakeMode(Tools& tools, const Asker& asker, const std::string& mode);
CallResult LeaveMode(Tools& tools, const Asker& asker);
// Who is connected, with role and mode; the first thousand of them, and how many there are.
CallResult ShowPeople(Tools& tools, const Asker& asker);

CallResult ShowDraft(Tools& tools, const Asker& asker);
// `body`: {"name","note"}, both optional; or empty. Tells the watcher kPublishProgress and then exactly one of
// kDraftSaved and kPublishFailed, unless something stands against it from the beginning.
CallResult PublishDraft(Tools& tools, const Asker& asker, std::string_view body);
CallResult DiscardDraft(Tools& tools, const Asker& asker);

// {"has_draft",…} of a room; "null" when it was never published.
std::string DescribeDraft(const std::optional<publish::DraftStatus>& draft);
// The mode of each holder in the room.
std::vector<std::pair<lease::HolderId, std::string>> ModesOf(const Tools& tools,
                                                             std::string_view room);

}  // namespace weft::server::api
