#pragma once

// Addresses to listen on, and the loop that accepts what comes.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/asio.h"

namespace weft::server {

// "HOST:PORT" in its two parts; HOST is a name, an IPv4 address, or an IPv6 address in brackets.
struct ListenAddress {
  std::string host;
  std::string port;
};

// Fails: kInvalidArgument, with an example of how to write it.
absl::StatusOr<ListenAddress> ParseListenAddress(std::string_view text);

// Listens on one socket and hands over what it accepts. When the process has no descriptors left it
// waits and tries again, since every accepted socket frees one in its time. Threads: that of its
// executor.
class Listener {
 public:
  // Where an accepted socket shall live, asked before each accept; and who gets it, on that thread.
  using ChooseExecutor = std::function<asio::any_io_executor()>;
  using OnAccepted = std::function<void(Tcp::socket)>;

  // Listens on every address that `address` stands for ("localhost" is often two).
  // Fails: kInvalidArgument (unknown host), kNotFound (this machine has none of the addresses),
  // kUnavailable (in use, not permitted).
  static absl::StatusOr<std::vector<std::unique_ptr<Listener>>> Listen(
      asio::io_context& io, const ListenAddress& address);

  explicit Listener(Tcp::acceptor acceptor) : acceptor_(std::move(acceptor)) {}

  // Requires: called once, and the listener lives until its executor has run the end of Stop.
  void Start(ChooseExecutor choose_executor, OnAccepted on_accepted);
  void Stop();

  // Where it listens, as in a URL: "127.0.0.1:8080", "[::1]:8080".
  std::string address() const;
  std::uint16_t port() const;

 private:
  Tcp::acceptor acceptor_;
};

}  // namespace weft::server
