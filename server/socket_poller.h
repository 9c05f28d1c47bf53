#pragma once

// Which sockets of a worker are ready, by epoll.
//
// Asio arms a socket anew for each read: one more system call, an allocation and a handler that is
// queued. Here a socket stays armed until it asks for something else, and what is ready is handled
// in one go. The epoll descriptor is itself readable when a socket is, so that the worker's Asio
// loop waits for it as for any other.
//
// Threads: one. Ownership: owns its descriptor, no socket; a socket is gone from here once it is
// closed.

#include "absl/functional/function_ref.h"

namespace weft::server {

class SocketPoller {
 public:
  // What a socket can be waited for. Errors and hang-ups are always reported.
  struct Interest {
    bool read = false;
    bool write = false;
    bool operator==(const Interest&) const = default;
  };
  struct Readiness {
    bool read = false;
    bool write = false;
    bool broken = false;  // both directions are shut, or the stream was reset
  };

  SocketPoller();
  ~SocketPoller();
  SocketPoller(const SocketPoller&) = delete;
  SocketPoller& operator=(const SocketPoller&) = delete;

  // A descriptor that is readable while a socket is ready; the caller closes it.
  int Duplicate() const;

  // `tag` comes back with the socket's events. False: the kernel has no memory for it.
  bool Add(int socket, Interest interest, void* tag);
  void Change(int socket, Interest interest, void* tag);

  // Calls `ready` for sockets that are ready now, at most a few hundred; does not wait. A tag may
  // show up although its socket was closed by an earlier call of `ready`.
  void Poll(absl::FunctionRef<void(void* tag, Readiness readiness)> ready);

 private:
  int epoll_ = -1;
};

}  // namespace weft::server
