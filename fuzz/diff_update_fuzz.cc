// What a diff leaves out is known and what it keeps is not; an update and its parts bring the same.

#include <cstddef>
#include <cstdint>

#include "crdt/base/check.h"
#include "crdt/update_compare.h"
#include "crdt/update_intersect.h"
#include "crdt/update_merge.h"
#include "fuzz/cost_meter.h"
#include "fuzz/input.h"
#include "fuzz/named_once.h"

namespace {

using namespace weft::crdt;

constexpr weft::fuzz::CostBound kBound{.memory_base = 24 << 20,
                                       .memory_per_byte = 2'048,
                                       .steps_base = 20'000'000,
                                       .steps_per_byte = 20'000};
constexpr DecodeLimits kLimits{.update_blocks = 20'000, .update_memory_floor = 8 << 20};
constexpr DecodeLimits kRoomy{.update_blocks = 2'000'000};

void CheckDiff(ByteView update, const Update& whole, const StateVector& known,
               UpdateFormat format) {
  const weft::fuzz::CostMeter cost;
  const absl::StatusOr<Bytes> diff = DiffUpdate(update, known, kLimits, format);
  cost.Check(kBound, update.size());
  CHECK(diff.ok());
  const absl::StatusOr<Update> rest = DecodeUpdate(*diff, kRoomy, format);
  CHECK(rest.ok());
  CHECK(rest->deletes == whole.deletes);
  for (const Block& block : rest->blocks) CHECK(block.end() > known.Get(block.id.client));
  for (const Update::Section& section : rest->sections) {
    CHECK(section.begin == section.end ||
          rest->blocks[section.begin].id.clock >= known.Get(section.client));
  }
}

bool HasWideText(const Update& update) {
  for (const Block& block : update.blocks) {
    for (const char c : block.text) {
      if (static_cast<unsigned char>(c) >= 0xed) return true;
    }
  }
  return false;
}

// Every second stretch of ids, of whatever is there.
DeleteSet SomeIds(const Update& update) {
  DeleteSet ids;
  bool takes = false;
  for (const Block& block : update.blocks) {
    takes = !takes;
    const Clock half = block.length / 2;
    if (takes) ids.Add(block.id.client, {block.id.clock, half});
    if (!takes) ids.Add(block.id.client, {block.id.clock + half, block.length - half});
  }
  for (const auto& client : update.deletes.clients()) {
    ids.Add(client.client, {client.ranges.front().clock, 1});
  }
  ids.SortAndMerge();
  return ids;
}

DeleteSet AllOther(const DeleteSet& ids, const Update& update) {
  DeleteSet clients;
  for (const Block& block : update.blocks) clients.Add(block.id.client, {0, 1});
  for (const auto& client : update.deletes.clients()) clients.Add(client.client, {0, 1});
  clients.SortAndMerge();
  DeleteSet others;
  for (const auto& client : clients.clients()) {
    Clock next = 0;
    for (const auto& some : ids.clients()) {
      if (some.client != client.client) continue;
      for (const IdRange& range : some.ranges) {
        others.Add(client.client, {next, range.clock - next});
        next = range.end();
      }
    }
    others.Add(client.client, {next, kMaxSafeInteger - next});
  }
  others.SortAndMerge();
  return others;
}

}  // namespace

// A pack of an update and a state vector. Flags: the format.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const weft::fuzz::Pack pack = weft::fuzz::ReadPack({data, size});
  if (pack.parts.empty()) return 0;
  const UpdateFormat format = pack.flag(0) ? UpdateFormat::kV2 : UpdateFormat::kV1;
  const ByteView update = pack.parts[0];
  const absl::StatusOr<Update> whole = DecodeUpdate(update, kLimits, format);
  if (!whole.ok()) {
    CHECK(!DiffUpdate(update, {}, kLimits, format).ok());
    CHECK(!IntersectUpdate(update, {}, format, kLimits).ok());
    return 0;
  }
  CheckDiff(update, *whole, {}, format);
  const absl::StatusOr<StateVector> vector = StateVectorOfUpdate(update, kLimits, format);
  CHECK(vector.ok() && vector->Validate().ok());
  CheckDiff(update, *whole, *vector, format);
  if (pack.parts.size() > 1) {
    if (const auto known = DecodeStateVector(pack.parts[1], 1'000); known.ok()) {
      CheckDiff(update, *whole, *known, format);
    }
  }

  const DeleteSet ids = SomeIds(*whole);
  const weft::fuzz::CostMeter cost;
  const absl::StatusOr<Bytes> some = IntersectUpdate(update, ids, format, kLimits);
  cost.Check(kBound, size);
  const absl::StatusOr<Bytes> others =
      IntersectUpdate(update, AllOther(ids, *whole), format, kLimits);
  CHECK(some.ok() && others.ok());
  const ByteView both[] = {*some, *others};
  const absl::StatusOr<Bytes> merged = MergeUpdates(both, kRoomy, format);
  CHECK(merged.ok());
  // A pair that was cut has become something else.
  CHECK(HasWideText(*whole) || !weft::fuzz::NameEachIdOnce({&*whole, 1}) ||
        *UpdatesEqual(*merged, update, format, kRoomy));
  return 0;
}
