#include "crdt/undo_manager.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crdt/doc_core.h"
#include "crdt/observer_list.h"

namespace weft::crdt {

namespace internal {

namespace {

void AddAll(const DeleteSet& from, DeleteSet& to) {
  for (const DeleteSet::ClientRanges& client : from.clients()) {
    for (const IdRange& range : client.ranges) to.Add(client.client, range);
  }
  to.SortAndMerge();
}

}  // namespace

class UndoState {
 public:
  using StackItem = UndoManager::StackItem;
  using StackEvent = UndoManager::StackEvent;

  UndoState(DocCore& doc, std::vector<SharedType> types, UndoManager::Options options)
      : doc_(doc),
        options_(std::move(options)),
        origin_(absl::StrCat("weft undo manager ", doc.NextUndoManager())),
        whole_document_(types.empty()) {
    AddToScope(types);
    options_.tracked_origins.insert(origin_);
    subscription_ =
        doc_.AfterTransaction([this](const Transaction& transaction) { Record(transaction); });
  }

  void AddToScope(std::span<const SharedType> types) {
    for (const SharedType& type : types) {
      CHECK(type.handle().doc == &doc_ && "a scope is within the document");
      if (std::ranges::find(scope_, type) == scope_.end()) scope_.push_back(type);
    }
  }

  bool Pop(bool undo) {
    CHECK(!doc_.in_transaction() && "nothing is undone inside of a transaction");
    (undo ? undoing_ : redoing_) = true;
    std::vector<StackItem>& stack = undo ? undo_ : redo_;
    std::optional<StackItem> done;
    popped_changed_.clear();
    popping_ = true;
    doc_.Transact(origin_, /*local=*/true, [&] {
      while (!stack.empty() && !done.has_value()) {
        StackItem item = std::move(stack.back());
        stack.pop_back();
        if (Perform(item)) done = std::move(item);
      }
      doc_.ForgetMarkers();
    });
    popping_ = false;
    (undo ? undoing_ : redoing_) = false;
    if (!done.has_value()) return false;
    StackEvent event{.type = undo ? StackEvent::Type::kUndo : StackEvent::Type::kRedo,
                     .item = &*done,
                     .origin = origin_,
                     .changed = std::move(popped_changed_)};
    on_popped.Call(event);
    return true;
  }

  void Clear(bool undo, bool redo) {
    if ((!undo || undo_.empty()) && (!redo || redo_.empty())) return;
    doc_.Transact("", /*local=*/true, [&] {
      if (undo) Release(undo_);
      if (redo) Release(redo_);
      on_cleared.Call(undo, redo);
    });
  }

  void StopCapturing() { last_change_.reset(); }

  UndoManager::Options& options() { return options_; }
  const std::string& origin() const { return origin_; }
  const std::vector<StackItem>& undo_stack() const { return undo_; }
  const std::vector<StackItem>& redo_stack() const { return redo_; }

  ObserverList<const StackEvent&> on_added;
  ObserverList<const StackEvent&> on_updated;
  ObserverList<const StackEvent&> on_popped;
  ObserverList<bool, bool> on_cleared;

 private:
  // The types of the scope that are still there.
  std::vector<TypeRef> Scope() const {
    std::vector<TypeRef> scope;
    for (const SharedType& type : scope_) {
      const TypeRef ref = doc_.Resolve(type.handle());
      if (ref != kNoType) scope.push_back(ref);
    }
    return scope;
  }

  bool IsInScope(ItemRef item, std::span<const TypeRef> scope) const {
    return whole_document_ || doc_.IsWithin(item, scope);
  }

  std::vector<SharedType> ChangedBy(const Transaction& transaction) const {
    std::vector<SharedType> changed;
    for (const ChangedParent& parent : transaction.changed_parents) {
      changed.emplace_back(doc_.HandleTo(parent.type));
    }
    return changed;
  }

