#include "fuzz/update_mutator.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crdt/any.h"
#include "crdt/base/utf.h"
#include "crdt/codec/update_v1.h"
#include "crdt/codec/update_v2.h"
#include "crdt/id.h"
#include "crdt/update.h"
#include "crdt/update_builder.h"

namespace weft::fuzz {
namespace {

using namespace weft::crdt;

// An update with nothing left to the rules that a replica keeps.
struct Piece {
  unsigned kind = 0;
  Clock length = 1;
  std::optional<Id> origin;
  std::optional<Id> right_origin;
  bool in_root = true;
  std::string root = "t";
  Id parent;
  std::optional<std::string> key;
  std::string text;
  std::uint64_t type = 0;
  std::vector<Any> values;
};

struct Section {
  std::uint64_t client = 1;
  Clock clock = 0;
  std::vector<Piece> pieces;
};

struct Ranges {
  std::uint64_t client = 1;
  std::vector<IdRange> ranges;
};

struct Draft {
  std::vector<Section> sections;
  std::vector<Ranges> deletes;
};

Clock LengthOf(const Piece& piece) {
  switch (static_cast<ContentKind>(piece.kind)) {
    case ContentKind::kGc:
    case ContentKind::kSkip:
    case ContentKind::kDeleted:
      return piece.length;
    case ContentKind::kString:
      return Utf16Length(piece.text);
    case ContentKind::kJson:
    case ContentKind::kAny:
      return piece.values.size();
    default:
      return 1;
  }
}

Piece PieceOf(const Update& update, const Block& block) {
  Piece piece;
  piece.kind = static_cast<unsigned>(block.kind);
  piece.length = block.length;
  if (block.has_origin) piece.origin = block.origin;
  if (block.has_right_origin) piece.right_origin = block.right_origin;
  if (!block.has_origin && !block.has_right_origin) {
    piece.in_root = block.parent == Block::Parent::kRoot;
    if (piece.in_root) piece.root = std::string(block.root_name);
    if (block.parent == Block::Parent::kItem) piece.parent = block.parent_item;
    if (block.has_key) piece.key = std::string(block.key);
  } else if (block.has_key) {
    piece.key.emplace();  // the format has the bit and no name
  }
  piece.text = std::string(block.text);
  piece.type = static_cast<std::uint64_t>(block.type);
  const auto values = update.ValuesOf(block);
  piece.values.assign(values.begin(), values.end());
  return piece;
}

std::optional<Draft> DraftOf(ByteView bytes, UpdateFormat format) {
  const auto update = DecodeUpdate(
      bytes, {.update_blocks = 2'000, .update_memory = std::size_t{16} << 20, .value_depth = 64},
      format);
  if (!update.ok()) return std::nullopt;
  Draft draft;
  for (const Update::Section& from : update->sections) {
    Section section{.client = ToNumber(from.client)};
    Clock next = 0;
    for (std::size_t i = from.begin; i < from.end; ++i) {
      const Block& block = update->blocks[i];
      if (i == from.begin) section.clock = next = block.id.clock;
      if (block.id.clock > next) {
        section.pieces.push_back(
            {.kind = static_cast<unsigned>(ContentKind::kSkip), .length = block.id.clock - next});
      }
      section.pieces.push_back(PieceOf(*update, block));
      next = block.end();
    }
    draft.sections.push_back(std::move(section));
  }
  for (const auto& client : update->deletes.clients()) {
    draft.deletes.push_back({ToNumber(client.client), client.ranges});
  }
  return draft;
}

template <typename Writer>
void WriteContent(Writer& writer, const Piece& piece) {
  const Any value = piece.values.empty() ? Any(Any::Null{}) : piece.values.front();
  switch (static_cast<ContentKind>(piece.kind)) {
    case ContentKind::kJson:
      writer.WriteLength(piece.values.size());
      for (const Any& each : piece.values) writer.WriteString(ToJsonText(each));
      return;
    case ContentKind::kBinary:
      return writer.WriteBuffer(AsBytes(piece.text));
    case ContentKind::kString:
      return writer.WriteName(piece.text);
    case ContentKind::kEmbed:
      return writer.WriteJson(value);
    case ContentKind::kFormat:
      writer.WriteKey(piece.text);
      return writer.WriteJson(value);
    case ContentKind::kType:
      writer.WriteTypeRef(piece.type);
      if (piece.type == 3 || piece.type == 5) writer.WriteKey(piece.text);
      return;
    case ContentKind::kAny:
      writer.WriteLength(piece.values.size());
      for (const Any& each : piece.values) writer.WriteAny(each);
      return;
    case ContentKind::kDoc:
      writer.WriteName(piece.text);
      return writer.WriteAny(value);
    default:
      return writer.WriteLength(piece.length);
  }
}

template <typename Writer>
void WritePiece(Writer& writer, const Piece& piece) {
  if (piece.kind == 0 || piece.kind == 10) {
    writer.WriteInfo(static_cast<std::uint8_t>(piece.kind));
    if (piece.kind == 0) return writer.WriteLength(piece.length);
    return writer.WriteSkipLength(piece.length);
  }
  const std::string_view key = piece.key ? std::string_view(*piece.key) : std::string_view();
  WriteItemHead(writer, {.kind = static_cast<ContentKind>(piece.kind),
                         .origin = piece.origin ? &*piece.origin : nullptr,
                         .right_origin = piece.right_origin ? &*piece.right_origin : nullptr,
                         .parent = piece.in_root ? Block::Parent::kRoot : Block::Parent::kItem,
                         .parent_item = piece.parent,
                         .root_name = piece.root,
                         .key = piece.key ? &key : nullptr});
  WriteContent(writer, piece);
}

template <typename Writer>
Bytes Write(const Draft& draft, UpdateFormat format) {
  Writer writer;
  writer.WriteCount(draft.sections.size());
  for (const Section& section : draft.sections) {
    writer.WriteCount(section.pieces.size());
    writer.WriteClient(ClientId{section.client});
    writer.WriteClock(section.clock);
    for (const Piece& piece : section.pieces) WritePiece(writer, piece);
  }
  ByteWriter& rest = writer.rest();
  rest.WriteVarUint(draft.deletes.size());
  for (const Ranges& client : draft.deletes) {
    rest.WriteVarUint(client.client);
    rest.WriteVarUint(client.ranges.size());
    Clock end = 0;
    for (const IdRange& range : client.ranges) {
      if (format == UpdateFormat::kV1) {
        rest.WriteVarUint(range.clock);
        rest.WriteVarUint(range.length);
      } else {
        rest.WriteVarUint(range.clock >= end ? range.clock - end : 0);
        rest.WriteVarUint(range.length == 0 ? 0 : range.length - 1);
        end = range.end();
      }
    }
  }
  return std::move(writer).Finish();
}

Bytes Write(const Draft& draft, UpdateFormat format) {
  return format == UpdateFormat::kV1 ? Write<UpdateWriterV1>(draft, format)
                                     : Write<UpdateWriterV2>(draft, format);
}

// --- Random parts -----------------------------------------------------------------------------------

template <typename List>
auto& Pick(List& list, Random& random) {
  return list[static_cast<std::size_t>(Below(random, std::size(list)))];
}

bool OneIn(Random& random, std::uint64_t count) { return Below(random, count) == 0; }

std::uint64_t RandomNumber(Random& random) {
  static constexpr std::uint64_t kEdges[] = {0,
                                             1,
                                             2,
                                             127,
                                             128,
                                             255,
                                             256,
                                             0x3fff,
                                             0x7fffffff,
                                             0x80000000,
                                             0xffffffff,
                                             1ull << 32,
                                             (1ull << 40) - 1,
                                             1ull << 40,
                                             (1ull << 52) - 1,
                                             1ull << 52,
                                             kMaxSafeInteger - 1,
                                             kMaxSafeInteger};
  switch (Below(random, 8)) {
    case 0:
      return Pick(kEdges, random);
    case 1:
      return Below(random, 1'000);
    default:
      return Below(random, 8);
  }
}

std::uint64_t RandomClient(Random& random) {
  return OneIn(random, 12) ? RandomNumber(random) : 1 + Below(random, 4);
}

std::string RandomText(Random& random) {
  static constexpr std::string_view kPieces[] = {"a",
                                                 "b",
                                                 "xyz",
                                                 "\n",
                                                 "",
                                                 "é",
                                                 "€",
                                                 "\U0001F600",
                                                 "A\U0001F600B",
                                                 "\xed\xa0\xbd",
                                                 "\xed\xb8\x80",
                                                 "\xef\xbf\xbd",
                                                 "0123456789abcdef",
                                                 "undefined",
                                                 "{}",
                                                 "null"};
  std::string text;
  for (std::uint64_t i = 0, count = 1 + Below(random, 3); i < count; ++i) {
    text += Pick(kPieces, random);
  }
  // Halves that meet would be no WTF-8.
  return IsValidWtf8(text) ? text : std::string("a");
}

std::string RandomName(Random& random) {
  static constexpr std::string_view kNames[] = {
      "t", "a", "m", "x", "k", "bold", "1", "0", "", "__proto__", "ychange", "em\U0001F600"};
  return std::string(Pick(kNames, random));
}

Any RandomValue(Random& random, int depth = 3) {
  switch (Below(random, depth > 0 ? 13 : 10)) {
    case 0:
      return Any::Undefined{};
    case 1:
      return Any::Null{};
    case 2:
      return Any(OneIn(random, 2));
    case 3:
      return Any(static_cast<double>(RandomNumber(random)));
    case 4:
      return Any(-0.0);
    case 5:
      return Any(0.1 * static_cast<double>(Below(random, 1'000)) - 50);
    case 6:
      return Any::BigInt{static_cast<std::int64_t>(RandomNumber(random))};
    case 7:
      return Any(Bytes{1, 2, 255});
    case 8:
    case 9:
      return Any(RandomText(random));
    case 10: {
      Any::Array array;
      for (std::uint64_t i = Below(random, 4); i > 0; --i) {
        array.push_back(RandomValue(random, depth - 1));
      }
      return Any(std::move(array));
    }
    case 11: {
      Any value(1);
      for (std::uint64_t i = Below(random, OneIn(random, 8) ? 600 : 8); i > 0; --i) {
        value = Any(Any::Array{std::move(value)});
      }
      return value;
    }
    default: {
      AnyObject object;
      for (std::uint64_t i = Below(random, 4); i > 0; --i) {
        object.Set(RandomName(random), RandomValue(random, depth - 1));
      }
      return Any(std::move(object));
    }
  }
}

// The elements that a draft speaks of, to point at.
struct Known {
  struct Place {
    std::uint64_t client = 0;
    Clock clock = 0;
    Clock length = 0;
    bool is_type = false;
  };
  std::vector<Place> places;

  explicit Known(const Draft& draft) {
    for (const Section& section : draft.sections) {
      Clock clock = section.clock;
      for (const Piece& piece : section.pieces) {
        places.push_back({section.client, clock, LengthOf(piece),
                          piece.kind == static_cast<unsigned>(ContentKind::kType)});
        clock += LengthOf(piece);
      }
    }
  }

  Id Any(Random& random) const {
    if (places.empty() || OneIn(random, 20)) {
      return {ClientId{RandomClient(random)}, RandomNumber(random)};
    }
    const Place& place = Pick(places, random);
    const Clock last = place.length > 0 ? place.length - 1 : 0;
    // Mostly an end of the block: neighbours are there.
    const Clock offset = OneIn(random, 3) ? Below(random, last + 1) : OneIn(random, 2) ? last : 0;
    return {ClientId{place.client}, place.clock + offset};
  }

  Id Type(Random& random) const {
    for (int i = 0; i < 8 && !places.empty(); ++i) {
      const Place& place = Pick(places, random);
      if (place.is_type) return {ClientId{place.client}, place.clock};
    }
    return Any(random);
  }
};

void PlaceAnew(Piece& piece, const Known& known, Random& random) {
  piece.origin.reset();
  piece.right_origin.reset();
  piece.key.reset();
  switch (Below(random, 6)) {
    case 0:
      piece.in_root = true;
      piece.root = RandomName(random);
      break;
    case 1:
      piece.in_root = false;
      piece.parent = known.Type(random);
      break;
    case 2:
      piece.right_origin = known.Any(random);
      break;
    case 3:
      piece.origin = known.Any(random);
      piece.right_origin = known.Any(random);
      break;
    default:
      piece.origin = known.Any(random);
      break;
  }
  if (OneIn(random, 4)) piece.key = RandomName(random);
}

void FillAnew(Piece& piece, Random& random) {
  piece.kind = OneIn(random, 60) ? static_cast<unsigned>(Below(random, 32))
                                 : static_cast<unsigned>(Below(random, 11));
  if (OneIn(random, 3)) piece.kind = static_cast<unsigned>(ContentKind::kString);
  piece.length = RandomNumber(random);
  piece.text = OneIn(random, 3) ? RandomName(random) : RandomText(random);
  piece.type = OneIn(random, 20) ? RandomNumber(random) : Below(random, 7);
  piece.values.clear();
  for (std::uint64_t i = 1 + Below(random, 3); i > 0; --i) {
    piece.values.push_back(RandomValue(random));
  }
}

Piece MakePiece(const Known& known, Random& random) {
  Piece piece;
  FillAnew(piece, random);
  PlaceAnew(piece, known, random);
  return piece;
}

// --- Mutations --------------------------------------------------------------------------------------

void MutatePiece(Section& section, std::size_t at, const Known& known, Random& random) {
  Piece& piece = section.pieces[at];
  switch (Below(random, 12)) {
    case 0:
      PlaceAnew(piece, known, random);
      break;
    case 1:
      FillAnew(piece, random);
      break;
    case 2:
      piece.origin = OneIn(random, 3) ? std::nullopt : std::optional(known.Any(random));
      break;
    case 3:
      piece.right_origin = OneIn(random, 3) ? std::nullopt : std::optional(known.Any(random));
      break;
    case 4:
      piece.key = OneIn(random, 3) ? std::nullopt : std::optional(RandomName(random));
      break;
    case 5:
      piece.text = RandomText(random);
      break;
    case 6:
      piece.length = RandomNumber(random);
      break;
    case 7:
      piece.kind = static_cast<unsigned>(Below(random, 11));
      break;
    case 8:
      section.pieces.erase(section.pieces.begin() + static_cast<std::ptrdiff_t>(at));
      break;
    case 9: {
      const Piece copy = piece;
      section.pieces.insert(section.pieces.begin() + static_cast<std::ptrdiff_t>(at), copy);
      break;
    }
    case 10:
      std::swap(piece, Pick(section.pieces, random));
      break;
    default: {
      // A text in two blocks, cut where a replica would cut it, or inside of a pair.
      if (piece.text.size() < 2 || piece.kind != static_cast<unsigned>(ContentKind::kString)) break;
      const std::u16string units = Utf8ToUtf16(piece.text);
      if (units.size() < 2) break;
      const std::size_t cut = 1 + Below(random, units.size() - 1);
      Piece rest = piece;
      piece.text.clear();
      AppendUtf16AsWtf8(piece.text, std::u16string_view(units).substr(0, cut));
      rest.text.clear();
      AppendUtf16AsWtf8(rest.text, std::u16string_view(units).substr(cut));
      Clock clock = section.clock;
      for (std::size_t i = 0; i < at; ++i) clock += LengthOf(section.pieces[i]);
      rest.origin = Id{ClientId{section.client}, clock + cut - 1};
      section.pieces.insert(section.pieces.begin() + static_cast<std::ptrdiff_t>(at) + 1, rest);
      break;
    }
  }
}

void MutateDeletes(Draft& draft, const Known& known, Random& random) {
  if (draft.deletes.empty() || OneIn(random, 4)) {
    const Id id = known.Any(random);
    draft.deletes.push_back(
        {ToNumber(id.client), {{id.clock, OneIn(random, 4) ? RandomNumber(random) : 1}}});
    return;
  }
  const std::size_t at = Below(random, draft.deletes.size());
  Ranges& client = draft.deletes[at];
  switch (Below(random, 5)) {
    case 0:
      draft.deletes.erase(draft.deletes.begin() + static_cast<std::ptrdiff_t>(at));
      break;
    case 1:
      client.client = RandomClient(random);
      break;
    case 2:
      if (!client.ranges.empty()) client.ranges.pop_back();
      break;
    case 3:
      if (!client.ranges.empty()) {
        Pick(client.ranges, random) = {known.Any(random).clock, RandomNumber(random)};
      }
      break;
    default:
      client.ranges.push_back({known.Any(random).clock, 1 + Below(random, 4)});
      break;
  }
}

void MutateSections(Draft& draft, const Known& known, Random& random) {
  if (draft.sections.empty() || OneIn(random, 4)) {
    Section section{.client = RandomClient(random),
                    .clock = OneIn(random, 3) ? RandomNumber(random) : 0};
    for (std::uint64_t i = 1 + Below(random, 4); i > 0; --i) {
      section.pieces.push_back(MakePiece(known, random));
    }
    draft.sections.push_back(std::move(section));
    return;
  }
  const std::size_t at = Below(random, draft.sections.size());
  Section& section = draft.sections[at];
  switch (Below(random, 7)) {
    case 0:
      draft.sections.erase(draft.sections.begin() + static_cast<std::ptrdiff_t>(at));
      break;
    case 1:
      section.client = RandomClient(random);
      break;
    case 2:
      section.clock = RandomNumber(random);
      break;
    case 3:
      std::swap(section, Pick(draft.sections, random));
      break;
    case 4:
      // Somebody else's blocks of the same ids, or more of them.
      draft.sections.push_back(Section(section));
      draft.sections.back().clock += Below(random, 3);
      break;
    default:
      section.pieces.insert(section.pieces.begin() + static_cast<std::ptrdiff_t>(
                                                         Below(random, section.pieces.size() + 1)),
                            MakePiece(known, random));
      break;
  }
}

void MutateDraft(Draft& draft, Random& random) {
  const Known known(draft);
  const std::uint64_t choice = Below(random, 10);
  if (choice < 2) return MutateDeletes(draft, known, random);
  if (choice < 5 || draft.sections.empty()) return MutateSections(draft, known, random);
  Section& section = Pick(draft.sections, random);
  if (section.pieces.empty()) return MutateSections(draft, known, random);
  MutatePiece(section, Below(random, section.pieces.size()), known, random);
}

Bytes MutateRaw(ByteView bytes, MutateBytes mutate_bytes) {
  Bytes changed(bytes.begin(), bytes.end());
  const std::size_t size = changed.size();
  changed.resize(size + 64);
  changed.resize(mutate_bytes(changed.data(), size, changed.size()));
  return changed;
}

// One column of format v2, with the others as they are; empty when there are no columns.
Bytes MutateColumn(ByteView bytes, Random& random, MutateBytes mutate_bytes) {
  constexpr std::size_t kColumns = 9;
  ByteReader reader(bytes);
  reader.ReadVarUint();
  std::vector<Bytes> columns;
  for (std::size_t i = 0; i < kColumns; ++i) {
    const ByteView column = reader.ReadBuffer();
    columns.emplace_back(column.begin(), column.end());
  }
  const ByteView rest = reader.ReadBytes(reader.remaining());
  if (!reader.ok()) return {};
  columns.emplace_back(rest.begin(), rest.end());
  Bytes& chosen = Pick(columns, random);
  chosen = MutateRaw(chosen, mutate_bytes);
  ByteWriter out;
  out.WriteVarUint(0);
  for (std::size_t i = 0; i < kColumns; ++i) out.WriteBuffer(columns[i]);
  out.WriteBytes(columns.back());
  return out.Take();
}

}  // namespace

Bytes MakeUpdate(ByteView before, UpdateFormat format, Random& random) {
  const Draft past = DraftOf(before, format).value_or(Draft());
  const Known known(past);
  Section section{.client = RandomClient(random)};
  for (const Section& other : past.sections) {
    if (other.client != section.client) continue;
    Clock end = other.clock;
    for (const Piece& piece : other.pieces) end += LengthOf(piece);
    section.clock = std::max(section.clock, end);
  }
  for (std::uint64_t i = 1 + Below(random, 4); i > 0; --i) {
    Piece piece = MakePiece(known, random);
    if (piece.kind == static_cast<unsigned>(ContentKind::kSkip)) piece.kind = 4;
    section.pieces.push_back(std::move(piece));
  }
  Draft draft;
  draft.sections.push_back(std::move(section));
  if (OneIn(random, 3)) MutateDeletes(draft, known, random);
  return Write(draft, format);
}

Bytes MutateUpdate(ByteView update, UpdateFormat format, Random& random, MutateBytes mutate_bytes) {
  if (format == UpdateFormat::kV2 && OneIn(random, 4)) {
    Bytes changed = MutateColumn(update, random, mutate_bytes);
    if (!changed.empty()) return changed;
  }
  if (OneIn(random, 5)) return MutateRaw(update, mutate_bytes);
  std::optional<Draft> draft = DraftOf(update, format);
  if (!draft) {
    return OneIn(random, 4) ? MakeUpdate({}, format, random) : MutateRaw(update, mutate_bytes);
  }
  for (std::uint64_t i = 1 + Below(random, 3); i > 0; --i) MutateDraft(*draft, random);
  return Write(*draft, format);
}

}  // namespace weft::fuzz
