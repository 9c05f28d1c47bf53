#include "crdt/base/random.h"

#include <unistd.h>

#include "crdt/base/check.h"

namespace weft::crdt {

void FillRandom(void* bytes, std::size_t size) {
  // Fails for a kernel without it alone, and for more than 256 bytes.
  CHECK(getentropy(bytes, size) == 0);
}

}  // namespace weft::crdt
