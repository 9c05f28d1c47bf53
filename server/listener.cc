#include "server/listener.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/log.h"
#include "server/socket_address.h"

namespace weft::server {
namespace {

constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);

// Between two attempts while no descriptor is free.
constexpr std::chrono::milliseconds kFirstDelay{20};
constexpr std::chrono::milliseconds kLastDelay{1'000};
// Before others on the thread have their turn.
constexpr int kAcceptedAtOnce = 64;

std::string ToText(const Tcp::endpoint& endpoint) {
  return SocketAddress{.ip = endpoint.address(), .port = endpoint.port(), .path = {}}.ToText();
}

// Whether this machine lacks the address, or its whole family.
bool IsMissing(const error_code& error) {
  return error == boost::system::errc::address_not_available ||
         error == boost::system::errc::address_family_not_supported;
}

error_code LastError() { return {errno, boost::system::system_category()}; }

absl::Status CannotListen(const std::string& where, const error_code& error) {
  std::string hint;
  if (error == asio::error::address_in_use) {
    hint = ". Another program listens there: stop it, or choose another port with --listen";
  } else if (error == asio::error::access_denied && where.starts_with("unix:")) {
    hint = ". The directory has to be one that this user may write to";
  } else if (error == asio::error::access_denied) {
    hint = ". Ports below 1024 need a privilege: choose a higher one with --listen";
  } else if (IsMissing(error)) {
    hint = ". This machine does not have that address";
  }
  const std::string message = absl::StrCat("cannot listen on ", where, ": ", error.message(), hint);
  return IsMissing(error) ? absl::NotFoundError(message) : absl::UnavailableError(message);
}

absl::StatusOr<Listener::Acceptor> Bind(asio::io_context& io, const Tcp::endpoint& endpoint) {
  Listener::Acceptor acceptor(io);
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (error) return CannotListen(ToText(endpoint), error);
  acceptor.set_option(asio::socket_base::reuse_address(true), error);
  // An IPv6 address stands for itself alone, so that [::]:8080 and 0.0.0.0:8080 can be given
  // together.
  if (endpoint.address().is_v6()) acceptor.set_option(asio::ip::v6_only(true), error);
  acceptor.bind(endpoint, error);
  if (error) return CannotListen(ToText(endpoint), error);
  acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return CannotListen(ToText(endpoint), error);
  return acceptor;
}

// Makes way for a socket at `path`: what a server left behind that was killed is removed.
absl::Status FreePath(const std::string& path) {
  struct stat found{};
  if (::lstat(path.c_str(), &found) != 0) return absl::OkStatus();
  if (!S_ISSOCK(found.st_mode)) {
    return absl::UnavailableError(absl::StrCat("cannot listen on unix:", path,
                                               ": there is something that is no socket. Remove "
                                               "it, or choose another path with --listen"));
  }
  asio::io_context io;
  asio::local::stream_protocol::socket probe(io);
  error_code error;
  probe.connect(asio::local::stream_protocol::endpoint(path), error);
  if (error != asio::error::connection_refused) {
    return CannotListen("unix:" + path, error ? error : asio::error::address_in_use);
  }
  if (::unlink(path.c_str()) != 0) return CannotListen("unix:" + path, LastError());
  return absl::OkStatus();
}

// Whether trying again later may help; other errors belong to one client that is gone already.
bool IsExhausted(const error_code& error) {
  return error == asio::error::no_descriptors || error == asio::error::no_memory ||
         error == asio::error::no_buffer_space ||
         error == boost::system::errc::too_many_files_open_in_system;
}

// Accepts what waits and hands it over. The error of the last try: would_block when that was all.
error_code AcceptWaiting(Listener::Acceptor& acceptor,
                         const Listener::ChooseExecutor& choose_executor,
                         const Listener::OnAccepted& on_accepted) {
  for (int i = 0; i < kAcceptedAtOnce; ++i) {
    const int descriptor =
        ::accept4(acceptor.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) return LastError();
    const asio::any_io_executor executor = choose_executor();
    asio::post(executor, [executor, on_accepted, accepted = Transport(descriptor)]() mutable {
      on_accepted(executor, std::move(accepted));
    });
  }
  return {};
}

asio::awaitable<void> Accept(Listener::Acceptor& acceptor, Listener::ChooseExecutor choose_executor,
                             Listener::OnAccepted on_accepted) {
  asio::steady_timer timer(acceptor.get_executor());
  auto delay = kFirstDelay;
  while (acceptor.is_open()) {
    const auto [stopped] = co_await acceptor.async_wait(Listener::Acceptor::wait_read, kAsTuple);
    if (stopped) co_return;
    const error_code error = AcceptWaiting(acceptor, choose_executor, on_accepted);
    if (!IsExhausted(error)) {
      delay = kFirstDelay;
      continue;
    }
    if (delay == kFirstDelay) LogWarning("cannot accept clients for now: {}", error.message());
    timer.expires_after(delay);
    co_await timer.async_wait(kAsTuple);
    delay = std::min(2 * delay, kLastDelay);
  }
}

}  // namespace

absl::StatusOr<std::vector<std::unique_ptr<Listener>>> Listener::Listen(
    asio::io_context& io, const ListenAddress& address) {
  if (address.kind == ListenAddress::Kind::kUnix) {
    absl::StatusOr<std::unique_ptr<Listener>> listener = ListenOnPath(io, address);
    if (!listener.ok()) return listener.status();
    std::vector<std::unique_ptr<Listener>> listeners;
    listeners.push_back(*std::move(listener));
    return listeners;
  }
  Tcp::resolver resolver(io);
  error_code error;
  const auto resolved = resolver.resolve(address.host, address.port, Tcp::resolver::passive, error);
  if (error) {
    return absl::InvalidArgumentError(absl::StrCat("cannot listen on ", address.host, ":",
                                                   address.port, ": the host is not known (",
                                                   error.message(), ")"));
  }
  std::vector<Tcp::endpoint> endpoints;
  for (const auto& entry : resolved) {
    if (std::find(endpoints.begin(), endpoints.end(), entry.endpoint()) == endpoints.end()) {
      endpoints.push_back(entry.endpoint());
    }
  }
  std::vector<std::unique_ptr<Listener>> listeners;
  absl::Status last_failure;
  for (const Tcp::endpoint& endpoint : endpoints) {
    absl::StatusOr<Acceptor> acceptor = Bind(io, endpoint);
    if (acceptor.ok()) {
      listeners.push_back(std::make_unique<Listener>(*std::move(acceptor)));
    } else if (absl::IsNotFound(acceptor.status())) {
      last_failure =
          acceptor.status();  // a name may stand for an IPv6 address that is switched off
    } else {
      return acceptor.status();
    }
  }
  if (listeners.empty()) return last_failure;
  return listeners;
}

absl::StatusOr<std::unique_ptr<Listener>> Listener::ListenOnPath(asio::io_context& io,
                                                                 const ListenAddress& address) {
  const absl::Status free = FreePath(address.path);
  if (!free.ok()) return free;
  Acceptor acceptor(io);
  error_code error;
  acceptor.open(AnyStream(AF_UNIX, 0), error);
  // Until its mode is what was asked for, nobody but the owner may connect.
  if (!error && ::fchmod(acceptor.native_handle(), address.mode & 0700U) != 0) error = LastError();
  if (!error) acceptor.bind(asio::local::stream_protocol::endpoint(address.path), error);
  if (error) return CannotListen("unix:" + address.path, error);
  auto listener = std::make_unique<Listener>(std::move(acceptor));
  struct stat made{};
  if (::lstat(address.path.c_str(), &made) != 0) {
    return CannotListen("unix:" + address.path, LastError());
  }
  listener->own_path_ = address.path;
  listener->own_device_ = made.st_dev;
  listener->own_inode_ = made.st_ino;
  if (::chmod(address.path.c_str(), address.mode) != 0) {
    return CannotListen("unix:" + address.path, LastError());
  }
  listener->acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (error) return CannotListen("unix:" + address.path, error);
  return listener;
}

absl::StatusOr<std::unique_ptr<Listener>> Listener::Adopt(asio::io_context& io,
                                                          const InheritedSocket& socket, bool tls) {
  const auto option = [&socket](int name) {
    int value = -1;
    socklen_t size = sizeof value;
    return ::getsockopt(socket.descriptor, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
  };
  const std::optional<SocketAddress> address = SocketAddress::OfSocket(socket.descriptor);
  if (!address || option(SO_TYPE) != SOCK_STREAM || option(SO_ACCEPTCONN) != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("the descriptor ", socket.descriptor, " (\"", socket.name,
                     "\") that was handed over is no stream socket that listens"));
  }
  Acceptor acceptor(io);
  error_code error;
  acceptor.assign(AnyStream(option(SO_DOMAIN), option(SO_PROTOCOL)), socket.descriptor, error);
  if (error) return CannotListen(address->ToText(), error);
  auto listener = std::make_unique<Listener>(std::move(acceptor));
  listener->inherited_ = true;
  listener->tls_ = tls && address->ip && !socket.name.starts_with("plain");
  return listener;
}

void Listener::Start(ChooseExecutor choose_executor, OnAccepted on_accepted) {
  error_code ignored;  // a socket of the file system has no such thing
  acceptor_.set_option(Tcp::no_delay(true), ignored);  // Linux gives it to what is accepted
  acceptor_.native_non_blocking(true, ignored);
  asio::co_spawn(acceptor_.get_executor(),
                 Accept(acceptor_, std::move(choose_executor), std::move(on_accepted)),
                 asio::detached);
}

void Listener::Stop() {
  error_code ignored;
  acceptor_.close(ignored);
  struct stat found{};
  if (!own_path_.empty() && ::lstat(own_path_.c_str(), &found) == 0 &&
      found.st_dev == own_device_ && found.st_ino == own_inode_) {
    ::unlink(own_path_.c_str());
  }
  own_path_.clear();
}

std::string Listener::address() const {
  const auto found = SocketAddress::OfSocket(const_cast<Acceptor&>(acceptor_).native_handle());
  return found ? found->ToText() : std::string();
}

std::uint16_t Listener::port() const {
  const auto found = SocketAddress::OfSocket(const_cast<Acceptor&>(acceptor_).native_handle());
  return found ? found->port : 0;
}

bool Listener::is_unix() const {
  const auto found = SocketAddress::OfSocket(const_cast<Acceptor&>(acceptor_).native_handle());
  return found && !found->ip;
}

}  // namespace weft::server
