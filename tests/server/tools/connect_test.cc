#include "server/tools/connect.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

#include "server/command_line.h"

namespace weft::server {
namespace {

TEST(Connect, AUrlSaysWhereToGo) {
  using Url = WebSocketUrl;
  EXPECT_EQ(*ParseWebSocketUrl("ws://localhost:8080"), (Url{false, "localhost", "8080", "/"}));
  EXPECT_EQ(*ParseWebSocketUrl("ws://a.example/x/y?z=1"),
            (Url{false, "a.example", "80", "/x/y?z=1"}));
  EXPECT_EQ(*ParseWebSocketUrl("ws://a?token=1"), (Url{false, "a", "80", "/?token=1"}));
  EXPECT_EQ(*ParseWebSocketUrl("ws://[::1]:81/"), (Url{false, "::1", "81", "/"}));
  EXPECT_EQ(*ParseWebSocketUrl("wss://a"), (Url{true, "a", "443", "/"}));
  EXPECT_EQ(*ParseWebSocketUrl("wss://a:1/b"), (Url{true, "a", "1", "/b"}));
}

TEST(Connect, AUrlThatLeadsNowhereIsExplained) {
  for (const char* url : {"", "localhost:8080", "http://a", "ws://", "ws://:80",
                          "ws://a:", "ws://a:b", "ws://[::1", "wss://"}) {
    const auto parsed = ParseWebSocketUrl(url);
    EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument) << url;
    EXPECT_NE(parsed.status().message().find("ws://localhost:8080"), std::string::npos);
  }
}

TEST(Connect, AChangeSaysWhatWasTakenOutAndPutInWhere) {
  EXPECT_EQ(DescribeChange("", "a"), "@0 +\"a\"");
  EXPECT_EQ(DescribeChange("hello you", "hello all"), "@6 -\"you\" +\"all\"");
  EXPECT_EQ(DescribeChange("aa", "aaa"), "@2 +\"a\"");
  EXPECT_EQ(DescribeChange("say \"x\"\n", "say \n"), "@4 -\"\\\"x\\\"\"");
  EXPECT_EQ(DescribeChange("😀é", "😀è"), "@2 -\"é\" +\"è\"");  // which share their first byte
  EXPECT_EQ(DescribeChange("😀x", "😁x"), "@0 -\"😀\" +\"😁\"");
}

// Words of which some have bytes in common and others none.
std::string RandomText() {
  std::string text;
  for (const int i : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 5))) {
    text += std::vector<std::string>{"a", "é", "è", "😀", "😁"}[static_cast<std::size_t>(i)];
  }
  return text;
}

RC_GTEST_PROP(ConnectLaws, AChangeNeverCutsACharacter, ()) {
  const std::string before = RandomText();
  const std::string after = RandomText();
  RC_PRE(before != after);
  const std::string change = DescribeChange(before, after);
  for (const char* part : {"\xc3\"", "\xf0\x9f\x98\"", "\"\xa9", "\"\xa8", "\"\x80", "\"\x81"}) {
    RC_ASSERT(change.find(part) == std::string::npos);
  }
}

TEST(Connect, TheCommandLineSaysWhatToShow) {
  CommandLine line = ParseCommandLine({"connect", "ws://a", "notes"});
  ASSERT_EQ(line.verb, CommandLine::Verb::kConnect) << line.output;
  EXPECT_EQ(line.connect.url, "ws://a");
  EXPECT_EQ(line.connect.room, "notes");
  EXPECT_EQ(line.connect.show, ConnectCommand::Show::kUpdates);
  EXPECT_FALSE(line.connect.once);
  line = ParseCommandLine({"connect", "ws://a", "notes", "--text", "--root", "title", "--once",
                           "--token-file", "t", "--write", "w", "--v2"});
  ASSERT_EQ(line.verb, CommandLine::Verb::kConnect) << line.output;
  EXPECT_EQ(line.connect.show, ConnectCommand::Show::kText);
  EXPECT_EQ(line.connect.root, "title");
  EXPECT_TRUE(line.connect.once);
  EXPECT_EQ(line.connect.token_file, "t");
  EXPECT_EQ(line.connect.write, "w");
  EXPECT_EQ(line.connect.options.format, crdt::UpdateFormat::kV2);
  for (const auto& wrong : {std::vector<std::string>{"connect", "ws://a"},
                            {"connect", "ws://a", "r", "--json", "--text"},
                            {"connect", "ws://a", "r", "--root", "x"}}) {
    line = ParseCommandLine(wrong);
    EXPECT_EQ(line.verb, CommandLine::Verb::kNothing);
    EXPECT_EQ(line.exit_code, kExitUsage);
  }
}

TEST(Connect, WhatCannotBeReadOrNamedIsRefusedBeforeAnythingIsSent) {
  const auto code = [](const ConnectCommand& command) { return RunConnect(command).code(); };
  const auto wrong = absl::StatusCode::kInvalidArgument;
  EXPECT_EQ(code({.url = "ws://127.0.0.1:1", .room = ""}), wrong);
  EXPECT_EQ(code({.url = "ws://127.0.0.1:1", .room = std::string(513, 'a')}), wrong);
  EXPECT_EQ(code({.url = "ws://127.0.0.1:1", .room = "a", .token_file = "/none"}), wrong);
  EXPECT_EQ(code({.url = "ws://127.0.0.1:1", .room = "a", .write = "/none"}), wrong);
  EXPECT_EQ(code({.url = "ws://127.0.0.1:1", .room = "a", .ca_file = "/none"}), wrong);
  EXPECT_EQ(code({.url = "wss://127.0.0.1:1", .room = "a", .ca_file = "/none"}), wrong);
  EXPECT_EQ(code({.url = "ws://127.0.0.1:1", .room = "a", .once = true}),
            absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace weft::server
