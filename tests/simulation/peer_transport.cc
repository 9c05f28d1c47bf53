// Replicas that speak with each other. Each tells its neighbours what it makes; where not everybody
// is a neighbour, news are passed on. Messages may be lost, so each replica now and then asks a
// neighbour for what it lacks.

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "sync/message.h"
#include "tests/simulation/transport.h"

namespace weft::simulation {
namespace {

constexpr Time kAskInterval = kSecond;
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
      Tell(replica, sync::MakeFrame(sync::Update{update}), kNobody);
    }
  }

  void OnCrash(std::uint32_t replica) override { ++lives_[replica]; }

 private:
  std::uint32_t size() const { return site_.scenario.replicas; }

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
  absl::flat_hash_map<std::uint64_t, std::uint64_t> sent_;  // of each link
};

}  // namespace

std::unique_ptr<Transport> MakePeerTransport(Site site) {
  return std::make_unique<PeerTransport>(std::move(site));
}

}  // namespace weft::simulation
