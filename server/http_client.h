#pragma once

// A service of the operator, and one POST of JSON after another to it: HTTP/1.1, in clear or over TLS.
// The connection may be kept for the next, and is opened anew when it has gone.
//
// Threads: that of its executor. One request at a time. Bound: 64 KiB an answer.

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/asio.h"
#include "server/tls_trust.h"

namespace weft::server {

struct HttpUrl {
  bool is_tls = false;
  std::string host;  // without the brackets of an IPv6 address
  std::string port;
  std::string authority;  // host and port as they stood in the URL
  std::string target;     // path and query

  friend bool operator==(const HttpUrl&, const HttpUrl&) = default;
};
// http://host[:port][/path][?query], or https://. Fails: kInvalidArgument, in words for whoever typed it.
absl::StatusOr<HttpUrl> ParseHttpUrl(std::string_view url);

class HttpClient {
 public:
  static constexpr std::size_t kMaxAnswerBytes = std::size_t{64} << 10;

  using Headers = std::vector<std::pair<std::string, std::string>>;
  struct Answer {
    unsigned status = 0;
    std::string body;
  };

  // `timeout`: of connecting, and of the answer. Requires: `trust` where the URL wants TLS.
  HttpClient(asio::any_io_executor executor, HttpUrl url, std::optional<TlsTrust> trust,
             std::chrono::milliseconds timeout);
  ~HttpClient();

  // Fails: kUnavailable, saying what came instead of an answer. `keep`: the connection, for the next.
  asio::awaitable<absl::StatusOr<Answer>> Post(std::string_view body, const Headers& headers,
                                               bool keep);

  // What is under way fails.
  void Cancel();

 private:
  struct Connection;

  asio::awaitable<absl::Status> Connect();

  asio::any_io_executor executor_;
  const HttpUrl url_;
  const std::optional<TlsTrust> trust_;
  const std::chrono::milliseconds timeout_;
  Tcp::resolver resolver_;
  std::shared_ptr<Connection> connection_;  // also of who waits for it
  bool cancelled_ = false;
};

}  // namespace weft::server
