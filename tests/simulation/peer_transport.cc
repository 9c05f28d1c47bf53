// Replicas that speak with each other. Each tells its neighbours what it makes; where not everybody
// is a neighbour, news are passed on. Messages may be lost, so each replica now and then asks a
// neighbour for what it lacks. One that does not stay tells a neighbour (in a mesh all of them) until it
// is heard.

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "sync/message.h"
#include "tests/simulation/transport.h"

namespace weft::simulation {
namespace {

constexpr Time kAskInterval = kSecond;
constexpr Time kTellAgain = 200 * kMillisecond;
constexpr std::uint32_t kGossipPeers = 3;
constexpr std::uint32_t kNobody = ~std::uint32_t{0};

class PeerTransport final : public Transport {
 public:
  explicit PeerTransport(Site site)
      : Transport(std::move(site)), chance_(Mix(site_.seed ^ 0x90551B)), lives_(size()) {}

  void Start() override {
    for (std::uint32_t i = 0; i < size(); ++i) {
      if (size() > 1) AskAfter(i, static_cast<Time>(chance_.Below(kAskInterval)));
    }
  }

  void OnMade(std::uint32_t replica, const std::vector<crdt::Bytes>& updates) override {
    for (const crdt::Bytes& update : updates) {
      const sync::Frame frame = sync::MakeFrame(sync::Update{update});
      if (replica < size()) {
        Tell(replica, frame, kNobody);
      } else {
        HandOver(replica, frame);
      }
    }
  }

  void OnCrash(std::uint32_t replica) override {
    if (replica < size()) {
      ++lives_[replica];
      return;
    }
    // What it has begun with may be with nobody else.
    const absl::StatusOr<crdt::Bytes> all = site_.replicas[replica]->Diff({});
    if (!all.ok()) return site_.fail(all.status());
    HandOver(replica, sync::MakeFrame(sync::Update{*all}));
  }

  absl::Status CheckAtEnd() override {
    if (on_their_way_ == 0) return absl::OkStatus();
    return absl::UnavailableError("not all have handed over what they made");
  }

 private:
  // Of those that stay.
  std::uint32_t size() const { return site_.scenario.staying(); }

  std::vector<std::uint32_t> Neighbours(std::uint32_t replica) {
    std::vector<std::uint32_t> all;
    const std::uint32_t last = size() - 1;
    switch (site_.scenario.topology) {
      case Topology::kMesh:
      case Topology::kStar:
        for (std::uint32_t i = 0; i < size(); ++i) {
          if (i != replica) all.push_back(i);
        }
        break;
      case Topology::kRing:
        all.push_back(replica == last ? 0 : replica + 1);
        if (size() > 2) all.push_back(replica == 0 ? last : replica - 1);
        break;
      case Topology::kChain:
        if (replica > 0) all.push_back(replica - 1);
        if (replica < last) all.push_back(replica + 1);
        break;
      case Topology::kGossip:
        for (std::uint32_t i = 0; i < std::min(kGossipPeers, last); ++i) {
          all.push_back(Other(replica));
        }
        std::ranges::sort(all);
        all.erase(std::unique(all.begin(), all.end()), all.end());
        break;
    }
    return all;
  }

  std::uint32_t Other(std::uint32_t replica) {
    const auto chosen = static_cast<std::uint32_t>(chance_.Below(size() - 1));
    return chosen < replica ? chosen : chosen + 1;
  }

  void Tell(std::uint32_t from, const sync::Frame& frame, std::uint32_t except) {
    for (const std::uint32_t to : Neighbours(from)) {
      if (to != except) Send(from, to, frame);
    }
  }

  void Send(std::uint32_t from, std::uint32_t to, const sync::Frame& frame) {
    Count(*frame);
    if (SideOf(from) != SideOf(to)) return;
    const std::uint64_t link = std::uint64_t{from} << 32 | to;
    const Fate fate = Draw(link, ++sent_[link]);
    if (fate.lost) return;
    const auto arrive = [this, from, to, frame, life = lives_[to]] {
      if (lives_[to] == life) Receive(from, to, frame);
    };
    site_.scheduler.After(fate.delay, arrive);
    if (fate.doubled) site_.scheduler.After(fate.second_delay, arrive);
  }

  // From one that does not stay.
  void HandOver(std::uint32_t from, const sync::Frame& frame) {
    const bool to_all = site_.scenario.topology == Topology::kMesh;
    for (std::uint32_t i = 0; i < (to_all ? size() : 1); ++i) {
      ++on_their_way_;
      HandOver(from, (from + i) % size(), frame);
    }
  }

  void HandOver(std::uint32_t from, std::uint32_t to, const sync::Frame& frame) {
    Count(*frame);
    const std::uint64_t link = std::uint64_t{from} << 32 | to;
    const Fate fate = Draw(link, ++sent_[link]);
    if (fate.lost || SideOf(from) != SideOf(to)) {
      site_.scheduler.After(kTellAgain, [this, from, to, frame] { HandOver(from, to, frame); });
      return;
    }
    site_.scheduler.After(fate.delay, [this, from, to, frame] {
      --on_their_way_;
      Receive(from, to, frame);
    });
  }

  void Receive(std::uint32_t from, std::uint32_t to, const sync::Frame& frame) {
    const auto message = sync::DecodeMessage(*frame);
    if (!message.ok()) return site_.fail(message.status());
    if (const auto* update = std::get_if<sync::Update>(&*message)) {
      const bool news = site_.apply(to, update->update);
      if (news && site_.scenario.topology != Topology::kMesh) Tell(to, frame, from);
    } else if (const auto* answer = std::get_if<sync::SyncStep2>(&*message)) {
      site_.apply(to, answer->update);
    } else if (const auto* question = std::get_if<sync::SyncStep1>(&*message)) {
      const absl::StatusOr<crdt::Bytes> lacking = site_.replicas[to]->Diff(question->state_vector);
      if (!lacking.ok()) return site_.fail(lacking.status());
      Send(to, from, sync::MakeFrame(sync::SyncStep2{*lacking}));
    }
  }

  void AskAfter(std::uint32_t replica, Time delay) {
    site_.scheduler.After(delay, [this, replica] {
      const std::vector<std::uint32_t> neighbours = Neighbours(replica);
      const std::uint32_t whom = neighbours[chance_.Below(neighbours.size())];
      const crdt::Bytes known = site_.replicas[replica]->StateVector();
      Send(replica, whom, sync::MakeFrame(sync::SyncStep1{known}));
      AskAfter(replica, kAskInterval);
    });
  }

  Chance chance_;
  std::vector<std::uint64_t> lives_;
  std::uint64_t on_their_way_ = 0;                          // messages of those that do not stay
  absl::flat_hash_map<std::uint64_t, std::uint64_t> sent_;  // of each link
};

}  // namespace

std::unique_ptr<Transport> MakePeerTransport(Site site) {
  return std::make_unique<PeerTransport>(std::move(site));
}

}  // namespace weft::simulation
