#pragma once

// The value language of the driver (crdt/value_language.h), for tests: JSON, with what JSON cannot
// say as objects of one key, {"$binary": base64}, {"$bigint": digits}, {"$undefined": true} and
// {"$number": "NaN"}.

#include <string>
#include <string_view>

#include "crdt/any.h"
#include "crdt/base/bytes.h"

namespace weft::crdt::oracle {

std::string ToBase64(ByteView bytes);
// Requires: `text` is base64.
Bytes FromBase64(std::string_view text);
std::string ToHex(ByteView bytes);

// Between a value and its form in the language. Recursive: for values that tests make.
Any ToDriverValue(const Any& value);
Any FromDriverValue(const Any& value);

// Text that is equal for equal values in the language, whatever the order of keys: replicas that
// got their keys in another order enumerate a map in another order.
std::string CanonicalJson(const Any& driver_value);

// Members of an object, for replies and scripts whose shape is known. Requires: they exist.
const Any& Member(const Any& object, std::string_view name);
std::uint64_t NumberMember(const Any& object, std::string_view name);
const std::string& StringMember(const Any& object, std::string_view name);

}  // namespace weft::crdt::oracle
