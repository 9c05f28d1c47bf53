#include "server/lease/write_blockers.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace weft::server::lease {

std::vector<Blocker> WriteBlockers(const WriteState& state) {
  std::vector<Blocker> blockers;
  if (state.frozen) blockers.push_back({"frozen", *state.frozen});
  if (state.publishing) blockers.push_back({"publishing", "it is being published"});
  if (state.has_draft) blockers.push_back({"unsaved-draft", "it has edits that are not published"});
  if (state.leases != nullptr) {
    for (const Mode& mode : state.leases->rules().modes()) {
      if (mode.shared && !state.shared_modes_block) continue;
      const std::vector<const Lease*> holders = state.leases->HoldersOf(mode.name);
      const auto is_other = [&](const Lease* one) { return one->holder != state.asking; };
      if (std::ranges::any_of(holders, is_other)) blockers.push_back({"held", mode.name});
    }
  }
  if (state.members > 0) {
    blockers.push_back({"occupied", absl::StrCat(state.members, " connected")});
  }
  return blockers;
}

}  // namespace weft::server::lease
