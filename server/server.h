#pragma once

// The whole relay: listeners, workers, the log, and their common beginning and end.
//
// Threads: one for accepting and for signals (the one that calls Run), one for each worker, one
// that reads rooms from the log, and the log's own writer.

#include <chrono>
#include <csignal>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/application.h"
#include "server/auth/options.h"
#include "server/client_address.h"
#include "server/durability.h"
#include "server/lease/room_modes.h"
#include "server/limits.h"
#include "server/log.h"
#include "server/relay_moment.h"
#include "server/service_manager.h"
#include "server/tls_certificate.h"
#include "server/webhooks/webhooks.h"

namespace weft::server {

// What can change while a server runs.
struct Reloadable {
  Limits limits;
  LogLevel log_level = LogLevel::kInfo;
};

struct ServerOptions {
  std::vector<std::string> listen = {"127.0.0.1:8080"};  // as in listen_address.h
  std::vector<InheritedSocket> inherited;                // beside these
  TrustedProxies proxies;                                // whose word counts for who a client is
  ProxyHeader proxy_header = ProxyHeader::kXForwardedFor;
  std::optional<TlsFiles> tls;          // with it TCP has TLS unless it is plain:
  std::string data_directory = "data";  // made when absent
  unsigned threads = 0;                 // 0: one a core
  RelayMoment relay = RelayMoment::kCommitted;
  LogOptions log;
  lease::Rules modes = *lease::Rules::Parse(lease::kDefaultRules);  // of working together
  std::chrono::milliseconds mode_grace{lease::kDefaultGrace};
  webhooks::Options webhooks;
  Limits limits;
  std::chrono::milliseconds drain{10'000};  // from a stop to the end
  // Asked at a reload, on the thread of Run. May be empty.
  std::function<absl::StatusOr<Reloadable>()> reread;
  auth::Options auth;
  MakeApplication application;  // may be empty
};

class Server {
 public:
  // Opens the log and listens; nobody is served before Run.
  // Fails: kInvalidArgument (an address), kUnavailable and others (a port in use, the data
  // directory).
  static absl::StatusOr<std::unique_ptr<Server>> Open(const ServerOptions& options);

  ~Server();

  // Serves until a stop is asked for, by RequestStop or, with `handle_signals`, by SIGTERM or
  // SIGINT: then nobody is taken in any more, clients are closed with 1012, a few at a time, and
  // everything accepted is committed; all within `drain`, unless the disk takes longer. A second
  // signal ends the process at once with status 128 + its number. It stops by itself when the log
  // has failed for good, unless LogOptions::serves_after_failure says otherwise. SIGHUP reloads.
  // OK, or the reason of the log.
  absl::Status Run(bool handle_signals);

  // Any thread.
  void RequestStop();

  // Any thread. Reads the certificate and its key, the keys of tokens and the list of what is revoked
  // again, and asks `reread`; what is bad stays as it is. Clients who are there notice nothing, unless
  // they have lost rights.
  void RequestReload();

  // "127.0.0.1:8080" or "unix:/path" for each listening socket, in the order of the options.
  std::vector<std::string> addresses() const;
  std::vector<std::uint16_t> ports() const;

 private:
  struct Parts;
  explicit Server(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace weft::server
