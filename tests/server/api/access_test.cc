#include "server/api/access.h"

#include <gtest/gtest.h>

#include <map>

namespace weft::server::api {
namespace {

using Headers = std::map<std::string, std::string, std::less<>>;

bool IsLocal(const Headers& headers, std::string address = "127.0.0.1", bool is_local = true) {
  Request request;
  request.header = [&headers](std::string_view name) {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string_view() : std::string_view(found->second);
  };
  request.address = std::move(address);
  request.is_local = is_local;
  return IsOfThisMachine(request);
}

TEST(Access, AProgramOnThisMachineIsOfThisMachine) {
  EXPECT_TRUE(IsLocal({{"Host", "127.0.0.1:8080"}}));
  EXPECT_TRUE(IsLocal({{"Host", "localhost"}}));
  EXPECT_TRUE(IsLocal({{"Host", "[::1]:8080"}}, "::1"));
  EXPECT_TRUE(IsLocal({{"Host", "whatever"}}, ""));
  EXPECT_TRUE(IsLocal({{"Host", "localhost:8080"}, {"Origin", "http://localhost:8080"}}));
}

TEST(Access, WhoComesFromElsewhereIsNot) {
  EXPECT_FALSE(IsLocal({{"Host", "127.0.0.1:8080"}}, "10.0.0.7", false));
  for (const char* name : {"Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"}) {
    EXPECT_FALSE(IsLocal({{"Host", "localhost"}, {name, "10.0.0.7"}})) << name;
  }
}

TEST(Access, APageOfAnotherSiteInABrowserOnThisMachineIsNot) {
  EXPECT_FALSE(IsLocal({{"Host", "localhost:8080"}, {"Origin", "https://example.org"}}));
  EXPECT_FALSE(IsLocal({{"Host", "localhost:8080"}, {"Origin", "null"}}));
  EXPECT_FALSE(IsLocal({{"Host", "localhost:8080"}, {"Origin", "http://localhost:9090"}}));
  // Its name was made to lead here after the page was loaded.
  EXPECT_FALSE(IsLocal({{"Host", "example.org:8080"}, {"Origin", "http://example.org:8080"}}));
  EXPECT_FALSE(IsLocal({{"Host", "localhost.example.org"}}));
  EXPECT_FALSE(IsLocal({}));
}

}  // namespace
}  // namespace weft::server::api
