// No argument whatever ends the process; what fails says why and changes nothing.

#include <stdio.h>
#include <string.h>

#include "tests/c_api/tap.h"

// Text that is no UTF-8.
static const char kNoUtf8[] = "\xC3(";

typedef struct fixture {
  weft_doc* doc;
  weft_type* text;
  weft_type* array;
  weft_type* map;
  weft_type* xml;
} fixture;

static fixture set_up(void) {
  fixture made;
  made.doc = new_doc(1);
  made.text = new_root(made.doc, WEFT_TEXT, "t");
  made.array = new_root(made.doc, WEFT_ARRAY, "a");
  made.map = new_root(made.doc, WEFT_MAP, "m");
  made.xml = new_root(made.doc, WEFT_XML_FRAGMENT, "x");
  EXPECT_OK(weft_text_insert(made.text, 0, "text", WEFT_NUL, NULL, 0));
  EXPECT_OK(weft_sequence_insert(made.array, 0, "[1,2,3]", WEFT_NUL));
  EXPECT_OK(weft_entry_set(made.map, "k", WEFT_NUL, "1", WEFT_NUL));
  return made;
}

static void tear_down(fixture* made) {
  weft_type_free(made->text);
  weft_type_free(made->array);
  weft_type_free(made->map);
  weft_type_free(made->xml);
  weft_doc_free(made->doc);
}

static void do_nothing(void* user_data) { (void)user_data; }
static void hear_update(void* user_data, const weft_update_event* event) {
  (void)user_data;
  (void)event;
}
static void hear_json(void* user_data, const char* json, size_t size) {
  (void)user_data;
  (void)json;
  (void)size;
}
static void hear_step(void* user_data, weft_undo_event_kind kind, bool redo, weft_undo_step* step) {
  (void)user_data;
  (void)kind;
  (void)redo;
  (void)step;
}

#define REFUSES(call) EXPECT_STATUS(WEFT_INVALID_ARGUMENT, call)

TEST(NullHandlesAreRefused) {
  fixture f = set_up();
  weft_doc* doc = NULL;
  weft_type* type = NULL;
  weft_subdoc* subdoc = NULL;
  weft_undo* undo = NULL;
  weft_subscription* subscription = NULL;
  weft_buffer out = {NULL, 0};
  uint64_t number = 0;
  bool flag = false;
  weft_kind kind = 0;

  REFUSES(weft_doc_client_id(NULL, &number));
  REFUSES(weft_doc_set_client_id(NULL, 1));
  REFUSES(weft_doc_guid(NULL, &out));
  REFUSES(weft_doc_type(NULL, WEFT_TEXT, "t", WEFT_NUL, &type));
  REFUSES(weft_doc_roots(NULL, &out));
  REFUSES(weft_doc_to_json(NULL, &out));
  REFUSES(weft_doc_transact(NULL, NULL, 0, do_nothing, NULL));
  REFUSES(weft_doc_apply_update(NULL, WEFT_V1, (const uint8_t*)"\0\0", 2, NULL, 0));
  REFUSES(weft_doc_encode_state(NULL, WEFT_V1, NULL, 0, &out));
  REFUSES(weft_doc_state_vector(NULL, &out));
  REFUSES(weft_doc_has_pending(NULL, &flag));
  size_t memory = 0;
  REFUSES(weft_doc_memory(NULL, &memory));
  REFUSES(weft_doc_pending(NULL, &out));
  REFUSES(weft_doc_on_update(NULL, WEFT_V1, hear_update, NULL, &subscription));
  REFUSES(weft_doc_subdocs(NULL, &out));
  REFUSES(weft_doc_on_subdocs(NULL, hear_json, NULL, &subscription));
  REFUSES(weft_doc_snapshot(NULL, WEFT_V1, &out));
  REFUSES(weft_doc_at_snapshot(NULL, WEFT_V1, (const uint8_t*)"\0\0", 2, NULL, &doc));
  REFUSES(weft_type_observe(NULL, true, hear_json, NULL, &subscription));
  REFUSES(weft_type_clone(NULL, &type));
  REFUSES(weft_type_exists(NULL, &flag));
  REFUSES(weft_type_equal(NULL, f.text, &flag));
  REFUSES(weft_type_equal(f.text, NULL, &flag));
  REFUSES(weft_type_kind(NULL, &kind));
  REFUSES(weft_type_doc(NULL, &doc));
  REFUSES(weft_type_parent(NULL, &type));
  REFUSES(weft_type_name(NULL, &out));
  REFUSES(weft_type_length(NULL, &number));
  REFUSES(weft_type_to_json(NULL, &out));
  REFUSES(weft_type_to_string(NULL, &out));
  REFUSES(weft_text_insert(NULL, 0, "x", 1, NULL, 0));
  REFUSES(weft_text_insert_embed(NULL, 0, "{}", 2, NULL, 0));
  REFUSES(weft_text_format(NULL, 0, 0, "{}", 2));
  REFUSES(weft_text_delta(NULL, &out));
  REFUSES(weft_text_apply_delta(NULL, "[]", 2));
  REFUSES(weft_text_delta_at(NULL, WEFT_V1, (const uint8_t*)"\0\0", 2, NULL, 0, &out));
  REFUSES(weft_text_to_utf16(NULL, 0, &number));
  REFUSES(weft_text_from_utf16(NULL, 0, &number));
  REFUSES(weft_sequence_insert(NULL, 0, "[]", 2));
  REFUSES(weft_sequence_insert_type(NULL, 0, WEFT_MAP, NULL, 0, &type));
  REFUSES(weft_sequence_insert_doc(NULL, 0, NULL, 0, &subdoc));
  REFUSES(weft_sequence_delete(NULL, 0, 0));
  REFUSES(weft_sequence_get(NULL, 0, &out));
  REFUSES(weft_sequence_get_type(NULL, 0, &type));
  REFUSES(weft_sequence_get_doc(NULL, 0, &subdoc));
  REFUSES(weft_entry_set(NULL, "k", 1, "1", 1));
  REFUSES(weft_entry_set_type(NULL, "k", 1, WEFT_MAP, NULL, 0, &type));
  REFUSES(weft_entry_set_doc(NULL, "k", 1, NULL, 0, &subdoc));
  REFUSES(weft_entry_delete(NULL, "k", 1));
  REFUSES(weft_entry_get(NULL, "k", 1, &out));
  REFUSES(weft_entry_get_type(NULL, "k", 1, &type));
  REFUSES(weft_entry_get_doc(NULL, "k", 1, &subdoc));
  REFUSES(weft_entry_keys(NULL, &out));
  REFUSES(weft_entries_to_json(NULL, &out));
  REFUSES(weft_subdoc_to_json(NULL, &out));
  REFUSES(weft_subdoc_load(NULL));
  REFUSES(weft_subdoc_open(NULL, &doc));
  REFUSES(weft_position_create(NULL, 0, 0, &out));
  REFUSES(weft_position_resolve(NULL, "{\"tname\":\"t\"}", WEFT_NUL, &type, &number));
  REFUSES(weft_undo_new(NULL, NULL, 0, NULL, &undo));
  REFUSES(weft_undo_add_scope(NULL, f.text));
  REFUSES(weft_undo_track_origin(NULL, "", 0));
  REFUSES(weft_undo_untrack_origin(NULL, "", 0));
  REFUSES(weft_undo_undo(NULL, &flag));
  REFUSES(weft_undo_redo(NULL, &flag));
  REFUSES(weft_undo_sizes(NULL, &number, &number));
  REFUSES(weft_undo_clear(NULL, true, true));
  REFUSES(weft_undo_stop_capturing(NULL));
  REFUSES(weft_undo_on_step(NULL, hear_step, NULL, &subscription));
  REFUSES(weft_undo_step_meta(NULL, &out));
  REFUSES(weft_undo_step_set_meta(NULL, "{}", 2));
  REFUSES(weft_awareness_set_local(NULL, "{}", 2, 0));
  REFUSES(weft_awareness_get(NULL, 1, &out));
  REFUSES(weft_awareness_states(NULL, &out));
  REFUSES(weft_awareness_encode(NULL, NULL, 0, &out));
  REFUSES(weft_awareness_apply(NULL, (const uint8_t*)"", 0, 0));
  REFUSES(weft_awareness_remove(NULL, NULL, 0, 0));
  REFUSES(weft_awareness_tick(NULL, 0));
  REFUSES(weft_awareness_on_update(NULL, NULL, NULL, &subscription));
  EXPECT(out.data == NULL && doc == NULL && type == NULL && subscription == NULL);

  weft_doc_free(NULL);
  weft_type_free(NULL);
  weft_subdoc_free(NULL);
  weft_subscription_free(NULL);
  weft_undo_free(NULL);
  weft_awareness_free(NULL);
  weft_buffer_free(NULL);
  tear_down(&f);
}

