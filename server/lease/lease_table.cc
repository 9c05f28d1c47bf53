#include "server/lease/lease_table.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace weft::server::lease {
namespace {

// Takes as long for a wrong token as for the right one.
bool SameSecret(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
  }
  return difference == 0;
}

void Join(Changes& changes, Changes more) {
  changes.any |= more.any;
  for (std::string& mode : more.emptied) changes.emptied.push_back(std::move(mode));
}

}  // namespace

std::string_view RefusalName(Refusal::Code code) {
  switch (code) {
    case Refusal::Code::kUnknownMode:
      return "unknown-mode";
    case Refusal::Code::kHeld:
      return "held";
    case Refusal::Code::kExcluded:
      return "excluded";
    case Refusal::Code::kBlocked:
      return "blocked";
  }
  return "";
}

LeaseTable::Taken LeaseTable::Take(HolderId holder, std::string_view name, std::string_view subject,
                                   std::string_view token,
                                   const std::vector<std::string>& blockers) {
  const Mode* const mode = rules_.Find(name);
  if (mode == nullptr) {
    return {.refusal = Refusal{Refusal::Code::kUnknownMode, std::string(name)}, .changes = {}};
  }
  Lease* const lease = FindLease(holder);
  if (lease != nullptr && lease->mode == mode) return {};
  if (std::optional<Refusal> refusal = Judge(holder, *mode, blockers)) {
    return {.refusal = std::move(refusal), .changes = {}};
  }
  Taken taken{.refusal = std::nullopt, .changes = {.any = true, .emptied = {}}};
  if (lease == nullptr) {
    leases_.push_back({.holder = holder,
                       .subject = std::string(subject),
                       .token = std::string(token),
                       .mode = mode,
                       .away_until = std::nullopt});
    return taken;
  }
  const Mode* const before = std::exchange(lease->mode, mode);
  if (HoldersOf(before->name).empty()) taken.changes.emptied.push_back(before->name);
  return taken;
}

std::optional<Refusal> LeaseTable::Judge(HolderId holder, const Mode& mode,
                                         const std::vector<std::string>& blockers) const {
  const auto another_in = [&](const Mode& wanted) {
    return std::ranges::any_of(leases_, [&](const Lease& lease) {
      return lease.mode == &wanted && lease.holder != holder;
    });
  };
  if (!mode.shared && another_in(mode)) return Refusal{Refusal::Code::kHeld, mode.name};
  for (const std::size_t excluded : mode.excludes) {
    const Mode& other = rules_.modes()[excluded];
    if (another_in(other)) return Refusal{Refusal::Code::kExcluded, other.name};
  }
  for (const std::string& blocker : mode.blockers) {
    if (std::ranges::find(blockers, blocker) != blockers.end()) {
      return Refusal{Refusal::Code::kBlocked, blocker};
    }
  }
  return std::nullopt;
}

Changes LeaseTable::Give(HolderId holder) {
  const Lease* const lease = Find(holder);
  if (lease == nullptr || lease->away_until) return {};
  return Erase(static_cast<std::size_t>(lease - leases_.data()));
}

Changes LeaseTable::Evict(HolderId holder) {
  const Lease* const lease = Find(holder);
  if (lease == nullptr) return {};
  return Erase(static_cast<std::size_t>(lease - leases_.data()));
}

Changes LeaseTable::Drop(HolderId holder, TimePoint now) {
  Lease* const lease = FindLease(holder);
  if (lease == nullptr || lease->away_until) return {};
  if (grace_ <= std::chrono::milliseconds(0)) return Give(holder);
  lease->away_until = now + grace_;
  Changes changes{.any = true, .emptied = {}};
  const auto is_away = [](const Lease& one) { return one.away_until.has_value(); };
  if (static_cast<std::size_t>(std::ranges::count_if(leases_, is_away)) > kMaxAway) {
    const auto first = std::ranges::min_element(
        leases_, {}, [](const Lease& one) { return one.away_until.value_or(TimePoint::max()); });
    Join(changes, Erase(static_cast<std::size_t>(first - leases_.begin())));
  }
  return changes;
}

std::optional<LeaseTable::Resumed> LeaseTable::Resume(HolderId holder, std::string_view token,
                                                      std::string_view subject,
                                                      std::string_view next_token) {
  if (token.empty() || Find(holder) != nullptr) return std::nullopt;
  for (Lease& lease : leases_) {
    if (!SameSecret(lease.token, token) || lease.subject != subject) continue;
    lease.away_until.reset();
    lease.token = next_token;
    return Resumed{.from = std::exchange(lease.holder, holder), .mode = lease.mode};
  }
  return std::nullopt;
}

Changes LeaseTable::Tick(TimePoint now) {
  Changes changes;
  for (std::size_t i = 0; i < leases_.size();) {
    if (leases_[i].away_until && *leases_[i].away_until <= now) {
      Join(changes, Erase(i));
    } else {
      ++i;
    }
  }
  return changes;
}

std::optional<TimePoint> LeaseTable::next_tick() const {
  std::optional<TimePoint> next;
  for (const Lease& lease : leases_) {
    if (lease.away_until && (!next || *lease.away_until < *next)) next = lease.away_until;
  }
  return next;
}

const Lease* LeaseTable::Find(HolderId holder) const {
  const auto found = std::ranges::find(leases_, holder, &Lease::holder);
  return found == leases_.end() ? nullptr : &*found;
}

Lease* LeaseTable::FindLease(HolderId holder) {
  const auto found = std::ranges::find(leases_, holder, &Lease::holder);
  return found == leases_.end() ? nullptr : &*found;
}

const Lease* LeaseTable::FindByToken(std::string_view token, std::string_view subject) const {
  if (token.empty()) return nullptr;
  const auto found = std::ranges::find_if(leases_, [&](const Lease& lease) {
    return SameSecret(lease.token, token) && lease.subject == subject;
  });
  return found == leases_.end() ? nullptr : &*found;
}

bool LeaseTable::Holds(HolderId holder, std::string_view mode) const {
  const Lease* const lease = Find(holder);
  return lease != nullptr && lease->mode->name == mode;
}

std::vector<const Lease*> LeaseTable::HoldersOf(std::string_view mode) const {
  std::vector<const Lease*> holders;
  for (const Lease& lease : leases_) {
    if (lease.mode->name == mode) holders.push_back(&lease);
  }
  return holders;
}

Changes LeaseTable::Erase(std::size_t index) {
  const Mode* const mode = leases_[index].mode;
  leases_.erase(leases_.begin() + static_cast<std::ptrdiff_t>(index));
  Changes changes{.any = true, .emptied = {}};
  if (HoldersOf(mode->name).empty()) changes.emptied.push_back(mode->name);
  return changes;
}

absl::Status LeaseTable::Validate() const {
  for (std::size_t i = 0; i < leases_.size(); ++i) {
    for (std::size_t j = i + 1; j < leases_.size(); ++j) {
      const Mode& one = *leases_[i].mode;
      const Mode& other = *leases_[j].mode;
      if (leases_[i].holder == leases_[j].holder) {
        return absl::InternalError(absl::StrCat("two leases of holder ", leases_[i].holder));
      }
      if (&one == &other && !one.shared) {
        return absl::InternalError(absl::StrCat("two holders of the exclusive mode ", one.name));
      }
      if (std::ranges::find(one.excludes, rules_.IndexOf(other)) != one.excludes.end()) {
        return absl::InternalError(
            absl::StrCat("modes ", one.name, " and ", other.name, " are held at once"));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace weft::server::lease
