#pragma once

// One document of the driver, and everything that watches it.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/base/bytes.h"
#include "crdt/doc.h"
#include "crdt/driver/reply.h"
#include "crdt/driver/type_path.h"
#include "crdt/event.h"
#include "crdt/permanent_user_data.h"
#include "crdt/undo_manager.h"

namespace weft::crdt::driver {

class Replica {
 public:
  // With `both_formats`, updates are reported in format v2 too.
  Replica(std::unique_ptr<Doc> doc, bool both_formats);

  Doc& doc() { return *doc_; }
  Roots& roots() { return roots_; }

  // What happened since this was last called: "update" (or null) or "updates", and "events" where
  // something is observed.
  enum class Emitted { kOne, kAll };
  void Report(Emitted emitted, Reply& reply);
  // Forgets what happened.
  void Forget();

  // Each takes the number under which its events are reported, in place of what had it.
  void ObserveType(std::uint64_t number, const SharedType& type, bool deep);
  void ObserveTransactions(std::uint64_t number);
  void ObserveSubdocuments(std::uint64_t number);
  bool Unobserve(std::uint64_t number);

  // The same for undo managers.
  void AddUndoManager(std::uint64_t number, std::unique_ptr<UndoManager> manager);
  UndoManager* FindUndoManager(std::uint64_t number);
  void RemoveUndoManager(std::uint64_t number);

  // Permanent user data, null until it is added. Yjs has no end for it, so there is one at most.
  PermanentUserData* users() { return users_.get(); }
  // How many mappings there are with one more, which is to be made.
  std::size_t CountUserMapping() { return ++user_mappings_; }
  void AddUsers() { users_ = std::make_unique<PermanentUserData>(*doc_); }

 private:
  struct Undo {
    std::unique_ptr<UndoManager> manager;
    std::vector<Subscription> subscriptions;
  };

  std::string EventText(std::uint64_t number, const Event& event) const;
  // Nothing for the origins that undo managers give to their own transactions.
  void AddOrigin(std::string_view origin, Reply& text) const;
  void AddEvent(std::string event) { events_.push_back(std::move(event)); }
  void AddStackEvent(std::uint64_t number, std::string_view what,
                     const UndoManager::StackEvent& event);

  std::unique_ptr<Doc> doc_;
  Roots roots_;
  std::vector<Bytes> updates_;
  std::vector<Bytes> updates_v2_;
  std::vector<std::string> events_;  // JSON objects
  const bool both_formats_;
  std::vector<Subscription> subscriptions_;
  std::map<std::uint64_t, Subscription> observers_;
  std::map<std::uint64_t, Undo> undo_managers_;
  std::unique_ptr<PermanentUserData> users_;
  std::size_t user_mappings_ = 0;
};

}  // namespace weft::crdt::driver
