#pragma once

// Finds the shared type that a request names: a root, and a path of keys and indices from there.

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "crdt/any.h"
#include "crdt/base/string_map.h"
#include "crdt/doc.h"
#include "crdt/driver/members.h"
#include "crdt/types.h"

namespace weft::crdt::driver {

// "text", "array", "map", "xmlfragment", "xmltext", "xmlelement"; kUndefined for any other name.
TypeKind KindNamed(std::string_view name);
std::string_view NameOf(TypeKind kind);
// The handle of its kind, as what stands at a place.
Element AsElement(const SharedType& type);

// The roots of one document. Asking a Doc for a root as another kind than it has would be a bug;
// here it is an error.
class Roots {
 public:
  explicit Roots(Doc& doc) : doc_(doc) {}

  // The root of that name, defined as `kind` if it has no kind yet.
  // Fails: kInvalidArgument when it has another one.
  absl::StatusOr<SharedType> Get(std::string_view name, TypeKind kind);

  // The type that the members "name" and "path" lead to. The kind of a root that has none yet
  // follows from the path's first step: a map for a key, an XML fragment for the index of an XML
  // node, an array for any other index; without a path it is `kind`. Fails: kInvalidArgument when
  // there is no shared type.
  absl::StatusOr<SharedType> Find(Members& members, TypeKind kind);
  // As above, with a last step that may lead to anything.
  absl::StatusOr<Element> FindElement(Members& members);

  // Updates have come in, and may have brought roots.
  void Refresh() { stale_ = true; }

 private:
  const SharedType* Known(std::string_view name);
  absl::StatusOr<Element> FindAlong(Members& members, const Any::Array& path, TypeKind kind);
  TypeKind KindForPath(std::string_view name, const Any& first_step, TypeKind kind);

  Doc& doc_;
  StringMap<SharedType> known_;  // those with a kind
  bool stale_ = true;            // whether the document may have more of them
};

}  // namespace weft::crdt::driver
