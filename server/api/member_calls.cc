#include <charconv>

#include "absl/strings/str_cat.h"
#include "crdt/awareness.h"
#include "crdt/json.h"
#include "server/api/call_parts.h"
#include "server/api/calls.h"
#include "server/api/json_object.h"
#include "server/api/problem.h"
#include "server/api/room_work.h"
#include "server/durability.h"
#include "server/room_name.h"

namespace weft::server::api {
namespace {

constexpr std::size_t kMaxSmallBody = 64 << 10;
constexpr std::string_view kFrozen = "the document is frozen";

// Those of the awareness for whom the member speaks.
std::string DescribeClients(const MemberView& member, const sync::Awareness& awareness) {
  std::vector<std::string> clients;
  if (member.session) {
    for (const crdt::ClientId client : awareness.OwnedBy(*member.session)) {
      clients.push_back(std::to_string(crdt::ToNumber(client)));
    }
  }
  return JsonArray(clients);
}

using Modes = std::vector<std::pair<lease::HolderId, std::string>>;

std::string ModeOf(const Modes& modes, lease::HolderId holder) {
  for (const auto& [one, mode] : modes) {
    if (holder != lease::kNoHolder && one == holder) return '"' + mode + '"';
  }
  return "null";
}

std::string DescribeMember(const MemberView& member, const sync::Awareness& awareness,
                           const Modes& modes, std::int64_t now_ms) {
  const auto here =
      std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - member.joined);
  return JsonObject()
      .Number("member", member.id)
      .Text("subject", member.options->subject)
      .Text("address", member.options->address)
      .Text("access", member.options->access == sync::Access::kReadWrite ? "write" : "read")
      .Json("mode", ModeOf(modes, member.options->holder))
      .Text("joined", Rfc3339(now_ms - here.count()))
      .Json("clients", DescribeClients(member, awareness))
      .Take();
}

// The states of all clients, as they told them: cursors and names.
std::string DescribeAwareness(const sync::Awareness& awareness) {
  crdt::Awareness reader(crdt::ClientId{});
  std::vector<std::string> states;
  if (reader.Apply(awareness.EncodeAll(), 0).ok()) {
    for (const crdt::ClientId client : reader.Present()) {
      states.push_back(JsonObject()
                           .Number("client", crdt::ToNumber(client))
                           .Json("state", crdt::ToJsonText(*reader.Find(client)))
                           .Take());
    }
  }
  return JsonArray(states);
}

HttpAnswer Nothing() {
  HttpAnswer answer;
  answer.status = 204;
  return answer;
}

// Whether the log has it. Fails: kNotFound; as UpdateLog::FindRoom.
asio::awaitable<absl::Status> FindInLog(Tools& tools, const std::string& room) {
  co_return co_await tools.rooms.Block<absl::Status>([&tools, &room]() -> absl::Status {
    const auto info = tools.rooms.log().FindRoom(room);
    if (!info.ok()) return info.status();
    if (info->has_value()) return absl::OkStatus();
    return absl::NotFoundError(absl::StrCat("there is no room \"", PrintableName(room), "\""));
  });
}

}  // namespace

CallResult ListMembers(Tools& tools, const Context& call) {
  using Found = std::optional<absl::StatusOr<std::string>>;
  const Modes modes = ModesOf(tools, call.room);
  const Found found = co_await tools.rooms.QueryInMemory(
      call.room,
      [&modes](Room& room, sync::SharedDocument& document) -> absl::StatusOr<std::string> {
        std::vector<std::string> members;
        const std::int64_t now_ms = WallTimeMs();
        for (const MemberView& member : room.members()) {
          members.push_back(DescribeMember(member, document.awareness(), modes, now_ms));
        }
        return JsonObject()
            .Json("members", JsonArray(members))
            .Json("awareness", DescribeAwareness(document.awareness()))
            .Take();
      });
  if (!found) {
    const absl::Status logged = co_await FindInLog(tools, call.room);
    if (!logged.ok()) co_return ProblemFor(logged);
    co_return JsonAnswer("{\"members\":[],\"awareness\":[]}");
  }
  if (!found->ok()) co_return ProblemFor(found->status());
  co_return JsonAnswer(**found);
}

CallResult KickMember(Tools& tools, const Context& call) {
  std::uint64_t id = 0;
  const char* end = call.value.data() + call.value.size();
  const auto parsed = std::from_chars(call.value.data(), end, id);
  const bool is_number = parsed.ec == std::errc() && parsed.ptr == end;
  const std::size_t kicked = co_await tools.rooms.Visit<std::size_t>(
      call.room, [id, is_number](Room* room) -> std::size_t {
        if (room == nullptr || !is_number) return 0;
        return room->CloseMembers([id](const MemberView& member) { return member.id == id; },
                                  CloseCode::kForbidden, "an administrator has sent you away");
      });
  if (kicked == 0) {
    co_return MakeProblem(Problem::kNoSuchMember, "no member of the room has this number");
  }
  co_return Nothing();
}

CallResult Freeze(Tools& tools, const Context& call) {
  std::string reason(kFrozen);
  if (call.request.body->present()) {
    std::string_view body;
    std::optional<HttpAnswer> problem = co_await ReadBody(call, kMaxSmallBody, body);
    if (problem) co_return *std::move(problem);
    const absl::StatusOr<crdt::Any> json = ParseBody(body);
    if (!json.ok()) co_return ProblemFor(json.status());
    const crdt::Any* text = json->AsObject()->Find("reason");
    if (json->AsObject()->size() > 1 || text == nullptr || text->AsString() == nullptr) {
      co_return MakeProblem(Problem::kBadRequest, "the body is {\"reason\": text} or absent");
    }
    reason = *text->AsString();
  }
  const std::optional<Rooms::InMemory> memory = co_await tools.rooms.Look(call.room);
  if (!memory || memory->members == 0) {
    const absl::Status logged = co_await FindInLog(tools, call.room);
    if (!logged.ok()) co_return ProblemFor(logged);
  }
  const absl::Status done =
      co_await tools.rooms.VisitMade(call.room, [&reason](Room& room) { room.Freeze(reason); });
  if (!done.ok()) co_return ProblemFor(done);
  co_return Nothing();
}

CallResult Unfreeze(Tools& tools, const Context& call) {
  const bool here = co_await tools.rooms.Visit<bool>(call.room, [](Room* room) {
    if (room != nullptr) room->Unfreeze();
    return room != nullptr;
  });
  if (!here) {
    const absl::Status logged = co_await FindInLog(tools, call.room);
    if (!logged.ok()) co_return ProblemFor(logged);
  }
  co_return Nothing();
}

}  // namespace weft::server::api
