#pragma once

// The HTTP calls of the application, one function each: what they need (a table of routes) and what they do
// with the rows. Everything that is asked of sockets is known before a call runs (Work), and everything that
// they are to be told afterwards is in what it answers (Outcome); so a call blocks on rows, and on nothing else.
//
// Threads: a pool's; several at once.

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crdt/any.h"
#include "crdt/base/bytes.h"
#include "server/api/request.h"
#include "server/api/target.h"
#include "server/http_routes.h"
#include "server/script/hub_calls.h"
#include "server/script/script.h"
#include "server/script/script_rows.h"
#include "server/script/stage.h"
#include "store/rows.h"

namespace weft::server::script {

// What the calls work with; outlives them.
struct CallServices {
  store::Rows& rows;
  HubCalls& hub;
  // The user of a token, as stored now (user_tokens.h). Fails: kUnauthenticated, with the protocol's words.
  std::function<absl::StatusOr<User>(std::string_view token)> identify;
  // What is known of a revision's draft, as committed. Any thread but a callback of the log.
  struct Draft {
    bool has_draft = false;
    bool publishing = false;
    std::int64_t since_ms = 0;  // 0: nobody knows
    // The hash of the revision that the document was built from, if it was begun.
    std::optional<std::uint64_t> base;
  };
  std::function<absl::StatusOr<Draft>(const RevisionRoom& room)> draft;
  // The document as committed, an update of format v1; nothing when the log has none: then it is what the
  // rows say. As `draft`.
  std::function<absl::StatusOr<std::optional<crdt::Bytes>>(const RevisionRoom& room)> document;
  std::function<std::int64_t()> now_ms;
};

// What an answer brings with it, in this order.
struct Outcome {
  HttpAnswer http;
  std::optional<RevisionRoom> discard;  // HubCalls::Discard; when it fails, that is the answer
  std::optional<bool> live;             // HubCalls::SetLive
  bool current_changed = false;         // HubCalls::CurrentChanged
  std::vector<std::string> tell;        // HubCalls::TellAll
  std::optional<RevisionRoom> compile;  // to be compiled when nobody waits
};

struct Work {
  const CallServices& services;
  const api::Request& request;
  const api::Target& target;
  const crdt::Any& body;  // an object, or undefined for a call without one
  const User* user;       // null for a call that needs none
  Stage stage;
  ShowId show{};          // of calls with Scope::kShow and kRevision
  RevisionInfo revision;  // of those with kRevision
  RevisionId current{};   // the show's current revision; 0: its script has none
  HubStatus hub;          // of calls that look
  std::int64_t now_ms = 0;

  RevisionRoom RoomOf(RevisionId id) const { return {.show = show, .revision = id}; }
  absl::Status Read(absl::FunctionRef<absl::Status(const store::RowReader&)> read) const {
    return services.rows.Read(read);
  }
  // Fails also with kPermissionDenied while a live session runs: looked at in the transaction.
  absl::Status Write(const store::RowEdit& edit) const;
};

enum class Need : std::uint8_t {
  kNothing,
  kUser,   // somebody who is known
  kWrite,  // who may write in the current show
};
enum class Scope : std::uint8_t {
  kServer,
  kShow,      // a show has to be loaded
  kRevision,  // the revision rev_id= of it; without a word the current one
};
// What refuses a call with 409, and whether the hub is asked at all.
struct Guard {
  bool looks = false;  // Work::hub is wanted
  bool holds =
      false;  // the revision's room is held meanwhile: what its document is made of changes
  bool draft = false;    // an unsaved draft of the revision refuses it
  bool members = false;  // people in its room do
  bool frozen = false;   // a live session does
  bool of_current =
      false;  // draft and members of the current revision count, not those of the one named
  std::string_view doing = {};  // "Cannot …"
  std::string_view why = {};    // when draft or members refuse it
};

struct Route {
  std::string_view method;
  std::string_view path;  // below /api/v1/
  Need need = Need::kNothing;
  Scope scope = Scope::kServer;
  std::span<const std::string_view> parameters = {};
  bool takes_body = false;  // a JSON object, required
  Guard guard;
  Outcome (*run)(const Work& work) = nullptr;  // null: the description itself
  // The revision of a call that names it in its body; nothing: the current one.
  std::string_view revision_member = {};
};
std::span<const Route> Routes();

// --- What they share

// A number of the query. Fails: kInvalidArgument when it is absent, none, or above `most`.
absl::StatusOr<std::uint64_t> NumberParameter(const api::Target& target, std::string_view name,
                                              std::uint64_t most = crdt::kMaxSafeInteger);
// Puts what was found where it is wanted; what went wrong otherwise.
template <typename T>
absl::Status Keep(absl::StatusOr<T> found, T& place) {
  if (!found.ok()) return found.status();
  place = *std::move(found);
  return absl::OkStatus();
}
Outcome Refused(HttpAnswer answer);
Outcome Refused(const absl::Status& status);
// 400 with all that is wrong with a body, or nothing.
std::optional<Outcome> RefuseBody(const std::vector<std::string>& problems);
HttpAnswer JsonAnswer(const crdt::AnyObject& object, int status = 200);
// 304 when the client knows `tag`, which is quoted.
bool IsKnown(const api::Request& request, std::string_view tag);
crdt::Any ToNumber(std::uint64_t number);
// null for a script without revisions.
crdt::Any CurrentOrNull(RevisionId current);
crdt::AnyObject ToJson(const RevisionInfo& revision);

// --- Shows and sessions (show_calls.cc)
Outcome ListShows(const Work& work);
Outcome ReadShow(const Work& work);
Outcome LoadShow(const Work& work);
Outcome ReadUser(const Work& work);
Outcome ReadSession(const Work& work);
Outcome StartSession(const Work& work);
Outcome StopSession(const Work& work);

// --- Revisions and drafts (revision_calls.cc)
Outcome ReadConfig(const Work& work);
Outcome DiscardDraft(const Work& work);
Outcome ReadRevisions(const Work& work);
Outcome CreateRevision(const Work& work);
Outcome DropRevision(const Work& work);
Outcome LoadCurrent(const Work& work);
Outcome ReadDiff(const Work& work);
Outcome ReadCompiled(const Work& work);
Outcome Validate(const Work& work);

// --- What is in a revision (line_calls.cc)
Outcome ReadPage(const Work& work);
Outcome CreatePage(const Work& work);
Outcome ReplacePageOf(const Work& work);
Outcome ReadCuts(const Work& work);
Outcome WriteCuts(const Work& work);
Outcome ReadCues(const Work& work);
Outcome CreateCue(const Work& work);
Outcome DropCue(const Work& work);

}  // namespace weft::server::script
