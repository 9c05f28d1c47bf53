// No message breaks a session or the document that it shares with others, or counts as our own fault; its cost is bounded, and written it is the same message.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <variant>

#include "crdt/base/check.h"
#include "fuzz/cost_meter.h"
#include "fuzz/input.h"
#include "sync/close.h"
#include "sync/message.h"
#include "sync/session.h"
#include "sync/shared_document.h"

namespace {

constexpr weft::fuzz::CostBound kBound{.memory_base = 32 << 20,
                                       .memory_per_byte = 4'096,
                                       .steps_base = 40'000'000,
                                       .steps_per_byte = 40'000};

void CheckWriting(weft::crdt::ByteView message) {
  const auto read = weft::sync::DecodeMessage(message);
  if (!read.ok()) return;
  const weft::crdt::Bytes written = weft::sync::EncodeMessage(*read);
  const auto again = weft::sync::DecodeMessage(written);
  // Of a message that nobody knows the type is kept alone.
  if (std::holds_alternative<weft::sync::Unknown>(*read)) return;
  CHECK(again.ok() && again->index() == read->index());
  CHECK(weft::sync::EncodeMessage(*again) == written);
}

}  // namespace

// A pack of messages, which two sessions send in turn. Flags: whether the second may write.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft::sync;
  const weft::fuzz::Pack pack = weft::fuzz::ReadPack({data, size});
  SharedDocument document({.limits = {.update_blocks = 20'000,
                                      .update_memory = 64 << 20,
                                      .update_memory_floor = 8 << 20,
                                      .pending_bytes = 1 << 16,
                                      .conflict_steps = 1 << 14},
                           .awareness = {},
                           .document_bytes = 1 << 16});
  Session first(&document);
  Session second(&document, {.access = pack.flag(0) ? Access::kReadWrite : Access::kReadOnly});
  first.Open();
  second.Open();
  TimePoint now{};
  bool takes_first = true;
  for (const weft::crdt::ByteView message : pack.parts) {
    Session& session = takes_first ? first : second;
    takes_first = !takes_first;
    CheckWriting(message);
    {
      const weft::fuzz::CostMeter cost;
      const auto effects = session.Receive(message, now);
      cost.Check(kBound, size);
      CHECK(effects.ok() || CloseFor(effects.status()).code != CloseCode::kInternalError);
    }
    CHECK(document.awareness().Validate().ok());
    now += std::chrono::seconds(1);
  }
  ExpireAwareness(document, now);
  const weft::crdt::Bytes vector = document.EncodeStateVector();
  CHECK(document.DiffFor(vector).ok());
  CHECK(first.TellEverything().ok());
  first.Close();
  second.Close();
  return 0;
}
