// The program `weft`: reads its command line and does what it says.

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <string>

#include "server/command_line.h"
#include "server/log_event.h"
#include "server/room_trace.h"
#include "server/script/application.h"
#include "server/script/script_command.h"
#include "server/server.h"
#include "server/service_manager.h"
#include "server/tools/blob_verbs.h"
#include "server/tools/connect.h"
#include "server/tools/drive.h"
#include "server/tools/fuzz_corpus.h"
#include "server/tools/log_verbs.h"

namespace {

using weft::server::CommandLine;

// A server holds a descriptor for each client: take as many as the system lets this user have.
void RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// Where one is closed, the next file that is opened has its number, and is written what is printed: it
// could be the log. One that can be neither read nor written takes the place.
void OpenStandardStreams() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(descriptor, F_GETFD) != -1 || errno != EBADF) continue;
    // Takes the lowest number that is free, which is this one.
    [[maybe_unused]] const int opened =
        open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

int Fail(const absl::Status& status) {
  std::cerr << "weft: " << std::string(status.message()) << "\n";
  return absl::IsInvalidArgument(status) ? weft::server::kExitUsage : weft::server::kExitFailed;
}

// What a reload takes up of the same words in the same places.
absl::StatusOr<weft::server::Reloadable> Reread(const std::vector<std::string>& arguments) {
  const CommandLine line =
      weft::server::ParseCommandLine(arguments, weft::server::RealSurroundings());
  if (line.verb != CommandLine::Verb::kServe) return absl::InvalidArgumentError(line.output);
  return weft::server::Reloadable{.limits = line.serve.limits, .log_level = line.log_level};
}

int Serve(const CommandLine& line, const std::vector<std::string>& arguments) {
  weft::server::SetLogLevel(line.log_level);
  weft::server::SetLogFormat(line.log_format);
  weft::server::TraceRooms(line.trace_rooms);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a file size limit is an error of the log, not the end
  RaiseDescriptorLimit();
  weft::server::ServerOptions options = line.serve;
  auto inherited = weft::server::TakeInheritedSockets();
  if (!inherited.ok()) return Fail(inherited.status());
  // Who is handed sockets listens nowhere else unless told so.
  if (!inherited->empty() && !line.says_listen) options.listen.clear();
  options.inherited = *std::move(inherited);
  if (line.serves_scripts) {
    options.application = [&line](const weft::server::ApplicationServices& services) {
      return weft::server::script::ScriptApplication::Open(
          {.data_directory = line.serve.data_directory, .secret_file = line.jwt_secret_file},
          services);
    };
  }
  options.reread = [arguments] { return Reread(arguments); };
  auto server = weft::server::Server::Open(options);
  if (!server.ok()) return Fail(server.status());
  const absl::Status ended = (*server)->Run(/*handle_signals=*/true);
  return ended.ok() ? weft::server::kExitOk : Fail(ended);
}

int RunBlob(const CommandLine& line) {
  const absl::StatusOr<bool> yes = weft::server::RunBlobCommand(line.blob);
  if (!yes.ok()) return Fail(yes.status());
  return *yes ? weft::server::kExitOk : weft::server::kExitFailed;
}

int Connect(const CommandLine& line) {
  const absl::Status status = weft::server::RunConnect(line.connect);
  return status.ok() ? weft::server::kExitOk : Fail(status);
}

int PrintToken(const CommandLine& line) {
  const auto now =
      std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  const auto token = weft::server::auth::RunTokenCommand(line.token, now);
  if (!token.ok()) return Fail(token.status());
  std::cout << *token << "\n";
  return weft::server::kExitOk;
}

int Drive() {
  const absl::Status status = weft::server::Drive(STDIN_FILENO, STDOUT_FILENO);
  return status.ok() ? weft::server::kExitOk : Fail(status);
}

int ExportCorpus(const CommandLine& line) {
  const absl::Status status = weft::server::ExportFuzzCorpus(line.corpus_directory);
  return status.ok() ? weft::server::kExitOk : Fail(status);
}

}  // namespace

int main(int argc, char** argv) {
  OpenStandardStreams();
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const CommandLine line =
      weft::server::ParseCommandLine(arguments, weft::server::RealSurroundings());
  switch (line.verb) {
    case CommandLine::Verb::kServe:
      return Serve(line, arguments);
    case CommandLine::Verb::kBlob:
      return RunBlob(line);
    case CommandLine::Verb::kLog:
      std::signal(SIGXFSZ, SIG_IGN);
      return weft::server::RunLogCommand(line.log);
    case CommandLine::Verb::kScript:
      std::signal(SIGXFSZ, SIG_IGN);
      return weft::server::script::RunScriptCommand(line.script);
    case CommandLine::Verb::kConnect:
      return Connect(line);
    case CommandLine::Verb::kDriver:
      return Drive();
    case CommandLine::Verb::kFuzzCorpus:
      return ExportCorpus(line);
    case CommandLine::Verb::kToken:
      return PrintToken(line);
    case CommandLine::Verb::kNothing:
      break;
  }
  std::ostream& out = line.exit_code == weft::server::kExitOk ? std::cout : std::cerr;
  out << line.output << std::flush;
  return out ? line.exit_code : std::max(line.exit_code, weft::server::kExitFailed);
}
