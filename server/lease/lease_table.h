#pragma once

// Who is in which mode of one document, or of whatever else people work on together.
//
// A holder is a connection. It is in one mode at most and may change it in place: the new mode is judged as
// if it had left the old one, and when it is refused the old one stays. Leaving, and the end of a
// connection, are one way out; a connection that ended keeps its lease for the grace period, in which
// whoever shows the lease's token takes it over. Until then it counts like any other, so a network that
// fails for a moment neither opens the door to what is excluded nor ends the work of those who look on.
//
//   (none) ──Take──> here ──Drop──> away ──Resume(token)──> here
//                     │               └──(grace is over: Tick)──> (none)
//                     └──Give──> (none)
//
// Invariants: an exclusive mode has one holder at most; modes that exclude each other are not held by
// two people at once.
// Bounds: holders by the caller's connections; of those that are away kMaxAway, beyond which the one
// that would go first goes.
// Threads: one; no clock, no socket: time and tokens are arguments.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "server/lease/rules.h"

namespace weft::server::lease {

using TimePoint = std::chrono::steady_clock::time_point;

// A connection, as the caller numbers them: never twice.
using HolderId = std::uint64_t;
inline constexpr HolderId kNoHolder = 0;  // nobody has this number

struct Lease {
  HolderId holder = 0;  // the last one that held it, while it is away
  std::string subject;  // who that is; empty for somebody without a name
  std::string token;    // the secret that takes it over
  const Mode* mode = nullptr;
  std::optional<TimePoint> away_until;
};

// Why a mode was refused. The names are part of the API.
struct Refusal {
  enum class Code : std::uint8_t {
    kUnknownMode,  // "unknown-mode": `what` is its name
    kHeld,         // "held": somebody else is in it, and it is for one
    kExcluded,     // "excluded": somebody else is in mode `what`
    kBlocked,      // "blocked": by `what`
  };
  Code code = Code::kHeld;
  std::string what;

  friend bool operator==(const Refusal&, const Refusal&) = default;
};
std::string_view RefusalName(Refusal::Code code);

// What a call has changed, to be told to everybody.
struct Changes {
  bool any = false;                  // who holds what has changed
  std::vector<std::string> emptied;  // modes whose last holder left

  friend bool operator==(const Changes&, const Changes&) = default;
};

class LeaseTable {
 public:
  static constexpr std::size_t kMaxAway = 1'024;

  // `rules` outlives it.
  LeaseTable(const Rules& rules, std::chrono::milliseconds grace) : rules_(rules), grace_(grace) {}

  struct Taken {
    std::optional<Refusal> refusal;
    Changes changes;
  };
  // Enters a mode, or stays in it. `blockers` stand now; `token` becomes the lease's when it is new: what
  // nobody can guess. Rules are asked in this order: unknown, held, excluded, blocked.
  Taken Take(HolderId holder, std::string_view mode, std::string_view subject,
             std::string_view token, const std::vector<std::string>& blockers);

  // Leaves its mode. Having none is fine.
  Changes Give(HolderId holder);

  // Takes its mode away from whoever it is, also from one that is away.
  Changes Evict(HolderId holder);

  // The connection ended. Without a grace period this is Give.
  Changes Drop(HolderId holder, TimePoint now);

  // Takes over the lease of this token and this subject, also from a connection that does not know yet that
  // it is dead: `from` has no lease any more. From then on `next_token` is the lease's. Nothing when there is
  // none (any more).
  struct Resumed {
    HolderId from = 0;
    const Mode* mode = nullptr;
  };
  std::optional<Resumed> Resume(HolderId holder, std::string_view token, std::string_view subject,
                                std::string_view next_token);

  // Ends the leases whose grace period is over.
  Changes Tick(TimePoint now);
  // When Tick has something to do.
  std::optional<TimePoint> next_tick() const;

  // Why a newcomer would be refused now, if it would. Requires: the mode is one of the rules'.
  std::optional<Refusal> RefusalFor(const Mode& mode,
                                    const std::vector<std::string>& blockers) const {
    return Judge(kNoHolder, mode, blockers);
  }

  // Null when it has none.
  const Lease* Find(HolderId holder) const;
  // Null for a token that is none, or somebody else's.
  const Lease* FindByToken(std::string_view token, std::string_view subject) const;
  bool Holds(HolderId holder, std::string_view mode) const;
  // In the order in which they came.
  const std::vector<Lease>& leases() const { return leases_; }
  std::vector<const Lease*> HoldersOf(std::string_view mode) const;
  const Rules& rules() const { return rules_; }

  // OK, or which invariant is broken.
  absl::Status Validate() const;

 private:
  std::optional<Refusal> Judge(HolderId holder, const Mode& mode,
                               const std::vector<std::string>& blockers) const;
  Lease* FindLease(HolderId holder);
  Changes Erase(std::size_t index);

  const Rules& rules_;
  const std::chrono::milliseconds grace_;
  std::vector<Lease> leases_;
};

}  // namespace weft::server::lease
