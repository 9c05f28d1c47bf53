#include "crdt/relative_position.h"

#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crdt/base/utf.h"
#include "crdt/doc.h"
#include "crdt/doc_core.h"

namespace weft::crdt {

namespace internal {

std::optional<Id> DocCore::IdAtIndex(TypeRef type, std::uint64_t index) {
  if (index >= LengthOf(type)) return std::nullopt;
  const SequenceIndex::Place place = IndexOf(type).Find(index);
  return Unpack(At(place.item).id.Plus(place.offset));
}

std::uint64_t DocCore::PositionOf(ItemPlace place, bool behind) {
  const Item& item = At(place.item);
  if (IsDeleted(item.parent)) return 0;
  std::uint64_t index = item.visible() ? place.offset + (behind ? 1 : 0) : 0;
  for (ItemRef left = item.left; left != kNoItem; left = At(left).left) {
    index += At(left).visible_length();
  }
  return index;
}

}  // namespace internal

namespace {

// The sequence that a position names, without an element.
RelativePosition InType(const SharedType& type) {
  RelativePosition position;
  position.type = type.item_id();
  if (!position.type.has_value()) position.root = type.root_name();
  return position;
}

void WriteId(ByteWriter& writer, Id id) {
  writer.WriteVarUint(ToNumber(id.client));
  writer.WriteVarUint(id.clock);
}

Id ReadId(ByteReader& reader) {
  const ClientId client{reader.ReadVarUint()};
  return {client, reader.ReadVarUint()};
}

Any IdAsJson(Id id) {
  return AnyObject{{"client", static_cast<double>(ToNumber(id.client))},
                   {"clock", static_cast<double>(id.clock)}};
}

bool IsInteger(const Any* value, double least, double most) {
  return value != nullptr && value->AsNumber() != nullptr && *value->AsNumber() >= least &&
         *value->AsNumber() <= most && std::trunc(*value->AsNumber()) == *value->AsNumber();
}

}  // namespace

RelativePosition RelativePosition::At(const SharedType& type, std::uint64_t index,
                                      std::int64_t assoc) {
  RelativePosition position = InType(type);
  position.assoc = assoc;
  internal::DocCore* doc = type.handle().doc;
  if (!type.exists()) return position;
  const internal::TypeRef ref = type.handle().type;
  CHECK(index <= doc->LengthOf(ref) && "a position is inside the type");
  if (assoc < 0) {
    if (index == 0) return position;
    --index;
  }
  position.item = doc->IdAtIndex(ref, index);
  return position;
}

std::optional<AbsolutePosition> RelativePosition::Resolve(Doc& document, bool follow_redone) const {
  internal::DocCore& doc = document.core();
  if (item.has_value()) {
    const auto place = doc.PlaceOfId(*item, follow_redone);
    if (!place.has_value() || doc.ItemAt(place->item).is_gc()) return std::nullopt;
    return AbsolutePosition{.type = SharedType(doc.HandleTo(doc.ItemAt(place->item).parent)),
                            .index = doc.PositionOf(*place, assoc < 0),
                            .assoc = assoc};
  }
  internal::TypeRef ref = internal::kNoType;
  if (root.has_value()) {
    ref = doc.EnsureRoot(*root);
  } else if (type.has_value()) {
    const auto place = doc.PlaceOfId(*type, follow_redone);
    if (!place.has_value() || doc.ItemAt(place->item).kind != internal::ContentKind::kType) {
      return std::nullopt;
    }
    ref = doc.ItemAt(place->item).content;
  } else {
    return std::nullopt;
  }
  return AbsolutePosition{.type = SharedType(doc.HandleTo(ref)),
                          .index = assoc >= 0 ? doc.LengthOf(ref) : 0,
                          .assoc = assoc};
}

Bytes RelativePosition::Encode() const {
  ByteWriter writer;
  if (item.has_value()) {
    writer.WriteVarUint(0);
    WriteId(writer, *item);
  } else if (root.has_value()) {
    writer.WriteVarUint(1);
    writer.WriteString(*root);
  } else {
    CHECK(type.has_value() && "a position names a sequence or an element");
    writer.WriteVarUint(2);
    WriteId(writer, *type);
  }
  writer.WriteVarInt(static_cast<std::uint64_t>(assoc < 0 ? -assoc : assoc), assoc < 0);
  return writer.Take();
}

absl::StatusOr<RelativePosition> RelativePosition::Decode(ByteView bytes) {
  ByteReader reader(bytes);
  RelativePosition position;
  switch (reader.ReadVarUint()) {
    case 0:
      position.item = ReadId(reader);
      break;
    case 1: {
      const std::string_view name = reader.ReadString();
      if (!IsValidUtf8(name)) reader.Fail("a name that is not UTF-8");
      position.root = std::string(name);
      break;
    }
    case 2:
      position.type = ReadId(reader);
      break;
    default:
      reader.Fail("a relative position of an unknown kind");
  }
  if (reader.ok() && !reader.at_end()) {
    const ByteReader::SignedInteger assoc = reader.ReadVarInt();
    position.assoc = static_cast<std::int64_t>(assoc.magnitude) * (assoc.negative ? -1 : 1);
  }
  if (!reader.ok()) return reader.status();
  return position;
}

Any RelativePosition::ToJson() const {
  AnyObject json;
  if (type.has_value()) json.Set("type", IdAsJson(*type));
  if (root.has_value() && !root->empty()) json.Set("tname", *root);
  if (item.has_value()) json.Set("item", IdAsJson(*item));
  json.Set("assoc", static_cast<double>(assoc));
  return json;
}

absl::StatusOr<RelativePosition> RelativePosition::FromJson(const Any& json) {
  const AnyObject* object = json.AsObject();
  if (object == nullptr) return absl::InvalidArgumentError("a relative position is an object");
  const auto member = [&](const char* name) -> const Any* {
    const Any* value = object->Find(name);
    return value == nullptr || value->is_null() || value->is_undefined() ? nullptr : value;
  };
  const auto id = [&](const char* name) -> absl::StatusOr<std::optional<Id>> {
    const Any* value = member(name);
    if (value == nullptr) return std::nullopt;
    const AnyObject* fields = value->AsObject();
    const Any* client = fields == nullptr ? nullptr : fields->Find("client");
    const Any* clock = fields == nullptr ? nullptr : fields->Find("clock");
    constexpr auto kMost = static_cast<double>(kMaxSafeInteger);
    if (!IsInteger(client, 0, kMost) || !IsInteger(clock, 0, kMost)) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", name, "\" of a relative position is no id {\"client\", \"clock\"}"));
    }
    return Id{ClientId{static_cast<std::uint64_t>(*client->AsNumber())},
              static_cast<Clock>(*clock->AsNumber())};
  };
  RelativePosition position;
  const auto type = id("type");
  if (!type.ok()) return type.status();
  position.type = *type;
  const auto item = id("item");
  if (!item.ok()) return item.status();
  position.item = *item;
  if (const Any* name = member("tname")) {
    if (name->AsString() == nullptr) {
      return absl::InvalidArgumentError("\"tname\" of a relative position is no string");
    }
    position.root = *name->AsString();
  }
  if (const Any* assoc = member("assoc")) {
    if (!IsInteger(assoc, -9e15, 9e15)) {
      return absl::InvalidArgumentError("\"assoc\" of a relative position is no integer");
    }
    position.assoc = static_cast<std::int64_t>(*assoc->AsNumber());
  }
  if (!position.item && !position.type && !position.root) {
    return absl::InvalidArgumentError("the position names no sequence and no element");
  }
  return position;
}

}  // namespace weft::crdt
