#include "server/tools/fuzz_corpus.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "crdt/any_codec.h"
#include "crdt/awareness.h"
#include "crdt/doc.h"
#include "crdt/json.h"
#include "crdt/relative_position.h"
#include "crdt/snapshot.h"
#include "crdt/state_vector.h"
#include "crdt/update_format.h"
#include "crdt/value_language.h"
#include "sync/message.h"
#include "weft_version.h"

namespace weft::server {
namespace {

namespace fs = std::filesystem;

CorpusVerdict JudgeUpdate(crdt::ByteView bytes, crdt::UpdateFormat format) {
  crdt::Doc doc;
  CorpusVerdict verdict{.status = doc.ApplyUpdate(bytes, "", format)};
  verdict.pending = verdict.status.ok() && doc.has_pending();
  return verdict;
}

absl::Status WriteFile(const fs::path& path, std::string_view bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (file.good()) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("cannot write ", path.string()));
}

// An input's entry in the manifest.
std::string Describe(const CorpusInput& input, const std::string& file) {
  const CorpusVerdict verdict = JudgeInput(input);
  std::string out = "{\"file\":";
  crdt::AppendString(out, file);
  out += ",\"kind\":";
  crdt::AppendString(out, input.kind);
  absl::StrAppend(&out, ",\"bytes\":", input.bytes.size(), ",\"from\":");
  crdt::AppendString(out, input.origin);
  absl::StrAppend(&out, ",\"verdict\":", verdict.status.ok() ? "\"accept\"" : "\"refuse\"");
  if (verdict.pending) out += ",\"pending\":true";
  if (!verdict.status.ok()) {
    const std::string reason(verdict.status.message());
    out += ",\"reason\":";
    crdt::AppendString(out, reason);
  }
  return out + "}";
}

}  // namespace

CorpusVerdict JudgeInput(const CorpusInput& input) {
  const crdt::ByteView bytes = crdt::AsBytes(input.bytes);
  const crdt::UpdateFormat format =
      input.kind.ends_with("_v2") ? crdt::UpdateFormat::kV2 : crdt::UpdateFormat::kV1;
  if (input.kind.starts_with("update_")) return JudgeUpdate(bytes, format);
  if (input.kind.starts_with("snapshot_")) {
    return {.status = crdt::Snapshot::Decode(bytes, format).status()};
  }
  if (input.kind == "state_vector") return {.status = crdt::DecodeStateVector(bytes).status()};
  if (input.kind == "position") return {.status = crdt::RelativePosition::Decode(bytes).status()};
  if (input.kind == "message") return {.status = sync::DecodeMessage(bytes).status()};
  if (input.kind == "awareness") {
    crdt::Awareness awareness(crdt::ClientId{0});
    return {.status = awareness.Apply(bytes, 0)};
  }
  if (input.kind == "any") {
    crdt::ByteReader reader(bytes);
    crdt::ReadAny(reader, crdt::DecodeLimits{}.value_depth);
    return {.status = reader.status()};
  }
  const bool is_json =
      crdt::ParseJson(crdt::AsText(bytes), crdt::DecodeLimits{}.value_depth).has_value();
  return {.status = is_json ? absl::OkStatus() : absl::InvalidArgumentError("no JSON")};
}

absl::Status ExportFuzzCorpus(const std::string& directory) {
  std::error_code error;
  const fs::path root(directory);
  fs::create_directories(root, error);
  if (error) {
    return absl::UnavailableError(absl::StrCat("cannot make ", directory, ": ", error.message()));
  }
  if (fs::directory_iterator(root, error) != fs::directory_iterator() || error) {
    return absl::InvalidArgumentError(absl::StrCat(directory, " is not empty"));
  }
  std::string manifest = absl::StrCat("{\"weft\":\"", WEFT_VERSION, "\",\"inputs\":[");
  const char* separator = "\n";
  for (const CorpusInput& input : CorpusInputs()) {
    const std::string kind(input.kind);
    fs::create_directory(root / kind, error);
    const std::string file = absl::StrCat(kind, "/", std::string(input.name), ".bin");
    if (absl::Status written = WriteFile(root / file, input.bytes); !written.ok()) return written;
    absl::StrAppend(&manifest, separator, Describe(input, file));
    separator = ",\n";
  }
  return WriteFile(root / "manifest.json", manifest + "\n]}\n");
}

}  // namespace weft::server
