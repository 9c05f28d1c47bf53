#pragma once

// The shared document of a revision: its names, and how its values are read.
//
//   meta              Map    revision_id: number, last_saved_at: string ("" until the first save)
//   pages             Map    page number in decimal ("0": no page) -> Array of lines, in order
//   line              Map    _id: string, act_id, scene_id, line_type, stage_direction_style_id: number,
//                            parts: Array of parts, in order
//   part              Map    _id: string, part_index, character_id, character_group_id: number,
//                            line_text: Text
//   deleted_line_ids  Array  of numbers; ignored, and emptied by each save
//
// Numbers are those of JavaScript (crdt::Any's double), never BigInts: clients compare with === 0. 0
// stands for none. An _id is a line's or part's number in decimal, or any other text, which names
// something that was never saved.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "crdt/any.h"
#include "crdt/base/bytes.h"
#include "crdt/types.h"

namespace weft::crdt {
class Doc;
}

namespace weft::server::script {

inline constexpr std::string_view kMeta = "meta";
inline constexpr std::string_view kRevisionId = "revision_id";
inline constexpr std::string_view kLastSavedAt = "last_saved_at";
inline constexpr std::string_view kPages = "pages";
inline constexpr std::string_view kDeletedLineIds = "deleted_line_ids";
inline constexpr std::string_view kId = "_id";
inline constexpr std::string_view kActId = "act_id";
inline constexpr std::string_view kSceneId = "scene_id";
inline constexpr std::string_view kLineType = "line_type";
inline constexpr std::string_view kStyleId = "stage_direction_style_id";
inline constexpr std::string_view kParts = "parts";
inline constexpr std::string_view kPartIndex = "part_index";
inline constexpr std::string_view kCharacterId = "character_id";
inline constexpr std::string_view kGroupId = "character_group_id";
inline constexpr std::string_view kLineText = "line_text";

// The roots, made when they are absent.
struct DocumentRoots {
  crdt::Map meta;
  crdt::Map pages;
  crdt::Array deleted_line_ids;
};
DocumentRoots RootsOf(crdt::Doc& doc);

// The number that a value of `_id` or of the delete list is: "5", 5, "3.0" and "5.00" are; "0", "-1",
// null, a UUID, even one that begins with digits, are none.
std::optional<std::uint64_t> ParseId(const crdt::Any& value);
std::optional<std::uint64_t> ParseIdText(std::string_view text);

// Whether a text that is no id may name something new: not empty, and nothing that JavaScript takes
// for a number ("0", "-1", "inf", "1e400" name nothing).
bool IsTemporaryId(std::string_view text);

// The number of a page by its key. None when it is not written as ToPageKey does.
std::optional<std::uint32_t> ParsePageKey(std::string_view key);
std::string ToPageKey(std::uint32_t page);

// The update that makes page `page`, empty, the same bytes whoever asks: two people who both begin a
// new page make one, and lose no line, where each setting an array of their own would lose one of
// the two with all its lines. To be applied when the document lacks the page.
// Its writer is client 2^32 + page, which no other replica takes: theirs have 32 bits.
crdt::Bytes NewPageUpdate(std::uint32_t page);

// "2026-11-22T17:03:01.250Z".
std::string IsoTime(std::int64_t time_ms);

}  // namespace weft::server::script
