#include "server/api/routes.h"

#include <optional>

namespace weft::server::api {
namespace {

constexpr std::string_view kUpdates[] = {kBytes, kUpdateV1, kUpdateV2};
constexpr std::string_view kJsonOnly[] = {kJson};

constexpr Route kRoutes[] = {
    {Call::kDescription, "GET", "", Right::kNone},
    {Call::kDescription, "GET", "openapi.json", Right::kNone},
    {Call::kListRooms, "GET", "rooms", Right::kRead},
    {Call::kReadRoom, "GET", "rooms/{}", Right::kRead},
    {Call::kSeedRoom, "PUT", "rooms/{}", Right::kWrite, kUpdates},
    {Call::kDeleteRoom, "DELETE", "rooms/{}", Right::kAdmin},
    {Call::kReadUpdate, "GET", "rooms/{}/update", Right::kRead},
    {Call::kPostUpdate, "POST", "rooms/{}/update", Right::kWrite, kUpdates},
    {Call::kReadStateVector, "GET", "rooms/{}/state-vector", Right::kRead},
    {Call::kReadJson, "GET", "rooms/{}/json", Right::kRead},
    {Call::kReadText, "GET", "rooms/{}/text", Right::kRead},
    {Call::kReadXml, "GET", "rooms/{}/xml", Right::kRead},
    {Call::kReadDelta, "GET", "rooms/{}/delta", Right::kRead},
    {Call::kPostEdits, "POST", "rooms/{}/edits", Right::kWrite, kJsonOnly},
    {Call::kReadChanges, "GET", "rooms/{}/changes", Right::kRead},
    {Call::kReadDiff, "GET", "rooms/{}/diff", Right::kRead},
    {Call::kListVersions, "GET", "rooms/{}/versions", Right::kRead},
    {Call::kReadVersion, "GET", "rooms/{}/versions/{}", Right::kRead},
    {Call::kPutVersion, "PUT", "rooms/{}/versions/{}", Right::kWrite, kJsonOnly, true},
    {Call::kDropVersion, "DELETE", "rooms/{}/versions/{}", Right::kWrite},
    {Call::kRestore, "POST", "rooms/{}/restore", Right::kWrite, kJsonOnly},
    {Call::kListModes, "GET", "rooms/{}/modes", Right::kRead},
    {Call::kPostMode, "POST", "rooms/{}/modes/{}", Right::kWrite},
    {Call::kDropMode, "DELETE", "rooms/{}/modes/{}", Right::kWrite},
    {Call::kReadDraft, "GET", "rooms/{}/draft", Right::kRead},
    {Call::kDropDraft, "DELETE", "rooms/{}/draft", Right::kWrite},
    {Call::kPostPublish, "POST", "rooms/{}/publish", Right::kWrite, kJsonOnly, true},
    {Call::kListMembers, "GET", "rooms/{}/members", Right::kAdmin},
    {Call::kKickMember, "DELETE", "rooms/{}/members/{}", Right::kAdmin},
    {Call::kFreeze, "POST", "rooms/{}/freeze", Right::kAdmin, kJsonOnly, true},
    {Call::kUnfreeze, "DELETE", "rooms/{}/freeze", Right::kAdmin},
    {Call::kEvents, "GET", "events", Right::kRead},
    {Call::kStats, "GET", "stats", Right::kAdmin},
};

// The values of the {} in `path`; nothing when the segments below /api are others.
std::optional<std::vector<std::string>> MatchPath(std::string_view path,
                                                  std::span<const std::string> segments) {
  std::vector<std::string> values;
  if (path.empty()) {
    if (segments.empty()) return values;
    return std::nullopt;
  }
  for (const std::string& segment : segments) {
    if (path.empty()) return std::nullopt;
    const std::size_t end = path.find('/');
    const std::string_view piece = path.substr(0, end);
    path = end == std::string_view::npos ? std::string_view() : path.substr(end + 1);
    if (piece == "{}") {
      values.push_back(segment);
    } else if (piece != segment) {
      return std::nullopt;
    }
  }
  if (!path.empty()) return std::nullopt;
  return values;
}

}  // namespace

std::span<const Route> Routes() { return kRoutes; }

Match FindRoute(std::string_view method, std::span<const std::string> segments) {
  Match match;
  if (segments.empty() || segments.front() != "api") return match;
  segments = segments.subspan(1);
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  for (const Route& route : kRoutes) {
    auto values = MatchPath(route.path, segments);
    if (!values) continue;
    match.allowed += match.allowed.empty() ? "" : ", ";
    match.allowed += route.method;
    if (route.method == "GET") match.allowed += ", HEAD";
    if (route.method != wanted || match.route != nullptr) continue;
    match.route = &route;
    match.values = *std::move(values);
  }
  if (!match.allowed.empty()) match.allowed += ", OPTIONS";
  return match;
}

}  // namespace weft::server::api
