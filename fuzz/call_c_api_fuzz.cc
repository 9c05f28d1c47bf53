// No sequence of calls to weft.h ends the process, whatever the arguments; what fails leaves its results empty and the document as it was.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "crdt/base/check.h"
#include "crdt/weft.h"
#include "fuzz/input.h"

namespace {

using weft::fuzz::ByteView;
using weft::fuzz::Script;

constexpr std::size_t kDocs = 3;
constexpr std::size_t kTypes = 6;

// A buffer that is freed, and checked to be empty after a failure.
struct Buffer {
  weft_buffer value{};
  Buffer() = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { weft_buffer_free(&value); }

  void Check(weft_status status) const {
    CHECK(status == WEFT_OK || (value.data == nullptr && value.size == 0));
    CHECK(status != WEFT_INTERNAL);
  }
};

struct World {
  std::array<weft_doc*, kDocs> docs{};
  std::array<weft_type*, kTypes> types{};
  std::array<weft_undo*, 2> undos{};
  std::array<weft_subscription*, 4> subscriptions{};
  weft_subdoc* subdoc = nullptr;
  weft_awareness* awareness = nullptr;
  std::array<std::string, 4> bytes;  // updates, state vectors, snapshots, positions: whatever came
  Script script;
  int depth = 0;

  explicit World(ByteView input) : script(input) {}
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World() {
    for (weft_subscription* subscription : subscriptions) weft_subscription_free(subscription);
    for (weft_undo* undo : undos) weft_undo_free(undo);
    for (weft_type* type : types) weft_type_free(type);
    for (weft_doc* doc : docs) weft_doc_free(doc);
    weft_subdoc_free(subdoc);
    weft_awareness_free(awareness);
  }

  // The slots may be empty: NULL is an argument like others.
  weft_doc*& doc() { return docs[script.Below(kDocs)]; }
  weft_type*& type() { return types[script.Below(kTypes)]; }
  weft_undo*& undo() { return undos[script.Below(2)]; }
  std::string& stored() { return bytes[script.Below(bytes.size())]; }

  std::uint64_t index() {
    const std::uint8_t byte = script.Byte();
    return byte == 255 ? ~std::uint64_t{0} : byte % 20;
  }
  weft_format format() { return script.Byte() % 17 == 16 ? 7 : 1 + script.Byte() % 2; }
  std::string_view text() {
    static constexpr std::array<std::string_view, 8> kTexts = {
        "hello", "t", "a", "\xed\xa0\x80", "\U0001F600", "\xff", "k", ""};
    const std::uint8_t byte = script.Byte();
    return byte < 200 ? kTexts[byte % kTexts.size()] : script.Text();
  }
  std::string_view json() {
    static constexpr std::array<std::string_view, 14> kJson = {
        "1",
        "null",
        "\"x\"",
        "[1,2,{\"a\":[]}]",
        "{\"bold\":true}",
        "{\"bold\":null}",
        "{\"$binary\":\"AAE=\"}",
        "{\"$bigint\":\"12\"}",
        "{\"$undefined\":true}",
        "{\"$object\":{\"$number\":1}}",
        "[{\"insert\":\"ab\",\"attributes\":{\"b\":1}},{\"retain\":2},{\"delete\":1}]",
        "[{\"retain\":3,\"attributes\":{\"b\":null}},{\"insert\":{\"e\":1}}]",
        "{\"guid\":\"g\",\"autoLoad\":true}",
        "{\"tname\":\"t\",\"assoc\":-1,\"item\":{\"client\":1,\"clock\":0}}"};
    const std::uint8_t byte = script.Byte();
    return byte < 200 ? kJson[byte % kJson.size()] : script.Text();
  }

