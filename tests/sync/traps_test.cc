// Traps that implementations of the protocols have fallen into, a test each.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "crdt/doc.h"
#include "sync/session.h"
#include "tests/sync/awareness_peer.h"

namespace weft::sync {
namespace {

using crdt::Bytes;
using crdt::ByteView;

TimePoint At(std::int64_t ms) { return TimePoint(Duration(ms)); }

Bytes AwarenessFrame(const std::vector<AwarenessEntry>& entries) {
  return EncodeMessage(AwarenessUpdate{EncodeEntries(entries)});
}

TEST(TrapsProtocol, T33Step2CarriesAllDeletesEvenForOneWhoIsUpToDateAndGoesToHimAlone) {
  crdt::Doc doc({.client_id = crdt::ClientId{1}});
  doc.GetText("t").Insert(0, "abc");
  doc.GetText("t").Delete(1, 1);
  SharedDocument document;
  Session writer(&document);
  ASSERT_TRUE(writer.Receive(EncodeMessage(Update{doc.EncodeStateAsUpdate()}), At(0)).ok());
  Session reader(&document);
  // The server asks first, or nobody would hear of what the client wrote offline.
  const Effects opening = reader.Open();
  ASSERT_FALSE(opening.empty());
  EXPECT_EQ(*std::get<Reply>(opening[0]).frame,
            EncodeMessage(SyncStep1{EncodeStateVector(doc.GetStateVector())}));
  const auto effects =
      reader.Receive(EncodeMessage(SyncStep1{EncodeStateVector(doc.GetStateVector())}), At(0));
  ASSERT_TRUE(effects.ok());
  ASSERT_EQ(effects->size(), 1u);
  ASSERT_TRUE(std::holds_alternative<Reply>((*effects)[0]));
  const Bytes only_deletes = {0, 1, 1, 1, 1, 1};  // no structs; client 1: [1, 2)
  EXPECT_EQ(*std::get<Reply>((*effects)[0]).frame, EncodeMessage(SyncStep2{only_deletes}));
}

TEST(TrapsProtocol, T34OfAStateTheNewerClockCountsAndNullOfTheSameClock) {
  Awareness awareness;
  const SessionId anna{1};
  const auto accepts = [&](std::uint64_t clock, const std::string& json) {
    const auto applied = awareness.Apply(anna, EncodeEntries({{7, clock, json}}), At(0));
    return applied.ok() && !applied->to_all.empty();
  };
  EXPECT_FALSE(accepts(0, "{}")) << "a first state starts at 1";
  EXPECT_TRUE(accepts(1, "{}"));
  EXPECT_FALSE(accepts(1, R"({"later":1})")) << "an old clock";
  EXPECT_TRUE(accepts(1, "null")) << "who leaves may do so with the clock that is known";
  EXPECT_FALSE(accepts(1, "{}")) << "an echo brings nobody back";
  EXPECT_TRUE(accepts(2, "{}"));
}

TEST(TrapsProtocol, T35TypesOfOtherDialectsAreIgnoredAndCloseNothing) {
  SharedDocument document;
  Session session(&document);
  for (unsigned type = 4; type <= 110; ++type) {
    if (type == 102) continue;  // the marker of y-sweet, which is known
    const Bytes frame{static_cast<std::uint8_t>(type), 1, 2, 3};
    const auto effects = session.Receive(frame, At(0));
    ASSERT_TRUE(effects.ok()) << type << ": " << effects.status();
    EXPECT_TRUE(effects->empty()) << type;
  }
  EXPECT_TRUE(session.Receive(AwarenessFrame({{7, 1, "{}"}}), At(0)).ok());
}

}  // namespace
}  // namespace weft::sync
