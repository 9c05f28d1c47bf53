#include "crdt/driver/driver.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "crdt/json.h"
#include "tests/crdt/allocation_meter.h"
#include "tests/crdt/oracle/driver_values.h"
#include "tests/crdt/oracle/random_requests.h"

namespace weft::crdt::driver {
namespace {

using oracle::ToBase64;

class DriverTest : public testing::Test {
 protected:
  void SetUp() override { Ask(R"({"op":"new","doc":0,"clientID":1})"); }

  std::string Ask(std::string_view request) { return driver_.Answer(request); }
  std::string Edit(const std::string& action) {
    return Ask(R"({"op":"edit","doc":0,"actions":[)" + action + "]}");
  }
  std::string Json(const std::string& types) {
    return Ask(R"({"op":"json","doc":0,"types":{)" + types + "}}");
  }
  void ExpectError(const std::string& reply) {
    EXPECT_TRUE(reply.starts_with(R"({"error":")")) << reply;
  }

  Driver driver_;
};

TEST_F(DriverTest, AnswersAnEditWithTheUpdateOfItsTransaction) {
  EXPECT_EQ(Edit(R"({"op":"text.insert","name":"t","index":0,"text":"hi"})"),
            R"({"update":"AQEBAAQBAXQCaGkA"})");
  EXPECT_EQ(Edit(""), R"({"update":null})");
  EXPECT_EQ(Json(R"("t":"text")"), R"({"json":{"t":"hi"},"delta":{"t":[{"insert":"hi"}]}})");
  EXPECT_EQ(Ask(R"({"op":"sv","doc":0})"), R"({"sv":"AQEC"})");
}

TEST_F(DriverTest, ReachesNestedTypesByKeysAndIndices) {
  Edit(R"({"op":"map.set","name":"m","key":"list","value":
          {"$type":"array","init":[1,{"$type":"text","init":"x"}]}})");
  Edit(R"({"op":"text.insert","name":"m","path":["list",1],"index":1,"text":"y"})");
  EXPECT_EQ(Json(R"("m":"map")"), R"({"json":{"m":{"list":[1,"xy"]}},"delta":{}})");
}

TEST_F(DriverTest, SaysWhatJsonCannotSay) {
  Edit(R"({"op":"array.insert","name":"a","index":0,"values":[{"$binary":"AP8="},
          [{"$bigint":"-5"},{"$undefined":true},{"$number":"NaN"},{"$number":"-Infinity"}]]})");
  EXPECT_EQ(Json(R"("a":"array")"),
            R"({"json":{"a":[{"$binary":"AP8="},[{"$bigint":"-5"},{"$undefined":true},)"
            R"({"$number":"NaN"},{"$number":"-Infinity"}]]},"delta":{}})");
}

TEST_F(DriverTest, WritesXmlAsItsText) {
  Edit(R"({"op":"xml.insert","name":"x","index":0,"node":
          {"element":"P","attrs":{"b":"2","a":"1"},"children":[{"text":"hi"}]}})");
  EXPECT_EQ(Json(R"("x":"xmlfragment")"),
            R"({"json":{"x":"<p a=\"1\" b=\"2\">hi</p>"},"delta":{}})");
}

TEST_F(DriverTest, AnswersAnErrorAndGoesOn) {
  for (const char* line : {"",
                           "x",
                           "{",
                           "[]",
                           "null",
                           R"({"op":7})",
                           R"({"op":"nonsense"})",
                           R"({"op":"sv"})",
                           R"({"op":"sv","doc":9})",
                           R"({"op":"sv","doc":{}})",
                           R"({"op":"edit","doc":0})",
                           R"({"op":"edit","doc":0,"actions":[1]})",
                           R"({"op":"edit","doc":0,"actions":[{}]})",
                           R"({"op":"state","doc":0,"v":3})",
                           R"({"op":"state","doc":0,"sv":"/"})",
                           R"({"op":"apply","doc":0,"update":"AQ=="})",
                           R"({"op":"json","doc":0,"types":{"a":"b"}})",
                           R"({"op":"new","doc":1,"clientID":-1})",
                           R"({"op":"new","doc":1,"clientID":1e300})",
                           R"({"op":"merge","updates":[7]})"}) {
    ExpectError(Ask(line));
  }
  EXPECT_EQ(Ask(R"({"op":"sv","doc":0})"), R"({"sv":"AA=="})");
}

