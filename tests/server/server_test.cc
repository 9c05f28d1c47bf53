#include "server/server.h"

#include <gtest/gtest.h>

#include "crdt/doc.h"
#include "sync/message.h"
#include "tests/server/running_server.h"
#include "tests/server/tcp_client.h"

namespace weft::server {
namespace {

using crdt::Bytes;

// The next message of that kind, past all others.
template <typename Kind>
std::optional<Bytes> ReadUpdate(TcpClient& client) {
  while (const auto frame = client.ReadFrame()) {
    if (frame->opcode != Opcode::kBinary) continue;
    const auto message = sync::DecodeMessage(frame->payload);
    if (!message.ok()) continue;
    if (const auto* kind = std::get_if<Kind>(&*message)) {
      return Bytes(kind->update.begin(), kind->update.end());
    }
  }
  return std::nullopt;
}

Bytes UpdateThatTypes(std::string_view text, std::uint64_t client) {
  crdt::Doc doc(crdt::Doc::Options{.client_id = crdt::ClientId{client}, .gc = true, .limits = {}});
  doc.GetText("content").Insert(0, text);
  return doc.EncodeStateAsUpdate();
}

std::string TextOf(crdt::ByteView update) {
  crdt::Doc doc;
  EXPECT_TRUE(doc.ApplyUpdate(update).ok());
  return doc.GetText("content").ToString();
}

// What the room shows to someone who knows nothing.
std::string TextInRoom(TcpClient& client) {
  const Bytes nothing = crdt::EncodeStateVector({});
  client.SendMessage(sync::EncodeMessage(sync::SyncStep1{nothing}));
  const auto update = ReadUpdate<sync::SyncStep2>(client);
  return update ? TextOf(*update) : "no answer";
}

class ServerTest : public testing::Test {
 protected:
  TemporaryDirectory directory;
};

TEST_F(ServerTest, AnEditTravelsFromOneClientToAnother) {
  RunningServer server(directory.path());
  TcpClient ann(server.port());
  TcpClient bob(server.port());
  ASSERT_TRUE(ann.Upgrade("/notes"));
  ASSERT_TRUE(bob.Upgrade("/notes?user=bob"));
  EXPECT_NE(ann.upgrade_head.find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
            std::string::npos);
  EXPECT_EQ(TextInRoom(bob), "");
  const Bytes update = UpdateThatTypes("hello", 7);
  ann.SendMessage(sync::EncodeMessage(sync::Update{update}));
  const auto relayed = ReadUpdate<sync::Update>(bob);
  ASSERT_TRUE(relayed.has_value());
  EXPECT_EQ(TextOf(*relayed), "hello");
}

TEST_F(ServerTest, RoomsDoNotHearOfEachOther) {
  RunningServer server(directory.path());
  TcpClient ann(server.port());
  TcpClient bob(server.port());
  ASSERT_TRUE(ann.Upgrade("/one"));
  ASSERT_TRUE(bob.Upgrade("/two"));
  ann.SendMessage(sync::EncodeMessage(sync::Update{UpdateThatTypes("hello", 7)}));
  EXPECT_EQ(TextInRoom(ann), "hello");
  EXPECT_EQ(TextInRoom(bob), "");
}

TEST_F(ServerTest, EveryRoomOnEveryThreadIsReached) {
  RunningServer server(directory.path(), {}, 3);
  for (std::uint64_t i = 1; i <= 12; ++i) {
    TcpClient writer(server.port());
    TcpClient reader(server.port());
    const std::string room = "/room" + std::to_string(i);
    ASSERT_TRUE(writer.Upgrade(room));
    ASSERT_TRUE(reader.Upgrade(room));
    EXPECT_EQ(TextInRoom(reader), "");
    writer.SendMessage(sync::EncodeMessage(sync::Update{UpdateThatTypes(room, i)}));
    const auto relayed = ReadUpdate<sync::Update>(reader);
    ASSERT_TRUE(relayed.has_value());
    EXPECT_EQ(TextOf(*relayed), room);
  }
}

TEST_F(ServerTest, EditsOutliveTheServer) {
  {
    RunningServer server(directory.path());
    TcpClient ann(server.port());
    ASSERT_TRUE(ann.Upgrade("/notes"));
    ann.SendMessage(sync::EncodeMessage(sync::Update{UpdateThatTypes("kept", 7)}));
    EXPECT_EQ(TextInRoom(ann), "kept");
  }
  RunningServer server(directory.path());
  TcpClient bob(server.port());
  ASSERT_TRUE(bob.Upgrade("/notes"));
  EXPECT_EQ(TextInRoom(bob), "kept");
}

TEST_F(ServerTest, AStopClosesClientsWithTheCodeForARestart) {
  RunningServer server(directory.path());
  TcpClient ann(server.port());
  ASSERT_TRUE(ann.Upgrade("/notes"));
  EXPECT_EQ(TextInRoom(ann), "");
  server.RequestStop();
  const auto close = ann.ReadClose();
  ASSERT_TRUE(close.has_value());
  EXPECT_EQ(close->close_code(), 1012);
  EXPECT_TRUE(ann.ReadToEnd());
}

TEST_F(ServerTest, ACloseIsAnsweredWithItsOwnCode) {
  RunningServer server(directory.path());
  TcpClient ann(server.port());
  ASSERT_TRUE(ann.Upgrade("/notes"));
  ann.SendFrame(Opcode::kClose, Bytes{0x0F, 0xA1});
  const auto close = ann.ReadClose();
  ASSERT_TRUE(close.has_value());
  EXPECT_EQ(close->close_code(), 4001);
  EXPECT_TRUE(ann.ReadToEnd());
}

TEST_F(ServerTest, APingIsAnsweredWithItsPayload) {
  RunningServer server(directory.path());
  TcpClient ann(server.port());
  ASSERT_TRUE(ann.Upgrade("/notes"));
  ann.SendFrame(Opcode::kPing, Bytes{1, 2, 3});
  auto frame = ann.ReadFrame();
  while (frame && frame->opcode != Opcode::kPong) frame = ann.ReadFrame();
  ASSERT_TRUE(frame.has_value());
  EXPECT_EQ(frame->payload, (Bytes{1, 2, 3}));
}

TEST_F(ServerTest, APathThatNamesNoRoomIsClosedForGoodWithTheReason) {
  RunningServer server(directory.path());
  for (const char* path : {"/%FF", "/a%2"}) {
    TcpClient ann(server.port());
    ASSERT_TRUE(ann.Upgrade(path)) << path;
    const auto close = ann.ReadClose();
    ASSERT_TRUE(close.has_value()) << path;
    EXPECT_EQ(close->close_code(), 4404);
    EXPECT_NE(close->close_reason().find("room"), std::string::npos);
  }
}

TEST_F(ServerTest, StrangeNamesAreRoomsLikeAnyOther) {
  RunningServer server(directory.path());
  const std::string longest(512, 'x');
  for (const std::string& name : {std::string("/../../etc/passwd"), std::string("/a%00b"),
                                  std::string("/health"), "/" + longest}) {
    TcpClient ann(server.port());
    ASSERT_TRUE(ann.Upgrade(name)) << name;
    ann.SendMessage(sync::EncodeMessage(sync::Update{UpdateThatTypes("in " + name, 7)}));
    EXPECT_EQ(TextInRoom(ann), "in " + name);
  }
}

TEST_F(ServerTest, PlainRequestsAreAnsweredOneAfterAnotherOnOneConnection) {
  RunningServer server(directory.path());
  TcpClient client(server.port());
  const auto [health_head, health] = client.Get("/health");
  EXPECT_EQ(health_head.rfind("HTTP/1.1 200 OK\r\n", 0), 0U);
  EXPECT_NE(health.find(R"("status":"ok")"), std::string::npos);
  const auto [page_head, page] = client.Get("/");
  EXPECT_NE(page_head.find("Content-Type: text/html"), std::string::npos);
  EXPECT_NE(page.find("<html"), std::string::npos);
  const std::size_t tag = page_head.find("ETag: ") + 6;
  const std::string etag = page_head.substr(tag, page_head.find("\r\n", tag) - tag);
  EXPECT_EQ(client.Get("/", "If-None-Match: " + etag + "\r\n").first.rfind("HTTP/1.1 304 ", 0), 0U);
  EXPECT_EQ(client.Get("/nothing").first.rfind("HTTP/1.1 404 ", 0), 0U);
  EXPECT_EQ(client.Get("/health").first.rfind("HTTP/1.1 200 ", 0), 0U);
}

TEST_F(ServerTest, HealthCountsConnectionsAndCommits) {
  RunningServer server(directory.path());
  TcpClient ann(server.port());
  ASSERT_TRUE(ann.Upgrade("/notes"));
  ann.SendMessage(sync::EncodeMessage(sync::Update{UpdateThatTypes("kept", 7)}));
  EXPECT_EQ(TextInRoom(ann), "kept");
  const std::string health = TcpClient(server.port()).Get("/health").second;
  EXPECT_NE(health.find(R"("rooms":1,"connections":1)"), std::string::npos) << health;
  EXPECT_NE(health.find(R"("appends":1)"), std::string::npos) << health;
}

TEST_F(ServerTest, RequestsThatAreNoneAreRefused) {
  RunningServer server(directory.path());
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"nonsense\r\n\r\n", "HTTP/1.1 400 "},
      {"POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 405 "},
      {"GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(20'000, 'a') + "\r\n\r\n", "HTTP/1.1 431 "},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n", "HTTP/1.1 413 "},
  };
  for (const auto& [request, answer] : cases) {
    TcpClient client(server.port());
    client.Send(request);
    EXPECT_EQ(client.ReadHead().rfind(answer, 0), 0U) << answer;
  }
}

