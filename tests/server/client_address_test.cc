#include "server/client_address.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "tests/server/running_server.h"
#include "tests/server/tcp_client.h"

namespace weft::server {
namespace {

asio::ip::address Address(const std::string& text) {
  error_code error;
  auto address = asio::ip::make_address(text, error);
  EXPECT_FALSE(error) << text;
  return address;
}

TrustedProxies Trust(const std::vector<std::string>& networks) {
  TrustedProxies proxies;
  for (const std::string& network : networks) EXPECT_TRUE(proxies.Add(network).ok()) << network;
  return proxies;
}

std::string Behind(const std::string& peer, const TrustedProxies& proxies, ProxyHeader header,
                   const std::vector<std::string_view>& lines) {
  const PeerAddress client =
      ClientBehind(peer == "unix" ? PeerAddress() : Address(peer), proxies, header, lines);
  return client ? client->to_string() : "unix";
}

TEST(TrustedProxies, NetworksAreAddressesWithTheirFirstBits) {
  const TrustedProxies proxies =
      Trust({"10.0.0.0/8", "192.0.2.7", "fd00::/9", "198.51.100.128/25", "unix"});
  for (const char* trusted : {"10.1.2.3", "10.255.255.255", "192.0.2.7", "fd12::1",
                              "fd7f::", "198.51.100.200", "::ffff:10.1.2.3"}) {
    EXPECT_TRUE(proxies.Trusts(Address(trusted))) << trusted;
  }
  for (const char* other :
       {"11.0.0.1", "192.0.2.8", "fd80::1", "::1", "198.51.100.127", "::10.1.2.3"}) {
    EXPECT_FALSE(proxies.Trusts(Address(other))) << other;
  }
  EXPECT_TRUE(proxies.Trusts(std::nullopt));
  EXPECT_FALSE(Trust({"0.0.0.0/0"}).Trusts(std::nullopt));
  EXPECT_TRUE(Trust({"0.0.0.0/0"}).Trusts(Address("203.0.113.9")));
  EXPECT_FALSE(Trust({"0.0.0.0/0"}).Trusts(Address("2001:db8::1")));
  EXPECT_TRUE(Trust({"::/0"}).Trusts(Address("2001:db8::1")));
}

TEST(TrustedProxies, WhatIsNoNetworkIsSaidToBeNone) {
  for (const char* text : {"", "proxy.example", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/x", "10.0.0",
                           "::/129", "10.0.0.0/-1", "Unix"}) {
    EXPECT_EQ(TrustedProxies().Add(text).code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(ClientAddress, TheRightmostThatIsNoProxyIsTheClient) {
  const TrustedProxies proxies = Trust({"10.0.0.0/8", "unix"});
  const auto x = ProxyHeader::kXForwardedFor;
  EXPECT_EQ(Behind("10.0.0.1", proxies, x, {"203.0.113.9"}), "203.0.113.9");
  EXPECT_EQ(Behind("unix", proxies, x, {"203.0.113.9"}), "203.0.113.9");
  EXPECT_EQ(Behind("10.0.0.1", proxies, x, {"1.1.1.1, 203.0.113.9, 10.0.0.2"}), "203.0.113.9");
  EXPECT_EQ(Behind("10.0.0.1", proxies, x, {"1.1.1.1", "203.0.113.9", "10.0.0.2"}), "203.0.113.9");
  EXPECT_EQ(Behind("10.0.0.1", proxies, x, {"10.0.0.3, 10.0.0.2"}), "10.0.0.3");
  EXPECT_EQ(Behind("10.0.0.1", proxies, x, {"[2001:db8::1]:4711"}), "2001:db8::1");
  EXPECT_EQ(Behind("10.0.0.1", proxies, x, {"2001:db8::1"}), "2001:db8::1");
  EXPECT_EQ(Behind("10.0.0.1", proxies, x, {"203.0.113.9:80"}), "203.0.113.9");
  // Nobody else is believed.
  EXPECT_EQ(Behind("203.0.113.1", proxies, x, {"1.1.1.1"}), "203.0.113.1");
  EXPECT_EQ(Behind("unix", Trust({"10.0.0.0/8"}), x, {"1.1.1.1"}), "unix");
  // What is no address ends the search at who wrote it.
  EXPECT_EQ(Behind("10.0.0.1", proxies, x, {"1.1.1.1, unknown"}), "10.0.0.1");
  EXPECT_EQ(Behind("10.0.0.1", proxies, x, {"1.1.1.1, unknown, 10.0.0.2"}), "10.0.0.2");
  EXPECT_EQ(Behind("10.0.0.1", proxies, x, {}), "10.0.0.1");
}

TEST(ClientAddress, ForwardedIsReadAsRfc7239HasIt) {
  const TrustedProxies proxies = Trust({"10.0.0.0/8"});
  const auto header = ProxyHeader::kForwarded;
  EXPECT_EQ(Behind("10.0.0.1", proxies, header,
                   {"for=1.1.1.1, for=\"[2001:db8:cafe::17]:4711\";proto=http;by=10.0.0.9"}),
            "2001:db8:cafe::17");
  EXPECT_EQ(Behind("10.0.0.1", proxies, header, {"Proto=https; FOR=203.0.113.9;host=x"}),
            "203.0.113.9");
  EXPECT_EQ(Behind("10.0.0.1", proxies, header, {"for=1.1.1.1, for=_hidden"}), "10.0.0.1");
  EXPECT_EQ(Behind("10.0.0.1", proxies, header, {"for=1.1.1.1, by=10.0.0.2"}), "10.0.0.1");
  // An open quote of the client's does not hide what the proxy wrote.
  EXPECT_EQ(Behind("10.0.0.1", proxies, header, {"for=\"1.1.1.1, for=203.0.113.9"}), "203.0.113.9");
}

// An address of a small world, in which some are proxies.
rc::Gen<std::string> SomeAddress() {
  return rc::gen::map(rc::gen::pair(rc::gen::inRange(0, 4), rc::gen::inRange(1, 200)),
                      [](const std::pair<int, int>& choice) {
                        const auto& [kind, number] = choice;
                        if (kind == 0) return absl::StrCat("10.0.0.", number);
                        if (kind == 1) return absl::StrCat("203.0.113.", number);
                        return absl::StrCat(kind == 2 ? "fd00::" : "2001:db8::", number);
                      });
}

std::string Written(const std::string& address, ProxyHeader header, bool with_port) {
  const bool v6 = address.find(':') != std::string::npos;
  std::string text = v6 && (with_port || header == ProxyHeader::kForwarded)
                         ? absl::StrCat("[", address, "]")
                         : address;
  if (with_port) text += ":4711";
  if (header == ProxyHeader::kXForwardedFor) return text;
  return v6 || with_port ? absl::StrCat("for=\"", text, "\";proto=https")
                         : absl::StrCat("proto=https;for=", text);
}

RC_GTEST_PROP(ClientAddressLaws, WhateverTheClientSentItIsTheRightmostUntrustedOne, ()) {
  const TrustedProxies proxies = Trust({"10.0.0.0/8", "fd00::/8"});
  const auto is_proxy = [](const std::string& text) {
    return text.starts_with("10.") || text.starts_with("fd");
  };
  const auto header = *rc::gen::element(ProxyHeader::kXForwardedFor, ProxyHeader::kForwarded);
  // Who spoke to whom: the client, then proxies; the last of them to us.
  std::vector<std::string> chain =
      *rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(SomeAddress()));
  chain.push_back("10.9.9.9");
  // The client's own words may be anything, quotes and commas too, when it is no proxy's.
  std::string words = *rc::gen::string<std::string>();
  std::vector<std::string> lines = {words};
  for (std::size_t i = 0; i + 1 < chain.size(); ++i) {
    const std::string element = Written(chain[i], header, *rc::gen::arbitrary<bool>());
    if (*rc::gen::arbitrary<bool>()) {
      lines.push_back(element);
    } else {
      lines.back() += (*rc::gen::arbitrary<bool>() ? ", " : ",") + element;
    }
  }
  std::string expected;
  for (auto at = chain.rbegin(); at != chain.rend() && expected.empty(); ++at) {
    if (!is_proxy(*at)) expected = *at;
  }
  const std::vector<std::string_view> views(lines.begin(), lines.end());
  const PeerAddress client = ClientBehind(Address(chain.back()), proxies, header, views);
  // With nobody but proxies the words count as those of one of them, whatever they are.
  if (!expected.empty()) RC_ASSERT(client == PeerAddress(Address(expected)));
}

TEST(ClientAddress, LimitsOfAnAddressCountForWhoIsBehindAProxy) {
  const TemporaryDirectory directory;
  ServerOptions options;
  options.listen = {"127.0.0.1:0"};
  options.data_directory = directory.path();
  options.limits.connections_per_address = 2;
  options.proxies = Trust({"127.0.0.0/8"});
  RunningServer server(options);
  const auto joins = [&](TcpClient& client, const std::string& address) {
    return client.Upgrade("/notes",
                          "Sec-WebSocket-Version: 13\r\nX-Forwarded-For: 198.51.100.1\r\n"
                          "X-Forwarded-For: " +
                              address + "\r\n");
  };
  std::vector<std::unique_ptr<TcpClient>> clients;
  const auto next = [&]() -> TcpClient& {
    clients.push_back(std::make_unique<TcpClient>(server.port()));
    return *clients.back();
  };
  EXPECT_TRUE(joins(next(), "203.0.113.1"));
  EXPECT_TRUE(joins(next(), "203.0.113.1"));
  TcpClient& third = next();
  EXPECT_FALSE(joins(third, "203.0.113.1"));
  EXPECT_EQ(third.upgrade_head.substr(0, 12), "HTTP/1.1 429");
  EXPECT_TRUE(joins(next(), "203.0.113.2"));
  for (const auto& client : clients) client->Disconnect();
}

}  // namespace
}  // namespace weft::server
