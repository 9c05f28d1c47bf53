#include "store/update_log.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <future>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "store/backup.h"
#include "store/batch_writer.h"
#include "store/room_edit.h"
#include "store/room_index.h"
#include "store/system_error.h"

namespace weft::store {

namespace {

using Clock = AppendQueue::Clock;
using std::chrono::duration_cast;
using std::chrono::microseconds;

std::size_t PayloadBytes(const std::vector<QueuedAppend>& batch) {
  std::size_t bytes = 0;
  for (const QueuedAppend& append : batch) bytes += append.queue_bytes();
  return bytes;
}

// Whether a write that failed so may succeed later, with nothing in doubt but the batch that
// failed.
bool Heals(int code) {
  switch (code) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case ENOMEM:
    case EROFS:
    case MDB_MAP_FULL:
    case MDB_TXN_FULL:
      return true;
    default:
      return false;
  }
}

void Raise(std::atomic<std::int64_t>& maximum, std::int64_t value) {
  if (value > maximum) maximum = value;  // one thread writes
}

}  // namespace

absl::StatusOr<std::unique_ptr<UpdateLog>> UpdateLog::Open(Options options) {
  absl::StatusOr<DirectoryLock> lock = DirectoryLock::Acquire(options.directory);
  if (!lock.ok()) return lock.status();
  absl::StatusOr<std::unique_ptr<Environment>> environment =
      Environment::Open({.directory = options.directory,
                         .fsync = options.durability != Durability::kNone,
                         .map_bytes = options.initial_map_bytes,
                         .check_pages = options.check_pages,
                         .progress = std::exchange(options.progress, {})});
  if (!environment.ok()) return environment.status();
  std::unique_ptr<UpdateLog> log(
      new UpdateLog(*std::move(lock), *std::move(environment), std::move(options)));
  const absl::Status tidy = log->Tidy();
  if (!tidy.ok()) return tidy;
  log->writer_ = std::thread([raw = log.get()] {
    if (raw->options_.durability == Durability::kInterval) {
      raw->RunIntervalWriter();
    } else {
      raw->RunWriter();
    }
  });
  log->PurgeDeleted();
  return log;
}

UpdateLog::UpdateLog(DirectoryLock lock, std::unique_ptr<Environment> environment, Options options)
    : options_(std::move(options)),
      lock_(std::move(lock)),
      environment_(std::move(environment)),
      reader_(*environment_),
      queue_(options_.queue_bytes),
      journal_(options_.journal_bytes) {}

UpdateLog::~UpdateLog() {
  queue_.Close();
  if (writer_.joinable()) writer_.join();
}

absl::Status UpdateLog::TryAppend(const Append& append, AppendDone done) {
  return queue_.Push(append, std::move(done));
}

void UpdateLog::CallWhenSpace(std::move_only_function<void()> ready) {
  queue_.CallWhenSpace(std::move(ready));
}

void UpdateLog::Flush() { queue_.Flush(); }

absl::Status UpdateLog::append_status() const { return queue_.failure(); }

// --- The writer thread
// ------------------------------------------------------------------------------

void UpdateLog::RunWriter() {
  std::vector<QueuedAppend> batch;
  bool folds = true;  // not after it failed, until something else succeeds
  bool folding = false;
  for (;;) {
    std::optional<Clock::time_point> idle;
    if (folds && !journal_.empty() && queue_.empty()) {
      idle = Clock::now() + (folding ? microseconds(0) : microseconds(options_.journal_idle));
    }
    AppendQueue::Taken taken = queue_.Take(batch, idle);
    if (taken == AppendQueue::Taken::kCommitNow) {
      if (Clock::now() >= *idle) {
        folds = FoldJournal(folding) == 0;
        continue;
      }
      taken = queue_.Take(batch, std::nullopt);
    }
    if (taken == AppendQueue::Taken::kClosed) break;
    folding = false;
    const Clock::time_point begin = Clock::now();
    absl::Status result = queue_.failure();
    if (result.ok()) {
      result = CommitBatch(batch);
      folds = result.ok();
    }
    queue_.Acknowledge(batch, result);
    queue_.Release(batch);
    if (options_.commit_gap.count() > 0) queue_.Gather(begin + options_.commit_gap);
  }
  FoldAll();
}

// A log that is closed has an empty journal, if the medium lets it.
void UpdateLog::FoldAll() {
  bool more = queue_.failure().ok() && !journal_.empty();
  while (more) {
    if (FoldJournal(more) != 0) return;
  }
}

