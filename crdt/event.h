#pragma once

// What observers of a shared type are told.
//
// Lifetime: an Event lives for the call of its observer. Its changes are worked out when first
// asked for, from the document as it is then: ask before editing.
// Threads: those of the document.
// Source: Yjs 13.6, YEvent and YTextEvent.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "crdt/delta.h"
#include "crdt/types.h"

namespace weft::crdt {

namespace internal {
class DocCore;
struct Transaction;
}  // namespace internal

// A step from a type to one in it: a key, or an index.
using PathStep = std::variant<std::string, std::uint64_t>;

struct KeyChange {
  enum class Action : std::uint8_t { kAdd, kUpdate, kDelete };
  std::string key;
  Action action = Action::kAdd;
  std::optional<Element> old_value;  // none when added
};

class Event {
 public:
  // For the library.
  Event(internal::DocCore& doc, const internal::Transaction& transaction, std::uint32_t type)
      : doc_(doc), transaction_(transaction), type_(type) {}
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  // The type that changed.
  SharedType target() const;
  // The type whose observer is called: `target` or one around it.
  SharedType current_target() const;
  // The way from current_target() to target().
  std::vector<PathStep> path() const;

  std::string_view origin() const;  // of the transaction
  bool local() const;               // false when it came through ApplyUpdate

  // Whether the sequence changed, and whether entries did.
  bool sequence_changed() const;
  bool keys_changed() const;

  // How the sequence changed. Nested types are handles; of a text with formatting, redundant marks
  // that are met are removed, as Yjs does.
  const Delta& delta() const;
  // How entries changed.
  const std::vector<KeyChange>& keys() const;

 private:
  friend class internal::DocCore;

  internal::DocCore& doc_;
  const internal::Transaction& transaction_;
  std::uint32_t type_;
  std::uint32_t current_target_ = 0;
  mutable std::optional<Delta> delta_;
  mutable std::optional<std::vector<KeyChange>> keys_;
};

}  // namespace weft::crdt
