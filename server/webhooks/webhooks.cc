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

#include "absl/container/flat_hash_set.h"
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
constexpr std::string_view kOpenTag = "\xFFo";
constexpr std::string_view kVersionTag = "\xFFv";
constexpr std::string_view kModeTag = "\xFFm";
constexpr std::size_t kWholeName = 400;
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
  if (room.size() <= kWholeName) return std::string(room);
  return absl::StrFormat("%s\xFF%016x", std::string(room.substr(0, kWholeName)),
                         crdt::StringHash{}(room));
}

// How far a room has been told of, and its name where the key has not all of it.
std::string MarkValue(std::string_view room, const LogPlace& head) {
  std::string value = absl::StrCat(head.generation, " ", head.sequence);
  if (room.size() > kWholeName) absl::StrAppend(&value, " ", std::string(room));
  return value;
}
std::uint64_t GenerationOf(std::string_view mark) {
  std::uint64_t generation = 0;
  std::from_chars(mark.data(), mark.data() + mark.size(), generation);
  return generation;
}
std::string_view NameOf(std::string_view key, std::string_view mark) {
  if (key.find('\xFF') == std::string_view::npos) return key;
  return mark.substr(mark.find(' ', mark.find(' ') + 1) + 1);
}

// A room that was told to be open; its value is the name.
std::string OpenMarkOf(std::string_view room) { return std::string(kOpenTag) + MarkOf(room); }
// A version that was told; its value is where it stands.
std::string VersionMarkOf(std::string_view room, std::string_view version) {
  return std::string(kVersionTag) +
         MarkOf(absl::StrCat(std::string(room), "\xFF", std::string(version)));
}

// A mode that was told to be held; its value is the room and the mode.
std::string HeldOf(std::string_view room, std::string_view mode) {
  return absl::StrCat(std::string(room), "\xFF", std::string(mode));
}
std::string ModeMarkOf(std::string_view room, std::string_view mode) {
  return std::string(kModeTag) + MarkOf(HeldOf(room, mode));
}

// What is in the outbox: id, time in milliseconds and body, a line each.
std::string MakePayload(const PendingEvents::Event& event) {
  const RoomEvent view{.kind = event.kind,
                       .room = event.room,
                       .head = event.head,
                       .name = event.name,
                       .subject = event.subject,
                       .holder = event.holder,
                       .publish = event.publish,
                       .members = event.members};
  const std::string body = api::JsonObject()
                               .Text("type", EventName(event.kind))
                               .Text("timestamp", api::Rfc3339(event.time_ms))
                               .Json("data", api::DescribeEvent(view, event.time_ms))
                               .Take();
  return absl::StrCat(DrawId(), "\n", event.time_ms, "\n", body);
}

