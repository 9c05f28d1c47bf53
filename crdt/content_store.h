#pragma once

// What items hold beside text: values, formats, subdocuments and nested types, in slots that an
// Item::content names.
// Threads: one.

#include <cstdint>
#include <deque>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "crdt/any.h"
#include "crdt/base/allocated.h"
#include "crdt/item.h"

namespace weft::crdt {
class Doc;
}

namespace weft::crdt::internal {

// The value of an attribute of text. Shared: Yjs compares objects by identity, so a value that was
// taken over from one mark into another has to stay the same value. Never null.
using FormatValue = std::shared_ptr<const Any>;

// A formatting boundary of a text: from here on `key` has `value`; null ends it.
struct Format {
  KeyRef key = kNoKey;
  FormatValue value;
};

// A document inside a document: its id and options, as the format carries them, and what is known
// of it here.
struct SubdocumentContent {
  std::string guid;
  Any options;
  bool should_load = false;
  std::shared_ptr<Doc> doc = nullptr;  // once somebody asked for it
};

// kAny and kJson: one value an element. kBinary and kEmbed: one value.
using Values = std::vector<Any>;

class ContentStore {
 public:
  // A single value stands in its slot; subdocuments, which are rare and large, elsewhere.
  using Slot =
      std::variant<std::monostate, Any, Values, Format, std::unique_ptr<SubdocumentContent>>;
  static_assert(sizeof(Slot) == 48);

  std::uint32_t AddValue(Any value) { return Add(Slot(std::in_place_type<Any>, std::move(value))); }
  // Requires: not empty.
  std::uint32_t AddValues(Values values) {
    if (values.size() == 1) return AddValue(std::move(values.front()));
    return Add(Slot(std::move(values)));
  }
  std::uint32_t AddFormat(Format format) { return Add(Slot(std::move(format))); }
  std::uint32_t AddSubdocument(SubdocumentContent content) {
    return Add(Slot(std::make_unique<SubdocumentContent>(std::move(content))));
  }

  void Free(std::uint32_t slot) {
    slots_[slot] = std::monostate{};
    free_.push_back(slot);
  }

  std::size_t table_bytes() const { return Allocated(slots_) + Allocated(free_); }
  template <typename Visit>
  void ForEach(const Visit& visit) const {
    for (const Slot& slot : slots_) visit(slot);
  }

  std::span<const Any> values(std::uint32_t slot) const {
    const Any* single = std::get_if<Any>(&slots_[slot]);
    return single != nullptr ? std::span(single, 1) : std::get<Values>(slots_[slot]);
  }
  // Takes the values from `offset` on out, and returns the slot that they go to. Requires: some are
  // on either side.
  std::uint32_t CutValues(std::uint32_t slot, std::size_t offset) {
    Values& values = std::get<Values>(slots_[slot]);
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(offset);
    Values tail(std::make_move_iterator(middle), std::make_move_iterator(values.end()));
    values.erase(middle, values.end());
    return AddValues(std::move(tail));
  }
  // The values of `right`, which is freed, go behind those of `left`.
  void JoinValues(std::uint32_t left, std::uint32_t right) {
    if (Any* single = std::get_if<Any>(&slots_[left])) {
      Values values;
      values.push_back(std::move(*single));
      slots_[left] = std::move(values);
    }
    Values& target = std::get<Values>(slots_[left]);
    if (Any* single = std::get_if<Any>(&slots_[right])) {
      target.push_back(std::move(*single));
    } else {
      Values& source = std::get<Values>(slots_[right]);
      target.insert(target.end(), std::make_move_iterator(source.begin()),
                    std::make_move_iterator(source.end()));
    }
    Free(right);
  }
  const Format& format(std::uint32_t slot) const { return std::get<Format>(slots_[slot]); }
  SubdocumentContent& subdocument(std::uint32_t slot) {
    return *std::get<std::unique_ptr<SubdocumentContent>>(slots_[slot]);
  }
  const SubdocumentContent& subdocument(std::uint32_t slot) const {
    return *std::get<std::unique_ptr<SubdocumentContent>>(slots_[slot]);
  }

 private:
  std::uint32_t Add(Slot content) {
    if (free_.empty()) {
      slots_.push_back(std::move(content));
      return static_cast<std::uint32_t>(slots_.size() - 1);
    }
    const std::uint32_t slot = free_.back();
    free_.pop_back();
    slots_[slot] = std::move(content);
    return slot;
  }

  std::deque<Slot> slots_;
  std::vector<std::uint32_t> free_;
};

}  // namespace weft::crdt::internal
