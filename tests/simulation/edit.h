#pragma once

// One edit of one replica, in words that hold for whatever its document contains: places are parts
// of a length, so that a script from which other edits were taken away still makes sense.
//
// Every document has the roots "text", "rich" (a text with formats), "list", "map" and "tree" (an
// array of arrays). An edit is done either on a crdt::Doc or, in words of crdt/driver/actions.h, by
// another implementation.

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "crdt/any.h"
#include "crdt/doc.h"

namespace weft::simulation {

struct Edit {
  enum class Kind : std::uint8_t {
    kType,        // `text` at `place` of "text"
    kErase,       // `count` code units at `place` of "text"
    kTypeOn,      // `text` behind what this replica typed last, at `place` when it is gone
    kBackspace,   // `count` code units before that
    kRichType,    // `text` at `place` of "rich"
    kFormat,      // `count` code units at `place` of "rich" get `key`: `value`
    kRichErase,   // `count` code units at `place` of "rich"
    kListInsert,  // `value` at `place` of "list"
    kListErase,   // `count` elements at `place` of "list"
    kMapSet,      // `key`: `value`
    kMapErase,    // `key`
    kTreeInsert,  // an array, or `value`, at `place` of a node of "tree" that `value` chooses
    kTreeErase,   // one element at `place` of such a node
    kUndo,
    kRedo,
  };

  Kind kind = Kind::kType;
  double place = 0;  // in [0, 1]
  std::uint64_t count = 0;
  std::string text;
  std::string key;
  std::uint64_t value = 0;

  friend bool operator==(const Edit&, const Edit&) = default;
};

// As a line of a script, and back. Fails: kInvalidArgument.
crdt::Any ToJson(const Edit& edit);
absl::StatusOr<Edit> EditFromJson(const crdt::Any& json);

// Where a replica typed last, as the id of a character: what others do moves it along.
using Cursor = std::optional<crdt::Bytes>;

// Does any edit but kUndo and kRedo on a document, in one transaction. What is not there to be
// erased is left.
void DoEdit(crdt::Doc& doc, Cursor& cursor, const Edit& edit);

// The same edit as an action for a document that equals `doc`; nothing when it would do nothing.
std::optional<crdt::Any> ActionFor(crdt::Doc& doc, const Cursor& cursor, const Edit& edit);

// What all replicas have to agree on, as text: every root.
std::string ShowContent(crdt::Doc& doc);

}  // namespace weft::simulation
