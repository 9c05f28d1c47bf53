#pragma once

// The words of the application: a show has a script, a script has revisions, a revision has lines on
// pages, a line has parts. Plain data, without documents and without rows.
//
// Ids are positive integers of at most 2^53 - 1 (JavaScript's), unique within their script, and given
// once: those of lines, parts and revisions by counters that only grow. A line and its parts keep
// their ids for as long as they live, in every revision that they stand in; what changes is the
// version of the line's content.
// Threads: value types.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace weft::server::script {

enum class ShowId : std::uint64_t {};  // names the show's script, too
enum class RevisionId : std::uint64_t {};
enum class LineId : std::uint64_t {};
enum class PartId : std::uint64_t {};
enum class CueId : std::uint64_t {};
enum class UserId : std::uint64_t {};
// Names one content of one line. From a counter of the script: never given twice.
enum class Version : std::uint64_t {};

template <typename Id>
  requires std::is_enum_v<Id>
constexpr std::uint64_t Number(Id id) {
  return std::to_underlying(id);
}

// An act, a scene, a style, a character or a group of the show; or none.
using Ref = std::optional<std::uint64_t>;

enum class LineType : std::uint8_t {
  kNone = 0,  // of a row that lacks it; not valid in what is published
  kDialogue = 1,
  kStageDirection = 2,
  kCueLine = 3,
  kSpacing = 4,
};

struct Part {
  PartId id{};
  std::uint32_t index = 0;
  Ref character;
  Ref group;
  std::string text;

  friend bool operator==(const Part&, const Part&) = default;
};

// What a line says. Immutable once it is stored, and shared by the revisions that have it.
struct Content {
  LineType type = LineType::kNone;
  Ref act;
  Ref scene;
  Ref style;  // of a stage direction
  std::vector<Part> parts;

  friend bool operator==(const Content&, const Content&) = default;
};

struct Line {
  LineId id{};
  std::uint32_t page = 0;  // 0: on none
  Version version{};
  Content content;

  friend bool operator==(const Line&, const Line&) = default;
};

// A content that is not stored yet.
struct NewContent {
  LineId line{};
  Version version{};
  Content content;
};

struct RevisionInfo {
  RevisionId id{};
  std::uint32_t number = 0;  // 1, 2, 3, … as people count them; that of a deleted one is not reused
  std::optional<RevisionId> parent;  // none: the root
  std::string description;
  std::int64_t created_ms = 0;
  std::int64_t edited_ms = 0;
  std::optional<LineId> head;  // none: no lines
  std::optional<LineId> tail;
  std::uint64_t count = 0;  // lines
  // Of the order: lines, pages and versions. Revisions of one script with one hash are the same.
  std::uint64_t hash = 0;

  friend bool operator==(const RevisionInfo&, const RevisionInfo&) = default;
};

struct Revision {
  RevisionInfo info;
  std::vector<Line> lines;  // in order; pages never go down
};

enum class ScriptMode : std::uint8_t {
  kFull = 0,
  kCompact = 1,  // a line of dialogue has a single part
};

// The row of a script: what is current, and the next number of each kind.
struct ScriptInfo {
  ShowId show{};
  ScriptMode mode = ScriptMode::kFull;
  RevisionId current{};
  std::uint64_t next_line = 1;
  std::uint64_t next_part = 1;
  std::uint64_t next_version = 1;
  std::uint64_t next_revision = 1;
  std::uint32_t next_number = 1;  // of a revision

  friend bool operator==(const ScriptInfo&, const ScriptInfo&) = default;
};

struct Named {
  std::uint64_t id = 0;
  std::string name;
  friend bool operator==(const Named&, const Named&) = default;
};
struct Scene {
  std::uint64_t id = 0;
  Ref act;
  std::string name;
  friend bool operator==(const Scene&, const Scene&) = default;
};
struct CharacterGroup {
  std::uint64_t id = 0;
  std::string name;
  std::vector<std::uint64_t> characters;
  friend bool operator==(const CharacterGroup&, const CharacterGroup&) = default;
};

// What lines refer to.
struct Show {
  ShowId id{};
  std::string name;
  std::vector<Named> acts;
  std::vector<Scene> scenes;
  std::vector<Named> characters;
  std::vector<CharacterGroup> groups;
  std::vector<Named> styles;  // of stage directions
  friend bool operator==(const Show&, const Show&) = default;
};

enum class ShowRole : std::uint8_t { kRead, kWrite };

struct User {
  UserId id{};
  std::string username;
  bool admin = false;
  std::map<ShowId, ShowRole> roles;
  friend bool operator==(const User&, const User&) = default;
};

// Whether the user may edit, cut, save, discard and change revisions of this show.
inline bool MayWrite(const User& user, ShowId show) {
  const auto role = user.roles.find(show);
  return user.admin || (role != user.roles.end() && role->second == ShowRole::kWrite);
}

// A place of a line where a technician does something. It follows the line, not its position.
struct Cue {
  CueId id{};
  LineId line{};
  std::string label;
  friend bool operator==(const Cue&, const Cue&) = default;
};

}  // namespace weft::server::script
