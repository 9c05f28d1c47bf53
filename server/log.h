#pragma once

// Log lines of the server: one a line and an event, to standard error.
// Threads: any. Lines below the level that SetLogLevel chose cost nothing but the call.

#include <spdlog/fmt/fmt.h>

#include <string_view>
#include <utility>

namespace weft::server {

enum class LogLevel { kDebug, kInfo, kWarning, kError, kOff };

void SetLogLevel(LogLevel level);
bool IsLogged(LogLevel level);
void WriteLogLine(LogLevel level, std::string_view line);

template <typename... Arguments>
void LogLine(LogLevel level, fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  if (IsLogged(level))
    WriteLogLine(level, fmt::format(format, std::forward<Arguments>(arguments)...));
}

template <typename... Arguments>
void LogDebug(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  LogLine(LogLevel::kDebug, format, std::forward<Arguments>(arguments)...);
}
template <typename... Arguments>
void LogInfo(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  LogLine(LogLevel::kInfo, format, std::forward<Arguments>(arguments)...);
}
template <typename... Arguments>
void LogWarning(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  LogLine(LogLevel::kWarning, format, std::forward<Arguments>(arguments)...);
}
template <typename... Arguments>
void LogError(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  LogLine(LogLevel::kError, format, std::forward<Arguments>(arguments)...);
}

}  // namespace weft::server
