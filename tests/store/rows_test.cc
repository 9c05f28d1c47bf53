#include "store/rows.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <future>
#include <map>
#include <vector>

#include "tests/store/log_harness.h"
#include "tests/store/stored_bytes.h"

namespace weft::store {
namespace {

using crdt::AsBytes;
using crdt::AsText;

using Table = std::map<std::string, std::string>;

Table ReadTable(const Rows& rows, std::string_view table, std::string_view from = "",
                std::string_view to = "") {
  Table found;
  const absl::Status status = rows.Read([&](const RowReader& reader) {
    found.clear();
    return reader.Visit(table, AsBytes(from), AsBytes(to), [&](ByteView key, ByteView value) {
      found.emplace(AsText(key), AsText(value));
      return true;
    });
  });
  EXPECT_TRUE(status.ok()) << status;
  return found;
}

RowEdit Putting(std::string table, std::string key, std::string value) {
  return [=](RowWriter& writer) { return writer.Put(table, AsBytes(key), AsBytes(value)); };
}

// Waits for the answer.
absl::StatusOr<Appended> AppendWithRows(Rows& rows, const Append& append, Rows::AppendEdit edit) {
  std::promise<absl::StatusOr<Appended>> promise;
  auto future = promise.get_future();
  const absl::Status accepted = rows.TryAppend(
      append, std::move(edit),
      [&promise](absl::StatusOr<Appended> result) { promise.set_value(std::move(result)); });
  if (!accepted.ok()) return accepted;
  return future.get();
}

TEST(Rows, AreReadInTheOrderOfTheirKeys) {
  const TestDirectory directory;
  const auto log = OpenLog(directory);
  const auto rows = Rows::Open(*log, "app").value();
  ASSERT_TRUE(rows->Write([](RowWriter& writer) {
                    absl::Status status;
                    for (const std::string_view key : {"b", "a", "c", ""}) {
                      status.Update(writer.Put("t", AsBytes(key), AsBytes(key)));
                    }
                    status.Update(writer.Put("u", AsBytes("a"), AsBytes("other")));
                    return status;
                  })
                  .ok());
  EXPECT_EQ(ReadTable(*rows, "t"), (Table{{"", ""}, {"a", "a"}, {"b", "b"}, {"c", "c"}}));
  EXPECT_EQ(ReadTable(*rows, "t", "b"), (Table{{"b", "b"}, {"c", "c"}}));
  EXPECT_EQ(ReadTable(*rows, "t", "a", "c"), (Table{{"a", "a"}, {"b", "b"}}));
  EXPECT_EQ(ReadTable(*rows, "u"), (Table{{"a", "other"}}));
  EXPECT_TRUE(ReadTable(*rows, "v").empty());
  const auto other = Rows::Open(*log, "ap").value();
  EXPECT_TRUE(ReadTable(*other, "t").empty()) << "applications do not see each other";
}

TEST(Rows, AnEditSeesItsOwnWritesAndIsAllOrNothing) {
  const TestDirectory directory;
  const auto log = OpenLog(directory);
  const auto rows = Rows::Open(*log, "app").value();
  ASSERT_TRUE(rows->Write(Putting("t", "a", "1")).ok());
  const absl::Status refused = rows->Write([](RowWriter& writer) {
    absl::Status status = writer.Put("t", AsBytes("a"), AsBytes("2"));
    status.Update(writer.Put("t", AsBytes("b"), AsBytes("2")));
    const auto seen = writer.Get("t", AsBytes("a"));
    if (!seen.ok() || !*seen || AsText(**seen) != "2") return absl::InternalError("not seen");
    status.Update(writer.Erase("t", AsBytes("a")));
    if (writer.Get("t", AsBytes("a"))->has_value()) return absl::InternalError("not erased");
    return absl::AbortedError("no");
  });
  EXPECT_EQ(refused, absl::AbortedError("no"));
  EXPECT_EQ(ReadTable(*rows, "t"), (Table{{"a", "1"}}));
  EXPECT_TRUE(rows->Write([](RowWriter& w) { return w.Erase("t", AsBytes("none")); }).ok());
  EXPECT_EQ(rows->Write(Putting("t", std::string(RowWriter::kMaxKeyBytes + 1, 'k'), "")).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(rows->Write(Putting("t", std::string(RowWriter::kMaxKeyBytes, 'k'), "")).ok());
}

TEST(Rows, ARefusedEditHindersNobodyElseInItsTransaction) {
  const TestDirectory directory;
  const auto log = OpenLog(directory);
  const auto rows = Rows::Open(*log, "app").value();
  std::vector<std::promise<bool>> answers(20);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const std::string name = std::to_string(i);
    const auto edit = [=](RowWriter& writer, const Appended&) {
      const absl::Status put = writer.Put("t", AsBytes(name), AsBytes("x"));
      return i % 2 == 0 ? put : absl::AbortedError("odd");
    };
    ASSERT_TRUE(rows->TryAppend({.room = "room", .payload = AsBytes(name)}, edit,
                                [&answers, i](const absl::StatusOr<Appended>& result) {
                                  answers[i].set_value(result.ok());
                                })
                    .ok());
    ASSERT_TRUE(log->TryAppend({.room = "room", .payload = AsBytes("plain")}, [](auto) {}).ok());
  }
  for (std::size_t i = 0; i < answers.size(); ++i) {
    EXPECT_EQ(answers[i].get_future().get(), i % 2 == 0) << i;
  }
  log->Flush();
  EXPECT_EQ(ReadTable(*rows, "t").size(), 10U);
  EXPECT_EQ(LoadAll(*log, "room").records.size(), 30U);
  EXPECT_TRUE(LoadAll(*log, "room").report.damage.empty());
}

TEST(Rows, AnEditIsToldThePlaceThatItsRecordGets) {
  const TestDirectory directory;
  const auto log = OpenLog(directory);
  const auto rows = Rows::Open(*log, "app").value();
  const auto noting = [](RowWriter& writer, const Appended& place) {
    return writer.Put("t", AsBytes("at"), AsBytes(std::to_string(place.sequence)));
  };
  const auto first = AppendWithRows(*rows, {.room = "r", .payload = AsBytes("1")}, noting);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->sequence, 1U);
  EXPECT_NE(first->generation, Generation{});
  ASSERT_TRUE(AppendAndWait(*log, "r", "2").ok());
  const auto third = AppendWithRows(
      *rows, {.room = "r", .payload = AsBytes("3"), .generation = first->generation}, noting);
  ASSERT_TRUE(third.ok());
  EXPECT_EQ(third->sequence, 3U);
  EXPECT_EQ(ReadTable(*rows, "t"), (Table{{"at", "3"}}));
  EXPECT_EQ(LoadAll(*log, "r").Payloads(), (std::vector<std::string>{"1", "2", "3"}));

