#pragma once

// Random numbers of the operating system, which nobody can foretell.

#include <cstddef>

namespace weft::crdt {

// Fills the bytes. std::random_device does the same; but each one that is made asks the processor
// what it is, which on a virtual machine takes longer than most documents take to load.
// Requires: size <= 256. Threads: any.
void FillRandom(void* bytes, std::size_t size);

template <typename Number>
Number RandomNumber() {
  Number number{};
  FillRandom(&number, sizeof(number));
  return number;
}

}  // namespace weft::crdt
