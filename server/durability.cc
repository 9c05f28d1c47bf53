#include "server/durability.h"

#include <charconv>

#include "absl/strings/str_cat.h"

namespace weft::server {

absl::Status ParseDurability(std::string_view text, LogOptions& options) {
  constexpr std::string_view kInterval = "interval=";
  if (text == "fsync") {
    options.durability = store::Durability::kFsync;
    return absl::OkStatus();
  }
  if (text == "none") {
    options.durability = store::Durability::kNone;
    return absl::OkStatus();
  }
  if (text.starts_with(kInterval)) {
    const std::string_view number = text.substr(kInterval.size());
    std::int64_t milliseconds = 0;
    const auto [end, error] =
        std::from_chars(number.data(), number.data() + number.size(), milliseconds);
    if (error == std::errc() && end == number.data() + number.size() && milliseconds >= 1 &&
        milliseconds <= 3'600'000) {
      options.durability = store::Durability::kInterval;
      options.interval = std::chrono::milliseconds(milliseconds);
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError("an interval has 1 to 3600000 milliseconds");
  }
  return absl::InvalidArgumentError("durability is fsync, interval=MILLISECONDS or none");
}

std::string DurabilityName(const LogOptions& options) {
  switch (options.durability) {
    case store::Durability::kFsync:
      return "fsync";
    case store::Durability::kInterval:
      return absl::StrCat("interval=", options.interval.count());
    case store::Durability::kNone:
      return "none";
  }
  return "unknown";
}

std::int64_t WallTimeMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace weft::server