TEST(NullResultsAreRefused) {
  fixture f = set_up();
  weft_undo* undo = NULL;
  weft_awareness* awareness = NULL;
  weft_subdoc* subdoc = NULL;
  const uint8_t* const update = (const uint8_t*)"\0\0";
  const size_t size = 2;
  EXPECT_OK(weft_undo_new(f.doc, NULL, 0, NULL, &undo));
  EXPECT_OK(weft_awareness_new(1, &awareness));
  EXPECT_OK(weft_entry_set_doc(f.map, "d", 1, NULL, 0, &subdoc));

  REFUSES(weft_doc_new(NULL, NULL));
  REFUSES(weft_doc_client_id(f.doc, NULL));
  REFUSES(weft_doc_guid(f.doc, NULL));
  REFUSES(weft_doc_type(f.doc, WEFT_TEXT, "t", WEFT_NUL, NULL));
  REFUSES(weft_doc_roots(f.doc, NULL));
  REFUSES(weft_doc_to_json(f.doc, NULL));
  REFUSES(weft_doc_encode_state(f.doc, WEFT_V1, NULL, 0, NULL));
  REFUSES(weft_doc_state_vector(f.doc, NULL));
  REFUSES(weft_doc_has_pending(f.doc, NULL));
  REFUSES(weft_doc_memory(f.doc, NULL));
  REFUSES(weft_doc_pending(f.doc, NULL));
  REFUSES(weft_updates_equal(WEFT_V1, update, size, update, size, NULL));
  REFUSES(weft_obfuscate_update(WEFT_V1, update, size, NULL));
  REFUSES(weft_doc_on_update(f.doc, WEFT_V1, hear_update, NULL, NULL));
  REFUSES(weft_doc_subdocs(f.doc, NULL));
  REFUSES(weft_doc_on_subdocs(f.doc, hear_json, NULL, NULL));
  REFUSES(weft_doc_snapshot(f.doc, WEFT_V1, NULL));
  REFUSES(weft_doc_at_snapshot(f.doc, WEFT_V1, update, size, NULL, NULL));
  REFUSES(weft_merge_updates(WEFT_V1, &update, &size, 1, NULL));
  REFUSES(weft_diff_update(WEFT_V1, update, size, NULL, 0, NULL));
  REFUSES(weft_convert_update(WEFT_V1, WEFT_V2, update, size, NULL));
  REFUSES(weft_state_vector_of_update(WEFT_V1, update, size, NULL));
  REFUSES(weft_type_observe(f.text, true, hear_json, NULL, NULL));
  REFUSES(weft_type_clone(f.text, NULL));
  REFUSES(weft_type_exists(f.text, NULL));
  REFUSES(weft_type_equal(f.text, f.text, NULL));
  REFUSES(weft_type_kind(f.text, NULL));
  REFUSES(weft_type_doc(f.text, NULL));
  REFUSES(weft_type_parent(f.text, NULL));
  REFUSES(weft_type_name(f.text, NULL));
  REFUSES(weft_type_length(f.text, NULL));
  REFUSES(weft_type_to_json(f.text, NULL));
  REFUSES(weft_type_to_string(f.text, NULL));
  REFUSES(weft_text_delta(f.text, NULL));
  REFUSES(weft_text_delta_at(f.text, WEFT_V1, update, size, NULL, 0, NULL));
  REFUSES(weft_text_to_utf16(f.text, 0, NULL));
  REFUSES(weft_text_from_utf16(f.text, 0, NULL));
  REFUSES(weft_sequence_insert_type(f.array, 0, WEFT_MAP, NULL, 0, NULL));
  REFUSES(weft_sequence_insert_doc(f.array, 0, NULL, 0, NULL));
  REFUSES(weft_sequence_get(f.array, 0, NULL));
  REFUSES(weft_sequence_get_type(f.array, 0, NULL));
  REFUSES(weft_sequence_get_doc(f.array, 0, NULL));
  REFUSES(weft_entry_set_type(f.map, "k", 1, WEFT_MAP, NULL, 0, NULL));
  REFUSES(weft_entry_set_doc(f.map, "k", 1, NULL, 0, NULL));
  REFUSES(weft_entry_get(f.map, "k", 1, NULL));
  REFUSES(weft_entry_get_type(f.map, "k", 1, NULL));
  REFUSES(weft_entry_get_doc(f.map, "k", 1, NULL));
  REFUSES(weft_entry_keys(f.map, NULL));
  REFUSES(weft_entries_to_json(f.map, NULL));
  REFUSES(weft_subdoc_to_json(subdoc, NULL));
  REFUSES(weft_subdoc_open(subdoc, NULL));
  REFUSES(weft_snapshot_equal(WEFT_V1, update, size, update, size, NULL));
  REFUSES(weft_snapshot_contains_update(WEFT_V1, update, size, update, size, NULL));
  REFUSES(weft_position_create(f.text, 0, 0, NULL));
  REFUSES(weft_position_resolve(f.doc, "{\"tname\":\"t\"}", WEFT_NUL, NULL, NULL));
  REFUSES(weft_position_encode("{\"tname\":\"t\"}", WEFT_NUL, NULL));
  REFUSES(weft_position_decode(update, size, NULL));
  REFUSES(weft_undo_new(f.doc, NULL, 0, NULL, NULL));
  REFUSES(weft_undo_undo(undo, NULL));
  REFUSES(weft_undo_redo(undo, NULL));
  REFUSES(weft_undo_sizes(undo, NULL, NULL));
  REFUSES(weft_undo_on_step(undo, hear_step, NULL, NULL));
  REFUSES(weft_awareness_new(1, NULL));
  REFUSES(weft_awareness_get(awareness, 1, NULL));
  REFUSES(weft_awareness_states(awareness, NULL));
  REFUSES(weft_awareness_encode(awareness, NULL, 0, NULL));
  REFUSES(weft_awareness_on_update(awareness, NULL, NULL, NULL));

  weft_subdoc_free(subdoc);
  weft_undo_free(undo);
  weft_awareness_free(awareness);
  tear_down(&f);
}

