#include "server/tools/connect.h"

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <deque>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <random>
#include <type_traits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "crdt/base/utf.h"
#include "crdt/doc.h"
#include "crdt/driver/type_path.h"
#include "crdt/update_inspect.h"
#include "crdt/update_weight.h"
#include "crdt/value_language.h"
#include "server/asio.h"
#include "server/tls_trust.h"
#include "sync/weft_v1_client.h"

namespace weft::server {
namespace {

namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;
namespace v1 = sync::weft_v1;

constexpr std::size_t kMaxMessageBytes = std::size_t{256} << 20;

sync::TimePoint Now() { return std::chrono::time_point_cast<sync::Duration>(Clock::now()); }

// The document of the room, and what of it is told.
class ShownDocument final : public v1::Replica {
 public:
  explicit ShownDocument(const ConnectCommand& command) : command_(command) {}

  crdt::Bytes EncodeStateVector() override {
    return crdt::EncodeStateVector(doc_.GetStateVector());
  }
  absl::StatusOr<crdt::Bytes> DiffFor(crdt::ByteView state_vector) override {
    const absl::StatusOr<crdt::StateVector> known = crdt::DecodeStateVector(state_vector);
    if (!known.ok()) return known.status();
    return doc_.EncodeStateAsUpdate(*known);
  }
  absl::Status Apply(crdt::ByteView update) override {
    const absl::Status applied = doc_.ApplyUpdate(update);
    if (applied.ok() && complete_) Show(update);
    return applied;
  }

  // All that the room had is here.
  void Complete() {
    if (std::exchange(complete_, true)) return;
    Show(doc_.EncodeStateAsUpdate());
  }

 private:
  void Show(crdt::ByteView update) {
    switch (command_.show) {
      case ConnectCommand::Show::kUpdates:
        std::cout << crdt::InspectUpdate(update).value_or("") << std::flush;
        return;
      case ConnectCommand::Show::kJson:
        std::cout << Json() << "\n" << std::flush;
        return;
      case ConnectCommand::Show::kText:
        return ShowText();
    }
  }

  void ShowText() {
    const std::string text = doc_.GetText(command_.root).ToString();
    if (!shown_) {
      std::cout << text << "\n" << std::flush;
    } else if (*shown_ != text) {
      std::cout << DescribeChange(*shown_, text) << "\n" << std::flush;
    }
    shown_ = text;
  }

  // From a copy: there a root can be asked for as what it is now.
  std::string Json() const {
    const crdt::Bytes state = doc_.EncodeStateAsUpdate();
    const absl::StatusOr<crdt::UpdateWeight> weight = crdt::WeighUpdate(state);
    crdt::Doc copy;
    if (!weight.ok() || !copy.ApplyUpdate(state).ok()) return "null";
    std::string json = "{";
    for (const crdt::UpdateWeight::Root& root : weight->roots) {
      if (root.kind == crdt::TypeKind::kUndefined) continue;
      if (json.size() > 1) json += ',';
      crdt::AppendString(json, root.name);
      json += ':';
      crdt::AppendElement(json, crdt::driver::AsElement(copy.GetType(root.name, root.kind)));
    }
    return json + "}";
  }

  const ConnectCommand& command_;
  crdt::Doc doc_;
  bool complete_ = false;
  std::optional<std::string> shown_;
};

// Over a stream in clear, or one with TLS.
template <typename Stream>
class Follower {
 public:
  // `trust` is for TLS.
  Follower(const ConnectCommand& command, WebSocketUrl url, std::string token,
           std::optional<TlsTrust> trust)
      : command_(command),
        url_(std::move(url)),
        trust_(std::move(trust)),
        document_(command),
        client_({.name = "weft connect", .token = std::move(token)}) {
    v1::ClientEffects nothing_yet;
    room_ = client_.Add(command.room, document_, nothing_yet);
  }

  // What is sent as soon as the room is joined.
  absl::Status Write(const crdt::Bytes& update) {
    if (absl::Status applied = document_.Apply(update); !applied.ok()) return applied;
    Carry(client_.Write(room_, update));
    return absl::OkStatus();
  }

  absl::Status Run() {
    signals_.async_wait([this](const error_code& error, int) {
      if (!error) End(absl::OkStatus());
    });
    Resolve();
    loop_.run();
    return result_;
  }

 private:
  using WebSocket = websocket::stream<Stream>;
  static constexpr bool kIsTls = !std::is_same_v<Stream, beast::tcp_stream>;

