#include "server/configuration.h"

#include <gtest/gtest.h>

#include "server/command_line.h"
#include "server/settings_file.h"

namespace weft::server {
namespace {

using Verb = CommandLine::Verb;

// The command line read with a file "weft.toml" and an environment.
CommandLine Read(std::vector<std::string> arguments, std::string file,
                 std::vector<std::string> environment = {}) {
  return ParseCommandLine(
      std::move(arguments),
      {.environment = std::move(environment),
       .read_file = [file](const std::string& path) -> absl::StatusOr<std::string> {
         if (path != "weft.toml") return absl::InvalidArgumentError("there is no " + path);
         return file;
       }});
}

std::string Refusal(const CommandLine& line) {
  EXPECT_EQ(line.verb, Verb::kNothing);
  EXPECT_EQ(line.exit_code, kExitUsage);
  return line.output.substr(0, line.output.find('\n'));
}

TEST(Configuration, FlagsWinOverTheEnvironmentAndThatOverTheFile) {
  const std::string file = "max-rooms = 1\nthreads = 2\ndata = \"of the file\"\n";
  const CommandLine line = Read({"serve", "--config", "weft.toml", "--data", "of the flag"}, file,
                                {"WEFT_THREADS=3", "WEFT_DATA=of the environment"});
  ASSERT_EQ(line.verb, Verb::kServe) << line.output;
  EXPECT_EQ(line.serve.limits.rooms, 1U);
  EXPECT_EQ(line.serve.threads, 3U);
  EXPECT_EQ(line.serve.data_directory, "of the flag");
}

TEST(Configuration, ASettingComesFromOnePlaceAsAWhole) {
  const std::string file = "listen = [\"127.0.0.1:1\", \"127.0.0.1:2\"]\n";
  EXPECT_EQ(Read({"serve", "--config=weft.toml"}, file).serve.listen,
            (std::vector<std::string>{"127.0.0.1:1", "127.0.0.1:2"}));
  EXPECT_EQ(Read({"serve", "--config=weft.toml"}, file, {"WEFT_LISTEN=127.0.0.1:3  [::1]:4"})
                .serve.listen,
            (std::vector<std::string>{"127.0.0.1:3", "[::1]:4"}));
  EXPECT_EQ(Read({"serve", "--config=weft.toml", "--listen", "127.0.0.1:5"}, file).serve.listen,
            (std::vector<std::string>{"127.0.0.1:5"}));
  EXPECT_TRUE(Read({"serve", "--config=weft.toml"}, file).says_listen);
  EXPECT_FALSE(Read({"serve"}, file).says_listen);
}

TEST(Configuration, TheEnvironmentMayNameTheFile) {
  EXPECT_EQ(Read({"serve"}, "threads = 2\n", {"WEFT_CONFIG=weft.toml"}).serve.threads, 2U);
  EXPECT_EQ(Refusal(Read({"serve"}, "", {"WEFT_CONFIG=other"})), "weft: there is no other");
}

TEST(Configuration, FlagsWithoutValueAreTrueOrFalse) {
  EXPECT_FALSE(Read({"serve", "--config=weft.toml"}, "no-check = true").serve.log.check_pages);
  EXPECT_TRUE(Read({"serve", "--config=weft.toml"}, "no-check = false").serve.log.check_pages);
  EXPECT_TRUE(Read({"serve", "--config=weft.toml"}, "no-check = true", {"WEFT_NO_CHECK=false"})
                  .serve.log.check_pages);
  EXPECT_EQ(Refusal(Read({"serve", "--config=weft.toml"}, "\nno-check = 3")),
            "weft: weft.toml:2: no-check is true or false, not \"3\"");
}

TEST(Configuration, AMistakeIsToldWithItsPlaceAndTheNearestName) {
  const auto refusal = [](const std::string& file) {
    return Refusal(Read({"serve", "--config=weft.toml"}, file));
  };
  EXPECT_EQ(refusal("threads = 1\nmax-room = 5\n"),
            "weft: weft.toml:2: max-room is no setting; do you mean max-rooms?");
  EXPECT_EQ(refusal("qqq = 5\n"), "weft: weft.toml:1: qqq is no setting");
  EXPECT_EQ(refusal("config = \"other.toml\"\n").substr(0, 40),
            "weft: weft.toml:1: config is no setting");
  EXPECT_NE(refusal("# first\nmax-rooms = \"many\"\n").find("weft.toml:2: "), std::string::npos);
  EXPECT_NE(refusal("listen = [\"127.0.0.1:1\", \"nowhere\"]").find("no address to listen on"),
            std::string::npos);
  EXPECT_EQ(refusal("threads = [1]"), "weft: weft.toml:1: threads has one value, no array");
  EXPECT_EQ(refusal("threads = 1\nthreads = 2"),
            "weft: weft.toml, line 2: threads stands in line 1 already");
  EXPECT_EQ(Refusal(Read({"serve"}, "", {"WEFT_MAX_ROOM=5"})),
            "weft: the variable WEFT_MAX_ROOM is no setting; do you mean WEFT_MAX_ROOMS?");
  EXPECT_NE(Refusal(Read({"serve"}, "", {"WEFT_THREADS=x"})).find("weft: WEFT_THREADS: "),
            std::string::npos);
  // A mistake that does not count is one all the same.
  EXPECT_NE(Refusal(Read({"serve", "--config=weft.toml", "--threads=1"}, "threads = \"x\"")), "");
  // Others name variables that way, too.
  EXPECT_EQ(Read({"serve"}, "", {"WEFT_SERVICE_HOST=10.0.0.1", "WEFT_BINARY=weft"}).verb,
            Verb::kServe);
}

TEST(Configuration, ItIsPrintedWithWhereEachSettingComesFrom) {
  const CommandLine line = Read({"config", "--config", "weft.toml", "--max-message-bytes", "2M"},
                                "\nmax-rooms = 7\n", {"WEFT_LISTEN=127.0.0.1:3 [::1]:4"});
  EXPECT_EQ(line.exit_code, kExitOk);
  const auto row = [&](const std::string& begin) {
    const std::size_t at = ("\n" + line.output).find("\n" + begin);
    if (at == std::string::npos) return std::string();
    std::string found = line.output.substr(at, line.output.find('\n', at) - at);
    while (found.find("  ") != std::string::npos) found.replace(found.find("  "), 2, " ");
    return found;
  };
  EXPECT_EQ(row("max-rooms "), "max-rooms = 7 # weft.toml:2");
  EXPECT_EQ(row("listen "), "listen = [\"127.0.0.1:3\", \"[::1]:4\"] # WEFT_LISTEN");
  EXPECT_EQ(row("max-message-bytes "), "max-message-bytes = \"2M\" # flag");
  EXPECT_EQ(row("threads "), "threads = 0 # default");
  EXPECT_EQ(row("no-check "), "no-check = false # default");
  EXPECT_EQ(row("# tls-cert "), "# tls-cert # not set");
  EXPECT_EQ(row("log-level "), "log-level = \"info\" # default");
}

TEST(Configuration, WhatIsPrintedIsAFileThatSaysTheSame) {
  const std::string text =
      Read({"config", "--max-rooms", "7", "--listen", "unix:/a,mode=0600", "--no-check"}, "")
          .output;
  const CommandLine again = Read({"serve", "--config=weft.toml"}, text);
  ASSERT_EQ(again.verb, Verb::kServe) << again.output;
  EXPECT_EQ(again.serve.limits.rooms, 7U);
  EXPECT_EQ(again.serve.listen, std::vector<std::string>{"unix:/a,mode=0600"});
  EXPECT_FALSE(again.serve.log.check_pages);
  EXPECT_EQ(again.serve.limits.message_bytes, Limits{}.message_bytes);
}

TEST(SettingsFile, ScalarsAndArraysAreThoseOfToml) {
  const auto settings = ParseSettings(
      "# a comment\n"
      "text = \"a \\\"b\\\" \\u00e9\"  # and another\r\n"
      "literal='C:\\path'\n"
      "number = 1_000\n"
      "real = -0.5\n"
      "truth = true\n"
      "under_score = 1\n"
      "many = [\n  \"a\", # one\n  2,\n]\n"
      "none = []\n");
  ASSERT_TRUE(settings.ok()) << settings.status().ToString();
  ASSERT_EQ(settings->size(), 8U);
  EXPECT_EQ((*settings)[0].values[0], "a \"b\" \xC3\xA9");
  EXPECT_EQ((*settings)[1].values[0], "C:\\path");
  EXPECT_EQ((*settings)[2].values[0], "1000");
  EXPECT_EQ((*settings)[3].values[0], "-0.5");
  EXPECT_EQ((*settings)[4].values[0], "true");
  EXPECT_EQ((*settings)[5].name, "under-score");
  EXPECT_EQ((*settings)[6].values, (std::vector<std::string>{"a", "2"}));
  EXPECT_EQ((*settings)[6].line, 8);
  EXPECT_EQ((*settings)[7].line, 12);
  EXPECT_TRUE((*settings)[7].is_array);
}

TEST(SettingsFile, WhatItIsNotIsToldWithItsLine) {
  const auto error = [](const std::string& text) {
    return std::string(ParseSettings(text).status().message());
  };
  EXPECT_EQ(error("a = 1\nb\n"), "line 2: a line is NAME = VALUE");
  EXPECT_EQ(error("[serve]\n").substr(0, 31), "line 1: there are no tables her");
  EXPECT_EQ(error("a = yes"),
            "line 1: \"yes\" is no number, true or false; a text stands in quotes");
  EXPECT_EQ(error("a = \"x\n"), "line 1: a text is not closed");
  EXPECT_EQ(error("a = 'x\n'"), "line 1: a text is not closed");
  EXPECT_EQ(error("a = \"\"\"x\"\"\""), "line 1: a text has one line here");
  EXPECT_EQ(error("a = 1 2"), "line 1: something follows the value of a");
  EXPECT_EQ(error("a = [1 2]"),
            "line 1: the values of an array stand between [ and ], with commas");
  EXPECT_FALSE(error("a = [1,").empty());
  EXPECT_FALSE(error("a = \"\\x\"").empty());
  EXPECT_FALSE(error("a = \"\\ud800\"").empty());
  EXPECT_FALSE(error(std::string("\0\xFF", 2)).empty());
}

}  // namespace
}  // namespace weft::server
