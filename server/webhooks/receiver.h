#pragma once

// The service that webhooks go to, and one POST to it: HTTP/1.1 over one connection, which is kept for
// the next and opened anew when it has gone.
//
// Threads: that of its executor. One request at a time.

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/asio.h"

namespace weft::server::webhooks {

struct ReceiverAddress {
  std::string host;
  std::string port;
  std::string authority;  // host and port as they stood in the URL
  std::string target;     // path and query
};
// Fails: kInvalidArgument, when it is no URL of the form http://host[:port][/path][?query].
absl::StatusOr<ReceiverAddress> ParseReceiver(std::string_view url);

class Receiver {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;

  Receiver(asio::any_io_executor executor, ReceiverAddress address,
           std::chrono::milliseconds timeout);
  ~Receiver();

  // OK when it answered with 2xx in time. Fails: kUnavailable, saying what came instead.
  asio::awaitable<absl::Status> Post(std::string_view body, const Headers& headers);

 private:
  struct Connection;

  asio::awaitable<absl::Status> Connect();

  asio::any_io_executor executor_;
  const ReceiverAddress address_;
  const std::chrono::milliseconds timeout_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace weft::server::webhooks
