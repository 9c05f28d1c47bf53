#pragma once

// `weft token`: makes a signed token, for tests, demonstrations and programs of the operator.

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "server/auth/grants.h"

namespace CLI {  // NOLINT(readability-identifier-naming): of the library
class App;
}

namespace weft::server::auth {

struct TokenCommand {
  std::string secret_file;  // for HS256
  std::string key_file;     // a private key in PEM, otherwise
  std::string subject;
  std::string token_id;
  std::vector<std::pair<std::string, Role>> rooms;  // by pattern
  std::string issuer;
  std::string audience;
  std::chrono::seconds expires{3'600};                      // 0: never
  std::optional<std::chrono::seconds> not_before;           // from now on; may lie in the past
  std::vector<std::pair<std::string, std::string>> claims;  // JSON, or text when it is none
};

// Adds the verb to `app`; `chosen` is called when it is the one asked for. `command` outlives it.
void AddTokenVerb(CLI::App& app, TokenCommand& command, std::function<void()> chosen);

// The token. Fails: kInvalidArgument and others, saying what is wrong with the key or its file.
absl::StatusOr<std::string> RunTokenCommand(const TokenCommand& command, WallTime now);

// "90", "15m", "1h", "7d", also with a minus: so many seconds. Nothing when it is none of these.
std::optional<std::chrono::seconds> ParseDuration(const std::string& text);

}  // namespace weft::server::auth
