#include "server/serve_flags.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "server/auth/auth_flags.h"
#include "server/durability.h"
#include "server/limit_flags.h"
#include "server/listen_address.h"
#include "server/webhooks/webhook_flags.h"

namespace weft::server {
namespace {

constexpr const char* kServeExamples =
    "\nRooms are the paths of WebSocket URLs; a client joins the room \"notes\" with\n"
    "  new WebsocketProvider('ws://127.0.0.1:8080', 'notes', doc)\n"
    "\nExamples:\n"
    "  weft serve --listen 127.0.0.1:8080 --data ./data\n"
    "  weft serve --listen 0.0.0.0:80 --listen '[::]:80' --data /var/lib/weft\n"
    "  weft serve --listen localhost:0    takes a free port and says which\n"
    "  weft serve --listen 0.0.0.0:443 --tls-cert chain.pem --tls-key key.pem\n"
    "  weft serve --listen unix:/run/weft/weft.sock,mode=0660\n"
    "\nSizes take suffixes: 512K, 64M, 1G. On SIGTERM or SIGINT clients are closed with 1012\n"
    "(come back in a moment), everything accepted is committed and the exit code is 0.\n"
    "SIGHUP reloads the certificate and its key, and of the settings limits and --log-level.\n"
    "Flags may stand in the environment (WEFT_MAX_ROOMS) or in a file (--config); see weft "
    "config.\n"
    "Exit codes: 0 stopped in good order, 1 it did not work, 2 the command line is wrong.";

std::string CheckListen(const std::string& text) {
  const auto address = ParseListenAddress(text);
  return address.ok() ? std::string() : std::string(address.status().message());
}

// A range whose bounds the help does not print: they only keep nonsense out.
CLI::Validator InRange(std::int64_t smallest, std::int64_t largest) {
  return CLI::Range(smallest, largest).description("");
}

void AddLogOptions(CLI::App& serve, LogOptions& log) {
  const std::string group = "The log";
  const auto check = [](const std::string& text) {
    LogOptions ignored;
    return std::string(ParseDurability(text, ignored).message());
  };
  serve
      .add_option_function<std::string>(
          "--durability",
          [&log](const std::string& text) {
            [[maybe_unused]] const absl::Status checked = ParseDurability(text, log);
          },
          "When an edit counts as stored.\n"
          "fsync: when it is on the disk.\n"
          "interval=MS: at once; a crash or a power cut\ncosts at most the last MS milliseconds.\n"
          "none: for benchmarks; a power cut may cost the\nwhole log")
      ->check(CLI::Validator(check, "", "durability"))
      ->type_name("MODE")
      ->default_str("fsync")
      ->group(group);
  serve
      .add_option_function<std::int64_t>(
          "--commit-gap-ms",
          [&log](const std::int64_t& gap) { log.commit_gap = std::chrono::milliseconds(gap); },
          "Begin two commits no sooner after each other:\nfewer, larger ones, and later answers.\n"
          "Default: 0, or 16 with --relay accepted")
      ->check(InRange(0, 10'000))
      ->type_name("NUMBER")
      ->group(group);
  serve
      .add_option_function<double>(
          "--history-days",
          [&log](const double& days) {
            log.compaction.retention =
                std::chrono::milliseconds(static_cast<std::int64_t>(days * 86'400'000.0));
          },
          "How long single edits are kept once they are\nmerged; named versions stay")
      ->check(CLI::Range(0.0, 100'000.0).description(""))
      ->type_name("DAYS")
      ->default_str("7")
      ->group(group);
  serve
      .add_option("--compact-records", log.compaction.records,
                  "Merge a room's edits when there are so many")
      ->check(InRange(1, 1'000'000'000))
      ->type_name("NUMBER")
      ->capture_default_str()
      ->group(group);
  serve
      .add_option_function<std::int64_t>(
          "--compact-idle-seconds",
          [&log](const std::int64_t& seconds) {
            log.compaction.idle = std::chrono::seconds(seconds);
          },
          "Merge them when nobody has edited for so long")
      ->check(InRange(0, 1'000'000'000))
      ->type_name("NUMBER")
      ->default_str("30")
      ->group(group);
  serve
      .add_flag_callback(
          "--no-compaction", [&log] { log.compacts = false; }, "Keep every edit as it is")
      ->group(group);
  serve
      .add_flag_callback(
          "--no-check", [&log] { log.check_pages = false; },
          "Do not check the pages of the log at the start")
      ->group(group);
  serve
      .add_flag("--serve-after-log-failure", log.serves_after_failure,
                "When the disk has failed, go on showing\ndocuments instead of ending with 1")
      ->group(group);
}

void AddRelay(CLI::App& serve, RelayMoment& relay) {
  const std::map<std::string, RelayMoment> moments = {{"committed", RelayMoment::kCommitted},
                                                      {"accepted", RelayMoment::kAccepted}};
  serve
      .add_option(
          "--relay", relay,
          "When others are shown an edit.\n"
          "committed: when the log has it, so that\nnothing that anybody has seen is ever "
          "lost.\n"
          "accepted: at once, without waiting for the\ndisk. A crash may lose what others "
          "have seen\nin its last moments, unless one of them\ncomes back. Answers wait for "
          "the log anyway")
      ->transform(CLI::CheckedTransformer(moments).description(""))
      ->type_name("MOMENT")
      ->default_str("committed");
}

void AddTlsOptions(CLI::App& serve, ServerOptions& options) {
  const auto files = [&options]() -> TlsFiles& {
    if (!options.tls) options.tls.emplace();
    return *options.tls;
  };
  CLI::Option* certificate =
      serve
          .add_option_function<std::string>(
              "--tls-cert", [files](const std::string& file) { files().certificate = file; },
              "Certificate of this server in PEM, then those\nthat lead to a root")
          ->type_name("FILE");
  CLI::Option* key = serve
                         .add_option_function<std::string>(
                             "--tls-key", [files](const std::string& file) { files().key = file; },
                             "Its private key in PEM")
                         ->type_name("FILE");
  certificate->needs(key);
  key->needs(certificate);
}

void AddProxyOptions(CLI::App& serve, ServerOptions& options) {
  const auto add = [&options](const std::vector<std::string>& networks) {
    // Each was checked.
    for (const std::string& network : networks) {
      [[maybe_unused]] const absl::Status added = options.proxies.Add(network);
    }
  };
  const auto check = [](const std::string& text) {
    return std::string(TrustedProxies().Add(text).message());
  };
  const std::map<std::string, ProxyHeader> headers = {
      {"x-forwarded-for", ProxyHeader::kXForwardedFor}, {"forwarded", ProxyHeader::kForwarded}};
  serve
      .add_option_function<std::vector<std::string>>(
          "--trusted-proxy", add,
          "Proxies that are believed who a client is; may be\nrepeated. unix: whoever may connect "
          "to a socket in\nthe file system")
      ->check(CLI::Validator(check, "", "network"))
      ->type_name("NETWORK")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  serve
      .add_option("--proxy-header", options.proxy_header,
                  "Where they say it: x-forwarded-for or forwarded.\nThey must not pass on what "
                  "clients write there")
      ->transform(CLI::CheckedTransformer(headers, CLI::ignore_case).description(""))
      ->type_name("HEADER")
      ->default_str("x-forwarded-for");
}

void AddModeOptions(CLI::App& serve, ServerOptions& options) {
  const auto check = [](const std::string& text) {
    return std::string(lease::Rules::Parse(text).status().message());
  };
  serve
      .add_option_function<std::string>(
          "--modes",
          [&options](const std::string& text) { options.modes = *lease::Rules::Parse(text); },
          "Modes of working together on a room, comma between\nrules. NAME=shared or "
          "NAME=exclusive makes one; A!B: never\npeople in both; A~BLOCKER: not to be entered "
          "while\nfrozen, publishing or unsaved-draft")
      ->check(CLI::Validator(check, "", "modes"))
      ->type_name("RULES")
      ->default_str(std::string(lease::kDefaultRules));
  serve
      .add_option_function<std::int64_t>(
          "--mode-grace-seconds",
          [&options](const std::int64_t& seconds) {
            options.mode_grace = std::chrono::seconds(seconds);
          },
          "How long a mode is kept for whose connection was\nlost, and for a program that does not "
          "renew it")
      ->check(InRange(1, 86'400))
      ->type_name("NUMBER")
      ->default_str("15");
}

}  // namespace

CLI::App& AddServe(CLI::App& app, CommandLine& line) {
  CLI::App& serve =
      *app.add_subcommand("serve", "Serve rooms to Yjs editors, and a page to try it");
  // Read by Configure, before the parser sees anything.
  serve
      .add_option("--config",
                  "File with settings: each a flag without its dashes,\nas in "
                  "max-rooms = 1000 (TOML)")
      ->type_name("FILE");
  serve
      .add_option(
          "--listen", line.serve.listen,
          "Where to listen; may be repeated.\nHOST:PORT: TCP, with TLS if there is a certificate;\n"
          "tls: or plain: before it says which.\n"
          "unix:/PATH[,mode=0660]: a socket in the file system")
      ->check(CLI::Validator(CheckListen, "", "address"))
      ->type_name("ADDRESS")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->default_str("127.0.0.1:8080");
  AddTlsOptions(serve, line.serve);
  AddProxyOptions(serve, line.serve);
  serve
      .add_option("--data", line.serve.data_directory,
                  "Directory of the log; made when it is absent")
      ->type_name("DIR")
      ->capture_default_str();
  AddModeOptions(serve, line.serve);
  CLI::Option* const scripts = serve.add_flag(
      "--script", line.serves_scripts,
      "Serve the script editor, too: its page at /script/, its\nsocket and calls below "
      "/api/v1/ (weft script)");
  serve
      .add_option("--jwt-secret-file", line.jwt_secret_file,
                  "Of --script: the secret of 32 bytes or more that signs\nthe tokens of its users "
                  "(HS256; weft token --user).\nWithout it jwt-secret in the directory of the log, "
                  "made\nwhen it is absent")
      ->type_name("FILE")
      ->needs(scripts);
  serve.add_option("--threads", line.serve.threads, "Threads that serve rooms; 0 takes one a core")
      ->check(InRange(0, 1024))
      ->type_name("NUMBER")
      ->capture_default_str();
  AddRelay(serve, line.serve.relay);
  serve
      .add_option_function<std::int64_t>(
          "--drain-seconds",
          [&line](const std::int64_t& seconds) {
            line.serve.drain = std::chrono::seconds(seconds);
          },
          "From SIGTERM to the end. Clients are sent away a\nfew at a time over up to half of it")
      ->check(InRange(0, 3'600))
      ->type_name("NUMBER")
      ->default_str("10");
  AddLogOptions(serve, line.serve.log);
  const std::map<std::string, LogLevel> levels = {{"debug", LogLevel::kDebug},
                                                  {"info", LogLevel::kInfo},
                                                  {"warning", LogLevel::kWarning},
                                                  {"error", LogLevel::kError},
                                                  {"off", LogLevel::kOff}};
  serve.add_option("--log-level", line.log_level, "debug, info, warning, error or off")
      ->transform(CLI::CheckedTransformer(levels, CLI::ignore_case).description(""))
      ->type_name("LEVEL")
      ->default_str("info");
  const std::map<std::string, LogFormat> formats = {{"text", LogFormat::kText},
                                                    {"json", LogFormat::kJson}};
  serve.add_option("--log-format", line.log_format, "text or json: an object a line, with fields")
      ->transform(CLI::CheckedTransformer(formats, CLI::ignore_case).description(""))
      ->type_name("FORMAT")
      ->default_str("text");
  serve
      .add_option("--trace-room", line.trace_rooms,
                  "Log each message and each commit of this room;\nmay be repeated")
      ->type_name("ROOM")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  auth::AddAuthFlags(serve, line.serve.auth);
  AddLimitFlags(serve, line.serve.limits);
  webhooks::AddWebhookFlags(serve, line.serve.webhooks);
  serve.footer(kServeExamples);
  serve.callback([&line, listen = serve.get_option("--listen")] {
    line.verb = CommandLine::Verb::kServe;
    line.says_listen = listen->count() > 0;
  });
  return serve;
}

}  // namespace weft::server