  void Resolve() {
    resolver_.async_resolve(url_.host, url_.port, [this](const error_code& error, auto found) {
      if (error) return Lost(absl::StrCat("cannot find ", url_.host, ": ", error.message()));
      if constexpr (kIsTls) {
        socket_ = std::make_shared<WebSocket>(loop_, trust_->context());
      } else {
        socket_ = std::make_shared<WebSocket>(loop_);
      }
      beast::get_lowest_layer(*socket_).expires_after(std::chrono::seconds(10));
      beast::get_lowest_layer(*socket_).async_connect(
          found, [this, socket = socket_](const error_code& failed, const auto&) {
            if (socket != socket_) return;
            if (failed) return Lost(absl::StrCat("cannot connect: ", failed.message()));
            Secure();
          });
    });
  }

  void Secure() {
    if constexpr (kIsTls) {
      SSL* const ssl = socket_->next_layer().native_handle();
      const absl::Status expected = TlsTrust::Expect(ssl, url_.host);
      if (!expected.ok()) return End(expected);
      socket_->next_layer().async_handshake(
          asio::ssl::stream_base::client, [this, socket = socket_](const error_code& failed) {
            if (socket != socket_) return;
            if (failed) {
              SSL* const stream = socket->next_layer().native_handle();
              return Lost(absl::StrCat("no TLS: ", TlsTrust::Explain(stream, failed)));
            }
            Shake();
          });
    } else {
      Shake();
    }
  }

  void Shake() {
    beast::get_lowest_layer(*socket_).expires_never();
    socket_->set_option(websocket::stream_base::timeout::suggested(beast::role_type::client));
    socket_->set_option(websocket::stream_base::decorator([](websocket::request_type& request) {
      request.set(beast::http::field::sec_websocket_protocol, std::string(v1::kSubprotocol));
    }));
    socket_->read_message_max(kMaxMessageBytes);
    socket_->binary(true);
    response_ = {};
    socket_->async_handshake(
        response_, absl::StrCat(url_.host, ":", url_.port), url_.target,
        [this, socket = socket_](const error_code& error) {
          if (socket != socket_) return;
          if (error) {
            return Lost(absl::StrCat("no WebSocket at ", command_.url, ": ", error.message()));
          }
          if (response_[beast::http::field::sec_websocket_protocol] !=
              std::string(v1::kSubprotocol)) {
            return End(absl::UnavailableError(
                absl::StrCat("the server at ", command_.url, " does not speak weft.v1")));
          }
          connected_ = true;
          Carry(client_.Connected(Now()));
          Read();
          Tick();
        });
  }

  void Read() {
    socket_->async_read(in_, [this, socket = socket_](const error_code& error, std::size_t) {
      if (socket != socket_ || !connected_) return;
      if (error) return Lost(absl::StrCat("the connection ended: ", error.message()));
      const auto data = in_.data();
      const auto* const bytes = static_cast<const std::uint8_t*>(data.data());
      v1::ClientEffects effects = client_.Receive({bytes, data.size()}, Now());
      in_.consume(in_.size());
      Carry(std::move(effects));
      if (connected_) Read();
    });
  }

  void Tick() {
    timer_.expires_after(std::chrono::seconds(1));
    timer_.async_wait([this](const error_code& error) {
      if (error || !connected_) return;
      Carry(client_.Tick(Now()));
      if (connected_) Tick();
    });
  }

  void Carry(v1::ClientEffects effects) {
    for (v1::ClientEffect& effect : effects) {
      std::visit([this](auto& what) { On(what); }, effect);
    }
    if (command_.once && client_.synced(room_) && client_.unsaved(room_) == 0) {
      End(absl::OkStatus());
    }
  }

