#include "sync/weft_v1.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "crdt/doc.h"
#include "sync/state_checksum.h"
#include "sync/weft_v1_server.h"

namespace weft::sync::weft_v1 {
namespace {

using crdt::Bytes;
using crdt::ByteView;

const Bytes kVector{1, 7, 3};
const Bytes kStep1{0, 0, 1, 0};

// Each kind with values that tell its fields apart; the frames of weft_v1_frames.txt say the same.
std::map<std::string, Message> Examples() {
  return {
      {"hello", Hello{.version = 1, .client = "zoë", .token = "abc", .features = 0}},
      {"welcome", Welcome{.version = 1,
                          .session = "w7",
                          .features = 0,
                          .message_bytes = 1 << 20,
                          .channels = 100,
                          .expires_ms = 3'600'000}},
      {"join", Join{.channel = 3,
                    .room = "team/notes",
                    .place = {.generation = 0x0123456789abcdef, .sequence = 300},
                    .credit = 65536,
                    .state_vector = kVector}},
      {"joined", Joined{.channel = 3,
                        .head = {.generation = 0xfedcba9876543210, .sequence = 301},
                        .role = Role::kWrite,
                        .how = How::kResumed,
                        .credit = 1000}},
      {"refused",
       Refused{
           .channel = 3, .code = kOtherGeneration, .generation = 5, .reason = "another history"}},
      {"leave", Leave{4}},
      {"left", Left{.channel = 4, .code = 1012, .reason = "the room is moved"}},
      {"data", Data{.channel = 200, .message = kStep1}},
      {"ack", Ack{.channel = 3, .level = Level::kDurable, .count = 2, .sequence = 302}},
      {"nack", Nack{.channel = 3, .code = kForbidden, .count = 1, .reason = "read only"}},
      {"heard", Heard{.channel = 3, .sequence = 302}},
      {"generation", Generation{.channel = 3, .generation = 9}},
      {"credit", Credit{.channel = 3, .bytes = 32768}},
      {"auth", Auth{"def"}},
      {"access", AccessIs{.channel = 3, .role = Role::kRead, .reason = "frozen"}},
      {"check", Check{3}},
      {"checksum", Checksum{.channel = 3, .hash = 0xcbf29ce484222325, .state_vector = kVector}},
      {"closing", Closing{.code = 1012, .retry_ms = 1500, .reason = "restart"}},
      {"ping", Ping{17}},
      {"pong", Pong{17}},
      {"ask",
       Ask{.channel = 3, .number = 5, .verb = "take-mode", .arguments = R"({"mode":"edit"})"}},
      {"answer", Answer{.channel = 3, .number = 5, .status = 409, .text = R"({"detail":"zoë"})"}},
      {"watch", Watch{.channel = 3, .wanted = Wanted::kYes}},
      {"event", Event{.channel = 3, .text = R"({"type":"mode.taken"})"}},
  };
}

std::map<std::string, Bytes> Golden() {
  std::map<std::string, Bytes> frames;
  std::ifstream file(WEFT_V1_FRAMES);
  std::string name;
  std::string hex;
  while (file >> name >> hex) {
    const std::string bytes = absl::HexStringToBytes(hex);
    frames[name] = Bytes(bytes.begin(), bytes.end());
  }
  return frames;
}

TEST(WeftV1, EachKindIsTheFrameThatIsWrittenDown) {
  const std::map<std::string, Message> examples = Examples();
  const std::map<std::string, Bytes> golden = Golden();
  ASSERT_EQ(golden.size(), examples.size());
  ASSERT_EQ(golden.size() + 1, std::variant_size_v<Message>);
  for (const auto& [name, message] : examples) {
    ASSERT_TRUE(golden.contains(name)) << name;
    const std::string hex = absl::BytesToHexString(std::string(crdt::AsText(golden.at(name))));
    const Bytes encoded = EncodeMessage(message);
    EXPECT_EQ(absl::BytesToHexString(std::string(crdt::AsText(encoded))), hex) << name;
    const absl::StatusOr<Message> decoded = DecodeMessage(golden.at(name));
    ASSERT_TRUE(decoded.ok()) << name << decoded.status();
    EXPECT_EQ(decoded->index(), message.index()) << name;
    EXPECT_EQ(EncodeMessage(*decoded), golden.at(name)) << name;
  }
}

TEST(WeftV1, AFrameThatEndsInsideItsMessageIsMalformed) {
  for (const auto& [name, frame] : Golden()) {
    // What a Data carries is whatever there is.
    const std::size_t whole = name == "data" ? 3 : frame.size();
    for (std::size_t size = 0; size < whole; ++size) {
      EXPECT_EQ(DecodeMessage(ByteView(frame).first(size)).status().code(),
                absl::StatusCode::kInvalidArgument)
          << name << " cut to " << size;
    }
  }
}

TEST(WeftV1, WhatLaterVersionsAppendIsNotRead) {
  for (const auto& [name, frame] : Golden()) {
    if (name == "data") continue;
    Bytes longer = frame;
    longer.insert(longer.end(), {0x05, 0xff});
    const absl::StatusOr<Message> decoded = DecodeMessage(longer);
    ASSERT_TRUE(decoded.ok()) << name;
    EXPECT_EQ(EncodeMessage(*decoded), frame) << name;
  }
}

TEST(WeftV1, AKindThatIsNotKnownIsNoError) {
  for (const Bytes& frame : {Bytes{24}, Bytes{99, 1, 2, 3}, Bytes{0xff, 0xff, 0x03}}) {
    const absl::StatusOr<Message> decoded = DecodeMessage(frame);
    ASSERT_TRUE(decoded.ok());
    EXPECT_TRUE(std::holds_alternative<Unknown>(*decoded));
  }
}

TEST(WeftV1, ANumberWithoutAMeaningATextThatIsNoneOrTooLongIsMalformed) {
  const auto is_malformed = [](const Bytes& frame) {
    return DecodeMessage(frame).status().code() == absl::StatusCode::kInvalidArgument;
  };
  EXPECT_TRUE(is_malformed({8, 3, 2, 1, 1}));      // Ack of a level that is none
  EXPECT_TRUE(is_malformed({8, 3, 1, 0, 1}));      // of no write
  EXPECT_TRUE(is_malformed({14, 3, 3, 0}));        // a role that is none
  EXPECT_TRUE(is_malformed({12, 3, 0}));           // no credit
  EXPECT_TRUE(is_malformed({13, 2, 0xc3, 0x28}));  // no UTF-8
  EXPECT_FALSE(is_malformed({13, 2, 0xc3, 0xab}));
  const std::string longest(kMaxTokenBytes, 'a');
  Bytes frame = EncodeMessage(Auth{longest});
  EXPECT_FALSE(is_malformed(frame));
  crdt::ByteWriter writer;
  writer.WriteVarUint(13);
  writer.WriteString(longest + "a");
  EXPECT_TRUE(is_malformed(writer.Take()));
}

TEST(WeftV1, AReasonThatIsTooLongIsCutBetweenCharacters) {
  std::string reason;
  while (reason.size() <= kMaxReasonBytes) reason += "€";
  const Bytes frame = EncodeMessage(Left{.channel = 1, .code = 1000, .reason = reason});
  const absl::StatusOr<Message> decoded = DecodeMessage(frame);
  ASSERT_TRUE(decoded.ok());
  const std::string_view cut = std::get<Left>(*decoded).reason;
  EXPECT_EQ(cut.size(), kMaxReasonBytes / 3 * 3);
  EXPECT_TRUE(reason.starts_with(cut));
}

TEST(WeftV1, TheHeadOfADataAndAMessageAreTheFrame) {
  for (const Channel channel : {Channel{0}, Channel{127}, Channel{128}, crdt::kMaxSafeInteger}) {
    Bytes frame = EncodeDataHead(channel);
    EXPECT_LE(frame.size(), kMaxDataHeadBytes);
    frame.insert(frame.end(), kStep1.begin(), kStep1.end());
    EXPECT_EQ(frame, EncodeMessage(Data{.channel = channel, .message = kStep1}));
  }
}

RC_GTEST_PROP(WeftV1Laws, AnyBytesAreAMessageOrMalformedAndWhatWasReadIsWrittenTheSame,
              (const Bytes& tail)) {
  Bytes frame{*rc::gen::inRange<std::uint8_t>(0, 28)};
  frame.insert(frame.end(), tail.begin(), tail.end());
  const absl::StatusOr<Message> decoded = DecodeMessage(frame);
  if (!decoded.ok()) {
    RC_ASSERT(decoded.status().code() == absl::StatusCode::kInvalidArgument);
    return;
  }
  const Bytes encoded = EncodeMessage(*decoded);
  const absl::StatusOr<Message> again = DecodeMessage(encoded);
  RC_ASSERT(again.ok());
  RC_ASSERT(EncodeMessage(*again) == encoded);
}

// --- The checksum
// -----------------------------------------------------------------------------------

TEST(StateChecksum, IsTheOneThatIsWrittenDown) {
  crdt::Doc doc({.client_id = crdt::ClientId{7}, .gc = true, .limits = {}});
  EXPECT_EQ(CanonicalState(doc.TakeSnapshot()), (Bytes{0, 0}));
  EXPECT_EQ(StateChecksum(doc.TakeSnapshot()), 0x08328807b4eb6fedU);
  doc.GetText("t").Insert(0, "abcdef");
  doc.GetText("t").Delete(1, 2);
  doc.GetText("t").Delete(3, 1);
  EXPECT_EQ(CanonicalState(doc.TakeSnapshot()), (Bytes{1, 7, 6, 1, 7, 2, 1, 2, 5, 1}));
}

RC_GTEST_PROP(StateChecksum, DependsOnWhatIsKnownAndNotOnHowItCame, ()) {
  const std::string text = *rc::gen::container<std::string>(rc::gen::inRange('a', 'z'));
  crdt::Doc typed({.client_id = crdt::ClientId{1}, .gc = true, .limits = {}});
  crdt::Doc piecewise({.client_id = crdt::ClientId{2}, .gc = false, .limits = {}});
  const crdt::Subscription subscription = typed.OnUpdate(
      [&](const crdt::UpdateEvent& event) { RC_ASSERT(piecewise.ApplyUpdate(event.update).ok()); });
  for (const char c : text) {
    const std::size_t length = typed.GetText("t").length();
    typed.GetText("t").Insert(static_cast<std::size_t>(c) % (length + 1), std::string(2, c));
    if (c % 3 == 0) typed.GetText("t").Delete(static_cast<std::size_t>(c) % (length + 1), 1);
  }
  crdt::Doc at_once({.client_id = crdt::ClientId{3}, .gc = true, .limits = {}});
  RC_ASSERT(at_once.ApplyUpdate(typed.EncodeStateAsUpdate()).ok());
  const std::uint64_t hash = StateChecksum(typed.TakeSnapshot());
  RC_ASSERT(StateChecksum(piecewise.TakeSnapshot()) == hash);
  RC_ASSERT(StateChecksum(at_once.TakeSnapshot()) == hash);
  typed.GetText("t").Insert(0, "!");
  RC_ASSERT(StateChecksum(typed.TakeSnapshot()) != hash);
}

// A server with one channel, 3, that is open.
class WeftV1Asks : public testing::Test {
 protected:
  WeftV1Asks() {
    server.Receive(EncodeMessage(Hello{}));
    server.Authenticated(0);
    server.Receive(EncodeMessage(Join{.channel = 3, .room = "notes", .credit = 1000}));
    server.Opened(3, {.head = {1, 0}});
  }
  ServerEffects Receive(const Message& message) { return server.Receive(EncodeMessage(message)); }
  ServerEffects AskFor(std::uint64_t number, Channel channel = 3) {
    return Receive(Ask{.channel = channel, .number = number, .verb = "modes", .arguments = "{}"});
  }
  // The messages that are sent.
  static std::vector<Bytes> Sent(const ServerEffects& effects) {
    std::vector<Bytes> frames;
    for (const ServerEffect& effect : effects) {
      if (const auto* sent = std::get_if<SendFrame>(&effect)) frames.push_back(sent->head);
    }
    return frames;
  }
  static std::uint64_t StatusOf(const ServerEffects& effects) {
    const std::vector<Bytes> sent = Sent(effects);
    const absl::StatusOr<Message> message = DecodeMessage(sent.at(0));
    return std::get<Answer>(*message).status;
  }

