#pragma once

// A value of a JSON file and where it stands in it, for readers that tell everything that is wrong:
// what is not as it should be is told with its path ("shows[0].acts[2].name"), and reads as nothing.
// Threads: one. Ownership: the value and the list outlive it.

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/any.h"

namespace weft::server::script {

class JsonPlace {
 public:
  // The file itself.
  JsonPlace(const crdt::Any& value, std::vector<std::string>& problems)
      : JsonPlace(&value, "", problems) {}

  const std::string& path() const { return path_; }
  void Tell(std::string_view what) const;

  // Neither there nor null.
  bool is_absent() const { return value_ == nullptr || value_->is_null(); }
  // The value of a member; absent where there is none. Requires of the file: ExpectObject.
  JsonPlace Member(std::string_view name) const;
  // The elements of a list. What is absent has none, and is told when it is `required`.
  std::vector<JsonPlace> Elements(bool required = false) const;

  // Whether it is an object. Members with other names than these are told.
  bool ExpectObject(std::initializer_list<std::string_view> names) const;
  const crdt::AnyObject* AsObject() const;

  // Told, and empty, where it is no text or absent.
  std::string Text() const;
  std::string TextOr(std::string_view otherwise) const;
  bool BoolOr(bool otherwise) const;
  // Told, and 0, unless it is an id: a positive integer that JavaScript can hold.
  std::uint64_t Id() const;
  // None where it is absent.
  std::optional<std::uint64_t> OptionalId() const;
  // None where it is absent. Told unless it is an integer of 0 … `most`.
  std::optional<std::uint64_t> OptionalInteger(std::uint64_t most) const;

 private:
  JsonPlace(const crdt::Any* value, std::string path, std::vector<std::string>& problems)
      : value_(value), path_(std::move(path)), problems_(&problems) {}

  const crdt::Any* value_;
  std::string path_;
  std::vector<std::string>* problems_;
};

}  // namespace weft::server::script
