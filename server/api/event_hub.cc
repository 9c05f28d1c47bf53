#include "server/api/event_hub.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/api/json_object.h"
#include "server/durability.h"
#include "server/text_table.h"

namespace weft::server::api {
namespace {

std::string DrawBoot() {
  std::random_device random;
  return absl::StrFormat("%08x", random());
}

std::string Gap(std::string_view id, std::optional<std::uint64_t> lost) {
  JsonObject data;
  if (lost) {
    data.Number("lost", *lost);
  } else {
    data.Null("lost");
  }
  return absl::StrCat("id: ", std::string(id), "\nevent: gap\ndata: ", data.Take(), "\n\n");
}

}  // namespace

std::string GenerationText(std::uint64_t generation) {
  return absl::StrFormat("%016x", generation);
}

std::string Rfc3339(std::int64_t time_ms) {
  std::string text = TimeText(time_ms);
  const std::size_t space = text.find(' ');
  if (space != std::string::npos) text[space] = 'T';
  return text + "Z";
}

std::string DescribeEvent(const RoomEvent& event, std::int64_t time_ms) {
  JsonObject data;
  data.Text("type", EventName(event.kind)).Text("room", event.room);
  data.Text("time", Rfc3339(time_ms));
  if (event.head.generation != 0) {
    data.Number("sequence", event.head.sequence);
    data.Text("generation", GenerationText(event.head.generation));
  }
  switch (event.kind) {
    case RoomEvent::Kind::kJoined:
    case RoomEvent::Kind::kLeft:
      data.Number("member", event.member).Text("subject", event.name);
      [[fallthrough]];
    case RoomEvent::Kind::kOpened:
    case RoomEvent::Kind::kClosed:
      data.Number("members", event.members);
      break;
    case RoomEvent::Kind::kFrozen:
    case RoomEvent::Kind::kQuota:
    case RoomEvent::Kind::kPublishFailed:
      data.Text("reason", event.name);
      break;
    case RoomEvent::Kind::kDraftSaved:
    case RoomEvent::Kind::kDraftDiscarded:
      data.Text("subject", event.name);
      break;
    case RoomEvent::Kind::kVersion:
      data.Text("version", event.name);
      break;
    case RoomEvent::Kind::kPublishProgress:
      data.Number("done", event.done).Number("total", event.total);
      break;
    case RoomEvent::Kind::kModeTaken:
    case RoomEvent::Kind::kModeLeft:
      data.Text("mode", event.name).Text("subject", event.subject).Number("holder", event.holder);
      break;
    case RoomEvent::Kind::kModeEmptied:
      data.Text("mode", event.name);
      break;
    default:
      break;
  }
  if (event.publish != 0) data.Number("publish", event.publish);
  return data.Take();
}

// The queue of one listener. Threads: Push and Take any.
class EventHub::Listener : public std::enable_shared_from_this<EventHub::Listener> {
 public:
  Listener(Wants wants, const asio::any_io_executor& executor)
      : wants_(std::move(wants)), timer_(executor) {}

  bool Hears(std::string_view room) const { return wants_(room); }

  void Push(std::shared_ptr<const std::string> text, std::string_view id) {
    bool first = false;
    {
      const std::lock_guard lock(mutex_);
      first = queue_.empty();
      if (queue_.size() == kQueueEvents) {
        queue_.pop_front();
        ++lost_;
        lost_id_ = id;
      }
      queue_.push_back(std::move(text));
    }
    // The timer belongs to the thread of its executor.
    if (first) {
      asio::post(timer_.get_executor(), [self = shared_from_this()] { self->timer_.cancel(); });
    }
  }
  void PushText(std::string text) {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::make_shared<const std::string>(std::move(text)));
  }

  std::string Take() {
    const std::lock_guard lock(mutex_);
    std::string text;
    if (lost_ > 0) text += Gap(lost_id_, std::exchange(lost_, 0));
    for (const auto& event : queue_) text += *event;
    queue_.clear();
    return text;
  }

  asio::steady_timer& timer() { return timer_; }

