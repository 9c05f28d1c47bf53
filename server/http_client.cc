#include "server/http_client.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include "absl/strings/str_cat.h"

namespace weft::server {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;

using Request = http::request<http::string_body>;
using Response = http::response_parser<http::string_body>;

constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);

absl::Status Unavailable(std::string_view what, std::string_view why) {
  return absl::UnavailableError(absl::StrCat(std::string(what), ": ", std::string(why)));
}

template <typename Stream>
asio::awaitable<error_code> Exchange(Stream& stream, beast::flat_buffer& buffer,
                                     const Request& request, Response& response) {
  const auto [write_error, written] = co_await http::async_write(stream, request, kAsTuple);
  if (write_error) co_return write_error;
  const auto [read_error, read] = co_await http::async_read(stream, buffer, response, kAsTuple);
  co_return read_error;
}

}  // namespace

absl::StatusOr<HttpUrl> ParseHttpUrl(std::string_view url) {
  constexpr std::string_view kPlain = "http://";
  constexpr std::string_view kTls = "https://";
  const auto refuse = [url](std::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat("\"", std::string(url), "\" ", std::string(why),
                                                   "; an address looks like "
                                                   "https://example.org:9000/weft"));
  };
  HttpUrl parsed{.is_tls = url.starts_with(kTls)};
  if (!parsed.is_tls && !url.starts_with(kPlain)) {
    return refuse("begins with neither http:// nor https://");
  }
  const std::string_view rest = url.substr(parsed.is_tls ? kTls.size() : kPlain.size());
  for (const char c : rest) {
    if (c <= ' ' || c == 0x7F || c == '#' || c == '@') return refuse("is no such URL");
  }
  const std::size_t end = rest.find_first_of("/?");
  const std::string_view authority = rest.substr(0, end);
  const std::size_t bracket = authority.rfind(']');
  const std::size_t colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  parsed.authority = authority;
  parsed.host = authority.substr(0, colon);
  if (parsed.host.starts_with('[') && parsed.host.ends_with(']')) {
    parsed.host = parsed.host.substr(1, parsed.host.size() - 2);
  }
  const char* usual_port = parsed.is_tls ? "443" : "80";
  parsed.port =
      colon == std::string_view::npos ? usual_port : std::string(authority.substr(colon + 1));
  if (parsed.host.empty()) return refuse("names no host");
  if (parsed.port.empty() || parsed.port.find_first_not_of("0123456789") != std::string::npos ||
      parsed.port.size() > 5 || std::stoi(parsed.port) > 65'535) {
    return refuse("has a port that is none");
  }
  parsed.target = end == std::string_view::npos ? "/" : std::string(rest.substr(end));
  if (parsed.target.front() == '?') parsed.target.insert(0, "/");
  return parsed;
}

struct HttpClient::Connection {
  explicit Connection(const asio::any_io_executor& executor, const TlsTrust* trust)
      : plain(executor) {
    if (trust != nullptr) tls.emplace(plain, trust->context());
  }
  beast::tcp_stream plain;
  std::optional<asio::ssl::stream<beast::tcp_stream&>> tls;  // over `plain`
  beast::flat_buffer buffer;
};

HttpClient::HttpClient(asio::any_io_executor executor, HttpUrl url, std::optional<TlsTrust> trust,
                       std::chrono::milliseconds timeout)
    : executor_(std::move(executor)),
      url_(std::move(url)),
      trust_(std::move(trust)),
      timeout_(timeout),
      resolver_(executor_) {}

HttpClient::~HttpClient() = default;

void HttpClient::Cancel() {
  cancelled_ = true;
  resolver_.cancel();
  if (connection_ != nullptr) connection_->plain.cancel();
}

asio::awaitable<absl::Status> HttpClient::Connect() {
  const auto [resolve_error, endpoints] =
      co_await resolver_.async_resolve(url_.host, url_.port, kAsTuple);
  if (resolve_error) co_return Unavailable("cannot find " + url_.host, resolve_error.message());
  if (cancelled_) co_return absl::UnavailableError("given up");
  const TlsTrust* trust = url_.is_tls && trust_ ? &*trust_ : nullptr;
  const auto connection = std::make_shared<Connection>(executor_, trust);
  connection_ = connection;
  connection->plain.expires_after(timeout_);
  const auto [error, endpoint] = co_await connection->plain.async_connect(endpoints, kAsTuple);
  if (error) {
    connection_.reset();
    co_return Unavailable("cannot connect to " + url_.authority, error.message());
  }
  if (!url_.is_tls) co_return absl::OkStatus();
  SSL* const ssl = connection->tls->native_handle();
  absl::Status expected = TlsTrust::Expect(ssl, url_.host);
  if (expected.ok()) {
    const auto [failed] =
        co_await connection->tls->async_handshake(asio::ssl::stream_base::client, kAsTuple);
    if (failed) {
      expected = Unavailable("no TLS with " + url_.authority, TlsTrust::Explain(ssl, failed));
    }
  }
  if (!expected.ok()) connection_.reset();
  co_return expected;
}

asio::awaitable<absl::StatusOr<HttpClient::Answer>> HttpClient::Post(std::string_view body,
                                                                     const Headers& headers,
                                                                     bool keep) {
  Request request(http::verb::post, beast::string_view(url_.target.data(), url_.target.size()), 11);
  request.set(http::field::host, url_.authority);
  request.set(http::field::user_agent, "weft");
  request.set(http::field::content_type, "application/json");
  request.set(http::field::accept, "application/json");
  for (const auto& [name, value] : headers) request.set(name, value);
  request.keep_alive(keep);
  request.body().assign(body);
  request.prepare_payload();
  // A connection that was kept may have been closed meanwhile: then once more with a new one.
  for (bool kept = connection_ != nullptr;; kept = false) {
    if (connection_ == nullptr) {
      const absl::Status connected = co_await Connect();
      if (!connected.ok()) co_return connected;
    }
    const std::shared_ptr<Connection> connection = connection_;
    connection->plain.expires_after(timeout_);
    Response response;
    response.body_limit(kMaxAnswerBytes);
    error_code error;
    if (connection->tls) {
      error = co_await Exchange(*connection->tls, connection->buffer, request, response);
    } else {
      error = co_await Exchange(connection->plain, connection->buffer, request, response);
    }
    if (error) {
      connection_.reset();
      if (kept && error != beast::error::timeout && !cancelled_) continue;
      co_return Unavailable("no answer of " + url_.authority, error.message());
    }
    if (!keep || !response.get().keep_alive()) connection_.reset();
    co_return Answer{.status = response.get().result_int(),
                     .body = std::move(response.get().body())};
  }
}

}  // namespace weft::server
