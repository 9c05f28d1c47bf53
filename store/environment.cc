#include "store/environment.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <future>

#include "absl/strings/str_cat.h"
#include "store/cursor.h"
#include "store/directory_lock.h"
#include "store/format.h"
#include "store/journal.h"
#include "store/room_index.h"
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

// How many pages a copy has, about: those in use, which are all but the ones in LMDB's list of free pages.
std::uint64_t UsedPages(MDB_env* handle) {
  MDB_envinfo info{};
  MDB_txn* transaction = nullptr;
  if (mdb_env_info(handle, &info) != 0) return 0;
  std::uint64_t pages = info.me_last_pgno + 1;
  if (mdb_txn_begin(handle, nullptr, MDB_RDONLY, &transaction) != 0) return pages;
  constexpr MDB_dbi kFreePages = 0;
  Cursor cursor;
  int code = cursor.Open(transaction, kFreePages);
  if (code == 0) code = cursor.Move(MDB_FIRST);
  for (; code == 0; code = cursor.Move(MDB_NEXT)) {
    // A list begins with its length.
    std::size_t count = 0;
    if (cursor.value().size() < sizeof(count)) continue;
    std::memcpy(&count, cursor.value().data(), sizeof(count));
    pages -= std::min<std::uint64_t>(pages, count);
  }
  cursor.Close();
  mdb_txn_abort(transaction);
  return pages;
}

// LMDB says nothing while it copies, but the file grows. LMDB's code.
int CopyTold(MDB_env* handle, const std::string& directory, const std::string& path,
             const Progress& progress) {
  constexpr std::chrono::milliseconds kBetweenLooks{100};
  MDB_stat stat{};
  const int code = mdb_env_stat(handle, &stat);
  if (code != 0) return code;
  const std::uint64_t total = UsedPages(handle);
  std::future<int> copied = std::async(
      std::launch::async, [&] { return mdb_env_copy2(handle, directory.c_str(), MDB_CP_COMPACT); });
  while (copied.wait_for(kBetweenLooks) != std::future_status::ready) {
    progress(FileBytes(path) / stat.ms_psize, total);
  }
  progress(total, total);
  return copied.get();
}

// Zeros when there is none that decodes.
Seal SealOf(MDB_txn* transaction, MDB_dbi main) {
  MDB_val key = Val(kSealKey);
  MDB_val value{};
  if (mdb_get(transaction, main, &key, &value) != 0) return {};
  return DecodeSeal({static_cast<const std::uint8_t*>(value.mv_data), value.mv_size})
      .value_or(Seal{});
}

}  // namespace

int ReadSeal(const Transaction& transaction, Seal& seal) {
  MDB_dbi main = 0;
  const int code = mdb_dbi_open(transaction.handle(), nullptr, 0, &main);
  if (code == 0) seal = SealOf(transaction.handle(), main);
  return code;
}

Environment::Environment(Options options)
    : options_(std::move(options)), journal_(std::make_unique<JournalIndex>()) {}

int Transaction::Commit() {
  MDB_txn* handle = std::exchange(handle_, nullptr);
  MDB_dbi main = 0;
  int code = mdb_dbi_open(handle, nullptr, 0, &main);
  if (code == 0) {
    const JournalRange journal =
        journal_range_ ? *journal_range_ : SealOf(handle, main).journal.value_or(JournalRange{});
    const std::string seal = EncodeSeal({.transaction = mdb_txn_id(handle), .journal = journal});
    MDB_val key = Val(kSealKey);
    MDB_val value = Val(seal);
    code = mdb_put(handle, main, &key, &value, 0);
  }
  if (code != 0) {
    mdb_txn_abort(handle);
    return code;
  }
  return mdb_txn_commit(handle);
}

