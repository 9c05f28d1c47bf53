// One socket that carries many rooms, in both dialects that have that: over real sockets, with rooms
// on several workers.

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>

#include "crdt/doc.h"
#include "sync/message.h"
#include "sync/shared_document.h"
#include "sync/weft_v1.h"
#include "sync/weft_v1_client.h"
#include "tests/server/eventually.h"
#include "tests/server/process.h"
#include "tests/server/running_server.h"
#include "tests/server/tcp_client.h"

namespace weft::server {
namespace {

namespace v1 = sync::weft_v1;

// --- Hocuspocus by hand

crdt::Bytes Under(std::string_view key, crdt::ByteView message) {
  crdt::ByteWriter writer;
  writer.WriteString(key);
  writer.WriteBytes(message);
  return writer.Take();
}
crdt::Bytes Under(std::string_view key, const sync::Message& message) {
  return Under(key, sync::EncodeMessage(message));
}
crdt::Bytes Token(std::string_view key) { return Under(key, crdt::Bytes{2, 0, 0}); }

// A client of many documents that reads when it is told to.
class Documents {
 public:
  explicit Documents(std::uint16_t port, int receive_buffer = 0) : socket_(port, receive_buffer) {
    EXPECT_TRUE(socket_.Upgrade("/"));
  }

  void Open(const std::string& name) {
    socket_.SendMessage(Token(name));
    Ask(name);
  }
  void Ask(const std::string& name) {
    socket_.SendMessage(Under(name, sync::SyncStep1{crdt::Bytes{0}}));
  }
  void Write(const std::string& name, std::string_view text) {
    crdt::Doc& doc = docs_[name];
    const crdt::StateVector before = doc.GetStateVector();
    doc.GetText("content").Insert(0, text);
    const crdt::Bytes update = doc.EncodeStateAsUpdate(before);
    socket_.SendMessage(Under(name, sync::Update{update}));
  }
  // Handles frames until `done` says so; false at the end of the stream.
  template <typename Done>
  bool ReadUntil(const Done& done) {
    while (!done()) {
      const auto frame = socket_.ReadFrame();
      if (!frame || frame->opcode == Opcode::kClose) {
        close_code = frame ? frame->close_code() : 0;
        return false;
      }
      if (frame->opcode == Opcode::kBinary) Handle(frame->payload);
    }
    return true;
  }
  std::string Text(const std::string& name) { return docs_[name].GetText("content").ToString(); }
  TcpClient& socket() { return socket_; }

  std::map<std::string, int> saved;  // statuses, of each document
  std::map<std::string, int> cursors;
  int close_code = 0;

 private:
  void Handle(const crdt::Bytes& frame) {
    crdt::ByteReader reader(frame);
    const std::string name(reader.ReadString());
    const crdt::ByteView rest = crdt::ByteView(frame).subspan(reader.offset());
    if (rest.front() == 8) {
      saved[name] += rest[1];
      return;
    }
    const auto message = sync::DecodeMessage(rest);
    ASSERT_TRUE(message.ok()) << message.status();
    if (const auto* step2 = std::get_if<sync::SyncStep2>(&*message)) {
      ASSERT_TRUE(docs_[name].ApplyUpdate(step2->update).ok());
    } else if (const auto* update = std::get_if<sync::Update>(&*message)) {
      ASSERT_TRUE(docs_[name].ApplyUpdate(update->update).ok());
    } else if (std::holds_alternative<sync::AwarenessUpdate>(*message)) {
      ++cursors[name];
    }
  }