// Appends are acknowledged when they are part of an open transaction, which is committed when the
// interval is over. Until then they are kept, to be put again should the transaction not fit.
// Edits are acknowledged after their commit.
void UpdateLog::RunIntervalWriter() {
  std::vector<QueuedAppend> batch;
  std::vector<QueuedAppend> uncommitted;
  std::optional<Transaction> transaction;
  std::optional<BatchWriter> writer;
  Clock::time_point since{};
  for (;;) {
    std::optional<Clock::time_point> deadline;
    if (!uncommitted.empty()) deadline = since + options_.interval;
    const AppendQueue::Taken taken = queue_.Take(batch, deadline);
    if (taken == AppendQueue::Taken::kClosed) return FoldAll();

    absl::Status result = queue_.failure();
    bool commit = taken == AppendQueue::Taken::kCommitNow;
    int code = 0;
    if (result.ok()) {
      if (!transaction) {
        auto [begun, fresh] = environment_->BeginWrite();
        code = begun;
        if (code == 0) {
          transaction.emplace(std::move(fresh));
          rooms_.Bound();
          code = journal_.Begin(*transaction);
          writer.emplace(*transaction, rooms_, journal_);
          since = Clock::now();
        }
      }
      if (code == 0) code = writer->Put(batch);
      for (const QueuedAppend& append : batch) commit = commit || append.edit;
      if (code == 0 && commit) {
        code = writer->Finish();
        if (code == 0) code = CommitTimed(*transaction, *writer);
        if (code == 0 && !uncommitted.empty()) {
          window_last_us_ = duration_cast<microseconds>(Clock::now() - since).count();
          Raise(window_max_us_, window_last_us_);
        }
        writer.reset();
        transaction.reset();
      }
    }
    if (code != 0) {
      // All of it once more in a transaction of its own, which grows the map and knows faults.
      writer.reset();
      transaction.reset();
      rooms_.Clear();
      journal_.Reset();
      const std::size_t acknowledged = uncommitted.size();
      std::ranges::move(batch, std::back_inserter(uncommitted));
      result = CommitBatch(uncommitted);
      const auto begin = uncommitted.begin() + static_cast<std::ptrdiff_t>(acknowledged);
      batch.assign(std::move_iterator(begin), std::move_iterator(uncommitted.end()));
      uncommitted.erase(begin, uncommitted.end());
      commit = true;
      if (!result.ok() && acknowledged > 0) {
        queue_.Fail(absl::Status(
            result.code(),
            absl::StrCat("edits that were acknowledged could not be stored: ", result.message())));
        if (options_.on_failure) options_.on_failure(queue_.failure());
      }
    }
    queue_.Acknowledge(batch, result);
    if (commit || !result.ok()) {
      queue_.Release(uncommitted);
      queue_.Release(batch);
    } else {
      std::ranges::move(batch, std::back_inserter(uncommitted));
      batch.clear();
    }
  }
}

int UpdateLog::CommitTimed(Transaction& transaction, const BatchWriter& writer) {
  const Clock::time_point begin = Clock::now();
  const int code = CommitSealed(transaction);
  if (code != 0) return code;
  const std::int64_t took = duration_cast<microseconds>(Clock::now() - begin).count();
  commit_total_us_ += took;
  Raise(commit_max_us_, took);
  ++commits_;
  if (options_.on_commit) options_.on_commit(microseconds(took));
  if (options_.track_touched) {
    std::vector<std::string> names = writer.TouchedRooms();
    const std::lock_guard lock(touched_mutex_);
    for (std::string& name : names) touched_.emplace(std::move(name), true);
  }
  return 0;
}

int UpdateLog::CommitSealed(Transaction& transaction) {
  const JournalRange range = journal_.range();
  transaction.SealJournal(range);
  const int code = transaction.Commit();
  if (code == 0) journal_entries_ = range.end - range.begin;
  return code;
}

int UpdateLog::WriteBatch(std::vector<QueuedAppend>& batch) {
  auto [code, transaction] = environment_->BeginWrite();
  if (code != 0) return code;
  rooms_.Bound();
  code = journal_.Begin(transaction);
  BatchWriter writer(transaction, rooms_, journal_);
  if (code == 0) code = writer.Put(batch);
  if (code == 0) code = writer.Finish();
  if (code == 0) code = CommitTimed(transaction, writer);
  if (code != 0) {
    rooms_.Clear();
    journal_.Reset();
  }
  return code;
}

