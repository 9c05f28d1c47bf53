#include "crdt/driver/replica.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "crdt/state_vector.h"
#include "crdt/value_language.h"

namespace weft::crdt::driver {
namespace {

void AppendGuids(std::string& out, const std::vector<Subdocument>& subdocuments) {
  std::vector<std::string> guids;
  for (const Subdocument& subdocument : subdocuments) guids.push_back(subdocument.guid());
  std::ranges::sort(guids);
  AppendList(out, guids, [&](const std::string& guid) { AppendString(out, guid); });
}

void AppendDeletes(std::string& out, const DeleteSet& deletes) {
  out += '{';
  bool first = true;
  for (const auto& client : deletes.clients()) {
    absl::StrAppend(&out, first ? "\"" : ",\"", ToNumber(client.client), "\":");
    first = false;
    AppendList(out, client.ranges, [&](const IdRange& range) {
      absl::StrAppend(&out, "[", range.clock, ",", range.length, "]");
    });
  }
  out += '}';
}

}  // namespace

Replica::Replica(std::unique_ptr<Doc> doc, bool both_formats)
    : doc_(std::move(doc)), roots_(*doc_), both_formats_(both_formats) {
  const auto keep = [](std::vector<Bytes>& updates) {
    return [&updates](const UpdateEvent& event) {
      updates.emplace_back(event.update.begin(), event.update.end());
    };
  };
  subscriptions_.push_back(doc_->OnUpdate(keep(updates_)));
  if (both_formats) {
    subscriptions_.push_back(doc_->OnUpdate(keep(updates_v2_), UpdateFormat::kV2));
  }
}

void Replica::Forget() {
  updates_.clear();
  updates_v2_.clear();
  events_.clear();
}

void Replica::Report(Emitted emitted, Reply& reply) {
  const auto add = [&](const std::string& one, const std::string& all,
                       const std::vector<Bytes>& updates) {
    if (emitted == Emitted::kOne && updates.empty()) {
      reply.Member(one) += "null";
    } else if (emitted == Emitted::kOne) {
      reply.AddBytes(one, updates.front());
    }
    // One transaction emits one update; what its observers do comes after it.
    if (emitted == Emitted::kOne && updates.size() < 2) return;
    std::string& out = reply.Member(all);
    AppendList(out, updates, [&](const Bytes& update) { AppendString(out, ToBase64(update)); });
  };
  add("update", "updates", updates_);
  if (both_formats_) add("updateV2", "updatesV2", updates_v2_);
  if (!observers_.empty() || !undo_managers_.empty()) {
    std::string& out = reply.Member("events");
    AppendList(out, events_, [&](const std::string& event) { out += event; });
  }
  Forget();
}

std::string Replica::EventText(std::uint64_t number, const Event& event) const {
  Reply text;
  text.AddNumber("observer", number);
  text.AddText("kind", NameOf(event.target().kind()));
  AppendPath(text.Member("path"), event.path());
  AddOrigin(event.origin(), text);
  text.AddFlag("local", event.local());
  // In this order: a delta may remove redundant marks.
  if (event.keys_changed()) AppendKeyChanges(text.Member("keys"), event.keys());
  if (event.sequence_changed()) {
    const bool is_text = IsText(event.target().kind());
    AppendDelta(text.Member("delta"), event.delta(), is_text ? DeltaOf::kText : DeltaOf::kSequence);
  }
  return std::move(text).Take();
}

void Replica::AddOrigin(std::string_view origin, Reply& text) const {
  const bool of_undo = std::ranges::any_of(
      undo_managers_, [&](const auto& entry) { return entry.second.manager->origin() == origin; });
  if (!origin.empty() && !of_undo) text.AddText("origin", origin);
}

void Replica::ObserveType(std::uint64_t number, const SharedType& type, bool deep) {
  SharedType target = type;
  observers_[number] =
      deep ? target.ObserveDeep([this, number](const std::vector<const Event*>& events) {
        for (const Event* event : events) AddEvent(EventText(number, *event));
      })
           : target.Observe(
                 [this, number](const Event& event) { AddEvent(EventText(number, event)); });
}

void Replica::ObserveTransactions(std::uint64_t number) {
  observers_[number] =
      doc_->OnTransaction(TransactionPhase::kAfter, [this, number](const TransactionEvent& event) {
        Reply text;
        text.AddNumber("observer", number);
        AddOrigin(event.origin, text);
        text.AddFlag("local", event.local);
        text.AddBytes("before", EncodeStateVector(event.before));
        text.AddBytes("after", EncodeStateVector(event.after));
        AppendDeletes(text.Member("deletes"), *event.deletes);
        AddEvent(std::move(text).Take());
      });
}

void Replica::ObserveSubdocuments(std::uint64_t number) {
  observers_[number] = doc_->OnSubdocuments([this, number](const SubdocumentsEvent& event) {
    Reply text;
    text.AddNumber("observer", number);
    AppendGuids(text.Member("added"), event.added);
    AppendGuids(text.Member("removed"), event.removed);
    AppendGuids(text.Member("loaded"), event.loaded);
    AddEvent(std::move(text).Take());
  });
}

bool Replica::Unobserve(std::uint64_t number) { return observers_.erase(number) > 0; }

void Replica::AddStackEvent(std::uint64_t number, std::string_view what,
                            const UndoManager::StackEvent& event) {
  Reply text;
  text.AddNumber("manager", number);
  text.AddText("stack", what);
  text.AddText("type", event.type == UndoManager::StackEvent::Type::kUndo ? "undo" : "redo");
  AppendDeletes(text.Member("insertions"), event.item->insertions);
  AppendDeletes(text.Member("deletions"), event.item->deletions);
  AddEvent(std::move(text).Take());
}

void Replica::AddUndoManager(std::uint64_t number, std::unique_ptr<UndoManager> manager) {
  Undo undo;
  const auto note = [this, number](const char* what) {
    return [this, number, what](const UndoManager::StackEvent& event) {
      AddStackEvent(number, what, event);
    };
  };
  undo.subscriptions.push_back(manager->OnStackItemAdded(note("added")));
  undo.subscriptions.push_back(manager->OnStackItemUpdated(note("updated")));
  undo.subscriptions.push_back(manager->OnStackItemPopped(note("popped")));
  undo.subscriptions.push_back(manager->OnCleared([this, number](bool undos, bool redos) {
    Reply text;
    text.AddNumber("manager", number);
    text.AddText("stack", "cleared");
    text.AddFlag("undo", undos);
    text.AddFlag("redo", redos);
    AddEvent(std::move(text).Take());
  }));
  undo.manager = std::move(manager);
  undo_managers_.erase(number);
  undo_managers_.emplace(number, std::move(undo));
}

UndoManager* Replica::FindUndoManager(std::uint64_t number) {
  const auto found = undo_managers_.find(number);
  return found == undo_managers_.end() ? nullptr : found->second.manager.get();
}

void Replica::RemoveUndoManager(std::uint64_t number) { undo_managers_.erase(number); }

}  // namespace weft::crdt::driver
