#include "store/directory_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "store/system_error.h"

namespace weft::store {

namespace {

// The text of a lock file, or nothing when its holder has not written it yet.
std::string ReadHolder(int descriptor) {
  std::array<char, 32> text{};
  const ssize_t size = pread(descriptor, text.data(), text.size(), 0);
  std::string_view holder(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  holder = holder.substr(0, holder.find_first_not_of("0123456789"));
  return std::string(holder);
}

absl::Status MakeDirectory(const std::string& directory) {
  namespace fs = std::filesystem;
  std::error_code error;
  std::vector<fs::path> made;  // deepest first
  fs::path path = fs::absolute(directory, error).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  const fs::path whole = path;
  for (; path.has_relative_path() && !fs::exists(path, error); path = path.parent_path()) {
    made.push_back(path);
  }
  error.clear();
  fs::create_directories(whole, error);
  if (error) return StatusFromCode(error.value(), absl::StrCat("cannot make ", directory));
  for (const fs::path& entry : made) {
    const absl::Status synced = SyncDirectory(entry.parent_path().string());
    if (!synced.ok()) return synced;
  }
  return absl::OkStatus();
}

// Overwrites in place with a fixed width, so that an old file needs no space on a full disk. That
// the process id cannot be written is no reason to refuse: the lock is the kernel's.
void WriteHolder(int descriptor) {
  std::array<char, 16> text;
  text.fill(' ');
  const std::string process = absl::StrCat(getpid());
  std::copy(process.begin(), process.end(), text.begin());
  text.back() = '\n';
  [[maybe_unused]] const ssize_t written = pwrite(descriptor, text.data(), text.size(), 0);
}

}  // namespace

absl::Status SyncDirectory(const std::string& directory) {
  const int descriptor = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const int failed = descriptor < 0 || fsync(descriptor) != 0;
  const int code = errno;
  if (descriptor >= 0) close(descriptor);
  if (failed) return StatusFromCode(code, absl::StrCat("cannot sync directory ", directory));
  return absl::OkStatus();
}

absl::StatusOr<DirectoryLock> DirectoryLock::Acquire(const std::string& directory) {
  const absl::Status made = MakeDirectory(directory);
  if (!made.ok()) return made;
  const std::string path = directory + "/weft.lock";
  const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return StatusFromCode(errno, absl::StrCat("cannot open ", path));
  DirectoryLock lock(descriptor);
  if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return StatusFromCode(errno, absl::StrCat("cannot lock ", path));
    const std::string holder = ReadHolder(descriptor);
    return absl::UnavailableError(
        absl::StrCat(directory, " is held by ",
                     holder.empty() ? "another process" : absl::StrCat("process ", holder)));
  }
  WriteHolder(descriptor);
  return lock;
}

DirectoryLock::~DirectoryLock() {
  if (descriptor_ >= 0) close(descriptor_);
}

}  // namespace weft::store
