#pragma once

// Output of tools for people: aligned tables, sizes, times, and how far long work has come.

#include <chrono>
#include <cstdint>
#include <functional>
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

// "1 room", "2 rooms".
std::string Counted(std::uint64_t number, std::string_view noun);
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

// That line, on standard error when it is `wanted` and that is a terminal, else nothing; and nothing for
// what is over before one could read it. Work that begins at 0 again is another stretch: the time that is
// left is foretold from its own beginning. Threads: one at a time.
class ProgressBar {
 public:
  ProgressBar(std::string what, bool wanted);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  void Show(std::uint64_t done, std::uint64_t total);
  // Show, for who tells of progress; empty when nothing is shown. Lives no longer than this.
  std::function<void(std::uint64_t done, std::uint64_t total)> teller();

 private:
  using Clock = std::chrono::steady_clock;

  const std::string what_;
  const bool shown_;
  const Clock::time_point made_ = Clock::now();
  Clock::time_point stretch_ = made_;
  Clock::time_point last_{};
  std::uint64_t done_ = 0;
  bool drawn_ = false;
};

}  // namespace weft::server
