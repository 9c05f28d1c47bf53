#pragma once

// One page of a revision, written from plain data instead of a shared document.

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "server/script/document_extractor.h"
#include "server/script/problem.h"
#include "server/script/script_rows.h"

namespace weft::server::script {

struct PageEdit {
  ShowId show{};
  RevisionId revision{};
  std::uint32_t page = 0;
  std::vector<ExtractedLine> lines;  // all of the page's from now on, in order (line_json.h)
  std::int64_t now_ms = 0;
};

struct PageEdited {
  std::vector<Problem> problems;  // if there are any, nothing is written
  std::uint64_t added = 0;        // lines
  std::uint64_t changed = 0;
  std::uint64_t removed = 0;
};

// As saving a document whose other pages are what is stored (publish_plan.h): lines keep their ids, new ones
// get ids, lines that the page had and that are not named are gone with their cues and cuts. An id of a line
// on another page is a problem. Fails: as LoadRevision.
absl::StatusOr<PageEdited> ReplacePage(store::RowWriter& rows, const PageEdit& edit);

}  // namespace weft::server::script
