#include "server/command_line.h"

#include <gtest/gtest.h>

#include "server/limit_hits.h"

namespace weft::server {
namespace {

using Verb = CommandLine::Verb;

TEST(CommandLine, ServesWithItsDefaults) {
  const CommandLine line = ParseCommandLine({"serve"});
  EXPECT_EQ(line.verb, Verb::kServe);
  EXPECT_EQ(line.serve.listen, std::vector<std::string>{"127.0.0.1:8080"});
  EXPECT_EQ(line.serve.data_directory, "data");
  EXPECT_EQ(line.serve.log.durability, store::Durability::kFsync);
  EXPECT_EQ(line.serve.log.commit_gap, std::nullopt);
  EXPECT_EQ(line.serve.relay, RelayMoment::kCommitted);
  EXPECT_EQ(line.serve.limits.ping_interval, Limits{}.ping_interval);
}

TEST(CommandLine, TakesEveryFlagOfServe) {
  const CommandLine line = ParseCommandLine({"serve",
                                             "--listen",
                                             "127.0.0.1:1",
                                             "--listen",
                                             "[::1]:2",
                                             "--tls-cert",
                                             "c.pem",
                                             "--tls-key",
                                             "k.pem",
                                             "--data",
                                             "d",
                                             "--threads",
                                             "3",
                                             "--durability",
                                             "interval=250",
                                             "--commit-gap-ms",
                                             "12",
                                             "--relay",
                                             "accepted",
                                             "--history-days",
                                             "0.5",
                                             "--compact-records",
                                             "77",
                                             "--compact-idle-seconds",
                                             "5",
                                             "--no-compaction",
                                             "--no-check",
                                             "--serve-after-log-failure",
                                             "--log-level",
                                             "debug",
                                             "--max-message-bytes",
                                             "2K",
                                             "--max-queue-bytes",
                                             "3M",
                                             "--max-uncommitted-bytes",
                                             "4M",
                                             "--max-connections",
                                             "5",
                                             "--max-header-bytes",
                                             "6K",
                                             "--handshake-timeout-ms",
                                             "70",
                                             "--ping-interval-ms",
                                             "80",
                                             "--close-timeout-ms",
                                             "90",
                                             "--room-idle-seconds",
                                             "10",
                                             "--store-retry-ms",
                                             "11",
                                             "--max-document-bytes",
                                             "12K",
                                             "--max-awareness-bytes",
                                             "13K",
                                             "--max-room-awareness-bytes",
                                             "14K",
                                             "--max-messages-per-second",
                                             "15",
                                             "--max-bytes-per-second",
                                             "16K",
                                             "--max-all-queues-bytes",
                                             "17K",
                                             "--max-receiving-bytes",
                                             "18K",
                                             "--max-connections-per-address",
                                             "19",
                                             "--max-connections-per-room",
                                             "20",
                                             "--max-rooms",
                                             "21",
                                             "--max-room-memory-bytes",
                                             "22K"});
  ASSERT_EQ(line.verb, Verb::kServe) << line.output;
  EXPECT_EQ(line.serve.listen, (std::vector<std::string>{"127.0.0.1:1", "[::1]:2"}));
  ASSERT_TRUE(line.serve.tls.has_value());
  EXPECT_EQ(line.serve.tls->certificate, "c.pem");
  EXPECT_EQ(line.serve.tls->key, "k.pem");
  EXPECT_EQ(line.serve.data_directory, "d");
  EXPECT_EQ(line.serve.threads, 3U);
  EXPECT_EQ(line.serve.log.durability, store::Durability::kInterval);
  EXPECT_EQ(line.serve.log.interval.count(), 250);
  EXPECT_EQ(line.serve.log.commit_gap, std::chrono::milliseconds(12));
  EXPECT_EQ(line.serve.relay, RelayMoment::kAccepted);
  EXPECT_EQ(line.serve.log.compaction.retention.count(), 43'200'000);
  EXPECT_EQ(line.serve.log.compaction.records, 77U);
  EXPECT_EQ(line.serve.log.compaction.idle.count(), 5'000);
  EXPECT_FALSE(line.serve.log.compacts);
  EXPECT_FALSE(line.serve.log.check_pages);
  EXPECT_TRUE(line.serve.log.serves_after_failure);
  EXPECT_EQ(line.log_level, LogLevel::kDebug);
  const Limits& limits = line.serve.limits;
  EXPECT_EQ(limits.message_bytes, 2U << 10);
  EXPECT_EQ(limits.queue_bytes, 3U << 20);
  EXPECT_EQ(limits.uncommitted_bytes, 4U << 20);
  EXPECT_EQ(limits.connections, 5U);
  EXPECT_EQ(limits.header_bytes, 6U << 10);
  EXPECT_EQ(limits.handshake_timeout.count(), 70);
  EXPECT_EQ(limits.ping_interval.count(), 80);
  EXPECT_EQ(limits.close_timeout.count(), 90);
  EXPECT_EQ(limits.room_idle.count(), 10'000);
  EXPECT_EQ(limits.store_retry.count(), 11);
  EXPECT_EQ(limits.document_bytes, 12U << 10);
  EXPECT_EQ(limits.awareness_bytes, 13U << 10);
  EXPECT_EQ(limits.room_awareness_bytes, 14U << 10);
  EXPECT_EQ(limits.messages_per_second, 15U);
  EXPECT_EQ(limits.bytes_per_second, 16U << 10);
  EXPECT_EQ(limits.all_queues_bytes, 17U << 10);
  EXPECT_EQ(limits.receiving_bytes, 18U << 10);
  EXPECT_EQ(limits.connections_per_address, 19U);
  EXPECT_EQ(limits.connections_per_room, 20U);
  EXPECT_EQ(limits.rooms, 21U);
  EXPECT_EQ(limits.room_memory_bytes, 22U << 10);
}

TEST(CommandLine, ModesAreRulesAndWrongOnesAreToldWithTheRule) {
  const CommandLine usual = ParseCommandLine({"serve"});
  ASSERT_EQ(usual.serve.modes.modes().size(), 2U);
  EXPECT_TRUE(usual.serve.modes.Find("edit")->shared);
  EXPECT_FALSE(usual.serve.modes.Find("solo")->shared);
  EXPECT_EQ(usual.serve.mode_grace, std::chrono::seconds(15));
  const CommandLine line =
      ParseCommandLine({"serve", "--modes", "write=shared,layout=exclusive,layout~unsaved-draft",
                        "--mode-grace-seconds", "60"});
  ASSERT_EQ(line.verb, Verb::kServe) << line.output;
  EXPECT_EQ(line.serve.modes.Find("layout")->blockers, std::vector<std::string>{"unsaved-draft"});
  EXPECT_EQ(line.serve.mode_grace, std::chrono::seconds(60));
  const CommandLine wrong = ParseCommandLine({"serve", "--modes", "write=sometimes"});
  EXPECT_EQ(wrong.exit_code, kExitUsage);
  EXPECT_NE(wrong.output.find("write=sometimes"), std::string::npos) << wrong.output;
}

TEST(CommandLine, ARateOfZeroHasNoBound) {
  const CommandLine line =
      ParseCommandLine({"serve", "--max-messages-per-second", "0", "--max-bytes-per-second", "0",
                        "--max-connections-per-address", "0"});
  ASSERT_EQ(line.verb, Verb::kServe) << line.output;
  EXPECT_EQ(line.serve.limits.messages_per_second, 0U);
  EXPECT_EQ(line.serve.limits.bytes_per_second, 0U);
  EXPECT_EQ(line.serve.limits.connections_per_address, 0U);
}

TEST(CommandLine, EveryLimitThatIsCountedIsAFlag) {
  const CommandLine help = ParseCommandLine({"serve", "--help"});
  for (std::size_t i = 0; i < kLimitCount; ++i) {
    const std::string flag = "--" + std::string(LimitName(static_cast<Limit>(i))) + " ";
    EXPECT_NE(help.output.find(flag), std::string::npos) << flag;
  }
}

TEST(CommandLine, NamesTheMistake) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"serve", "--lisen", "x"}, "--lisen"},
      {{"serve", "--listen", "8080"}, "8080"},
      {{"serve", "--listen", "::1:8080"}, "brackets"},
      {{"serve", "--listen", "localhost:99999"}, "65535"},
      {{"serve", "--ping-interval-ms", "0"}, "--ping-interval-ms"},
      {{"serve", "--log-level", "loud"}, "--log-level"},
      {{"srve"}, "srve"},
      {{"inspect"}, "FILE"},
      {{"log", "lss"}, "\"lss\"; do you mean ls? There are ls, show, verify, "},
      {{"log", "frobnicate", "x"}, "\"frobnicate\"; there are ls, show, verify, "},
      {{"script", "chek"}, "do you mean check? "},
      {{"serve", "--jwt-secret-file", "secret"}, "--script"},
      {{"token", "--secret-file", "secret", "--user", "0"}, "\"0\" is no id"},
      {{"token", "--secret-file", "secret", "--user", "ada"}, "\"ada\" is no id"},
  };
  for (const auto& [arguments, word] : cases) {
    const CommandLine line = ParseCommandLine(arguments);
    EXPECT_EQ(line.verb, Verb::kNothing) << word;
    EXPECT_EQ(line.exit_code, kExitUsage) << word;
    EXPECT_NE(line.output.find(word), std::string::npos) << line.output;
  }
}

