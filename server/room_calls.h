#pragma once

// What members of a room may ask beside the conversation about its document, and what they are told of it: modes,
// drafts, publishing. The API answers it, in the words of its calls (api/room_work.h); weft.v1 carries it.
//
// Threads: any.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "server/asio.h"

namespace weft::server {

class RoomCalls {
 public:
  virtual ~RoomCalls() = default;

  // The number of a connection that may be in modes, of one room.
  virtual std::uint64_t NewHolder() = 0;
  // That connection has ended, whether it was in a mode or not.
  virtual void EndHolder(const std::string& room, std::uint64_t holder) = 0;

  struct Asking {
    std::string room;
    std::string subject;
    bool may_write = false;
    std::uint64_t holder = 0;
    std::string verb;
    std::string arguments;  // a JSON object, or empty
  };
  struct Answered {
    int status = 0;    // as of HTTP
    std::string text;  // JSON
  };
  // `done` is called once, on `executor`, unless the server ends before.
  using Done = std::move_only_function<void(Answered)>;
  virtual void Ask(Asking asking, asio::any_io_executor executor, Done done) = 0;

  // Events of the room as JSON, until what is answered is gone. `hear` is called on any thread, one call after
  // the other, and must not wait nor come back.
  using Hear = std::function<void(const std::shared_ptr<const std::string>& event)>;
  virtual std::shared_ptr<void> Listen(const std::string& room, Hear hear) = 0;
};

}  // namespace weft::server
