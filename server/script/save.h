#pragma once

// Saving a document into its revision: everything up to the transaction, and what the transaction does.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "crdt/base/bytes.h"
#include "server/script/problem.h"
#include "server/script/publish_plan.h"
#include "server/script/script_rows.h"

namespace weft::server::script {

struct SaveRequest {
  ShowId show{};
  RevisionId revision{};
  crdt::ByteView state;  // the document at one moment, as an update of format v1
  // Of the revision that the document was built from; none: it is not compared.
  std::optional<std::uint64_t> base_hash;
  std::int64_t now_ms = 0;
};

struct PreparedSave {
  std::vector<Problem> problems;  // if there are any, the rest is empty

  // Writes what differs and proves the chain. May run more than once. Fails: kAborted when the revision,
  // or the counters of its script, are no more those that it was prepared for: prepare it anew.
  std::function<absl::Status(store::RowWriter&)> rows;
  crdt::Bytes patch;        // for the document (publish_plan.h), an update of format v1
  std::uint64_t hash = 0;   // of the revision afterwards
  std::string report_json;  // {"last_saved_at","lines","added","changed","removed"}
};

// Fails: kNotFound without that revision; kFailedPrecondition when it is not the one that the document
// was built from; kDataLoss when it is broken; kInvalidArgument when the state is no update.
// O(document). Threads: any; nothing is written.
absl::StatusOr<PreparedSave> PrepareSave(const SaveRequest& request, const store::RowReader& rows,
                                         const PageProgress& progress = {});

}  // namespace weft::server::script
