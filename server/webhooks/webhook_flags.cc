#include "server/webhooks/webhook_flags.h"

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

namespace weft::server::webhooks {
namespace {

constexpr const char* kGroup = "Webhooks";

void AddTime(CLI::App& serve, const std::string& flag, std::chrono::milliseconds& value,
             const std::string& help) {
  serve
      .add_option_function<std::int64_t>(
          flag, [&value](const std::int64_t& number) { value = std::chrono::milliseconds(number); },
          help)
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1'000'000'000}).description(""))
      ->type_name("NUMBER")
      ->default_str(std::to_string(value.count()))
      ->group(kGroup);
}

}  // namespace

void AddWebhookFlags(CLI::App& serve, Options& options) {
  const auto check = [](const std::string& url) {
    return std::string(ParseHttpUrl(url).status().message());
  };
  CLI::Option* url = serve
                         .add_option("--webhook", options.url,
                                     "Tell this address what happens to rooms: opened,\nclosed, "
                                     "changed, deleted, a version made, full,\na draft begun, "
                                     "published or discarded, a mode taken")
                         ->check(CLI::Validator(check, "", "receiver"))
                         ->type_name("URL")
                         ->group(kGroup);
  CLI::Option* secret = serve
                            .add_option("--webhook-secret-file", options.secret_file,
                                        "What requests are signed with (HMAC-SHA256,\nStandard "
                                        "Webhooks)")
                            ->type_name("FILE")
                            ->group(kGroup);
  serve
      .add_option("--webhook-ca", options.ca_file,
                  "Certificates (PEM) that are believed over\nhttps://, instead of the system's")
      ->type_name("FILE")
      ->group(kGroup)
      ->needs(url);
  url->needs(secret);
  secret->needs(url);
  AddTime(serve, "--webhook-debounce-ms", options.debounce,
          "Tell of changes when there was none for so long,\nat the latest after ten times that");
  AddTime(serve, "--webhook-timeout-ms", options.timeout, "How long an answer may take");
  AddTime(serve, "--webhook-retry-ms", options.first_retry,
          "First pause before an event is tried again;\nfurther ones double, up to five minutes");
  serve
      .add_option(
          "--webhook-outbox-events", options.outbox_events,
          "Events that wait for the receiver. Beyond:\nchanges are told later, others never")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1'000'000'000}).description(""))
      ->type_name("NUMBER")
      ->capture_default_str()
      ->group(kGroup);
  serve
      .add_option("--webhook-days", options.days,
                  "How long an event is tried before it is given up")
      ->check(CLI::Range(0.0, 100'000.0).description(""))
      ->type_name("DAYS")
      ->default_str("3")
      ->group(kGroup);
}

}  // namespace weft::server::webhooks
