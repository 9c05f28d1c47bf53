#pragma once

// A shared document (schema.h) as plain data. What is wrong in it is told, all of it, and stops
// nothing: the rest is read.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "crdt/doc.h"
#include "server/script/problem.h"
#include "server/script/script.h"

namespace weft::server::script {

// `map` is where it stands in the document, and dies with that.
struct ExtractedPart {
  std::optional<PartId> id;   // none: never saved
  bool has_plain_id = false;  // the document has the id as its decimal text
  std::uint32_t index = 0;
  Ref character;
  Ref group;
  std::string text;
  crdt::Map map;
};

struct ExtractedLine {
  std::optional<LineId> id;  // none: never saved
  bool has_plain_id = false;
  LineType type = LineType::kNone;
  Ref act;
  Ref scene;
  Ref style;
  std::vector<ExtractedPart> parts;
  std::uint32_t page = 0;
  std::uint64_t number = 0;  // on its page, from 1
  crdt::Map map;
};

struct Extraction {
  std::optional<RevisionId> revision;
  std::string last_saved_at;
  std::vector<std::uint32_t> pages;    // that have an array, by number; empty ones too
  std::vector<ExtractedLine> lines;    // by page, in order
  std::vector<std::uint64_t> deleted;  // the numbers in the delete list
  std::vector<Problem> problems;       // by page and line
};

// Formats of a text are not looked at; what is no text in it is a problem. O(document).
Extraction ExtractDocument(crdt::Doc& doc);

}  // namespace weft::server::script
