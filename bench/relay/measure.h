#pragma once

// What is measured of a run: latencies, and the server's processor time and memory as the kernel
// counts them.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bench/relay/client.h"

namespace weft::bench {

// Latencies in buckets 3 % wide.
class Latencies {
 public:
  void Add(Nanoseconds latency, std::uint64_t times = 1) {
    buckets_[BucketOf(latency)] += times;
    count_ += times;
  }
  std::uint64_t count() const { return count_; }
  // In milliseconds; 0 without any.
  double Quantile(double share) const;

 private:
  static constexpr unsigned kFine = 5;  // 32 buckets for each power of two
  static std::size_t BucketOf(Nanoseconds latency);

  std::array<std::uint64_t, 64 << kFine> buckets_{};
  std::uint64_t count_ = 0;
};

// The server's process. Without one (0) everything is nothing.
class ServerProcess {
 public:
  explicit ServerProcess(int id) : id_(id) {}
  // All threads, in the kernel and outside.
  double CpuSeconds() const;
  // What is its own: no files, no shared pages.
  std::optional<std::uint64_t> AnonymousBytes() const;
  int id() const { return id_; }

 private:
  int id_;
};

// A JSON object of numbers, in order.
class Report {
 public:
  void Add(std::string name, double value) { values_.emplace_back(std::move(name), value); }
  void AddLatencies(const Latencies& latencies);
  std::string ToJson(const std::string& scenario) const;

 private:
  std::vector<std::pair<std::string, double>> values_;
};

}  // namespace weft::bench
