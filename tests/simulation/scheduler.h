#pragma once

// Simulated time: what is to happen, in the order of its moments, and of its arrival where these are
// equal. Nothing waits; time passes by going to the next moment.
//
// Threads: one.

#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

namespace weft::simulation {

// Microseconds since the beginning of a run.
using Time = std::int64_t;
inline constexpr Time kMillisecond = 1'000;
inline constexpr Time kSecond = 1'000'000;

class Scheduler {
 public:
  using Action = std::move_only_function<void()>;

  Time now() const { return now_; }
  bool empty() const { return events_.empty(); }
  // Of the next action. Requires: not empty.
  Time next() const { return events_.top().at; }

  // A moment that has passed counts as now.
  void At(Time at, Action action) {
    events_.push({at < now_ ? now_ : at, ++count_, std::move(action)});
  }
  void After(Time delay, Action action) { At(now_ + delay, std::move(action)); }

  // Goes to the next moment and does what is to happen. Requires: not empty.
  void RunNext() {
    Event event = std::move(const_cast<Event&>(events_.top()));  // which is popped at once
    events_.pop();
    now_ = event.at;
    event.action();
  }

  void RunUntil(Time end) {
    while (!events_.empty() && events_.top().at <= end) RunNext();
    if (now_ < end) now_ = end;
  }

 private:
  struct Event {
    Time at = 0;
    std::uint64_t number = 0;
    Action action;
    bool operator<(const Event& other) const {  // the top of the queue is the largest
      return at != other.at ? at > other.at : number > other.number;
    }
  };

  Time now_ = 0;
  std::uint64_t count_ = 0;
  std::priority_queue<Event> events_;
};

}  // namespace weft::simulation