TEST(NullCallbacksAreRefused) {
  fixture f = set_up();
  weft_undo* undo = NULL;
  weft_awareness* awareness = NULL;
  weft_subscription* subscription = NULL;
  EXPECT_OK(weft_undo_new(f.doc, NULL, 0, NULL, &undo));
  EXPECT_OK(weft_awareness_new(1, &awareness));
  REFUSES(weft_doc_transact(f.doc, NULL, 0, NULL, NULL));
  REFUSES(weft_doc_on_update(f.doc, WEFT_V1, NULL, NULL, &subscription));
  REFUSES(weft_doc_on_subdocs(f.doc, NULL, NULL, &subscription));
  REFUSES(weft_type_observe(f.text, false, NULL, NULL, &subscription));
  REFUSES(weft_undo_on_step(undo, NULL, NULL, &subscription));
  REFUSES(weft_awareness_on_update(awareness, NULL, NULL, &subscription));
  weft_undo_free(undo);
  weft_awareness_free(awareness);
  tear_down(&f);
}

TEST(IndicesPastTheEndAreRefused) {
  fixture f = set_up();
  weft_type* type = NULL;
  weft_buffer out = {NULL, 0};
  uint64_t number = 0;
  EXPECT_STATUS(WEFT_OUT_OF_RANGE, weft_text_insert(f.text, 5, "x", 1, NULL, 0));
  EXPECT_STATUS(WEFT_OUT_OF_RANGE, weft_text_insert(f.text, UINT64_MAX, "x", 1, NULL, 0));
  EXPECT_STATUS(WEFT_OUT_OF_RANGE, weft_text_insert_embed(f.text, 5, "{}", 2, NULL, 0));
  EXPECT_STATUS(WEFT_OUT_OF_RANGE, weft_text_format(f.text, 2, 3, "{}", 2));
  EXPECT_STATUS(WEFT_OUT_OF_RANGE, weft_text_format(f.text, 2, UINT64_MAX, "{}", 2));
  EXPECT_STATUS(WEFT_OUT_OF_RANGE, weft_text_to_utf16(f.text, 5, &number));
  EXPECT_STATUS(WEFT_OUT_OF_RANGE, weft_text_from_utf16(f.text, 5, &number));
  EXPECT_STATUS(WEFT_OUT_OF_RANGE, weft_sequence_insert(f.array, 4, "[]", 2));
  EXPECT_STATUS(WEFT_OUT_OF_RANGE, weft_sequence_insert_type(f.array, 4, WEFT_MAP, NULL, 0, &type));
  EXPECT_STATUS(WEFT_OUT_OF_RANGE, weft_sequence_delete(f.array, 1, 3));
  EXPECT_STATUS(WEFT_OUT_OF_RANGE, weft_sequence_delete(f.array, UINT64_MAX, 1));
  EXPECT_STATUS(WEFT_OUT_OF_RANGE, weft_sequence_delete(f.text, 4, 1));
  EXPECT_STATUS(WEFT_OUT_OF_RANGE, weft_sequence_delete(f.xml, 0, 1));
  EXPECT_STATUS(WEFT_OUT_OF_RANGE, weft_sequence_get(f.array, 3, &out));
  EXPECT_STATUS(WEFT_OUT_OF_RANGE, weft_position_create(f.text, 5, 0, &out));
  EXPECT_STATUS(WEFT_OUT_OF_RANGE, weft_text_apply_delta(f.text, "[{\"retain\":65541}]", WEFT_NUL));
  EXPECT_STATUS(WEFT_OUT_OF_RANGE,
                weft_text_apply_delta(f.text, "[{\"retain\":9007199254740991}]", WEFT_NUL));
  EXPECT_TEXT("\"text\"", &out, weft_type_to_json(f.text, &out));
  tear_down(&f);
}

