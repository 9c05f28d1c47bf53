#include "server/store_log.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "server/durability.h"
#include "server/log.h"
#include "server/room_name.h"
#include "store/rows.h"

namespace weft::server {
namespace {

bool TakesRecordsAway(store::DamageKind kind) {
  return kind == store::DamageKind::kMissing || kind == store::DamageKind::kMalformed ||
         kind == store::DamageKind::kChecksum || kind == store::DamageKind::kQuarantined;
}

// What the load found, and what was set aside before it: a snapshot may have been made without that.
std::vector<LostUpdates> LostIn(const store::UpdateLog& log, const std::string& room,
                                const store::LoadReport& report) {
  std::vector<LostUpdates> found;
  for (const store::Damage& damage : report.damage) {
    if (TakesRecordsAway(damage.kind)) found.push_back({damage.begin, damage.end});
  }
  const auto quarantine = log.reader().ListQuarantine(room);
  if (quarantine.ok()) {
    for (const store::SetAside& one : *quarantine) {
      found.push_back({one.sequence, one.sequence + 1});
    }
  }
  std::ranges::sort(found, {}, &LostUpdates::begin);
  std::vector<LostUpdates> lost;
  for (LostUpdates range : found) {
    // A record that strayed behind the head was none of the room's.
    range.end = std::min(range.end, report.head + 1);
    if (range.begin >= range.end) continue;
    if (!lost.empty() && range.begin <= lost.back().end) {
      lost.back().end = std::max(lost.back().end, range.end);
    } else {
      lost.push_back(range);
    }
  }
  return lost;
}

absl::StatusOr<RoomLog::Loaded> ReadUpdates(store::UpdateLog& log, const std::string& room) {
  RoomLog::Loaded loaded;
  const auto report = log.Load(room, [&loaded](const store::Record& record) {
    loaded.updates.emplace_back(record.payload.begin(), record.payload.end());
  });
  if (!report.ok()) return report.status();
  if (!report->status().ok()) {
    LogError("the log of the room \"{}\" is damaged, the rest of it is served: {}",
             PrintableName(room), report->status().ToString());
    // Told once: from now on these records are known to be damaged, and kept aside for a tool.
    const absl::Status aside = log.Quarantine(room, report->damage, WallTimeMs());
    if (!aside.ok()) LogError("damaged records could not be set aside: {}", aside.ToString());
  }
  loaded.head = {report->head, static_cast<std::uint64_t>(report->generation)};
  if (report->head > 0) loaded.lost = LostIn(log, room, *report);
  return loaded;
}

absl::StatusOr<std::vector<crdt::Bytes>> ReadTail(const store::UpdateLog& log,
                                                  const std::string& room, const LogPlace& after,
                                                  std::size_t max_bytes) {
  const auto info = log.FindRoom(room);
  if (!info.ok()) return info.status();
  if (!*info || static_cast<std::uint64_t>((*info)->generation) != after.generation ||
      after.sequence > (*info)->head) {
    return absl::NotFoundError("the room has another history");
  }
  if (after.sequence + 1 < (*info)->first) {
    return absl::NotFoundError("the room does not keep so old updates one by one");
  }
  std::vector<crdt::Bytes> updates;
  std::size_t bytes = 0;
  const auto report = log.reader().ReadRecords(
      room, {.begin = after.sequence + 1}, [&](const store::Record& record) {
        bytes += record.payload.size();
        if (bytes <= max_bytes) {
          updates.emplace_back(record.payload.begin(), record.payload.end());
        }
      });
  if (!report.ok()) return report.status();
  // Between the two reads the room may have been deleted, or its history cut off.
  const bool whole = report->status().ok() && report->damage.empty() &&
                     report->head >= after.sequence &&
                     report->records == report->head - after.sequence &&
                     static_cast<std::uint64_t>(report->generation) == after.generation;
  if (!whole) return absl::NotFoundError("the room does not keep all these updates");
  if (bytes > max_bytes) return absl::ResourceExhaustedError("more updates than are wanted");
  return updates;
}

}  // namespace

void StoreLog::Append(std::string_view room, std::uint64_t generation, crdt::ByteView update,
                      AppendDone done) {
  AppendWithRows(room, generation, update, {}, std::move(done));
}

void StoreLog::AppendWithRows(std::string_view room, std::uint64_t generation,
                              crdt::ByteView update, RowChange change, AppendDone done) {
  if (waiting_.empty() && TryAppend(room, generation, update, change, done)) return;
  waiting_.push_back({.room = std::string(room),
                      .generation = generation,
                      .update = crdt::Bytes(update.begin(), update.end()),
                      .change = std::move(change),
                      .done = std::move(done)});
}

bool StoreLog::TryAppend(std::string_view room, std::uint64_t generation, crdt::ByteView update,
                         const RowChange& change, AppendDone& done) {
  store::Append append{.room = room, .time_ms = WallTimeMs(), .origin = {}, .payload = update};
  if (generation != 0) append.generation = store::Generation{generation};
  const auto place_of = [](const store::Appended& stored) {
    return LogPlace{stored.sequence, static_cast<std::uint64_t>(stored.generation)};
  };
  const auto answer = [this, place_of](const absl::StatusOr<store::Appended>& stored) {
    if (!stored.ok()) return OnCompleted(stored.status());
    OnCompleted(place_of(*stored));
  };
  const absl::Status accepted =
      change.rows == nullptr ? log_.TryAppend(append, answer)
                             : change.rows->TryAppend(
                                   append,
                                   [edit = change.edit, place_of](store::RowWriter& rows,
                                                                  const store::Appended& place) {
                                     return edit(rows, place_of(place));
                                   },
                                   answer);
  if (accepted.code() == absl::StatusCode::kResourceExhausted) {
    WaitForSpace();
    return false;
  }
  // Answers come in order: a refusal waits for the answers to what was taken before.
  if (!accepted.ok() && !in_flight_.empty()) return false;
  in_flight_.push_back({.done = std::move(done), .since = Clock::now()});
  if (traffic_ != nullptr) traffic_->updates.Add();
  if (!accepted.ok()) OnCompleted(accepted);
  return true;
}

void StoreLog::OnCompleted(absl::StatusOr<LogPlace> result) {
  bool first = false;
  {
    const std::lock_guard lock(completed_mutex_);
    first = completed_.empty();
    completed_.push_back(std::move(result));
  }
  if (first) asio::post(rooms_, [this] { turn_([this] { Answer(); }); });
}

void StoreLog::Answer() {
  {
    const std::lock_guard lock(completed_mutex_);
    answering_.swap(completed_);
  }
  const Clock::time_point now = Clock::now();
  for (absl::StatusOr<LogPlace>& result : answering_) {
    InFlight append = std::move(in_flight_.front());
    in_flight_.pop_front();
    if (traffic_ != nullptr) {
      traffic_->acknowledgements.Observe(
          std::chrono::duration_cast<LatencyHistogram::Duration>(now - append.since));
    }
    append.done(std::move(result));
  }
  answering_.clear();
  if (in_flight_.empty()) RetryWaiting();
}

void StoreLog::WaitForSpace() {
  if (std::exchange(waiting_for_space_, true)) return;
  log_.CallWhenSpace([this] {
    asio::post(rooms_, [this] {
      waiting_for_space_ = false;
      RetryWaiting();
    });
  });
}

void StoreLog::RetryWaiting() {
  while (!waiting_.empty()) {
    Waiting& next = waiting_.front();
    if (!TryAppend(next.room, next.generation, next.update, next.change, next.done)) return;
    waiting_.pop_front();
  }
}

void StoreLog::Load(std::string_view room, LoadDone done) {
  auto shared = std::make_shared<LoadDone>(std::move(done));
  asio::post(loading_, [this, room = std::string(room), shared] {
    auto loaded = std::make_shared<absl::StatusOr<Loaded>>(ReadUpdates(log_, room));
    asio::post(rooms_, [shared, loaded] { (*shared)(std::move(*loaded)); });
  });
}

void StoreLog::LoadTail(std::string_view room, const LogPlace& after, std::size_t max_bytes,
                        TailDone done) {
  auto shared = std::make_shared<TailDone>(std::move(done));
  asio::post(loading_, [this, room = std::string(room), after, max_bytes, shared] {
    auto updates = std::make_shared<absl::StatusOr<std::vector<crdt::Bytes>>>(
        ReadTail(log_, room, after, max_bytes));
    asio::post(rooms_, [shared, updates] { (*shared)(std::move(*updates)); });
  });
}

}  // namespace weft::server
