#include <charconv>

#include "server/api/call_parts.h"
#include "server/api/calls.h"
#include "server/api/problem.h"
#include "server/api/room_work.h"

namespace weft::server::api {
namespace {

constexpr std::size_t kMaxSmallBody = 64 << 10;

Asker AskerOf(const Context& call) {
  return {.room = call.room,
          .subject = call.rights->Subject(),
          .connection = lease::kNoHolder,
          .lease = std::string(call.request.header("Weft-Lease"))};
}

// A call without parameters or a body.
CallResult Ask(Tools& tools, const Context& call, CallResult (*work)(Tools&, const Asker&)) {
  const absl::Status known = CheckParameters(call.target, {});
  if (!known.ok()) co_return ProblemFor(known);
  const Asker asker = AskerOf(call);
  co_return co_await work(tools, asker);
}

HttpAnswer Nothing() {
  HttpAnswer answer;
  answer.status = 204;
  return answer;
}

}  // namespace

CallResult ListModes(Tools& tools, const Context& call) { return Ask(tools, call, ShowModes); }

CallResult PostMode(Tools& tools, const Context& call) {
  const absl::Status known = CheckParameters(call.target, {});
  if (!known.ok()) co_return ProblemFor(known);
  const Asker asker = AskerOf(call);
  co_return co_await TakeMode(tools, asker, call.value);
}

// With the token of a lease: leaves its mode. Without one: sends people out of it.
CallResult DropMode(Tools& tools, const Context& call) {
  const absl::Status known = CheckParameters(call.target, {"holder"});
  if (!known.ok()) co_return ProblemFor(known);
  if (tools.modes.rules().Find(call.value) == nullptr) {
    co_return MakeProblem(Problem::kNoSuchMode, "there is no such mode here (--modes)");
  }
  const Asker asker = AskerOf(call);
  if (!asker.lease.empty()) {
    const lease::HolderId holder = tools.modes.HolderOf(call.room, asker.lease, asker.subject);
    if (holder == lease::kNoHolder || tools.modes.Evict(call.room, call.value, holder) == 0) {
      co_return MakeProblem(Problem::kNoSuchHolder, "this is no lease of the mode (any more)");
    }
    co_return Nothing();
  }
  if (call.rights->In(call.room) < Right::kAdmin) {
    co_return MakeProblem(Problem::kForbidden,
                          "without the token of a lease this sends others out of their mode, which "
                          "needs the right to administrate");
  }
  std::optional<lease::HolderId> holder;
  if (const auto text = call.target.Parameter("holder")) {
    std::uint64_t number = 0;
    const auto parsed = std::from_chars(text->data(), text->data() + text->size(), number);
    if (parsed.ec != std::errc() || parsed.ptr != text->data() + text->size()) {
      co_return MakeProblem(Problem::kBadRequest, "holder= wants the number of a holder");
    }
    holder = number;
  }
  if (tools.modes.Evict(call.room, call.value, holder) == 0) {
    co_return MakeProblem(Problem::kNoSuchHolder, "nobody like this is in the mode");
  }
  co_return Nothing();
}

CallResult ReadDraft(Tools& tools, const Context& call) { return Ask(tools, call, ShowDraft); }

CallResult PostPublish(Tools& tools, const Context& call) {
  const absl::Status known = CheckParameters(call.target, {});
  if (!known.ok()) co_return ProblemFor(known);
  std::string_view body;
  if (call.request.body->present()) {
    std::optional<HttpAnswer> problem = co_await ReadBody(call, kMaxSmallBody, body);
    if (problem) co_return *std::move(problem);
  }
  const Asker asker = AskerOf(call);
  co_return co_await PublishDraft(tools, asker, body);
}

CallResult DropDraft(Tools& tools, const Context& call) { return Ask(tools, call, DiscardDraft); }

}  // namespace weft::server::api
