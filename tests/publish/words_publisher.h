#pragma once

// The smallest application that publishes: a room stands for a row with its words. The document shows them
// as the text "content", and in the map "meta" how often they were saved.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "crdt/base/check.h"
#include "crdt/doc.h"
#include "server/publish/publisher.h"

namespace weft::server::publish {

class WordsPublisher final : public Publisher {
 public:
  // The first of those that write patches, each one: a document that finds its own id in what it is given
  // takes another, which nobody foretells.
  static constexpr std::uint64_t kPatchWriter = 7'777;

  explicit WordsPublisher(store::Rows& rows) : rows_(rows) {}

  store::Rows& rows() override { return rows_; }
  bool Serves(std::string_view room) const override { return room.starts_with("words/"); }

  absl::StatusOr<std::uint64_t> CurrentBase(std::string_view room,
                                            const store::RowReader& rows) override {
    std::uint64_t base = 0;
    const auto row = Get(rows, "base", room);
    if (!row.ok()) return row.status();
    if (!absl::SimpleAtoi(*row, &base)) return absl::DataLossError("no number");
    return base;
  }

  absl::StatusOr<Beginning> Begin(std::string_view room, const store::RowReader& rows) override {
    ++begun;
    const auto words = Get(rows, "words", room);
    if (!words.ok()) return words.status();
    const auto base = CurrentBase(room, rows);
    if (!base.ok()) return base.status();
    crdt::Doc doc({.client_id = crdt::ClientId{kPatchWriter - 1}, .gc = true, .limits = {}});
    doc.GetMap("meta").Set("saves", static_cast<double>(*base));
    if (!words->empty()) doc.GetText("content").Insert(0, *words);
    return Beginning{.update = doc.EncodeStateAsUpdate(), .base = *base};
  }

  absl::StatusOr<Prepared> Prepare(const PrepareRequest& request, const store::RowReader& rows,
                                   const Progress& progress) override {
    ++prepared;
    const auto base = CurrentBase(request.room, rows);
    if (!base.ok()) return base.status();
    if (*base != request.base) return absl::FailedPreconditionError("the words have moved");
    for (std::uint64_t i = 0; i <= steps; ++i) progress(i, steps);
    if (in_prepare) in_prepare();
    const std::string words = TextOf(request.state);
    if (words.find('!') != std::string::npos) {
      Prepared bad;
      bad.problems_json = R"([{"what":"nobody shouts"}])";
      bad.error = "nobody shouts";
      return bad;
    }
    Prepared prepared;
    prepared.base = *base + 1;
    prepared.report_json = absl::StrCat("{\"words\":", words.size(), "}");
    prepared.rows = [room = std::string(request.room), before = *base,
                     words](store::RowWriter& writer) -> absl::Status {
      const auto now = Get(writer, "base", room);
      if (!now.ok()) return now.status();
      if (*now != absl::StrCat(before)) return absl::AbortedError("the words have moved");
      return Put(writer, room, words, before + 1);
    };
    if (tells) prepared.patch = PatchOf(request.state, prepared.base);
    return prepared;
  }

  void OnPublished(std::string_view) override { ++published; }

  static absl::Status Put(store::RowWriter& rows, std::string_view room, std::string_view words,
                          std::uint64_t base) {
    const std::string number = absl::StrCat(base);
    const absl::Status put = rows.Put("words", crdt::AsBytes(room), crdt::AsBytes(words));
    return put.ok() ? rows.Put("base", crdt::AsBytes(room), crdt::AsBytes(number)) : put;
  }
  static absl::StatusOr<std::string> Get(const store::RowReader& rows, std::string_view table,
                                         std::string_view room) {
    const auto row = rows.Get(table, crdt::AsBytes(room));
    if (!row.ok()) return row.status();
    if (!*row) return absl::NotFoundError("there are no such words");
    return std::string(crdt::AsText(**row));
  }
  static std::string TextOf(crdt::ByteView state) {
    crdt::Doc doc;
    CHECK(doc.ApplyUpdate(state).ok());
    return doc.GetText("content").ToString();
  }

  std::function<void()> in_prepare;  // what happens between the snapshot and the commit
  std::uint64_t steps = 3;
  bool tells = true;  // publishing has a patch
  int begun = 0;
  int prepared = 0;
  int published = 0;

 private:
  static crdt::Bytes PatchOf(crdt::ByteView state, std::uint64_t saves) {
    crdt::Doc doc({.client_id = crdt::ClientId{kPatchWriter + saves}, .gc = true, .limits = {}});
    CHECK(doc.ApplyUpdate(state).ok());
    const crdt::StateVector before = doc.GetStateVector();
    doc.GetMap("meta").Set("saves", static_cast<double>(saves));
    return doc.EncodeStateAsUpdate(before);
  }

  store::Rows& rows_;
};

}  // namespace weft::server::publish
