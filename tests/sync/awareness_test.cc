#include "sync/awareness.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sync/message.h"
#include "tests/sync/awareness_peer.h"
#include "tests/sync/golden_frames.h"

namespace weft::sync {
namespace {

using crdt::Bytes;
using crdt::ByteView;
using Entries = std::vector<AwarenessEntry>;

constexpr SessionId kAnna{1};
constexpr SessionId kBert{2};

TimePoint At(std::int64_t ms) { return TimePoint(Duration(ms)); }

// An awareness with the calls that most tests make; checks the invariants after each.
class AwarenessTest : public testing::Test {
 protected:
  struct Told {
    Entries to_all;
    Entries to_sender;
    friend bool operator==(const Told&, const Told&) = default;
  };

  Told Send(SessionId sender, const Entries& entries, TimePoint now = At(0)) {
    const auto applied = awareness_.Apply(sender, EncodeEntries(entries), now);
    EXPECT_TRUE(applied.ok()) << applied.status();
    EXPECT_EQ(awareness_.Validate(), absl::OkStatus());
    if (!applied.ok()) return {};
    return {DecodeEntries(applied->to_all), DecodeEntries(applied->to_sender)};
  }

  // Nothing is told and nothing changes.
  void ExpectIgnored(SessionId sender, const Entries& entries) {
    const Bytes before = awareness_.EncodeAll();
    EXPECT_EQ(Send(sender, entries), Told{});
    EXPECT_EQ(awareness_.EncodeAll(), before);
  }

  // Refused with `code`, and nothing changes.
  void ExpectRefused(SessionId sender, ByteView update, absl::StatusCode code) {
    const Bytes before = awareness_.EncodeAll();
    EXPECT_EQ(awareness_.Apply(sender, update, At(0)).status().code(), code);
    EXPECT_EQ(awareness_.EncodeAll(), before);
    EXPECT_EQ(awareness_.Validate(), absl::OkStatus());
  }
  void ExpectRefused(SessionId sender, const Entries& entries, absl::StatusCode code) {
    ExpectRefused(sender, EncodeEntries(entries), code);
  }

  Entries All() const { return DecodeEntries(awareness_.EncodeAll()); }
  Entries Close(SessionId session) {
    Entries told = DecodeEntries(awareness_.RemoveOwnedBy(session));
    EXPECT_EQ(awareness_.Validate(), absl::OkStatus());
    return told;
  }

