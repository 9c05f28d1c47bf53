#include "server/log_event.h"

#include <gtest/gtest.h>

#include "crdt/doc.h"
#include "sync/message.h"
#include "tests/server/process.h"
#include "tests/server/running_server.h"
#include "tests/server/tcp_client.h"

namespace weft::server {
namespace {

TEST(LogEvent, IsOneObjectWhateverIsInIt) {
  EXPECT_EQ(
      RenderEvent("joined", {{"room", "a \"b\" \n\x01"}, {"bytes", std::uint64_t{7}}}, "x\\y"),
      R"("event":"joined","message":"x\\y","room":"a \"b\" \u000a\u0001","bytes":7})");
  EXPECT_EQ(RenderEvent("e", {{"bytes", "\xFF\xC3\xA9\xED\xA0\x80\xF0\x9F\x98"}}, ""),
            "\"event\":\"e\",\"message\":\"\",\"bytes\":\"\\ufffd\xC3\xA9\\ufffd\\ufffd\\ufffd"
            "\\ufffd\\ufffd\\ufffd\"}");
}

TEST(LogEvent, ATracedRoomTellsOfEachMessageAndEditAndOthersDoNot) {
  const TemporaryDirectory directory;
  Process server({"serve", "--listen", "127.0.0.1:0", "--data", directory.path(), "--log-format",
                  "json", "--trace-room", "watched"});
  const std::uint16_t port = server.WaitForPort();
  crdt::Doc doc;
  doc.GetText("content").Insert(0, "hello");
  const crdt::Bytes update = sync::EncodeMessage(sync::Update{doc.EncodeStateAsUpdate()});
  TcpClient other(port);
  ASSERT_TRUE(other.Upgrade("/other"));
  other.SendMessage(update);
  TcpClient client(port);
  ASSERT_TRUE(client.Upgrade("/watched"));
  client.SendMessage(update);
  ASSERT_TRUE(server.WaitForOutput("\"event\":\"committed\""));
  EXPECT_NE(server.output.find("\"event\":\"message\",\"message\":\"trace of"), std::string::npos);
  EXPECT_NE(server.output.find("\"room\":\"watched\",\"member\":"), std::string::npos);
  EXPECT_NE(server.output.find("\"kind\":\"update\",\"bytes\":" + std::to_string(update.size())),
            std::string::npos);
  EXPECT_NE(server.output.find("\"event\":\"taken\""), std::string::npos);
  EXPECT_NE(server.output.find("\"ticket\":1,\"sequence\":1}"), std::string::npos);
  EXPECT_EQ(server.output.find("\"other\""), std::string::npos) << server.output;
  // Each line is one object.
  EXPECT_EQ(server.output.rfind("{\"time\":\"20", 0), 0U) << server.output;
}

}  // namespace
}  // namespace weft::server
