#pragma once

// What the server answers to plain HTTP: the page, /health, and why not. Pure: a request in, an
// answer out.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/relay_moment.h"

namespace weft::server {

// Views live as long as the request.
struct HttpRequest {
  std::string_view method;
  std::string_view target;         // path and query, as it came
  std::string_view if_none_match;  // header If-None-Match
};

struct HttpAnswer {
  int status = 200;
  std::string headers;  // further lines, each with CRLF
  std::string_view content_type = "text/plain; charset=utf-8";
  std::string text;                       // the body, unless `asset` is given
  std::optional<std::string_view> asset;  // a body that lives as long as the program
  bool streams = false;  // the body follows piece by piece, and ends with the connection

  std::string_view body() const { return asset ? *asset : std::string_view(text); }
};

// How the server is, at one moment.
struct Health {
  std::uint64_t rooms = 0;
  std::uint64_t connections = 0;
  std::uint64_t sockets = 0;
  std::uint64_t room_memory_bytes = 0;
  std::uint64_t receiving_bytes = 0;
  std::uint64_t queued_bytes = 0;
  RelayMoment relay = RelayMoment::kCommitted;
  bool draining = false;          // clients are sent away, as the server stops
  std::string limits = "{}";      // how often each was reached, as JSON (limit_hits.h)
  std::string refused = "{}";     // how often somebody was not let in, by why (auth/refusal.h)
  std::uint64_t log_commits = 0;  // transactions of the log since the start
  std::uint64_t log_appends = 0;  // updates that are durable since the start
  std::uint64_t log_failed = 0;   // updates that could not be stored
  std::uint64_t log_queued_bytes = 0;
  std::string log_error;                 // empty, or why the log takes nothing more until a restart
  std::string log_durability = "fsync";  // as --durability has it
  double log_window_ms = 0;              // the longest that an answered edit was not on the medium
  double log_commit_max_ms = 0;
  std::uint64_t log_journal_entries = 0;
  std::uint64_t log_quarantined = 0;  // damaged records that were set aside since the start
  std::uint64_t log_compactions = 0;
};

// Of /metrics, whose text is not known here.
inline constexpr std::string_view kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

// Answers GET and HEAD of the page, of /health, of /live (200 as long as somebody answers), of /ready
// (503 when clients had better go to another server: this one stops, or stores nothing) and, without
// its text, of /metrics.
HttpAnswer AnswerHttp(const HttpRequest& request, const Health& health);

// An answer that is one line of text.
HttpAnswer PlainAnswer(int status, std::string_view line);

// Status line and headers of an answer, to be followed by its body unless the request was HEAD.
std::string RenderHead(const HttpAnswer& answer, bool keep_alive);

}  // namespace weft::server
