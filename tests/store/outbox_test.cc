#include "store/outbox.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <deque>
#include <map>

#include "tests/store/log_harness.h"

namespace weft::store {
namespace {

using Entries = std::vector<Outbox::Entry>;

Outbox::Entry Message(std::string payload) {
  return {.payload = std::move(payload), .key = "", .value = std::nullopt};
}

std::vector<std::string> Payloads(Outbox& outbox, std::uint64_t after = 0,
                                  std::size_t limit = 1'000) {
  std::vector<std::string> payloads;
  const std::vector<Outbox::Message> messages = outbox.Read(after, limit).value();
  for (const Outbox::Message& message : messages) {
    EXPECT_TRUE(message.intact);
    payloads.push_back(message.payload);
  }
  return payloads;
}

TEST(Outbox, MessagesAreReadInOrderUntilTheyAreTaken) {
  const TestDirectory directory;
  const auto log = OpenLog(directory);
  const auto outbox = Outbox::Open(*log).value();
  ASSERT_TRUE(outbox->Put(Entries{Message("a"), Message("b")}).ok());
  ASSERT_TRUE(outbox->Put(Entries{Message("c")}).ok());
  EXPECT_EQ(Payloads(*outbox), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(Payloads(*outbox, 1, 1), std::vector<std::string>{"b"});
  ASSERT_TRUE(outbox->DropThrough(2).ok());
  EXPECT_EQ(Payloads(*outbox), std::vector<std::string>{"c"});
  EXPECT_EQ(outbox->messages(), 1U);
}

TEST(Outbox, ANumberIsNeverGivenTwice) {
  const TestDirectory directory;
  {
    const auto log = OpenLog(directory);
    const auto outbox = Outbox::Open(*log).value();
    ASSERT_TRUE(outbox->Put(Entries{Message("a"), Message("b")}).ok());
    ASSERT_TRUE(outbox->DropThrough(2).ok());
  }
  const auto log = OpenLog(directory);
  const auto outbox = Outbox::Open(*log).value();
  EXPECT_EQ(outbox->messages(), 0U);
  ASSERT_TRUE(outbox->Put(Entries{Message("c")}).ok());
  EXPECT_EQ(outbox->Read(0, 10).value().front().number, 3U);
}

TEST(Outbox, AMarkIsPutWithItsMessage) {
  const TestDirectory directory;
  const auto log = OpenLog(directory);
  const auto outbox = Outbox::Open(*log).value();
  ASSERT_TRUE(outbox->Put(Entries{{.payload = "told", .key = "room", .value = "7"}}).ok());
  ASSERT_TRUE(outbox->Put(Entries{{.payload = std::nullopt, .key = "other", .value = ""}}).ok());
  EXPECT_EQ(outbox->FindMark("room").value(), "7");
  EXPECT_EQ(outbox->FindMark("other").value(), "");
  EXPECT_EQ(outbox->FindMark("nothing").value(), std::nullopt);
  ASSERT_TRUE(
      outbox->Put(Entries{{.payload = std::nullopt, .key = "room", .value = std::nullopt}}).ok());
  EXPECT_EQ(outbox->FindMark("room").value(), std::nullopt);
  EXPECT_EQ(outbox->messages(), 1U);
}

TEST(Outbox, TheRoomsOfTheLogAndItsProofsKnowNothingOfIt) {
  const TestDirectory directory;
  const auto log = OpenLog(directory);
  const auto outbox = Outbox::Open(*log).value();
  ASSERT_TRUE(log->CreateIfAbsent({.room = "room", .payload = crdt::AsBytes("x")}).ok());
  ASSERT_TRUE(outbox->Put(Entries{Message(std::string(100'000, 'm'))}).ok());
  EXPECT_EQ(log->ListRooms().value().size(), 1U);
  EXPECT_TRUE(log->reader().Verify({}, {}).value().clean());
  const std::string copy = directory.path() + "/copy";
  ASSERT_TRUE(log->Backup(copy).ok());
  auto restored = UpdateLog::Open({.directory = copy}).value();
  EXPECT_EQ(Payloads(*Outbox::Open(*restored).value()).front().size(), 100'000U);
}

RC_GTEST_PROP(OutboxModel, DoesWhatAListAndAMapDo, ()) {
  const TestDirectory directory;
  auto log = OpenLog(directory);
  auto outbox = Outbox::Open(*log).value();
  std::deque<std::pair<std::uint64_t, std::string>> messages;
  std::map<std::string, std::string> marks;
  std::uint64_t next = 1;
  const int steps = *rc::gen::inRange(1, 20);
  for (int step = 0; step < steps; ++step) {
    switch (*rc::gen::inRange(0, 4)) {
      case 0: {
        const std::uint64_t through = *rc::gen::inRange<std::uint64_t>(0, next + 2);
        RC_ASSERT(outbox->DropThrough(through).ok());
        while (!messages.empty() && messages.front().first <= through) messages.pop_front();
        break;
      }
      case 1:
        outbox.reset();
        log.reset();
        log = OpenLog(directory);
        outbox = Outbox::Open(*log).value();
        break;
      default: {
        Entries entries;
        const int count = *rc::gen::inRange(0, 4);
        for (int i = 0; i < count; ++i) {
          Outbox::Entry entry;
          if (*rc::gen::inRange(0, 3) > 0) entry.payload = *rc::gen::string<std::string>();
          if (*rc::gen::inRange(0, 2) > 0)
            entry.key = std::string(1, *rc::gen::elementOf(std::string("abc")));
          if (*rc::gen::inRange(0, 3) > 0) entry.value = *rc::gen::string<std::string>();
          if (entry.payload) messages.emplace_back(next++, *entry.payload);
          if (!entry.key.empty() && entry.value) marks[entry.key] = *entry.value;
          if (!entry.key.empty() && !entry.value) marks.erase(entry.key);
          entries.push_back(std::move(entry));
        }
        RC_ASSERT(outbox->Put(entries).ok());
      }
    }
    RC_ASSERT(outbox->messages() == messages.size());
    const auto found = outbox->Read(0, 1'000).value();
    RC_ASSERT(found.size() == messages.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      RC_ASSERT(found[i].number == messages[i].first);
      RC_ASSERT(found[i].payload == messages[i].second);
    }
    std::map<std::string, std::string> visited;
    RC_ASSERT(outbox
                  ->VisitMarks([&](std::string_view key, std::string_view value) {
                    visited.emplace(key, value);
                  })
                  .ok());
    RC_ASSERT(visited == marks);
  }
}

}  // namespace
}  // namespace weft::store
