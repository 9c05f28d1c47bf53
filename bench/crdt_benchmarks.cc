#include "bench/crdt_benchmarks.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <utility>

namespace weft::bench {
namespace {

using crdt::Any;
using Kind = CrdtBenchmark::Kind;
using Root = CrdtBenchmark::Root;

// Everything below is drawn from one of these, so that a row depends on no other.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}
  // Both ends included.
  std::uint64_t Number(std::uint64_t least, std::uint64_t most) {
    return least + random_() % (most - least + 1);
  }
  bool Coin() { return Number(0, 1) == 0; }
  std::string Word(std::size_t least, std::size_t most) {
    std::string word(Number(least, most), ' ');
    for (char& letter : word) letter = static_cast<char>('a' + Number(0, 25));
    return word;
  }

 private:
  std::mt19937_64 random_;
};

// Edits, and the text they make.
struct Typing {
  std::string text;
  std::vector<Edit> edits;

  void Insert(std::uint64_t index, std::string word) {
    text.insert(index, word);
    edits.push_back({.index = index, .deleted = 0, .text = std::move(word), .values = {}});
  }
  void Delete(std::uint64_t index, std::uint64_t count) {
    text.erase(index, count);
    edits.push_back({.index = index, .deleted = count, .text = {}, .values = {}});
  }
  // At `index`: a word, or if the coin says so and there is something, a deletion.
  void InsertOrDelete(std::uint64_t index, Dice& dice) {
    if (index == text.size() || dice.Coin()) {
      Insert(index, dice.Word(2, 10));
    } else {
      Delete(index, dice.Number(1, std::min<std::uint64_t>(9, text.size() - index)));
    }
  }
};

CrdtBenchmark OneWriter(std::string name, std::string title, Typing typing) {
  return {.name = std::move(name),
          .title = std::move(title),
          .kind = Kind::kOneWriter,
          .root = Root::kText,
          .initial_text = {},
          .writers = {std::move(typing.edits)},
          .expected = std::move(typing.text)};
}

// Edits of an array, and what they make of it.
struct Listing {
  Any::Array values;
  std::vector<Edit> edits;

