#include "server/address_table.h"

#include <gtest/gtest.h>

#include <vector>

namespace weft::server {
namespace {

asio::ip::address Address(const char* text) {
  error_code error;
  auto address = asio::ip::make_address(text, error);
  EXPECT_FALSE(error) << text;
  return address;
}

TEST(AddressTable, CountsSocketsAsLongAsTheyAreOpen) {
  AddressTable table;
  const AddressPlace first = table.Enter(Address("192.0.2.1"));
  EXPECT_EQ(first.sockets(), 1U);
  {
    const AddressPlace second = table.Enter(Address("192.0.2.1"));
    EXPECT_EQ(second.sockets(), 2U);
    EXPECT_EQ(table.Enter(Address("192.0.2.2")).sockets(), 1U);
  }
  EXPECT_EQ(first.sockets(), 1U);
  EXPECT_EQ(table.size(), 1U);
}

TEST(AddressTable, APlaceThatMovedIsGivenBackOnce) {
  AddressTable table;
  {
    AddressPlace place = table.Enter(Address("192.0.2.1"));
    const AddressPlace moved(std::move(place));
    EXPECT_EQ(moved.sockets(), 1U);
  }
  EXPECT_EQ(table.size(), 0U);
  EXPECT_EQ(AddressPlace().sockets(), 0U);
}

TEST(AddressTable, OneCustomerOfAProviderIsOneAddress) {
  AddressTable table;
  const AddressPlace a = table.Enter(Address("2001:db8:1:2::1"));
  const AddressPlace b = table.Enter(Address("2001:db8:1:2:ffff::9"));
  const AddressPlace other = table.Enter(Address("2001:db8:1:3::1"));
  EXPECT_EQ(a.sockets(), 2U);
  EXPECT_EQ(other.sockets(), 1U);
}

TEST(AddressTable, AnIpv4AddressIsTheSameWhenItComesAsIpv6) {
  AddressTable table;
  const AddressPlace plain = table.Enter(Address("192.0.2.1"));
  const AddressPlace mapped = table.Enter(Address("::ffff:192.0.2.1"));
  const AddressPlace other = table.Enter(Address("::ffff:192.0.2.2"));
  const AddressPlace nobody = table.Enter(Address("::"));
  EXPECT_EQ(plain.sockets(), 2U);
  EXPECT_EQ(other.sockets(), 1U);
  EXPECT_EQ(nobody.sockets(), 1U);
}

}  // namespace
}  // namespace weft::server
