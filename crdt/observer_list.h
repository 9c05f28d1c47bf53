#pragma once

// Who wants to be called, in the order of subscription. Observers may subscribe and cancel while
// they are called, themselves included; who subscribes meanwhile is called from the next time on.
// Subscriptions may outlive the list.
//
// Threads: one.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "crdt/subscription.h"

namespace weft::crdt::internal {

template <typename... Arguments>
class ObserverList {
 public:
  using Observer = std::function<void(Arguments...)>;

  Subscription Add(Observer observer) {
    if (entries_ == nullptr) entries_ = std::make_shared<Entries>();
    auto entry = std::make_shared<Entry>(std::move(observer));
    entries_->push_back(entry);
    return Subscription([weak = std::weak_ptr(entries_), entry] {
      entry->cancelled = true;
      if (const std::shared_ptr<Entries> entries = weak.lock()) std::erase(*entries, entry);
    });
  }

  bool empty() const { return entries_ == nullptr || entries_->empty(); }

  void Call(Arguments... arguments) const {
    if (empty()) return;
    const Entries entries = *entries_;
    for (const std::shared_ptr<Entry>& entry : entries) {
      if (!entry->cancelled) entry->call(arguments...);
    }
  }

 private:
  struct Entry {
    explicit Entry(Observer observer) : call(std::move(observer)) {}
    Observer call;
    bool cancelled = false;
  };
  using Entries = std::vector<std::shared_ptr<Entry>>;

  std::shared_ptr<Entries> entries_;
};

}  // namespace weft::crdt::internal
