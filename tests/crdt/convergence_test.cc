// Replicas of one document that edit at the same time and hear of one another late, twice, or out
// of order: once each has heard everything, all are equal, to the byte.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "crdt/doc.h"
#include "crdt/json.h"
#include "crdt/update_merge.h"

namespace weft::crdt {
namespace {

class Network {
 public:
  Network(std::uint32_t seed, std::size_t replicas) : random_(seed) {
    for (std::size_t i = 0; i < replicas; ++i) {
      // One client id needs two bytes, one needs seven.
      const std::uint64_t id = i == 1 ? 1000 : i == 2 ? kMaxSafeInteger : i + 1;
      replicas_.push_back(std::make_unique<Replica>(Doc::Options{.client_id = ClientId{id}}));
      Replica& replica = *replicas_.back();
      replica.subscription = replica.doc.OnUpdate([this](const UpdateEvent& event) {
        if (event.local) updates_.emplace_back(event.update.begin(), event.update.end());
      });
    }
  }

  std::size_t Below(std::size_t bound) { return random_() % bound; }
  std::vector<Bytes>& updates() { return updates_; }
  std::size_t size() const { return replicas_.size(); }
  Doc& doc(std::size_t i) { return replicas_[i]->doc; }

  // One transaction of a few random edits on a random replica.
  void EditSomewhere() {
    Doc& doc = replicas_[Below(size())]->doc;
    doc.Transact("", [&] {
      for (std::size_t i = Below(3) + 1; i > 0; --i) Edit(doc);
    });
  }

  // A random replica hears some of what was ever said, in any order, perhaps again.
  void DeliverSome() {
    Replica& replica = *replicas_[Below(size())];
    for (std::size_t i = 0; i < 5 && !updates_.empty(); ++i)
      Apply(replica.doc, updates_[Below(updates_.size())]);
  }

