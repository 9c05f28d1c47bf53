// An update in either format is applied or refused; a refused one changes nothing, and Validate() holds.

#include <cstddef>
#include <cstdint>

#include "crdt/base/check.h"
#include "crdt/doc.h"

// The first byte says the format; two updates follow, cut where the second byte says.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft::crdt;
  if (size < 2) return 0;
  const UpdateFormat format = (data[0] & 1) != 0 ? UpdateFormat::kV2 : UpdateFormat::kV1;
  const ByteView input(data + 2, size - 2);
  const std::size_t cut = input.size() * data[1] / 255;
  Doc doc({.client_id = ClientId{77},
           .gc = (data[0] & 2) == 0,
           .limits = {.update_blocks = 20'000, .pending_bytes = 1 << 16}});
  doc.GetText("t");
  for (const ByteView update : {input.first(cut), input.subspan(cut)}) {
    const Bytes before = doc.EncodeStateAsUpdate();
    const bool applied = doc.ApplyUpdate(update, "", format).ok();
    CHECK(doc.Validate().ok());
    const Bytes after = doc.EncodeStateAsUpdate();
    CHECK(applied || after == before);
    // What a document says of itself is understood by another one, and says the same again.
    Doc copy({.client_id = ClientId{78}, .gc = (data[0] & 2) == 0});
    CHECK(copy.ApplyUpdate(after).ok());
    CHECK(copy.Validate().ok());
    CHECK(copy.GetStateVector() == doc.GetStateVector());
    doc.ToJson();
  }
  doc.GetText("t").Insert(doc.GetText("t").length() / 2, "edit");
  CHECK(doc.Validate().ok());
  return 0;
}
