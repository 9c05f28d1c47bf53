// What operators do to a running server: reload it, drain it.

#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "crdt/doc.h"
#include "server/http_routes.h"
#include "sync/message.h"
#include "tests/server/eventually.h"
#include "tests/server/process.h"
#include "tests/server/running_server.h"
#include "tests/server/test_certificate.h"
#include "tests/server/tls_client.h"

namespace weft::server {
namespace {

class OperationTest : public testing::Test {
 protected:
  std::vector<std::string> Serve(std::vector<std::string> flags) {
    std::vector<std::string> arguments = {"serve", "--data", directory.path() + "/data"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    return arguments;
  }
  TemporaryDirectory directory;
};

// Whether somebody in the room is answered.
bool IsAnswered(TcpClient& client) {
  client.SendMessage(sync::EncodeMessage(sync::SyncStep1{crdt::EncodeStateVector({})}));
  while (const auto frame = client.ReadFrame()) {
    const auto message = sync::DecodeMessage(frame->payload);
    if (message.ok() && std::holds_alternative<sync::SyncStep2>(*message)) return true;
  }
  return false;
}

TEST_F(OperationTest, ANewCertificateIsShownToNewClientsAndOldOnesGoOn) {
  const TlsFiles files =
      WriteTestCertificate(directory.path(), "tls", {.name = "before", .passphrase = nullptr});
  Process server(Serve({"--listen", "plain:127.0.0.1:0", "--listen", "127.0.0.1:0", "--tls-cert",
                        files.certificate, "--tls-key", files.key}));
  ASSERT_NE(server.WaitForPort(), 0);
  const std::string words = "https://127.0.0.1:";
  ASSERT_TRUE(server.WaitForOutput(words));
  ASSERT_TRUE(server.WaitForOutput("wss://"));
  const auto port = static_cast<std::uint16_t>(
      std::stoi(server.output.substr(server.output.find(words) + words.size())));
  TlsClient old(port);
  ASSERT_EQ(old.PeerName(), "before");
  ASSERT_TRUE(old.Upgrade("/notes"));

  WriteTestCertificate(directory.path(), "tls", {.name = "after", .passphrase = nullptr});
  server.Signal(SIGHUP);
  ASSERT_TRUE(server.WaitForOutput("new clients are shown the certificate CN = after"));
  EXPECT_EQ(TlsClient(port).PeerName(), "after");
  EXPECT_TRUE(IsAnswered(old));

  std::ofstream(files.key) << "half a fi";
  server.Signal(SIGHUP);
  ASSERT_TRUE(server.WaitForOutput("the old certificate stays in use: the private key"));
  EXPECT_EQ(TlsClient(port).PeerName(), "after");
  EXPECT_TRUE(IsAnswered(old));
}

TEST_F(OperationTest, AServerThatDrainsSaysSoAndTakesNobodyInAndEndsInOrder) {
  Process server(
      Serve({"--listen", "127.0.0.1:0", "--close-timeout-ms", "60000", "--drain-seconds", "60"}));
  const std::uint16_t port = server.WaitForPort();
  EXPECT_EQ(TcpClient(port).Get("/live").first.substr(0, 12), "HTTP/1.1 200");
  EXPECT_EQ(TcpClient(port).Get("/ready").second, "{\"status\":\"ready\"}\n");
  // It waits for this one to answer the close, which it does not until the end of the test.
  auto holding = std::make_unique<TcpClient>(port);
  ASSERT_TRUE(holding->Upgrade("/notes"));
  ASSERT_TRUE(IsAnswered(*holding));
  server.Signal(SIGTERM);
  const auto close = holding->ReadClose();
  ASSERT_TRUE(close.has_value());
  EXPECT_EQ(close->close_code(), 1012);

  const auto [head, body] = TcpClient(port).Get("/ready");
  EXPECT_EQ(head.substr(0, 12), "HTTP/1.1 503");
  EXPECT_EQ(body, "{\"status\":\"draining\"}\n");
  EXPECT_EQ(TcpClient(port).Get("/live").first.substr(0, 12), "HTTP/1.1 200");
  TcpClient late(port);
  EXPECT_FALSE(late.Upgrade("/notes"));
  EXPECT_EQ(late.upgrade_head.substr(0, 12), "HTTP/1.1 503");
  EXPECT_NE(late.upgrade_head.find("Retry-After: 1\r\n"), std::string::npos);
  holding.reset();
  EXPECT_EQ(server.Wait(), 0);
}

TEST_F(OperationTest, WhoDoesNotAnswerIsNotWaitedForBeyondTheTimeOfADrain) {
  Process server(
      Serve({"--listen", "127.0.0.1:0", "--close-timeout-ms", "600000", "--drain-seconds", "1"}));
  TcpClient silent(server.WaitForPort());
  ASSERT_TRUE(silent.Upgrade("/notes"));
  ASSERT_TRUE(IsAnswered(silent));
  server.Signal(SIGTERM);
  EXPECT_EQ(server.Wait(), 0);  // in ten minutes otherwise
}

TEST_F(OperationTest, ClientsAreSentAwayAFewAtATimeWhileTheOthersGoOn) {
  Process server(Serve({"--listen", "127.0.0.1:0"}));
  const std::uint16_t port = server.WaitForPort();
  std::vector<std::unique_ptr<TcpClient>> clients;
  for (int i = 0; i < 200; ++i) {
    clients.push_back(std::make_unique<TcpClient>(port));
    ASSERT_TRUE(clients.back()->Upgrade("/room" + std::to_string(i % 7)));
    ASSERT_TRUE(IsAnswered(*clients.back()));
  }
  server.Signal(SIGTERM);
  // When the first one has been told, not all have been: somebody is still answered.
  const auto first = clients.front()->ReadClose();
  ASSERT_TRUE(first.has_value());
  int answered_yet = 0;
  for (std::size_t i = clients.size(); i > clients.size() - 20; --i) {
    if (IsAnswered(*clients[i - 1])) ++answered_yet;
  }
  EXPECT_GT(answered_yet, 0);
  for (const auto& client : clients) client->Disconnect();
  EXPECT_EQ(server.Wait(), 0);
}

TEST_F(OperationTest, LimitsAndTheLevelOfTheLogChangeWithAReload) {
  Limits limits;
  ServerOptions options;
  options.listen = {"127.0.0.1:0"};
  options.data_directory = directory.path() + "/data";
  bool good = true;
  options.reread = [&]() -> absl::StatusOr<Reloadable> {
    if (!good) return absl::InvalidArgumentError("there is a mistake");
    return Reloadable{.limits = limits, .log_level = LogLevel::kOff};
  };
  RunningServer server(options);
  TcpClient first(server.port());
  ASSERT_TRUE(first.Upgrade("/notes"));
  ASSERT_TRUE(TcpClient(server.port()).Upgrade("/notes"));
  const auto is_refused = [&] {
    TcpClient client(server.port());
    return !client.Upgrade("/notes") && client.upgrade_head.starts_with("HTTP/1.1 429");
  };
  limits.connections_per_address = 1;
  server.RequestReload();
  Eventually(is_refused);
  // A mistake leaves everything as it was.
  good = false;
  server.RequestReload();
  EXPECT_TRUE(is_refused());
  EXPECT_TRUE(IsAnswered(first));
  first.Disconnect();
}

TEST_F(OperationTest, AFileOfSettingsIsReadAgainOnSighup) {
  const std::string file = directory.path() + "/weft.toml";
  std::ofstream(file) << "listen = [\"127.0.0.1:0\"]\nmax-connections-per-address = 0\n";
  Process server(Serve({"--config", file}));
  const std::uint16_t port = server.WaitForPort();
  TcpClient first(port);
  ASSERT_TRUE(first.Upgrade("/notes"));
  ASSERT_TRUE(TcpClient(port).Upgrade("/notes"));
  const auto is_refused = [&] {
    TcpClient client(port);
    return !client.Upgrade("/notes") && client.upgrade_head.starts_with("HTTP/1.1 429");
  };
  std::ofstream(file) << "max-connections-per-address = 1\n";
  server.Signal(SIGHUP);
  ASSERT_TRUE(server.WaitForOutput("limits and log level are those of the configuration now"));
  Eventually(is_refused);
  std::ofstream(file) << "max-connections-per-adress = 5\n";
  server.Signal(SIGHUP);
  ASSERT_TRUE(server.WaitForOutput("do you mean max-connections-per-address?"));
  EXPECT_TRUE(is_refused());
  EXPECT_TRUE(IsAnswered(first));
}

TEST(ReadyTest, WhoStoresNothingIsNotReadyAndYetAlive) {
  Health health;
  const auto answer = [&](std::string_view target) {
    return AnswerHttp({.method = "GET", .target = target, .if_none_match = ""}, health);
  };
  EXPECT_EQ(answer("/ready").status, 200);
  health.log_error = "a disk";
  EXPECT_EQ(answer("/ready").status, 503);
  EXPECT_EQ(answer("/ready").text, "{\"status\":\"log-failed\"}\n");
  EXPECT_EQ(answer("/live").status, 200);
  health.log_error = "";
  health.draining = true;
  EXPECT_EQ(answer("/ready").status, 503);
  EXPECT_EQ(answer("/health").status, 200);
}

}  // namespace
}  // namespace weft::server
