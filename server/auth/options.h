#pragma once

// How a server finds out who may do what, as its flags say it (auth_flags.h).

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "server/auth/grants.h"
#include "server/auth/token.h"

namespace weft::server::auth {

enum class Mode : std::uint8_t {
  kNone,      // everybody may write in every room
  kToken,     // what a signed token says (token.h)
  kCallback,  // what a service says that is asked (callback.h)
};

struct CallbackOptions {
  std::string url;      // as of http_client.h
  std::string ca_file;  // who is believed over TLS, instead of the system's; may be empty
  // From asking to an answer, whatever it waits for in between.
  std::chrono::milliseconds timeout{3'000};
  // How long an answer holds before it is asked for again, unless the answer names a shorter time. When
  // there is no new one by then, it holds for once more as long.
  std::chrono::seconds ttl{60};
  // Requests under way at a time. Beyond it: they wait, up to 10,000 of them; the next is refused as when
  // the service is down.
  std::size_t concurrency = 32;
  // Answers that are remembered. Beyond it: the oldest is forgotten.
  std::size_t cache_entries = 10'000;
};

struct Options {
  Mode mode = Mode::kNone;
  std::string key_file;   // PEM, or a secret for HS256 (key_set.h)
  std::string jwks_file;  // instead of it
  TokenRules rules;
  CallbackOptions callback;
  std::string revoked_file;  // deny_list.h; may be empty
  std::string
      admin_token_file;  // a password that makes whoever has it admin everywhere; may be empty
  std::vector<std::string> origins;  // origin_list.h; none is "*"
  std::function<WallTime()> now;     // empty: the system's clock
};

}  // namespace weft::server::auth
