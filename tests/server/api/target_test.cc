#include "server/api/target.h"

#include <gtest/gtest.h>

namespace weft::server::api {
namespace {

using Segments = std::vector<std::string>;

TEST(ApiTarget, ASlashInARoomNameIsWrittenAsAPercentCode) {
  const auto target = Target::Parse("/api/rooms/team%2Fnotes/text");
  ASSERT_TRUE(target.ok());
  EXPECT_EQ(target->segments(), (Segments{"api", "rooms", "team/notes", "text"}));
}

TEST(ApiTarget, ParametersAreDecodedAndMayRepeat) {
  const auto target = Target::Parse("/api?root=a+b&root=c%2Bd&empty=&bare&&x=1=2#part");
  ASSERT_TRUE(target.ok());
  EXPECT_EQ(target->segments(), Segments{"api"});
  EXPECT_EQ(target->Parameters("root"), (Segments{"a b", "c+d"}));
  EXPECT_EQ(target->Parameter("root"), "a b");
  EXPECT_EQ(target->Parameter("empty"), "");
  EXPECT_EQ(target->Parameter("bare"), "");
  EXPECT_EQ(target->Parameter("x"), "1=2");
  EXPECT_EQ(target->Parameter("other"), std::nullopt);
}

TEST(ApiTarget, WhatIsNoTargetIsRefused) {
  for (const char* text :
       {"", "api", "/api/%", "/api/%4", "/api/%zz", "/api/%FF", "/api?a=%zz", "/api?%C3=1"}) {
    EXPECT_EQ(Target::Parse(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

}  // namespace
}  // namespace weft::server::api
