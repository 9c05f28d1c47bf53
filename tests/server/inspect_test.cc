#include "server/inspect.h"

#include <gtest/gtest.h>

#include "crdt/doc.h"

namespace weft::server {
namespace {

crdt::Doc::Options WithClient(std::uint64_t client) {
  return {.client_id = crdt::ClientId{client}, .gc = true, .limits = {}};
}

std::string Inspect(crdt::ByteView update) {
  const auto report = InspectUpdate(update);
  EXPECT_TRUE(report.ok()) << report.status().ToString();
  return report.ok() ? *report : std::string();
}

TEST(Inspect, ShowsClientsBlocksAndDeletes) {
  crdt::Doc doc(WithClient(42));
  doc.GetText("content").Insert(0, "hello");
  doc.GetText("content").Delete(1, 2);
  doc.GetMap("meta").Set("title", crdt::Any("A\nB"));
  const std::string report = Inspect(doc.EncodeStateAsUpdate());
  EXPECT_NE(report.find("1 client,"), std::string::npos) << report;
  EXPECT_NE(report.find("2 elements deleted in 1 range\n"), std::string::npos) << report;
  EXPECT_NE(report.find("client 42\n"), std::string::npos) << report;
  EXPECT_NE(report.find("text      \"h\"  in root \"content\""), std::string::npos) << report;
  EXPECT_NE(report.find("any       \"A\\nB\"  in root \"meta\"  at key \"title\""),
            std::string::npos)
      << report;
  EXPECT_NE(report.find("client 42: 1-2\n"), std::string::npos) << report;
}

TEST(Inspect, ShowsAnEmptyUpdate) {
  EXPECT_EQ(Inspect(crdt::Doc().EncodeStateAsUpdate()),
            "2 bytes, 0 clients, 0 blocks, 0 elements deleted in 0 ranges\n");
}

TEST(Inspect, CutsLongTextAtACharacter) {
  crdt::Doc doc(WithClient(1));
  std::string text;
  for (int i = 0; i < 100; ++i) text += "\xE2\x82\xAC";
  doc.GetText("t").Insert(0, text);
  const std::string report = Inspect(doc.EncodeStateAsUpdate());
  EXPECT_NE(report.find("\xE2\x82\xAC\" and 252 bytes more"), std::string::npos) << report;
}

TEST(Inspect, SaysWhereBytesStopBeingAnUpdate) {
  const auto report = InspectUpdate(crdt::Bytes{1, 1, 1});
  EXPECT_EQ(report.status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace weft::server
