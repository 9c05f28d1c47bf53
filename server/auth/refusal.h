#pragma once

// Why somebody was not let in, or had to leave: what clients are told, and how often it happened.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "server/close_code.h"

namespace weft::server::auth {

enum class Refusal : std::uint8_t {
  kOrigin,       // a page of an origin that is not allowed
  kToken,        // no token, or none that counts
  kRoom,         // a token that has no role in the room
  kUnavailable,  // the service that knows cannot be asked
  kEnded,  // of who was connected: the token expired or was revoked, or the role was taken away
  kWrite,  // a write of who may only read
};
inline constexpr std::size_t kRefusalCount = 6;

// "origin".
std::string_view RefusalName(Refusal refusal);

// Why Authority::Authenticate failed, as the numbers that clients act on. Requires: !status.ok().
Refusal RefusalOf(const absl::Status& status);
CloseCode CloseCodeOf(Refusal refusal);
int HttpStatusOf(Refusal refusal);

// Threads: any.
class RefusalCounts {
 public:
  void Count(Refusal refusal) {
    counts_[static_cast<std::size_t>(refusal)].fetch_add(1, std::memory_order_relaxed);
  }
  std::uint64_t count(Refusal refusal) const {
    return counts_[static_cast<std::size_t>(refusal)].load(std::memory_order_relaxed);
  }

  // {"origin":0,…}
  std::string ToJson() const;

 private:
  std::array<std::atomic<std::uint64_t>, kRefusalCount> counts_{};
};

}  // namespace weft::server::auth
