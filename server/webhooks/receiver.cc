#include "server/webhooks/receiver.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include "absl/strings/str_cat.h"

namespace weft::server::webhooks {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;

constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);
// What a receiver may answer; more is a connection to be closed.
constexpr std::size_t kMaxAnswerBytes = 64 << 10;

absl::Status Unavailable(std::string_view what, const error_code& error) {
  return absl::UnavailableError(absl::StrCat(std::string(what), ": ", error.message()));
}

}  // namespace

absl::StatusOr<ReceiverAddress> ParseReceiver(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  const auto refuse = [url](std::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", std::string(url), "\" ", std::string(why),
                     "; webhooks go to an address like http://127.0.0.1:9000/weft"));
  };
  if (url.starts_with("https://")) return refuse("wants TLS, which webhooks do not speak");
  if (!url.starts_with(kScheme)) return refuse("does not begin with http://");
  const std::string_view rest = url.substr(kScheme.size());
  if (rest.find_first_of(" \r\n\t#@") != std::string_view::npos) return refuse("is no such URL");
  const std::size_t end = rest.find_first_of("/?");
  const std::string_view authority = rest.substr(0, end);
  const std::size_t bracket = authority.rfind(']');
  const std::size_t colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  ReceiverAddress address;
  address.authority = authority;
  address.host = authority.substr(0, colon);
  if (address.host.starts_with('[')) address.host = address.host.substr(1, address.host.size() - 2);
  address.port = colon == std::string_view::npos ? "80" : std::string(authority.substr(colon + 1));
  if (address.host.empty()) return refuse("names no host");
  if (address.port.empty() || address.port.find_first_not_of("0123456789") != std::string::npos ||
      address.port.size() > 5 || std::stoi(address.port) > 65'535) {
    return refuse("has a port that is none");
  }
  address.target = end == std::string_view::npos ? "/" : std::string(rest.substr(end));
  if (address.target.front() == '?') address.target.insert(0, "/");
  return address;
}

struct Receiver::Connection {
  explicit Connection(const asio::any_io_executor& executor) : stream(executor) {}
  beast::tcp_stream stream;
  beast::flat_buffer buffer;
};

Receiver::Receiver(asio::any_io_executor executor, ReceiverAddress address,
                   std::chrono::milliseconds timeout)
    : executor_(std::move(executor)), address_(std::move(address)), timeout_(timeout) {}

Receiver::~Receiver() = default;

asio::awaitable<absl::Status> Receiver::Connect() {
  Tcp::resolver resolver(executor_);
  const auto [resolve_error, endpoints] =
      co_await resolver.async_resolve(address_.host, address_.port, kAsTuple);
  if (resolve_error) co_return Unavailable("cannot find " + address_.host, resolve_error);
  auto connection = std::make_unique<Connection>(executor_);
  connection->stream.expires_after(timeout_);
  const auto [error, endpoint] = co_await connection->stream.async_connect(endpoints, kAsTuple);
  if (error) co_return Unavailable("cannot connect to " + address_.authority, error);
  connection_ = std::move(connection);
  co_return absl::OkStatus();
}

asio::awaitable<absl::Status> Receiver::Post(std::string_view body, const Headers& headers) {
  http::request<http::string_body> request(
      http::verb::post, beast::string_view(address_.target.data(), address_.target.size()), 11);
  request.set(http::field::host, address_.authority);
  request.set(http::field::user_agent, "weft");
  request.set(http::field::content_type, "application/json");
  for (const auto& [name, value] : headers) request.set(name, value);
  request.body().assign(body);
  request.prepare_payload();
  // A connection that was kept may have been closed meanwhile: then once more with a new one.
  for (bool kept = connection_ != nullptr;; kept = false) {
    if (connection_ == nullptr) {
      const absl::Status connected = co_await Connect();
      if (!connected.ok()) co_return connected;
    }
    connection_->stream.expires_after(timeout_);
    const auto [write_error, written] =
        co_await http::async_write(connection_->stream, request, kAsTuple);
    http::response_parser<http::string_body> response;
    response.body_limit(kMaxAnswerBytes);
    error_code error = write_error;
    if (!error) {
      const auto [read_error, read] =
          co_await http::async_read(connection_->stream, connection_->buffer, response, kAsTuple);
      error = read_error;
    }
    if (error) {
      connection_.reset();
      if (kept && error != beast::error::timeout) continue;
      co_return Unavailable("no answer of " + address_.authority, error);
    }
    if (!response.get().keep_alive()) connection_.reset();
    const unsigned status = response.get().result_int();
    if (status >= 200 && status < 300) co_return absl::OkStatus();
    co_return absl::UnavailableError(absl::StrCat(address_.authority, " answered with ", status));
  }
}

}  // namespace weft::server::webhooks
