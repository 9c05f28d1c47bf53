#include "server/command_line.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <fstream>
#include <map>
#include <sstream>

#include "absl/strings/str_join.h"
#include "server/auth/auth_flags.h"
#include "server/configuration.h"
#include "server/limit_flags.h"
#include "server/listen_address.h"
#include "server/settings_file.h"
#include "server/tools/log_command_line.h"
#include "server/webhooks/webhook_flags.h"
#include "weft_version.h"

namespace weft::server {
namespace {

constexpr const char* kDescription =
    "weft carries edits of shared documents between people, and keeps every one of them.\n"
    "It speaks the protocol of y-websocket, so every editor made with Yjs can use it.";

constexpr const char* kExamples =
    "\nTry it:\n"
    "  weft serve                         then open http://127.0.0.1:8080/ in two windows\n"
    "  weft serve --help                  all flags of the server\n"
    "  weft config                        its settings, and where they come from\n"
    "  weft log --help                    what is kept, and what it was\n"
    "  weft inspect update.bin            what is in an update\n"
    "  weft text update.bin               what a document says\n"
    "\nExit codes: 0 all went well, 1 it did not work or the answer is no, 2 the command line or "
    "the\n"
    "input is wrong.";

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

constexpr const char* kConfigExamples =
    "\nTakes all flags of weft serve, and prints what a server that is started with them here "
    "would\n"
    "use: what the command line says, else the environment (WEFT_MAX_ROOMS for --max-rooms), else\n"
    "the file of --config or WEFT_CONFIG, else the default. What it prints can be such a file.\n"
    "\nExamples:\n"
    "  weft config > weft.toml\n"
    "  weft config --config weft.toml --json";

constexpr const char* kRootHelp =
    "\nAn update does not say of what kind a root type is. It is guessed from what is in it:\n"
    "characters make a text, XML nodes an xmlfragment, other elements an array, keys alone a map.\n"
    "--root NAME:KIND says it: text, array, map, xmlfragment, xmltext or xmlelement.";

// A verb that works on updates, for the help and the parser.
struct BlobVerb {
  BlobCommand::Verb verb;
  const char* name;
  const char* help;
  const char* footer;
  std::size_t files_min = 1;
  std::size_t files_max = 1;
  bool has_roots = false;
  bool writes_bytes = false;
};

constexpr std::size_t kManyFiles = 1'000'000;

const std::vector<BlobVerb>& BlobVerbs() {
  using enum BlobCommand::Verb;
  static const std::vector<BlobVerb> verbs = {
      {kInspect, "inspect", "Print what is in an update",
       "\nPrints the clients of one update, their blocks, and what it deletes.\n"
       "\nExamples:\n  weft inspect update.bin\n"
       "  curl -s https://example.org/update | weft inspect -"},
      {kJson, "json", "Print what a document holds, as JSON",
       "\nSeveral files are applied to one document. With one --root its value alone is printed.\n"
       "Binary, BigInt, undefined and NaN are written as {\"$binary\":…} and the like.\n"
       "\nExamples:\n  weft json state.bin\n  weft json state.bin --root notes:array | jq .",
       1, kManyFiles, /*has_roots=*/true, false},
      {kText, "text", "Print a text, or XML",
       "\nPrints the only text of the document, or the one that --root names.\n"
       "\nExamples:\n  weft text state.bin\n  weft text state.bin --root title",
       1, kManyFiles, /*has_roots=*/true, false},
      {kDelta, "delta", "Print a text with its formatting, as a Quill delta",
       "\nExample:\n  weft delta state.bin --root content:text", 1, kManyFiles,
       /*has_roots=*/true, false},
      {kMerge, "merge", "Join updates into one",
       "\nExample:\n  weft merge monday.bin tuesday.bin --output week.bin", 1, kManyFiles, false,
       /*writes_bytes=*/true},
      {kDiff, "diff", "Cut off an update what another one has",
       "\nWrites what the first file brings beyond the second one, as Y.diffUpdate does: all "
       "deletes "
       "stay.\n"
       "\nExamples:\n  weft diff new.bin old.bin --output news.bin\n"
       "  weft diff new.bin client.sv --state-vector --base64",
       2, 2, false, /*writes_bytes=*/true},
      {kConvert, "convert", "Change the format of an update",
       "\nFrom v1 to v2; with --v2, which says what the file is, from v2 to v1.\n"
       "\nExample:\n  weft convert state.bin --output state.v2.bin",
       1, 1, false, /*writes_bytes=*/true},
      {kStateVector, "state-vector", "Say what whoever has an update has seen",
       "\nExamples:\n  weft state-vector state.bin --json\n"
       "  weft state-vector state.bin --base64",
       1, 1, false, /*writes_bytes=*/true},
      {kWhyPending, "why-pending", "Say what of a document waits, and for what",
       "\nThe files are applied to one document. Exit code 0 when nothing waits, 1 when something "
       "does.\n\nExample:\n  weft why-pending state.bin news.bin",
       1, kManyFiles},
      {kEqual, "equal", "Say whether two updates bring the same",
       "\nHowever their bytes differ: the order of clients and how runs are cut say nothing.\n"
       "Exit code 0 when they do, 1 when they do not.\n\nExample:\n  weft equal a.bin b.bin",
       2, 2},
      {kBytes, "bytes", "Say what makes an update large",
       "\nBy root type, by client, and what of it are tombstones. The bytes of blocks are those "
       "of\n"
       "format v1, in which each has its own.\n\nExample:\n  weft bytes state.bin"},
  };
  return verbs;
}

constexpr const char* kFuzzCorpusExamples =
    "\nDIR/manifest.json says of each file what it is (an update of format v1 or v2, a state "
    "vector, …)\n"
    "and whether weft accepts it, so that other implementations can be tested with the same "
    "bytes.\n"
    "\nExample:\n  weft fuzz-corpus ./hostile && jq '.inputs[0]' ./hostile/manifest.json";

constexpr const char* kDriverExamples =
    "\nReads requests from standard input, one JSON object a line, and writes a reply to each.\n"
    "Bytes are base64. An error is a reply, {\"error\": \"…\"}, and the program goes on. The "
    "requests\n"
    "are listed in crdt/driver/driver.h.\n"
    "\nExample:\n"
    "  printf '%s\\n' '{\"op\":\"new\",\"doc\":0,\"clientID\":1}' \\\n"
    "    "
    "'{\"op\":\"edit\",\"doc\":0,\"actions\":[{\"op\":\"text.insert\",\"name\":\"t\",\"index\":0,"
    "\"text\":\"hi\"}]}' \\\n"
    "    '{\"op\":\"json\",\"doc\":0,\"types\":{\"t\":\"text\"}}' | weft driver";

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

// For the help: what follows the word is read as what follows `serve`.
void AddConfig(CLI::App& app) {
  CLI::App& config =
      *app.add_subcommand("config", "Print the settings of the server, and where each comes from");
  config.add_flag_callback("--json", [] {}, "Print one JSON object");
  config.footer(kConfigExamples);
}

std::vector<FlagKind> FlagsOf(const CLI::App& serve) {
  std::vector<FlagKind> flags;
  for (const CLI::Option* option : serve.get_options()) {
    if (option->get_lnames().empty() || option->get_lnames()[0] == "help") continue;
    flags.push_back(
        {.name = option->get_lnames()[0],
         .takes_value = option->get_items_expected_max() > 0,
         .repeats = option->get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll});
  }
  return flags;
}

// Why one flag by itself is wrong; what it needs beside it is looked at when all are there.
std::string CheckFlag(const std::string& argument) {
  CLI::App app;
  CommandLine ignored;
  AddServe(app, ignored);
  try {
    app.parse(std::vector<std::string>{argument, "serve"});
  } catch (const CLI::RequiresError&) {
  } catch (const CLI::ExcludesError&) {
  } catch (const CLI::ParseError& error) {
    return error.what();
  }
  return {};
}

// The values of each flag in a command line that was read without error.
std::map<std::string, std::vector<std::string>> ValuesIn(const std::vector<std::string>& arguments,
                                                         const std::vector<FlagKind>& flags) {
  std::map<std::string, std::vector<std::string>> values;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (!arguments[i].starts_with("--")) continue;
    const std::size_t equals = std::min(arguments[i].find('='), arguments[i].size());
    const std::string name = arguments[i].substr(2, equals - 2);
    const bool has_value = equals < arguments[i].size();
    const bool takes_value = std::any_of(flags.begin(), flags.end(), [&](const FlagKind& flag) {
      return flag.name == name && flag.takes_value;
    });
    if (!takes_value) {
      values[name] = {"true"};
    } else {
      values[name].push_back(has_value ? arguments[i].substr(equals + 1) : arguments[++i]);
    }
  }
  return values;
}

// Settings that hold a secret themselves are named so; others name the file with it.
bool IsSecret(std::string_view name) {
  return name.ends_with("-secret") || name.ends_with("-password");
}

std::string RenderConfiguration(const CLI::App& serve, const Configuration& configuration,
                                bool as_json) {
  const std::vector<FlagKind> flags = FlagsOf(serve);
  const auto given = ValuesIn(configuration.arguments, flags);
  std::string out = as_json ? "{" : "";
  for (const FlagKind& flag : flags) {
    std::vector<std::string> values;
    std::string origin = "default";
    if (const auto found = given.find(flag.name); found != given.end()) {
      values = found->second;
      origin = configuration.origins.at(flag.name);
    } else if (!flag.takes_value) {
      values = {"false"};
    } else if (const std::string text = serve.get_option("--" + flag.name)->get_default_str();
               !text.empty()) {
      values = {text};
    }
    if (IsSecret(flag.name) && !values.empty()) values = {"(not shown)"};
    std::string value;
    for (const std::string& one : values) {
      if (!value.empty()) value += ", ";
      value += RenderScalar(one);
    }
    if (flag.repeats) value = "[" + value + "]";
    if (as_json) {
      if (out.size() > 1) out += ",";
      out += "\n  " + RenderScalar(flag.name) +
             ": {\"value\": " + (value.empty() ? "null" : value) +
             ", \"from\": " + RenderScalar(origin) + "}";
    } else if (flag.name != "config") {
      std::string row = value.empty() ? "# " + flag.name : flag.name + " = " + value;
      if (row.size() < 40) row.resize(40, ' ');
      out += row + "  # " + (value.empty() ? "not set" : origin) + "\n";
    }
  }
  return as_json ? out + "\n}\n" : out;
}

void AddInputOptions(CLI::App& app, BlobOptions& options) {
  app.add_flag_callback(
      "--v2", [&options] { options.format = crdt::UpdateFormat::kV2; },
      "The updates are of format v2");
  app.add_flag("--from-base64", options.from_base64, "What is read is base64");
}

void AddBlobVerb(CLI::App& app, CommandLine& line, const BlobVerb& verb) {
  CLI::App& sub = *app.add_subcommand(verb.name, verb.help);
  BlobCommand& blob = line.blob;
  sub.add_option("FILE", blob.files, "Files with updates; - is standard input")
      ->required()
      ->expected(static_cast<int>(verb.files_min), static_cast<int>(verb.files_max))
      ->type_name("");
  AddInputOptions(sub, blob.options);
  if (verb.has_roots) {
    const auto add = [&blob](const std::vector<std::string>& names) {
      // Each was checked.
      for (const std::string& name : names) blob.roots.push_back(*ParseRootName(name));
    };
    const auto check = [](const std::string& text) {
      const auto root = ParseRootName(text);
      return root.ok() ? std::string() : std::string(root.status().message());
    };
    sub.add_option_function<std::vector<std::string>>(
           "--root", add, "A root type of the document; may be repeated")
        ->check(CLI::Validator(check, "", "root type"))
        ->type_name("NAME[:KIND]")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  }
  if (verb.writes_bytes) {
    sub.add_flag("--base64", blob.options.to_base64, "Write base64 instead of bytes");
    sub.add_option("--output", blob.options.output, "File to write; standard output otherwise")
        ->type_name("FILE");
  }
  if (verb.verb == BlobCommand::Verb::kDiff) {
    sub.add_flag("--state-vector", blob.known_is_state_vector,
                 "The second file is a state vector, no update");
  }
  if (verb.verb == BlobCommand::Verb::kStateVector) {
    sub.add_flag("--json", blob.as_json, "Print clocks by client instead");
  }
  sub.footer(verb.has_roots ? std::string(kRootHelp) + "\n" + verb.footer : verb.footer);
  sub.callback([&line, &verb] {
    line.verb = CommandLine::Verb::kBlob;
    line.blob.verb = verb.verb;
  });
}

void AddDriver(CLI::App& app, CommandLine& line) {
  CLI::App& driver =
      *app.add_subcommand("driver", "Documents on command, for test suites of any language");
  driver.footer(kDriverExamples);
  driver.callback([&line] { line.verb = CommandLine::Verb::kDriver; });
  CLI::App& corpus = *app.add_subcommand(
      "fuzz-corpus", "Write the hostile inputs that weft is tested with, as files");
  corpus.footer(kFuzzCorpusExamples);
  corpus.add_option("DIR", line.corpus_directory, "A folder that is empty, or not there yet")
      ->required();
  corpus.callback([&line] { line.verb = CommandLine::Verb::kFuzzCorpus; });
}

void AddConnect(CLI::App& app, CommandLine& line) {
  CLI::App& sub = *app.add_subcommand("connect", "Follow a room of a running server");
  ConnectCommand& connect = line.connect;
  sub.add_option("URL", connect.url, "The server, as ws://localhost:8080 or wss://example.org")
      ->required()
      ->type_name("");
  sub.add_option("ROOM", connect.room, "The name of the room")->required()->type_name("");
  sub.add_option("--token-file", connect.token_file, "A file with the token to show")
      ->type_name("FILE");
  sub.add_option("--ca", connect.ca_file,
                 "Certificates (PEM) that are believed over wss://, instead of the system's")
      ->type_name("FILE");
  CLI::Option& text = *sub.add_flag_callback(
      "--text", [&connect] { connect.show = ConnectCommand::Show::kText; },
      "Print a text, and what changes in it, instead of updates");
  sub.add_option("--root", connect.root, "The root type that is the text")
      ->capture_default_str()
      ->type_name("NAME")
      ->needs(&text);
  sub.add_flag_callback(
         "--json", [&connect] { connect.show = ConnectCommand::Show::kJson; },
         "Print the document as a line of JSON each time")
      ->excludes(&text);
  sub.add_option("--write", connect.write, "Send the update in this file; - is standard input")
      ->type_name("FILE");
  AddInputOptions(sub, connect.options);
  sub.add_flag("--once", connect.once,
               "End when the room is printed and what was written is durable");
  sub.footer(
      "\nExamples:\n"
      "  weft connect ws://localhost:8080 notes --text --once     print a text\n"
      "  weft connect ws://localhost:8080 notes --text            and go on with what changes\n"
      "  weft connect ws://localhost:8080 notes --write edit.bin --once\n"
      "\nWhat is said about the connection goes to standard error; after a break it is tried "
      "again,\n"
      "but with --once.\n"
      "Exit codes: 0 done, or interrupted; 1 refused, or not reached; 2 the command line is wrong, "
      "or\n"
      "a file cannot be read.");
  sub.callback([&line] { line.verb = CommandLine::Verb::kConnect; });
}

}  // namespace

