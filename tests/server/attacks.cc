#include "tests/server/attacks.h"

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crdt/doc.h"
#include "sync/message.h"
#include "sync/weft_v1.h"
#include "tests/server/tcp_client.h"

namespace weft::server {
namespace {

namespace v1 = sync::weft_v1;

using crdt::Bytes;
using Clients = std::vector<std::unique_ptr<TcpClient>>;

Bytes Cursor(std::uint64_t client, std::uint64_t clock) {
  crdt::ByteWriter writer;
  writer.WriteVarUint(1);
  writer.WriteVarUint(client);
  writer.WriteVarUint(clock);
  writer.WriteString(R"({"cursor":1})");
  return sync::EncodeMessage(sync::AwarenessUpdate{writer.view()});
}

// So many edits of this replica, each one frame behind `head`; what was written is deleted again.
std::string Typing(crdt::Doc& doc, int count, crdt::ByteView head = {}) {
  std::string frames;
  const crdt::Subscription subscription = doc.OnUpdate([&](const crdt::UpdateEvent& event) {
    Bytes message(head.begin(), head.end());
    Append(message, sync::EncodeMessage(sync::Update{event.update}));
    frames += crdt::AsText(ClientFrame(Opcode::kBinary, message));
  });
  crdt::Text text = doc.GetText("content");
  for (int i = 0; i < count; ++i) text.Insert(text.length(), "x");
  text.Delete(0, text.length());
  return frames;
}
// Of a new one.
std::string Typing(int count, crdt::ByteView head = {}) {
  crdt::Doc doc;
  return Typing(doc, count, head);
}

Bytes Noise(std::mt19937& random) {
  Bytes noise(random() % 400);
  for (std::uint8_t& byte : noise) byte = static_cast<std::uint8_t>(random());
  return noise;
}

std::string VisitedRoom(std::mt19937& random) { return absl::StrCat("visited-", random() % 100); }

// Sends as long as the server takes it; false when it has closed the connection, or `stop`.
bool SendPatiently(const Target& target, TcpClient& client, std::string_view bytes) {
  while (!bytes.empty()) {
    if (target.stop) return false;
    const ssize_t sent = client.SendSome(bytes, /*wait_ms=*/20);
    if (sent < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
    client.SkipReceived();
  }
  return true;
}

void SlowRequests(const Target& target, std::mt19937&) {
  Clients clients;
  while (!target.stop) {
    if (clients.size() < 300) clients.push_back(std::make_unique<TcpClient>(target.port));
    for (auto& client : clients) {
      if (!client->Send("G")) client = std::make_unique<TcpClient>(target.port);
    }
  }
}

void ReceiversThatNeverRead(const Target& target, std::mt19937& random) {
  Clients clients;
  // One person, who comes back with what was not sent: this room is never empty, and it would remember
  // everybody else for ever.
  crdt::Doc doc;
  while (!target.stop) {
    if (clients.size() == 200) clients.erase(clients.begin() + random() % 200);
    clients.push_back(std::make_unique<TcpClient>(target.port, 4'096, 536));
    clients.back()->Upgrade("/work");
    // What everyone in the room has to be sent.
    if (clients.size() % 8 == 0) {
      TcpClient writer(target.port);
      if (!writer.Upgrade("/work")) continue;
      writer.SendMessage(sync::EncodeMessage(sync::Update{doc.EncodeStateAsUpdate()}));
      SendPatiently(target, writer, Typing(doc, 50));
    }
  }
}

void FloodOfUpdates(const Target& target, std::mt19937& random) {
  while (!target.stop) {
    TcpClient client(target.port);
    if (!client.Upgrade(absl::StrCat("/flooded-", random() % 20))) continue;
    for (int i = 0; i < 5; ++i) {
      if (!SendPatiently(target, client, Typing(3'000))) break;
    }
  }
}

void FloodOfCursors(const Target& target, std::mt19937& random) {
  while (!target.stop) {
    TcpClient client(target.port);
    if (!client.Upgrade("/work")) continue;
    std::string flood;
    for (std::uint64_t clock = 1; clock <= 3'000; ++clock) {
      flood += crdt::AsText(ClientFrame(Opcode::kBinary, Cursor(random() % 300, clock)));
    }
    SendPatiently(target, client, flood);
  }
}

void ConnectionsThatComeAndGo(const Target& target, std::mt19937& random) {
  while (!target.stop) {
    TcpClient client(target.port);
    const auto way = random() % 4;
    if (way == 1) client.Send("GET /x HTTP/1.1\r\nUpg");
    if (way == 2) client.Upgrade(absl::StrCat("/come-", random() % 50));
    if (way == 3) client.Get("/health");
    client.Reset();
  }
}

void BytesThatAreNothing(const Target& target, std::mt19937& random) {
  // Claims of 60 MiB, and noise.
  const std::array<char, 15> claim = {'\x82', '\xFF', 0, 0, 0, 0, 3, '\xC0', 0, 0, 0, 0, 0, 0, 9};
  Clients claimants;
  while (!target.stop) {
    if (claimants.size() == 100) claimants.erase(claimants.begin() + random() % 100);
    claimants.push_back(std::make_unique<TcpClient>(target.port));
    claimants.back()->Upgrade("/claims");
    claimants.back()->Send({claim.data(), claim.size()});
    TcpClient noisy(target.port);
    if (random() % 4 != 0) noisy.Upgrade("/noise");
    Bytes noise = Noise(random);
    if (random() % 2 == 0) noise = ClientFrame(Opcode::kBinary, noise);
    noisy.Send(crdt::AsText(noise));
    noisy.SkipReceived();
  }
}

// The providers' dialect: a socket with documents on all workers, whose client goes at any moment, says
// what it may not, or never reads.
void DocumentsOfManySockets(const Target& target, std::mt19937& random) {
  Clients lazy;
  const auto say = [&random](TcpClient& client, const std::string& name) {
    crdt::ByteWriter head;
    head.WriteString(name);
    const auto send = [&](const Bytes& message) {
      Bytes bytes(head.view().begin(), head.view().end());
      Append(bytes, message);
      return client.SendMessage(bytes);
    };
    send({2, 0, 0});  // a token
    send(sync::EncodeMessage(sync::SyncStep1{Bytes{0}}));
    send(Cursor(random(), 1));
    if (random() % 8 == 0) send(Noise(random));
    if (random() % 8 == 0) send({7, 0});  // closes the document
    if (name == "work") return true;      // it would remember everybody who wrote in it
    return client.Send(Typing(static_cast<int>(random() % 5), head.view()));
  };
  while (!target.stop) {
    if (lazy.size() == 20) lazy.erase(lazy.begin() + random() % 20);
    lazy.push_back(std::make_unique<TcpClient>(target.port, 4'096, 536));
    if (lazy.back()->Upgrade("/")) say(*lazy.back(), "work");
    TcpClient client(target.port);
    if (!client.Upgrade("/hocuspocus")) continue;
    const auto documents = random() % 40;
    for (std::uint32_t i = 0; i < documents && !target.stop; ++i) {
      if (!say(client, VisitedRoom(random))) break;
      client.SkipReceived();
    }
    if (random() % 2 == 0) client.Reset();
  }
}

// weft.v1: joins in any order, twice, of channels that are none; data without credit; leaving.
void ChannelsOfManySockets(const Target& target, std::mt19937& random) {
  const std::string headers = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: weft.v1\r\n";
  while (!target.stop) {
    TcpClient client(target.port, random() % 4 == 0 ? 4'096 : 0);
    if (!client.Upgrade("/", headers)) continue;
    if (random() % 16 != 0) client.SendMessage(v1::EncodeMessage(v1::Hello{}));
    bool open = true;
    v1::Channel joined = 0;
    for (int i = 0; i < 60 && open && !target.stop; ++i) {
      v1::Channel channel = random() % (joined + 1);
      const auto send = [&](const v1::Message& message) {
        return client.SendMessage(v1::EncodeMessage(message));
      };
      switch (random() % 9) {
        case 0:
        case 1:
        case 2: {
          if (random() % 32 != 0) channel = joined++;
          // Nothing is written in the first channel, whose room is not to change.
          const std::string room = channel == 0 ? "work" : VisitedRoom(random);
          const Bytes nothing = {0};
          open = send(v1::Join{
              .channel = channel,
              .room = room,
              .place = random() % 4 == 0 ? v1::Place{random(), random() % 100} : v1::Place{},
              .credit = random() % 4 == 0 ? 100U : 100'000U,
              .state_vector = nothing});
          break;
        }
        case 3:
          open = send(v1::Data{.channel = channel, .message = Cursor(random(), 1)});
          break;
        case 4:
          if (channel == 0) break;
          open = client.Send(Typing(static_cast<int>(random() % 5), v1::EncodeDataHead(channel)));
          break;
        case 5:
          open = send(v1::Leave{.channel = channel});
          break;
        case 6:
          open = send(v1::Check{.channel = channel});
          break;
        case 7:
          open = send(v1::Ping{.number = random()});
          break;
        default:
          if (random() % 20 == 0) open = client.SendMessage(Noise(random));
      }
      if (random() % 4 != 0) client.SkipReceived();
    }
    if (random() % 2 == 0) client.Reset();
  }
}

// Calls of the HTTP API beside those who are in the rooms: bodies that are nothing, that never come to
// their end, and rooms that are deleted under their people.
void CallsOfTheApi(const Target& target, std::mt19937& random) {
  const auto post = [](TcpClient& client, const std::string& path, std::size_t length,
                       std::string_view body) {
    client.Send(absl::StrCat("POST ", path, " HTTP/1.1\r\nHost: test\r\n",
                             "Content-Type: application/octet-stream\r\nContent-Length: ", length,
                             "\r\n\r\n"));
    client.Send(body);
  };
  while (!target.stop) {
    TcpClient client(target.port);
    const std::string room = "/api/rooms/" + VisitedRoom(random);
    crdt::Doc doc;
    doc.GetText("content").Insert(0, "by the API");
    const Bytes update = doc.EncodeStateAsUpdate();
    switch (random() % 6) {
      case 0:
        client.Get(room + "/json");
        break;
      case 1:
        client.Get("/api/rooms?limit=50");
        break;
      case 2:
        post(client, room + "/update", update.size(), crdt::AsText(update));
        client.ReadHead();
        break;
      case 3: {
        const Bytes noise = Noise(random);
        post(client, room + "/update", noise.size(), crdt::AsText(noise));
        client.ReadHead();
        break;
      }
      case 4:
        post(client, room + "/update", std::size_t{1} << (random() % 40), "some");
        break;
      default:
        client.Send("DELETE " + room + " HTTP/1.1\r\nHost: test\r\n\r\n");
        client.ReadHead();
    }
    if (random() % 2 == 0) client.Reset();
  }
}

void PeopleWhoComeWriteAndGo(const Target& target, std::mt19937& random) {
  const Bytes question = sync::EncodeMessage(sync::SyncStep1{crdt::EncodeStateVector({})});
  while (!target.stop) {
    TcpClient client(target.port);
    if (!client.Upgrade("/" + VisitedRoom(random))) continue;
    client.SendMessage(question);
    client.SendMessage(Cursor(random(), 1));
    client.Send(Typing(static_cast<int>(1 + random() % 20)));
    client.SendMessage(question);
    for (int answers = 0; answers < 2 && !target.stop;) {
      const auto frame = client.ReadFrame();
      if (!frame || frame->opcode == Opcode::kClose) break;
      const auto message = sync::DecodeMessage(frame->payload);
      answers += message.ok() && std::holds_alternative<sync::SyncStep2>(*message) ? 1 : 0;
    }
    if (random() % 2 == 0) client.SendFrame(Opcode::kClose, {});
    if (random() % 2 == 0) client.Reset();
  }
}

}  // namespace

std::span<const Attack> Attacks() {
  static constexpr Attack kAttacks[] = {
      {"requests byte by byte", SlowRequests},
      {"receivers that never read", ReceiversThatNeverRead},
      {"a flood of updates", FloodOfUpdates},
      {"a flood of cursors", FloodOfCursors},
      {"connections that come and go", ConnectionsThatComeAndGo},
      {"claims and noise", BytesThatAreNothing},
      {"documents of many sockets", DocumentsOfManySockets},
      {"channels of many sockets", ChannelsOfManySockets},
      {"calls of the API", CallsOfTheApi},
      {"people who come, write and go", PeopleWhoComeWriteAndGo},
  };
  return kAttacks;
}

}  // namespace weft::server
