#pragma once

// How many sockets each network address has open, whatever they speak.
//
// One address is an IPv4 address, or the first 64 bits of an IPv6 address: what a provider gives to
// one customer. Threads: any, with a lock that is held for one look at a hash map, twice a socket.

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "server/asio.h"

namespace weft::server {

class AddressTable;

// A socket's place among those of its address, given back at the end. Empty when it came from
// nowhere.
class AddressPlace {
 public:
  using Key = std::array<std::uint8_t, 8>;

  AddressPlace() = default;
  AddressPlace(AddressPlace&& other) noexcept
      : table_(std::exchange(other.table_, nullptr)), key_(other.key_) {}
  AddressPlace& operator=(AddressPlace&&) = delete;
  ~AddressPlace();

  // The sockets that this one's address has now, this one included; 0 when empty.
  std::size_t sockets() const;

 private:
  friend class AddressTable;
  AddressPlace(AddressTable* table, Key key) : table_(table), key_(key) {}

  AddressTable* table_ = nullptr;
  Key key_{};
};

class AddressTable {
 public:
  // Requires: the table outlives the place.
  AddressPlace Enter(const asio::ip::address& address);

  // Addresses with open sockets.
  std::size_t size() const;

 private:
  friend class AddressPlace;
  void Leave(const AddressPlace::Key& key);
  std::size_t Count(const AddressPlace::Key& key) const;

  mutable std::mutex mutex_;
  absl::flat_hash_map<AddressPlace::Key, std::size_t> counts_;  // none is 0
};

}  // namespace weft::server
