// The program itself: signals, exit codes, and what survives its death.

#include <gtest/gtest.h>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "crdt/doc.h"
#include "sync/message.h"
#include "tests/server/process.h"
#include "tests/server/running_server.h"
#include "tests/server/tcp_client.h"

namespace weft::server {
namespace {

class ProcessTest : public testing::Test {
 protected:
  std::vector<std::string> ServeArguments() {
    return {"serve", "--listen", "127.0.0.1:0", "--data", directory.path()};
  }
  TemporaryDirectory directory;
};

// Preloaded, it makes every fdatasync fail from when the file exists (failing_disk.cc).
class FailingDisk {
 public:
  explicit FailingDisk(const std::string& directory) : trigger_(directory + "/disk-has-failed") {
    ::setenv("LD_PRELOAD", std::getenv("WEFT_FAILING_DISK"), 1);
    ::setenv("WEFT_DISK_FAILS_WHEN", trigger_.c_str(), 1);
  }
  // What has begun keeps it.
  void BeginNoMore() {
    ::unsetenv("LD_PRELOAD");
    ::unsetenv("WEFT_DISK_FAILS_WHEN");
  }
  void Fail() { std::ofstream file(trigger_); }

 private:
  const std::string trigger_;
};

// Waits until the answer shows that everything before it is committed.
bool WaitForAnswer(TcpClient& client) {
  const crdt::Bytes question = sync::EncodeMessage(sync::SyncStep1{crdt::EncodeStateVector({})});
  client.SendMessage(question);
  while (const auto frame = client.ReadFrame()) {
    const auto message = sync::DecodeMessage(frame->payload);
    if (message.ok() && std::holds_alternative<sync::SyncStep2>(*message)) return true;
  }
  return false;
}

// What the text "content" of the room says.
std::string ReadText(TcpClient& client) {
  const crdt::Bytes question = sync::EncodeMessage(sync::SyncStep1{crdt::EncodeStateVector({})});
  client.SendMessage(question);
  while (const auto frame = client.ReadFrame()) {
    const auto message = sync::DecodeMessage(frame->payload);
    if (!message.ok()) break;
    if (const auto* answer = std::get_if<sync::SyncStep2>(&*message)) {
      crdt::Doc loaded;
      EXPECT_TRUE(loaded.ApplyUpdate(answer->update).ok());
      return loaded.GetText("content").ToString();
    }
  }
  return "no answer";
}

TEST_F(ProcessTest, EndsInGoodOrderOnSigtermAndOnSigint) {
  for (const int signal : {SIGTERM, SIGINT}) {
    Process weft(ServeArguments());
    const std::uint16_t port = weft.WaitForPort();
    ASSERT_NE(port, 0) << weft.output;
    TcpClient client(port);
    ASSERT_TRUE(client.Upgrade("/notes"));
    ASSERT_TRUE(WaitForAnswer(client));
    weft.Signal(signal);
    const auto close = client.ReadClose();
    ASSERT_TRUE(close.has_value());
    EXPECT_EQ(close->close_code(), 1012);
    client.Disconnect();
    EXPECT_EQ(weft.Wait(), 0) << weft.output;
    EXPECT_NE(weft.output.find("stopped"), std::string::npos);
  }
}

TEST_F(ProcessTest, EndsAtOnceOnASecondSignal) {
  std::vector<std::string> arguments = ServeArguments();
  // A client that does not finish its side holds up the good order for this long.
  arguments.insert(arguments.end(), {"--close-timeout-ms", "600000"});
  Process weft(arguments);
  const std::uint16_t port = weft.WaitForPort();
  ASSERT_NE(port, 0) << weft.output;
  TcpClient client(port);
  ASSERT_TRUE(client.Upgrade("/notes"));
  ASSERT_TRUE(WaitForAnswer(client));
  weft.Signal(SIGTERM);
  ASSERT_TRUE(client.ReadClose().has_value());
  weft.Signal(SIGTERM);
  EXPECT_EQ(weft.Wait(), 128 + SIGTERM);
}

TEST_F(ProcessTest, WhatWasAnsweredSurvivesItsDeath) {
  crdt::Doc doc;
  doc.GetText("content").Insert(0, "kept");
  const crdt::Bytes update = doc.EncodeStateAsUpdate();
  {
    Process weft(ServeArguments());
    TcpClient client(weft.WaitForPort());
    ASSERT_TRUE(client.Upgrade("/notes"));
    client.SendMessage(sync::EncodeMessage(sync::Update{update}));
    ASSERT_TRUE(WaitForAnswer(client));
    weft.Signal(SIGKILL);
    EXPECT_EQ(weft.Wait(), -SIGKILL);
  }
  Process weft(ServeArguments());
  TcpClient client(weft.WaitForPort());
  ASSERT_TRUE(client.Upgrade("/notes"));
  EXPECT_EQ(ReadText(client), "kept");
}

TEST_F(ProcessTest, SaysWhatIsWrongAndEndsWithACode) {
  Process usage({"serve", "--lisen", "x"});
  EXPECT_EQ(usage.Wait(), 2);
  EXPECT_NE(usage.output.find("--lisen"), std::string::npos);

  Process first(ServeArguments());
  const std::uint16_t port = first.WaitForPort();
  ASSERT_NE(port, 0);
  Process second({"serve", "--listen", "127.0.0.1:" + std::to_string(port), "--data",
                  directory.path() + "/b"});
  EXPECT_EQ(second.Wait(), 1);
  EXPECT_NE(second.output.find(std::to_string(port)), std::string::npos) << second.output;

  Process same_data(ServeArguments());
  EXPECT_EQ(same_data.Wait(), 1);
  EXPECT_NE(same_data.output.find(directory.path()), std::string::npos) << same_data.output;

  Process version({"--version"});
  EXPECT_EQ(version.Wait(), 0);
  EXPECT_EQ(version.output.rfind("weft ", 0), 0U);
}

TEST_F(ProcessTest, InspectsAFileAndNamesOneThatItCannotRead) {
  crdt::Doc doc;
  doc.GetText("content").Insert(0, "hello");
  const crdt::Bytes update = doc.EncodeStateAsUpdate();
  const std::string path = directory.path() + "/update.bin";
  std::ofstream(path, std::ios::binary) << crdt::AsText(update);
  Process good({"inspect", path});
  EXPECT_EQ(good.Wait(), 0);
  EXPECT_NE(good.output.find("\"hello\""), std::string::npos) << good.output;
  Process missing({"inspect", directory.path() + "/missing"});
  EXPECT_EQ(missing.Wait(), 2);
  EXPECT_NE(missing.output.find("missing"), std::string::npos);
  std::ofstream(path, std::ios::binary) << "\x01\x01\x01";
  Process bad({"inspect", path});
  EXPECT_EQ(bad.Wait(), 2);
  EXPECT_NE(bad.output.find("no update"), std::string::npos) << bad.output;
}

TEST_F(ProcessTest, WhenAnFsyncFailsNothingMoreIsAnsweredAndTheExitCodeSaysSo) {
  if (std::getenv("WEFT_FAILING_DISK") == nullptr) GTEST_SKIP() << "nothing to preload";
  FailingDisk disk(directory.path());
  Process server(ServeArguments());
  disk.BeginNoMore();
  TcpClient client(server.WaitForPort());
  ASSERT_TRUE(client.Upgrade("/notes"));
  crdt::Doc doc;
  doc.GetText("content").Insert(0, "kept");
  client.SendMessage(sync::EncodeMessage(sync::Update{doc.EncodeStateAsUpdate()}));
  ASSERT_TRUE(WaitForAnswer(client));
  disk.Fail();
  doc.GetText("content").Insert(4, " and lost");
  client.SendMessage(sync::EncodeMessage(sync::Update{doc.EncodeStateAsUpdate()}));
  EXPECT_EQ(server.Wait(), 1);
  EXPECT_NE(server.output.find("the log has failed"), std::string::npos) << server.output;

  // What was answered is there.
  Process again(ServeArguments());
  TcpClient reader(again.WaitForPort());
  ASSERT_TRUE(reader.Upgrade("/notes"));
  EXPECT_NE(ReadText(reader).find("kept"), std::string::npos);
}

}  // namespace
}  // namespace weft::server
