#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/api/call_parts.h"
#include "server/api/calls.h"
#include "server/api/json_object.h"
#include "server/api/problem.h"
#include "server/durability.h"
#include "server/history.h"
#include "server/room_name.h"

namespace weft::server::api {
namespace {

constexpr std::uint64_t kPageChanges = 100;
constexpr std::uint64_t kMaxPageChanges = 1'000;
// A note and a moment.
constexpr std::size_t kMaxSmallBody = 64 << 10;

absl::StatusOr<store::RoomInfo> GetRoom(const store::UpdateLog& log, const std::string& room) {
  auto info = log.FindRoom(room);
  if (!info.ok()) return info.status();
  if (!*info) {
    return absl::NotFoundError(absl::StrCat("there is no room \"", PrintableName(room), "\""));
  }
  return **std::move(info);
}

std::string DescribeRecord(const store::Record& record) {
  JsonObject out;
  out.Number("sequence", record.sequence).Text("time", Rfc3339(record.time_ms));
  out.Number("bytes", record.payload.size());
  const absl::StatusOr<Change> change = DescribeChange(record.payload);
  std::vector<std::string> writers;
  if (change.ok()) {
    for (const Change::Writer& writer : change->writers) {
      writers.push_back(JsonObject()
                            .Number("client", crdt::ToNumber(writer.client))
                            .Number("elements", writer.elements)
                            .Take());
    }
  }
  out.Json("writers", JsonArray(writers)).Number("deleted", change.ok() ? change->deleted : 0);
  return out.Take();
}

HttpAnswer ListChanges(store::UpdateLog& log, const std::string& room, const Target& target) {
  const auto limit = CountParameter(target, "limit", kPageChanges, kMaxPageChanges);
  if (!limit.ok()) return ProblemFor(limit.status());
  const auto info = GetRoom(log, room);
  if (!info.ok()) return ProblemFor(info.status());
  store::Sequence from = info->first;
  store::Sequence to = info->head;
  if (const auto text = target.Parameter("from")) {
    const auto moment = FindMoment(log, room, std::string(*text));
    if (!moment.ok()) return ProblemFor(moment.status());
    from = std::max(from, *moment);
  }
  if (const auto text = target.Parameter("to")) {
    const auto moment = FindMoment(log, room, std::string(*text));
    if (!moment.ok()) return ProblemFor(moment.status());
    to = *moment;
  }
  const store::Sequence end = std::min(to + 1, from + *limit);
  std::vector<std::string> changes;
  if (from < end) {
    const auto report = log.reader().ReadRecords(
        room, {.begin = from, .end = end},
        [&changes](const store::Record& record) { changes.push_back(DescribeRecord(record)); });
    if (!report.ok()) return ProblemFor(report.status());
  }
  JsonObject out;
  out.Text("room", room);
  out.Text("generation", GenerationText(static_cast<std::uint64_t>(info->generation)));
  out.Number("head", info->head).Number("first", info->first);
  out.Json("changes", JsonArray(changes));
  if (end <= to) {
    out.Number("next", end);
  } else {
    out.Null("next");
  }
  return JsonAnswer(out.Take());
}

HttpAnswer Diff(store::UpdateLog& log, const std::string& room, const Target& target,
                std::string_view type) {
  const auto format = FormatOf(target, type);
  if (!format.ok()) return ProblemFor(format.status());
  const auto begin = target.Parameter("from");
  if (!begin) return MakeProblem(Problem::kBadRequest, "from= is missing");
  const auto from = FindMoment(log, room, std::string(*begin));
  if (!from.ok()) return ProblemFor(from.status());
  const auto info = GetRoom(log, room);
  if (!info.ok()) return ProblemFor(info.status());
  store::Sequence to = info->head;
  if (const auto end = target.Parameter("to")) {
    const auto moment = FindMoment(log, room, std::string(*end));
    if (!moment.ok()) return ProblemFor(moment.status());
    to = *moment;
  }
  if (*from > to) return MakeProblem(Problem::kBadRequest, "from= is later than to=");
  const absl::StatusOr<crdt::Bytes> update = ChangesBetween(log.reader(), room, *from, to);
  if (absl::IsNotFound(update.status())) {
    return MakeProblem(Problem::kHistoryDropped, std::string(update.status().message()));
  }
  if (!update.ok()) return ProblemFor(update.status());
  return UpdateAnswer(*update, type, *format);
}

std::string DescribeVersion(const store::Version& version) {
  return JsonObject()
      .Text("name", version.name)
      .Number("sequence", version.sequence)
      .Text("made", Rfc3339(version.made_ms))
      .Text("note", version.note)
      .Take();
}

// Fails: kNotFound without a room.
absl::StatusOr<std::vector<store::Version>> Versions(store::UpdateLog& log,
                                                     const std::string& room) {
  const auto info = GetRoom(log, room);
  if (!info.ok()) return info.status();
  return log.reader().ListVersions(room);
}

HttpAnswer NoSuchVersion(std::string_view name) {
  return MakeProblem(Problem::kNoSuchVersion,
                     absl::StrCat("the room has no version \"", PrintableName(name), "\""));
}

HttpAnswer FindVersion(store::UpdateLog& log, const std::string& room, std::string_view name) {
  const auto versions = Versions(log, room);
  if (!versions.ok()) return ProblemFor(versions.status());
  const auto found = std::ranges::find(*versions, name, &store::Version::name);
  if (found == versions->end()) return NoSuchVersion(name);
  return JsonAnswer(DescribeVersion(*found));
}

// What a body asks for: a moment and a note, both optional.
struct Wish {
  std::optional<std::string> moment;
  std::string note;
};
absl::StatusOr<Wish> ParseWish(std::string_view body, bool takes_note) {
  Wish wish;
  if (body.empty()) return wish;
  const absl::StatusOr<crdt::Any> json = ParseBody(body);
  if (!json.ok()) return json.status();
  for (const auto& [name, value] : json->AsObject()->entries()) {
    const std::string* text = value.AsString();
    if (name == "at") {
      absl::StatusOr<std::string> moment = MomentOf(value);
      if (!moment.ok()) return moment.status();
      wish.moment = *std::move(moment);
    } else if (name == "note" && takes_note && text != nullptr) {
      wish.note = *text;
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat("the body has \"", name, "\", which is not known here or of another type"));
    }
  }
  return wish;
}

HttpAnswer MakeVersion(store::UpdateLog& log, const std::string& room, const std::string& name,
                       const Wish& wish, bool replace, store::Version& made, LogPlace& place) {
  const auto info = GetRoom(log, room);
  if (!info.ok()) return ProblemFor(info.status());
  made = {.name = name, .sequence = info->head, .made_ms = WallTimeMs(), .note = wish.note};
  if (wish.moment) {
    const auto sequence = FindMoment(log, room, *wish.moment);
    if (!sequence.ok()) return ProblemFor(sequence.status());
    made.sequence = *sequence;
  }
  place = {made.sequence, static_cast<std::uint64_t>(info->generation)};
  const auto versions = log.reader().ListVersions(room);
  if (!versions.ok()) return ProblemFor(versions.status());
  const bool is_new = std::ranges::find(*versions, name, &store::Version::name) == versions->end();
  const absl::Status put = log.PutVersion(room, made, MergePayloads, replace);
  if (absl::IsAlreadyExists(put)) {
    return MakeProblem(Problem::kPreconditionFailed, "the room has a version of this name");
  }
  if (absl::IsNotFound(put)) {
    return MakeProblem(Problem::kHistoryDropped, std::string(put.message()));
  }
  if (!put.ok()) return ProblemFor(put);
  return JsonAnswer(DescribeVersion(made), is_new ? 201 : 200);
}

}  // namespace

