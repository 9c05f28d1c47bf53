// Local edits take short ways where nobody watches transactions (crdt/typing.cc, crdt/deleting.cc),
// and an update that brings much leaves the index of positions to be built anew: both must lead
// where the long ways lead.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crdt/doc.h"

namespace weft::crdt {
namespace {

class Dice {
 public:
  explicit Dice(std::uint32_t seed) : random_(seed) {}
  std::size_t Below(std::size_t bound) { return random_() % bound; }

 private:
  std::mt19937 random_;
};

// A text that takes the short ways, the same one that never does, and a string that says what both
// should hold.
class BothWays {
 public:
  BothWays() {
    watched_ = long_way_.OnTransaction(TransactionPhase::kBefore, [](const TransactionEvent&) {});
    Listen(short_way_, told_by_short_way_);
    Listen(long_way_, told_by_long_way_);
  }

  void Insert(std::size_t index, const std::string& text) {
    for (Doc* doc : {&short_way_, &long_way_}) doc->GetText("text").Insert(index, text);
    model_.insert(index, text);
    end_ = index + text.size();
  }
  void Delete(std::size_t index, std::size_t count) {
    for (Doc* doc : {&short_way_, &long_way_}) doc->GetText("text").Delete(index, count);
    model_.erase(index, count);
    end_ = index;
  }
  // Near to where the last edit ended, as often as not.
  void Edit(Dice& dice) {
    const std::size_t places[] = {end_,
                                  end_,
                                  end_,
                                  end_ - std::min<std::size_t>(end_, 1),
                                  std::min(end_ + 1, model_.size()),
                                  dice.Below(model_.size() + 1)};
    const std::size_t place = places[dice.Below(6)];
    switch (dice.Below(4)) {
      case 0: {  // backwards
        const std::size_t count = std::min(place, dice.Below(3));
        return Delete(place - count, count);
      }
      case 1:
        return Delete(place, std::min(model_.size() - place, dice.Below(3)));
      default:
        return Insert(place,
                      std::string(1 + dice.Below(3), static_cast<char>('a' + dice.Below(26))));
    }
  }
  void InOneTransaction(Dice& dice, std::size_t edits) {
    short_way_.Transact("", [&] {
      long_way_.Transact("", [&] {
        for (std::size_t i = 0; i < edits; ++i) Edit(dice);
      });
    });
  }

  void ExpectEqual() {
    for (Doc* doc : {&short_way_, &long_way_}) {
      EXPECT_EQ(doc->Validate(), absl::OkStatus());
      EXPECT_EQ(doc->GetText("text").ToString(), model_);
    }
    EXPECT_EQ(short_way_.EncodeStateAsUpdate(), long_way_.EncodeStateAsUpdate());
    EXPECT_EQ(told_by_short_way_, told_by_long_way_);
  }

 private:
  void Listen(Doc& doc, std::vector<Bytes>& told) {
    subscriptions_.push_back(doc.OnUpdate([&told](const UpdateEvent& event) {
      told.emplace_back(event.update.begin(), event.update.end());
    }));
  }

