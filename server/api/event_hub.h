#pragma once

// The live events of all rooms, for those who listen: as text/event-stream (WHATWG HTML, section 9.2).
//
//   id: <boot>-<number>      event: room.changed      data: {"room":…,"time":…,…}
//
// Each listener has a queue of kQueueEvents; one that reads more slowly loses the oldest and is told so
// by an event "gap" with their number. The newest kKept events are kept for listeners who come back
// with a Last-Event-ID: they get what they missed, or a gap first, without a number, when that is not
// all there any more (or was before a restart). So whoever sees no gap has missed nothing.
//
// Members come and go more often than anybody listens, so an event is kept as what it is, and written
// out once for the first who is sent it.
//
// Threads: any; a stream on that of its executor.

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/api/request.h"
#include "server/room_event.h"

namespace weft::server::api {

class EventHub final : public RoomWatcher {
 public:
  static constexpr std::size_t kQueueEvents = 1'024;
  static constexpr std::size_t kKept = 4'096;
  static constexpr std::size_t kMaxListeners = 1'024;
  static constexpr std::chrono::seconds kKeepAlive{15};

  EventHub();

  void OnRoomEvent(const RoomEvent& event) override;

  // Of the events of rooms that `wants` says yes to, those after `last_event_id`, or from now on
  // without one. Null when as many listen as may.
  using Wants = std::function<bool(std::string_view room)>;
  std::unique_ptr<TextStream> Listen(Wants wants, std::string_view last_event_id,
                                     asio::any_io_executor executor);

  std::size_t listeners() const;

 private:
  struct Event {
    std::uint64_t number = 0;
    std::int64_t time_ms = 0;
    std::string room;
    std::string name;
    std::string subject;
    RoomEvent what;                           // its views are of nothing: see As()
    std::shared_ptr<const std::string> text;  // once somebody was sent it

    RoomEvent As() const;
  };
  class Listener;
  class Stream;

  std::string IdOf(const Event& event) const;
  void Push(Event& event, Listener& listener) const;

  const std::string boot_;  // differs from one start of the server to the next
  mutable std::mutex mutex_;
  std::uint64_t last_number_ = 0;
  std::deque<Event> kept_;
  std::vector<std::weak_ptr<Listener>> listeners_;
};

// `event` as the JSON object of an event's data; `time_ms` since 1970.
std::string DescribeEvent(const RoomEvent& event, std::int64_t time_ms);
// 0000000000000000 of a generation, as everywhere in the API.
std::string GenerationText(std::uint64_t generation);
// "2026-11-22T17:03:01.250Z".
std::string Rfc3339(std::int64_t time_ms);

}  // namespace weft::server::api
