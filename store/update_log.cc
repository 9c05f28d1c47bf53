#include "store/update_log.h"

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "store/batch_writer.h"
#include "store/room_index.h"
#include "store/room_scan.h"
#include "store/system_error.h"

namespace weft::store {

namespace {

std::size_t PayloadBytes(const std::vector<QueuedAppend>& batch) {
  std::size_t bytes = 0;
  for (const QueuedAppend& append : batch) bytes += append.queue_bytes();
  return bytes;
}

// Puts the whole batch or nothing. LMDB's code.
int WriteBatch(Environment& environment, std::vector<QueuedAppend>& batch) {
  auto [code, transaction] = environment.BeginWrite();
  if (code != 0) return code;
  BatchWriter writer(transaction);
  for (QueuedAppend& append : batch) {
    code = writer.Put(append);
    if (code != 0) return code;
  }
  code = writer.Finish();
  if (code != 0) return code;
  return transaction.Commit();
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
      return true;
    default:
      return false;
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<UpdateLog>> UpdateLog::Open(Options options) {
  absl::StatusOr<DirectoryLock> lock = DirectoryLock::Acquire(options.directory);
  if (!lock.ok()) return lock.status();
  absl::StatusOr<std::unique_ptr<Environment>> environment =
      Environment::Open({.directory = std::move(options.directory),
                         .fsync = options.durability == Durability::kFsync,
                         .map_bytes = options.initial_map_bytes});
  if (!environment.ok()) return environment.status();
  std::unique_ptr<UpdateLog> log(
      new UpdateLog(*std::move(lock), *std::move(environment), options.queue_bytes));
  log->writer_ = std::thread([log = log.get()] { log->RunWriter(); });
  return log;
}

UpdateLog::UpdateLog(DirectoryLock lock, std::unique_ptr<Environment> environment,
                     std::size_t queue_bytes)
    : lock_(std::move(lock)), environment_(std::move(environment)), queue_(queue_bytes) {}

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

void UpdateLog::RunWriter() {
  std::vector<QueuedAppend> batch;
  while (queue_.Take(batch)) {
    absl::Status result = queue_.failure();
    if (result.ok()) result = CommitBatch(batch);
    queue_.Complete(batch, result);
  }
}

absl::Status UpdateLog::CommitBatch(std::vector<QueuedAppend>& batch) {
  int code = WriteBatch(*environment_, batch);
  while (code == MDB_MAP_FULL) {
    const absl::Status grown = environment_->GrowMap(2 * PayloadBytes(batch));
    if (!grown.ok()) return grown;
    code = WriteBatch(*environment_, batch);
  }
  if (code == 0) return absl::OkStatus();
  if (code == EIO && environment_->IsDiskFull(PayloadBytes(batch))) code = ENOSPC;
  if (Heals(code)) return StatusFromCode(code, "the log could not store updates");
  const absl::Status failure =
      StatusFromCode(code, "the log stopped storing updates until it is opened anew");
  queue_.Fail(failure);
  environment_->RestoreReads();
  return failure;
}

absl::StatusOr<LoadReport> UpdateLog::Load(std::string_view room,
                                           const std::function<void(const Record&)>& visit) const {
  const absl::StatusOr<Transaction> transaction = environment_->BeginRead();
  if (!transaction.ok()) return transaction.status();
  LoadReport report;
  std::optional<FoundRoom> found;
  int code = room.size() > kMaxRoomNameBytes ? 0 : store::FindRoom(*transaction, room, found);
  if (code == 0 && found) code = ScanRoom(*transaction, found->id, found->row, visit, report);
  if (code != 0) return StatusFromCode(code, "cannot load a room");
  return report;
}

namespace {

// LMDB's code.
int Describe(const Transaction& transaction, std::string_view name, FoundRoom found,
             RoomInfo& info) {
  if (!found.row) {
    const int code = RebuildRoomRow(transaction, found.id, name, found.row.emplace());
    if (code != 0) return code;
  }
  info = {.name = std::string(name),
          .head = found.row->head,
          .records = found.row->records,
          .payload_bytes = found.row->payload_bytes,
          .created_ms = found.row->created_ms};
  return 0;
}

}  // namespace

absl::StatusOr<std::optional<RoomInfo>> UpdateLog::FindRoom(std::string_view room) const {
  const absl::StatusOr<Transaction> transaction = environment_->BeginRead();
  if (!transaction.ok()) return transaction.status();
  std::optional<FoundRoom> found;
  int code = room.size() > kMaxRoomNameBytes ? 0 : store::FindRoom(*transaction, room, found);
  if (code == 0 && !found) return std::nullopt;
  RoomInfo info;
  if (code == 0) code = Describe(*transaction, room, *std::move(found), info);
  if (code != 0) return StatusFromCode(code, "cannot find a room");
  return info;
}

absl::StatusOr<std::vector<RoomInfo>> UpdateLog::ListRooms() const {
  const absl::StatusOr<Transaction> transaction = environment_->BeginRead();
  if (!transaction.ok()) return transaction.status();
  std::vector<NamedRoom> rooms;
  int code = store::ListRooms(*transaction, rooms);
  std::vector<RoomInfo> infos(rooms.size());
  for (std::size_t i = 0; i < rooms.size() && code == 0; ++i) {
    FoundRoom found{.id = rooms[i].room, .row = {}};
    code = ReadRoomRow(*transaction, found.id, found.row);
    if (code == 0) code = Describe(*transaction, rooms[i].name, std::move(found), infos[i]);
  }
  if (code != 0) return StatusFromCode(code, "cannot list the rooms");
  return infos;
}

UpdateLog::Stats UpdateLog::stats() const {
  const AppendQueue::Stats queue = queue_.stats();
  return {.commits = queue.commits,
          .appends = queue.appends,
          .failed = queue.failed,
          .map_growths = environment_->growths(),
          .queued_bytes = queue.queued_bytes,
          .map_bytes = environment_->map_bytes()};
}

}  // namespace weft::store
