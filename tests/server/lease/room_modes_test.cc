#include "server/lease/room_modes.h"

#include <gtest/gtest.h>

#include <utility>

#include "absl/strings/str_cat.h"

namespace weft::server::lease {
namespace {

using namespace std::chrono_literals;

// What was told, as "taken edit ann".
class Told final : public RoomWatcher {
 public:
  void OnRoomEvent(const RoomEvent& event) override {
    std::string line(EventName(event.kind).substr(5));
    absl::StrAppend(&line, " ", std::string(event.name));
    if (!event.subject.empty()) absl::StrAppend(&line, " ", std::string(event.subject));
    lines.push_back(std::move(line));
  }
  std::vector<std::string> Take() { return std::exchange(lines, {}); }
  std::vector<std::string> lines;
};

using Lines = std::vector<std::string>;

class RoomModesTest : public testing::Test {
 protected:
  RoomModes::Taken Take(HolderId holder, std::string_view mode, std::string_view subject,
                        std::string_view token = {}, bool stays = true) {
    return modes.Take({.room = "notes",
                       .holder = holder,
                       .stays = stays,
                       .mode = mode,
                       .subject = subject,
                       .token = token},
                      now);
  }

  Told told;
  TimePoint now{};
  int tokens = 0;
  std::vector<TimePoint> wakes;
  RoomModes modes{{.rules = *Rules::Parse(kDefaultRules),
                   .grace = 15s,
                   .new_token = [this] { return absl::StrCat("secret", ++tokens); },
                   .wake = [this](TimePoint when) { wakes.push_back(when); }},
                  told};
};

TEST_F(RoomModesTest, WhoComesAndGoesIsToldAndSoIsTheLastOfAMode) {
  EXPECT_FALSE(Take(1, "edit", "ann").refusal);
  EXPECT_FALSE(Take(2, "edit", "bob").refusal);
  EXPECT_TRUE(modes.Give("notes", 1));
  EXPECT_FALSE(modes.Give("notes", 1));
  EXPECT_EQ(told.Take(), (Lines{"taken edit ann", "taken edit bob", "left edit ann"}));
  EXPECT_TRUE(modes.Give("notes", 2));
  EXPECT_EQ(told.Take(), (Lines{"left edit bob", "emptied edit"}));
  EXPECT_EQ(modes.rooms(), 0U);
}

TEST_F(RoomModesTest, ARefusalChangesAndTellsNothing) {
  Take(1, "solo", "ann");
  told.Take();
  const RoomModes::Taken refused = Take(2, "edit", "bob");
  EXPECT_EQ(refused.refusal, (Refusal{Refusal::Code::kExcluded, "solo"}));
  EXPECT_EQ(refused.mode, nullptr);
  EXPECT_EQ(refused.token, "");
  EXPECT_EQ(Take(2, "fly", "bob").refusal, (Refusal{Refusal::Code::kUnknownMode, "fly"}));
  EXPECT_TRUE(told.Take().empty());
}

TEST_F(RoomModesTest, AModeIsChangedInPlace) {
  Take(1, "edit", "ann");
  const RoomModes::Taken solo = Take(1, "solo", "ann");
  ASSERT_FALSE(solo.refusal);
  EXPECT_EQ(solo.mode->name, "solo");
  EXPECT_EQ(told.Take(),
            (Lines{"taken edit ann", "left edit ann", "emptied edit", "taken solo ann"}));
}

TEST_F(RoomModesTest, WhoIsBackWithinTheGracePeriodHasNeitherLeftNorCome) {
  const RoomModes::Taken first = Take(1, "solo", "ann");
  told.Take();
  modes.Drop("notes", 1, now);
  ASSERT_EQ(wakes.size(), 1U);
  EXPECT_EQ(wakes.front(), now + 15s);
  EXPECT_TRUE(Take(2, "solo", "bob").refusal);
  now += 14s;
  const RoomModes::Taken back = Take(3, "solo", "ann", first.token);
  EXPECT_TRUE(back.resumed);
  EXPECT_NE(back.token, first.token);
  EXPECT_TRUE(told.Take().empty());
  EXPECT_EQ(modes.Tick(now + 1h), std::nullopt);
  EXPECT_TRUE(told.Take().empty());
  // The old end of the connection is late, and changes nothing.
  modes.Drop("notes", 1, now);
  EXPECT_EQ(modes.HolderOf("notes", back.token, "ann"), 3U);
  EXPECT_EQ(modes.HolderOf("notes", back.token, "bob"), kNoHolder);
  EXPECT_EQ(modes.HolderOf("notes", first.token, "ann"), kNoHolder);
}

TEST_F(RoomModesTest, WhoIsNotBackInTimeHasLeft) {
  const RoomModes::Taken first = Take(1, "solo", "ann");
  modes.Drop("notes", 1, now);
  told.Take();
  EXPECT_EQ(modes.Tick(now + 14s), now + 15s);
  EXPECT_TRUE(told.Take().empty());
  EXPECT_EQ(modes.Tick(now + 15s), std::nullopt);
  EXPECT_EQ(told.Take(), (Lines{"left solo ann", "emptied solo"}));
  const RoomModes::Taken late = Take(2, "solo", "ann", first.token);
  EXPECT_FALSE(late.refusal);
  EXPECT_FALSE(late.resumed);
}

TEST_F(RoomModesTest, AProgramKeepsItsModeByTakingItAgain) {
  std::string token = Take(1, "solo", "ci", "", /*stays=*/false).token;
  for (HolderId holder = 2; holder < 6; ++holder) {
    now += 10s;
    const RoomModes::Taken again = Take(holder, "solo", "ci", token, /*stays=*/false);
    EXPECT_TRUE(again.resumed);
    token = again.token;
    modes.Tick(now);
  }
  EXPECT_EQ(told.Take(), (Lines{"taken solo ci"}));
  modes.Tick(now + 15s);
  EXPECT_EQ(told.Take(), (Lines{"left solo ci", "emptied solo"}));
}

TEST_F(RoomModesTest, AnAdministratorSendsPeopleOutOfAModeAlsoThoseWhoAreAway) {
  Take(1, "edit", "ann");
  Take(2, "edit", "bob");
  Take(3, "edit", "eve");
  modes.Drop("notes", 2, now);
  told.Take();
  EXPECT_EQ(modes.Evict("notes", "edit", HolderId{2}), 1U);
  EXPECT_EQ(told.Take(), (Lines{"left edit bob"}));
  EXPECT_EQ(modes.Evict("notes", "solo", std::nullopt), 0U);
  EXPECT_EQ(modes.Evict("notes", "edit", std::nullopt), 2U);
  EXPECT_EQ(told.Take(), (Lines{"left edit ann", "left edit eve", "emptied edit"}));
}

TEST_F(RoomModesTest, AllLeasesEndWithTheServerAndThatIsTold) {
  Take(1, "edit", "ann");
  Take(2, "edit", "bob");
  modes.Drop("notes", 2, now);
  told.Take();
  modes.Stop();
  EXPECT_EQ(told.Take(), (Lines{"left edit ann", "left edit bob", "emptied edit"}));
  modes.Drop("notes", 1, now);
  EXPECT_TRUE(Take(3, "edit", "eve").refusal);
  EXPECT_TRUE(told.Take().empty());
}

TEST_F(RoomModesTest, ARoomHasABoundOfHolders) {
  for (HolderId holder = 1; holder <= RoomModes::kMaxHolders; ++holder) {
    ASSERT_FALSE(Take(holder, "edit", "somebody").refusal);
  }
  EXPECT_TRUE(Take(RoomModes::kMaxHolders + 1, "edit", "somebody").refusal);
  EXPECT_FALSE(Take(1, "edit", "somebody").refusal);
}

}  // namespace
}  // namespace weft::server::lease