CallResult ReadChanges(Tools& tools, const Context& call) {
  const absl::Status known = CheckParameters(call.target, {"from", "to", "limit"});
  if (!known.ok()) co_return ProblemFor(known);
  co_return co_await tools.rooms.Block<HttpAnswer>(
      [&tools, &call] { return ListChanges(tools.rooms.log(), call.room, call.target); });
}

CallResult ReadDiff(Tools& tools, const Context& call) {
  const absl::Status known = CheckParameters(call.target, {"from", "to", "format"});
  if (!known.ok()) co_return ProblemFor(known);
  const auto type = ChooseUpdateType(call.request);
  if (!type) {
    co_return MakeProblem(Problem::kNotAcceptable, "the Accept header takes no form of an update");
  }
  co_return co_await tools.rooms.Block<HttpAnswer>(
      [&tools, &call, &type] { return Diff(tools.rooms.log(), call.room, call.target, *type); });
}

CallResult ListVersions(Tools& tools, const Context& call) {
  co_return co_await tools.rooms.Block<HttpAnswer>([&tools, &call] {
    const auto versions = Versions(tools.rooms.log(), call.room);
    if (!versions.ok()) return ProblemFor(versions.status());
    std::vector<std::string> entries;
    for (const store::Version& version : *versions) entries.push_back(DescribeVersion(version));
    return JsonAnswer(JsonObject().Json("versions", JsonArray(entries)).Take());
  });
}

