#include "server/http_session.h"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/auth/ask.h"
#include "server/auth/credentials.h"
#include "server/auth/refusal.h"
#include "server/http_stream.h"
#include "server/log.h"
#include "server/metrics.h"
#include "server/room_name.h"
#include "server/socket_address.h"
#include "server/upgrade.h"
#include "sync/weft_v1.h"

namespace weft::server {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;

using Parser = http::request_parser<http::string_body>;
// Here and at "/", where no name of a room is, documents are named in each message.
constexpr std::string_view kHocuspocusPath = "/hocuspocus";
constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);

// After a refusal: how much of what the client still sends is read before the socket is closed.
// Closing with unread bytes would reset the stream, and the client could miss the answer.
constexpr std::size_t kDrainBytes = 256 << 10;
constexpr std::chrono::milliseconds kDrainTime{1'000};
// How fast the body of a request to the API has to come in the long run.
constexpr std::uint64_t kSlowestBytesPerSecond = 64 << 10;

std::string_view ToStd(beast::string_view text) { return {text.data(), text.size()}; }

std::string_view PathOf(std::string_view target) {
  return target.substr(0, target.find_first_of("?#"));
}

HttpRequest ToHttpRequest(const Parser::value_type& message) {
  return {.method = ToStd(message.method_string()),
          .target = ToStd(message.target()),
          .if_none_match = ToStd(message[http::field::if_none_match])};
}

UpgradeRequest ToUpgradeRequest(const Parser::value_type& message) {
  return {.is_get = message.method() == http::verb::get,
          .is_http_1_1 = message.version() == 11,
          .upgrade = ToStd(message[http::field::upgrade]),
          .connection = ToStd(message[http::field::connection]),
          .version = ToStd(message[http::field::sec_websocket_version]),
          .key = ToStd(message[http::field::sec_websocket_key]),
          .requested_protocols = ToStd(message[http::field::sec_websocket_protocol])};
}

class HttpSession {
 public:
  HttpSession(const asio::any_io_executor& executor, Transport transport, AddressPlace place,
              const HttpServices& services)
      : peer_(SocketAddress::OfPeer(transport.descriptor())),
        stream_(executor, std::move(transport)),
        place_(std::move(place)),
        services_(services),
        counted_(services.stats.sockets) {}

  asio::awaitable<void> Run() {
    for (bool go_on = true; go_on;) {
      Parser parser;
      parser.header_limit(static_cast<std::uint32_t>(services_.limits.header_bytes));
      parser.body_limit(boost::none);  // it is looked at below, for those who do not know theirs
      stream_.expires_after(services_.limits.handshake_timeout);
      error_code error = co_await ReadHeader(parser);
      const UpgradeRequest upgrade = ToUpgradeRequest(parser.get());
      const std::string_view target = ToStd(parser.get().target());
      Application* const application = services_.application();
      const bool of_application = !WantsUpgrade(upgrade) && application != nullptr &&
                                  application->ServesHttp(PathOf(target));
      const bool of_api = of_application || (!WantsUpgrade(upgrade) && api::Api::Serves(target));
      if (!error && !of_api) error = co_await ReadBody(parser, services_.limits.body_bytes);
      if (error) {
        co_await RefuseMalformed(error);
        co_return;
      }
      if (of_api) {
        go_on = co_await AnswerApi(parser, of_application ? application : nullptr);
      } else if (WantsUpgrade(upgrade)) {
        EnterPlace(ClientOf(parser.get()));
        go_on = co_await AnswerUpgrade(upgrade, parser.get());
      } else {
        const HttpRequest request = ToHttpRequest(parser.get());
        go_on = co_await Write(AnswerPlain(request), parser.get().keep_alive(),
                               request.method == "HEAD");
      }
    }
    stream_.ShutDown();
  }

 private:
  // The body of a request to the API.
  class ApiBody final : public api::Body {
   public:
    ApiBody(HttpSession& session, Parser& parser)
        : session_(session), parser_(parser), share_(session.services_.stats.receiving_bytes) {}

    bool present() const override {
      return parser_.content_length().value_or(0) > 0 || parser_.chunked();
    }
    bool has_length() const override { return parser_.content_length().has_value(); }

    asio::awaitable<absl::StatusOr<std::string_view>> Read(std::size_t limit) override {
      const std::uint64_t size = parser_.content_length().value_or(0);
      if (size > limit) {
        session_.services_.stats.limits.Hit(Limit::kMessageBytes, "a request to the API");
        co_return absl::ResourceExhaustedError(
            absl::StrCat("the body has ", size, " bytes; at most ", limit));
      }
      share_.Set(size);
      if (size > Limits::kFairBytes && share_.sum() > session_.services_.limits.receiving_bytes) {
        session_.services_.stats.limits.Hit(Limit::kReceivingBytes, "a request to the API");
        co_return absl::UnavailableError("the server receives as much as it may; try again later");
      }
      const error_code error = co_await session_.ReadApiBody(parser_, limit);
      if (error) co_return absl::InvalidArgumentError("the body does not come: " + error.message());
      co_return std::string_view(parser_.get().body());
    }

   private:
    HttpSession& session_;
    Parser& parser_;
    Share share_;
  };

  // Whose request it is: the peer's, or that of somebody whom a trusted proxy speaks for.
  PeerAddress ClientOf(const Parser::value_type& message) const {
    const PeerAddress peer = peer_ ? peer_->ip : std::nullopt;
    if (!services_.proxies.Trusts(peer)) return peer;
    const std::string_view name = NameOf(services_.proxy_header);
    const auto [begin, end] = message.equal_range(beast::string_view(name.data(), name.size()));
    std::vector<std::string_view> lines;
    for (auto at = begin; at != end; ++at) lines.push_back(ToStd(at->value()));
    return ClientBehind(peer, services_.proxies, services_.proxy_header, lines);
  }

  // The place of who asks for a WebSocket, if the socket has none.
  void EnterPlace(const PeerAddress& client) {
    client_ = client;
    if (client && place_->sockets() == 0) place_.emplace(services_.addresses.Enter(*client));
  }

  asio::awaitable<error_code> ReadHeader(Parser& parser) {
    const auto [error, size] = co_await http::async_read_header(stream_, buffer_, parser, kAsTuple);
    if (error) co_return error;
    // The parser looks at single lines, too, and lets a header pass that is longer by a few of them.
    if (size > services_.limits.header_bytes) co_return http::error::header_limit;
    co_return error_code();
  }

  asio::awaitable<error_code> ReadBody(Parser& parser, std::size_t limit) {
    if (parser.content_length().value_or(0) > limit) co_return http::error::body_limit;
    if (parser.is_done()) co_return error_code();
    parser.body_limit(limit);
    const auto [error, size] = co_await http::async_read(stream_, buffer_, parser, kAsTuple);
    co_return error;
  }

  asio::awaitable<error_code> ReadApiBody(Parser& parser, std::size_t limit) {
    if (beast::iequals(parser.get()[http::field::expect], "100-continue")) {
      constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
      const auto [error, size] = co_await asio::async_write(
          stream_, asio::buffer(kContinue.data(), kContinue.size()), kAsTuple);
      if (error) co_return error;
    }
    // A large body may take its time, at some speed.
    const std::uint64_t seconds = parser.content_length().value_or(0) / kSlowestBytesPerSecond;
    stream_.expires_after(services_.limits.handshake_timeout + std::chrono::seconds(seconds));
    co_return co_await ReadBody(parser, limit);
  }

  HttpAnswer AnswerPlain(const HttpRequest& request) const {
    HttpAnswer answer = AnswerHttp(request, services_.health());
    if (answer.content_type == kMetricsType) answer.text = services_.metrics();
    return answer;
  }

  // Whether the session goes on.
  asio::awaitable<bool> AnswerApi(Parser& parser, Application* application) {
    const Parser::value_type& message = parser.get();
    ApiBody body(*this, parser);
    api::Request request;
    request.method = ToStd(message.method_string());
    request.target = ToStd(message.target());
    request.header = [&message](std::string_view name) {
      return ToStd(message[beast::string_view(name.data(), name.size())]);
    };
    request.body = &body;
    request.update_bytes = services_.limits.message_bytes;
    const PeerAddress client = ClientOf(message);
    if (client) request.address = client->to_string();
    request.is_local = peer_ && (client ? client->is_loopback() : !peer_->ip);
    stream_.expires_never();
    // Waiting within the conditional, GCC 12 destroys an answer twice.
    asio::awaitable<api::Answer> handled =
        application != nullptr ? application->Handle(request) : services_.api().Handle(request);
    api::Answer answer = co_await std::move(handled);
    if (answer.stream != nullptr) {
      co_await WriteStream(std::move(answer));
      co_return false;
    }
    const bool is_read = parser.is_done();
    const bool go_on = co_await Write(std::move(answer.http), message.keep_alive() && is_read,
                                      request.method == "HEAD");
    if (!is_read) co_await Drain();
    co_return go_on;
  }

  asio::awaitable<void> WriteStream(api::Answer answer) {
    answer.http.streams = true;
    std::string text = RenderHead(answer.http, /*keep_alive=*/false);
    while (!text.empty()) {
      stream_.expires_after(services_.limits.handshake_timeout);
      const auto [error, size] = co_await asio::async_write(stream_, asio::buffer(text), kAsTuple);
      if (error) co_return;
      stream_.expires_never();
      text = co_await answer.stream->Next();
    }
  }

  // Whether the session goes on.
  asio::awaitable<bool> Write(HttpAnswer answer, bool keep_alive, bool head_only) {
    const std::string head = RenderHead(answer, keep_alive);
    const std::string_view body = head_only ? std::string_view() : answer.body();
    const std::array<asio::const_buffer, 2> buffers = {asio::buffer(head),
                                                       asio::buffer(body.data(), body.size())};
    stream_.expires_after(services_.limits.handshake_timeout);
    const auto [error, size] = co_await asio::async_write(stream_, buffers, kAsTuple);
    co_return !error && keep_alive;
  }

  // Answers what was no request, if it makes sense to answer, and ends.
  asio::awaitable<void> RefuseMalformed(const error_code& error) {
    LimitHits& hits = services_.stats.limits;
    if (error == asio::error::timed_out) hits.Hit(Limit::kHandshakeTimeout, "a client");
    if (error == http::error::header_limit) {
      hits.Hit(Limit::kHeaderBytes, "a client");
      co_await Write(PlainAnswer(431, "The request's header is too large."), false, false);
    } else if (error == http::error::body_limit) {
      co_await Write(PlainAnswer(413, "The request's body is too large."), false, false);
    } else if (error.category() == make_error_code(http::error::bad_method).category() &&
               error != http::error::end_of_stream && error != http::error::partial_message) {
      co_await Write(PlainAnswer(400, "This is no HTTP request: " + error.message()), false, false);
    } else if (stream_.DropTlsOfClearText()) {
      co_await Write(PlainAnswer(400, "This port speaks TLS: use https:// and wss://."), false,
                     false);
    } else {
      const std::string failure = stream_.tls_failure();
      if (!failure.empty()) LogDebug("a client does not speak TLS as it should: {}", failure);
      co_return;
    }
    co_await Drain();
  }

  // Ends the stream, and reads a while what the client still sends.
  asio::awaitable<void> Drain() {
    stream_.ShutDown();
    std::array<char, 4096> scratch;
    stream_.expires_after(kDrainTime);
    for (std::size_t drained = 0; drained < kDrainBytes;) {
      const auto [read_error, size] =
          co_await stream_.async_read_some(asio::buffer(scratch), kAsTuple);
      if (read_error) break;
      drained += size;
    }
  }

  // Whether the session goes on: only after a refusal that leaves the stream intact.
  asio::awaitable<bool> AnswerUpgrade(const UpgradeRequest& upgrade,
                                      const Parser::value_type& message) {
    const UpgradeVerdict verdict = CheckUpgrade(upgrade);
    if (verdict == UpgradeVerdict::kVersionRequired) {
      HttpAnswer answer = PlainAnswer(426, "Only version 13 of the WebSocket protocol is served.");
      answer.headers += "Sec-WebSocket-Version: 13\r\nUpgrade: websocket\r\n";
      co_return co_await Write(std::move(answer), false, false);
    }
    if (verdict == UpgradeVerdict::kBadRequest) {
      co_return co_await Write(PlainAnswer(400, "This is no valid WebSocket upgrade request."),
                               false, false);
    }
    if (services_.stats.draining.load(std::memory_order_relaxed)) {
      co_return co_await WriteBusy(503, "The server stops; come back in a moment.", 1);
    }
    if (!services_.authority().origins().Allows(ToStd(message[http::field::origin]))) {
      services_.stats.refusals.Count(auth::Refusal::kOrigin);
      co_return co_await Write(
          PlainAnswer(403, "Pages of this origin may not connect (--allow-origin)."), false, false);
    }
    const std::size_t of_address = services_.limits.connections_per_address;
    if (of_address > 0 && place_->sockets() > of_address) {
      services_.stats.limits.Hit(Limit::kConnectionsPerAddress, "a client");
      co_return co_await WriteBusy(429, "Your address has as many connections as it may have.");
    }
    // Counted first, so that no two clients take the same last place.
    Counted counted(services_.stats.connections);
    if (services_.stats.connections.load(std::memory_order_relaxed) >
        services_.limits.connections) {
      services_.stats.limits.Hit(Limit::kConnections, "a client");
      co_return co_await WriteBusy(503, "The server has as many connections as it may have.");
    }
    Arrival arrival(*std::move(place_), std::move(counted));
    co_await ShowWayIn(upgrade, message, arrival);
    HandOver(upgrade, std::move(arrival));
    co_return false;
  }

  asio::awaitable<bool> WriteBusy(int status, std::string_view line, int seconds = 5) {
    HttpAnswer answer = PlainAnswer(status, line);
    absl::StrAppend(&answer.headers, "Retry-After: ", seconds, "\r\n");
    co_return co_await Write(std::move(answer), false, false);
  }

  // Which room, and what it may do there. Who is refused is told so by the code of a close, which
  // clients that would come back understand, and not by a status of HTTP, which browsers do not show
  // them.
  asio::awaitable<void> ShowWayIn(const UpgradeRequest& upgrade, const Parser::value_type& message,
                                  Arrival& arrival) {
    const std::string_view target = ToStd(message.target());
    const std::string_view path = PathOf(target);
    auth::Credentials credentials = ShownBy(message);
    arrival.address = credentials.address;
    if (Application* application = services_.application();
        application != nullptr && application->ServesSocket(path)) {
      arrival.dialect = Dialect::kApplication;
      arrival.application = application;
    } else if (AsksForProtocol(upgrade, sync::weft_v1::kSubprotocol)) {
      arrival.dialect = Dialect::kWeftV1;
    } else if (path == "/" || path == kHocuspocusPath) {
      arrival.dialect = Dialect::kHocuspocus;
    }
    const absl::StatusOr<std::string> room = RoomNameFromTarget(target);
    if (room.ok()) arrival.room = *room;
    if (arrival.dialect != Dialect::kYWebsocket) {
      arrival.shown = std::move(credentials);
      co_return;
    }
    if (!room.ok()) {
      arrival.refused = {CloseCode::kBadRoomName, std::string(room.status().message())};
      co_return;
    }
    credentials.room = arrival.room;
    auto pass = co_await auth::AskForPass(services_.authority(), credentials);
    if (pass.ok()) {
      arrival.pass = *std::move(pass);
    } else {
      const auth::Refusal refusal = auth::RefusalOf(pass.status());
      services_.stats.refusals.Count(refusal);
      arrival.refused = {auth::CloseCodeOf(refusal), std::string(pass.status().message())};
    }
  }

  auth::Credentials ShownBy(const Parser::value_type& message) {
    return {.token = auth::PresentedToken(ToStd(message.target()),
                                          ToStd(message[http::field::authorization])),
            .room = {},
            .origin = std::string(ToStd(message[http::field::origin])),
            .address = client_ ? client_->to_string() : std::string()};
  }

  void HandOver(const UpgradeRequest& upgrade, Arrival arrival) {
    const std::string response = UpgradeResponse(upgrade);
    arrival.greeting.assign(response.begin(), response.end());
    auto [transport, ahead] = stream_.Release();
    const auto early = buffer_.cdata();
    const auto* early_begin = static_cast<const std::uint8_t*>(early.data());
    arrival.early_bytes.assign(early_begin, early_begin + early.size());
    arrival.early_bytes.insert(arrival.early_bytes.end(), ahead.begin(), ahead.end());
    arrival.transport = std::move(transport);
    if (arrival.dialect == Dialect::kApplication) {
      return arrival.application->home().Receive(std::move(arrival));
    }
    // The rooms of other dialects are named in their messages: any worker will do for the socket.
    const std::string home = arrival.dialect == Dialect::kYWebsocket
                                 ? arrival.room
                                 : std::to_string(arrival.transport.descriptor());
    services_.worker_of_room(home).Receive(std::move(arrival));
  }

  const std::optional<SocketAddress> peer_;
  HttpStream stream_;
  std::optional<AddressPlace> place_;
  PeerAddress client_;  // who asked for a WebSocket
  const HttpServices& services_;
  Counted counted_;
  beast::flat_buffer buffer_;
};

asio::awaitable<void> RunSession(asio::any_io_executor executor, Transport transport,
                                 AddressPlace place, const HttpServices& services) {
  HttpSession session(executor, std::move(transport), std::move(place), services);
  co_await session.Run();
}

}  // namespace

void StartHttpSession(const asio::any_io_executor& executor, Transport transport,
                      AddressPlace place, const HttpServices& services) {
  asio::co_spawn(executor, RunSession(executor, std::move(transport), std::move(place), services),
                 asio::detached);
}

}  // namespace weft::server
