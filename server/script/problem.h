#pragma once

// What is wrong with a document or a file, and where: everything at once, so that who has to mend it
// does so once.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weft::server::script {

struct Problem {
  enum class Kind : std::uint8_t {
    kPageKey,         // the key of a page is no number
    kMissing,         // a field is not there
    kWrongType,       // a field, a line, a part or a page is of another kind
    kBadId,           // an id that is neither one nor the name of something new
    kDuplicateId,     // a line or a part that stands in two places
    kUnknownId,       // an id that this script never gave
    kUnknownRef,      // an act, a scene, a style, a character or a group that the show lacks
    kRule,            // the rules of its line type (validation.h)
    kNotThisRevision  // the document is that of another revision
  };

  Kind kind = Kind::kRule;
  std::optional<std::uint32_t> page;  // 0: lines on no page
  std::optional<std::uint64_t> line;  // on its page, from 1
  std::optional<std::uint64_t> part;  // of its line, from 1
  std::string field;                  // or the key of the page; empty: the thing itself
  std::string what;

  friend bool operator==(const Problem&, const Problem&) = default;
};

// "unknown-id": for machines.
std::string_view NameOf(Problem::Kind kind);

// "page 3, line 2, part 1, character_id: …"
std::string Describe(const Problem& problem);

// All of them, one a line; at most 20 and how many more there are.
std::string Describe(const std::vector<Problem>& problems);

// [{"kind":…,"page":…,"line":…,"part":…,"field":…,"what":…}], members that do not apply left out.
std::string ToJson(const std::vector<Problem>& problems);

}  // namespace weft::server::script
