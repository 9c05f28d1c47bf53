#include "store/backup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "store/directory_lock.h"
#include "store/room_index.h"
#include "store/system_error.h"

namespace weft::store {

namespace {

namespace fs = std::filesystem;

constexpr const char* kDataFile = "/data.mdb";
constexpr const char* kLockFile = "/lock.mdb";

std::string WithoutSlash(const std::string& directory) {
  fs::path path(directory);
  if (!path.has_filename() && path.has_parent_path()) path = path.parent_path();
  return path.string();
}

std::string ParentOf(const std::string& directory) {
  std::error_code ignored;
  return fs::absolute(directory, ignored).parent_path().string();
}

// Whose history a copy has: a backup's rooms are those of the log, while a restored log goes on from
// an earlier moment, so that what somebody knows of its rooms is not true of it any more.
enum class Generations : std::uint8_t { kKept, kRenewed };

// Seals what mdb_env_copy2 wrote, whose transactions begin at 1 again: opening it does that.
absl::Status FinishCopy(const std::string& directory, Generations generations,
                        const Progress& progress) {
  std::error_code ignored;
  const std::size_t bytes = fs::file_size(directory + kDataFile, ignored);
  const auto environment = Environment::Open({.directory = directory,
                                              .map_bytes = (std::size_t{1} << 20) + 4 * bytes,
                                              .progress = progress});
  if (!environment.ok()) return environment.status();
  if (generations == Generations::kKept) return absl::OkStatus();
  auto [code, transaction] = (*environment)->BeginWrite();
  if (code == 0) code = RenewGenerations(transaction);
  if (code == 0) code = transaction.Commit();
  if (code == 0) return absl::OkStatus();
  return StatusFromCode(code, "cannot give the rooms another generation");
}

absl::Status VerifyCopy(const std::string& directory, const Progress& progress) {
  const auto reader = LogReader::Open(directory, /*check_pages=*/true, progress);
  if (!reader.ok()) return reader.status();
  const auto report = (*reader)->Verify({}, progress);
  if (!report.ok()) return report.status();
  if (report->clean()) return absl::OkStatus();
  if (!report->pages.findings.empty()) return report->pages.status();
  return absl::DataLossError(
      absl::StrCat("room \"", report->damage.front().room, "\": ", report->damage.front().what));
}

// A copy in a new directory, sealed and on the medium.
absl::Status CopyInto(const LogReader& reader, const std::string& directory,
                      Generations generations, const Progress& progress) {
  if (mkdir(directory.c_str(), 0700) != 0) {
    return StatusFromCode(errno, absl::StrCat("cannot make ", directory));
  }
  absl::Status status = reader.environment().CopyTo(directory, progress);
  if (status.ok()) status = FinishCopy(directory, generations, progress);
  std::error_code ignored;
  fs::remove(directory + kLockFile, ignored);
  if (status.ok()) status = SyncDirectory(directory);
  if (!status.ok()) fs::remove_all(directory, ignored);
  return status;
}

// A copy in a new directory that appears whole, or not at all.
absl::Status CopyToNew(const LogReader& reader, const std::string& directory,
                       Generations generations, const Progress& progress) {
  std::error_code error;
  if (fs::exists(directory, error)) {
    return absl::AlreadyExistsError(absl::StrCat(directory, " exists already"));
  }
  fs::create_directories(ParentOf(directory), error);
  const std::string partial = absl::StrCat(directory, ".partial-", getpid());
  fs::remove_all(partial, error);
  absl::Status status = CopyInto(reader, partial, generations, progress);
  if (!status.ok()) return status;
  fs::rename(partial, directory, error);
  if (error) {
    status = StatusFromCode(error.value(), absl::StrCat("cannot name the copy ", directory));
    fs::remove_all(partial, error);
    return status;
  }
  return SyncDirectory(ParentOf(directory));
}

}  // namespace

absl::Status BackupLog(const LogReader& reader, const std::string& destination,
                       const Progress& progress) {
  return CopyToNew(reader, WithoutSlash(destination), Generations::kKept, progress);
}

absl::Status RestoreLog(const std::string& backup, const std::string& destination,
                        const Progress& progress) {
  const std::string directory = WithoutSlash(destination);
  std::error_code error;
  if (fs::exists(directory + kDataFile, error)) {
    return absl::AlreadyExistsError(absl::StrCat("there is a log in ", directory, " already"));
  }
  const absl::Status sound = VerifyCopy(backup, progress);
  if (!sound.ok()) return sound;
  const auto reader = LogReader::Open(backup, /*check_pages=*/true, progress);
  if (!reader.ok()) return reader.status();
  if (!fs::exists(directory, error)) {
    return CopyToNew(**reader, directory, Generations::kRenewed, progress);
  }
  // An empty directory that is there already keeps its owner and mode.
  const std::string partial = absl::StrCat(directory, "/restore.partial");
  fs::remove_all(partial, error);
  absl::Status status = CopyInto(**reader, partial, Generations::kRenewed, progress);
  if (!status.ok()) return status;
  fs::rename(partial + kDataFile, directory + kDataFile, error);
  if (error) return StatusFromCode(error.value(), absl::StrCat("cannot restore to ", directory));
  fs::remove_all(partial, error);
  return SyncDirectory(directory);
}

absl::StatusOr<ShrinkReport> ShrinkLog(const std::string& destination, const Progress& progress) {
  const std::string directory = WithoutSlash(destination);
  std::error_code error;
  if (!fs::exists(directory + kDataFile, error)) {
    return absl::NotFoundError(absl::StrCat("there is no log in ", directory));
  }
  const absl::StatusOr<DirectoryLock> lock = DirectoryLock::Acquire(directory);
  if (!lock.ok()) return lock.status();
  ShrinkReport report{.bytes_before = fs::file_size(directory + kDataFile, error)};
  const std::string partial = directory + "/compact.partial";
  fs::remove_all(partial, error);
  {
    const auto reader = LogReader::Open(directory, /*check_pages=*/true, progress);
    if (!reader.ok()) return reader.status();
    const absl::Status status = CopyInto(**reader, partial, Generations::kKept, progress);
    if (!status.ok()) return status;
  }
  const absl::Status sound = VerifyCopy(partial, progress);
  if (!sound.ok()) {
    fs::remove_all(partial, error);
    return sound;
  }
  report.bytes_after = fs::file_size(partial + kDataFile, error);
  fs::rename(partial + kDataFile, directory + kDataFile, error);
  if (error) return StatusFromCode(error.value(), absl::StrCat("cannot replace ", directory));
  fs::remove(directory + kLockFile, error);
  fs::remove_all(partial, error);
  const absl::Status synced = SyncDirectory(directory);
  if (!synced.ok()) return synced;
  return report;
}

}  // namespace weft::store
