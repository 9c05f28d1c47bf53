#include "server/auth/token_command.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <functional>

#include "absl/strings/str_cat.h"
#include "crdt/json.h"
#include "server/auth/key_set.h"
#include "server/auth/token.h"

namespace weft::server::auth {
namespace {

constexpr std::size_t kMaxJsonDepth = 16;

constexpr const char* kFooter =
    "\nPrints a JWT as --auth token of weft serve takes it: signed with HS256 by a secret, with "
    "RS256,\n"
    "ES256 or EdDSA by a private key.\n"
    "\nExamples:\n"
    "  head -c 32 /dev/urandom | base64 > secret\n"
    "  weft serve --auth token --auth-key-file secret\n"
    "  weft token --secret-file secret --subject ann --room 'team/*=write' --room '*=read'\n"
    "\n  openssl genpkey -algorithm ed25519 -out key.pem\n"
    "  openssl pkey -in key.pem -pubout -out public.pem\n"
    "  weft serve --auth token --auth-key-file public.pem\n"
    "  weft token --key-file key.pem --subject ann --room notes=admin --expires 10m\n"
    "\n  weft serve --script --jwt-secret-file secret\n"
    "  weft token --jwt-secret-file secret --user 1 --expires 12h";

std::optional<std::pair<std::string, Role>> ParseRoom(const std::string& text) {
  const std::size_t equals = text.rfind('=');
  if (equals == std::string::npos || equals == 0) return std::nullopt;
  const std::optional<Role> role = RoleFromName(text.substr(equals + 1));
  if (!role) return std::nullopt;
  return std::pair(text.substr(0, equals), *role);
}

std::optional<std::pair<std::string, std::string>> ParseClaim(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) return std::nullopt;
  return std::pair(text.substr(0, equals), text.substr(equals + 1));
}

bool IsUserId(const std::string& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number > 0;
}

CLI::Validator CheckedBy(std::function<std::string(const std::string&)> check,
                         const std::string& name) {
  return {std::move(check), "", name};
}

absl::StatusOr<SigningKey> LoadKey(const TokenCommand& command) {
  const bool is_secret = !command.secret_file.empty();
  const std::string& file = is_secret ? command.secret_file : command.key_file;
  auto text = ReadSmallFile(file);
  if (!text.ok()) return text.status();
  absl::StatusOr<SigningKey> key = absl::UnknownError("");
  if (is_secret) {
    auto secret = SecretFromText(*std::move(text));
    key = secret.ok() ? SigningKey::FromSecret(*std::move(secret)) : secret.status();
  } else {
    key = SigningKey::FromPem(*text);
  }
  if (key.ok()) return key;
  return absl::InvalidArgumentError(
      absl::StrCat("\"", file, "\": ", std::string(key.status().message())));
}

double SecondsSinceEpoch(WallTime time) {
  return static_cast<double>(
      std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count());
}

}  // namespace