absl::StatusOr<std::unique_ptr<Environment>> Environment::Open(const Options& options) {
  std::unique_ptr<Environment> environment(new Environment(options));
  const std::string doing = absl::StrCat("cannot open the log in ", options.directory);
  const std::string path = options.directory + "/data.mdb";
  bool needs_seal = false;
  if (FileBytes(path) > 0) {
    const absl::Status meta_pages = CheckMetaPages(path);
    if (!meta_pages.ok()) return meta_pages;
  }
  environment->options_.progress = {};  // only for now
  if (!options.read_only && options.check_pages && FileBytes(path) > 0) {
    const absl::StatusOr<PageReport> pages = CheckPages(path, std::nullopt, options.progress);
    if (!pages.ok()) return pages.status();
    if (!pages->status().ok()) return pages->status();
    if (!pages->wrong_numbers.empty()) {
      const absl::Status corrected = CorrectNumbers(path, *pages);
      if (!corrected.ok()) return corrected;
    }
    needs_seal = pages->needs_seal;
  }

  int code = environment->OpenHandle((options.fsync ? 0 : MDB_NOSYNC) |
                                     (options.read_only ? MDB_RDONLY : 0));
  if (code != 0) return StatusFromCode(code, doing);
  int dead_readers = 0;  // of processes that were killed; they would keep old pages alive
  mdb_reader_check(environment->handle_, &dead_readers);
  if (mdb_env_get_maxkeysize(environment->handle_) < kNeededKeyBytes) {
    return absl::InternalError("this LMDB was built with shorter keys than the log's names need");
  }
  if (options.read_only && options.check_pages) {
    const absl::StatusOr<PageReport> pages = environment->CheckPagesNow(options.progress);
    if (!pages.ok()) return pages.status();
    if (!pages->status().ok()) return pages->status();
  }

  const absl::StatusOr<std::uint32_t> version = environment->ReadFormat();
  if (!version.ok()) return version.status();
  absl::Status status;
  if (*version == kFormatVersion) {
    if (needs_seal) status = environment->Seal(2);
  } else if (*version == kUpgradedVersion && !options.read_only) {
    status = environment->InitializeTables(/*is_new=*/false);
  } else if (options.read_only) {
    status = absl::NotFoundError(absl::StrCat("there is no log in ", options.directory));
  } else {
    status = environment->InitializeTables(/*is_new=*/true);
  }
  if (!status.ok()) return status;
  return environment;
}

Environment::~Environment() {
  if (handle_ != nullptr) mdb_env_close(handle_);
}

int Environment::OpenHandle(unsigned flags) {
  const std::size_t file_bytes = FileBytes(options_.directory + "/data.mdb");
  const std::size_t needed_bytes = std::max({2 * file_bytes, map_bytes_.load(), kMinMapBytes});
  std::size_t map_bytes = std::max(options_.map_bytes, needed_bytes);
  for (;;) {
    MDB_env* handle = nullptr;
    int code = mdb_env_create(&handle);
    if (code != 0) return code;
    mdb_env_set_maxdbs(handle, 16);
    mdb_env_set_maxreaders(handle, kMaxReaders);
    mdb_env_set_mapsize(handle, RoundToGranule(map_bytes));
    code = mdb_env_open(handle, options_.directory.c_str(), MDB_NOTLS | flags, 0600);
    if (code == 0) {
      handle_ = handle;
      map_bytes_ = MapBytes(handle);
      return 0;
    }
    mdb_env_close(handle);
    // Where address space is scarce, what is needed now has to do. Valgrind says EINVAL then.
    if ((code != ENOMEM && code != EINVAL) || map_bytes == needed_bytes) return code;
    map_bytes = std::max(map_bytes / 4, needed_bytes);
  }
}

int Environment::OpenTables(MDB_txn* transaction, unsigned flags) {
  int code = mdb_dbi_open(transaction, kMetaTable, flags, &tables_.meta);
  if (code == 0) code = mdb_dbi_open(transaction, kNamesTable, flags | MDB_DUPSORT, &tables_.names);
  if (code == 0) code = mdb_dbi_open(transaction, kRoomsTable, flags, &tables_.rooms);
  if (code == 0) code = mdb_dbi_open(transaction, kRecordsTable, flags, &tables_.records);
  if (code == 0) code = mdb_dbi_open(transaction, kSnapshotsTable, flags, &tables_.snapshots);
  if (code == 0) code = mdb_dbi_open(transaction, kVersionsTable, flags, &tables_.versions);
  if (code == 0) code = mdb_dbi_open(transaction, kQuarantineTable, flags, &tables_.quarantine);
  for (std::size_t i = 0; i < kJournalTables.size() && code == 0; ++i) {
    code = mdb_dbi_open(transaction, kJournalTables[i], flags, &tables_.journal[i]);
  }
  return code;
}

