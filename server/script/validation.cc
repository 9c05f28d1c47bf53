#include "server/script/validation.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/script/schema.h"

namespace weft::server::script {
namespace {

class LineRules {
 public:
  LineRules(const Content& line, ScriptMode mode, const References& references, std::uint32_t page,
            std::uint64_t number, std::vector<Problem>& problems)
      : line_(line),
        mode_(mode),
        references_(references),
        page_(page),
        number_(number),
        problems_(problems) {}

  void Check() {
    CheckReferences();
    switch (line_.type) {
      case LineType::kDialogue:
        return CheckDialogue();
      case LineType::kStageDirection:
        return CheckStageDirection();
      case LineType::kCueLine:
        return CheckEmpty("a cue line");
      case LineType::kSpacing:
        return CheckEmpty("spacing");
      case LineType::kNone:
        break;
    }
    Break(std::nullopt, kLineType, "a line needs a type");
  }

 private:
  void Tell(Problem::Kind kind, std::optional<std::uint64_t> part, std::string_view field,
            std::string what) {
    problems_.push_back({.kind = kind,
                         .page = page_,
                         .line = number_,
                         .part = part,
                         .field = std::string(field),
                         .what = std::move(what)});
  }
  void Break(std::optional<std::uint64_t> part, std::string_view field, std::string what) {
    Tell(Problem::Kind::kRule, part, field, std::move(what));
  }

  void CheckReference(Ref ref, bool exists, std::optional<std::uint64_t> part,
                      std::string_view field, std::string_view what) {
    if (!ref || exists) return;
    Tell(Problem::Kind::kUnknownRef, part, field,
         absl::StrCat("the show has no ", std::string(what), " ", *ref));
  }

  void CheckReferences() {
    CheckReference(line_.act, references_.HasAct(line_.act.value_or(0)), {}, kActId, "act");
    CheckReference(line_.scene, references_.HasScene(line_.scene.value_or(0)), {}, kSceneId,
                   "scene");
    CheckReference(line_.style, references_.HasStyle(line_.style.value_or(0)), {}, kStyleId,
                   "style of stage directions");
    for (std::size_t i = 0; i < line_.parts.size(); ++i) {
      const Part& part = line_.parts[i];
      CheckReference(part.character, references_.HasCharacter(part.character.value_or(0)), i + 1,
                     kCharacterId, "character");
      CheckReference(part.group, references_.HasGroup(part.group.value_or(0)), i + 1, kGroupId,
                     "group of characters");
    }
  }

  void CheckDialogue() {
    if (line_.parts.empty()) Break({}, kParts, "dialogue needs a part");
    if (mode_ == ScriptMode::kCompact && line_.parts.size() > 1) {
      Break({}, kParts, "in a compact script a line of dialogue has a single part");
    }
    for (std::size_t i = 0; i < line_.parts.size(); ++i) {
      const Part& part = line_.parts[i];
      if (!part.character && !part.group) Break(i + 1, "", "needs a character or a group");
      if (part.character && part.group) Break(i + 1, "", "has both a character and a group");
    }
  }

  void CheckStageDirection() {
    if (line_.parts.size() != 1) {
      return Break({}, kParts,
                   absl::StrCat("a stage direction has one part, not ", line_.parts.size()));
    }
    const Part& part = line_.parts.front();
    if (part.character || part.group) Break(1, "", "a stage direction is of nobody");
    if (part.text.find_first_not_of(" \t\r\n") == std::string::npos) {
      Break(1, kLineText, "a stage direction needs a text");
    }
  }

  void CheckEmpty(const char* what) {
    if (!line_.parts.empty()) Break({}, kParts, absl::StrCat(what, " has no parts"));
  }

  const Content& line_;
  const ScriptMode mode_;
  const References& references_;
  const std::uint32_t page_;
  const std::uint64_t number_;
  std::vector<Problem>& problems_;
};

}  // namespace

References::References(const Show& show) {
  for (const Named& act : show.acts) acts_.insert(act.id);
  for (const Scene& scene : show.scenes) scenes_.insert(scene.id);
  for (const Named& style : show.styles) styles_.insert(style.id);
  for (const Named& character : show.characters) characters_.insert(character.id);
  for (const CharacterGroup& group : show.groups) groups_.insert(group.id);
}

bool ValidateLine(const Content& line, ScriptMode mode, const References& references,
                  std::uint32_t page, std::uint64_t number, std::vector<Problem>& problems) {
  const std::size_t before = problems.size();
  LineRules(line, mode, references, page, number, problems).Check();
  return problems.size() == before;
}

}  // namespace weft::server::script
