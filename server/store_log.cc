#include "server/store_log.h"

#include <utility>
#include <vector>

#include "server/durability.h"
#include "server/log.h"
#include "server/room_name.h"

namespace weft::server {
namespace {

absl::StatusOr<std::vector<crdt::Bytes>> ReadUpdates(store::UpdateLog& log,
                                                     const std::string& room) {
  std::vector<crdt::Bytes> updates;
  const auto report = log.Load(room, [&updates](const store::Record& record) {
    updates.emplace_back(record.payload.begin(), record.payload.end());
  });
  if (!report.ok()) return report.status();
  if (!report->status().ok()) {
    LogError("the log of the room \"{}\" is damaged, the rest of it is served: {}",
             PrintableName(room), report->status().ToString());
    // Told once: from now on these records are known to be damaged, and kept aside for a tool.
    const absl::Status aside = log.Quarantine(room, report->damage, WallTimeMs());
    if (!aside.ok()) LogError("damaged records could not be set aside: {}", aside.ToString());
  }
  return updates;
}

}  // namespace

void StoreLog::Append(std::string_view room, crdt::ByteView update, AppendDone done) {
  if (waiting_.empty() && TryAppend(room, update, done)) return;
  waiting_.push_back(
      {std::string(room), crdt::Bytes(update.begin(), update.end()), std::move(done)});
}

bool StoreLog::TryAppend(std::string_view room, crdt::ByteView update, AppendDone& done) {
  const store::Append append{
      .room = room, .time_ms = WallTimeMs(), .origin = {}, .payload = update};
  const absl::Status accepted = log_.TryAppend(
      append,
      [this](const absl::StatusOr<store::Sequence>& result) { OnCompleted(result.status()); });
  if (accepted.code() == absl::StatusCode::kResourceExhausted) {
    WaitForSpace();
    return false;
  }
  // Answers come in order: a refusal waits for the answers to what was taken before.
  if (!accepted.ok() && !in_flight_.empty()) return false;
  in_flight_.push_back(std::move(done));
  if (!accepted.ok()) OnCompleted(accepted);
  return true;
}

void StoreLog::OnCompleted(const absl::Status& status) {
  bool first = false;
  {
    const std::lock_guard lock(completed_mutex_);
    first = completed_.empty();
    completed_.push_back(status);
  }
  if (first) asio::post(rooms_, [this] { Answer(); });
}

void StoreLog::Answer() {
  {
    const std::lock_guard lock(completed_mutex_);
    answering_.swap(completed_);
  }
  for (const absl::Status& status : answering_) {
    AppendDone done = std::move(in_flight_.front());
    in_flight_.pop_front();
    done(status);
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
    if (!TryAppend(next.room, next.update, next.done)) return;
    waiting_.pop_front();
  }
}

void StoreLog::Load(std::string_view room, LoadDone done) {
  auto shared = std::make_shared<LoadDone>(std::move(done));
  asio::post(loading_, [this, room = std::string(room), shared] {
    auto updates =
        std::make_shared<absl::StatusOr<std::vector<crdt::Bytes>>>(ReadUpdates(log_, room));
    asio::post(rooms_, [shared, updates] { (*shared)(std::move(*updates)); });
  });
}

}  // namespace weft::server
