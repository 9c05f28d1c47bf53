#include "server/webhooks/webhooks.h"

#include <openssl/rand.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "crdt/base/check.h"
#include "crdt/base/string_map.h"
#include "server/api/event_hub.h"
#include "server/api/json_object.h"
#include "server/durability.h"
#include "server/log.h"
#include "server/webhooks/signature.h"

namespace weft::server::webhooks {
namespace {

using store::Outbox;

// Is in no room's name, which is UTF-8: all rooms of before the first start have marks.
constexpr std::string_view kBaseline =
    "\xFF"
    "baseline";
constexpr std::size_t kRoomsAtOnce = 1'000;
constexpr std::size_t kEventsAtOnce = 1'000;
// Delivered before they are taken out of the outbox together; a crash repeats at most so many.
constexpr std::size_t kDeliveriesAtOnce = 64;
// After the log refused to take events.
constexpr std::chrono::milliseconds kLogPause{1'000};

std::string DrawId() {
  std::array<unsigned char, 16> bytes{};
  CHECK(RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) == 1);
  std::string id = "msg_";
  for (const unsigned char byte : bytes) id += absl::StrFormat("%02x", byte);
  return id;
}

// The key of a room's mark: its name, unless that is too long.
std::string MarkOf(std::string_view room) {
  constexpr std::size_t kWhole = 400;
  if (room.size() <= kWhole) return std::string(room);
  return absl::StrFormat("%s\xFF%016x", std::string(room.substr(0, kWhole)),
                         crdt::StringHash{}(room));
}

std::string MarkValue(const LogPlace& head) {
  return absl::StrCat(head.generation, " ", head.sequence);
}

// What is in the outbox: id, time in milliseconds and body, a line each.
std::string MakePayload(const PendingEvents::Event& event) {
  const RoomEvent view{.kind = event.kind,
                       .room = event.room,
                       .head = event.head,
                       .name = event.name,
                       .members = event.members};
  const std::string body = api::JsonObject()
                               .Text("type", EventName(event.kind))
                               .Text("timestamp", api::Rfc3339(event.time_ms))
                               .Json("data", api::DescribeEvent(view, event.time_ms))
                               .Take();
  return absl::StrCat(DrawId(), "\n", event.time_ms, "\n", body);
}
struct Payload {
  std::string_view id;
  std::int64_t time_ms = 0;
  std::string_view body;
};
std::optional<Payload> ReadPayload(std::string_view text) {
  const std::size_t first = text.find('\n');
  const std::size_t second = text.find('\n', first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos) return std::nullopt;
  Payload payload{.id = text.substr(0, first), .time_ms = 0, .body = text.substr(second + 1)};
  const char* end = text.data() + second;
  if (std::from_chars(text.data() + first + 1, end, payload.time_ms).ptr != end) {
    return std::nullopt;
  }
  return payload;
}

LogPlace HeadOf(const store::RoomInfo& room) {
  return {room.head, static_cast<std::uint64_t>(room.generation)};
}

// Calls `visit` with pages of all rooms, as long as it answers OK.
template <typename Visit>
absl::Status VisitRooms(const store::UpdateLog& log, Visit visit) {
  store::RoomPage page{.prefix = "", .after = std::nullopt, .limit = kRoomsAtOnce};
  for (;;) {
    const auto rooms = log.reader().ListRooms(page);
    if (!rooms.ok()) return rooms.status();
    const absl::Status visited = visit(*rooms);
    if (!visited.ok() || rooms->size() < kRoomsAtOnce) return visited;
    page.after = rooms->back().name;
  }
}

// What was there before the first start is no news.
absl::Status MarkAll(const store::UpdateLog& log, Outbox& outbox) {
  const absl::Status marked = VisitRooms(log, [&](const std::vector<store::RoomInfo>& rooms) {
    std::vector<Outbox::Entry> marks;
    for (const store::RoomInfo& room : rooms) {
      marks.push_back(
          {.payload = std::nullopt, .key = MarkOf(room.name), .value = MarkValue(HeadOf(room))});
    }
    return outbox.Put(marks);
  });
  if (!marked.ok()) return marked;
  const Outbox::Entry baseline[] = {
      {.payload = std::nullopt, .key = std::string(kBaseline), .value = ""}};
  return outbox.Put(baseline);
}

bool IsTold(RoomEvent::Kind kind) {
  switch (kind) {
    case RoomEvent::Kind::kOpened:
    case RoomEvent::Kind::kClosed:
    case RoomEvent::Kind::kChanged:
    case RoomEvent::Kind::kDeleted:
    case RoomEvent::Kind::kVersion:
    case RoomEvent::Kind::kQuota:
      return true;
    default:
      return false;
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Webhooks>> Webhooks::Open(const Options& options,
                                                         store::UpdateLog& log) {
  absl::StatusOr<ReceiverAddress> address = ParseReceiver(options.url);
  if (!address.ok()) return address.status();
  absl::StatusOr<crdt::Bytes> secret = ReadSecret(options.secret_file);
  if (!secret.ok()) return secret.status();
  absl::StatusOr<std::unique_ptr<Outbox>> outbox = Outbox::Open(log);
  if (!outbox.ok()) return outbox.status();
  const auto baseline = (*outbox)->FindMark(kBaseline);
  if (!baseline.ok()) return baseline.status();
  if (!*baseline) {
    const absl::Status marked = MarkAll(log, **outbox);
    if (!marked.ok()) return marked;
  }
  return std::unique_ptr<Webhooks>(
      new Webhooks(options, *std::move(secret), *std::move(address), log, *std::move(outbox)));
}

Webhooks::Webhooks(const Options& options, crdt::Bytes secret, ReceiverAddress address,
                   store::UpdateLog& log, std::unique_ptr<Outbox> outbox)
    : options_(options),
      secret_(std::move(secret)),
      log_(log),
      outbox_(std::move(outbox)),
      receiver_(io_.get_executor(), std::move(address), options.timeout),
      pending_(options.debounce),
      outbox_size_(outbox_->messages()) {}

Webhooks::~Webhooks() { Stop(); }

void Webhooks::Start() {
  asio::co_spawn(io_, RunCollecting(), asio::detached);
  asio::co_spawn(io_, RunDelivering(), asio::detached);
  thread_ = std::thread([this] { io_.run(); });
}

void Webhooks::Stop() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(stopped_, true)) return;
  }
  io_.stop();
  if (!thread_.joinable()) return;
  thread_.join();
  Collect(/*all=*/true);
}

Counts Webhooks::counts() const {
  return {
      .outbox = outbox_size_, .delivered = delivered_, .failures = failures_, .dropped = dropped_};
}

void Webhooks::OnRoomEvent(const RoomEvent& event) {
  if (!IsTold(event.kind)) return;
  bool was_dropped = false;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    const std::uint64_t before = pending_.dropped();
    pending_.Add(event, Clock::now(), WallTimeMs());
    was_dropped = pending_.dropped() != before;
  }
  if (was_dropped) {
    ++dropped_;
  } else {
    Wake(collect_timer_);
  }
}

