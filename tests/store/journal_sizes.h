#pragma once

// Journals as properties try them.

#include <rapidcheck.h>

#include <cstddef>

namespace weft::store {

// None, full with each commit, after some, and never.
inline rc::Gen<std::size_t> JournalBytes() {
  return rc::gen::element<std::size_t>(0, 1, 600, 5'000, std::size_t{16} << 20);
}

}  // namespace weft::store
