#pragma once

// What the program weft_bench registers: a function for each file of benchmarks.

#include "bench/concurrent_trace.h"
#include "bench/trace.h"

namespace weft::bench {

// `repeat`: also load the trace typed a hundred times over, which takes seconds to make.
void AddTraceBenchmarks(const Trace& trace, bool repeat);
void AddConcurrentTraceBenchmarks(const ConcurrentTrace& trace);
void AddCrdtBenchmarks();       // B1 to B3 of github.com/dmonad/crdt-benchmarks
void AddTextShapes();           // one text, edited in the worst places
void AddStructureShapes();      // maps, arrays, nested types
void AddReplicationShapes();    // many writers, updates in odd orders
void AddLargeDocumentShapes();  // one keystroke, one tail, 100 MB

}  // namespace weft::bench
