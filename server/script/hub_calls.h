#pragma once

// What the HTTP calls ask of whoever is connected to the script's socket, and tell them: the hub (hub.h) as
// other threads reach it. All of it runs on the hub's thread, in the order of the calls.
//
// Who changes what a room's document is made of holds the room first: Hold says how many are in it at the
// very moment from which on nobody gets in, so that between the look and the write no one can begin to edit
// what is being replaced.
//
// Threads: any may call; `then` is called once, on any thread, and quickly. Ownership: outlives those who call.

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "server/script/revision_room.h"
#include "server/script/script.h"

namespace weft::server::script {

struct HubStatus {
  struct Person {
    std::string internal_id;  // of the connection, as SET_UUID told it
    std::string username;
    std::optional<UserId> user;
  };
  std::vector<Person> editors;  // in the mode "edit"; of the mode "cuts" likewise
  std::vector<Person> cutters;
  // Rooms that somebody is in or on the way into, whatever they may do there.
  std::vector<std::pair<RevisionRoom, std::size_t>> members;

  std::size_t MembersOf(const RevisionRoom& room) const {
    for (const auto& [name, count] : members) {
      if (name == room) return count;
    }
    return 0;
  }
};

class HubCalls {
 public:
  template <typename Result>
  using Then = std::move_only_function<void(Result)>;
  struct Done {};

  virtual ~HubCalls() = default;

  virtual void Look(Then<HubStatus> then) = 0;

  // As Look; and from then on joins of the room wait until Release. Holds of one room add up.
  virtual void Hold(RevisionRoom room, Then<HubStatus> then) = 0;
  // Those who wait get in, and see what is stored now. A room that is no more there refuses them.
  virtual void Release(RevisionRoom room) = 0;

  // Throws the draft away, with the room closed for everybody in it, and tells all, as the message
  // DISCARD_SCRIPT_DRAFT does. Without a draft nothing happens.
  virtual void Discard(RevisionRoom room, Then<absl::Status> then) = 0;

  // A live session began or ended, and is stored (stage.h): who is connected is told, and may do less or more.
  virtual void SetLive(bool live, Then<Done> then) = 0;
  // The current show or revision is another one, and is stored: who is in another room than the current one
  // leaves it, and all are told.
  virtual void CurrentChanged(Then<Done> then) = 0;

  // Everybody is to ask for something anew: the ACTION of a message without data.
  virtual void TellAll(std::string_view action) = 0;
};

}  // namespace weft::server::script
