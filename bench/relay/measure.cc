#include "bench/relay/measure.h"

#include <unistd.h>

#include <bit>
#include <cstdio>
#include <fstream>
#include <sstream>

namespace weft::bench {

std::size_t Latencies::BucketOf(Nanoseconds latency) {
  if (latency < (1U << kFine)) return latency;
  const auto power = static_cast<unsigned>(std::bit_width(latency)) - 1;
  const std::uint64_t fine = latency >> (power - kFine) & ((1U << kFine) - 1);
  return (std::size_t{power - kFine + 1} << kFine) + fine;
}

double Latencies::Quantile(double share) const {
  if (count_ == 0) return 0;
  const auto rank = static_cast<std::uint64_t>(share * static_cast<double>(count_));
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
    seen += buckets_[bucket];
    if (seen <= rank) continue;
    constexpr std::size_t kPerPower = 1U << kFine;
    if (bucket < kPerPower) return static_cast<double>(bucket) / 1e6;
    const auto power = static_cast<int>(bucket >> kFine) - 1;
    const double low = static_cast<double>(kPerPower + bucket % kPerPower);
    return (low + 0.5) * static_cast<double>(std::uint64_t{1} << power) / 1e6;
  }
  return 0;
}

double ServerProcess::CpuSeconds() const {
  if (id_ == 0) return 0;
  std::ifstream file("/proc/" + std::to_string(id_) + "/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(text.substr(name_end + 1));
  std::string skipped;
  constexpr int kBeforeTimes = 11;
  for (int i = 0; i < kBeforeTimes; ++i) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

std::optional<std::uint64_t> ServerProcess::AnonymousBytes() const {
  if (id_ == 0) return std::nullopt;
  std::ifstream file("/proc/" + std::to_string(id_) + "/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("RssAnon:")) return std::stoull(line.substr(8)) * 1024;
  }
  return std::nullopt;
}

void Report::AddLatencies(const Latencies& latencies) {
  Add("p50_ms", latencies.Quantile(0.5));
  Add("p99_ms", latencies.Quantile(0.99));
  Add("p999_ms", latencies.Quantile(0.999));
}

std::string Report::ToJson(const std::string& scenario) const {
  std::string json = R"({"scenario":")" + scenario + '"';
  for (const auto& [name, value] : values_) {
    char text[64];
    std::snprintf(text, sizeof text, "%.6g", value);
    json += ",\"" + name + "\":" + text;
  }
  return json + "}";
}

}  // namespace weft::bench
