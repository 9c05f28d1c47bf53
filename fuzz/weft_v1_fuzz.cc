// No bytes break either end of weft.v1, and what an end keeps stays within its bounds.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>

#include "crdt/base/check.h"
#include "crdt/doc.h"
#include "sync/weft_v1_client.h"
#include "sync/weft_v1_server.h"

namespace {

using namespace weft::sync;
using namespace weft::sync::weft_v1;

class DocReplica final : public Replica {
 public:
  weft::crdt::Bytes EncodeStateVector() override {
    return weft::crdt::EncodeStateVector(doc_.GetStateVector());
  }
  absl::StatusOr<weft::crdt::Bytes> DiffFor(weft::crdt::ByteView state_vector) override {
    const auto known = weft::crdt::DecodeStateVector(state_vector);
    if (!known.ok()) return known.status();
    return doc_.EncodeStateAsUpdate(*known);
  }
  absl::Status Apply(weft::crdt::ByteView update) override { return doc_.ApplyUpdate(update); }

 private:
  weft::crdt::Doc doc_{{.limits = {.update_blocks = 20'000, .pending_bytes = 1 << 16}}};
};

constexpr std::size_t kWindow = 512;
constexpr std::size_t kQueue = 1024;
constexpr std::size_t kChannels = 8;
constexpr std::size_t kLongest = 255;

// The server's end, with an owner who grants everything at once.
class ServerEnd {
 public:
  void Receive(weft::crdt::ByteView frame) { Carry(server_.Receive(frame)); }
  void Tell(Channel channel, const Frame& message) {
    Carry(server_.Tell(channel, message));
    server_.TellHeard(channel, {1, ++sequence_});
    Carry(server_.Acknowledge(channel, Level::kDurable, 1, {1, sequence_}));
    Carry(server_.SetReading(channel, sequence_ % 3 != 0));
    Carry(server_.Flush());
    // A queue, and the message that crosses its bound; a window, likewise.
    CHECK(server_.waiting_bytes() <= kChannels * (kQueue + kWindow + 2 * kLongest));
    CHECK(server_.channels().size() <= kChannels);
  }

 private:
  void Carry(ServerEffects effects) {
    for (const ServerEffect& effect : effects) {
      if (std::holds_alternative<Authenticate>(effect)) {
        Carry(server_.Authenticated(0));
      } else if (const auto* join = std::get_if<JoinRoom>(&effect)) {
        Carry(server_.Opened(join->channel, {.head = {1, 0}}));
      } else if (const auto* ask = std::get_if<AskForAnswer>(&effect)) {
        // Some are left waiting.
        CHECK(++asked_[ask->channel] <= kMaxAsks);
        if (ask->number % 2 == 0) {
          --asked_[ask->channel];
          Carry(server_.GiveAnswer(ask->channel, ask->number, 200, ask->arguments));
        }
      } else if (const auto* watch = std::get_if<WatchRoom>(&effect)) {
        if (watch->wanted) Carry(server_.TellEvent(watch->channel, "{}"));
      }
    }
  }

  Server server_{
      {.session = "fuzz", .channels = kChannels, .window_bytes = kWindow, .queue_bytes = kQueue}};
  std::uint64_t sequence_ = 0;
  std::map<Channel, std::size_t> asked_;  // and not answered; a channel's number is used once
};

}  // namespace

// Messages, each behind a byte with its size and a byte that says to whom it goes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ServerEnd server;
  DocReplica replica;
  Client client({.window_bytes = kWindow, .queue_bytes = kQueue});
  ClientEffects joining;
  const RoomId room = client.Add("room", replica, joining);
  TimePoint now{};
  client.Connected(now);
  for (std::size_t at = 0; at + 1 < size;) {
    const std::size_t claimed = data[at++];
    const std::uint8_t to = data[at++];
    const std::size_t length = claimed < size - at ? claimed : size - at;
    const weft::crdt::ByteView message(data + at, length);
    at += length;
    switch (to % 4) {
      case 0:
        server.Receive(message);
        break;
      case 1:
        client.Receive(message, now);
        break;
      case 2:
        server.Tell(to / 4,
                    std::make_shared<const weft::crdt::Bytes>(message.begin(), message.end()));
        break;
      default:
        client.Write(room, {message.begin(), message.end()});
        CHECK(client.unsaved(room) > 0);
    }
    now += std::chrono::seconds(1);
    client.Tick(now);
  }
  client.Disconnected(1006);
  return 0;
}