  const auto wrong = AppendWithRows(
      *rows, {.room = "r", .payload = AsBytes("4"), .generation = Generation{7}}, noting);
  EXPECT_EQ(wrong.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReadTable(*rows, "t"), (Table{{"at", "3"}}));
}

TEST(Rows, ARefusedFirstRecordLeavesNoRoom) {
  const TestDirectory directory;
  const auto log = OpenLog(directory);
  const auto rows = Rows::Open(*log, "app").value();
  const auto refusing = [](RowWriter&, const Appended&) { return absl::AbortedError("no"); };
  EXPECT_EQ(AppendWithRows(*rows, {.room = "r", .payload = AsBytes("1")}, refusing).status(),
            absl::AbortedError("no"));
  EXPECT_EQ(log->FindRoom("r").value(), std::nullopt);
  EXPECT_TRUE(log->ListRooms()->empty());
  EXPECT_EQ(AppendAndWait(*log, "r", "2").value(), 1U);
  EXPECT_TRUE(log->reader().Verify({}, {})->clean());
}

TEST(Rows, ARoomGoesTogetherWithItsRows) {
  const TestDirectory directory;
  const auto log = OpenLog(directory);
  const auto rows = Rows::Open(*log, "app").value();
  ASSERT_TRUE(AppendAndWait(*log, "r", "1").ok());
  ASSERT_TRUE(rows->Write(Putting("t", "a", "1")).ok());
  const RowEdit erase = [](RowWriter& writer) { return writer.Erase("t", AsBytes("a")); };
  EXPECT_EQ(rows->DeleteRoom("r", Generation{7}, erase).code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(rows->DeleteRoom("none", {}, erase).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ReadTable(*rows, "t").size(), 1U);
  EXPECT_TRUE(rows->DeleteRoom("r", {}, erase).ok());
  EXPECT_TRUE(ReadTable(*rows, "t").empty());
  EXPECT_EQ(log->FindRoom("r").value(), std::nullopt);
}

TEST(Rows, ARoomGetsAnotherNameTogetherWithItsRowsAndKeepsAllThatItHas) {
  const TestDirectory directory;
  auto log = OpenLog(directory);
  auto rows = Rows::Open(*log, "app").value();
  for (const char* payload : {"1", "2", "3"}) ASSERT_TRUE(AppendAndWait(*log, "r", payload).ok());
  ASSERT_TRUE(AppendAndWait(*log, "taken", "else").ok());
  const std::vector<Damage> second = {{DamageKind::kChecksum, 2, 3}};
  ASSERT_TRUE(log->Quarantine("r", second, 7).ok());
  ASSERT_TRUE(log->PutVersion("r", {.name = "v", .sequence = 3, .made_ms = 1, .note = {}},
                              [](auto) { return Bytes{'1', '3'}; })
                  .ok());
  const RoomInfo before = log->FindRoom("r").value().value();
  const RowEdit note = Putting("t", "a", "renamed");
  const auto rename = [&](std::string_view room, Generation generation, Sequence head,
                          std::string_view name) {
    return rows->RenameRoom(room, generation, head, name, note).code();
  };
  EXPECT_EQ(rename("none", {}, 3, "s"), absl::StatusCode::kNotFound);
  EXPECT_EQ(rename("r", Generation{7}, 3, "s"), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(rename("r", before.generation, 2, "s"), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(rename("r", before.generation, 3, "taken"), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(rename("r", before.generation, 3, std::string(600, 's')),
            absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(ReadTable(*rows, "t").empty());
  EXPECT_EQ(log->FindRoom("r").value(), before);

  EXPECT_EQ(rename("r", before.generation, 3, "s"), absl::StatusCode::kOk);
  EXPECT_EQ(ReadTable(*rows, "t"), (Table{{"a", "renamed"}}));
  // Who still means the old one is refused; the name is free for another.
  EXPECT_EQ(
      AppendWithRows(*rows, {.room = "r", .payload = AsBytes("4"), .generation = before.generation},
                     [](RowWriter&, const Appended&) { return absl::OkStatus(); })
          .status()
          .code(),
      absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(AppendAndWait(*log, "r", "new").value(), 1U);
  EXPECT_EQ(AppendAndWait(*log, "s", "4").value(), 4U);
  for (int opened = 0; opened < 2; ++opened) {
    EXPECT_EQ(LoadAll(*log, "r").Payloads(), std::vector<std::string>{"new"});
    EXPECT_EQ(LoadAll(*log, "s").Payloads(), (std::vector<std::string>{"13", "4"}));
    EXPECT_EQ(log->FindRoom("s").value()->generation, before.generation);
    EXPECT_EQ(log->FindRoom("s").value()->quarantined, 1U);
    ASSERT_EQ(log->reader().ListQuarantine("s").value().size(), 1U);
    EXPECT_EQ(log->reader().ListVersions("s").value().size(), 1U);
    EXPECT_TRUE(log->reader().ListVersions("r").value().empty());
    EXPECT_TRUE(log->reader().Verify({}, {})->clean());
    rows.reset();
    log.reset();
    log = OpenLog(directory);
    rows = Rows::Open(*log, "app").value();
  }
}

TEST(Rows, ADamagedRowIsToldAndNotRead) {
  const TestDirectory directory;
  {
    const auto log = OpenLog(directory);
    const auto rows = Rows::Open(*log, "app").value();
    ASSERT_TRUE(rows->Write(Putting("t", "a", "what was written")).ok());
    ASSERT_TRUE(rows->Write(Putting("t", "b", "something else")).ok());
    EXPECT_TRUE(log->reader().Verify({}, {})->clean());
    EXPECT_EQ(log->reader().Verify({}, {})->rows, 3U) << "with the version";
  }
  const std::string key("app\0t\0a", 7);
  std::string stored = ReadStored(directory.path(), "rows", AsBytes(key));
  stored.back() ^= 1;
  WriteStored(directory.path(), "rows", AsBytes(key), stored);
  const auto log = OpenLog(directory);
  const auto rows = Rows::Open(*log, "app").value();
  const auto get = [&](std::string_view key) {
    return rows->Read(
        [&](const RowReader& reader) { return reader.Get("t", AsBytes(key)).status(); });
  };
  EXPECT_EQ(get("a").code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(get("b").ok());
  const VerifyReport report = log->reader().Verify({}, {}).value();
  ASSERT_EQ(report.damage.size(), 1U);
  EXPECT_EQ(report.damage[0].damage.kind, DamageKind::kRow);
}

TEST(Rows, AreReadBesideTheirOwner) {
  const TestDirectory directory;
  const auto log = OpenLog(directory);
  {
    const auto reader = LogReader::Open(directory.path()).value();
    EXPECT_EQ(Rows::OpenReadOnly(*reader, "app").status().code(), absl::StatusCode::kNotFound);
  }
  const auto rows = Rows::Open(*log, "app").value();
  ASSERT_TRUE(rows->Write(Putting("t", "a", "1")).ok());
  const auto reader = LogReader::Open(directory.path()).value();
  const auto beside = Rows::OpenReadOnly(*reader, "app").value();
  EXPECT_EQ(ReadTable(*beside, "t"), (Table{{"a", "1"}}));
  EXPECT_EQ(beside->Write(Putting("t", "a", "2")).code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(rows->Write(Putting("t", "a", "2")).ok());
  EXPECT_EQ(ReadTable(*beside, "t"), (Table{{"a", "2"}}));
}

TEST(Rows, TheMapGrowsUnderALargeEdit) {
  const TestDirectory directory;
  const auto log = OpenLog(directory);  // a map of 1 MiB
  const auto rows = Rows::Open(*log, "app").value();
  const std::string value(4'000, 'v');
  int runs = 0;
  ASSERT_TRUE(rows->Write([&](RowWriter& writer) {
                    ++runs;
                    absl::Status status;
                    for (int i = 0; i < 2'000 && status.ok(); ++i) {
                      status = writer.Put("t", AsBytes(std::to_string(i)), AsBytes(value));
                    }
                    return status;
                  })
                  .ok());
  EXPECT_GT(runs, 1);
  EXPECT_EQ(ReadTable(*rows, "t").size(), 2'000U);
}

// Rows and records against maps, with edits that are refused, deletions and reopening.
RC_GTEST_PROP(RowsProperty, RowsAndRecordsNeverPart, ()) {
  const TestDirectory directory;
  auto log = OpenLog(directory);
  auto rows = Rows::Open(*log, "app").value();
  Table table;
  std::map<std::string, std::vector<std::string>> rooms;
  const int steps = *rc::gen::inRange(1, 40);
  const auto gen_key = [] {
    return *rc::gen::element<std::string>("a", "b", "c", std::string("\0x", 2));
  };
  for (int step = 0; step < steps; ++step) {
    const std::string key = gen_key();
    const std::string other = gen_key();
    const std::string value = std::to_string(step) + std::string(*rc::gen::inRange(0, 5'000), 'v');
    const bool refuses = *rc::gen::arbitrary<bool>();
    const auto change = [&](RowWriter& writer) {
      absl::Status status = writer.Put("t", AsBytes(key), AsBytes(value));
      status.Update(writer.Erase("t", AsBytes(other)));
      return refuses ? absl::AbortedError("refused") : status;
    };
    const auto change_model = [&] {
      if (refuses) return;
      table[key] = value;
      table.erase(other);
    };
    const std::string room = *rc::gen::element<std::string>("r", "s");
    switch (*rc::gen::inRange(0, 6)) {
      case 0:
        RC_ASSERT(rows->Write(change).ok() != refuses);
        change_model();
        break;
      case 1:
      case 2: {
        const auto stored =
            AppendWithRows(*rows, {.room = room, .payload = AsBytes(value)},
                           [&](RowWriter& writer, const Appended&) { return change(writer); });
        RC_ASSERT(stored.ok() != refuses);
        if (!refuses) rooms[room].push_back(value);
        if (stored.ok()) RC_ASSERT(stored->sequence == rooms[room].size());
        change_model();
        break;
      }
      case 3: {
        const bool known = rooms.contains(room);
        RC_ASSERT(rows->DeleteRoom(room, {}, change).ok() == (known && !refuses));
        if (known) change_model();
        if (known && !refuses) rooms.erase(room);
        break;
      }
      case 4: {
        const std::string name = room == "r" ? "s" : "r";
        const bool may = rooms.contains(room) && !rooms.contains(name);
        const Sequence head = may ? rooms[room].size() : 1;
        RC_ASSERT(rows->RenameRoom(room, {}, head, name, change).ok() == (may && !refuses));
        if (!may) break;
        change_model();
        if (!refuses) rooms.insert_or_assign(name, rooms.extract(room).mapped());
        break;
      }
      default:
        rows.reset();
        log.reset();
        log = OpenLog(directory);
        rows = Rows::Open(*log, "app").value();
        break;
    }
    RC_ASSERT(ReadTable(*rows, "t") == table);
    for (const std::string name : {"r", "s"}) {
      RC_ASSERT(LoadAll(*log, name).Payloads() == rooms[name]);
      if (rooms[name].empty()) rooms.erase(name);
    }
  }
  RC_ASSERT(log->reader().Verify({}, {})->clean());
}

}  // namespace
}  // namespace weft::store
