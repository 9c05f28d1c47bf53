#include "tests/crdt/oracle/yjs_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "absl/strings/str_cat.h"
#include "crdt/json.h"

extern char** environ;

namespace weft::crdt::oracle {
namespace {

constexpr int kPatienceMs = 60'000;
constexpr std::size_t kQueueBytes = std::size_t{1} << 16;
constexpr std::size_t kReplyDepth = 4096;
constexpr const char* kAdvice =
    "the Yjs oracle does not run: it needs node 18 or newer and the packages of tests/package.json "
    "(npm ci --prefix tests)";

absl::Status Unavailable(std::string_view reason) {
  return absl::UnavailableError(absl::StrCat(kAdvice, ": ", std::string(reason)));
}

// A pair of connected sockets; sending to a dead child is then an error and no signal.
struct SocketPair {
  int ours = -1;
  int theirs = -1;
};

std::optional<SocketPair> MakeSocketPair() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return std::nullopt;
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return SocketPair{ends[0], ends[1]};
}

}  // namespace

absl::StatusOr<std::unique_ptr<YjsProcess>> YjsProcess::Start() {
  auto process = StartCommand({"node", WEFT_CRDT_TESTS "/oracle/yjs_oracle.mjs"});
  if (!process.ok()) return Unavailable(std::string(process.status().message()));
  const absl::StatusOr<Any> version = (*process)->Call(AnyObject{{"op", "version"}});
  if (!version.ok()) return Unavailable(std::string(version.status().message()));
  return process;
}

absl::StatusOr<std::unique_ptr<YjsProcess>> YjsProcess::StartCommand(
    std::vector<std::string> command) {
  const std::optional<SocketPair> requests = MakeSocketPair();
  const std::optional<SocketPair> replies = MakeSocketPair();
  if (!requests || !replies) return absl::UnavailableError("no sockets");

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, requests->theirs, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, replies->theirs, STDOUT_FILENO);
  std::vector<char*> arguments;
  for (std::string& argument : command) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  pid_t child = -1;
  const int error =
      posix_spawnp(&child, command[0].c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(requests->theirs);
  close(replies->theirs);
  if (error != 0) {
    close(requests->ours);
    close(replies->ours);
    return absl::UnavailableError(
        absl::StrCat("starting ", command[0], " failed: ", std::strerror(error)));
  }
  std::string name;
  for (const std::string& word : command) absl::StrAppend(&name, name.empty() ? "" : " ", word);
  return std::unique_ptr<YjsProcess>(
      new YjsProcess(std::move(name), child, requests->ours, replies->ours));
}

YjsProcess::~YjsProcess() {
  close(requests_);
  close(replies_);
  kill(child_, SIGKILL);
  waitpid(child_, nullptr, 0);
}

void YjsProcess::Send(const Any& request) { SendLine(ToJsonText(request)); }

void YjsProcess::SendLine(std::string_view request) {
  outgoing_ += request;
  outgoing_ += '\n';
  // An error shows again when the reply is asked for.
  if (outgoing_.size() >= kQueueBytes) static_cast<void>(Pump(/*wait=*/false));
}

absl::StatusOr<Any> YjsProcess::Receive() {
  const absl::StatusOr<std::string> line = ReceiveLine();
  if (!line.ok()) return line.status();
  std::optional<Any> reply = ParseJson(*line, kReplyDepth);
  if (!reply) return absl::InternalError(absl::StrCat("the reply is no JSON: ", *line));
  return *std::move(reply);
}

absl::StatusOr<std::string> YjsProcess::ReceiveLine() {
  std::size_t end;
  while ((end = incoming_.find('\n', incoming_read_)) == std::string::npos) {
    const absl::Status status = Pump(/*wait=*/true);
    if (!status.ok()) return status;
  }
  std::string line = incoming_.substr(incoming_read_, end - incoming_read_);
  incoming_read_ = end + 1;
  if (incoming_read_ == incoming_.size()) {
    incoming_.clear();
    incoming_read_ = 0;
  }
  return line;
}

absl::StatusOr<Any> YjsProcess::Call(const Any& request) {
  Send(request);
  absl::StatusOr<Any> reply = Receive();
  if (!reply.ok() || reply->AsObject() == nullptr) return reply;
  const Any* error = reply->AsObject()->Find("error");
  if (error != nullptr) return absl::InternalError(ToJsonText(*error));
  return reply;
}

absl::Status YjsProcess::Ended() const {
  return absl::UnavailableError(absl::StrCat("it has ended without a reply: ", name_));
}

absl::Status YjsProcess::Pump(bool wait) {
  pollfd polls[2] = {{replies_, POLLIN, 0}, {outgoing_.empty() ? -1 : requests_, POLLOUT, 0}};
  const int ready = poll(polls, 2, wait ? kPatienceMs : 0);
  if (ready < 0 && errno != EINTR) return absl::UnavailableError(std::strerror(errno));
  if (ready == 0 && wait) {
    return absl::UnavailableError(absl::StrCat("no reply for a minute of: ", name_));
  }
  if (ready <= 0) return absl::OkStatus();

  if (polls[1].revents != 0) {
    const ssize_t sent = send(requests_, outgoing_.data(), outgoing_.size(), MSG_NOSIGNAL);
    if (sent > 0) outgoing_.erase(0, static_cast<std::size_t>(sent));
    if (sent < 0 && errno != EAGAIN) return Ended();
  }
  if (polls[0].revents != 0) {
    char buffer[1 << 16];
    const ssize_t received = recv(replies_, buffer, sizeof(buffer), 0);
    if (received > 0) incoming_.append(buffer, static_cast<std::size_t>(received));
    if (received == 0) return Ended();
    if (received < 0 && errno != EAGAIN) return absl::UnavailableError(std::strerror(errno));
  }
  return absl::OkStatus();
}

}  // namespace weft::crdt::oracle
