#pragma once

// weft for C, and for every language that can call C: documents that many replicas edit at once,
// byte for byte those of Yjs 13.6.
//
//   weft_doc* doc = NULL;
//   weft_type* text = NULL;
//   if (weft_doc_new(NULL, &doc) != WEFT_OK) fail(weft_error_message());
//   weft_doc_type(doc, WEFT_TEXT, "content", WEFT_NUL, &text);
//   weft_text_insert(text, 0, "Hello", WEFT_NUL, NULL, 0);
//
// Results and errors. Every function that can fail answers a weft_status, and puts what it makes
// where its last arguments point to. No argument whatever ends the process: a NULL, an index past
// the end, text that is no UTF-8, a handle of another kind answer an error, and nothing has
// changed. Of what fails the results are zero (NULL, empty, 0, false), so that they may be freed
// unasked. weft_error_message() has the reason in words. Out of scope are pointers that point
// nowhere, handles that were freed, and memory running out, which ends the process.
//
// Text and bytes come as a pointer and a size in bytes. For text the size WEFT_NUL stands for "up to
// the terminating NUL". NULL with size 0 is empty, except where NULL is said to mean something.
// Nothing that is handed in is kept past the call, unless it says so. All text is UTF-8.
//
// Ownership. Who gets a handle or a filled weft_buffer frees it, with the function named after it;
// freeing NULL does nothing. Handles may be freed in any order: a document lives until it and all
// that was made from it (types, subdocuments, undo managers; subscriptions excepted) are freed. That
// suits languages which collect handles whenever they like.
//
// Threads. One at a time for a document and everything made from it, frees included; there are no
// locks. Different documents are independent of one another. The message of the last error is kept
// for each thread.
//
// Values are JSON text, since every language has a parser for it, and a function for each kind of
// value would make this interface three times as large. What JSON cannot say is said by objects
// with a single key:
//
//   {"$binary": base64}     bytes              {"$undefined": true}   JavaScript's undefined
//   {"$bigint": digits}     64 bits, signed    {"$number": "NaN" | "Infinity" | "-Infinity"}
//   {"$object": {…}}        that object, where it would be read as one of these: a single key, one of
//                           the five
//
// Any other object, keys with dollar signs included, is itself. -0 is written -0. A shared type is
// written as its JSON (a text as its string, XML as its markup), a subdocument as {"$doc": guid}. Half
// of a surrogate pair (\ud83d alone) is written as it is and read as U+FFFD, since no update carries
// it. Values are at most 512 arrays and objects deep.
//
// Deltas are JSON arrays as Quill and Yjs have them: [{"insert": text or embed, "attributes"?: {…}},
// {"retain": n, "attributes"?: {…}}, {"delete": n}]; those of arrays and XML insert lists of elements.
//
// Indices and lengths: of texts in the unit that the document was made with (UTF-16 code units unless
// its options say otherwise), where an index inside of a character means its beginning; of other
// sequences in elements. Deltas always count UTF-16 code units.
//
// Stability: functions, structs and numbers keep their meaning while weft_abi_version() stays what it
// is. It changes only with the major version of weft, once that is 1. Structs that are handed in
// begin with their size, and may grow at their end.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define WEFT_NOEXCEPT noexcept
extern "C" {
#else
#define WEFT_NOEXCEPT
#endif

#define WEFT_VERSION_MAJOR 0
#define WEFT_VERSION_MINOR 1
#define WEFT_VERSION_PATCH 0
#define WEFT_ABI_VERSION 0

// The size of text that ends with a NUL.
#define WEFT_NUL ((size_t)-1)

// --- Status ---------------------------------------------------------------------------------------

typedef int32_t weft_status;
enum {
  WEFT_OK = 0,
  WEFT_INVALID_ARGUMENT = 1,  // a NULL, malformed bytes, no UTF-8, no JSON, a number of no meaning
  WEFT_OUT_OF_RANGE = 2,      // an index or a range reaches past the end
  WEFT_WRONG_KIND = 3,        // the type, or what stands at that place, is of another kind
  WEFT_NOT_FOUND = 4,         // nothing stands there
  WEFT_GONE = 5,              // the type was deleted from its document
  WEFT_BUSY = 6,              // not now: a transaction is open, or observers are being called
  WEFT_LIMIT = 7,             // what came is larger than is accepted
  WEFT_UNSUPPORTED = 8,       // the document was not made for this (it drops deleted content)
  WEFT_COLLISION = 9,         // two replicas write with one client id
  WEFT_INTERNAL = 10          // a fault of weft
};

// Why the last call that failed on this thread did. Never NULL; valid until the next one fails.
const char* weft_error_message(void) WEFT_NOEXCEPT;

// "0.1.0", and WEFT_ABI_VERSION, of the library in use.
const char* weft_version(void) WEFT_NOEXCEPT;
uint32_t weft_abi_version(void) WEFT_NOEXCEPT;

// Bytes or text that weft has made. Text has a NUL behind it that `size` does not count. Empty after
// a failure, and after it was freed.
typedef struct weft_buffer {
  uint8_t* data;
  size_t size;
} weft_buffer;

void weft_buffer_free(weft_buffer* buffer) WEFT_NOEXCEPT;

// --- Documents ------------------------------------------------------------------------------------

typedef struct weft_doc weft_doc;
typedef struct weft_type weft_type;
typedef struct weft_subdoc weft_subdoc;
typedef struct weft_subscription weft_subscription;

// The kinds of shared types, with the numbers that Yjs gives them.
typedef int32_t weft_kind;
enum {
  WEFT_ARRAY = 0,
  WEFT_MAP = 1,
  WEFT_TEXT = 2,
  WEFT_XML_ELEMENT = 3,
  WEFT_XML_FRAGMENT = 4,
  WEFT_XML_HOOK = 5,
  WEFT_XML_TEXT = 6
};

// What a text is counted in. An embed or a nested type counts as one.
typedef int32_t weft_unit;
enum { WEFT_UTF16 = 0, WEFT_UTF8 = 1, WEFT_CODE_POINTS = 2 };

// The two formats of updates. The bytes do not tell which it is: both ends agree on one.
typedef int32_t weft_format;
enum { WEFT_V1 = 1, WEFT_V2 = 2 };

// Zero but for `struct_size` means: all as usual.
typedef struct weft_doc_options {
  size_t struct_size;  // sizeof(weft_doc_options)
  uint64_t client_id;  // at most 2^53 - 1
  bool has_client_id;  // else it is random
  bool keep_deleted;   // deleted content is kept, so that snapshots can be shown (gc: false in Yjs)
  weft_unit unit;      // what indices and lengths of texts count
  const char* guid;    // names the document; NULL: random
  size_t guid_size;
} weft_doc_options;

// `options` may be NULL.
weft_status weft_doc_new(const weft_doc_options* options, weft_doc** doc) WEFT_NOEXCEPT;
void weft_doc_free(weft_doc* doc) WEFT_NOEXCEPT;

// The id that this replica writes with. It changes by itself when an update brings blocks of it.
weft_status weft_doc_client_id(const weft_doc* doc, uint64_t* client_id) WEFT_NOEXCEPT;
// Fails: WEFT_BUSY inside of a transaction.
weft_status weft_doc_set_client_id(weft_doc* doc, uint64_t client_id) WEFT_NOEXCEPT;
weft_status weft_doc_guid(const weft_doc* doc, weft_buffer* guid) WEFT_NOEXCEPT;

// The root type of that name, made when it does not exist. A root keeps the kind that it was first
// asked for. Fails: WEFT_WRONG_KIND when that was another one.
weft_status weft_doc_type(weft_doc* doc, weft_kind kind, const char* name, size_t name_size,
                          weft_type** type) WEFT_NOEXCEPT;
// [{"name": text, "kind": number, or null where nobody has asked by kind}], in the order in which they
// were first named.
weft_status weft_doc_roots(const weft_doc* doc, weft_buffer* json) WEFT_NOEXCEPT;
// {name: value} of the roots that have a kind.
weft_status weft_doc_to_json(const weft_doc* doc, weft_buffer* json) WEFT_NOEXCEPT;

// Calls `edit` once, within one transaction: all that it changes comes as one update, at the end.
// Inside of a transaction it joins that one, and `origin` is ignored. `origin` says where changes come
// from; observers and undo managers are told. Edits outside of this are transactions of their own,
// with an empty origin. There is no way back: what was changed stays, also when a later call fails.
typedef void (*weft_edit_callback)(void* user_data);
weft_status weft_doc_transact(weft_doc* doc, const char* origin, size_t origin_size,
                              weft_edit_callback edit, void* user_data) WEFT_NOEXCEPT;

// --- Exchange -------------------------------------------------------------------------------------

// Applies an update of another replica. Parts that depend on others not seen yet wait for them; that
// is no error. Fails: WEFT_INVALID_ARGUMENT (malformed), WEFT_LIMIT, WEFT_COLLISION (it gives a known
// element another content: two replicas write with one client id), WEFT_BUSY (inside of a
// transaction); the document is then what it was, to the byte.
weft_status weft_doc_apply_update(weft_doc* doc, weft_format format, const uint8_t* update,
                                  size_t update_size, const char* origin,
                                  size_t origin_size) WEFT_NOEXCEPT;

// What a replica with the state vector `known` lacks, as an update; all of it when `known` is NULL.
weft_status weft_doc_encode_state(const weft_doc* doc, weft_format format, const uint8_t* known,
                                  size_t known_size, weft_buffer* update) WEFT_NOEXCEPT;
// For each client, the next clock expected; the same in both formats.
weft_status weft_doc_state_vector(const weft_doc* doc, weft_buffer* state_vector) WEFT_NOEXCEPT;
// Whether something waits for updates not seen yet.
weft_status weft_doc_has_pending(const weft_doc* doc, bool* has_pending) WEFT_NOEXCEPT;
// What the document holds in memory, in bytes, without what observers hold and without subdocuments.
weft_status weft_doc_memory(const weft_doc* doc, size_t* bytes) WEFT_NOEXCEPT;
// What waits, and for what:
//
//   {"blocks": number, "elements": number, "deletes": number, "bytes": number, "beyondLimits": bool,
//    "missing": ids, "missingOfDeletes": ids}        ids := {client id: [[clock, length], …]}
//
// Once the missing ids have come, nothing waits, unless it is beyond limits.
weft_status weft_doc_pending(const weft_doc* doc, weft_buffer* json) WEFT_NOEXCEPT;

// These need no document.
// One update that brings what all of `updates` bring; `count` at least 1.
weft_status weft_merge_updates(weft_format format, const uint8_t* const* updates,
                               const size_t* update_sizes, size_t count,
                               weft_buffer* merged) WEFT_NOEXCEPT;
// What `update` brings beyond the state vector `known`.
weft_status weft_diff_update(weft_format format, const uint8_t* update, size_t update_size,
                             const uint8_t* known, size_t known_size,
                             weft_buffer* diff) WEFT_NOEXCEPT;
weft_status weft_convert_update(weft_format from, weft_format to, const uint8_t* update,
                                size_t update_size, weft_buffer* converted) WEFT_NOEXCEPT;
// Whether two updates bring the same, however their bytes differ.
weft_status weft_updates_equal(weft_format format, const uint8_t* a, size_t a_size,
                               const uint8_t* b, size_t b_size, bool* equal) WEFT_NOEXCEPT;
// The same update without what people wrote, for showing trouble to others: characters, values and keys
// become numbers, the structure stays.
weft_status weft_obfuscate_update(weft_format format, const uint8_t* update, size_t update_size,
                                  weft_buffer* obfuscated) WEFT_NOEXCEPT;
// What a replica has seen that got nothing but `update`.
weft_status weft_state_vector_of_update(weft_format format, const uint8_t* update,
                                        size_t update_size,
                                        weft_buffer* state_vector) WEFT_NOEXCEPT;

// --- Observers ------------------------------------------------------------------------------------
//
// Called at the end of a transaction: those of types first, then those of updates, each in the order
// of subscription. They may read, edit (a transaction of its own follows), subscribe, and free any
// handle. They must not throw, and not jump out. Pointers they are given are valid during the call.
// A subscription ends when it is freed, at once; it may outlive the document.

void weft_subscription_free(weft_subscription* subscription) WEFT_NOEXCEPT;

// What one transaction changed.
typedef struct weft_update_event {
  const uint8_t* update;  // in the format subscribed to
  size_t update_size;
  const char* origin;  // ends with a NUL that the size does not count
  size_t origin_size;
  bool local;  // false: it came through weft_doc_apply_update
} weft_update_event;

typedef void (*weft_update_callback)(void* user_data, const weft_update_event* event);
weft_status weft_doc_on_update(weft_doc* doc, weft_format format, weft_update_callback callback,
                               void* user_data, weft_subscription** subscription) WEFT_NOEXCEPT;

// `json` is an array with an event for each type that changed, outermost first; without `deep` it has
// one, of `type` itself:
//
//   {"kind": number, "path": [key or index, …], "local": bool, "origin": text,
//    "delta"?: how the sequence changed, "keys"?: {key: {"action": "add" | "update" | "delete",
//    "oldValue"?: value}}}
//
// `path` leads from the type that is observed to the one that changed. As in Yjs, asking how a text
// with formatting changed removes redundant marks that are met: an observer of texts may change the
// bytes of the document, though not what it shows.
typedef void (*weft_json_callback)(void* user_data, const char* json, size_t json_size);
weft_status weft_type_observe(weft_type* type, bool deep, weft_json_callback callback,
                              void* user_data, weft_subscription** subscription) WEFT_NOEXCEPT;

// --- Types ----------------------------------------------------------------------------------------
//
// A type is a sequence, entries by key, or both:
//
//   kind               sequence                         entries
//   text, XML text     characters, embeds, types        values: attributes of the text as a whole
//   array              values, types, subdocuments
//   map, XML hook                                       values, types, subdocuments
//   XML fragment       XML elements, texts, hooks
//   XML element        XML elements, texts, hooks       values: its attributes
//
// Each kind of content has its calls below. Of a type that was deleted all answer WEFT_GONE.

void weft_type_free(weft_type* type) WEFT_NOEXCEPT;
// Another handle to the same type.
weft_status weft_type_clone(const weft_type* type, weft_type** clone) WEFT_NOEXCEPT;
weft_status weft_type_exists(const weft_type* type, bool* exists) WEFT_NOEXCEPT;
// Whether both name the same type.
weft_status weft_type_equal(const weft_type* a, const weft_type* b, bool* equal) WEFT_NOEXCEPT;
weft_status weft_type_kind(const weft_type* type, weft_kind* kind) WEFT_NOEXCEPT;
// The document that the type is in.
weft_status weft_type_doc(const weft_type* type, weft_doc** doc) WEFT_NOEXCEPT;
// The type around a nested one. Fails: WEFT_NOT_FOUND of a root.
weft_status weft_type_parent(const weft_type* type, weft_type** parent) WEFT_NOEXCEPT;
// The name of a root, or of an XML element or hook. Fails: WEFT_NOT_FOUND.
weft_status weft_type_name(const weft_type* type, weft_buffer* name) WEFT_NOEXCEPT;
// Of a sequence, in the document's unit or in elements; of a map the number of its keys.
weft_status weft_type_length(const weft_type* type, uint64_t* length) WEFT_NOEXCEPT;
weft_status weft_type_to_json(const weft_type* type, weft_buffer* json) WEFT_NOEXCEPT;
// The characters of a text, or the markup of XML. Fails: WEFT_WRONG_KIND of arrays and maps.
weft_status weft_type_to_string(const weft_type* type, weft_buffer* text) WEFT_NOEXCEPT;

// --- Texts: WEFT_TEXT and WEFT_XML_TEXT -----------------------------------------------------------
//
// `attributes` is a JSON object, {"bold": true}; null ends an attribute.

// `attributes` NULL: those in force before `index`; else exactly those given.
weft_status weft_text_insert(weft_type* text, uint64_t index, const char* utf8, size_t utf8_size,
                             const char* attributes, size_t attributes_size) WEFT_NOEXCEPT;
// An object that takes one position, such as a picture: any JSON but a string or null.
weft_status weft_text_insert_embed(weft_type* text, uint64_t index, const char* embed,
                                   size_t embed_size, const char* attributes,
                                   size_t attributes_size) WEFT_NOEXCEPT;
// Sets attributes for a range.
weft_status weft_text_format(weft_type* text, uint64_t index, uint64_t count,
                             const char* attributes, size_t attributes_size) WEFT_NOEXCEPT;
// What the text holds: inserts only.
weft_status weft_text_delta(const weft_type* text, weft_buffer* delta) WEFT_NOEXCEPT;
// Walks along the text. What a retain reaches past the end is made up for with newlines, as in Yjs, at
// most 65,536 of them (else WEFT_OUT_OF_RANGE). Embeds are as above.
weft_status weft_text_apply_delta(weft_type* text, const char* delta,
                                  size_t delta_size) WEFT_NOEXCEPT;
// Offsets of the document's unit in UTF-16 code units, and back. O(length).
weft_status weft_text_to_utf16(const weft_type* text, uint64_t index,
                               uint64_t* utf16) WEFT_NOEXCEPT;
weft_status weft_text_from_utf16(const weft_type* text, uint64_t utf16,
                                 uint64_t* index) WEFT_NOEXCEPT;

// --- Sequences: everything but maps and hooks -----------------------------------------------------

// Values into an array: `values` is a JSON array. Undefined and BigInt do not go in, as in Yjs.
weft_status weft_sequence_insert(weft_type* array, uint64_t index, const char* values,
                                 size_t values_size) WEFT_NOEXCEPT;
// An empty nested type, to be filled through the handle that comes back. `name` is that of an XML
// element or hook, and ignored for others. XML holds elements, XML texts and hooks only.
weft_status weft_sequence_insert_type(weft_type* sequence, uint64_t index, weft_kind kind,
                                      const char* name, size_t name_size,
                                      weft_type** type) WEFT_NOEXCEPT;
// A document in an array. `options` as for weft_entry_set_doc.
weft_status weft_sequence_insert_doc(weft_type* array, uint64_t index, const char* options,
                                     size_t options_size, weft_subdoc** subdoc) WEFT_NOEXCEPT;
weft_status weft_sequence_delete(weft_type* sequence, uint64_t index, uint64_t count) WEFT_NOEXCEPT;
// What stands at `index`, as JSON, or as a handle. Fails: WEFT_OUT_OF_RANGE; WEFT_WRONG_KIND when it
// is no type, or no document.
weft_status weft_sequence_get(const weft_type* sequence, uint64_t index,
                              weft_buffer* json) WEFT_NOEXCEPT;
weft_status weft_sequence_get_type(const weft_type* sequence, uint64_t index,
                                   weft_type** type) WEFT_NOEXCEPT;
weft_status weft_sequence_get_doc(const weft_type* sequence, uint64_t index,
                                  weft_subdoc** subdoc) WEFT_NOEXCEPT;

// --- Entries: maps and hooks; attributes of XML elements and of texts -----------------------------

weft_status weft_entry_set(weft_type* type, const char* key, size_t key_size, const char* json,
                           size_t json_size) WEFT_NOEXCEPT;
// Into maps and hooks. As weft_sequence_insert_type.
weft_status weft_entry_set_type(weft_type* map, const char* key, size_t key_size, weft_kind kind,
                                const char* name, size_t name_size, weft_type** type) WEFT_NOEXCEPT;
// Into maps and hooks. `options` is NULL or {"guid"?: text, "gc"?: bool, "autoLoad"?: bool, "meta"?:
// value}.
weft_status weft_entry_set_doc(weft_type* map, const char* key, size_t key_size,
                               const char* options, size_t options_size,
                               weft_subdoc** subdoc) WEFT_NOEXCEPT;
// Nothing happens when the key has no value.
weft_status weft_entry_delete(weft_type* type, const char* key, size_t key_size) WEFT_NOEXCEPT;
// Fails: WEFT_NOT_FOUND; WEFT_WRONG_KIND when it is no type, or no document.
weft_status weft_entry_get(const weft_type* type, const char* key, size_t key_size,
                           weft_buffer* json) WEFT_NOEXCEPT;
weft_status weft_entry_get_type(const weft_type* type, const char* key, size_t key_size,
                                weft_type** found) WEFT_NOEXCEPT;
weft_status weft_entry_get_doc(const weft_type* type, const char* key, size_t key_size,
                               weft_subdoc** subdoc) WEFT_NOEXCEPT;
// A JSON array of the keys that have a value; a JSON object of keys and values.
weft_status weft_entry_keys(const weft_type* type, weft_buffer* json) WEFT_NOEXCEPT;
weft_status weft_entries_to_json(const weft_type* type, weft_buffer* json) WEFT_NOEXCEPT;

// --- Subdocuments ---------------------------------------------------------------------------------
//
// A document in a document: its name and options travel with the outer one, its content apart.

void weft_subdoc_free(weft_subdoc* subdoc) WEFT_NOEXCEPT;
// {"guid": text, "autoLoad": bool, "shouldLoad": bool, "options": {…}}
weft_status weft_subdoc_to_json(const weft_subdoc* subdoc, weft_buffer* json) WEFT_NOEXCEPT;
// Asks for the content: observers of subdocuments hear of it.
weft_status weft_subdoc_load(weft_subdoc* subdoc) WEFT_NOEXCEPT;
// Its content, the same document whenever it is opened. Fails: WEFT_GONE when it was deleted.
weft_status weft_subdoc_open(weft_subdoc* subdoc, weft_doc** doc) WEFT_NOEXCEPT;
// A JSON array of the guids of all subdocuments.
weft_status weft_doc_subdocs(const weft_doc* doc, weft_buffer* json) WEFT_NOEXCEPT;
// {"added": [guid], "removed": [guid], "loaded": [guid]} after transactions that did such a thing.
weft_status weft_doc_on_subdocs(weft_doc* doc, weft_json_callback callback, void* user_data,
                                weft_subscription** subscription) WEFT_NOEXCEPT;

// --- Snapshots ------------------------------------------------------------------------------------
//
// A state to come back to, as bytes of `format`. It holds no content: the document must keep what is
// deleted (keep_deleted) to show it, else WEFT_UNSUPPORTED.

weft_status weft_doc_snapshot(const weft_doc* doc, weft_format format,
                              weft_buffer* snapshot) WEFT_NOEXCEPT;
// A new document with the content of then. `options` may be NULL.
weft_status weft_doc_at_snapshot(weft_doc* doc, weft_format format, const uint8_t* snapshot,
                                 size_t snapshot_size, const weft_doc_options* options,
                                 weft_doc** then) WEFT_NOEXCEPT;
// The text of then. With `previous` (else NULL), what was removed or added since then is shown as
// well, with an attribute "ychange": {"type": "removed" | "added"}.
weft_status weft_text_delta_at(weft_type* text, weft_format format, const uint8_t* snapshot,
                               size_t snapshot_size, const uint8_t* previous, size_t previous_size,
                               weft_buffer* delta) WEFT_NOEXCEPT;
weft_status weft_snapshot_equal(weft_format format, const uint8_t* a, size_t a_size,
                                const uint8_t* b, size_t b_size, bool* equal) WEFT_NOEXCEPT;
// Whether all that `update`, of the same format, brings is part of the snapshot.
weft_status weft_snapshot_contains_update(weft_format format, const uint8_t* snapshot,
                                          size_t snapshot_size, const uint8_t* update,
                                          size_t update_size, bool* contains) WEFT_NOEXCEPT;

// --- Relative positions ---------------------------------------------------------------------------
//
// A place in a sequence that stays where it is while others edit around it: a cursor. It is JSON, as
// Yjs makes it and editor bindings put it into awareness:
// {"type"?: id, "tname"?: text, "item"?: id, "assoc": number}, an id is {"client", "clock"}.

// assoc < 0: belongs to the element before `index`, else to the one behind.
weft_status weft_position_create(const weft_type* sequence, uint64_t index, int32_t assoc,
                                 weft_buffer* json) WEFT_NOEXCEPT;
// Where it is now. Fails: WEFT_NOT_FOUND when its element has not arrived yet, or was collected.
weft_status weft_position_resolve(weft_doc* doc, const char* json, size_t json_size,
                                  weft_type** type, uint64_t* index) WEFT_NOEXCEPT;
// The binary form of Yjs, and back. It keeps less: the element if there is one, else the sequence.
weft_status weft_position_encode(const char* json, size_t json_size,
                                 weft_buffer* bytes) WEFT_NOEXCEPT;
weft_status weft_position_decode(const uint8_t* bytes, size_t size,
                                 weft_buffer* json) WEFT_NOEXCEPT;

// --- Undo -----------------------------------------------------------------------------------------
//
// Takes back what this user did, whatever others have done since: transactions with an origin that is
// tracked, which changed a type in the scope or something in it. Those that come within the capture
// timeout of one another are one step.

typedef struct weft_undo weft_undo;
typedef int64_t (*weft_clock_callback)(void* user_data);  // milliseconds

typedef struct weft_undo_options {
  size_t struct_size;  // sizeof(weft_undo_options)
  // weft reads no clock: without this every transaction is a step of its own. Called as long as the
  // manager lives.
  weft_clock_callback now_ms;
  void* now_user_data;
  int64_t capture_timeout_ms;      // 0: the usual 500
  bool ignore_remote_map_changes;  // undoing a map entry overwrites what others have set since
  bool without_empty_origin;       // edits that name no origin are not tracked
} weft_undo_options;

// `scope` are `count` types of `doc`; the whole document when count is 0. `options` may be NULL.
weft_status weft_undo_new(weft_doc* doc, const weft_type* const* scope, size_t count,
                          const weft_undo_options* options, weft_undo** undo) WEFT_NOEXCEPT;
void weft_undo_free(weft_undo* undo) WEFT_NOEXCEPT;
weft_status weft_undo_add_scope(weft_undo* undo, const weft_type* type) WEFT_NOEXCEPT;
weft_status weft_undo_track_origin(weft_undo* undo, const char* origin,
                                   size_t origin_size) WEFT_NOEXCEPT;
weft_status weft_undo_untrack_origin(weft_undo* undo, const char* origin,
                                     size_t origin_size) WEFT_NOEXCEPT;
// Takes back the last step, or brings it back. `done`: whether there was anything to do. Fails:
// WEFT_BUSY inside of a transaction or an observer.
weft_status weft_undo_undo(weft_undo* undo, bool* done) WEFT_NOEXCEPT;
weft_status weft_undo_redo(weft_undo* undo, bool* done) WEFT_NOEXCEPT;
// How many steps can be taken back, and brought back.
weft_status weft_undo_sizes(const weft_undo* undo, uint64_t* undo_size,
                            uint64_t* redo_size) WEFT_NOEXCEPT;
// Drops the steps of one stack or of both.
weft_status weft_undo_clear(weft_undo* undo, bool undo_stack, bool redo_stack) WEFT_NOEXCEPT;
// The next transaction starts a new step.
weft_status weft_undo_stop_capturing(weft_undo* undo) WEFT_NOEXCEPT;

typedef int32_t weft_undo_event_kind;
enum {
  WEFT_UNDO_ADDED = 0,    // a step was made
  WEFT_UNDO_UPDATED = 1,  // a transaction was added to the last step
  WEFT_UNDO_POPPED = 2    // a step was taken back, or brought back
};

// A step, while observers hear of it. `meta` is a JSON object that the application keeps with the
// step, such as the selection of then: set when it is added, read when it is popped.
typedef struct weft_undo_step weft_undo_step;
typedef void (*weft_undo_callback)(void* user_data, weft_undo_event_kind kind, bool redo,
                                   weft_undo_step* step);
// `redo` says that the step went to, or came from, the stack of redo.
weft_status weft_undo_on_step(weft_undo* undo, weft_undo_callback callback, void* user_data,
                              weft_subscription** subscription) WEFT_NOEXCEPT;
weft_status weft_undo_step_meta(const weft_undo_step* step, weft_buffer* json) WEFT_NOEXCEPT;
weft_status weft_undo_step_set_meta(weft_undo_step* step, const char* json,
                                    size_t json_size) WEFT_NOEXCEPT;

// --- Awareness ------------------------------------------------------------------------------------
//
// The short-lived state of each client of a document (cursor, name, colour), exchanged apart from it
// and never stored; y-protocols 1.0. It needs no document. States are plain JSON objects, without the
// language of values above. Time is an argument: milliseconds of a clock that never goes back.

typedef struct weft_awareness weft_awareness;

// Without a state of its own at first; y-protocols begins with {}.
weft_status weft_awareness_new(uint64_t client_id, weft_awareness** awareness) WEFT_NOEXCEPT;
void weft_awareness_free(weft_awareness* awareness) WEFT_NOEXCEPT;
// Sets this client's state; NULL: it leaves.
weft_status weft_awareness_set_local(weft_awareness* awareness, const char* json, size_t json_size,
                                     int64_t now_ms) WEFT_NOEXCEPT;
// The state of a client. Fails: WEFT_NOT_FOUND.
weft_status weft_awareness_get(const weft_awareness* awareness, uint64_t client_id,
                               weft_buffer* json) WEFT_NOEXCEPT;
// All states: {client id: state}, ascending.
weft_status weft_awareness_states(const weft_awareness* awareness, weft_buffer* json) WEFT_NOEXCEPT;
// An update with the states of `count` clients, departures included; of all that have a state when
// `clients` is NULL. Clients that were never heard of are left out.
weft_status weft_awareness_encode(const weft_awareness* awareness, const uint64_t* clients,
                                  size_t count, weft_buffer* update) WEFT_NOEXCEPT;
// Applies what others tell. Fails, and changes nothing: WEFT_INVALID_ARGUMENT, WEFT_LIMIT.
weft_status weft_awareness_apply(weft_awareness* awareness, const uint8_t* update,
                                 size_t update_size, int64_t now_ms) WEFT_NOEXCEPT;
// Takes clients for gone, as after a lost connection.
weft_status weft_awareness_remove(weft_awareness* awareness, const uint64_t* clients, size_t count,
                                  int64_t now_ms) WEFT_NOEXCEPT;
// To be called every few seconds: renews this client's state after 15 s, so that others do not take it
// for gone, and takes for gone who was not heard of for 30 s.
weft_status weft_awareness_tick(weft_awareness* awareness, int64_t now_ms) WEFT_NOEXCEPT;

// What a call has changed. Those told of are to be sent to others when `local`: encode `added`,
// `updated` and `removed`.
typedef struct weft_awareness_event {
  const uint64_t* added;
  size_t added_count;
  const uint64_t* updated;  // renewals without a change included
  size_t updated_count;
  const uint64_t* removed;
  size_t removed_count;
  bool changed;  // false: nothing but renewals
  bool local;    // false: it came through weft_awareness_apply
} weft_awareness_event;

typedef void (*weft_awareness_callback)(void* user_data, const weft_awareness_event* event);
weft_status weft_awareness_on_update(weft_awareness* awareness, weft_awareness_callback callback,
                                     void* user_data,
                                     weft_subscription** subscription) WEFT_NOEXCEPT;

#ifdef __cplusplus
}
#endif
