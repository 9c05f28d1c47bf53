#include "server/api/call_parts.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "crdt/json.h"
#include "crdt/json_error.h"
#include "crdt/limits.h"
#include "crdt/update_merge.h"
#include "server/api/json_object.h"
#include "server/api/problem.h"
#include "server/history.h"

namespace weft::server::api {
namespace {

// Values in the JSON of one request: each takes some hundred bytes.
constexpr std::size_t kMaxValues = std::size_t{1} << 20;

// Of what waits, the client ids and clocks that are named.
constexpr std::size_t kMaxMissing = 100;

std::string DescribeMissing(const crdt::DeleteSet& ids) {
  std::vector<std::string> ranges;
  for (const auto& client : ids.clients()) {
    for (const crdt::IdRange& range : client.ranges) {
      if (ranges.size() == kMaxMissing) break;
      ranges.push_back(JsonObject()
                           .Number("client", crdt::ToNumber(client.client))
                           .Number("clock", range.clock)
                           .Number("length", range.length)
                           .Take());
    }
  }
  return JsonArray(ranges);
}

}  // namespace

HttpAnswer JsonAnswer(std::string json, int status) {
  HttpAnswer answer;
  answer.status = status;
  answer.content_type = kJson;
  answer.text = std::move(json);
  answer.text += '\n';
  return answer;
}

std::string TagOf(const LogPlace& place) {
  return absl::StrCat("W/\"", GenerationText(place.generation), "-", place.sequence, "\"");
}

bool IsKnown(const Request& request, std::string_view tag) {
  const std::string_view known = request.header("If-None-Match");
  return !known.empty() && (known == "*" || known.find(tag) != std::string_view::npos);
}

absl::StatusOr<std::uint64_t> CountParameter(const Target& target, std::string_view name,
                                             std::uint64_t otherwise, std::uint64_t most) {
  const auto text = target.Parameter(name);
  if (!text) return otherwise;
  std::uint64_t number = 0;
  const char* end = text->data() + text->size();
  const auto parsed = std::from_chars(text->data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end || number < 1 || number > most) {
    return absl::InvalidArgumentError(
        absl::StrCat(std::string(name), "= wants a number from 1 to ", most));
  }
  return number;
}

absl::StatusOr<crdt::Bytes> FromBase64Url(std::string_view text) {
  std::string plain(text);
  std::ranges::replace(plain, '-', '+');
  std::ranges::replace(plain, '_', '/');
  while (plain.size() % 4 != 0) plain += '=';
  return crdt::FromBase64(plain);
}

absl::Status CheckParameters(const Target& target, std::initializer_list<std::string_view> known) {
  for (const auto& [name, value] : target.parameters()) {
    // Where a token may stand when no header can be sent.
    if (name == "token" || name == "access_token") continue;
    if (std::ranges::find(known, name) == known.end()) {
      return absl::InvalidArgumentError(absl::StrCat("there is no parameter \"", name, "\" here"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<crdt::UpdateFormat> FormatOf(const Target& target, std::string_view media_type) {
  const auto text = target.Parameter("format");
  if (text && *text != "v1" && *text != "v2") {
    return absl::InvalidArgumentError("format= is v1 or v2");
  }
  if (SameType(media_type, kUpdateV2)) return crdt::UpdateFormat::kV2;
  if (SameType(media_type, kUpdateV1)) return crdt::UpdateFormat::kV1;
  return text && *text == "v2" ? crdt::UpdateFormat::kV2 : crdt::UpdateFormat::kV1;
}

std::optional<std::string_view> ChooseUpdateType(const Request& request) {
  constexpr std::string_view kOffers[] = {kBytes, kUpdateV1, kUpdateV2};
  return ChooseType(request.header("Accept"), kOffers);
}

HttpAnswer UpdateAnswer(const crdt::Bytes& update, std::string_view type,
                        crdt::UpdateFormat format) {
  HttpAnswer answer;
  answer.content_type = type;
  answer.headers += "Vary: Accept\r\n";
  if (format == crdt::UpdateFormat::kV1) {
    answer.text = crdt::AsText(update);
    return answer;
  }
  const auto converted = crdt::ConvertUpdate(update, crdt::UpdateFormat::kV1, format, LogLimits());
  if (!converted.ok())
    return ProblemFor(absl::InternalError(std::string(converted.status().message())));
  answer.text = crdt::AsText(*converted);
  return answer;
}

absl::StatusOr<crdt::Any> ParseBody(std::string_view text) {
  const std::size_t depth = crdt::DecodeLimits{}.value_depth + 16;
  const crdt::JsonShape shape = crdt::MeasureJson(text);
  if (shape.values > kMaxValues || shape.depth > depth) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the body has ", shape.values, " JSON values, ", shape.depth,
                     " deep; at most ", kMaxValues, " and ", depth));
  }
  std::optional<crdt::Any> value = crdt::ParseJson(text, depth);
  if (!value) {
    return absl::InvalidArgumentError(
        absl::StrCat("the body is no JSON: ", crdt::ExplainJsonError(text, depth)));
  }
  if (value->AsObject() == nullptr) {
    return absl::InvalidArgumentError("the body is JSON, but no object");
  }
  return *std::move(value);
}

asio::awaitable<std::optional<HttpAnswer>> ReadBody(const Context& call, std::size_t limit,
                                                    std::string_view& body) {
  const absl::StatusOr<std::string_view> read = co_await call.request.body->Read(limit);
  if (!read.ok()) co_return ProblemFor(read.status());
  body = *read;
  co_return std::nullopt;
}

absl::StatusOr<std::string> MomentOf(const crdt::Any& value) {
  if (const std::string* text = value.AsString()) return *text;
  if (const double* number = value.AsNumber()) {
    if (*number >= 0 && *number <= 9'007'199'254'740'991.0 && std::floor(*number) == *number) {
      return std::to_string(static_cast<std::uint64_t>(*number));
    }
  }
  return absl::InvalidArgumentError(
      "a moment is the name of a version, a sequence, or a time like \"2026-11-22T17:03:01Z\"");
}

std::string DescribePending(const crdt::PendingReport& pending) {
  return JsonObject()
      .Number("blocks", pending.blocks)
      .Number("elements", pending.elements)
      .Number("deletes", pending.deletes)
      .Number("bytes", pending.bytes)
      .Flag("beyond_limits", pending.beyond_limits)
      .Json("waits_for", DescribeMissing(pending.missing))
      .Json("deletes_wait_for", DescribeMissing(pending.missing_of_deletes))
      .Take();
}

std::string DescribeWritten(const Tools& tools, std::string_view room, const LogPlace& place,
                            bool changed) {
  return JsonObject()
      .Text("room", room)
      .Number("sequence", place.sequence)
      .Text("generation", GenerationText(place.generation))
      .Flag("changed", changed)
      .Text("level", tools.rooms.answers_when_durable() ? "durable" : "received")
      .Take();
}

}  // namespace weft::server::api