TEST(CommandLine, HelpTeachesByExamples) {
  const CommandLine help = ParseCommandLine({"serve", "--help"});
  EXPECT_EQ(help.exit_code, kExitOk);
  for (const char* word : {"--listen", "--data", "--max-queue-bytes", "Examples:", "Exit codes:"}) {
    EXPECT_NE(help.output.find(word), std::string::npos) << word;
  }
  EXPECT_EQ(ParseCommandLine({"--help"}).exit_code, kExitOk);
}

TEST(CommandLine, WithoutAVerbShowsTheHelpAndFails) {
  const CommandLine line = ParseCommandLine({});
  EXPECT_EQ(line.exit_code, kExitUsage);
  EXPECT_NE(line.output.find("weft serve"), std::string::npos);
}

TEST(CommandLine, TellsItsVersion) {
  const CommandLine line = ParseCommandLine({"--version"});
  EXPECT_EQ(line.exit_code, kExitOk);
  EXPECT_EQ(line.output.rfind("weft ", 0), 0U);
}

TEST(CommandLine, SignsForUsersOfScriptsWithTheSecretThatChecksThem) {
  const CommandLine line =
      ParseCommandLine({"token", "--user", "7", "--jwt-secret-file", "secret"});
  ASSERT_EQ(line.verb, Verb::kToken) << line.output;
  EXPECT_EQ(line.token.secret_file, "secret");
  const std::vector<std::pair<std::string, std::string>> claims = {{"user_id", "7"}};
  EXPECT_EQ(line.token.claims, claims);
}

TEST(CommandLine, InspectsAFileOrStandardInput) {
  EXPECT_EQ(ParseCommandLine({"inspect", "u.bin"}).blob.files, std::vector<std::string>{"u.bin"});
  const CommandLine line = ParseCommandLine({"inspect", "-"});
  EXPECT_EQ(line.verb, Verb::kBlob);
  EXPECT_EQ(line.blob.verb, BlobCommand::Verb::kInspect);
  EXPECT_EQ(line.blob.files, std::vector<std::string>{"-"});
}

}  // namespace
}  // namespace weft::server
