#include "server/room_name.h"

#include <gtest/gtest.h>

#include <string>

namespace weft::server {
namespace {

std::string NameOf(std::string_view target) {
  const auto name = RoomNameFromTarget(target);
  EXPECT_TRUE(name.ok()) << target << ": " << name.status().ToString();
  return name.ok() ? *name : std::string();
}

TEST(RoomName, IsThePathWithoutItsFirstSlashAndItsQuery) {
  EXPECT_EQ(NameOf("/notes"), "notes");
  EXPECT_EQ(NameOf("/notes?token=1#x"), "notes");
  EXPECT_EQ(NameOf("/a/b/"), "a/b/");
}

TEST(RoomName, IsDecodedOnce) {
  EXPECT_EQ(NameOf("/caf%C3%A9%20x"), "caf\xC3\xA9 x");
  EXPECT_EQ(NameOf("/a%2Fb"), "a/b");
  EXPECT_EQ(NameOf("/a%252Fb"), "a%2Fb");
  EXPECT_EQ(NameOf("/a+b"), "a+b");
}

TEST(RoomName, GivesDotsAndNulsNoMeaning) {
  EXPECT_EQ(NameOf("/.."), "..");
  EXPECT_EQ(NameOf("/../etc/passwd"), "../etc/passwd");
  EXPECT_EQ(NameOf("//"), "/");
  EXPECT_EQ(NameOf("/a%00b"), std::string("a\0b", 3));
}

TEST(RoomName, HasFrom1To512BytesAfterDecoding) {
  EXPECT_FALSE(RoomNameFromTarget("/").ok());
  EXPECT_FALSE(RoomNameFromTarget("/?a").ok());
  EXPECT_EQ(NameOf("/" + std::string(512, 'a')).size(), 512U);
  EXPECT_FALSE(RoomNameFromTarget("/" + std::string(513, 'a')).ok());
  std::string encoded = "/";
  for (int i = 0; i < 512; ++i) encoded += "%61";
  EXPECT_EQ(NameOf(encoded), std::string(512, 'a'));
  EXPECT_FALSE(RoomNameFromTarget(encoded + "a").ok());
}

TEST(RoomName, IsUtf8AndWellEncoded) {
  EXPECT_FALSE(RoomNameFromTarget("/%FF").ok());
  EXPECT_FALSE(RoomNameFromTarget("/%ED%A0%80").ok());
  EXPECT_FALSE(RoomNameFromTarget("/a%").ok());
  EXPECT_FALSE(RoomNameFromTarget("/a%4").ok());
  EXPECT_FALSE(RoomNameFromTarget("/a%4g").ok());
  EXPECT_FALSE(RoomNameFromTarget("notes").ok());
  EXPECT_FALSE(RoomNameFromTarget("").ok());
}

TEST(PrintableName, LeavesNoControlCharacterAndNoBareQuote) {
  EXPECT_EQ(PrintableName("a\"b\\c\n\x7F\xC3\xA9"), "a\\\"b\\\\c\\u000a\\u007f\xC3\xA9");
}

}  // namespace
}  // namespace weft::server
