// Updates joined as somebody's typing make the document that they make one by one.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "crdt/base/check.h"
#include "crdt/doc.h"
#include "fuzz/named_once.h"
#include "sync/message.h"
#include "sync/typing_run.h"

namespace {

using namespace weft;

// Whether all of them were taken.
bool ApplyAll(crdt::Doc& doc, const std::vector<crdt::Bytes>& frames) {
  for (const crdt::Bytes& frame : frames) {
    const auto message = sync::DecodeMessage(frame);
    if (!message.ok()) return false;
    const auto* update = std::get_if<sync::Update>(&*message);
    if (update == nullptr || !doc.ApplyUpdate(update->update).ok()) return false;
  }
  return true;
}

}  // namespace

// Updates, each after a byte with its size.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<crdt::Bytes> frames;
  for (crdt::ByteView rest(data, size); !rest.empty();) {
    const std::size_t length = std::min<std::size_t>(rest[0], rest.size() - 1);
    frames.push_back(sync::EncodeMessage(sync::Update{rest.subspan(1, length)}));
    rest = rest.subspan(1 + length);
  }
  std::vector<crdt::Update> updates;
  for (const crdt::Bytes& frame : frames) {
    const auto message = sync::DecodeMessage(frame);
    auto update = crdt::DecodeUpdate(std::get<sync::Update>(*message).update);
    if (update.ok()) updates.push_back(*std::move(update));
  }
  if (!fuzz::NameEachIdOnce(updates)) return 0;
  std::vector<crdt::Bytes> joined;
  sync::TypingRun run;
  const auto take = [&] {
    if (run.empty()) return;
    const crdt::ByteView frame = run.Take();
    joined.emplace_back(frame.begin(), frame.end());
  };
  for (const crdt::Bytes& frame : frames) {
    if (run.Add(frame)) continue;
    take();
    if (!run.Add(frame)) joined.push_back(frame);
  }
  take();
  CHECK(joined.size() <= frames.size());

  crdt::Doc::Options options;
  options.client_id = crdt::ClientId{1};
  crdt::Doc one_by_one(options);
  if (!ApplyAll(one_by_one, frames)) return 0;
  crdt::Doc together(options);
  CHECK(ApplyAll(together, joined));
  CHECK(together.GetStateVector() == one_by_one.GetStateVector());
  CHECK(together.has_pending() == one_by_one.has_pending());
  // What waits is kept as it came, in one block or in several.
  if (together.has_pending()) return 0;
  CHECK(together.EncodeStateAsUpdate() == one_by_one.EncodeStateAsUpdate());
  return 0;
}
