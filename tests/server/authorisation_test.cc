// Who may do what, over real sockets: role × kind of message × dialect, role × call of the API, and what
// becomes of those who are connected when their rights change. Time is a number that tests set.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <optional>
#include <string>

#include "crdt/doc.h"
#include "crdt/json.h"
#include "server/auth/token.h"
#include "sync/message.h"
#include "tests/server/auth/fake_service.h"
#include "tests/server/auth/signing_keys.h"
#include "tests/server/eventually.h"
#include "tests/server/running_server.h"
#include "tests/server/speaker.h"
#include "tests/server/tcp_client.h"

namespace weft::server {
namespace {

using auth::Role;
using crdt::Bytes;

constexpr std::int64_t kBegin = 1'800'000'000;

Bytes Typing(std::string_view text, std::uint64_t client) {
  crdt::Doc doc(crdt::Doc::Options{.client_id = crdt::ClientId{client}, .gc = true, .limits = {}});
  doc.GetText("content").Insert(0, text);
  return doc.EncodeStateAsUpdate();
}

Bytes Cursor(std::uint64_t client) {
  crdt::ByteWriter writer;
  writer.WriteVarUint(1);
  writer.WriteVarUint(client);
  writer.WriteVarUint(1);
  writer.WriteString(R"({"name":"somebody"})");
  return writer.Take();
}

class AuthorisationTest : public testing::Test {
 protected:
  AuthorisationTest() {
    options.listen = {"127.0.0.1:0"};
    options.data_directory = directory.path() + "/data";
    options.threads = 2;
    options.limits.close_timeout = std::chrono::milliseconds(200);  // so that sweeps are frequent
    options.auth.mode = auth::Mode::kToken;
    options.auth.key_file = Write("key", auth::kSecret);
    options.auth.rules.clock_skew = std::chrono::seconds(0);
    options.auth.now = [this] { return auth::WallTime(std::chrono::seconds(seconds.load())); };
  }

  std::string Write(const std::string& name, const std::string& text) const {
    const std::string path = directory.path() + "/" + name;
    std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
    return path;
  }

  static std::string Token(const std::string& claims, const std::string& secret = auth::kSecret) {
    const auto token = auth::MakeToken(*auth::SigningKey::FromSecret(secret),
                                       *crdt::ParseJson(claims, 8)->AsObject());
    EXPECT_TRUE(token.ok());
    return *token;
  }
  static std::string TokenFor(Role role) {
    return Token(R"({"sub":"ann","rooms":{"*":")" + std::string(auth::RoleName(role)) + R"("}})");
  }
  void UseCallback(const auth::FakeService& service) {
    options.auth.mode = auth::Mode::kCallback;
    options.auth.key_file.clear();
    options.auth.callback.url = service.url();
    options.auth.callback.ttl = std::chrono::seconds(10);
  }