TEST_F(DriverTest, RefusesActionsThatCannotBeDoneAndChangesNothing) {
  Edit(R"({"op":"text.insert","name":"t","index":0,"text":"abc"})");
  Edit(R"({"op":"array.insert","name":"a","index":0,"values":[1,2]})");
  Edit(R"({"op":"map.set","name":"m","key":"k","value":1})");
  const std::string before = Ask(R"({"op":"state","doc":0})");
  for (
      const char* action : {
          R"({"op":"text.insert","name":"t","index":4,"text":"x"})",
          R"({"op":"text.insert","name":"t","index":-1,"text":"x"})",
          R"({"op":"text.insert","name":"t","index":0.5,"text":"x"})",
          R"({"op":"text.insert","name":"t","index":1e300,"text":"x"})",
          R"({"op":"text.insert","name":"t","index":"0","text":"x"})",
          R"({"op":"text.insert","name":"t","index":0})",
          R"({"op":"text.insert","index":0,"text":"x"})",
          R"({"op":"text.insert","name":"a","index":0,"text":"x"})",
          R"({"op":"text.insert","name":"t","path":[0],"index":0,"text":"x"})",
          R"({"op":"text.insert","name":"t","index":0,"text":"x","attrs":[]})",
          R"({"op":"text.insert","name":"t","index":0,"text":"x","attrs":{"b":{"$undefined":true}}})",
          R"({"op":"text.insert","name":"t","index":0,"text":"x","attrs":{"b":[{"$bigint":"1"}]}})",
          R"({"op":"text.delete","name":"t","index":2,"len":2})",
          R"({"op":"text.delete","name":"t","index":9007199254740991,"len":9007199254740991})",
          R"({"op":"text.format","name":"t","index":0,"len":9007199254740991,"attrs":{"b":1}})",
          R"({"op":"text.format","name":"t","index":9,"len":0,"attrs":{"b":1}})",
          R"({"op":"text.embed","name":"t","index":0,"embed":"x"})",
          R"({"op":"text.embed","name":"t","index":0,"embed":{"$type":"text","init":"x"}})",
          R"({"op":"text.delta","name":"t","delta":[{"retain":9007199254740991,"attributes":{"b":1}}]})",
          R"({"op":"text.delta","name":"t","delta":[{"insert":{"$type":"text"}}]})",
          R"({"op":"array.insert","name":"a","index":3,"values":[1]})",
          R"({"op":"array.insert","name":"a","index":0,"values":[1,{"$undefined":true}]})",
          R"({"op":"array.insert","name":"a","index":0,"values":[1,{"$bigint":"1"}]})",
          R"({"op":"array.insert","name":"a","index":0,"values":[{"$type":"array","init":[{"$bigint":"1"}]}]})",
          R"({"op":"array.insert","name":"a","index":0,"values":[{"$bigint":"99999999999999999999"}]})",
          R"({"op":"array.insert","name":"a","index":0,"values":[{"$binary":"*"}]})",
          R"({"op":"array.insert","name":"a","index":0,"values":[{"$type":"nonsense"}]})",
          R"({"op":"array.delete","name":"a","index":1,"len":2})",
          R"({"op":"array.delete","name":"m","index":0,"len":0})",
          R"({"op":"map.set","name":"m","value":1})",
          R"({"op":"map.set","name":"m","key":"x"})",
          R"({"op":"map.set","name":"m","path":["k"],"key":"x","value":1})",
          R"({"op":"map.set","name":"m","path":["nothing"],"key":"x","value":1})",
          R"({"op":"xml.insert","name":"m","index":0,"node":{"text":"x"}})",
          R"({"op":"subdocument.load","name":"m","path":["k"]})",
      }) {
    ExpectError(Edit(action));
    EXPECT_EQ(Ask(R"({"op":"state","doc":0})"), before) << action;
  }
  EXPECT_EQ(Ask(R"({"op":"validate","doc":0})"), "{}");
}

