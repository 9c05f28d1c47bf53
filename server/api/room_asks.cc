// What members ask: the calls of room_work.h by their verbs.

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/api/api.h"
#include "server/api/call_parts.h"
#include "server/api/problem.h"
#include "server/api/room_work.h"
#include "sync/weft_v1.h"

namespace weft::server::api {
namespace {

// The text at `name`; empty without one. Fails: kInvalidArgument when it is something else.
absl::StatusOr<std::string> TextAt(const crdt::Any& object, std::string_view name) {
  const crdt::Any* const value = object.AsObject()->Find(name);
  if (value == nullptr) return std::string();
  if (const std::string* const text = value->AsString()) return *text;
  return absl::InvalidArgumentError(absl::StrCat("\"", std::string(name), "\" is no text"));
}

constexpr std::string_view kWriting[] = {"take-mode", "leave-mode", "publish", "discard"};

asio::awaitable<HttpAnswer> AnswerAsk(Tools& tools, const RoomCalls::Asking& asking) {
  if (!asking.may_write && std::ranges::find(kWriting, asking.verb) != std::end(kWriting)) {
    co_return MakeProblem(Problem::kForbidden, "this member may read but not write");
  }
  Asker asker{
      .room = asking.room, .subject = asking.subject, .connection = asking.holder, .lease = {}};
  if (asking.verb == "publish") co_return co_await PublishDraft(tools, asker, asking.arguments);
  const absl::StatusOr<crdt::Any> arguments =
      ParseBody(asking.arguments.empty() ? "{}" : asking.arguments);
  if (!arguments.ok()) co_return ProblemFor(arguments.status());
  const absl::StatusOr<std::string> mode = TextAt(*arguments, "mode");
  if (!mode.ok()) co_return ProblemFor(mode.status());
  const absl::StatusOr<std::string> lease = TextAt(*arguments, "lease");
  if (!lease.ok()) co_return ProblemFor(lease.status());
  asker.lease = *lease;
  if (asking.verb == "modes") co_return co_await ShowModes(tools, asker);
  if (asking.verb == "members") co_return co_await ShowPeople(tools, asker);
  if (asking.verb == "draft") co_return co_await ShowDraft(tools, asker);
  if (asking.verb == "take-mode") co_return co_await TakeMode(tools, asker, *mode);
  if (asking.verb == "leave-mode") co_return co_await LeaveMode(tools, asker);
  if (asking.verb == "discard") co_return co_await DiscardDraft(tools, asker);
  co_return MakeProblem(Problem::kNoSuchPath,
                        "there are modes, take-mode, leave-mode, members, draft, publish and "
                        "discard to be asked for");
}

asio::awaitable<void> AnswerTo(Tools& tools, RoomCalls::Asking asking, RoomCalls::Done done) {
  HttpAnswer given = co_await AnswerAsk(tools, asking);
  if (given.text.size() > sync::weft_v1::kMaxAnswerBytes) {
    given = MakeProblem(Problem::kTooLarge, "the answer is longer than a message may be");
  }
  done({.status = given.status, .text = std::move(given.text)});
}

}  // namespace

std::uint64_t Api::NewHolder() { return services_.modes.NewHolder(); }

void Api::EndHolder(const std::string& room, std::uint64_t holder) {
  services_.modes.Drop(room, holder, std::chrono::steady_clock::now());
}

void Api::Ask(Asking asking, asio::any_io_executor executor, Done done) {
  asio::co_spawn(executor, AnswerTo(tools_, std::move(asking), std::move(done)), asio::detached);
}

std::shared_ptr<void> Api::Listen(const std::string& room, Hear hear) {
  return services_.listeners.Listen(room, std::move(hear));
}

}  // namespace weft::server::api
