#include "store/page_check.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "store/format.h"
#include "store/system_error.h"

namespace weft::store {

namespace {

using crdt::ByteView;

constexpr std::uint16_t kSortedDuplicates = 0x04;  // a table's flag
constexpr std::uint16_t kIntegerKeys = 0x08;
constexpr int kMaxDepth = 32;
constexpr std::size_t kLastPageOffset = kPageHeaderBytes + 120;  // in a meta page

enum class KeyOrder : std::uint8_t { kBytes, kInteger };

// Below, at or above 0, as LMDB orders keys.
int Compare(KeyOrder order, ByteView a, ByteView b) {
  if (order == KeyOrder::kInteger && a.size() == 8 && b.size() == 8) {
    std::uint64_t left = 0;
    std::uint64_t right = 0;
    std::memcpy(&left, a.data(), 8);
    std::memcpy(&right, b.data(), 8);
    return left < right ? -1 : left > right ? 1 : 0;
  }
  const int bytes = std::memcmp(a.data(), b.data(), std::min(a.size(), b.size()));
  if (bytes != 0) return bytes;
  return a.size() < b.size() ? -1 : a.size() > b.size() ? 1 : 0;
}

// Walks the trees of one meta page.
class Walk {
 public:
  Walk(const PageFile& file, const MetaPage& meta, PageReport& report, const VisitNode& visit,
       std::vector<bool>& used, const Progress& progress)
      : file_(file), meta_(meta), report_(report), visit_(visit), used_(used), progress_(progress) {
    used_.assign(std::min(meta.last_page + 1, file.page_count()), false);
  }

  void Run() {
    if (meta_.free.pad != file_.page_bytes() || meta_.free.flags != kIntegerKeys ||
        meta_.main.flags != 0 || meta_.main.pad != 0 || meta_.address != 0) {
      Find(meta_.transaction & 1, "the meta page's settings are wrong");
    }
    if (meta_.last_page >= file_.page_count()) {
      Find(meta_.transaction & 1, "the file ends before its last page");
    }
    in_free_ = true;
    WalkTable("free pages", meta_.free, KeyOrder::kInteger);
    in_free_ = false;
    WalkTable("", meta_.main, KeyOrder::kBytes);
    report_.used_pages = 2 + tree_pages_;
    MarkFree();
  }

 private:
  void Find(PageNumber page, std::string what) {
    if (report_.findings.size() < PageReport::kMaxFindings) {
      report_.findings.push_back({.page = page, .what = std::move(what)});
    }
  }

  // Whether nobody had claimed these pages.
  bool Claim(PageNumber page, std::uint64_t count, const char* what) {
    for (PageNumber i = page; i < page + count; ++i) {
      if (i < 2 || i >= used_.size()) {
        Find(i, absl::StrCat(what, " lies outside of the file's pages"));
        return false;
      }
      if (used_[i]) {
        Find(i, absl::StrCat(what, " is in use twice"));
        return false;
      }
      used_[i] = true;
    }
    return true;
  }

  void WalkTable(const std::string& name, const TableHead& head, KeyOrder order) {
    TableHead found{.pad = head.pad, .flags = head.flags, .depth = head.depth, .root = head.root};
    if (head.root == kNoPage) {
      found.depth = 0;
    } else if (head.depth == 0 || head.depth > kMaxDepth) {
      Find(0, absl::StrCat("the table \"", name, "\" has an impossible depth"));
      return;
    } else {
      WalkPage(name, head.root, head.depth, order, {}, {}, found);
    }
    if (found != head) Find(0, absl::StrCat("the table \"", name, "\" counts other than it holds"));
  }

