// A server under attack, for as long as one likes (./dev torture):
//
//   weft_torture soak BINARY SECONDS       all attacks at once, with rests in between: what the server
//                                          holds of its allocator, and its descriptors, come back to
//                                          what they were, two people are never disturbed, the server
//                                          ends with 0 and says nothing that a sanitizer would say.
//                                          Exit code 1 otherwise. WEFT_HELD_MEMORY has the path of
//                                          the library that asks the allocator (held_memory.cc).
//   weft_torture latency BINARY SECONDS    how long a word of one person takes to another: alone,
//                                          and under each attack for so many seconds. A measurement.

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/server/attacks.h"
#include "tests/server/process.h"
#include "tests/server/running_server.h"
#include "tests/server/two_people.h"

namespace weft::server {
namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

// What a server at rest may hold more than it did after the first rounds: threads keep some small pieces
// of memory of their own, and the room of the two people remembers that something was deleted between
// their words, some ten kilobytes a round.
constexpr std::size_t kSlackBytes = std::size_t{4} << 20;

[[noreturn]] void Fail(const std::string& why, Process* weft) {
  std::fprintf(stderr, "weft_torture: %s\n", why.c_str());
  if (weft != nullptr) {
    weft->Signal(SIGTERM);
    const int code = weft->Wait();
    std::fprintf(stderr, "--- weft ended with %d; its output:\n%s\n", code, weft->output.c_str());
  }
  std::exit(1);
}

std::uint64_t Health(std::uint16_t port, const std::string& name) {
  const std::string health = TcpClient(port).Get("/health").second;
  const std::size_t at = health.find('"' + name + "\":");
  return at == std::string::npos ? 0 : std::stoull(health.substr(at + name.size() + 3));
}

// What `weft` holds of its allocator.
std::size_t HeldBytes(Process& weft) {
  const std::string name = absl::StrCat("weft-held-", weft.pid());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  name.copy(address.sun_path + 1, sizeof(address.sun_path) - 1);
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::string answer;
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), length) == 0) {
    std::array<char, 32> buffer;
    ssize_t got = 0;
    while ((got = ::recv(socket, buffer.data(), buffer.size(), 0)) > 0) {
      answer.append(buffer.data(), static_cast<std::size_t>(got));
    }
  }
  ::close(socket);
  if (answer.empty()) Fail("the server does not tell what it holds", &weft);
  return std::stoull(answer);
}

// The longest waits are what people notice.
struct Latencies {
  std::vector<double> ms;
  double At(double part) {
    if (ms.empty()) return 0;
    std::sort(ms.begin(), ms.end());
    return ms[std::min(ms.size() - 1,
                       static_cast<std::size_t>(part * static_cast<double>(ms.size())))];
  }
};