void Webhooks::Wake(asio::steady_timer& timer) {
  asio::post(io_, [&timer] { timer.cancel(); });
}

asio::awaitable<void> Webhooks::Pause(asio::steady_timer& timer, std::chrono::milliseconds time) {
  timer.expires_after(time);
  [[maybe_unused]] const auto [error] =
      co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

// --- Into the outbox
// ------------------------------------------------------------------------------

bool Webhooks::FindUntold() {
  return VisitRooms(
             log_,
             [this](const std::vector<store::RoomInfo>& rooms) {
               for (const store::RoomInfo& room : rooms) {
                 const auto mark = outbox_->FindMark(MarkOf(room.name));
                 if (!mark.ok()) return mark.status();
                 if (*mark == MarkValue(HeadOf(room))) continue;
                 OnRoomEvent(
                     {.kind = RoomEvent::Kind::kChanged, .room = room.name, .head = HeadOf(room)});
               }
               return absl::OkStatus();
             })
      .ok();
}

std::uint64_t Webhooks::Space() const {
  const std::uint64_t used = outbox_->messages();
  return used < options_.outbox_events ? options_.outbox_events - used : 0;
}

bool Webhooks::Collect(bool all) {
  for (;;) {
    std::vector<PendingEvents::Event> events;
    {
      const std::lock_guard lock(mutex_);
      const std::size_t limit = std::min<std::uint64_t>(kEventsAtOnce, Space());
      events = pending_.Take(Clock::now(), limit, all);
    }
    if (events.empty()) return true;
    std::vector<Outbox::Entry> entries;
    for (const PendingEvents::Event& event : events) {
      Outbox::Entry entry{.payload = MakePayload(event), .key = "", .value = std::nullopt};
      if (event.kind == RoomEvent::Kind::kChanged) {
        entry.key = MarkOf(event.room);
        entry.value = MarkValue(event.head);
      } else if (event.kind == RoomEvent::Kind::kDeleted) {
        entry.key = MarkOf(event.room);
      }
      entries.push_back(std::move(entry));
    }
    const absl::Status put = outbox_->Put(entries);
    outbox_size_ = outbox_->messages();
    if (!put.ok()) {
      // What changed is found again by its mark.
      LogError("events could not be put into the outbox of webhooks: {}", put.ToString());
      dropped_ += events.size();
      return false;
    }
    Wake(deliver_timer_);
  }
}

asio::awaitable<void> Webhooks::RunCollecting() {
  bool finds = true;  // rooms are to be held against their marks
  for (;;) {
    if (finds) finds = !FindUntold();
    if (!Collect(/*all=*/false)) finds = true;
    std::chrono::milliseconds pause{3'600'000};
    {
      const std::lock_guard lock(mutex_);
      if (pending_.size() < PendingEvents::kMaxRooms / 2 && pending_.TakeForgotten()) finds = true;
      if (const auto next = pending_.next()) {
        pause = std::chrono::ceil<std::chrono::milliseconds>(*next - Clock::now());
      }
    }
    // Without space nothing leaves before something was delivered.
    if (Space() == 0) pause = std::chrono::milliseconds{3'600'000};
    if (finds) pause = kLogPause;
    if (pause.count() > 0) co_await Pause(collect_timer_, pause);
  }
}

// --- Out of it
// ------------------------------------------------------------------------------------

asio::awaitable<absl::Status> Webhooks::Deliver(std::string_view text) {
  const std::optional<Payload> payload = ReadPayload(text);
  if (!payload) co_return absl::DataLossError("an event of the outbox does not decode");
  const std::string timestamp = std::to_string(WallTimeMs() / 1'000);
  const Receiver::Headers headers = {
      {"webhook-id", std::string(payload->id)},
      {"webhook-timestamp", timestamp},
      {"webhook-signature", Sign(secret_, payload->id, timestamp, payload->body)}};
  const absl::Status posted = co_await receiver_.Post(payload->body, headers);
  if (posted.ok()) co_return posted;
  const double age_days = static_cast<double>(WallTimeMs() - payload->time_ms) / 86'400'000.0;
  if (age_days < options_.days) co_return posted;
  co_return absl::DeadlineExceededError(std::string(posted.message()));
}

asio::awaitable<void> Webhooks::RunDelivering() {
  std::uint64_t delivered_through = 0;  // taken by the receiver, or given up
  std::uint64_t dropped_through = 0;    // and out of the outbox
  std::chrono::milliseconds retry = options_.first_retry;
  const auto drop = [&] {
    if (dropped_through == delivered_through) return;
    if (outbox_->DropThrough(delivered_through).ok()) dropped_through = delivered_through;
    outbox_size_ = outbox_->messages();
    Wake(collect_timer_);
  };
  for (;;) {
    const absl::StatusOr<std::vector<Outbox::Message>> messages =
        outbox_->Read(delivered_through, kDeliveriesAtOnce);
    bool failed = !messages.ok();
    if (!failed && messages->empty()) {
      drop();
      co_await Pause(deliver_timer_, std::chrono::hours(1));
      continue;
    }
    for (std::size_t i = 0; !failed && i < messages->size(); ++i) {
      const Outbox::Message& message = (*messages)[i];
      const absl::Status status = co_await Deliver(message.payload);
      failed = absl::IsUnavailable(status);
      if (failed) {
        ++failures_;
        LogWarning("a webhook is tried again in {} ms: {}", retry.count(),
                   std::string(status.message()));
        break;
      }
      if (status.ok()) {
        ++delivered_;
        retry = options_.first_retry;
      } else {
        ++dropped_;
        LogError("the webhook {} is given up: {}", message.number, std::string(status.message()));
      }
      delivered_through = message.number;
    }
    drop();
    if (!failed) continue;
    // Not woken by new events: they are behind this one.
    asio::steady_timer timer(io_);
    co_await Pause(timer, retry);
    retry = std::min<std::chrono::milliseconds>(2 * retry, kLongestPause);
  }
}

}  // namespace weft::server::webhooks
