#pragma once

// A blocking client for tests of the running server: plain HTTP, and WebSocket frames.
//
// Every wait ends after half a minute, which is a failure of the test and never a part of it.

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string>
#include <utility>

#include "crdt/base/bytes.h"
#include "tests/server/client_frames.h"

namespace weft::server {

struct ServerFrame {
  Opcode opcode = Opcode::kBinary;
  crdt::Bytes payload;

  // Of a close frame; 1005 when it names none.
  int close_code() const { return payload.size() < 2 ? 1005 : payload[0] << 8 | payload[1]; }
  std::string close_reason() const {
    return payload.size() < 2 ? std::string() : std::string(payload.begin() + 2, payload.end());
  }
};

class TcpClient {
 public:
  // 0 leaves the system's choice. With short segments, as on an old modem, and a small buffer, the
  // kernel holds little on the server's side, too.
  explicit TcpClient(std::uint16_t port, int receive_buffer_bytes = 0, int segment_bytes = 0) {
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_buffer_bytes > 0) {
      ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes,
                   sizeof receive_buffer_bytes);
    }
    if (segment_bytes > 0) {
      ::setsockopt(socket_, IPPROTO_TCP, TCP_MAXSEG, &segment_bytes, sizeof segment_bytes);
    }
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ =
        ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  // A client over a socket that is connected already.
  struct Connected {
    int socket;
  };
  explicit TcpClient(Connected connected) : socket_(connected.socket), connected_(true) {}
  virtual ~TcpClient() { Disconnect(); }
  TcpClient(const TcpClient&) = delete;
  TcpClient& operator=(const TcpClient&) = delete;

  bool connected() const { return connected_; }

  // Ends without a word, as a machine that vanishes does once its kernel is asked.
  void Disconnect() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }

  // Ends with a reset, as a machine does that was switched off and on again. Leaves no port behind
  // that waits for late segments.
  void Reset() {
    const linger at_once{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    Disconnect();
  }

  // False when the server has closed the connection.
  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = SendBytes(bytes);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  // How much of it could be sent within so long; -1 when the server has closed the connection.
  ssize_t SendSome(std::string_view bytes, int wait_ms) {
    pollfd poll_socket{socket_, POLLOUT, 0};
    if (::poll(&poll_socket, 1, wait_ms) <= 0) return 0;
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : sent;
  }
  bool SendFrame(Opcode opcode, crdt::ByteView payload, const ClientFrameOptions& options = {}) {
    return Send(crdt::AsText(ClientFrame(opcode, payload, options)));
  }
  bool SendMessage(crdt::ByteView message) { return SendFrame(Opcode::kBinary, message); }

  // The head of a response, up to and with the empty line; empty at the end of the stream.
  std::string ReadHead() {
    for (;;) {
      const std::size_t end = input_.find("\r\n\r\n");
      if (end != std::string::npos) return Take(end + 4);
      if (!Fill()) return {};
    }
  }
  std::string ReadBody(std::size_t size) {
    while (input_.size() < size) {
      if (!Fill()) return {};
    }
    return Take(size);
  }
  // Head and body of the response to a GET with further header lines.
  std::pair<std::string, std::string> Get(std::string_view target, std::string_view headers = "") {
    Send("GET " + std::string(target) + " HTTP/1.1\r\nHost: test\r\n" + std::string(headers) +
         "\r\n");
    std::string head = ReadHead();
    const std::size_t at = head.find("Content-Length: ");
    std::string body;
    if (at != std::string::npos) body = ReadBody(std::stoul(head.substr(at + 16)));
    return {std::move(head), std::move(body)};
  }

  // Whether the server agrees to a WebSocket. What was answered is in `upgrade_head`.
  bool Upgrade(std::string_view target,
               std::string_view headers = "Sec-WebSocket-Version: 13\r\n") {
    Send("GET " + std::string(target) +
         " HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
         std::string(headers) + "\r\n");
    upgrade_head = ReadHead();
    return upgrade_head.rfind("HTTP/1.1 101 ", 0) == 0;
  }

  // Nothing at the end of the stream.
  std::optional<ServerFrame> ReadFrame() {
    const auto byte = [this](std::size_t i) { return static_cast<std::uint8_t>(input_[i]); };
    if (!Need(2)) return std::nullopt;
    std::size_t header = 2;
    std::size_t size = byte(1);
    if (size >= 126) {
      const std::size_t length_bytes = size == 126 ? 2 : 8;
      header += length_bytes;
      if (!Need(header)) return std::nullopt;
      size = 0;
      for (std::size_t i = 0; i < length_bytes; ++i) size = size << 8 | byte(2 + i);
    }
    if (!Need(header + size)) return std::nullopt;
    ServerFrame frame;
    frame.opcode = static_cast<Opcode>(byte(0) & 0x0F);
    Take(header);
    const std::string payload = Take(size);
    frame.payload.assign(payload.begin(), payload.end());
    return frame;
  }

  // The next close frame, past everything else; nothing at the end of the stream.
  std::optional<ServerFrame> ReadClose() {
    while (auto frame = ReadFrame()) {
      if (frame->opcode == Opcode::kClose) return frame;
    }
    return std::nullopt;
  }

  // Throws away what has come so far; does not wait.
  void SkipReceived() {
    char buffer[16384];
    while (::recv(socket_, buffer, sizeof buffer, MSG_DONTWAIT) > 0) {
    }
    input_.clear();
  }

  // Reads until the server has ended the stream. False when it does not.
  bool ReadToEnd() {
    while (Fill()) input_.clear();
    return ended_;
  }

  std::string upgrade_head;

 protected:
  int socket() const { return socket_; }

  // What lies between the socket and the bytes: nothing here.
  virtual ssize_t SendBytes(std::string_view bytes) {
    return ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  virtual ssize_t ReceiveBytes(char* buffer, std::size_t size) {
    return ::recv(socket_, buffer, size, 0);
  }
  // Whether there is something to receive that the socket does not show.
  virtual bool HasReceived() const { return false; }

 private:
  bool Need(std::size_t size) {
    while (input_.size() < size) {
      if (!Fill()) return false;
    }
    return true;
  }

  bool Fill() {
    pollfd poll_socket{socket_, POLLIN, 0};
    if (!HasReceived() && ::poll(&poll_socket, 1, 30'000) <= 0) return false;
    char buffer[16384];
    const ssize_t size = ReceiveBytes(buffer, sizeof buffer);
    if (size <= 0) {
      ended_ = true;
      return false;
    }
    input_.append(buffer, static_cast<std::size_t>(size));
    return true;
  }

  std::string Take(std::size_t size) {
    std::string taken = input_.substr(0, size);
    input_.erase(0, size);
    return taken;
  }

  int socket_ = -1;
  bool connected_ = false;
  bool ended_ = false;
  std::string input_;
};

}  // namespace weft::server