absl::StatusOr<std::uint32_t> Environment::ReadFormat() {
  const std::string doing = absl::StrCat("cannot open the log in ", options_.directory);
  MDB_txn* transaction = nullptr;
  int code = mdb_txn_begin(handle_, nullptr, MDB_RDONLY, &transaction);
  if (code != 0) return StatusFromCode(code, doing);
  code = mdb_dbi_open(transaction, kMetaTable, 0, &tables_.meta);
  std::optional<std::uint32_t> version;
  const bool has_meta = code == 0;
  if (code == 0) {
    MDB_val key = Val(kFormatKey);
    MDB_val value{};
    code = mdb_get(transaction, tables_.meta, &key, &value);
    if (code == 0) {
      version = DecodeFormat({static_cast<const std::uint8_t*>(value.mv_data), value.mv_size});
    }
  }
  absl::Status status;
  if (code != 0 && code != MDB_NOTFOUND) {
    status = StatusFromCode(code, doing);
  } else if (has_meta && (!version || *version == 0)) {
    status = absl::DataLossError(
        absl::StrCat("the format entry of the log in ", options_.directory, " does not decode"));
  } else if (version && *version > kFormatVersion) {
    status = absl::InvalidArgumentError(absl::StrCat("the log in ", options_.directory,
                                                     " has format version ", *version,
                                                     "; this weft reads version ", kFormatVersion));
  } else if (version && *version == kUpgradedVersion && options_.read_only) {
    status = absl::InvalidArgumentError(absl::StrCat(
        "the log in ", options_.directory, " has format version ", *version,
        ", which this weft reads once it has opened it to write, as 'weft serve' does"));
  } else if (version && *version < kUpgradedVersion) {
    status = absl::InvalidArgumentError(
        absl::StrCat("the log in ", options_.directory, " has format version ", *version,
                     " of before the first release; this weft reads version ", kFormatVersion,
                     ". The weft that wrote it can export its rooms, and this one import them"));
  } else if (version == kFormatVersion) {
    code = OpenTables(transaction, 0);
    if (code == MDB_NOTFOUND) {
      status =
          absl::DataLossError(absl::StrCat("the log in ", options_.directory, " lacks a table"));
    } else if (code != 0) {
      status = StatusFromCode(code, doing);
    }
  }
  if (!status.ok()) {
    mdb_txn_abort(transaction);
    return status;
  }
  code = mdb_txn_commit(transaction);  // keeps the tables' handles
  if (code != 0) return StatusFromCode(code, doing);
  return version.value_or(0);
}

absl::Status Environment::InitializeTables(bool is_new) {
  const std::string doing =
      absl::StrCat(is_new ? "cannot make a log in " : "cannot give its new format to the log in ",
                   options_.directory);
  MDB_stat stat{};
  MDB_txn* transaction = nullptr;
  int code = mdb_txn_begin(handle_, nullptr, 0, &transaction);
  if (code != 0) return StatusFromCode(code, doing);
  MDB_dbi main = 0;
  code = mdb_dbi_open(transaction, nullptr, 0, &main);
  if (code == 0) code = mdb_stat(transaction, main, &stat);
  if (code == 0 && is_new && stat.ms_entries != 0) {
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
    code = Transaction(transaction, tables_, nullptr).Commit();
  }
  if (code != 0) return StatusFromCode(code, doing);
  return SyncDirectory(options_.directory);  // LMDB syncs its file, not the file's name
}