  void On(v1::SendBytes& send) {
    out_.push_back(std::move(send.frame));
    if (out_.size() == 1) WriteNext();
  }
  void WriteNext() {
    socket_->async_write(asio::buffer(out_.front()),
                         [this, socket = socket_](const error_code& error, std::size_t) {
                           if (error || socket != socket_ || !connected_) return;  // Read tells
                           out_.pop_front();
                           if (!out_.empty()) WriteNext();
                         });
  }
  void On(v1::LeaveSocket& leave) { Lost(leave.reason); }
  void On(v1::Entered& entered) {
    Tell(entered.role == v1::Role::kWrite ? "joined" : "joined, to read only");
    if (command_.once && command_.write && entered.role != v1::Role::kWrite) {
      End(absl::PermissionDeniedError("not written: the room may only be read"));
    }
  }
  void On(v1::Synced&) { document_.Complete(); }
  void On(v1::Saved& saved) {
    if (saved.unsaved == 0) return Tell("what was written is durable");
    if (saved.level == v1::Level::kReceived) {
      Tell("what was written has been received; this server does not tell when it is durable");
      if (command_.once) End(absl::OkStatus());
    }
  }
  void On(v1::Denied& denied) {
    Tell("not written: " + denied.reason);
    if (command_.once)
      End(absl::PermissionDeniedError(absl::StrCat("not written: ", denied.reason)));
  }
  void On(v1::RoleChanged& changed) {
    Tell(absl::StrCat("may now ", changed.role == v1::Role::kWrite ? "write" : "read only", ": ",
                      changed.reason));
    if (command_.once && command_.write && changed.role != v1::Role::kWrite) {
      End(absl::PermissionDeniedError(changed.reason));
    }
  }
  void On(v1::OtherHistory&) {
    End(absl::FailedPreconditionError("the room was deleted or made anew meanwhile"));
  }
  void On(v1::RoomLost& lost) {
    if (v1::IsFinal(lost.code)) {
      return End(absl::PermissionDeniedError(absl::StrCat(lost.reason, " (", lost.code, ")")));
    }
    Tell(absl::StrCat("the room was left: ", lost.reason));
  }
  void On(v1::Greeted&) {}
  void On(v1::AwarenessHeard&) {}
  void On(v1::ChecksumHeard&) {}

  // The socket is gone, or to be dropped: comes back unless there is no use.
  void Lost(const std::string& why) {
    if (ended_) return;
    std::uint64_t code = 1006;
    std::string reason = why;
    if (socket_ != nullptr && socket_->reason().code != websocket::close_code::none) {
      code = static_cast<std::uint64_t>(socket_->reason().code);
      const auto& said = socket_->reason().reason;
      if (!said.empty())
        reason = absl::StrCat(std::string(said.data(), said.size()), " (", code, ")");
    }
    connected_ = false;
    socket_.reset();
    out_.clear();
    in_.consume(in_.size());
    const std::optional<sync::Duration> delay = client_.Disconnected(code);
    if (!delay) return End(absl::PermissionDeniedError(reason));
    if (command_.once) return End(absl::UnavailableError(reason));
    Tell(reason + "; trying again");
    timer_.expires_after(std::chrono::milliseconds(
        std::uniform_int_distribution<std::int64_t>(delay->count() / 2, delay->count())(random_)));
    timer_.async_wait([this](const error_code& error) {
      if (!error && !ended_) Resolve();
    });
  }

  void End(absl::Status result) {
    if (std::exchange(ended_, true)) return;
    result_ = std::move(result);
    connected_ = false;
    timer_.cancel();
    signals_.cancel();
    resolver_.cancel();
    if (socket_ != nullptr) beast::get_lowest_layer(*socket_).cancel();
    loop_.stop();
  }

  static void Tell(const std::string& what) { std::cerr << "weft connect: " << what << "\n"; }

