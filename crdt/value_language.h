#pragma once

// How values are written as JSON for programs in other languages: those that use the C interface
// (weft.h), and those that talk to the conformance driver (driver/driver.h).
//
//   value := JSON | {"$binary": base64} | {"$bigint": digits} | {"$undefined": true}
//          | {"$number": "NaN" | "Infinity" | "-Infinity" | digits}
//          | {"$object": {…}}       that very object, where it would be read as one of these
//
// Any other object, keys with dollar signs included, is itself. A shared type is written as its JSON, of
// XML as its string, a subdocument as {"$doc": guid}. The bytes of updates are any_codec.h's and
// json.h's.

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crdt/any.h"
#include "crdt/base/bytes.h"
#include "crdt/delta.h"
#include "crdt/event.h"
#include "crdt/types.h"

namespace weft::crdt {

// What is written where an object would be read as something else, and for -0. The driver writes what
// its contract has: the object as it is, and 0, as JSON.stringify does.
enum class Precision { kAsJavaScript, kExact };

std::string ToBase64(ByteView bytes);
// Fails: kInvalidArgument.
absl::StatusOr<Bytes> FromBase64(std::string_view text);

// The value that `json` stands for. Recurses as deep as `json` is nested, which its parser bounds.
// Fails: kInvalidArgument, naming what the language does not have.
absl::StatusOr<Any> FromLanguage(const Any& json);
// The same from text; halves of surrogate pairs, which no update carries, become U+FFFD. Fails: also
// when it is no UTF-8, no JSON, or when arrays and objects stand in one another more than `max_depth`
// deep.
absl::StatusOr<Any> ParseLanguage(std::string_view text, std::size_t max_depth);

// These append JSON text, however deep the value or type is nested. They do not recurse.
void AppendString(std::string& out, std::string_view text);
void AppendValue(std::string& out, const Any& value,
                 Precision precision = Precision::kAsJavaScript);
void AppendElement(std::string& out, const Element& element,
                   Precision precision = Precision::kAsJavaScript);

// Whether a delta's inserts are the characters and embeds of a text, or lists of elements.
enum class DeltaOf { kText, kSequence };
void AppendDelta(std::string& out, const Delta& delta, DeltaOf of,
                 Precision precision = Precision::kAsJavaScript);

// The entries that a transaction changed: {key: {"action", "oldValue"?}}.
void AppendKeyChanges(std::string& out, const std::vector<KeyChange>& changes,
                      Precision precision = Precision::kAsJavaScript);
// The way from one type to another in it: [key or index].
void AppendPath(std::string& out, const std::vector<PathStep>& path);

// The delta of a text. Fails: kInvalidArgument when it is none, or inserts what a text does not take.
absl::StatusOr<Delta> ToDelta(const Any& value);
// OK when `value` may be an embed: no string, which would be characters, no null or undefined, and no
// BigInt in it, which format v1 cannot write.
absl::Status CheckEmbed(const Any& value);
// Fails: kInvalidArgument when `value` is no object, or has a BigInt in it.
absl::StatusOr<Attributes> ToAttributes(const Any& value);

}  // namespace weft::crdt