  TemporaryDirectory directory;
  std::atomic<std::int64_t> seconds{kBegin};
  ServerOptions options;
};

// --- Role × kind of message × dialect

struct Kind {
  std::string name;
  std::function<void(Speaker&)> say;
  bool writes = false;
  bool shows_cursor = false;
  bool asks_for_cursors = false;
};

std::vector<Kind> AllKinds() {
  static const Bytes kEdit = Typing("written", 7);
  static const Bytes kCursor = Cursor(7);
  static const Bytes kNothing = crdt::EncodeStateVector({});
  return {
      {.name = "SyncStep1", .say = [](Speaker& who) { who.Say(sync::SyncStep1{kNothing}); }},
      {.name = "SyncStep2",
       .say = [](Speaker& who) { who.Say(sync::SyncStep2{kEdit}); },
       .writes = true},
      {.name = "Update", .say = [](Speaker& who) { who.Say(sync::Update{kEdit}); }, .writes = true},
      {.name = "Awareness",
       .say = [](Speaker& who) { who.Say(sync::AwarenessUpdate{kCursor}); },
       .shows_cursor = true},
      {.name = "QueryAwareness",
       .say = [](Speaker& who) { who.Say(sync::QueryAwareness{}); },
       .asks_for_cursors = true},
      {.name = "Unknown", .say = [](Speaker& who) { who.Say(sync::Unknown{99}); }},
  };
}

TEST_F(AuthorisationTest, EachRoleMayDoWhatItMayInEveryDialect) {
  RunningServer server(options);
  int number = 0;
  for (const Dialects& dialect : AllDialects()) {
    for (const Role role : {Role::kNone, Role::kRead, Role::kWrite, Role::kAdmin}) {
      for (const Kind& kind : AllKinds()) {
        const std::string cell =
            dialect.name + ", " + std::string(auth::RoleName(role)) + ", " + kind.name;
        SCOPED_TRACE(cell);
        const std::string room = "room" + std::to_string(++number);
        YWebsocketSpeaker other(server.port());
        other.Enter(room, TokenFor(Role::kWrite));
        other.Say(sync::AwarenessUpdate{Cursor(1)});
        ASSERT_TRUE(other.Listen().answered);

        const std::unique_ptr<Speaker> ann = dialect.make(server.port());
        ann->Enter(room, TokenFor(role));
        const Speaker::Heard first = ann->Listen();
        if (role == Role::kNone) {
          EXPECT_FALSE(first.answered);
          EXPECT_TRUE(first.code == 4403 || first.code == 1) << first.code;
          EXPECT_EQ(first.reason, "no access to this room");
          continue;
        }
        ASSERT_TRUE(first.answered) << first.code << " " << first.reason;
        kind.say(*ann);
        const Speaker::Heard heard = ann->Listen();
        const bool writes = kind.writes && role != Role::kRead;
        ASSERT_TRUE(heard.answered);
        EXPECT_EQ(heard.denied, kind.writes && role == Role::kRead);
        EXPECT_EQ(heard.text, writes ? "written" : "");
        EXPECT_EQ(other.Listen().text, writes ? "written" : "");
        if (kind.asks_for_cursors) {
          EXPECT_GT(heard.cursors, 0);
        }
        if (kind.shows_cursor) {
          YWebsocketSpeaker newcomer(server.port());
          newcomer.Enter(room, TokenFor(Role::kRead));
          EXPECT_GT(newcomer.ListenForCursor().cursors, 0);
        }
      }
    }
  }
}

// --- Role × call of the API

TEST_F(AuthorisationTest, EachRoleMayMakeTheCallsOfItsOwn) {
  RunningServer server(options);
  {
    YWebsocketSpeaker writer(server.port());
    writer.Enter("notes", TokenFor(Role::kWrite));
    writer.Say(sync::Update{Typing("text", 5)});
    ASSERT_TRUE(writer.Listen().answered);
  }
  const std::string update(crdt::AsText(Typing("more", 6)));
  struct Call {
    std::string method;
    std::string path;
    std::string body;
    Role needs;
  };
  const std::vector<Call> calls = {
      {"GET", "/api/rooms/notes", "", Role::kRead},
      {"GET", "/api/rooms/notes/text?root=content", "", Role::kRead},
      {"POST", "/api/rooms/notes/update", update, Role::kWrite},
      {"DELETE", "/api/rooms/notes/freeze", "", Role::kAdmin},
      {"GET", "/api/rooms/notes/members", "", Role::kAdmin},
      {"GET", "/api/stats", "", Role::kAdmin},
  };
  const auto ask = [&](const Call& call, const std::string& headers) {
    TcpClient client(server.port());
    client.Send(call.method + " " + call.path + " HTTP/1.1\r\nHost: test\r\n" + headers +
                (call.body.empty() ? ""
                                   : "Content-Type: application/octet-stream\r\nContent-Length: " +
                                         std::to_string(call.body.size()) + "\r\n") +
                "\r\n" + call.body);
    const std::string head = client.ReadHead();
    return head.size() < 12 ? 0 : std::stoi(head.substr(9, 3));
  };
  for (const Call& call : calls) {
    SCOPED_TRACE(call.method + " " + call.path);
    EXPECT_EQ(ask(call, ""), 401);
    EXPECT_EQ(ask(call, "Authorization: Bearer nonsense\r\n"), 401);
    for (const Role role : {Role::kNone, Role::kRead, Role::kWrite, Role::kAdmin}) {
      const int status = ask(call, "Authorization: Bearer " + TokenFor(role) + "\r\n");
      if (role < call.needs) {
        EXPECT_EQ(status, 403) << auth::RoleName(role);
      } else {
        EXPECT_TRUE(status == 200 || status == 204) << auth::RoleName(role) << ": " << status;
      }
    }
  }
}

TEST_F(AuthorisationTest, WhoListsRoomsSeesThoseOfItsOwn) {
  RunningServer server(options);
  for (const char* room : {"one", "two"}) {
    YWebsocketSpeaker writer(server.port());
    writer.Enter(room, TokenFor(Role::kWrite));
    writer.Say(sync::Update{Typing("text", 5)});
    ASSERT_TRUE(writer.Listen().answered);
  }
  const std::string token = Token(R"({"rooms":{"one":"read"}})");
  const auto [head, body] =
      TcpClient(server.port()).Get("/api/rooms", "Authorization: Bearer " + token + "\r\n");
  EXPECT_EQ(head.rfind("HTTP/1.1 200 ", 0), 0U) << head;
  EXPECT_NE(body.find("\"one\""), std::string::npos) << body;
  EXPECT_EQ(body.find("\"two\""), std::string::npos) << body;
}

// --- Tokens

TEST_F(AuthorisationTest, ATokenThatDoesNotCountIsToldSoForGood) {
  options.auth.rules.issuer = "us";
  options.auth.rules.audiences = {"weft"};
  RunningServer server(options);
  const std::string text = R"("iss":"us","aud":"weft","rooms":{"notes":"write"})";
  const std::string good = Token("{" + text + "}");
  const std::string none =
      auth::ToBase64Url(R"({"alg":"none"})") + "." + auth::ToBase64Url("{" + text + "}") + ".";
  const std::vector<std::tuple<std::string, std::string, std::string>> cases = {
      {"none at all", "", "a token is needed"},
      {"no token", "nonsense", "the token is no JWT"},
      {"another key", Token("{" + text + "}", std::string(32, 'x')), "none of this server's keys"},
      {"no signature", none, "another algorithm"},
      {"expired", Token("{\"exp\":1799999999," + text + "}"), "has expired"},
      {"not yet", Token("{\"nbf\":1800000001," + text + "}"), "not valid yet"},
      {"issuer", Token(R"({"aud":"weft","rooms":{"notes":"write"}})"), "another issuer"},
      {"audience", Token(R"({"iss":"us","rooms":{"notes":"write"}})"), "another audience"},
      {"oversized", std::string(auth::kMaxTokenBytes + 1, 'x'), "too long"},
  };
  for (const Dialects& dialect : AllDialects()) {
    for (const auto& [name, token, why] : cases) {
      // The dialect bounds its tokens itself.
      if (dialect.name != "y-websocket" && name == "oversized") continue;
      SCOPED_TRACE(dialect.name + ", " + name);
      const auto ann = dialect.make(server.port());
      ann->Enter("notes", token);
      const Speaker::Heard heard = ann->Listen();
      EXPECT_FALSE(heard.answered);
      EXPECT_TRUE(heard.code == 4401 || (heard.code == 1 && dialect.name == "hocuspocus"))
          << heard.code;
      EXPECT_NE(heard.reason.find(why), std::string::npos) << heard.reason;
    }
    SCOPED_TRACE(dialect.name);
    const auto ann = dialect.make(server.port());
    ann->Enter("notes", good);
    EXPECT_TRUE(ann->Listen().answered);
    const auto bob = dialect.make(server.port());
    bob->Enter("others", good);
    EXPECT_EQ(bob->Listen().reason, "no access to this room");
  }
}

TEST_F(AuthorisationTest, ATokenInTheHeaderOpensAsOneInTheQuery) {
  RunningServer server(options);
  TcpClient client(server.port());
  ASSERT_TRUE(client.Upgrade("/notes", "Sec-WebSocket-Version: 13\r\nAuthorization: Bearer " +
                                           TokenFor(Role::kWrite) + "\r\n"));
  client.SendMessage(sync::EncodeMessage(sync::SyncStep1{crdt::EncodeStateVector({})}));
  const auto frame = client.ReadFrame();
  ASSERT_TRUE(frame.has_value());
  EXPECT_EQ(frame->opcode, Opcode::kBinary);
}

TEST_F(AuthorisationTest, RefusalsAreCounted) {
  RunningServer server(options);
  YWebsocketSpeaker ann(server.port());
  ann.Enter("notes", "");
  EXPECT_EQ(ann.Listen().code, 4401);
  YWebsocketSpeaker bob(server.port());
  bob.Enter("notes", TokenFor(Role::kNone));
  EXPECT_EQ(bob.Listen().code, 4403);
  YWebsocketSpeaker reader(server.port());
  reader.Enter("notes", TokenFor(Role::kRead));
  reader.Say(sync::Update{Typing("text", 5)});
  EXPECT_TRUE(reader.Listen().denied);
  const std::string health = TcpClient(server.port()).Get("/health").second;
  EXPECT_NE(health.find(
                R"("refused":{"origin":0,"token":1,"room":1,"unavailable":0,"ended":0,"write":1})"),
            std::string::npos)
      << health;
}

// --- While connected

TEST_F(AuthorisationTest, WhoseTokenExpiresHasToLeave) {
  RunningServer server(options);
  for (const Dialects& dialect : AllDialects()) {
    SCOPED_TRACE(dialect.name);
    const std::int64_t now = seconds.load();
    const auto ann = dialect.make(server.port());
    ann->Enter("notes", Token(R"({"rooms":{"*":"write"},"exp":)" + std::to_string(now + 60) + "}"));
    const auto bob = dialect.make(server.port());
    bob->Enter("notes", Token(R"({"rooms":{"*":"write"},"exp":)" + std::to_string(now + 90) + "}"));
    ASSERT_TRUE(ann->Listen().answered);
    ASSERT_TRUE(bob->Listen().answered);
    seconds = now + 60;
    const Speaker::Heard end = ann->ListenToTheEnd();
    EXPECT_TRUE(end.code == 4401 || (end.code == 1 && dialect.name == "hocuspocus")) << end.code;
    EXPECT_EQ(end.reason, "the token has expired");
    EXPECT_TRUE(bob->Listen().answered);
  }
}

TEST_F(AuthorisationTest, WhoIsRevokedHasToLeave) {
  options.auth.revoked_file = Write("revoked", "");
  RunningServer server(options);
  std::string list;
  for (const Dialects& dialect : AllDialects()) {
    for (const char* what : {"sub:ann ", "jti:one "}) {
      SCOPED_TRACE(dialect.name + ", " + what);
      const std::string name = what + dialect.name;
      const std::string claim = name.substr(0, 3);
      const auto token = [&](const std::string& value) {
        return Token("{\"" + claim + "\":\"" + value + R"(","rooms":{"*":"write"}})");
      };
      const auto ann = dialect.make(server.port());
      ann->Enter("notes", token(name.substr(4)));
      const auto bob = dialect.make(server.port());
      bob->Enter("notes", token("somebody else"));
      ASSERT_TRUE(ann->Listen().answered);
      ASSERT_TRUE(bob->Listen().answered);
      list += name + "\n";
      Write("revoked", list);
      server.RequestReload();
      const Speaker::Heard end = ann->ListenToTheEnd();
      EXPECT_TRUE(end.code == 4401 || (end.code == 1 && dialect.name == "hocuspocus")) << end.code;
      EXPECT_EQ(end.reason, "the token was revoked");
      EXPECT_TRUE(bob->Listen().answered);
      const auto again = dialect.make(server.port());
      again->Enter("notes", token(name.substr(4)));
      EXPECT_EQ(again->Listen().reason, "the token was revoked");
    }
  }
}

TEST_F(AuthorisationTest, WhoseKeyIsGoneHasToLeave) {
  RunningServer server(options);
  for (const Dialects& dialect : AllDialects()) {
    SCOPED_TRACE(dialect.name);
    Write("key", auth::kSecret);
    server.RequestReload();
    const auto ann = dialect.make(server.port());
    Speaker::Heard first;
    ann->Enter("notes", TokenFor(Role::kWrite));
    if (dialect.name == "y-websocket") {
      ASSERT_TRUE(ann->Listen().answered);
    }
    Write("key", std::string(32, 'y'));
    server.RequestReload();
    const Speaker::Heard end = ann->ListenToTheEnd();
    EXPECT_EQ(end.reason, "the token is signed by none of this server's keys");
  }
}

TEST_F(AuthorisationTest, KeysThatCannotBeReadLeaveThoseInForce) {
  RunningServer server(options);
  YWebsocketSpeaker ann(server.port());
  ann.Enter("notes", TokenFor(Role::kWrite));
  ASSERT_TRUE(ann.Listen().answered);
  Write("key", "short");
  server.RequestReload();
  YWebsocketSpeaker bob(server.port());
  bob.Enter("notes", TokenFor(Role::kWrite));
  EXPECT_TRUE(bob.Listen().answered);
  EXPECT_TRUE(ann.Listen().answered);
}

TEST_F(AuthorisationTest, ANewTokenOfWeftV1CountsForTheRoomsThatAreOpen) {
  RunningServer server(options);
  WeftV1Speaker ann(server.port());
  ann.Enter("notes", TokenFor(Role::kWrite));
  ASSERT_TRUE(ann.Listen().answered);
  ann.ShowToken(TokenFor(Role::kRead));
  // Its answer and the new role come in their own time.
  std::uint64_t client = 10;
  Eventually([&] {
    ann.Say(sync::Update{Typing("x", ++client)});
    return ann.Listen().denied;
  });
  ann.ShowToken(TokenFor(Role::kNone));
  EXPECT_EQ(ann.ListenToTheEnd().code, 4403);
  WeftV1Speaker bob(server.port());
  bob.Enter("notes", TokenFor(Role::kWrite));
  ASSERT_TRUE(bob.Listen().answered);
  bob.ShowToken("nonsense");
  EXPECT_EQ(bob.ListenToTheEnd().code, 4401);
}

// --- The callback

std::string Allows(const std::string& role) {
  return auth::FakeService::Says(200, R"({"role":")" + role + R"(","subject":"ann"})");
}

TEST_F(AuthorisationTest, AServiceIsAskedAndItsAnswerCounts) {
  auth::FakeService service(Allows("write"));
  UseCallback(service);
  RunningServer server(options);
  for (const Dialects& dialect : AllDialects()) {
    // Its path would have to be encoded; it is asked below.
    if (dialect.name == "y-websocket") continue;
    SCOPED_TRACE(dialect.name);
    const std::size_t before = service.questions().size();
    for (int i = 0; i < 3; ++i) {
      const auto ann = dialect.make(server.port());
      ann->Enter("a \"room\" of " + dialect.name, "secret");
      EXPECT_TRUE(ann->Listen().answered);
    }
    const std::vector<std::string> questions = service.questions();
    EXPECT_EQ(questions.size(), before + 1);  // the other times it was remembered
    const std::string& question = questions.back();
    EXPECT_EQ(question.rfind("POST /rights?a=b HTTP/1.1\r\n", 0), 0U) << question;
    EXPECT_NE(question.find(R"({"token":"secret","room":"a \"room\" of )" + dialect.name +
                            R"(","address":"127.0.0.1","origin":""})"),
              std::string::npos)
        << question;
  }
  for (const auto& [answer, code] :
       {std::pair(auth::FakeService::Says(401, ""), 4401),
        std::pair(auth::FakeService::Says(403, ""), 4403), std::pair(Allows("none"), 4403)}) {
    service.Answer(answer);
    YWebsocketSpeaker ann(server.port());
    ann.Enter("room" + std::to_string(service.questions().size()), "secret");
    EXPECT_EQ(ann.Listen().code, code);
  }
}

