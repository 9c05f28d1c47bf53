// libFuzzer's mutations of a pack of updates (input.h): whole updates come, go and change places,
// and single ones change by their grammar (update_mutator.h). The lowest bit of the flags says the
// format.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "crdt/update_merge.h"
#include "fuzz/input.h"
#include "fuzz/update_mutator.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace {

using namespace weft;
using crdt::Bytes;
using crdt::ByteView;
using crdt::UpdateFormat;

std::vector<Bytes> CopyParts(const fuzz::Pack& pack) {
  std::vector<Bytes> parts;
  for (const ByteView part : pack.parts) parts.emplace_back(part.begin(), part.end());
  return parts;
}

UpdateFormat FormatOf(std::uint8_t flags) {
  return (flags & 1) != 0 ? UpdateFormat::kV2 : UpdateFormat::kV1;
}

// The same updates in the other format, those that are any.
void ChangeFormat(std::uint8_t& flags, std::vector<Bytes>& parts) {
  const UpdateFormat from = FormatOf(flags);
  flags ^= 1;
  for (Bytes& part : parts) {
    auto converted =
        crdt::ConvertUpdate(part, from, FormatOf(flags),
                            {.update_blocks = 2'000, .update_memory = std::size_t{16} << 20});
    if (converted.ok()) part = *std::move(converted);
  }
}

void Change(std::uint8_t& flags, std::vector<Bytes>& parts, fuzz::Random& random) {
  const UpdateFormat format = FormatOf(flags);
  const std::uint64_t choice = fuzz::Below(random, 20);
  if (parts.empty() || choice == 0) {
    parts.push_back(
        fuzz::MakeUpdate(parts.empty() ? ByteView() : ByteView(parts.back()), format, random));
    return;
  }
  const std::size_t at = fuzz::Below(random, parts.size());
  const std::size_t other = fuzz::Below(random, parts.size());
  const auto place = parts.begin() + static_cast<std::ptrdiff_t>(at);
  switch (choice) {
    case 1:
      flags = static_cast<std::uint8_t>(flags ^ (2u << fuzz::Below(random, 7)));
      return;
    case 2:
      return ChangeFormat(flags, parts);
    case 3:
      parts.erase(place);
      return;
    case 4:
      parts.push_back(Bytes(*place));
      return;
    case 5:
      std::swap(parts[at], parts[other]);
      return;
    case 6: {
      const ByteView both[] = {parts[at], parts[other]};
      auto merged = crdt::MergeUpdates(both, {.update_blocks = 2'000}, format);
      if (merged.ok()) parts[at] = *std::move(merged);
      return;
    }
    default:
      *place = fuzz::MutateUpdate(*place, format, random, LLVMFuzzerMutate);
      return;
  }
}

// What does not fit is no mutation.
std::size_t Put(const Bytes& pack, std::uint8_t* data, std::size_t size, std::size_t max_size) {
  if (pack.empty() || pack.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::memcpy(data, pack.data(), pack.size());
  return pack.size();
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned int seed) {
  fuzz::Random random(seed);
  if (fuzz::Below(random, 10) == 0) return LLVMFuzzerMutate(data, size, max_size);
  const fuzz::Pack pack = fuzz::ReadPack({data, size});
  std::uint8_t flags = pack.flags;
  std::vector<Bytes> parts = CopyParts(pack);
  Change(flags, parts, random);
  return Put(fuzz::WritePack(flags, parts), data, size, max_size);
}

extern "C" std::size_t LLVMFuzzerCustomCrossOver(const std::uint8_t* data1, std::size_t size1,
                                                 const std::uint8_t* data2, std::size_t size2,
                                                 std::uint8_t* out, std::size_t max_out_size,
                                                 unsigned int seed) {
  fuzz::Random random(seed);
  const fuzz::Pack first = fuzz::ReadPack({data1, size1});
  const fuzz::Pack second = fuzz::ReadPack({data2, size2});
  std::uint8_t flags = second.flags;
  std::vector<Bytes> theirs = CopyParts(second);
  if ((flags & 1) != (first.flags & 1)) ChangeFormat(flags, theirs);
  std::vector<Bytes> parts = CopyParts(first);
  for (Bytes& part : theirs) {
    const std::size_t at = fuzz::Below(random, parts.size() + 1);
    parts.insert(parts.begin() + static_cast<std::ptrdiff_t>(at), std::move(part));
  }
  const Bytes pack = fuzz::WritePack(first.flags, parts);
  if (pack.size() > max_out_size) return 0;
  std::memcpy(out, pack.data(), pack.size());
  return pack.size();
}
