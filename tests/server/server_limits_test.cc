// What a running server does at its limits, and to clients that misbehave.

#include <gtest/gtest.h>

#include "crdt/doc.h"
#include "sync/message.h"
#include "tests/server/running_server.h"
#include "tests/server/tcp_client.h"

namespace weft::server {
namespace {

using crdt::Bytes;

Bytes UpdateOfSize(std::size_t size, std::uint64_t client) {
  crdt::Doc doc(crdt::Doc::Options{.client_id = crdt::ClientId{client}, .gc = true, .limits = {}});
  doc.GetText("content").Insert(0, std::string(size, 'x'));
  return doc.EncodeStateAsUpdate();
}

Bytes CursorOf(std::uint64_t client) {
  crdt::ByteWriter writer;
  writer.WriteVarUint(1);
  writer.WriteVarUint(client);
  writer.WriteVarUint(1);
  writer.WriteString(R"({"name":"x"})");
  return sync::EncodeMessage(sync::AwarenessUpdate{writer.view()});
}

class ServerLimitsTest : public testing::Test {
 protected:
  // The code with which the server closes a client that sends `bytes` after the upgrade.
  int CloseCodeAfter(crdt::ByteView bytes) {
    RunningServer server(directory.path(), limits);
    TcpClient client(server.port());
    EXPECT_TRUE(client.Upgrade("/notes"));
    client.Send(crdt::AsText(bytes));
    const auto close = client.ReadClose();
    EXPECT_TRUE(client.ReadToEnd());
    return close ? close->close_code() : 0;
  }