Surroundings RealSurroundings() {
  Surroundings surroundings;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    surroundings.environment.emplace_back(*entry);
  }
  surroundings.read_file = [](const std::string& path) -> absl::StatusOr<std::string> {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    if (file) text << file.rdbuf();
    if (!file || file.bad() || (text.fail() && file.peek() != std::ifstream::traits_type::eof())) {
      return absl::InvalidArgumentError("the file \"" + path + "\" (--config) cannot be read");
    }
    return text.str();
  };
  return surroundings;
}

CommandLine ParseCommandLine(std::vector<std::string> arguments, const Surroundings& surroundings) {
  CommandLine line;
  CLI::App app(kDescription, "weft");
  app.set_version_flag("--version", "weft " WEFT_VERSION);
  app.require_subcommand(1);
  app.footer(kExamples);
  CLI::App& serve = AddServe(app, line);
  AddConfig(app);
  for (const BlobVerb& verb : BlobVerbs()) AddBlobVerb(app, line, verb);
  AddLogVerbs(app, line.log, [&line] { line.verb = CommandLine::Verb::kLog; });
  script::AddScriptVerbs(app, line.script, [&line] { line.verb = CommandLine::Verb::kScript; });
  AddConnect(app, line);
  auth::AddTokenVerb(app, line.token, [&line] { line.verb = CommandLine::Verb::kToken; });
  AddDriver(app, line);
  const bool nothing_asked = arguments.empty();
  const auto is_asked = [&](const CLI::App* verb) { return verb->get_name() == arguments[0]; };
  const auto refuse = [&line](const std::string& why) {
    line.verb = CommandLine::Verb::kNothing;
    line.exit_code = kExitUsage;
    line.output = "weft: " + why + "\nRun weft --help for more information.\n";
    return line;
  };
  if (!nothing_asked && !arguments[0].starts_with("-") && app.get_subcommands(is_asked).empty()) {
    return refuse("there is no command \"" + arguments[0] +
                  "\"; there are serve, config, token, log, script, inspect and driver.");
  }
  if (arguments.size() > 1 && !arguments[1].starts_with("-")) {
    std::vector<std::string> verbs;
    for (const CLI::App* group : app.get_subcommands(is_asked)) {
      for (const CLI::App* verb : group->get_subcommands({})) {
        if (!verb->get_name().empty()) verbs.push_back(verb->get_name());
      }
    }
    if (!verbs.empty() && std::ranges::find(verbs, arguments[1]) == verbs.end()) {
      const auto nearest = NearestName(arguments[1], verbs);
      return refuse("weft " + arguments[0] + " has no \"" + arguments[1] +
                    (nearest ? "\"; do you mean " + *nearest + "? There" : "\"; there") + " are " +
                    absl::StrJoin(verbs, ", ") + ".");
    }
  }
  const auto asks = [&](std::string_view flag) {
    return std::find(arguments.begin(), arguments.end(), flag) != arguments.end();
  };
  const bool wants_help = asks("--help") || asks("-h");
  const bool prints_config = !nothing_asked && arguments[0] == "config" && !wants_help;
  const bool as_json = prints_config && asks("--json");
  if (prints_config) {
    arguments[0] = "serve";
    std::erase(arguments, "--json");
  }
  Configuration configuration{.arguments = arguments, .origins = {}};
  if (!nothing_asked && arguments[0] == "serve" && !wants_help) {
    auto configured = Configure(std::move(arguments), {.flags = FlagsOf(serve),
                                                       .environment = surroundings.environment,
                                                       .read_file = surroundings.read_file,
                                                       .check = CheckFlag});
    if (!configured.ok()) return refuse(std::string(configured.status().message()));
    configuration = *std::move(configured);
  }
  try {
    arguments = configuration.arguments;
    std::reverse(arguments.begin(), arguments.end());
    app.parse(std::move(arguments));
    if (prints_config) {
      line.verb = CommandLine::Verb::kNothing;
      line.output = RenderConfiguration(serve, configuration, as_json);
    }
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    std::ostringstream err;
    line.verb = CommandLine::Verb::kNothing;
    if (nothing_asked) {
      line.exit_code = kExitUsage;
      line.output = app.help();
    } else if (app.exit(error, out, err) == 0) {
      line.output = out.str();
    } else {
      line.exit_code = kExitUsage;
      line.output = "weft: " + err.str();
    }
  }
  return line;
}

}  // namespace weft::server
