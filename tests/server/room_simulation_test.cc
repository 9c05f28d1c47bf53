// Real rooms, sessions and documents on a simulated log and network, from one seed.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <memory>
#include <vector>

#include "tests/server/room_fakes.h"

namespace weft::server {
namespace {

// Everyone's edits, delivered, committed, refused, interrupted and resumed in any order.
struct Simulation {
  static constexpr int kEditors = 3;

  Simulation() {
    for (int i = 0; i < kEditors; ++i) {
      editors.push_back(std::make_unique<Editor>(static_cast<std::uint64_t>(i + 1)));
    }
  }

  Room& room() { return world.rooms.Get("r"); }

  void Step() {
    Editor& editor = *editors[*rc::gen::inRange<std::size_t>(0, editors.size())];
    switch (*rc::gen::inRange(0, 12)) {
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
      default:
        world.Advance(std::chrono::milliseconds(*rc::gen::inRange(1, 20'000)));
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
  Simulation simulation;
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

RC_GTEST_PROP(RoomSimulation, AllConvergeOnTheLogOnceEveryoneIsBack, ()) {
  Simulation simulation;
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
