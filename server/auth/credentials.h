#pragma once

// What a client shows when it wants something.
// Threads: a value. Tokens are secrets: nothing of one is written to the log.

#include <string>
#include <string_view>

namespace weft::server::auth {

struct Credentials {
  std::string token;    // empty without one
  std::string room;     // empty: the server as a whole
  std::string origin;   // of the page, when a browser asks
  std::string address;  // of the client, without its port; empty on a unix socket
};

// The token of a request: that of the header Authorization ("Bearer …"), else that of the query
// ("token=…" or "access_token=…", with %XX decoded). Empty without one.
std::string PresentedToken(std::string_view target, std::string_view authorization);

}  // namespace weft::server::auth
