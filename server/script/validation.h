#pragma once

// The rules of each type of line, and of what lines refer to.
//
//   dialogue         one part at least, in a compact script just one; each with either a character or
//                    a group; the text may be empty
//   stage direction  one part, of nobody, with a text that is not blank
//   cue line         no parts
//   spacing          no parts

#include <vector>

#include "absl/container/flat_hash_set.h"
#include "server/script/problem.h"
#include "server/script/script.h"

namespace weft::server::script {

// What the lines of a show may refer to, to be looked up quickly.
class References {
 public:
  explicit References(const Show& show);

  bool HasAct(std::uint64_t id) const { return acts_.contains(id); }
  bool HasScene(std::uint64_t id) const { return scenes_.contains(id); }
  bool HasStyle(std::uint64_t id) const { return styles_.contains(id); }
  bool HasCharacter(std::uint64_t id) const { return characters_.contains(id); }
  bool HasGroup(std::uint64_t id) const { return groups_.contains(id); }

 private:
  absl::flat_hash_set<std::uint64_t> acts_;
  absl::flat_hash_set<std::uint64_t> scenes_;
  absl::flat_hash_set<std::uint64_t> styles_;
  absl::flat_hash_set<std::uint64_t> characters_;
  absl::flat_hash_set<std::uint64_t> groups_;
};

// Adds everything that is wrong with the line to `problems`; whether nothing is. `page` and `number`
// say where it stands.
bool ValidateLine(const Content& line, ScriptMode mode, const References& references,
                  std::uint32_t page, std::uint64_t number, std::vector<Problem>& problems);

}  // namespace weft::server::script
