#include "server/address_table.h"

#include <algorithm>

namespace weft::server {
namespace {

// IPv4, as such or within IPv6, begins with a byte that no IPv6 address in use begins with.
AddressPlace::Key KeyOf(const asio::ip::address& address) {
  AddressPlace::Key key{};
  if (address.is_v4() || address.to_v6().is_v4_mapped()) {
    const auto bytes =
        address.is_v4()
            ? address.to_v4().to_bytes()
            : asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_bytes();
    key[0] = 0xFF;
    std::copy(bytes.begin(), bytes.end(), key.begin() + 4);
  } else {
    std::copy_n(address.to_v6().to_bytes().begin(), key.size(), key.begin());
  }
  return key;
}

}  // namespace

AddressPlace::~AddressPlace() {
  if (table_ != nullptr) table_->Leave(key_);
}

std::size_t AddressPlace::sockets() const { return table_ == nullptr ? 0 : table_->Count(key_); }

AddressPlace AddressTable::Enter(const asio::ip::address& address) {
  const AddressPlace::Key key = KeyOf(address);
  const std::lock_guard lock(mutex_);
  ++counts_[key];
  return {this, key};
}

void AddressTable::Leave(const AddressPlace::Key& key) {
  const std::lock_guard lock(mutex_);
  const auto found = counts_.find(key);
  if (--found->second == 0) counts_.erase(found);
}

std::size_t AddressTable::Count(const AddressPlace::Key& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = counts_.find(key);
  return found == counts_.end() ? 0 : found->second;
}

std::size_t AddressTable::size() const {
  const std::lock_guard lock(mutex_);
  return counts_.size();
}

}  // namespace weft::server
