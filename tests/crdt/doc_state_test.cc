// Any sequence of commands on a document and its undo manager does what a string, a list and a map do
// that remember their pasts.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "crdt/base/utf.h"
#include "crdt/doc.h"
#include "crdt/undo_manager.h"

namespace weft::crdt {
namespace {

// Places are parts of a length in percent, so that every command means something in every state.
struct InsertText {
  int at;
  std::string text;
};
struct DeleteText {
  int at;
  int count;
};
struct InsertValues {
  int at;
  std::vector<int> values;
};
struct DeleteValues {
  int at;
  int count;
};
struct SetEntry {
  std::string key;
  int value;
};
struct DeleteEntry {
  std::string key;
};
struct Undo {};
struct Redo {};
// Somebody else writes into a text that is not undone here.
struct HearFromOther {
  std::string text;
};
// The document goes on as a copy of itself; nothing can be undone any more.
struct Reload {};

using Command = std::variant<InsertText, DeleteText, InsertValues, DeleteValues, SetEntry,
                             DeleteEntry, Undo, Redo, HearFromOther, Reload>;

std::ostream& operator<<(std::ostream& out, const Command& command) {
  struct Printer {
    std::ostream& out;
    void operator()(const InsertText& c) {
      out << "insert \"" << c.text << "\" at " << c.at << "%";
    }
    void operator()(const DeleteText& c) { out << "delete " << c.count << " at " << c.at << "%"; }
    void operator()(const InsertValues& c) {
      out << "insert " << c.values.size() << " values at " << c.at << "%";
    }
    void operator()(const DeleteValues& c) {
      out << "delete " << c.count << " values at " << c.at << "%";
    }
    void operator()(const SetEntry& c) { out << "set " << c.key << " to " << c.value; }
    void operator()(const DeleteEntry& c) { out << "delete entry " << c.key; }
    void operator()(const Undo&) { out << "undo"; }
    void operator()(const Redo&) { out << "redo"; }
    void operator()(const HearFromOther& c) { out << "hear \"" << c.text << "\""; }
    void operator()(const Reload&) { out << "reload"; }
  };
  std::visit(Printer{out}, command);
  return out;
}

rc::Gen<Command> AnyCommand() {
  const auto percent = rc::gen::inRange(0, 101);
  const auto count = rc::gen::inRange(1, 6);
  const auto key = rc::gen::element<std::string>("a", "b", "c");
  const auto text = rc::gen::element<std::string>("x", "words", "\u20ac");
  const auto as_command = [](auto gen) {
    return rc::gen::map(std::move(gen), [](auto command) { return Command(std::move(command)); });
  };
  return rc::gen::weightedOneOf<Command>({
      {4, as_command(rc::gen::construct<InsertText>(percent, text))},
      {3, as_command(rc::gen::construct<DeleteText>(percent, count))},
      {3, as_command(rc::gen::construct<InsertValues>(
              percent, rc::gen::container<std::vector<int>>(2, rc::gen::inRange(0, 9))))},
      {2, as_command(rc::gen::construct<DeleteValues>(percent, count))},
      {3, as_command(rc::gen::construct<SetEntry>(key, rc::gen::inRange(0, 9)))},
      {1, as_command(rc::gen::construct<DeleteEntry>(key))},
      {4, rc::gen::just(Command(Undo{}))},
      {2, rc::gen::just(Command(Redo{}))},
      {2, as_command(rc::gen::construct<HearFromOther>(text))},
      {1, rc::gen::just(Command(Reload{}))},
  });
}

struct Content {
  std::u16string text;
  std::vector<int> values;
  std::map<std::string, int> entries;
  friend bool operator==(const Content&, const Content&) = default;
};

class Run {
 public:
  Run() { Begin(std::make_unique<Doc>(Doc::Options{.client_id = ClientId{1}})); }

