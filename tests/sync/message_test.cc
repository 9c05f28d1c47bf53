#include "sync/message.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "tests/sync/golden_frames.h"

namespace weft::sync {
namespace {

using crdt::Bytes;
using crdt::ByteView;

Bytes Copy(ByteView view) { return {view.begin(), view.end()}; }

std::string KindOf(std::string_view golden_name) {
  if (golden_name.starts_with("step1")) return "SyncStep1";
  if (golden_name.starts_with("step2")) return "SyncStep2";
  if (golden_name.starts_with("update")) return "Update";
  if (golden_name.starts_with("awareness")) return "AwarenessUpdate";
  if (golden_name == "query_awareness") return "QueryAwareness";
  if (golden_name == "permission_denied") return "PermissionDenied";
  if (golden_name == "provider_says_1") return "SyncStep1";
  return "AwarenessUpdate";  // all else that a provider says by itself
}

std::string KindOf(const Message& message) {
  static constexpr const char* kNames[] = {"SyncStep1",        "SyncStep2",      "Update",
                                           "AwarenessUpdate",  "QueryAwareness", "SyncMarker",
                                           "PermissionDenied", "Unknown"};
  return kNames[message.index()];
}

TEST(Message, FramesOfTheRealLibraryDecodeToTheirKindAndEncodeToTheSameBytes) {
  for (const auto& [name, frame] : GoldenFrames()) {
    const absl::StatusOr<Message> message = DecodeMessage(frame);
    ASSERT_TRUE(message.ok()) << name << ": " << message.status();
    EXPECT_EQ(KindOf(*message), KindOf(name)) << name;
    EXPECT_EQ(EncodeMessage(*message), frame) << name;
  }
}

TEST(Message, AFrameThatEndsInsideItsMessageIsMalformed) {
  for (const auto& [name, frame] : GoldenFrames()) {
    for (std::size_t size = 0; size < frame.size(); ++size) {
      const absl::StatusOr<Message> message = DecodeMessage(ByteView(frame).first(size));
      EXPECT_EQ(message.status().code(), absl::StatusCode::kInvalidArgument)
          << name << " cut to " << size;
    }
  }
}

TEST(Message, WhatFollowsTheMessageInAFrameIsNotRead) {
  for (const auto& [name, frame] : GoldenFrames()) {
    Bytes longer = frame;
    longer.insert(longer.end(), {0x00, 0x02, 0xff});
    const absl::StatusOr<Message> message = DecodeMessage(longer);
    ASSERT_TRUE(message.ok()) << name;
    EXPECT_EQ(EncodeMessage(*message), frame) << name;
  }
}

TEST(Message, TypesOfOtherDialectsAreUnknownAndNotMalformed) {
  const std::vector<std::pair<Bytes, std::uint64_t>> frames = {
      {{4}, 4},                     // Hocuspocus, sync reply
      {{5, 3, 'a', 'b', 'c'}, 5},   // Hocuspocus, stateless
      {{8, 1}, 8},                  // Hocuspocus, sync status
      {{0xff, 0xff, 0x03}, 65535},  // a type of several bytes
      {{0, 3, 1, 0}, 0},            // a fourth kind of sync
      {{2, 1, 1, 0}, 2},            // a second kind of auth
  };
  for (const auto& [frame, type] : frames) {
    const absl::StatusOr<Message> message = DecodeMessage(frame);
    ASSERT_TRUE(message.ok()) << message.status();
    const Unknown* unknown = std::get_if<Unknown>(&*message);
    ASSERT_NE(unknown, nullptr) << KindOf(*message);
    EXPECT_EQ(unknown->type, type);
  }
}

TEST(Message, TheMarkerOfYSweetIsKnownWithItsContent) {
  const Bytes frame = {102, 2, 7, 8};
  const absl::StatusOr<Message> message = DecodeMessage(frame);
  ASSERT_TRUE(message.ok()) << message.status();
  EXPECT_EQ(Copy(std::get<SyncMarker>(*message).content), (Bytes{7, 8}));
  EXPECT_FALSE(DecodeMessage(Bytes{102, 2, 7}).ok());
}

TEST(Message, ALengthBeyondTheFrameIsMalformedHoweverLarge) {
  const std::vector<Bytes> frames = {
      {0, 2, 5, 1, 2},
      {0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f, 0},  // 2^53 - 1
      {1, 0xff, 0xff, 0xff, 0xff, 0x0f},                          // 2^32 - 1
      {0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01},
  };
  for (const Bytes& frame : frames) {
    EXPECT_EQ(DecodeMessage(frame).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST(Message, ViewsPointIntoTheFrame) {
  const Bytes frame = {0, 2, 2, 0, 0};
  const absl::StatusOr<Message> message = DecodeMessage(frame);
  ASSERT_TRUE(message.ok());
  EXPECT_EQ(std::get<Update>(*message).update.data(), frame.data() + 3);
}

RC_GTEST_PROP(Message, DecodingWhatWasEncodedGivesTheSameMessage, ()) {
  const Bytes content = *rc::gen::arbitrary<Bytes>();
  const std::vector<Message> messages = {
      SyncStep1{content},
      SyncStep2{content},
      Update{content},
      AwarenessUpdate{content},
      QueryAwareness{},
      SyncMarker{content},
      PermissionDenied{crdt::AsText(content)},
      Unknown{*rc::gen::inRange<std::uint64_t>(103, 1ULL << 53)}};
  for (const Message& message : messages) {
    const Bytes frame = EncodeMessage(message);
    const absl::StatusOr<Message> decoded = DecodeMessage(frame);
    RC_ASSERT(decoded.ok());
    RC_ASSERT(decoded->index() == message.index());
    RC_ASSERT(EncodeMessage(*decoded) == frame);
    RC_ASSERT(Copy(*MakeFrame(message)) == frame);
  }
}

RC_GTEST_PROP(Message, AnyBytesAreAMessageOrMalformedAndNothingElse, (const Bytes& bytes)) {
  const absl::StatusOr<Message> message = DecodeMessage(bytes);
  if (!message.ok()) {
    RC_ASSERT(message.status().code() == absl::StatusCode::kInvalidArgument);
    return;
  }
  // What it means survives another round, whatever the spelling of its numbers was.
  const Bytes frame = EncodeMessage(*message);
  if (std::holds_alternative<Unknown>(*message)) return;
  const absl::StatusOr<Message> again = DecodeMessage(frame);
  RC_ASSERT(again.ok());
  RC_ASSERT(EncodeMessage(*again) == frame);
}

}  // namespace
}  // namespace weft::sync