  void DeliverAll() {
    std::vector<std::size_t> order(updates_.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    for (const auto& replica : replicas_) {
      std::ranges::shuffle(order, random_);
      for (const std::size_t i : order) Apply(replica->doc, updates_[i]);
      // As in Yjs, something may wait on until the next update, though all of it is there
      // (differential_test.cc).
      if (!replica->doc.has_pending()) continue;
      for (const std::size_t i : order) Apply(replica->doc, updates_[i]);
    }
  }

  void CheckAllEqual() {
    const Bytes state = replicas_[0]->doc.EncodeStateAsUpdate();
    for (const auto& replica : replicas_) {
      const absl::Status status = replica->doc.Validate();
      RC_ASSERT(status == absl::OkStatus());
      RC_ASSERT(!replica->doc.has_pending());
      RC_ASSERT(replica->doc.EncodeStateAsUpdate() == state);
      RC_ASSERT(replica->doc.GetText("t").ToString() == replicas_[0]->doc.GetText("t").ToString());
      RC_ASSERT(replica->doc.GetArray("a").ToJson() == replicas_[0]->doc.GetArray("a").ToJson());
    }
  }

  static void Apply(Doc& doc, const Bytes& update) {
    const absl::Status status = doc.ApplyUpdate(update);
    RC_ASSERT(status == absl::OkStatus());
    const absl::Status valid = doc.Validate();
    RC_ASSERT(valid == absl::OkStatus());
  }

 private:
  struct Replica {
    explicit Replica(Doc::Options options) : doc(std::move(options)) {}
    Doc doc;
    Subscription subscription;
  };

  void Edit(Doc& doc) {
    static const char* const kPieces[] = {"a", "hello", "\u00e9", "\u20ac", "\U0001F600", "xyz"};
    Text text = doc.GetText("t");
    Array array = doc.GetArray("a");
    Map map = doc.GetMap("m");
    const std::string key(1, static_cast<char>('a' + Below(3)));
    switch (Below(10)) {
      case 0:
      case 1:
      case 2:
        return text.Insert(Below(text.length() + 1), kPieces[Below(std::size(kPieces))]);
      case 3:
      case 4: {
        const std::size_t at = Below(text.length() + 1);
        return text.Delete(at, std::min<std::size_t>(Below(6), text.length() - at));
      }
      case 5:
        return array.Insert(Below(array.length() + 1),
                            {Any(static_cast<int>(Below(100))), Any("v")});
      case 6: {
        const std::size_t at = Below(array.length() + 1);
        return array.Delete(at, std::min<std::size_t>(Below(4), array.length() - at));
      }
      case 7:
        array.InsertArray(Below(array.length() + 1)).InsertMap(0).SetText("n").Insert(0, "nested");
        return;
      case 8:
        return Below(2) == 0 ? map.Set(key, static_cast<int>(Below(100))) : map.Delete(key);
      default:
        map.SetArray(key).Insert(0, {Any(true), Any(Bytes{1, 2})});
        return;
    }
  }

  std::mt19937 random_;
  std::vector<std::unique_ptr<Replica>> replicas_;
  std::vector<Bytes> updates_;
};

RC_GTEST_PROP(Convergence, ReplicasThatHeardTheSameUpdatesInAnyOrderAreEqual,
              (std::uint32_t seed)) {
  Network network(seed, 2 + seed % 3);
  for (int i = 0; i < 40; ++i) {
    network.EditSomewhere();
    if (network.Below(2) == 0) network.DeliverSome();
  }
  network.DeliverAll();
  network.CheckAllEqual();
}

RC_GTEST_PROP(Convergence, ReplicasThatExchangeWhatTheOtherLacksAreEqual, (std::uint32_t seed)) {
  Network network(seed, 3);
  for (int i = 0; i < 40; ++i) {
    network.EditSomewhere();
    if (network.Below(4) != 0) continue;
    Doc& from = network.doc(network.Below(3));
    Doc& to = network.doc(network.Below(3));
    if (&from == &to) continue;
    Network::Apply(to, from.EncodeStateAsUpdate(to.GetStateVector()));
  }
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < 3; ++i) {
      Doc& next = network.doc((i + 1) % 3);
      Network::Apply(next, network.doc(i).EncodeStateAsUpdate(next.GetStateVector()));
    }
  }
  network.CheckAllEqual();
}

RC_GTEST_PROP(Convergence, AMergedUpdateBringsWhatItsPartsBring, (std::uint32_t seed)) {
  Network network(seed, 3);
  for (int i = 0; i < 30; ++i) {
    network.EditSomewhere();
    if (network.Below(3) == 0) network.DeliverSome();
  }
  network.DeliverAll();
  std::vector<Bytes>& updates = network.updates();
  RC_PRE(!updates.empty());
  // Merged in random groups, repeats included, the parts make the same document.
  Doc merged_doc({.client_id = ClientId{99}});
  std::vector<Bytes> groups;
  for (std::size_t i = 0; i < 4; ++i) {
    std::vector<ByteView> group;
    for (const Bytes& update : updates) {
      if (network.Below(2) == 0 || i == 3) group.push_back(update);
    }
    if (group.empty()) continue;
    absl::StatusOr<Bytes> merged = MergeUpdates(group);
    RC_ASSERT(merged.ok());
    groups.push_back(*std::move(merged));
  }
  const std::vector<ByteView> views(groups.begin(), groups.end());
  const absl::StatusOr<Bytes> all = MergeUpdates(views);
  RC_ASSERT(all.ok());
  Network::Apply(merged_doc, *all);
  Doc one_by_one({.client_id = ClientId{98}});
  for (const Bytes& group : groups) Network::Apply(one_by_one, group);
  RC_ASSERT(!merged_doc.has_pending());
  RC_ASSERT(merged_doc.GetStateVector() == network.doc(0).GetStateVector());
  RC_ASSERT(merged_doc.GetText("t").ToString() == network.doc(0).GetText("t").ToString());
  RC_ASSERT(one_by_one.GetText("t").ToString() == network.doc(0).GetText("t").ToString());
  // What the merged update lacks for a replica that has everything is nothing but deletes.
  const absl::StatusOr<Bytes> rest = DiffUpdate(*all, network.doc(0).GetStateVector());
  RC_ASSERT(rest.ok());
  RC_ASSERT(rest->front() == 0);
}

}  // namespace
}  // namespace weft::crdt