int UpdateLog::FoldJournal(bool& more) {
  constexpr std::size_t kRecordsAtOnce = 4096;
  more = false;
  auto [code, transaction] = environment_->BeginWrite();
  if (code != 0) return code;
  rooms_.Bound();
  code = journal_.Begin(transaction);
  BatchWriter writer(transaction, rooms_, journal_);
  if (code == 0) code = writer.Fold(kRecordsAtOnce);
  if (code == 0) code = writer.Finish();
  if (code == 0) code = CommitSealed(transaction);
  if (code == 0) {
    more = !journal_.empty();
    return 0;
  }
  rooms_.Clear();
  journal_.Reset();
  transaction.Abort();
  if (code == MDB_MAP_FULL) {
    more = environment_->GrowMap(0).ok();
    return more ? 0 : code;
  }
  (void)ExplainFailure(code, 0);  // nobody waits for this: who asks next is told
  return code;
}

absl::Status UpdateLog::CommitBatch(std::vector<QueuedAppend>& batch) {
  int code = WriteBatch(batch);
  while (code == MDB_MAP_FULL) {
    const absl::Status grown = environment_->GrowMap(2 * PayloadBytes(batch));
    if (!grown.ok()) return grown;
    code = WriteBatch(batch);
  }
  if (code == 0) return absl::OkStatus();
  return ExplainFailure(code, PayloadBytes(batch));
}

absl::Status UpdateLog::ExplainFailure(int code, std::size_t bytes) {
  if (code == EIO && environment_->IsDiskFull(bytes)) code = ENOSPC;
  if (Heals(code)) {
    // A meta page that found no space is as good as an old one; LMDB gives up all the same.
    environment_->Revive(/*writable=*/true);
    return StatusFromCode(code, "the log could not store updates");
  }
  const absl::Status failure =
      StatusFromCode(code, "the log stopped storing updates until it is opened anew");
  queue_.Fail(failure);
  environment_->Revive(/*writable=*/false);
  if (options_.on_failure) options_.on_failure(failure);
  return failure;
}

// --- Edits
// ------------------------------------------------------------------------------------------

absl::Status UpdateLog::TryEdit(Edit edit, AppendDone done) {
  return queue_.PushEdit(std::move(edit), std::move(done));
}

absl::Status UpdateLog::Submit(std::function<int(BatchWriter&)> edit) {
  std::promise<absl::Status> promise;
  std::future<absl::Status> future = promise.get_future();
  const absl::Status accepted = queue_.PushEdit(
      [&edit](BatchWriter& writer) { return edit(writer); },
      [&promise](const absl::StatusOr<Sequence>& result) { promise.set_value(result.status()); });
  if (!accepted.ok()) return accepted;
  return future.get();
}

absl::StatusOr<UpdateLog::Created> UpdateLog::CreateIfAbsent(const Append& first) {
  if (first.room.size() > kMaxRoomNameBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("a room name of ", first.room.size(), " bytes; at most ", kMaxRoomNameBytes));
  }
  Created created;
  const absl::Status status = Submit([&](BatchWriter& writer) {
    RoomRow row;
    const int code = CreateRoomWith(writer, first, created.created, row);
    created.generation = row.generation;
    created.head = row.head;
    return code;
  });
  if (!status.ok()) return status;
  return created;
}

absl::Status UpdateLog::DeleteRoom(std::string_view room, Generation generation) {
  if (room.size() > kMaxRoomNameBytes) return absl::NotFoundError("no room has so long a name");
  absl::Status result;
  const absl::Status status = Submit(
      [&](BatchWriter& writer) { return store::DeleteRoom(writer, room, generation, result); });
  if (!status.ok()) return status;
  if (result.ok()) PurgeDeleted();
  return result;
}

// What cannot be purged now is purged when the log is opened the next time.
void UpdateLog::PurgeDeleted() {
  constexpr std::size_t kEntriesAtOnce = 4096;
  std::vector<RoomId> rooms;
  {
    const absl::StatusOr<Transaction> transaction = environment_->BeginRead();
    if (!transaction.ok() || ListDeletedRooms(*transaction, rooms) != 0) return;
  }
  for (const RoomId room : rooms) {
    bool more = true;
    while (more) {
      const absl::Status status = Submit(
          [&](BatchWriter& writer) { return PurgeRoom(writer, room, kEntriesAtOnce, more); });
      if (!status.ok()) return;
    }
  }
}

absl::Status UpdateLog::Tidy() {
  IndexReport report;
  {
    const absl::StatusOr<Transaction> transaction = environment_->BeginRead();
    if (!transaction.ok()) return transaction.status();
    const int code = CheckIndex(*transaction, report);
    if (code != 0) return StatusFromCode(code, "cannot read the index of names");
  }
  if (report.sound()) return absl::OkStatus();
  auto [code, transaction] = environment_->BeginWrite();
  if (code == 0) code = RepairIndex(transaction, report);
  if (code == 0) code = transaction.Commit();
  if (code == 0) return absl::OkStatus();
  return StatusFromCode(code, "cannot repair the index of names");
}

