#pragma once

// A small show, lines for its script, and documents as clients edit them.

#include <cstdint>
#include <string>
#include <vector>

#include "crdt/doc.h"
#include "server/script/script.h"

namespace weft::server::script {

inline constexpr ShowId kShow{1};
inline constexpr RevisionId kFirstRevision{1};

// Acts 1 and 2; scenes 11, 12 (of act 1), 13 (of act 2); characters 21, 22, 23; group 31; styles 41, 42.
Show SampleShow();

// A line of dialogue with one part of character 21, whose id is 100 + that of the line.
Line Dialogue(std::uint64_t id, std::uint32_t page, std::string text);
// Lines 1, 2, 3, … on these pages, saying "one", "two", …
std::vector<Line> Lines(const std::vector<std::uint32_t>& pages);

// The first revision with these lines.
Revision RevisionOf(std::vector<Line> lines);

// The row of a script whose lines, parts and versions are those.
ScriptInfo ScriptWith(const std::vector<Line>& lines);

// `pages` pages of 40 lines: dialogue of one or two parts, stage directions, cue lines, spacing.
std::vector<Line> LargeScript(std::uint32_t pages);

// --- What a client does

// The array of a page, made as clients are to make it (schema.h).
crdt::Array PageOf(crdt::Doc& doc, std::uint32_t page);
crdt::Map LineAt(crdt::Doc& doc, std::uint32_t page, std::uint64_t index);
crdt::Map PartAt(crdt::Doc& doc, std::uint32_t page, std::uint64_t index, std::uint64_t part = 0);

// Inserts a line of dialogue with one part of character 21, never saved.
crdt::Map InsertDialogue(crdt::Doc& doc, std::uint32_t page, std::uint64_t index,
                         std::string_view temporary_id, std::string_view text);
// Deletes a line, and says so in deleted_line_ids as clients do.
void DeleteLine(crdt::Doc& doc, std::uint32_t page, std::uint64_t index);
void SetText(crdt::Doc& doc, std::uint32_t page, std::uint64_t index, std::string_view text);

// Each line's text, or its type where it has no part: "1: one", "2: <4>".
std::vector<std::string> TextsOf(crdt::Doc& doc);

}  // namespace weft::server::script
