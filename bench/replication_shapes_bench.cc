// Updates from many writers, in odd orders, of documents that were mostly deleted: how the time
// grows with their number.

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "bench/benchmarks.h"
#include "bench/replica.h"
#include "bench/sample.h"
#include "crdt/update_merge.h"

namespace weft::bench {
namespace {

using crdt::Bytes;
using crdt::ByteView;
using crdt::ClientId;
using crdt::Doc;
using crdt::Text;

std::size_t SizeOf(const std::vector<Bytes>& updates) {
  std::size_t size = 0;
  for (const Bytes& update : updates) size += update.size();
  return size;
}

// The time of applying `updates` to an empty document, whose text then has `length` characters.
absl::StatusOr<Sample> ApplyTo(std::size_t length, const std::vector<Bytes>& updates) {
  const std::unique_ptr<Doc> doc = MakeDoc(1'000'000);
  absl::Status status;
  const double seconds = Seconds([&] { status = ApplyAll(*doc, updates); });
  if (!status.ok()) return status;
  if (doc->has_pending()) return Wrong("something still waits");
  if (doc->GetText(kRoot).ToString().size() != length) return Wrong("characters are missing");
  return Sample{.seconds = seconds, .bytes = SizeOf(updates)};
}

// Each of `size` clients inserts a character into an empty text.
std::vector<Bytes> InsertionsAtOnePlace(std::size_t size) {
  std::vector<Bytes> updates;
  for (std::size_t i = 0; i < size; ++i) {
    Recorder recorder(i + 1);
    recorder->GetText(kRoot).Insert(0, "x");
    updates.push_back(recorder.updates().front());
  }
  return updates;
}

absl::StatusOr<Sample> ConcurrentAtOnePlace(std::size_t size) {
  std::vector<Bytes> updates = InsertionsAtOnePlace(size);
  std::ranges::shuffle(updates, std::mt19937_64(1));
  return ApplyTo(size, updates);
}

absl::StatusOr<Sample> ConcurrentAtOnePlaceLowestFirst(std::size_t size) {
  return ApplyTo(size, InsertionsAtOnePlace(size));
}

absl::StatusOr<Sample> ConcurrentAtOnePlaceHighestFirst(std::size_t size) {
  std::vector<Bytes> updates = InsertionsAtOnePlace(size);
  std::ranges::reverse(updates);
  return ApplyTo(size, updates);
}

absl::StatusOr<Sample> ConcurrentAtOnePlaceAtOnce(std::size_t size) {
  const std::vector<Bytes> updates = InsertionsAtOnePlace(size);
  const std::vector<ByteView> views(updates.begin(), updates.end());
  const absl::StatusOr<Bytes> merged = crdt::MergeUpdates(views);
  if (!merged.ok()) return merged.status();
  return ApplyTo(size, {*merged});
}

// `size` clients, one after the other, insert one character each at a random place.
std::vector<Bytes> OneEditOfManyClients(std::size_t size) {
  Recorder recorder(1);
  std::mt19937_64 random(1);
  Text text = recorder->GetText(kRoot);
  for (std::size_t i = 0; i < size; ++i) {
    recorder->set_client_id(ClientId{i + 1});
    text.Insert(random() % (i + 1), "x");
  }
  return recorder.TakeUpdates();
}

absl::StatusOr<Sample> ManyClientsOneByOne(std::size_t size) {
  return ApplyTo(size, OneEditOfManyClients(size));
}

absl::StatusOr<Sample> ManyClientsMerge(std::size_t size) {
  const std::vector<Bytes> updates = OneEditOfManyClients(size);
  const std::vector<ByteView> views(updates.begin(), updates.end());
  absl::StatusOr<Bytes> merged;
  const double seconds = Seconds([&] { merged = crdt::MergeUpdates(views); });
  if (!merged.ok()) return merged.status();
  absl::StatusOr<Sample> applied = ApplyTo(size, {*merged});
  if (!applied.ok()) return applied;
  return Sample{.seconds = seconds, .bytes = merged->size()};
}

absl::StatusOr<Sample> ManyClientsLoad(std::size_t size) {
  const std::vector<Bytes> updates = OneEditOfManyClients(size);
  const std::vector<ByteView> views(updates.begin(), updates.end());
  const absl::StatusOr<Bytes> merged = crdt::MergeUpdates(views);
  if (!merged.ok()) return merged.status();
  return ApplyTo(size, {*merged});
}

absl::StatusOr<Sample> ManyClientsEncode(std::size_t size) {
  const std::unique_ptr<Doc> doc = MakeDoc(1'000'000);
  const std::vector<Bytes> updates = OneEditOfManyClients(size);
  if (absl::Status status = ApplyAll(*doc, updates); !status.ok()) return status;
  Bytes state;
  const double seconds = Seconds([&] { state = doc->EncodeStateAsUpdate(); });
  const absl::StatusOr<Sample> loaded = ApplyTo(size, {state});
  if (!loaded.ok()) return loaded;
  return Sample{.seconds = seconds, .bytes = state.size()};
}

std::vector<Bytes> TypedInOrder(std::size_t size) {
  Recorder recorder(1);
  std::mt19937_64 random(1);
  Text text = recorder->GetText(kRoot);
  for (std::size_t i = 0; i < size; ++i) text.Insert(random() % (i + 1), "x");
  return recorder.TakeUpdates();
}

// Everything waits for the first edit, which comes last.
absl::StatusOr<Sample> ReverseOrder(std::size_t size) {
  std::vector<Bytes> updates = TypedInOrder(size);
  std::ranges::reverse(updates);
  return ApplyTo(size, updates);
}

// The first edit comes last, the others in order.
absl::StatusOr<Sample> FirstComesLast(std::size_t size) {
  std::vector<Bytes> updates = TypedInOrder(size);
  std::ranges::rotate(updates, updates.begin() + 1);
  return ApplyTo(size, updates);
}

absl::StatusOr<Sample> ShuffledOrder(std::size_t size) {
  std::vector<Bytes> updates = TypedInOrder(size);
  std::ranges::shuffle(updates, std::mt19937_64(1));
  return ApplyTo(size, updates);
}

// A state of `size` items whose characters `deleted` says are gone, from a replica that keeps
// deleted content.
template <typename Deleted>
Bytes StateWithDeleted(std::size_t size, const Deleted& deleted) {
  const std::unique_ptr<Doc> doc = MakeDoc(1, /*gc=*/false);
  Text text = doc->GetText(kRoot);
  // Each in front of the last, so that no two can merge.
  doc->Transact("", [&] {
    for (std::size_t i = 0; i < size; ++i) text.Insert(0, "x");
  });
  doc->Transact("", [&] {
    for (std::size_t i = size; i > 0; --i) {
      if (deleted(i - 1)) text.Delete(i - 1, 1);
    }
  });
  return doc->EncodeStateAsUpdate();
}

absl::StatusOr<Sample> LoadAllDeleted(std::size_t size) {
  return ApplyTo(0, {StateWithDeleted(size, [](std::size_t) { return true; })});
}

absl::StatusOr<Sample> LoadEveryOtherDeleted(std::size_t size) {
  return ApplyTo(size / 2, {StateWithDeleted(size, [](std::size_t i) { return i % 2 == 1; })});
}

}  // namespace

void AddReplicationShapes() {
  AddGrowth("Shape/ConcurrentAtOnePlace", Doublings(10'000), ConcurrentAtOnePlace);
  AddGrowth("Shape/ConcurrentAtOnePlaceLowestFirst", Doublings(10'000),
            ConcurrentAtOnePlaceLowestFirst);
  AddGrowth("Shape/ConcurrentAtOnePlaceHighestFirst", Doublings(10'000),
            ConcurrentAtOnePlaceHighestFirst);
  AddGrowth("Shape/ConcurrentAtOnePlaceAtOnce", Doublings(10'000), ConcurrentAtOnePlaceAtOnce);
  AddGrowth("Shape/ManyClientsOneByOne", Doublings(100'000, 5), ManyClientsOneByOne);
  AddGrowth("Shape/ManyClientsMerge", Doublings(100'000), ManyClientsMerge);
  AddGrowth("Shape/ManyClientsLoad", Doublings(100'000), ManyClientsLoad);
  AddGrowth("Shape/ManyClientsEncode", Doublings(100'000), ManyClientsEncode);
  AddGrowth("Shape/ReverseOrder", Doublings(100'000, 8), ReverseOrder);
  AddGrowth("Shape/FirstComesLast", Doublings(100'000, 8), FirstComesLast);
  AddGrowth("Shape/ShuffledOrder", Doublings(100'000, 8), ShuffledOrder);
  AddGrowth("Shape/LoadAllDeleted", Doublings(1'000'000), LoadAllDeleted);
  AddGrowth("Shape/LoadEveryOtherDeleted", Doublings(1'000'000), LoadEveryOtherDeleted);
}

}  // namespace weft::bench
