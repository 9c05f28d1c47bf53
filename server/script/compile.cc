#include "server/script/compile.h"

#include <zlib.h>

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "crdt/base/check.h"
#include "crdt/json.h"
#include "server/script/schema.h"
#include "server/script/show_json.h"

namespace weft::server::script {
namespace {

using crdt::Any;
using crdt::AnyObject;
using crdt::Bytes;

Any ToNumber(std::uint64_t number) { return static_cast<double>(number); }

Any LineToJson(const Line& line) {
  Any::Array parts;
  for (const Part& part : line.content.parts) {
    parts.emplace_back(AnyObject{{"id", ToNumber(Number(part.id))},
                                 {"line_id", ToNumber(Number(line.id))},
                                 {"part_index", ToNumber(part.index)},
                                 {"character_id", RefToJson(part.character)},
                                 {"character_group_id", RefToJson(part.group)},
                                 {"line_text", part.text}});
  }
  return AnyObject{{"id", ToNumber(Number(line.id))},
                   {"page", RefToJson(line.page == 0 ? Ref() : Ref(line.page))},
                   {"act_id", RefToJson(line.content.act)},
                   {"scene_id", RefToJson(line.content.scene)},
                   {"line_type", ToNumber(static_cast<std::uint64_t>(line.content.type))},
                   {"stage_direction_style_id", RefToJson(line.content.style)},
                   {"line_parts", std::move(parts)}};
}

std::string ToJson(const Revision& revision) {
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
    crdt::AppendJsonText(json, LineToJson(line));
  }
  return json + (page ? "]}" : "}");
}

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

}  // namespace

Bytes Compile(const Revision& revision) { return Gzip(ToJson(revision)); }

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

absl::StatusOr<Bytes> CompileRevision(store::RowWriter& rows, ShowId show, RevisionId id) {
  auto found = FindCompiled(rows, show, id);
  if (!found.ok()) return found.status();
  if (*found) return **std::move(found);
  const auto revision = LoadRevision(rows, show, id);
  if (!revision.ok()) return revision.status();
  Bytes gzip = Compile(*revision);
  crdt::ByteWriter row;
  row.WriteBigEndian64(revision->info.hash);
  row.WriteBytes(gzip);
  const absl::Status put = rows.Put(table::kCompiled, KeyOf(show, id), row.view());
  if (!put.ok()) return put;
  return gzip;
}

}  // namespace weft::server::script
