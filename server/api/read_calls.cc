#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/api/call_parts.h"
#include "server/api/calls.h"
#include "server/api/document.h"
#include "server/api/json_object.h"
#include "server/api/problem.h"
#include "server/api/room_work.h"
#include "server/history.h"
#include "server/room_name.h"
#include "server/tools/log_verb_parts.h"

namespace weft::server::api {
namespace {

// What the log knows of a room.
struct Logged {
  std::optional<store::RoomInfo> info;
  std::vector<store::SetAside> quarantine;
  std::size_t versions = 0;
  std::optional<publish::DraftStatus> draft;
};

absl::StatusOr<Logged> LookInLog(Tools& tools, const std::string& room) {
  store::UpdateLog& log = tools.rooms.log();
  Logged logged;
  auto info = log.FindRoom(room);
  if (!info.ok()) return info.status();
  logged.info = *std::move(info);
  if (!logged.info) return logged;
  auto quarantine = log.reader().ListQuarantine(room);
  if (!quarantine.ok()) return quarantine.status();
  logged.quarantine = *std::move(quarantine);
  const auto versions = log.reader().ListVersions(room);
  if (!versions.ok()) return versions.status();
  logged.versions = versions->size();
  auto draft = tools.drafts.Find(room);
  if (!draft.ok()) return draft.status();
  logged.draft = *std::move(draft);
  return logged;
}

std::string DescribeQuarantine(const std::vector<store::SetAside>& quarantine) {
  std::vector<std::string> entries;
  for (const store::SetAside& entry : quarantine) {
    entries.push_back(JsonObject()
                          .Number("sequence", entry.sequence)
                          .Text("why", store::DamageName(entry.kind))
                          .Text("found", Rfc3339(entry.found_ms))
                          .Number("bytes", entry.bytes)
                          .Take());
  }
  return JsonArray(entries);
}

std::string DescribeRoom(const std::string& room, const std::optional<Rooms::InMemory>& memory,
                         const Logged& logged, const std::optional<std::string>& pending) {
  const store::RoomInfo info = logged.info.value_or(store::RoomInfo{});
  // The log may be ahead of what memory was told, and the other way round.
  const std::uint64_t durable = std::max(info.head, memory ? memory->head.sequence : 0);
  const std::uint64_t head =
      std::max(durable, memory ? memory->head.sequence + memory->accepted : 0);
  JsonObject out;
  out.Text("room", room);
  out.Text("generation", GenerationText(static_cast<std::uint64_t>(info.generation)));
  out.Number("head", head).Number("durable_head", durable);
  out.Number("first", info.first).Number("records", info.records);
  out.Number("snapshot", info.snapshot).Number("versions", logged.versions);
  out.Number("payload_bytes", info.payload_bytes).Number("snapshot_bytes", info.snapshot_bytes);
  out.Number("appended_bytes", info.appended_bytes);
  if (logged.info) {
    out.Text("created", Rfc3339(info.created_ms)).Text("changed", Rfc3339(info.last_ms));
  } else {
    out.Null("created").Null("changed");
  }
  out.Flag("in_memory", memory.has_value());
  out.Number("members", memory ? memory->members : 0);
  out.Number("memory_bytes", memory ? memory->memory_bytes : 0);
  out.Number("uncommitted_bytes", memory ? memory->uncommitted_bytes : 0);
  if (memory && memory->frozen) {
    out.Text("frozen", *memory->frozen);
  } else {
    out.Null("frozen");
  }
  out.Json("draft", DescribeDraft(logged.draft));
  out.Json("quarantine", DescribeQuarantine(logged.quarantine));
  if (pending) out.Json("pending", *pending);
  return out.Take();
}

// The content of a state as the call wants it. May block.
HttpAnswer RenderContent(Call call, const Rooms::State& state, const Target& target,
                         std::string_view type) {
  const std::vector<std::string> roots = target.Parameters("root");
  HttpAnswer answer;
  answer.content_type = type;
  const auto take = [&answer](absl::StatusOr<std::string> text) {
    if (!text.ok()) return ProblemFor(text.status(), Problem::kCannotBeDone);
    answer.text = *std::move(text);
    return answer;
  };
  switch (call) {
    case Call::kReadUpdate: {
      const auto format = FormatOf(target, type);
      if (!format.ok()) return ProblemFor(format.status());
      crdt::Bytes known;
      if (const auto text = target.Parameter("sv")) {
        absl::StatusOr<crdt::Bytes> decoded = FromBase64Url(*text);
        if (!decoded.ok()) return ProblemFor(decoded.status());
        known = *std::move(decoded);
      }
      const auto update = RenderUpdate(state.update, known, *format);
      if (!update.ok()) return ProblemFor(update.status());
      answer.headers += "Vary: Accept\r\n";
      answer.text = crdt::AsText(*update);
      return answer;
    }
    case Call::kReadStateVector: {
      const auto vector = RenderStateVector(state.update);
      if (!vector.ok()) return ProblemFor(vector.status());
      answer.text = crdt::AsText(*vector);
      return answer;
    }
    case Call::kReadText:
      return take(RenderText(state.update, roots));
    case Call::kReadXml:
      return take(RenderXml(state.update, roots));
    case Call::kReadDelta:
      return take(RenderDelta(state.update, roots));
    default:
      return take(RenderJson(state.update, roots));
  }
}

std::optional<std::string_view> ChooseContentType(const Context& call) {
  const auto one = [&call](std::string_view type) {
    const std::string_view offers[] = {type};
    return ChooseType(call.request.header("Accept"), offers);
  };
  switch (call.route.call) {
    case Call::kReadUpdate:
      return ChooseUpdateType(call.request);
    case Call::kReadStateVector:
      return one(kBytes);
    case Call::kReadText:
      return one(kPlainText);
    case Call::kReadXml:
      return one(kXml);
    default:
      return one(kJson);
  }
}

absl::Status CheckContentParameters(const Context& call) {
  switch (call.route.call) {
    case Call::kReadUpdate:
      return CheckParameters(call.target, {"at", "sv", "format"});
    case Call::kReadStateVector:
      return CheckParameters(call.target, {"at"});
    default:
      return CheckParameters(call.target, {"at", "root"});
  }
}

}  // namespace

CallResult ReadRoom(Tools& tools, const Context& call) {
  const absl::Status known = CheckParameters(call.target, {"include"});
  if (!known.ok()) co_return ProblemFor(known);
  const auto include = call.target.Parameter("include");
  if (include && *include != "pending") {
    co_return MakeProblem(Problem::kBadRequest, "include= knows \"pending\"");
  }
  const std::optional<Rooms::InMemory> memory = co_await tools.rooms.Look(call.room);
  const absl::StatusOr<Logged> logged = co_await tools.rooms.Block<absl::StatusOr<Logged>>(
      [&tools, &call] { return LookInLog(tools, call.room); });
  if (!logged.ok()) co_return ProblemFor(logged.status());
  if (!logged->info && (!memory || memory->members == 0)) {
    co_return MakeProblem(Problem::kNoSuchRoom,
                          absl::StrCat("there is no room \"", PrintableName(call.room), "\""));
  }
  std::optional<std::string> pending;
  if (include) {
    const absl::StatusOr<Rooms::State> state = co_await tools.rooms.Read(call.room);
    if (!state.ok()) co_return ProblemFor(state.status());
    using Found = absl::StatusOr<crdt::PendingReport>;
    const Found report =
        co_await tools.rooms.Block<Found>([&state] { return FindPending(state->update); });
    if (!report.ok()) co_return ProblemFor(report.status());
    pending = report->empty() ? "null" : DescribePending(*report);
  }
  co_return JsonAnswer(DescribeRoom(call.room, memory, *logged, pending));
}

CallResult ReadContent(Tools& tools, const Context& call) {
  const absl::Status known = CheckContentParameters(call);
  if (!known.ok()) co_return ProblemFor(known);
  const std::optional<std::string_view> type = ChooseContentType(call);
  if (!type) {
    co_return MakeProblem(Problem::kNotAcceptable, "the Accept header takes none of its forms");
  }
  const auto moment = call.target.Parameter("at");
  absl::StatusOr<Rooms::State> state = absl::UnknownError("");
  if (moment) {
    const std::string name(*moment);
    state = co_await tools.rooms.ReadAt(call.room, name);
  } else {
    state = co_await tools.rooms.Read(call.room);
  }
  if (!state.ok()) co_return ProblemFor(state.status());
  const std::string tag = TagOf(state->place);
  const std::string tag_line = "ETag: " + tag + "\r\n";
  HttpAnswer answer;
  if (IsKnown(call.request, tag)) {
    answer.status = 304;
  } else {
    answer = co_await tools.rooms.Block<HttpAnswer>([&call, &state, &type] {
      return RenderContent(call.route.call, *state, call.target, *type);
    });
  }
  if (answer.status < 400) answer.headers += tag_line;
  co_return answer;
}

}  // namespace weft::server::api
