#pragma once

// The file of an LMDB environment as bytes that may lie: every access is checked, so that a damaged
// page is a finding and never a crash. Reads only.
//
// Grammar, of little-endian 64-bit machines (source: LMDB 0.9, mdb.c):
//   file     := page*                                     page 0 and 1 are meta pages
//   page     := number:u64 pad:u16 flags:u16 (lower:u16 upper:u16 | pages:u32) rest
//   meta     := page(flags 8) magic:u32 version:u32 address:u64 map_bytes:u64
//               free:table main:table last_page:u64 transaction:u64
//   table    := pad:u32 flags:u16 depth:u16 branches:u64 leaves:u64 overflows:u64 entries:u64 root:u64
//   branch   := page(flags 1) offset:u16*  (node := child:48 bits key_size:u16 key)*
//   leaf     := page(flags 2) offset:u16*  (node := size:u32 flags:u16 key_size:u16 key data)*
//   data     := bytes | number:u64 of an overflow run (node flag 1) | table (flag 2)
//             | leaf of duplicates (flag 4) | table of duplicates (flags 6)
//   overflow := page(flags 4) of `pages` pages, the bytes behind its first 16
// Offsets count from the page's beginning; nodes fill a page from its end without gaps.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "crdt/base/bytes.h"

namespace weft::store {

using PageNumber = std::uint64_t;
inline constexpr PageNumber kNoPage = ~PageNumber{0};
inline constexpr std::size_t kPageHeaderBytes = 16;

inline constexpr std::uint16_t kBranchPage = 0x01;
inline constexpr std::uint16_t kLeafPage = 0x02;
inline constexpr std::uint16_t kOverflowPage = 0x04;
inline constexpr std::uint16_t kMetaPage = 0x08;
inline constexpr std::uint16_t kDuplicatesPage = 0x40;  // with kLeafPage: inside of a node

inline constexpr std::uint16_t kBigData = 0x01;
inline constexpr std::uint16_t kTableData = 0x02;
inline constexpr std::uint16_t kDuplicateData = 0x04;

struct TableHead {
  std::uint32_t pad = 0;
  std::uint16_t flags = 0;
  std::uint16_t depth = 0;
  std::uint64_t branches = 0;
  std::uint64_t leaves = 0;
  std::uint64_t overflows = 0;
  std::uint64_t entries = 0;
  PageNumber root = kNoPage;

  friend bool operator==(const TableHead&, const TableHead&) = default;
};
inline constexpr std::size_t kTableHeadBytes = 48;
// Requires: kTableHeadBytes bytes.
TableHead DecodeTableHead(crdt::ByteView bytes);

struct MetaPage {
  std::uint32_t magic = 0;
  std::uint32_t version = 0;
  std::uint64_t address = 0;
  TableHead free;
  TableHead main;
  PageNumber last_page = 0;
  std::uint64_t transaction = 0;

  friend bool operator==(const MetaPage&, const MetaPage&) = default;
};

struct PageNode {
  std::uint16_t flags = 0;  // of a leaf
  crdt::ByteView key;
  crdt::ByteView data;          // of a leaf, in the page
  std::uint64_t big_bytes = 0;  // with kBigData: how long the data is really
  PageNumber child = 0;         // of a branch, or of big data its overflow page
};

// A branch or leaf, whole or inside of a node, whose header and nodes stand where they may.
struct NodePage {
  bool is_branch = false;
  std::vector<PageNode> nodes;
};
// Nothing, and `why`, when `bytes` are no such page. Views point into `bytes`.
std::optional<NodePage> DecodeNodePage(crdt::ByteView bytes, const char*& why);

// A node of a leaf that may begin at `offset`; nothing when it does not lie in the page.
std::optional<PageNode> DecodeLeafNode(crdt::ByteView page, std::size_t offset);

class PageFile {
 public:
  // Fails: as the system's open and mmap; kDataLoss when the file is too short for an environment.
  static absl::StatusOr<std::unique_ptr<PageFile>> Open(const std::string& path);
  ~PageFile();
  PageFile(const PageFile&) = delete;
  PageFile& operator=(const PageFile&) = delete;

  std::size_t page_bytes() const { return page_bytes_; }
  std::uint64_t page_count() const { return bytes_.size() / page_bytes_; }

  // Empty beyond the end of the file.
  crdt::ByteView Page(PageNumber page) const { return Pages(page, 1); }
  crdt::ByteView Pages(PageNumber page, std::uint64_t count) const;

  // Meta page 0 or 1; nothing when its magic, version or flags are wrong.
  std::optional<MetaPage> Meta(int index) const;

  // The data of an overflow run; nothing, and `why`, when there is none of this size.
  std::optional<crdt::ByteView> Big(const PageNode& node, std::uint64_t& pages,
                                    const char*& why) const;

 private:
  explicit PageFile(crdt::ByteView bytes) : bytes_(bytes) {}

  crdt::ByteView bytes_;  // mapped
  std::size_t page_bytes_ = 4096;
};

std::uint16_t PageFlags(crdt::ByteView page);
PageNumber NumberOfPage(crdt::ByteView page);

}  // namespace weft::store
