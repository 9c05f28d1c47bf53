#include "bench/trace_json.h"

#include <zlib.h>

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crdt/json.h"

namespace weft::bench {
namespace {

using crdt::Any;

// Plain files are read as they are.
absl::StatusOr<std::string> ReadMaybeGzipped(const std::string& path) {
  const gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) return absl::NotFoundError(absl::StrCat("there is no trace at ", path));
  std::string text;
  char buffer[1 << 16];
  int size;
  while ((size = gzread(file, buffer, sizeof(buffer))) > 0) {
    text.append(buffer, static_cast<std::size_t>(size));
  }
  gzclose(file);
  if (size < 0) return absl::InvalidArgumentError(absl::StrCat(path, " does not unpack"));
  return text;
}

std::optional<Patch> PatchOf(const Any& any) {
  const Any::Array* parts = any.AsArray();
  if (parts == nullptr || parts->size() != 3) return std::nullopt;
  const double* position = (*parts)[0].AsNumber();
  const double* deleted = (*parts)[1].AsNumber();
  const std::string* inserted = (*parts)[2].AsString();
  if (position == nullptr || deleted == nullptr || inserted == nullptr) return std::nullopt;
  return Patch{static_cast<std::uint64_t>(*position), static_cast<std::uint64_t>(*deleted),
               *inserted};
}

}  // namespace

absl::StatusOr<Any> ReadJson(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadMaybeGzipped(path);
  if (!text.ok()) return text.status();
  std::optional<Any> any = crdt::ParseJson(*text, 16);
  if (!any) return absl::InvalidArgumentError(absl::StrCat(path, " is no JSON"));
  return *std::move(any);
}

const Any* FindMember(const Any& any, std::string_view name) {
  return any.AsObject() == nullptr ? nullptr : any.AsObject()->Find(name);
}

std::optional<std::vector<Patch>> PatchesOf(const Any& transaction) {
  const Any* patches = FindMember(transaction, "patches");
  if (patches == nullptr || patches->AsArray() == nullptr) return std::nullopt;
  std::vector<Patch> list;
  for (const Any& patch : *patches->AsArray()) {
    std::optional<Patch> parsed = PatchOf(patch);
    if (!parsed) return std::nullopt;
    list.push_back(*std::move(parsed));
  }
  return list;
}

std::string TraceName(const std::string& path) {
  const std::string file = std::filesystem::path(path).filename().string();
  return file.substr(0, file.find('.'));
}

}  // namespace weft::bench
