// The limit that relays are held against: a fan-out of WebSocket messages on Asio that looks at no
// content and keeps nothing. Of the protocol it does what keeps a client going: a SyncStep1 is
// answered by an empty SyncStep2.
//
//   weft_bare_relay PORT

#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "server/asio.h"
#include "server/frame.h"
#include "server/upgrade.h"

namespace weft::bench {
namespace {

using server::error_code;
using server::FrameParser;
using server::Opcode;
using server::Tcp;
namespace asio = server::asio;

class Peer;

struct Loop {
  asio::io_context io{1};
  std::unordered_map<std::string, std::unordered_set<Peer*>> rooms;
  std::vector<std::uint8_t> read_buffer = std::vector<std::uint8_t>(64 << 10);
  std::vector<std::shared_ptr<Peer>> to_flush;
};

class Peer : public std::enable_shared_from_this<Peer> {
 public:
  Peer(Loop& loop, Tcp::socket socket)
      : loop_(loop), socket_(std::move(socket)), parser_(std::size_t{64} << 20) {}

  void Read() {
    socket_.async_wait(Tcp::socket::wait_read,
                       [self = shared_from_this()](const error_code& error) {
                         if (!error) self->OnReadable();
                       });
  }

  void Send(crdt::ByteView message) {
    server::AppendFrame(out_, Opcode::kBinary, message);
    ScheduleFlush();
  }

  void Flush() {
    flush_scheduled_ = false;
    if (gone_ || write_armed_) return;
    error_code error;
    while (!error && begin_ < out_.size()) {
      begin_ += socket_.write_some(asio::buffer(out_.data() + begin_, out_.size() - begin_), error);
    }
    if (error == asio::error::would_block || error == asio::error::try_again) {
      write_armed_ = true;
      socket_.async_wait(Tcp::socket::wait_write,
                         [self = shared_from_this()](const error_code& failed) {
                           self->write_armed_ = false;
                           if (!failed) self->Flush();
                         });
      return;
    }
    if (error) return Drop();
    out_.clear();
    begin_ = 0;
  }

 private:
  void OnReadable() {
    error_code error;
    const std::size_t size = socket_.read_some(asio::buffer(loop_.read_buffer), error);
    if (error && error != asio::error::would_block) return Drop();
    const std::span<std::uint8_t> bytes(loop_.read_buffer.data(), size);
    if (members_ == nullptr) {
      Upgrade(bytes);
    } else {
      HandleFrames(bytes);
    }
    if (!gone_) Read();
  }

  void Upgrade(std::span<std::uint8_t> bytes) {
    request_.append(bytes.begin(), bytes.end());
    if (!request_.ends_with("\r\n\r\n")) return;
    const std::string_view request = request_;
    const std::size_t path = request.find('/');
    const std::string room(request.substr(path, request.find(' ', path) - path));
    constexpr std::string_view kKey = "Sec-WebSocket-Key: ";
    const std::size_t key = request.find(kKey) + kKey.size();
    const std::string greeting =
        server::UpgradeResponse({.is_get = true,
                                 .is_http_1_1 = true,
                                 .upgrade = "websocket",
                                 .connection = "Upgrade",
                                 .version = "13",
                                 .key = request.substr(key, request.find('\r', key) - key),
                                 .requested_protocols = {}});
    out_.assign(greeting.begin(), greeting.end());
    members_ = &loop_.rooms[room];
    members_->insert(this);
    Send(std::array<std::uint8_t, 4>{0, 0, 1, 0});
  }

  void HandleFrames(std::span<std::uint8_t> bytes) {
    parser_.Feed(bytes);
    while (const auto event = parser_.Next()) {
      if (event->opcode == Opcode::kClose) return Drop();
      if (event->opcode == Opcode::kBinary) HandleMessage(event->payload);
    }
    if (parser_.error()) Drop();
  }

  void HandleMessage(crdt::ByteView message) {
    if (message.size() < 2) return;
    if (message[0] == 0 && message[1] == 0) {
      return Send(std::array<std::uint8_t, 5>{0, 1, 2, 0, 0});
    }
    if (message[0] == 0 && message[1] == 1) return;
    for (Peer* peer : *members_) {
      if (peer != this) peer->Send(message);
    }
  }

  void ScheduleFlush() {
    if (flush_scheduled_) return;
    flush_scheduled_ = true;
    if (loop_.to_flush.empty()) {
      asio::post(loop_.io, [&loop = loop_] {
        for (const auto& peer : std::exchange(loop.to_flush, {})) peer->Flush();
      });
    }
    loop_.to_flush.push_back(shared_from_this());
  }

  void Drop() {
    if (std::exchange(gone_, true)) return;
    if (members_ != nullptr) members_->erase(this);
    error_code ignored;
    socket_.close(ignored);
  }

  Loop& loop_;
  Tcp::socket socket_;
  FrameParser parser_;
  std::unordered_set<Peer*>* members_ = nullptr;
  std::string request_;
  crdt::Bytes out_;
  std::size_t begin_ = 0;
  bool flush_scheduled_ = false;
  bool write_armed_ = false;
  bool gone_ = false;
};

class Door {
 public:
  Door(Loop& loop, unsigned short port)
      : loop_(loop), acceptor_(loop.io, Tcp::endpoint(asio::ip::address_v4::loopback(), port)) {}

  void Accept() {
    acceptor_.async_accept([this](const error_code& error, Tcp::socket socket) {
      if (!error) {
        error_code ignored;
        socket.set_option(Tcp::no_delay(true), ignored);
        socket.non_blocking(true, ignored);
        std::make_shared<Peer>(loop_, std::move(socket))->Read();
      }
      Accept();
    });
  }

 private:
  Loop& loop_;
  Tcp::acceptor acceptor_;
};

}  // namespace
}  // namespace weft::bench

int main(int count, char** arguments) {
  if (count != 2) {
    std::fprintf(stderr, "usage: weft_bare_relay PORT\n");
    return 2;
  }
  weft::bench::Loop loop;
  weft::bench::Door door(loop, static_cast<unsigned short>(std::atoi(arguments[1])));
  door.Accept();
  loop.io.run();
}