  Server server{{.session = "test"}};
};

TEST_F(WeftV1Asks, AnAskIsPassedOnAndHasOneAnswer) {
  const ServerEffects asked = AskFor(7);
  ASSERT_EQ(asked.size(), 1U);
  const auto& passed = std::get<AskForAnswer>(asked[0]);
  EXPECT_EQ(passed.channel, 3U);
  EXPECT_EQ(passed.number, 7U);
  EXPECT_EQ(passed.verb, "modes");
  EXPECT_EQ(passed.arguments, "{}");
  EXPECT_EQ(StatusOf(server.GiveAnswer(3, 7, 200, "{}")), 200U);
  EXPECT_TRUE(server.GiveAnswer(3, 7, 200, "{}").empty());
}

TEST_F(WeftV1Asks, AsManyWaitAsMay) {
  for (std::uint64_t i = 0; i < kMaxAsks; ++i) {
    EXPECT_TRUE(std::holds_alternative<AskForAnswer>(AskFor(i).at(0)));
  }
  EXPECT_EQ(StatusOf(AskFor(99)), 429U);
  server.GiveAnswer(3, 0, 200, "{}");
  EXPECT_TRUE(std::holds_alternative<AskForAnswer>(AskFor(100).at(0)));
}

TEST_F(WeftV1Asks, WhoIsInNoRoomIsNotHeard) {
  EXPECT_TRUE(AskFor(1, /*channel=*/4).empty());
  EXPECT_TRUE(Receive(Watch{.channel = 4, .wanted = Wanted::kYes}).empty());
  EXPECT_TRUE(server.TellEvent(4, "{}").empty());
  AskFor(1);
  Receive(Leave{3});
  EXPECT_TRUE(server.GiveAnswer(3, 1, 200, "{}").empty());
  EXPECT_TRUE(server.TellEvent(3, "{}").empty());
}

TEST_F(WeftV1Asks, WatchingIsSwitchedOnAndOff) {
  EXPECT_TRUE(std::get<WatchRoom>(Receive(Watch{3, Wanted::kYes}).at(0)).wanted);
  EXPECT_FALSE(std::get<WatchRoom>(Receive(Watch{3, Wanted::kNo}).at(0)).wanted);
  EXPECT_EQ(Sent(server.TellEvent(3, "{}")),
            std::vector<Bytes>{EncodeMessage(Event{.channel = 3, .text = "{}"})});
}

}  // namespace
}  // namespace weft::sync::weft_v1
