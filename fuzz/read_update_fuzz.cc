// All that reads updates agrees on what is one and what is in it, and an account of it is bounded.

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>

#include "crdt/base/check.h"
#include "crdt/update_inspect.h"
#include "crdt/update_merge.h"
#include "crdt/update_meta.h"
#include "crdt/update_obfuscate.h"
#include "crdt/update_weight.h"
#include "fuzz/cost_meter.h"
#include "fuzz/input.h"

namespace {

constexpr weft::fuzz::CostBound kBound{.memory_base = 24 << 20,
                                       .memory_per_byte = 2'048,
                                       .steps_base = 20'000'000,
                                       .steps_per_byte = 20'000};

}  // namespace

// A pack of updates, each by itself. Flags: the format, and what is obfuscated.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft::crdt;
  const weft::fuzz::Pack pack = weft::fuzz::ReadPack({data, size});
  const UpdateFormat format = pack.flag(0) ? UpdateFormat::kV2 : UpdateFormat::kV1;
  const DecodeLimits limits{.update_blocks = 20'000, .update_memory_floor = 8 << 20};
  for (const ByteView bytes : pack.parts) {
    const absl::StatusOr<Update> update = DecodeUpdate(bytes, limits, format);
    const weft::fuzz::CostMeter cost;
    const auto summary = SummarizeUpdate(bytes, format, limits);
    CHECK(summary.ok() == update.ok());
    const auto meta = ParseUpdateMeta(bytes, format, limits);
    CHECK(meta.ok() == update.ok());
    const auto weight = WeighUpdate(bytes, format, limits);
    CHECK(weight.ok() == update.ok());
    const InspectOptions options{.blocks = 50, .ranges = 50, .shown_bytes = 20};
    const auto account = InspectUpdate(bytes, format, options, limits);
    CHECK(account.ok() == update.ok());
    CHECK(StateVectorOfUpdate(bytes, limits, format).ok() == update.ok());
    cost.Check(kBound, bytes.size());
    if (!update.ok()) continue;

    CHECK(summary->bytes == bytes.size());
    std::uint64_t elements = 0;
    for (const Block& block : update->blocks) {
      if (block.kind != ContentKind::kSkip) elements += block.length;
    }
    CHECK(summary->all.elements == elements);
    CHECK(account->size() < 100'000);
    // Of a client in several places the first place may begin behind the end of the last, as in Yjs.
    std::set<ClientId> clients;
    bool each_once = true;
    for (const Update::Section& section : update->sections) {
      each_once = clients.insert(section.client).second && each_once;
    }
    for (const UpdateMeta::ClientClocks& client : meta->clients) {
      CHECK(!each_once || client.from <= client.to);
    }

    const ObfuscateOptions hidden{
        .formatting = pack.flag(1), .subdocs = pack.flag(2), .yxml = pack.flag(3)};
    const auto obfuscated = ObfuscateUpdate(bytes, hidden, format, limits);
    CHECK(obfuscated.ok());
    const auto without = SummarizeUpdate(*obfuscated, format, {.update_blocks = 100'000});
    CHECK(without.ok());
    CHECK(without->all.elements == summary->all.elements);
    CHECK(without->deleted == summary->deleted);
  }
  return 0;
}
