#include "crdt/any.h"

#include <bit>
#include <cmath>
#include <cstddef>

namespace weft::crdt {
namespace {

bool SameNumber(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

}  // namespace

Any::Any(const Any& other) {
  if (!other.is_container()) {
    value_ = other.value_;
    return;
  }
  struct Copy {
    const Any* from;
    Any* to;
  };
  std::vector<Copy> todo = {{&other, this}};
  // A leaf is copied at once, a container when its turn comes.
  const auto copy = [&todo](const Any& from, Any& to) {
    if (from.is_container()) {
      todo.push_back({&from, &to});
    } else {
      to.value_ = from.value_;
    }
  };
  while (!todo.empty()) {
    const auto [from, to] = todo.back();
    todo.pop_back();
    if (const Array* elements = from->AsArray()) {
      Array& copies = to->value_.emplace<Array>(elements->size());
      for (std::size_t i = 0; i < copies.size(); ++i) copy((*elements)[i], copies[i]);
    } else {
      const std::vector<AnyObject::Entry>& entries = from->AsObject()->entries_;
      AnyObject& object = to->value_.emplace<AnyObject>();
      object.entries_.resize(entries.size());
      for (std::size_t i = 0; i < entries.size(); ++i) {
        object.entries_[i].first = entries[i].first;
        copy(entries[i].second, object.entries_[i].second);
      }
      object.Reindex();
    }
  }
}

Any& Any::operator=(const Any& other) { return *this = Any(other); }

void Any::TakeContainers(std::vector<Value>& taken) {
  const auto take = [&taken](Any& value) {
    if (value.is_container()) taken.push_back(std::exchange(value.value_, Value()));
  };
  if (Array* elements = std::get_if<Array>(&value_)) {
    for (Any& element : *elements) take(element);
  } else if (AnyObject* object = std::get_if<AnyObject>(&value_)) {
    for (auto& [key, value] : object->entries_) take(value);
  }
}

void Any::DestroyNested() noexcept {
  std::vector<Value> taken;
  TakeContainers(taken);
  Any next;
  while (!taken.empty()) {
    next.value_ = std::move(taken.back());
    taken.pop_back();
    next.TakeContainers(taken);
    next.value_ = Undefined{};  // Holds leaves alone by now.
  }
}

bool operator==(const Any& a, const Any& b) {
  struct Pair {
    const Any* a;
    const Any* b;
  };
  std::vector<Pair> todo;
  // Whether the two agree, but for containers of equal size, which join `todo`.
  const auto agree = [&todo](const Any& a, const Any& b) {
    if (a.value_.index() != b.value_.index()) return false;
    if (const double* number = a.AsNumber()) return SameNumber(*number, *b.AsNumber());
    if (!a.is_container()) return a.value_ == b.value_;
    const bool same_size = a.AsArray() != nullptr ? a.AsArray()->size() == b.AsArray()->size()
                                                  : a.AsObject()->size() == b.AsObject()->size();
    if (same_size) todo.push_back({&a, &b});
    return same_size;
  };
  if (!agree(a, b)) return false;
  while (!todo.empty()) {
    const Pair pair = todo.back();
    todo.pop_back();
    if (const Any::Array* elements = pair.a->AsArray()) {
      for (std::size_t i = 0; i < elements->size(); ++i) {
        if (!agree((*elements)[i], (*pair.b->AsArray())[i])) return false;
      }
    } else {
      const auto& entries = pair.a->AsObject()->entries();
      const auto& others = pair.b->AsObject()->entries();
      for (std::size_t i = 0; i < entries.size(); ++i) {
        if (entries[i].first != others[i].first) return false;
        if (!agree(entries[i].second, others[i].second)) return false;
      }
    }
  }
  return true;
}

}  // namespace weft::crdt
