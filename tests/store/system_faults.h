#pragma once

// Making the system calls with which LMDB writes fail, in this program only.

namespace weft::store {

enum class SystemFault {
  kNone,
  kDiskFull,       // writes: ENOSPC
  kReadOnly,       // writes: EROFS
  kWriteFails,     // writes: EIO
  kFsyncFails,     // fdatasync: EIO
  kMetaPageFails,  // the synchronous write that makes a commit valid: EIO
};

// One fault from construction to destruction, for all threads. Not nested.
class ScopedFault {
 public:
  explicit ScopedFault(SystemFault fault);
  ~ScopedFault();
  ScopedFault(const ScopedFault&) = delete;
  ScopedFault& operator=(const ScopedFault&) = delete;
};

}  // namespace weft::store