TEST(TextThatIsNoUtf8IsRefused) {
  fixture f = set_up();
  weft_type* type = NULL;
  weft_doc* doc = NULL;
  weft_buffer out = {NULL, 0};
  weft_doc_options options = doc_options(1);
  options.guid = kNoUtf8;
  options.guid_size = WEFT_NUL;
  REFUSES(weft_doc_new(&options, &doc));
  REFUSES(weft_doc_type(f.doc, WEFT_TEXT, kNoUtf8, WEFT_NUL, &type));
  REFUSES(weft_doc_transact(f.doc, kNoUtf8, WEFT_NUL, do_nothing, NULL));
  REFUSES(weft_text_insert(f.text, 0, kNoUtf8, WEFT_NUL, NULL, 0));
  REFUSES(weft_text_insert(f.text, 0, "\xED\xA0\x80", WEFT_NUL, NULL, 0));  // half a pair
  REFUSES(weft_text_insert(f.text, 0, "x", 1, kNoUtf8, WEFT_NUL));
  REFUSES(weft_entry_set(f.map, kNoUtf8, WEFT_NUL, "1", 1));
  REFUSES(weft_entry_set(f.map, "k", 1, "\"\xC3\"", WEFT_NUL));
  REFUSES(weft_entry_get(f.map, kNoUtf8, WEFT_NUL, &out));
  REFUSES(weft_sequence_insert_type(f.xml, 0, WEFT_XML_ELEMENT, kNoUtf8, WEFT_NUL, &type));
  tear_down(&f);
}

TEST(JsonThatIsNoValueIsRefused) {
  static const char* const kNoValues[] = {
      "",
      "{",
      "undefined",
      "{\"$bigint\":5}",
      "{\"$bigint\":\"9223372036854775808\"}",
      "{\"$binary\":\"!\"}",
      "{\"$number\":\"NAN\"}",
      "{\"$object\":[]}",
  };
  fixture f = set_up();
  weft_subdoc* subdoc = NULL;
  weft_buffer out = {NULL, 0};
  char deep[2000];
  size_t i;
  for (i = 0; i < COUNT(kNoValues); ++i) {
    REFUSES(weft_entry_set(f.map, "k", 1, kNoValues[i], WEFT_NUL));
  }
  REFUSES(weft_entry_set(f.map, "k", 1, NULL, 0));
  REFUSES(weft_entry_set(f.map, "k", 1, NULL, 5));
  memset(deep, '[', 513);
  memset(deep + 513, ']', 513);
  REFUSES(weft_entry_set(f.map, "k", 1, deep, 1026));
  EXPECT_OK(weft_entry_set(f.map, "k", 1, deep + 1, 1024));
  REFUSES(weft_sequence_insert(f.array, 0, "1", 1));
  REFUSES(weft_sequence_insert(f.array, 0, "[{\"$undefined\":true}]", WEFT_NUL));
  REFUSES(weft_sequence_insert(f.array, 0, "[{\"$bigint\":\"1\"}]", WEFT_NUL));
  REFUSES(weft_text_insert(f.text, 0, "x", 1, "[]", 2));
  REFUSES(weft_text_insert(f.text, 0, "x", 1, "{\"b\":{\"$bigint\":\"1\"}}", WEFT_NUL));
  REFUSES(weft_text_insert_embed(f.text, 0, "\"characters\"", WEFT_NUL, NULL, 0));
  REFUSES(weft_text_insert_embed(f.text, 0, "null", WEFT_NUL, NULL, 0));
  REFUSES(weft_text_format(f.text, 0, 1, NULL, 0));
  REFUSES(weft_text_apply_delta(f.text, "{}", 2));
  REFUSES(weft_text_apply_delta(f.text, "[1]", 3));
  REFUSES(weft_text_apply_delta(f.text, "[{}]", 4));
  REFUSES(weft_text_apply_delta(f.text, "[{\"retain\":-1}]", WEFT_NUL));
  REFUSES(weft_text_apply_delta(f.text, "[{\"retain\":0.5}]", WEFT_NUL));
  REFUSES(weft_text_apply_delta(f.text, "[{\"insert\":null}]", WEFT_NUL));
  REFUSES(weft_entry_set_doc(f.map, "d", 1, "[]", 2, &subdoc));
  REFUSES(weft_entry_set_doc(f.map, "d", 1, "{\"guid\":1}", WEFT_NUL, &subdoc));
  REFUSES(weft_entry_set_doc(f.map, "d", 1, "{\"gc\":1}", WEFT_NUL, &subdoc));
  REFUSES(weft_position_encode("{}", 2, &out));
  REFUSES(weft_position_encode("{\"item\":1}", WEFT_NUL, &out));
  tear_down(&f);
}

