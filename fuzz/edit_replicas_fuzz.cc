// Three replicas edit, undo, and hear of each other in any order, late, twice or by way of merges: in the end they are equal to the byte.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "crdt/base/check.h"
#include "crdt/doc.h"
#include "crdt/undo_manager.h"
#include "crdt/update_merge.h"
#include "fuzz/input.h"

namespace {

using namespace weft::crdt;
using weft::fuzz::Script;

struct Replica {
  explicit Replica(std::uint64_t number)
      : doc({.client_id = ClientId{number}, .guid = "g"}),
        undo(doc, {}, {.now = [] { return std::int64_t{0}; }}) {
    for (const char* name : {"t", "u"}) doc.GetText(name);
    doc.GetArray("a");
    doc.GetMap("m");
    doc.GetXmlFragment("x");
    updates_v1 = doc.OnUpdate([this](const UpdateEvent& event) {
      if (event.local) sent[0].emplace_back(event.update.begin(), event.update.end());
    });
    updates_v2 = doc.OnUpdate(
        [this](const UpdateEvent& event) {
          if (event.local) sent[1].emplace_back(event.update.begin(), event.update.end());
        },
        UpdateFormat::kV2);
  }

  Doc doc;
  UndoManager undo;
  std::array<std::vector<Bytes>, 2> sent;  // the same updates, in both formats
  Subscription updates_v1;
  Subscription updates_v2;
};

std::string PickText(Script& script) {
  static constexpr std::array<const char*, 8> kTexts = {"a", "bc", "\n",         "hello world",
                                                        "é", "€",  "\U0001F600", "x\U0001F601y"};
  return kTexts[script.Below(kTexts.size())];
}

Any PickValue(Script& script) {
  switch (script.Below(6)) {
    case 0:
      return Any(static_cast<int>(script.Byte()));
    case 1:
      return Any(PickText(script));
    case 2:
      return Any::Null{};
    case 3:
      return Any(Any::Array{1, "x"});
    case 4:
      return Any(AnyObject{{"k", 1}});
    default:
      return Any(true);
  }
}

std::string PickKey(Script& script) {
  return std::string(1, static_cast<char>('a' + script.Below(3)));
}

TypeKind PickKind(Script& script) {
  static constexpr std::array kKinds = {TypeKind::kText, TypeKind::kArray, TypeKind::kMap};
  return kKinds[script.Below(kKinds.size())];
}

// Formats [at, at + count), without the half characters at its ends. A format that changes nothing cuts a pair
// that it ends in, and tells nobody, in Yjs as well (TrapsText.T39...): other replicas show it whole.
void FormatCharacters(Text text, std::uint64_t at, std::uint64_t count,
                      const Attributes& attributes) {
  const auto beginning = [&text](std::uint64_t offset) {
    return text.ToUtf16(text.FromUtf16(offset, TextUnit::kCodePoint), TextUnit::kCodePoint);
  };
  const std::uint64_t begin = beginning(at);
  text.Format(begin, beginning(at + count) - begin, attributes);
}

void EditText(Text text, Script& script) {
  const std::uint64_t length = text.length();
  const std::uint64_t at = script.Below(length + 1);
  const std::uint64_t count = length == at ? 0 : script.Below(length - at + 1);
  switch (script.Below(8)) {
    case 0:
    case 1:
      return text.Insert(at, PickText(script));
    case 2:
    case 3:
      return text.Delete(at, count);
    case 4:
      return FormatCharacters(text, at, count,
                              {{PickKey(script), Any(static_cast<int>(script.Below(2)))}});
    case 5:
      return FormatCharacters(text, at, count, {{PickKey(script), Any::Null{}}});
    case 6:
      return text.InsertEmbed(at, Any(AnyObject{{"image", "x"}}));
    default:
      return text.Insert(at, PickText(script), {{PickKey(script), Any(true)}});
  }
}

void EditArray(Array array, Script& script) {
  const std::uint64_t length = array.length();
  const std::uint64_t at = script.Below(length + 1);
  switch (script.Below(5)) {
    case 0:
      return array.Insert(at, {PickValue(script), PickValue(script)});
    case 1:
      return array.Push({PickValue(script)});
    case 2:
      return array.Delete(at, length == at ? 0 : script.Below(length - at + 1));
    case 3:
      array.InsertType(at, PickKind(script));
      return;
    default:
      if (at == length) return;
      const Element element = array.Get(at);
      if (const auto* text = std::get_if<Text>(&element)) return EditText(*text, script);
      if (const auto* nested = std::get_if<Array>(&element))
        return nested->exists() ? Array(*nested).Push({1}) : void();
      if (const auto* map = std::get_if<Map>(&element)) Map(*map).Set(PickKey(script), 1);
  }
}

void EditMap(Map map, Script& script) {
  const std::string key = PickKey(script);
  switch (script.Below(5)) {
    case 0:
    case 1:
      return map.Set(key, PickValue(script));
    case 2:
      return map.Delete(key);
    case 3:
      map.SetType(key, PickKind(script));
      return;
    default:
      const std::optional<Element> element = map.Find(key);
      if (!element) return;
      if (const auto* text = std::get_if<Text>(&*element)) return EditText(*text, script);
      if (const auto* nested = std::get_if<Map>(&*element))
        Map(*nested).Set("k", PickValue(script));
  }
}

void EditXml(XmlFragment fragment, Script& script) {
  const std::uint64_t length = fragment.length();
  const std::uint64_t at = script.Below(length + 1);
  switch (script.Below(5)) {
    case 0:
      fragment.InsertElement(at, "p").SetAttribute(PickKey(script), "v");
      return;
    case 1:
      fragment.InsertText(at).Insert(0, PickText(script));
      return;
    case 2:
      return fragment.Delete(at, length == at ? 0 : 1);
    default:
      if (at == length) return;
      const Element element = fragment.Get(at);
      if (const auto* text = std::get_if<XmlText>(&element)) return EditText(*text, script);
      if (const auto* inner = std::get_if<XmlElement>(&element)) {
        XmlElement(*inner).SetAttribute(PickKey(script), PickText(script));
        XmlElement(*inner).InsertText(0);
      }
  }
}

void Edit(Replica& replica, Script& script) {
  switch (script.Below(9)) {
    case 0:
    case 1:
      return EditText(replica.doc.GetText("t"), script);
    case 2:
      return EditText(replica.doc.GetText("u"), script);
    case 3:
      return EditArray(replica.doc.GetArray("a"), script);
    case 4:
      return EditMap(replica.doc.GetMap("m"), script);
    case 5:
      return EditXml(replica.doc.GetXmlFragment("x"), script);
    case 6:
      replica.undo.Undo();
      return;
    case 7:
      replica.undo.Redo();
      return;
    default:
      return replica.doc.Transact("", [&] {
        for (std::uint64_t i = script.Below(4); i > 0; --i) {
          EditText(replica.doc.GetText("t"), script);
        }
      });
  }
}

void Hear(Replica& to, const Replica& from, Script& script) {
  const bool v2 = (script.Byte() & 1) != 0;
  const UpdateFormat format = v2 ? UpdateFormat::kV2 : UpdateFormat::kV1;
  const std::vector<Bytes>& sent = from.sent[v2 ? 1 : 0];
  if (sent.empty()) return;
  const std::size_t first = script.Below(sent.size());
  switch (script.Below(3)) {
    case 0:
      CHECK(to.doc.ApplyUpdate(sent[first], "", format).ok());
      return;
    case 1: {
      const std::size_t second = script.Below(sent.size());
      const ByteView both[] = {sent[first], sent[second]};
      const auto merged = MergeUpdates(both, {}, format);
      CHECK(merged.ok() && to.doc.ApplyUpdate(*merged, "", format).ok());
      return;
    }
    default: {
      const Bytes diff = from.doc.EncodeStateAsUpdate(to.doc.GetStateVector(), format);
      CHECK(to.doc.ApplyUpdate(diff, "", format).ok());
      return;
    }
  }
}

// Until nobody has anything to tell: cleaning up formatting after others is an edit too.
void Settle(std::array<std::unique_ptr<Replica>, 3>& replicas) {
  for (int round = 0; round < 50; ++round) {
    bool equal = true;
    for (const auto& to : replicas) {
      for (const auto& from : replicas) {
        if (to == from) continue;
        const Bytes before = to->doc.EncodeStateAsUpdate();
        CHECK(to->doc.ApplyUpdate(from->doc.EncodeStateAsUpdate(to->doc.GetStateVector())).ok());
        equal = equal && before == to->doc.EncodeStateAsUpdate();
      }
    }
    if (equal) return;
  }
  CHECK(false && "the replicas never settle");
}

// The state as whoever loads it has it. The order of arrival decides how runs are cut, in weft as in Yjs,
// and who may undo a deletion keeps what it deleted.
Bytes StateOnceLoaded(const Doc& doc) {
  Doc loaded({.client_id = ClientId{9}, .guid = "g"});
  CHECK(loaded.ApplyUpdate(doc.EncodeStateAsUpdate()).ok());
  return loaded.EncodeStateAsUpdate();
}

// Keys stand in the order in which a replica heard of them, as in Yjs: here by name.
Any Sorted(const Any& value) {
  if (const Any::Array* array = value.AsArray()) {
    Any::Array sorted;
    for (const Any& each : *array) sorted.push_back(Sorted(each));
    return Any(std::move(sorted));
  }
  if (const AnyObject* object = value.AsObject()) {
    std::vector<AnyObject::Entry> entries;
    for (const auto& [key, each] : object->entries()) entries.emplace_back(key, Sorted(each));
    std::ranges::sort(entries, {}, &AnyObject::Entry::first);
    return Any(AnyObject::FromEntries(std::move(entries)));
  }
  return value;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 2'000) return 0;
  std::array<std::unique_ptr<Replica>, 3> replicas;
  for (std::size_t i = 0; i < replicas.size(); ++i) replicas[i] = std::make_unique<Replica>(i + 1);
  Script script({data, size});
  while (!script.at_end()) {
    const std::uint8_t choice = script.Byte();
    Replica& replica = *replicas[choice % 3];
    if (choice / 3 % 3 == 0) {
      Hear(replica, *replicas[(choice + 1 + choice / 9 % 2) % 3], script);
    } else {
      Edit(replica, script);
    }
    CHECK(replica.doc.Validate().ok());
  }
  Settle(replicas);
  const Bytes state = StateOnceLoaded(replicas[0]->doc);
  const Any shown = Sorted(replicas[0]->doc.ToJson());
  for (const auto& replica : replicas) {
    CHECK(replica->doc.Validate().ok());
    CHECK(!replica->doc.has_pending());
    CHECK(Sorted(replica->doc.ToJson()) == shown);
    CHECK(replica->doc.GetStateVector() == replicas[0]->doc.GetStateVector());
    CHECK(StateOnceLoaded(replica->doc) == state);
  }
  return 0;
}
