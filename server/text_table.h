#pragma once

// Output of tools for people: aligned tables, sizes, times, and how far long work has come.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weft::server {

// Rows of cells below a header, each column as wide as its widest cell. Columns whose cells are all
// numbers, sizes or "-" stand at the right.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> header) : rows_{std::move(header)} {}
  void Add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  std::string Render() const;

 private:
  std::vector<std::vector<std::string>> rows_;  // the header first
};

// "1.2 MB"; decimal, as disks are sold.
std::string SizeOf(std::uint64_t bytes);
// "2026-11-22 17:03:01.250" in UTC.
std::string TimeText(std::int64_t time_ms);
// Nothing when it is no time: "2026-11-22", "2026-11-22 17:03", "2026-11-22T17:03:01.5Z" (UTC), or
// before `now_ms`: "-90s", "-5m", "-2h", "-3d".
bool ParseTime(std::string_view text, std::int64_t now_ms, std::int64_t& time_ms);
// A JSON string.
std::string Quote(std::string_view text);

// "verifying [###       ]  30 %  7 s left", the bar of 30 characters. Requires: total > 0.
std::string ProgressLine(std::string_view what, std::uint64_t done, std::uint64_t total,
                         double seconds_spent);

// That line, on standard error when that is a terminal, else nothing.
class ProgressBar {
 public:
  explicit ProgressBar(std::string what);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  void Show(std::uint64_t done, std::uint64_t total);

 private:
  const std::string what_;
  const bool shown_;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point last_{};
  bool drawn_ = false;
};

}  // namespace weft::server
