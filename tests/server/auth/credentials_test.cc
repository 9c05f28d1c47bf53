#include "server/auth/credentials.h"

#include <gtest/gtest.h>

#include "server/auth/deny_list.h"

namespace weft::server::auth {
namespace {

TEST(Credentials, ATokenComesInTheHeaderOrInTheQuery) {
  EXPECT_EQ(PresentedToken("/notes", ""), "");
  EXPECT_EQ(PresentedToken("/notes?token=abc", ""), "abc");
  EXPECT_EQ(PresentedToken("/notes?user=ann&access_token=a%2Eb%2B&x=1", ""), "a.b+");
  EXPECT_EQ(PresentedToken("/notes?token=query", "Bearer header"), "header");
  EXPECT_EQ(PresentedToken("/notes?token=query", "bearer   header "), "header");
  EXPECT_EQ(PresentedToken("/notes?token=query", "Basic YTpi"), "query");
  EXPECT_EQ(PresentedToken("/notes?xtoken=abc&token", ""), "");
  EXPECT_EQ(PresentedToken("/token=abc", ""), "");
  EXPECT_EQ(PresentedToken("/notes#?token=abc", ""), "abc");  // a target has no fragment
  EXPECT_EQ(PresentedToken("/notes?token=%zz", ""), "token=%zz");
}

TEST(DenyList, NamesSubjectsAndTokens) {
  const auto list = DenyList::Parse("# gone\nsub:ann\r\n\njti:t-7\nsub:a b:c");
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_TRUE(list->Denies({.subject = "ann"}));
  EXPECT_TRUE(list->Denies({.subject = "bob", .token_id = "t-7"}));
  EXPECT_TRUE(list->Denies({.subject = "a b:c"}));
  EXPECT_FALSE(list->Denies({.subject = "t-7", .token_id = "ann"}));
  EXPECT_FALSE(list->Denies({}));
}

TEST(DenyList, ALineThatIsNoneIsNamed) {
  for (const char* text : {"sub:ann\nbob", "sub:", "jti:", " sub:ann", "SUB:ann"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(DenyList::Parse(text).status())) << text;
  }
  EXPECT_NE(std::string(DenyList::Parse("sub:ann\nbob").status().message()).find("line 2"),
            std::string::npos);
}

TEST(DenyList, AnEntryIsALineThatMeansIt) {
  const Revocation revocation{.of = Revocation::Of::kTokenId, .name = "t-7"};
  const auto list = DenyList::Parse(*revocation.ToLine());
  ASSERT_TRUE(list.ok());
  EXPECT_TRUE(list->Denies({.token_id = "t-7"}));
  for (const char* name : {"", "a\nsub:b", "a\r"}) {
    EXPECT_FALSE(Revocation{.name = name}.ToLine().ok());
  }
}

}  // namespace
}  // namespace weft::server::auth