  // `low` and `high` bound the keys, empty for no bound.
  void WalkPage(const std::string& table, PageNumber number, int levels, KeyOrder order,
                ByteView low, ByteView high, TableHead& found) {
    const char* why = "";
    if (!Claim(number, 1, "a page of a table")) return;
    ++tree_pages_;
    if (progress_ && tree_pages_ % 4096 == 0) progress_(tree_pages_, meta_.last_page + 1);
    const ByteView bytes = file_.Page(number);
    const auto page = DecodeNodePage(bytes, why);
    if (!page) return Find(number, why);
    if (NumberOfPage(bytes) != number) return Find(number, "the page has another's number");
    if (page->is_branch != (levels > 1) || PageFlags(bytes) > kLeafPage) {
      return Find(number, "the page stands at the wrong depth of its table");
    }
    if (page->nodes.size() < (page->is_branch ? 2 : 1)) return Find(number, "the page is empty");
    ++(page->is_branch ? found.branches : found.leaves);
    // The first key of a branch stands for everything below the second.
    for (std::size_t i = page->is_branch ? 1 : 0; i < page->nodes.size(); ++i) {
      const ByteView key = page->nodes[i].key;
      const bool first = i == (page->is_branch ? 1U : 0U);
      if (order == KeyOrder::kInteger && key.size() != 8)
        return Find(number, "a key of wrong size");
      if (first ? (low.data() != nullptr && Compare(order, key, low) < 0)
                : Compare(order, page->nodes[i - 1].key, key) >= 0) {
        return Find(number, "keys are out of order");
      }
    }
    if (high.data() != nullptr && Compare(order, page->nodes.back().key, high) >= 0) {
      return Find(number, "keys are out of order");
    }
    for (std::size_t i = 0; i < page->nodes.size(); ++i) {
      const PageNode& node = page->nodes[i];
      if (page->is_branch) {
        const ByteView from = i == 0 ? low : node.key;
        const ByteView to = i + 1 < page->nodes.size() ? page->nodes[i + 1].key : high;
        WalkPage(table, node.child, levels - 1, order, from, to, found);
      } else {
        WalkNode(table, number, node, found);
      }
    }
  }

  void WalkNode(const std::string& table, PageNumber page, const PageNode& node, TableHead& found) {
    if ((node.flags & kDuplicateData) != 0) {
      if (table != kNamesTable) return Find(page, "a value has duplicates where none may be");
      return WalkDuplicates(table, page, node, found);
    }
    ++found.entries;
    if ((node.flags & kTableData) != 0) {
      if (!table.empty() || node.flags != kTableData || node.data.size() != kTableHeadBytes) {
        return Find(page, "a table stands where none may be");
      }
      const std::string name(crdt::AsText(node.key));
      const TableHead head = DecodeTableHead(node.data);
      const std::uint16_t flags = name == kNamesTable ? kSortedDuplicates : 0;
      if (head.flags != flags || head.pad != 0) {
        // Another database's tables may be of any kind; ours are refused when opened.
        if (head.flags != flags && !IsOurs(name)) return;
        return Find(page, absl::StrCat("the table \"", name, "\" is of another kind"));
      }
      return WalkTable(name, head, KeyOrder::kBytes);
    }
    ByteView value = node.data;
    if ((node.flags & kBigData) != 0) {
      const char* why = "";
      std::uint64_t pages = 0;
      const auto big = file_.Big(node, pages, why);
      if (!big) return Find(page, why);
      if (!Claim(node.child, pages, "a large value")) return;
      tree_pages_ += pages;
      found.overflows += pages;
      value = *big;
    }
    if (in_free_) NoteFree(page, value);
    if (visit_ && !in_free_) visit_(table, node.key, value);
  }

  void WalkDuplicates(const std::string& table, PageNumber number, const PageNode& node,
                      TableHead& found) {
    if ((node.flags & kTableData) != 0) {
      if (node.data.size() != kTableHeadBytes) return Find(number, "a table of wrong size");
      // Their keys are the values; each counts as an entry of the table around them.
      const TableHead head = DecodeTableHead(node.data);
      const VisitNode visit = std::exchange(visit_, {});
      const std::uint64_t before = report_.findings.size();
      if (visit) {
        visit_ = [&](const std::string& inner, ByteView duplicate, ByteView) {
          visit(inner, node.key, duplicate);
        };
      }
      WalkTable("duplicates", head, KeyOrder::kBytes);
      visit_ = visit;
      if (report_.findings.size() == before) found.entries += head.entries;
      return;
    }
    const char* why = "";
    if (node.data.size() < kPageHeaderBytes || (PageFlags(node.data) & kDuplicatesPage) == 0) {
      return Find(number, "duplicates without a page");
    }
    const auto page = DecodeNodePage(node.data, why);
    if (!page || page->is_branch || page->nodes.empty()) return Find(number, why);
    for (std::size_t i = 0; i < page->nodes.size(); ++i) {
      const PageNode& duplicate = page->nodes[i];
      if (duplicate.flags != 0 || !duplicate.data.empty() ||
          (i > 0 && Compare(KeyOrder::kBytes, page->nodes[i - 1].key, duplicate.key) >= 0)) {
        return Find(number, "duplicates are out of order");
      }
      ++found.entries;
      if (visit_) visit_(table, node.key, duplicate.key);
    }
  }

