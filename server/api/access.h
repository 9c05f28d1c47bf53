#pragma once

// Who may do what through the API. All calls ask here, and nowhere else.

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "server/api/request.h"
#include "server/api/routes.h"

namespace weft::server::api {

// What one client may do. Threads: any, for as long as somebody holds it.
class Rights {
 public:
  virtual ~Rights() = default;
  // In this room.
  virtual Right In(std::string_view room) const = 0;
  // In the server as a whole.
  virtual Right InAll() const = 0;
  // Who that is; empty when nobody asked.
  virtual std::string Subject() const = 0;
};

class Access {
 public:
  virtual ~Access() = default;
  // Fails: kUnauthenticated, when the request's token is missing or wrong; kUnavailable, when nobody
  // can tell at the moment.
  virtual asio::awaitable<absl::StatusOr<std::shared_ptr<const Rights>>> Enter(
      const Request& request) = 0;
};

// Without tokens: everybody reads and writes, and who asks from this very machine administrates.
class OpenAccess final : public Access {
 public:
  asio::awaitable<absl::StatusOr<std::shared_ptr<const Rights>>> Enter(
      const Request& request) override;
};

// Whether a request comes from a program on this machine, by no detour: neither a proxy's client, nor a
// page of another site in a browser that runs here.
bool IsOfThisMachine(const Request& request);

}  // namespace weft::server::api
