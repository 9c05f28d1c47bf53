#include "server/listener.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/log.h"

namespace weft::server {
namespace {

constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);

// Between two attempts while no descriptor is free.
constexpr std::chrono::milliseconds kFirstDelay{20};
constexpr std::chrono::milliseconds kLastDelay{1'000};

absl::Status BadAddress(std::string_view text, std::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("\"", std::string(text), "\" is no address to listen on: ", std::string(why),
                   ". Write HOST:PORT, such as 127.0.0.1:8080, localhost:8080 or [::]:8080"));
}

bool IsPort(std::string_view text) {
  std::uint32_t port = 0;
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos &&
         absl::SimpleAtoi(std::string(text), &port) && port <= 65'535;
}

std::string ToText(const Tcp::endpoint& endpoint) {
  const std::string host = endpoint.address().to_string();
  return endpoint.address().is_v6() ? absl::StrCat("[", host, "]:", endpoint.port())
                                    : absl::StrCat(host, ":", endpoint.port());
}

// Whether this machine lacks the address, or its whole family.
bool IsMissing(const error_code& error) {
  return error == boost::system::errc::address_not_available ||
         error == boost::system::errc::address_family_not_supported;
}

absl::Status CannotListen(const Tcp::endpoint& endpoint, const error_code& error) {
  std::string hint;
  if (error == asio::error::address_in_use) {
    hint = ". Another program listens there: stop it, or choose another port with --listen";
  } else if (error == asio::error::access_denied) {
    hint = ". Ports below 1024 need a privilege: choose a higher one with --listen";
  } else if (IsMissing(error)) {
    hint = ". This machine does not have that address";
  }
  const std::string message =
      absl::StrCat("cannot listen on ", ToText(endpoint), ": ", error.message(), hint);
  return IsMissing(error) ? absl::NotFoundError(message) : absl::UnavailableError(message);
}

absl::StatusOr<Tcp::acceptor> Bind(asio::io_context& io, const Tcp::endpoint& endpoint) {
  Tcp::acceptor acceptor(io);
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (error) return CannotListen(endpoint, error);
  acceptor.set_option(Tcp::acceptor::reuse_address(true), error);
  // An IPv6 address stands for itself alone, so that [::]:8080 and 0.0.0.0:8080 can be given
  // together.
  if (endpoint.address().is_v6()) acceptor.set_option(asio::ip::v6_only(true), error);
  acceptor.bind(endpoint, error);
  if (error) return CannotListen(endpoint, error);
  acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return CannotListen(endpoint, error);
  return acceptor;
}

// Whether trying again later may help; other errors belong to one client that is gone already.
bool IsExhausted(const error_code& error) {
  return error == asio::error::no_descriptors || error == asio::error::no_memory ||
         error == asio::error::no_buffer_space ||
         error == boost::system::errc::too_many_files_open_in_system;
}

// Accepts one socket and hands it over. Nothing of its executor outlives the call, since a listener
// that waits for descriptors may end after that executor.
asio::awaitable<error_code> AcceptOne(Tcp::acceptor& acceptor,
                                      const Listener::ChooseExecutor& choose_executor,
                                      const Listener::OnAccepted& on_accepted) {
  const asio::any_io_executor executor = choose_executor();
  auto [error, socket] = co_await acceptor.async_accept(executor, kAsTuple);
  if (!error) {
    error_code ignored;
    socket.set_option(Tcp::no_delay(true), ignored);
    auto shared = std::make_shared<Tcp::socket>(std::move(socket));
    asio::post(executor, [shared, on_accepted] { on_accepted(std::move(*shared)); });
  }
  co_return error;
}

asio::awaitable<void> Accept(Tcp::acceptor& acceptor, Listener::ChooseExecutor choose_executor,
                             Listener::OnAccepted on_accepted) {
  asio::steady_timer timer(acceptor.get_executor());
  auto delay = kFirstDelay;
  while (acceptor.is_open()) {
    const error_code error = co_await AcceptOne(acceptor, choose_executor, on_accepted);
    if (error == asio::error::operation_aborted) co_return;
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

absl::StatusOr<ListenAddress> ParseListenAddress(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return BadAddress(text, "it has no port");
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (!IsPort(port)) return BadAddress(text, "the port is no number from 0 to 65535");
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return BadAddress(text, "an IPv6 address stands in brackets");
  }
  if (host.empty()) return BadAddress(text, "it has no host");
  return ListenAddress{std::string(host), std::string(port)};
}

absl::StatusOr<std::vector<std::unique_ptr<Listener>>> Listener::Listen(
    asio::io_context& io, const ListenAddress& address) {
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
    absl::StatusOr<Tcp::acceptor> acceptor = Bind(io, endpoint);
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

void Listener::Start(ChooseExecutor choose_executor, OnAccepted on_accepted) {
  asio::co_spawn(acceptor_.get_executor(),
                 Accept(acceptor_, std::move(choose_executor), std::move(on_accepted)),
                 asio::detached);
}

void Listener::Stop() {
  error_code ignored;
  acceptor_.close(ignored);
}

std::string Listener::address() const {
  error_code ignored;
  return ToText(acceptor_.local_endpoint(ignored));
}

std::uint16_t Listener::port() const {
  error_code ignored;
  return acceptor_.local_endpoint(ignored).port();
}

}  // namespace weft::server