CallResult ReadVersion(Tools& tools, const Context& call) {
  co_return co_await tools.rooms.Block<HttpAnswer>(
      [&tools, &call] { return FindVersion(tools.rooms.log(), call.room, call.value); });
}

CallResult PutVersion(Tools& tools, const Context& call) {
  std::string_view body;
  if (call.request.body->present()) {
    std::optional<HttpAnswer> problem = co_await ReadBody(call, kMaxSmallBody, body);
    if (problem) co_return *std::move(problem);
  }
  const absl::StatusOr<Wish> wish = ParseWish(body, /*takes_note=*/true);
  if (!wish.ok()) co_return ProblemFor(wish.status());
  const bool replace = call.request.header("If-None-Match") != "*";
  store::Version made;
  LogPlace place;
  HttpAnswer answer =
      co_await tools.rooms.Block<HttpAnswer>([&tools, &call, &wish, replace, &made, &place] {
        return MakeVersion(tools.rooms.log(), call.room, call.value, *wish, replace, made, place);
      });
  if (answer.status < 300) {
    tools.watcher.OnRoomEvent(
        {.kind = RoomEvent::Kind::kVersion, .room = call.room, .head = place, .name = made.name});
  }
  co_return answer;
}

CallResult DropVersion(Tools& tools, const Context& call) {
  co_return co_await tools.rooms.Block<HttpAnswer>([&tools, &call] {
    HttpAnswer found = FindVersion(tools.rooms.log(), call.room, call.value);
    if (found.status != 200) return found;
    const absl::Status dropped = tools.rooms.log().DropVersion(call.room, call.value);
    if (absl::IsNotFound(dropped)) return NoSuchVersion(call.value);
    if (!dropped.ok()) return ProblemFor(dropped);
    HttpAnswer answer;
    answer.status = 204;
    return answer;
  });
}

CallResult Restore(Tools& tools, const Context& call) {
  std::string_view body;
  std::optional<HttpAnswer> problem = co_await ReadBody(call, kMaxSmallBody, body);
  if (problem) co_return *std::move(problem);
  const absl::StatusOr<Wish> wish = ParseWish(body, /*takes_note=*/false);
  if (!wish.ok()) co_return ProblemFor(wish.status());
  if (!wish->moment) co_return MakeProblem(Problem::kBadRequest, "the body names no moment \"at\"");
  LogPlace place;
  using Made = absl::StatusOr<crdt::Bytes>;
  Made update = co_await tools.rooms.Block<Made>([&tools, &call, &wish, &place]() -> Made {
    store::UpdateLog& log = tools.rooms.log();
    const auto sequence = FindMoment(log, call.room, *wish->moment);
    if (!sequence.ok()) return sequence.status();
    const auto info = GetRoom(log, call.room);
    if (!info.ok()) return info.status();
    place = {info->head, static_cast<std::uint64_t>(info->generation)};
    Made restoring = RestoringUpdate(log.reader(), call.room, *sequence);
    if (absl::IsNotFound(restoring.status())) {
      return absl::OutOfRangeError(std::string(restoring.status().message()));
    }
    return restoring;
  });
  if (!update.ok()) co_return ProblemFor(update.status());
  if (update->empty()) {
    co_return JsonAnswer(DescribeWritten(tools, call.room, place, /*changed=*/false));
  }
  Rooms::Submission submission{.update = *std::move(update)};
  const auto written = co_await tools.rooms.Submit(call.room, std::move(submission));
  if (!written.ok()) co_return ProblemFor(written.status(), Problem::kInternal);
  co_return JsonAnswer(DescribeWritten(tools, call.room, written->place, written->news));
}

}  // namespace weft::server::api
