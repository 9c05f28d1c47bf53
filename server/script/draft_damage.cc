#include "server/script/draft_damage.h"

#include "absl/strings/str_cat.h"

namespace weft::server::script {
namespace {

std::string CountOf(std::uint64_t edits) {
  return edits == 1 ? "one edit" : absl::StrCat(edits, " edits");
}

}  // namespace

std::vector<std::string> DescribeDamage(const publish::DraftDamage& damage, std::string_view room) {
  std::vector<std::string> words;
  if (damage.lost_edits > 0) {
    const bool one = damage.lost_edits == 1;
    words.push_back(absl::StrCat(
        "This draft has lost ", CountOf(damage.lost_edits), ", stored as ",
        one ? "number " : "numbers from ", damage.first_lost, one ? "" : " on",
        ": damaged on disk, and set aside. Everything else is here and can be saved; look through "
        "the "
        "script for what is missing before you do. The administrator finds what is left of ",
        one ? "it" : "them", " with: weft log quarantine ", std::string(room)));
  }
  if (damage.set_aside) {
    words.push_back(absl::StrCat("The draft of this revision, ", CountOf(damage.set_aside->edits),
                                 ", could not be opened: what it began with is damaged on disk. It "
                                 "is set aside and nothing of it "
                                 "is deleted; this is the script as it was last saved. Ask the "
                                 "administrator before the same is "
                                 "written again, who finds the draft with: weft log show ",
                                 publish::SetAsideRoom(room, *damage.set_aside)));
  }
  return words;
}

}  // namespace weft::server::script
