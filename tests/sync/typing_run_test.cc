#include "sync/typing_run.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "crdt/doc.h"
#include "sync/message.h"

namespace weft::sync {
namespace {

using crdt::Bytes;
using crdt::ByteView;

Bytes Framed(ByteView update) { return EncodeMessage(Update{update}); }

// The Update messages of a writer, one for each edit.
class Writer {
 public:
  explicit Writer(std::uint64_t client)
      : doc_(crdt::Doc::Options{.client_id = crdt::ClientId{client}}),
        subscription_(doc_.OnUpdate(
            [this](const crdt::UpdateEvent& event) { frames_.push_back(Framed(event.update)); })) {}

  void Insert(std::uint64_t at, std::string_view text) { content().Insert(at, text); }
  void Delete(std::uint64_t at) { content().Delete(at, 1); }
  crdt::Text content() { return doc_.GetText("content"); }
  std::vector<Bytes> TakeFrames() { return std::exchange(frames_, {}); }
  std::string text() { return content().ToString(); }
  Bytes state() const { return doc_.EncodeStateAsUpdate(); }

 private:
  crdt::Doc doc_;
  std::vector<Bytes> frames_;
  crdt::Subscription subscription_;
};

// What a room makes of frames that come together.
std::vector<Bytes> Joined(const std::vector<Bytes>& frames) {
  std::vector<Bytes> joined;
  TypingRun run;
  const auto take = [&] {
    if (run.empty()) return;
    const ByteView frame = run.Take();
    joined.emplace_back(frame.begin(), frame.end());
  };
  for (const Bytes& frame : frames) {
    if (run.Add(frame)) continue;
    take();
    if (!run.Add(frame)) joined.push_back(frame);
  }
  take();
  return joined;
}

Bytes StateAfter(const std::vector<Bytes>& frames) {
  crdt::Doc doc;
  for (const Bytes& frame : frames) {
    const auto message = DecodeMessage(frame);
    EXPECT_EQ(doc.ApplyUpdate(std::get<Update>(*message).update), absl::OkStatus());
  }
  EXPECT_EQ(doc.Validate(), absl::OkStatus());
  return doc.EncodeStateAsUpdate();
}

TEST(TypingRun, KeystrokesThatFollowEachOtherBecomeOneUpdate) {
  Writer ann(1);
  for (const char letter : std::string("hello")) {
    ann.Insert(ann.content().length(), std::string(1, letter));
  }
  const std::vector<Bytes> joined = Joined(ann.TakeFrames());
  ASSERT_EQ(joined.size(), 1U);
  EXPECT_EQ(joined[0], Framed(ann.state()));
}

TEST(TypingRun, ARunGoesOnWhereItsClocksTakeOneByteMore) {
  for (const std::uint64_t client : {std::uint64_t{1}, std::uint64_t{300}}) {
    Writer ann(client);
    ann.Insert(0, "[]");
    ann.TakeFrames();
    for (std::uint64_t at = 1; at < 20'000; at += at % 3 + 1) {
      ann.Insert(at, std::string(at % 3 + 1, 'x'));
    }
    const std::vector<Bytes> frames = ann.TakeFrames();
    const std::vector<Bytes> joined = Joined(frames);
    ASSERT_EQ(joined.size(), 1U);
    Writer bob(client);
    bob.Insert(0, "[]");
    const Bytes first = bob.TakeFrames()[0];
    EXPECT_EQ(StateAfter({first, joined[0]}), ann.state());
  }
}

TEST(TypingRun, ARunOwesNothingToTheOneBefore) {
  TypingRun run;
  for (const std::string text : {"a long word", "ab", "words"}) {
    Writer writer(text.size());
    for (std::size_t at = 0; at < text.size(); ++at) writer.Insert(at, text.substr(at, 1));
    const std::vector<Bytes> frames = writer.TakeFrames();
    for (const Bytes& frame : frames) ASSERT_TRUE(run.Add(frame));
    const ByteView joined = run.Take();
    EXPECT_EQ(Bytes(joined.begin(), joined.end()), Framed(writer.state()));
    EXPECT_TRUE(run.empty());
  }
}

TEST(TypingRun, OneFrameAloneIsTakenAsItCame) {
  Writer ann(1);
  ann.Insert(0, "a");
  const std::vector<Bytes> frames = ann.TakeFrames();
  TypingRun run;
  ASSERT_TRUE(run.Add(frames[0]));
  EXPECT_EQ(run.Take().data(), frames[0].data());
  EXPECT_TRUE(run.empty());
}

TEST(TypingRun, TextOfOthersInBetweenEndsIt) {
  Writer ann(1);
  Writer bob(2);
  ann.Insert(0, "a");
  bob.Insert(0, "b");
  ann.Insert(1, "c");
  std::vector<Bytes> frames = ann.TakeFrames();
  frames.insert(frames.begin() + 1, bob.TakeFrames()[0]);
  EXPECT_EQ(Joined(frames), frames);
}

TEST(TypingRun, AJumpOrADeletionEndsIt) {
  Writer ann(1);
  ann.Insert(0, "a");
  ann.Insert(0, "b");
  ann.Delete(0);
  ann.Insert(0, "c");
  const std::vector<Bytes> frames = ann.TakeFrames();
  EXPECT_EQ(Joined(frames), frames);
}

TEST(TypingRun, HalvesOfACharacterAreNotMadeWhole) {
  // "\xC3" and "\xA9" are malformed each, and together an é.
  const Bytes first = Framed(Bytes{1, 1, 1, 0, 4, 1, 1, 't', 1, 0xC3, 0});
  const Bytes second = Framed(Bytes{1, 1, 1, 1, 0x84, 1, 0, 1, 0xA9, 0});
  TypingRun run;
  EXPECT_FALSE(run.Add(first));
  EXPECT_FALSE(run.Add(second));
}

TEST(TypingRun, ARunIsBounded) {
  Writer ann(1);
  const std::string word(TypingRun::kMaxBytes / 2, 'x');
  for (int i = 0; i < 3; ++i) ann.Insert(ann.content().length(), word);
  EXPECT_EQ(Joined(ann.TakeFrames()).size(), 2U);
}

TEST(TypingRun, OtherMessagesAreNoPartOfIt) {
  TypingRun run;
  const Bytes nothing = {0, 0};
  EXPECT_FALSE(run.Add(EncodeMessage(SyncStep2{nothing})));
  EXPECT_FALSE(run.Add(EncodeMessage(SyncStep1{nothing})));
  EXPECT_FALSE(run.Add(EncodeMessage(AwarenessUpdate{nothing})));
  EXPECT_FALSE(run.Add(Bytes{}));
  EXPECT_TRUE(run.empty());
}

RC_GTEST_PROP(TypingRunLaws, JoinedUpdatesMakeTheSameDocument, ()) {
  static const std::vector<std::string> kTexts = {"a", "bc", "é", "漢字", "😀", "x", "y", "z"};
  Writer ann(1);
  const int edits = *rc::gen::inRange(1, 40);
  for (int i = 0; i < edits; ++i) {
    const std::uint64_t length = ann.content().length();
    const int kind = *rc::gen::inRange(0, 8);
    if (kind == 0 && length > 0) {
      ann.Delete(length - 1);
    } else {
      ann.Insert(kind == 1 ? 0 : kind == 2 ? length / 2 : length, *rc::gen::elementOf(kTexts));
    }
  }
  const std::vector<Bytes> frames = ann.TakeFrames();
  const std::vector<Bytes> joined = Joined(frames);
  RC_ASSERT(joined.size() <= frames.size());
  RC_ASSERT(StateAfter(joined) == StateAfter(frames));
}

// The state that frames make, up to the first that cannot be applied.
Bytes StateBeforeAFailure(const std::vector<Bytes>& frames) {
  crdt::Doc doc;
  for (const Bytes& frame : frames) {
    const auto message = DecodeMessage(frame);
    if (!message.ok() || !std::holds_alternative<Update>(*message) ||
        !doc.ApplyUpdate(std::get<Update>(*message).update).ok()) {
      break;
    }
  }
  return doc.EncodeStateAsUpdate();
}

RC_GTEST_PROP(TypingRunLaws, AByteThatIsNotTheExpectedOneIsNotOverlooked, ()) {
  Writer ann(*rc::gen::element<std::uint64_t>(1, 127, 128, 70'000, 3'000'000'000));
  // With a right neighbour, or without.
  ann.Insert(0, std::string(*rc::gen::element<std::size_t>(2, 126, 127, 128, 20'000), 'x'));
  const std::uint64_t at = *rc::gen::element<std::uint64_t>(1, ann.content().length());
  const int keystrokes = *rc::gen::inRange(2, 6);
  for (int i = 0; i < keystrokes; ++i) {
    ann.Insert(at + static_cast<std::uint64_t>(i), std::string(1, static_cast<char>('a' + i)));
  }
  std::vector<Bytes> frames = ann.TakeFrames();
  RC_ASSERT(Joined(frames).size() <= 2U);
  Bytes& changed = frames.back();
  changed[*rc::gen::inRange<std::size_t>(0, changed.size())] ^=
      *rc::gen::inRange<std::uint8_t>(1, 255);
  RC_ASSERT(StateBeforeAFailure(Joined(frames)) == StateBeforeAFailure(frames));
}

}  // namespace
}  // namespace weft::sync