TEST(ThingsOfAnotherKindAreRefused) {
  fixture f = set_up();
  weft_type* type = NULL;
  weft_subdoc* subdoc = NULL;
  weft_buffer out = {NULL, 0};
#define WRONG(call) EXPECT_STATUS(WEFT_WRONG_KIND, call)
  WRONG(weft_doc_type(f.doc, WEFT_MAP, "t", WEFT_NUL, &type));
  WRONG(weft_text_insert(f.map, 0, "x", 1, NULL, 0));
  WRONG(weft_text_delta(f.array, &out));
  WRONG(weft_sequence_insert(f.text, 0, "[]", 2));
  WRONG(weft_sequence_insert_type(f.map, 0, WEFT_TEXT, NULL, 0, &type));
  WRONG(weft_sequence_insert_type(f.xml, 0, WEFT_MAP, NULL, 0, &type));
  WRONG(weft_sequence_insert_doc(f.xml, 0, NULL, 0, &subdoc));
  WRONG(weft_sequence_delete(f.map, 0, 0));
  WRONG(weft_sequence_get_type(f.array, 0, &type));
  WRONG(weft_sequence_get_doc(f.array, 0, &subdoc));
  WRONG(weft_entry_set(f.array, "k", 1, "1", 1));
  WRONG(weft_entry_set_type(f.text, "k", 1, WEFT_MAP, NULL, 0, &type));
  WRONG(weft_entry_get_type(f.map, "k", 1, &type));
  WRONG(weft_entry_keys(f.xml, &out));
  WRONG(weft_type_to_string(f.array, &out));
  WRONG(weft_position_create(f.map, 0, 0, &out));
  tear_down(&f);
}

TEST(NumbersOfNoMeaningAreRefused) {
  fixture f = set_up();
  weft_doc* doc = NULL;
  weft_type* type = NULL;
  weft_undo* undo = NULL;
  weft_awareness* awareness = NULL;
  weft_buffer out = {NULL, 0};
  weft_doc_options options = doc_options(UINT64_MAX);
  weft_undo_options undo_options;
  REFUSES(weft_doc_new(&options, &doc));
  options = doc_options(1);
  options.unit = 3;
  REFUSES(weft_doc_new(&options, &doc));
  options = doc_options(1);
  options.struct_size = 0;
  REFUSES(weft_doc_new(&options, &doc));
  memset(&undo_options, 0, sizeof(undo_options));
  REFUSES(weft_undo_new(f.doc, NULL, 0, &undo_options, &undo));
  undo_options.struct_size = sizeof(undo_options);
  undo_options.capture_timeout_ms = -1;
  REFUSES(weft_undo_new(f.doc, NULL, 0, &undo_options, &undo));
  REFUSES(weft_undo_new(f.doc, NULL, 1, NULL, &undo));
  REFUSES(weft_awareness_new((uint64_t)1 << 53, &awareness));
  REFUSES(weft_doc_set_client_id(f.doc, (uint64_t)1 << 53));
  REFUSES(weft_doc_type(f.doc, 7, "n", 1, &type));
  REFUSES(weft_doc_type(f.doc, -1, "n", 1, &type));
  REFUSES(weft_doc_type(f.doc, 255, "n", 1, &type));
  REFUSES(weft_doc_type(f.doc, WEFT_XML_HOOK, "n", 1, &type));
  REFUSES(weft_doc_encode_state(f.doc, 0, NULL, 0, &out));
  REFUSES(weft_doc_encode_state(f.doc, 3, NULL, 0, &out));
  REFUSES(weft_merge_updates(WEFT_V1, NULL, NULL, 0, &out));
  tear_down(&f);
}

TEST(MalformedBytesAreRefusedAndChangeNothing) {
  static const uint8_t kNoUpdate[] = {1, 1, 1, 0, 4, 1, 1, 't', 200, 'a', 0};
  static const uint8_t kNoStateVector[] = {1, 255};
  fixture f = set_up();
  weft_awareness* awareness = NULL;
  weft_buffer before = {NULL, 0};
  weft_buffer after = {NULL, 0};
  weft_buffer out = {NULL, 0};
  const uint8_t* const update = kNoUpdate;
  const size_t size = sizeof(kNoUpdate);
  weft_doc* doc = NULL;
  bool flag = false;
  EXPECT_OK(weft_awareness_new(1, &awareness));
  EXPECT_OK(weft_doc_encode_state(f.doc, WEFT_V1, NULL, 0, &before));
  REFUSES(weft_doc_apply_update(f.doc, WEFT_V1, kNoUpdate, size, NULL, 0));
  EXPECT(strstr(weft_error_message(), "at byte 10 of 11") != NULL);
  REFUSES(weft_doc_apply_update(f.doc, WEFT_V2, kNoUpdate, size, NULL, 0));
  REFUSES(weft_doc_apply_update(f.doc, WEFT_V1, NULL, 0, NULL, 0));
  REFUSES(weft_doc_apply_update(f.doc, WEFT_V1, NULL, 7, NULL, 0));
  REFUSES(weft_doc_apply_update(f.doc, WEFT_V1, kNoUpdate, SIZE_MAX, NULL, 0));
  REFUSES(weft_doc_encode_state(f.doc, WEFT_V1, kNoStateVector, 2, &out));
  REFUSES(weft_merge_updates(WEFT_V1, &update, &size, 1, &out));
  REFUSES(weft_diff_update(WEFT_V1, kNoUpdate, size, NULL, 0, &out));
  REFUSES(weft_convert_update(WEFT_V1, WEFT_V2, kNoUpdate, size, &out));
  REFUSES(weft_state_vector_of_update(WEFT_V1, kNoUpdate, size, &out));
  REFUSES(weft_updates_equal(WEFT_V1, kNoUpdate, size, kNoUpdate, size, &flag));
  REFUSES(weft_obfuscate_update(WEFT_V1, kNoUpdate, size, &out));
  REFUSES(weft_doc_at_snapshot(f.doc, WEFT_V1, kNoStateVector, 2, NULL, &doc));
  REFUSES(weft_snapshot_equal(WEFT_V1, kNoStateVector, 2, kNoStateVector, 2, &flag));
  REFUSES(weft_position_decode(kNoStateVector, 2, &out));
  REFUSES(weft_awareness_apply(awareness, kNoUpdate, size, 0));
  EXPECT_OK(weft_doc_encode_state(f.doc, WEFT_V1, NULL, 0, &after));
  EXPECT(before.size == after.size && memcmp(before.data, after.data, after.size) == 0);
  weft_buffer_free(&before);
  weft_buffer_free(&after);
  weft_awareness_free(awareness);
  tear_down(&f);
}

