#pragma once

// How much of an allocator's memory containers hold beside themselves.

#include <algorithm>
#include <cstddef>
#include <deque>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"

namespace weft::crdt {

// What an allocation of so many bytes takes: of glibc's allocator what can be used of it, of a
// sanitizer's what was asked for.
constexpr std::size_t Allocated(std::size_t bytes) {
  if (bytes == 0) return 0;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return bytes;
#else
  constexpr std::size_t kHeader = 8;
  constexpr std::size_t kLeast = 24;
  return std::max(kLeast, (bytes + kHeader + 15) / 16 * 16 - kHeader);
#endif
}

template <typename T>
std::size_t Allocated(const std::vector<T>& vector) {
  return Allocated(vector.capacity() * sizeof(T));
}

inline std::size_t Allocated(const std::string& text) {
  constexpr std::size_t kInline = 15;
  return text.capacity() <= kInline ? 0 : Allocated(text.capacity() + 1);
}

// As libstdc++ makes them: nodes of 512 bytes, or of one larger element. The row of nodes may be
// longer than it needs to be.
template <typename T>
std::size_t Allocated(const std::deque<T>& deque) {
  constexpr std::size_t kInNode = sizeof(T) < 512 ? 512 / sizeof(T) : 1;
  const std::size_t nodes = deque.size() / kInNode + 1;
  return nodes * Allocated(kInNode * sizeof(T)) +
         Allocated(std::max<std::size_t>(8, nodes + 2) * sizeof(void*));
}

namespace internal {
// A byte of control for each slot, and some.
template <typename Table>
std::size_t AllocatedTable(const Table& table) {
  if (table.capacity() == 0) return 0;
  constexpr std::size_t kControl = 16 + sizeof(std::size_t);
  return Allocated(table.capacity() * (sizeof(typename Table::value_type) + 1) + kControl);
}
}  // namespace internal

template <typename... Parameters>
std::size_t Allocated(const absl::flat_hash_map<Parameters...>& map) {
  return internal::AllocatedTable(map);
}
template <typename... Parameters>
std::size_t Allocated(const absl::flat_hash_set<Parameters...>& set) {
  return internal::AllocatedTable(set);
}

}  // namespace weft::crdt
