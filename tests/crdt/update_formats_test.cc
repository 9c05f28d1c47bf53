// Both update formats against what the real Yjs wrote (golden/make_formats.mjs).

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "crdt/doc.h"
#include "crdt/update_builder.h"
#include "crdt/update_merge.h"
#include "tests/crdt/golden/golden.h"

namespace weft::crdt {
namespace {

constexpr UpdateFormat kV1 = UpdateFormat::kV1;
constexpr UpdateFormat kV2 = UpdateFormat::kV2;

std::vector<golden::Case> FormatCases(const std::string& kind) {
  std::ifstream file(std::string(WEFT_CRDT_TESTS) + "/golden/formats.txt");
  std::vector<golden::Case> cases;
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    std::string field;
    fields >> field;
    if (field != kind) continue;
    golden::Case found;
    while (fields >> field) found.push_back(field);
    cases.push_back(found);
  }
  EXPECT_FALSE(cases.empty()) << "golden/formats.txt has no case of kind " << kind;
  return cases;
}

std::string HexOrStatus(const absl::StatusOr<Bytes>& bytes) {
  return bytes.ok() ? golden::ToHex(*bytes) : std::string(bytes.status().message());
}

// A document that got one update.
std::string StateAfter(const std::string& update, UpdateFormat format, UpdateFormat encoded) {
  Doc doc({.client_id = ClientId{7}});
  const absl::Status status = doc.ApplyUpdate(golden::FieldBytes(update), "", format);
  if (!status.ok()) return std::string(status.message());
  EXPECT_EQ(doc.Validate(), absl::OkStatus());
  return golden::ToHex(doc.EncodeStateAsUpdate({}, encoded));
}

TEST(UpdateFormats, AStateIsReadAndWrittenInEitherFormatAsYjsWritesIt) {
  for (const golden::Case& state : FormatCases("state")) {
    EXPECT_EQ(StateAfter(state[0], kV1, kV1), state[0]);
    EXPECT_EQ(StateAfter(state[0], kV1, kV2), state[1]);
    EXPECT_EQ(StateAfter(state[1], kV2, kV1), state[0]);
    EXPECT_EQ(StateAfter(state[1], kV2, kV2), state[1]);
  }
}

TEST(UpdateFormats, UpdatesAreMergedInEitherFormatAsYjsMergesThem) {
  for (const golden::Case& merge : FormatCases("merge")) {
    std::vector<Bytes> v1;
    std::vector<Bytes> v2;
    for (const std::string& part : golden::Split(merge[2], ',')) {
      v2.push_back(golden::FieldBytes(part));
      absl::StatusOr<Bytes> converted = ConvertUpdate(v2.back(), kV2, kV1);
      ASSERT_TRUE(converted.ok()) << converted.status();
      EXPECT_EQ(HexOrStatus(ConvertUpdate(*converted, kV1, kV2)), part);
      v1.push_back(*std::move(converted));
    }
    EXPECT_EQ(HexOrStatus(MergeUpdates(std::vector<ByteView>(v1.begin(), v1.end()))), merge[0]);
    EXPECT_EQ(HexOrStatus(MergeUpdates(std::vector<ByteView>(v2.begin(), v2.end()), {}, kV2)),
              merge[1]);
  }
}

TEST(UpdateFormats, AnUpdateIsCutInEitherFormatAsYjsCutsIt) {
  for (const golden::Case& diff : FormatCases("diff")) {
    const Bytes update = golden::FieldBytes(diff[0]);
    const absl::StatusOr<StateVector> known = DecodeStateVector(golden::FieldBytes(diff[1]));
    ASSERT_TRUE(known.ok());
    EXPECT_EQ(HexOrStatus(DiffUpdate(update, *known)), diff[2]);
    const absl::StatusOr<Bytes> v2 = ConvertUpdate(update, kV1, kV2);
    ASSERT_TRUE(v2.ok());
    EXPECT_EQ(HexOrStatus(DiffUpdate(*v2, *known, {}, kV2)), diff[3]);
    const absl::StatusOr<StateVector> own = StateVectorOfUpdate(update);
    ASSERT_TRUE(own.ok());
    EXPECT_EQ(golden::ToHex(EncodeStateVector(*own)), diff[4]);
  }
}

TEST(UpdateFormats, WhatWaitsIsPartOfTheStateInEitherFormat) {
  for (const golden::Case& pending : FormatCases("pending")) {
    EXPECT_EQ(StateAfter(pending[0], kV1, kV1), pending[1]);
    EXPECT_EQ(StateAfter(pending[0], kV1, kV2), pending[2]);
  }
}

TEST(UpdateFormats, ATransactionIsEmittedInTheFormatThatASubscriberAskedFor) {
  Doc doc({.client_id = ClientId{1}});
  Doc copy({.client_id = ClientId{2}});
  std::vector<std::string> emitted;
  const Subscription v1 = doc.OnUpdate([&](const UpdateEvent& event) {
    emitted.push_back(HexOrStatus(ConvertUpdate(event.update, kV1, kV2)));
  });
  const Subscription v2 = doc.OnUpdate(
      [&](const UpdateEvent& event) {
        EXPECT_EQ(golden::ToHex(event.update), emitted.back());
        EXPECT_EQ(copy.ApplyUpdate(event.update, "", kV2), absl::OkStatus());
      },
      kV2);
  doc.GetText("t").Insert(0, "a\u20ac");
  doc.GetText("t").Delete(0, 1);
  EXPECT_EQ(copy.EncodeStateAsUpdate(), doc.EncodeStateAsUpdate());
}

// A few bytes of a run-length column can claim any number of blocks: the limit on blocks holds.
TEST(UpdateFormats, ADamagedUpdateInColumnsNeverBreaksADocument) {
  const Bytes update = golden::FieldBytes(FormatCases("state").front()[1]);
  for (std::size_t i = 0; i < update.size(); ++i) {
    for (const int change : {0x01, 0x40, 0x80, 0xff}) {
      Bytes damaged = update;
      damaged[i] = static_cast<std::uint8_t>(damaged[i] ^ change);
      Doc doc({.limits = {.update_blocks = 100'000}});
      if (doc.ApplyUpdate(damaged, "", kV2).ok()) {
        EXPECT_EQ(doc.Validate(), absl::OkStatus());
      }
    }
  }
}

// Format v1 has JSON text for embeds and formats, and none for undefined: a document that took one in
// columns could not say its state, and with a part that waits it came to a CHECK.
TEST(UpdateFormats, AnEmbedThatJsonCannotSayIsRefusedInColumns) {
  for (const bool waits : {false, true}) {
    for (const ContentKind kind : {ContentKind::kEmbed, ContentKind::kFormat}) {
      Block block{.id = {ClientId{1}, 0}, .length = 1, .kind = kind};
      block.has_origin = waits;
      block.origin = {ClientId{2}, 7};
      if (!waits) {
        block.parent = Block::Parent::kRoot;
        block.root_name = "t";
      }
      block.text = "bold";
      const Any undefined[] = {Any()};
      UpdateBuilder builder(kV2);
      builder.Add(block, undefined);
      const Bytes update = std::move(builder).Finish({});
      EXPECT_EQ(DecodeUpdate(update, {}, kV2).status().code(), absl::StatusCode::kInvalidArgument);
      EXPECT_EQ(ConvertUpdate(update, kV2, kV1).status().code(),
                absl::StatusCode::kInvalidArgument);
      Doc doc;
      EXPECT_EQ(doc.ApplyUpdate(update, "", kV2).code(), absl::StatusCode::kInvalidArgument);
      EXPECT_FALSE(doc.has_pending());
      EXPECT_EQ(golden::ToHex(doc.EncodeStateAsUpdate()), "0000");
    }
  }
}

// No writer does that. Client 1 has collected blocks [34, 40) here, and [0, 5).
TEST(UpdateFormats, AClientThatAnUpdateNamesTwiceKeepsItsClocks) {
  const Bytes update = {2, 1, 1, 34, 0, 6, 1, 1, 0, 0, 5, 0};
  const absl::StatusOr<Bytes> v2 = ConvertUpdate(update, kV1, kV2);
  ASSERT_TRUE(v2.ok());
  EXPECT_EQ(HexOrStatus(ConvertUpdate(*v2, kV2, kV1)), golden::ToHex(update));
  StateVector known;
  known.Set(ClientId{1}, 3);
  EXPECT_EQ(HexOrStatus(DiffUpdate(update, known)),
            golden::ToHex(Bytes{2, 1, 1, 34, 0, 6, 1, 1, 3, 0, 2, 0}));
  known.Set(ClientId{1}, 36);
  EXPECT_EQ(HexOrStatus(DiffUpdate(update, known)), golden::ToHex(Bytes{1, 1, 1, 36, 0, 4, 0}));
}

}  // namespace
}  // namespace weft::crdt
