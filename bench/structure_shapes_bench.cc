// Maps, arrays and nested types at sizes that nobody meant: how the time grows with them.

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "bench/benchmarks.h"
#include "bench/replica.h"
#include "bench/sample.h"
#include "crdt/any.h"

namespace weft::bench {
namespace {

using crdt::Any;
using crdt::Array;
using crdt::Bytes;
using crdt::Doc;
using crdt::Map;

// What `edit` makes, as a state in format v1.
template <typename Edit>
Bytes StateAfter(const Edit& edit) {
  const std::unique_ptr<Doc> doc = MakeDoc(1);
  edit(*doc);
  return doc->EncodeStateAsUpdate();
}

// The time of loading a state, and of whatever `check` finds wrong.
template <typename Check>
absl::StatusOr<Sample> Load(const Bytes& state, const Check& check) {
  const std::unique_ptr<Doc> doc = MakeDoc(2);
  absl::Status status;
  const double seconds = Seconds([&] { status = doc->ApplyUpdate(state); });
  if (status.ok()) status = check(*doc);
  if (!status.ok()) return status;
  return Sample{.seconds = seconds, .bytes = state.size()};
}

absl::Status HoldsTheLastValue(Doc& doc, std::size_t size) {
  const auto found = doc.GetMap("map").Find("key");
  const Any* value = found ? std::get_if<Any>(&*found) : nullptr;
  if (value != nullptr && *value == Any(static_cast<double>(size - 1))) return absl::OkStatus();
  return Wrong("the key has not the last value");
}

void SetOneKey(std::size_t size, Doc& doc) {
  Map map = doc.GetMap("map");
  for (std::size_t i = 0; i < size; ++i) map.Set("key", static_cast<double>(i));
}

absl::StatusOr<Sample> SetOneKeyAgainAndAgain(std::size_t size) {
  const Listened doc(1);
  const double seconds = Seconds([&] { SetOneKey(size, *doc); });
  if (absl::Status status = HoldsTheLastValue(*doc, size); !status.ok()) return status;
  return Sample{.seconds = seconds, .bytes = doc.update_bytes()};
}

// The same key, set by the updates of somebody else.
absl::StatusOr<Sample> ReceiveOneKeyAgainAndAgain(std::size_t size) {
  Recorder recorder(1);
  SetOneKey(size, *recorder);
  const std::unique_ptr<Doc> doc = MakeDoc(2);
  absl::Status status;
  const double seconds = Seconds([&] { status = ApplyAll(*doc, recorder.updates()); });
  if (status.ok()) status = HoldsTheLastValue(*doc, size);
  if (!status.ok()) return status;
  return Sample{.seconds = seconds};
}

// Different keys of one map.
absl::StatusOr<Sample> SetManyKeys(std::size_t size) {
  const Listened doc(1);
  Map map = doc->GetMap("map");
  const double seconds = Seconds([&] {
    for (std::size_t i = 0; i < size; ++i) map.Set(absl::StrCat("key", i), "value");
  });
  if (map.size() != size) return Wrong("keys are missing");
  return Sample{.seconds = seconds, .bytes = doc.update_bytes()};
}

void FillWithMaps(std::size_t size, Doc& doc) {
  Array array = doc.GetArray("array");
  doc.Transact("", [&] {
    for (std::size_t i = 0; i < size; ++i) array.InsertMap(i).Set("id", static_cast<double>(i));
  });
}

absl::StatusOr<Sample> MakeAnArrayOfMaps(std::size_t size) {
  const Listened doc(1);
  const double seconds = Seconds([&] { FillWithMaps(size, *doc); });
  if (doc->GetArray("array").length() != size) return Wrong("maps are missing");
  return Sample{.seconds = seconds, .bytes = doc.update_bytes()};
}

absl::StatusOr<Sample> LoadAnArrayOfMaps(std::size_t size) {
  const Bytes state = StateAfter([&](Doc& doc) { FillWithMaps(size, doc); });
  return Load(state, [&](Doc& doc) {
    Array array = doc.GetArray("array");
    if (array.length() != size) return Wrong("maps are missing");
    const crdt::Element last = array.Get(size - 1);
    const Map* map = std::get_if<Map>(&last);
    if (map == nullptr || map->size() != 1) return Wrong("the last map is wrong");
    return absl::OkStatus();
  });
}

// Arrays in one another.
void Nest(std::size_t depth, Doc& doc) {
  doc.Transact("", [&] {
    Array array = doc.GetArray("array");
    for (std::size_t i = 0; i < depth; ++i) array = array.InsertArray(0);
    array.Insert(0, {Any("bottom")});
  });
}

absl::Status IsNested(std::size_t depth, Doc& doc) {
  const Any json = doc.GetArray("array").ToJson();
  const Any* at = &json;
  for (std::size_t i = 0; i < depth; ++i) {
    const Any::Array* array = at->AsArray();
    if (array == nullptr || array->size() != 1) return Wrong("an array is missing");
    at = &array->front();
  }
  if (at->AsArray() == nullptr || *at->AsArray() != Any::Array{"bottom"}) {
    return Wrong("the innermost value is missing");
  }
  return absl::OkStatus();
}

absl::StatusOr<Sample> NestInDepth(std::size_t size) {
  const Listened doc(1);
  const double seconds = Seconds([&] { Nest(size, *doc); });
  if (absl::Status status = IsNested(size, *doc); !status.ok()) return status;
  return Sample{.seconds = seconds, .bytes = doc.update_bytes()};
}

absl::StatusOr<Sample> LoadAndReadNestedInDepth(std::size_t size) {
  const Bytes state = StateAfter([&](Doc& doc) { Nest(size, doc); });
  const std::unique_ptr<Doc> doc = MakeDoc(2);
  absl::Status status;
  Any json;
  const double seconds = Seconds([&] {
    status = doc->ApplyUpdate(state);
    json = doc->GetArray("array").ToJson();
  });
  if (status.ok()) status = IsNested(size, *doc);
  if (!status.ok()) return status;
  return Sample{.seconds = seconds, .bytes = state.size()};
}

absl::StatusOr<Sample> DeleteNestedInDepth(std::size_t size) {
  const Listened doc(1);
  Nest(size, *doc);
  Array array = doc->GetArray("array");
  const double seconds = Seconds([&] { array.Delete(0, 1); });
  if (array.length() != 0) return Wrong("something is left");
  return Sample{.seconds = seconds};
}

// Texts side by side under the keys of a map, each with an edit: a transaction each.
absl::StatusOr<Sample> NestInBreadth(std::size_t size) {
  const Listened doc(1);
  Map map = doc->GetMap("map");
  const double seconds = Seconds([&] {
    for (std::size_t i = 0; i < size; ++i) {
      doc->Transact("", [&] { map.SetText(absl::StrCat("text", i)).Insert(0, "x"); });
    }
  });
  if (map.size() != size) return Wrong("texts are missing");
  return Sample{.seconds = seconds, .bytes = doc.update_bytes()};
}

}  // namespace

void AddStructureShapes() {
  AddGrowth("Shape/SetOneKeyAgainAndAgain", Doublings(1'000'000), SetOneKeyAgainAndAgain);
  AddGrowth("Shape/ReceiveOneKeyAgainAndAgain", Doublings(400'000), ReceiveOneKeyAgainAndAgain);
  AddGrowth("Shape/SetManyKeys", Doublings(400'000), SetManyKeys);
  AddGrowth("Shape/MakeAnArrayOfMaps", Doublings(1'000'000), MakeAnArrayOfMaps);
  AddGrowth("Shape/LoadAnArrayOfMaps", Doublings(1'000'000), LoadAnArrayOfMaps);
  AddGrowth("Shape/NestInDepth", Doublings(10'000), NestInDepth);
  AddGrowth("Shape/LoadAndReadNestedInDepth", Doublings(10'000), LoadAndReadNestedInDepth);
  AddGrowth("Shape/DeleteNestedInDepth", Doublings(10'000), DeleteNestedInDepth);
  AddGrowth("Shape/NestInBreadth", Doublings(10'000), NestInBreadth);
}

}  // namespace weft::bench
