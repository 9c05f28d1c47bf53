#pragma once

// Random texts and values for properties.

#include <rapidcheck.h>

#include <string>

#include "crdt/any.h"

namespace weft::crdt::gen {

// UTF-16 in which surrogates, alone and in pairs, and characters of each size are frequent.
rc::Gen<std::u16string> Utf16();

enum class Texts {
  kUtf8,  // what survives every encoding
  kWtf8,  // lone surrogates too
};
rc::Gen<std::string> Text(Texts texts);

// Keys that collide often: integer-like ones, almost integer-like ones, and texts. Never __proto__.
rc::Gen<std::string> Key(Texts texts);

enum class Values {
  kAll,
  kJson,  // what JSON text can hold and give back
};
// Values with up to `depth` arrays and objects in one another.
rc::Gen<Any> Value(Values values, Texts texts, int depth = 4);

}  // namespace weft::crdt::gen
