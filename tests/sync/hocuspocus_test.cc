#include "sync/hocuspocus.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <deque>
#include <string>
#include <vector>

#include "crdt/state_vector.h"

namespace weft::sync::hocuspocus {
namespace {

using crdt::ByteReader;
using crdt::Bytes;
using crdt::ByteView;
using crdt::ByteWriter;

Bytes Under(std::string_view key, ByteView message) {
  ByteWriter writer;
  writer.WriteString(key);
  writer.WriteBytes(message);
  return writer.Take();
}
Bytes Under(std::string_view key, const Message& message) {
  return Under(key, EncodeMessage(message));
}
Bytes Token(std::string_view key, std::string_view token = "", std::string_view version = "") {
  ByteWriter writer;
  writer.WriteVarUint(2);
  writer.WriteVarUint(0);
  writer.WriteString(token);
  if (!version.empty()) writer.WriteString(version);
  return Under(key, writer.Take());
}
Bytes Text(std::string_view key, std::uint8_t type, std::string_view text) {
  ByteWriter writer;
  writer.WriteVarUint(type);
  writer.WriteString(text);
  return Under(key, writer.Take());
}

const Bytes kNoUpdate = {0, 0};
const Bytes kStateVector = {0};

// What a frame to the client says, in words.
std::string Words(const SendFrame& frame) {
  Bytes all = frame.head;
  if (frame.body != nullptr) all.insert(all.end(), frame.body->begin(), frame.body->end());
  if (all.size() == 1) return all[0] == 10 ? "pong" : "?";
  ByteReader reader(all);
  std::string key(reader.ReadString());
  for (char& c : key) c = c == '\0' ? '#' : c;
  switch (reader.ReadVarUint()) {
    case 0:
      return key + " sync " + std::to_string(reader.ReadVarUint());
    case 1:
      return key + " awareness";
    case 2: {
      const bool denied = reader.ReadVarUint() == 1;
      return key + (denied ? " denied " : " may ") + std::string(reader.ReadString());
    }
    case 5:
      return key + " says " + std::string(reader.ReadString());
    case 7:
      return key + " closed";
    case 8:
      return key + (reader.ReadVarInt().magnitude == 1 ? " saved" : " not saved");
    default:
      return "?";
  }
}

// The owner of a machine, which does at once what it is told and keeps it as words.
class HocuspocusTest : public testing::Test {
 protected:
  void Receive(const Bytes& frame) { Carry(server.Receive(frame)); }
  void Carry(Effects effects) {
    for (Effect& effect : effects) {
      if (auto* sent = std::get_if<SendFrame>(&effect)) {
        done.push_back(Words(*sent));
      } else if (auto* asked = std::get_if<Authenticate>(&effect)) {
        done.push_back("authenticate " + asked->room + " " + asked->token);
        channel = asked->channel;
        if (answers) Carry(server.Admitted(channel, access));
      } else if (auto* join = std::get_if<JoinRoom>(&effect)) {
        done.push_back("join " + join->room);
        if (answers) Carry(server.SetReading(join->channel, true));
      } else if (std::holds_alternative<ChangeAccess>(effect)) {
        done.emplace_back("change access");
      } else if (auto* delivered = std::get_if<Deliver>(&effect)) {
        done.push_back("deliver " + std::to_string(delivered->message[0]) + "." +
                       std::to_string(delivered->message[1]));
      } else if (std::holds_alternative<TellStateless>(effect)) {
        done.emplace_back("tell others");
      } else if (std::holds_alternative<LeaveRoom>(effect)) {
        done.emplace_back("leave");
      } else {
        done.push_back("close " + std::to_string(std::get<CloseSocket>(effect).code));
      }
    }
  }
  std::vector<std::string> Done() { return std::exchange(done, {}); }
  using Words_ = std::vector<std::string>;

  // A document that is open, and what was said until then forgotten.
  Channel Open(std::string_view key, std::string_view version = "4.7.0") {
    Receive(Token(key, "", version));
    Done();
    return channel;
  }

