#pragma once

// The binary form of Any (lib0 "any" encoding, used by update formats v1 and v2).
//
//   any := 127                              undefined
//        | 126                              null
//        | 125 varint                       an integer, |n| <= 2^31 - 1 when we write, -0 included
//        | 124 float32 | 123 float64        big-endian
//        | 122 int64                        big-endian, a BigInt
//        | 121 | 120                        false, true
//        | 119 string | 116 buffer
//        | 118 count (string any)*          an object
//        | 117 count any*                   an array
//
// A string is written with each lone surrogate as U+FFFD; a NaN keeps its bits.
// Neither direction recurses.
// Source: lib0, encoding.writeAny and decoding.readAny.

#include <cstddef>

#include "crdt/any.h"
#include "crdt/base/bytes.h"
#include "crdt/codec/decode_budget.h"
#include "crdt/limits.h"

namespace weft::crdt {

// As lib0's writeAny: integers of at most 31 bits as 125, else float32 when exact, else float64.
void WriteAny(ByteWriter& writer, const Any& value);

// Reads one value. Fails through the reader: malformed, invalid UTF-8 (surrogates are), or arrays
// and objects that stand in one another more than `max_depth` deep, where [] is one deep and 1 is
// none.
//
// Of a key that comes twice in an object the last value counts, in the first one's place. The key
// __proto__ is read and dropped, since assigning it in JavaScript makes no key: so replicas agree
// on what they show and encode.
//
// Memory: at most a small constant times the bytes remaining.
Any ReadAny(ByteReader& reader, std::size_t max_depth);

// The same within the limits on depth, strings, keys and memory; all of the value is spent from
// `budget`.
Any ReadAny(ByteReader& reader, const DecodeLimits& limits, DecodeBudget& budget);

// What a value, and an entry of an object, take decoded and again in a document, strings apart.
inline constexpr std::size_t kValueMemory = 2 * sizeof(Any) + 16;
inline constexpr std::size_t kEntryMemory = 2 * (sizeof(AnyObject::Entry) + 16);

}  // namespace weft::crdt
