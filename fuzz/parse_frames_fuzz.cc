// However the bytes of a client are cut, the frame parser sees the same messages and the same error; what is told is framed as what it is.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/base/bytes.h"
#include "crdt/base/check.h"
#include "crdt/base/utf.h"
#include "server/frame.h"

namespace {

using weft::server::FrameParser;
using weft::server::Opcode;

// A frame of ours: whole, without a mask, its length in the fewest bytes.
void CheckFrame(Opcode opcode, weft::crdt::ByteView payload) {
  weft::crdt::Bytes frame;
  weft::server::AppendFrame(frame, opcode, payload);
  const std::size_t head = payload.size() <= 125 ? 2 : payload.size() <= 0xffff ? 4 : 10;
  CHECK(frame.size() == head + payload.size());
  CHECK(frame[0] == (0x80 | static_cast<std::uint8_t>(opcode)));
  CHECK(frame[1] == (head == 2 ? payload.size() : head == 4 ? 126 : 127));
  std::size_t length = head == 2 ? payload.size() : 0;
  for (std::size_t i = 2; i < head; ++i) length = length << 8 | frame[i];
  CHECK(length == payload.size());
  CHECK(std::ranges::equal(weft::crdt::ByteView(frame).subspan(head), payload));
}

// A close frame of ours: its reason is the beginning of `reason`, cut between characters.
void CheckCloseFrame(std::string_view reason) {
  weft::crdt::Bytes frame;
  weft::server::AppendCloseFrame(frame, weft::server::CloseCode::kBadText, reason);
  CHECK(frame.size() >= 4 && frame.size() <= 2 + 125);
  const std::string_view told = weft::crdt::AsText(frame).substr(4);
  CHECK(reason.starts_with(told));
  CHECK(!weft::crdt::IsValidUtf8(reason) || weft::crdt::IsValidUtf8(told));
}

// What a parser of messages of that kind makes of `input` when it comes in pieces of `piece` bytes.
std::vector<std::string> Parse(const std::vector<std::uint8_t>& input, std::size_t piece,
                               Opcode kind) {
  FrameParser parser(1 << 16, kind);
  std::vector<std::string> seen;
  for (std::size_t at = 0; at < input.size() && !parser.error(); at += piece) {
    std::vector<std::uint8_t> bytes(
        input.begin() + static_cast<std::ptrdiff_t>(at),
        input.begin() + static_cast<std::ptrdiff_t>(std::min(at + piece, input.size())));
    parser.Feed(bytes);
    while (const auto event = parser.Next()) {
      CheckFrame(event->opcode, event->payload);
      CheckCloseFrame(weft::crdt::AsText(event->payload));
      CHECK(event->opcode != Opcode::kText ||
            weft::crdt::IsValidUtf8(weft::crdt::AsText(event->payload)));
      seen.emplace_back(event->payload.begin(), event->payload.end());
      seen.back() += static_cast<char>(event->opcode);
      if (event->opcode == Opcode::kClose) seen.back() += std::to_string(event->close_code);
    }
  }
  if (parser.error()) seen.emplace_back(parser.error()->reason);
  return seen;
}

}  // namespace

// The bytes that a client sends behind the upgrade.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::uint8_t> input(data, data + size);
  for (const Opcode kind : {Opcode::kBinary, Opcode::kText}) {
    const std::vector<std::string> whole = Parse(input, input.size() + 1, kind);
    CHECK(Parse(input, 1, kind) == whole);
    CHECK(Parse(input, 7, kind) == whole);
  }
  return 0;
}
