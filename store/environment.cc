#include "store/environment.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "store/directory_lock.h"
#include "store/format.h"
#include "store/system_error.h"

namespace weft::store {

namespace {

constexpr std::size_t kMapGranuleBytes = std::size_t{1} << 16;
constexpr std::size_t kMinMapBytes = std::size_t{1} << 18;
// Each read transaction takes one slot, so this bounds the threads that read at once.
constexpr unsigned kMaxReaders = 512;
// The key of a name takes 501 bytes (store/format.h).
constexpr int kNeededKeyBytes = 501;

constexpr std::size_t RoundToGranule(std::size_t bytes) {
  return (bytes + kMapGranuleBytes - 1) / kMapGranuleBytes * kMapGranuleBytes;
}

std::size_t FileBytes(const std::string& path) {
  struct stat status{};
  return stat(path.c_str(), &status) == 0 ? static_cast<std::size_t>(status.st_size) : 0;
}

std::size_t MapBytes(MDB_env* handle) {
  MDB_envinfo info{};
  return mdb_env_info(handle, &info) == 0 ? info.me_mapsize : 0;
}

MDB_val Val(std::string_view text) {
  return {.mv_size = text.size(), .mv_data = const_cast<char*>(text.data())};
}

}  // namespace

absl::StatusOr<std::unique_ptr<Environment>> Environment::Open(const Options& options) {
  std::unique_ptr<Environment> environment(new Environment(options));
  const std::string doing = absl::StrCat("cannot open the log in ", options.directory);

  int code = environment->OpenHandle(options.fsync ? 0 : MDB_NOSYNC);
  if (code != 0) return StatusFromCode(code, doing);
  int dead_readers = 0;  // of processes that were killed; they would keep old pages alive
  mdb_reader_check(environment->handle_, &dead_readers);
  if (mdb_env_get_maxkeysize(environment->handle_) < kNeededKeyBytes) {
    return absl::InternalError("this LMDB was built with shorter keys than the log's names need");
  }

  MDB_txn* transaction = nullptr;
  code = mdb_txn_begin(environment->handle_, nullptr, MDB_RDONLY, &transaction);
  if (code != 0) return StatusFromCode(code, doing);
  code = environment->OpenTables(transaction, 0);
  if (code == 0) {
    const absl::Status format = environment->CheckFormat(transaction);
    if (!format.ok()) {
      mdb_txn_abort(transaction);
      return format;
    }
    code = mdb_txn_commit(transaction);  // keeps the tables' handles
    if (code != 0) return StatusFromCode(code, doing);
    return environment;
  }
  mdb_txn_abort(transaction);
  if (code != MDB_NOTFOUND) return StatusFromCode(code, doing);
  const absl::Status initialized = environment->InitializeTables();
  if (!initialized.ok()) return initialized;
  return environment;
}

Environment::~Environment() {
  if (handle_ != nullptr) mdb_env_close(handle_);
}

int Environment::OpenHandle(unsigned flags) {
  MDB_env* handle = nullptr;
  int code = mdb_env_create(&handle);
  if (code != 0) return code;
  const std::size_t file_bytes = FileBytes(options_.directory + "/data.mdb");
  const std::size_t map_bytes =
      std::max({options_.map_bytes, 2 * file_bytes, map_bytes_.load(), kMinMapBytes});
  mdb_env_set_maxdbs(handle, 8);
  mdb_env_set_maxreaders(handle, kMaxReaders);
  mdb_env_set_mapsize(handle, RoundToGranule(map_bytes));
  code = mdb_env_open(handle, options_.directory.c_str(), MDB_NOTLS | flags, 0600);
  if (code != 0) {
    mdb_env_close(handle);
    return code;
  }
  handle_ = handle;
  map_bytes_ = MapBytes(handle);
  return 0;
}

int Environment::OpenTables(MDB_txn* transaction, unsigned flags) {
  int code = mdb_dbi_open(transaction, kMetaTable, flags, &tables_.meta);
  if (code == 0) code = mdb_dbi_open(transaction, kNamesTable, flags | MDB_DUPSORT, &tables_.names);
  if (code == 0) code = mdb_dbi_open(transaction, kRoomsTable, flags, &tables_.rooms);
  if (code == 0) code = mdb_dbi_open(transaction, kRecordsTable, flags, &tables_.records);
  return code;
}

absl::Status Environment::CheckFormat(MDB_txn* transaction) const {
  MDB_val key = Val(kFormatKey);
  MDB_val value{};
  const int code = mdb_get(transaction, tables_.meta, &key, &value);
  if (code != 0 && code != MDB_NOTFOUND)
    return StatusFromCode(code, "cannot read the log's format");
  const auto version =
      code == 0 ? DecodeFormat({static_cast<const std::uint8_t*>(value.mv_data), value.mv_size})
                : std::nullopt;
  if (!version) {
    return absl::DataLossError(
        absl::StrCat("the format entry of the log in ", options_.directory, " does not decode"));
  }
  if (*version > kFormatVersion) {
    return absl::InvalidArgumentError(
        absl::StrCat("the log in ", options_.directory, " has format version ", *version,
                     "; this weft reads versions up to ", kFormatVersion));
  }
  return absl::OkStatus();
}

absl::Status Environment::InitializeTables() {
  const std::string doing = absl::StrCat("cannot make a log in ", options_.directory);
  MDB_stat stat{};
  MDB_txn* transaction = nullptr;
  int code = mdb_txn_begin(handle_, nullptr, 0, &transaction);
  if (code != 0) return StatusFromCode(code, doing);
  MDB_dbi main = 0;
  code = mdb_dbi_open(transaction, nullptr, 0, &main);
  if (code == 0) code = mdb_stat(transaction, main, &stat);
  if (code == 0 && stat.ms_entries != 0) {
    mdb_txn_abort(transaction);
    return absl::InvalidArgumentError(
        absl::StrCat(options_.directory, " holds an LMDB database that is not a weft log"));
  }
  if (code == 0) code = OpenTables(transaction, MDB_CREATE);
  if (code == 0) {
    const std::string format = EncodeFormat(kFormatVersion);
    MDB_val key = Val(kFormatKey);
    MDB_val value = Val(format);
    code = mdb_put(transaction, tables_.meta, &key, &value, 0);
  }
  if (code != 0) {
    mdb_txn_abort(transaction);
  } else {
    code = mdb_txn_commit(transaction);
  }
  if (code != 0) return StatusFromCode(code, doing);
  return SyncDirectory(options_.directory);  // LMDB syncs its file, not the file's name
}

absl::StatusOr<Transaction> Environment::BeginRead() const {
  gate_.EnterReader();
  MDB_txn* transaction = nullptr;
  const int code =
      handle_ == nullptr ? MDB_PANIC : mdb_txn_begin(handle_, nullptr, MDB_RDONLY, &transaction);
  if (code == 0) return Transaction(transaction, tables_, &gate_);
  gate_.LeaveReader();
  return StatusFromCode(code, "cannot read the log");
}

std::pair<int, Transaction> Environment::BeginWrite() {
  MDB_txn* transaction = nullptr;
  const int code =
      handle_ == nullptr ? MDB_PANIC : mdb_txn_begin(handle_, nullptr, 0, &transaction);
  return {code, Transaction(transaction, tables_, nullptr)};
}

absl::Status Environment::GrowMap(std::size_t bytes) {
  const std::size_t now = map_bytes_;
  const std::size_t wanted = RoundToGranule(std::max(2 * now, now + bytes));
  // LMDB gives its old map up before it asks for the new one, so ask first.
  mdb_filehandle_t file{};
  mdb_env_get_fd(handle_, &file);
  void* trial = mmap(nullptr, wanted, PROT_READ, MAP_SHARED, file, 0);
  if (trial == MAP_FAILED) {
    return StatusFromCode(errno, absl::StrCat("cannot map ", wanted, " bytes for the log"));
  }
  munmap(trial, wanted);

  gate_.BeginReplacing();
  const int code = mdb_env_set_mapsize(handle_, wanted);
  if (code == 0) {
    map_bytes_ = MapBytes(handle_);
    ++growths_;
  } else {
    mdb_env_close(handle_);
    handle_ = nullptr;
  }
  gate_.EndReplacing();
  if (code != 0) return StatusFromCode(MDB_PANIC, "the log lost its memory map");
  return absl::OkStatus();
}

bool Environment::IsDiskFull(std::size_t bytes) const {
  mdb_filehandle_t file{};
  struct stat status{};
  if (handle_ == nullptr || mdb_env_get_fd(handle_, &file) != 0 || fstat(file, &status) != 0) {
    return false;
  }
  if (fallocate(file, 0, status.st_size, static_cast<off_t>(bytes)) == 0) return false;
  if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG) return true;
  struct statvfs disk{};
  return errno == EOPNOTSUPP && fstatvfs(file, &disk) == 0 && disk.f_bavail * disk.f_frsize < bytes;
}

void Environment::RestoreReads() {
  if (handle_ == nullptr) return;
  MDB_txn* transaction = nullptr;
  if (mdb_txn_begin(handle_, nullptr, MDB_RDONLY, &transaction) == 0) {
    mdb_txn_abort(transaction);
    return;
  }
  gate_.BeginReplacing();
  mdb_env_close(handle_);
  handle_ = nullptr;
  if (OpenHandle(MDB_RDONLY) == 0) {
    int code = mdb_txn_begin(handle_, nullptr, MDB_RDONLY, &transaction);
    if (code == 0) {
      code = OpenTables(transaction, 0);
      if (code == 0) {
        code = mdb_txn_commit(transaction);
      } else {
        mdb_txn_abort(transaction);
      }
    }
    if (code != 0) {
      mdb_env_close(handle_);
      handle_ = nullptr;
    }
  }
  gate_.EndReplacing();
}

}  // namespace weft::store
