#include "server/script/wire_message.h"

#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "crdt/json.h"

namespace weft::server::script {

using crdt::Any;
using crdt::AnyObject;

namespace {

constexpr double kMaxSafeInteger = 9007199254740991.0;

const Any* Member(const Any& data, std::string_view name) {
  const AnyObject* const object = data.AsObject();
  return object == nullptr ? nullptr : object->Find(name);
}

}  // namespace

std::string_view ClientMessage::Text(std::string_view name) const {
  const Any* const member = Member(data, name);
  const std::string* const text = member == nullptr ? nullptr : member->AsString();
  return text == nullptr ? std::string_view() : *text;
}

std::optional<std::uint64_t> ClientMessage::Number(std::string_view name) const {
  const Any* const member = Member(data, name);
  const double* const number = member == nullptr ? nullptr : member->AsNumber();
  if (number == nullptr || !(*number >= 0 && *number <= kMaxSafeInteger)) return std::nullopt;
  const auto whole = static_cast<std::uint64_t>(*number);
  if (static_cast<double>(whole) != *number) return std::nullopt;
  return whole;
}

bool ClientMessage::Flag(std::string_view name) const {
  const Any* const member = Member(data, name);
  const bool* const flag = member == nullptr ? nullptr : member->AsBool();
  return flag != nullptr && *flag;
}

absl::StatusOr<ClientMessage> ParseClientMessage(std::string_view text) {
  const std::optional<Any> parsed = crdt::ParseJson(text, kMaxWireDepth);
  if (!parsed) return absl::InvalidArgumentError("the message is no JSON, or nested too deep");
  const AnyObject* const object = parsed->AsObject();
  if (object == nullptr) return absl::InvalidArgumentError("the message is no JSON object");
  const Any* const op = object->Find("OP");
  if (op == nullptr || op->AsString() == nullptr) {
    return absl::InvalidArgumentError("the message has no OP");
  }
  ClientMessage message{.op = *op->AsString(), .data = {}};
  if (const Any* const data = object->Find("DATA")) message.data = *data;
  return message;
}

std::string OperationMessage(std::string_view op, const Any& data) {
  return crdt::ToJsonText(AnyObject{{"OP", op}, {"DATA", data}});
}

std::string ActionMessage(std::string_view action, AnyObject data) {
  return crdt::ToJsonText(AnyObject{{"OP", "NOOP"}, {"ACTION", action}, {"DATA", std::move(data)}});
}

std::string ToBase64(crdt::ByteView bytes) {
  const std::string_view text = crdt::AsText(bytes);
  return absl::Base64Escape(absl::string_view(text.data(), text.size()));
}

absl::StatusOr<crdt::Bytes> FromBase64(std::string_view text) {
  std::string bytes;
  if (!absl::Base64Unescape(absl::string_view(text.data(), text.size()), &bytes)) {
    return absl::InvalidArgumentError("the payload is no base64");
  }
  return crdt::Bytes(bytes.begin(), bytes.end());
}

}  // namespace weft::server::script
