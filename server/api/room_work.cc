#include "server/api/room_work.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/api/call_parts.h"
#include "server/api/json_object.h"
#include "server/api/problem.h"
#include "server/durability.h"
#include "server/room_name.h"

namespace weft::server::api {
namespace {

constexpr int kMaxAttempts = 3;
// Members that are told of one by one.
constexpr std::size_t kMaxPeople = 1'000;

// What stands now in a room, beside who is in which mode.
struct Standing {
  std::optional<store::RoomInfo> info;  // nothing: the log does not have it
  std::optional<publish::DraftStatus> draft;
  std::optional<std::string> frozen;
};

// Fails: kNotFound when the log does not have the room, and nobody is in it.
asio::awaitable<absl::StatusOr<Standing>> LookAt(Tools& tools, const std::string& room) {
  const std::optional<Rooms::InMemory> memory = co_await tools.rooms.Look(room);
  using Found = absl::StatusOr<Standing>;
  Found found = co_await tools.rooms.Block<Found>([&tools, &room]() -> Found {
    Standing standing;
    auto info = tools.rooms.log().FindRoom(room);
    if (!info.ok()) return info.status();
    standing.info = *std::move(info);
    auto draft = tools.drafts.Find(room);
    if (!draft.ok()) return draft.status();
    standing.draft = *std::move(draft);
    return standing;
  });
  if (!found.ok()) co_return found;
  if (!found->info && (!memory || memory->members == 0)) {
    co_return absl::NotFoundError(absl::StrCat("there is no room \"", PrintableName(room), "\""));
  }
  if (memory) found->frozen = memory->frozen;
  co_return found;
}

lease::HolderId HolderOf(const Tools& tools, const Asker& asker) {
  if (asker.connection != lease::kNoHolder) return asker.connection;
  return tools.modes.HolderOf(asker.room, asker.lease, asker.subject);
}

enum class Against : std::uint8_t { kPublishing, kDiscarding, kEntering, kAll };

// What stands against doing something. A draft is what publishing and discarding are about; shared modes are for
// working on it, and others' work is not to be thrown away under them.
std::vector<lease::Blocker> BlockersOf(const Tools& tools, const Asker& asker,
                                       const Standing& standing, Against against,
                                       bool is_publishing) {
  std::vector<lease::Blocker> blockers;
  const lease::HolderId holder = HolderOf(tools, asker);
  const bool counts_draft = against == Against::kEntering || against == Against::kAll;
  tools.modes.Look(asker.room, [&](const lease::LeaseTable* table) {
    blockers = lease::WriteBlockers(
        {.frozen = standing.frozen,
         .publishing = is_publishing,
         .has_draft = counts_draft && standing.draft && standing.draft->has_draft,
         .leases = against == Against::kEntering ? nullptr : table,
         .asking = holder,
         .shared_modes_block = against != Against::kPublishing});
  });
  return blockers;
}

std::string DescribeBlockers(const std::vector<lease::Blocker>& blockers) {
  std::vector<std::string> out;
  for (const lease::Blocker& blocker : blockers) {
    out.push_back(JsonObject().Text("code", blocker.code).Text("detail", blocker.detail).Take());
  }
  return JsonArray(out);
}

std::string Words(const lease::Blocker& blocker) {
  if (blocker.code == "frozen") return "the room is frozen: " + blocker.detail;
  if (blocker.code == "held") return "somebody is in the mode \"" + blocker.detail + "\"";
  return blocker.detail;
}

HttpAnswer Blocked(const std::vector<lease::Blocker>& blockers) {
  std::string detail;
  for (const lease::Blocker& blocker : blockers) {
    absl::StrAppend(&detail, detail.empty() ? "" : "; ", Words(blocker));
  }
  return MakeProblem(Problem::kBlocked, detail, {{"blockers", DescribeBlockers(blockers)}});
}

// --- Modes

std::string Words(const lease::Refusal& refusal) {
  switch (refusal.code) {
    case lease::Refusal::Code::kUnknownMode:
      return absl::StrCat("there is no mode \"", refusal.what, "\" here (--modes)");
    case lease::Refusal::Code::kHeld:
      return absl::StrCat("somebody is in the mode \"", refusal.what, "\" already");
    case lease::Refusal::Code::kExcluded:
      return absl::StrCat("somebody is in the mode \"", refusal.what, "\", which excludes it");
    case lease::Refusal::Code::kBlocked:
      return absl::StrCat("it is not to be entered now: ", refusal.what);
  }
  return {};
}

std::string DescribeRefusal(const std::optional<lease::Refusal>& refusal) {
  if (!refusal) return "null";
  return JsonObject()
      .Text("code", lease::RefusalName(refusal->code))
      .Text("what", refusal->what)
      .Text("reason", Words(*refusal))
      .Take();
}

std::string DescribeHolder(const lease::Lease& lease) {
  return JsonObject()
      .Number("holder", lease.holder)
      .Text("subject", lease.subject)
      .Flag("away", lease.away_until.has_value())
      .Take();
}

std::string DescribeMode(const lease::Mode& mode, const lease::Rules& rules,
                         const lease::LeaseTable& table, const std::vector<std::string>& blockers) {
  std::vector<std::string> excludes;
  for (const std::size_t other : mode.excludes) {
    excludes.push_back('"' + rules.modes()[other].name + '"');
  }
  std::vector<std::string> refused_by;
  for (const std::string& blocker : mode.blockers) refused_by.push_back('"' + blocker + '"');
  std::vector<std::string> holders;
  for (const lease::Lease* const lease : table.HoldersOf(mode.name)) {
    holders.push_back(DescribeHolder(*lease));
  }
  return JsonObject()
      .Text("mode", mode.name)
      .Flag("shared", mode.shared)
      .Json("excludes", JsonArray(excludes))
      .Json("blocked_by", JsonArray(refused_by))
      .Json("holders", JsonArray(holders))
      .Json("refusal", DescribeRefusal(table.RefusalFor(mode, blockers)))
      .Take();
}

std::vector<std::string> CodesOf(const std::vector<lease::Blocker>& blockers) {
  std::vector<std::string> codes;
  for (const lease::Blocker& blocker : blockers) codes.push_back(blocker.code);
  return codes;
}

// --- Publishing

// What a body wants. Fails: kInvalidArgument.
absl::StatusOr<publish::VersionDrafts::Wish> ParseWish(std::string_view body) {
  publish::VersionDrafts::Wish wish{.name = {}, .note = {}, .now_ms = WallTimeMs()};
  if (body.empty()) return wish;
  const absl::StatusOr<crdt::Any> json = ParseBody(body);
  if (!json.ok()) return json.status();
  for (const auto& [name, value] : json->AsObject()->entries()) {
    const std::string* const text = value.AsString();
    if ((name != "name" && name != "note") || text == nullptr) {
      return absl::InvalidArgumentError("the body is {\"name\": \"…\", \"note\": \"…\"}, or less");
    }
    (name == "name" ? wish.name : wish.note) = *text;
  }
  return wish;
}

// The events of one publish: its end is told exactly once, whatever becomes of it.
class Telling {
 public:
  Telling(Tools& tools, const Asker& asker)
      : watcher_(tools.watcher), asker_(asker), id_(++tools.last_publish) {}
  Telling(const Telling&) = delete;
  Telling& operator=(const Telling&) = delete;
  ~Telling() { Fail("the server has given it up"); }

