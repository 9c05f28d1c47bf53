#include "server/http_routes.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/page.h"
#include "server/room_name.h"
#include "weft_version.h"

namespace weft::server {
namespace {

absl::string_view ToAbsl(std::string_view text) { return {text.data(), text.size()}; }

std::string_view ReasonPhrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 204:
      return "No Content";
    case 308:
      return "Permanent Redirect";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 422:
      return "Unprocessable Content";
    case 423:
      return "Locked";
    case 426:
      return "Upgrade Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 503:
      return "Service Unavailable";
    default:
      return "Error";
  }
}

// The client of weft.v1 for everybody's pages (web/provider).
constexpr std::string_view kProviderPath = "/weft-provider.js";

// The admin page (web/admin) and the script editor (web/script) work with a token, on names and texts of
// strangers: they run nothing but their own script, make no markup of text (trusted types), are shown in
// no frame, and tell no other site where they were.
constexpr std::string_view kAdminPath = "/admin";
constexpr std::string_view kScriptPath = "/script/";
constexpr std::string_view kGuardedHeaders =
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; font-src "
    "data:; "
    "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors "
    "'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'\r\n"
    "Referrer-Policy: no-referrer\r\nCross-Origin-Opener-Policy: same-origin\r\n";

// The file that a path shows.
std::string_view FileOf(std::string_view path) {
  if (path == "/") return "/index.html";
  if (path == kScriptPath) return "/script/index.html";
  return path == kAdminPath ? "/admin/index.html" : path;
}

const PageFile* FindPageFile(std::string_view path) {
  for (const PageFile& file : PageFiles()) {
    if (file.path == path) return &file;
  }
  return nullptr;
}

HttpAnswer AnswerPageFile(const PageFile& file, const HttpRequest& request) {
  HttpAnswer answer;
  answer.content_type = file.content_type;
  answer.headers = absl::StrCat("ETag: ", ToAbsl(file.etag), "\r\nCache-Control: no-cache\r\n");
  // A module is loaded by pages of other origins only when they are let.
  if (file.path == kProviderPath)
    absl::StrAppend(&answer.headers, "Access-Control-Allow-Origin: *\r\n");
  if (file.path.starts_with(kAdminPath) || file.path.starts_with(kScriptPath)) {
    absl::StrAppend(&answer.headers, ToAbsl(kGuardedHeaders));
  }
  if (absl::StrContains(ToAbsl(request.if_none_match), ToAbsl(file.etag))) {
    answer.status = 304;
  } else {
    answer.asset = file.bytes;
  }
  return answer;
}

HttpAnswer PrepareMetrics() {
  HttpAnswer answer;
  answer.content_type = kMetricsType;
  answer.headers = "Cache-Control: no-store\r\n";
  return answer;
}

HttpAnswer JsonAnswer(bool ok) {
  HttpAnswer answer;
  answer.status = ok ? 200 : 503;
  answer.content_type = "application/json";
  answer.headers = "Cache-Control: no-store\r\n";
  return answer;
}

HttpAnswer AnswerLive() {
  HttpAnswer answer = JsonAnswer(true);
  answer.text = "{\"status\":\"live\"}\n";
  return answer;
}

HttpAnswer AnswerReady(const Health& health) {
  const char* word = !health.log_error.empty() ? "log-failed"
                     : health.draining         ? "draining"
                                               : "ready";
  HttpAnswer answer = JsonAnswer(health.log_error.empty() && !health.draining);
  answer.text = absl::StrCat(R"({"status":")", word, "\"}\n");
  return answer;
}

HttpAnswer AnswerHealth(const Health& health) {
  const bool ok = health.log_error.empty();
  HttpAnswer answer = JsonAnswer(ok);
  answer.text = absl::StrCat(
      R"({"status":")", ok ? "ok" : "log-failed", R"(","version":")", WEFT_VERSION,
      R"(","relay":")", NameOf(health.relay), R"(","rooms":)", health.rooms, R"(,"connections":)",
      health.connections, R"(,"sockets":)", health.sockets, R"(,"room_memory_bytes":)",
      health.room_memory_bytes, R"(,"receiving_bytes":)", health.receiving_bytes,
      R"(,"queued_bytes":)", health.queued_bytes, R"(,"limits":)", health.limits, R"(,"refused":)",
      health.refused, R"(,"log":{"commits":)", health.log_commits, R"(,"appends":)",
      health.log_appends, R"(,"failed":)", health.log_failed, R"(,"queued_bytes":)",
      health.log_queued_bytes, R"(,"durability":")", health.log_durability, R"(","window_ms":)",
      health.log_window_ms, R"(,"commit_max_ms":)", health.log_commit_max_ms, R"(,"quarantined":)",
      health.log_quarantined, R"(,"compactions":)", health.log_compactions, R"(,"error":")",
      PrintableName(health.log_error), "\"}}\n");
  return answer;
}

}  // namespace

HttpAnswer PlainAnswer(int status, std::string_view line) {
  HttpAnswer answer;
  answer.status = status;
  answer.headers = "Cache-Control: no-store\r\n";
  answer.text = absl::StrCat(ToAbsl(line), "\n");
  return answer;
}

HttpAnswer AnswerHttp(const HttpRequest& request, const Health& health) {
  const std::string_view path = request.target.substr(0, request.target.find_first_of("?#"));
  if (path == "/admin/") {
    HttpAnswer answer = PlainAnswer(308, "The admin page is at /admin.");
    answer.headers += "Location: ../admin\r\n";
    return answer;
  }
  if (path == "/script") {
    HttpAnswer answer = PlainAnswer(308, "The script editor is at /script/.");
    answer.headers += "Location: script/\r\n";
    return answer;
  }
  const PageFile* file = FindPageFile(FileOf(path));
  const bool of_health = path == "/health" || path == "/live" || path == "/ready";
  if (file == nullptr && !of_health && path != "/metrics") {
    return PlainAnswer(
        404, "There is no page of this name. Rooms are reached by WebSocket: ws://<host>/<room>");
  }
  if (request.method != "GET" && request.method != "HEAD") {
    HttpAnswer answer = PlainAnswer(405, "Only GET and HEAD are served here.");
    answer.headers += "Allow: GET, HEAD\r\n";
    return answer;
  }
  if (file != nullptr) return AnswerPageFile(*file, request);
  if (path == "/live") return AnswerLive();
  if (path == "/metrics") return PrepareMetrics();
  return path == "/ready" ? AnswerReady(health) : AnswerHealth(health);
}

std::string RenderHead(const HttpAnswer& answer, bool keep_alive) {
  std::string head =
      absl::StrCat("HTTP/1.1 ", answer.status, " ", ToAbsl(ReasonPhrase(answer.status)),
                   "\r\nServer: weft\r\nX-Content-Type-Options: nosniff\r\n", answer.headers);
  if (answer.status != 304 && answer.status != 204) {
    absl::StrAppend(&head, "Content-Type: ", ToAbsl(answer.content_type), "\r\n");
    if (!answer.streams) {
      absl::StrAppend(&head, "Content-Length: ", answer.body().size(), "\r\n");
    }
  }
  absl::StrAppend(&head, "Connection: ", keep_alive ? "keep-alive" : "close", "\r\n\r\n");
  return head;
}

}  // namespace weft::server
