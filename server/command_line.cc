#include "server/command_line.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

#include "absl/strings/str_join.h"
#include "server/configuration.h"
#include "server/serve_flags.h"
#include "server/settings_file.h"
#include "server/tools/blob_command_line.h"
#include "server/tools/log_command_line.h"
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

constexpr const char* kConfigExamples =
    "\nTakes all flags of weft serve, and prints what a server that is started with them here "
    "would\n"
    "use: what the command line says, else the environment (WEFT_MAX_ROOMS for --max-rooms), else\n"
    "the file of --config or WEFT_CONFIG, else the default. What it prints can be such a file.\n"
    "\nExamples:\n"
    "  weft config > weft.toml\n"
    "  weft config --config weft.toml --json";

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
  AddBlobVerbs(app, line.blob, [&line] { line.verb = CommandLine::Verb::kBlob; });
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
