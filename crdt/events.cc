// Who is told what about a transaction, in the order of Yjs: observers of types, observers of what
// is around them, then those who watch transactions.

#include <algorithm>
#include <utility>

#include "crdt/doc_core.h"

namespace weft::crdt::internal {

namespace {

// Appends `op`, or extends the last operation when it is of the same kind and has no attributes.
DeltaOp& LastOf(Delta& delta, DeltaOp::Kind kind) {
  if (delta.empty() || delta.back().kind != kind) delta.push_back({.kind = kind});
  return delta.back();
}

}  // namespace

TypeObservers& DocCore::ObserversOf(TypeRef type) {
  TypeNode& node = types_.At(type);
  if (node.observers == nullptr) {
    node.observers = std::make_unique<TypeObservers>();
    ++observed_types_;
  }
  return *node.observers;
}

Subscription DocCore::Observe(TypeRef type, std::function<void(const Event&)> observer) {
  return ObserversOf(type).shallow.Add(std::move(observer));
}

Subscription DocCore::ObserveDeep(TypeRef type,
                                  std::function<void(const std::vector<const Event*>&)> observer) {
  return ObserversOf(type).deep.Add(std::move(observer));
}

Subscription DocCore::OnUpdate(std::function<void(const UpdateEvent&)> observer,
                               UpdateFormat format) {
  return (format == UpdateFormat::kV1 ? on_update_v1_ : on_update_v2_).Add(std::move(observer));
}

Subscription DocCore::OnTransaction(TransactionPhase phase,
                                    std::function<void(const TransactionEvent&)> observer) {
  switch (phase) {
    case TransactionPhase::kBefore:
      return on_before_transaction_.Add(std::move(observer));
    case TransactionPhase::kAfter:
      return on_after_transaction_.Add(std::move(observer));
    case TransactionPhase::kCleaned:
      return on_cleaned_transaction_.Add(std::move(observer));
    case TransactionPhase::kEmitted:
      return on_emitted_transaction_.Add(std::move(observer));
  }
  return {};
}

Subscription DocCore::OnSettled(std::function<void()> observer) {
  return on_settled_.Add(std::move(observer));
}

Subscription DocCore::OnSubdocuments(std::function<void(const SubdocumentsEvent&)> observer) {
  return on_subdocuments_.Add(std::move(observer));
}

void DocCore::NoteChanged(TypeRef type, KeyRef key) {
  const std::pair<TypeRef, KeyRef> entry{type, key};
  if (!transaction_->changed.empty() && transaction_->changed.back() == entry) return;
  // A type that came in this transaction did not change: it was added.
  const ItemRef holder = types_.At(type).item;
  if (holder != kNoItem) {
    const Item& item = At(holder);
    const ClientIndex client = item.id.client();
    if (item.deleted ||
        transaction_->touched.IsNew(client, item.clock(), clients_[client].blocks.end())) {
      return;
    }
  }
  transaction_->changed.push_back(entry);
}

void DocCore::CallObservers(Transaction& transaction) {
  if (!on_after_transaction_.empty() || !on_cleaned_transaction_.empty() ||
      !on_emitted_transaction_.empty() || !after_transaction_.empty()) {
    transaction.after = GetStateVector();
    transaction.before = transaction.after;
    for (const auto& [client, before] : transaction.touched.entries()) {
      transaction.before.Set(clients_[client].id, before);
      transaction.touched.ForNewRanges(client, clients_[client].blocks.end(), [&](IdRange range) {
        transaction.insertions.Add(clients_[client].id, range);
      });
    }
    transaction.insertions.SortAndMerge();
    std::vector<ClientIndex> inserted;
    for (const auto& [client, before] : transaction.touched.entries()) inserted.push_back(client);
    std::ranges::sort(inserted);
    for (const ClientIndex client : inserted) {
      transaction.inserted_clients.push_back(clients_[client].id);
    }
  }
  CallTypeObservers(transaction);
  CallDeepObservers(transaction);
  after_transaction_.Call(transaction);
  CallTransactionObservers(on_after_transaction_, transaction);
  if (transaction.needs_format_cleanup) CleanUpFormats(transaction);
}

void DocCore::CallTypeObservers(Transaction& transaction) {
  // Types in the order in which they first changed.
  absl::flat_hash_set<TypeRef> seen;
  absl::flat_hash_map<TypeRef, std::size_t> places;  // in changed_parents
  for (const auto& [type, key] : transaction.changed) {
    if (!seen.insert(type).second) continue;
    const TypeNode& node = types_.At(type);
    if (!node.alive || IsDeleted(type) || node.kind == TypeKind::kUndefined) continue;
    if (!transaction.local && node.markers != nullptr) node.markers->Clear();
    if (WantsChanges()) {
      Event& event =
          *transaction.events.emplace_back(std::make_unique<Event>(*this, transaction, type));
      for (TypeRef around = type; around != kNoType; around = ParentOf(around)) {
        const auto [place, added] = places.try_emplace(around, transaction.changed_parents.size());
        if (added) transaction.changed_parents.push_back({.type = around, .events = {}});
        transaction.changed_parents[place->second].events.push_back(&event);
      }
      if (node.observers != nullptr) {
        event.current_target_ = type;
        node.observers->shallow.Call(event);
      }
    }
    if (!transaction.local && IsText(node.kind) && node.has_formats) {
      transaction.needs_format_cleanup = true;
    }
  }
}

void DocCore::CallDeepObservers(Transaction& transaction) {
  for (ChangedParent& parent : transaction.changed_parents) {
    const TypeNode& node = types_.At(parent.type);
    if (node.observers == nullptr || node.observers->deep.empty() || IsDeleted(parent.type)) {
      continue;
    }
    std::erase_if(parent.events, [&](Event* event) { return IsDeleted(event->type_); });
    std::vector<std::pair<std::size_t, const Event*>> by_depth;
    for (Event* event : parent.events) {
      event->current_target_ = parent.type;
      by_depth.emplace_back(PathOf(parent.type, event->type_).size(), event);
    }
    std::ranges::stable_sort(by_depth, {}, [](const auto& entry) { return entry.first; });
    std::vector<const Event*> events;
    events.reserve(by_depth.size());
    for (const auto& [depth, event] : by_depth) events.push_back(event);
    node.observers->deep.Call(events);
  }
}

void DocCore::CallTransactionObservers(const ObserverList<const TransactionEvent&>& observers,
                                       const Transaction& transaction) {
  if (observers.empty()) return;
  observers.Call({.origin = transaction.origin,
                  .local = transaction.local,
                  .before = transaction.before,
                  .after = transaction.after,
                  .deletes = &transaction.deletes});
}

void DocCore::EmitSubdocuments(Transaction& transaction) {
  if (transaction.subdocuments_added.empty() && transaction.subdocuments_removed.empty() &&
      transaction.subdocuments_loaded.empty()) {
    return;
  }
  on_subdocuments_.Call({.added = std::move(transaction.subdocuments_added),
                         .removed = std::move(transaction.subdocuments_removed),
                         .loaded = std::move(transaction.subdocuments_loaded)});
}

std::vector<PathStep> DocCore::PathOf(TypeRef from, TypeRef to) const {
  std::vector<PathStep> path;
  for (TypeRef type = to; type != from && types_.At(type).item != kNoItem; type = ParentOf(type)) {
    const Item& item = At(types_.At(type).item);
    if (item.key() != kNoKey) {
      path.emplace_back(std::string(keys_.Text(item.key())));
      continue;
    }
    std::uint64_t index = 0;
    for (ItemRef ref = types_.At(item.parent).start; ref != kNoItem && ref != types_.At(type).item;
         ref = At(ref).right) {
      index += At(ref).visible_length();
    }
    path.emplace_back(index);
  }
  std::ranges::reverse(path);
  return path;
}

std::vector<KeyChange> DocCore::KeysOfEvent(const Event& event) {
  std::vector<KeyChange> changes;
  absl::flat_hash_set<KeyRef> seen;
  const DeleteSet& deletes = event.transaction_.deletes;
  const auto deleted = [&](const Item& item) { return deletes.Contains(Unpack(item.id)); };
  const auto last_element = [&](const Item& item) {
    return std::optional<Element>(ElementIn(item, item.length() - 1));
  };
  for (const auto& [type, key] : event.transaction_.changed) {
    if (type != event.type_ || key == kNoKey || !seen.insert(key).second) continue;
    const ItemRef newest = types_.At(type).entries.Find(key);
    if (newest == kNoItem) continue;
    const Item& item = At(newest);
    KeyChange change{.key = std::string(keys_.Text(key)), .old_value = std::nullopt};
    if (IsAdded(item)) {
      ItemRef previous = item.left;
      while (previous != kNoItem && IsAdded(At(previous))) previous = At(previous).left;
      const bool replaced = previous != kNoItem && deleted(At(previous));
      if (deleted(item) && !replaced) continue;  // came and went
      if (replaced) change.old_value = last_element(At(previous));
      change.action = deleted(item) ? KeyChange::Action::kDelete
                      : replaced    ? KeyChange::Action::kUpdate
                                    : KeyChange::Action::kAdd;
    } else if (deleted(item)) {
      change.action = KeyChange::Action::kDelete;
      change.old_value = last_element(item);
    } else {
      continue;
    }
    changes.push_back(std::move(change));
  }
  return changes;
}

Delta DocCore::DeltaOfEvent(const Event& event) {
  return IsText(types_.At(event.type_).kind) ? DeltaOfTextEvent(event) : DeltaOfSequence(event);
}

Delta DocCore::DeltaOfSequence(const Event& event) {
  Delta delta;
  if (!event.sequence_changed()) return delta;
  for (ItemRef ref = types_.At(event.type_).start; ref != kNoItem; ref = At(ref).right) {
    const Item& item = At(ref);
    if (item.deleted) {
      if (!IsAdded(item) && event.transaction_.deletes.Contains(Unpack(item.id))) {
        LastOf(delta, DeltaOp::Kind::kDelete).count += item.length();
      }
    } else if (IsAdded(item)) {
      DeltaOp& op = LastOf(delta, DeltaOp::Kind::kInsert);
      for (Clock i = 0; i < item.length(); ++i) op.elements.push_back(ElementIn(item, i));
    } else {
      LastOf(delta, DeltaOp::Kind::kRetain).count += item.length();
    }
  }
  if (!delta.empty() && delta.back().kind == DeltaOp::Kind::kRetain) delta.pop_back();
  return delta;
}

Delta DocCore::DeltaOfTextEvent(const Event& event) {
  Delta delta;
  // The attributes in force now, those before the transaction, and how those of what is retained
  // differ.
  AttributeMap current;
  AttributeMap old;
  AttributeMap changed;
  std::optional<DeltaOp> open;
  const auto close = [&] {
    if (!open.has_value()) return;
    DeltaOp op = *std::exchange(open, std::nullopt);
    switch (op.kind) {
      case DeltaOp::Kind::kDelete:
        if (op.count == 0) return;
        break;
      case DeltaOp::Kind::kRetain:
        if (op.count == 0) return;
        op.attributes = AttributesAsObject(changed);
        break;
      case DeltaOp::Kind::kInsert:
        if (op.elements.empty() && op.text.empty()) return;
        op.attributes = AttributesAsObject(current);
        break;
    }
    delta.push_back(std::move(op));
  };
  const auto in = [&](DeltaOp::Kind kind) -> DeltaOp& {
    if (!open.has_value() || open->kind != kind) {
      close();
      open = DeltaOp{.kind = kind};
    }
    return *open;
  };
  const auto close_retain = [&] {
    if (open.has_value() && open->kind == DeltaOp::Kind::kRetain) close();
  };
  const auto was_deleted = [&](const Item& item) {
    return event.transaction_.deletes.Contains(Unpack(item.id));
  };
  // Yjs drops what is neither an object nor a string with characters.
  const auto is_shown = [](const Element& element) {
    const Any* value = std::get_if<Any>(&element);
    if (value == nullptr) return true;
    if (const std::string* text = value->AsString()) return !text->empty();
    return value->is_null() || value->AsObject() != nullptr || value->AsArray() != nullptr ||
           value->AsBinary() != nullptr;
  };

  const auto see_mark = [&](ItemRef ref) {
    const Item& item = At(ref);
    const auto& [key, value] = contents_.format(item.content);
    if (IsAdded(item)) {
      if (!was_deleted(item)) {
        if (!IsSameAttribute(current.Get(key), value)) {
          close_retain();
          if (IsSameAttribute(value, old.Get(key))) {
            changed.Erase(key);
          } else {
            changed.Set(key, value);
          }
        } else if (!value->is_null()) {
          Delete(ref);
        }
      }
    } else if (was_deleted(item)) {
      old.Set(key, value);
      if (!IsSameAttribute(current.Get(key), value)) {
        close_retain();
        changed.Set(key, current.Get(key));
      }
    } else if (!item.deleted) {
      old.Set(key, value);
      if (const FormatValue* attribute = changed.Find(key)) {
        if (!IsSameAttribute(*attribute, value)) {
          close_retain();
          if (value->is_null()) {
            changed.Erase(key);
          } else {
            changed.Set(key, value);
          }
        } else if (!(*attribute)->is_null()) {
          Delete(ref);
        }
      }
    }
    if (!item.deleted) {
      if (open.has_value() && open->kind == DeltaOp::Kind::kInsert) close();
      current.Apply(contents_.format(item.content));
    }
  };

  Transact("", /*local=*/true, [&] {
    for (ItemRef ref = types_.At(event.type_).start; ref != kNoItem; ref = At(ref).right) {
      const Item& item = At(ref);
      switch (item.kind) {
        case ContentKind::kFormat:
          see_mark(ref);
          break;
        case ContentKind::kType:
        case ContentKind::kEmbed:
          if (IsAdded(item)) {
            if (was_deleted(item)) break;
            close();
            Element element = ElementIn(item, 0);
            if (!is_shown(element)) break;
            in(DeltaOp::Kind::kInsert).elements.push_back(std::move(element));
            close();
          } else if (was_deleted(item)) {
            in(DeltaOp::Kind::kDelete).count += 1;
          } else if (!item.deleted) {
            in(DeltaOp::Kind::kRetain).count += 1;
          }
          break;
        case ContentKind::kString:
          if (IsAdded(item)) {
            if (!was_deleted(item)) AppendText(item, in(DeltaOp::Kind::kInsert).text);
          } else if (was_deleted(item)) {
            in(DeltaOp::Kind::kDelete).count += item.length();
          } else if (!item.deleted) {
            in(DeltaOp::Kind::kRetain).count += item.length();
          }
          break;
        default:
          break;
      }
    }
    close();
  });
  while (!delta.empty() && delta.back().kind == DeltaOp::Kind::kRetain &&
         delta.back().attributes.empty()) {
    delta.pop_back();
  }
  return delta;
}

}  // namespace weft::crdt::internal

namespace weft::crdt {

SharedType Event::target() const { return SharedType(doc_.HandleTo(type_)); }
SharedType Event::current_target() const { return SharedType(doc_.HandleTo(current_target_)); }
std::vector<PathStep> Event::path() const { return doc_.PathOf(current_target_, type_); }
std::string_view Event::origin() const { return transaction_.origin; }
bool Event::local() const { return transaction_.local; }

bool Event::sequence_changed() const {
  return std::ranges::any_of(transaction_.changed, [&](const auto& entry) {
    return entry.first == type_ && entry.second == internal::kNoKey;
  });
}

bool Event::keys_changed() const {
  return std::ranges::any_of(transaction_.changed, [&](const auto& entry) {
    return entry.first == type_ && entry.second != internal::kNoKey;
  });
}

const Delta& Event::delta() const {
  if (!delta_.has_value()) delta_ = doc_.DeltaOfEvent(*this);
  return *delta_;
}

const std::vector<KeyChange>& Event::keys() const {
  if (!keys_.has_value()) keys_ = doc_.KeysOfEvent(*this);
  return *keys_;
}

}  // namespace weft::crdt
