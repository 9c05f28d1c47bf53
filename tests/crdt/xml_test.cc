#include <gtest/gtest.h>

#include <string>

#include "crdt/base/case.h"
#include "crdt/doc.h"
#include "crdt/json.h"

namespace weft::crdt {
namespace {

TEST(Xml, IsWrittenAsYjsWritesIt) {
  Doc doc({.client_id = ClientId{1}});
  XmlFragment fragment = doc.GetXmlFragment("x");
  XmlElement scene = fragment.InsertElement(0, "Scene");
  scene.SetAttribute("zone", "b");
  scene.SetAttribute("act", 2);
  XmlText line = scene.InsertText(0);
  line.Insert(0, "To be");
  line.Format(3, 2, {{"em", AnyObject{{"tone", "grave"}}}});
  scene.InsertElement(1, "pause");
  EXPECT_EQ(fragment.ToXml(),
            R"(<scene act="2" zone="b">To <em tone="grave">be</em><pause></pause></scene>)");
  EXPECT_EQ(scene.name(), "Scene");
  EXPECT_EQ(fragment.length(), 1u);
  EXPECT_EQ(ToJsonText(scene.AttributesAsJson()), R"({"zone":"b","act":2})");
  scene.RemoveAttribute("zone");
  scene.Delete(1, 1);
  EXPECT_EQ(fragment.ToXml(), R"(<scene act="2">To <em tone="grave">be</em></scene>)");
}

TEST(Xml, HandlesComeBackByTheirKind) {
  Doc doc({.client_id = ClientId{1}});
  XmlFragment fragment = doc.GetXmlFragment("x");
  fragment.InsertElement(0, "p");
  fragment.InsertText(1);
  fragment.InsertHook(2, "widget").Set("k", 1);
  EXPECT_TRUE(std::holds_alternative<XmlElement>(fragment.Get(0)));
  EXPECT_TRUE(std::holds_alternative<XmlText>(fragment.Get(1)));
  const Element hook = fragment.Get(2);
  ASSERT_TRUE(std::holds_alternative<XmlHook>(hook));
  EXPECT_EQ(std::get<XmlHook>(hook).name(), "widget");
  EXPECT_EQ(ToJsonText(std::get<XmlHook>(hook).ToJson()), R"({"k":1})");
  EXPECT_EQ(fragment.ToXml(), "<p></p>[object Object]");
  EXPECT_EQ(std::get<XmlElement>(fragment.Get(0)).parent(), SharedType(fragment));
}

TEST(Xml, DeepTreesCostNoStack) {
  Doc doc({.client_id = ClientId{1}});
  XmlFragment inner = doc.GetXmlFragment("x");
  constexpr int kDepth = 100'000;
  doc.Transact("", [&] {
    for (int i = 0; i < kDepth; ++i) inner = inner.InsertElement(0, "p");
  });
  const std::string xml = doc.GetXmlFragment("x").ToXml();
  EXPECT_EQ(xml.size(), kDepth * std::string("<p></p>").size());
  doc.GetXmlFragment("x").Delete(0, 1);
  EXPECT_EQ(doc.GetXmlFragment("x").ToXml(), "");
}

TEST(Xml, NamesAreLoweredAsJavaScriptLowersThem) {
  EXPECT_EQ(ToLowerCase("ABCxyz-1"), "abcxyz-1");
  EXPECT_EQ(ToLowerCase("ÄÖÜ ŒĦ ДЖ Ω"), "äöü œħ дж ω");
  EXPECT_EQ(ToLowerCase("ΟΔΟΣ Σ"), "οδος σ");
  EXPECT_EQ(ToLowerCase("\u0130"), "i\u0307");
  EXPECT_EQ(ToLowerCase("𐐀"), "𐐨");
}

}  // namespace
}  // namespace weft::crdt
