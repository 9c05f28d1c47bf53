#include "store/record.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/str_cat.h"

namespace weft::store {

namespace {

constexpr std::size_t kMaxFindingsInWords = 5;

}  // namespace

std::string_view DamageName(DamageKind kind) {
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
    case DamageKind::kSnapshot:
      return "the snapshot is damaged";
    case DamageKind::kQuarantined:
      return "in quarantine";
    case DamageKind::kVersion:
      return "a named version is damaged";
    case DamageKind::kName:
      return "the index of names is damaged";
    case DamageKind::kPage:
      return "a page of the file is damaged";
    case DamageKind::kRow:
      return "a row of an application is damaged";
    case DamageKind::kContent:
      return "not an update";
  }
  return "unknown damage";
}

std::string DescribeDamage(const Damage& damage) {
  const std::string what(DamageName(damage.kind));
  if (damage.begin == damage.end) return what;
  if (damage.end - damage.begin > 1) {
    return absl::StrCat("records ", damage.begin, " to ", damage.end - 1, ": ", what);
  }
  return absl::StrCat("record ", damage.begin, ": ", what);
}

absl::Status LoadReport::status() const {
  std::string message;
  std::size_t findings = 0;
  for (const Damage& found : damage) {
    if (found.kind == DamageKind::kQuarantined) continue;
    if (findings++ >= kMaxFindingsInWords) continue;
    absl::StrAppend(&message, message.empty() ? "" : "; ", DescribeDamage(found));
  }
  if (findings == 0) return absl::OkStatus();
  if (findings > kMaxFindingsInWords) {
    absl::StrAppend(&message, "; and ", findings - kMaxFindingsInWords, " more");
  }
  return absl::DataLossError(message);
}

}  // namespace weft::store
