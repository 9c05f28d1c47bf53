#pragma once

// CHECK ends the process when a contract of ours is broken, in every build: wrong bytes must not be
// sent or stored. DCHECK is the same for hot loops, in debug builds alone. Neither may be reachable
// by anything that a peer or a file can say; that is what absl::Status is for.

#include <cstdio>
#include <cstdlib>

namespace weft::crdt {

[[noreturn, gnu::cold]] inline void CheckFailed(const char* expression, const char* file,
                                                int line) {
  std::fprintf(stderr, "%s:%d: CHECK failed: %s\n", file, line, expression);
  std::abort();
}

}  // namespace weft::crdt

#define CHECK(expression) \
  ((expression) ? static_cast<void>(0) : ::weft::crdt::CheckFailed(#expression, __FILE__, __LINE__))

#ifdef WEFT_DEBUG
#define DCHECK(expression) CHECK(expression)
#else
#define DCHECK(expression) static_cast<void>(sizeof((expression) ? 1 : 0))
#endif