  static bool IsOurs(const std::string& name) {
    for (const char* ours : {kMetaTable, kNamesTable, kRoomsTable, kRecordsTable, kSnapshotsTable,
                             kVersionsTable, kQuarantineTable}) {
      if (name == ours) return true;
    }
    return false;
  }

  // A list of free pages: their count, then the numbers in descending order.
  void NoteFree(PageNumber page, ByteView value) {
    std::vector<PageNumber> list(value.size() / sizeof(PageNumber));
    std::memcpy(list.data(), value.data(), list.size() * sizeof(PageNumber));
    if (list.empty() || list[0] >= list.size()) return Find(page, "a list of free pages is wrong");
    for (std::size_t i = 1; i <= list[0]; ++i) {
      if (i > 1 && list[i] >= list[i - 1]) return Find(page, "free pages are out of order");
      found_free_.push_back(list[i]);
    }
  }

  void MarkFree() {
    for (const PageNumber page : found_free_) {
      if (Claim(page, 1, "a free page")) ++report_.free_pages;
    }
  }

  const PageFile& file_;
  const MetaPage& meta_;
  PageReport& report_;
  VisitNode visit_;
  std::vector<bool>& used_;
  const Progress& progress_;
  std::uint64_t tree_pages_ = 0;
  bool in_free_ = false;
  std::vector<PageNumber> found_free_;
};

// The value of a key of the main table, found by a walk down that trusts nothing.
std::optional<ByteView> FindInMain(const PageFile& file, const MetaPage& meta,
                                   std::string_view key) {
  PageNumber number = meta.main.root;
  for (int level = 0; level < kMaxDepth && number != kNoPage; ++level) {
    const char* why = "";
    const auto page = DecodeNodePage(file.Page(number), why);
    if (!page || page->nodes.empty()) return {};
    std::size_t at = 0;
    while (at + 1 < page->nodes.size() &&
           Compare(KeyOrder::kBytes, page->nodes[at + 1].key, crdt::AsBytes(key)) <= 0) {
      ++at;
    }
    const PageNode& node = page->nodes[at];
    if (page->is_branch) {
      number = node.child;
      continue;
    }
    if (crdt::AsText(node.key) != key) return {};
    return node.data;
  }
  return {};
}

// The transaction that wrote what the meta page points to; nothing when no seal tells.
std::optional<std::uint64_t> SealOf(const PageFile& file, const MetaPage& meta) {
  if (meta.main.root == kNoPage && meta.transaction == 0) return 0;
  const auto value = FindInMain(file, meta, kSealKey);
  const auto seal = value ? DecodeSeal(*value) : std::nullopt;
  return seal ? std::optional(seal->transaction) : std::nullopt;
}

// Logs of format version 1, and databases that are no logs, have no seals.
bool WantsSeal(const PageFile& file, const MetaPage& meta) {
  return FindInMain(file, meta, kSnapshotsTable) || FindInMain(file, meta, kSealKey);
}

// What a meta page has to be before anything that it says is followed.
void CheckMeta(const PageFile& file, PageNumber page, const std::optional<MetaPage>& meta,
               PageReport& report) {
  if (!meta) {
    report.findings.push_back({page, "not a meta page"});
  } else if (meta->free.pad != file.page_bytes()) {
    report.findings.push_back({page, "the meta page has another page size"});
  }
}

// The meta page to go by, or nothing; findings tell why it or the other one is not to be trusted.
std::optional<MetaPage> ChooseMeta(const PageFile& file, std::optional<std::uint64_t> transaction,
                                   PageReport& report) {
  std::optional<MetaPage> metas[2];
  for (int i = 0; i < 2; ++i) {
    // Another process may be writing a meta page: read until it stands still.
    for (int tries = 0; tries < 100; ++tries) {
      metas[i] = file.Meta(i);
      if (metas[i] == file.Meta(i)) break;
    }
    CheckMeta(file, static_cast<PageNumber>(i), metas[i], report);
  }
  if (transaction) {
    const auto& wanted = metas[*transaction & 1];
    if (!wanted || wanted->transaction != *transaction) {
      report.findings.push_back({*transaction & 1, "the transaction's meta page has changed"});
      return {};
    }
    const auto own_seal = SealOf(file, *wanted);
    if (own_seal && *own_seal != *transaction) {
      report.findings.push_back({*transaction & 1, "the meta page has another's number"});
    }
    // The other one may be the newer one, under a number that is not its own. The read transaction
    // keeps its tree as well.
    const PageNumber other_page = ~*transaction & 1;
    const auto& other = metas[other_page];
    const auto seal = other ? SealOf(file, *other) : std::nullopt;
    if (seal && (*seal & 1) == other_page && *seal > *transaction && *seal != other->transaction) {
      report.findings.push_back({other_page, "the newest meta page has another's number"});
    }
    return wanted;
  }
  if (!metas[0] || !metas[1]) return metas[0] ? metas[0] : metas[1];
  const auto newest = [&] {
    return metas[0]->transaction > metas[1]->transaction ? *metas[0] : *metas[1];
  };
  if (!WantsSeal(file, *metas[0]) && !WantsSeal(file, *metas[1])) return newest();
  if (metas[0]->transaction == 0 && metas[1]->transaction == 1 && SealOf(file, *metas[1]) != 1) {
    report.needs_seal = true;
    return newest();
  }
  for (PageNumber i = 0; i < 2; ++i) {
    MetaPage& meta = *metas[i];
    const auto seal = SealOf(file, meta);
    if (!seal || (*seal & 1) != i) {
      report.findings.push_back({i, "the meta page points to no tree that was committed"});
    } else if (*seal != meta.transaction) {
      // LMDB gives a page its old number back when the write of a new one has failed, and a flipped
      // bit does the same: the tree behind it is the truth, if it is a whole. An older root, which
      // a flipped bit can lead to as well, is not: its pages are among the free ones by now.
      meta.transaction = *seal;
      meta.last_page = file.page_count() - 1;
      PageReport of_tree;
      std::vector<bool> used;
      Walk(file, meta, of_tree, {}, used, {}).Run();
      if (of_tree.findings.empty()) {
        report.wrong_numbers.push_back({i, meta.transaction, meta.last_page});
      } else {
        report.findings.push_back({i, "the meta page points to an older tree"});
      }
    }
  }
  return newest();
}

}  // namespace

absl::Status PageReport::status() const {
  if (findings.empty()) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(
      "page ", findings.front().page, " of the data file is damaged: ", findings.front().what,
      findings.size() > 1 ? absl::StrCat(" (and ", findings.size() - 1, " more)") : ""));
}

