// One text, edited where it hurts: how the time grows with the number of edits. Each edit is
// a transaction whose update is made.

#include <cstdint>
#include <random>
#include <string>

#include "bench/benchmarks.h"
#include "bench/replica.h"
#include "bench/sample.h"
#include "crdt/any.h"
#include "crdt/delta.h"

namespace weft::bench {
namespace {

using crdt::Any;
using crdt::Attributes;
using crdt::Text;

// `place(i, length)` is where the i-th of `size` characters goes.
template <typename Place>
absl::StatusOr<Sample> InsertAt(std::size_t size, const Place& place) {
  const Listened doc(1);
  Text text = doc->GetText(kRoot);
  const double seconds = Seconds([&] {
    for (std::size_t i = 0; i < size; ++i) text.Insert(place(i), "x");
  });
  if (text.ToString() != std::string(size, 'x')) return Wrong("characters are missing");
  return Sample{.seconds = seconds, .bytes = doc.update_bytes()};
}

absl::StatusOr<Sample> InsertAtTheStart(std::size_t size) {
  return InsertAt(size, [](std::size_t) { return 0; });
}

absl::StatusOr<Sample> InsertAtRandomPlaces(std::size_t size) {
  std::mt19937_64 random(1);
  return InsertAt(size, [&](std::size_t length) { return random() % (length + 1); });
}

absl::StatusOr<Sample> InsertAtAlternatingEnds(std::size_t size) {
  return InsertAt(size, [](std::size_t length) { return length % 2 == 0 ? 0 : length; });
}

// `size` characters, each at a random place, so that most are items of their own.
void TypeScattered(std::size_t size, Text text) {
  std::mt19937_64 random(1);
  for (std::size_t i = 0; i < size; ++i) text.Insert(random() % (i + 1), "x");
}

// `place(length)` is which of the characters left goes; `deletions` of them go.
template <typename Place>
absl::StatusOr<Sample> DeleteAt(std::size_t size, std::size_t deletions, const Place& place) {
  const Listened doc(1);
  Text text = doc->GetText(kRoot);
  doc->Transact("", [&] { TypeScattered(size, text); });
  const double seconds = Seconds([&] {
    for (std::size_t i = 0; i < deletions; ++i) text.Delete(place(i, size - i), 1);
  });
  if (text.length() != size - deletions) return Wrong("the length is wrong");
  if (text.ToString().size() != size - deletions) return Wrong("the text is wrong");
  return Sample{.seconds = seconds};
}

absl::StatusOr<Sample> DeleteBackwards(std::size_t size) {
  return DeleteAt(size, size, [](std::size_t, std::size_t length) { return length - 1; });
}

absl::StatusOr<Sample> DeleteForwards(std::size_t size) {
  return DeleteAt(size, size, [](std::size_t, std::size_t) { return 0; });
}

absl::StatusOr<Sample> DeleteEveryOther(std::size_t size) {
  return DeleteAt(size, size / 2, [](std::size_t done, std::size_t) { return done; });
}

const Attributes& Bold() {
  static const Attributes attributes{{"bold", true}};
  return attributes;
}

const Attributes& NotBold() {
  static const Attributes attributes{{"bold", Any::Null{}}};
  return attributes;
}

// The whole of a short text, bold and not bold in turn.
absl::StatusOr<Sample> ToggleFormatOfAll(std::size_t size) {
  const Listened doc(1);
  Text text = doc->GetText(kRoot);
  text.Insert(0, "a short text");
  const double seconds = Seconds([&] {
    for (std::size_t i = 0; i < size; ++i) {
      text.Format(0, text.length(), i % 2 == 0 ? Bold() : NotBold());
    }
  });
  if (text.ToString() != "a short text") return Wrong("the text is wrong");
  const crdt::Delta delta = text.ToDelta();
  if (delta.size() != 1 || delta.front().attributes.empty() != (size % 2 == 0)) {
    return Wrong("the formatting is wrong");
  }
  return Sample{.seconds = seconds, .bytes = doc.update_bytes()};
}

// One character after the other of a long text, as much of it as there are toggles.
absl::StatusOr<Sample> ToggleFormatAlong(std::size_t size) {
  const Listened doc(1);
  Text text = doc->GetText(kRoot);
  text.Insert(0, std::string(2 * size, 'x'));
  const double seconds = Seconds([&] {
    for (std::size_t i = 0; i < size; ++i) text.Format(2 * i, 1, Bold());
  });
  if (text.ToDelta().size() != 2 * size) return Wrong("the formatting is wrong");
  return Sample{.seconds = seconds, .bytes = doc.update_bytes()};
}

}  // namespace

void AddTextShapes() {
  AddGrowth("Shape/InsertAtTheStart", Doublings(400'000), InsertAtTheStart);
  AddGrowth("Shape/InsertAtRandomPlaces", Doublings(400'000), InsertAtRandomPlaces);
  AddGrowth("Shape/InsertAtAlternatingEnds", Doublings(400'000), InsertAtAlternatingEnds);
  AddGrowth("Shape/DeleteBackwards", Doublings(400'000), DeleteBackwards);
  AddGrowth("Shape/DeleteForwards", Doublings(400'000), DeleteForwards);
  AddGrowth("Shape/DeleteEveryOther", Doublings(400'000), DeleteEveryOther);
  AddGrowth("Shape/ToggleFormatOfAll", Doublings(100'000, 6), ToggleFormatOfAll);
  AddGrowth("Shape/ToggleFormatAlong", Doublings(100'000, 6), ToggleFormatAlong);
}

}  // namespace weft::bench
