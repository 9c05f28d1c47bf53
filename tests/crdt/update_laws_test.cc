// The laws of updates, snapshots and positions, on histories of three replicas that edit texts, lists and
// maps and hear of each other now and then.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "crdt/base/utf.h"
#include "crdt/doc.h"
#include "crdt/relative_position.h"
#include "crdt/snapshot.h"
#include "crdt/update_compare.h"
#include "crdt/update_intersect.h"
#include "crdt/update_merge.h"

namespace weft::crdt {
namespace {

constexpr UpdateFormat kV1 = UpdateFormat::kV1;
constexpr UpdateFormat kV2 = UpdateFormat::kV2;

class History {
 public:
  explicit History(std::uint32_t seed, bool gc = true) : random_(seed) {
    for (std::uint64_t client = 1; client <= 3; ++client) {
      replicas_.push_back(
          std::make_unique<Doc>(Doc::Options{.client_id = ClientId{client}, .gc = gc}));
      subscriptions_.push_back(replicas_.back()->OnUpdate([this](const UpdateEvent& event) {
        if (event.local) updates.emplace_back(event.update.begin(), event.update.end());
      }));
    }
  }

  std::size_t Below(std::size_t end) { return random_() % end; }
  Doc& replica(std::size_t i) { return *replicas_[i]; }
  Doc& AnyReplica() { return *replicas_[Below(replicas_.size())]; }

  void Edit(int count) {
    for (int i = 0; i < count; ++i) {
      EditOnce(AnyReplica());
      if (Below(3) == 0) Tell(AnyReplica(), AnyReplica());
    }
  }
  static void Tell(Doc& from, Doc& to) {
    if (&from != &to) Apply(to, from.EncodeStateAsUpdate(to.GetStateVector()));
  }
  static void Apply(Doc& doc, ByteView update) {
    const absl::Status status = doc.ApplyUpdate(update);
    RC_ASSERT(status == absl::OkStatus());
    const absl::Status valid = doc.Validate();
    RC_ASSERT(valid == absl::OkStatus());
  }
  // Everything that was ever told, as one update.
  Bytes Whole() const { return Merge({updates.begin(), updates.end()}); }
  // Some of it, perhaps with holes; never nothing.
  Bytes Some() {
    std::vector<ByteView> some{updates[Below(updates.size())]};
    for (const Bytes& update : updates) {
      if (Below(2) == 0) some.push_back(update);
    }
    return Merge(some);
  }
  static Bytes Merge(const std::vector<ByteView>& parts) {
    const auto merged = MergeUpdates(parts);
    RC_ASSERT(merged.ok());
    return *merged;
  }
  std::vector<Bytes> Shuffled(std::vector<Bytes> list) {
    std::ranges::shuffle(list, random_);
    return list;
  }

  std::vector<Bytes> updates;

 private:
  void EditOnce(Doc& doc) {
    Text text = doc.GetText("t");
    Array array = doc.GetArray("a");
    Map map = doc.GetMap("m");
    const std::string key(1, static_cast<char>('a' + Below(3)));
    const std::size_t at = Below(text.length() + 1);
    switch (Below(8)) {
      case 0:
      case 1:
        return text.Insert(at, Below(2) == 0 ? "x" : "some words");
      case 2:
        return text.Delete(at, std::min<std::size_t>(Below(6), text.length() - at));
      case 3:
        return text.Format(at, std::min<std::size_t>(Below(6), text.length() - at),
                           {{key, Below(2) == 0 ? Any(true) : Any(Any::Null{})}});
      case 4:
        return array.Insert(Below(array.length() + 1),
                            {Any(static_cast<int>(Below(99))), Any("v")});
      case 5: {
        const std::size_t from = Below(array.length() + 1);
        return array.Delete(from, std::min<std::size_t>(Below(3), array.length() - from));
      }
      case 6:
        map.SetArray(key).Insert(0, {Any(1), Any(Any::Array{Any("deep")})});
        return;
      default:
        return Below(3) == 0 ? map.Delete(key) : map.Set(key, static_cast<int>(Below(99)));
    }
  }

