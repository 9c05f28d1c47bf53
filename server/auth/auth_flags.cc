#include "server/auth/auth_flags.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "server/auth/origin_list.h"

namespace weft::server::auth {
namespace {

constexpr const char* kGroup = "Who may do what";

CLI::Validator InRange(std::int64_t smallest, std::int64_t largest) {
  return CLI::Range(smallest, largest).description("");
}

template <typename Unit>
void AddTime(CLI::App& serve, const std::string& flag, Unit& value, std::int64_t smallest,
             std::int64_t largest, const std::string& help) {
  serve
      .add_option_function<std::int64_t>(
          flag, [&value](const std::int64_t& number) { value = Unit(number); }, help)
      ->check(InRange(smallest, largest))
      ->type_name("NUMBER")
      ->default_str(std::to_string(value.count()))
      ->group(kGroup);
}

void AddFile(CLI::App& serve, const std::string& flag, std::string& file, const std::string& help) {
  serve.add_option(flag, file, help)->type_name("FILE")->group(kGroup);
}

void AddTokenFlags(CLI::App& serve, Options& options) {
  AddFile(serve, "--auth-key-file", options.key_file,
          "Public keys in PEM (RSA, P-256, Ed25519), or a\nsecret of 32 bytes or more for HS256");
  AddFile(serve, "--auth-jwks-file", options.jwks_file, "A JSON key set instead");
  serve
      .add_option("--auth-issuer", options.rules.issuer,
                  "The claim \"iss\" that tokens have to have")
      ->type_name("TEXT")
      ->group(kGroup);
  serve
      .add_option("--auth-audience", options.rules.audiences,
                  "What the claim \"aud\" of tokens has to name; may\nbe repeated: one of them")
      ->type_name("TEXT")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->group(kGroup);
  AddTime(serve, "--auth-clock-skew-seconds", options.rules.clock_skew, 0, 86'400,
          "How far the clock of whoever signs tokens may be\noff");
  AddFile(serve, "--auth-revoked-file", options.revoked_file,
          "Lines sub:NAME and jti:ID: people and tokens that\nare refused, or sent away");
}

void AddCallbackFlags(CLI::App& serve, CallbackOptions& callback) {
  serve
      .add_option(
          "--auth-callback-url", callback.url,
          "http[s]://HOST[:PORT]/PATH of a service that is\nPOSTed {\"token\", \"room\", "
          "\"address\", \"origin\"} and\nanswers {\"role\", \"subject\", \"expires_in\"}, 401 "
          "or 403")
      ->type_name("URL")
      ->group(kGroup);
  AddFile(serve, "--auth-callback-ca", callback.ca_file,
          "Certificates (PEM) that are believed over https://,\ninstead of the system's");
  AddTime(serve, "--auth-callback-timeout-ms", callback.timeout, 1, 600'000,
          "How long its answer may take.\nBeyond: clients are told to come back later");
  AddTime(serve, "--auth-callback-ttl-seconds", callback.ttl, 1, 86'400,
          "How long its answer holds before it is asked\nagain; once more as long when it is down");
  serve
      .add_option("--auth-callback-concurrency", callback.concurrency,
                  "Questions under way at a time")
      ->check(InRange(1, 10'000))
      ->type_name("NUMBER")
      ->capture_default_str()
      ->group(kGroup);
}

}  // namespace

void AddAuthFlags(CLI::App& serve, Options& options) {
  const std::map<std::string, Mode> modes = {
      {"none", Mode::kNone}, {"token", Mode::kToken}, {"callback", Mode::kCallback}};
  serve
      .add_option("--auth", options.mode,
                  "none: everybody may write in every room.\ntoken: what a signed token (JWT) "
                  "says, shown as\n?token=… or in the header Authorization.\ncallback: what a "
                  "service says that is asked")
      ->transform(CLI::CheckedTransformer(modes).description(""))
      ->type_name("MODE")
      ->default_str("none")
      ->group(kGroup);
  AddTokenFlags(serve, options);
  AddCallbackFlags(serve, options.callback);
  AddFile(serve, "--admin-token-file", options.admin_token_file,
          "A password of 16 characters or more; who shows it\nas a token is admin everywhere");
  const auto check = [](const std::string& text) {
    return std::string(OriginList().Add(text).message());
  };
  serve
      .add_option("--allow-origin", options.origins,
                  "Web pages that may connect: scheme://host[:port]\nor https://*.example.org; may "
                  "be repeated")
      ->check(CLI::Validator(check, "", "origin"))
      ->type_name("ORIGIN")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->default_str("*")
      ->group(kGroup);
}

}  // namespace weft::server::auth
