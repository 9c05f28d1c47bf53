// Clients that mean harm, against the program itself: it stays small, and others' work goes on. How
// long that takes is measured elsewhere (soak.cc); here nothing depends on time.

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <memory>
#include <vector>

#include "crdt/doc.h"
#include "sync/message.h"
#include "tests/server/eventually.h"
#include "tests/server/process.h"
#include "tests/server/running_server.h"
#include "tests/server/tcp_client.h"
#include "tests/server/two_people.h"

namespace weft::server {
namespace {

using crdt::Bytes;

// A sanitizer keeps what was freed, and a shadow of everything.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr bool kMemoryIsMeasured = false;
#else
constexpr bool kMemoryIsMeasured = true;
#endif

class AbuseTest : public testing::Test {
 protected:
  void SetUp() override {
    rlimit descriptors{};
    getrlimit(RLIMIT_NOFILE, &descriptors);
    descriptors.rlim_cur = descriptors.rlim_max;
    setrlimit(RLIMIT_NOFILE, &descriptors);
  }

  // Begins the server; two people meet in the room "work".
  void Serve(const std::vector<std::string>& flags = {}) {
    std::vector<std::string> arguments = {
        "serve", "--listen", "127.0.0.1:0", "--data", directory.path(), "--threads", "2"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    weft = std::make_unique<Process>(arguments);
    port = weft->WaitForPort();
    ASSERT_NE(port, 0) << weft->output;
    people = std::make_unique<TwoPeople>(port, "work");
    ASSERT_TRUE(people->joined);
    WorkGoesOn();
    resident_before = weft->ResidentBytes();
    descriptors_before = weft->OpenDescriptors();
  }

  void WorkGoesOn() {
    EXPECT_EQ(people->Exchange(), "");
    people->LetAnnRead();
  }

  // The server took no more than `bytes` for all that, and gives descriptors back.
  void ExpectSmall(std::size_t bytes) {
    if (kMemoryIsMeasured) {
      EXPECT_LT(weft->ResidentBytes(), resident_before + bytes);
    }
    Eventually([&] { return weft->OpenDescriptors() <= descriptors_before; });
  }

  std::uint64_t Health(const std::string& name) {
    const std::string health = TcpClient(port).Get("/health").second;
    const std::size_t at = health.find('"' + name + "\":");
    EXPECT_NE(at, std::string::npos) << name << " in " << health;
    return at == std::string::npos ? 0 : std::stoull(health.substr(at + name.size() + 3));
  }

  // The code with which the server closes whoever sends these bytes after the upgrade.
  int CloseCodeAfter(crdt::ByteView bytes) {
    TcpClient client(port);
    EXPECT_TRUE(client.Upgrade("/work"));
    client.Send(crdt::AsText(bytes));
    const auto close = client.ReadClose();
    return close ? close->close_code() : 0;
  }

  TemporaryDirectory directory;
  std::unique_ptr<Process> weft;
  std::uint16_t port = 0;
  std::unique_ptr<TwoPeople> people;
  std::size_t resident_before = 0;
  std::size_t descriptors_before = 0;
};

Bytes UpdateOfSize(std::size_t size, std::uint64_t client) {
  crdt::Doc doc(crdt::Doc::Options{.client_id = crdt::ClientId{client}, .gc = true, .limits = {}});
  doc.GetText("content").Insert(0, std::string(size, 'x'));
  return doc.EncodeStateAsUpdate();
}

Bytes Cursor(std::uint64_t client, std::uint64_t clock, std::string_view json) {
  crdt::ByteWriter writer;
  writer.WriteVarUint(1);
  writer.WriteVarUint(client);
  writer.WriteVarUint(clock);
  writer.WriteString(json);
  return sync::EncodeMessage(sync::AwarenessUpdate{writer.view()});
}

// --- Sockets
// ----------------------------------------------------------------------------------------

TEST_F(AbuseTest, WhoSendsARequestByteByByteIsCutOffWhateverItStillSends) {
  Serve({"--handshake-timeout-ms", "300"});
  std::vector<std::unique_ptr<TcpClient>> slow;
  for (int i = 0; i < 200; ++i) slow.push_back(std::make_unique<TcpClient>(port));
  // Each byte is news, and extends nothing.
  for (bool any_left = true; any_left;) {
    any_left = false;
    for (const auto& client : slow) any_left = client->Send("G") || any_left;
    WorkGoesOn();
  }
  EXPECT_GE(Health("handshake-timeout-ms"), 1U);
  slow.clear();
  ExpectSmall(32 << 20);
}

TEST_F(AbuseTest, AThousandReceiversThatNeverReadShareOneBound) {
  Serve({"--max-queue-bytes", "1M", "--max-all-queues-bytes", "16M", "--close-timeout-ms", "500"});
  std::vector<std::unique_ptr<TcpClient>> lazy;
  for (int i = 0; i < 1'000; ++i) {
    lazy.push_back(std::make_unique<TcpClient>(port, 4'096, 536));
    ASSERT_TRUE(lazy.back()->Upgrade("/work"));
  }
  std::size_t largest = 0;
  for (std::uint64_t i = 0; i < 40; ++i) {
    people->ann().SendMessage(sync::EncodeMessage(sync::Update{UpdateOfSize(32 << 10, 1'000 + i)}));
    WorkGoesOn();
    largest = std::max(largest, weft->ResidentBytes());
  }
  // Without the bound of all queues there would be a gigabyte; each may have a fair part of 64 KiB,
  // and buffers grow by doubling.
  if (kMemoryIsMeasured) {
    EXPECT_LT(largest, resident_before + (224 << 20));
  }
  Eventually([&] { return Health("max-all-queues-bytes") > 0; });
  lazy.clear();
  ExpectSmall(96 << 20);
}

TEST_F(AbuseTest, TenThousandConnectionsComeAndGoInEveryWay) {
  Serve({"--room-idle-seconds", "0"});
  const Bytes half_a_message = {0x82, 0xFE, 0x03, 0xE8, 0, 0, 0, 0, 0, 2};
  for (int i = 0; i < 10'000; ++i) {
    TcpClient client(port);
    const std::string room = "/room" + std::to_string(i % 100);
    switch (i % 8) {
      case 0:
        break;
      case 1:
        client.Send("GET /room HTTP/1.1\r\nUpgr");
        break;
      case 2:
        client.Send("\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03");  // TLS
        break;
      case 3:  // gone before the answer
        client.Send(
            "GET " + room +
            " HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
        break;
      case 4:
        ASSERT_TRUE(client.Upgrade(room));
        break;
      case 5:
        ASSERT_TRUE(client.Upgrade(room));
        client.Send(crdt::AsText(half_a_message));
        break;
      case 6:
        ASSERT_TRUE(client.Upgrade(room));
        client.SendMessage(Cursor(static_cast<std::uint64_t>(i), 1, R"({"name":"x"})"));
        break;
      default:
        ASSERT_TRUE(client.Upgrade(room));
        client.SendFrame(Opcode::kClose, {});
        ASSERT_TRUE(client.ReadClose().has_value());
    }
    client.Reset();
    if (i % 1'000 == 0) WorkGoesOn();
  }
  WorkGoesOn();
  Eventually([&] { return Health("connections") == 2; });
  Eventually([&] { return Health("rooms") == 1; });
  EXPECT_EQ(Health("receiving_bytes"), 0U);
  EXPECT_EQ(Health("queued_bytes"), 0U);
  ExpectSmall(64 << 20);
}

// --- Frames
// -----------------------------------------------------------------------------------------

TEST_F(AbuseTest, AGiantFrameIsRefusedByItsHeaderAndReservesNothing) {
  Serve();
  const Bytes header = {0x82, 0xFF, 0x3F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0};
  for (int i = 0; i < 100; ++i) EXPECT_EQ(CloseCodeAfter(header), 4413);
  WorkGoesOn();
  EXPECT_EQ(Health("max-message-bytes"), 100U);
  ExpectSmall(32 << 20);
}

TEST_F(AbuseTest, AMessageThatIsClaimedCostsWhatCameOfIt) {
  Serve();
  // 60 MiB each, of which one byte comes.
  const Bytes beginning = {0x82, 0xFF, 0, 0, 0, 0, 0x03, 0xC0, 0, 0, 0, 0, 0, 0, 0};
  std::vector<std::unique_ptr<TcpClient>> claimants;
  for (int i = 0; i < 200; ++i) {
    claimants.push_back(std::make_unique<TcpClient>(port));
    ASSERT_TRUE(claimants.back()->Upgrade("/other"));
    claimants.back()->Send(crdt::AsText(beginning));
  }
  Eventually([&] { return Health("receiving_bytes") == 200; });
  WorkGoesOn();
  claimants.clear();
  ExpectSmall(32 << 20);
}

TEST_F(AbuseTest, AFloodOfFragmentsIsOneMessageOfBoundedSize) {
  Serve({"--max-message-bytes", "64K"});
  TcpClient client(port);
  ASSERT_TRUE(client.Upgrade("/work"));
  client.SendFrame(Opcode::kBinary, {}, {.final = false});
  // A hundred thousand of nothing, with pings in between, and then one byte each up to the bound.
  Bytes flood;
  for (int i = 0; i < 100'000; ++i) {
    Append(flood, ClientFrame(Opcode::kContinuation, {}, {.final = false}));
    if (i % 1'000 == 0) Append(flood, ClientFrame(Opcode::kPing, {}));
  }
  const Bytes one_byte = ClientFrame(Opcode::kContinuation, Bytes{9}, {.final = false});
  for (int i = 0; i < (64 << 10) + 1; ++i) Append(flood, one_byte);
  client.Send(crdt::AsText(flood));
  const auto close = client.ReadClose();
  ASSERT_TRUE(close.has_value());
  EXPECT_EQ(close->close_code(), 4413);
  WorkGoesOn();
  client.Disconnect();
  ExpectSmall(32 << 20);
}

TEST_F(AbuseTest, NothingIsEverDecompressed) {
  Serve();
  TcpClient client(port);
  ASSERT_TRUE(client.Upgrade("/work",
                             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Extensions: "
                             "permessage-deflate; client_max_window_bits\r\n"));
  EXPECT_EQ(client.upgrade_head.find("xtension"), std::string::npos) << client.upgrade_head;
  client.SendFrame(Opcode::kBinary, Bytes{1, 2, 3}, {.reserved = 0x40});
  const auto close = client.ReadClose();
  ASSERT_TRUE(close.has_value());
  EXPECT_EQ(close->close_code(), 1002);
  WorkGoesOn();
}

TEST_F(AbuseTest, FramesThatAreNoneAndTextThatIsNoneCloseTheirConnectionAlone) {
  Serve();
  const Bytes bad_utf8 = {0xC3, 0x28};
  EXPECT_EQ(CloseCodeAfter(ClientFrame(Opcode::kBinary, Bytes{9}, {.masked = false})), 1002);
  EXPECT_EQ(CloseCodeAfter(ClientFrame(Opcode::kBinary, Bytes{9}, {.reserved = 0x10})), 1002);
  EXPECT_EQ(CloseCodeAfter(ClientFrame(Opcode::kPing, {}, {.final = false})), 1002);
  EXPECT_EQ(CloseCodeAfter(ClientFrame(Opcode::kText, bad_utf8)), 1003);
  EXPECT_EQ(CloseCodeAfter(ClientFrame(Opcode::kClose, Bytes{0x03, 0xE8, 0xC3, 0x28})), 1007);
  EXPECT_EQ(CloseCodeAfter(
                ClientFrame(Opcode::kBinary, Cursor(7, 1, "\"" + std::string("\xC3\x28") + "\""))),
            4400);
  WorkGoesOn();
}

// --- Messages
// ---------------------------------------------------------------------------------------

TEST_F(AbuseTest, AFloodOfUpdatesIsHeldToItsShareAndNothingOfItIsLost) {
  Serve({"--max-messages-per-second", "2000"});
  TcpClient flooder(port);
  ASSERT_TRUE(flooder.Upgrade("/flooded"));
  std::string flood;
  crdt::Doc doc;
  const crdt::Subscription subscription = doc.OnUpdate([&](const crdt::UpdateEvent& event) {
    const Bytes message = sync::EncodeMessage(sync::Update{event.update});
    flood += crdt::AsText(ClientFrame(Opcode::kBinary, message));
  });
  for (int i = 0; i < 11'000; ++i) doc.GetText("content").Insert(0, "x");
  flooder.Send(flood);
  WorkGoesOn();
  Eventually([&] { return Health("max-messages-per-second") > 0; });
  const Bytes question = sync::EncodeMessage(sync::SyncStep1{crdt::EncodeStateVector({})});
  flooder.SendMessage(question);
  crdt::Doc kept;
  while (kept.GetText("content").length() == 0) {
    const auto frame = flooder.ReadFrame();
    ASSERT_TRUE(frame.has_value());
    const auto message = sync::DecodeMessage(frame->payload);
    if (!message.ok()) continue;
    if (const auto* answer = std::get_if<sync::SyncStep2>(&*message)) {
      ASSERT_TRUE(kept.ApplyUpdate(answer->update).ok());
    }
  }
  EXPECT_EQ(kept.GetText("content").length(), 11'000U);
  WorkGoesOn();
}

TEST_F(AbuseTest, AFloodOfCursorsCostsWhatOneSessionMayHave) {
  Serve({"--max-messages-per-second", "0"});
  // New states of one client as fast as can be; nobody reads what comes back of them.
  TcpClient flooder(port);
  ASSERT_TRUE(flooder.Upgrade("/work"));
  std::string flood;
  for (std::uint64_t clock = 1; clock <= 20'000; ++clock) {
    flood += crdt::AsText(ClientFrame(Opcode::kBinary, Cursor(7, clock, R"({"x":1})")));
  }
  flooder.Send(flood);
  WorkGoesOn();
  flooder.Disconnect();
  // And of more clients than one session may speak for.
  std::string crowd;
  for (std::uint64_t client = 1; client <= 300; ++client) {
    crowd += crdt::AsText(ClientFrame(Opcode::kBinary, Cursor(100 + client, 1, R"({"x":1})")));
  }
  EXPECT_EQ(CloseCodeAfter(crdt::AsBytes(crowd)), 4413);
  WorkGoesOn();
  ExpectSmall(64 << 20);
}

TEST_F(AbuseTest, WhoClaimsToBeSomeoneElseRemovesNobodysCursor) {
  Serve();
  people->ann().SendMessage(Cursor(7, 5, R"({"name":"Ann"})"));
  WorkGoesOn();
  TcpClient mallory(port);
  ASSERT_TRUE(mallory.Upgrade("/work"));
  mallory.SendMessage(Cursor(7, 6, "null"));  // "Ann has left"
  TcpClient witness(port);
  ASSERT_TRUE(witness.Upgrade("/work"));
  bool sees_ann = false;
  while (!sees_ann) {
    const auto frame = witness.ReadFrame();
    ASSERT_TRUE(frame.has_value());
    sees_ann = crdt::AsText(frame->payload).find("Ann") != std::string_view::npos;
  }
  mallory.SendMessage(Cursor(7, 4, R"({"name":"Mallory"})"));  // an old clock is ignored
  WorkGoesOn();
}

TEST_F(AbuseTest, WhoRewritesWhatSomeoneElseWroteIsRefusedAndNobodyHearsOfIt) {
  Serve();
  // Ann's first elements with another content.
  crdt::Doc forger(
      crdt::Doc::Options{.client_id = people->anns().client_id(), .gc = true, .limits = {}});
  forger.GetText("content").Insert(0, "forged");
  const Bytes message = sync::EncodeMessage(sync::Update{forger.EncodeStateAsUpdate()});
  EXPECT_EQ(CloseCodeAfter(ClientFrame(Opcode::kBinary, message)), 4409);
  WorkGoesOn();
  EXPECT_EQ(people->bobs().GetText("content").ToString(),
            people->anns().GetText("content").ToString());
  TcpClient newcomer(port);
  ASSERT_TRUE(newcomer.Upgrade("/work"));
  newcomer.SendMessage(sync::EncodeMessage(sync::SyncStep1{crdt::EncodeStateVector({})}));
  crdt::Doc heard;
  while (heard.GetText("content").length() == 0) {
    const auto frame = newcomer.ReadFrame();
    ASSERT_TRUE(frame.has_value());
    const auto answer = sync::DecodeMessage(frame->payload);
    if (!answer.ok()) continue;
    if (const auto* step2 = std::get_if<sync::SyncStep2>(&*answer)) {
      ASSERT_TRUE(heard.ApplyUpdate(step2->update).ok());
    }
  }
  EXPECT_EQ(heard.GetText("content").ToString(), people->anns().GetText("content").ToString());
}

// --- Names
// ------------------------------------------------------------------------------------------

TEST_F(AbuseTest, NamesThatLookLikePathsAreNamesAndNothingElse) {
  Serve();
  std::string long_name = "/";
  for (int i = 0; i < 256; ++i) long_name += "%C3%A9";  // 512 bytes
  const std::vector<std::string> targets = {
      "/..",           "/../..",     "/..%2F..%2F..%2Ftmp%2Fweft-was-here",
      "/%2e%2e/x",     "/./x",       "//",
      "/x%00",         "/%00",       "/C:%5Cx",
      "/%0D%0AX:%20y", "/%E2%80%AE", "/*",
      long_name};
  std::uint64_t number = 0;
  for (const std::string& target : targets) {
    TcpClient client(port);
    ASSERT_TRUE(client.Upgrade(target)) << target;
    // Each holds its own number and nothing of the others: a document of one update.
    const Bytes update = UpdateOfSize(3, ++number);
    client.SendMessage(sync::EncodeMessage(sync::Update{update}));
    const Bytes question = sync::EncodeMessage(sync::SyncStep1{crdt::EncodeStateVector({})});
    client.SendMessage(question);
    for (bool answered = false; !answered;) {
      const auto frame = client.ReadFrame();
      ASSERT_TRUE(frame.has_value()) << target;
      ASSERT_NE(frame->opcode, Opcode::kClose) << target;
      const auto message = sync::DecodeMessage(frame->payload);
      ASSERT_TRUE(message.ok());
      const auto* answer = std::get_if<sync::SyncStep2>(&*message);
      if (answer == nullptr) continue;
      answered = true;
      EXPECT_EQ(Bytes(answer->update.begin(), answer->update.end()), update) << target;
    }
  }
  EXPECT_EQ(Health("rooms"), targets.size() + 1);
  for (const std::string& target : {long_name + "x", std::string("/%ff"), std::string("/%"),
                                    std::string("/%zz"), std::string("/%C3")}) {
    TcpClient client(port);
    ASSERT_TRUE(client.Upgrade(target)) << target;
    const auto close = client.ReadClose();
    ASSERT_TRUE(close.has_value()) << target;
    EXPECT_EQ(close->close_code(), 4404) << target;
  }
  // The data directory has what it had, and its neighbours nothing.
  EXPECT_FALSE(std::filesystem::exists("/tmp/weft-was-here"));
  for (const auto& entry : std::filesystem::directory_iterator(directory.path())) {
    EXPECT_TRUE(entry.is_regular_file()) << entry.path();
  }
  WorkGoesOn();
}

}  // namespace
}  // namespace weft::server
