// However the bytes of a client are cut, the frame parser sees the same messages and the same error.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "crdt/base/check.h"
#include "server/frame.h"

namespace {

using weft::server::FrameParser;

// What the parser makes of `input` when it comes in pieces of `piece` bytes.
std::vector<std::string> Parse(const std::vector<std::uint8_t>& input, std::size_t piece) {
  FrameParser parser(1 << 16);
  std::vector<std::string> seen;
  for (std::size_t at = 0; at < input.size() && !parser.error(); at += piece) {
    std::vector<std::uint8_t> bytes(
        input.begin() + static_cast<std::ptrdiff_t>(at),
        input.begin() + static_cast<std::ptrdiff_t>(std::min(at + piece, input.size())));
    parser.Feed(bytes);
    while (const auto event = parser.Next()) {
      seen.emplace_back(event->payload.begin(), event->payload.end());
      seen.back() += static_cast<char>(event->opcode);
      if (event->opcode == weft::server::Opcode::kClose)
        seen.back() += std::to_string(event->close_code);
    }
  }
  if (parser.error()) seen.emplace_back(parser.error()->reason);
  return seen;
}

}  // namespace

// The bytes that a client sends behind the upgrade.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::uint8_t> input(data, data + size);
  const std::vector<std::string> whole = Parse(input, input.size() + 1);
  CHECK(Parse(input, 1) == whole);
  CHECK(Parse(input, 7) == whole);
  return 0;
}
