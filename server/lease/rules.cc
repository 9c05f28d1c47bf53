#include "server/lease/rules.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace weft::server::lease {
namespace {

bool IsName(std::string_view name) {
  return !name.empty() && name.size() <= Rules::kMaxNameBytes &&
         std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

absl::Status Wrong(std::string_view rule, std::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("rule '", std::string(rule), "': ", std::string(why)));
}

void Insert(std::vector<std::size_t>& modes, std::size_t mode) {
  if (std::ranges::find(modes, mode) == modes.end()) modes.push_back(mode);
}

}  // namespace

absl::StatusOr<Rules> Rules::Parse(std::string_view text) {
  Rules rules;
  if (text.empty()) return rules;
  while (true) {
    const std::size_t comma = text.find(',');
    if (absl::Status added = rules.Add(text.substr(0, comma)); !added.ok()) return added;
    if (comma == std::string_view::npos) return rules;
    text.remove_prefix(comma + 1);
  }
}

const Mode* Rules::Find(std::string_view name) const {
  const auto found = std::ranges::find(modes_, name, &Mode::name);
  return found == modes_.end() ? nullptr : &*found;
}

absl::Status Rules::Add(std::string_view rule) {
  const std::size_t at = rule.find_first_of("=!~");
  if (at == std::string_view::npos) {
    return Wrong(rule, "expected MODE=shared, MODE=exclusive, MODE!MODE or MODE~BLOCKER");
  }
  const std::string_view name = rule.substr(0, at);
  const std::string_view rest = rule.substr(at + 1);
  if (!IsName(name))
    return Wrong(rule, "a mode's name has letters a-z, digits and '-', 64 at most");
  if (rule[at] == '=') {
    if (rest != "shared" && rest != "exclusive") {
      return Wrong(rule, "a mode is 'shared' or 'exclusive'");
    }
    if (Find(name) != nullptr) return Wrong(rule, "this mode is there already");
    if (modes_.size() == kMaxModes) return Wrong(rule, "too many modes");
    modes_.push_back(
        {.name = std::string(name), .shared = rest == "shared", .excludes = {}, .blockers = {}});
    return absl::OkStatus();
  }
  const Mode* const mode = Find(name);
  if (mode == nullptr)
    return Wrong(rule, absl::StrCat("name the mode before: ", std::string(name), "=shared"));
  const std::size_t index = IndexOf(*mode);
  if (rule[at] == '~') {
    if (!IsName(rest)) return Wrong(rule, "a blocker's name has letters a-z, digits and '-'");
    modes_[index].blockers.emplace_back(rest);
    return absl::OkStatus();
  }
  const Mode* const other = Find(rest);
  if (other == nullptr)
    return Wrong(rule, absl::StrCat("name the mode before: ", std::string(rest), "=shared"));
  if (other == mode) return Wrong(rule, "for one person at a time say 'exclusive'");
  const std::size_t other_index = IndexOf(*other);
  Insert(modes_[index].excludes, other_index);
  Insert(modes_[other_index].excludes, index);
  return absl::OkStatus();
}

}  // namespace weft::server::lease
