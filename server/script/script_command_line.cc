#include <CLI/CLI.hpp>
#include <string>
#include <utility>

#include "server/script/script_command.h"

namespace weft::server::script {
namespace {

using Verb = ScriptCommand::Verb;

constexpr const char* kExamples =
    "\nexport, check and revisions work while a server uses the data. What writes wants the "
    "server\n"
    "stopped, and says who has the data: import, check --repair, compile.\n"
    "\nExamples:\n"
    "  weft script import tempest.json --data /var/lib/weft\n"
    "  weft script revisions --data /var/lib/weft\n"
    "  weft script export --output copy.json\n"
    "  weft script check --repair\n"
    "  weft script compile --show 1 --output tempest.json.gz\n"
    "\nExit codes: 0 all went well, 1 it did not work, 2 the command line or the file is wrong,\n"
    "3 what is stored is damaged, 4 another process has the data.";

constexpr const char* kImportHelp =
    "\nA file that is wrong anywhere changes nothing, and everything that is wrong with it is "
    "told,\n"
    "a line each on standard error; with --json as one object on standard output.\n"
    "\nThe file: {\"users\":[{\"id\",\"username\",\"admin\",\"roles\":{show "
    "id:\"read\"|\"write\"}}],\n"
    "\"shows\":[{\"id\",\"name\",\"acts\":[{\"id\",\"name\"}],\"scenes\":[{\"id\",\"act_id\","
    "\"name\"}],\n"
    "\"characters\":[{\"id\",\"name\"}],\"character_groups\":[{\"id\",\"name\",\"characters\":[ids]"
    "}],\n"
    "\"stage_direction_styles\":[{\"id\",\"name\"}],\"script\":{\"mode\":\"full\"|\"compact\",\n"
    "\"revisions\":[{\"id\",\"parent\",\"description\",\"current\",\"lines\":[{\"id\",\"page\","
    "\"act_id\",\n"
    "\"scene_id\",\"line_type\",\"stage_direction_style_id\",\"parts\":[{\"id\",\"part_index\",\n"
    "\"character_id\",\"character_group_id\",\"text\"}]}],\"cues\":[{\"id\",\"line_id\",\"label\"}]"
    ",\n"
    "\"cuts\":[part ids]}]}}]}. Ids of lines and parts may be left out; null stands for none.\n"
    "\nExample:\n  weft script import tempest.json --dry-run --json | jq .problems";

class Verbs {
 public:
  Verbs(CLI::App& script, ScriptCommand& command, std::function<void()> chosen)
      : script_(script), command_(command), chosen_(std::move(chosen)) {}

  CLI::App& Add(Verb verb, const char* name, const char* help, const char* footer = "") {
    CLI::App& app = *script_.add_subcommand(name, help);
    app.add_option("--data", command_.directory, "Directory of the log")
        ->type_name("DIR")
        ->capture_default_str();
    app.footer(footer);
    app.callback([this_command = &command_, verb, chosen = chosen_] {
      this_command->verb = verb;
      chosen();
    });
    return app;
  }

  void AddJson(CLI::App& app) { app.add_flag("--json", command_.json, "Print JSON"); }

  void AddNumber(CLI::App& app, const char* flag, std::optional<std::uint64_t>& number,
                 const char* help) {
    app.add_option_function<std::uint64_t>(
           flag, [&number](const std::uint64_t& value) { number = value; }, help)
        ->type_name("ID");
  }

 private:
  CLI::App& script_;
  ScriptCommand& command_;
  std::function<void()> chosen_;
};

}  // namespace

void AddScriptVerbs(CLI::App& app, ScriptCommand& command, std::function<void()> chosen) {
  CLI::App& script =
      *app.add_subcommand("script", "Theatre scripts: import, export, check, compile");
  script.require_subcommand(1);
  script.footer(kExamples);
  Verbs verbs(script, command, std::move(chosen));

  CLI::App& import =
      verbs.Add(Verb::kImport, "import", "Read shows, scripts and users from a file", kImportHelp);
  import.add_option("FILE", command.path, "File to read; - is standard input")
      ->required()
      ->type_name("");
  import.add_flag("--dry-run", command.dry_run, "Only say what is wrong with the file");
  verbs.AddJson(import);

  CLI::App& exported = verbs.Add(Verb::kExport, "export", "Write everything as a file for import",
                                 "\nExample:\n  weft script export --output copy.json");
  exported.add_option("--output", command.path, "File to write; standard output otherwise")
      ->type_name("FILE");

  CLI::App& check =
      verbs.Add(Verb::kCheck, "check", "Walk every revision and prove that it is whole",
                "\nExit code 0 when everything is whole, or was mended; 3 when something is not.\n"
                "\nExample:\n  weft script check --json | jq .findings");
  check.add_flag("--repair", command.repair, "Mend what is found");
  verbs.AddJson(check);

  CLI::App& revisions = verbs.Add(Verb::kRevisions, "revisions", "List the revisions of scripts");
  verbs.AddNumber(revisions, "--show", command.show, "Only those of this show");
  verbs.AddJson(revisions);

  CLI::App& compile =
      verbs.Add(Verb::kCompile, "compile", "Write a revision as gzip-compressed JSON by pages",
                "\nThe file is kept with the revision, and is made anew when that has changed.\n"
                "\nExample:\n  weft script compile --show 1 | gunzip | jq '.\"1\"[0]'");
  verbs.AddNumber(compile, "--show", command.show, "Of which show; not needed when there is one");
  verbs.AddNumber(compile, "--revision", command.revision,
                  "Which revision; the current one otherwise");
  compile.add_option("--output", command.path, "File to write; standard output otherwise")
      ->type_name("FILE");
}

}  // namespace weft::server::script
