// The load generator for relays (bench/README.md): one scenario against one server that runs
// already. Prints one JSON object; ends with 1 when a receiver lacks anything.
//
//   weft_relay_bench SCENARIO --port=N [--pid=N] [--hocuspocus] [--seconds=S] [--warmup=S]
//                    [--room=PREFIX] [--rooms=N] [--window=N] [--trace=FILE] [--seen=FILE]

#include <sys/resource.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <map>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "bench/relay/scenarios.h"

namespace weft::bench {
namespace {

using Flags = std::map<std::string, std::string, std::less<>>;

std::string Text(const Flags& flags, std::string_view name, std::string otherwise) {
  const auto found = flags.find(name);
  return found == flags.end() ? std::move(otherwise) : found->second;
}

double Number(const Flags& flags, std::string_view name, double otherwise) {
  const auto found = flags.find(name);
  return found == flags.end() ? otherwise : std::strtod(found->second.c_str(), nullptr);
}

absl::StatusOr<Report> RunScenario(const std::string& scenario, const Run& run,
                                   const Flags& flags) {
  const auto window = [&](double otherwise) {
    return static_cast<std::size_t>(Number(flags, "window", otherwise));
  };
  const Typing crowd = {.rooms = 1, .writers = 20, .readers = 0, .rate = 0, .window = window(512)};
  const std::string seen = Text(flags, "seen", "");
  if (scenario == "S1") return RunTyping(run, crowd);
  if (scenario == "S2") {
    return RunTyping(run, {.rooms = static_cast<std::size_t>(Number(flags, "rooms", 500)),
                           .writers = 2,
                           .readers = 0,
                           .rate = 0,
                           .window = window(32)});
  }
  if (scenario == "S3") {
    return RunTyping(run, {.rooms = 1, .writers = 5, .readers = 200, .rate = 20, .window = 0});
  }
  if (scenario == "S4") {
    return RunTyping(run, {.rooms = 1000, .writers = 3, .readers = 0, .rate = 1, .window = 0});
  }
  if (scenario == "S5") {
    return RunIdling(run, {.rooms = static_cast<std::size_t>(Number(flags, "rooms", 1000))});
  }
  if (scenario == "S6" || scenario == "S6-prepare" || scenario == "S6-again") {
    Joining joining;
    joining.prepare = scenario != "S6-again";
    joining.measure = scenario != "S6-prepare";
    joining.trace = Text(flags, "trace", "");
    return RunJoining(run, joining);
  }
  if (scenario == "S7") return RunVisiting(run, {});
  if (scenario == "S8") return RunCursors(run, {});
  if (scenario == "kill") return RunKilling(run, crowd, seen);
  if (scenario == "count") return RunCounting(run, seen);
  return absl::InvalidArgumentError("no such scenario");
}

int Main(int count, char** arguments) {
  if (count < 2) {
    std::fprintf(stderr, "usage: weft_relay_bench SCENARIO --port=N [FLAGS]\n");
    return 2;
  }
  Flags flags;
  for (int i = 2; i < count; ++i) {
    std::string_view argument = arguments[i];
    argument.remove_prefix(std::min<std::size_t>(2, argument.size()));
    const std::size_t equals = argument.find('=');
    const bool bare = equals == std::string_view::npos;
    flags[std::string(argument.substr(0, equals))] =
        bare ? "1" : std::string(argument.substr(equals + 1));
  }
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);

  const std::string scenario = arguments[1];
  const Run run = {.target = {.port = static_cast<int>(Number(flags, "port", 0)),
                              .dialect = flags.contains("hocuspocus") ? Dialect::kHocuspocus
                                                                      : Dialect::kYWebsocket},
                   .server = ServerProcess(static_cast<int>(Number(flags, "pid", 0))),
                   .room_prefix = Text(flags, "room", absl::StrCat("bench-", NowNs())),
                   .seconds = Number(flags, "seconds",
                                     scenario == "S5"     ? 8
                                     : scenario == "kill" ? 2
                                                          : 5),
                   .warmup_seconds = Number(flags, "warmup", 1)};
  const absl::StatusOr<Report> report = RunScenario(scenario, run, flags);
  if (!report.ok()) {
    std::fprintf(stderr, "%s: %s\n", scenario.c_str(), report.status().ToString().c_str());
    return 1;
  }
  std::printf("%s\n", report->ToJson(scenario).c_str());
  return 0;
}

}  // namespace
}  // namespace weft::bench

int main(int count, char** arguments) { return weft::bench::Main(count, arguments); }
