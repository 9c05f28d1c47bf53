#include "crdt/any.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/crdt/value_generators.h"

namespace weft::crdt {
namespace {

using Entries = std::vector<AnyObject::Entry>;

std::vector<std::string> Keys(const AnyObject& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.entries()) keys.push_back(key);
  return keys;
}

Any NestedArrays(std::size_t depth) {
  Any value;
  for (std::size_t i = 0; i < depth; ++i) {
    Any::Array outer;
    outer.push_back(std::move(value));
    value = std::move(outer);
  }
  return value;
}

Any NestedObjects(std::size_t depth) {
  Any value;
  for (std::size_t i = 0; i < depth; ++i) {
    AnyObject outer;
    outer.Set("key", std::move(value));
    value = std::move(outer);
  }
  return value;
}

// The order and the values that JavaScript gives, by insertion one by one.
Entries Model(const Entries& assigned) {
  const auto number = [](const std::string& key) -> std::optional<unsigned long long> {
    if (key.empty() || key.size() > 10) return std::nullopt;
    for (const char c : key) {
      if (c < '0' || c > '9') return std::nullopt;
    }
    const unsigned long long value = std::stoull(key);
    if (std::to_string(value) != key || value >= 4294967295) return std::nullopt;
    return value;
  };
  Entries model;
  for (const auto& [key, value] : assigned) {
    std::size_t at = 0;
    while (at < model.size() && model[at].first != key) ++at;
    if (at < model.size()) {
      model[at].second = value;
      continue;
    }
    if (number(key)) {
      at = 0;
      while (at < model.size() && number(model[at].first) &&
             *number(model[at].first) < *number(key)) {
        ++at;
      }
    }
    model.insert(model.begin() + static_cast<std::ptrdiff_t>(at), {key, value});
  }
  return model;
}

TEST(Any, IsUndefinedUnlessGivenAValue) {
  EXPECT_TRUE(Any().is_undefined());
  EXPECT_EQ(Any(), Any(Any::Undefined()));
  EXPECT_TRUE(Any(Any::Null()).is_null());
  EXPECT_NE(Any(Any::Null()), Any());
}

TEST(Any, AnswersNullToQuestionsForAnotherKind) {
  const Any text = "text";
  EXPECT_EQ(*text.AsString(), "text");
  EXPECT_EQ(text.AsNumber(), nullptr);
  EXPECT_EQ(text.AsBool(), nullptr);
  EXPECT_EQ(text.AsArray(), nullptr);
  EXPECT_EQ(text.AsObject(), nullptr);
  EXPECT_EQ(text.AsBinary(), nullptr);
  EXPECT_EQ(*Any(true).AsBool(), true);
  EXPECT_EQ(*Any(7).AsNumber(), 7.0);
  EXPECT_EQ(*Any(Bytes{1, 2}).AsBinary(), (Bytes{1, 2}));
}

TEST(Any, NumbersAreEqualWhenTheyEncodeAlike) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(Any(nan), Any(-nan));
  EXPECT_NE(Any(nan), Any(0.0));
  EXPECT_NE(Any(0.0), Any(-0.0));
  EXPECT_EQ(Any(1), Any(1.0));
  EXPECT_NE(Any(1), Any(true));
  EXPECT_NE(Any(1), Any(Any::BigInt{1}));
}

TEST(Any, ContainersAreEqualWhenTheirElementsAre) {
  const auto make = [](Any leaf) {
    return Any(Any::Array{1, Any(AnyObject{{"a", Any::Array{std::move(leaf)}}, {"b", "c"}})});
  };
  EXPECT_EQ(make(2), make(2));
  EXPECT_NE(make(2), make(3));
  EXPECT_NE(make(2), make(Any::Array{}));
  EXPECT_NE(Any(Any::Array{}), Any(AnyObject{}));
  EXPECT_NE(Any(Any::Array{1}), Any(Any::Array{1, 1}));
  EXPECT_NE(Any(AnyObject{{"a", 1}}), Any(AnyObject{{"b", 1}}));
  EXPECT_NE(Any(AnyObject{{"a", 1}, {"b", 1}}), Any(AnyObject{{"b", 1}, {"a", 1}}));
}

TEST(Any, ACopyIsEqualAndIndependent) {
  const Any original = Any::Array{1, Any(AnyObject{{"list", Any::Array{"x", Any()}}}), Bytes{3}};
  Any copy = original;
  EXPECT_EQ(copy, original);
  copy = 5;
  EXPECT_EQ(original.AsArray()->size(), 3u);
  copy = original;
  EXPECT_EQ(copy, original);
  copy = *&copy;
  EXPECT_EQ(copy, original);
}

