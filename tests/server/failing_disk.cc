// A library to preload: fdatasync fails with EIO as soon as the file exists whose path the variable
// WEFT_DISK_FAILS_WHEN holds, and waits as long as that of WEFT_DISK_WAITS_WHILE does.

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace {

bool Exists(const char* variable) {
  const char* path = std::getenv(variable);
  return path != nullptr && access(path, F_OK) == 0;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) int fdatasync(int descriptor) {
  while (Exists("WEFT_DISK_WAITS_WHILE")) usleep(1'000);
  if (Exists("WEFT_DISK_FAILS_WHEN")) {
    errno = EIO;
    return -1;
  }
  return static_cast<int>(syscall(SYS_fdatasync, descriptor));
}