absl::Status UpdateLog::PutVersion(std::string_view room, const Version& version,
                                   const Merge& merge, bool replace) {
  if (version.name.empty() || version.name.size() > kMaxVersionNameBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("a version's name has 1 to ", kMaxVersionNameBytes, " bytes"));
  }
  // The name first: from then on the history that it needs stays.
  absl::Status result;
  absl::Status status = Submit([&](BatchWriter& writer) {
    return store::PutVersion(writer, room, version, replace, result);
  });
  if (!status.ok()) return status;
  if (!result.ok()) return result;
  const auto compacted = Compact(room, merge, {.up_to = version.sequence});
  if (compacted.ok()) return absl::OkStatus();
  status = DropVersion(room, version.name);
  return compacted.status();
}

absl::Status UpdateLog::DropVersion(std::string_view room, std::string_view name) {
  absl::Status result;
  const absl::Status status =
      Submit([&](BatchWriter& writer) { return store::DropVersion(writer, room, name, result); });
  return status.ok() ? result : status;
}

absl::Status UpdateLog::SetPolicy(std::string_view room, const RoomPolicy& policy) {
  absl::Status result;
  const absl::Status status =
      Submit([&](BatchWriter& writer) { return store::SetPolicy(writer, room, policy, result); });
  return status.ok() ? result : status;
}

absl::Status UpdateLog::Quarantine(std::string_view room, std::span<const Damage> damage,
                                   std::int64_t now_ms) {
  absl::Status result;
  const absl::Status status = Submit(
      [&](BatchWriter& writer) { return QuarantineRecords(writer, room, damage, now_ms, result); });
  if (!status.ok()) return status;
  if (result.ok()) {
    for (const Damage& found : damage) quarantined_ += found.end - found.begin;
  }
  return result;
}

absl::Status UpdateLog::ReleaseQuarantined(std::string_view room, Sequence sequence, bool restore) {
  absl::Status result;
  const absl::Status status = Submit([&](BatchWriter& writer) {
    return store::ReleaseQuarantined(writer, room, sequence, restore, result);
  });
  return status.ok() ? result : status;
}

absl::StatusOr<CompactReport> UpdateLog::Compact(std::string_view room, const Merge& merge,
                                                 const CompactOptions& options) {
  absl::StatusOr<CompactReport> report = CompactRoom(
      reader_, [this](std::function<int(BatchWriter&)> edit) { return Submit(std::move(edit)); },
      room, merge, options);
  if (report.ok()) quarantined_ += report->set_aside;
  return report;
}

absl::Status UpdateLog::Backup(const std::string& directory) const {
  return BackupLog(reader_, directory);
}

// --- Reads
// ------------------------------------------------------------------------------------------

// What was acknowledged in memory alone becomes part of what a read sees.
void UpdateLog::SettleForRead() const {
  if (options_.durability == Durability::kInterval) queue_.Flush();
}

absl::StatusOr<LoadReport> UpdateLog::Load(std::string_view room, const VisitRecord& visit) const {
  SettleForRead();
  return reader_.Load(room, visit);
}

absl::StatusOr<std::optional<RoomInfo>> UpdateLog::FindRoom(std::string_view room) const {
  SettleForRead();
  return reader_.FindRoom(room);
}

absl::StatusOr<std::vector<RoomInfo>> UpdateLog::ListRooms() const {
  SettleForRead();
  return reader_.ListRooms();
}

std::vector<std::string> UpdateLog::TakeTouchedRooms() {
  crdt::StringMap<bool> touched;
  {
    const std::lock_guard lock(touched_mutex_);
    touched.swap(touched_);
  }
  std::vector<std::string> names;
  names.reserve(touched.size());
  for (auto& [name, unused] : touched) names.push_back(name);
  return names;
}

UpdateLog::Stats UpdateLog::stats() const {
  const AppendQueue::Stats queue = queue_.stats();
  return {.commits = commits_,
          .appends = queue.appends,
          .failed = queue.failed,
          .map_growths = environment_->growths(),
          .queued_bytes = queue.queued_bytes,
          .map_bytes = environment_->map_bytes(),
          .commit_total = microseconds(commit_total_us_),
          .commit_max = microseconds(commit_max_us_),
          .window_last = microseconds(window_last_us_),
          .window_max = microseconds(window_max_us_),
          .quarantined = quarantined_,
          .journal_entries = journal_entries_};
}

}  // namespace weft::store
