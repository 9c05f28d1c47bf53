#include "crdt/driver/actions.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crdt/base/string_map.h"
#include "crdt/driver/content.h"
#include "crdt/value_language.h"

namespace weft::crdt::driver {
namespace {

// How many newlines a format or a delta may make behind the end of a text. Yjs makes them one by one
// and without an end.
constexpr std::uint64_t kMadeUpNewlines = 1 << 16;

// The type that an action names. Fails when it is of another kind than `Handle`.
template <typename Handle>
absl::StatusOr<Handle> FindTarget(Roots& roots, Members& members, TypeKind kind) {
  const absl::StatusOr<SharedType> type = roots.Find(members, kind);
  if (!type.ok()) return type.status();
  const std::optional<Handle> handle = type->As<Handle>();
  if (!handle) {
    return Refuse(absl::StrCat("there is a type of the kind ", std::string(NameOf(type->kind())),
                               ", which this action does not suit"));
  }
  return *handle;
}

struct Range {
  std::uint64_t index = 0;
  std::uint64_t length = 0;
};

// The members "index" and "len". Both are at most 2^53: their sum does not overflow.
Range ReadRange(Members& members, std::uint64_t end) {
  const Range range{members.Count("index"), members.Count("len")};
  if (range.index + range.length > end) {
    members.Fail(Refuse(absl::StrCat("the range ends behind the end, which is ", end)));
  }
  return range;
}

std::uint64_t ReadIndex(Members& members, std::uint64_t end) {
  const std::uint64_t index = members.Count("index");
  if (index > end)
    members.Fail(Refuse(absl::StrCat("the index is behind the end, which is ", end)));
  return index;
}

// The member "attrs"; empty when it is missing.
std::optional<Attributes> ReadAttributes(Members& members) {
  if (!members.Has("attrs")) return std::nullopt;
  absl::StatusOr<Attributes> attributes = DecodeAttributes(members.Get("attrs"));
  if (!attributes.ok()) members.Fail(attributes.status());
  return attributes.ok() ? *std::move(attributes) : Attributes();
}

// -- Texts --

absl::Status InsertText(Text text, Members& members) {
  const std::uint64_t index = ReadIndex(members, text.length());
  const std::string characters = ToUtf8(members.String("text"));
  const std::optional<Attributes> attributes = ReadAttributes(members);
  if (!members.ok()) return members.status();
  if (attributes) {
    text.Insert(index, characters, *attributes);
  } else {
    text.Insert(index, characters);
  }
  return absl::OkStatus();
}

absl::Status DeleteText(Text text, Members& members) {
  const Range range = ReadRange(members, text.length());
  if (members.ok()) text.Delete(range.index, range.length);
  return members.status();
}

absl::Status FormatText(Text text, Members& members) {
  const Range range = ReadRange(members, text.length() + kMadeUpNewlines);
  const std::uint64_t index = ReadIndex(members, text.length());
  members.Get("attrs");
  const std::optional<Attributes> attributes = ReadAttributes(members);
  if (!members.ok()) return members.status();
  if (!attributes) return Refuse("\"attrs\" is null");
  text.Format(index, range.length, *attributes);
  return absl::OkStatus();
}

absl::Status EmbedInText(Text text, Members& members) {
  const std::uint64_t index = ReadIndex(members, text.length());
  absl::StatusOr<Content> embed = DecodeEmbed(members.Get("embed"));
  const Attributes attributes = ReadAttributes(members).value_or(Attributes());
  if (!members.ok()) return members.status();
  if (!embed.ok()) return embed.status();
  if (embed->kind == Content::Kind::kType) {
    text.InsertType(index, embed->type, embed->name, attributes);
  } else {
    text.InsertEmbed(index, std::move(embed->value), attributes);
  }
  return absl::OkStatus();
}

absl::Status ApplyDeltaToText(Text text, Members& members) {
  absl::StatusOr<Delta> delta = DecodeDelta(members.List("delta"));
  const bool sanitize = members.FlagOr("sanitize", true);
  if (!members.ok()) return members.status();
  if (!delta.ok()) return delta.status();
  std::uint64_t room = text.length() + kMadeUpNewlines;
  for (const DeltaOp& op : *delta) {
    if (op.kind != DeltaOp::Kind::kRetain) continue;
    if (op.count > room) return Refuse("a delta retains far more than there is");
    room -= op.count;
  }
  text.ApplyDelta(*delta, sanitize);
  return absl::OkStatus();
}

// Text and XmlElement have the same calls here.
template <typename Handle>
absl::Status SetAttribute(Handle type, Members& members) {
  const std::string_view key = members.String("key");
  Any value = members.Value("value");
  if (members.ok()) type.SetAttribute(key, std::move(value));
  return members.status();
}
template <typename Handle>
absl::Status RemoveAttribute(Handle type, Members& members) {
  const std::string_view key = members.String("key");
  if (members.ok()) type.RemoveAttribute(key);
  return members.status();
}

// -- Sequences and maps --

absl::Status InsertIntoArray(Array array, Members& members) {
  const std::uint64_t index = ReadIndex(members, array.length());
  const Any::Array& values = members.List("values");
  if (!members.ok()) return members.status();
  const absl::StatusOr<std::vector<Content>> contents = DecodeElements(values);
  if (!contents.ok()) return contents.status();
  // Nothing is inserted too: a run is cut there, which a filter of collection may see.
  if (contents->empty()) array.Insert(index, {});
  InsertInto(array, index, *contents);
  return absl::OkStatus();
}

absl::Status InsertIntoXml(XmlFragment fragment, Members& members) {
  const std::uint64_t index = ReadIndex(members, fragment.length());
  const absl::StatusOr<Content> node = DecodeNode(members.Get("node"));
  if (!members.ok()) return members.status();
  if (!node.ok()) return node.status();
  InsertInto(fragment, index, {&*node, 1});
  return absl::OkStatus();
}

template <typename Sequence>
absl::Status DeleteFrom(Sequence sequence, Members& members) {
  const Range range = ReadRange(members, sequence.length());
  if (members.ok()) sequence.Delete(range.index, range.length);
  return members.status();
}

absl::Status SetInMap(Map map, Members& members) {
  const std::string_view key = members.String("key");
  const absl::StatusOr<Content> content = DecodeContent(members.Get("value"));
  if (!members.ok()) return members.status();
  if (!content.ok()) return content.status();
  SetIn(map, key, *content);
  return absl::OkStatus();
}

absl::Status DeleteInMap(Map map, Members& members) {
  const std::string_view key = members.String("key");
  if (members.ok()) map.Delete(key);
  return members.status();
}

absl::Status ClearMap(Map map, Members&) {
  map.Clear();
  return absl::OkStatus();
}

// -- The table --

using Action = absl::Status (*)(Roots&, Members&);

template <typename Handle, TypeKind kKind, absl::Status (*kEdit)(Handle, Members&)>
absl::Status On(Roots& roots, Members& members) {
  const absl::StatusOr<Handle> target = FindTarget<Handle>(roots, members, kKind);
  return target.ok() ? kEdit(*target, members) : target.status();
}

// An XML fragment has the elements of a sequence as well.
absl::Status DeleteElements(Roots& roots, Members& members) {
  const absl::StatusOr<SharedType> type = roots.Find(members, TypeKind::kArray);
  if (!type.ok()) return type.status();
  if (const auto fragment = type->As<XmlFragment>()) return DeleteFrom(*fragment, members);
  return On<Array, TypeKind::kArray, DeleteFrom<Array>>(roots, members);
}

absl::Status LoadSubdocument(Roots& roots, Members& members) {
  absl::StatusOr<Element> element = roots.FindElement(members);
  if (!element.ok()) return element.status();
  auto* subdocument = std::get_if<Subdocument>(&*element);
  if (subdocument == nullptr) return Refuse("the path does not lead to a subdocument");
  subdocument->Load();
  return absl::OkStatus();
}

const StringMap<Action>& Actions() {
  static const StringMap<Action> actions = {
      {"text.insert", On<Text, TypeKind::kText, InsertText>},
      {"text.delete", On<Text, TypeKind::kText, DeleteText>},
      {"text.format", On<Text, TypeKind::kText, FormatText>},
      {"text.embed", On<Text, TypeKind::kText, EmbedInText>},
      {"text.delta", On<Text, TypeKind::kText, ApplyDeltaToText>},
      {"text.setAttribute", On<Text, TypeKind::kText, SetAttribute<Text>>},
      {"text.removeAttribute", On<Text, TypeKind::kText, RemoveAttribute<Text>>},
      {"array.insert", On<Array, TypeKind::kArray, InsertIntoArray>},
      {"array.delete", DeleteElements},
      {"map.set", On<Map, TypeKind::kMap, SetInMap>},
      {"map.delete", On<Map, TypeKind::kMap, DeleteInMap>},
      {"map.clear", On<Map, TypeKind::kMap, ClearMap>},
      {"xml.insert", On<XmlFragment, TypeKind::kXmlFragment, InsertIntoXml>},
      {"xml.delete", On<XmlFragment, TypeKind::kXmlFragment, DeleteFrom<XmlFragment>>},
      {"xml.setAttribute", On<XmlElement, TypeKind::kXmlFragment, SetAttribute<XmlElement>>},
      {"xml.removeAttribute", On<XmlElement, TypeKind::kXmlFragment, RemoveAttribute<XmlElement>>},
      {"subdocument.load", LoadSubdocument},
  };
  return actions;
}

Action FindAction(std::string_view name) {
  const auto found = Actions().find(name);
  return found == Actions().end() ? nullptr : found->second;
}

}  // namespace

absl::Status RunAction(Roots& roots, const Any& action) {
  Members members(action);
  if (!members.ok()) return members.status();
  const AnyObject& object = *action.AsObject();
  if (object.size() == 1) {
    const auto& [name, inner] = object.entries().front();
    if (const Action run = FindAction(name)) {
      Members inner_members(inner);
      return inner_members.ok() ? run(roots, inner_members) : inner_members.status();
    }
  }
  const char* const member = members.Has("op") ? "op" : members.Has("action") ? "action" : "type";
  const std::string_view name = members.String(member);
  if (!members.ok()) return members.status();
  const Action run = FindAction(name);
  if (run == nullptr) {
    return Refuse(absl::StrCat("there is no action \"", std::string(name), "\""));
  }
  return run(roots, members);
}

}  // namespace weft::crdt::driver
