#include "server/api/routes.h"

#include <gtest/gtest.h>

#include "server/api/problem.h"

namespace weft::server::api {
namespace {

using Segments = std::vector<std::string>;

TEST(ApiRoutes, APathLeadsToItsCallWithItsValues) {
  const Match match = FindRoute("PUT", Segments{"api", "rooms", "a/b", "versions", "draft"});
  ASSERT_NE(match.route, nullptr);
  EXPECT_EQ(match.route->call, Call::kPutVersion);
  EXPECT_EQ(match.values, (Segments{"a/b", "draft"}));
}

TEST(ApiRoutes, HeadIsAskedLikeGet) {
  const Match match = FindRoute("HEAD", Segments{"api", "rooms"});
  ASSERT_NE(match.route, nullptr);
  EXPECT_EQ(match.route->call, Call::kListRooms);
}

TEST(ApiRoutes, AnotherMethodIsToldWhatIsServed) {
  const Match match = FindRoute("PATCH", Segments{"api", "rooms", "a"});
  EXPECT_EQ(match.route, nullptr);
  EXPECT_EQ(match.allowed, "GET, HEAD, PUT, DELETE, OPTIONS");
}

TEST(ApiRoutes, NothingElseIsAPath) {
  for (const Segments& segments :
       {Segments{}, Segments{"apis"}, Segments{"api", ""}, Segments{"api", "rooms", "a", "nothing"},
        Segments{"api", "rooms", "a", "text", ""}}) {
    EXPECT_TRUE(FindRoute("GET", segments).allowed.empty());
  }
}

TEST(ApiRoutes, WhoeverChangesSomethingNeedsMoreThanTheRightToRead) {
  for (const Route& route : Routes()) {
    if (route.method != "GET") {
      EXPECT_GE(route.right, Right::kWrite) << route.path;
      EXPECT_TRUE(route.path.starts_with("rooms/{}")) << route.path;
    }
  }
}

TEST(ApiProblem, EachStatusOfARoomHasItsProblem) {
  EXPECT_EQ(ProblemFor(absl::InvalidArgumentError("x")).status, 400);
  EXPECT_EQ(ProblemFor(absl::InvalidArgumentError("x"), Problem::kCannotBeDone).status, 422);
  EXPECT_EQ(ProblemFor(absl::NotFoundError("x")).status, 404);
  EXPECT_EQ(ProblemFor(absl::OutOfRangeError("x")).status, 410);
  EXPECT_EQ(ProblemFor(absl::ResourceExhaustedError("x")).status, 413);
  EXPECT_EQ(ProblemFor(absl::PermissionDeniedError("x")).status, 423);
  EXPECT_EQ(ProblemFor(absl::DataLossError("x")).status, 500);
  const HttpAnswer busy = ProblemFor(absl::UnavailableError("say \"no\""));
  EXPECT_EQ(busy.status, 503);
  EXPECT_EQ(busy.headers, "Retry-After: 5\r\n");
  EXPECT_EQ(busy.text,
            "{\"type\":\"urn:weft:problem:unavailable\",\"title\":\"This cannot be done at the "
            "moment\",\"status\":503,\"detail\":\"say \\\"no\\\"\"}\n");
}

}  // namespace
}  // namespace weft::server::api
