#include "server/frame.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>

#include "tests/server/client_frames.h"

namespace weft::server {
namespace {

using crdt::Bytes;

constexpr std::size_t kLimit = 1 << 20;

struct Parsed {
  std::vector<FrameParser::Event> events;
  std::vector<Bytes> payloads;
  std::optional<FrameParser::Error> error;
};

// Feeds `bytes` in pieces of at most `piece` bytes.
Parsed Parse(Bytes bytes, std::size_t piece = SIZE_MAX, std::size_t limit = kLimit) {
  FrameParser parser(limit);
  Parsed parsed;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t size = std::min(piece, bytes.size() - at);
    parser.Feed(std::span(bytes).subspan(at, size));
    while (const auto event = parser.Next()) {
      parsed.events.push_back(*event);
      parsed.payloads.emplace_back(event->payload.begin(), event->payload.end());
    }
    at += size;
  }
  parsed.error = parser.error();
  return parsed;
}

CloseCode ErrorOf(const Bytes& bytes) {
  const Parsed parsed = Parse(bytes);
  EXPECT_TRUE(parsed.error.has_value());
  return parsed.error ? parsed.error->code : CloseCode::kNormal;
}

Bytes Filled(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 7);
  return bytes;
}

TEST(FrameParser, ReadsAMessageOfEveryLengthForm) {
  for (const std::size_t size : {0, 1, 125, 126, 127, 65'535, 65'536, 70'001}) {
    const Bytes message = Filled(size);
    const Parsed parsed = Parse(ClientFrame(Opcode::kBinary, message));
    ASSERT_EQ(parsed.payloads.size(), 1U) << size;
    EXPECT_EQ(parsed.payloads[0], message) << size;
    EXPECT_EQ(parsed.events[0].opcode, Opcode::kBinary);
    EXPECT_FALSE(parsed.error);
  }
}

TEST(FrameParser, OfTextItTakesTextAlone) {
  const auto parse = [](Bytes bytes) {
    FrameParser parser(kLimit, Opcode::kText);
    std::vector<std::string> texts;
    parser.Feed(bytes);
    while (const auto event = parser.Next()) {
      EXPECT_EQ(event->opcode, Opcode::kText);
      texts.emplace_back(crdt::AsText(event->payload));
    }
    return std::pair(texts, parser.error() ? parser.error()->code : CloseCode::kNormal);
  };
  const std::string_view text = "h\u00e9";
  const crdt::ByteView bytes = crdt::AsBytes(text);
  EXPECT_EQ(parse(ClientFrame(Opcode::kText, bytes)),
            std::pair(std::vector<std::string>{std::string(text)}, CloseCode::kNormal));
  // A character may be cut by a fragment, but not by the end.
  Bytes cut = ClientFrame(Opcode::kText, bytes.first(2), {.final = false});
  Append(cut, ClientFrame(Opcode::kContinuation, bytes.subspan(2)));
  EXPECT_EQ(parse(cut).first, std::vector<std::string>{std::string(text)});
  EXPECT_EQ(parse(ClientFrame(Opcode::kText, bytes.first(2))).second, CloseCode::kBadText);
  EXPECT_EQ(parse(ClientFrame(Opcode::kBinary, bytes)).second, CloseCode::kUnsupported);
}

RC_GTEST_PROP(FrameParser, HowTheBytesAreCutDoesNotMatter, ()) {
  Bytes bytes;
  std::vector<Bytes> sent;
  const auto messages = *rc::gen::inRange<int>(1, 6);
  for (int i = 0; i < messages; ++i) {
    const Bytes message = Filled(*rc::gen::element<std::size_t>(0, 1, 5, 125, 126, 300, 5'000));
    const std::size_t cut = *rc::gen::inRange<std::size_t>(0, message.size() + 1);
    const bool fragmented = *rc::gen::arbitrary<bool>();
    const bool ping_between = *rc::gen::arbitrary<bool>();
    const crdt::ByteView view(message);
    if (fragmented) {
      Append(bytes, ClientFrame(Opcode::kBinary, view.first(cut), {.final = false}));
      if (ping_between) Append(bytes, ClientFrame(Opcode::kPing, Bytes{1, 2}));
      Append(bytes, ClientFrame(Opcode::kContinuation, view.subspan(cut)));
    } else {
      Append(bytes, ClientFrame(Opcode::kBinary, view));
    }
    sent.push_back(message);
  }
  const Parsed parsed = Parse(bytes, *rc::gen::element<std::size_t>(1, 2, 3, 7, 64, 1'000));
  RC_ASSERT(!parsed.error.has_value());
  std::vector<Bytes> received;
  for (std::size_t i = 0; i < parsed.events.size(); ++i) {
    if (parsed.events[i].opcode == Opcode::kBinary) received.push_back(parsed.payloads[i]);
  }
  RC_ASSERT(received == sent);
}

RC_GTEST_PROP(FrameParser, ArbitraryBytesNeitherCrashItNorYieldTooLargeMessages, ()) {
  const auto bytes = *rc::gen::arbitrary<Bytes>();
  const Parsed parsed = Parse(bytes, *rc::gen::inRange<std::size_t>(1, 10), 64);
  for (const Bytes& payload : parsed.payloads) RC_ASSERT(payload.size() <= 125U);
}

TEST(FrameParser, TellsTheCodeAndTheReasonOfACloseFrame) {
  const Bytes payload = {0x03, 0xE9, 'b', 'y', 'e'};
  const Parsed parsed = Parse(ClientFrame(Opcode::kClose, payload));
  ASSERT_EQ(parsed.events.size(), 1U);
  EXPECT_EQ(parsed.events[0].opcode, Opcode::kClose);
  EXPECT_EQ(parsed.events[0].close_code, 1001);
  EXPECT_EQ(crdt::AsText(parsed.payloads[0]), "bye");
  EXPECT_EQ(Parse(ClientFrame(Opcode::kClose, {})).events.at(0).close_code, 1005);
}

TEST(FrameParser, RefusesWhatAClientMayNotSend) {
  const Bytes text = {'h', 'i'};
  EXPECT_EQ(ErrorOf(ClientFrame(Opcode::kBinary, text, {.masked = false})),
            CloseCode::kProtocolError);
  EXPECT_EQ(ErrorOf(ClientFrame(Opcode::kBinary, text, {.reserved = 0x40})),
            CloseCode::kProtocolError);
  EXPECT_EQ(ErrorOf(ClientFrame(static_cast<Opcode>(3), text)), CloseCode::kProtocolError);
  EXPECT_EQ(ErrorOf(ClientFrame(static_cast<Opcode>(11), text)), CloseCode::kProtocolError);
  EXPECT_EQ(ErrorOf(ClientFrame(Opcode::kPing, text, {.final = false})), CloseCode::kProtocolError);
  EXPECT_EQ(ErrorOf(ClientFrame(Opcode::kPing, Filled(126))), CloseCode::kProtocolError);
  EXPECT_EQ(ErrorOf(ClientFrame(Opcode::kContinuation, text)), CloseCode::kProtocolError);
  EXPECT_EQ(ErrorOf(ClientFrame(Opcode::kText, text)), CloseCode::kUnsupported);
  EXPECT_EQ(ErrorOf(ClientFrame(Opcode::kClose, Bytes{3})), CloseCode::kProtocolError);
  EXPECT_EQ(ErrorOf(ClientFrame(Opcode::kClose, Bytes{0x03, 0xED})), CloseCode::kProtocolError);
  EXPECT_EQ(ErrorOf(ClientFrame(Opcode::kClose, Bytes{0x03, 0xE8, 0xFF})), CloseCode::kBadText);
}

TEST(FrameParser, RefusesAMessageWithinAMessage) {
  Bytes bytes = ClientFrame(Opcode::kBinary, Bytes{1}, {.final = false});
  Append(bytes, ClientFrame(Opcode::kBinary, Bytes{2}));
  EXPECT_EQ(ErrorOf(bytes), CloseCode::kProtocolError);
}

TEST(FrameParser, RefusesLengthsThatAreLongerThanTheyNeedToBe) {
  EXPECT_EQ(ErrorOf({0x82, 0x80 | 126, 0, 125, 0, 0, 0, 0}), CloseCode::kProtocolError);
  EXPECT_EQ(ErrorOf({0x82, 0x80 | 127, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0}),
            CloseCode::kProtocolError);
}

TEST(FrameParser, RefusesTooLargeMessagesByTheirHeaderAlone) {
  EXPECT_EQ(ErrorOf({0x82, 0x80 | 127, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0}),
            CloseCode::kTooBig);
  // Fragments count together.
  Bytes bytes = ClientFrame(Opcode::kBinary, Filled(60), {.final = false});
  Append(bytes, ClientFrame(Opcode::kContinuation, Filled(5)));
  const Parsed parsed = Parse(bytes, SIZE_MAX, 64);
  ASSERT_TRUE(parsed.error);
  EXPECT_EQ(parsed.error->code, CloseCode::kTooBig);
  EXPECT_TRUE(Parse(ClientFrame(Opcode::kBinary, Filled(64)), SIZE_MAX, 64).payloads.size() == 1);
}

TEST(FrameParser, SaysNothingMoreAfterAnError) {
  Bytes bytes = ClientFrame(Opcode::kText, Bytes{'x'});
  Append(bytes, ClientFrame(Opcode::kBinary, Bytes{1}));
  EXPECT_TRUE(Parse(bytes).events.empty());
}

TEST(AppendFrame, WritesTheShortestHeaderAndNoMask) {
  Bytes small;
  AppendFrame(small, Opcode::kBinary, Filled(125));
  EXPECT_EQ(small.size(), 127U);
  EXPECT_EQ(small[0], 0x82);
  EXPECT_EQ(small[1], 125);
  Bytes middle;
  AppendFrame(middle, Opcode::kBinary, Filled(126));
  EXPECT_EQ((Bytes{middle.begin(), middle.begin() + 4}), (Bytes{0x82, 126, 0, 126}));
  Bytes large;
  AppendFrame(large, Opcode::kBinary, Filled(65'536));
  EXPECT_EQ((Bytes{large.begin(), large.begin() + 10}), (Bytes{0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0}));
}

TEST(AppendCloseFrame, CutsALongReasonAtACharacter) {
  std::string reason(122, 'a');
  reason += "\xC3\xA9";  // the 123rd and the 124th byte
  Bytes out;
  AppendCloseFrame(out, CloseCode::kRestart, reason);
  EXPECT_EQ(out.size(), 2U + 2U + 122U);
  EXPECT_EQ(out[2] << 8 | out[3], 1012);
}

}  // namespace
}  // namespace weft::server
