#pragma once

// What items hold beside text: values, formats, subdocuments and nested types, in slots that an
// Item::content names.
// Threads: one.

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
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
  using Slot = std::variant<std::monostate, Values, Format, SubdocumentContent>;

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

  void Free(std::uint32_t slot) {
    slots_[slot] = std::monostate{};
    free_.push_back(slot);
  }

  std::size_t table_bytes() const { return Allocated(slots_) + Allocated(free_); }
  template <typename Visit>
  void ForEach(const Visit& visit) const {
    for (const Slot& slot : slots_) visit(slot);
  }

  Values& values(std::uint32_t slot) { return std::get<Values>(slots_[slot]); }
  const Values& values(std::uint32_t slot) const { return std::get<Values>(slots_[slot]); }
  const Format& format(std::uint32_t slot) const { return std::get<Format>(slots_[slot]); }
  SubdocumentContent& subdocument(std::uint32_t slot) {
    return std::get<SubdocumentContent>(slots_[slot]);
  }
  const SubdocumentContent& subdocument(std::uint32_t slot) const {
    return std::get<SubdocumentContent>(slots_[slot]);
  }

 private:
  std::deque<Slot> slots_;
  std::vector<std::uint32_t> free_;
};

}  // namespace weft::crdt::internal
