// Updates that the real Yjs wrote (golden/updates.json, made by golden/make_updates.mjs) do here
// what they did there: the same state bytes after each delivery, the same state vector, the same
// JSON.

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "crdt/doc.h"
#include "crdt/json.h"
#include "tests/crdt/oracle/driver_values.h"

namespace weft::crdt {
namespace {

using oracle::CanonicalJson;
using oracle::FromBase64;
using oracle::Member;
using oracle::StringMember;
using oracle::ToDriverValue;
using oracle::ToHex;

const Any& GoldenFile() {
  static const Any file = [] {
    std::ifstream stream(WEFT_CRDT_TESTS "/golden/updates.json");
    std::stringstream text;
    text << stream.rdbuf();
    std::optional<Any> any = ParseJson(text.str(), 100);
    EXPECT_TRUE(any.has_value()) << "updates.json does not parse";
    return any.value_or(AnyObject{{"cases", Any::Array{}}});
  }();
  return file;
}

class Case {
 public:
  explicit Case(const Any& any) : any_(any) {
    for (const Any& update : *Member(any, "updates").AsArray()) {
      updates_.push_back(FromBase64(*update.AsString()));
    }
  }

  const std::string& name() const { return StringMember(any_, "name"); }

  void Check() {
    for (const Any& delivery : *Member(any_, "deliveries").AsArray()) {
      CheckDelivery(delivery);
      if (testing::Test::HasFailure()) return;
    }
  }

 private:
  void DefineRoots(Doc& doc) const {
    for (const auto& [root, kind] : Member(any_, "types").AsObject()->entries()) {
      if (*kind.AsString() == "text") doc.GetText(root);
      if (*kind.AsString() == "array") doc.GetArray(root);
      if (*kind.AsString() == "map") doc.GetMap(root);
    }
  }

  void CheckDelivery(const Any& delivery) {
    SCOPED_TRACE(name() + ", delivered " + StringMember(delivery, "name") +
                 (*Member(delivery, "rooted").AsBool() ? ", with its roots named first" : ""));
    Doc doc({.client_id = ClientId{0}, .gc = *Member(any_, "gc").AsBool(), .limits = {}});
    if (*Member(delivery, "rooted").AsBool()) DefineRoots(doc);

    const Any::Array& order = *Member(delivery, "order").AsArray();
    const Any::Array& states = *Member(delivery, "states").AsArray();
    Bytes state;
    for (std::size_t i = 0; i < order.size(); ++i) {
      const auto number = static_cast<std::size_t>(*order[i].AsNumber());
      // The merged update is the state at the end of the first delivery.
      const Bytes& update = number < updates_.size() ? updates_[number] : merged_;
      const absl::Status status = doc.ApplyUpdate(update);
      ASSERT_TRUE(status.ok()) << status << " for update " << number << " " << ToHex(update);
      if (!states[i].AsString()->empty()) state = FromBase64(*states[i].AsString());
      ASSERT_EQ(ToHex(doc.EncodeStateAsUpdate()), ToHex(state))
          << "state after delivery " << i << ", update " << number << " " << ToHex(update);
      const absl::Status valid = doc.Validate();
      ASSERT_TRUE(valid.ok()) << valid << " after delivery " << i;
    }
    if (merged_.empty()) merged_ = state;
    EXPECT_EQ(ToHex(EncodeStateVector(doc.GetStateVector())),
              ToHex(FromBase64(StringMember(delivery, "sv"))));
    DefineRoots(doc);
    EXPECT_EQ(CanonicalJson(ToDriverValue(doc.ToJson())), CanonicalJson(Member(delivery, "json")));
  }

  const Any& any_;
  std::vector<Bytes> updates_;
  Bytes merged_;
};

TEST(GoldenUpdates, DoHereWhatTheyDidInYjsInEveryOrderOfDelivery) {
  const Any::Array& cases = *Member(GoldenFile(), "cases").AsArray();
  EXPECT_FALSE(cases.empty());
  for (const Any& any : cases) {
    Case(any).Check();
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace weft::crdt