  void Insert(std::uint64_t index, std::vector<Any> added) {
    values.insert(values.begin() + static_cast<std::ptrdiff_t>(index), added.begin(), added.end());
    edits.push_back({.index = index, .deleted = 0, .text = {}, .values = std::move(added)});
  }
};

Any RandomNumber(Dice& dice) { return static_cast<double>(dice.Number(0, 0x7fffffff)); }

CrdtBenchmark OneWriter(std::string name, std::string title, Listing listing) {
  return {.name = std::move(name),
          .title = std::move(title),
          .kind = Kind::kOneWriter,
          .root = Root::kArray,
          .initial_text = {},
          .writers = {std::move(listing.edits)},
          .expected = std::move(listing.values)};
}

void AddTextRows(std::size_t n, std::vector<CrdtBenchmark>& rows) {
  Dice dice(1);
  {
    Typing typing;
    for (std::size_t i = 0; i < n; ++i) typing.Insert(i, dice.Word(1, 1));
    rows.push_back(OneWriter("B1.1", "append N characters", std::move(typing)));
  }
  {
    Typing typing;
    typing.Insert(0, dice.Word(n, n));
    rows.push_back(OneWriter("B1.2", "insert a string of length N", std::move(typing)));
  }
  {
    Typing typing;
    for (std::size_t i = 0; i < n; ++i) typing.Insert(0, dice.Word(1, 1));
    rows.push_back(OneWriter("B1.3", "prepend N characters", std::move(typing)));
  }
  {
    Typing typing;
    for (std::size_t i = 0; i < n; ++i) typing.Insert(dice.Number(0, i), dice.Word(1, 1));
    rows.push_back(OneWriter("B1.4", "N characters at random places", std::move(typing)));
  }
  {
    Typing typing;
    for (std::size_t i = 0; i < n; ++i) {
      typing.Insert(dice.Number(0, typing.text.size()), dice.Word(2, 10));
    }
    rows.push_back(OneWriter("B1.5", "N words at random places", std::move(typing)));
  }
  {
    Typing typing;
    typing.Insert(0, dice.Word(n, n));
    typing.Delete(0, n);
    rows.push_back(OneWriter("B1.6", "insert a string, then delete it", std::move(typing)));
  }
  {
    Typing typing;
    for (std::size_t i = 0; i < n; ++i) {
      typing.InsertOrDelete(dice.Number(0, typing.text.size()), dice);
    }
    rows.push_back(OneWriter("B1.7", "insert and delete at random places", std::move(typing)));
  }
}

void AddArrayRows(std::size_t n, std::vector<CrdtBenchmark>& rows) {
  Dice dice(2);
  {
    Listing listing;
    for (std::size_t i = 0; i < n; ++i) listing.Insert(i, {RandomNumber(dice)});
    rows.push_back(OneWriter("B1.8", "append N numbers", std::move(listing)));
  }
  {
    Listing listing;
    std::vector<Any> numbers;
    for (std::size_t i = 0; i < n; ++i) numbers.push_back(RandomNumber(dice));
    listing.Insert(0, std::move(numbers));
    rows.push_back(OneWriter("B1.9", "insert an array of N numbers", std::move(listing)));
  }
  {
    Listing listing;
    for (std::size_t i = 0; i < n; ++i) listing.Insert(0, {RandomNumber(dice)});
    rows.push_back(OneWriter("B1.10", "prepend N numbers", std::move(listing)));
  }
  {
    Listing listing;
    for (std::size_t i = 0; i < n; ++i) listing.Insert(dice.Number(0, i), {RandomNumber(dice)});
    rows.push_back(OneWriter("B1.11", "N numbers at random places", std::move(listing)));
  }
}

// Two writers who start from the same hundred characters. `type` types what one of them does.
template <typename Type>
CrdtBenchmark TwoWriters(std::string name, std::string title, const Type& type) {
  Dice dice(3);
  const std::string initial = dice.Word(100, 100);
  CrdtBenchmark row{.name = std::move(name),
                    .title = std::move(title),
                    .kind = Kind::kTwoWriters,
                    .root = Root::kText,
                    .initial_text = initial,
                    .writers = {},
                    .expected = {},
                    .expected_length = initial.size()};
  bool deletes = false;
  for (int writer = 0; writer < 2; ++writer) {
    Typing typing{.text = initial, .edits = {}};
    type(typing, dice);
    for (const Edit& edit : typing.edits) {
      row.expected_length += edit.text.size();
      deletes = deletes || edit.deleted > 0;
    }
    row.writers.push_back(std::move(typing.edits));
  }
  // Both may have deleted the same characters.
  if (deletes) row.expected_length = 0;
  return row;
}

void AddTwoWriterRows(std::size_t n, std::vector<CrdtBenchmark>& rows) {
  const auto at_random = [n](std::size_t least, std::size_t most) {
    return [=](Typing& typing, Dice& dice) {
      for (std::size_t i = 0; i < n; ++i) {
        typing.Insert(dice.Number(0, typing.text.size()), dice.Word(least, most));
      }
    };
  };
  rows.push_back(
      TwoWriters("B2.1", "two insert a string of length N at 0",
                 [n](Typing& typing, Dice& dice) { typing.Insert(0, dice.Word(n, n)); }));
  rows.push_back(TwoWriters("B2.2", "two insert N characters at random places", at_random(1, 1)));
  rows.push_back(TwoWriters("B2.3", "two insert N words at random places", at_random(3, 9)));
  rows.push_back(TwoWriters("B2.4", "two insert and delete", [n](Typing& typing, Dice& dice) {
    for (std::size_t i = 0; i < n; ++i) {
      const std::uint64_t index = dice.Number(0, typing.text.size());
      typing.Insert(index, dice.Word(3, 9));
      typing.InsertOrDelete(index, dice);
    }
  }));
}

// `make` makes the edit of the writer of that number.
template <typename Make>
CrdtBenchmark ManyWriters(std::string name, std::string title, std::size_t writers, Root root,
                          const Make& make) {
  CrdtBenchmark row{.name = std::move(name),
                    .title = std::move(title),
                    .kind = Kind::kManyWriters,
                    .root = root,
                    .initial_text = {},
                    .writers = {}};
  for (std::size_t i = 0; i < writers; ++i) {
    Edit edit = make(i);
    row.expected_length += edit.text.size() + edit.values.size();
    row.writers.push_back({std::move(edit)});
  }
  if (root == Root::kMap) row.expected_length = 1;
  return row;
}

void AddManyWriterRows(std::size_t n, std::vector<CrdtBenchmark>& rows) {
  const auto writers = static_cast<std::size_t>(std::sqrt(n)) * 20;
  const auto edit_of = [](Any value) {
    return Edit{.index = 0, .deleted = 0, .text = {}, .values = {std::move(value)}};
  };
  rows.push_back(ManyWriters("B3.1", "20 √N writers set a number in a map", writers, Root::kMap,
                             [&](std::size_t i) { return edit_of(static_cast<double>(i)); }));
  rows.push_back(ManyWriters(
      "B3.2", "20 √N writers set an object in a map", writers, Root::kMap, [&](std::size_t i) {
        return edit_of(crdt::AnyObject{{"name", std::to_string(i)}, {"address", "here"}});
      }));
  rows.push_back(ManyWriters("B3.3", "20 √N writers set a string in a map", writers, Root::kMap,
                             [&](std::size_t i) {
                               std::string text;
                               for (std::size_t j = 0; j < writers; ++j) text += std::to_string(i);
                               return edit_of(std::move(text));
                             }));
  rows.push_back(ManyWriters("B3.4", "20 √N writers insert in an array", writers, Root::kArray,
                             [&](std::size_t i) { return edit_of(std::to_string(i)); }));
  rows.push_back(ManyWriters(
      "B3.5", "20 √N writers insert in a text", writers, Root::kText, [&](std::size_t i) {
        return Edit{.index = 0, .deleted = 0, .text = std::to_string(i), .values = {}};
      }));
}

}  // namespace

