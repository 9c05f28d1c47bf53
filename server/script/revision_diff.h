#pragma once

// What one revision has otherwise than another. Lines keep their ids from revision to revision, so a line is
// followed wherever it went, whatever became of its text.

#include <cstdint>
#include <vector>

#include "server/script/script.h"

namespace weft::server::script {

struct RevisionDiff {
  struct Changed {
    const Line* from = nullptr;
    const Line* to = nullptr;
  };
  std::vector<const Line*> added;    // in the order of `to`; the rest likewise
  std::vector<const Line*> removed;  // in the order of `from`
  std::vector<Changed> changed;      // their content
  // On another page, or at another place among the lines that both have: as few lines as explain the order.
  std::vector<Changed> moved;
};

// Its lines are those of the revisions, which outlive it. O(lines · log lines).
RevisionDiff Compare(const Revision& from, const Revision& to);

}  // namespace weft::server::script