absl::Status Environment::Seal(int times) {
  for (; times > 0; --times) {
    auto [code, transaction] = BeginWrite();
    if (code == 0) code = transaction.Commit();
    if (code != 0) return StatusFromCode(code, "cannot seal the log");
  }
  return absl::OkStatus();
}

absl::Status Environment::CopyTo(const std::string& directory, const Progress& progress) const {
  const std::string doing = absl::StrCat("cannot copy the log to ", directory);
  const std::string path = directory + "/data.mdb";
  gate_.EnterReader();
  int copied = MDB_PANIC;
  if (handle_ != nullptr) {
    copied = progress ? CopyTold(handle_, directory, path, progress)
                      : mdb_env_copy2(handle_, directory.c_str(), MDB_CP_COMPACT);
  }
  gate_.LeaveReader();
  if (copied != 0) return StatusFromCode(copied, doing);
  const int descriptor = open(path.c_str(), O_RDWR | O_CLOEXEC);
  const int failed = descriptor < 0 || fsync(descriptor) != 0;
  const int code = errno;
  if (descriptor >= 0) close(descriptor);
  if (failed) return StatusFromCode(code, doing);
  return SyncDirectory(directory);
}

absl::StatusOr<PageReport> Environment::CheckPagesNow(const Progress& progress) const {
  gate_.EnterReader();
  MDB_txn* transaction = nullptr;
  const int code =
      handle_ == nullptr ? MDB_PANIC : mdb_txn_begin(handle_, nullptr, MDB_RDONLY, &transaction);
  absl::StatusOr<PageReport> report = absl::InternalError("");
  if (code == 0) {
    // A meta page may be overwritten by the commit after next before it is read: then try again.
    for (int tries = 0; tries < 100; ++tries) {
      report = CheckPages(options_.directory + "/data.mdb", mdb_txn_id(transaction), progress);
      if (!report.ok() || report->pages > 0) break;
      mdb_txn_reset(transaction);
      if (mdb_txn_renew(transaction) != 0) break;
    }
    mdb_txn_abort(transaction);
  } else {
    report = StatusFromCode(code, "cannot read the log");
  }
  gate_.LeaveReader();
  return report;
}

std::uint64_t Environment::last_transaction() const {
  MDB_envinfo info{};
  return handle_ != nullptr && mdb_env_info(handle_, &info) == 0 ? info.me_last_txnid : 0;
}

absl::StatusOr<Transaction> Environment::BeginRead() const {
  gate_.EnterReader();
  MDB_txn* transaction = nullptr;
  int code =
      handle_ == nullptr ? MDB_PANIC : mdb_txn_begin(handle_, nullptr, MDB_RDONLY, &transaction);
  if (code == 0) return Transaction(transaction, tables_, &gate_, journal_.get());
  gate_.LeaveReader();
  if (code == MDB_MAP_RESIZED) {
    // The owner of the directory, another process, uses a larger map by now.
    gate_.BeginReplacing();
    code = mdb_env_set_mapsize(handle_, 0);
    gate_.EndReplacing();
    if (code == 0) return BeginRead();
  }
  return StatusFromCode(code, "cannot read the log");
}

std::pair<int, Transaction> Environment::BeginWrite() {
  MDB_txn* transaction = nullptr;
  const int code = handle_ == nullptr   ? MDB_PANIC
                   : options_.read_only ? EROFS
                                        : mdb_txn_begin(handle_, nullptr, 0, &transaction);
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

void Environment::Revive(bool writable) {
  if (handle_ == nullptr) return;
  MDB_txn* transaction = nullptr;
  if (mdb_txn_begin(handle_, nullptr, MDB_RDONLY, &transaction) == 0) {
    mdb_txn_abort(transaction);
    return;
  }
  gate_.BeginReplacing();
  mdb_env_close(handle_);
  handle_ = nullptr;
  if (!writable) options_.read_only = true;
  if (OpenHandle((options_.fsync ? 0 : MDB_NOSYNC) | (writable ? 0 : MDB_RDONLY)) == 0) {
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
