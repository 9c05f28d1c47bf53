#include "sync/close.h"

#include <gtest/gtest.h>

#include "crdt/base/utf.h"

namespace weft::sync {
namespace {

CloseCode CodeOf(absl::StatusCode code) { return CloseFor(absl::Status(code, "why")).code; }

TEST(Close, WhatThePeerDidWrongIsFinal) {
  EXPECT_EQ(CodeOf(absl::StatusCode::kInvalidArgument), CloseCode::kMalformed);
  EXPECT_EQ(CodeOf(absl::StatusCode::kPermissionDenied), CloseCode::kForbidden);
  EXPECT_EQ(CodeOf(absl::StatusCode::kFailedPrecondition), CloseCode::kCollision);
  EXPECT_EQ(CodeOf(absl::StatusCode::kResourceExhausted), CloseCode::kTooLarge);
  for (const CloseCode code : {CloseCode::kMalformed, CloseCode::kForbidden, CloseCode::kCollision,
                               CloseCode::kTooLarge}) {
    EXPECT_GE(static_cast<int>(code), 4400);
    EXPECT_LT(static_cast<int>(code), 4500);
  }
}

TEST(Close, WhatIsNotThePeersFaultMayBeTriedAgain) {
  EXPECT_EQ(CodeOf(absl::StatusCode::kUnavailable), CloseCode::kTryAgainLater);
  EXPECT_EQ(CodeOf(absl::StatusCode::kInternal), CloseCode::kInternalError);
  EXPECT_EQ(CodeOf(absl::StatusCode::kDataLoss), CloseCode::kInternalError);
}

TEST(Close, TheReasonIsTheMessage) {
  EXPECT_EQ(CloseFor(absl::InvalidArgumentError("offset 3: no")),
            (Close{.code = CloseCode::kMalformed, .reason = "offset 3: no"}));
}

TEST(Close, InternalErrorsTellThePeerNoDetail) {
  EXPECT_EQ(CloseFor(absl::InternalError("the key is 42")).reason, "internal error");
}

TEST(Close, ALongReasonIsCutBetweenCharacters) {
  for (int padding = 0; padding < 4; ++padding) {
    std::string message(static_cast<std::size_t>(padding), 'x');
    while (message.size() < 200) message += "😀";
    const std::string reason = CloseFor(absl::InvalidArgumentError(message)).reason;
    EXPECT_LE(reason.size(), kMaxCloseReasonBytes);
    EXPECT_GT(reason.size(), kMaxCloseReasonBytes - 4);
    EXPECT_TRUE(crdt::IsValidUtf8(reason)) << reason;
    EXPECT_TRUE(message.starts_with(reason));
  }
}

TEST(Close, AReasonThatIsNoUtf8IsReplaced) {
  const std::string reason = CloseFor(absl::InvalidArgumentError("key \xff\xfe")).reason;
  EXPECT_TRUE(crdt::IsValidUtf8(reason));
  EXPECT_FALSE(reason.empty());
}

}  // namespace
}  // namespace weft::sync
