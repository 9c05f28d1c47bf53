#include <charconv>

#include "absl/strings/str_cat.h"
#include "crdt/update_merge.h"
#include "server/api/call_parts.h"
#include "server/api/calls.h"
#include "server/api/document.h"
#include "server/api/json_object.h"
#include "server/api/problem.h"
#include "server/percent.h"
#include "server/room_name.h"

namespace weft::server::api {
namespace {

// The update in a body, as format v1. Converting may block.
absl::StatusOr<crdt::Bytes> DecodeUpdateBody(const Context& call, std::string_view body) {
  const auto format = FormatOf(call.target, call.request.header("Content-Type"));
  if (!format.ok()) return format.status();
  const crdt::ByteView bytes = crdt::AsBytes(body);
  if (*format == crdt::UpdateFormat::kV1) return crdt::Bytes(bytes.begin(), bytes.end());
  return crdt::ConvertUpdate(bytes, *format, crdt::UpdateFormat::kV1);
}

using Written = absl::StatusOr<Room::Submitted>;

// Reads an update and gives it to the room.
asio::awaitable<std::optional<HttpAnswer>> WriteUpdate(Tools& tools, const Context& call,
                                                       bool only_new, Written& written) {
  const absl::Status known = CheckParameters(call.target, {"format"});
  if (!known.ok()) co_return ProblemFor(known);
  const auto format = FormatOf(call.target, call.request.header("Content-Type"));
  if (!format.ok()) co_return ProblemFor(format.status());
  std::string_view body;
  std::optional<HttpAnswer> problem = co_await ReadBody(call, call.request.update_bytes, body);
  if (problem) co_return problem;
  using Decoded = absl::StatusOr<crdt::Bytes>;
  Decoded update =
      co_await tools.rooms.Block<Decoded>([&call, &body] { return DecodeUpdateBody(call, body); });
  if (!update.ok()) co_return ProblemFor(update.status(), Problem::kMalformedUpdate);
  Rooms::Submission submission{.update = *std::move(update), .only_new = only_new};
  written = co_await tools.rooms.Submit(call.room, std::move(submission));
  if (absl::IsAlreadyExists(written.status())) co_return std::nullopt;
  if (!written.ok()) co_return ProblemFor(written.status(), Problem::kMalformedUpdate);
  co_return std::nullopt;
}

// Does the edit of a body and answers.
asio::awaitable<HttpAnswer> DoEdit(Tools& tools, const Context& call, std::string_view body,
                                   std::optional<crdt::ClientId> client) {
  absl::StatusOr<Rooms::State> state = co_await tools.rooms.Read(call.room);
  if (absl::IsNotFound(state.status())) {
    state = Rooms::State{.update = {0, 0}, .place = {}};  // its first edit makes a room
  }
  if (!state.ok()) co_return ProblemFor(state.status());
  using Made = absl::StatusOr<Edited>;
  Problem invalid = Problem::kBadRequest;
  Made edited = co_await tools.rooms.Block<Made>([&state, &body, &invalid, client]() -> Made {
    const absl::StatusOr<crdt::Any> json = ParseBody(body);
    if (!json.ok()) return json.status();
    const crdt::Any* actions = json->AsObject()->Find("actions");
    if (actions == nullptr || actions->AsArray() == nullptr || json->AsObject()->size() != 1) {
      return absl::InvalidArgumentError("the body is {\"actions\": [...]} and nothing else");
    }
    invalid = Problem::kCannotBeDone;
    return MakeEdit(state->update, *actions->AsArray(), client);
  });
  if (!edited.ok()) co_return ProblemFor(edited.status(), invalid);
  if (edited->update.empty()) {
    co_return JsonAnswer(DescribeWritten(tools, call.room, state->place, edited->repeated));
  }
  Rooms::Submission submission{.update = std::move(edited->update)};
  const Written written = co_await tools.rooms.Submit(call.room, std::move(submission));
  if (!written.ok()) co_return ProblemFor(written.status(), Problem::kInternal);
  co_return JsonAnswer(DescribeWritten(tools, call.room, written->place, written->news));
}

std::optional<store::Generation> ParseGeneration(std::string_view text) {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number, 16);
  if (text.size() != 16 || parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return store::Generation{number};
}

}  // namespace

CallResult SeedRoom(Tools& tools, const Context& call) {
  const absl::Status name = CheckRoomName(call.room);
  if (!name.ok()) co_return ProblemFor(name);
  Written written = absl::UnknownError("");
  std::optional<HttpAnswer> problem = co_await WriteUpdate(tools, call, /*only_new=*/true, written);
  if (problem) co_return *std::move(problem);
  if (!written.ok()) {
    co_return MakeProblem(Problem::kRoomExists, "the room has content already; it stays as it is");
  }
  if (!written->news) {
    co_return MakeProblem(Problem::kCannotBeDone, "the update is empty, which makes no room");
  }
  HttpAnswer answer = JsonAnswer(DescribeWritten(tools, call.room, written->place, true), 201);
  answer.headers += "Location: /api/rooms/" + EncodePercent(call.room) + "\r\n";
  co_return answer;
}

CallResult PostUpdate(Tools& tools, const Context& call) {
  Written written = absl::UnknownError("");
  std::optional<HttpAnswer> problem =
      co_await WriteUpdate(tools, call, /*only_new=*/false, written);
  if (problem) co_return *std::move(problem);
  co_return JsonAnswer(DescribeWritten(tools, call.room, written->place, written->news));
}

CallResult PostEdits(Tools& tools, const Context& call) {
  const absl::Status known = CheckParameters(call.target, {});
  if (!known.ok()) co_return ProblemFor(known);
  std::string_view body;
  std::optional<HttpAnswer> problem = co_await ReadBody(call, call.request.update_bytes, body);
  if (problem) co_return *std::move(problem);
  const std::string key(call.request.header("Idempotency-Key"));
  if (key.empty()) co_return co_await DoEdit(tools, call, body, std::nullopt);
  if (key.size() > IdempotencyTable::kMaxKeyBytes) {
    co_return MakeProblem(Problem::kBadRequest, "an Idempotency-Key has at most 255 bytes");
  }
  const std::uint64_t fingerprint = crdt::StringHash{}(body);
  IdempotencyTable::Found found =
      tools.keys.Begin(call.room, key, fingerprint, std::chrono::steady_clock::now());
  switch (found.verdict) {
    case IdempotencyTable::Verdict::kDone:
      co_return std::move(found.answer);
    case IdempotencyTable::Verdict::kRunning:
      co_return MakeProblem(Problem::kStillRunning,
                            "the first request with this key is not answered yet; ask again");
    case IdempotencyTable::Verdict::kOther:
      co_return MakeProblem(Problem::kKeyReused, "this key came with another body before");
    case IdempotencyTable::Verdict::kNew:
      break;
  }
  HttpAnswer answer = co_await DoEdit(tools, call, body, KeyedClient(call.room, key));
  if (answer.status < 300) {
    tools.keys.Finish(call.room, key, answer);
  } else {
    tools.keys.Abandon(call.room, key);
  }
  co_return answer;
}

// The members go first, so that what they have under way is not refused as that of another history; who
// comes in between is in no room of the log and is sent away as well.
CallResult DeleteRoom(Tools& tools, const Context& call) {
  const absl::Status known = CheckParameters(call.target, {"generation"});
  if (!known.ok()) co_return ProblemFor(known);
  store::Generation generation{};
  if (const auto text = call.target.Parameter("generation")) {
    const auto parsed = ParseGeneration(*text);
    if (!parsed) {
      co_return MakeProblem(Problem::kBadRequest, "generation= wants 16 hexadecimal digits");
    }
    generation = *parsed;
  }
  using Found = absl::StatusOr<std::optional<store::RoomInfo>>;
  const Found info = co_await tools.rooms.Block<Found>(
      [&tools, &call] { return tools.rooms.log().FindRoom(call.room); });
  if (!info.ok()) co_return ProblemFor(info.status());
  if (!*info) {
    co_return MakeProblem(Problem::kNoSuchRoom,
                          absl::StrCat("there is no room \"", PrintableName(call.room), "\""));
  }
  if (generation == store::Generation{}) generation = (*info)->generation;
  const auto reset = [](Room* room) {
    if (room != nullptr) room->Reset(CloseCode::kRoomDeleted, "the room was deleted");
    return true;
  };
  absl::Status deleted = absl::OkStatus();
  if (generation == (*info)->generation) {
    co_await tools.rooms.Visit<bool>(call.room, reset);
    deleted = co_await tools.rooms.Block<absl::Status>(
        [&tools, &call, generation] { return tools.drafts.DeleteRoom(call.room, generation); });
  } else {
    deleted = absl::FailedPreconditionError(
        absl::StrCat("the room has generation ",
                     GenerationText(static_cast<std::uint64_t>((*info)->generation))));
  }
  if (absl::IsFailedPrecondition(deleted)) {
    co_return MakeProblem(Problem::kAnotherGeneration, std::string(deleted.message()));
  }
  if (!deleted.ok()) co_return ProblemFor(deleted);
  co_await tools.rooms.Visit<bool>(call.room, reset);
  tools.watcher.OnRoomEvent({.kind = RoomEvent::Kind::kDeleted,
                             .room = call.room,
                             .head = {(*info)->head, static_cast<std::uint64_t>(generation)}});
  HttpAnswer answer;
  answer.status = 204;
  co_return answer;
}

}  // namespace weft::server::api
