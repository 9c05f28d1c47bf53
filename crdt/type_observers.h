#pragma once

// Who observes a shared type.

#include <vector>

#include "crdt/observer_list.h"

namespace weft::crdt {
class Event;
}

namespace weft::crdt::internal {

struct TypeObservers {
  ObserverList<const Event&> shallow;
  ObserverList<const std::vector<const Event*>&> deep;
};

}  // namespace weft::crdt::internal
