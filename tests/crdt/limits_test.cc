// Every limit of crdt/limits.h: what is at it passes, one past it is refused by name. And what the
// limits are for: no input costs more memory or time than is said there.

#include "crdt/limits.h"

#include <gtest/gtest.h>

#include <ctime>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crdt/codec/columns.h"
#include "crdt/codec/decode_budget.h"
#include "crdt/doc.h"
#include "crdt/json.h"
#include "crdt/update_merge.h"
#include "tests/crdt/allocation_meter.h"

namespace weft::crdt {
namespace {

constexpr UpdateFormat kFormats[] = {UpdateFormat::kV1, UpdateFormat::kV2};

Bytes InFormat(const Bytes& v1, UpdateFormat format) {
  absl::StatusOr<Bytes> converted = ConvertUpdate(v1, UpdateFormat::kV1, format);
  EXPECT_TRUE(converted.ok()) << converted.status();
  return *std::move(converted);
}

absl::Status ApplyWith(const DecodeLimits& limits, ByteView update, UpdateFormat format) {
  Doc doc({.client_id = ClientId{77}, .limits = limits});
  const Bytes before = doc.EncodeStateAsUpdate();
  absl::Status status = doc.ApplyUpdate(update, "", format);
  if (!status.ok()) {
    EXPECT_EQ(doc.EncodeStateAsUpdate(), before);
  }
  return status;
}

// `update` (of format v1) passes with the limit at `number`, and is refused by it one below.
void ExpectLimit(const std::string& name, std::size_t DecodeLimits::* limit, std::size_t number,
                 const Bytes& v1) {
  for (const UpdateFormat format : kFormats) {
    SCOPED_TRACE(absl::StrCat(name, format == UpdateFormat::kV1 ? " in v1" : " in v2"));
    const Bytes update = InFormat(v1, format);
    DecodeLimits limits;
    limits.*limit = number;
    EXPECT_EQ(ApplyWith(limits, update, format), absl::OkStatus());
    const ByteView twice[] = {update, update};
    EXPECT_TRUE(MergeUpdates(twice, limits, format).ok());
    limits.*limit = number - 1;
    const std::vector<absl::Status> refused = {
        ApplyWith(limits, update, format),
        DecodeUpdate(update, limits, format).status(),
        MergeUpdates(twice, limits, format).status(),
        DiffUpdate(update, {}, limits, format).status(),
        ConvertUpdate(update, format, UpdateFormat::kV1, limits).status(),
        StateVectorOfUpdate(update, limits, format).status()};
    for (const absl::Status& status : refused) {
      EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
      const std::string text(status.message());
      EXPECT_NE(text.find(absl::StrCat("limit ", name, " of ", number - 1, " ")), std::string::npos)
          << text;
    }
  }
}

TEST(DecodeLimits, BlocksOfAnUpdate) {
  Doc doc({.client_id = ClientId{1}});
  for (int i = 0; i < 10; ++i) doc.GetText("t").Insert(0, "x");
  ExpectLimit("update_blocks", &DecodeLimits::update_blocks, 10, doc.EncodeStateAsUpdate());
}

TEST(DecodeLimits, ClientsOfAnUpdate) {
  Doc doc({.client_id = ClientId{1}});
  for (std::uint64_t i = 1; i <= 5; ++i) {
    doc.set_client_id(ClientId{i});
    doc.GetText("t").Insert(0, "x");
  }
  ExpectLimit("update_clients", &DecodeLimits::update_clients, 5, doc.EncodeStateAsUpdate());
}

TEST(DecodeLimits, RangesOfADeleteSet) {
  Doc doc({.client_id = ClientId{1}});
  doc.GetText("t").Insert(0, "abcdefgh");
  for (std::size_t i = 0; i < 4; ++i) doc.GetText("t").Delete(i, 1);
  ExpectLimit("delete_ranges", &DecodeLimits::delete_ranges, 4, doc.EncodeStateAsUpdate());
}

Any Nested(std::size_t depth) {
  Any value(1);
  for (std::size_t i = 0; i < depth; ++i) {
    value =
        i % 2 == 0 ? Any(Any::Array{std::move(value)}) : Any(AnyObject{{"k", std::move(value)}});
  }
  return value;
}

TEST(DecodeLimits, NestingOfValues) {
  Doc doc({.client_id = ClientId{1}});
  doc.GetMap("m").Set("k", Nested(9));
  ExpectLimit("value_depth", &DecodeLimits::value_depth, 9, doc.EncodeStateAsUpdate());
}

// An embed, which is JSON text in v1: client 1 at clock 0, in the root "t".
Bytes UpdateWithEmbed(const Any& value) {
  ByteWriter out;
  for (const int byte : {1, 1, 1, 0, 5, 1}) out.WriteByte(static_cast<std::uint8_t>(byte));
  out.WriteString("t");
  out.WriteString(ToJsonText(value));
  out.WriteByte(0);
  return out.Take();
}

TEST(DecodeLimits, NestingOfJson) {
  ExpectLimit("value_depth", &DecodeLimits::value_depth, 9, UpdateWithEmbed(Nested(9)));
}

TEST(DecodeLimits, BytesOfAText) {
  Doc doc({.client_id = ClientId{1}});
  doc.GetText("t").Insert(0, std::string(100, 'x') + "\u20ac");
  ExpectLimit("string_bytes", &DecodeLimits::string_bytes, 103, doc.EncodeStateAsUpdate());
}

TEST(DecodeLimits, BytesOfAStringAmongValues) {
  Doc doc({.client_id = ClientId{1}});
  doc.GetArray("a").Insert(0, {Any(Any::Array{Any(std::string(100, 'x'))})});
  ExpectLimit("string_bytes", &DecodeLimits::string_bytes, 100, doc.EncodeStateAsUpdate());
}

TEST(DecodeLimits, BytesOfAKeyOfARootAndOfAnObject) {
  const std::string key(100, 'k');
  Doc entry({.client_id = ClientId{1}});
  entry.GetMap("m").Set(key, 1);
  ExpectLimit("key_bytes", &DecodeLimits::key_bytes, 100, entry.EncodeStateAsUpdate());
  Doc root({.client_id = ClientId{1}});
  root.GetMap(key).Set("k", 1);
  ExpectLimit("key_bytes", &DecodeLimits::key_bytes, 100, root.EncodeStateAsUpdate());
  Doc object({.client_id = ClientId{1}});
  object.GetMap("m").Set("k", Any(AnyObject{{key, Any(1)}}));
  ExpectLimit("key_bytes", &DecodeLimits::key_bytes, 100, object.EncodeStateAsUpdate());
}

TEST(DecodeLimits, BytesOfAnUpdate) {
  Doc doc({.client_id = ClientId{1}});
  doc.GetText("t").Insert(0, "hello");
  for (const UpdateFormat format : kFormats) {
    const Bytes update = doc.EncodeStateAsUpdate({}, format);
    EXPECT_TRUE(ApplyWith({.update_bytes = update.size()}, update, format).ok());
    const absl::Status status = ApplyWith({.update_bytes = update.size() - 1}, update, format);
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
    EXPECT_NE(
        std::string(status.message()).find(absl::StrCat("update_bytes of ", update.size() - 1)),
        std::string::npos);
  }
}

TEST(DecodeLimits, EntriesOfAStateVector) {
  StateVector vector;
  for (std::uint64_t i = 1; i <= 5; ++i) vector.Set(ClientId{i}, i);
  const Bytes bytes = EncodeStateVector(vector);
  EXPECT_TRUE(DecodeStateVector(bytes, 5).ok());
  const absl::Status status = DecodeStateVector(bytes, 4).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_NE(std::string(status.message()).find("state_vector_entries of 4"), std::string::npos);
}

TEST(DecodeLimits, BytesOfWhatWaits) {
  Doc writer({.client_id = ClientId{1}});
  std::vector<Bytes> updates;
  const Subscription subscription = writer.OnUpdate([&](const UpdateEvent& event) {
    updates.emplace_back(event.update.begin(), event.update.end());
  });
  for (const char* text : {"first", "second", "third"}) writer.GetText("t").Insert(0, text);
  // The third waits for the second; then the second, which waits for the first, fits or does not.
  const std::size_t waiting = updates[2].size();
  for (const std::size_t room : {updates[1].size(), updates[1].size() - 1}) {
    Doc doc({.limits = {.pending_bytes = waiting + room}});
    ASSERT_EQ(doc.ApplyUpdate(updates[2]), absl::OkStatus());
    const Bytes before = doc.EncodeStateAsUpdate();
    const absl::Status status = doc.ApplyUpdate(updates[1]);
    if (room == updates[1].size()) {
      EXPECT_EQ(status, absl::OkStatus());
    } else {
      EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
      EXPECT_NE(
          std::string(status.message()).find(absl::StrCat("pending_bytes of ", waiting + room)),
          std::string::npos);
      EXPECT_EQ(doc.EncodeStateAsUpdate(), before);
    }
    // What does not wait is let in, however full it is.
    ASSERT_EQ(doc.ApplyUpdate(updates[0]), absl::OkStatus());
    Doc other({.client_id = ClientId{2}});
    other.GetText("t").Insert(0, std::string(100, 'x'));
    ASSERT_EQ(doc.ApplyUpdate(other.EncodeStateAsUpdate()), absl::OkStatus());
    ASSERT_EQ(doc.ApplyUpdate(updates[1]), absl::OkStatus());
    EXPECT_FALSE(doc.has_pending());
  }
}

TEST(DecodeLimits, DeletesOfUnknownIdsCountAsWaiting) {
  Doc writer({.client_id = ClientId{1}});
  writer.GetText("t").Insert(0, std::string(200, 'x'));
  for (std::size_t i = 0; i < 100; ++i) writer.GetText("t").Delete(i, 1);
  const Bytes deletes = *DiffUpdate(writer.EncodeStateAsUpdate(), writer.GetStateVector());
  Doc doc({.limits = {.pending_bytes = deletes.size() + 100}});
  ASSERT_EQ(doc.ApplyUpdate(deletes), absl::OkStatus());
  EXPECT_EQ(doc.ApplyUpdate(deletes).code(), absl::StatusCode::kResourceExhausted);
  ASSERT_EQ(doc.ApplyUpdate(writer.EncodeStateAsUpdate()), absl::OkStatus());
  EXPECT_FALSE(doc.has_pending());
}

// -- What few bytes of columns can claim --

Bytes Varint(std::uint64_t number) {
  ByteWriter out;
  out.WriteVarUint(number);
  return out.Take();
}

struct Columns {
  Bytes clients, left_clocks, right_clocks, infos, strings = {0}, parent_infos, type_refs, lengths,
                                                   rest;
};
Bytes UpdateOf(const Columns& columns) {
  ByteWriter out;
  out.WriteVarUint(0);
  out.WriteBuffer({});
  for (const Bytes* column :
       {&columns.clients, &columns.left_clocks, &columns.right_clocks, &columns.infos,
        &columns.strings, &columns.parent_infos, &columns.type_refs, &columns.lengths}) {
    out.WriteBuffer(*column);
  }
  out.WriteBytes(columns.rest);
  return out.Take();
}

// One section of client 1 from clock 0 on with `count` blocks of the kind `info`, and no deletes.
Columns Section(std::uint64_t count, std::uint8_t info) {
  ByteWriter rest;
  rest.WriteVarUint(1);
  rest.WriteVarUint(count);
  rest.WriteVarUint(0);
  rest.WriteByte(0);
  Columns columns{.clients = {0x01}, .infos = {info}};
  columns.rest = rest.Take();
  columns.lengths = {0x41, 0x80, 0x80, 0x80, 0x80, 0x10};  // 1, two to the 32 times
  return columns;
}

struct Cost {
  absl::Status status;
  std::size_t memory = 0;
  double seconds = 0;
};
Cost CostOf(const std::function<absl::Status()>& work) {
  const AllocationMeter meter;
  // Of the processor: other programs may keep it from us.
  const std::clock_t start = std::clock();
  Cost cost{.status = work()};
  cost.seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  cost.memory = meter.peak();
  return cost;
}

TEST(DecodeLimits, TheUpdateOf27BytesThatHangsYjsIsRefusedBeforeItsFirstBlock) {
  const Bytes update = UpdateOf(Section(std::uint64_t{1} << 31, 0));
  ASSERT_EQ(update.size(), 27u);
  Doc doc({.client_id = ClientId{1}});
  for (int again = 0; again < 3; ++again) {
    const Cost cost = CostOf([&] { return doc.ApplyUpdate(update, "", UpdateFormat::kV2); });
    EXPECT_EQ(cost.status.code(), absl::StatusCode::kResourceExhausted);
    EXPECT_LT(cost.memory, 10'000u);
    EXPECT_LT(cost.seconds, 0.01) << "it takes microseconds";
  }
}

TEST(DecodeLimits, ClaimsOfCountsAreRefusedAtOnceInV1) {
  for (const Bytes& update : {Bytes{0xff, 0xff, 0xff, 0xff, 0x07, 1, 1, 0, 0},
                              Bytes{1, 0xff, 0xff, 0xff, 0xff, 7, 1, 0}}) {
    const Cost cost = CostOf([&] { return DecodeUpdate(update).status(); });
    EXPECT_EQ(cost.status.code(), absl::StatusCode::kInvalidArgument) << cost.status;
    EXPECT_LT(cost.memory, 10'000u);
  }
}

// As many blocks as the limits let through, of the kinds that take most.
TEST(DecodeLimits, NoUpdateOfAFewBytesTakesAGigabyteOrTwoSeconds) {
  struct Hostile {
    const char* what;
    Columns columns;
  };
  const Bytes many = Varint(std::uint64_t{1} << 32);
  const auto run = [&](Bytes head) {
    head.insert(head.end(), many.begin(), many.end());
    return head;
  };
  std::vector<Hostile> inputs;
  // The number of blocks is set below, as high as it may be.
  inputs.push_back({"collected blocks", Section(0, 0)});
  {
    // Deleted items in the root "", each in front of the one before: none of them merge.
    Columns columns = Section(0, 0);
    columns.infos = {0x01, 0, 0x41};
    columns.parent_infos = {1};
    columns.strings = {0, 0};
    columns.clients = run({0x41});
    columns.right_clocks = run({0x00, 0x03});  // 0, then one more each time
    inputs.push_back({"deleted items", columns});
  }
  {
    // Arrays in the root "", each behind the one before.
    Columns columns = Section(0, 0);
    columns.infos = {0x07, 0, 0x87};
    columns.parent_infos = {1};
    columns.strings = {0, 0};
    columns.clients = run({0x41});
    columns.left_clocks = run({0x00, 0x03});
    columns.type_refs = run({0x40});
    inputs.push_back({"types", columns});
  }
  {
    // Entries of one key, none of which knows of another: each search for the first of them is
    // longer.
    Columns columns = Section(0, 0);
    columns.infos = {0x21};
    columns.parent_infos = {1};
    columns.strings = run({0, 0x40});
    columns.parent_infos = {1};
    inputs.push_back({"entries of one key", columns});
  }
#if defined(__SANITIZE_ADDRESS__)
  const DecodeLimits limits{.update_memory_floor = std::size_t{16} << 20};
#else
  const DecodeLimits limits;
#endif
  for (Hostile& input : inputs) {
    SCOPED_TRACE(input.what);
    std::uint64_t low = 0;  // blocks that pass
    std::uint64_t high = std::uint64_t{1} << 21;
    const auto with_count = [&](std::uint64_t count) {
      ByteWriter rest;
      for (const std::uint64_t number : {std::uint64_t{1}, count, std::uint64_t{0}}) {
        rest.WriteVarUint(number);
      }
      rest.WriteByte(0);
      input.columns.rest = rest.Take();
      return UpdateOf(input.columns);
    };
    ASSERT_TRUE(DecodeUpdate(with_count(3), {}, UpdateFormat::kV2).ok())
        << DecodeUpdate(with_count(3), {}, UpdateFormat::kV2).status();
    while (low + limits.update_memory_floor / 2048 < high) {
      const std::uint64_t middle = (low + high) / 2;
      (DecodeUpdate(with_count(middle), limits, UpdateFormat::kV2).ok() ? low : high) = middle;
    }
    EXPECT_GT(low, limits.update_memory_floor / 1024);
    const Bytes update = with_count(low);
    const Cost cost = CostOf([&] {
      Doc doc({.client_id = ClientId{77}, .limits = limits});
      absl::Status status = doc.ApplyUpdate(update, "", UpdateFormat::kV2);
      if (doc.EncodeStateAsUpdate().empty()) return absl::InternalError("no state");
      return status;
    });
    EXPECT_EQ(cost.status, absl::OkStatus());
    EXPECT_LT(cost.memory, std::size_t{1} << 30);
#if !defined(__SANITIZE_ADDRESS__)
    EXPECT_LT(cost.seconds, 4) << "half a second on a machine that is not busy";
#endif
  }
}

// `count` items of client 5, each in front of the character before the one that the last was put
// in front of: the search for the place of each passes all those before it.
Bytes UpdateOfConflicts(std::uint64_t count) {
  UintColumnWriter clients;
  UintColumnWriter lengths;
  DiffColumnWriter right_clocks;
  clients.Write(9);
  lengths.Write(count);
  clients.Write(5);
  for (std::uint64_t i = 0; i < count; ++i) {
    clients.Write(9);
    lengths.Write(1);
    right_clocks.Write(count - 1 - i);
  }
  const auto finished = [](auto& column) {
    const ByteView bytes = column.Finish();
    return Bytes(bytes.begin(), bytes.end());
  };
  ByteWriter rest;
  for (const std::uint64_t number : {std::uint64_t{2}, std::uint64_t{1}, std::uint64_t{0}, count,
                                     std::uint64_t{0}, std::uint64_t{0}}) {
    rest.WriteVarUint(number);
  }
  Columns columns{.clients = finished(clients),
                  .right_clocks = finished(right_clocks),
                  .infos = {0x01, 0, 0x41},
                  .strings = {0, 0},
                  .parent_infos = {1},
                  .lengths = finished(lengths),
                  .rest = rest.Take()};
  return UpdateOf(columns);
}

TEST(DecodeLimits, ConflictsThatWouldTakeHoursWaitInstead) {
#if defined(__SANITIZE_ADDRESS__)
  const Bytes update = UpdateOfConflicts(100'000);
#else
  const Bytes update = UpdateOfConflicts(1'000'000);
#endif
  ASSERT_LT(update.size(), 60u);
  const Cost cost = CostOf([&] {
    Doc doc({.client_id = ClientId{77}});
    const absl::Status status = doc.ApplyUpdate(update, "", UpdateFormat::kV2);
    EXPECT_TRUE(doc.has_pending());
    EXPECT_EQ(doc.ApplyUpdate(update, "", UpdateFormat::kV2), absl::OkStatus());
    EXPECT_EQ(doc.Validate(), absl::OkStatus());
    return status;
  });
  EXPECT_EQ(cost.status, absl::OkStatus());
  EXPECT_LT(cost.memory, std::size_t{1} << 30);
#if !defined(__SANITIZE_ADDRESS__)
  EXPECT_LT(cost.seconds, 6) << "for two updates";
#endif
}

TEST(DecodeLimits, StepsOfConflictsAreCountedForEachUpdate) {
  const Bytes update = UpdateOfConflicts(20);
  const auto pending_with = [&](std::size_t steps) {
    Doc doc({.client_id = ClientId{77}, .limits = {.conflict_steps = steps}});
    EXPECT_EQ(doc.ApplyUpdate(update, "", UpdateFormat::kV2), absl::OkStatus());
    EXPECT_EQ(doc.Validate(), absl::OkStatus());
    return doc.has_pending();
  };
  std::size_t steps = 1;
  while (pending_with(steps)) ++steps;
  EXPECT_GT(steps, 20u);
  EXPECT_TRUE(pending_with(steps - 1));
  // What waits for this reason is part of the state, and another replica may make more steps.
  Doc doc({.client_id = ClientId{77}, .limits = {.conflict_steps = steps - 1}});
  ASSERT_EQ(doc.ApplyUpdate(update, "", UpdateFormat::kV2), absl::OkStatus());
  Doc other({.client_id = ClientId{78}});
  ASSERT_EQ(other.ApplyUpdate(doc.EncodeStateAsUpdate()), absl::OkStatus());
  EXPECT_FALSE(other.has_pending());
}

TEST(DecodeLimits, WithoutStepsOfConflictsLeftEveryConflictWaits) {
  constexpr std::size_t kClients = 20;
  std::vector<Bytes> updates;
  for (std::size_t i = 0; i < kClients; ++i) {
    Doc writer({.client_id = ClientId{i + 1}});
    writer.GetText("t").Insert(0, "x");
    updates.push_back(writer.EncodeStateAsUpdate());
  }
  const std::vector<ByteView> views(updates.begin(), updates.end());
  Doc doc({.client_id = ClientId{77}, .limits = {.conflict_steps = 5}});
  ASSERT_EQ(doc.ApplyUpdate(MergeUpdates(views).value()), absl::OkStatus());
  EXPECT_EQ(doc.GetText("t").length(), 6u);  // the first, and one for each step
  EXPECT_EQ(doc.Validate(), absl::OkStatus());
}

TEST(DecodeLimits, AnyNumberOfSmallUpdatesCanBeMerged) {
  Doc writer({.client_id = ClientId{1}});
  std::vector<Bytes> updates;
  const Subscription subscription = writer.OnUpdate([&](const UpdateEvent& event) {
    updates.emplace_back(event.update.begin(), event.update.end());
  });
  for (int i = 0; i < 3000; ++i) writer.GetText("t").Insert(0, "x");
  const std::vector<ByteView> views(updates.begin(), updates.end());
  const DecodeLimits limits{.update_memory = 100'000, .update_memory_floor = 1000};
  const absl::StatusOr<Bytes> merged = MergeUpdates(views, limits);
  ASSERT_TRUE(merged.ok()) << merged.status();
  EXPECT_EQ(DecodeUpdate(*merged, limits).status().code(), absl::StatusCode::kResourceExhausted);
  // But not what claims more than its bytes can hold.
  const Bytes hostile = UpdateOf(Section(100'000, 0));
  const ByteView both[] = {hostile, hostile};
  EXPECT_FALSE(MergeUpdates(both, limits, UpdateFormat::kV2).ok());
}

// An update of the default limits' memory would take too long here: with a tenth of it, and with a
// thousandth, what is allocated stays below what is allowed.
TEST(DecodeLimits, MemoryOfAnUpdateStaysBelowItsLimit) {
  Any::Array numbers(200'000, Any(1));
  Any::Array objects;
  for (int i = 0; i < 30'000; ++i) objects.push_back(AnyObject{{"key", Any("value of it")}});
  Doc values({.client_id = ClientId{1}});
  values.GetArray("a").Insert(0, {Any(numbers)});
  Doc pairs({.client_id = ClientId{1}});
  pairs.GetArray("a").Insert(0, {Any(objects)});
  Doc elements({.client_id = ClientId{1}});
  elements.GetArray("a").Insert(0, numbers);
  Doc deletes({.client_id = ClientId{1}});
  deletes.GetText("t").Insert(0, std::string(60'000, 'x'));
  deletes.Transact("", [&] {
    for (std::size_t i = 0; i < 30'000; ++i) deletes.GetText("t").Delete(i, 1);
  });
  for (const Doc* doc : {&values, &pairs, &elements, &deletes}) {
    for (const UpdateFormat format : kFormats) {
      const Bytes update = doc->EncodeStateAsUpdate({}, format);
      std::size_t low = 0;
      std::size_t high = std::size_t{768} << 20;
      while (low + 100'000 < high) {
        const std::size_t middle = (low + high) / 2;
        const DecodeLimits limits{.update_memory = middle, .update_memory_floor = middle};
        (DecodeUpdate(update, limits, format).ok() ? high : low) = middle;
      }
      const Cost cost = CostOf([&] {
        Doc copy({.client_id = ClientId{2}});
        return copy.ApplyUpdate(update, "", format);
      });
      EXPECT_EQ(cost.status, absl::OkStatus());
      EXPECT_LT(cost.memory, high + update.size() + 1'000'000);
      // Each byte pays for what it can hold.
      EXPECT_LT(high, update.size() * DecodeBudget::kMemoryPerByte);
    }
  }
}

}  // namespace
}  // namespace weft::crdt