TEST(ATypeThatWasDeletedIsGone) {
  fixture f = set_up();
  weft_type* text = NULL;
  weft_buffer out = {NULL, 0};
  uint64_t length = 1;
  bool exists = true;
  EXPECT_OK(weft_entry_set_type(f.map, "t", 1, WEFT_TEXT, NULL, 0, &text));
  EXPECT_OK(weft_entry_delete(f.map, "t", 1));
  EXPECT_OK(weft_type_exists(text, &exists));
  EXPECT(!exists);
  EXPECT_STATUS(WEFT_GONE, weft_text_insert(text, 0, "x", 1, NULL, 0));
  EXPECT_STATUS(WEFT_GONE, weft_type_length(text, &length));
  EXPECT(length == 0);
  EXPECT_STATUS(WEFT_GONE, weft_type_to_json(text, &out));
  weft_type_free(text);
  tear_down(&f);
}

typedef struct undoer {
  weft_undo* undo;
  int refused;
} undoer;

static void undo_in_observer(void* user_data, const weft_update_event* event) {
  undoer* state = user_data;
  bool done = false;
  (void)event;
  state->refused += weft_undo_undo(state->undo, &done) == WEFT_BUSY;
  state->refused += weft_undo_clear(state->undo, true, true) == WEFT_BUSY;
}

static void undo_in_transaction(void* user_data) { undo_in_observer(user_data, NULL); }

TEST(NothingIsUndoneInTheMiddleOfSomething) {
  fixture f = set_up();
  undoer state = {NULL, 0};
  weft_subscription* subscription = NULL;
  EXPECT_OK(weft_undo_new(f.doc, NULL, 0, NULL, &state.undo));
  EXPECT_OK(weft_doc_transact(f.doc, NULL, 0, undo_in_transaction, &state));
  EXPECT(state.refused == 2);
  EXPECT_OK(weft_doc_on_update(f.doc, WEFT_V1, undo_in_observer, &state, &subscription));
  EXPECT_OK(weft_text_insert(f.text, 0, "x", 1, NULL, 0));
  EXPECT(state.refused == 4);
  weft_subscription_free(subscription);
  weft_undo_free(state.undo);
  tear_down(&f);
}

TEST(AScopeIsWithinItsDocument) {
  fixture f = set_up();
  weft_doc* other = new_doc(2);
  weft_type* text = new_root(other, WEFT_TEXT, "t");
  const weft_type* scope[2];
  weft_undo* undo = NULL;
  scope[0] = f.text;
  scope[1] = text;
  REFUSES(weft_undo_new(f.doc, scope, 2, NULL, &undo));
  EXPECT_OK(weft_undo_new(f.doc, scope, 1, NULL, &undo));
  REFUSES(weft_undo_add_scope(undo, text));
  weft_undo_free(undo);
  weft_type_free(text);
  weft_doc_free(other);
  tear_down(&f);
}

// --- Random calls ---

static uint32_t random_state;

// xorshift
static uint32_t below(uint32_t bound) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 17;
  random_state ^= random_state << 5;
  return random_state % bound;
}

static const char* const kTexts[] = {
    "",
    "a",
    "hello",
    "\xC3\xA9",
    "\xF0\x9F\x98\x80",
    "\xC3(",
    "\xED\xA0\x80",
    "{",
    "null",
    "true",
    "[]",
    "{}",
    "[1,2,3]",
    "{\"b\":true}",
    "{\"b\":null}",
    "t",
    "k",
    "{\"$binary\":\"AQ==\"}",
    "{\"$bigint\":\"1\"}",
    "[{\"insert\":\"x\"},{\"retain\":3,\"attributes\":{\"i\":1}},{\"delete\":2}]",
    "[{\"insert\":{\"e\":1}},{\"retain\":5}]",
    "{\"guid\":\"g\"}",
    "\"\\ud83d\"",
    "{\"tname\":\"t\",\"assoc\":-1}",
    "{\"item\":{\"client\":1,\"clock\":2}}",
    "{\"type\":{\"client\":1,\"clock\":20}}"};

static const char* any_text(size_t* size) {
  const char* text = below(20) == 0 ? NULL : kTexts[below(COUNT(kTexts))];
  switch (below(20)) {
    case 0:
      *size = 0;
      break;
    case 1:
      *size = text == NULL ? 7 : strlen(text) / 2;
      break;
    default:
      *size = WEFT_NUL;
  }
  return text;
}

// Text that is likely to be right: an object, an array, a word.
static const char* likely_text(const char* right, size_t* size) {
  if (below(3) == 0) return any_text(size);
  *size = WEFT_NUL;
  return right;
}

static uint64_t any_number(void) {
  if (below(2) == 0) return below(2);
  switch (below(12)) {
    case 0:
      return UINT64_MAX;
    case 1:
      return (uint64_t)1 << 63;
    case 2:
      return (uint64_t)1 << 53;
    default:
      return below(8);
  }
}

typedef struct world {
  weft_doc* docs[2];
  weft_type* types[8];
  weft_subdoc* subdoc;
  weft_undo* undo;
  weft_awareness* awareness;
  weft_buffer bytes[4];
} world;

