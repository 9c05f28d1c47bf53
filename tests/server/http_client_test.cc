#include "server/http_client.h"

#include <gtest/gtest.h>

namespace weft::server {
namespace {

TEST(HttpUrl, IsReadInItsParts) {
  const auto plain = ParseHttpUrl("http://example.org");
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(*plain, (HttpUrl{false, "example.org", "80", "example.org", "/"}));
  const auto whole = ParseHttpUrl("http://[::1]:9000/a/b?c=d");
  ASSERT_TRUE(whole.ok());
  EXPECT_EQ(*whole, (HttpUrl{false, "::1", "9000", "[::1]:9000", "/a/b?c=d"}));
  const auto tls = ParseHttpUrl("https://example.org?q");
  ASSERT_TRUE(tls.ok());
  EXPECT_EQ(*tls, (HttpUrl{true, "example.org", "443", "example.org", "/?q"}));
}

TEST(HttpUrl, WhatIsNoneIsRefused) {
  for (const char* url :
       {"", "example.org", "ftp://example.org", "http://", "https://", "http://:80",
        "http://h:", "http://h:x", "https://h:99999", "http://user@h/", "http://h/a b",
        "http://h/#part", "http://h/\r\nX: y"}) {
    EXPECT_EQ(ParseHttpUrl(url).status().code(), absl::StatusCode::kInvalidArgument) << url;
  }
}

}  // namespace
}  // namespace weft::server