  const ConnectCommand& command_;
  const WebSocketUrl url_;
  const std::optional<TlsTrust> trust_;
  asio::io_context loop_{1};
  asio::ip::tcp::resolver resolver_{loop_};
  asio::signal_set signals_{loop_, SIGINT, SIGTERM};
  asio::steady_timer timer_{loop_};
  std::minstd_rand random_{std::random_device{}()};
  ShownDocument document_;
  v1::Client client_;
  v1::RoomId room_{};
  std::shared_ptr<WebSocket> socket_;
  websocket::response_type response_;
  beast::flat_buffer in_;
  std::deque<crdt::Bytes> out_;  // bounded by the client's credit
  bool connected_ = false;
  bool ended_ = false;
  absl::Status result_;
};

template <typename Stream>
absl::Status Follow(const ConnectCommand& command, const WebSocketUrl& url, std::string token,
                    std::optional<TlsTrust> trust) {
  Follower<Stream> follower(command, url, std::move(token), std::move(trust));
  if (command.write) {
    absl::StatusOr<Blob> blob = ReadBlob(*command.write, command.options);
    if (!blob.ok()) return blob.status();
    if (absl::Status valid = CheckUpdate(*blob, command.options); !valid.ok()) return valid;
    crdt::Doc written;  // the protocol speaks format v1
    if (absl::Status applied = written.ApplyUpdate(blob->bytes, "", command.options.format);
        !applied.ok()) {
      return applied;
    }
    if (absl::Status applied = follower.Write(written.EncodeStateAsUpdate()); !applied.ok()) {
      return applied;
    }
  }
  return follower.Run();
}

absl::StatusOr<std::string> ReadToken(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return absl::InvalidArgumentError(absl::StrCat("cannot read the file ", file));
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  return std::string(absl::StripAsciiWhitespace(text));
}

}  // namespace

absl::StatusOr<WebSocketUrl> ParseWebSocketUrl(const std::string& url) {
  const auto refuse = [&](const char* why) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", url, "\" ", why, "; a URL looks like ws://localhost:8080"));
  };
  constexpr std::string_view kPlain = "ws://";
  constexpr std::string_view kTls = "wss://";
  const bool is_tls = url.starts_with(kTls);
  if (!is_tls && !url.starts_with(kPlain)) return refuse("begins with neither ws:// nor wss://");
  const std::string rest = url.substr(is_tls ? kTls.size() : kPlain.size());
  const std::size_t authority_end = rest.find_first_of("/?");
  const std::string authority = rest.substr(0, authority_end);
  WebSocketUrl parsed{.is_tls = is_tls, .host = "", .port = is_tls ? "443" : "80", .target = "/"};
  if (authority_end != std::string::npos) {
    parsed.target = rest.substr(authority_end);
    if (parsed.target.starts_with('?')) parsed.target = "/" + parsed.target;
  }
  // An IPv6 address stands in brackets.
  const std::size_t bracket = authority.starts_with('[') ? authority.find(']') : 0;
  if (bracket == std::string::npos) return refuse("has a bracket that is not closed");
  const std::size_t colon = authority.find(':', bracket);
  parsed.host = bracket > 0 ? authority.substr(1, bracket - 1) : authority.substr(0, colon);
  if (colon != std::string::npos) parsed.port = authority.substr(colon + 1);
  if (parsed.host.empty()) return refuse("names no host");
  if (parsed.port.empty() || parsed.port.find_first_not_of("0123456789") != std::string::npos) {
    return refuse("has no number for a port");
  }
  return parsed;
}

std::string DescribeChange(const std::string& before, const std::string& after) {
  const auto is_inside = [](const std::string& text, std::size_t at) {
    return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
  };
  const std::size_t shorter = std::min(before.size(), after.size());
  std::size_t front = 0;
  while (front < shorter && before[front] == after[front]) ++front;
  while (front > 0 && (is_inside(before, front) || is_inside(after, front))) --front;
  std::size_t back = 0;
  while (back < shorter - front &&
         before[before.size() - 1 - back] == after[after.size() - 1 - back]) {
    ++back;
  }
  while (back > 0 &&
         (is_inside(before, before.size() - back) || is_inside(after, after.size() - back))) {
    --back;
  }
  std::string change =
      absl::StrCat("@", crdt::Utf16Length(std::string_view(before).substr(0, front)));
  const auto append = [&](char sign, const std::string& text) {
    const std::size_t size = text.size() - front - back;
    if (size == 0) return;
    change += ' ';
    change += sign;
    crdt::AppendString(change, std::string_view(text).substr(front, size));
  };
  append('-', before);
  append('+', after);
  return change;
}

absl::Status RunConnect(const ConnectCommand& command) {
  const absl::StatusOr<WebSocketUrl> url = ParseWebSocketUrl(command.url);
  if (!url.ok()) return url.status();
  if (command.room.empty() || command.room.size() > v1::kMaxRoomBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("the name of a room has 1 to ", v1::kMaxRoomBytes, " bytes"));
  }
  std::string token;
  if (command.token_file) {
    absl::StatusOr<std::string> read = ReadToken(*command.token_file);
    if (!read.ok()) return read.status();
    token = *std::move(read);
  }
  if (!url->is_tls) {
    if (!command.ca_file.empty()) {
      return absl::InvalidArgumentError("--ca is of use with wss:// only");
    }
    return Follow<beast::tcp_stream>(command, *url, std::move(token), std::nullopt);
  }
  absl::StatusOr<TlsTrust> trust = TlsTrust::Load(command.ca_file);
  if (!trust.ok()) return trust.status();
  return Follow<asio::ssl::stream<beast::tcp_stream>>(command, *url, std::move(token),
                                                      *std::move(trust));
}

}  // namespace weft::server
