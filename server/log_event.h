#pragma once

// Log lines that programs read: an event by its name, with fields. With --log-format json each line is
//
//   {"time":"2026-11-28T22:56:49.469+00:00","level":"info","event":"listening","message":"listening
//    on https://…","address":"127.0.0.1:8443"}
//
// and what log.h writes is the event "note". As text a line is the message alone, which says what
// matters to people. Threads: any, but SetLogFormat, which comes before others begin.

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "server/log.h"

namespace weft::server {

enum class LogFormat { kText, kJson };

void SetLogFormat(LogFormat format);

struct LogField {
  LogField(std::string_view field, std::string_view text)
      : name(field), value(text), is_text(true) {}
  LogField(std::string_view field, const std::string& text)
      : LogField(field, std::string_view(text)) {}
  LogField(std::string_view field, const char* text) : LogField(field, std::string_view(text)) {}
  LogField(std::string_view field, std::uint64_t number)
      : name(field), value(std::to_string(number)), is_text(false) {}

  std::string_view name;
  std::string value;
  bool is_text;
};

void LogEvent(LogLevel level, std::string_view event, std::initializer_list<LogField> fields,
              std::string_view message);

// The line of an event as JSON, from after the level on. For LogEvent and its test.
std::string RenderEvent(std::string_view event, std::initializer_list<LogField> fields,
                        std::string_view message);

}  // namespace weft::server