  TcpClient socket_;
  std::map<std::string, crdt::Doc> docs_;
};

TEST(ManyRooms, RoomsOfOneSocketLiveOnAllWorkers) {
  const TemporaryDirectory directory;
  RunningServer server(directory.path(), {}, /*threads=*/3);
  Documents ann(server.port());
  Documents bob(server.port());
  constexpr int kRooms = 40;
  for (int i = 0; i < kRooms; ++i) {
    ann.Open("room " + std::to_string(i));
    bob.Open("room " + std::to_string(i));
  }
  for (int i = 0; i < kRooms; ++i) ann.Write("room " + std::to_string(i), std::to_string(i));
  for (int i = 0; i < kRooms; ++i) {
    const std::string name = "room " + std::to_string(i);
    ASSERT_TRUE(bob.ReadUntil([&] { return bob.Text(name) == std::to_string(i); }));
    // The update, and no SyncStep2: it was asked for and not answered.
    ASSERT_TRUE(ann.ReadUntil([&] { return ann.saved[name] == 1; }));
  }
}

TEST(ManyRooms, WhoReadsSlowlyMissesNothingAndHoldsUpNobody) {
  const TemporaryDirectory directory;
  Limits limits;
  limits.queue_bytes = std::size_t{256} << 10;
  RunningServer server(directory.path(), limits);
  Documents slow(server.port(), /*receive_buffer=*/4096);
  Documents writer(server.port());
  for (Documents* who : {&slow, &writer}) {
    who->Open("loud");
    who->Open("quiet");
  }
  ASSERT_TRUE(slow.ReadUntil([&] { return true; }));
  // Much more than the kernel and the queue hold. Deleted text makes the document small again.
  const std::string piece(100'000, 'x');
  for (int i = 1; i <= 100; ++i) {
    writer.Write("loud", piece);
    ASSERT_TRUE(writer.ReadUntil([&] { return writer.saved["loud"] == i; }));
    if (i == 50) writer.Write("quiet", "heard");
  }
  const auto [head, health] = TcpClient(server.port()).Get("/health");
  EXPECT_NE(health.find("\"max-queue-bytes\":"), std::string::npos);
  EXPECT_EQ(health.find("\"max-queue-bytes\":0"), std::string::npos) << health;
  // The document is larger than the queue: the client is sent away, to come back and ask.
  if (!slow.ReadUntil([&] { return slow.Text("quiet") == "heard"; })) {
    EXPECT_EQ(slow.close_code, 1013);
  }
  Documents again(server.port());
  again.Open("loud");
  EXPECT_TRUE(again.ReadUntil([&] { return again.Text("loud").size() == 100 * piece.size(); }));
}

TEST(ManyRooms, WhoFellBehindInOneRoomIsToldItsDocumentAndHearsTheOthers) {
  const TemporaryDirectory directory;
  Limits limits;
  limits.queue_bytes = std::size_t{1} << 20;
  RunningServer server(directory.path(), limits);
  Documents slow(server.port(), /*receive_buffer=*/4096);
  Documents writer(server.port());
  for (Documents* who : {&slow, &writer}) {
    who->Open("loud");
    who->Open("quiet");
  }
  // Cursors that move are not kept: the document stays small, and what is dropped is made up for.
  std::uint64_t clock = 0;
  const auto move = [&] {
    crdt::ByteWriter cursor;
    cursor.WriteVarUint(1);
    cursor.WriteVarUint(7);
    cursor.WriteVarUint(++clock);
    cursor.WriteString("\"" + std::to_string(clock) + std::string(100'000, 'x') + "\"");
    writer.socket().SendMessage(Under("loud", sync::AwarenessUpdate{cursor.view()}));
  };
  const auto dropped = [&] {
    const auto [head, health] = TcpClient(server.port()).Get("/health");
    return health.find("\"max-queue-bytes\":0") == std::string::npos;
  };
  int moves = 0;
  while (!dropped() && moves < 2'000) {
    move();
    ++moves;
    const int before = writer.cursors["loud"];
    ASSERT_TRUE(writer.ReadUntil([&] { return writer.cursors["loud"] > before; }));
  }
  ASSERT_LT(moves, 2'000);
  writer.Write("loud", "the end");
  writer.Write("quiet", "heard");
  EXPECT_TRUE(slow.ReadUntil([&] {
    return slow.Text("loud") == "the end" && slow.Text("quiet") == "heard";
  })) << slow.close_code;
}

TEST(ManyRooms, ASocketThatDiesLeavesAllItsRooms) {
  const TemporaryDirectory directory;
  RunningServer server(directory.path());
  Documents ann(server.port());
  Documents bob(server.port());
  for (const char* name : {"one", "two", "three"}) {
    ann.Open(name);
    bob.Open(name);
    ann.socket().SendMessage(Under(name, sync::AwarenessUpdate{crdt::Bytes{1, 7, 1, 2, '{', '}'}}));
    ASSERT_TRUE(bob.ReadUntil([&] { return bob.cursors[name] == 1; }));
  }
  ann.socket().Reset();
  for (const char* name : {"one", "two", "three"}) {
    EXPECT_TRUE(bob.ReadUntil([&] { return bob.cursors[name] == 2; }));
  }
}

TEST(ManyRooms, TheEndOfTheServerIsToldOnceEverythingIsCommitted) {
  const TemporaryDirectory directory;
  RunningServer server(directory.path());
  Documents ann(server.port());
  for (int i = 0; i < 8; ++i) ann.Open(std::to_string(i));
  for (int i = 0; i < 8; ++i) ann.Write(std::to_string(i), "kept");
  ASSERT_TRUE(ann.ReadUntil([&] { return ann.saved["7"] == 1; }));
  Documents idle(server.port());
  server.RequestStop();
  EXPECT_FALSE(ann.ReadUntil([] { return false; }));
  EXPECT_EQ(ann.close_code, 1012);
  EXPECT_FALSE(idle.ReadUntil([] { return false; }));
  EXPECT_EQ(idle.close_code, 1012);
  ann.socket().Disconnect();
  idle.socket().Disconnect();
  server.Stop();
  RunningServer next(directory.path());
  Documents bob(next.port());
  for (int i = 0; i < 8; ++i) {
    bob.Open(std::to_string(i));
    EXPECT_TRUE(bob.ReadUntil([&] { return bob.Text(std::to_string(i)) == "kept"; }));
  }
}

// --- weft.v1

// A document as the client's machine wants one.
class Copy final : public v1::Replica {
 public:
  crdt::Bytes EncodeStateVector() override { return crdt::EncodeStateVector(doc.GetStateVector()); }
  absl::StatusOr<crdt::Bytes> DiffFor(crdt::ByteView state_vector) override {
    const auto known = crdt::DecodeStateVector(state_vector);
    if (!known.ok()) return known.status();
    return doc.EncodeStateAsUpdate(*known);
  }
  absl::Status Apply(crdt::ByteView update) override { return doc.ApplyUpdate(update); }

  crdt::Doc doc;
};

// The machine of a client with a socket under it.
class Follower {
 public:
  v1::RoomId Add(const std::string& room, Copy& copy) {
    v1::ClientEffects effects;
    const v1::RoomId id = machine.Add(room, copy, effects);
    Carry(effects);
    return id;
  }
  void Connect(std::uint16_t port) {
    socket_ = std::make_unique<TcpClient>(port);
    ASSERT_TRUE(
        socket_->Upgrade("/", "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: weft.v1\r\n"));
    EXPECT_NE(socket_->upgrade_head.find("Sec-WebSocket-Protocol: weft.v1\r\n"), std::string::npos);
    Carry(machine.Connected(now_));
  }
  void Lose() {
    socket_.reset();
    machine.Disconnected(1006);
  }
  void Write(v1::RoomId room, Copy& copy, std::string_view text) {
    const crdt::StateVector before = copy.doc.GetStateVector();
    copy.doc.GetText("content").Insert(0, text);
    Carry(machine.Write(room, copy.doc.EncodeStateAsUpdate(before)));
  }
  template <typename Done>
  bool ReadUntil(const Done& done) {
    while (!done()) {
      const auto frame = socket_->ReadFrame();
      if (!frame || frame->opcode == Opcode::kClose) {
        close_code = frame ? frame->close_code() : 0;
        return false;
      }
      if (frame->opcode == Opcode::kBinary) Carry(machine.Receive(frame->payload, now_));
    }
    return true;
  }
  void Carry(v1::ClientEffects effects) {
    for (v1::ClientEffect& effect : effects) {
      if (const auto* sent = std::get_if<v1::SendBytes>(&effect)) {
        if (socket_ != nullptr) socket_->SendMessage(sent->frame);
      } else if (const auto* entered = std::get_if<v1::Entered>(&effect)) {
        how = entered->how;
      } else if (auto* checked = std::get_if<v1::ChecksumHeard>(&effect)) {
        checksum = checked->hash;
        checksums += 1;
      } else if (const auto* other = std::get_if<v1::OtherHistory>(&effect)) {
        found_history = other->found;
      }
    }
  }

  v1::Client machine{{.name = "test"}};
  v1::How how = v1::How::kSynced;
  std::uint64_t checksum = 0;
  int checksums = 0;
  std::optional<std::uint64_t> found_history;
  int close_code = 0;

 private:
  std::unique_ptr<TcpClient> socket_;
  const sync::TimePoint now_{};
};

TEST(WeftV1Socket, WritesAreAcknowledgedAndHeardInManyRooms) {
  const TemporaryDirectory directory;
  RunningServer server(directory.path(), {}, /*threads=*/3);
  Follower ann;
  Follower bob;
  ann.Connect(server.port());
  bob.Connect(server.port());
  constexpr std::size_t kRooms = 20;
  std::vector<Copy> hers(kRooms);
  std::vector<Copy> his(kRooms);
  for (std::size_t i = 0; i < kRooms; ++i) {
    const std::string name = "room " + std::to_string(i);
    const v1::RoomId her_room = ann.Add(name, hers[i]);
    const v1::RoomId his_room = bob.Add(name, his[i]);
    ann.Write(her_room, hers[i], name);
    ASSERT_TRUE(ann.ReadUntil([&] { return ann.machine.unsaved(her_room) == 0; }));
    ASSERT_TRUE(bob.ReadUntil([&] { return his[i].doc.GetText("content").ToString() == name; }));
    ASSERT_TRUE(bob.ReadUntil([&] { return bob.machine.place(his_room).sequence == 1; }));
    bob.Carry(bob.machine.Check(his_room));
    const int before = bob.checksums;
    ASSERT_TRUE(bob.ReadUntil([&] { return bob.checksums > before; }));
    sync::SharedDocument same;
    ASSERT_TRUE(same.ApplyUpdate(his[i].doc.EncodeStateAsUpdate()).ok());
    EXPECT_EQ(bob.checksum, same.Checksum());
  }
}

TEST(WeftV1Socket, TheServerSaysGoodbye) {
  const TemporaryDirectory directory;
  RunningServer server(directory.path());
  Follower ann;
  ann.Connect(server.port());
  Copy copy;
  const v1::RoomId room = ann.Add("notes", copy);
  ASSERT_TRUE(ann.ReadUntil([&] { return ann.machine.synced(room); }));
  server.RequestStop();
  EXPECT_FALSE(ann.ReadUntil([] { return false; }));
  EXPECT_EQ(ann.close_code, 1012);
  ann.Lose();
}

TEST(WeftV1Socket, WhoComesBackIsSentTheTailOfTheLog) {
  const TemporaryDirectory directory;
  RunningServer server(directory.path());
  Follower ann;
  Follower bob;
  ann.Connect(server.port());
  bob.Connect(server.port());
  Copy hers;
  Copy his;
  const v1::RoomId her_room = ann.Add("notes", hers);
  const v1::RoomId his_room = bob.Add("notes", his);
  ann.Write(her_room, hers, "one ");
  ASSERT_TRUE(ann.ReadUntil([&] { return ann.machine.unsaved(her_room) == 0; }));
  ASSERT_TRUE(bob.ReadUntil([&] { return bob.machine.place(his_room).sequence == 1; }));
  bob.Lose();
  ann.Write(her_room, hers, "two ");
  ASSERT_TRUE(ann.ReadUntil([&] { return ann.machine.unsaved(her_room) == 0; }));
  bob.Connect(server.port());
  ASSERT_TRUE(bob.ReadUntil([&] { return bob.machine.place(his_room).sequence == 2; }));
  EXPECT_EQ(bob.how, v1::How::kResumed);
  EXPECT_EQ(his.doc.GetText("content").ToString(), "two one ");
}

TEST(WeftV1Socket, NothingAcknowledgedAsDurableIsMissingAfterAKill) {
  if (std::getenv("WEFT_BINARY") == nullptr) GTEST_SKIP() << "no program to kill";
  const TemporaryDirectory directory;
  Follower ann;
  std::vector<Copy> copies(4);
  std::vector<v1::RoomId> rooms;
  for (std::size_t i = 0; i < copies.size(); ++i) {
    rooms.push_back(ann.Add("room " + std::to_string(i), copies[i]));
  }
  std::size_t written = 0;
  for (int life = 0; life < 3; ++life) {
    Process weft({"serve", "--listen", "127.0.0.1:0", "--data", directory.path()});
    const std::uint16_t port = weft.WaitForPort();
    ASSERT_NE(port, 0);
    ann.Connect(port);
    for (int i = 0; i < 50; ++i, ++written) {
      ann.Write(rooms[written % rooms.size()], copies[written % rooms.size()], "x");
    }
    const std::uint64_t of_first = ann.machine.unsaved(rooms[0]);
    ASSERT_TRUE(ann.ReadUntil([&] { return ann.machine.unsaved(rooms[0]) < of_first; }));
    weft.Signal(SIGKILL);
    weft.Wait();
    // What was acknowledged is in the log; what was not is with the client, and nothing is in neither.
    ann.Lose();
    std::vector<std::uint64_t> unsaved;
    for (const v1::RoomId room : rooms) unsaved.push_back(ann.machine.unsaved(room));
    RunningServer look(directory.path());
    Follower newcomer;
    newcomer.Connect(look.port());
    for (std::size_t i = 0; i < rooms.size(); ++i) {
      Copy seen;
      const v1::RoomId room = newcomer.Add("room " + std::to_string(i), seen);
      ASSERT_TRUE(newcomer.ReadUntil([&] { return newcomer.machine.synced(room); }));
      EXPECT_GE(seen.doc.GetText("content").length() + unsaved[i],
                copies[i].doc.GetText("content").length());
      newcomer.Carry(newcomer.machine.Remove(room));
    }
  }
  RunningServer server(directory.path());
  ann.Connect(server.port());
  for (std::size_t i = 0; i < rooms.size(); ++i) {
    ASSERT_TRUE(ann.ReadUntil([&] { return ann.machine.unsaved(rooms[i]) == 0; }));
  }
  Follower bob;
  bob.Connect(server.port());
  Copy his;
  const v1::RoomId room = bob.Add("room 0", his);
  ASSERT_TRUE(bob.ReadUntil([&] { return bob.machine.synced(room); }));
  EXPECT_EQ(his.doc.GetText("content").ToString(), copies[0].doc.GetText("content").ToString());
}

}  // namespace
}  // namespace weft::server
