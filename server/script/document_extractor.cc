#include "server/script/document_extractor.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "crdt/base/bytes.h"
#include "crdt/delta.h"
#include "crdt/json.h"
#include "server/script/schema.h"

namespace weft::server::script {
namespace {

// What stands there, in words, for a problem.
std::string Shown(const crdt::Element& element) {
  const crdt::Any* value = std::get_if<crdt::Any>(&element);
  if (value == nullptr) return "a shared type";
  if (value->is_undefined()) return "undefined";
  std::string text = crdt::ToJsonText(*value);
  constexpr std::size_t kShownBytes = 60;
  if (text.size() > kShownBytes) text = text.substr(0, kShownBytes) + "…";
  return std::holds_alternative<crdt::Any::BigInt>(value->value()) ? "the BigInt " + text : text;
}

class Extractor {
 public:
  explicit Extractor(crdt::Doc& doc) : roots_(RootsOf(doc)) {}

  Extraction Run() {
    ReadMeta();
    for (const auto& [page, key] : SortedPages()) ReadPage(page, key);
    for (std::uint64_t i = 0; i < roots_.deleted_line_ids.length(); ++i) {
      const crdt::Element element = roots_.deleted_line_ids.Get(i);
      const auto* value = std::get_if<crdt::Any>(&element);
      if (value == nullptr) continue;
      if (const auto id = ParseId(*value)) out_.deleted.push_back(*id);
    }
    return std::move(out_);
  }

 private:
  struct Place {
    std::optional<std::uint32_t> page;
    std::optional<std::uint64_t> line;
    std::optional<std::uint64_t> part;
  };

  void Tell(Problem::Kind kind, const Place& place, std::string_view field, std::string what) {
    out_.problems.push_back({.kind = kind,
                             .page = place.page,
                             .line = place.line,
                             .part = place.part,
                             .field = std::string(field),
                             .what = std::move(what)});
  }

  void ReadMeta() {
    const auto revision = roots_.meta.Find(kRevisionId);
    const auto* value = revision ? std::get_if<crdt::Any>(&*revision) : nullptr;
    if (!revision) {
      Tell(Problem::Kind::kMissing, {}, "meta.revision_id", "is missing");
    } else if (const auto id = value != nullptr ? ParseId(*value) : std::nullopt) {
      out_.revision = RevisionId{*id};
    } else {
      Tell(Problem::Kind::kBadId, {}, "meta.revision_id",
           Shown(*revision) + " is no id of a revision");
    }
    const auto saved = roots_.meta.Find(kLastSavedAt);
    const auto* text = saved ? std::get_if<crdt::Any>(&*saved) : nullptr;
    if (text != nullptr && text->AsString() != nullptr) out_.last_saved_at = *text->AsString();
  }

  std::vector<std::pair<std::uint32_t, std::string>> SortedPages() {
    std::vector<std::pair<std::uint32_t, std::string>> pages;
    std::vector<std::string> wrong;
    for (std::string& key : roots_.pages.keys()) {
      if (const auto page = ParsePageKey(key)) {
        pages.emplace_back(*page, std::move(key));
      } else {
        wrong.push_back(std::move(key));
      }
    }
    std::sort(pages.begin(), pages.end());
    std::sort(wrong.begin(), wrong.end());
    for (const std::string& key : wrong) {
      Tell(Problem::Kind::kPageKey, {}, "pages",
           absl::StrCat("the key ", crdt::ToJsonText(key), " is no page number"));
    }
    return pages;
  }

  void ReadPage(std::uint32_t page, const std::string& key) {
    const std::optional<crdt::Element> element = roots_.pages.Find(key);
    const auto* lines = element ? std::get_if<crdt::Array>(&*element) : nullptr;
    if (lines == nullptr) {
      Tell(Problem::Kind::kWrongType, {.page = page}, "",
           absl::StrCat("is ", element ? Shown(*element) : "nothing",
                        " instead of a list of lines"));
      return;
    }
    out_.pages.push_back(page);
    const std::uint64_t count = lines->length();
    for (std::uint64_t i = 0; i < count; ++i) {
      const Place place{.page = page, .line = i + 1};
      const crdt::Element line = lines->Get(i);
      if (const auto* map = std::get_if<crdt::Map>(&line)) {
        ReadLine(*map, place);
      } else {
        Tell(Problem::Kind::kWrongType, place, "", "is " + Shown(line) + " instead of a line");
      }
    }
  }

  void ReadLine(const crdt::Map& map, const Place& place) {
    ExtractedLine line{.page = *place.page, .number = *place.line, .map = map};
    if (const auto id = ReadId(map, place, line.has_plain_id)) line.id = LineId{*id};
    line.act = ReadRef(map, kActId, place);
    line.scene = ReadRef(map, kSceneId, place);
    line.style = ReadRef(map, kStyleId, place);
    if (const auto type = ReadInteger(map, kLineType, place)) {
      if (*type <= static_cast<std::uint64_t>(LineType::kSpacing)) {
        line.type = static_cast<LineType>(*type);
      } else {
        Tell(Problem::Kind::kRule, place, kLineType,
             absl::StrCat(*type,
                          " is no type of line; 1 is dialogue, 2 a stage direction, 3 a cue "
                          "line, 4 spacing"));
      }
    }
    ReadParts(map, place, line);
    out_.lines.push_back(std::move(line));
  }

