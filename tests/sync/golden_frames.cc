#include "tests/sync/golden_frames.h"

#include <fstream>
#include <sstream>

#include "absl/strings/escaping.h"
#include "crdt/base/check.h"

namespace weft::sync {
namespace {

std::map<std::string, crdt::Bytes, std::less<>> Load() {
  std::map<std::string, crdt::Bytes, std::less<>> frames;
  std::ifstream file(WEFT_GOLDEN_FRAMES);
  CHECK(file.good());
  std::string line;
  while (std::getline(file, line)) {
    if (line.starts_with('#')) continue;
    std::istringstream fields(line);
    std::string name;
    std::string hex;
    fields >> name >> hex;
    const std::string bytes = absl::HexStringToBytes(hex);
    CHECK(!bytes.empty());
    frames.emplace(name, crdt::Bytes(bytes.begin(), bytes.end()));
  }
  CHECK(!frames.empty());
  return frames;
}

}  // namespace

const std::map<std::string, crdt::Bytes, std::less<>>& GoldenFrames() {
  static const auto& frames = *new std::map<std::string, crdt::Bytes, std::less<>>(Load());
  return frames;
}

const crdt::Bytes& GoldenFrame(std::string_view name) {
  const auto found = GoldenFrames().find(name);
  CHECK(found != GoldenFrames().end());
  return found->second;
}

}  // namespace weft::sync
