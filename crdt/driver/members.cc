#include "crdt/driver/members.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crdt/value_language.h"

namespace weft::crdt::driver {
namespace {

const Any kNothing;
const Any::Array kNoElements;
const AnyObject kNoMembers;

}  // namespace

absl::Status Refuse(std::string_view reason) {
  return absl::InvalidArgumentError(std::string(reason));
}

std::optional<std::uint64_t> AsCount(const Any& json) {
  const double* number = json.AsNumber();
  if (number == nullptr || !(*number >= 0 && *number <= static_cast<double>(kMaxSafeInteger)) ||
      *number != std::floor(*number)) {
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(*number);
}

Members::Members(const Any& object) : object_(object.AsObject()) {
  if (object_ == nullptr) Fail(absl::InvalidArgumentError("an object is expected"));
}

void Members::Fail(absl::Status status) {
  if (ok()) status_ = std::move(status);
}

void Members::Want(std::string_view name, std::string_view what) {
  const bool missing = Find(name) == nullptr;
  Fail(absl::InvalidArgumentError(
      absl::StrCat("\"", std::string(name),
                   missing ? "\" is missing: " : "\" is something else than ", std::string(what))));
}

const Any* Members::Find(std::string_view name) const {
  const Any* member = object_ == nullptr ? nullptr : object_->Find(name);
  return member == nullptr || member->is_null() ? nullptr : member;
}

const Any& Members::Get(std::string_view name) {
  const Any* member = object_ == nullptr ? nullptr : object_->Find(name);
  if (member == nullptr) Want(name, "a value");
  return member == nullptr ? kNothing : *member;
}

std::string_view Members::String(std::string_view name) {
  const Any* member = Find(name);
  if (member != nullptr && member->AsString() != nullptr) return *member->AsString();
  Want(name, "a string");
  return {};
}

std::uint64_t Members::Count(std::string_view name) {
  const Any* member = Find(name);
  const std::optional<std::uint64_t> count = member == nullptr ? std::nullopt : AsCount(*member);
  if (!count) Want(name, "an integer that is not negative");
  return count.value_or(0);
}

const Any::Array& Members::List(std::string_view name) {
  const Any* member = Find(name);
  if (member != nullptr && member->AsArray() != nullptr) return *member->AsArray();
  Want(name, "an array");
  return kNoElements;
}

const AnyObject& Members::Object(std::string_view name) {
  const Any* member = Find(name);
  if (member != nullptr && member->AsObject() != nullptr) return *member->AsObject();
  Want(name, "an object");
  return kNoMembers;
}

Bytes Members::Base64(std::string_view name) {
  absl::StatusOr<Bytes> bytes = FromBase64(String(name));
  if (!bytes.ok()) Fail(bytes.status());
  return bytes.ok() ? *std::move(bytes) : Bytes();
}

Any Members::Value(std::string_view name) {
  absl::StatusOr<Any> value = FromLanguage(Get(name));
  if (!value.ok()) Fail(value.status());
  return value.ok() ? *std::move(value) : Any();
}

std::uint64_t Members::CountOr(std::string_view name, std::uint64_t otherwise) {
  return Has(name) ? Count(name) : otherwise;
}

std::int64_t Members::IntegerOr(std::string_view name, std::int64_t otherwise) {
  const Any* member = Find(name);
  if (member == nullptr) return otherwise;
  const double* number = member->AsNumber();
  if (number == nullptr || std::abs(*number) > static_cast<double>(kMaxSafeInteger) ||
      *number != std::floor(*number)) {
    Want(name, "an integer");
    return otherwise;
  }
  return static_cast<std::int64_t>(*number);
}

bool Members::FlagOr(std::string_view name, bool otherwise) {
  const Any* member = Find(name);
  if (member == nullptr) return otherwise;
  if (member->AsBool() == nullptr) Want(name, "true or false");
  return member->AsBool() != nullptr && *member->AsBool();
}

std::string_view Members::StringOr(std::string_view name, std::string_view otherwise) {
  return Has(name) ? String(name) : otherwise;
}

UpdateFormat Members::Format(std::string_view name) {
  const std::uint64_t version = CountOr(name, 1);
  if (version != 1 && version != 2) Want(name, "the update format 1 or 2");
  return version == 2 ? UpdateFormat::kV2 : UpdateFormat::kV1;
}

}  // namespace weft::crdt::driver
