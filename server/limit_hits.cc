#include "server/limit_hits.h"

#include <chrono>

#include "absl/strings/str_cat.h"
#include "server/log_event.h"

namespace weft::server {
namespace {

constexpr std::array<std::string_view, kLimitCount> kNames = {
    "max-message-bytes",        "max-document-bytes",      "max-awareness-bytes",
    "max-room-awareness-bytes", "max-messages-per-second", "max-bytes-per-second",
    "max-queue-bytes",          "max-all-queues-bytes",    "max-receiving-bytes",
    "max-uncommitted-bytes",    "max-connections",         "max-connections-per-address",
    "max-connections-per-room", "max-rooms-per-socket",    "max-rooms",
    "max-room-memory-bytes",    "max-header-bytes",        "handshake-timeout-ms",
    "ping-interval-ms",         "close-timeout-ms",
};
static_assert(!kNames.back().empty());

constexpr std::int64_t kLineIntervalMs = 1'000;

std::int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

std::string_view LimitName(Limit limit) { return kNames[static_cast<std::size_t>(limit)]; }

void LimitHits::Hit(Limit limit, std::string_view whom) {
  const auto index = static_cast<std::size_t>(limit);
  const std::uint64_t count = counts_[index].fetch_add(1, std::memory_order_relaxed) + 1;
  if (!IsLogged(LogLevel::kWarning)) return;
  const std::int64_t now = NowMs();
  std::int64_t next = next_line_[index].load(std::memory_order_relaxed);
  if (now < next || !next_line_[index].compare_exchange_strong(next, now + kLineIntervalMs)) return;
  LogEvent(
      LogLevel::kWarning, "limit-reached",
      {{"limit", kNames[index]}, {"whom", whom}, {"count", count}},
      fmt::format("--{} was reached by {}; {} times since the start", kNames[index], whom, count));
}

std::string LimitHits::ToJson() const {
  std::string json = "{";
  for (std::size_t i = 0; i < kLimitCount; ++i) {
    absl::StrAppend(&json, i == 0 ? "" : ",", "\"",
                    absl::string_view(kNames[i].data(), kNames[i].size()),
                    "\":", counts_[i].load(std::memory_order_relaxed));
  }
  return json + "}";
}

}  // namespace weft::server
