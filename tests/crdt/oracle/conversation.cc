#include "tests/crdt/oracle/conversation.h"

#include <cstdio>
#include <optional>
#include <utility>

#include "crdt/base/check.h"
#include "crdt/json.h"
#include "tests/crdt/oracle/driver_values.h"

namespace weft::crdt::oracle {
namespace {

constexpr std::size_t kReplyDepth = 4096;

// Equal for replies that mean the same.
std::string Canonical(const std::string& reply) {
  const std::optional<Any> json = ParseJson(reply, kReplyDepth);
  if (!json) return reply;
  const AnyObject* object = json->AsObject();
  if (object != nullptr && object->Find("error") != nullptr) return "error";
  return CanonicalJson(*json);
}

// Base64 members of a reply as hexadecimal, for people.
std::string Readable(const std::string& reply) {
  const std::optional<Any> json = ParseJson(reply, kReplyDepth);
  std::string text = reply;
  if (!json || json->AsObject() == nullptr) return text;
  for (const char* member : {"update", "sv", "snapshot", "position"}) {
    const Any* value = json->AsObject()->Find(member);
    if (value == nullptr || value->AsString() == nullptr) continue;
    text += std::string("\n      ") + member + " " + ToHex(FromBase64(*value->AsString()));
  }
  return text;
}

}  // namespace

// Yjs remembers the conversation before; client ids that are made up must be the same.
Conversation::Conversation(YjsProcess& yjs, bool trace) : yjs_(yjs), trace_(trace) {
  Ask(R"({"op":"reset"})");
  Ask(R"({"op":"seed","clientID":600000000})");
  first_ = exchanges_.size();
}

const std::string& Conversation::Ask(std::string request) {
  if (trace_) std::fprintf(stderr, "%s\n", request.c_str());
  yjs_.SendLine(request);
  std::string reply = driver_.Answer(request);
  return exchanges_.emplace_back(std::move(request), std::move(reply)).weft;
}

Any Conversation::AskObject(const AnyObject& request) {
  std::optional<Any> reply = ParseJson(Ask(ToJsonText(request)), kReplyDepth);
  CHECK(reply.has_value() && reply->AsObject() != nullptr);
  return *std::move(reply);
}

std::vector<std::string> Conversation::Requests() const {
  std::vector<std::string> requests;
  for (std::size_t i = first_; i < exchanges_.size(); ++i) {
    requests.push_back(exchanges_[i].request);
  }
  return requests;
}

absl::StatusOr<std::string> Conversation::FirstDifference() {
  std::string difference;
  for (const Exchange& exchange : exchanges_) {
    const absl::StatusOr<std::string> yjs = yjs_.ReceiveLine();
    if (!yjs.ok()) return yjs.status();
    if (!difference.empty() || *yjs == exchange.weft) continue;
    if (Canonical(*yjs) == Canonical(exchange.weft)) continue;
    difference = exchange.request + "\nYjs:  " + Readable(*yjs) +
                 "\nweft: " + Readable(exchange.weft) + "\n";
  }
  exchanges_.clear();
  return difference;
}

}  // namespace weft::crdt::oracle