  Awareness awareness_;
};

TEST_F(AwarenessTest, KnowsWhoseStatesASessionTold) {
  const auto owned = [this](SessionId session) {
    const auto clients = awareness_.OwnedBy(session);
    std::vector<std::uint64_t> numbers;
    for (const crdt::ClientId client : clients) numbers.push_back(crdt::ToNumber(client));
    std::ranges::sort(numbers);
    return numbers;
  };
  EXPECT_TRUE(owned(kAnna).empty());
  Send(kAnna, {{1, 1, "{}"}, {2, 1, "{}"}});
  Send(kBert, {{3, 1, "{}"}});
  EXPECT_EQ(owned(kAnna), (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(owned(kBert), (std::vector<std::uint64_t>{3}));
  Close(kAnna);
  EXPECT_TRUE(owned(kAnna).empty());
}

TEST_F(AwarenessTest, AStateIsToldToAllAsItCame) {
  const Entries cursor = {{7, 1, R"({"cursor": 3})"}};
  EXPECT_EQ(Send(kAnna, cursor), (Told{.to_all = cursor, .to_sender = {}}));
  EXPECT_EQ(All(), cursor);
}

TEST_F(AwarenessTest, AnEmptyAwarenessIsAnUpdateOfNobody) {
  EXPECT_EQ(awareness_.EncodeAll(), (Bytes{0}));
  EXPECT_TRUE(awareness_.empty());
}

TEST_F(AwarenessTest, OnlyANewerClockReplacesAState) {
  Send(kAnna, {{7, 5, "1"}});
  ExpectIgnored(kAnna, {{7, 5, "2"}});
  ExpectIgnored(kAnna, {{7, 4, "2"}});
  EXPECT_EQ(Send(kAnna, {{7, 6, "2"}}).to_all, (Entries{{7, 6, "2"}}));
  EXPECT_EQ(All(), (Entries{{7, 6, "2"}}));
}

TEST_F(AwarenessTest, ARenewalIsToldSoThatNobodyTakesTheClientForGone) {
  Send(kAnna, {{7, 1, "1"}});
  EXPECT_EQ(Send(kAnna, {{7, 2, "1"}}).to_all, (Entries{{7, 2, "1"}}));
}

TEST_F(AwarenessTest, AFirstStateAtClockZeroIsIgnoredAsPeersWould) {
  ExpectIgnored(kAnna, {{7, 0, "{}"}});
}

TEST_F(AwarenessTest, WhatPeersSendBackIsIgnored) {
  Send(kAnna, {{7, 2, "1"}});
  Send(kBert, {{8, 1, "2"}});
  ExpectIgnored(kBert, {{7, 2, "1"}, {8, 1, "2"}});
  ExpectIgnored(kAnna, {{8, 1, "2"}});
}

TEST_F(AwarenessTest, TheOwnerLeavesWithTheSameOrALaterClock) {
  Send(kAnna, {{7, 2, "1"}, {8, 2, "1"}});
  EXPECT_EQ(Send(kAnna, {{7, 2, "null"}}).to_all, (Entries{{7, 2, "null"}}));
  EXPECT_EQ(Send(kAnna, {{8, 3, "null"}}).to_all, (Entries{{8, 3, "null"}}));
  EXPECT_TRUE(All().empty());
}

TEST_F(AwarenessTest, AnEarlierClockDoesNotMakeTheOwnerLeave) {
  Send(kAnna, {{7, 2, "1"}});
  ExpectIgnored(kAnna, {{7, 1, "null"}});
}

TEST_F(AwarenessTest, NullIsKnownInEverySpelling) {
  Send(kAnna, {{7, 1, "1"}});
  EXPECT_EQ(Send(kAnna, {{7, 2, " null\n"}}).to_all, (Entries{{7, 2, "null"}}));
}

TEST_F(AwarenessTest, NobodyRemovesTheStateOfAnother) {
  Send(kAnna, {{7, 2, "1"}});
  ExpectIgnored(kBert, {{7, 2, "null"}});
  ExpectIgnored(kBert, {{7, 9, "null"}});
}

TEST_F(AwarenessTest, ALeavingClientThatNobodyKnowsIsIgnored) {
  ExpectIgnored(kAnna, {{7, 3, "null"}});
}

TEST_F(AwarenessTest, ClosingASessionRemovesExactlyItsOwnClients) {
  Send(kAnna, {{7, 2, "1"}, {9, 4, "1"}});
  Send(kBert, {{8, 1, "2"}});
  EXPECT_EQ(Close(kAnna), (Entries{{7, 2, "null"}, {9, 4, "null"}}));
  EXPECT_EQ(All(), (Entries{{8, 1, "2"}}));
  EXPECT_TRUE(Close(kAnna).empty());
}

TEST_F(AwarenessTest, AClientThatReturnsOnANewSessionBelongsToIt) {
  Send(kAnna, {{7, 2, "1"}});
  Send(kBert, {{7, 3, "1"}});
  EXPECT_TRUE(Close(kAnna).empty());
  EXPECT_EQ(All(), (Entries{{7, 3, "1"}}));
  EXPECT_EQ(Close(kBert), (Entries{{7, 3, "null"}}));
}

TEST_F(AwarenessTest, AClientThatReturnsWithAnOldClockIsToldThatItLeft) {
  Send(kAnna, {{7, 5, "1"}});
  Close(kAnna);
  // The client's clock did not move while it was away; peers would ignore it.
  EXPECT_EQ(Send(kBert, {{7, 5, "1"}}), (Told{.to_all = {}, .to_sender = {{7, 5, "null"}}}));
  EXPECT_TRUE(All().empty());
  // Told so, it raises its clock, as y-protocols does.
  EXPECT_EQ(Send(kBert, {{7, 6, "1"}}).to_all, (Entries{{7, 6, "1"}}));
}

TEST_F(AwarenessTest, AnEchoThatArrivesAfterTheDepartureBringsNobodyBack) {
  Send(kAnna, {{7, 5, "1"}});
  Close(kAnna);
  Send(kBert, {{7, 5, "1"}, {8, 1, "2"}});
  EXPECT_EQ(All(), (Entries{{8, 1, "2"}}));
}

TEST_F(AwarenessTest, AStateExpiresWithoutNewsOfItsClient) {
  Send(kAnna, {{7, 1, "1"}}, At(0));
  Send(kBert, {{8, 1, "2"}}, At(1'000));
  EXPECT_TRUE(awareness_.RemoveExpired(At(29'999)).empty());
  EXPECT_EQ(DecodeEntries(awareness_.RemoveExpired(At(30'000))), (Entries{{7, 1, "null"}}));
  EXPECT_EQ(All(), (Entries{{8, 1, "2"}}));
  EXPECT_EQ(awareness_.Validate(), absl::OkStatus());
}

TEST_F(AwarenessTest, ARenewalPutsOffTheEnd) {
  Send(kAnna, {{7, 1, "1"}}, At(0));
  Send(kAnna, {{7, 2, "1"}}, At(15'000));
  EXPECT_TRUE(awareness_.RemoveExpired(At(30'000)).empty());
  EXPECT_FALSE(awareness_.RemoveExpired(At(45'000)).empty());
}

TEST_F(AwarenessTest, AnEchoDoesNotPutOffTheEnd) {
  Send(kAnna, {{7, 1, "1"}}, At(0));
  Send(kBert, {{7, 1, "1"}}, At(29'000));
  EXPECT_FALSE(awareness_.RemoveExpired(At(30'000)).empty());
}

TEST_F(AwarenessTest, OfAClientNamedTwiceTheLastEntryCounts) {
  EXPECT_EQ(Send(kAnna, {{7, 2, "1"}, {8, 1, "0"}, {7, 3, "2"}}).to_all,
            (Entries{{7, 3, "2"}, {8, 1, "0"}}));
}

TEST_F(AwarenessTest, AStateThatReceiversCannotParseIsRefusedAsAWhole) {
  Send(kAnna, {{7, 1, "1"}});
  for (const char* state : {"", "{", "{'a':1}", "undefined", "1 2", "\"\xff\"", "nul"}) {
    ExpectRefused(kAnna, {{9, 1, "true"}, {7, 2, state}}, absl::StatusCode::kInvalidArgument);
  }
  const std::string deep = std::string(1'000, '[') + std::string(1'000, ']');
  ExpectRefused(kAnna, {{7, 2, deep}}, absl::StatusCode::kInvalidArgument);
}

TEST_F(AwarenessTest, TruncatedUpdatesAreMalformed) {
  const Bytes update = EncodeEntries({{7, 300, R"({"a":1})"}, {1ULL << 40, 1, "2"}});
  for (std::size_t size = 0; size < update.size(); ++size) {
    ExpectRefused(kAnna, ByteView(update).first(size), absl::StatusCode::kInvalidArgument);
  }
}

TEST_F(AwarenessTest, ACountFromTheWireReservesNothing) {
  // 2^53 - 1 entries, and none follows.
  ExpectRefused(kAnna, Bytes{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f},
                absl::StatusCode::kInvalidArgument);
}

TEST_F(AwarenessTest, OneSessionMayNotHaveMoreThanItsShare) {
  awareness_ = Awareness({.state_bytes = 8, .clients_per_session = 2});
  ExpectRefused(kAnna, {{1, 1, "123456789"}}, absl::StatusCode::kResourceExhausted);
  ExpectRefused(kAnna, {{1, 1, "1"}, {2, 1, "1"}, {3, 1, "1"}},
                absl::StatusCode::kResourceExhausted);
  Send(kAnna, {{1, 1, "1"}, {2, 1, "1"}});
  ExpectRefused(kAnna, {{3, 1, "1"}}, absl::StatusCode::kResourceExhausted);
  Send(kAnna, {{1, 1, "null"}, {3, 1, "1"}});
  Send(kBert, {{4, 1, "1"}});
}

TEST_F(AwarenessTest, AFullDocumentTurnsNewcomersAwayAndKeepsServingTheOthers) {
  awareness_ = Awareness({.clients = 2});
  Send(kAnna, {{1, 1, "1"}});
  Send(kBert, {{2, 1, "1"}});
  ExpectRefused(kBert, {{3, 1, "1"}}, absl::StatusCode::kUnavailable);
  Send(kBert, {{2, 2, "2"}});
  EXPECT_EQ(All(), (Entries{{1, 1, "1"}, {2, 2, "2"}}));
}

TEST_F(AwarenessTest, TheStatesOfADocumentAreBoundedTogether) {
  awareness_ = Awareness({.bytes = 10});
  Send(kAnna, {{1, 1, "12345"}});
  Send(kBert, {{2, 1, "12345"}});
  ExpectRefused(kAnna, {{1, 2, "123456"}}, absl::StatusCode::kUnavailable);
  Send(kAnna, {{1, 2, "1"}});
  Send(kBert, {{2, 2, "123456789"}});
  EXPECT_EQ(awareness_.state_bytes(), 10u);
}

TEST_F(AwarenessTest, DeparturesAreBounded) {
  awareness_ = Awareness({.departures = 2});
  for (std::uint64_t client = 1; client <= 5; ++client) {
    Send(kAnna, {{client, 1, "1"}});
    EXPECT_EQ(Close(kAnna), (Entries{{client, 1, "null"}}));  // validates
  }
}

TEST_F(AwarenessTest, UpdatesOfTheRealLibraryAreUnderstood) {
  const auto send_golden = [&](std::string_view name, SessionId sender) {
    const auto message = DecodeMessage(GoldenFrame(name));
    const auto applied =
        awareness_.Apply(sender, std::get<AwarenessUpdate>(*message).update, At(0));
    EXPECT_TRUE(applied.ok()) << name << ": " << applied.status();
    EXPECT_EQ(awareness_.Validate(), absl::OkStatus());
  };
  send_golden("awareness_first_state", kAnna);  // clock 0
  EXPECT_TRUE(awareness_.empty());
  send_golden("awareness_named", kAnna);
  EXPECT_EQ(awareness_.client_count(), 1u);
  send_golden("awareness_of_two", kBert);
  EXPECT_EQ(awareness_.client_count(), 2u);
  const Bytes of_two = EncodeMessage(AwarenessUpdate{awareness_.EncodeAll()});
  EXPECT_EQ(of_two.size(), GoldenFrame("awareness_of_two").size());
  send_golden("awareness_other_given_up", kAnna);  // not Anna's to give up
  EXPECT_EQ(awareness_.client_count(), 2u);
  send_golden("awareness_left", kAnna);
  send_golden("awareness_other_given_up", kBert);
  EXPECT_TRUE(awareness_.empty());
}

// The rules once more, as plainly as they can be put.
class Model {
 public:
  void Send(SessionId sender, const Entries& entries, TimePoint now) {
    std::map<std::uint64_t, AwarenessEntry> last;
    for (const AwarenessEntry& entry : entries) last[entry.client] = entry;
    for (const auto& [client, entry] : last) {
      const auto known = present_.find(client);
      if (entry.json == "null") {
        if (known != present_.end() && known->second.owner == sender &&
            entry.clock >= clocks_[client]) {
          present_.erase(known);
          clocks_[client] = entry.clock;
        }
      } else if (entry.clock > clocks_[client]) {
        present_[client] = {sender, entry.json, now};
        clocks_[client] = entry.clock;
      }
    }
  }
  void Close(SessionId session) {
    std::erase_if(present_, [&](const auto& entry) { return entry.second.owner == session; });
  }
  void Expire(TimePoint now) {
    std::erase_if(present_, [&](const auto& entry) {
      return now - entry.second.last_news >= std::chrono::seconds(30);
    });
  }
  Entries All() const {
    Entries all;
    for (const auto& [client, state] : present_)
      all.push_back({client, clocks_.at(client), state.json});
    return all;
  }

 private:
  struct Present {
    SessionId owner{};
    std::string json;
    TimePoint last_news;
  };
  std::map<std::uint64_t, Present> present_;
  std::map<std::uint64_t, std::uint64_t> clocks_;  // 0 for a client that was never here
};

Entries ArbitraryEntries() {
  const auto entry = rc::gen::apply(
      [](std::uint64_t client, std::uint64_t clock, std::string json) {
        return AwarenessEntry{client, clock, std::move(json)};
      },
      rc::gen::inRange<std::uint64_t>(0, 5), rc::gen::inRange<std::uint64_t>(0, 12),
      rc::gen::element<std::string>("null", "null", "1", "{}", R"({"cursor":5})"));
  return *rc::gen::container<Entries>(*rc::gen::inRange(0, 5), entry);
}

RC_GTEST_PROP(AwarenessLaws, TheStatesAreThoseOfTheModelAndWhatEveryListenerShows, ()) {
  Awareness awareness;
  Model model;
  std::vector<ListeningPeer> listeners(1);
  TimePoint now = At(0);
  const int steps = *rc::gen::inRange(1, 60);
  for (int step = 0; step < steps; ++step) {
    const SessionId session{*rc::gen::inRange<std::uint64_t>(1, 4)};
    Bytes told;
    switch (*rc::gen::weightedElement<int>({{8, 0}, {1, 1}, {1, 2}, {1, 3}})) {
      case 0: {
        const Entries entries = ArbitraryEntries();
        const auto applied = awareness.Apply(session, EncodeEntries(entries), now);
        RC_ASSERT(applied.ok());
        model.Send(session, entries, now);
        told = applied->to_all;
        break;
      }
      case 1:
        told = awareness.RemoveOwnedBy(session);
        model.Close(session);
        break;
      case 2:
        now += Duration(*rc::gen::inRange(0, 40'000));
        told = awareness.RemoveExpired(now);
        model.Expire(now);
        break;
      default:
        listeners.emplace_back().Hear(awareness.EncodeAll());
    }
    RC_ASSERT(awareness.Validate() == absl::OkStatus());
    RC_ASSERT(DecodeEntries(awareness.EncodeAll()) == model.All());
    std::map<std::uint64_t, std::string> present;
    for (const AwarenessEntry& entry : model.All()) present[entry.client] = entry.json;
    for (ListeningPeer& listener : listeners) {
      listener.Hear(told);
      RC_ASSERT(listener.Shown() == present);
    }
  }
}

RC_GTEST_PROP(AwarenessLaws, MutatedUpdatesAreAppliedOrRefusedWithoutATrace, ()) {
  Bytes update = EncodeEntries(ArbitraryEntries());
  const int mutations = *rc::gen::inRange(1, 4);
  for (int i = 0; i < mutations; ++i) {
    const std::size_t place = *rc::gen::inRange<std::size_t>(0, update.size());
    update[place] = *rc::gen::arbitrary<std::uint8_t>();
  }
  Awareness awareness({.state_bytes = 20, .clients_per_session = 3, .clients = 4, .bytes = 40});
  RC_ASSERT(awareness.Apply(kAnna, EncodeEntries({{1, 1, "true"}}), At(0)).ok());
  const Bytes before = awareness.EncodeAll();
  const auto applied = awareness.Apply(kBert, update, At(1));
  RC_ASSERT(awareness.Validate() == absl::OkStatus());
  if (!applied.ok() || applied->to_all.empty()) RC_ASSERT(awareness.EncodeAll() == before);
}

}  // namespace
}  // namespace weft::sync