  void ReadParts(const crdt::Map& map, const Place& place, ExtractedLine& line) {
    const std::optional<crdt::Element> element = map.Find(kParts);
    if (!element) return Tell(Problem::Kind::kMissing, place, kParts, "is missing");
    const auto* parts = std::get_if<crdt::Array>(&*element);
    if (parts == nullptr) {
      return Tell(Problem::Kind::kWrongType, place, kParts,
                  "is " + Shown(*element) + " instead of a list of parts");
    }
    for (std::uint64_t i = 0; i < parts->length(); ++i) {
      const Place here{.page = place.page, .line = place.line, .part = i + 1};
      const crdt::Element part = parts->Get(i);
      if (const auto* part_map = std::get_if<crdt::Map>(&part)) {
        line.parts.push_back(ReadPart(*part_map, here));
      } else {
        Tell(Problem::Kind::kWrongType, here, "", "is " + Shown(part) + " instead of a part");
      }
    }
  }

  ExtractedPart ReadPart(const crdt::Map& map, const Place& place) {
    ExtractedPart part{.map = map};
    if (const auto id = ReadId(map, place, part.has_plain_id)) part.id = PartId{*id};
    if (const auto index = ReadInteger(map, kPartIndex, place)) {
      if (*index > UINT32_MAX) {
        Tell(Problem::Kind::kWrongType, place, kPartIndex, absl::StrCat(*index, " is no index"));
      } else {
        part.index = static_cast<std::uint32_t>(*index);
      }
    }
    part.character = ReadRef(map, kCharacterId, place);
    part.group = ReadRef(map, kGroupId, place);
    const std::optional<crdt::Element> text = map.Find(kLineText);
    if (!text) {
      Tell(Problem::Kind::kMissing, place, kLineText, "is missing");
    } else if (const auto* handle = std::get_if<crdt::Text>(&*text)) {
      part.text = ReadText(*handle, place);
    } else {
      Tell(Problem::Kind::kWrongType, place, kLineText,
           "is " + Shown(*text) + " instead of a text");
    }
    return part;
  }

  std::string ReadText(const crdt::Text& text, const Place& place) {
    std::string out = text.ToString();
    // An embed counts in the length and is no part of the string.
    const std::uint64_t characters = text.length(crdt::TextUnit::kCodePoint);
    const auto is_first_byte = [](char byte) {
      return (static_cast<unsigned char>(byte) & 0xc0) != 0x80;
    };
    if (static_cast<std::uint64_t>(std::count_if(out.begin(), out.end(), is_first_byte)) !=
        characters) {
      Tell(Problem::Kind::kWrongType, place, kLineText, "holds something that is no text");
    }
    return out;
  }

  // None of something new, and of what is told.
  std::optional<std::uint64_t> ReadId(const crdt::Map& map, const Place& place, bool& is_plain) {
    const std::optional<crdt::Element> element = map.Find(kId);
    if (!element) {
      Tell(Problem::Kind::kMissing, place, kId, "is missing");
      return std::nullopt;
    }
    const auto* value = std::get_if<crdt::Any>(&*element);
    if (value != nullptr) {
      const std::string* text = value->AsString();
      if (const auto id = ParseId(*value)) {
        is_plain = text != nullptr && *text == std::to_string(*id);
        return id;
      }
      if (text != nullptr && IsTemporaryId(*text)) return std::nullopt;
    }
    Tell(Problem::Kind::kBadId, place, kId,
         Shown(*element) + " is neither a number that was given nor a name for something new");
    return std::nullopt;
  }

  // A whole number, 0 or more.
  std::optional<std::uint64_t> ReadInteger(const crdt::Map& map, std::string_view field,
                                           const Place& place) {
    const std::optional<crdt::Element> element = map.Find(field);
    if (!element) {
      Tell(Problem::Kind::kMissing, place, field, "is missing");
      return std::nullopt;
    }
    if (const auto* value = std::get_if<crdt::Any>(&*element)) {
      if (value->is_null()) return 0;
      const double* number = value->AsNumber();
      if (number != nullptr && *number >= 0 && std::trunc(*number) == *number &&
          *number <= static_cast<double>(crdt::kMaxSafeInteger)) {
        return static_cast<std::uint64_t>(*number);
      }
    }
    Tell(Problem::Kind::kWrongType, place, field,
         "is " + Shown(*element) + " instead of a number, 0 for none");
    return std::nullopt;
  }

  Ref ReadRef(const crdt::Map& map, std::string_view field, const Place& place) {
    const std::optional<std::uint64_t> number = ReadInteger(map, field, place);
    return number && *number > 0 ? number : std::nullopt;
  }

  DocumentRoots roots_;
  Extraction out_;
};

}  // namespace

Extraction ExtractDocument(crdt::Doc& doc) { return Extractor(doc).Run(); }

}  // namespace weft::server::script
