// Text that goes on where its writer's last item ends takes a short way through a document: what that
// leaves behind is what a transaction would have.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <string>

#include "crdt/doc.h"

namespace weft::crdt {
namespace {

// Somebody at a keyboard, who sends each edit.
class Typist {
 public:
  Typist(std::uint64_t client, std::mt19937& random)
      : random_(random), doc_(Doc::Options{.client_id = ClientId{client}}) {
    subscription_ = doc_.OnUpdate([this](const UpdateEvent& event) {
      if (event.local) sent_.emplace_back(event.update.begin(), event.update.end());
    });
  }

  void Edit() {
    Text text = doc_.GetText("t");
    cursor_ = std::min<std::uint64_t>(cursor_, text.length());
    switch (random_() % 16) {
      case 0:
        cursor_ = random_() % (text.length() + 1);
        break;
      case 1:
        if (cursor_ < text.length()) text.Delete(cursor_, 1);
        break;
      case 2:
        if (cursor_ > 0) text.Delete(--cursor_, 1);
        break;
      default: {
        static const std::array<const char*, 4> kPieces = {"a", "xyz", "\u00e9", "\U0001F600"};
        const std::uint64_t before = text.length();
        text.Insert(cursor_, kPieces[random_() % kPieces.size()]);
        cursor_ += text.length() - before;
      }
    }
  }

  // And goes on at the end, perhaps, where others may be as well.
  void Hear(const Bytes& update) {
    RC_ASSERT(doc_.ApplyUpdate(update).ok());
    if (random_() % 2 == 0) cursor_ = doc_.GetText("t").length();
  }
  std::deque<Bytes>& sent() { return sent_; }

 private:
  std::mt19937& random_;
  Doc doc_;
  Subscription subscription_;
  std::deque<Bytes> sent_;
  std::uint64_t cursor_ = 0;
};

// A document that hears updates, and what it said of the last one.
struct Listener {
  Doc doc{Doc::Options{.client_id = ClientId{77}}};
  Bytes told;
  Subscription subscription = doc.OnUpdate(
      [this](const UpdateEvent& event) { told.assign(event.update.begin(), event.update.end()); });

  void Hear(const Bytes& update) {
    told.clear();
    RC_ASSERT(doc.ApplyUpdate(update).ok());
    const absl::Status valid = doc.Validate();
    RC_ASSERT(valid == absl::OkStatus());
  }
};

RC_GTEST_PROP(TypingLaws, WhatManyTypeAtOnceIsHeardAsInTransactions, (std::uint32_t seed)) {
  std::mt19937 random(seed);
  std::deque<Typist> typists;
  // One id needs two bytes, one needs seven; which is the smallest decides who comes first.
  for (const std::uint64_t client : {std::uint64_t{1000}, std::uint64_t{1}, kMaxSafeInteger}) {
    typists.emplace_back(client, random);
  }
  Listener listener;
  Listener transacted;
  const Subscription wants_transactions =
      transacted.doc.OnTransaction(TransactionPhase::kAfter, [](const TransactionEvent&) {});
  for (int step = 0; step < 150; ++step) {
    Typist& typist = typists[random() % typists.size()];
    const std::size_t keystrokes = random() % 4;
    for (std::size_t i = 0; i < keystrokes; ++i) typist.Edit();
    if (random() % 3 == 0 || typist.sent().empty()) continue;
    const Bytes update = typist.sent().front();
    typist.sent().pop_front();
    listener.Hear(update);
    transacted.Hear(update);
    RC_ASSERT(listener.told == transacted.told);
    RC_ASSERT(listener.doc.EncodeStateAsUpdate() == transacted.doc.EncodeStateAsUpdate());
    RC_ASSERT(listener.doc.GetText("t").ToString() == transacted.doc.GetText("t").ToString());
    if (random() % 4 != 0) continue;
    const Bytes state = listener.doc.EncodeStateAsUpdate();
    for (Typist& other : typists) {
      if (random() % 2 == 0) other.Hear(state);
    }
  }
}

}  // namespace
}  // namespace weft::crdt
