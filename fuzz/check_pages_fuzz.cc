// Whatever a log's file has become, checking its pages and going through its leaves ends, and what passes shows what it was.

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "crdt/base/check.h"
#include "fuzz/input.h"
#include "store/page_check.h"
#include "store/update_log.h"

namespace {

using namespace weft::store;
namespace fs = std::filesystem;

// A folder that goes with the program.
class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "weft-fuzz-XXXXXX").string();
    CHECK(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { fs::remove_all(path_); }
  std::string path() const { return path_.string(); }

 private:
  fs::path path_;
};

UpdateLog::Options OptionsFor(const std::string& directory) {
  return {.directory = directory,
          .durability = Durability::kNone,
          .initial_map_bytes = std::size_t{1} << 20};
}

std::string Contents(const UpdateLog& log, const std::string& room) {
  std::string content;
  const auto report =
      log.Load(room, [&](const Record& record) { content += weft::crdt::AsText(record.payload); });
  return report.ok() && report->status().ok() ? content : std::string();
}

// The file of a closed log, with long names and values, a tree of two levels and freed pages.
std::vector<std::uint8_t> MakeImage() {
  const Folder folder;
  {
    const auto log = UpdateLog::Open(OptionsFor(folder.path()));
    CHECK(log.ok());
    for (const std::string& room : {std::string("a"), std::string("b"), std::string(505, 'n')}) {
      for (int i = 0; i < 12; ++i) {
        const std::string payload(i == 7 ? 6'000 : 300, static_cast<char>('a' + i));
        CHECK((*log)
                  ->TryAppend({.room = room, .time_ms = i, .payload = weft::crdt::AsBytes(payload)},
                              [](const auto& appended) { CHECK(appended.ok()); })
                  .ok());
      }
    }
    (*log)->Flush();
    CHECK((*log)->DeleteRoom("b").ok());
  }
  std::ifstream file(folder.path() + "/data.mdb", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

struct Image {
  std::vector<std::uint8_t> sound = MakeImage();
  int file = memfd_create("pages", 0);
  std::string path = "/proc/self/fd/" + std::to_string(file);
  Folder folder;
  std::string content;

  Image() {
    Write(sound);
    content = Show();
    CHECK(content.size() == 11 * 300 + 6'000);
  }

  void Write(const std::vector<std::uint8_t>& bytes) const {
    CHECK(ftruncate(file, 0) == 0);
    CHECK(pwrite(file, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  }

  // What the room "a" shows to whoever opens a copy of the file; empty when it is refused.
  std::string Show() const {
    fs::remove_all(folder.path());
    fs::create_directory(folder.path());
    fs::copy_file(path, folder.path() + "/data.mdb");
    const auto log = UpdateLog::Open(OptionsFor(folder.path()));
    return log.ok() ? Contents(**log, "a") : std::string();
  }
};

}  // namespace

// A script of patches: where (three bytes), how long (one, and 255 cuts the file there), the bytes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Image image;
  std::vector<std::uint8_t> bytes = image.sound;
  weft::fuzz::Script script({data, size});
  while (!script.at_end()) {
    const std::size_t where = (script.Below(1 << 16) | script.Below(256) << 16) % bytes.size();
    const std::size_t length = script.Byte();
    if (length == 255) {
      bytes.resize(std::max<std::size_t>(where, 1));
      continue;
    }
    const auto patch = script.Take(std::min(length % 32, bytes.size() - where));
    std::ranges::copy(patch, bytes.begin() + static_cast<std::ptrdiff_t>(where));
  }
  image.Write(bytes);
  const auto file = PageFile::Open(image.path);
  if (file.ok()) {
    std::size_t visited = 0;
    std::vector<bool> reached;
    VisitLeaves(
        **file, [&](const std::string&, weft::crdt::ByteView, weft::crdt::ByteView) { ++visited; },
        reached);
    // Two trees, and no node in less than eight bytes.
    CHECK(visited <= 2 * bytes.size() / 8);
  }
  const auto report = CheckPages(image.path);
  if (!report.ok()) return 0;
  CHECK(report->findings.size() <= PageReport::kMaxFindings);
  if (!report->status().ok() || bytes == image.sound) return 0;
  const std::string shown = image.Show();
  CHECK(shown.empty() || shown == image.content);
  return 0;
}
