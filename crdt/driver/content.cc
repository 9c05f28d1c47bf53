#include "crdt/driver/content.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "crdt/base/check.h"
#include "crdt/base/utf.h"
#include "crdt/value_language.h"

namespace weft::crdt::driver {
namespace {

// Whether a BigInt stands anywhere in `value`: format v1 keeps formats and embeds as JSON text, and
// JSON.stringify refuses a BigInt. Recurses as deep as the value is nested.
bool HoldsBigInt(const Any& value) {
  if (std::holds_alternative<Any::BigInt>(value.value())) return true;
  if (const Any::Array* array = value.AsArray()) {
    return std::ranges::any_of(*array, HoldsBigInt);
  }
  const AnyObject* object = value.AsObject();
  return object != nullptr && std::ranges::any_of(object->entries(), [](const auto& entry) {
           return HoldsBigInt(entry.second);
         });
}

absl::StatusOr<Content> DecodeValue(const Any& json) {
  absl::StatusOr<Any> value = FromLanguage(json);
  if (!value.ok()) return value.status();
  return Content{.value = *std::move(value)};
}

template <typename Decode>
absl::Status DecodeEach(const Any::Array& json, std::vector<Content>& out, const Decode& decode) {
  out.reserve(json.size());
  for (const Any& element : json) {
    absl::StatusOr<Content> content = decode(element);
    if (!content.ok()) return content.status();
    out.push_back(*std::move(content));
  }
  return absl::OkStatus();
}

absl::Status DecodeEntries(Members& members, std::string_view name, Content& out) {
  if (!members.Has(name)) return absl::OkStatus();
  for (const auto& [key, json] : members.Object(name).entries()) {
    absl::StatusOr<Content> content = DecodeContent(json);
    if (!content.ok()) return content.status();
    out.entries.emplace_back(key, *std::move(content));
  }
  return members.status();
}

absl::Status DecodeText(Members& members, std::string_view name, Content& out) {
  out.text = ToUtf8(members.StringOr(name, ""));
  if (!members.Has("delta")) return members.status();
  absl::StatusOr<Delta> delta = DecodeDelta(members.List("delta"));
  if (!delta.ok()) return delta.status();
  out.delta = *std::move(delta);
  return members.status();
}

absl::Status DecodeSubdocument(Members& members, Content& out) {
  out.kind = Content::Kind::kSubdocument;
  // Random in Yjs when it is empty: what the driver does depends on nothing but requests.
  out.subdocument.guid = ToUtf8(members.String("guid"));
  if (out.subdocument.guid.empty()) return Refuse("a subdocument has a guid");
  out.subdocument.gc = members.FlagOr("gc", true);
  out.subdocument.auto_load = members.FlagOr("autoLoad", false);
  if (members.Has("meta")) out.subdocument.meta = members.Value("meta");
  return members.status();
}

absl::StatusOr<Content> DecodeType(std::string_view type, Members& members) {
  if (type == "xml") return DecodeNode(members.Get("node"));
  Content out{.kind = Content::Kind::kType};
  absl::Status status;
  if (type == "map") {
    out.type = TypeKind::kMap;
    status = DecodeEntries(members, "init", out);
  } else if (type == "array") {
    out.type = TypeKind::kArray;
    if (members.Has("init")) {
      absl::StatusOr<std::vector<Content>> children = DecodeElements(members.List("init"));
      if (!children.ok()) return children.status();
      out.children = *std::move(children);
    }
  } else if (type == "text" || type == "xmltext") {
    out.type = type == "text" ? TypeKind::kText : TypeKind::kXmlText;
    status = DecodeText(members, "init", out);
  } else if (type == "xmlfragment") {
    out.type = TypeKind::kXmlFragment;
    if (members.Has("init")) status = DecodeEach(members.List("init"), out.children, DecodeNode);
  } else if (type == "doc") {
    status = DecodeSubdocument(members, out);
  } else {
    return Refuse(absl::StrCat("there is no type \"", std::string(type), "\""));
  }
  if (!status.ok()) return status;
  if (!members.ok()) return members.status();
  return out;
}

// Fills a type that was made empty.
void Fill(const SharedType& type, const Content& content) {
  if (std::optional<Text> text = IsText(content.type) ? type.As<Text>() : std::nullopt) {
    if (!content.text.empty()) text->Insert(0, content.text);
    if (!content.delta.empty()) text->ApplyDelta(content.delta);
    return;
  }
  if (!content.children.empty()) InsertInto(type, 0, content.children);
  if (const std::optional<XmlElement> element = type.As<XmlElement>()) {
    for (const auto& [key, value] : content.entries) {
      XmlElement(*element).SetAttribute(key, value.value);
    }
  } else if (const std::optional<Map> map = type.As<Map>()) {
    for (const auto& [key, value] : content.entries) SetIn(*map, key, value);
  }
}

// Array and XmlFragment have the same calls here.
template <typename Sequence>
SharedType MakeIn(Sequence sequence, std::uint64_t index, const Content& content) {
  return sequence.InsertType(index, content.type, content.name);
}

}  // namespace

std::string ToUtf8(std::string_view wtf8) {
  std::string utf8(wtf8);
  ReplaceLoneSurrogates(utf8);
  return utf8;
}

absl::StatusOr<Content> DecodeContent(const Any& json) {
  const AnyObject* object = json.AsObject();
  const Any* type = object == nullptr ? nullptr : object->Find("$type");
  if (type == nullptr) return DecodeValue(json);
  Members members(json);
  const std::string_view name = members.String("$type");
  if (!members.ok()) return members.status();
  return DecodeType(name, members);
}

absl::StatusOr<Content> DecodeNode(const Any& json) {
  Members members(json);
  Content out{.kind = Content::Kind::kType};
  absl::Status status;
  if (members.Has("element")) {
    out.type = TypeKind::kXmlElement;
    out.name = ToUtf8(members.String("element"));
    if (members.Has("children")) {
      status = DecodeEach(members.List("children"), out.children, DecodeNode);
    }
    if (status.ok() && members.Has("attrs")) {
      for (const auto& [key, attribute] : members.Object("attrs").entries()) {
        absl::StatusOr<Content> value = DecodeValue(attribute);
        if (!value.ok()) return value.status();
        out.entries.emplace_back(key, *std::move(value));
      }
    }
  } else if (members.Has("hook")) {
    out.type = TypeKind::kXmlHook;
    out.name = ToUtf8(members.String("hook"));
    status = DecodeEntries(members, "init", out);
  } else {
    out.type = TypeKind::kXmlText;
    status = DecodeText(members, "text", out);
  }
  if (!status.ok()) return status;
  if (!members.ok()) return members.status();
  return out;
}

absl::StatusOr<std::vector<Content>> DecodeElements(const Any::Array& json) {
  std::vector<Content> contents;
  const absl::Status status = DecodeEach(json, contents, DecodeContent);
  if (!status.ok()) return status;
  for (const Content& content : contents) {
    if (content.kind != Content::Kind::kValue) continue;
    if (content.value.is_undefined() ||
        std::holds_alternative<Any::BigInt>(content.value.value())) {
      return Refuse("undefined and BigInt cannot be elements of an array, as in Yjs");
    }
  }
  return contents;
}

absl::StatusOr<Attributes> DecodeAttributes(const Any& json) {
  const absl::StatusOr<Any> value = FromLanguage(json);
  if (!value.ok()) return value.status();
  const AnyObject* attributes = value->AsObject();
  if (attributes == nullptr) return Refuse("attributes are an object");
  for (const auto& [key, attribute] : attributes->entries()) {
    if (attribute.is_undefined() || HoldsBigInt(attribute)) {
      return Refuse("undefined and BigInt cannot be attributes, as in Yjs");
    }
  }
  return *attributes;
}

absl::StatusOr<Content> DecodeEmbed(const Any& json) {
  absl::StatusOr<Content> embed = DecodeContent(json);
  if (!embed.ok()) return embed;
  if (embed->kind == Content::Kind::kType) {
    const bool empty = embed->text.empty() && embed->delta.empty() && embed->children.empty() &&
                       embed->entries.empty();
    if (!empty) return Refuse("a shared type comes into a text without content");
    return embed;
  }
  const Any& value = embed->value;
  const bool fits = value.AsObject() != nullptr || value.AsArray() != nullptr ||
                    value.AsNumber() != nullptr || value.AsBool() != nullptr;
  if (embed->kind != Content::Kind::kValue || !fits || HoldsBigInt(value)) {
    return Refuse("an embed is an object without a BigInt, or a shared type");
  }
  return embed;
}

absl::StatusOr<Delta> DecodeDelta(const Any::Array& json) {
  Delta delta;
  for (const Any& entry : json) {
    Members members(entry);
    Attributes attributes;
    if (members.Has("attributes")) {
      absl::StatusOr<Attributes> decoded = DecodeAttributes(members.Get("attributes"));
      if (!decoded.ok()) return decoded.status();
      attributes = *std::move(decoded);
    }
    if (members.Has("insert") && members.Get("insert").AsString() != nullptr) {
      delta.push_back(DeltaOp::Insert(ToUtf8(members.String("insert")), std::move(attributes)));
    } else if (members.Has("insert")) {
      absl::StatusOr<Content> embed = DecodeEmbed(members.Get("insert"));
      if (!embed.ok()) return embed.status();
      if (embed->kind == Content::Kind::kType) return Refuse("a delta inserts no shared types");
      delta.push_back(DeltaOp::Embed(std::move(embed->value), std::move(attributes)));
    } else if (members.Has("retain")) {
      delta.push_back(DeltaOp::Retain(members.Count("retain"), std::move(attributes)));
    } else {
      delta.push_back(DeltaOp::Delete(members.Count("delete")));
    }
    if (!members.ok()) return members.status();
  }
  return delta;
}

void InsertInto(const SharedType& sequence, std::uint64_t index,
                std::span<const Content> contents) {
  std::optional<Array> array = sequence.As<Array>();
  std::optional<XmlFragment> fragment = sequence.As<XmlFragment>();
  CHECK(array || fragment);
  // Neighbouring values are one item.
  std::vector<Any> values;
  const auto insert_values = [&] {
    if (values.empty()) return;
    const std::size_t count = values.size();
    array->Insert(index, std::exchange(values, {}));
    index += count;
  };
  for (const Content& content : contents) {
    if (content.kind == Content::Kind::kValue) {
      values.push_back(content.value);
      continue;
    }
    insert_values();
    if (content.kind == Content::Kind::kSubdocument) {
      array->InsertSubdocument(index, content.subdocument);
    } else {
      Fill(array ? MakeIn(*array, index, content) : MakeIn(*fragment, index, content), content);
    }
    ++index;
  }
  insert_values();
}

void SetIn(Map map, std::string_view key, const Content& content) {
  switch (content.kind) {
    case Content::Kind::kValue:
      return map.Set(key, content.value);
    case Content::Kind::kType:
      return Fill(map.SetType(key, content.type, content.name), content);
    case Content::Kind::kSubdocument:
      map.SetSubdocument(key, content.subdocument);
      return;
  }
}

}  // namespace weft::crdt::driver