// An event with the mark that goes with it.
Outbox::Entry MakeEntry(const PendingEvents::Event& event) {
  Outbox::Entry entry{.payload = MakePayload(event), .key = "", .value = std::nullopt};
  switch (event.kind) {
    case RoomEvent::Kind::kChanged:
      entry.key = MarkOf(event.room);
      entry.value = MarkValue(event.room, event.head);
      break;
    case RoomEvent::Kind::kDeleted:
      entry.key = MarkOf(event.room);
      break;
    case RoomEvent::Kind::kOpened:
      entry.key = OpenMarkOf(event.room);
      entry.value = event.room;
      break;
    case RoomEvent::Kind::kClosed:
      entry.key = OpenMarkOf(event.room);
      break;
    case RoomEvent::Kind::kVersion:
      entry.key = VersionMarkOf(event.room, event.name);
      entry.value = MarkValue("", event.head);
      break;
    case RoomEvent::Kind::kModeTaken:
      entry.key = ModeMarkOf(event.room, event.name);
      entry.value = HeldOf(event.room, event.name);
      break;
    case RoomEvent::Kind::kModeEmptied:
      entry.key = ModeMarkOf(event.room, event.name);
      break;
    default:
      break;
  }
  return entry;
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
      marks.push_back({.payload = std::nullopt,
                       .key = MarkOf(room.name),
                       .value = MarkValue(room.name, HeadOf(room))});
      const auto versions = log.reader().ListVersions(room.name);
      if (!versions.ok()) return versions.status();
      for (const store::Version& version : *versions) {
        const LogPlace place{version.sequence, HeadOf(room).generation};
        marks.push_back({.payload = std::nullopt,
                         .key = VersionMarkOf(room.name, version.name),
                         .value = MarkValue("", place)});
      }
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
    case RoomEvent::Kind::kDraftCreated:
    case RoomEvent::Kind::kDraftSaved:
    case RoomEvent::Kind::kDraftDiscarded:
    case RoomEvent::Kind::kPublishFailed:
    case RoomEvent::Kind::kModeTaken:
    case RoomEvent::Kind::kModeLeft:
    case RoomEvent::Kind::kModeEmptied:
      return true;
    default:
      return false;
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Webhooks>> Webhooks::Open(const Options& options,
                                                         store::UpdateLog& log) {
  absl::StatusOr<HttpUrl> url = ParseHttpUrl(options.url);
  if (!url.ok()) return url.status();
  std::optional<TlsTrust> trust;
  if (url->is_tls) {
    absl::StatusOr<TlsTrust> loaded = TlsTrust::Load(options.ca_file);
    if (!loaded.ok()) return loaded.status();
    trust = *std::move(loaded);
  } else if (!options.ca_file.empty()) {
    return absl::InvalidArgumentError("--webhook-ca is of use with https:// only");
  }
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
  return std::unique_ptr<Webhooks>(new Webhooks(options, *std::move(secret), *std::move(url),
                                                std::move(trust), log, *std::move(outbox)));
}

Webhooks::Webhooks(const Options& options, crdt::Bytes secret, HttpUrl url,
                   std::optional<TlsTrust> trust, store::UpdateLog& log,
                   std::unique_ptr<Outbox> outbox)
    : options_(options),
      secret_(std::move(secret)),
      log_(log),
      outbox_(std::move(outbox)),
      receiver_(io_.get_executor(), std::move(url), std::move(trust), options.timeout),
      opened_ms_(WallTimeMs()),
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

absl::Status Webhooks::PutMissed(std::vector<Outbox::Entry>& entries) {
  if (entries.empty()) return absl::OkStatus();
  if (entries.size() > Space()) return absl::ResourceExhaustedError("the outbox is full");
  absl::Status put = outbox_->Put(entries);
  outbox_size_ = outbox_->messages();
  entries.clear();
  if (put.ok()) Wake(deliver_timer_);
  return put;
}

absl::Status Webhooks::TellMissedMoments() {
  const std::int64_t now_ms = WallTimeMs();
  const auto deletion = [now_ms](std::string_view room, std::uint64_t generation) {
    return MakeEntry({.kind = RoomEvent::Kind::kDeleted,
                      .room = std::string(room),
                      .head = {0, generation},
                      .name = "",
                      .members = 0,
                      .time_ms = now_ms});
  };
  std::vector<Outbox::Entry> deleted;
  absl::flat_hash_set<std::uint64_t> there;  // hashes, as names of all rooms may be many bytes
  absl::Status status = VisitRooms(log_, [&](const std::vector<store::RoomInfo>& rooms) {
    for (const store::RoomInfo& room : rooms) {
      const std::string key = MarkOf(room.name);
      there.insert(crdt::StringHash{}(key));
      const auto mark = outbox_->FindMark(key);
      if (!mark.ok()) return mark.status();
      if (*mark && GenerationOf(**mark) != HeadOf(room).generation) {
        deleted.push_back(deletion(room.name, GenerationOf(**mark)));
      }
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  std::vector<Outbox::Entry> ended;
  std::vector<Outbox::Entry> useless;
  status = outbox_->VisitMarks([&](std::string_view key, std::string_view value) {
    if (key == kBaseline) return;
    if (key.starts_with(kOpenTag)) {
      ended.push_back(MakeEntry({.kind = RoomEvent::Kind::kClosed,
                                 .room = std::string(value),
                                 .head = {},
                                 .name = "",
                                 .members = 0,
                                 .time_ms = now_ms}));
    } else if (key.starts_with(kModeTag)) {
      const std::size_t end = value.rfind('\xFF');
      ended.push_back(MakeEntry({.kind = RoomEvent::Kind::kModeEmptied,
                                 .room = std::string(value.substr(0, end)),
                                 .head = {},
                                 .name = std::string(value.substr(end + 1)),
                                 .members = 0,
                                 .time_ms = now_ms}));
    } else if (key.starts_with(kVersionTag)) {
      const std::string_view room = key.substr(kVersionTag.size());
      const std::size_t end = room.find('\xFF');
      if (end < kWholeName && !there.contains(crdt::StringHash{}(room.substr(0, end)))) {
        useless.push_back(
            {.payload = std::nullopt, .key = std::string(key), .value = std::nullopt});
      }
    } else if (!there.contains(crdt::StringHash{}(key))) {
      deleted.push_back(deletion(NameOf(key, value), GenerationOf(value)));
    }
  });
  for (std::vector<Outbox::Entry>* entries : {&ended, &deleted, &useless}) {
    if (status.ok()) status = PutMissed(*entries);
  }
  return status.ok() ? TellMissedVersions() : status;
}

absl::Status Webhooks::TellMissedVersions() {
  return VisitRooms(log_, [this](const std::vector<store::RoomInfo>& rooms) {
    std::vector<Outbox::Entry> entries;
    for (const store::RoomInfo& room : rooms) {
      const auto versions = log_.reader().ListVersions(room.name);
      if (!versions.ok()) return versions.status();
      for (const store::Version& version : *versions) {
        // Of what happens from now on comes an event.
        if (version.made_ms >= opened_ms_) continue;
        const LogPlace place{version.sequence, HeadOf(room).generation};
        const auto mark = outbox_->FindMark(VersionMarkOf(room.name, version.name));
        if (!mark.ok()) return mark.status();
        if (*mark == MarkValue("", place)) continue;
        entries.push_back(MakeEntry({.kind = RoomEvent::Kind::kVersion,
                                     .room = room.name,
                                     .head = place,
                                     .name = version.name,
                                     .members = 0,
                                     .time_ms = version.made_ms}));
      }
    }
    return PutMissed(entries);
  });
}

bool Webhooks::FindUntold() {
  return VisitRooms(
             log_,
             [this](const std::vector<store::RoomInfo>& rooms) {
               for (const store::RoomInfo& room : rooms) {
                 const auto mark = outbox_->FindMark(MarkOf(room.name));
                 if (!mark.ok()) return mark.status();
                 if (*mark == MarkValue(room.name, HeadOf(room))) continue;
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

// Whether there is such a mark, or will be when `entries` are put.
bool Webhooks::IsMarked(const std::string& key, const std::vector<Outbox::Entry>& entries) {
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    if (entry->key == key) return entry->value.has_value();
  }
  const auto mark = outbox_->FindMark(key);
  return !mark.ok() || *mark;
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
      if (event.kind == RoomEvent::Kind::kDeleted && !IsMarked(MarkOf(event.room), entries)) {
        continue;  // told already, with what a crash had kept from being told
      }
      entries.push_back(MakeEntry(event));
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
  for (;;) {
    const absl::Status told = TellMissedMoments();
    if (told.ok()) break;
    LogError("not all that happened before the start can be told to webhooks: {}", told.ToString());
    if (absl::IsResourceExhausted(told)) break;  // at the next start
    co_await Pause(collect_timer_, kLogPause);
  }
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
  const HttpClient::Headers headers = {
      {"webhook-id", std::string(payload->id)},
      {"webhook-timestamp", timestamp},
      {"webhook-signature", Sign(secret_, payload->id, timestamp, payload->body)}};
  const auto answer = co_await receiver_.Post(payload->body, headers, /*keep=*/true);
  if (answer.ok() && answer->status >= 200 && answer->status < 300) co_return absl::OkStatus();
  const absl::Status failed =
      answer.ok() ? absl::UnavailableError(absl::StrCat("it answered with ", answer->status))
                  : answer.status();
  const double age_days = static_cast<double>(WallTimeMs() - payload->time_ms) / 86'400'000.0;
  if (age_days < options_.days) co_return failed;
  co_return absl::DeadlineExceededError(std::string(failed.message()));
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
