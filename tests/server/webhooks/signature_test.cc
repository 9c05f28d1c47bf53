#include "server/webhooks/signature.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/server/running_server.h"

namespace weft::server::webhooks {
namespace {

absl::StatusOr<crdt::Bytes> SecretIn(std::string_view text) {
  const TemporaryDirectory directory;
  const std::string file = directory.path() + "/secret";
  std::ofstream(file) << text;
  return ReadSecret(file);
}

// The example of the Standard Webhooks specification.
TEST(WebhookSignature, IsThatOfTheSpecification) {
  const auto secret = SecretIn("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");
  ASSERT_TRUE(secret.ok());
  EXPECT_EQ(Sign(*secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", R"({"test": 2432232314})"),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST(WebhookSignature, ASecretIsWhatTheFileHoldsWithoutWhiteSpaceAtItsEnds) {
  EXPECT_EQ(crdt::AsText(*SecretIn("  a b \r\n")), "a b");
  for (const char* text : {"", " \n", "whsec_", "whsec_???"}) {
    EXPECT_EQ(SecretIn(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
  EXPECT_EQ(ReadSecret("/nonexistent").status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace weft::server::webhooks