absl::Status CorrectNumbers(const std::string& path, const PageReport& report) {
  const std::string doing = absl::StrCat("cannot correct a meta page of ", path);
  const int descriptor = open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (descriptor < 0) return StatusFromCode(errno, doing);
  int code = 0;
  for (const PageReport::WrongNumber& wrong : report.wrong_numbers) {
    const std::uint64_t words[2] = {wrong.last_page, wrong.transaction};
    const auto offset = static_cast<off_t>(wrong.page * report.page_bytes + kLastPageOffset);
    errno = EIO;
    if (pwrite(descriptor, words, sizeof(words), offset) != sizeof(words)) code = errno;
  }
  if (code == 0 && fsync(descriptor) != 0) code = errno;
  close(descriptor);
  return code == 0 ? absl::OkStatus() : StatusFromCode(code, doing);
}

absl::Status CheckMetaPages(const std::string& path) {
  const auto file = PageFile::Open(path);
  if (!file.ok()) return file.status();
  PageReport report;
  for (int i = 0; i < 2; ++i) {
    CheckMeta(**file, static_cast<PageNumber>(i), (*file)->Meta(i), report);
  }
  return report.status();
}

absl::StatusOr<PageReport> CheckPages(const std::string& path,
                                      std::optional<std::uint64_t> transaction,
                                      const Progress& progress) {
  const auto file = PageFile::Open(path);
  if (!file.ok()) return file.status();
  PageReport report;
  const auto meta = ChooseMeta(**file, transaction, report);
  if (!meta) return report;
  report.pages = meta->last_page + 1;
  report.page_bytes = (*file)->page_bytes();
  report.transaction = meta->transaction;
  std::vector<bool> used;
  Walk(**file, *meta, report, {}, used, progress).Run();
  return report;
}

void VisitLeaves(const PageFile& file, const VisitNode& visit, std::vector<bool>& reached) {
  reached.assign(file.page_count(), false);
  // The older tree too: which one is newer is what may be damaged.
  std::optional<MetaPage> metas[2] = {file.Meta(0), file.Meta(1)};
  if (metas[0] && metas[1] && metas[0]->transaction < metas[1]->transaction) {
    std::swap(metas[0], metas[1]);
  }
  for (const std::optional<MetaPage>& meta : metas) {
    if (!meta) continue;
    PageReport report;
    std::vector<bool> used;
    Walk(file, *meta, report, visit, used, {}).Run();
    for (std::size_t page = 0; page < std::min(used.size(), reached.size()); ++page) {
      if (used[page]) reached[page] = true;
    }
  }
}

}  // namespace weft::store
