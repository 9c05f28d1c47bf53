// Real rooms, their table, sessions, documents and the real log on simulated sockets, a simulated
// disk and a simulated clock: one seed is one run. WEFT_SEED=… repeats the run that a failure names;
// WEFT_TORTURE makes so many times more of them.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "crdt/update_meta.h"
#include "server/log.h"
#include "tests/server/disk_log.h"
#include "tests/server/room_fakes.h"

namespace weft::server {
namespace {

using Lost = store::DiskRecording::Lost;

// One person: a document that outlives connections, and how fast its line is.
struct Person {
  Person(std::uint64_t client, std::string room_name, bool is_slow)
      : editor(client), room(std::move(room_name)), slow(is_slow) {}
  Editor editor;
  std::string room;
  bool slow = false;
  std::size_t heard_until = 0;  // in the order of the log
};

class Simulation {
 public:
  Simulation(std::uint32_t seed, RelayMoment relay)
      : random_(seed), relay_(relay), log_(random_, {"a", "b", "c"}) {
    limits_.queue_bytes = 1'500;
    limits_.uncommitted_bytes = 300;
    limits_.rooms = 2;
    limits_.connections_per_room = 3;
    limits_.room_idle = std::chrono::seconds(5);
    Start();
    for (int i = 0; i < 8; ++i) AddPerson(i);
  }
  ~Simulation() { table_.reset(); }

  void Run(int steps) {
    for (int i = 0; i < steps && !testing::Test::HasFailure(); ++i) {
      Step();
      // A server whose log has failed ends, and is begun anew.
      if (log_.failed()) LosePower();
      for (const auto& person : people_) person->editor.EndTurn();
      Check();
    }
  }

