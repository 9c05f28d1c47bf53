#pragma once

// How the driver writes values as JSON:
//
//   value := JSON | {"$binary": base64} | {"$bigint": digits} | {"$undefined": true}
//          | {"$number": "NaN" | "Infinity" | "-Infinity" | digits}
//
// A shared type is written as its JSON, of XML as its string, a subdocument as {"$doc": guid}.

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "crdt/any.h"
#include "crdt/base/bytes.h"
#include "crdt/delta.h"
#include "crdt/types.h"

namespace weft::crdt::driver {

std::string ToBase64(ByteView bytes);
// Fails: kInvalidArgument.
absl::StatusOr<Bytes> FromBase64(std::string_view text);

// The value that `json` stands for. Recurses as deep as `json` is nested, which its parser bounds.
// Fails: kInvalidArgument, naming what the language does not have.
absl::StatusOr<Any> FromLanguage(const Any& json);

// These append JSON text, however deep the value or type is nested. They do not recurse.
void AppendString(std::string& out, std::string_view text);
void AppendValue(std::string& out, const Any& value);
void AppendElement(std::string& out, const Element& element);

// Whether a delta's inserts are the characters and embeds of a text, or lists of elements.
enum class DeltaOf { kText, kSequence };
void AppendDelta(std::string& out, const Delta& delta, DeltaOf of);

}  // namespace weft::crdt::driver
