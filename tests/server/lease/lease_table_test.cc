#include "server/lease/lease_table.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace weft::server::lease {
namespace {

using std::chrono::milliseconds;

constexpr TimePoint kStart{std::chrono::hours(1)};
constexpr milliseconds kGrace{30'000};

Rules TheatreRules() {
  return *Rules::Parse("edit=shared,cuts=exclusive,edit!cuts,cuts~unsaved-draft");
}

TEST(LeaseTable, ASharedModeHasManyHolders) {
  const Rules rules = TheatreRules();
  LeaseTable table(rules, kGrace);
  EXPECT_EQ(table.Take(1, "edit", "ada", "t1", {}).refusal, std::nullopt);
  EXPECT_EQ(table.Take(2, "edit", "ben", "t2", {}).refusal, std::nullopt);
  EXPECT_EQ(table.HoldersOf("edit").size(), 2);
  EXPECT_EQ(table.Give(1), (Changes{.any = true, .emptied = {}}));
  EXPECT_EQ(table.Give(2), (Changes{.any = true, .emptied = {"edit"}}));
  EXPECT_EQ(table.Give(2), Changes{});
}

TEST(LeaseTable, RefusesInWords) {
  const Rules rules = TheatreRules();
  LeaseTable table(rules, kGrace);
  EXPECT_EQ(table.Take(1, "sing", "ada", "t1", {}).refusal,
            (Refusal{Refusal::Code::kUnknownMode, "sing"}));
  EXPECT_EQ(table.Take(1, "cuts", "ada", "t1", {"frozen", "unsaved-draft"}).refusal,
            (Refusal{Refusal::Code::kBlocked, "unsaved-draft"}));
  EXPECT_EQ(table.Take(1, "cuts", "ada", "t1", {"frozen"}).refusal, std::nullopt);
  EXPECT_EQ(table.Take(2, "cuts", "ben", "t2", {"unsaved-draft"}).refusal,
            (Refusal{Refusal::Code::kHeld, "cuts"}));
  EXPECT_EQ(table.Take(2, "edit", "ben", "t2", {}).refusal,
            (Refusal{Refusal::Code::kExcluded, "cuts"}));
  EXPECT_EQ(RefusalName(Refusal::Code::kExcluded), "excluded");
}

TEST(LeaseTable, AModeIsChangedInPlaceOrKept) {
  const Rules rules = TheatreRules();
  LeaseTable table(rules, kGrace);
  ASSERT_FALSE(table.Take(1, "edit", "ada", "t1", {}).refusal);
  const LeaseTable::Taken up = table.Take(1, "cuts", "ada", "", {});
  EXPECT_FALSE(up.refusal);
  EXPECT_EQ(up.changes.emptied, std::vector<std::string>{"edit"});
  EXPECT_TRUE(table.Holds(1, "cuts"));
  EXPECT_EQ(table.Find(1)->token, "t1");

  ASSERT_FALSE(table.Take(1, "edit", "ada", "", {}).refusal);
  ASSERT_FALSE(table.Take(2, "edit", "ben", "t2", {}).refusal);
  EXPECT_TRUE(table.Take(1, "cuts", "ada", "", {}).refusal);
  EXPECT_TRUE(table.Holds(1, "edit"));
  EXPECT_EQ(table.Take(1, "edit", "ada", "", {}).changes, Changes{}) << "it is in it already";
}

TEST(LeaseTable, ALeaseOutlivesItsConnectionForTheGracePeriod) {
  const Rules rules = TheatreRules();
  LeaseTable table(rules, kGrace);
  ASSERT_FALSE(table.Take(1, "edit", "ada", "secret", {}).refusal);
  EXPECT_EQ(table.Drop(1, kStart), (Changes{.any = true, .emptied = {}}));
  EXPECT_EQ(table.Take(2, "cuts", "ben", "t2", {}).refusal,
            (Refusal{Refusal::Code::kExcluded, "edit"}));
  EXPECT_EQ(table.Tick(kStart + kGrace - milliseconds(1)), Changes{});
  EXPECT_EQ(table.next_tick(), kStart + kGrace);

  const auto resumed = table.Resume(3, "secret", "ada", "next");
  ASSERT_TRUE(resumed);
  EXPECT_EQ(resumed->from, 1);
  EXPECT_TRUE(table.Holds(3, "edit"));
  EXPECT_FALSE(table.Resume(4, "secret", "ada", "last")) << "a secret serves once";
  EXPECT_EQ(table.Tick(kStart + 2 * kGrace), Changes{}) << "it is here again";

  EXPECT_TRUE(table.Drop(3, kStart).any);
  EXPECT_EQ(table.Tick(kStart + kGrace), (Changes{.any = true, .emptied = {"edit"}}));
  EXPECT_FALSE(table.Resume(4, "next", "ada", "last"));
}

TEST(LeaseTable, OnlyTheSecretAndItsOwnerTakeALeaseOver) {
  const Rules rules = TheatreRules();
  LeaseTable table(rules, kGrace);
  ASSERT_FALSE(table.Take(1, "edit", "ada", "secret", {}).refusal);
  ASSERT_FALSE(table.Take(2, "edit", "ben", "", {}).refusal);
  EXPECT_FALSE(table.Resume(3, "1", "ada", "next"));
  EXPECT_FALSE(table.Resume(3, "", "ben", "next"))
      << "a lease without a secret is nobody's to take";
  EXPECT_FALSE(table.Resume(3, "secreT", "ada", "next"));
  EXPECT_FALSE(table.Resume(3, "secret", "eve", "next"));
  const auto resumed = table.Resume(3, "secret", "ada", "next");
  ASSERT_TRUE(resumed) << "the old connection may be dead without knowing";
  EXPECT_EQ(resumed->from, 1);
  EXPECT_EQ(table.Find(1), nullptr);
  EXPECT_EQ(table.Drop(1, kStart), Changes{}) << "the late end of the old one changes nothing";
  EXPECT_TRUE(table.Holds(3, "edit"));
}

TEST(LeaseTable, WithoutAGracePeriodTheEndOfAConnectionIsTheEnd) {
  const Rules rules = TheatreRules();
  LeaseTable table(rules, milliseconds(0));
  ASSERT_FALSE(table.Take(1, "cuts", "ada", "secret", {}).refusal);
  EXPECT_EQ(table.Drop(1, kStart), (Changes{.any = true, .emptied = {"cuts"}}));
  EXPECT_FALSE(table.Take(2, "edit", "ben", "t", {}).refusal);
}

TEST(LeaseTable, WhoIsAwayIsBounded) {
  const Rules rules = TheatreRules();
  LeaseTable table(rules, kGrace);
  for (HolderId holder = 1; holder <= LeaseTable::kMaxAway + 10; ++holder) {
    ASSERT_FALSE(table.Take(holder, "edit", "ada", "t" + std::to_string(holder), {}).refusal);
    table.Drop(holder, kStart + milliseconds(holder));
  }
  EXPECT_EQ(table.leases().size(), LeaseTable::kMaxAway);
  EXPECT_EQ(table.leases().front().token, "t11");
}

// The obvious table: for each connection its mode, and since when it is away.
struct Model {
  struct Entry {
    std::string mode;
    std::string token;
    std::optional<TimePoint> until;
  };
  std::map<HolderId, Entry> entries;

  bool AnotherIn(HolderId holder, const std::string& mode) const {
    for (const auto& [id, entry] : entries) {
      if (id != holder && entry.mode == mode) return true;
    }
    return false;
  }
  bool May(HolderId holder, const std::string& mode, bool draft) const {
    if (mode == "edit") return !AnotherIn(holder, "cuts");
    return !AnotherIn(holder, "edit") && !AnotherIn(holder, "cuts") && !draft;
  }
};

RC_GTEST_PROP(LeaseTableProperty, DoesWhatAListOfPeopleDoes, ()) {
  const Rules rules = TheatreRules();
  LeaseTable table(rules, kGrace);
  Model model;
  TimePoint now = kStart;
  HolderId next = 1;
  const int steps = *rc::gen::inRange(1, 120);
  for (int step = 0; step < steps; ++step) {
    // Few enough people that they meet.
    const HolderId holder = next > 1 ? *rc::gen::inRange<HolderId>(1, next) : 1;
    const bool known = model.entries.contains(holder);
    switch (*rc::gen::inRange(0, 6)) {
      case 0: {
        const std::string token = "t" + std::to_string(next);
        const std::string mode = *rc::gen::element<std::string>("edit", "cuts");
        const bool draft = *rc::gen::arbitrary<bool>();
        const bool may = model.May(next, mode, draft);
        const auto blockers =
            draft ? std::vector<std::string>{"unsaved-draft"} : std::vector<std::string>{};
        RC_ASSERT(table.Take(next, mode, "ada", token, blockers).refusal.has_value() != may);
        if (may) model.entries[next] = {.mode = mode, .token = token, .until = {}};
        ++next;
        break;
      }
      case 1: {
        if (!known || model.entries[holder].until) break;
        const std::string mode = *rc::gen::element<std::string>("edit", "cuts");
        const bool may = model.entries[holder].mode == mode || model.May(holder, mode, false);
        RC_ASSERT(table.Take(holder, mode, "ada", "", {}).refusal.has_value() != may);
        if (may) model.entries[holder].mode = mode;
        break;
      }
      case 2: {
        if (known && model.entries[holder].until) break;
        const std::string mode = known ? model.entries[holder].mode : "";
        model.entries.erase(holder);
        const Changes changes = table.Give(holder);
        RC_ASSERT(changes.any == known);
        RC_ASSERT(changes.emptied.empty() == (!known || model.AnotherIn(0, mode)));
        break;
      }
      case 3: {
        table.Drop(holder, now);
        if (known && !model.entries[holder].until) model.entries[holder].until = now + kGrace;
        break;
      }
      case 4: {
        if (!known) break;
        const Model::Entry entry = model.entries[holder];
        const auto resumed = table.Resume(next, entry.token, "ada", "t" + std::to_string(next));
        RC_ASSERT(resumed.has_value());
        RC_ASSERT(resumed->from == holder);
        model.entries.erase(holder);
        model.entries[next] = {
            .mode = entry.mode, .token = "t" + std::to_string(next), .until = {}};
        ++next;
        break;
      }
      default: {
        now += milliseconds(*rc::gen::inRange(0, 40'000));
        std::erase_if(model.entries, [&](const auto& entry) {
          return entry.second.until && *entry.second.until <= now;
        });
        table.Tick(now);
        break;
      }
    }
    RC_ASSERT(table.Validate().ok());
    RC_ASSERT(table.leases().size() == model.entries.size());
    for (const auto& [id, entry] : model.entries) {
      const Lease* const lease = table.Find(id);
      RC_ASSERT(lease != nullptr);
      RC_ASSERT(lease->mode->name == entry.mode);
      RC_ASSERT(lease->away_until == entry.until);
    }
  }
}

}  // namespace
}  // namespace weft::server::lease
