#pragma once

// Real Yjs as a child process: yjs_oracle.mjs run by node, which tells the requests; or another
// program that answers them.
//
// Requests are pipelined: Send queues, Receive answers in order and sends meanwhile, so neither
// side waits for the other with a full pipe. Ownership: the child ends with this object. A fork of
// this process may use the object in place of its parent, as long as it reads the reply to
// everything that it sends. Threads: one.

#include <sys/types.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crdt/any.h"

namespace weft::crdt::oracle {

class YjsProcess {
 public:
  // Fails: kUnavailable, with what to do about it, when node or the package yjs is missing.
  static absl::StatusOr<std::unique_ptr<YjsProcess>> Start();
  // The program of that command. Requires: it is not empty. Fails: kUnavailable.
  static absl::StatusOr<std::unique_ptr<YjsProcess>> StartCommand(std::vector<std::string> command);
  ~YjsProcess();
  YjsProcess(const YjsProcess&) = delete;
  YjsProcess& operator=(const YjsProcess&) = delete;

  // Queues one request.
  void Send(const Any& request);
  // The same for its text, which has no line end.
  void SendLine(std::string_view request);

  // The reply to the oldest request without one. Requires: there is such a request.
  // Fails: kUnavailable when the child ended or says nothing for a minute; kInternal when its reply
  // is no JSON. A reply {"error": …} is no failure.
  absl::StatusOr<Any> Receive();
  // The same as text.
  absl::StatusOr<std::string> ReceiveLine();

  // One request and its reply. Requires: every earlier reply was received.
  // Fails: as Receive, and kInternal with the text of a reply {"error": …}.
  absl::StatusOr<Any> Call(const Any& request);

 private:
  YjsProcess(std::string name, pid_t child, int requests, int replies)
      : name_(std::move(name)), child_(child), requests_(requests), replies_(replies) {}

  // Moves bytes both ways; waits until it can, if `wait`.
  absl::Status Pump(bool wait);
  absl::Status Ended() const;

  std::string name_;  // its command
  pid_t child_;
  int requests_;  // sockets, non-blocking
  int replies_;
  std::string outgoing_;
  std::string incoming_;
  std::size_t incoming_read_ = 0;  // bytes of incoming_ that were received
};

}  // namespace weft::crdt::oracle