  Limits limits;
  TemporaryDirectory directory;
};

TEST_F(ServerLimitsTest, BytesThatAreNoFramesCloseWithAProtocolError) {
  EXPECT_EQ(CloseCodeAfter(Bytes{0x82, 0x02, 0, 3}), 1002);
  EXPECT_EQ(CloseCodeAfter(Bytes{0xFF, 0xFF, 0xFF}), 1002);
}

TEST_F(ServerLimitsTest, TextCloses) {
  EXPECT_EQ(CloseCodeAfter(ClientFrame(Opcode::kText, Bytes{'h', 'i'})), 1003);
}

TEST_F(ServerLimitsTest, AMessageAboveTheLimitClosesForGood) {
  limits.message_bytes = 1'000;
  EXPECT_EQ(CloseCodeAfter(ClientFrame(Opcode::kBinary, Bytes(1'001))), 4413);
}

TEST_F(ServerLimitsTest, AMalformedMessageClosesForGood) {
  EXPECT_EQ(CloseCodeAfter(ClientFrame(Opcode::kBinary, Bytes{0, 2, 200, 1})), 4400);
}

TEST_F(ServerLimitsTest, WhoDoesNotFinishARequestIsDisconnected) {
  limits.handshake_timeout = std::chrono::milliseconds(50);
  RunningServer server(directory.path(), limits);
  TcpClient silent(server.port());
  TcpClient slow(server.port());
  slow.Send("GET / HTTP/1.1\r\nHo");
  EXPECT_TRUE(silent.ReadToEnd());
  EXPECT_TRUE(slow.ReadToEnd());
}

TEST_F(ServerLimitsTest, WhoDoesNotAnswerPingsIsDeadAndItsCursorVanishes) {
  limits.ping_interval = std::chrono::milliseconds(100);
  RunningServer server(directory.path(), limits);
  TcpClient ann(server.port());
  ASSERT_TRUE(ann.Upgrade("/notes"));
  ann.SendMessage(CursorOf(7));
  TcpClient bob(server.port());
  ASSERT_TRUE(bob.Upgrade("/notes"));
  // Bob answers every ping until he hears that the cursor is gone.
  bool pinged = false;
  bool cursor_gone = false;
  while (!cursor_gone) {
    const auto frame = bob.ReadFrame();
    ASSERT_TRUE(frame.has_value());
    if (frame->opcode == Opcode::kPing) {
      pinged = true;
      bob.SendFrame(Opcode::kPong, frame->payload);
    }
    cursor_gone = frame->opcode == Opcode::kBinary &&
                  crdt::AsText(frame->payload).find("null") != std::string_view::npos;
  }
  EXPECT_TRUE(pinged);
  EXPECT_TRUE(ann.ReadToEnd());
}

TEST_F(ServerLimitsTest, ACursorVanishesWhenItsConnectionDoes) {
  RunningServer server(directory.path());
  TcpClient ann(server.port());
  TcpClient bob(server.port());
  ASSERT_TRUE(ann.Upgrade("/notes"));
  ASSERT_TRUE(bob.Upgrade("/notes"));
  ann.SendMessage(CursorOf(7));
  bool shown = false;
  for (;;) {
    const auto frame = bob.ReadFrame();
    ASSERT_TRUE(frame.has_value());
    const std::string_view text = crdt::AsText(frame->payload);
    if (!shown && text.find("name") != std::string_view::npos) {
      shown = true;
      ann.Disconnect();
    }
    if (shown && text.find("null") != std::string_view::npos) break;
  }
}

TEST_F(ServerLimitsTest, WhoNeverReadsIsClosedAndOthersAreNotHeldUp) {
  limits.queue_bytes = 64 << 10;
  limits.catch_up_time = std::chrono::milliseconds(200);
  limits.close_timeout = std::chrono::milliseconds(200);
  RunningServer server(directory.path(), limits);
  TcpClient lazy(server.port(), 4'096);
  TcpClient ann(server.port());
  TcpClient bob(server.port());
  ASSERT_TRUE(lazy.Upgrade("/notes"));
  ASSERT_TRUE(ann.Upgrade("/notes"));
  ASSERT_TRUE(bob.Upgrade("/notes"));
  // More than every buffer between the server and the lazy client holds.
  for (std::uint64_t i = 1; i <= 400; ++i) {
    ann.SendMessage(sync::EncodeMessage(sync::Update{UpdateOfSize(32 << 10, 100 + i)}));
    std::size_t received = 0;
    while (received < (32 << 10)) {
      const auto frame = bob.ReadFrame();
      ASSERT_TRUE(frame.has_value());
      ASSERT_NE(frame->opcode, Opcode::kClose) << frame->close_reason();
      received = frame->payload.size();
    }
  }
  EXPECT_TRUE(lazy.ReadToEnd());
}

// Someone whose kernel takes no more while others write the same few bytes over and over: the backlog
// outgrows the queue, the document does not.
TEST_F(ServerLimitsTest, WhoReadsAgainAfterFallingBehindIsToldWhatItMissed) {
  limits.queue_bytes = 256 << 10;
  RunningServer server(directory.path(), limits);
  TcpClient lazy(server.port(), 4'096);
  TcpClient ann(server.port());
  TcpClient bob(server.port());
  ASSERT_TRUE(lazy.Upgrade("/notes"));
  ASSERT_TRUE(ann.Upgrade("/notes"));
  ASSERT_TRUE(bob.Upgrade("/notes"));
  crdt::Doc doc(crdt::Doc::Options{.client_id = crdt::ClientId{5}});
  const crdt::Subscription subscription = doc.OnUpdate([&](const crdt::UpdateEvent& event) {
    ann.SendMessage(sync::EncodeMessage(sync::Update{event.update}));
  });
  crdt::Text text = doc.GetText("content");
  const std::string page(30'000, 'x');
  for (int i = 0; i < 400; ++i) {
    text.Insert(0, page);
    std::size_t received = 0;
    while (received < page.size()) {
      const auto frame = bob.ReadFrame();
      ASSERT_TRUE(frame.has_value());
      received = frame->payload.size();
    }
    text.Delete(0, page.size());
  }
  text.Insert(0, "the end");

  crdt::Doc seen;
  while (seen.GetText("content").ToString() != "the end") {
    const auto frame = lazy.ReadFrame();
    ASSERT_TRUE(frame.has_value());
    ASSERT_NE(frame->opcode, Opcode::kClose) << frame->close_reason();
    if (frame->opcode != Opcode::kBinary) continue;
    const auto message = sync::DecodeMessage(frame->payload);
    ASSERT_TRUE(message.ok());
    if (const auto* update = std::get_if<sync::Update>(&*message)) {
      ASSERT_EQ(seen.ApplyUpdate(update->update), absl::OkStatus());
    } else if (const auto* everything = std::get_if<sync::SyncStep2>(&*message)) {
      ASSERT_EQ(seen.ApplyUpdate(everything->update), absl::OkStatus());
    }
  }
  EXPECT_FALSE(seen.has_pending());
}

TEST_F(ServerLimitsTest, ADocumentLargerThanTheQueueCanBeJoined) {
  limits.queue_bytes = 16 << 10;
  RunningServer server(directory.path(), limits);
  TcpClient ann(server.port());
  ASSERT_TRUE(ann.Upgrade("/notes"));
  ann.SendMessage(sync::EncodeMessage(sync::Update{UpdateOfSize(4 << 20, 7)}));
  const Bytes question = sync::EncodeMessage(sync::SyncStep1{crdt::EncodeStateVector({})});
  ann.SendMessage(question);
  std::size_t largest = 0;
  while (largest < (4 << 20)) {
    const auto frame = ann.ReadFrame();
    ASSERT_TRUE(frame.has_value());
    ASSERT_NE(frame->opcode, Opcode::kClose) << frame->close_reason();
    largest = std::max(largest, frame->payload.size());
  }
}

TEST_F(ServerLimitsTest, MoreConnectionsThanAllowedAreRefusedUntilOneEnds) {
  limits.connections = 1;
  RunningServer server(directory.path(), limits);
  TcpClient ann(server.port());
  ASSERT_TRUE(ann.Upgrade("/notes"));
  TcpClient bob(server.port());
  EXPECT_FALSE(bob.Upgrade("/notes"));
  EXPECT_EQ(bob.upgrade_head.rfind("HTTP/1.1 503 ", 0), 0U);
  ann.SendFrame(Opcode::kClose, {});
  EXPECT_TRUE(ann.ReadToEnd());
  bool admitted = false;
  for (int attempt = 0; attempt < 1'000 && !admitted; ++attempt) {
    TcpClient again(server.port());
    admitted = again.Upgrade("/notes");
  }
  EXPECT_TRUE(admitted);
}

TEST_F(ServerLimitsTest, ManyConnectionsComeAndGo) {
  RunningServer server(directory.path());
  for (int i = 0; i < 300; ++i) {
    TcpClient client(server.port());
    ASSERT_TRUE(client.Upgrade("/room" + std::to_string(i % 7)));
    if (i % 3 == 0) client.Send("\x82");  // in the middle of a frame
  }
  EXPECT_EQ(TcpClient(server.port()).Get("/health").first.rfind("HTTP/1.1 200 ", 0), 0U);
}

}  // namespace
}  // namespace weft::server
