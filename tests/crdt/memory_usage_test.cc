// What a document says that it holds is what the allocator gave it.

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crdt/delta.h"
#include "crdt/doc.h"
#include "crdt/memory_report.h"
#include "crdt/update_merge.h"
#include "tests/crdt/allocation_meter.h"

namespace weft::crdt {
namespace {

// A document, and what was allocated while `fill` filled it and is held still.
struct Filled {
  std::unique_ptr<Doc> doc;
  std::size_t held = 0;
};
Filled Fill(const std::function<void(Doc&)>& fill) {
  const AllocationMeter meter;
  Filled filled;
  filled.doc = std::make_unique<Doc>(Doc::Options{.client_id = ClientId{1}});
  fill(*filled.doc);
  filled.held = meter.held() - sizeof(Doc);
  return filled;
}

void ExpectWithinFivePercent(const Filled& filled) {
  const auto held = static_cast<double>(filled.held);
  EXPECT_NEAR(static_cast<double>(filled.doc->MemoryUsage().total()), held, held * 0.05);
}

void Type(Doc& doc, int edits) {
  std::mt19937 random(1);
  Text text = doc.GetText("text");
  for (int i = 0; i < edits; ++i) {
    if (i % 5 == 4) {
      text.Delete(random() % (text.length() - 5), 5);
    } else {
      text.Insert(random() % (text.length() + 1), "words and ");
    }
  }
}

Bytes TypedState() {
  Doc doc({.client_id = ClientId{2}});
  Type(doc, 5000);
  return doc.EncodeStateAsUpdate();
}

TEST(MemoryUsage, OfALoadedText) {
  const Bytes state = TypedState();
  const Filled filled = Fill([&](Doc& doc) { ASSERT_TRUE(doc.ApplyUpdate(state).ok()); });
  ExpectWithinFivePercent(filled);
  const MemoryReport report = filled.doc->MemoryUsage();
  EXPECT_GT(report.blocks, report.total() / 2);
  EXPECT_GT(report.text, 10'000u);
  EXPECT_EQ(report.index, 0u);
  EXPECT_EQ(report.pending, 0u);
}

TEST(MemoryUsage, OfATextWithItsIndex) {
  const Filled filled = Fill([](Doc& doc) { Type(doc, 5000); });
  ExpectWithinFivePercent(filled);
  EXPECT_GT(filled.doc->MemoryUsage().index, 10'000u);
}

TEST(MemoryUsage, OfValuesOfAllKinds) {
  const Filled filled = Fill([](Doc& doc) {
    Array array = doc.GetArray("array");
    for (int i = 0; i < 2000; ++i) {
      array.Push({Any(i), Any(std::string(static_cast<std::size_t>(i % 200), 'v')),
                  Any(AnyObject{{"name", "a value that is longer than a few bytes"},
                                {"list", Any::Array{Any(1), Any(Bytes(100))}}})});
      Map map = array.InsertMap(0);
      map.Set("key", i);
      if (i % 10 == 0) map.Set(absl::StrCat("a key of its own, number ", i), "value");
    }
    Text text = doc.GetText("text");
    text.Insert(0, std::string(4000, 'x'));
    for (std::uint64_t i = 0; i + 10 < text.length(); i += 10) {
      text.Format(i, 5, {{"link", Any(AnyObject{{"href", absl::StrCat("https://x.org/", i)}})}});
    }
    text.ToDelta();
  });
  ExpectWithinFivePercent(filled);
  EXPECT_GT(filled.doc->MemoryUsage().content, filled.doc->MemoryUsage().total() / 2);
}

TEST(MemoryUsage, OfManyClients) {
  std::vector<Bytes> updates;
  for (std::uint64_t i = 0; i < 3000; ++i) {
    Doc writer({.client_id = ClientId{i + 10}});
    writer.GetText("text").Insert(0, "hello");
    updates.push_back(writer.EncodeStateAsUpdate());
  }
  ExpectWithinFivePercent(Fill([&](Doc& doc) {
    for (const Bytes& update : updates) ASSERT_TRUE(doc.ApplyUpdate(update).ok());
  }));
}

// People write and delete and never come again: of each the document remembers who it was and how much
// that was, and not the room that the words took.
void ExpectLittleOfTheDeparted(std::uint32_t kept_at_end) {
  constexpr std::size_t kPeople = 500;
  std::vector<std::vector<Bytes>> lives(kPeople);
  for (std::size_t i = 0; i < kPeople; ++i) {
    Doc writer({.client_id = ClientId{i + 10}});
    const Subscription subscription = writer.OnUpdate([&](const UpdateEvent& event) {
      lives[i].emplace_back(event.update.begin(), event.update.end());
    });
    Text text = writer.GetText("text");
    for (int word = 0; word < 200; ++word) text.Insert(text.length(), "words ");
    text.Delete(0, text.length() - kept_at_end);
  }
  const Filled filled = Fill([&](Doc& doc) {
    for (const std::vector<Bytes>& life : lives) {
      for (const Bytes& update : life) ASSERT_TRUE(doc.ApplyUpdate(update).ok());
    }
  });
  EXPECT_LE(filled.doc->MemoryUsage().text, kPeople * 80);
  EXPECT_LE(filled.held, kPeople * 800);
}

TEST(MemoryUsage, OfManyWhoDeletedWhatTheyWroteIsSmall) { ExpectLittleOfTheDeparted(0); }

TEST(MemoryUsage, OfManyWhoDeletedAllButTheLastWordIsSmall) { ExpectLittleOfTheDeparted(6); }

TEST(MemoryUsage, OfWhatWaits) {
  Doc writer({.client_id = ClientId{2}});
  std::vector<Bytes> updates;
  const Subscription subscription = writer.OnUpdate([&](const UpdateEvent& event) {
    updates.emplace_back(event.update.begin(), event.update.end());
  });
  Type(writer, 2000);
  const Filled filled = Fill([&](Doc& doc) {
    for (std::size_t i = 1; i < updates.size(); ++i) ASSERT_TRUE(doc.ApplyUpdate(updates[i]).ok());
  });
  ExpectWithinFivePercent(filled);
  EXPECT_GT(filled.doc->MemoryUsage().pending, filled.doc->MemoryUsage().total() / 2);
}

}  // namespace
}  // namespace weft::crdt
