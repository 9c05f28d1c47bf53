#include "server/tools/blob_verbs.h"

#include <algorithm>
#include <iostream>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "crdt/doc.h"
#include "crdt/driver/type_path.h"
#include "crdt/json.h"
#include "crdt/update_compare.h"
#include "crdt/update_inspect.h"
#include "crdt/update_merge.h"
#include "crdt/update_weight.h"
#include "crdt/value_language.h"

namespace weft::server {
namespace {

using crdt::Bytes;
using crdt::Doc;
using crdt::SharedType;
using crdt::TypeKind;

absl::Status Refuse(std::string_view reason) {
  return absl::InvalidArgumentError(std::string(reason));
}

std::string ToText(std::string_view text) { return std::string(text); }

absl::StatusOr<std::vector<Blob>> ReadAll(const BlobCommand& command) {
  if (std::ranges::count(command.files, "-") > 1) {
    return Refuse("standard input (-) can be read once only");
  }
  std::vector<Blob> blobs;
  for (const std::string& file : command.files) {
    absl::StatusOr<Blob> blob = ReadBlob(file, command.options);
    if (!blob.ok()) return blob.status();
    blobs.push_back(*std::move(blob));
  }
  return blobs;
}

// The same; the first `updates` of them are updates.
absl::StatusOr<std::vector<Blob>> ReadUpdates(const BlobCommand& command, std::size_t updates) {
  absl::StatusOr<std::vector<Blob>> blobs = ReadAll(command);
  if (!blobs.ok()) return blobs;
  for (std::size_t i = 0; i < std::min(updates, blobs->size()); ++i) {
    const Blob& blob = (*blobs)[i];
    const absl::Status status = CheckUpdate(blob, command.options);
    if (!status.ok()) return status;
  }
  return blobs;
}

// A document that got all of the files.
struct Loaded {
  std::unique_ptr<Doc> doc;
  // Of each root what its elements suggest, by the files together.
  std::vector<RootName> roots;
};

absl::StatusOr<Loaded> Load(const BlobCommand& command) {
  const absl::StatusOr<std::vector<Blob>> blobs = ReadUpdates(command, command.files.size());
  if (!blobs.ok()) return blobs.status();
  Loaded loaded{.doc = std::make_unique<Doc>(), .roots = {}};
  for (const Blob& blob : *blobs) {
    const absl::Status status = loaded.doc->ApplyUpdate(blob.bytes, "", command.options.format);
    if (!status.ok()) return Refuse(absl::StrCat(blob.name, ": ", status.message()));
  }
  const absl::StatusOr<crdt::UpdateWeight> weight =
      crdt::WeighUpdate(loaded.doc->EncodeStateAsUpdate());
  if (!weight.ok()) return weight.status();
  for (const auto& [name, unused] : loaded.doc->Roots()) {
    const auto root = std::ranges::find(weight->roots, name, &crdt::UpdateWeight::Root::name);
    loaded.roots.push_back(
        {.name = name, .kind = root == weight->roots.end() ? TypeKind::kUndefined : root->kind});
  }
  return loaded;
}

// The root of that name as the kind asked for, else as the one it seems to have.
absl::StatusOr<SharedType> GetRoot(Loaded& loaded, const RootName& wanted) {
  const auto root = std::ranges::find(loaded.roots, wanted.name, &RootName::name);
  if (root == loaded.roots.end()) {
    std::string names;
    for (const RootName& known : loaded.roots) absl::StrAppend(&names, " ", known.name);
    return Refuse(absl::StrCat("there is no root type \"", wanted.name, "\"; there ",
                               names.empty() ? "is none" : "are:", names));
  }
  TypeKind kind = wanted.kind;
  if (kind == TypeKind::kUndefined) kind = root->kind;
  if (kind == TypeKind::kUndefined) {
    return Refuse(absl::StrCat("nothing is left of the root type \"", wanted.name,
                               "\" that tells its kind: say --root ", wanted.name, ":KIND"));
  }
  return loaded.doc->GetType(wanted.name, kind);
}

// The only root for which `fits` holds, for commands without --root.
template <typename Fits>
absl::StatusOr<SharedType> GetOnlyRoot(Loaded& loaded, const BlobCommand& command, const Fits& fits,
                                       const char* what) {
  if (command.roots.size() == 1) return GetRoot(loaded, command.roots.front());
  if (command.roots.size() > 1) return Refuse("one --root is enough here");
  std::vector<RootName> found;
  for (const RootName& root : loaded.roots) {
    if (fits(root.kind)) found.push_back(root);
  }
  if (found.size() == 1) return GetRoot(loaded, found.front());
  std::string names;
  for (const RootName& root : found.empty() ? loaded.roots : found) {
    absl::StrAppend(&names, " ", root.name, ":", ToText(crdt::driver::NameOf(root.kind)));
  }
  return Refuse(absl::StrCat("there ", found.empty() ? "is no " : "is more than one ", what,
                             " among the root types", names.empty() ? " (none)" : ":", names,
                             "; say which with --root NAME:KIND"));
}

// -- What is in a document -----------------------------------------------------------------------------

absl::StatusOr<bool> PrintJson(const BlobCommand& command) {
  absl::StatusOr<Loaded> loaded = Load(command);
  if (!loaded.ok()) return loaded.status();
  std::string out;
  if (command.roots.size() == 1) {
    const absl::StatusOr<SharedType> root = GetRoot(*loaded, command.roots.front());
    if (!root.ok()) return root.status();
    crdt::AppendElement(out, crdt::driver::AsElement(*root));
  } else {
    out = "{";
    for (const RootName& name : command.roots.empty() ? loaded->roots : command.roots) {
      if (out.size() > 1) out += ',';
      crdt::AppendString(out, name.name);
      out += ':';
      const absl::StatusOr<SharedType> root = GetRoot(*loaded, name);
      if (root.ok()) {
        crdt::AppendElement(out, crdt::driver::AsElement(*root));
      } else if (command.roots.empty()) {
        out += "null";  // a root of which nothing is left
      } else {
        return root.status();
      }
    }
    out += '}';
  }
  std::cout << out << "\n";
  return true;
}

bool HoldsText(TypeKind kind) { return crdt::IsText(kind) || kind == TypeKind::kXmlFragment; }

absl::StatusOr<bool> PrintText(const BlobCommand& command) {
  absl::StatusOr<Loaded> loaded = Load(command);
  if (!loaded.ok()) return loaded.status();
  const absl::StatusOr<SharedType> root = GetOnlyRoot(*loaded, command, HoldsText, "text");
  if (!root.ok()) return root.status();
  if (const auto text = root->As<crdt::Text>()) {
    std::cout << text->ToString();
  } else if (const auto fragment = root->As<crdt::XmlFragment>()) {
    std::cout << fragment->ToXml();
  } else {
    return Refuse("the root type is neither a text nor XML: try weft json");
  }
  std::cout << "\n";
  return true;
}

absl::StatusOr<bool> PrintDelta(const BlobCommand& command) {
  absl::StatusOr<Loaded> loaded = Load(command);
  if (!loaded.ok()) return loaded.status();
  const absl::StatusOr<SharedType> root = GetOnlyRoot(*loaded, command, crdt::IsText, "text");
  if (!root.ok()) return root.status();
  const auto text = root->As<crdt::Text>();
  if (!text) return Refuse("the root type is no text: try weft json");
  std::string out;
  crdt::AppendDelta(out, text->ToDelta(), crdt::DeltaOf::kText);
  std::cout << out << "\n";
  return true;
}

// -- Updates out of updates ------------------------------------------------------------------------------

absl::StatusOr<bool> Write(const absl::StatusOr<Bytes>& bytes, const BlobCommand& command) {
  if (!bytes.ok()) return bytes.status();
  const absl::Status status = WriteBlob(*bytes, command.options);
  if (!status.ok()) return status;
  return true;
}

absl::StatusOr<bool> Merge(const BlobCommand& command) {
  const auto blobs = ReadUpdates(command, command.files.size());
  if (!blobs.ok()) return blobs.status();
  std::vector<crdt::ByteView> views;
  for (const Blob& blob : *blobs) views.emplace_back(blob.bytes);
  return Write(crdt::MergeUpdates(views, {}, command.options.format), command);
}

absl::StatusOr<bool> Diff(const BlobCommand& command) {
  const auto blobs = ReadUpdates(command, command.known_is_state_vector ? 1 : 2);
  if (!blobs.ok()) return blobs.status();
  const Blob& known = (*blobs)[1];
  const crdt::UpdateFormat format = command.options.format;
  const absl::StatusOr<crdt::StateVector> vector =
      command.known_is_state_vector ? crdt::DecodeStateVector(known.bytes)
                                    : crdt::StateVectorOfUpdate(known.bytes, {}, format);
  if (!vector.ok()) {
    return Refuse(absl::StrCat(known.name, " is no state vector: ", vector.status().message()));
  }
  return Write(crdt::DiffUpdate((*blobs)[0].bytes, *vector, {}, format), command);
}

absl::StatusOr<bool> Convert(const BlobCommand& command) {
  const auto blobs = ReadUpdates(command, 1);
  if (!blobs.ok()) return blobs.status();
  const crdt::UpdateFormat from = command.options.format;
  const crdt::UpdateFormat to =
      from == crdt::UpdateFormat::kV1 ? crdt::UpdateFormat::kV2 : crdt::UpdateFormat::kV1;
  return Write(crdt::ConvertUpdate(blobs->front().bytes, from, to), command);
}

absl::StatusOr<bool> WriteStateVector(const BlobCommand& command) {
  const auto blobs = ReadUpdates(command, 1);
  if (!blobs.ok()) return blobs.status();
  const absl::StatusOr<crdt::StateVector> vector =
      crdt::StateVectorOfUpdate(blobs->front().bytes, {}, command.options.format);
  if (!vector.ok()) return vector.status();
  if (!command.as_json) return Write(crdt::EncodeStateVector(*vector), command);
  std::string out = "{";
  for (const crdt::StateVector::Entry& entry : vector->entries()) {
    absl::StrAppend(&out, out.size() > 1 ? ",\"" : "\"", crdt::ToNumber(entry.client),
                    "\":", entry.clock);
  }
  std::cout << out << "}\n";
  return true;
}

// -- Questions about updates -----------------------------------------------------------------------------

absl::StatusOr<bool> Inspect(const BlobCommand& command) {
  const auto blobs = ReadUpdates(command, 1);
  if (!blobs.ok()) return blobs.status();
  const absl::StatusOr<std::string> report =
      crdt::InspectUpdate(blobs->front().bytes, command.options.format);
  if (!report.ok()) return report.status();
  std::cout << *report;
  return true;
}

absl::StatusOr<bool> AreEqual(const BlobCommand& command) {
  const auto blobs = ReadUpdates(command, 2);
  if (!blobs.ok()) return blobs.status();
  const absl::StatusOr<bool> equal =
      crdt::UpdatesEqual((*blobs)[0].bytes, (*blobs)[1].bytes, command.options.format);
  if (equal.ok()) std::cout << (*equal ? "equal\n" : "different\n");
  return equal;
}

void PrintIds(const char* what, const crdt::DeleteSet& ids) {
  for (const crdt::DeleteSet::ClientRanges& client : ids.clients()) {
    std::cout << what << " client " << crdt::ToNumber(client.client) << ":";
    for (const crdt::IdRange& range : client.ranges) {
      std::cout << " " << range.clock;
      if (range.length > 1) std::cout << "-" << range.end() - 1;
    }
    std::cout << "\n";
  }
}

absl::StatusOr<bool> TellWhyPending(const BlobCommand& command) {
  const absl::StatusOr<Loaded> loaded = Load(command);
  if (!loaded.ok()) return loaded.status();
  const crdt::PendingReport report = loaded->doc->GetPendingReport();
  if (report.empty()) {
    std::cout << "nothing waits\n";
    return true;
  }
  std::cout << report.blocks << " blocks with " << report.elements << " elements wait, and "
            << report.deletes << " deletes in " << report.delete_ranges << " ranges; "
            << report.bytes << " bytes\n";
  PrintIds("missing, of", report.missing);
  PrintIds("missing for deletes, of", report.missing_of_deletes);
  if (report.beyond_limits) std::cout << "some blocks wait for ever: they are beyond a limit\n";
  return false;
}

void PrintShare(const std::string& name, const crdt::UpdateWeight::Share& share) {
  std::cout << absl::StrFormat("  %-32s %12d %10d %12d %12d\n", name, share.bytes, share.blocks,
                               share.elements, share.deleted);
}

void PrintHead(const char* what) {
  std::cout << absl::StrFormat("\n%-34s %12s %10s %12s %12s\n", what, "bytes", "blocks", "elements",
                               "of them gone");
}

void PrintMemory(const crdt::MemoryReport& memory) {
  std::cout << absl::StrFormat("\n%-34s %12s\n", "as a document in memory", "bytes");
  const auto print = [](const char* name, std::size_t bytes) {
    std::cout << absl::StrFormat("  %-32s %12d\n", name, bytes);
  };
  print("blocks", memory.blocks);
  print("text", memory.text);
  print("other content", memory.content);
  print("waiting for what is missing", memory.pending);
  print("clients, names and the like", memory.tables);
  print("together", memory.total());
}

absl::StatusOr<bool> PrintBytes(const BlobCommand& command) {
  constexpr std::size_t kShown = 20;
  const auto blobs = ReadUpdates(command, 1);
  if (!blobs.ok()) return blobs.status();
  const absl::StatusOr<crdt::UpdateWeight> weight =
      crdt::WeighUpdate(blobs->front().bytes, command.options.format);
  if (!weight.ok()) return weight.status();
  std::cout << weight->bytes << " bytes; the list of what is deleted takes "
            << weight->delete_set_bytes << " of them\n";
  PrintHead("by root type");
  for (const crdt::UpdateWeight::Root& root : weight->roots) {
    const std::string kind = ToText(crdt::driver::NameOf(root.kind));
    std::string name;
    crdt::AppendString(name, root.name);
    PrintShare(absl::StrCat(name, " (", root.kind == TypeKind::kUndefined ? "empty" : kind, ")"),
               root.share);
  }
  if (weight->elsewhere.blocks > 0) PrintShare("collected, or not to be placed", weight->elsewhere);
  PrintHead("by client");
  for (std::size_t i = 0; i < std::min(kShown, weight->clients.size()); ++i) {
    PrintShare(absl::StrCat(crdt::ToNumber(weight->clients[i].id)), weight->clients[i].share);
  }
  if (weight->clients.size() > kShown) {
    crdt::UpdateWeight::Share rest;
    for (std::size_t i = kShown; i < weight->clients.size(); ++i) {
      const crdt::UpdateWeight::Share& share = weight->clients[i].share;
      rest.bytes += share.bytes;
      rest.blocks += share.blocks;
      rest.elements += share.elements;
      rest.deleted += share.deleted;
    }
    PrintShare(absl::StrCat(weight->clients.size() - kShown, " more clients"), rest);
  }
  PrintHead("tombstones");
  PrintShare("deleted, without content", weight->tombstones);
  crdt::Doc doc;
  const absl::Status status = doc.ApplyUpdate(blobs->front().bytes, "", command.options.format);
  if (!status.ok()) return Refuse(absl::StrCat(blobs->front().name, ": ", status.message()));
  PrintMemory(doc.MemoryUsage());
  return true;
}

}  // namespace

absl::StatusOr<RootName> ParseRootName(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return RootName{.name = text};
  const TypeKind kind = crdt::driver::KindNamed(text.substr(colon + 1));
  if (kind == TypeKind::kUndefined) {
    return Refuse(
        absl::StrCat("\"", text.substr(colon + 1),
                     "\" is no kind; there are text, array, map, xmlfragment, xmltext and "
                     "xmlelement. A colon in a name needs one more: \"a:b:text\""));
  }
  return RootName{.name = text.substr(0, colon), .kind = kind};
}

absl::StatusOr<bool> RunBlobCommand(const BlobCommand& command) {
  switch (command.verb) {
    case BlobCommand::Verb::kInspect:
      return Inspect(command);
    case BlobCommand::Verb::kJson:
      return PrintJson(command);
    case BlobCommand::Verb::kText:
      return PrintText(command);
    case BlobCommand::Verb::kDelta:
      return PrintDelta(command);
    case BlobCommand::Verb::kMerge:
      return Merge(command);
    case BlobCommand::Verb::kDiff:
      return Diff(command);
    case BlobCommand::Verb::kConvert:
      return Convert(command);
    case BlobCommand::Verb::kStateVector:
      return WriteStateVector(command);
    case BlobCommand::Verb::kWhyPending:
      return TellWhyPending(command);
    case BlobCommand::Verb::kEqual:
      return AreEqual(command);
    case BlobCommand::Verb::kBytes:
      return PrintBytes(command);
  }
  return Refuse("there is no such verb");
}

}  // namespace weft::server
