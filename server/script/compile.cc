#include "server/script/compile.h"

#include <zlib.h>

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "crdt/base/check.h"
#include "crdt/json.h"
#include "server/script/line_json.h"
#include "server/script/schema.h"

namespace weft::server::script {
namespace {

using crdt::Bytes;

// Without a time or a name in its header.
Bytes Gzip(std::string_view text) {
  z_stream stream{};
  constexpr int kGzip = 16;
  constexpr int kMemory = 8;
  CHECK(deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + kGzip, kMemory,
                     Z_DEFAULT_STRATEGY) == Z_OK);
  Bytes out(deflateBound(&stream, text.size()));
  // zlib does not write to what it reads.
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

absl::Status PutCompiled(store::RowWriter& rows, ShowId show, const RevisionInfo& revision,
                         const Bytes& gzip) {
  crdt::ByteWriter row;
  row.WriteBigEndian64(revision.hash);
  row.WriteBytes(gzip);
  return rows.Put(table::kCompiled, KeyOf(show, revision.id), row.view());
}

}  // namespace

std::string CompiledJson(const Revision& revision) {
  std::string json = "{";
  std::optional<std::uint32_t> page;
  for (const Line& line : revision.lines) {
    if (line.page != page) {
      json += page ? "],\"" : "\"";
      json += ToPageKey(line.page) + "\":[";
      page = line.page;
    } else {
      json += ",";
    }
    crdt::AppendJsonText(json, ToJson(line));
  }
  return json + (page ? "]}" : "}");
}

Bytes Compile(const Revision& revision) { return Gzip(CompiledJson(revision)); }

absl::StatusOr<std::optional<Bytes>> FindCompiled(const store::RowReader& rows, ShowId show,
                                                  RevisionId id) {
  const auto revision = GetRevision(rows, show, id);
  if (!revision.ok()) return revision.status();
  const auto row = rows.Get(table::kCompiled, KeyOf(show, id));
  if (!row.ok()) return row.status();
  if (!*row) return std::optional<Bytes>();
  crdt::ByteReader in(**row);
  const std::uint64_t hash = in.ReadBigEndian64();
  const crdt::ByteView gzip = in.ReadBytes(in.remaining());
  if (!in.ok() || hash != revision->hash) return std::optional<Bytes>();
  return std::optional(Bytes(gzip.begin(), gzip.end()));
}

absl::Status CompileStored(store::Rows& rows, ShowId show, RevisionId id) {
  std::optional<Revision> revision;  // what has to be compiled
  absl::Status status = rows.Read([&](const store::RowReader& reader) {
    const auto found = FindCompiled(reader, show, id);
    if (!found.ok() || *found) return found.status();
    auto loaded = LoadRevision(reader, show, id);
    if (!loaded.ok()) return loaded.status();
    revision = *std::move(loaded);
    return absl::OkStatus();
  });
  if (!status.ok() || !revision) return status;
  const Bytes gzip = Compile(*revision);
  return rows.Write([&](store::RowWriter& writer) {
    const auto now = GetRevision(writer, show, id);
    if (!now.ok() || now->hash != revision->info.hash) return now.status();
    return PutCompiled(writer, show, *now, gzip);
  });
}

absl::StatusOr<Bytes> CompileRevision(store::RowWriter& rows, ShowId show, RevisionId id) {
  auto found = FindCompiled(rows, show, id);
  if (!found.ok()) return found.status();
  if (*found) return **std::move(found);
  const auto revision = LoadRevision(rows, show, id);
  if (!revision.ok()) return revision.status();
  Bytes gzip = Compile(*revision);
  const absl::Status put = PutCompiled(rows, show, revision->info, gzip);
  if (!put.ok()) return put;
  return gzip;
}

}  // namespace weft::server::script