  bool IsRecorded(const Transaction& transaction, std::span<const TypeRef> scope) const {
    if (options_.capture_transaction &&
        !options_.capture_transaction({.origin = transaction.origin,
                                       .local = transaction.local,
                                       .before = transaction.before,
                                       .after = transaction.after,
                                       .deletes = &transaction.deletes})) {
      return false;
    }
    const bool in_scope =
        whole_document_ ||
        std::ranges::any_of(transaction.changed_parents, [&](const ChangedParent& parent) {
          return std::ranges::find(scope, parent.type) != scope.end();
        });
    return in_scope && options_.tracked_origins.contains(transaction.origin);
  }

  void Record(const Transaction& transaction) {
    if (popping_ && transaction.origin == origin_) popped_changed_ = ChangedBy(transaction);
    const std::vector<TypeRef> scope = Scope();
    if (!IsRecorded(transaction, scope)) return;
    std::vector<StackItem>& stack = undoing_ ? redo_ : undo_;
    if (undoing_) {
      StopCapturing();  // the next change is no part of what was there before
    } else if (!redoing_) {
      Clear(false, true);
    }
    const std::int64_t now = options_.now ? options_.now() : 0;
    const bool joins = options_.now && last_change_.has_value() &&
                       now - *last_change_ < options_.capture_timeout_ms && !stack.empty() &&
                       !undoing_ && !redoing_;
    if (joins) {
      StackItem& last = stack.back();
      AddAll(transaction.deletes, last.deletions);
      AddAll(transaction.insertions, last.insertions);
      AddMissing(transaction.deleted_clients.clients(), last.deletion_order);
      AddMissing(transaction.inserted_clients, last.insertion_order);
    } else {
      stack.push_back({.insertions = transaction.insertions,
                       .deletions = transaction.deletes,
                       .deletion_order = transaction.deleted_clients.clients(),
                       .insertion_order = transaction.inserted_clients,
                       .meta = {}});
    }
    if (!undoing_ && !redoing_) last_change_ = now;
    doc_.ForEachItem(transaction.deletes, {}, [&](ItemRef item) {
      if (IsInScope(item, scope)) doc_.Keep(item, true);
    });
    StackEvent event{.type = undoing_ ? StackEvent::Type::kRedo : StackEvent::Type::kUndo,
                     .item = &stack.back(),
                     .origin = transaction.origin,
                     .changed = ChangedBy(transaction)};
    (joins ? on_updated : on_added).Call(event);
  }

  static void AddMissing(std::span<const ClientId> more, std::vector<ClientId>& order) {
    for (const ClientId client : more) {
      if (std::ranges::find(order, client) == order.end()) order.push_back(client);
    }
  }

  // Takes back one step; whether that changed anything.
  bool Perform(const StackItem& step) {
    const std::vector<TypeRef> scope = Scope();
    std::vector<ItemRef> to_delete;
    doc_.ForEachItem(step.insertions, step.insertion_order, [&](ItemRef item) {
      item = doc_.LatestOf(item);
      if (!doc_.ItemAt(item).is_gc() && !doc_.ItemAt(item).deleted && IsInScope(item, scope)) {
        to_delete.push_back(item);
      }
    });
    std::vector<ItemRef> to_redo;
    doc_.ForEachItem(step.deletions, step.deletion_order, [&](ItemRef item) {
      // What came and went within the step stays away.
      if (IsInScope(item, scope) && !step.insertions.Contains(doc_.IdOf(item))) {
        to_redo.push_back(item);
      }
    });
    bool changed =
        doc_.RedoItems(to_redo, {.insertions = &step.insertions,
                                 .deleted_by_other_steps =
                                     [&](Id id) {
                                       const auto deletes = [&](const StackItem& other) {
                                         return other.deletions.Contains(id);
                                       };
                                       return std::ranges::any_of(undo_, deletes) ||
                                              std::ranges::any_of(redo_, deletes);
                                     },
                                 .ignore_remote_map_changes = options_.ignore_remote_map_changes});
    // Children go before what they stand in, for the filter to see more.
    for (auto item = to_delete.rbegin(); item != to_delete.rend(); ++item) {
      const Item& deleted = doc_.ItemAt(*item);
      if (options_.delete_filter &&
          !options_.delete_filter(SharedType(doc_.HandleTo(deleted.parent)), doc_.IdOf(*item),
                                  deleted.length())) {
        continue;
      }
      doc_.DeleteItem(*item);
      changed = true;
    }
    return changed;
  }

