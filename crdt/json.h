#pragma once

// JSON text exactly as JavaScript's JSON.stringify writes it and JSON.parse reads it. Update format
// v1 keeps formats, embeds and legacy values as such text, so it must match byte for byte.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "crdt/any.h"

namespace weft::crdt {

// JSON.stringify: shortest round-trip numbers, -0 as 0, NaN and infinities as null, lone surrogates
// as \udXXX, undefined left out of objects and null in arrays, binary as the object that JavaScript
// makes of a Uint8Array ({"0":1,"1":2}). Undefined at the top gives "undefined"; a BigInt, which
// JavaScript refuses, is written as its digits. Does not recurse.
std::string ToJsonText(const Any& value);
void AppendJsonText(std::string& out, const Any& value);

// A number as JavaScript prints it: 1e21 as "1e+21".
std::string NumberToJsText(double value);

// JSON.parse. Empty when the text is no JSON, is neither UTF-8 nor WTF-8, or has arrays and objects
// that stand in one another more than `max_depth` deep, where [] is one deep and 1 is none. Of a
// key that comes twice the last value counts; __proto__ is a key like others. Does not recurse.
std::optional<Any> ParseJson(std::string_view text, std::size_t max_depth);

// How many values JSON text has in it, at most, and how deep they are nested: what ParseJson would
// make, told without making it. Of text that is no JSON it is the same for its tokens.
struct JsonShape {
  std::size_t values = 1;
  std::size_t depth = 0;
};
JsonShape MeasureJson(std::string_view text);

}  // namespace weft::crdt
