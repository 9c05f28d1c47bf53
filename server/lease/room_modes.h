#pragma once

// Who is in which mode, in all rooms of the server, and the one place that tells of it: RoomEvent kModeTaken,
// kModeLeft, and kModeEmptied when the last holder of a mode has left, in the order in which it happened.
//
// A holder stays, as a connection does, or it only has its lease: a program without a connection is away from the
// moment it takes one, and keeps it by taking it again with its token within the grace period.
//
// Modes are an agreement among those who work on a document: they say who does what, and stand against
// publishing it and throwing its draft away (write_blockers.h). Who may write is another question (auth/).
//
// Bounds: kMaxHolders holders of a room, beyond which a newcomer is refused; rooms in which nobody is in a mode
// are forgotten.
// Threads: any. The watcher is told under the lock, and must not come back.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "crdt/base/string_map.h"
#include "server/lease/lease_table.h"
#include "server/lease/rules.h"
#include "server/room_event.h"

namespace weft::server::lease {

// Many people edit at once, or one does alone.
inline constexpr std::string_view kDefaultRules = "edit=shared,solo=exclusive,edit!solo";
inline constexpr std::chrono::seconds kDefaultGrace{15};

class RoomModes {
 public:
  static constexpr std::size_t kMaxHolders = 1'000;

  struct Options {
    Rules rules;
    std::chrono::milliseconds grace{kDefaultGrace};
    // What nobody can guess, another one each time.
    std::function<std::string()> new_token;
    // Called when Tick is wanted sooner than before. May be empty.
    std::function<void(TimePoint)> wake;
  };
  // `watcher` outlives it.
  RoomModes(Options options, RoomWatcher& watcher);

  const Rules& rules() const { return options_.rules; }
  std::chrono::milliseconds grace() const { return options_.grace; }

  // A number that nobody has had yet.
  HolderId NewHolder();

  struct Wish {
    std::string_view room;
    HolderId holder = kNoHolder;
    bool stays = false;  // it is a connection; Drop says when that ends
    std::string_view mode;
    std::string_view subject = {};
    std::string_view token = {};  // of the lease that it had, to go on with; else empty
    std::vector<std::string> blockers = {};
  };
  struct Taken {
    std::optional<Refusal> refusal;  // then it is in the mode in which it was
    const Mode* mode = nullptr;      // in which it is now; null for none
    std::string token;               // of its lease; empty without one
    bool resumed = false;            // it had the lease of `token`, and nobody came in between
  };
  // Enters a mode, changes it in place, or stays in it, as LeaseTable::Resume and Take. kHeld also when the
  // room has kMaxHolders.
  Taken Take(const Wish& wish, TimePoint now);

  // Leaves its mode. False when it was in none.
  bool Give(std::string_view room, HolderId holder);
  // Whose lease this token is; kNoHolder for none. Takes as long for a wrong one.
  HolderId HolderOf(std::string_view room, std::string_view token, std::string_view subject) const;
  // Sends whoever is in this mode out of it, or one of them. How many they were.
  std::size_t Evict(std::string_view room, std::string_view mode, std::optional<HolderId> holder);
  // The connection has ended. Being in no mode is fine.
  void Drop(std::string_view room, HolderId holder, TimePoint now);

  // Ends what is over. When it is to be called next; nothing: not before `wake` says so.
  std::optional<TimePoint> Tick(TimePoint now);

  // The server ends, and all leases with it, which is told. From now on nobody has one.
  void Stop();

  // What is held in the room; null when nothing is.
  void Look(std::string_view room, absl::FunctionRef<void(const LeaseTable*)> look) const;

  std::size_t rooms() const;

 private:
  // Changes the table of the room, made when it is absent, and tells what is another way then.
  void Change(std::string_view room, absl::FunctionRef<Changes(LeaseTable&)> change);

  const Options options_;
  RoomWatcher& watcher_;
  mutable std::mutex mutex_;
  bool stopped_ = false;
  HolderId last_holder_ = kNoHolder;
  crdt::StringMap<std::unique_ptr<LeaseTable>> tables_;
  std::optional<TimePoint> next_tick_;
};

}  // namespace weft::server::lease
