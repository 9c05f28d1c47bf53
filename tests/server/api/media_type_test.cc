#include "server/api/media_type.h"

#include <gtest/gtest.h>

namespace weft::server::api {
namespace {

constexpr std::string_view kOffers[] = {kBytes, kUpdateV1, kUpdateV2};

TEST(MediaType, WhoSaysNothingGetsTheFirstForm) {
  EXPECT_EQ(ChooseType("", kOffers), kBytes);
  EXPECT_EQ(ChooseType("*/*", kOffers), kBytes);
  EXPECT_EQ(ChooseType("application/*", kOffers), kBytes);
}

TEST(MediaType, TheFormThatIsLikedBestIsChosen) {
  EXPECT_EQ(ChooseType("application/vnd.weft.update-v2", kOffers), kUpdateV2);
  EXPECT_EQ(ChooseType("Application/Vnd.Weft.Update-V2 ; q=1", kOffers), kUpdateV2);
  EXPECT_EQ(ChooseType("*/*;q=0.1, application/vnd.weft.update-v1;q=0.5", kOffers), kUpdateV1);
  EXPECT_EQ(ChooseType("application/vnd.weft.update-v1;q=0.5,application/vnd.weft.update-v2;q=0.6",
                       kOffers),
            kUpdateV2);
}

TEST(MediaType, WhatIsNotTakenIsNotGiven) {
  EXPECT_EQ(ChooseType("text/html", kOffers), std::nullopt);
  EXPECT_EQ(ChooseType("application/octet-stream;q=0", kOffers), std::nullopt);
  // The exact name counts, whatever the range around it says.
  EXPECT_EQ(ChooseType("*/*, application/octet-stream;q=0", kOffers), kUpdateV1);
  EXPECT_EQ(ChooseType("application/octet-stream;q=nonsense", kOffers), std::nullopt);
}

TEST(MediaType, ParametersOfATypeDoNotMatter) {
  EXPECT_TRUE(SameType("Application/JSON; charset=utf-8", kJson));
  EXPECT_FALSE(SameType("application/json5", kJson));
  EXPECT_FALSE(SameType("", kJson));
}

}  // namespace
}  // namespace weft::server::api
