#include "server/auth/origin_list.h"

#include <gtest/gtest.h>

namespace weft::server::auth {
namespace {

OriginList ListOf(const std::vector<std::string>& entries) {
  OriginList list;
  for (const std::string& entry : entries) EXPECT_TRUE(list.Add(entry).ok()) << entry;
  return list;
}

TEST(OriginList, WithoutAListEveryPageMayConnectAndNoneReadsAnswers) {
  const OriginList list;
  EXPECT_TRUE(list.Allows("https://evil.example"));
  EXPECT_TRUE(list.Allows("null"));
  EXPECT_EQ(list.CorsHeaders("https://evil.example"), "");
}

TEST(OriginList, ExactlyTheListedOriginsAreAllowed) {
  const OriginList list =
      ListOf({"https://app.example.org", "http://localhost:3000", "https://[::1]:8443"});
  for (const char* origin :
       {"https://app.example.org", "https://app.example.org:443", "HTTPS://APP.Example.ORG",
        "http://localhost:3000", "https://[::1]:8443", ""}) {
    EXPECT_TRUE(list.Allows(origin)) << origin;
  }
  for (const char* origin :
       {"http://app.example.org", "https://app.example.org:444", "https://example.org",
        "https://xapp.example.org", "https://app.example.org.evil.example",
        "https://app.example.org@evil.example", "https://evil.example/https://app.example.org",
        "http://localhost", "https://[::1]", "null", "app.example.org", "://", "https://",
        "https://app.example.org/", "https://app.example.org?",
        "https://app.example.org:", "https://app.example.org:443x", "file://", "https://*"}) {
    EXPECT_FALSE(list.Allows(origin)) << origin;
  }
}

TEST(OriginList, AStarStandsForNamesBelow) {
  const OriginList list = ListOf({"https://*.example.org"});
  EXPECT_TRUE(list.Allows("https://a.example.org"));
  EXPECT_TRUE(list.Allows("https://a.b.example.org"));
  for (const char* origin :
       {"https://example.org", "https://.example.org", "https://evilexample.org",
        "http://a.example.org", "https://a.example.org:8443", "https://a.example.org.evil.example",
        "https://*.example.org"}) {
    EXPECT_FALSE(list.Allows(origin)) << origin;
  }
}

TEST(OriginList, AStarAmongOthersAllowsAll) {
  EXPECT_TRUE(ListOf({"*", "https://a.example"}).Allows("https://b.example"));
  EXPECT_TRUE(ListOf({"https://a.example", "*"}).Allows("https://b.example"));
}

TEST(OriginList, PagesThatAreListedReadAnswers) {
  const OriginList list = ListOf({"https://*.example.org"});
  EXPECT_EQ(list.CorsHeaders("https://a.example.org"),
            "Vary: Origin\r\nAccess-Control-Allow-Origin: https://a.example.org\r\n");
  EXPECT_EQ(list.CorsHeaders("https://evil.example"), "Vary: Origin\r\n");
  EXPECT_EQ(list.CorsHeaders("https://x\r\nSet-Cookie: a.example.org"), "Vary: Origin\r\n");
  EXPECT_EQ(ListOf({"*"}).CorsHeaders("https://a.example"), "Access-Control-Allow-Origin: *\r\n");
}

TEST(OriginList, WhatIsNoOriginIsRefused) {
  for (const char* entry :
       {"", "example.org", "https://", "https://*", "https://*.", "https://a.*.org", "https://a/b",
        "https://a b", "https://a:x", "https://a:", "https://u@a", "https://**.a"}) {
    EXPECT_FALSE(OriginList().Add(entry).ok()) << entry;
  }
}

}  // namespace
}  // namespace weft::server::auth
