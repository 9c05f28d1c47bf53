#pragma once

// What systemd and a service tell each other: the sockets that it hands over, and how the service is.
//
//   to us    LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES: descriptors 3, 4, … are sockets that listen
//   from us  datagrams to the socket in NOTIFY_SOCKET: READY=1, STOPPING=1
//
// Source: sd_listen_fds(3), sd_notify(3). Threads: the main one, before others begin.

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace weft::server {

struct InheritedSocket {
  int descriptor = -1;
  std::string
      name;  // as the socket unit has it (FileDescriptorName=); "" or "unknown" when it has none
};

// None when there are none for this process. The variables are taken out of the environment, so that
// asking again gives none. Fails: kInvalidArgument when they say nonsense.
absl::StatusOr<std::vector<InheritedSocket>> TakeInheritedSockets();

// Tells the service manager, if there is one. What it does not hear it does not miss.
void NotifyServiceManager(std::string_view state);

}  // namespace weft::server
