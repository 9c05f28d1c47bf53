#include "sync/awareness_news.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace weft::sync {
namespace {

using crdt::Bytes;

struct Entry {
  std::uint64_t client;
  std::uint64_t clock;
  std::string state;
};

Bytes UpdateOf(const std::vector<Entry>& entries) {
  crdt::ByteWriter writer;
  writer.WriteVarUint(entries.size());
  for (const Entry& entry : entries) {
    writer.WriteVarUint(entry.client);
    writer.WriteVarUint(entry.clock);
    writer.WriteString(entry.state);
  }
  return writer.Take();
}

Bytes Framed(const std::vector<Entry>& entries) {
  return EncodeMessage(AwarenessUpdate{UpdateOf(entries)});
}

TEST(AwarenessNews, OfEachClientTheNewestEntryIsTold) {
  AwarenessNews news;
  EXPECT_TRUE(news.empty());
  ASSERT_EQ(news.Add(UpdateOf({{1, 1, "{}"}, {2, 7, "{\"a\":1}"}})), absl::OkStatus());
  ASSERT_EQ(news.Add(UpdateOf({{1, 2, "{\"b\":2}"}})), absl::OkStatus());
  ASSERT_EQ(news.Add(UpdateOf({{2, 7, "null"}})), absl::OkStatus());
  EXPECT_EQ(*news.Take(), Framed({{1, 2, "{\"b\":2}"}, {2, 7, "null"}}));
  EXPECT_TRUE(news.empty());
  EXPECT_EQ(news.bytes(), 0U);
}

TEST(AwarenessNews, BytesAreThoseThatWait) {
  AwarenessNews news;
  ASSERT_EQ(news.Add(UpdateOf({{1, 1, "{\"long\":12345}"}})), absl::OkStatus());
  const std::size_t before = news.bytes();
  ASSERT_EQ(news.Add(UpdateOf({{1, 2, "{}"}})), absl::OkStatus());
  EXPECT_LT(news.bytes(), before);
  EXPECT_EQ(news.bytes(), UpdateOf({{1, 2, "{}"}}).size() - 1);
}

TEST(AwarenessNews, WhatIsMalformedIsRefused) {
  AwarenessNews news;
  EXPECT_EQ(news.Add(Bytes{2, 1, 1, 2, '{', '}'}).code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace weft::sync
