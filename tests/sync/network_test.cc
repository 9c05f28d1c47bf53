// Documents, sessions and peers on a simulated network: peers edit, come and go, and frames travel
// at any speed, in order on each connection as TCP delivers them.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "crdt/doc.h"
#include "sync/session.h"

namespace weft::sync {
namespace {

using crdt::Bytes;
using crdt::ByteView;

constexpr TimePoint kNow{};

// A y-websocket client: a document that sends its own edits, and answers as y-protocols does.
class Peer {
 public:
  explicit Peer(std::uint64_t number)
      : doc_({.client_id = crdt::ClientId{number}, .gc = true, .limits = {}}) {
    subscription_ = doc_.OnUpdate([this](const crdt::UpdateEvent& event) {
      if (event.local && online_) Send(Update{event.update});
    });
  }

  void Connect() {
    online_ = true;
    const Bytes vector = crdt::EncodeStateVector(doc_.GetStateVector());
    Send(SyncStep1{vector});
  }
  void Disconnect() {
    online_ = false;
    outbox_.clear();
  }

  void Type(std::uint64_t place, const std::string& text) {
    crdt::Text content = doc_.GetText("content");
    content.Insert(place % (content.length() + 1), text);
  }
  void Erase(std::uint64_t place) {
    crdt::Text content = doc_.GetText("content");
    if (content.length() > 0) content.Delete(place % content.length(), 1);
  }

  void Hear(ByteView frame) {
    const Message message = *DecodeMessage(frame);
    if (const auto* step1 = std::get_if<SyncStep1>(&message)) {
      Send(SyncStep2{doc_.EncodeStateAsUpdate(*crdt::DecodeStateVector(step1->state_vector))});
    } else if (const auto* step2 = std::get_if<SyncStep2>(&message)) {
      EXPECT_EQ(doc_.ApplyUpdate(step2->update), absl::OkStatus());
    } else if (const auto* update = std::get_if<Update>(&message)) {
      EXPECT_EQ(doc_.ApplyUpdate(update->update), absl::OkStatus());
    }
  }

  bool online() const { return online_; }
  std::deque<Bytes>& outbox() { return outbox_; }
  const crdt::Doc& doc() const { return doc_; }

 private:
  void Send(const Message& message) { outbox_.push_back(EncodeMessage(message)); }

  crdt::Doc doc_;
  crdt::Subscription subscription_;
  bool online_ = false;
  std::deque<Bytes> outbox_;
};

// A room: carries the effects of its sessions out, with a log in memory.
class Network {
 public:
  explicit Network(std::size_t peers) : links_(peers) {
    for (std::size_t i = 0; i < peers; ++i) links_[i].peer = std::make_unique<Peer>(i + 1);
  }

  Peer& peer(std::size_t i) { return *links_[i].peer; }

  void Connect(std::size_t i) {
    links_[i].session = std::make_unique<Session>(&document_);
    Carry(i, links_[i].session->Open());
    peer(i).Connect();
  }
  void Disconnect(std::size_t i) {
    Carry(i, links_[i].session->Close());
    links_[i].session.reset();
    links_[i].inbox.clear();
    peer(i).Disconnect();
  }

  // Lets one frame arrive; false when none is on its way.
  bool DeliverToRelay(std::size_t i) {
    if (peer(i).outbox().empty()) return false;
    const Bytes frame = std::move(peer(i).outbox().front());
    peer(i).outbox().pop_front();
    auto effects = links_[i].session->Receive(frame, kNow);
    EXPECT_TRUE(effects.ok()) << effects.status();
    if (effects.ok()) Carry(i, *std::move(effects));
    return true;
  }
  bool DeliverToPeer(std::size_t i) {
    if (links_[i].inbox.empty()) return false;
    const Frame frame = std::move(links_[i].inbox.front());
    links_[i].inbox.pop_front();
    peer(i).Hear(*frame);
    return true;
  }
  void Settle() {
    for (bool moved = true; moved;) {
      moved = false;
      for (std::size_t i = 0; i < links_.size(); ++i) {
        while (DeliverToRelay(i) || DeliverToPeer(i)) moved = true;
      }
    }
  }

  const SharedDocument& document() const { return document_; }
  const std::vector<Bytes>& log() const { return log_; }

