#pragma once

// Running part of a test in a process of its own.

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <utility>

#include "crdt/base/check.h"

namespace weft::store {

// A forked process that runs `body` and exits with what it returns; a CHECK inside ends it by
// SIGABRT. Requires: the calling process has no other thread when it is made.
class ChildProcess {
 public:
  explicit ChildProcess(const std::function<int()>& body) : process_(fork()) {
    CHECK(process_ >= 0);
    if (process_ == 0) _exit(body());
  }
  ~ChildProcess() {
    if (process_ > 0) {
      Kill();
      Wait();
    }
  }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t id() const { return process_; }
  void Kill() const { kill(process_, SIGKILL); }

  // Its exit code, or -1 when a signal ended it.
  int Wait() {
    int status = 0;
    CHECK(waitpid(std::exchange(process_, -1), &status, 0) > 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t process_;
};

}  // namespace weft::store
