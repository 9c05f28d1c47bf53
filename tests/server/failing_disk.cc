// A library to preload: fdatasync fails with EIO as soon as the file exists whose path the variable
// WEFT_DISK_FAILS_WHEN holds.

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

extern "C" __attribute__((visibility("default"))) int fdatasync(int descriptor) {
  const char* trigger = std::getenv("WEFT_DISK_FAILS_WHEN");
  if (trigger != nullptr && access(trigger, F_OK) == 0) {
    errno = EIO;
    return -1;
  }
  return static_cast<int>(syscall(SYS_fdatasync, descriptor));
}
