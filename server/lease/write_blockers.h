#pragma once

// What stands against changing a document from outside of the conversation about it: replacing it, loading
// another one in its place, writing what it was built from. Every guard asks this one function, and it
// looks at what is, not at timers: there is no moment at which an edit is not seen.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "server/lease/lease_table.h"

namespace weft::server::lease {

// The names are part of the API: in answers (409) and in rules (rules.h).
struct Blocker {
  std::string code;    // "frozen", "publishing", "unsaved-draft", "held", "occupied"
  std::string detail;  // for humans: the reason of the freeze, the mode, how many members

  friend bool operator==(const Blocker&, const Blocker&) = default;
};

struct WriteState {
  std::optional<std::string> frozen;   // why, when it is
  bool publishing = false;             // is under way
  bool has_draft = false;              // edits that are in no published state
  const LeaseTable* leases = nullptr;  // when there are modes
  HolderId asking = kNoHolder;         // whose own mode does not stand against what it does
  bool shared_modes_block = true;      // else exclusive ones alone do
  std::size_t members = 0;             // of the room, whatever they may do
};

// In the order of WriteState's members; a "held" for each mode that somebody is in.
std::vector<Blocker> WriteBlockers(const WriteState& state);

}  // namespace weft::server::lease
