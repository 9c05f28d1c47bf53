#pragma once

// A request target of the API: a path of segments and a query of parameters, both decoded.
//
// A segment is what stands between two slashes, with %XX decoded, so a room's name is always one
// segment: the room "team/notes" is /api/rooms/team%2Fnotes. In the query a + is a space.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace weft::server::api {

class Target {
 public:
  // Fails: kInvalidArgument: a percent code is broken, or something is no UTF-8.
  static absl::StatusOr<Target> Parse(std::string_view text);

  const std::vector<std::string>& segments() const { return segments_; }

  // The first value of that name.
  std::optional<std::string_view> Parameter(std::string_view name) const;
  std::vector<std::string> Parameters(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& parameters() const { return parameters_; }

 private:
  std::vector<std::string> segments_;
  std::vector<std::pair<std::string, std::string>> parameters_;
};

}  // namespace weft::server::api