TEST_F(AuthorisationTest, AServiceThatIsDownMeansComeBackLater) {
  auth::FakeService service;
  UseCallback(service);
  options.auth.callback.timeout = std::chrono::milliseconds(100);
  RunningServer server(options);
  const std::string json = R"({"role":"admin"})";
  for (const std::string& answer :
       {std::string(), std::string("garbage\r\n\r\n"), auth::FakeService::Says(500, json),
        auth::FakeService::Says(302, json), auth::FakeService::Says(200, ""),
        auth::FakeService::Says(200, "[]"), auth::FakeService::Says(200, "{}"),
        auth::FakeService::Says(200, R"({"role":"boss"})"),
        auth::FakeService::Says(200, R"({"role":"admin","subject":1})"),
        auth::FakeService::Says(200, R"({"role":"admin","expires_in":"soon"})"),
        auth::FakeService::Says(200, json + std::string(100'000, ' ')),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")}) {
    service.Answer(answer);
    for (const Dialects& dialect : AllDialects()) {
      SCOPED_TRACE(dialect.name + ", " + answer.substr(0, 80));
      const auto ann = dialect.make(server.port());
      ann->Enter("notes", "secret");
      const Speaker::Heard heard = ann->Listen();
      EXPECT_FALSE(heard.answered);
      EXPECT_EQ(heard.code, 1013);
      EXPECT_EQ(heard.reason, "rights cannot be checked now; try again in a moment");
    }
    const std::string head =
        TcpClient(server.port()).Get("/api/rooms/notes", "Authorization: Bearer secret\r\n").first;
    EXPECT_EQ(head.rfind("HTTP/1.1 503 ", 0), 0U) << head;
  }
}

TEST_F(AuthorisationTest, AServiceThatIsNotThereMeansComeBackLater) {
  std::optional<auth::FakeService> service(std::in_place);
  UseCallback(*service);
  service.reset();
  RunningServer server(options);
  YWebsocketSpeaker ann(server.port());
  ann.Enter("notes", "secret");
  EXPECT_EQ(ann.Listen().code, 1013);
}

TEST_F(AuthorisationTest, WhatAServiceTakesAwayIsGoneFromWhoIsConnected) {
  for (const Dialects& dialect : AllDialects()) {
    SCOPED_TRACE(dialect.name);
    TemporaryDirectory data;
    options.data_directory = data.path();
    auth::FakeService service(Allows("write"));
    UseCallback(service);
    RunningServer server(options);
    const auto ann = dialect.make(server.port());
    ann->Enter("notes", "secret");
    ASSERT_TRUE(ann->Listen().answered);
    ann->Say(sync::Update{Typing("first", 1)});
    ASSERT_EQ(ann->Listen().text, "first");

    service.Answer(Allows("read"));
    seconds += 10;
    std::uint64_t client = 10;
    Eventually([&] {
      ann->Say(sync::Update{Typing("x", ++client)});
      return ann->Listen().denied;
    });
    const std::string text = ann->Listen().text;
    ann->Say(sync::Update{Typing("y", 1000)});
    EXPECT_EQ(ann->Listen().text, text);

    service.Answer(Allows("write"));
    seconds += 10;
    Eventually([&] {
      ann->Say(sync::Update{Typing("back", 2000)});
      return ann->Listen().text.find("back") != std::string::npos;
    });

    service.Answer(auth::FakeService::Says(403, ""));
    seconds += 10;
    const Speaker::Heard end = ann->ListenToTheEnd();
    EXPECT_TRUE(end.code == 4403 || (end.code == 1 && dialect.name == "hocuspocus")) << end.code;
  }
}

TEST_F(AuthorisationTest, WhileAServiceIsDownRightsHoldForOnceMoreTheirTime) {
  auth::FakeService service(Allows("write"));
  UseCallback(service);
  RunningServer server(options);
  YWebsocketSpeaker ann(server.port());
  ann.Enter("notes", "secret");
  ASSERT_TRUE(ann.Listen().answered);
  service.Answer(auth::FakeService::Says(500, ""));
  seconds += 19;
  Eventually([&] { return service.questions().size() >= 2; });
  EXPECT_TRUE(ann.Listen().answered);
  seconds += 1;
  EXPECT_EQ(ann.ListenToTheEnd().code, 1013);
}

// --- Others

TEST_F(AuthorisationTest, PagesOfOtherOriginsAreNotLetIn) {
  options.auth.origins = {"https://*.example.org"};
  RunningServer server(options);
  const std::string version = "Sec-WebSocket-Version: 13\r\nOrigin: ";
  TcpClient evil(server.port());
  EXPECT_FALSE(evil.Upgrade("/notes", version + "https://example.org.evil.example\r\n"));
  EXPECT_EQ(evil.upgrade_head.rfind("HTTP/1.1 403 ", 0), 0U) << evil.upgrade_head;
  EXPECT_TRUE(TcpClient(server.port()).Upgrade("/notes", version + "https://a.example.org\r\n"));
  EXPECT_TRUE(TcpClient(server.port()).Upgrade("/notes"));

  const std::string token = "Authorization: Bearer " + TokenFor(Role::kAdmin) + "\r\nOrigin: ";
  const auto allowed =
      TcpClient(server.port()).Get("/api/rooms", token + "https://a.example.org\r\n").first;
  EXPECT_EQ(allowed.rfind("HTTP/1.1 200 ", 0), 0U) << allowed;
  EXPECT_NE(allowed.find("Access-Control-Allow-Origin: https://a.example.org\r\n"),
            std::string::npos)
      << allowed;
  const auto refused =
      TcpClient(server.port()).Get("/api/rooms", token + "https://evil.example\r\n").first;
  EXPECT_EQ(refused.rfind("HTTP/1.1 403 ", 0), 0U) << refused;
  EXPECT_EQ(refused.find("Access-Control-Allow-Origin"), std::string::npos) << refused;
}

TEST_F(AuthorisationTest, WhoHasTheAdminPasswordIsAdminWhateverTheMode) {
  const std::string password = "correct horse battery staple";
  options.auth.admin_token_file = Write("admin", password + "\n");
  for (const auth::Mode mode : {auth::Mode::kNone, auth::Mode::kToken}) {
    TemporaryDirectory data;
    options.data_directory = data.path();
    options.auth.mode = mode;
    options.auth.key_file = mode == auth::Mode::kToken ? Write("key", auth::kSecret) : "";
    RunningServer server(options);
    const auto stats = [&](const std::string& token) {
      return TcpClient(server.port())
          .Get("/api/stats", "Authorization: Bearer " + token + "\r\n")
          .first.substr(9, 3);
    };
    EXPECT_EQ(stats(password), "200");
    EXPECT_EQ(stats("incorrect horse battery stap"), mode == auth::Mode::kNone ? "403" : "401");
    YWebsocketSpeaker ann(server.port());
    ann.Enter("notes", "correct%20horse%20battery%20staple");
    ann.Say(sync::Update{Typing("text", 5)});
    EXPECT_EQ(ann.Listen().text, "text");
  }
}

TEST_F(AuthorisationTest, MistakesInTheSettingsAreNamed) {
  const auto problem = [&](const std::function<void(auth::Options&)>& change) {
    ServerOptions changed = options;
    change(changed.auth);
    const auto opened = Server::Open(changed);
    EXPECT_FALSE(opened.ok());
    EXPECT_FALSE(std::filesystem::exists(options.data_directory));
    return std::string(opened.status().message());
  };
  EXPECT_NE(problem([](auto& auth) { auth.key_file.clear(); }).find("--auth-key-file"),
            std::string::npos);
  EXPECT_NE(problem([](auto& auth) { auth.key_file = "/nowhere"; }).find("/nowhere"),
            std::string::npos);
  EXPECT_NE(problem([&](auto& auth) { auth.key_file = Write("k", "short"); }).find("32 bytes"),
            std::string::npos);
  EXPECT_NE(problem([&](auto& auth) { auth.revoked_file = Write("r", "bob"); }).find("line 1"),
            std::string::npos);
  EXPECT_NE(problem([&](auto& auth) { auth.admin_token_file = Write("a", "x"); }).find("16"),
            std::string::npos);
  EXPECT_NE(problem([](auto& auth) { auth.mode = auth::Mode::kNone; }).find("--auth token"),
            std::string::npos);
  EXPECT_NE(problem([](auto& auth) { auth.mode = auth::Mode::kCallback; }), "");
  for (const char* url : {"", "ftp://a", "http://", "http://a:x/", "http://a:123456", "a/b",
                          "http://u@a/", "http://a b/"}) {
    EXPECT_NE(problem([&](auto& auth) {
                auth.mode = auth::Mode::kCallback;
                auth.key_file.clear();
                auth.callback.url = url;
              }).find("callback"),
              std::string::npos)
        << url;
  }
  EXPECT_NE(problem([](auto& auth) {
              auth.mode = auth::Mode::kCallback;
              auth.key_file.clear();
              auth.callback.url = "https://a";
              auth.callback.ca_file = "/nowhere";
            }).find("/nowhere"),
            std::string::npos);
}

}  // namespace
}  // namespace weft::server
