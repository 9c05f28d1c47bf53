// libFuzzer's mutations of a pack of messages (input.h), or of messages behind their sizes as weft_v1 has
// them: whole messages come, go and change places, and single ones change by the grammar of the target,
// which WEFT_FUZZ_GRAMMAR names (message_mutator.h).

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "fuzz/input.h"
#include "fuzz/message_mutator.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace {

using namespace weft;
using crdt::Bytes;
using crdt::ByteView;

#ifndef WEFT_FUZZ_SIZED
#define WEFT_FUZZ_SIZED 0
#endif
constexpr bool kSized = WEFT_FUZZ_SIZED != 0;

struct Part {
  std::uint8_t to = 0;  // of sized messages: to whom they go
  Bytes message;
};
struct Input {
  std::uint8_t flags = 0;  // of a pack
  std::vector<Part> parts;
};

Input Read(ByteView bytes) {
  Input input;
  if (!kSized) {
    const fuzz::Pack pack = fuzz::ReadPack(bytes);
    input.flags = pack.flags;
    for (const ByteView part : pack.parts) input.parts.push_back({0, {part.begin(), part.end()}});
    return input;
  }
  fuzz::Script script(bytes);
  while (script.rest().size() >= 2) {
    const std::size_t size = script.Byte();
    const std::uint8_t to = script.Byte();
    const ByteView message = script.Take(size);
    input.parts.push_back({to, {message.begin(), message.end()}});
  }
  return input;
}

Bytes Write(const Input& input) {
  if (!kSized) {
    std::vector<Bytes> parts;
    for (const Part& part : input.parts) parts.push_back(part.message);
    return fuzz::WritePack(input.flags, parts);
  }
  Bytes out;
  for (const Part& part : input.parts) {
    const std::size_t size = std::min<std::size_t>(part.message.size(), 0xff);
    out.push_back(static_cast<std::uint8_t>(size));
    out.push_back(part.to);
    out.insert(out.end(), part.message.begin(),
               part.message.begin() + static_cast<std::ptrdiff_t>(size));
  }
  return out;
}

void Change(Input& input, fuzz::Random& random) {
  const fuzz::Grammar& grammar = fuzz::WEFT_FUZZ_GRAMMAR;
  std::vector<Part>& parts = input.parts;
  const std::uint64_t choice = fuzz::Below(random, 16);
  if (parts.empty() || choice <= 2) {
    const std::size_t at = fuzz::Below(random, parts.size() + 1);
    parts.insert(parts.begin() + static_cast<std::ptrdiff_t>(choice == 0 ? at : parts.size()),
                 {static_cast<std::uint8_t>(fuzz::Below(random, 16)), grammar.make(random)});
    return;
  }
  const std::size_t at = fuzz::Below(random, parts.size());
  const auto place = parts.begin() + static_cast<std::ptrdiff_t>(at);
  switch (choice) {
    case 3:
      input.flags = static_cast<std::uint8_t>(input.flags ^ (1u << fuzz::Below(random, 8)));
      place->to = static_cast<std::uint8_t>(fuzz::Below(random, 16));
      return;
    case 4:
      parts.erase(place);
      return;
    case 5:
      parts.push_back(Part(*place));
      return;
    case 6:
      std::swap(parts[at], parts[fuzz::Below(random, parts.size())]);
      return;
    default:
      place->message = grammar.mutate(place->message, random, LLVMFuzzerMutate);
      return;
  }
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned int seed) {
  fuzz::Random random(seed);
  if (fuzz::Below(random, 10) == 0) return LLVMFuzzerMutate(data, size, max_size);
  Input input = Read({data, size});
  Change(input, random);
  const Bytes out = Write(input);
  // What does not fit is no mutation.
  if (out.empty() || out.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::memcpy(data, out.data(), out.size());
  return out.size();
}

extern "C" std::size_t LLVMFuzzerCustomCrossOver(const std::uint8_t* data1, std::size_t size1,
                                                 const std::uint8_t* data2, std::size_t size2,
                                                 std::uint8_t* out, std::size_t max_out_size,
                                                 unsigned int seed) {
  fuzz::Random random(seed);
  Input first = Read({data1, size1});
  for (Part& part : Read({data2, size2}).parts) {
    const std::size_t at = fuzz::Below(random, first.parts.size() + 1);
    first.parts.insert(first.parts.begin() + static_cast<std::ptrdiff_t>(at), std::move(part));
  }
  const Bytes both = Write(first);
  if (both.size() > max_out_size) return 0;
  std::memcpy(out, both.data(), both.size());
  return both.size();
}
