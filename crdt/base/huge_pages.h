#pragma once

// Memory in pages of 2 MiB, where the system has them for who asks (Linux: transparent huge pages,
// `madvise`). What is large and used in any order then costs a page fault for 2 MiB instead of 512,
// and its addresses are found without a walk.

#include <cstddef>

namespace weft::crdt {

// Advises so for memory that was just allocated and not touched yet; does nothing where it is small,
// and changes nothing but the time that it takes.
void AdviseHugePages(void* begin, std::size_t bytes);

}  // namespace weft::crdt
