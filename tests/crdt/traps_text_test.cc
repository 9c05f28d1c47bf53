// Traps that implementations of the format have fallen into: formatting, and calls that editors make.
// Each is run against the real Yjs with the same requests; what must come out is said besides.

#include <gtest/gtest.h>

#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "crdt/json.h"
#include "tests/crdt/oracle/conversation.h"
#include "tests/crdt/oracle/driver_values.h"
#include "tests/crdt/oracle/yjs_process.h"

namespace weft::crdt::oracle {
namespace {

// The replies of weft, after they were found to be those of Yjs.
std::vector<std::string> Agreed(std::string_view requests) {
  const absl::StatusOr<std::unique_ptr<YjsProcess>> yjs = YjsProcess::Start();
  if (!yjs.ok()) {
    ADD_FAILURE() << yjs.status();
    return {};
  }
  Conversation conversation(**yjs);
  std::vector<std::string> replies;
  std::istringstream lines{std::string(requests)};
  for (std::string line; std::getline(lines, line);) {
    line.erase(0, line.find_first_not_of(' '));
    if (!line.empty()) replies.push_back(conversation.Ask(line));
  }
  const absl::StatusOr<std::string> difference = conversation.FirstDifference();
  EXPECT_TRUE(difference.ok()) << difference.status();
  EXPECT_EQ(difference.value_or(""), "");
  return replies;
}

std::string DeltaIn(const std::string& reply) {
  const std::optional<Any> json = ParseJson(reply, 100);
  if (!json.has_value()) return reply;
  return ToJsonText(Member(Member(*json, "delta"), "t"));
}

TEST(TrapsText, T13FormattingTouchesItsRangeOnly) {
  const auto replies = Agreed(R"(
    {"op":"new","doc":0,"clientID":1}
    {"op":"edit","doc":0,"actions":[{"op":"text.insert","name":"t","index":0,"text":"0123456789","attrs":{"bold":true}}]}
    {"op":"edit","doc":0,"actions":[{"op":"text.format","name":"t","index":2,"len":3,"attrs":{"bold":null}}]}
    {"op":"edit","doc":0,"actions":[{"op":"text.format","name":"t","index":4,"len":6,"attrs":{"italic":true}}]}
    {"op":"state","doc":0}
    {"op":"json","doc":0,"types":{"t":"text"}})");
  EXPECT_EQ(DeltaIn(replies.back()),
            R"([{"insert":"01","attributes":{"bold":true}},{"insert":"23"},)"
            R"({"insert":"4","attributes":{"italic":true}},)"
            R"({"insert":"56789","attributes":{"italic":true,"bold":true}}])");
}

TEST(TrapsText, T14InsertingWithAttributesBehindAFormattedRunClosesIt) {
  const auto replies = Agreed(R"(
    {"op":"new","doc":0,"clientID":1}
    {"op":"edit","doc":0,"actions":[{"op":"text.insert","name":"t","index":0,"text":"bold","attrs":{"bold":true}}]}
    {"op":"edit","doc":0,"actions":[{"op":"text.insert","name":"t","index":4,"text":"em","attrs":{"em":true}}]}
    {"op":"edit","doc":0,"actions":[{"op":"text.insert","name":"t","index":6,"text":"none","attrs":{}}]}
    {"op":"state","doc":0}
    {"op":"json","doc":0,"types":{"t":"text"}})");
  EXPECT_EQ(DeltaIn(replies.back()),
            R"([{"insert":"bold","attributes":{"bold":true}},)"
            R"({"insert":"em","attributes":{"em":true}},{"insert":"none"}])");
}

TEST(TrapsText, T15OfConcurrentValuesOfAnAttributeOneIsLostAsInYjs) {
  const auto replies = Agreed(R"(
    {"op":"new","doc":0,"clientID":1}
    {"op":"json","doc":0,"types":{"t":"text"}}
    {"op":"new","doc":1,"clientID":2}
    {"op":"json","doc":1,"types":{"t":"text"}}
    {"op":"edit","doc":0,"actions":[{"op":"text.insert","name":"t","index":0,"text":"word"}]}
    {"op":"apply","doc":1,"update":"AQEBAAQBAXQEd29yZAA="}
    {"op":"edit","doc":1,"actions":[{"op":"text.format","name":"t","index":0,"len":4,"attrs":{"color":"blue"}}]}
    {"op":"edit","doc":0,"actions":[{"op":"text.format","name":"t","index":0,"len":4,"attrs":{"color":"red"}}]}
    {"op":"apply","doc":0,"update":"AQICAEYBAAVjb2xvcgYiYmx1ZSKGAQMFY29sb3IEbnVsbAA="}
    {"op":"state","doc":0}
    {"op":"json","doc":0,"types":{"t":"text"}})");
  EXPECT_EQ(DeltaIn(replies.back()), R"([{"insert":"word","attributes":{"color":"blue"}}])");
}

TEST(TrapsText, T39FormattingInsideOfASurrogatePairBreaksTheLocalTextAndTellsNobody) {
  const auto replies = Agreed(R"(
    {"op":"new","doc":0,"clientID":1}
    {"op":"edit","doc":0,"actions":[{"op":"text.insert","name":"t","index":0,"text":"A😀B"}]}
    {"op":"edit","doc":0,"actions":[{"op":"text.format","name":"t","index":2,"len":1,"attrs":{"bold":null}}]}
    {"op":"state","doc":0}
    {"op":"json","doc":0,"types":{"t":"text"}})");
  EXPECT_EQ(replies[2], R"({"update":null})");
  EXPECT_EQ(DeltaIn(replies.back()), "[{\"insert\":\"A\uFFFD\uFFFDB\"}]");
}

TEST(TrapsText, T40UndefinedAndBigIntAreNoElementsOfAnArrayButValuesOfAMap) {
  const auto replies = Agreed(R"(
    {"op":"new","doc":0,"clientID":1}
    {"op":"edit","doc":0,"actions":[{"op":"array.insert","name":"a","index":0,"values":[{"$undefined":true}]}]}
    {"op":"edit","doc":0,"actions":[{"op":"array.insert","name":"a","index":0,"values":[{"$bigint":"5"}]}]}
    {"op":"edit","doc":0,"actions":[{"op":"array.insert","name":"a","index":0,"values":[[{"$undefined":true},{"$bigint":"5"}]]}]}
    {"op":"edit","doc":0,"actions":[{"op":"map.set","name":"m","key":"u","value":{"$undefined":true}},{"op":"map.set","name":"m","key":"b","value":{"$bigint":"-5"}}]}
    {"op":"state","doc":0}
    {"op":"state","doc":0,"v":2}
    {"op":"json","doc":0,"types":{"a":"array","m":"map"}})");
  EXPECT_TRUE(replies[1].starts_with(R"({"error")")) << replies[1];
  EXPECT_TRUE(replies[2].starts_with(R"({"error")")) << replies[2];
  EXPECT_TRUE(replies.back().starts_with(
      R"({"json":{"a":[[{"$undefined":true},{"$bigint":"5"}]],"m":{"u":{"$undefined":true},"b":{"$bigint":"-5"}}})"))
      << replies.back();
}

TEST(TrapsText, T41CleaningUpIsATransactionOfItsOwnAndOnlyOfTextsThatWereNamed) {
  const std::string_view requests = R"(
    {"op":"apply","doc":0,"update":"AQEBAAQBAXQEYm9sZAA="}
    {"op":"apply","doc":0,"update":"AQICAEYBAARib2xkBHRydWWGAQMEYm9sZARudWxsAA=="}
    {"op":"apply","doc":0,"update":"AQIDAEYBAARib2xkBHRydWWGAQMEYm9sZARudWxsAA=="}
    {"op":"state","doc":0})";
  const std::string named = R"({"op":"new","doc":0,"clientID":9}
    {"op":"json","doc":0,"types":{"t":"text"}})" +
                            std::string(requests);
  const std::string unnamed = R"({"op":"new","doc":0,"clientID":9})" + std::string(requests);
  const auto with_name = Agreed(named);
  const auto without = Agreed(unnamed);
  ASSERT_EQ(with_name.size(), 6u);
  ASSERT_EQ(without.size(), 5u);
  // What came, and what was cleaned up of it: two updates.
  const auto count = [](const std::string& reply) {
    const std::optional<Any> json = ParseJson(reply, 100);
    return Member(*json, "updates").AsArray()->size();
  };
  EXPECT_EQ(count(with_name[4]), 2u) << with_name[4];
  EXPECT_EQ(count(without[3]), 1u) << without[3];
  EXPECT_NE(with_name.back(), without.back());
}

}  // namespace
}  // namespace weft::crdt::oracle