std::vector<CrdtBenchmark> MakeCrdtBenchmarks(std::size_t n) {
  std::vector<CrdtBenchmark> rows;
  AddTextRows(n, rows);
  AddArrayRows(n, rows);
  AddTwoWriterRows(n, rows);
  AddManyWriterRows(n, rows);
  return rows;
}

Any ContentOf(const CrdtBenchmark& benchmark, crdt::Doc& doc) {
  switch (benchmark.root) {
    case Root::kText:
      return doc.GetText("text").ToString();
    case Root::kArray:
      return doc.GetArray("array").ToJson();
    case Root::kMap:
      break;
  }
  return doc.GetMap("map").ToJson();
}

Editor::Editor(const CrdtBenchmark& benchmark, crdt::Doc& doc) {
  switch (benchmark.root) {
    case Root::kText:
      root_ = doc.GetText("text");
      break;
    case Root::kArray:
      root_ = doc.GetArray("array");
      break;
    case Root::kMap:
      root_ = doc.GetMap("map");
      break;
  }
}

void Editor::Perform(const Edit& edit) {
  if (crdt::Text* text = std::get_if<crdt::Text>(&root_)) {
    if (edit.deleted > 0) text->Delete(edit.index, edit.deleted);
    if (!edit.text.empty()) text->Insert(edit.index, edit.text);
  } else if (crdt::Array* array = std::get_if<crdt::Array>(&root_)) {
    array->Insert(edit.index, edit.values);
  } else {
    std::get<crdt::Map>(root_).Set("v", edit.values.front());
  }
}

}  // namespace weft::bench