  Server server{{.documents = 3}};
  bool answers = true;
  Access access = Access::kReadWrite;
  Channel channel = 0;
  std::vector<std::string> done;
};

TEST_F(HocuspocusTest, ADocumentIsJoinedAfterItsTokenAndNotBefore) {
  Receive(Under("notes", Update{kNoUpdate}));
  EXPECT_EQ(Done(), Words_{});
  Receive(Token("notes", "secret"));
  EXPECT_EQ(Done(), (Words_{"authenticate notes secret", "notes may read-write", "join notes",
                            "deliver 0.2"}));
  Receive(Under("notes", AwarenessUpdate{kNoUpdate}));
  EXPECT_EQ(Done(), (Words_{"deliver 1.2"}));
}

TEST_F(HocuspocusTest, ASyncStep1ThatComesFirstStandsForAnEmptyToken) {
  Receive(Under("notes", SyncStep1{kStateVector}));
  EXPECT_EQ(Done(),
            (Words_{"authenticate notes ", "notes may read-write", "join notes", "deliver 0.0"}));
}

TEST_F(HocuspocusTest, AReaderIsToldSo) {
  access = Access::kReadOnly;
  Receive(Token("notes"));
  EXPECT_EQ(Done(), (Words_{"authenticate notes ", "notes may readonly", "join notes"}));
  Carry(server.SetAccess(channel, Access::kReadWrite));
  EXPECT_EQ(Done(), (Words_{"notes may read-write"}));
}

TEST_F(HocuspocusTest, WhoIsDeniedIsIgnoredUntilItBringsAnotherToken) {
  answers = false;
  Receive(Token("notes", "bad"));
  Receive(Under("notes", SyncStep1{kStateVector}));
  Carry(server.Denied(channel, "no"));
  EXPECT_EQ(Done(), (Words_{"authenticate notes bad", "notes denied no"}));
  Receive(Under("notes", Update{kNoUpdate}));
  EXPECT_EQ(Done(), Words_{});
  answers = true;
  Receive(Token("notes", "good"));
  EXPECT_EQ(Done(), (Words_{"authenticate notes good", "notes may read-write", "join notes"}));
}

TEST_F(HocuspocusTest, AnotherTokenOfAnOpenDocumentChangesWhatItMayDo) {
  Open("notes");
  access = Access::kReadOnly;
  Receive(Token("notes", "lesser"));
  EXPECT_EQ(Done(), (Words_{"authenticate notes lesser", "notes may readonly", "change access"}));
  answers = false;
  Receive(Token("notes", "expired"));
  Carry(server.Denied(channel, "expired"));
  EXPECT_EQ(Done(), (Words_{"authenticate notes expired", "leave", "notes denied expired"}));
  EXPECT_EQ(server.open_documents(), 0U);
}

// Else who sends one after the other would be a member of the room as often as it likes.
TEST_F(HocuspocusTest, AMalformedTokenOfAnOpenDocumentEndsItsMembership) {
  Open("notes");
  ByteWriter cut;
  cut.WriteVarUint(2);
  cut.WriteVarUint(0);
  cut.WriteVarUint(200);  // bytes of a token that do not come
  Receive(Under("notes", cut.Take()));
  EXPECT_EQ(Done(), (Words_{"leave", "notes denied a malformed token"}));
  EXPECT_EQ(server.open_documents(), 0u);
}

TEST_F(HocuspocusTest, SessionsOfOneNameAreTwoMembersOfOneRoom) {
  using std::string_view_literals::operator""sv;
  const Channel one = Open("notes\0a"sv);
  const Channel two = Open("notes\0b"sv);
  Carry(server.Tell(one, MakeFrame(Update{kNoUpdate})));
  Carry(server.Tell(two, MakeFrame(Update{kNoUpdate})));
  EXPECT_EQ(Done(), (Words_{"notes#a sync 2", "notes#b sync 2"}));
}

TEST_F(HocuspocusTest, ClosingADocumentLeavesTheOthers) {
  Open("one");
  const Channel two = Open("two");
  Receive(Under("one", Bytes{7}));
  EXPECT_EQ(Done(), (Words_{"leave"}));
  Carry(server.Tell(two, MakeFrame(Update{kNoUpdate})));
  EXPECT_EQ(Done(), (Words_{"two sync 2"}));
  EXPECT_EQ(server.open_documents(), 1U);
}

TEST_F(HocuspocusTest, ASyncReplyIsASyncAndWhatOnlyServersSayIsIgnored) {
  Open("notes");
  Bytes reply = EncodeMessage(SyncStep2{kNoUpdate});
  reply[0] = 4;
  Receive(Under("notes", reply));
  EXPECT_EQ(Done(), (Words_{"deliver 0.1"}));
  Receive(Text("notes", 6, "to all"));
  EXPECT_EQ(Done(), Words_{});
}

TEST_F(HocuspocusTest, StatelessMessagesGoToOthersAndHaveABound) {
  const Channel notes = Open("notes");
  Receive(Text("notes", 5, std::string(kPayloadBytes, 'x')));
  EXPECT_EQ(Done(), (Words_{"tell others"}));
  ByteWriter body;
  body.WriteVarUint(5);
  body.WriteString("hi");
  Carry(server.Stateless(notes, std::make_shared<const Bytes>(body.Take())));
  EXPECT_EQ(Done(), (Words_{"notes says hi"}));
  Receive(Text("notes", 5, std::string(kPayloadBytes + 1, 'x')));
  EXPECT_EQ(Done(),
            (Words_{"leave", "notes denied a stateless message is too large", "notes closed"}));
}

TEST_F(HocuspocusTest, AFinalCodeEndsTheDocumentAndAnyOtherTheSocket) {
  const Channel one = Open("one");
  const Channel old = Open("old", "");
  Carry(server.Ended(one, 4413, "too much"));
  Carry(server.Ended(old, 4413, "too much"));  // version 2 would throw at a Close
  EXPECT_EQ(Done(), (Words_{"one denied too much", "one closed", "old denied too much"}));
  const Channel two = Open("two");
  Carry(server.Ended(two, 4503, "not stored"));
  EXPECT_EQ(Done(), (Words_{"close 4503"}));
  Receive(Token("two"));
  EXPECT_EQ(Done(), Words_{});
}

TEST_F(HocuspocusTest, ARestartWaitsForAllDocuments) {
  const Channel one = Open("one");
  const Channel two = Open("two");
  Carry(server.Ended(one, 1012, "stops"));
  EXPECT_EQ(Done(), Words_{});
  Carry(server.Ended(two, 1012, "stops"));
  EXPECT_EQ(Done(), (Words_{"close 1012"}));
}

TEST_F(HocuspocusTest, BoundsHold) {
  for (const char* name : {"1", "2", "3"}) Open(name);
  Receive(Token("4"));
  EXPECT_EQ(Done(), (Words_{"4 denied this socket has as many documents as it may"}));
  Receive(Under("1", Bytes{7}));
  Open("4");
  EXPECT_EQ(server.open_documents(), 3U);

  Server greeted{{}};
  const Bytes half = Under("early", Update{Bytes(kGreetingBytes / 2)});
  EXPECT_TRUE(greeted.Receive(half).empty());
  const Effects effects = greeted.Receive(half);
  ASSERT_EQ(effects.size(), 1U);
  EXPECT_EQ(std::get<CloseSocket>(effects[0]).code, 1013);
}

TEST_F(HocuspocusTest, ARoomThatDoesNotReadPausesTheSocketAtABound) {
  const Channel notes = Open("notes");
  Carry(server.SetReading(notes, false));
  const Bytes quarter = Under("notes", Update{Bytes(kInboxBytes / 4)});
  for (int i = 0; i < 3; ++i) Receive(quarter);
  EXPECT_TRUE(server.wants_reading());
  Receive(quarter);
  EXPECT_FALSE(server.wants_reading());
  EXPECT_EQ(Done(), Words_{});
  Carry(server.SetReading(notes, true));
  EXPECT_EQ(Done(), Words_(4, "deliver 0.2"));
  EXPECT_TRUE(server.wants_reading());
}

TEST_F(HocuspocusTest, PingsAreAnsweredAndWrongNamesDenied) {
  Receive(Bytes{9});
  EXPECT_EQ(Done(), (Words_{"pong"}));
  Receive(Token(std::string(kMaxNameBytes + 1, 'x')));
  ASSERT_EQ(done.size(), 1U);
  EXPECT_NE(done[0].find("denied"), std::string::npos);
  Done();
  Receive(Token(""));
  EXPECT_EQ(Done(), (Words_{" denied a document needs a name"}));
  Receive(Bytes{5, 'a'});
  EXPECT_EQ(Done(), (Words_{"close 4400"}));
}

TEST_F(HocuspocusTest, WhatWasRefusedIsSettledByTheSyncStep2ThatHoldsIt) {
  const Channel notes = Open("notes");
  Receive(Under("notes", SyncStep1{kStateVector}));
  Receive(Under("notes", SyncStep2{kNoUpdate}));
  Carry(server.Saved(notes, 1));
  Receive(Under("notes", Update{kNoUpdate}));
  Done();
  Carry(server.Refused(notes, 1));
  EXPECT_EQ(Done(), (Words_{"notes not saved"}));
  Receive(Under("notes", SyncStep2{kNoUpdate}));
  Done();
  Carry(server.Saved(notes, 1));
  EXPECT_EQ(Done(), (Words_{"notes saved"}));
}

// The provider's own count beside the truth: a SyncStep2 holds all that was written before it.
RC_GTEST_PROP(HocuspocusLaws, TheCountIsNeverZeroWhileSomethingIsNotSaved, ()) {
  struct Write {
    bool is_step2 = false;
    std::uint64_t last_edit = 0;  // that it holds
  };
  UnsyncedChanges unsynced;
  std::deque<Write> under_way;
  std::int64_t count = 0;
  std::uint64_t edits = 0;
  std::uint64_t saved = 0;          // all edits up to this one
  std::vector<std::uint64_t> lost;  // refused, until a SyncStep2 holds them
  bool asked = false;
  const auto take = [&](std::uint64_t writes, bool refuse) {
    for (std::uint64_t i = 0; i < writes; ++i) {
      const Write write = under_way.front();
      under_way.pop_front();
      if (write.is_step2 && !refuse) lost.clear();
      if (!write.is_step2 && refuse) lost.push_back(write.last_edit);
      saved = std::max(saved, write.last_edit);
    }
    if (refuse) {
      unsynced.OnRefused(writes);
    } else {
      count -= static_cast<std::int64_t>(unsynced.OnSaved(writes));
    }
  };
  const int steps = *rc::gen::inRange(0, 60);
  for (int i = 0; i < steps; ++i) {
    switch (*rc::gen::inRange(0, 5)) {
      case 0:
        unsynced.OnUpdate();
        under_way.push_back({false, ++edits});
        ++count;
        break;
      case 1:
        unsynced.OnStep1();
        count = 1;
        asked = true;
        break;
      case 2:
        unsynced.OnStep2();
        under_way.push_back({true, edits});
        break;
      default: {
        if (under_way.empty()) break;
        const auto writes = *rc::gen::inRange<std::uint64_t>(1, under_way.size() + 1);
        // A SyncStep2 is refused when it brings what was refused before.
        take(writes, *rc::gen::inRange(0, 4) == 0);
      }
    }
    RC_ASSERT(count >= 0);
    const bool everything = saved == edits && lost.empty() && under_way.empty();
    if (count == 0 && asked) RC_ASSERT(saved == edits || everything);
    if (count == 0 && asked) RC_ASSERT(lost.empty());
  }
  // In the end all is well: one more SyncStep2 settles everything.
  if (!asked) return;
  unsynced.OnStep2();
  under_way.push_back({true, edits});
  take(under_way.size(), false);
  RC_ASSERT(count == 0);
}

RC_GTEST_PROP(HocuspocusLaws, AnyFramesLeaveTheMachineWithinItsBounds,
              (const std::vector<Bytes>& frames)) {
  Server server({.documents = 4});
  for (const Bytes& frame : frames) {
    for (const Effect& effect : server.Receive(frame)) {
      if (const auto* asked = std::get_if<Authenticate>(&effect)) {
        server.Admitted(asked->channel, Access::kReadWrite);
        server.SetReading(asked->channel, true);
      }
    }
    RC_ASSERT(server.open_documents() <= 4U);
  }
}

}  // namespace
}  // namespace weft::sync::hocuspocus
