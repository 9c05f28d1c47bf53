#include "store/record.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/str_cat.h"

namespace weft::store {

namespace {

constexpr std::size_t kMaxFindingsInWords = 5;

const char* Describe(DamageKind kind) {
  switch (kind) {
    case DamageKind::kMissing:
      return "missing";
    case DamageKind::kMalformed:
      return "too short";
    case DamageKind::kChecksum:
      return "wrong checksum";
    case DamageKind::kBrokenChain:
      return "does not continue the record before";
    case DamageKind::kRoomRow:
      return "the room's row is damaged";
  }
  return "unknown damage";
}

std::string Describe(const Damage& damage) {
  if (damage.begin == damage.end) return Describe(damage.kind);
  std::string range = absl::StrCat("record ", damage.begin);
  if (damage.end - damage.begin > 1) {
    range = absl::StrCat("records ", damage.begin, " to ", damage.end - 1);
  }
  return absl::StrCat(range, ": ", Describe(damage.kind));
}

}  // namespace

absl::Status LoadReport::status() const {
  if (damage.empty()) return absl::OkStatus();
  std::string message;
  for (std::size_t i = 0; i < std::min(damage.size(), kMaxFindingsInWords); ++i) {
    absl::StrAppend(&message, i == 0 ? "" : "; ", Describe(damage[i]));
  }
  if (damage.size() > kMaxFindingsInWords) {
    absl::StrAppend(&message, "; and ", damage.size() - kMaxFindingsInWords, " more findings");
  }
  return absl::DataLossError(message);
}

}  // namespace weft::store
