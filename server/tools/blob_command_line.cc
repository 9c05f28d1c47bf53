#include "server/tools/blob_command_line.h"

#include <CLI/CLI.hpp>
#include <cstddef>
#include <string>
#include <vector>

namespace weft::server {
namespace {

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

void AddBlobVerb(CLI::App& app, BlobCommand& blob, const BlobVerb& verb,
                 const std::function<void()>& chosen) {
  CLI::App& sub = *app.add_subcommand(verb.name, verb.help);
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
  sub.callback([&blob, &verb, chosen] {
    blob.verb = verb.verb;
    chosen();
  });
}

}  // namespace

void AddInputOptions(CLI::App& app, BlobOptions& options) {
  app.add_flag_callback(
      "--v2", [&options] { options.format = crdt::UpdateFormat::kV2; },
      "The updates are of format v2");
  app.add_flag("--from-base64", options.from_base64, "What is read is base64");
}

void AddBlobVerbs(CLI::App& app, BlobCommand& command, const std::function<void()>& chosen) {
  for (const BlobVerb& verb : BlobVerbs()) AddBlobVerb(app, command, verb, chosen);
}

}  // namespace weft::server