 private:
  struct Link {
    std::unique_ptr<Peer> peer;
    std::unique_ptr<Session> session;
    std::deque<Frame> inbox;
  };

  void Carry(std::size_t from, Effects effects) {
    for (const Effect& effect : effects) {
      if (const auto* reply = std::get_if<Reply>(&effect)) {
        links_[from].inbox.push_back(reply->frame);
      } else if (const auto* update = std::get_if<PublishUpdate>(&effect)) {
        log_.emplace_back(update->update().begin(), update->update().end());
        for (std::size_t i = 0; i < links_.size(); ++i) {
          if (i != from && links_[i].session != nullptr) links_[i].inbox.push_back(update->frame);
        }
      }
    }
  }

  SharedDocument document_;
  std::vector<Link> links_;
  std::vector<Bytes> log_;
};

Bytes Everything(const SharedDocument& document) { return *document.DiffFor(Bytes{0}); }

// Random edits, deliveries and disconnections; everyone is online and settled at its end.
void RunAtRandom(Network& network, std::size_t peers) {
  for (std::size_t i = 0; i < peers; ++i) network.Connect(i);
  const int steps = *rc::gen::inRange(1, 80);
  for (int step = 0; step < steps; ++step) {
    const std::size_t i = *rc::gen::inRange<std::size_t>(0, peers);
    const auto place = *rc::gen::inRange<std::uint64_t>(0, 50);
    switch (*rc::gen::weightedElement<int>({{6, 0}, {2, 1}, {6, 2}, {6, 3}, {1, 4}})) {
      case 0:
        network.peer(i).Type(place,
                             std::string(1 + place % 3, static_cast<char>('a' + place % 26)));
        break;
      case 1:
        network.peer(i).Erase(place);
        break;
      case 2:
        network.DeliverToRelay(i);
        break;
      case 3:
        network.DeliverToPeer(i);
        break;
      default:
        if (network.peer(i).online()) {
          network.Disconnect(i);
        } else {
          network.Connect(i);
        }
    }
  }
  for (std::size_t i = 0; i < peers; ++i) {
    if (!network.peer(i).online()) network.Connect(i);
  }
  network.Settle();
}

RC_GTEST_PROP(NetworkLaws, PeersConvergeInAnyOrderOfDeliveryAndTheLogHoldsAllOfIt, ()) {
  constexpr std::size_t kPeers = 3;
  Network network(kPeers);
  RunAtRandom(network, kPeers);
  const Bytes state = Everything(network.document());
  for (std::size_t i = 0; i < kPeers; ++i) {
    RC_ASSERT(network.peer(i).doc().EncodeStateAsUpdate() == state);
  }
  SharedDocument reloaded;
  for (const Bytes& update : network.log()) RC_ASSERT(reloaded.ApplyUpdate(update).ok());
  RC_ASSERT(Everything(reloaded) == state);
}

RC_GTEST_PROP(NetworkLaws, ASettledNetworkThatReconnectsLogsNothing, ()) {
  constexpr std::size_t kPeers = 2;
  Network network(kPeers);
  RunAtRandom(network, kPeers);
  const std::size_t logged = network.log().size();
  for (std::size_t i = 0; i < kPeers; ++i) {
    network.Disconnect(i);
    network.Connect(i);
  }
  network.Settle();
  RC_ASSERT(network.log().size() == logged);
}

TEST(Network, UpdatesArriveInTheOrderInWhichTheyWereMadeAndNotAtTheirWriter) {
  Network network(3);
  for (std::size_t i = 0; i < 3; ++i) network.Connect(i);
  network.Settle();
  for (const char* text : {"a", "b", "c"}) network.peer(0).Type(0, text);
  while (network.DeliverToRelay(0)) {
  }
  EXPECT_FALSE(network.DeliverToPeer(0));
  for (std::size_t i = 1; i < 3; ++i) {
    for (int j = 0; j < 3; ++j) {
      ASSERT_TRUE(network.DeliverToPeer(i));
      EXPECT_FALSE(network.peer(i).doc().has_pending());
    }
    EXPECT_EQ(network.peer(i).doc().EncodeStateAsUpdate(), Everything(network.document()));
  }
}

}  // namespace
}  // namespace weft::sync
