#include "server/listen_address.h"

#include <gtest/gtest.h>

namespace weft::server {
namespace {

TEST(ListenAddress, TcpIsAHostAndAPort) {
  const auto address = ParseListenAddress("example.org:8080");
  ASSERT_TRUE(address.ok());
  EXPECT_EQ(address->kind, ListenAddress::Kind::kTcp);
  EXPECT_EQ(address->host, "example.org");
  EXPECT_EQ(address->port, "8080");
  EXPECT_FALSE(address->tls.has_value());
  EXPECT_EQ(ParseListenAddress("[::1]:0")->host, "::1");
}

TEST(ListenAddress, APrefixSaysWhetherItIsTls) {
  EXPECT_EQ(ParseListenAddress("tls:[::]:443")->tls, true);
  EXPECT_EQ(ParseListenAddress("tls:[::]:443")->host, "::");
  EXPECT_EQ(ParseListenAddress("plain:127.0.0.1:80")->tls, false);
  EXPECT_EQ(ParseListenAddress("plain:127.0.0.1:80")->host, "127.0.0.1");
  // Hosts of these names stay what they are.
  EXPECT_EQ(ParseListenAddress("tls:443")->host, "tls");
  EXPECT_EQ(ParseListenAddress("plain:80")->host, "plain");
}

TEST(ListenAddress, UnixIsAPathWithAMode) {
  const auto plain = ParseListenAddress("unix:/run/weft.sock");
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(plain->kind, ListenAddress::Kind::kUnix);
  EXPECT_EQ(plain->path, "/run/weft.sock");
  EXPECT_EQ(plain->mode, 0660U);
  EXPECT_EQ(plain->tls, false);
  const auto open = ParseListenAddress("unix:/run/a,b:c.sock,mode=0666");
  ASSERT_TRUE(open.ok());
  EXPECT_EQ(open->path, "/run/a,b:c.sock");
  EXPECT_EQ(open->mode, 0666U);
}

TEST(ListenAddress, WhatIsNoneIsSaidToBeNone) {
  for (const char* text :
       {"", "8080", "host:", "host:port", "host:65536", "::1:8080", ":80", "tls:", "tls::80",
        "plain:h:x", "unix:", "unix:relative", "unix:/a,mode=", "unix:/a,mode=0888",
        "unix:/a,mode=1777", "unix:/a,mode=66x"}) {
    const auto address = ParseListenAddress(text);
    EXPECT_EQ(address.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_NE(address.status().message().find("is no address to listen on"), std::string::npos)
        << text;
  }
  EXPECT_TRUE(ParseListenAddress("unix:/" + std::string(106, 'a')).ok());
  EXPECT_FALSE(ParseListenAddress("unix:/" + std::string(107, 'a')).ok());
}

}  // namespace
}  // namespace weft::server