  Doc short_way_{{.client_id = ClientId{1}}};
  Doc long_way_{{.client_id = ClientId{1}}};
  Subscription watched_;
  std::vector<Subscription> subscriptions_;
  std::vector<Bytes> told_by_short_way_;
  std::vector<Bytes> told_by_long_way_;
  std::string model_;
  std::size_t end_ = 0;  // of the last edit
};

TEST(ShortWays, LeadWhereTheLongOnesLead) {
  const std::uint32_t first = std::random_device{}();
  for (std::uint32_t i = 0; i < 300; ++i) {
    SCOPED_TRACE(absl::StrCat("seed ", first + i));
    Dice dice(first + i);
    BothWays both;
    for (int round = 0; round < 10; ++round) {
      if (dice.Below(2) == 0) {
        both.Edit(dice);
      } else {
        both.InOneTransaction(dice, 2 + dice.Below(10));
      }
      both.ExpectEqual();
      if (HasFailure()) return;
    }
  }
}

// Edits a text at random places, and what it should hold.
void EditAnywhere(Doc& doc, std::string& model, Dice& dice, std::size_t edits) {
  Text text = doc.GetText("text");
  doc.Transact("", [&] {
    for (std::size_t i = 0; i < edits; ++i) {
      const std::size_t place = dice.Below(model.size() + 1);
      if (dice.Below(4) == 0) {
        const std::size_t count = std::min(model.size() - place, dice.Below(5));
        text.Delete(place, count);
        model.erase(place, count);
      } else {
        const std::string word(1 + dice.Below(4), static_cast<char>('a' + dice.Below(26)));
        text.Insert(place, word);
        model.insert(place, word);
      }
    }
  });
}

TEST(ShortWays, PositionsAreRightBehindAnUpdateThatBringsMuch) {
  const std::uint32_t first = std::random_device{}();
  for (std::uint32_t i = 0; i < 60; ++i) {
    SCOPED_TRACE(absl::StrCat("seed ", first + i));
    Dice dice(first + i);
    Doc one({.client_id = ClientId{1}});
    Doc two({.client_id = ClientId{2}});
    one.GetText("text").Insert(0, std::string(50, '.'));
    ASSERT_EQ(two.ApplyUpdate(one.EncodeStateAsUpdate()), absl::OkStatus());
    for (int round = 0; round < 3; ++round) {
      const StateVector of_one = one.GetStateVector();
      const StateVector of_two = two.GetStateVector();
      std::string by_one = one.GetText("text").ToString();
      std::string by_two = by_one;
      EditAnywhere(one, by_one, dice, 1 + dice.Below(400));
      EditAnywhere(two, by_two, dice, 1 + dice.Below(400));
      ASSERT_EQ(one.GetText("text").ToString(), by_one);
      ASSERT_EQ(two.GetText("text").ToString(), by_two);
      const Bytes made_by_one = one.EncodeStateAsUpdate(of_two);
      const Bytes made_by_two = two.EncodeStateAsUpdate(of_one);
      ASSERT_EQ(one.ApplyUpdate(made_by_two), absl::OkStatus());
      ASSERT_EQ(two.ApplyUpdate(made_by_one), absl::OkStatus());
      for (Doc* doc : {&one, &two}) ASSERT_EQ(doc->Validate(), absl::OkStatus());
      ASSERT_EQ(one.GetText("text").ToString(), two.GetText("text").ToString());
    }
  }
}

TEST(ShortWays, OnlyAnUpdateThatBringsMuchCostsTheIndexOfPositions) {
  Dice dice(1);
  Doc doc({.client_id = ClientId{1}});
  std::string text;
  EditAnywhere(doc, text, dice, 200);
  Doc other({.client_id = ClientId{2}});
  ASSERT_EQ(other.ApplyUpdate(doc.EncodeStateAsUpdate()), absl::OkStatus());
  const auto tell_doc = [&](std::size_t edits) {
    const StateVector before = doc.GetStateVector();
    EditAnywhere(other, text, dice, edits);
    ASSERT_EQ(doc.ApplyUpdate(other.EncodeStateAsUpdate(before)), absl::OkStatus());
    ASSERT_EQ(doc.Validate(), absl::OkStatus());
    ASSERT_EQ(doc.GetText("text").ToString(), text);
  };
  tell_doc(10);
  EXPECT_GT(doc.MemoryUsage().index, 0u);
  tell_doc(300);
  EXPECT_EQ(doc.MemoryUsage().index, 0u);
  doc.GetText("text").Insert(7, "again");
  text.insert(7, "again");
  EXPECT_GT(doc.MemoryUsage().index, 0u);
  EXPECT_EQ(doc.GetText("text").ToString(), text);
  EXPECT_EQ(doc.Validate(), absl::OkStatus());
}

}  // namespace
}  // namespace weft::crdt
