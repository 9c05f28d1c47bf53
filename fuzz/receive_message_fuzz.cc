// No message breaks a session or the document that it shares with others, or counts as our own fault.

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "crdt/base/check.h"
#include "sync/close.h"
#include "sync/session.h"
#include "sync/shared_document.h"

// Messages, each behind a byte with its size; every other one goes to the second session.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft::sync;
  SharedDocument document(
      {.limits = {.update_blocks = 20'000, .pending_bytes = 1 << 16}, .awareness = {}});
  Session first(&document);
  Session second(&document, {.access = Access::kReadOnly});
  first.Open();
  second.Open();
  TimePoint now{};
  for (std::size_t at = 0; at < size;) {
    const std::size_t claimed = data[at++];
    const std::size_t length = claimed < size - at ? claimed : size - at;
    Session& session = at % 2 == 0 ? first : second;
    const auto effects = session.Receive({data + at, length}, now);
    CHECK(effects.ok() || CloseFor(effects.status()).code != CloseCode::kInternalError);
    at += length;
    now += std::chrono::seconds(1);
  }
  ExpireAwareness(document, now);
  const weft::crdt::Bytes vector = document.EncodeStateVector();
  CHECK(document.DiffFor(vector).ok());
  first.Close();
  second.Close();
  return 0;
}
