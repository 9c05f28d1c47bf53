// What a running server lets one client, one address and all of them together take: at each bound,
// and one past it. What is reached is counted in /health.

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "crdt/doc.h"
#include "sync/message.h"
#include "tests/server/eventually.h"
#include "tests/server/running_server.h"
#include "tests/server/tcp_client.h"

namespace weft::server {
namespace {

using crdt::Bytes;

class ClientLimitsTest : public testing::Test {
 protected:
  // The number of this name in /health.
  std::uint64_t Health(const RunningServer& server, const std::string& name) {
    const std::string health = TcpClient(server.port()).Get("/health").second;
    const std::size_t at = health.find('"' + name + "\":");
    EXPECT_NE(at, std::string::npos) << name << " in " << health;
    return at == std::string::npos ? 0 : std::stoull(health.substr(at + name.size() + 3));
  }

  // Whether the server still answers this client.
  bool IsAnswered(TcpClient& client) {
    client.SendMessage(sync::EncodeMessage(sync::SyncStep1{crdt::EncodeStateVector({})}));
    while (const auto frame = client.ReadFrame()) {
      const auto message = sync::DecodeMessage(frame->payload);
      if (message.ok() && std::holds_alternative<sync::SyncStep2>(*message)) return true;
      if (frame->opcode == Opcode::kClose) return false;
    }
    return false;
  }

  // A message of a kind that nobody knows, which is ignored.
  static Bytes Unknown(std::size_t size) {
    Bytes message(size);
    message[0] = 99;
    return message;
  }