  // Drops all steps of a stack.
  void Release(std::vector<StackItem>& stack) {
    const std::vector<TypeRef> scope = Scope();
    for (const StackItem& step : stack) {
      doc_.ForEachItem(step.deletions, {}, [&](ItemRef item) {
        if (IsInScope(item, scope)) doc_.Keep(item, false);
      });
    }
    stack.clear();
  }

  DocCore& doc_;
  UndoManager::Options options_;
  const std::string origin_;
  const bool whole_document_;
  std::vector<SharedType> scope_;
  std::vector<StackItem> undo_;
  std::vector<StackItem> redo_;
  bool undoing_ = false;
  bool redoing_ = false;
  bool popping_ = false;
  std::vector<SharedType> popped_changed_;
  std::optional<std::int64_t> last_change_;
  Subscription subscription_;
};

}  // namespace internal

UndoManager::UndoManager(Doc& doc, std::vector<SharedType> scope, Options options)
    : state_(std::make_unique<internal::UndoState>(doc.core(), std::move(scope),
                                                   std::move(options))) {}
UndoManager::UndoManager(Doc& doc, std::vector<SharedType> scope)
    : UndoManager(doc, std::move(scope), Options()) {}
UndoManager::~UndoManager() = default;

void UndoManager::AddToScope(std::span<const SharedType> types) { state_->AddToScope(types); }
void UndoManager::AddTrackedOrigin(std::string_view origin) {
  state_->options().tracked_origins.emplace(origin);
}
void UndoManager::RemoveTrackedOrigin(std::string_view origin) {
  std::set<std::string, std::less<>>& origins = state_->options().tracked_origins;
  if (const auto found = origins.find(origin); found != origins.end()) origins.erase(found);
}

bool UndoManager::Undo() { return state_->Pop(/*undo=*/true); }
bool UndoManager::Redo() { return state_->Pop(/*undo=*/false); }
bool UndoManager::can_undo() const { return undo_size() > 0; }
bool UndoManager::can_redo() const { return redo_size() > 0; }
std::size_t UndoManager::undo_size() const { return state_->undo_stack().size(); }
std::size_t UndoManager::redo_size() const { return state_->redo_stack().size(); }
std::span<const UndoManager::StackItem> UndoManager::undo_stack() const {
  return state_->undo_stack();
}
std::span<const UndoManager::StackItem> UndoManager::redo_stack() const {
  return state_->redo_stack();
}

void UndoManager::Clear(bool undo_stack, bool redo_stack) { state_->Clear(undo_stack, redo_stack); }
void UndoManager::StopCapturing() { state_->StopCapturing(); }
std::string_view UndoManager::origin() const { return state_->origin(); }

Subscription UndoManager::OnStackItemAdded(std::function<void(const StackEvent&)> observer) {
  return state_->on_added.Add(std::move(observer));
}
Subscription UndoManager::OnStackItemUpdated(std::function<void(const StackEvent&)> observer) {
  return state_->on_updated.Add(std::move(observer));
}
Subscription UndoManager::OnStackItemPopped(std::function<void(const StackEvent&)> observer) {
  return state_->on_popped.Add(std::move(observer));
}
Subscription UndoManager::OnCleared(std::function<void(bool, bool)> observer) {
  return state_->on_cleared.Add(std::move(observer));
}

}  // namespace weft::crdt
