#pragma once

// Reads values.txt, which make_values.mjs wrote: what JavaScript, lib0 and Yjs make of values.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/base/bytes.h"

namespace weft::crdt::golden {

// A line without its kind, by field.
using Case = std::vector<std::string>;

// All cases of a kind, at least one.
std::vector<Case> Cases(std::string_view kind);

// Whether JavaScript refused.
bool IsRefused(std::string_view field);
// The bytes of a hexadecimal field.
Bytes FieldBytes(std::string_view field);
std::string FieldText(std::string_view field);
// Two bytes a unit, big-endian.
std::u16string FieldUtf16(std::string_view field);

std::string ToHex(ByteView bytes);

// The parts of `text` between separators; none when the field is "-".
std::vector<std::string> Split(std::string_view text, char separator);

}  // namespace weft::crdt::golden
