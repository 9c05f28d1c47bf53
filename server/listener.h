#pragma once

// Sockets that listen, and the loop that accepts what comes.

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/asio.h"
#include "server/listen_address.h"
#include "server/service_manager.h"
#include "server/transport.h"

namespace weft::server {

// Listens on one socket and hands over what it accepts. When the process has no descriptors left it
// waits and tries again, since every accepted socket frees one in its time. Threads: that of its
// executor.
//
// What waits is accepted in one go, without Asio: a socket of Asio's would be known to the loop of the
// accepting thread only to be taken from it again, which is three system calls for each client.
class Listener {
 public:
  using Acceptor = asio::basic_socket_acceptor<AnyStream>;
  // Where an accepted socket shall live; and who gets it, in clear, on that thread.
  using ChooseExecutor = std::function<asio::any_io_executor()>;
  using OnAccepted = std::function<void(const asio::any_io_executor&, Transport)>;

  // Listens on every address that `address` stands for ("localhost" is often two). A socket of the
  // file system that nobody listens on any more is replaced; one of our own is removed by Stop.
  // Fails: kInvalidArgument (unknown host), kNotFound (this machine has none of the addresses),
  // kUnavailable (in use, not permitted, something else has that path).
  static absl::StatusOr<std::vector<std::unique_ptr<Listener>>> Listen(
      asio::io_context& io, const ListenAddress& address);

  // Listens on a socket that somebody else bound, and owns the descriptor. It has TLS when TLS is the
  // rule (`tls`), it is TCP, and its name does not begin with "plain".
  // Fails: kInvalidArgument when it is no stream socket that listens.
  static absl::StatusOr<std::unique_ptr<Listener>> Adopt(asio::io_context& io,
                                                         const InheritedSocket& socket, bool tls);

  explicit Listener(Acceptor acceptor) : acceptor_(std::move(acceptor)) {}
  ~Listener() { Stop(); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Requires: called once, and the listener lives until its executor has run the end of Stop.
  void Start(ChooseExecutor choose_executor, OnAccepted on_accepted);
  void Stop();

  // Where it listens (SocketAddress::ToText). The port is 0 for a socket of the file system.
  std::string address() const;
  std::uint16_t port() const;
  bool is_unix() const;

  // What is spoken on the sockets that it accepts.
  void SetTls(bool tls) { tls_ = tls; }
  bool speaks_tls() const { return tls_; }

  // Somebody else goes on listening on the socket when this one has stopped: who connects waits.
  bool is_inherited() const { return inherited_; }

 private:
  static absl::StatusOr<std::unique_ptr<Listener>> ListenOnPath(asio::io_context& io,
                                                                const ListenAddress& address);

  Acceptor acceptor_;
  bool tls_ = false;
  bool inherited_ = false;
  // The socket in the file system that is ours to remove: its path, device and number.
  std::string own_path_;
  dev_t own_device_ = 0;
  ino_t own_inode_ = 0;
};

}  // namespace weft::server
