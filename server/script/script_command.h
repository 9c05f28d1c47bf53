#pragma once

// `weft script …`: the scripts in a data directory. What only reads works beside a running server, on
// one moment of the data; what writes needs the directory for itself.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace CLI {  // NOLINT(readability-identifier-naming): the library's name
class App;
}

namespace weft::server::script {

struct ScriptCommand {
  enum class Verb { kImport, kExport, kCheck, kRevisions, kCompile };

  Verb verb = Verb::kRevisions;
  std::string directory = "data";
  std::string path;  // a file to read or write; "-" and empty: standard input and output
  bool json = false;
  bool dry_run = false;                   // of kImport
  bool repair = false;                    // of kCheck
  std::optional<std::uint64_t> show;      // of kRevisions and kCompile; none: all, the only one
  std::optional<std::uint64_t> revision;  // of kCompile; none: the current one
};

// Does it and prints. The exit code of the program: those of server/command_line.h, and of
// server/tools/log_verbs.h where the data is damaged or in use.
int RunScriptCommand(const ScriptCommand& command);

// Adds `script` and its verbs to `app`; `chosen` is called when one of them is asked for.
void AddScriptVerbs(CLI::App& app, ScriptCommand& command, std::function<void()> chosen);

}  // namespace weft::server::script
