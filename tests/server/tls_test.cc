// The relay over TLS, with clients that do it in OpenSSL's own way.

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "crdt/doc.h"
#include "server/server.h"
#include "sync/message.h"
#include "tests/server/running_server.h"
#include "tests/server/test_certificate.h"
#include "tests/server/tls_client.h"

namespace weft::server {
namespace {

using crdt::Bytes;

class TlsTest : public testing::Test {
 protected:
  std::unique_ptr<RunningServer> Serve(const Limits& limits = {}) {
    ServerOptions options;
    options.listen = {"127.0.0.1:0", "plain:127.0.0.1:0"};
    options.tls = WriteTestCertificate(directory.path(), "server");
    options.data_directory = directory.path() + "/data";
    options.threads = 2;
    options.limits = limits;
    return std::make_unique<RunningServer>(options);
  }

  // What the room shows to someone who knows nothing.
  static std::string TextInRoom(TcpClient& client) {
    const Bytes nothing = crdt::EncodeStateVector({});
    client.SendMessage(sync::EncodeMessage(sync::SyncStep1{nothing}));
    while (const auto frame = client.ReadFrame()) {
      const auto message = sync::DecodeMessage(frame->payload);
      if (!message.ok()) continue;
      if (const auto* all = std::get_if<sync::SyncStep2>(&*message)) {
        crdt::Doc doc;
        EXPECT_TRUE(doc.ApplyUpdate(all->update).ok());
        return doc.GetText("content").ToString();
      }
    }
    return "no answer";
  }

  static void Type(TcpClient& client, const std::string& text) {
    crdt::Doc doc;
    doc.GetText("content").Insert(0, text);
    const Bytes update = doc.EncodeStateAsUpdate();
    client.SendMessage(sync::EncodeMessage(sync::Update{update}));
  }