TEST_F(ServerTest, UpgradesThatAreMalformedAreRefused) {
  RunningServer server(directory.path());
  TcpClient old(server.port());
  EXPECT_FALSE(old.Upgrade("/notes", "Sec-WebSocket-Version: 8\r\n"));
  EXPECT_EQ(old.upgrade_head.rfind("HTTP/1.1 426 ", 0), 0U);
  EXPECT_NE(old.upgrade_head.find("Sec-WebSocket-Version: 13"), std::string::npos);
  TcpClient post(server.port());
  post.Send(
      "POST /notes HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Content-Length: 0\r\n\r\n");
  EXPECT_EQ(post.ReadHead().rfind("HTTP/1.1 400 ", 0), 0U);
}

TEST_F(ServerTest, FramesThatComeTogetherWithTheUpgradeRequestAreNotLost) {
  RunningServer server(directory.path());
  TcpClient ann(server.port());
  const Bytes question = sync::EncodeMessage(sync::SyncStep1{crdt::EncodeStateVector({})});
  ann.Send(
      "GET /notes HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" +
      std::string(crdt::AsText(ClientFrame(Opcode::kBinary, question))));
  EXPECT_EQ(ann.ReadHead().rfind("HTTP/1.1 101 ", 0), 0U);
  EXPECT_TRUE(ReadUpdate<sync::SyncStep2>(ann).has_value());
}

