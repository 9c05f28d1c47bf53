// A snapshot that decodes is encoded again as what it is, in either format, and a document shows it or says why not.

#include <cstddef>
#include <cstdint>
#include <memory>

#include "crdt/base/check.h"
#include "crdt/delta.h"
#include "crdt/doc.h"
#include "crdt/snapshot.h"
#include "crdt/update.h"
#include "fuzz/cost_meter.h"
#include "fuzz/input.h"

namespace {

using namespace weft::crdt;

constexpr weft::fuzz::CostBound kBound{.memory_base = 1 << 16,
                                       .memory_per_byte = 1'024,
                                       .steps_base = 100'000,
                                       .steps_per_byte = 5'000};

// A document with a past, which every snapshot is shown of: clients 1 and 2, their texts, formats,
// entries and nested types, some of it deleted.
std::unique_ptr<Doc> MakeDocument() {
  auto doc = std::make_unique<Doc>(Doc::Options{.client_id = ClientId{1}, .gc = false});
  doc->GetText("t").Insert(0, "hello \U0001F600 world");
  doc->GetText("t").Format(2, 6, {{"bold", true}});
  doc->GetText("t").Delete(4, 5);
  doc->set_client_id(ClientId{2});
  doc->GetText("t").Insert(1, "xyz");
  doc->GetArray("a").Insert(0, {1, 2, 3});
  doc->GetArray("a").InsertMap(1).Set("k", "v");
  doc->GetArray("a").Delete(0, 1);
  doc->GetMap("m").Set("k", 1);
  doc->GetMap("m").Set("k", 2);
  return doc;
}

}  // namespace

// A pack: a snapshot, another one, an update. Flags: the format.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const weft::fuzz::Pack pack = weft::fuzz::ReadPack({data, size});
  if (pack.parts.empty()) return 0;
  const UpdateFormat format = pack.flag(0) ? UpdateFormat::kV2 : UpdateFormat::kV1;
  const weft::fuzz::CostMeter cost;
  const absl::StatusOr<Snapshot> snapshot = Snapshot::Decode(pack.parts[0], format);
  cost.Check(kBound, pack.parts[0].size());
  if (!snapshot.ok()) return 0;
  CHECK(snapshot->deletes().Validate().ok() && snapshot->state().Validate().ok());
  for (const UpdateFormat other : {UpdateFormat::kV1, UpdateFormat::kV2}) {
    const absl::StatusOr<Snapshot> again = Snapshot::Decode(snapshot->Encode(other), other);
    CHECK(again.ok() && *again == *snapshot);
  }

  const std::unique_ptr<Doc> doc = MakeDocument();
  Text text = doc->GetText("t");
  text.ToDelta(*snapshot);
  if (pack.parts.size() > 1) {
    const absl::StatusOr<Snapshot> previous = Snapshot::Decode(pack.parts[1], format);
    if (previous.ok()) text.ToDelta(*snapshot, &*previous);
  }
  CHECK(doc->Validate().ok());
  if (pack.parts.size() > 2) {
    const auto contains = snapshot->Contains(pack.parts[2], format, {.update_blocks = 20'000});
    CHECK(contains.ok() == DecodeUpdate(pack.parts[2], {.update_blocks = 20'000}, format).ok());
  }
  const auto then = doc->DocAt(*snapshot, {.client_id = ClientId{3}, .gc = false});
  CHECK(doc->Validate().ok());
  CHECK(!then.ok() || (*then)->Validate().ok());
  return 0;
}
