#pragma once

// The inputs of B1 to B3 of crdt-benchmarks: what is done in them, made anew from their
// definitions, with random numbers of our own.
//
//   B1  one writer edits, each edit a transaction with an update
//   B2  two writers edit the same text, each in one transaction, and get each other's update
//   B3  20 √N writers make one edit each, and somebody gets all of their updates
//
// Source: github.com/dmonad/crdt-benchmarks, N = 6000.

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "crdt/any.h"
#include "crdt/doc.h"
#include "crdt/types.h"

namespace weft::bench {

// One edit of a root: of a text or an array first `deleted` units or elements at `index` go, then
// `text` or `values` come; a map sets "v" to the only value.
struct Edit {
  std::uint64_t index = 0;
  std::uint64_t deleted = 0;
  std::string text;
  std::vector<crdt::Any> values;
};

struct CrdtBenchmark {
  enum class Kind { kOneWriter, kTwoWriters, kManyWriters };
  enum class Root { kText, kArray, kMap };

  std::string name;   // "B1.1"
  std::string title;  // "append N characters"
  Kind kind = Kind::kOneWriter;
  Root root = Root::kText;
  std::string initial_text;                // of B2, made before anything is measured
  std::vector<std::vector<Edit>> writers;  // the edits of each
  // What the root holds in the end, where that does not depend on who wins: a string, an array.
  // Undefined in B2 and B3.
  crdt::Any expected;
  std::size_t expected_length = 0;  // of B2 and B3: characters or elements; 0 when not known
};

// All rows. The same every time.
std::vector<CrdtBenchmark> MakeCrdtBenchmarks(std::size_t n = 6000);

// The root that the benchmark is about, as JSON.
crdt::Any ContentOf(const CrdtBenchmark& benchmark, crdt::Doc& doc);

// Makes edits of the root, which is asked for once.
class Editor {
 public:
  Editor(const CrdtBenchmark& benchmark, crdt::Doc& doc);
  void Perform(const Edit& edit);

 private:
  std::variant<crdt::Text, crdt::Array, crdt::Map> root_;
};

}  // namespace weft::bench
