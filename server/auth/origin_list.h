#pragma once

// Which web pages may use this server: their origins, as browsers send them with a request.
//
//   entry := "*" | scheme "://" host [":" port] | scheme "://*." domain [":" port]
//
// "*" allows every page. "https://*.example.org" allows every name below example.org, at any depth, and
// not example.org itself. Scheme and host are compared without regard to case, and a port that is the
// scheme's own may be left out (RFC 6454).
//
// A request without an origin comes from no page and is allowed: a list of origins protects people's
// browsers from other people's pages, nothing else. The page that this server serves itself is no
// exception, since any name can be made to lead here.
//
// Threads: a value; const functions may run concurrently.

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace weft::server::auth {

class OriginList {
 public:
  // Allows every origin.
  OriginList() = default;

  // From the first entry on only what is listed is allowed. Fails: kInvalidArgument, saying what is no entry.
  absl::Status Add(std::string_view entry);

  // `origin` is the header's value, empty without one.
  bool Allows(std::string_view origin) const;

  // Header lines for the answer to a page of `origin`, each with CRLF: that its scripts may read the
  // answer (CORS), if it is listed. Without a list pages of others read nothing: a server on somebody's
  // machine must not answer every page that they look at.
  std::string CorsHeaders(std::string_view origin) const;

 private:
  struct Entry {
    std::string scheme;
    std::string host;  // of a wildcard ".example.org"
    std::string port;
    bool below = false;
  };
  static bool Parse(std::string_view text, Entry& entry);

  bool has_entries_ = false;
  bool allows_all_ = true;
  std::vector<Entry> entries_;
};

}  // namespace weft::server::auth