 private:
  const Wants wants_;
  asio::steady_timer timer_;
  std::mutex mutex_;
  std::deque<std::shared_ptr<const std::string>> queue_;
  std::uint64_t lost_ = 0;
  std::string lost_id_;
};

class EventHub::Stream final : public TextStream {
 public:
  explicit Stream(std::shared_ptr<Listener> listener) : listener_(std::move(listener)) {}

  asio::awaitable<std::string> Next() override {
    for (;;) {
      std::string text = listener_->Take();
      if (!text.empty()) co_return text;
      if (std::exchange(greeted_, true)) {
        asio::steady_timer& timer = listener_->timer();
        timer.expires_after(kKeepAlive);
        const auto [error] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
        if (!error) co_return std::string(": nothing happens\n\n");
      } else {
        // The header leaves at once, and proxies see that something comes.
        co_return std::string(": listening\n\n");
      }
    }
  }

 private:
  std::shared_ptr<Listener> listener_;
  bool greeted_ = false;
};

EventHub::EventHub() : boot_(DrawBoot()) {}

RoomEvent EventHub::Event::As() const {
  RoomEvent event = what;
  event.room = room;
  event.name = name;
  event.subject = subject;
  return event;
}

std::string EventHub::IdOf(const Event& event) const {
  return absl::StrCat(boot_, "-", event.number);
}

void EventHub::Push(Event& event, Listener& listener) const {
  if (!listener.Hears(event.room)) return;
  const std::string id = IdOf(event);
  if (event.text == nullptr) {
    const std::string kind(EventName(event.what.kind));
    event.text = std::make_shared<const std::string>(
        absl::StrCat("id: ", id, "\nevent: ", kind,
                     "\ndata: ", DescribeEvent(event.As(), event.time_ms), "\n\n"));
  }
  listener.Push(event.text, id);
}

void EventHub::OnRoomEvent(const RoomEvent& event) {
  Event made{.number = 0,
             .time_ms = WallTimeMs(),
             .room = std::string(event.room),
             .name = std::string(event.name),
             .subject = std::string(event.subject),
             .what = event,
             .text = {}};
  made.what.room = made.what.name = made.what.subject = {};
  const std::lock_guard lock(mutex_);
  made.number = ++last_number_;
  kept_.push_back(std::move(made));
  if (kept_.size() > kKept) kept_.pop_front();
  std::erase_if(listeners_, [&](const std::weak_ptr<Listener>& entry) {
    const auto listener = entry.lock();
    if (listener) Push(kept_.back(), *listener);
    return listener == nullptr;
  });
}

std::unique_ptr<TextStream> EventHub::Listen(Wants wants, std::string_view last_event_id,
                                             asio::any_io_executor executor) {
  const std::lock_guard lock(mutex_);
  std::erase_if(listeners_, [](const auto& entry) { return entry.expired(); });
  if (listeners_.size() >= kMaxListeners) return nullptr;
  auto listener = std::make_shared<Listener>(std::move(wants), std::move(executor));
  if (!last_event_id.empty()) {
    std::uint64_t last = 0;
    const std::size_t dash = last_event_id.find('-');
    bool known = dash != std::string_view::npos && last_event_id.substr(0, dash) == boot_;
    if (known) {
      const char* end = last_event_id.data() + last_event_id.size();
      const auto parsed = std::from_chars(last_event_id.data() + dash + 1, end, last);
      known = parsed.ec == std::errc() && parsed.ptr == end && last <= last_number_;
    }
    const std::uint64_t oldest = kept_.empty() ? last_number_ + 1 : kept_.front().number;
    if (!known || last + 1 < oldest) {
      listener->PushText(Gap(absl::StrCat(boot_, "-", known ? oldest - 1 : last_number_), {}));
    }
    if (known) {
      for (Event& event : kept_) {
        if (event.number > last) Push(event, *listener);
      }
    }
  }
  listeners_.push_back(listener);
  return std::make_unique<Stream>(std::move(listener));
}

std::size_t EventHub::listeners() const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(
      std::ranges::count_if(listeners_, [](const auto& entry) { return !entry.expired(); }));
}

}  // namespace weft::server::api
