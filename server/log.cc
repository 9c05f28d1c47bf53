#include "server/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

#include "server/log_event.h"

namespace weft::server {
namespace {

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kOff:
      break;
  }
  return spdlog::level::off;
}

constexpr const char* kTextPattern = "%Y-%m-%dT%H:%M:%S.%e%z %^%-7l%$ %v";
// An event renders the rest of its object.
constexpr const char* kJsonPattern = R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v)";

bool writes_json = false;

spdlog::logger& Logger() {
  static const std::shared_ptr<spdlog::logger> logger = [] {
    auto made = std::make_shared<spdlog::logger>(
        "weft", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    made->set_pattern(kTextPattern);
    made->flush_on(spdlog::level::info);
    return made;
  }();
  return *logger;
}

void Write(LogLevel level, std::string_view line) {
  Logger().log(ToSpdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

// How many bytes a character of UTF-8 has; 0: it is none.
std::size_t CharacterBytes(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  if (first == 0xE0 && byte(1) < 0xA0) return 0;
  if (first == 0xED && byte(1) > 0x9F) return 0;  // half of a pair of UTF-16
  if (first == 0xF0 && byte(1) < 0x90) return 0;
  if (first == 0xF4 && byte(1) > 0x8F) return 0;
  return size;
}

// In quotes. Bytes that are no UTF-8 become U+FFFD.
void AppendQuoted(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const std::size_t size = CharacterBytes(text);
    const char c = text.front();
    if (size == 0) {
      out += "\\ufffd";
    } else if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += text.substr(0, size);
    }
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  out += '"';
}

}  // namespace

void SetLogLevel(LogLevel level) { Logger().set_level(ToSpdlog(level)); }

void SetLogFormat(LogFormat format) {
  writes_json = format == LogFormat::kJson;
  Logger().set_pattern(writes_json ? kJsonPattern : kTextPattern);
}

bool IsLogged(LogLevel level) { return Logger().should_log(ToSpdlog(level)); }

void WriteLogLine(LogLevel level, std::string_view line) {
  Write(level, writes_json ? RenderEvent("note", {}, line) : std::string(line));
}

void LogEvent(LogLevel level, std::string_view event, std::initializer_list<LogField> fields,
              std::string_view message) {
  if (!IsLogged(level)) return;
  Write(level, writes_json ? RenderEvent(event, fields, message) : std::string(message));
}

std::string RenderEvent(std::string_view event, std::initializer_list<LogField> fields,
                        std::string_view message) {
  std::string out = "\"event\":";
  AppendQuoted(out, event);
  out += ",\"message\":";
  AppendQuoted(out, message);
  for (const LogField& field : fields) {
    out += ',';
    AppendQuoted(out, field.name);
    out += ':';
    if (field.is_text) {
      AppendQuoted(out, field.value);
    } else {
      out += field.value;
    }
  }
  return out + '}';
}

}  // namespace weft::server