  Limits limits;
  TemporaryDirectory directory;
};

// --- Messages
// ---------------------------------------------------------------------------------------

TEST_F(ClientLimitsTest, AMessageMayHaveSoManyBytesAndNotOneMore) {
  limits.message_bytes = 100'000;
  RunningServer server(directory.path(), limits);
  for (const bool fragmented : {false, true}) {
    TcpClient client(server.port());
    ASSERT_TRUE(client.Upgrade("/notes"));
    const auto send = [&](std::size_t size) {
      if (!fragmented) return client.SendMessage(Unknown(size));
      const Bytes rest(size - 60'000);
      return client.SendFrame(Opcode::kBinary, Unknown(60'000), {.final = false}) &&
             client.SendFrame(Opcode::kContinuation, rest);
    };
    send(100'000);
    EXPECT_TRUE(IsAnswered(client));
    send(100'001);
    const auto close = client.ReadClose();
    ASSERT_TRUE(close.has_value());
    EXPECT_EQ(close->close_code(), 4413);
  }
  EXPECT_EQ(Health(server, "max-message-bytes"), 2U);
}

TEST_F(ClientLimitsTest, SmallMessagesThatComeTogetherAreNoLargeOne) {
  limits.message_bytes = 1'024;
  RunningServer server(directory.path(), limits);
  TcpClient client(server.port());
  ASSERT_TRUE(client.Upgrade("/notes"));
  crdt::Doc doc;
  std::string burst;
  const crdt::Subscription subscription = doc.OnUpdate([&](const crdt::UpdateEvent& event) {
    const Bytes message = sync::EncodeMessage(sync::Update{event.update});
    burst += crdt::AsText(ClientFrame(Opcode::kBinary, message));
  });
  for (std::uint64_t i = 0; i < 1'500; ++i) doc.GetText("content").Insert(i, "x");
  ASSERT_LT(burst.size(), 64U << 10);  // one read
  client.Send(burst);
  EXPECT_TRUE(IsAnswered(client));
}

TEST_F(ClientLimitsTest, WhoSendsMoreMessagesThanItsShareHasToWaitAndLosesNothing) {
  limits.messages_per_second = 1;
  limits.close_timeout = std::chrono::milliseconds(400);  // how often the worker looks: a quarter
  RunningServer server(directory.path(), limits);
  crdt::Doc doc;
  std::string burst;
  const crdt::Subscription subscription = doc.OnUpdate([&](const crdt::UpdateEvent& event) {
    const Bytes message = sync::EncodeMessage(sync::Update{event.update});
    burst += crdt::AsText(ClientFrame(Opcode::kBinary, message));
  });
  for (int i = 0; i < Limits::kBurstSeconds; ++i) doc.GetText("content").Insert(0, "x");
  {
    TcpClient modest(server.port());
    ASSERT_TRUE(modest.Upgrade("/modest"));
    modest.Send(burst);
    Eventually([&] { return Health(server, "appends") >= 5; });
    EXPECT_EQ(Health(server, "max-messages-per-second"), 0U);
  }
  TcpClient hasty(server.port());
  ASSERT_TRUE(hasty.Upgrade("/hasty"));
  doc.GetText("content").Insert(0, "x");
  hasty.Send(burst);
  Eventually([&] { return Health(server, "max-messages-per-second") > 0; });
  EXPECT_TRUE(IsAnswered(hasty));
  EXPECT_EQ(Health(server, "appends"), 11U);
}

TEST_F(ClientLimitsTest, WhoIsInDebtIsNotReadFrom) {
  limits.messages_per_second = 1;
  RunningServer server(directory.path(), limits, /*threads=*/1);
  TcpClient hasty(server.port());
  ASSERT_TRUE(hasty.Upgrade("/hasty"));
  std::string burst;
  for (int i = 0; i < 600; ++i) burst += crdt::AsText(ClientFrame(Opcode::kBinary, Unknown(1)));
  hasty.Send(burst);  // ten minutes of debt
  Eventually([&] { return Health(server, "max-messages-per-second") > 0; });
  crdt::Doc doc;
  doc.GetText("content").Insert(0, "x");
  hasty.SendMessage(sync::EncodeMessage(sync::Update{doc.EncodeStateAsUpdate()}));
  for (int i = 0; i < 20; ++i) {
    TcpClient other(server.port());
    ASSERT_TRUE(other.Upgrade("/other"));
    EXPECT_TRUE(IsAnswered(other));
  }
  EXPECT_EQ(Health(server, "appends"), 0U);
}

TEST_F(ClientLimitsTest, WhoSendsMoreBytesThanItsShareHasToWaitAndLosesNothing) {
  limits.bytes_per_second = 100'000;
  limits.close_timeout = std::chrono::milliseconds(400);
  RunningServer server(directory.path(), limits);
  TcpClient client(server.port());
  ASSERT_TRUE(client.Upgrade("/notes"));
  client.SendMessage(Unknown(100'000));
  EXPECT_TRUE(IsAnswered(client));
  EXPECT_EQ(Health(server, "max-bytes-per-second"), 0U);
  client.SendMessage(Unknown(600'000));
  EXPECT_TRUE(IsAnswered(client));
  EXPECT_GE(Health(server, "max-bytes-per-second"), 1U);
}

TEST_F(ClientLimitsTest, WhatAClientAsksForCountsAsWhatItSends) {
  limits.bytes_per_second = 100'000;
  limits.close_timeout = std::chrono::milliseconds(400);
  RunningServer server(directory.path(), limits);
  TcpClient client(server.port());
  ASSERT_TRUE(client.Upgrade("/notes"));
  crdt::Doc doc;
  doc.GetText("content").Insert(0, std::string(100'000, 'x'));
  client.SendMessage(sync::EncodeMessage(sync::Update{doc.EncodeStateAsUpdate()}));
  // A few bytes a question, a whole document an answer: four of them are within the burst.
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(IsAnswered(client));
  EXPECT_EQ(Health(server, "max-bytes-per-second"), 0U);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(IsAnswered(client));
  EXPECT_GE(Health(server, "max-bytes-per-second"), 1U);
}

TEST_F(ClientLimitsTest, MessagesThatAreNotWholeYetHaveABoundForAllClientsTogether) {
  limits.receiving_bytes = 256 << 10;
  RunningServer server(directory.path(), limits);
  TcpClient first(server.port());
  TcpClient second(server.port());
  ASSERT_TRUE(first.Upgrade("/a"));
  ASSERT_TRUE(second.Upgrade("/b"));
  // The beginnings of two messages of a megabyte.
  const Bytes frame = ClientFrame(Opcode::kBinary, Unknown(1 << 20));
  const std::string_view bytes = crdt::AsText(frame);
  first.Send(bytes.substr(0, 200 << 10));
  Eventually([&] { return Health(server, "receiving_bytes") > (199 << 10); });
  second.Send(bytes.substr(0, 60 << 10));  // a fair part, which anyone may have
  Eventually([&] { return Health(server, "receiving_bytes") > (259 << 10); });
  second.Send(bytes.substr(60 << 10, 60 << 10));
  const auto close = second.ReadClose();
  ASSERT_TRUE(close.has_value());
  EXPECT_EQ(close->close_code(), 1013);
  EXPECT_EQ(Health(server, "max-receiving-bytes"), 1U);
  // What it held is given back, and who was within the bound goes on.
  Eventually([&] { return Health(server, "receiving_bytes") <= (200 << 10); });
  first.Disconnect();
  Eventually([&] { return Health(server, "receiving_bytes") == 0; });
}

// --- Connections
// ------------------------------------------------------------------------------------

TEST_F(ClientLimitsTest, AnAddressHasAsManySocketsAsItMayHaveUntilOneEnds) {
  limits.connections_per_address = 2;
  RunningServer server(directory.path(), limits);
  TcpClient ann(server.port());
  TcpClient bob(server.port());
  ASSERT_TRUE(ann.Upgrade("/notes"));
  ASSERT_TRUE(bob.Upgrade("/notes"));
  TcpClient cid(server.port());
  EXPECT_FALSE(cid.Upgrade("/notes"));
  EXPECT_EQ(cid.upgrade_head.rfind("HTTP/1.1 429 ", 0), 0U) << cid.upgrade_head;
  EXPECT_NE(cid.upgrade_head.find("Retry-After: "), std::string::npos);
  EXPECT_EQ(Health(server, "max-connections-per-address"), 1U);
  EXPECT_TRUE(IsAnswered(bob));
  ann.Disconnect();
  Eventually([&] { return TcpClient(server.port()).Upgrade("/notes"); });
}

TEST_F(ClientLimitsTest, SocketsOfOneAddressThatSayNothingAreBoundedToo) {
  limits.connections_per_address = 2;
  limits.handshake_timeout = std::chrono::minutes(10);
  RunningServer server(directory.path(), limits, /*threads=*/1);
  std::vector<std::unique_ptr<TcpClient>> silent;
  for (std::size_t i = 0; i < 2 + Limits::kSpareSocketsOfAddress; ++i) {
    silent.push_back(std::make_unique<TcpClient>(server.port()));
  }
  // The next is closed without a word, and takes its turn after them.
  TcpClient one_more(server.port());
  EXPECT_TRUE(one_more.ReadToEnd());
  silent.pop_back();
  Eventually(
      [&] { return TcpClient(server.port()).Get("/health").first.rfind("HTTP/1.1 200 ", 0) == 0; });
}

TEST_F(ClientLimitsTest, ARoomThatIsFullClosesTheNextAndTellsItToComeBack) {
  limits.connections_per_room = 1;
  RunningServer server(directory.path(), limits);
  TcpClient ann(server.port());
  ASSERT_TRUE(ann.Upgrade("/notes"));
  ASSERT_TRUE(IsAnswered(ann));
  TcpClient bob(server.port());
  ASSERT_TRUE(bob.Upgrade("/notes"));
  const auto close = bob.ReadClose();
  ASSERT_TRUE(close.has_value());
  EXPECT_EQ(close->close_code(), 1013);
  EXPECT_NE(close->close_reason(), "");
  EXPECT_EQ(Health(server, "max-connections-per-room"), 1U);
  EXPECT_TRUE(IsAnswered(ann));
}

TEST_F(ClientLimitsTest, OneRoomTooManyIsClosedAndToldToComeBack) {
  limits.rooms = 1;
  RunningServer server(directory.path(), limits);
  TcpClient ann(server.port());
  ASSERT_TRUE(ann.Upgrade("/a"));
  ASSERT_TRUE(IsAnswered(ann));
  TcpClient bob(server.port());
  ASSERT_TRUE(bob.Upgrade("/b"));
  const auto close = bob.ReadClose();
  ASSERT_TRUE(close.has_value());
  EXPECT_EQ(close->close_code(), 1013);
  EXPECT_EQ(Health(server, "max-rooms"), 1U);
}

// --- Requests
// ---------------------------------------------------------------------------------------

TEST_F(ClientLimitsTest, AHeaderMayHaveSoManyBytesAndNotOneMore) {
  limits.header_bytes = 2'000;
  RunningServer server(directory.path(), limits);
  const auto request = [](std::size_t size) {
    const std::string head = "GET /health HTTP/1.1\r\nHost: x\r\nX: ";
    return head + std::string(size - head.size() - 4, 'a') + "\r\n\r\n";
  };
  TcpClient good(server.port());
  good.Send(request(2'000));
  EXPECT_EQ(good.ReadHead().rfind("HTTP/1.1 200 ", 0), 0U);
  TcpClient bad(server.port());
  bad.Send(request(2'001));
  EXPECT_EQ(bad.ReadHead().rfind("HTTP/1.1 431 ", 0), 0U);
  EXPECT_EQ(Health(server, "max-header-bytes"), 1U);
}

TEST_F(ClientLimitsTest, WhoIsTooSlowWithItsRequestOrItsPongIsCounted) {
  limits.handshake_timeout = std::chrono::milliseconds(100);
  limits.ping_interval = std::chrono::milliseconds(100);
  RunningServer server(directory.path(), limits);
  EXPECT_TRUE(TcpClient(server.port()).ReadToEnd());
  TcpClient silent(server.port());
  ASSERT_TRUE(silent.Upgrade("/notes"));
  EXPECT_TRUE(silent.ReadToEnd());
  EXPECT_GE(Health(server, "handshake-timeout-ms"), 1U);
  EXPECT_EQ(Health(server, "ping-interval-ms"), 1U);
}

}  // namespace
}  // namespace weft::server