  // Keeps the bytes that a call has made.
  void Keep(weft_status status, const Buffer& buffer) {
    buffer.Check(status);
    if (status != WEFT_OK) return;
    stored().assign(reinterpret_cast<const char*>(buffer.value.data), buffer.value.size);
  }
  void Put(weft_status status, weft_type* made) {
    CHECK((status == WEFT_OK) == (made != nullptr) && status != WEFT_INTERNAL);
    if (made == nullptr) return;
    weft_type*& slot = type();
    weft_type_free(slot);
    slot = made;
  }
  void Put(weft_status status, weft_doc* made) {
    CHECK((status == WEFT_OK) == (made != nullptr) && status != WEFT_INTERNAL);
    if (made == nullptr) return;
    weft_doc*& slot = doc();
    weft_doc_free(slot);
    slot = made;
  }
  void Put(weft_status status, weft_subdoc* made) {
    CHECK((status == WEFT_OK) == (made != nullptr) && status != WEFT_INTERNAL);
    if (made == nullptr) return;
    weft_subdoc_free(subdoc);
    subdoc = made;
  }
  void Put(weft_status status, weft_subscription* made) {
    CHECK((status == WEFT_OK) == (made != nullptr) && status != WEFT_INTERNAL);
    if (made == nullptr) return;
    weft_subscription*& slot = subscriptions[script.Below(subscriptions.size())];
    weft_subscription_free(slot);
    slot = made;
  }
};

const std::uint8_t* Data(const std::string& bytes) {
  return reinterpret_cast<const std::uint8_t*>(bytes.data());
}

void Call(World& world);

// Observers and transactions call in turn, a few deep.
void CallFromInside(World& world) {
  if (world.depth >= 3) return;
  ++world.depth;
  for (std::uint64_t i = world.script.Below(3); i > 0 && !world.script.at_end(); --i) Call(world);
  --world.depth;
}
void OnEdit(void* world) { CallFromInside(*static_cast<World*>(world)); }
void OnUpdate(void* world, const weft_update_event* event) {
  CHECK(event->update_size > 0);
  CallFromInside(*static_cast<World*>(world));
}
void OnJson(void* world, const char* json, std::size_t size) {
  CHECK(json[size] == '\0');
  CallFromInside(*static_cast<World*>(world));
}
void OnStep(void* world, weft_undo_event_kind, bool, weft_undo_step* step) {
  World& inside = *static_cast<World*>(world);
  const std::string_view json = inside.json();
  weft_undo_step_set_meta(step, json.data(), json.size());
  Buffer meta;
  meta.Check(weft_undo_step_meta(step, &meta.value));
  CallFromInside(inside);
}
void OnAwareness(void* world, const weft_awareness_event*) {
  CallFromInside(*static_cast<World*>(world));
}

void CallDocument(World& world) {
  Script& script = world.script;
  switch (script.Below(14)) {
    case 0: {
      weft_doc_options options{};
      options.struct_size = script.Byte() % 9 == 8 ? script.Byte() : sizeof options;
      options.client_id = 1 + script.Below(3);
      options.has_client_id = true;
      options.keep_deleted = (script.Byte() & 1) != 0;
      options.unit = script.Byte() % 4;
      weft_doc* made = nullptr;
      const weft_status status = weft_doc_new(&options, &made);
      return world.Put(status, made);
    }
    case 1:
    case 2: {
      const std::string_view name = world.text();
      const weft_kind kind = script.Byte() % 8;
      weft_type* made = nullptr;
      const weft_status status = weft_doc_type(world.doc(), kind, name.data(), name.size(), &made);
      return world.Put(status, made);
    }
    case 3:
    case 4: {
      const std::string& update = world.stored();
      weft_doc* const doc = world.doc();
      const weft_format format = world.format();
      Buffer before;
      const bool encoded =
          weft_doc_encode_state(doc, WEFT_V1, nullptr, 0, &before.value) == WEFT_OK;
      const weft_status status =
          weft_doc_apply_update(doc, format, Data(update), update.size(), nullptr, 0);
      CHECK(status != WEFT_INTERNAL);
      if (status == WEFT_OK || !encoded) return;
      Buffer after;
      CHECK(weft_doc_encode_state(doc, WEFT_V1, nullptr, 0, &after.value) == WEFT_OK);
      CHECK(ByteView(after.value.data, after.value.size).size() == before.value.size);
      return;
    }
    case 5: {
      const std::string known = world.stored();
      Buffer out;
      return world.Keep(weft_doc_encode_state(world.doc(), world.format(),
                                              script.Byte() % 2 == 0 ? nullptr : Data(known),
                                              known.size(), &out.value),
                        out);
    }
    case 6: {
      Buffer out;
      return world.Keep(weft_doc_state_vector(world.doc(), &out.value), out);
    }
    case 7: {
      const std::string_view origin = world.text();
      weft_doc* const doc = world.doc();
      CHECK(weft_doc_transact(doc, origin.data(), origin.size(), OnEdit, &world) != WEFT_INTERNAL);
      return;
    }
    case 8: {
      weft_subscription* made = nullptr;
      const weft_status status =
          weft_doc_on_update(world.doc(), world.format(), OnUpdate, &world, &made);
      return world.Put(status, made);
    }
    case 9: {
      weft_subscription* made = nullptr;
      const weft_status status = weft_doc_on_subdocs(world.doc(), OnJson, &world, &made);
      return world.Put(status, made);
    }
    case 10: {
      weft_doc*& slot = world.doc();
      weft_doc* const gone = slot;
      slot = nullptr;
      return weft_doc_free(gone);
    }
    case 11:
      weft_doc_set_client_id(world.doc(), script.Byte() == 9 ? ~std::uint64_t{0} : script.Byte());
      return;
    case 12: {
      Buffer out;
      return world.Keep(weft_doc_snapshot(world.doc(), world.format(), &out.value), out);
    }
    default: {
      Buffer json;
      json.Check(weft_doc_to_json(world.doc(), &json.value));
      Buffer roots;
      roots.Check(weft_doc_roots(world.doc(), &roots.value));
      Buffer pending;
      pending.Check(weft_doc_pending(world.doc(), &pending.value));
      Buffer subdocs;
      subdocs.Check(weft_doc_subdocs(world.doc(), &subdocs.value));
      std::size_t memory = 0;
      weft_doc_memory(world.doc(), &memory);
      return;
    }
  }
}

void CallUpdates(World& world) {
  Script& script = world.script;
  const std::string a = world.stored();
  const std::string b = world.stored();
  const weft_format format = world.format();
  Buffer out;
  bool answer = false;
  switch (script.Below(9)) {
    case 0: {
      const std::uint8_t* const updates[] = {Data(a), Data(b)};
      const std::size_t sizes[] = {a.size(), b.size()};
      return world.Keep(weft_merge_updates(format, updates, sizes, script.Below(3), &out.value),
                        out);
    }
    case 1:
      return world.Keep(weft_diff_update(format, Data(a), a.size(), Data(b), b.size(), &out.value),
                        out);
    case 2:
      return world.Keep(weft_convert_update(format, world.format(), Data(a), a.size(), &out.value),
                        out);
    case 3:
      weft_updates_equal(format, Data(a), a.size(), Data(b), b.size(), &answer);
      return;
    case 4:
      return world.Keep(weft_obfuscate_update(format, Data(a), a.size(), &out.value), out);
    case 5:
      return world.Keep(weft_state_vector_of_update(format, Data(a), a.size(), &out.value), out);
    case 6:
      weft_snapshot_equal(format, Data(a), a.size(), Data(b), b.size(), &answer);
      weft_snapshot_contains_update(format, Data(a), a.size(), Data(b), b.size(), &answer);
      return;
    case 7: {
      weft_doc* then = nullptr;
      const weft_status status =
          weft_doc_at_snapshot(world.doc(), format, Data(a), a.size(), nullptr, &then);
      return world.Put(status, then);
    }
    default: {
      // Bytes of the input's own.
      const ByteView bytes = script.String();
      world.stored().assign(bytes.begin(), bytes.end());
      return;
    }
  }
}

void CallType(World& world) {
  Script& script = world.script;
  weft_type* const type = world.type();
  Buffer out;
  weft_type* made = nullptr;
  switch (script.Below(10)) {
    case 0: {
      const weft_status status = weft_type_clone(type, &made);
      return world.Put(status, made);
    }
    case 1: {
      const weft_status status = weft_type_parent(type, &made);
      return world.Put(status, made);
    }
    case 2: {
      weft_doc* doc = nullptr;
      const weft_status status = weft_type_doc(type, &doc);
      return world.Put(status, doc);
    }
    case 3: {
      weft_type*& slot = world.type();
      weft_type* const gone = slot;
      slot = nullptr;
      return weft_type_free(gone);
    }
    case 4: {
      weft_subscription* subscription = nullptr;
      const weft_status status =
          weft_type_observe(type, (script.Byte() & 1) != 0, OnJson, &world, &subscription);
      return world.Put(status, subscription);
    }
    case 5: {
      const std::string position = world.stored();
      std::uint64_t index = 0;
      const weft_status status =
          weft_position_resolve(world.doc(), position.data(), position.size(), &made, &index);
      return world.Put(status, made);
    }
    case 6:
      return world.Keep(weft_position_create(type, world.index(), script.Byte() - 128, &out.value),
                        out);
    case 7: {
      const std::string bytes = world.stored();
      if (script.Byte() % 2 == 0) {
        return world.Keep(weft_position_decode(Data(bytes), bytes.size(), &out.value), out);
      }
      return world.Keep(weft_position_encode(bytes.data(), bytes.size(), &out.value), out);
    }
    case 8: {
      const std::string a = world.stored();
      const std::string b = world.stored();
      return out.Check(weft_text_delta_at(type, world.format(), Data(a), a.size(),
                                          script.Byte() % 2 == 0 ? nullptr : Data(b), b.size(),
                                          &out.value));
    }
    default: {
      bool exists = false;
      weft_type_exists(type, &exists);
      weft_kind kind = 0;
      weft_type_kind(type, &kind);
      std::uint64_t length = 0;
      weft_type_length(type, &length);
      out.Check(weft_type_to_json(type, &out.value));
      Buffer text;
      text.Check(weft_type_to_string(type, &text.value));
      Buffer name;
      name.Check(weft_type_name(type, &name.value));
      return;
    }
  }
}

void CallSequence(World& world) {
  Script& script = world.script;
  weft_type* const type = world.type();
  const std::uint64_t index = world.index();
  Buffer out;
  weft_type* made = nullptr;
  switch (script.Below(12)) {
    case 0:
    case 1: {
      const std::string_view text = world.text();
      const std::string_view json = world.json();
      CHECK(weft_text_insert(type, index, text.data(), text.size(),
                             script.Byte() % 2 == 0 ? nullptr : json.data(),
                             json.size()) != WEFT_INTERNAL);
      return;
    }
    case 2: {
      const std::string_view embed = world.json();
      const std::string_view json = world.json();
      weft_text_insert_embed(type, index, embed.data(), embed.size(), json.data(), json.size());
      return;
    }
    case 3: {
      const std::string_view json = world.json();
      weft_text_format(type, index, world.index(), json.data(), json.size());
      return;
    }
    case 4: {
      const std::string_view json = world.json();
      weft_text_apply_delta(type, json.data(), json.size());
      return;
    }
    case 5: {
      const std::string_view json = world.json();
      weft_sequence_insert(type, index, json.data(), json.size());
      return;
    }
    case 6: {
      const std::string_view name = world.text();
      const weft_status status = weft_sequence_insert_type(type, index, script.Byte() % 8,
                                                           name.data(), name.size(), &made);
      return world.Put(status, made);
    }
    case 7: {
      const std::string_view json = world.json();
      weft_subdoc* subdoc = nullptr;
      const weft_status status = weft_sequence_insert_doc(
          type, index, script.Byte() % 2 == 0 ? nullptr : json.data(), json.size(), &subdoc);
      return world.Put(status, subdoc);
    }
    case 8:
    case 9:
      weft_sequence_delete(type, index, world.index());
      return;
    case 10: {
      const weft_status status = weft_sequence_get_type(type, index, &made);
      return world.Put(status, made);
    }
    default: {
      out.Check(weft_sequence_get(type, index, &out.value));
      Buffer delta;
      delta.Check(weft_text_delta(type, &delta.value));
      std::uint64_t converted = 0;
      weft_text_to_utf16(type, index, &converted);
      weft_text_from_utf16(type, index, &converted);
      weft_subdoc* subdoc = nullptr;
      const weft_status status = weft_sequence_get_doc(type, index, &subdoc);
      return world.Put(status, subdoc);
    }
  }
}

void CallEntries(World& world) {
  Script& script = world.script;
  weft_type* const type = world.type();
  const std::string_view key = world.text();
  const std::string_view json = world.json();
  Buffer out;
  weft_type* made = nullptr;
  weft_subdoc* subdoc = nullptr;
  switch (script.Below(9)) {
    case 0:
    case 1:
      weft_entry_set(type, key.data(), key.size(), json.data(), json.size());
      return;
    case 2: {
      const weft_status status = weft_entry_set_type(type, key.data(), key.size(),
                                                     script.Byte() % 8, "p", WEFT_NUL, &made);
      return world.Put(status, made);
    }
    case 3: {
      const weft_status status =
          weft_entry_set_doc(type, key.data(), key.size(), json.data(), json.size(), &subdoc);
      return world.Put(status, subdoc);
    }
    case 4:
      weft_entry_delete(type, key.data(), key.size());
      return;
    case 5: {
      const weft_status status = weft_entry_get_type(type, key.data(), key.size(), &made);
      return world.Put(status, made);
    }
    case 6: {
      const weft_status status = weft_entry_get_doc(type, key.data(), key.size(), &subdoc);
      return world.Put(status, subdoc);
    }
    case 7: {
      out.Check(weft_subdoc_to_json(world.subdoc, &out.value));
      weft_subdoc_load(world.subdoc);
      weft_doc* doc = nullptr;
      const weft_status status = weft_subdoc_open(world.subdoc, &doc);
      return world.Put(status, doc);
    }
    default: {
      out.Check(weft_entry_get(type, key.data(), key.size(), &out.value));
      Buffer keys;
      keys.Check(weft_entry_keys(type, &keys.value));
      Buffer all;
      all.Check(weft_entries_to_json(type, &all.value));
      return;
    }
  }
}

void CallUndo(World& world) {
  Script& script = world.script;
  weft_undo* const undo = world.undo();
  bool done = false;
  switch (script.Below(9)) {
    case 0: {
      weft_undo* made = nullptr;
      const weft_type* const scope[] = {world.type(), world.type()};
      const weft_status status = weft_undo_new(world.doc(), scope, script.Below(3), nullptr, &made);
      CHECK((status == WEFT_OK) == (made != nullptr));
      if (made == nullptr) return;
      weft_undo*& slot = world.undo();
      weft_undo_free(slot);
      slot = made;
      return;
    }
    case 1:
    case 2:
      weft_undo_undo(undo, &done);
      return;
    case 3:
    case 4:
      weft_undo_redo(undo, &done);
      return;
    case 5:
      weft_undo_add_scope(undo, world.type());
      return;
    case 6:
      weft_undo_clear(undo, (script.Byte() & 1) != 0, (script.Byte() & 1) != 0);
      return;
    case 7: {
      weft_subscription* subscription = nullptr;
      const weft_status status = weft_undo_on_step(undo, OnStep, &world, &subscription);
      return world.Put(status, subscription);
    }
    default: {
      const std::string_view origin = world.text();
      weft_undo_track_origin(undo, origin.data(), origin.size());
      weft_undo_stop_capturing(undo);
      std::uint64_t undos = 0;
      std::uint64_t redos = 0;
      weft_undo_sizes(undo, &undos, &redos);
      return;
    }
  }
}

void CallAwareness(World& world) {
  Script& script = world.script;
  weft_awareness* const awareness = world.awareness;
  const std::int64_t now = static_cast<std::int64_t>(script.Byte()) * 1'000;
  const std::uint64_t clients[] = {script.Byte(), script.Byte()};
  Buffer out;
  switch (script.Below(7)) {
    case 0:
      // Never from inside of an observer of its own.
      if (awareness != nullptr) return;
      CHECK(weft_awareness_new(1, &world.awareness) == WEFT_OK);
      return;
    case 1: {
      const std::string_view json = world.json();
      weft_awareness_set_local(awareness, script.Byte() % 8 == 0 ? nullptr : json.data(),
                               json.size(), now);
      return;
    }
    case 2: {
      const std::string update = world.stored();
      weft_awareness_apply(awareness, Data(update), update.size(), now);
      return;
    }
    case 3:
      return world.Keep(weft_awareness_encode(awareness, script.Byte() % 2 == 0 ? nullptr : clients,
                                              2, &out.value),
                        out);
    case 4:
      weft_awareness_remove(awareness, clients, 2, now);
      weft_awareness_tick(awareness, now);
      return;
    case 5: {
      weft_subscription* subscription = nullptr;
      const weft_status status =
          weft_awareness_on_update(awareness, OnAwareness, &world, &subscription);
      return world.Put(status, subscription);
    }
    default: {
      out.Check(weft_awareness_states(awareness, &out.value));
      Buffer one;
      one.Check(weft_awareness_get(awareness, clients[0], &one.value));
      return;
    }
  }
}

void Call(World& world) {
  switch (world.script.Below(8)) {
    case 0:
      return CallDocument(world);
    case 1:
      return CallUpdates(world);
    case 2:
      return CallType(world);
    case 3:
    case 4:
      return CallSequence(world);
    case 5:
      return CallEntries(world);
    case 6:
      return CallUndo(world);
    default:
      return CallAwareness(world);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 2'000) return 0;
  World world({data, size});
  weft_doc_options options{};
  options.struct_size = sizeof options;
  options.client_id = 1;
  options.has_client_id = true;
  CHECK(weft_doc_new(&options, &world.docs[0]) == WEFT_OK);
  const std::array<weft_kind, 4> kinds = {WEFT_TEXT, WEFT_ARRAY, WEFT_MAP, WEFT_XML_FRAGMENT};
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    const std::string name(1, "tamx"[i]);
    CHECK(weft_doc_type(world.docs[0], kinds[i], name.data(), 1, &world.types[i]) == WEFT_OK);
  }
  while (!world.script.at_end()) Call(world);
  return 0;
}