  TemporaryDirectory directory;
};

TEST_F(TlsTest, PagesAreServedOneAfterTheOther) {
  const auto server = Serve();
  TlsClient client(server->port());
  ASSERT_TRUE(client.agreed());
  EXPECT_EQ(client.PeerName(), "localhost");
  for (int i = 0; i < 3; ++i) {
    const auto [head, body] = client.Get("/health");
    EXPECT_EQ(head.substr(0, 15), "HTTP/1.1 200 OK");
    EXPECT_NE(body.find("\"status\":\"ok\""), std::string::npos);
  }
  const auto [head, page] = client.Get("/");
  EXPECT_NE(page.find("<html"), std::string::npos);
}

TEST_F(TlsTest, RoomsAreSharedWithClientsInClear) {
  const auto server = Serve();
  TlsClient ann(server->port());
  TcpClient bob(server->ports()[1]);
  ASSERT_TRUE(ann.Upgrade("/notes"));
  ASSERT_TRUE(bob.Upgrade("/notes"));
  Type(ann, "hello");
  EXPECT_EQ(TextInRoom(ann), "hello");
  EXPECT_EQ(TextInRoom(bob), "hello");
}

TEST_F(TlsTest, ADocumentOfMegabytesTravelsBothWaysToSlowReadersToo) {
  const auto server = Serve();
  TlsClient ann(server->port());
  TlsClient bob(server->port(), {}, /*receive_buffer_bytes=*/4'096);
  ASSERT_TRUE(ann.Upgrade("/book"));
  ASSERT_TRUE(bob.Upgrade("/book"));
  std::string text(5'000'000, 'x');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + i * i % 23);
  Type(ann, text);
  EXPECT_EQ(TextInRoom(ann), text);
  EXPECT_EQ(TextInRoom(bob), text);
}

TEST_F(TlsTest, FramesThatCameWithTheUpgradeRequestAreRead) {
  const auto server = Serve();
  TlsClient client(server->port());
  const Bytes question = sync::EncodeMessage(sync::SyncStep1{crdt::EncodeStateVector({})});
  const std::string frame(crdt::AsText(ClientFrame(Opcode::kBinary, question)));
  // One record with both; the second half of a frame in another one.
  client.Send(
      "GET /notes HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n" +
      frame + frame.substr(0, 3));
  client.Send(frame.substr(3));
  EXPECT_EQ(client.ReadHead().substr(0, 12), "HTTP/1.1 101");
  int answers = 0;
  while (answers < 2) {
    const auto heard = client.ReadFrame();
    ASSERT_TRUE(heard.has_value());
    const auto message = sync::DecodeMessage(heard->payload);
    if (message.ok() && std::holds_alternative<sync::SyncStep2>(*message)) ++answers;
  }
}

TEST_F(TlsTest, WhoSpeaksHttpInClearIsToldWhatIsSpokenHere) {
  const auto server = Serve();
  TcpClient client(server->port());
  const auto [head, body] = client.Get("/");
  EXPECT_EQ(head.substr(0, 24), "HTTP/1.1 400 Bad Request");
  EXPECT_EQ(body, "This port speaks TLS: use https:// and wss://.\n");
  EXPECT_TRUE(client.ReadToEnd());
}

TEST_F(TlsTest, AHandshakeThatTakesTooLongIsCut) {
  const auto server = Serve({.handshake_timeout = std::chrono::milliseconds(50)});
  TcpClient silent(server->port());
  TcpClient half(server->port());
  half.Send(std::string("\x16\x03\x01\x02\x00\x01\x00", 7));
  EXPECT_TRUE(silent.ReadToEnd());
  EXPECT_TRUE(half.ReadToEnd());
  // Who shakes hands and then says nothing has no more time than that.
  TlsClient idle(server->port());
  EXPECT_TRUE(idle.ReadToEnd());
}

TEST_F(TlsTest, AClientThatSaysItsEndIsGoneAlthoughItsSocketIsOpen) {
  const auto server = Serve();
  TlsClient ann(server->port());
  ASSERT_TRUE(ann.Upgrade("/notes"));
  ann.SayEnd();
  EXPECT_TRUE(ann.ReadToEnd());
}

TEST_F(TlsTest, ACloseIsAnsweredAndTheStreamIsEndedInOrder) {
  const auto server = Serve();
  TlsClient ann(server->port());
  ASSERT_TRUE(ann.Upgrade("/notes"));
  const Bytes code = {0x03, 0xE8};
  ann.SendFrame(Opcode::kClose, code);
  const auto close = ann.ReadClose();
  ASSERT_TRUE(close.has_value());
  EXPECT_EQ(close->close_code(), 1000);
  EXPECT_TRUE(ann.ReadToEnd());
}

TEST_F(TlsTest, OldVersionsWeakCiphersAndOtherProtocolsAreRefused) {
  const auto server = Serve();
  const auto agrees = [&](const TlsClient::Prepare& prepare) {
    return TlsClient(server->port(), prepare).agreed();
  };
  EXPECT_TRUE(agrees([](SSL* ssl) { SSL_set_max_proto_version(ssl, TLS1_2_VERSION); }));
  EXPECT_FALSE(agrees([](SSL* ssl) {
    SSL_set_security_level(ssl, 0);
    SSL_set_min_proto_version(ssl, TLS1_1_VERSION);
    SSL_set_max_proto_version(ssl, TLS1_1_VERSION);
  }));
  EXPECT_FALSE(agrees([](SSL* ssl) {
    SSL_set_max_proto_version(ssl, TLS1_2_VERSION);
    SSL_set_cipher_list(ssl, "ECDHE-ECDSA-AES128-SHA256");  // CBC
  }));
  const unsigned char h2[] = {2, 'h', '2'};
  EXPECT_FALSE(agrees([&](SSL* ssl) { SSL_set_alpn_protos(ssl, h2, sizeof h2); }));
  const unsigned char both[] = {2, 'h', '2', 8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  TlsClient client(server->port(), [&](SSL* ssl) { SSL_set_alpn_protos(ssl, both, sizeof both); });
  const unsigned char* chosen = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(client.ssl(), &chosen, &size);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(chosen), size), "http/1.1");
}

TEST_F(TlsTest, RenegotiationIsRefused) {
  const auto server = Serve();
  TlsClient client(server->port(),
                   [](SSL* ssl) { SSL_set_max_proto_version(ssl, TLS1_2_VERSION); });
  ASSERT_TRUE(client.Upgrade("/notes"));
  ASSERT_EQ(SSL_renegotiate(client.ssl()), 1);
  EXPECT_NE(SSL_do_handshake(client.ssl()), 1);
}

TEST_F(TlsTest, ClientsThatComeBackResume) {
  const auto server = Serve();
  const auto of_1_2 = [](SSL* ssl) { SSL_set_max_proto_version(ssl, TLS1_2_VERSION); };
  TlsClient first(server->port(), of_1_2);
  const std::unique_ptr<SSL_SESSION, decltype(&SSL_SESSION_free)> session(
      SSL_get1_session(first.ssl()), SSL_SESSION_free);
  TlsClient second(server->port(), [&](SSL* ssl) {
    of_1_2(ssl);
    SSL_set_session(ssl, session.get());
  });
  EXPECT_TRUE(second.agreed());
  EXPECT_EQ(SSL_session_reused(second.ssl()), 1);
}

TEST_F(TlsTest, ACertificateIsNeededWhereTlsIsAskedFor) {
  ServerOptions options;
  options.listen = {"tls:127.0.0.1:0"};
  options.data_directory = directory.path() + "/data";
  const auto opened = Server::Open(options);
  EXPECT_EQ(opened.status().message(),
            "\"tls:127.0.0.1:0\" needs a certificate: --tls-cert and --tls-key");
}

}  // namespace
}  // namespace weft::server