  void operator()(const InsertText& command) {
    const std::size_t at = Place(command.at, now_.text.size());
    Step([&] {
      doc_->GetText("t").Insert(at, command.text);
      now_.text.insert(at, Utf16(command.text));
    });
  }
  void operator()(const DeleteText& command) {
    const std::size_t at = Place(command.at, now_.text.size());
    const std::size_t count = Within(command.count, now_.text.size() - at);
    if (count == 0) return;
    Step([&] {
      doc_->GetText("t").Delete(at, count);
      now_.text.erase(at, count);
    });
  }
  void operator()(const InsertValues& command) {
    const std::size_t at = Place(command.at, now_.values.size());
    Step([&] {
      doc_->GetArray("a").Insert(at, {command.values.begin(), command.values.end()});
      now_.values.insert(now_.values.begin() + static_cast<std::ptrdiff_t>(at),
                         command.values.begin(), command.values.end());
    });
  }
  void operator()(const DeleteValues& command) {
    const std::size_t at = Place(command.at, now_.values.size());
    const std::size_t count = Within(command.count, now_.values.size() - at);
    if (count == 0) return;
    Step([&] {
      doc_->GetArray("a").Delete(at, count);
      const auto first = now_.values.begin() + static_cast<std::ptrdiff_t>(at);
      now_.values.erase(first, first + static_cast<std::ptrdiff_t>(count));
    });
  }
  void operator()(const SetEntry& command) {
    Step([&] {
      doc_->GetMap("m").Set(command.key, command.value);
      now_.entries[command.key] = command.value;
    });
  }
  void operator()(const DeleteEntry& command) {
    if (!now_.entries.contains(command.key)) return;
    Step([&] {
      doc_->GetMap("m").Delete(command.key);
      now_.entries.erase(command.key);
    });
  }
  void operator()(const Undo&) {
    RC_ASSERT(undo_->Undo() == !past_.empty());
    if (past_.empty()) return;
    has_brought_back_ = true;
    future_.push_back(std::exchange(now_, past_.back()));
    past_.pop_back();
  }
  void operator()(const Redo&) {
    RC_ASSERT(undo_->Redo() == !future_.empty());
    if (future_.empty()) return;
    past_.push_back(std::exchange(now_, future_.back()));
    future_.pop_back();
  }
  void operator()(const HearFromOther& command) {
    Doc other({.client_id = ClientId{2}});
    RC_ASSERT(other.ApplyUpdate(doc_->EncodeStateAsUpdate()).ok());
    other.GetText("theirs").Insert(other.GetText("theirs").length(), command.text);
    theirs_ += command.text;
    RC_ASSERT(doc_->ApplyUpdate(other.EncodeStateAsUpdate(doc_->GetStateVector())).ok());
  }
  void operator()(const Reload&) {
    auto copy = std::make_unique<Doc>(Doc::Options{.client_id = ClientId{next_client_++}});
    RC_ASSERT(copy->ApplyUpdate(doc_->EncodeStateAsUpdate()).ok());
    RC_ASSERT(copy->GetStateVector() == doc_->GetStateVector());
    Begin(std::move(copy));
  }

  void Check() const {
    RC_ASSERT(doc_->Validate() == absl::OkStatus());
    RC_ASSERT(Utf16(doc_->GetText("t").ToString()) == now_.text);
    RC_ASSERT(doc_->GetText("theirs").ToString() == theirs_);
    Any::Array values;
    for (const int value : now_.values) values.emplace_back(value);
    RC_ASSERT(doc_->GetArray("a").ToJson() == Any(values));
    RC_ASSERT(doc_->GetArray("a").length() == now_.values.size());
    const Any entries = doc_->GetMap("m").ToJson();
    RC_ASSERT(entries.AsObject()->entries().size() == now_.entries.size());
    for (const auto& [key, value] : now_.entries) {
      const Any* const found = entries.AsObject()->Find(key);
      RC_ASSERT(found != nullptr && *found == Any(value));
    }
  }

 private:
  static std::u16string Utf16(const std::string& text) { return Utf8ToUtf16(text); }
  static std::size_t Place(int percent, std::size_t length) {
    return length * static_cast<std::size_t>(percent) / 100;
  }
  static std::size_t Within(int count, std::size_t left) {
    return std::min<std::size_t>(static_cast<std::size_t>(count), left);
  }

  void Begin(std::unique_ptr<Doc> doc) {
    undo_.reset();
    doc_ = std::move(doc);
    const std::vector<SharedType> scope = {doc_->GetText("t"), doc_->GetArray("a"),
                                           doc_->GetMap("m")};
    undo_ = std::make_unique<UndoManager>(*doc_, scope);
    past_.clear();
    future_.clear();
    has_brought_back_ = false;
  }
  // What was brought back and is cut by a later edit is found only in part by an undo of older steps, as in
  // Yjs 13.6.33: "wordswords", typed as two words, without [4, 7), undone, undone to "words", "words" typed
  // at 1, and two undos leave "o". So an edit behind an undo begins a new past.
  template <typename Function>
  void Step(Function edit) {
    if (std::exchange(has_brought_back_, false)) {
      undo_->Clear();
      past_.clear();
    }
    past_.push_back(now_);
    future_.clear();
    edit();
  }

  std::unique_ptr<Doc> doc_;
  std::unique_ptr<UndoManager> undo_;  // without a clock: every transaction is a step
  Content now_;
  std::vector<Content> past_;
  std::vector<Content> future_;
  bool has_brought_back_ = false;
  std::string theirs_;
  std::uint64_t next_client_ = 3;
};

RC_GTEST_PROP(DocState, ADocumentAndItsUndoManagerDoWhatTheirModelDoes, ()) {
  const auto commands = *rc::gen::container<std::vector<Command>>(AnyCommand());
  Run run;
  for (const Command& command : commands) {
    std::visit(run, command);
    run.Check();
  }
}

}  // namespace
}  // namespace weft::crdt
