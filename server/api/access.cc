#include "server/api/access.h"

#include <string>

namespace weft::server::api {
namespace {

class SameEverywhere final : public Rights {
 public:
  explicit SameEverywhere(Right right) : right_(right) {}
  Right In(std::string_view) const override { return right_; }
  Right InAll() const override { return right_; }
  std::string Subject() const override { return {}; }

 private:
  const Right right_;
};

// The host of "host:port" or "[::1]:port".
std::string_view HostOf(std::string_view authority) {
  if (authority.starts_with('[')) return authority.substr(0, authority.find(']') + 1);
  return authority.substr(0, authority.find(':'));
}

}  // namespace

bool IsOfThisMachine(const Request& request) {
  if (!request.is_local) return false;
  for (const std::string_view name : {"Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"}) {
    if (!request.header(name).empty()) return false;
  }
  if (request.address.empty()) return true;  // a unix socket: no browser speaks to it
  const std::string_view authority = request.header("Host");
  const std::string_view host = HostOf(authority);
  // Another name that leads here may be a trick of whoever owns that name.
  if (host != "localhost" && host != "127.0.0.1" && host != "[::1]") return false;
  const std::string_view origin = request.header("Origin");
  return origin.empty() || origin == "http://" + std::string(authority) ||
         origin == "https://" + std::string(authority);
}

asio::awaitable<absl::StatusOr<std::shared_ptr<const Rights>>> OpenAccess::Enter(
    const Request& request) {
  const Right right = IsOfThisMachine(request) ? Right::kAdmin : Right::kWrite;
  co_return std::shared_ptr<const Rights>(std::make_shared<SameEverywhere>(right));
}

}  // namespace weft::server::api