  std::mt19937 random_;
  std::vector<std::unique_ptr<Doc>> replicas_;
  std::vector<Subscription> subscriptions_;
};

// What a document is, whatever the order in which it came: what its own state makes of a new one.
struct Outcome {
  StateVector vector;
  bool waits = false;
  Bytes state;
  std::string text;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};
Outcome OutcomeOf(Doc& doc) {
  Doc loaded({.client_id = ClientId{9}, .guid = "g"});
  History::Apply(loaded, doc.EncodeStateAsUpdate());
  return {doc.GetStateVector(), doc.has_pending(), loaded.EncodeStateAsUpdate(),
          doc.GetText("t").ToString()};
}
Outcome Make(const std::vector<Bytes>& updates) {
  Doc doc({.client_id = ClientId{8}, .guid = "g"});
  for (const Bytes& update : updates) History::Apply(doc, update);
  // As in Yjs, something may wait on until the next update, though all of it is there.
  if (doc.has_pending()) {
    for (const Bytes& update : updates) History::Apply(doc, update);
  }
  return OutcomeOf(doc);
}

RC_GTEST_PROP(UpdateLaws, MergingIsCommutativeAssociativeAndIdempotent, (std::uint32_t seed)) {
  History history(seed);
  history.Edit(25);
  const Bytes a = history.Some();
  const Bytes b = history.Some();
  const Bytes c = history.Some();
  const auto merge = [](const Bytes& x, const Bytes& y) { return History::Merge({x, y}); };
  RC_ASSERT(Make({merge(a, b)}) == Make({merge(b, a)}));
  RC_ASSERT(Make({merge(merge(a, b), c)}) == Make({merge(a, merge(b, c))}));
  RC_ASSERT(Make({merge(a, a)}) == Make({a}));
}

RC_GTEST_PROP(UpdateLaws, TheStateVectorOfAMergeIsTheMergeOfTheStateVectors, (std::uint32_t seed)) {
  History history(seed);
  history.Edit(25);
  const Bytes a = history.replica(0).EncodeStateAsUpdate();
  const Bytes b = history.replica(1).EncodeStateAsUpdate();
  StateVector both = *StateVectorOfUpdate(a);
  RC_ASSERT(both == history.replica(0).GetStateVector());
  both.MergeMax(*StateVectorOfUpdate(b));
  RC_ASSERT(*StateVectorOfUpdate(History::Merge({a, b})) == both);
}

RC_GTEST_PROP(UpdateLaws, ToApplyADiffIsToApplyTheWhole, (std::uint32_t seed)) {
  History history(seed);
  history.Edit(30);
  const Bytes whole = history.Whole();
  Doc by_diff({.client_id = ClientId{8}, .guid = "g"});
  Doc by_whole({.client_id = ClientId{8}, .guid = "g"});
  const Bytes known = history.AnyReplica().EncodeStateAsUpdate();
  for (Doc* doc : {&by_diff, &by_whole}) History::Apply(*doc, known);
  const auto diff = DiffUpdate(whole, by_diff.GetStateVector());
  RC_ASSERT(diff.ok() && diff->size() <= whole.size());
  History::Apply(by_diff, *diff);
  History::Apply(by_whole, whole);
  RC_ASSERT(OutcomeOf(by_diff) == OutcomeOf(by_whole));
  // And against what it is now, nothing is left but the delete set.
  const auto rest = DecodeUpdate(*DiffUpdate(whole, by_diff.GetStateVector()));
  RC_ASSERT(rest.ok() && rest->blocks.empty());
}

RC_GTEST_PROP(UpdateLaws, ConvertingThereAndBackIsTheSameUpdate, (std::uint32_t seed)) {
  History history(seed);
  history.Edit(25);
  const Bytes v1 = history.Some();
  const auto v2 = ConvertUpdate(v1, kV1, kV2);
  RC_ASSERT(v2.ok());
  const auto back = ConvertUpdate(*v2, kV2, kV1);
  RC_ASSERT(back.ok() && *back == v1);
  Doc doc({.client_id = ClientId{8}, .guid = "g"});
  RC_ASSERT(doc.ApplyUpdate(*v2, "", kV2).ok());
  RC_ASSERT(OutcomeOf(doc) == Make({v1}));
}

RC_GTEST_PROP(UpdateLaws, AnySplitInAnyOrderAndTwiceMakesTheSameDocument, (std::uint32_t seed)) {
  History history(seed);
  history.Edit(25);
  const Bytes whole = history.Whole();
  const Update decoded = *DecodeUpdate(whole);
  // Each id goes to one of three parts, a deletion with that of the id that it deletes.
  std::vector<DeleteSet> ids(3);
  for (std::uint64_t client = 1; client <= 3; ++client) {
    Clock clock = 0;
    while (clock < 2'000) {
      const Clock length = 1 + history.Below(7);
      ids[history.Below(3)].Add(ClientId{client}, {clock, length});
      clock += length;
    }
  }
  std::vector<Bytes> parts;
  for (DeleteSet& some : ids) {
    some.SortAndMerge();
    const auto part = IntersectUpdate(whole, some);
    RC_ASSERT(part.ok());
    parts.push_back(*part);
    parts.push_back(*part);
  }
  RC_ASSERT(Make(history.Shuffled(parts)) == Make({whole}));
  RC_ASSERT(!decoded.sections.empty());
}

RC_GTEST_PROP(SnapshotLaws, ASnapshotShowsWhatWasThere, (std::uint32_t seed)) {
  History history(seed, /*gc=*/false);
  Doc& doc = history.replica(0);
  struct Moment {
    Snapshot snapshot;
    std::string text;
    Any list;
    Outcome outcome;
  };
  std::vector<Moment> moments;
  for (int i = 0; i < 5; ++i) {
    history.Edit(6);
    for (std::size_t other : {1, 2}) History::Tell(history.replica(other), doc);
    moments.push_back({doc.TakeSnapshot(), doc.GetText("t").ToString(), doc.GetArray("a").ToJson(),
                       OutcomeOf(doc)});
  }
  for (const Moment& moment : moments) {
    const auto then = doc.DocAt(moment.snapshot, {.client_id = ClientId{9}, .gc = false});
    RC_ASSERT(then.ok());
    RC_ASSERT((*then)->Validate() == absl::OkStatus());
    RC_ASSERT((*then)->GetText("t").ToString() == moment.text);
    RC_ASSERT((*then)->GetArray("a").ToJson() == moment.list);
    RC_ASSERT(OutcomeOf(**then).vector == moment.outcome.vector);
  }
}

// Every character is one of its own, so that it is found again.
RC_GTEST_PROP(RelativePositionLaws, APositionStandsAtItsElementWhereverThatHasGone, ()) {
  Doc a({.client_id = ClientId{1}});
  Doc b({.client_id = ClientId{2}});
  char32_t next = 0xE000;
  const auto letters = [&](std::size_t count) {
    std::u16string units;
    for (; count > 0; --count) units += static_cast<char16_t>(next++);
    std::string text;
    AppendUtf16AsWtf8(text, units);
    return text;
  };
  a.GetText("t").Insert(0, letters(12));
  History::Tell(a, b);
  struct Mark {
    RelativePosition position;
    char16_t letter;
  };
  std::vector<Mark> marks;
  const std::u16string first = Utf8ToUtf16(a.GetText("t").ToString());
  for (std::size_t i = 0; i < first.size(); ++i) {
    marks.push_back({RelativePosition::At(a.GetText("t"), i), first[i]});
  }
  for (int i = *rc::gen::inRange(1, 15); i > 0; --i) {
    Doc& doc = *rc::gen::arbitrary<bool>() ? a : b;
    Text text = doc.GetText("t");
    const auto at = *rc::gen::inRange<std::uint64_t>(0, text.length() + 1);
    if (at == text.length() || *rc::gen::arbitrary<bool>()) {
      text.Insert(at, letters(*rc::gen::inRange<std::size_t>(1, 4)));
    } else {
      text.Delete(at, std::min<std::uint64_t>(2, text.length() - at));
    }
    if (*rc::gen::arbitrary<bool>()) History::Tell(a, b);
  }
  History::Tell(a, b);
  History::Tell(b, a);
  for (Doc* doc : {&a, &b}) {
    const std::u16string shown = Utf8ToUtf16(doc->GetText("t").ToString());
    for (const Mark& mark : marks) {
      const auto now = mark.position.Resolve(*doc);
      RC_ASSERT(now.has_value() && now->index <= shown.size());
      const std::size_t found = shown.find(mark.letter);
      if (found != shown.npos) RC_ASSERT(now->index == found);
    }
  }
}

// As Yjs gives it: for typing that goes forwards.
RC_GTEST_PROP(Interleaving, RunsThatClientsTypeAtOnePlaceStayWhole, ()) {
  const auto count = *rc::gen::inRange<std::size_t>(2, 5);
  std::vector<std::unique_ptr<Doc>> docs;
  Doc base({.client_id = ClientId{100}});
  base.GetText("t").Insert(0, "....");
  const auto place = *rc::gen::inRange<std::uint64_t>(0, 5);
  std::vector<std::string> runs;
  for (std::size_t i = 0; i < count; ++i) {
    docs.push_back(std::make_unique<Doc>(
        Doc::Options{.client_id = ClientId{*rc::gen::inRange<std::uint64_t>(1, 90) * 10 + i}}));
    History::Tell(base, *docs[i]);
    std::string run(*rc::gen::inRange<std::size_t>(1, 8), static_cast<char>('a' + i));
    for (std::size_t k = 0; k < run.size(); ++k) {
      docs[i]->GetText("t").Insert(place + k, run.substr(k, 1));
    }
    runs.push_back(std::move(run));
  }
  for (int round = 0; round < 2; ++round) {
    for (const auto& from : docs) {
      for (const auto& to : docs) History::Tell(*from, *to);
    }
  }
  const std::string shown = docs[0]->GetText("t").ToString();
  for (const auto& doc : docs) RC_ASSERT(doc->GetText("t").ToString() == shown);
  for (const std::string& run : runs) RC_ASSERT(shown.find(run) != std::string::npos);
}

}  // namespace
}  // namespace weft::crdt
