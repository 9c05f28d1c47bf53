// A library to preload: the program that has it tells, on the socket "weft-held-PID" of the abstract
// namespace, how many bytes it holds of its allocator, in decimal digits. Resident memory would not do:
// an allocator keeps what it may need again, and a sanitizer far more.
//
// It begins when the program first listens, since no sanitizer is ready for threads before main().

#include <dlfcn.h>
#include <malloc.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <mutex>
#include <string>
#include <thread>

extern "C" std::size_t __sanitizer_get_current_allocated_bytes() __attribute__((weak));

namespace {

std::size_t HeldBytes() {
  if (__sanitizer_get_current_allocated_bytes != nullptr) {
    return __sanitizer_get_current_allocated_bytes();
  }
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

int RealListen(int socket, int backlog) {
  using Listen = int (*)(int, int);
  static const auto real = reinterpret_cast<Listen>(dlsym(RTLD_NEXT, "listen"));
  return real(socket, backlog);
}

void Tell() {
  const std::string name = "weft-held-" + std::to_string(getpid());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  name.copy(address.sun_path + 1, sizeof(address.sun_path) - 1);
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(listener, reinterpret_cast<const sockaddr*>(&address), length) != 0 ||
      RealListen(listener, 4) != 0) {
    std::perror("held_memory");
    return;
  }
  for (;;) {
    const int client = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    const std::string held = std::to_string(HeldBytes());
    if (send(client, held.data(), held.size(), MSG_NOSIGNAL) < 0) std::perror("held_memory");
    close(client);
  }
}

}  // namespace

extern "C" __attribute__((visibility("default"))) int listen(int socket, int backlog) {
  static std::once_flag once;
  std::call_once(once, [] { std::thread(Tell).detach(); });
  return RealListen(socket, backlog);
}
