#include "server/text_table.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>

#include "absl/strings/str_format.h"
#include "crdt/value_language.h"

namespace weft::server {
namespace {

// Characters, as far as a terminal's columns go: continuation bytes of UTF-8 take none.
std::size_t WidthOf(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

bool IsNumber(std::string_view cell) {
  return cell == "-" || (!cell.empty() && cell.front() >= '0' && cell.front() <= '9' &&
                         cell.find_first_of(":T") == std::string_view::npos);
}

}  // namespace

std::string TextTable::Render() const {
  const std::size_t columns = rows_.front().size();
  std::vector<std::size_t> widths(columns, 0);
  std::vector<bool> right(columns, rows_.size() > 1);
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    for (std::size_t column = 0; column < columns; ++column) {
      widths[column] = std::max(widths[column], WidthOf(rows_[i][column]));
      if (i > 0 && !IsNumber(rows_[i][column])) right[column] = false;
    }
  }
  std::string out;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t column = 0; column < columns; ++column) {
      const std::string padding(widths[column] - WidthOf(row[column]), ' ');
      if (column > 0) line += "  ";
      line += right[column] ? padding + row[column] : row[column] + padding;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

std::string Counted(std::uint64_t number, std::string_view noun) {
  return std::to_string(number) + " " + std::string(noun) + (number == 1 ? "" : "s");
}

std::string SizeOf(std::uint64_t bytes) {
  if (bytes < 1000) return std::to_string(bytes) + " B";
  constexpr std::array kUnits = {"kB", "MB", "GB", "TB"};
  double size = static_cast<double>(bytes) / 1000;
  std::size_t unit = 0;
  while (size >= 999.95 && unit + 1 < kUnits.size()) {
    size /= 1000;
    ++unit;
  }
  return absl::StrFormat("%.1f %s", size, kUnits[unit]);
}

std::string TimeText(std::int64_t time_ms) {
  std::int64_t seconds = time_ms / 1000;
  std::int64_t rest = time_ms % 1000;
  if (rest < 0) {
    rest += 1000;
    --seconds;
  }
  const std::time_t time = seconds;
  std::tm parts{};
  if (gmtime_r(&time, &parts) == nullptr) return std::to_string(time_ms);
  return absl::StrFormat("%04d-%02d-%02d %02d:%02d:%02d.%03d", parts.tm_year + 1900,
                         parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                         rest);
}

bool ParseTime(std::string_view text, std::int64_t now_ms, std::int64_t& time_ms) {
  if (text.size() > 2 && text.front() == '-') {
    std::int64_t count = 0;
    const char* end = text.data() + text.size() - 1;
    const auto [stop, error] = std::from_chars(text.data() + 1, end, count);
    if (error != std::errc() || stop != end || count < 0 || count > 100'000'000) return false;
    switch (text.back()) {
      case 's':
        time_ms = now_ms - count * 1'000;
        return true;
      case 'm':
        time_ms = now_ms - count * 60'000;
        return true;
      case 'h':
        time_ms = now_ms - count * 3'600'000;
        return true;
      case 'd':
        time_ms = now_ms - count * 86'400'000;
        return true;
      default:
        return false;
    }
  }
  std::tm parts{};
  int year = 0;
  int month = 0;
  int used = 0;
  double seconds = 0;
  char separator = ' ';
  const std::string copy(text);
  const int fields =
      std::sscanf(copy.c_str(), "%4d-%2d-%2d%n%c%2d:%2d:%lf", &year, &month, &parts.tm_mday, &used,
                  &separator, &parts.tm_hour, &parts.tm_min, &seconds);
  if (fields < 3 || (fields > 3 && fields < 6) ||
      (fields > 3 && separator != ' ' && separator != 'T')) {
    return false;
  }
  if (fields == 3 && static_cast<std::size_t>(used) != copy.size()) return false;
  parts.tm_year = year - 1900;
  parts.tm_mon = month - 1;
  time_ms =
      static_cast<std::int64_t>(timegm(&parts)) * 1000 + static_cast<std::int64_t>(seconds * 1000);
  return month >= 1 && month <= 12 && parts.tm_mday >= 1 && parts.tm_mday <= 31;
}

std::string Quote(std::string_view text) {
  std::string out;
  crdt::AppendString(out, text);
  return out;
}

std::string ProgressLine(std::string_view what, std::uint64_t done, std::uint64_t total,
                         double seconds_spent) {
  const double part = static_cast<double>(std::min(done, total)) / static_cast<double>(total);
  constexpr std::size_t kWidth = 30;
  const auto filled = static_cast<std::size_t>(part * kWidth);
  const std::string left =
      done > 0 ? absl::StrFormat("%.0f s left", seconds_spent * (1 - part) / part) : std::string();
  return absl::StrFormat("%s [%s%s] %3.0f %%  %s", std::string(what), std::string(filled, '#'),
                         std::string(kWidth - filled, ' '), 100 * part, left);
}

ProgressBar::ProgressBar(std::string what, bool wanted)
    : what_(std::move(what)), shown_(wanted && isatty(STDERR_FILENO) == 1) {}

ProgressBar::~ProgressBar() {
  if (drawn_) std::fputs("\r\033[K", stderr);
}

void ProgressBar::Show(std::uint64_t done, std::uint64_t total) {
  if (!shown_ || total == 0) return;
  const Clock::time_point now = Clock::now();
  if (done < done_) stretch_ = now;
  done_ = done;
  if (now - last_ < std::chrono::milliseconds(100)) return;
  if (now - made_ < std::chrono::milliseconds(300))
    return;  // it may be over before one could read it
  last_ = now;
  drawn_ = true;
  const double spent = std::chrono::duration<double>(now - stretch_).count();
  std::fprintf(stderr, "\r\033[K%s", ProgressLine(what_, done, total, spent).c_str());
}

std::function<void(std::uint64_t done, std::uint64_t total)> ProgressBar::teller() {
  if (!shown_) return {};
  return [this](std::uint64_t done, std::uint64_t total) { Show(done, total); };
}

}  // namespace weft::server
