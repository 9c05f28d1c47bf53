#pragma once

// Takes back what one user did, whatever others have done since.
//
//   UndoManager undo(doc, {text});
//   text.Insert(0, "Hello");
//   undo.Undo();
//
// It watches transactions whose origin is tracked and that changed a type in its scope; those that
// come within `capture_timeout_ms` of one another become one step. Undoing deletes what was inserted
// and inserts again what was deleted (redone items remember what they stand for). Deleted content
// in a step is kept from collection until the step is dropped.
//
// Ownership: the Doc must outlive it. Threads: those of the document.
// Source: Yjs 13.6, UndoManager.js.

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/any.h"
#include "crdt/delete_set.h"
#include "crdt/doc.h"
#include "crdt/types.h"

namespace weft::crdt {

namespace internal {
class UndoState;
}

class UndoManager {
 public:
  // One step: what transactions inserted and deleted, and what the application wants to remember
  // with it (cursors).
  struct StackItem {
    DeleteSet insertions;  // ids that were inserted
    DeleteSet deletions;   // ids that were deleted
    // Clients in the order in which something of theirs was deleted first: the order in which it
    // is brought back.
    std::vector<ClientId> deletion_order;
    // The same for insertions, in the order in which the document heard of the clients.
    std::vector<ClientId> insertion_order;
    AnyObject meta;
  };

  struct StackEvent {
    enum class Type { kUndo, kRedo };
    // Which stack the step went to or, popped, came from.
    Type type = Type::kUndo;
    StackItem* item = nullptr;        // never null; `meta` may be changed; valid during the call
    std::string_view origin;          // of the transaction
    std::vector<SharedType> changed;  // types that changed, and all around them
  };

  struct Options {
    // Transactions that follow within this time of the last one belong to the same step.
    std::int64_t capture_timeout_ms = 500;
    // Reads the time in milliseconds. The library itself reads no clock: without it every
    // transaction is a step of its own.
    std::function<std::int64_t()> now;
    // Transactions with these origins are recorded, remote ones included, as in Yjs: give
    // ApplyUpdate an origin. The empty one is that of edits that name none.
    std::set<std::string, std::less<>> tracked_origins{""};
    // Asked for each transaction that would be recorded.
    std::function<bool(const TransactionEvent&)> capture_transaction;
    // Asked for each item that undoing would delete; false keeps it.
    std::function<bool(const SharedType& parent, Id first, Clock length)> delete_filter;
    // Whether undoing a map entry overwrites what others have set since.
    bool ignore_remote_map_changes = false;
  };

  // Watches `scope`: the types given and all in them; empty: the whole document.
  UndoManager(Doc& doc, std::vector<SharedType> scope, Options options);
  UndoManager(Doc& doc, std::vector<SharedType> scope);
  ~UndoManager();
  UndoManager(const UndoManager&) = delete;
  UndoManager& operator=(const UndoManager&) = delete;

  void AddToScope(std::span<const SharedType> types);
  void AddTrackedOrigin(std::string_view origin);
  void RemoveTrackedOrigin(std::string_view origin);

  // Takes back the last step, or brings it back. Whether anything was done: steps that have become
  // empty are skipped. Requires: no transaction is open.
  bool Undo();
  bool Redo();
  bool can_undo() const;
  bool can_redo() const;
  std::size_t undo_size() const;  // steps
  std::size_t redo_size() const;
  std::span<const StackItem> undo_stack() const;  // oldest first
  std::span<const StackItem> redo_stack() const;

  // Drops steps; their deleted content may then be collected.
  void Clear(bool undo_stack = true, bool redo_stack = true);
  // The next transaction starts a new step.
  void StopCapturing();

  // The origin of the transactions that undoing makes.
  std::string_view origin() const;

  // A step was made; a transaction was added to the last one; a step was undone or redone.
  Subscription OnStackItemAdded(std::function<void(const StackEvent&)> observer);
  Subscription OnStackItemUpdated(std::function<void(const StackEvent&)> observer);
  Subscription OnStackItemPopped(std::function<void(const StackEvent&)> observer);
  // Stacks were dropped: whether the one of undo, whether the one of redo.
  Subscription OnCleared(std::function<void(bool undo_stack, bool redo_stack)> observer);

 private:
  std::unique_ptr<internal::UndoState> state_;
};

}  // namespace weft::crdt