static weft_doc* any_doc(world* w) { return below(30) == 0 ? NULL : w->docs[below(2)]; }
static weft_type* any_type(world* w) { return w->types[below(8)]; }

static void keep_type(world* w, weft_type* type) {
  const uint32_t place = below(8);
  if (type == NULL) return;
  weft_type_free(w->types[place]);
  w->types[place] = type;
}

static void keep_bytes(world* w, weft_buffer bytes) {
  const uint32_t place = below(4);
  if (bytes.data == NULL) return;
  weft_buffer_free(&w->bytes[place]);
  w->bytes[place] = bytes;
  if (bytes.size > 0 && below(4) == 0) bytes.data[below((uint32_t)bytes.size)] ^= 1u << below(8);
}

static void call_anything(void* user_data);

static weft_status random_call(world* w) {
  weft_doc* doc = any_doc(w);
  weft_type* type = any_type(w);
  weft_type* made = NULL;
  weft_doc* made_doc = NULL;
  weft_subdoc* made_subdoc = NULL;
  weft_buffer out = {NULL, 0};
  uint64_t number = 0;
  bool flag = false;
  size_t size;
  size_t other_size;
  const char* text = any_text(&size);
  const char* other = any_text(&other_size);
  const weft_buffer* bytes = &w->bytes[below(4)];
  const weft_buffer* more = &w->bytes[below(4)];
  const weft_format format = 1 + (weft_format)below(2);
  const weft_kind kind = (weft_kind)below(8);
  const uint64_t index = any_number();
  const uint64_t count = any_number();
  weft_status status = WEFT_OK;
  switch (below(46)) {
    case 0:
      status = weft_doc_type(doc, kind, text, size, &made);
      break;
    case 1:
      text = likely_text("word", &size);
      status = weft_text_insert(type, index, text, size, NULL, 0);
      break;
    case 2:
      text = likely_text("word", &size);
      other = likely_text("{\"b\":true}", &other_size);
      status = weft_text_insert(type, index, text, size, other, other_size);
      break;
    case 3:
      text = likely_text("{\"e\":1}", &size);
      other = likely_text("{\"i\":null}", &other_size);
      status = weft_text_insert_embed(type, index, text, size, other, other_size);
      break;
    case 4:
      text = likely_text("{\"b\":null,\"c\":1}", &size);
      status = weft_text_format(type, index, count, text, size);
      break;
    case 5:
      text = likely_text(
          "[{\"retain\":2,\"attributes\":{\"b\":1}},{\"insert\":\"x\"},{\"delete\":1}]", &size);
      status = weft_text_apply_delta(type, text, size);
      break;
    case 6:
      status = weft_text_delta(type, &out);
      break;
    case 7:
      text = likely_text("[1,{\"$binary\":\"AQ==\"},\"s\"]", &size);
      status = weft_sequence_insert(type, index, text, size);
      break;
    case 8:
      status = weft_sequence_insert_type(type, index, kind, text, size, &made);
      break;
    case 9:
      status = weft_sequence_delete(type, index, count);
      break;
    case 10:
      status = weft_sequence_get(type, index, &out);
      break;
    case 11:
      status = weft_sequence_get_type(type, index, &made);
      break;
    case 12:
      status = weft_entry_set(type, text, size, other, other_size);
      break;
    case 13:
      status = weft_entry_set_type(type, text, size, kind, other, other_size, &made);
      break;
    case 14:
      status = weft_entry_delete(type, text, size);
      break;
    case 15:
      status = weft_entry_get(type, text, size, &out);
      break;
    case 16:
      status = weft_entry_get_type(type, text, size, &made);
      break;
    case 17:
      status = weft_entry_keys(type, &out);
      break;
    case 18:
      status = weft_entries_to_json(type, &out);
      break;
    case 19:
      status = weft_type_to_json(type, &out);
      break;
    case 20:
      status = weft_type_to_string(type, &out);
      break;
    case 21:
      status = weft_type_parent(type, &made);
      break;
    case 22:
      status = weft_type_name(type, &out);
      break;
    case 23:
      status = weft_position_create(type, index, (int32_t)below(3) - 1, &out);
      break;
    case 24:
      status = weft_position_resolve(doc, text, size, &made, &number);
      break;
    case 25:
      status = weft_position_encode(text, size, &out);
      break;
    case 26:
      status = weft_position_decode(bytes->data, bytes->size, &out);
      break;
    case 27:
      status = weft_doc_encode_state(doc, format, NULL, 0, &out);
      break;
    case 28:
      status = weft_doc_encode_state(doc, format, bytes->data, bytes->size, &out);
      break;
    case 29:
      status = weft_doc_apply_update(doc, format, bytes->data, bytes->size, text, size);
      break;
    case 30:
      status = weft_doc_state_vector(doc, &out);
      break;
    case 31:
      status = weft_doc_snapshot(doc, format, &out);
      break;
    case 32:
      status = weft_doc_at_snapshot(doc, format, bytes->data, bytes->size, NULL, &made_doc);
      break;
    case 33:
      status =
          weft_text_delta_at(type, format, bytes->data, bytes->size, more->data, more->size, &out);
      break;
    case 34:
      status = weft_diff_update(format, bytes->data, bytes->size, more->data, more->size, &out);
      break;
    case 35:
      status = weft_convert_update(format, 3 - format, bytes->data, bytes->size, &out);
      break;
    case 36: {
      const uint8_t* updates[2];
      size_t sizes[2];
      updates[0] = bytes->data;
      updates[1] = more->data;
      sizes[0] = bytes->size;
      sizes[1] = more->size;
      status = weft_merge_updates(format, updates, sizes, 2, &out);
      break;
    }
    case 37:
      status = weft_snapshot_contains_update(format, bytes->data, bytes->size, more->data,
                                             more->size, &flag);
      break;
    case 38:
      status = weft_undo_undo(w->undo, &flag);
      break;
    case 39:
      status = weft_undo_redo(w->undo, &flag);
      break;
    case 40:
      status = weft_undo_add_scope(w->undo, type);
      break;
    case 41:
      status = weft_awareness_apply(w->awareness, bytes->data, bytes->size, (int64_t)index);
      break;
    case 42:
      status = weft_awareness_set_local(w->awareness, text, size, (int64_t)index);
      break;
    case 43:
      status = weft_awareness_encode(w->awareness, NULL, 0, &out);
      break;
    case 44:
      status = weft_entry_set_doc(type, text, size, other, other_size, &made_subdoc);
      break;
    default:
      status = weft_doc_transact(doc, text, size, call_anything, w);
      break;
  }
  if (status == WEFT_OK) weft_doc_free(made_doc);
  EXPECT(status == WEFT_OK || (made == NULL && made_doc == NULL && made_subdoc == NULL &&
                               out.data == NULL && out.size == 0 && number == 0 && !flag));
  EXPECT(status != WEFT_INTERNAL);
  weft_subdoc_free(made_subdoc);
  keep_type(w, made);
  keep_bytes(w, out);
  return status;
}