TEST(Any, AnElementMayTakeThePlaceOfItsContainer) {
  Any value = Any::Array{Any(Any::Array{"inner"})};
  value = Any((*value.AsArray())[0]);
  EXPECT_EQ(value, Any(Any::Array{"inner"}));
}

TEST(Any, MayBeNestedFarDeeperThanTheStackGoes) {
  constexpr std::size_t kDepth = 300'000;
  for (const auto make : {NestedArrays, NestedObjects}) {
    const Any value = make(kDepth);
    Any copy = value;
    EXPECT_EQ(copy, value);
    EXPECT_NE(copy, make(kDepth - 1));
    copy = Any();
  }
}

TEST(AnyObject, EnumeratesIntegerLikeKeysFirstAndAscending) {
  AnyObject object;
  for (const char* key : {"b", "10", "a", "9", "4294967294", "4294967295", "01", "-1", "0"}) {
    object.Set(key, key);
  }
  EXPECT_EQ(Keys(object), (std::vector<std::string>{"0", "9", "10", "4294967294", "b", "a",
                                                    "4294967295", "01", "-1"}));
}

TEST(AnyObject, AReplacedValueKeepsItsPlace) {
  AnyObject object{{"a", 1}, {"b", 2}, {"a", 3}};
  EXPECT_EQ(object.entries(), (Entries{{"a", 3}, {"b", 2}}));
  object.Set("a", 4);
  EXPECT_EQ(object.entries(), (Entries{{"a", 4}, {"b", 2}}));
}

TEST(AnyObject, FindsEachKeyWhenItIsLarge) {
  AnyObject object;
  for (int i = 0; i < 1000; ++i) object.Set("key " + std::to_string(i), i);
  for (int i = 0; i < 100; ++i) object.Set(std::to_string(99 - i), -i);
  ASSERT_EQ(object.size(), 1100u);
  const AnyObject copy = object;
  const AnyObject moved = std::move(object);
  for (const AnyObject* each : {&copy, &moved}) {
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(*each->Find("key " + std::to_string(i)), Any(i));
    for (int i = 0; i < 100; ++i) EXPECT_EQ(*each->Find(std::to_string(99 - i)), Any(-i));
    EXPECT_EQ(each->Find("key 1000"), nullptr);
    EXPECT_EQ(each->Find("100"), nullptr);
  }
}

TEST(AnyObject, IsEmptyAndUsableAfterBeingMovedFrom) {
  AnyObject object;
  for (int i = 0; i < 50; ++i) object.Set("k" + std::to_string(i), i);
  const AnyObject taken = std::move(object);
  EXPECT_TRUE(object.empty());
  EXPECT_EQ(object.Find("k1"), nullptr);
  object.Set("k1", 1);
  EXPECT_EQ(object.entries(), (Entries{{"k1", 1}}));
  EXPECT_EQ(taken.size(), 50u);
}

RC_GTEST_PROP(AnyObject, BehavesLikeAJavaScriptObject, ()) {
  const std::size_t size = *rc::gen::inRange<std::size_t>(0, 80);
  const auto keys =
      *rc::gen::container<std::vector<std::string>>(size, gen::Key(gen::Texts::kWtf8));
  Entries assigned;
  AnyObject object;
  for (const std::string& key : keys) {
    const int value = static_cast<int>(assigned.size());
    assigned.emplace_back(key, value);
    object.Set(key, value);
  }
  const Entries model = Model(assigned);
  RC_ASSERT(object.entries() == model);
  RC_ASSERT(AnyObject::FromEntries(assigned).entries() == model);
  for (const auto& [key, value] : model) RC_ASSERT(*object.Find(key) == value);
  const std::string other = *gen::Key(gen::Texts::kWtf8);
  RC_ASSERT((object.Find(other) != nullptr) == (std::ranges::find(keys, other) != keys.end()));
}

RC_GTEST_PROP(Any, CopiesAreEqual, ()) {
  const Any value = *gen::Value(gen::Values::kAll, gen::Texts::kWtf8);
  const Any copy = value;
  RC_ASSERT(copy == value);
  if (const AnyObject* object = copy.AsObject()) {
    for (const auto& [key, element] : object->entries()) RC_ASSERT(object->Find(key) == &element);
  }
}

}  // namespace
}  // namespace weft::crdt