  std::uint64_t id() const { return id_; }

  void OnProgress(std::uint64_t done, std::uint64_t total) {
    watcher_.OnRoomEvent({.kind = RoomEvent::Kind::kPublishProgress,
                          .room = asker_.room,
                          .publish = id_,
                          .done = done,
                          .total = total});
  }
  void Succeed(const LogPlace& saved) {
    End({.kind = RoomEvent::Kind::kDraftSaved, .head = saved, .name = asker_.subject});
  }
  void Fail(std::string_view reason) {
    End({.kind = RoomEvent::Kind::kPublishFailed, .name = reason});
  }

 private:
  void End(RoomEvent event) {
    if (std::exchange(ended_, true)) return;
    event.room = asker_.room;
    event.publish = id_;
    watcher_.OnRoomEvent(event);
  }

  RoomWatcher& watcher_;
  const Asker& asker_;
  const std::uint64_t id_;
  bool ended_ = false;
};

HttpAnswer PublishProblem(const absl::Status& status) {
  if (!absl::IsAlreadyExists(status)) return ProblemFor(status);
  return MakeProblem(Problem::kVersionExists, std::string(status.message()));
}

}  // namespace

std::vector<std::pair<lease::HolderId, std::string>> ModesOf(const Tools& tools,
                                                             std::string_view room) {
  std::vector<std::pair<lease::HolderId, std::string>> modes;
  tools.modes.Look(room, [&modes](const lease::LeaseTable* table) {
    if (table == nullptr) return;
    for (const lease::Lease& lease : table->leases()) {
      modes.emplace_back(lease.holder, lease.mode->name);
    }
  });
  return modes;
}

CallResult ShowModes(Tools& tools, const Asker& asker) {
  const absl::StatusOr<Standing> standing = co_await LookAt(tools, asker.room);
  if (!standing.ok()) co_return ProblemFor(standing.status());
  const bool publishing = tools.turns.taken(asker.room);
  const std::vector<lease::Blocker> all =
      BlockersOf(tools, asker, *standing, Against::kAll, publishing);
  const std::vector<std::string> codes =
      CodesOf(BlockersOf(tools, asker, *standing, Against::kEntering, publishing));
  const lease::Rules& rules = tools.modes.rules();
  std::vector<std::string> modes;
  tools.modes.Look(asker.room, [&](const lease::LeaseTable* table) {
    const lease::LeaseTable nobody(rules, tools.modes.grace());
    for (const lease::Mode& mode : rules.modes()) {
      modes.push_back(DescribeMode(mode, rules, table != nullptr ? *table : nobody, codes));
    }
  });
  co_return JsonAnswer(JsonObject()
                           .Text("room", asker.room)
                           .Number("grace_ms", tools.modes.grace().count())
                           .Json("modes", JsonArray(modes))
                           .Json("blockers", DescribeBlockers(all))
                           .Take());
}

CallResult TakeMode(Tools& tools, const Asker& asker, const std::string& mode) {
  const absl::StatusOr<Standing> standing = co_await LookAt(tools, asker.room);
  if (!standing.ok()) co_return ProblemFor(standing.status());
  const bool stays = asker.connection != lease::kNoHolder;
  const lease::RoomModes::Taken taken =
      tools.modes.Take({.room = asker.room,
                        .holder = stays ? asker.connection : tools.modes.NewHolder(),
                        .stays = stays,
                        .mode = mode,
                        .subject = asker.subject,
                        .token = asker.lease,
                        .blockers = CodesOf(BlockersOf(tools, asker, *standing, Against::kEntering,
                                                       tools.turns.taken(asker.room)))},
                       std::chrono::steady_clock::now());
  if (taken.refusal) {
    const bool is_unknown = taken.refusal->code == lease::Refusal::Code::kUnknownMode;
    co_return MakeProblem(is_unknown ? Problem::kNoSuchMode : Problem::kModeRefused,
                          Words(*taken.refusal), {{"refusal", DescribeRefusal(taken.refusal)}});
  }
  co_return JsonAnswer(JsonObject()
                           .Text("room", asker.room)
                           .Text("mode", taken.mode->name)
                           .Text("lease", taken.token)
                           .Flag("resumed", taken.resumed)
                           .Number("grace_ms", tools.modes.grace().count())
                           .Take());
}

CallResult LeaveMode(Tools& tools, const Asker& asker) {
  const lease::HolderId holder = HolderOf(tools, asker);
  if (holder == lease::kNoHolder || !tools.modes.Give(asker.room, holder)) {
    co_return MakeProblem(Problem::kNoSuchHolder, "this is no lease of the room (any more)");
  }
  co_return JsonAnswer(JsonObject().Text("room", asker.room).Null("mode").Take());
}

CallResult ShowPeople(Tools& tools, const Asker& asker) {
  const auto modes = ModesOf(tools, asker.room);
  std::size_t total = 0;
  using Found = std::optional<std::string>;
  const Found found =
      co_await tools.rooms.Visit<Found>(asker.room, [&modes, &asker, &total](Room* room) -> Found {
        if (room == nullptr) return std::nullopt;
        std::vector<std::string> people;
        const std::vector<MemberView> members = room->members();
        total = members.size();
        for (const MemberView& member : members) {
          if (people.size() == kMaxPeople) break;
          const lease::HolderId holder = member.options->holder;
          const auto in_mode = std::ranges::find_if(modes, [holder](const auto& one) {
            return holder != lease::kNoHolder && one.first == holder;
          });
          JsonObject person;
          person.Number("member", member.id).Text("subject", member.options->subject);
          person.Text("access",
                      member.options->access == sync::Access::kReadWrite ? "write" : "read");
          if (in_mode != modes.end()) {
            person.Text("mode", in_mode->second);
          } else {
            person.Null("mode");
          }
          person.Flag("you", holder != lease::kNoHolder && holder == asker.connection);
          people.push_back(person.Take());
        }
        return JsonArray(people);
      });
  co_return JsonAnswer(JsonObject()
                           .Text("room", asker.room)
                           .Number("total", total)
                           .Json("members", found.value_or("[]"))
                           .Take());
}

std::string DescribeDraft(const std::optional<publish::DraftStatus>& draft) {
  if (!draft) return "null";
  JsonObject out;
  out.Flag("has_draft", draft->has_draft).Number("saved", draft->saved);
  if (draft->since_ms != 0) {
    out.Text("since", Rfc3339(draft->since_ms));
  } else {
    out.Null("since");
  }
  return out.Take();
}

CallResult ShowDraft(Tools& tools, const Asker& asker) {
  const absl::StatusOr<Standing> standing = co_await LookAt(tools, asker.room);
  if (!standing.ok()) co_return ProblemFor(standing.status());
  const bool publishing = tools.turns.taken(asker.room);
  const std::optional<publish::DraftStatus>& draft = standing->draft;
  const store::RoomInfo info = standing->info.value_or(store::RoomInfo{});
  JsonObject out;
  out.Text("room", asker.room);
  out.Text("generation", GenerationText(static_cast<std::uint64_t>(info.generation)));
  out.Number("head", draft ? draft->head : info.head);
  out.Flag("published", draft.has_value());
  out.Flag("has_draft", draft && draft->has_draft).Number("saved", draft ? draft->saved : 0);
  if (draft && draft->since_ms != 0) {
    out.Text("since", Rfc3339(draft->since_ms));
  } else {
    out.Null("since");
  }
  out.Flag("publishing", publishing);
  out.Json("publish_blockers",
           DescribeBlockers(BlockersOf(tools, asker, *standing, Against::kPublishing, publishing)));
  out.Json("discard_blockers",
           DescribeBlockers(BlockersOf(tools, asker, *standing, Against::kDiscarding, publishing)));
  co_return JsonAnswer(out.Take());
}

CallResult PublishDraft(Tools& tools, const Asker& asker, std::string_view body) {
  const absl::StatusOr<publish::VersionDrafts::Wish> wish = ParseWish(body);
  if (!wish.ok()) co_return ProblemFor(wish.status());
  const absl::StatusOr<Standing> standing = co_await LookAt(tools, asker.room);
  if (!standing.ok()) co_return ProblemFor(standing.status());
  std::optional<publish::Turns::Turn> turn = tools.turns.TryTake(asker.room);
  const std::vector<lease::Blocker> blockers =
      BlockersOf(tools, asker, *standing, Against::kPublishing, !turn);
  if (!blockers.empty()) co_return Blocked(blockers);
  Telling telling(tools, asker);
  using Made = absl::StatusOr<publish::VersionDrafts::Published>;
  const Made made = co_await tools.rooms.Block<Made>([&tools, &asker, &wish, &telling]() -> Made {
    return tools.drafts.Publish(
        asker.room, *wish,
        [&telling](std::uint64_t done, std::uint64_t total) { telling.OnProgress(done, total); });
  });
  turn->End();
  if (!made.ok()) {
    telling.Fail(std::string(made.status().message()));
    co_return PublishProblem(made.status());
  }
  const LogPlace saved{made->draft.saved, made->draft.generation};
  if (made->version) {
    tools.watcher.OnRoomEvent({.kind = RoomEvent::Kind::kVersion,
                               .room = asker.room,
                               .head = saved,
                               .name = made->version->name});
  }
  telling.Succeed(saved);
  JsonObject out;
  out.Text("room", asker.room).Number("publish", telling.id());
  out.Number("sequence", saved.sequence).Text("generation", GenerationText(saved.generation));
  if (made->version) {
    out.Text("version", made->version->name);
  } else {
    out.Null("version");
  }
  out.Flag("has_draft", made->draft.has_draft);
  co_return JsonAnswer(out.Take());
}

CallResult DiscardDraft(Tools& tools, const Asker& asker) {
  const absl::StatusOr<Standing> standing = co_await LookAt(tools, asker.room);
  if (!standing.ok()) co_return ProblemFor(standing.status());
  std::optional<publish::Turns::Turn> turn = tools.turns.TryTake(asker.room);
  const std::vector<lease::Blocker> blockers =
      BlockersOf(tools, asker, *standing, Against::kDiscarding, !turn);
  if (!blockers.empty()) co_return Blocked(blockers);
  if (standing->draft && !standing->draft->has_draft) {
    const LogPlace head{standing->draft->head, standing->draft->generation};
    co_return JsonAnswer(DescribeWritten(tools, asker.room, head, /*changed=*/false));
  }
  absl::Status status;
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    using Made = absl::StatusOr<publish::VersionDrafts::Return>;
    Made made = co_await tools.rooms.Block<Made>(
        [&tools, &asker]() -> Made { return tools.drafts.PrepareDiscard(asker.room); });
    if (absl::IsFailedPrecondition(made.status()) || absl::IsOutOfRange(made.status())) {
      co_return MakeProblem(Problem::kCannotBeDone, std::string(made.status().message()));
    }
    if (!made.ok()) co_return ProblemFor(made.status());
    LogPlace place = made->newest;
    bool changed = false;
    if (made->update.empty()) {
      status = co_await tools.rooms.Block<absl::Status>(
          [&tools, &made]() -> absl::Status { return tools.drafts.Apply(*made); });
    } else {
      Rooms::Submission submission{.update = std::move(made->update),
                                   .rows = std::move(made->change)};
      const auto written = co_await tools.rooms.Submit(asker.room, std::move(submission));
      status = written.status();
      if (written.ok()) place = written->place;
      changed = written.ok();
      // What the room has told its members is with their sockets before they hear of the end.
      co_await tools.rooms.Visit<bool>(asker.room, [](Room*) { return true; });
    }
    if (absl::IsAborted(status)) continue;
    if (absl::IsPermissionDenied(status)) {
      co_return Blocked({{.code = "frozen", .detail = std::string(status.message())}});
    }
    if (absl::IsResourceExhausted(status)) {
      co_return MakeProblem(Problem::kCannotBeDone, std::string(status.message()));
    }
    if (!status.ok()) co_return ProblemFor(status, Problem::kInternal);
    turn->End();
    tools.watcher.OnRoomEvent({.kind = RoomEvent::Kind::kDraftDiscarded,
                               .room = asker.room,
                               .head = place,
                               .name = asker.subject});
    co_return JsonAnswer(DescribeWritten(tools, asker.room, place, changed));
  }
  co_return MakeProblem(Problem::kUnavailable, std::string(status.message()));
}

}  // namespace weft::server::api
