#include "server/script/json_place.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crdt/base/bytes.h"
#include "crdt/base/utf.h"

namespace weft::server::script {

void JsonPlace::Tell(std::string_view what) const {
  problems_->push_back((path_.empty() ? "the file" : path_) + " " + std::string(what));
}

JsonPlace JsonPlace::Member(std::string_view name) const {
  const crdt::AnyObject* object = AsObject();
  std::string path =
      path_.empty() ? std::string(name) : absl::StrCat(path_, ".", std::string(name));
  return {object == nullptr ? nullptr : object->Find(name), std::move(path), *problems_};
}

std::vector<JsonPlace> JsonPlace::Elements(bool required) const {
  std::vector<JsonPlace> elements;
  if (is_absent()) {
    if (required) Tell("is missing");
    return elements;
  }
  const crdt::Any::Array* array = value_->AsArray();
  if (array == nullptr) {
    Tell("is no list");
    return elements;
  }
  elements.reserve(array->size());
  for (std::size_t i = 0; i < array->size(); ++i) {
    elements.push_back(JsonPlace(&(*array)[i], absl::StrCat(path_, "[", i, "]"), *problems_));
  }
  return elements;
}

const crdt::AnyObject* JsonPlace::AsObject() const {
  return value_ == nullptr ? nullptr : value_->AsObject();
}

bool JsonPlace::ExpectObject(std::initializer_list<std::string_view> names) const {
  const crdt::AnyObject* object = AsObject();
  if (object == nullptr) {
    Tell(value_ == nullptr ? "is missing" : "is no object");
    return false;
  }
  for (const auto& [name, value] : object->entries()) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      Member(name).Tell("is no member that is known here");
    }
  }
  return true;
}

std::string JsonPlace::Text() const {
  const std::string* text = value_ == nullptr ? nullptr : value_->AsString();
  if (text == nullptr) {
    Tell(value_ == nullptr ? "is missing" : "is no text");
    return {};
  }
  if (!crdt::IsValidUtf8(*text)) {
    Tell("has half of a surrogate pair");
    return {};
  }
  return *text;
}

std::string JsonPlace::TextOr(std::string_view otherwise) const {
  return is_absent() ? std::string(otherwise) : Text();
}

bool JsonPlace::BoolOr(bool otherwise) const {
  if (is_absent()) return otherwise;
  const bool* value = value_->AsBool();
  if (value == nullptr) Tell("is neither true nor false");
  return value == nullptr ? otherwise : *value;
}

std::uint64_t JsonPlace::Id() const {
  if (is_absent()) {
    Tell("is missing");
    return 0;
  }
  return OptionalId().value_or(0);
}

std::optional<std::uint64_t> JsonPlace::OptionalId() const {
  const std::optional<std::uint64_t> id = OptionalInteger(crdt::kMaxSafeInteger);
  if (id && *id == 0) {
    Tell("is no id: ids are positive integers");
    return std::nullopt;
  }
  return id;
}

std::optional<std::uint64_t> JsonPlace::OptionalInteger(std::uint64_t most) const {
  if (is_absent()) return std::nullopt;
  const double* number = value_->AsNumber();
  if (number == nullptr || *number < 0 || std::trunc(*number) != *number ||
      *number > static_cast<double>(most)) {
    Tell(absl::StrCat("is no integer of 0 to ", most));
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(*number);
}

}  // namespace weft::server::script
