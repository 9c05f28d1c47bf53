#include "tests/store/system_faults.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

namespace weft::store {

namespace {

std::atomic<SystemFault> current_fault = SystemFault::kNone;

// 0, or the errno with which a write to this descriptor has to fail.
int WriteError(int descriptor) {
  switch (current_fault) {
    case SystemFault::kDiskFull:
      return ENOSPC;
    case SystemFault::kReadOnly:
      return EROFS;
    case SystemFault::kWriteFails:
      return EIO;
    case SystemFault::kMetaPageFails:
      return (fcntl(descriptor, F_GETFL) & O_DSYNC) != 0 ? EIO : 0;
    case SystemFault::kFsyncFails:
    case SystemFault::kNone:
      return 0;
  }
  return 0;
}

}  // namespace

ScopedFault::ScopedFault(SystemFault fault) { current_fault = fault; }
ScopedFault::~ScopedFault() { current_fault = SystemFault::kNone; }

// The program's own definitions stand before the C library's for every library it loads. The names
// are given to the assembler because headers may rename these functions for large files.
extern "C" {

ssize_t FaultyPwrite(int descriptor, const void* bytes, std::size_t size,
                     off_t offset) asm("pwrite");
ssize_t FaultyPwrite(int descriptor, const void* bytes, std::size_t size, off_t offset) {
  errno = WriteError(descriptor);
  if (errno != 0) return -1;
  return syscall(SYS_pwrite64, descriptor, bytes, size, offset);
}

ssize_t FaultyWritev(int descriptor, const iovec* pieces, int count) asm("writev");
ssize_t FaultyWritev(int descriptor, const iovec* pieces, int count) {
  errno = WriteError(descriptor);
  if (errno != 0) return -1;
  return syscall(SYS_writev, descriptor, pieces, count);
}

int FaultyFdatasync(int descriptor) asm("fdatasync");
int FaultyFdatasync(int descriptor) {
  if (current_fault == SystemFault::kFsyncFails) {
    errno = EIO;
    return -1;
  }
  return static_cast<int>(syscall(SYS_fdatasync, descriptor));
}

}  // extern "C"

}  // namespace weft::store
