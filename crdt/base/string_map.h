#pragma once

// Hash maps keyed by strings that accept std::string_view for look-ups without a copy. Abseil's own
// string hashing is transparent only for its own string_view, which is another type on this
// toolchain.

#include <xxhash.h>

#include <functional>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"

namespace weft::crdt {

struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return static_cast<std::size_t>(XXH3_64bits(text.data(), text.size()));
  }
};

template <typename Value>
using StringMap = absl::flat_hash_map<std::string, Value, StringHash, std::equal_to<>>;

}  // namespace weft::crdt
