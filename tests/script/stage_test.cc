// What is on: which show, and whether a live session of it runs.

#include "server/script/stage.h"

#include <gtest/gtest.h>

#include "tests/script/script_store.h"

namespace weft::server::script {
namespace {

Stage StageOf(const ScriptStore& store) {
  const auto stage = store.Get([](const store::RowReader& rows) { return GetStage(rows); });
  EXPECT_TRUE(stage.ok()) << stage.status();
  return stage.ok() ? *stage : Stage();
}

TEST(ScriptStage, TheFirstShowIsOnUntilAnotherIsChosen) {
  ScriptStore store;
  store.Write([](store::RowWriter& rows) {
    Show other = SampleShow();
    other.id = ShowId{9};
    return PutShow(rows, other);
  });
  EXPECT_EQ(StageOf(store), (Stage{.show = kShow}));
  store.Write([](store::RowWriter& rows) { return PutStage(rows, {.show = ShowId{9}}); });
  EXPECT_EQ(StageOf(store).show, ShowId{9});
}

TEST(ScriptStage, NothingIsOnWithoutShows) {
  ScriptStore store;
  store.Write([](store::RowWriter& rows) { return rows.Erase(table::kShow, KeyOf(kShow)); });
  EXPECT_EQ(StageOf(store), Stage());
}

TEST(ScriptStage, ALiveSessionIsThereAfterARestart) {
  ScriptStore store;
  const Stage live{
      .show = kShow,
      .session =
          LiveSession{.id = 3, .show = kShow, .started_by = UserId{1}, .started_ms = 1'800'000},
      .next_session = 4};
  store.Write([&](store::RowWriter& rows) { return PutStage(rows, live); });
  store.Reopen();
  EXPECT_EQ(StageOf(store), live);
}

TEST(ScriptStage, ARowThatIsNoneIsRefused) {
  ScriptStore store;
  store.Write(
      [](store::RowWriter& rows) { return rows.Put(table::kStage, KeyOf(0), crdt::Bytes{1, 1}); });
  EXPECT_TRUE(absl::IsDataLoss(
      store.Get([](const store::RowReader& rows) { return GetStage(rows); }).status()));
}

}  // namespace
}  // namespace weft::server::script
