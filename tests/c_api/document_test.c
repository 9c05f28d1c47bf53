// Documents, their exchange, and updates without a document.

#include <string.h>

#include "tests/c_api/tap.h"

static void insert(weft_type* text, uint64_t index, const char* characters) {
  EXPECT_OK(weft_text_insert(text, index, characters, WEFT_NUL, NULL, 0));
}

static bool same_bytes(const weft_buffer* a, const weft_buffer* b) {
  return a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

TEST(TwoDocumentsThatHeardOfEachOtherAreEqualToTheByte) {
  weft_doc* ours = new_doc(1);
  weft_doc* theirs = new_doc(2);
  weft_type* our_text = new_root(ours, WEFT_TEXT, "t");
  weft_type* their_text = new_root(theirs, WEFT_TEXT, "t");
  weft_buffer a = {NULL, 0};
  weft_buffer b = {NULL, 0};
  weft_format format;
  insert(our_text, 0, "left");
  insert(their_text, 0, "right");
  deliver(ours, theirs);
  deliver(theirs, ours);
  EXPECT_TEXT("leftright", &a, weft_type_to_string(our_text, &a));
  EXPECT_TEXT("leftright", &b, weft_type_to_string(their_text, &b));
  for (format = WEFT_V1; format <= WEFT_V2; ++format) {
    EXPECT_OK(weft_doc_encode_state(ours, format, NULL, 0, &a));
    EXPECT_OK(weft_doc_encode_state(theirs, format, NULL, 0, &b));
    EXPECT(same_bytes(&a, &b));
    weft_buffer_free(&a);
    weft_buffer_free(&b);
  }
  weft_type_free(our_text);
  weft_type_free(their_text);
  weft_doc_free(ours);
  weft_doc_free(theirs);
}

TEST(AnUpdateIsTheOneThatYjsMakes) {
  // new Y.Doc(), clientID 1: getText('t').insert(0, 'ab')
  static const uint8_t kYjs[] = {1, 1, 1, 0, 4, 1, 1, 't', 2, 'a', 'b', 0};
  weft_doc* doc = new_doc(1);
  weft_type* text = new_root(doc, WEFT_TEXT, "t");
  weft_buffer update = {NULL, 0};
  insert(text, 0, "ab");
  EXPECT_OK(weft_doc_encode_state(doc, WEFT_V1, NULL, 0, &update));
  EXPECT(update.size == sizeof(kYjs) && memcmp(update.data, kYjs, sizeof(kYjs)) == 0);
  weft_buffer_free(&update);
  weft_type_free(text);
  weft_doc_free(doc);
}

TEST(ADocumentHasTheOptionsThatItWasMadeWith) {
  weft_doc_options options = doc_options(77);
  weft_doc* doc;
  weft_buffer guid = {NULL, 0};
  uint64_t client = 0;
  options.guid = "name";
  options.guid_size = WEFT_NUL;
  doc = new_doc_with(&options);
  EXPECT_OK(weft_doc_client_id(doc, &client));
  EXPECT(client == 77);
  EXPECT_TEXT("name", &guid, weft_doc_guid(doc, &guid));
  EXPECT_OK(weft_doc_set_client_id(doc, 78));
  EXPECT_OK(weft_doc_client_id(doc, &client));
  EXPECT(client == 78);
  weft_doc_free(doc);

  EXPECT_OK(weft_doc_new(NULL, &doc));
  EXPECT_OK(weft_doc_guid(doc, &guid));
  EXPECT(guid.size == 36);
  weft_buffer_free(&guid);
  weft_doc_free(doc);
}

TEST(OptionsOfAnOlderHeaderAreUnderstood) {
  weft_doc_options options = doc_options(5);
  weft_doc* doc;
  uint64_t client = 0;
  options.struct_size = offsetof(weft_doc_options, unit);
  options.unit = 1000;  // beyond what that header had
  doc = new_doc_with(&options);
  EXPECT_OK(weft_doc_client_id(doc, &client));
  EXPECT(client == 5);
  weft_doc_free(doc);
}

TEST(ADocumentShowsItsRootsAsJson) {
  weft_doc* doc = new_doc(1);
  weft_type* text = new_root(doc, WEFT_TEXT, "t");
  weft_type* map = new_root(doc, WEFT_MAP, "m");
  weft_buffer json = {NULL, 0};
  insert(text, 0, "x");
  EXPECT_OK(weft_entry_set(map, "k", WEFT_NUL, "[1,{\"$bigint\":\"2\"}]", WEFT_NUL));
  EXPECT_TEXT("{\"t\":\"x\",\"m\":{\"k\":[1,{\"$bigint\":\"2\"}]}}", &json,
              weft_doc_to_json(doc, &json));
  EXPECT_TEXT("[{\"name\":\"t\",\"kind\":2},{\"name\":\"m\",\"kind\":1}]", &json,
              weft_doc_roots(doc, &json));
  weft_type_free(text);
  weft_type_free(map);
  weft_doc_free(doc);
}

TEST(WhatWaitsIsToldAndComesWithWhatItWaitsFor) {
  weft_doc* ours = new_doc(1);
  weft_doc* theirs = new_doc(2);
  weft_type* text = new_root(ours, WEFT_TEXT, "t");
  weft_buffer first = {NULL, 0};
  weft_buffer known = {NULL, 0};
  weft_buffer second = {NULL, 0};
  weft_buffer json = {NULL, 0};
  bool pending = false;
  insert(text, 0, "a");
  EXPECT_OK(weft_doc_encode_state(ours, WEFT_V2, NULL, 0, &first));
  EXPECT_OK(weft_doc_state_vector(ours, &known));
  insert(text, 1, "b");
  EXPECT_OK(weft_doc_encode_state(ours, WEFT_V2, known.data, known.size, &second));

  weft_type_free(text);
  text = new_root(theirs, WEFT_TEXT, "t");
  EXPECT_OK(weft_doc_apply_update(theirs, WEFT_V2, second.data, second.size, NULL, 0));
  size_t memory = 0;
  EXPECT_OK(weft_doc_memory(theirs, &memory));
  EXPECT(memory > 0);
  EXPECT_OK(weft_doc_has_pending(theirs, &pending));
  EXPECT(pending);
  EXPECT_TEXT(
      "{\"blocks\":1,\"elements\":1,\"deletes\":0,\"bytes\":10,\"beyondLimits\":false,"
      "\"missing\":{\"1\":[[0,1]]},\"missingOfDeletes\":{}}",
      &json, weft_doc_pending(theirs, &json));
  EXPECT_OK(weft_doc_apply_update(theirs, WEFT_V2, first.data, first.size, NULL, 0));
  EXPECT_OK(weft_doc_has_pending(theirs, &pending));
  EXPECT(!pending);
  EXPECT_TEXT("ab", &json, weft_type_to_string(text, &json));
  weft_buffer_free(&first);
  weft_buffer_free(&known);
  weft_buffer_free(&second);
  weft_type_free(text);
  weft_doc_free(ours);
  weft_doc_free(theirs);
}

TEST(UpdatesAreMergedCutAndConvertedWithoutADocument) {
  weft_doc* ours = new_doc(1);
  weft_doc* theirs = new_doc(2);
  weft_type* our_text = new_root(ours, WEFT_TEXT, "t");
  weft_type* their_text = new_root(theirs, WEFT_TEXT, "t");
  weft_buffer parts[2] = {{NULL, 0}, {NULL, 0}};
  const uint8_t* updates[2];
  size_t sizes[2];
  weft_buffer merged = {NULL, 0};
  weft_buffer known = {NULL, 0};
  weft_buffer expected = {NULL, 0};
  weft_buffer cut = {NULL, 0};
  weft_buffer v2 = {NULL, 0};
  weft_buffer back = {NULL, 0};
  bool equal = false;
  insert(our_text, 0, "abc");
  insert(their_text, 0, "xyz");
  EXPECT_OK(weft_doc_encode_state(ours, WEFT_V1, NULL, 0, &parts[0]));
  EXPECT_OK(weft_doc_encode_state(theirs, WEFT_V1, NULL, 0, &parts[1]));
  updates[0] = parts[0].data;
  updates[1] = parts[1].data;
  sizes[0] = parts[0].size;
  sizes[1] = parts[1].size;
  EXPECT_OK(weft_merge_updates(WEFT_V1, updates, sizes, 2, &merged));
  deliver(ours, theirs);
  EXPECT_OK(weft_doc_state_vector(theirs, &expected));
  EXPECT_OK(weft_state_vector_of_update(WEFT_V1, merged.data, merged.size, &known));
  EXPECT(same_bytes(&known, &expected));
  weft_buffer_free(&known);

  EXPECT_OK(weft_doc_state_vector(ours, &known));
  EXPECT_OK(weft_diff_update(WEFT_V1, merged.data, merged.size, known.data, known.size, &cut));
  EXPECT(same_bytes(&cut, &parts[1]));

  EXPECT_OK(weft_convert_update(WEFT_V1, WEFT_V2, merged.data, merged.size, &v2));
  EXPECT(!same_bytes(&v2, &merged));
  EXPECT_OK(weft_convert_update(WEFT_V2, WEFT_V1, v2.data, v2.size, &back));
  EXPECT(same_bytes(&back, &merged));

  EXPECT_OK(weft_updates_equal(WEFT_V1, merged.data, merged.size, back.data, back.size, &equal));
  EXPECT(equal);
  EXPECT_OK(weft_updates_equal(WEFT_V1, merged.data, merged.size, cut.data, cut.size, &equal));
  EXPECT(!equal);
  weft_buffer_free(&back);
  EXPECT_OK(weft_obfuscate_update(WEFT_V1, merged.data, merged.size, &back));
  EXPECT(back.size == merged.size && !same_bytes(&back, &merged));

  weft_buffer_free(&parts[0]);
  weft_buffer_free(&parts[1]);
  weft_buffer_free(&merged);
  weft_buffer_free(&known);
  weft_buffer_free(&expected);
  weft_buffer_free(&cut);
  weft_buffer_free(&v2);
  weft_buffer_free(&back);
  weft_type_free(our_text);
  weft_type_free(their_text);
  weft_doc_free(ours);
  weft_doc_free(theirs);
}

TEST(TwoReplicasThatWriteAsOneClientAreNoticed) {
  weft_doc* ours = new_doc(1);
  weft_doc* theirs = new_doc(1);
  weft_type* our_text = new_root(ours, WEFT_TEXT, "t");
  weft_type* their_text = new_root(theirs, WEFT_TEXT, "t");
  weft_buffer update = {NULL, 0};
  weft_buffer out = {NULL, 0};
  insert(our_text, 0, "a");
  insert(their_text, 0, "b");
  EXPECT_OK(weft_doc_encode_state(theirs, WEFT_V1, NULL, 0, &update));
  EXPECT_STATUS(WEFT_COLLISION,
                weft_doc_apply_update(ours, WEFT_V1, update.data, update.size, NULL, 0));
  EXPECT_TEXT("a", &out, weft_type_to_string(our_text, &out));
  weft_buffer_free(&update);
  weft_type_free(our_text);
  weft_type_free(their_text);
  weft_doc_free(ours);
  weft_doc_free(theirs);
}

TEST(HandlesMayBeFreedInAnyOrder) {
  weft_doc* doc = new_doc(1);
  weft_type* text = new_root(doc, WEFT_TEXT, "t");
  weft_type* again = NULL;
  weft_doc* same = NULL;
  weft_buffer json = {NULL, 0};
  bool equal = false;
  EXPECT_OK(weft_type_clone(text, &again));
  weft_doc_free(doc);
  insert(text, 0, "still here");
  weft_type_free(text);
  EXPECT_TEXT("still here", &json, weft_type_to_string(again, &json));
  EXPECT_OK(weft_type_doc(again, &same));
  text = new_root(same, WEFT_TEXT, "t");
  EXPECT_OK(weft_type_equal(text, again, &equal));
  EXPECT(equal);
  weft_type_free(again);
  weft_doc_free(same);
  weft_type_free(text);
}

const tap_case document_cases[] = {
    CASE(TwoDocumentsThatHeardOfEachOtherAreEqualToTheByte),
    CASE(AnUpdateIsTheOneThatYjsMakes),
    CASE(ADocumentHasTheOptionsThatItWasMadeWith),
    CASE(OptionsOfAnOlderHeaderAreUnderstood),
    CASE(ADocumentShowsItsRootsAsJson),
    CASE(WhatWaitsIsToldAndComesWithWhatItWaitsFor),
    CASE(UpdatesAreMergedCutAndConvertedWithoutADocument),
    CASE(TwoReplicasThatWriteAsOneClientAreNoticed),
    CASE(HandlesMayBeFreedInAnyOrder),
};
const size_t document_case_count = COUNT(document_cases);
