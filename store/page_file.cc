#include "store/page_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "store/system_error.h"

namespace weft::store {

namespace {

using crdt::ByteView;

constexpr std::uint32_t kMagic = 0xBEEFC0DE;
constexpr std::uint32_t kDataVersion = 1;
constexpr std::size_t kMetaBytes = 136;
constexpr std::size_t kNodeHeaderBytes = 8;
constexpr std::uint16_t kDirtyPage = 0x10;
constexpr std::size_t kMaxKeyBytes = 511;

template <typename Integer>
Integer Get(const std::uint8_t* in) {
  Integer value;
  std::memcpy(&value, in, sizeof(value));
  return value;
}

// Nothing, and `why`, when the node does not lie in the page.
std::optional<PageNode> DecodeNode(ByteView page, std::size_t offset, bool is_branch,
                                   std::size_t& node_bytes, const char*& why) {
  if (offset + kNodeHeaderBytes > page.size()) {
    why = "a node begins outside of the page";
    return {};
  }
  const std::uint8_t* in = page.data() + offset;
  const std::uint64_t low = Get<std::uint16_t>(in) | std::uint64_t{Get<std::uint16_t>(in + 2)}
                                                         << 16;
  const auto flags = Get<std::uint16_t>(in + 4);
  const std::size_t key_bytes = Get<std::uint16_t>(in + 6);
  const bool is_big = !is_branch && (flags & kBigData) != 0;
  const std::size_t data_bytes = is_branch ? 0 : is_big ? sizeof(PageNumber) : low;
  node_bytes = kNodeHeaderBytes + key_bytes + data_bytes;
  if (key_bytes > kMaxKeyBytes || offset + node_bytes > page.size()) {
    why = "a node ends outside of the page";
    return {};
  }
  PageNode node;
  node.key = page.subspan(offset + kNodeHeaderBytes, key_bytes);
  if (is_branch) {
    node.child = low | std::uint64_t{flags} << 32;
    return node;
  }
  if ((flags & ~(kBigData | kTableData | kDuplicateData)) != 0) {
    why = "a node has unknown flags";
    return {};
  }
  node.flags = flags;
  node.data = page.subspan(offset + kNodeHeaderBytes + key_bytes, data_bytes);
  if (is_big) {
    node.big_bytes = low;
    node.child = Get<PageNumber>(node.data.data());
  }
  return node;
}

}  // namespace

std::uint16_t PageFlags(ByteView page) { return Get<std::uint16_t>(page.data() + 10); }
PageNumber NumberOfPage(ByteView page) { return Get<PageNumber>(page.data()); }

TableHead DecodeTableHead(ByteView bytes) {
  const std::uint8_t* in = bytes.data();
  return {.pad = Get<std::uint32_t>(in),
          .flags = Get<std::uint16_t>(in + 4),
          .depth = Get<std::uint16_t>(in + 6),
          .branches = Get<std::uint64_t>(in + 8),
          .leaves = Get<std::uint64_t>(in + 16),
          .overflows = Get<std::uint64_t>(in + 24),
          .entries = Get<std::uint64_t>(in + 32),
          .root = Get<PageNumber>(in + 40)};
}

std::optional<NodePage> DecodeNodePage(ByteView bytes, const char*& why) {
  if (bytes.size() < kPageHeaderBytes) {
    why = "the page is not in the file";
    return {};
  }
  NodePage page;
  std::uint16_t flags = PageFlags(bytes);
  // LMDB leaves its mark of a changed page on pages inside of nodes.
  if ((flags & kDuplicatesPage) != 0) flags = flags & static_cast<std::uint16_t>(~kDirtyPage);
  page.is_branch = flags == kBranchPage;
  if (!page.is_branch && flags != kLeafPage && flags != (kLeafPage | kDuplicatesPage)) {
    why = "the page is neither a branch nor a leaf";
    return {};
  }
  const std::size_t lower = Get<std::uint16_t>(bytes.data() + 12);
  const std::size_t upper = Get<std::uint16_t>(bytes.data() + 14);
  if (lower < kPageHeaderBytes || lower % 2 != 0 || lower > upper || upper > bytes.size()) {
    why = "the page's bounds are wrong";
    return {};
  }
  const std::size_t count = (lower - kPageHeaderBytes) / 2;
  page.nodes.reserve(count);
  std::size_t used = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t offset = Get<std::uint16_t>(bytes.data() + kPageHeaderBytes + 2 * i);
    std::size_t node_bytes = 0;
    if (offset < upper) {
      why = "a node lies in the free part of its page";
      return {};
    }
    const auto node = DecodeNode(bytes, offset, page.is_branch, node_bytes, why);
    if (!node) return {};
    used += node_bytes + node_bytes % 2;
    page.nodes.push_back(*node);
  }
  if (used != bytes.size() - upper) {
    why = "the page's nodes do not fill it";
    return {};
  }
  return page;
}