TEST_F(ServerTest, APortInUseAndABadDirectoryAreNamed) {
  RunningServer server(directory.path());
  ServerOptions options;
  options.listen = {"127.0.0.1:" + std::to_string(server.port())};
  options.data_directory = directory.path() + "/other";
  const auto in_use = Server::Open(options);
  ASSERT_FALSE(in_use.ok());
  EXPECT_NE(in_use.status().message().find(std::to_string(server.port())), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(options.data_directory));

  options.listen = {"127.0.0.1:0"};
  options.data_directory = directory.path();
  const auto locked = Server::Open(options);
  ASSERT_FALSE(locked.ok());
  EXPECT_NE(std::string(locked.status().message()).find(directory.path()), std::string::npos);

  options.data_directory = "/proc/weft";
  EXPECT_FALSE(Server::Open(options).ok());
}

TEST_F(ServerTest, ListensOnSeveralAddresses) {
  ServerOptions options;
  options.listen = {"127.0.0.1:0", "localhost:0"};
  options.data_directory = directory.path();
  const auto server = Server::Open(options);
  ASSERT_TRUE(server.ok()) << server.status().ToString();
  EXPECT_GE((*server)->ports().size(), 2U);
  EXPECT_NE((*server)->ports()[0], (*server)->ports()[1]);
}

}  // namespace
}  // namespace weft::server
