#include "tests/crdt/oracle/yjs_process.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "crdt/json.h"
#include "tests/crdt/oracle/driver_values.h"

namespace weft::crdt::oracle {
namespace {

Any Request(const char* text) {
  const std::optional<Any> request = ParseJson(text, 100);
  EXPECT_TRUE(request.has_value()) << text;
  return request.value_or(Any());
}

class YjsProcessTest : public testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<YjsProcess>> started = YjsProcess::Start();
    ASSERT_TRUE(started.ok()) << started.status();
    yjs_ = *std::move(started);
  }

  // The reply as JSON with sorted keys, or the error.
  std::string Call(const char* request) {
    const absl::StatusOr<Any> reply = yjs_->Call(Request(request));
    return reply.ok() ? CanonicalJson(*reply) : reply.status().ToString();
  }

  std::unique_ptr<YjsProcess> yjs_;
};

TEST_F(YjsProcessTest, EditsARealYjsDocument) {
  Call(R"({"op":"new","doc":0,"clientID":1})");
  EXPECT_EQ(Call(R"({"op":"edit","doc":0,"actions":[
                    {"op":"text.insert","name":"t","index":0,"text":"hi"}]})"),
            R"({"update":"AQEBAAQBAXQCaGkA",})");
  EXPECT_EQ(Call(R"({"op":"json","doc":0,"types":{"t":"text"}})"),
            R"({"delta":{"t":[{"insert":"hi",},],},"json":{"t":"hi",},})");
  EXPECT_EQ(Call(R"({"op":"sv","doc":0})"), R"({"sv":"AQEC",})");
}

TEST_F(YjsProcessTest, ReachesNestedTypesByPathAndSaysWhatJsonCannotSay) {
  Call(R"({"op":"new","doc":0,"clientID":1})");
  Call(R"({"op":"edit","doc":0,"actions":[
          {"op":"map.set","name":"m","key":"list","value":{"$type":"array","init":[
            {"$binary":"AP8="},{"$type":"text","init":"x"}]}},
          {"op":"map.set","name":"m","path":[],"key":"u","value":{"$undefined":true}},
          {"op":"text.insert","name":"m","path":["list",1],"index":1,"text":"y"}]})");
  EXPECT_EQ(
      Call(R"({"op":"json","doc":0,"types":{"m":"map"}})"),
      R"({"delta":{},"json":{"m":{"list":[{"$binary":"AP8=",},"xy",],"u":{"$undefined":true,},},},})");
}

TEST_F(YjsProcessTest, AnswersAnErrorAndGoesOn) {
  EXPECT_EQ(Call(R"({"op":"sv","doc":9})"), R"(INTERNAL: "there is no document 9")");
  EXPECT_EQ(Call(R"({"op":"new","doc":9,"clientID":4})"), R"({"clientID":4,})");
  EXPECT_NE(Call(R"({"op":"apply","doc":9,"update":"AQ=="})").find("INTERNAL"), std::string::npos);
  EXPECT_EQ(Call(R"({"op":"sv","doc":9})"), R"({"sv":"AA==",})");
}

TEST(YjsProcess, SaysWhatIsNeededWhereNodeIsMissing) {
  const std::string path = std::getenv("PATH");
  setenv("PATH", "/nowhere", 1);
  const absl::StatusOr<std::unique_ptr<YjsProcess>> started = YjsProcess::Start();
  setenv("PATH", path.c_str(), 1);
  ASSERT_FALSE(started.ok());
  EXPECT_EQ(started.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_NE(started.status().ToString().find("npm ci --prefix tests"), std::string::npos);
}

TEST_F(YjsProcessTest, AnswersPipelinedRequestsInOrderHoweverLongTheyAre) {
  const std::string long_text(100'000, 'x');
  for (int i = 0; i < 200; ++i) {
    yjs_->Send(AnyObject{{"op", "new"}, {"doc", i}, {"clientID", i + 1}, {"unused", long_text}});
  }
  for (int i = 0; i < 200; ++i) {
    const absl::StatusOr<Any> reply = yjs_->Receive();
    ASSERT_TRUE(reply.ok()) << reply.status();
    EXPECT_EQ(NumberMember(*reply, "clientID"), static_cast<std::uint64_t>(i + 1));
  }
}

}  // namespace
}  // namespace weft::crdt::oracle
