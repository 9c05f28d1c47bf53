#include "tests/server/attacks.h"

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crdt/doc.h"
#include "sync/message.h"
#include "tests/server/tcp_client.h"

namespace weft::server {
namespace {

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

// So many edits of this replica, each one frame; what was written is deleted again.
std::string Typing(crdt::Doc& doc, int count) {
  std::string frames;
  const crdt::Subscription subscription = doc.OnUpdate([&](const crdt::UpdateEvent& event) {
    const Bytes message = sync::EncodeMessage(sync::Update{event.update});
    frames += crdt::AsText(ClientFrame(Opcode::kBinary, message));
  });
  crdt::Text text = doc.GetText("content");
  for (int i = 0; i < count; ++i) text.Insert(text.length(), "x");
  text.Delete(0, text.length());
  return frames;
}
// Of a new one.
std::string Typing(int count) {
  crdt::Doc doc;
  return Typing(doc, count);
}

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
    Bytes noise(random() % 400);
    for (std::uint8_t& byte : noise) byte = static_cast<std::uint8_t>(random());
    if (random() % 2 == 0) noise = ClientFrame(Opcode::kBinary, noise);
    noisy.Send(crdt::AsText(noise));
    noisy.SkipReceived();
  }
}

void PeopleWhoComeWriteAndGo(const Target& target, std::mt19937& random) {
  const Bytes question = sync::EncodeMessage(sync::SyncStep1{crdt::EncodeStateVector({})});
  while (!target.stop) {
    TcpClient client(target.port);
    if (!client.Upgrade(absl::StrCat("/visited-", random() % 100))) continue;
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
      {"people who come, write and go", PeopleWhoComeWriteAndGo},
  };
  return kAttacks;
}

}  // namespace weft::server