// Words go from one to the other until `stop`, some ten a second, as people write them.
Latencies Work(TwoPeople& people, const std::atomic<bool>& stop, std::string& wrong) {
  Latencies latencies;
  while (!stop && wrong.empty()) {
    const auto begin = Clock::now();
    wrong = people.Exchange();
    people.LetAnnRead();
    latencies.ms.push_back(Milliseconds(Clock::now() - begin).count());
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return latencies;
}

// The attacks run for `seconds` while the two people work.
Latencies Run(std::uint16_t port, TwoPeople& people, std::span<const Attack> attacks,
              double seconds, Process& weft) {
  std::atomic<bool> stop = false;
  std::atomic<bool> stop_people = false;
  std::vector<std::thread> threads;
  for (const Attack& attack : attacks) {
    threads.emplace_back([&attack, &stop, port] {
      std::mt19937 random(std::random_device{}());
      attack.run({port, stop}, random);
    });
  }
  std::string wrong;
  Latencies latencies;
  threads.emplace_back([&] { latencies = Work(people, stop_people, wrong); });
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  while (Clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    weft.TakeOutput();
  }
  stop_people = true;
  threads.back().join();
  stop = true;
  threads.pop_back();
  for (std::thread& thread : threads) thread.join();
  if (!wrong.empty()) Fail("the two people were disturbed: " + wrong, &weft);
  return latencies;
}

// A server whose rooms and connections are gone soon after people are.
struct Served {
  explicit Served(const char* binary) {
    setenv("WEFT_BINARY", binary, 1);
    // Asks nothing of a sanitizer that has to come first.
    if (const char* held_memory = std::getenv("WEFT_HELD_MEMORY")) {
      const char* options = std::getenv("ASAN_OPTIONS");
      setenv("ASAN_OPTIONS",
             absl::StrCat(options == nullptr ? "" : options, ":verify_asan_link_order=0").c_str(),
             1);
      setenv("LD_PRELOAD", held_memory, 1);
    }
    weft = std::make_unique<Process>(std::vector<std::string>{
        "serve", "--listen", "127.0.0.1:0", "--data", directory.path(), "--threads", "2",
        "--room-idle-seconds", "1", "--handshake-timeout-ms", "1000", "--close-timeout-ms", "1000",
        "--max-all-queues-bytes", "16M", "--max-queue-bytes", "1M", "--max-rooms", "150"});
    unsetenv("LD_PRELOAD");
    port = weft->WaitForPort();
    if (port == 0) Fail("the server does not begin", weft.get());
    people = std::make_unique<TwoPeople>(port, "work");
    if (!people->joined || !people->Exchange().empty()) Fail("nobody can work", weft.get());
  }

  // Waits until only the two people are left, who go on, and who asks for /health: a socket that was
  // refused is drained for a second.
  void Rest() {
    const auto deadline = Clock::now() + std::chrono::minutes(2);
    while (Health(port, "connections") != 2 || Health(port, "rooms") != 1 ||
           Health(port, "sockets") != 1) {
      if (Clock::now() > deadline)
        Fail("rooms or connections stay after everyone left", weft.get());
      // They stay awake: who is silent for long is dead.
      const std::string wrong = people->Exchange();
      people->LetAnnRead();
      weft->TakeOutput();
      if (!wrong.empty()) Fail("the two people were disturbed: " + wrong, weft.get());
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }

  TemporaryDirectory directory;
  std::unique_ptr<Process> weft;
  std::uint16_t port = 0;
  std::unique_ptr<TwoPeople> people;
};

void Soak(const char* binary, double seconds) {
  if (std::getenv("WEFT_HELD_MEMORY") == nullptr) Fail("WEFT_HELD_MEMORY is not set", nullptr);
  Served served(binary);
  Process& weft = *served.weft;
  served.Rest();
  const std::size_t descriptors = weft.OpenDescriptors();
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  // The first rounds warm up caches; then each rest is like the one before.
  const double round = std::clamp(seconds / 20, 1.0, 30.0);
  std::size_t settled = 0;
  for (int number = 1; number <= 3 || Clock::now() < end; ++number) {
    Latencies latencies = Run(served.port, *served.people, Attacks(), round, weft);
    served.Rest();
    const std::size_t held = HeldBytes(weft);
    const std::size_t open = weft.OpenDescriptors();
    std::printf(
        "round %3d: holds %.2f MiB (resident %zu), descriptors %zu; a word took %.1f ms, at most "
        "%.1f ms\n",
        number, static_cast<double>(held) / (1 << 20), weft.AnonymousBytes() >> 20, open,
        latencies.At(0.5), latencies.At(1));
    std::fflush(stdout);
    // /health itself may still hold one.
    if (open > descriptors + 1) Fail(absl::StrCat(open, " descriptors, of ", descriptors), &weft);
    if (number <= 2) settled = std::max(settled, held);
    if (held > settled + kSlackBytes) Fail("memory grows", &weft);
  }
  weft.Signal(SIGTERM);
  const int code = weft.Wait();
  if (code != 0) {
    std::fprintf(stderr, "%s\n", weft.output.c_str());
    Fail(absl::StrCat("the server ended with ", code), nullptr);
  }
  for (const char* words : {"Sanitizer", "runtime error", "data race"}) {
    if (weft.output.find(words) != std::string::npos) Fail(weft.output, nullptr);
  }
  std::printf("flat, no descriptor lost, nobody disturbed\n");
}

void Latency(const char* binary, double seconds) {
  Served served(binary);
  Run(served.port, *served.people, {}, 1, *served.weft);
  Latencies alone = Run(served.port, *served.people, {}, seconds, *served.weft);
  const auto print = [&alone](const char* name, Latencies& latencies) {
    const double p50 = latencies.At(0.5);
    const double p99 = latencies.At(0.99);
    std::printf("%-32s %8.2f %8.2f %8.2f   %4.1f %4.1f\n", name, p50, p99, latencies.At(1),
                p50 / alone.At(0.5), p99 / alone.At(0.99));
    std::fflush(stdout);
  };
  std::printf("%-32s %8s %8s %8s   %s\n", "a word takes, ms", "p50", "p99", "max",
              "p50, p99 to undisturbed");
  print("undisturbed", alone);
  for (const Attack& attack : Attacks()) {
    Latencies latencies = Run(served.port, *served.people, {&attack, 1}, seconds, *served.weft);
    served.Rest();
    print(attack.name, latencies);
  }
}

}  // namespace
}  // namespace weft::server

int main(int argc, char** argv) {
  rlimit descriptors{};
  getrlimit(RLIMIT_NOFILE, &descriptors);
  descriptors.rlim_cur = descriptors.rlim_max;
  setrlimit(RLIMIT_NOFILE, &descriptors);
  const std::string_view what = argc == 4 ? argv[1] : "";
  const double seconds = argc == 4 ? std::atof(argv[3]) : 0;
  if (what == "soak" && seconds > 0) {
    weft::server::Soak(argv[2], seconds);
  } else if (what == "latency" && seconds > 0) {
    weft::server::Latency(argv[2], seconds);
  } else {
    std::fprintf(stderr, "usage: weft_torture soak|latency BINARY SECONDS\n");
    return 2;
  }
  return 0;
}
