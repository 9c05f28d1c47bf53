#include "server/upgrade.h"

#include <gtest/gtest.h>

namespace weft::server {
namespace {

UpgradeRequest GoodRequest() {
  return {.is_get = true,
          .is_http_1_1 = true,
          .upgrade = "websocket",
          .connection = "Upgrade",
          .version = "13",
          .key = "dGhlIHNhbXBsZSBub25jZQ==",
          .requested_protocols = ""};
}

TEST(Upgrade, ProvesTheKeyAsInTheStandardsExample) {
  EXPECT_EQ(WebSocketAccept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(Upgrade, IsAcceptedWhateverTheCaseAndTheCompanyOfItsWords) {
  UpgradeRequest request = GoodRequest();
  request.upgrade = "WebSocket";
  request.connection = "keep-alive, Upgrade";
  EXPECT_TRUE(WantsUpgrade(request));
  EXPECT_EQ(CheckUpgrade(request), UpgradeVerdict::kAccept);
}

TEST(Upgrade, IsNotWantedWithoutBothHeaders) {
  UpgradeRequest request = GoodRequest();
  request.connection = "keep-alive";
  EXPECT_FALSE(WantsUpgrade(request));
  request = GoodRequest();
  request.upgrade = "h2c";
  EXPECT_FALSE(WantsUpgrade(request));
}

TEST(Upgrade, IsRefusedWhenMalformed) {
  UpgradeRequest request = GoodRequest();
  request.is_get = false;
  EXPECT_EQ(CheckUpgrade(request), UpgradeVerdict::kBadRequest);
  request = GoodRequest();
  request.is_http_1_1 = false;
  EXPECT_EQ(CheckUpgrade(request), UpgradeVerdict::kBadRequest);
  for (const char* key :
       {"", "short", "AAAA", "dGhlIHNhbXBsZSBub25jZQ==x", "!!!!!!!!!!!!!!!!!!!!!!=="}) {
    request = GoodRequest();
    request.key = key;
    EXPECT_EQ(CheckUpgrade(request), UpgradeVerdict::kBadRequest) << key;
  }
  request = GoodRequest();
  request.version = "8";
  EXPECT_EQ(CheckUpgrade(request), UpgradeVerdict::kVersionRequired);
}

TEST(Upgrade, ConfirmsTheFirstSubprotocolThatIsAToken) {
  UpgradeRequest request = GoodRequest();
  EXPECT_EQ(UpgradeResponse(request).find("Sec-WebSocket-Protocol"), std::string::npos);
  request.requested_protocols = "one, two";
  EXPECT_NE(UpgradeResponse(request).find("\r\nSec-WebSocket-Protocol: one\r\n"),
            std::string::npos);
  EXPECT_FALSE(AsksForProtocol(request, "weft.v1"));
  request.requested_protocols = "one, weft.v1";
  EXPECT_TRUE(AsksForProtocol(request, "weft.v1"));
  EXPECT_NE(UpgradeResponse(request).find("\r\nSec-WebSocket-Protocol: weft.v1\r\n"),
            std::string::npos);
  request.requested_protocols = "bad\r\nname";
  EXPECT_EQ(UpgradeResponse(request).find("Sec-WebSocket-Protocol"), std::string::npos);
}

}  // namespace
}  // namespace weft::server