  // Everything works again and everyone comes back, until nothing moves.
  void Heal() {
    log_.Break(store::SystemFault::kNone);
    limits_.rooms = limits_.connections_per_room = 100;
    for (int round = 0; round < 8; ++round) {
      for (const auto& person : people_) Join(*person);
      Settle();
      Advance(10'000);
    }
    Settle();
    for (const auto& person : people_) {
      EXPECT_TRUE(person->editor.joined());
      EXPECT_EQ(person->editor.apply_errors, 0);
      EXPECT_EQ(person->editor.text(),
                log_.durable[person->room].doc->GetText("content").ToString());
    }
  }

  // What all that was said in each room comes to: equal for equal runs. Which of two rooms has its
  // turn first in a tick is the hash table's choice.
  const std::map<std::string, std::uint64_t>& said() const { return said_; }
  int failures() const { return log_.failures; }
  int power_cuts() const { return power_cuts_; }
  int overflows() const { return overflows_; }
  int refused() const { return refused_; }
  int heard_early() const { return heard_early_; }
  int acknowledged() const { return acknowledged_; }

 private:
  int Below(int bound) { return static_cast<int>(random_() % static_cast<unsigned>(bound)); }

  void Start() {
    table_ = std::make_unique<RoomTable>(
        RoomServices{log_, limits_, stats_, [this] { return now_; }, {}, relay_});
  }

  void AddPerson(int number) {
    const std::string room(1, static_cast<char>('a' + number % 3));
    auto person = std::make_unique<Person>(++last_client_, room, Below(4) == 0);
    Person& added = *person;
    added.editor.queue_bytes = limits_.queue_bytes;
    added.editor.on_send = [this, &added](crdt::ByteView message) { CheckSent(added, message); };
    if (static_cast<std::size_t>(number) == people_.size()) {
      people_.push_back(std::move(person));
    } else {
      people_[static_cast<std::size_t>(number)] = std::move(person);
    }
  }

  void Join(Person& person) {
    if (person.editor.joined()) return;
    const absl::StatusOr<Room*> room = table_->Enter(person.room);
    refused_ += room.ok() ? 0 : 1;
    if (!room.ok()) return;
    person.heard_until = 0;
    person.editor.Join(**room);
  }

  void Type(Person& person) {
    const auto at = static_cast<std::uint64_t>(Below(static_cast<int>(person.editor.length()) + 1));
    person.editor.Type(at, std::string(static_cast<std::size_t>(1 + Below(20)), 'x'));
  }

  void Step() {
    const int number = Below(static_cast<int>(people_.size()));
    Person& person = *people_[static_cast<std::size_t>(number)];
    Editor& editor = person.editor;
    switch (Below(25)) {
      case 0:
      case 1:
        return Join(person);
      case 2:
        if (Below(4) == 0) editor.Leave();
        return;
      case 3:  // another device, which knows nothing
        if (Below(6) != 0) return;
        editor.Leave();
        return AddPerson(number);
      case 4:
      case 5:
      case 6:
        return Type(person);
      case 7:
        if (editor.length() > 0) {
          editor.Erase(static_cast<std::uint64_t>(Below(static_cast<int>(editor.length()))));
        }
        return;
      case 8:  // much at once
        for (int i = Below(20); i > 0; --i) Type(person);
        return;
      case 9:
      case 10:
      case 11:
        if (!person.slow || Below(20) == 0) editor.Read(static_cast<std::size_t>(1 + Below(10)));
        return;
      case 12:
        return editor.Deliver();
      case 13:
        return editor.ShowCursor();
      case 14:
      case 15:
      case 16:
        return log_.Commit();
      case 17:
      case 18:
        for (int i = Below(4); i >= 0; --i) log_.Answer();
        return;
      case 19:
      case 20:
        return log_.FinishLoad();
      case 21:
        return Advance(1 + Below(8'000));
      case 22:
        return ChangeTheDisk();
      case 23:
        return editor.Ask();
      default:
        if (Below(12) == 0) LosePower();
    }
  }

  void ChangeTheDisk() {
    using enum store::SystemFault;
    switch (Below(12)) {
      case 0:
        return log_.Break(kDiskFull);
      case 1:
        return log_.Break(kReadOnly);
      case 2:
        return log_.Break(Below(3) == 0 ? kFsyncFails : kNone);
      default:
        return log_.Break(kNone);
    }
  }

  // Or kill -9: the same, and what was written is there.
  void LosePower() {
    ++power_cuts_;
    for (const auto& person : people_) person->editor.Die();
    table_.reset();
    const Lost kinds[] = {Lost::kNothing, Lost::kUnsynced, Lost::kSome};
    const Lost lost = kinds[Below(3)];
    const bool while_committing = Below(2) == 0;
    log_.LosePower(lost, while_committing);
    Start();
  }

  void Advance(int ms) {
    now_ += std::chrono::milliseconds(ms);
    table_->TellAwareness();
    table_->Tick();
  }

  void Settle() {
    for (int rounds = 0; rounds < 1'000; ++rounds) {
      bool busy = log_.busy();
      log_.Commit();
      log_.Answer();
      log_.FinishLoad();
      for (const auto& person : people_) {
        Editor& editor = person->editor;
        busy = busy || !editor.received.empty() || (editor.reading() && editor.has_undelivered());
        editor.Deliver();
        editor.Read();
        editor.EndTurn();
      }
      if (!busy) return;
    }
    ADD_FAILURE() << "the conversation does not end";
  }

  // A message as it goes out: nothing in it that the log lacks (but edits that are on their way to it,
  // when they are relayed so early), and edits in the order of the log.
  void CheckSent(Person& person, crdt::ByteView bytes) {
    std::uint64_t& said = said_.try_emplace(person.room, 0xCBF29CE484222325).first->second;
    for (const std::uint8_t byte : bytes) said = (said ^ byte) * 0x100000001B3;
    const auto message = sync::DecodeMessage(bytes);
    ASSERT_TRUE(message.ok());
    DiskLog::Durable& durable = log_.durable[person.room];
    if (const auto* step2 = std::get_if<sync::SyncStep2>(&*message)) {
      // With what waits for edits that were not stored.
      const auto stored = crdt::ParseUpdateMeta(durable.doc->EncodeStateAsUpdate());
      const auto meta = crdt::ParseUpdateMeta(step2->update);
      ASSERT_TRUE(stored.ok() && meta.ok());
      for (const auto& clocks : meta->clients) {
        EXPECT_TRUE(std::ranges::any_of(stored->clients, [&clocks](const auto& known) {
          return known.client == clocks.client && clocks.to <= known.to;
        })) << "an answer shows what the log lacks";
      }
    } else if (const auto* update = std::get_if<sync::Update>(&*message)) {
      const auto& updates =
          relay_ == RelayMoment::kCommitted ? durable.updates : log_.accepted[person.room];
      const auto found = std::find_if(
          updates.begin() +
              static_cast<std::ptrdiff_t>(std::min(person.heard_until, updates.size())),
          updates.end(),
          [&](const crdt::Bytes& stored) { return std::ranges::equal(stored, update->update); });
      ASSERT_NE(found, updates.end()) << "an edit that the log lacks, or that comes out of order";
      person.heard_until = static_cast<std::size_t>(found - updates.begin()) + 1;
      const auto is_it = [&](const crdt::Bytes& stored) {
        return std::ranges::equal(stored, update->update);
      };
      heard_early_ += std::ranges::none_of(durable.updates, is_it) ? 1 : 0;
    }
  }

  void Check() {
    EXPECT_LE(table_->size(), limits_.rooms);
    EXPECT_EQ(stats_.rooms.load(), table_->size());
    for (const char* name : {"a", "b", "c"}) {
      const Room* room = table_->Find(name);
      if (room == nullptr) continue;
      EXPECT_EQ(room->Validate(), absl::OkStatus());
      EXPECT_LE(room->member_count(), limits_.connections_per_room);
      EXPECT_LE(room->uncommitted_bytes(),
                limits_.uncommitted_bytes + limits_.connections_per_room * log_.largest_update);
    }
    for (const auto& person : people_) {
      for (const crdt::Bytes& edit : std::exchange(person->editor.acknowledged, {})) {
        ++acknowledged_;
        EXPECT_TRUE(Holds(*log_.durable[person->room].doc, edit)) << "an edit was acknowledged";
      }
      const Editor& editor = person->editor;
      std::size_t largest = 0;
      for (const crdt::Bytes& message : editor.received)
        largest = std::max(largest, message.size());
      EXPECT_LE(editor.queued_bytes(), limits_.queue_bytes + largest);
      if (!editor.closed) continue;
      overflows_ += *editor.closed == CloseCode::kBusy ? 1 : 0;
      EXPECT_GE(static_cast<int>(*editor.closed) % 1'000, 11) << "nobody is sent away for good";
      EXPECT_TRUE(*editor.closed == CloseCode::kBusy || *editor.closed == CloseCode::kNotStored)
          << static_cast<int>(*editor.closed);
    }
  }

  std::mt19937 random_;
  const RelayMoment relay_;
  Limits limits_;
  Stats stats_;
  sync::TimePoint now_{std::chrono::hours(1)};
  DiskLog log_;
  std::unique_ptr<RoomTable> table_;
  std::vector<std::unique_ptr<Person>> people_;
  std::uint64_t last_client_ = 0;
  std::map<std::string, std::uint64_t> said_;
  int power_cuts_ = 0;
  int overflows_ = 0;
  int refused_ = 0;
  int heard_early_ = 0;  // edits that somebody was told before they were durable
  int acknowledged_ = 0;
};

class RelaySimulation : public testing::Test {
 public:
  // Calls `run` with one seed after the other, until one fails.
  template <typename Run>
  static void ForSeeds(int count, const Run& run) {
    SetLogLevel(LogLevel::kOff);
    const char* given = std::getenv("WEFT_SEED");
    const auto first =
        given != nullptr ? static_cast<std::uint32_t>(std::stoul(given)) : std::random_device{}();
    if (given != nullptr) count = 1;
    for (int i = 0; i < count && !HasFailure(); ++i) {
      const std::uint32_t seed = first + static_cast<std::uint32_t>(i);
      SCOPED_TRACE("WEFT_SEED=" + std::to_string(seed) + " repeats it");
      run(seed);
    }
  }
};

// Or nothing of interest has happened.
struct Events {
  void Add(const Simulation& simulation) {
    failures += simulation.failures();
    power_cuts += simulation.power_cuts();
    overflows += simulation.overflows();
    refused += simulation.refused();
    heard_early += simulation.heard_early();
    acknowledged += simulation.acknowledged();
  }
  int failures = 0;
  int power_cuts = 0;
  int overflows = 0;
  int refused = 0;
  int heard_early = 0;
  int acknowledged = 0;
};

// Runs `seeds` simulations, each until everyone is back.
Events RunAndHeal(int seeds, RelayMoment relay) {
  Events events;
  RelaySimulation::ForSeeds(seeds, [&](std::uint32_t seed) {
    Simulation simulation(seed, relay);
    simulation.Run(600);
    if (!testing::Test::HasFailure()) simulation.Heal();
    events.Add(simulation);
  });
  if (testing::Test::HasFailure() || std::getenv("WEFT_SEED") != nullptr) return events;
  EXPECT_GT(events.failures, seeds);
  EXPECT_GT(events.power_cuts, seeds / 2);
  EXPECT_GT(events.overflows, seeds / 2);
  EXPECT_GT(events.refused, seeds / 2);
  EXPECT_GT(events.acknowledged, seeds);
  return events;
}

TEST_F(RelaySimulation, WhatAnyoneHeardIsDurableAndInOrderAndAllConverge) {
  const Events events = RunAndHeal(60 * store::TortureFactor(), RelayMoment::kCommitted);
  EXPECT_EQ(events.heard_early, 0);
}

TEST_F(RelaySimulation, RelayedAtOnceWhatIsAcknowledgedIsDurableAndAllConverge) {
  const int seeds = 60 * store::TortureFactor();
  const Events events = RunAndHeal(seeds, RelayMoment::kAccepted);
  if (HasFailure() || std::getenv("WEFT_SEED") != nullptr) return;
  EXPECT_GT(events.heard_early, seeds);
}

TEST_F(RelaySimulation, ASeedIsARun) {
  ForSeeds(3, [](std::uint32_t seed) {
    std::map<std::string, std::uint64_t> said[2];
    for (auto& one : said) {
      Simulation simulation(seed, RelayMoment::kCommitted);
      simulation.Run(300);
      one = simulation.said();
    }
    EXPECT_EQ(said[0], said[1]);
  });
}

// --- One room
// ---------------------------------------------------------------------------------------

// Three editors of one room and a log of which any append may fail by itself, as no real one does.
// Small, so that a failure shrinks to a few steps.
struct FailingAppends {
  static constexpr int kEditors = 3;

  explicit FailingAppends(RelayMoment relay) : world(relay) {
    for (int i = 0; i < kEditors; ++i) {
      editors.push_back(std::make_unique<Editor>(static_cast<std::uint64_t>(i + 1)));
    }
  }

  Room& room() { return world.rooms.Get("r"); }

  void Step() {
    Editor& editor = *editors[*rc::gen::inRange<std::size_t>(0, editors.size())];
    switch (*rc::gen::inRange(0, 13)) {
      case 0:
        if (!editor.joined()) editor.Join(room());
        break;
      case 1:
        if (*rc::gen::inRange(0, 3) == 0) editor.Leave();
        break;
      case 2:
      case 3:
        editor.Type("x");
        break;
      case 4:
        if (editor.length() > 0) editor.Erase(*rc::gen::inRange<std::uint64_t>(0, editor.length()));
        break;
      case 5:
      case 6:
        editor.Read();
        break;
      case 7:
        editor.Deliver();
        break;
      case 8:
        editor.ShowCursor();
        break;
      case 9:
        if (world.log.waiting_loads() > 0) world.log.FinishLoad();
        break;
      case 10:
        if (world.log.append_count() > 0) {
          const bool fails = *rc::gen::inRange(0, 8) == 0;
          world.log.FinishAppend(fails ? absl::ResourceExhaustedError("full") : absl::OkStatus());
        }
        break;
      case 11:
        editor.Ask();
        break;
      default:
        world.Advance(std::chrono::milliseconds(*rc::gen::inRange(1, 20'000)));
    }
  }

  // Fails when an answer has vouched for what a crash would lose now.
  void CheckAcknowledged() {
    for (const auto& editor : editors) {
      for (const crdt::Bytes& edit : std::exchange(editor->acknowledged, {})) {
        RC_ASSERT(Holds(*FromLog(), edit));
      }
    }
  }

  // What the log alone would show after a crash now.
  std::unique_ptr<crdt::Doc> FromLog() {
    auto doc = std::make_unique<crdt::Doc>();
    for (const crdt::Bytes& update : world.log.stored["r"])
      RC_ASSERT(doc->ApplyUpdate(update).ok());
    return doc;
  }

  // Everyone comes back to a log that works, until nothing moves.
  void Heal() {
    for (int round = 0; round < 8; ++round) {
      for (const auto& editor : editors) {
        if (!editor->joined()) editor->Join(room());
      }
      Settle(world, {editors[0].get(), editors[1].get(), editors[2].get()});
      world.Advance(std::chrono::seconds(10));
    }
    Settle(world, {editors[0].get(), editors[1].get(), editors[2].get()});
  }

  FakeWorld world;
  std::vector<std::unique_ptr<Editor>> editors;
};

RC_GTEST_PROP(RoomSimulation, NobodyHasReceivedFromAnotherWhatTheLogLacks, ()) {
  FailingAppends simulation(RelayMoment::kCommitted);
  const int steps = *rc::gen::inRange(1, 300);
  for (int i = 0; i < steps; ++i) {
    simulation.Step();
    const absl::Status valid = simulation.room().Validate();
    RC_ASSERT(valid == absl::OkStatus());
  }
  const crdt::StateVector stored = simulation.FromLog()->GetStateVector();
  for (std::size_t i = 0; i < simulation.editors.size(); ++i) {
    simulation.editors[i]->Read();
    const crdt::StateVector seen = simulation.editors[i]->doc().GetStateVector();
    for (const auto& entry : seen.entries()) {
      if (entry.client != crdt::ClientId{i + 1}) RC_ASSERT(entry.clock <= stored.Get(entry.client));
    }
  }
}

RC_GTEST_PROP(RoomSimulation, WhatWasAcknowledgedIsStored, ()) {
  FailingAppends simulation(*rc::gen::element(RelayMoment::kCommitted, RelayMoment::kAccepted));
  const int steps = *rc::gen::inRange(1, 300);
  for (int i = 0; i < steps; ++i) {
    simulation.Step();
    const absl::Status valid = simulation.room().Validate();
    RC_ASSERT(valid == absl::OkStatus());
    simulation.CheckAcknowledged();
  }
}

RC_GTEST_PROP(RoomSimulation, AllConvergeOnTheLogOnceEveryoneIsBack, ()) {
  FailingAppends simulation(*rc::gen::element(RelayMoment::kCommitted, RelayMoment::kAccepted));
  const int steps = *rc::gen::inRange(1, 300);
  for (int i = 0; i < steps; ++i) simulation.Step();
  simulation.Heal();
  const auto stored = simulation.FromLog();
  const std::string text = stored->GetText("content").ToString();
  for (const auto& editor : simulation.editors) {
    RC_ASSERT(editor->joined());
    RC_ASSERT(editor->apply_errors == 0);
    RC_ASSERT(editor->text() == text);
  }
}

}  // namespace
}  // namespace weft::server
