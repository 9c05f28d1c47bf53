// What little work costs in a large document: how it grows with the size of the document, in
// characters of its text. Times are those of one keystroke and of one message.

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "bench/benchmarks.h"
#include "bench/replica.h"
#include "bench/sample.h"

namespace weft::bench {
namespace {

using crdt::Bytes;
using crdt::Doc;
using crdt::StateVector;
using crdt::Text;

constexpr std::size_t kLargest = 100'000'000;
// The text is made of runs of so many characters at random places: a million in the largest.
constexpr std::size_t kRun = 100;
constexpr std::size_t kKeystrokes = 1'000;
constexpr std::size_t kSends = 20;

// A document of that many characters, its state, and keystrokes of somebody who has it too. Only
// the last one made is kept.
struct Large {
  std::size_t characters = 0;
  std::unique_ptr<Doc> doc;
  Bytes state;
  std::vector<Bytes> keystrokes;
};

std::vector<Bytes> KeystrokesIn(const Large& large) {
  Recorder recorder(3);
  if (!recorder->ApplyUpdate(large.state).ok()) return {};
  std::mt19937_64 random(2);
  for (std::size_t i = 0; i < kKeystrokes; ++i) {
    recorder->GetText(kRoot).Insert(random() % large.characters, "y");
  }
  return recorder.TakeUpdates();
}

const Large& MakeLarge(std::size_t characters) {
  static Large large;
  if (large.characters == characters) return large;
  large = {};
  large.characters = characters;
  large.doc = MakeDoc(1);
  Text text = large.doc->GetText(kRoot);
  const std::string run(kRun, 'x');
  std::mt19937_64 random(1);
  for (std::size_t length = 0; length < characters; length += kRun) {
    text.Insert(random() % (length + 1), run);
  }
  large.state = large.doc->EncodeStateAsUpdate();
  large.keystrokes = KeystrokesIn(large);
  return large;
}

// A thousand keystrokes of somebody else.
absl::StatusOr<Sample> ReceiveKeystrokes(std::size_t size) {
  const Large& large = MakeLarge(size);
  const std::unique_ptr<Doc> doc = MakeDoc(2);
  absl::Status status = doc->ApplyUpdate(large.state);
  if (!status.ok()) return status;
  const double seconds = Seconds([&] { status = ApplyAll(*doc, large.keystrokes); });
  if (!status.ok()) return status;
  if (doc->GetText(kRoot).length() != size + kKeystrokes) return Wrong("keystrokes are missing");
  return Sample{.seconds = seconds / kKeystrokes};
}

// A thousand keystrokes at random places, updates included. The first has found its place before.
absl::StatusOr<Sample> TypeKeystrokes(std::size_t size) {
  const Listened doc(2);
  if (absl::Status status = doc->ApplyUpdate(MakeLarge(size).state); !status.ok()) return status;
  Text text = doc->GetText(kRoot);
  text.Insert(0, "y");
  std::mt19937_64 random(2);
  const double seconds = Seconds([&] {
    for (std::size_t i = 0; i < kKeystrokes; ++i) text.Insert(random() % size, "y");
  });
  if (text.length() != size + 1 + kKeystrokes) return Wrong("keystrokes are missing");
  return Sample{.seconds = seconds / kKeystrokes};
}

// The first keystroke after loading, which has to find its place.
absl::StatusOr<Sample> TypeTheFirstKeystroke(std::size_t size) {
  const Listened doc(2);
  if (absl::Status status = doc->ApplyUpdate(MakeLarge(size).state); !status.ok()) return status;
  Text text = doc->GetText(kRoot);
  const double seconds = Seconds([&] { text.Insert(size / 2, "y"); });
  if (text.length() != size + 1) return Wrong("the keystroke is missing");
  return Sample{.seconds = seconds};
}

// What a replica gets that lacks the last `tail` characters. Checked by applying it to one.
absl::StatusOr<Sample> SendTail(const Large& large, std::size_t tail) {
  StateVector known = large.doc->GetStateVector();
  const crdt::Clock end = known.Get(large.doc->client_id());
  known.Set(large.doc->client_id(), end - tail);
  Bytes diff;
  const double seconds = Seconds([&] {
    for (std::size_t i = 0; i < kSends; ++i) diff = large.doc->EncodeStateAsUpdate(known);
  });
  if (diff.size() < tail || diff.size() > 2 * tail + 100) return Wrong("the tail has a wrong size");
  return Sample{.seconds = seconds / kSends, .bytes = diff.size()};
}

absl::StatusOr<Sample> SendTailOfHundred(std::size_t size) {
  return SendTail(MakeLarge(size), 100);
}

absl::StatusOr<Sample> SendTailOfSize(std::size_t tail) {
  return SendTail(MakeLarge(kLargest), tail);
}

}  // namespace

void AddLargeDocumentShapes() {
  const std::vector<std::size_t> sizes = Doublings(kLargest, 3);
  AddGrowth("Shape/SendTailOfLargeDocument", sizes, SendTailOfHundred);
  AddGrowth("Shape/SendTailBySize", Doublings(1'000'000), SendTailOfSize);
  AddGrowth("Shape/ReceiveKeystrokeInLargeDocument", sizes, ReceiveKeystrokes);
  AddGrowth("Shape/TypeKeystrokeInLargeDocument", sizes, TypeKeystrokes);
  AddGrowth("Shape/TypeFirstKeystrokeInLargeDocument", sizes, TypeTheFirstKeystroke);
}

}  // namespace weft::bench