static int nested_calls;

static void call_anything(void* user_data) {
  if (nested_calls >= 3) return;
  ++nested_calls;
  random_call(user_data);
  --nested_calls;
}

static void call_on_update(void* user_data, const weft_update_event* event) {
  (void)event;
  call_anything(user_data);
}

static void call_on_json(void* user_data, const char* json, size_t size) {
  (void)json;
  (void)size;
  call_anything(user_data);
}

static weft_buffer state_of(weft_doc* doc) {
  weft_buffer state = {NULL, 0};
  EXPECT_OK(weft_doc_encode_state(doc, WEFT_V1, NULL, 0, &state));
  return state;
}

static void make_random_calls(uint32_t seed, bool with_observers) {
  static const char* const kNames[] = {"t", "a", "m", "x", "xt", "xe"};
  static const weft_kind kKinds[] = {WEFT_TEXT,         WEFT_ARRAY,    WEFT_MAP,
                                     WEFT_XML_FRAGMENT, WEFT_XML_TEXT, WEFT_XML_ELEMENT};
  weft_subscription* subscriptions[2] = {NULL, NULL};
  world w;
  int i;
  random_state = seed * 2654435761u + 1;
  memset(&w, 0, sizeof(w));
  for (i = 0; i < 2; ++i) {
    weft_doc_options options = doc_options((uint64_t)i + 1);
    options.keep_deleted = below(2) == 0;
    options.unit = (weft_unit)below(3);
    w.docs[i] = new_doc_with(&options);
  }
  for (i = 0; i < 6; ++i) w.types[i] = new_root(w.docs[below(2)], kKinds[i], kNames[i]);
  for (i = 6; i < 8; ++i) w.types[i] = new_root(w.docs[i - 6], WEFT_TEXT, "t");
  EXPECT_OK(weft_undo_new(w.docs[0], NULL, 0, NULL, &w.undo));
  EXPECT_OK(weft_awareness_new(1, &w.awareness));
  if (with_observers) {
    EXPECT_OK(weft_doc_on_update(w.docs[0], WEFT_V1, call_on_update, &w, &subscriptions[0]));
    EXPECT_OK(weft_type_observe(w.types[0], true, call_on_json, &w, &subscriptions[1]));
  }
  for (i = 0; i < 150; ++i) {
    weft_buffer before[2];
    weft_status status;
    int j;
    for (j = 0; j < 2; ++j) before[j] = state_of(w.docs[j]);
    status = random_call(&w);
    for (j = 0; j < 2; ++j) {
      if (status != WEFT_OK && !with_observers) {
        weft_buffer after = state_of(w.docs[j]);
        EXPECT(before[j].size == after.size && memcmp(before[j].data, after.data, after.size) == 0);
        weft_buffer_free(&after);
      }
      weft_buffer_free(&before[j]);
    }
  }
  // Whatever was called, replicas that hear of one another agree.
  deliver(w.docs[0], w.docs[1]);
  deliver(w.docs[1], w.docs[0]);
  for (i = 0; i < 2; ++i) weft_subscription_free(subscriptions[i]);
  for (i = 0; i < 2; ++i) weft_doc_free(w.docs[i]);
  for (i = 0; i < 8; ++i) weft_type_free(w.types[i]);
  for (i = 0; i < 4; ++i) weft_buffer_free(&w.bytes[i]);
  weft_undo_free(w.undo);
  weft_awareness_free(w.awareness);
}

TEST(RandomCallsNeverEndTheProcessAndChangeNothingWhenTheyFail) {
  uint32_t seed;
  for (seed = 1; seed <= 300; ++seed) make_random_calls(seed, false);
}

TEST(RandomCallsFromObserversNeverEndTheProcess) {
  uint32_t seed;
  for (seed = 1; seed <= 300; ++seed) make_random_calls(seed, true);
}

const tap_case error_cases[] = {
    CASE(NullHandlesAreRefused),
    CASE(NullResultsAreRefused),
    CASE(NullCallbacksAreRefused),
    CASE(IndicesPastTheEndAreRefused),
    CASE(TextThatIsNoUtf8IsRefused),
    CASE(JsonThatIsNoValueIsRefused),
    CASE(ThingsOfAnotherKindAreRefused),
    CASE(NumbersOfNoMeaningAreRefused),
    CASE(MalformedBytesAreRefusedAndChangeNothing),
    CASE(ATypeThatWasDeletedIsGone),
    CASE(NothingIsUndoneInTheMiddleOfSomething),
    CASE(AScopeIsWithinItsDocument),
    CASE(RandomCallsNeverEndTheProcessAndChangeNothingWhenTheyFail),
    CASE(RandomCallsFromObserversNeverEndTheProcess),
};
const size_t error_case_count = COUNT(error_cases);