std::optional<std::chrono::seconds> ParseDuration(const std::string& text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string unit(end, text.data() + text.size());
  std::int64_t factor = 0;
  if (unit.empty() || unit == "s") factor = 1;
  if (unit == "m") factor = 60;
  if (unit == "h") factor = 3'600;
  if (unit == "d") factor = 86'400;
  constexpr std::int64_t kMost = 100 * 365 * std::int64_t{86'400};
  if (error != std::errc() || factor == 0 || number > kMost / factor || number < -kMost / factor) {
    return std::nullopt;
  }
  return std::chrono::seconds(number * factor);
}

void AddTokenVerb(CLI::App& app, TokenCommand& command, std::function<void()> chosen) {
  CLI::App& token = *app.add_subcommand("token", "Make a signed token that opens rooms");
  CLI::Option_group& key = *token.add_option_group("Key");
  key.add_option("--secret-file,--jwt-secret-file", command.secret_file,
                 "A secret of 32 bytes or more: HS256")
      ->type_name("FILE");
  key.add_option("--key-file", command.key_file, "A private key in PEM: RSA, P-256 or Ed25519")
      ->type_name("FILE");
  key.require_option(1);
  token.add_option("--subject", command.subject, "Who it is for (claim \"sub\")")
      ->type_name("NAME");
  token
      .add_option_function<std::uint64_t>(
          "--user",
          [&command](const std::uint64_t& user) {
            command.claims.emplace_back("user_id", std::to_string(user));
          },
          "A user of the script editor, by id (claim \"user_id\")")
      ->check(CheckedBy(
          [](const std::string& text) {
            return IsUserId(text) ? std::string()
                                  : "\"" + text + "\" is no id: ids are positive integers";
          },
          "user"))
      ->type_name("ID");
  token.add_option("--id", command.token_id, "Its own name, to revoke it by (claim \"jti\")")
      ->type_name("ID");
  const auto add_rooms = [&command](const std::vector<std::string>& texts) {
    for (const std::string& text : texts) command.rooms.push_back(*ParseRoom(text));  // checked
  };
  token
      .add_option_function<std::vector<std::string>>(
          "--room", add_rooms,
          "A pattern of rooms and the role in them: none,\nread, write or admin; may be repeated")
      ->check(CheckedBy(
          [](const std::string& text) {
            return ParseRoom(text) ? std::string()
                                   : "\"" + text +
                                         "\" is not PATTERN=ROLE, with a role that is "
                                         "none, read, write or admin";
          },
          "room"))
      ->type_name("PATTERN=ROLE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  const auto is_duration = [](const std::string& text) {
    return ParseDuration(text) ? std::string()
                               : "\"" + text + "\" is no time such as 90s, 15m or 1h";
  };
  token
      .add_option_function<std::string>(
          "--expires",
          [&command](const std::string& text) { command.expires = *ParseDuration(text); },
          "How long it holds, such as 90s, 15m, 1h or 7d; 0\nfor ever")
      ->check(CheckedBy(is_duration, "time"))
      ->type_name("TIME")
      ->default_str("1h");
  token
      .add_option_function<std::string>(
          "--not-before",
          [&command](const std::string& text) { command.not_before = ParseDuration(text); },
          "From when on it holds, as a time from now")
      ->check(CheckedBy(is_duration, "time"))
      ->type_name("TIME");
  token.add_option("--issuer", command.issuer, "Claim \"iss\"")->type_name("TEXT");
  token.add_option("--audience", command.audience, "Claim \"aud\"")->type_name("TEXT");
  const auto add_claims = [&command](const std::vector<std::string>& texts) {
    for (const std::string& text : texts) command.claims.push_back(*ParseClaim(text));  // checked
  };
  token
      .add_option_function<std::vector<std::string>>(
          "--claim", add_claims,
          "A further claim, as JSON, or as text where it is\nno JSON; may be repeated")
      ->check(CheckedBy(
          [](const std::string& text) {
            return ParseClaim(text) ? std::string() : "\"" + text + "\" is not NAME=VALUE";
          },
          "claim"))
      ->type_name("NAME=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  token.footer(kFooter);
  token.callback(std::move(chosen));
}

absl::StatusOr<std::string> RunTokenCommand(const TokenCommand& command, WallTime now) {
  const auto key = LoadKey(command);
  if (!key.ok()) return key.status();
  crdt::AnyObject rooms;
  RoomRoles checked;
  for (const auto& [pattern, role] : command.rooms) {
    const absl::Status added = checked.Add(pattern, role);
    if (!added.ok()) return absl::InvalidArgumentError(added.message());
    rooms.Set(pattern, std::string(RoleName(role)));
  }
  crdt::AnyObject claims = {{"rooms", std::move(rooms)}, {"iat", SecondsSinceEpoch(now)}};
  if (!command.subject.empty()) claims.Set("sub", command.subject);
  if (!command.token_id.empty()) claims.Set("jti", command.token_id);
  if (!command.issuer.empty()) claims.Set("iss", command.issuer);
  if (!command.audience.empty()) claims.Set("aud", command.audience);
  if (command.expires.count() != 0) claims.Set("exp", SecondsSinceEpoch(now + command.expires));
  if (command.not_before) claims.Set("nbf", SecondsSinceEpoch(now + *command.not_before));
  for (const auto& [name, value] : command.claims) {
    std::optional<crdt::Any> json = crdt::ParseJson(value, kMaxJsonDepth);
    claims.Set(name, json ? *std::move(json) : crdt::Any(value));
  }
  auto token = MakeToken(*key, claims);
  if (token.ok() && token->size() > kMaxTokenBytes) {
    return absl::InvalidArgumentError(absl::StrCat("a token has at most ", kMaxTokenBytes,
                                                   " bytes; this one has ", token->size()));
  }
  return token;
}

}  // namespace weft::server::auth
