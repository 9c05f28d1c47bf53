#pragma once

// Proof that LMDB's pages are a whole: LMDB trusts what it reads, so a flipped bit in a page would
// be a crash, a loop, or another content. What this has found sound, LMDB walks safely.
//
// It visits every page of the newest tree once: headers, nodes in bounds and packed, keys in order
// and between those of the parent, counts as the tables say, no page used twice or used and free.
// Both meta pages must be sealed (format.h) by the transactions they claim, because a flip in
// LMDB's own number would bring an older state back without a trace.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "store/page_file.h"

namespace weft::store {

struct PageFinding {
  PageNumber page = 0;
  std::string what;
};

struct PageReport {
  std::uint64_t pages = 0;       // up to the last one that was ever used
  std::uint64_t used_pages = 0;  // by the newest tree, meta pages included
  std::uint64_t free_pages = 0;  // will be used again
  std::uint64_t page_bytes = 0;
  std::uint64_t transaction = 0;  // of the tree that was checked
  bool needs_seal = false;        // a copy that mdb_copy made: sound, and its seal is another's
  // Meta pages that point to a sound tree under a number that is not its own. Not damage: corrected
  // by CorrectNumbers, when there are no findings.
  struct WrongNumber {
    PageNumber page = 0;
    std::uint64_t transaction = 0;  // as it should be
    PageNumber last_page = 0;
  };
  std::vector<WrongNumber> wrong_numbers;
  std::vector<PageFinding> findings;  // at most kMaxFindings
  static constexpr std::size_t kMaxFindings = 1000;

  // OK, or kDataLoss with the first finding.
  absl::Status status() const;
};

// Told how many pages of how many are done.
using Progress = std::function<void(std::uint64_t done, std::uint64_t total)>;

// What LMDB believes before it looks at anything: two meta pages that agree with the file about the size
// of a page (it divides by it). Fails: as PageFile::Open; kDataLoss when they do not.
absl::Status CheckMetaPages(const std::string& path);

// Checks the tree of `transaction`, or the newest one. A file that is no log passes when it is a
// sound LMDB environment. Requires: nobody commits meanwhile, or `transaction` is that of a read
// transaction which is open. Fails: as PageFile::Open.
absl::StatusOr<PageReport> CheckPages(const std::string& path,
                                      std::optional<std::uint64_t> transaction = std::nullopt,
                                      const Progress& progress = {});

// Writes the numbers that the report found wrong. Requires: nobody has the file open.
// Fails: as the system's write.
absl::Status CorrectNumbers(const std::string& path, const PageReport& report);

// Calls `visit` for each node of each leaf that either meta page's tree reaches, whatever else is
// damaged, with the table's name; what both reach comes twice, of the newer one
// first. For salvage.
using VisitNode =
    std::function<void(const std::string& table, crdt::ByteView key, crdt::ByteView value)>;
// Marks in `reached` the pages in use, and those free.
void VisitLeaves(const PageFile& file, const VisitNode& visit, std::vector<bool>& reached);

}  // namespace weft::store
