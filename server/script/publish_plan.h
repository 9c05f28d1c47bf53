#pragma once

// What saving a document into its revision means, decided from plain data alone.
//
// The order of the document is the order of the revision. A line that has an id keeps it, whatever
// changed; one without gets the next of the script's counters, which never go back. A line of the
// revision that the document lacks is gone: nobody has to say so, and deleted_line_ids says nothing. An
// id that the script gave once and the revision lacks (a deletion undone after it was saved) comes back
// as that line: since ids are never given twice, it can mean no other. An id that was never given is a
// problem.

#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "crdt/base/bytes.h"
#include "crdt/doc.h"
#include "server/script/chain.h"
#include "server/script/document_extractor.h"
#include "server/script/problem.h"
#include "server/script/script.h"

namespace weft::server::script {

struct PublishPlan {
  // The document has to be told this id, at this line or part of it.
  struct GivenId {
    crdt::Map map;
    std::uint64_t id = 0;
  };

  std::vector<Placement> after;
  std::vector<NewContent> contents;
  std::vector<PartId> gone_parts;
  ScriptInfo script;  // with its counters behind what was given
  std::vector<GivenId> given_ids;

  std::uint64_t added = 0;  // lines
  std::uint64_t changed = 0;
  std::uint64_t removed = 0;
};

// Pages that are planned, of all that the document has: (0, n), (1, n) … (n, n); not called without pages.
using PageProgress = std::function<void(std::uint64_t done, std::uint64_t total)>;

// Or everything that is wrong with the document, by page and line.
std::variant<PublishPlan, std::vector<Problem>> PlanPublish(const Revision& stored,
                                                            const ScriptInfo& script,
                                                            const Show& show,
                                                            const Extraction& document,
                                                            const PageProgress& progress = {});

// The update that tells the document: ids of what was new, the time, and an empty delete list. It merges
// with whatever was edited meanwhile, since nothing else in it is touched. `doc` is the copy that
// the plan's maps are in, and is edited. Requires: nobody else edits it.
crdt::Bytes PublishPatch(crdt::Doc& doc, const PublishPlan& plan, const std::string& last_saved_at);

}  // namespace weft::server::script
