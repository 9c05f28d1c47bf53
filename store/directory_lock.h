#pragma once

// Who owns a log's directory.

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace weft::store {

// Holds a directory for one log: an flock on its file "weft.lock", in which the holder's process id
// stands in decimal. The kernel lets go when the process dies, however it dies; the file stays.
class DirectoryLock {
 public:
  // Makes the directory when absent, and sees to it that its entry survives a power cut.
  // Fails: kUnavailable when somebody holds it (with the process id, when known) or it cannot be
  // written; kResourceExhausted when it must be made and the disk is full.
  static absl::StatusOr<DirectoryLock> Acquire(const std::string& directory);

  ~DirectoryLock();
  DirectoryLock(DirectoryLock&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)) {}
  DirectoryLock& operator=(DirectoryLock&&) = delete;

 private:
  explicit DirectoryLock(int descriptor) : descriptor_(descriptor) {}

  int descriptor_;
};

// Makes the entries of a directory durable. Fails: as the system's fsync, worded.
absl::Status SyncDirectory(const std::string& directory);

}  // namespace weft::store
