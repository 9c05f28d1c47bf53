#include "tests/crdt/value_generators.h"

#include <bit>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "crdt/base/utf.h"

namespace weft::crdt::gen {
namespace {

rc::Gen<double> Number(Values values) {
  const auto any_bits = rc::gen::map(rc::gen::arbitrary<std::uint64_t>(), [](std::uint64_t bits) {
    return std::bit_cast<double>(bits);
  });
  const auto integer = rc::gen::cast<double>(rc::gen::arbitrary<std::int32_t>());
  const auto special =
      rc::gen::element(0.0, -0.0, 0.1, 2147483647.0, 2147483648.0, -2147483647.0, -2147483648.0,
                       9007199254740991.0, 1e21, 5e-324, std::numeric_limits<double>::infinity(),
                       std::numeric_limits<double>::quiet_NaN());
  return rc::gen::map(rc::gen::oneOf(any_bits, integer, special), [values](double number) {
    // JSON has no such numbers, and writes -0 as 0.
    if (values == Values::kJson && (!std::isfinite(number) || number == 0)) return 0.0;
    return number;
  });
}

Any Leaf(Values values, Texts texts) {
  switch (*rc::gen::inRange(0, values == Values::kJson ? 4 : 7)) {
    case 0:
      return Any::Null();
    case 1:
      return *rc::gen::arbitrary<bool>();
    case 2:
      return *Number(values);
    case 3:
      return *Text(texts);
    case 4:
      return Any();
    case 5:
      return Any::BigInt{*rc::gen::arbitrary<std::int64_t>()};
    default:
      return *rc::gen::arbitrary<Bytes>();
  }
}

}  // namespace

rc::Gen<std::u16string> Utf16() {
  const auto unit = rc::gen::oneOf(
      rc::gen::inRange(0, 0x80), rc::gen::inRange(0, 0x80), rc::gen::inRange(0x80, 0x800),
      rc::gen::inRange(0x800, 0xD800), rc::gen::inRange(0xD800, 0xDC00),
      rc::gen::inRange(0xDC00, 0xE000), rc::gen::inRange(0xE000, 0x10000));
  return rc::gen::map(rc::gen::container<std::vector<int>>(unit), [](const std::vector<int>& all) {
    std::u16string text;
    for (const int one : all) text.push_back(static_cast<char16_t>(one));
    return text;
  });
}

rc::Gen<std::string> Text(Texts texts) {
  return rc::gen::map(Utf16(), [texts](const std::u16string& units) {
    std::string text;
    if (texts == Texts::kUtf8) {
      AppendUtf16AsUtf8(text, units);
    } else {
      AppendUtf16AsWtf8(text, units);
    }
    return text;
  });
}

rc::Gen<std::string> Key(Texts texts) {
  const auto number =
      rc::gen::map(rc::gen::inRange(-3, 30), [](int n) { return std::to_string(n); });
  const auto odd = rc::gen::element<std::string>("", "01", "4294967294", "4294967295", "4294967296",
                                                 "99999999999", "1e3", "constructor");
  return rc::gen::oneOf(number, number, odd, Text(texts));
}

rc::Gen<Any> Value(Values values, Texts texts, int depth) {
  return rc::gen::exec([=]() -> Any {
    const int kind = depth == 0 ? 0 : *rc::gen::inRange(0, 4);
    if (kind < 2) return Leaf(values, texts);
    const auto inner = Value(values, texts, depth - 1);
    if (kind == 2) {
      const std::size_t size = *rc::gen::inRange<std::size_t>(0, 5);
      return *rc::gen::container<Any::Array>(size, inner);
    }
    // Now and then large enough for the search by hash.
    const std::size_t size = *rc::gen::element<std::size_t>(0, 1, 3, 6, depth == 1 ? 40 : 2);
    using Entries = std::vector<AnyObject::Entry>;
    return AnyObject::FromEntries(
        *rc::gen::container<Entries>(size, rc::gen::pair(Key(texts), inner)));
  });
}

}  // namespace weft::crdt::gen