std::optional<PageNode> DecodeLeafNode(ByteView page, std::size_t offset) {
  const char* why = "";
  std::size_t node_bytes = 0;
  return DecodeNode(page, offset, /*is_branch=*/false, node_bytes, why);
}

absl::StatusOr<std::unique_ptr<PageFile>> PageFile::Open(const std::string& path) {
  const std::string doing = absl::StrCat("cannot read ", path);
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return StatusFromCode(errno, doing);
  struct stat status{};
  void* mapped = MAP_FAILED;
  int code = fstat(descriptor, &status) == 0 ? 0 : errno;
  const auto size = static_cast<std::size_t>(status.st_size);
  if (code == 0 && size >= 2 * kPageHeaderBytes + 2 * kMetaBytes) {
    mapped = mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor, 0);
    if (mapped == MAP_FAILED) code = errno;
  }
  close(descriptor);
  if (code != 0) return StatusFromCode(code, doing);
  if (mapped == MAP_FAILED) {
    return absl::DataLossError(absl::StrCat(path, " is too short to be a database"));
  }
  std::unique_ptr<PageFile> file(new PageFile({static_cast<const std::uint8_t*>(mapped), size}));
  // The page size stands in both meta pages; the first place is known, the second follows from it.
  const auto page_bytes = Get<std::uint32_t>(file->bytes_.data() + kPageHeaderBytes + 24);
  if (page_bytes >= 512 && page_bytes <= 32768 && (page_bytes & (page_bytes - 1)) == 0) {
    file->page_bytes_ = page_bytes;
  }
  return file;
}

PageFile::~PageFile() { munmap(const_cast<std::uint8_t*>(bytes_.data()), bytes_.size()); }

ByteView PageFile::Pages(PageNumber page, std::uint64_t count) const {
  if (page >= page_count() || count > page_count() - page) return {};
  return bytes_.subspan(page * page_bytes_, count * page_bytes_);
}

std::optional<MetaPage> PageFile::Meta(int index) const {
  const ByteView page = Page(static_cast<PageNumber>(index));
  if (page.empty() || PageFlags(page) != kMetaPage) return {};
  const std::uint8_t* in = page.data() + kPageHeaderBytes;
  MetaPage meta;
  meta.magic = Get<std::uint32_t>(in);
  meta.version = Get<std::uint32_t>(in + 4);
  meta.address = Get<std::uint64_t>(in + 8);
  meta.free = DecodeTableHead(page.subspan(kPageHeaderBytes + 24, kTableHeadBytes));
  meta.main = DecodeTableHead(page.subspan(kPageHeaderBytes + 72, kTableHeadBytes));
  meta.last_page = Get<PageNumber>(in + 120);
  meta.transaction = Get<std::uint64_t>(in + 128);
  if (meta.magic != kMagic || meta.version != kDataVersion) return {};
  return meta;
}

std::optional<ByteView> PageFile::Big(const PageNode& node, std::uint64_t& pages,
                                      const char*& why) const {
  const ByteView first = Page(node.child);
  if (first.empty() || PageFlags(first) != kOverflowPage || NumberOfPage(first) != node.child) {
    why = "a large value's page is not one";
    return {};
  }
  pages = Get<std::uint32_t>(first.data() + 12);
  const std::uint64_t needed = (kPageHeaderBytes - 1 + node.big_bytes) / page_bytes_ + 1;
  const ByteView all = Pages(node.child, pages);
  if (pages < needed || all.empty()) {
    why = "a large value is longer than its pages";
    return {};
  }
  return all.subspan(kPageHeaderBytes, node.big_bytes);
}

}  // namespace weft::store