TEST_F(DriverTest, KeepsWhatTheActionsBeforeARefusedOneDid) {
  ExpectError(Edit(R"({"op":"text.insert","name":"t","index":0,"text":"a"},
                      {"op":"text.insert","name":"t","index":9,"text":"b"},
                      {"op":"text.insert","name":"t","index":0,"text":"c"})"));
  EXPECT_EQ(Json(R"("t":"text")"), R"({"json":{"t":"a"},"delta":{"t":[{"insert":"a"}]}})");
}

TEST_F(DriverTest, KeepsTheKindThatARootGotFirst) {
  Json(R"("r":"text")");
  ExpectError(Json(R"("r":"xmltext")"));
  ExpectError(Json(R"("r":"map")"));
  ExpectError(Edit(R"({"op":"map.set","name":"r","key":"k","value":1})"));
  EXPECT_EQ(Json(R"("r":"text")"), R"({"json":{"r":""},"delta":{"r":[]}})");
}

TEST_F(DriverTest, TakesHalfASurrogatePairAsTheCharacterThatAnUpdateHoldsForIt) {
  const std::string update = Edit(R"({"op":"text.insert","name":"t","index":0,"text":"\ud83d"})");
  EXPECT_EQ(update, Ask(R"({"op":"state","doc":0})"));
  EXPECT_EQ(Json(R"("t":"text")"),
            "{\"json\":{\"t\":\"\uFFFD\"},\"delta\":{\"t\":[{\"insert\":\"\uFFFD\"}]}}");
  Edit(R"({"op":"map.set","name":"\udc00","key":"\ud83d","value":{"\ud83d":"\ud83d"}})");
  Edit(R"({"op":"text.insert","name":"t","index":0,"text":"x","attrs":{"\ud83d":"\ud83d"}})");
  Edit(
      R"({"op":"xml.insert","name":"x","index":0,"node":{"element":"\ud83d","attrs":{"\ud83d":"\ud83d"}}})");
  Edit(R"({"op":"array.insert","name":"a","index":0,"values":[{"$type":"doc","guid":"\ud83d"}]})");
  EXPECT_EQ(Ask(R"({"op":"validate","doc":0})"), "{}");
  const std::string state = Ask(R"({"op":"state","doc":0})");
  Ask(R"({"op":"new","doc":1,"clientID":2})");
  const std::string applied = Ask(R"({"op":"apply","doc":1,)" + state.substr(1));
  EXPECT_FALSE(applied.starts_with(R"({"error")")) << applied;
}

TEST_F(DriverTest, LeavesADocumentAsItWasWhenAnUpdateIsRefused) {
  Edit(R"({"op":"text.insert","name":"t","index":0,"text":"abc"})");
  const std::string before = Ask(R"({"op":"state","doc":0})");
  // Good blocks, and a delete set that ends too early.
  ExpectError(Ask(R"({"op":"apply","doc":0,"update":"AQECAAQBAXQCaGkB"})"));
  EXPECT_EQ(Ask(R"({"op":"state","doc":0})"), before);
}

TEST_F(DriverTest, RefusesRequestsThatAreTooLargeOrTooDeep) {
  ExpectError(Ask(std::string(1'000'000, '[')));
  ExpectError(Ask(R"({"op":"edit","doc":0,"actions":[)" + std::string(3'000'000, ',') + "]}"));
  std::string deep(2'000, '[');
  deep += std::string(2'000, ']');
  ExpectError(Edit(R"({"op":"array.insert","name":"a","index":0,"values":)" + deep + "}"));
  ExpectError(Ask(std::string(driver_.limits().request_bytes + 1, ' ')));
}

TEST_F(DriverTest, EndsAnEditThatTakesTooLongBetweenItsActions) {
  std::int64_t now = 0;
  Driver driver(DriverLimits{.edit_ms = 1'500}, [&now] { return now += 1'000; });
  driver.Answer(R"({"op":"new","doc":0,"clientID":1})");
  ExpectError(driver.Answer(R"({"op":"edit","doc":0,"actions":[)"
                            R"({"op":"text.insert","name":"t","index":0,"text":"a"},)"
                            R"({"op":"text.insert","name":"t","index":0,"text":"b"}]})"));
  EXPECT_EQ(driver.Answer(R"({"op":"json","doc":0,"types":{"t":"text"}})"),
            R"({"json":{"t":"a"},"delta":{"t":[{"insert":"a"}]}})");
}

TEST_F(DriverTest, ReadsTypesThatAreNestedAsDeepAsUpdatesCanNestThem) {
  // Maps in one another, each made by a request of its own.
  std::string path;
  for (int i = 0; i < 3'000; ++i) {
    Edit(R"({"op":"map.set","name":"m","path":[)" + path +
         R"(],"key":"k","value":{"$type":"map"}})");
    path += path.empty() ? R"("k")" : R"(,"k")";
  }
  EXPECT_EQ(Json(R"("m":"map")").size(), 3'001u * 6 + 22);
}

TEST_F(DriverTest, TellsObserversWhatAnEditChanged) {
  Ask(R"({"op":"observe","doc":0,"observer":7,"name":"t","kind":"text"})");
  EXPECT_EQ(Edit(R"({"op":"text.insert","name":"t","index":0,"text":"hi"})"),
            R"({"update":"AQEBAAQBAXQCaGkA","events":[{"observer":7,"kind":"text","path":[],)"
            R"("local":true,"delta":[{"insert":"hi"}]}]})");
  EXPECT_EQ(Ask(R"({"op":"unobserve","doc":0,"observer":7})"), "{}");
  ExpectError(Ask(R"({"op":"unobserve","doc":0,"observer":7})"));
}

TEST_F(DriverTest, UndoesByTheClockOfTheRequests) {
  Ask(R"({"op":"undo.new","doc":0,"manager":1,"scope":[{"name":"t","kind":"text"}]})");
  const auto insert = [&](const char* text, int now) {
    Ask(std::string(R"({"op":"edit","doc":0,"now":)") + std::to_string(now) +
        R"(,"actions":[{"op":"text.insert","name":"t","index":0,"text":")" + text + "\"}]}");
  };
  insert("a", 1000);
  insert("b", 1499);
  insert("c", 1999);
  EXPECT_NE(Ask(R"({"op":"undo.undo","doc":0,"manager":1})").find(R"("done":true,"undo":1)"),
            std::string::npos);
  EXPECT_EQ(Json(R"("t":"text")"), R"({"json":{"t":"ba"},"delta":{"t":[{"insert":"ba"}]}})");
}

TEST_F(DriverTest, HoldsPositionsAndSnapshots) {
  Edit(R"({"op":"text.insert","name":"t","index":0,"text":"ab"})");
  EXPECT_EQ(
      Ask(R"({"op":"position","doc":0,"name":"t","index":1})"),
      R"({"position":"AAEBAA==","json":{"tname":"t","item":{"client":1,"clock":1},"assoc":0}})");
  Edit(R"({"op":"text.insert","name":"t","index":0,"text":"xy"})");
  EXPECT_EQ(Ask(R"({"op":"resolve","doc":0,"position":"AAEBAA=="})"),
            R"({"index":3,"assoc":0,"root":"t"})");
  EXPECT_EQ(Ask(R"({"op":"snapshot","doc":0})"), R"({"snapshot":"AAEBBA=="})");
}

TEST_F(DriverTest, CountsMadeUpClientIdsFromASeed) {
  Ask(R"({"op":"seed","clientID":100})");
  EXPECT_EQ(Ask(R"({"op":"new","doc":"a"})"), R"({"clientID":100})");
  EXPECT_EQ(Ask(R"({"op":"new","doc":"b"})"), R"({"clientID":101})");
  // Two drivers must not agree on ids without being told to.
  Driver other;
  EXPECT_NE(other.Answer(R"({"op":"new","doc":0})"), Driver().Answer(R"({"op":"new","doc":0})"));
}

// Requests of a random scenario in which something was replaced by what does not belong there.
class Vandal {
 public:
  explicit Vandal(std::uint64_t seed) : random_(seed) {}

  Any Damage(const Any& value) {
    if (random_() % 6 == 0) return Nonsense();
    if (const Any::Array* array = value.AsArray(); array != nullptr && !array->empty()) {
      Any::Array out = *array;
      Any& element = out[random_() % out.size()];
      element = Damage(element);
      return out;
    }
    const AnyObject* object = value.AsObject();
    if (object == nullptr || object->empty()) return Nonsense();
    const std::size_t position = random_() % object->size();
    AnyObject out;
    for (std::size_t i = 0; i < object->size(); ++i) {
      const auto& [key, member] = object->entries()[i];
      if (i != position) {
        out.Set(key, member);
      } else if (random_() % 5 != 0) {
        out.Set(key, key == "op" ? member : Damage(member));
      }
    }
    return out;
  }

 private:
  Any Nonsense() {
    const std::vector<Any> kNonsense = {Any::Null(),
                                        true,
                                        0,
                                        1,
                                        2,
                                        99,
                                        -1,
                                        0.5,
                                        1e15,
                                        9007199254740991.0,
                                        9007199254740992.0,
                                        1e300,
                                        "",
                                        "x",
                                        "text",
                                        "map",
                                        "AAA=",
                                        "AQECAAQBAXQCaGkB",
                                        "\xED\xA0\xBD",
                                        Any::Array{},
                                        Any::Array{0},
                                        Any::Array{"a", 1},
                                        AnyObject{},
                                        AnyObject{{"$undefined", true}},
                                        AnyObject{{"$bigint", "7"}},
                                        AnyObject{{"$type", "map"}},
                                        AnyObject{{"$type", 1}},
                                        AnyObject{{"$number", "NaN"}},
                                        AnyObject{{"text", "x"}},
                                        AnyObject{{"element", "p"}}};
    return kNonsense[random_() % kNonsense.size()];
  }

  std::mt19937_64 random_;
};

TEST(Driver, SurvivesRequestsInWhichAnythingIsWrong) {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Driver driver;
    Vandal vandal(seed);
    const oracle::RandomRequests::Ask ask = [&](const AnyObject& request) {
      const std::string whole = ToJsonText(request);
      const std::string damaged = driver.Answer(ToJsonText(vandal.Damage(request)));
      EXPECT_TRUE(ParseJson(damaged, 5000).has_value()) << damaged;
      return *ParseJson(driver.Answer(whole), 5000);
    };
    const oracle::RandomRequests::Find find = [&](std::uint64_t number) {
      return driver.Find(number);
    };
    const oracle::Scenario scenario = oracle::RandomScenario(seed);
    oracle::RandomRequests random(scenario.front(), ask, find);
    for (std::size_t i = 1; i < scenario.size(); ++i) {
      random.RunStep(scenario[i]);
      for (const std::uint64_t doc : {0, 1, 2, 3}) {
        if (driver.Find(doc) == nullptr) continue;
        ASSERT_EQ(driver.Find(doc)->Validate(), absl::OkStatus());
      }
    }
  }
}

TEST(Driver, SurvivesAnyBytes) {
  std::mt19937_64 random(1);
  Driver driver;
  const std::string alphabet = "{}[]:,\"\\opedit0123456789-+.eE \xED\xA0\xBD\xFF\x01untrfalsd$";
  for (int i = 0; i < 20'000; ++i) {
    std::string line = random() % 2 == 0 ? R"({"op":")" : "";
    for (std::uint64_t size = random() % 60; size > 0; --size) {
      line += alphabet[random() % alphabet.size()];
    }
    EXPECT_TRUE(ParseJson(driver.Answer(line), 100).has_value()) << line;
  }
}

// Each deletion is recorded for every mapping.
TEST(Driver, ADocumentHasABoundedNumberOfUserMappings) {
  Driver driver(DriverLimits{.user_mappings = 2});
  driver.Answer(R"({"op":"new","doc":0,"clientID":1})");
  driver.Answer(R"({"op":"users.new","doc":0})");
  const std::string map = R"({"op":"users.map","doc":0,"user":"ada"})";
  EXPECT_EQ(driver.Answer(map).find("error"), std::string::npos);
  EXPECT_EQ(driver.Answer(map).find("error"), std::string::npos);
  EXPECT_EQ(driver.Answer(map), R"({"error":"a document has at most 2 mappings"})");
}

// A loop over what they declare would not end within the time that tests have, or allocate.
TEST(Driver, AFewBytesThatDeclareManyBlocksCostLittle) {
  // Issue 687 of Yjs, and a claim of 2^31 blocks.
  Driver driver;
  driver.Answer(R"({"op":"new","doc":0})");
  const AllocationMeter meter;
  for (const char* update :
       {"AQGAgICACAAAAQA=", "Af////8PAQAEAQF0AWEA", "AAAFnwMBAAAAAAAAAAAAAAAAAAAAAAAAAQ=="}) {
    for (const char* v : {"1", "2"}) {
      driver.Answer(std::string(R"({"op":"apply","doc":0,"update":")") + update + R"(","v":)" + v +
                    "}");
      driver.Answer(std::string(R"({"op":"merge","updates":[")") + update + R"("],"v":)" + v + "}");
    }
  }
  EXPECT_LT(meter.peak(), std::size_t{1} << 20);
}

}  // namespace
}  // namespace weft::crdt::driver
