// Shared types: texts, sequences, entries, subdocuments.

#include <string.h>

#include "tests/c_api/tap.h"

TEST(ATextTakesCharactersFormatsAndEmbeds) {
  weft_doc* doc = new_doc(1);
  weft_type* text = new_root(doc, WEFT_TEXT, "t");
  weft_buffer out = {NULL, 0};
  uint64_t length = 0;
  EXPECT_OK(weft_text_insert(text, 0, "Hello world", WEFT_NUL, NULL, 0));
  EXPECT_OK(weft_text_format(text, 0, 5, "{\"bold\":true}", WEFT_NUL));
  EXPECT_OK(weft_text_insert(text, 5, "!", WEFT_NUL, NULL, 0));
  EXPECT_OK(weft_text_insert(text, 6, "?", WEFT_NUL, "{}", WEFT_NUL));
  EXPECT_OK(weft_text_insert_embed(text, 7, "{\"img\":\"u\"}", WEFT_NUL, NULL, 0));
  EXPECT_OK(weft_sequence_delete(text, 8, 1));
  EXPECT_TEXT(
      "[{\"insert\":\"Hello!\",\"attributes\":{\"bold\":true}},{\"insert\":\"?\"},"
      "{\"insert\":{\"img\":\"u\"}},{\"insert\":\"world\"}]",
      &out, weft_text_delta(text, &out));
  EXPECT_TEXT("Hello!?world", &out, weft_type_to_string(text, &out));
  EXPECT_OK(weft_type_length(text, &length));
  EXPECT(length == 13);
  weft_type_free(text);
  weft_doc_free(doc);
}

TEST(ADeltaThatATextGaveMakesTheSameText) {
  weft_doc* doc = new_doc(1);
  weft_type* from = new_root(doc, WEFT_TEXT, "from");
  weft_type* to = new_root(doc, WEFT_TEXT, "to");
  weft_buffer delta = {NULL, 0};
  weft_buffer again = {NULL, 0};
  static const char kDelta[] =
      "[{\"insert\":\"plain \"},{\"insert\":\"bold\",\"attributes\":{\"bold\":true,\"c\":\"red\"}},"
      "{\"insert\":{\"img\":[1,2]},\"attributes\":{\"c\":\"red\"}}]";
  EXPECT_OK(weft_text_apply_delta(from, kDelta, WEFT_NUL));
  EXPECT_OK(weft_text_delta(from, &delta));
  EXPECT(strcmp((const char*)delta.data, kDelta) == 0);
  EXPECT_OK(weft_text_apply_delta(to, (const char*)delta.data, delta.size));
  EXPECT_TEXT(kDelta, &again, weft_text_delta(to, &again));
  EXPECT_OK(weft_text_apply_delta(
      to, "[{\"retain\":6,\"attributes\":{\"bold\":true}},{\"delete\":4},{\"retain\":3}]",
      WEFT_NUL));
  EXPECT_TEXT(
      "[{\"insert\":\"plain \",\"attributes\":{\"bold\":true}},{\"insert\":{\"img\":[1,2]},"
      "\"attributes\":{\"c\":\"red\"}},{\"insert\":\"\\n\\n\"}]",
      &again, weft_text_delta(to, &again));
  weft_buffer_free(&delta);
  weft_type_free(from);
  weft_type_free(to);
  weft_doc_free(doc);
}

// U+00E9 is one UTF-16 unit and two bytes, U+1F600 two and four.
#define E_ACUTE "\xC3\xA9"
#define SMILE "\xF0\x9F\x98\x80"

static void check_unit(weft_unit unit, uint64_t length, uint64_t behind_smile) {
  weft_doc_options options = doc_options(1);
  weft_doc* doc;
  weft_type* text;
  weft_buffer out = {NULL, 0};
  uint64_t number = 0;
  options.unit = unit;
  doc = new_doc_with(&options);
  text = new_root(doc, WEFT_TEXT, "t");
  EXPECT_OK(weft_text_insert(text, 0, E_ACUTE SMILE "z", WEFT_NUL, NULL, 0));
  EXPECT_OK(weft_type_length(text, &number));
  EXPECT(number == length);
  EXPECT_OK(weft_text_to_utf16(text, behind_smile, &number));
  EXPECT(number == 3);
  EXPECT_OK(weft_text_from_utf16(text, 3, &number));
  EXPECT(number == behind_smile);
  EXPECT_OK(weft_text_insert(text, behind_smile, "-", 1, NULL, 0));
  EXPECT_TEXT(E_ACUTE SMILE "-z", &out, weft_type_to_string(text, &out));
  EXPECT_OK(weft_sequence_delete(text, behind_smile, 2));
  EXPECT_TEXT(E_ACUTE SMILE, &out, weft_type_to_string(text, &out));
  EXPECT_STATUS(WEFT_OUT_OF_RANGE, weft_text_insert(text, length, "-", 1, NULL, 0));
  weft_type_free(text);
  weft_doc_free(doc);
}

TEST(IndicesCountInTheUnitOfTheDocument) {
  check_unit(WEFT_UTF16, 4, 3);
  check_unit(WEFT_UTF8, 7, 6);
  check_unit(WEFT_CODE_POINTS, 3, 2);
}

TEST(AnArrayTakesValuesAndTypes) {
  weft_doc* doc = new_doc(1);
  weft_type* array = new_root(doc, WEFT_ARRAY, "a");
  weft_type* map = NULL;
  weft_type* found = NULL;
  weft_type* parent = NULL;
  weft_buffer out = {NULL, 0};
  uint64_t length = 0;
  weft_kind kind = -1;
  bool equal = false;
  EXPECT_OK(weft_sequence_insert(array, 0, "[1,\"two\",{\"$binary\":\"AQI=\"},null]", WEFT_NUL));
  EXPECT_OK(weft_sequence_insert_type(array, 1, WEFT_MAP, NULL, 0, &map));
  EXPECT_OK(weft_entry_set(map, "k", WEFT_NUL, "true", WEFT_NUL));
  EXPECT_TEXT("[1,{\"k\":true},\"two\",{\"$binary\":\"AQI=\"},null]", &out,
              weft_type_to_json(array, &out));
  EXPECT_OK(weft_type_length(array, &length));
  EXPECT(length == 5);
  EXPECT_TEXT("{\"$binary\":\"AQI=\"}", &out, weft_sequence_get(array, 3, &out));
  EXPECT_OK(weft_sequence_get_type(array, 1, &found));
  EXPECT_OK(weft_type_equal(map, found, &equal));
  EXPECT(equal);
  EXPECT_OK(weft_type_kind(found, &kind));
  EXPECT(kind == WEFT_MAP);
  EXPECT_OK(weft_type_parent(found, &parent));
  EXPECT_OK(weft_type_equal(parent, array, &equal));
  EXPECT(equal);
  EXPECT_OK(weft_sequence_delete(array, 0, 3));
  EXPECT_TEXT("[{\"$binary\":\"AQI=\"},null]", &out, weft_type_to_json(array, &out));
  weft_type_free(array);
  weft_type_free(map);
  weft_type_free(found);
  weft_type_free(parent);
  weft_doc_free(doc);
}

TEST(AMapTakesValuesAndTypesByKey) {
  weft_doc* doc = new_doc(1);
  weft_type* map = new_root(doc, WEFT_MAP, "m");
  weft_type* text = NULL;
  weft_type* found = NULL;
  weft_buffer out = {NULL, 0};
  uint64_t size = 0;
  EXPECT_OK(weft_entry_set(map, "a", WEFT_NUL, "{\"deep\":[1]}", WEFT_NUL));
  EXPECT_OK(weft_entry_set_type(map, "t", 1, WEFT_TEXT, NULL, 0, &text));
  EXPECT_OK(weft_text_insert(text, 0, "in it", WEFT_NUL, NULL, 0));
  EXPECT_TEXT("{\"a\":{\"deep\":[1]},\"t\":\"in it\"}", &out, weft_entries_to_json(map, &out));
  EXPECT_TEXT("[\"a\",\"t\"]", &out, weft_entry_keys(map, &out));
  EXPECT_OK(weft_type_length(map, &size));
  EXPECT(size == 2);
  EXPECT_OK(weft_entry_get_type(map, "t", WEFT_NUL, &found));
  weft_type_free(text);
  EXPECT_STATUS(WEFT_WRONG_KIND, weft_entry_get_type(map, "a", WEFT_NUL, &text));
  EXPECT(text == NULL);
  EXPECT_OK(weft_entry_delete(map, "a", WEFT_NUL));
  EXPECT_STATUS(WEFT_NOT_FOUND, weft_entry_get(map, "a", WEFT_NUL, &out));
  EXPECT_TEXT("\"in it\"", &out, weft_entry_get(map, "t", WEFT_NUL, &out));
  weft_type_free(map);
  weft_type_free(found);
  weft_doc_free(doc);
}

TEST(XmlIsATreeWithAttributes) {
  weft_doc* doc = new_doc(1);
  weft_type* fragment = new_root(doc, WEFT_XML_FRAGMENT, "x");
  weft_type* element = NULL;
  weft_type* text = NULL;
  weft_buffer out = {NULL, 0};
  EXPECT_OK(weft_sequence_insert_type(fragment, 0, WEFT_XML_ELEMENT, "p", WEFT_NUL, &element));
  EXPECT_OK(weft_entry_set(element, "class", WEFT_NUL, "\"big\"", WEFT_NUL));
  EXPECT_OK(weft_sequence_insert_type(element, 0, WEFT_XML_TEXT, NULL, 0, &text));
  EXPECT_OK(weft_text_insert(text, 0, "Hi", WEFT_NUL, "{\"b\":{}}", WEFT_NUL));
  EXPECT_TEXT("<p class=\"big\"><b>Hi</b></p>", &out, weft_type_to_string(fragment, &out));
  EXPECT_TEXT("{\"class\":\"big\"}", &out, weft_entries_to_json(element, &out));
  EXPECT_TEXT("p", &out, weft_type_name(element, &out));
  EXPECT_TEXT("x", &out, weft_type_name(fragment, &out));
  EXPECT_STATUS(WEFT_NOT_FOUND, weft_type_name(text, &out));
  weft_type_free(fragment);
  weft_type_free(element);
  weft_type_free(text);
  weft_doc_free(doc);
}

TEST(ValuesComeBackAsTheyWentIn) {
  static const char* const kValues[] = {
      "null",
      "true",
      "-0",
      "1e+21",
      "0.1",
      "\"\xC3\xA9 \\\" \\n\"",
      "{\"$undefined\":true}",
      "{\"$bigint\":\"-9223372036854775808\"}",
      "{\"$number\":\"NaN\"}",
      "{\"$number\":\"-Infinity\"}",
      "{\"$binary\":\"\"}",
      "{\"$binary\":\"AP8=\"}",
      "{\"$object\":{\"$binary\":\"no bytes\"}}",
      "{\"$object\":{\"$object\":{\"a\":1}}}",
      "{\"$ref\":\"itself\"}",
      "{\"$binary\":1,\"$bigint\":2}",
      "{\"2\":[{\"$undefined\":true}],\"b\":{\"c\":{\"$bigint\":\"5\"}}}",
  };
  weft_doc* doc = new_doc(1);
  weft_type* map = new_root(doc, WEFT_MAP, "m");
  weft_doc* copy = new_doc(2);
  weft_type* copied = new_root(copy, WEFT_MAP, "m");
  weft_buffer out = {NULL, 0};
  size_t i;
  for (i = 0; i < COUNT(kValues); ++i) {
    EXPECT_OK(weft_entry_set(map, "k", WEFT_NUL, kValues[i], WEFT_NUL));
    EXPECT_TEXT(kValues[i], &out, weft_entry_get(map, "k", WEFT_NUL, &out));
    deliver(doc, copy);
    EXPECT_TEXT(kValues[i], &out, weft_entry_get(copied, "k", WEFT_NUL, &out));
  }
  // Half a surrogate pair: no update carries it.
  EXPECT_OK(weft_entry_set(map, "k", WEFT_NUL, "\"\\ud83d\"", WEFT_NUL));
  EXPECT_TEXT("\"\xEF\xBF\xBD\"", &out, weft_entry_get(map, "k", WEFT_NUL, &out));
  weft_type_free(map);
  weft_type_free(copied);
  weft_doc_free(doc);
  weft_doc_free(copy);
}

static void keep_last(void* user_data, const char* json, size_t size) {
  char* kept = user_data;
  if (size < 200) memcpy(kept, json, size + 1);
}

TEST(ASubdocumentIsOpenedWhereItStands) {
  weft_doc* doc = new_doc(1);
  weft_type* map = new_root(doc, WEFT_MAP, "m");
  weft_subdoc* made = NULL;
  weft_subdoc* found = NULL;
  weft_doc* inner = NULL;
  weft_doc* again = NULL;
  weft_type* text;
  weft_type* same;
  weft_subscription* subscription = NULL;
  char heard[200] = "";
  weft_buffer out = {NULL, 0};
  bool equal = false;
  EXPECT_OK(weft_doc_on_subdocs(doc, keep_last, heard, &subscription));
  EXPECT_OK(weft_entry_set_doc(map, "d", WEFT_NUL, "{\"guid\":\"g\",\"autoLoad\":true}", WEFT_NUL,
                               &made));
  EXPECT(strcmp(heard, "{\"added\":[\"g\"],\"removed\":[],\"loaded\":[\"g\"]}") == 0);
  EXPECT_TEXT(
      "{\"guid\":\"g\",\"autoLoad\":true,\"shouldLoad\":true,\"options\":{\"autoLoad\":true}}",
      &out, weft_subdoc_to_json(made, &out));
  EXPECT_TEXT("[\"g\"]", &out, weft_doc_subdocs(doc, &out));
  EXPECT_TEXT("{\"$doc\":\"g\"}", &out, weft_entry_get(map, "d", WEFT_NUL, &out));
  EXPECT_OK(weft_entry_get_doc(map, "d", WEFT_NUL, &found));
  EXPECT_OK(weft_subdoc_open(made, &inner));
  EXPECT_OK(weft_subdoc_open(found, &again));
  text = new_root(inner, WEFT_TEXT, "t");
  same = new_root(again, WEFT_TEXT, "t");
  EXPECT_OK(weft_type_equal(text, same, &equal));
  EXPECT(equal);
  EXPECT_OK(weft_subdoc_load(found));
  EXPECT_OK(weft_entry_delete(map, "d", WEFT_NUL));
  EXPECT(strcmp(heard, "{\"added\":[],\"removed\":[\"g\"],\"loaded\":[]}") == 0);
  weft_doc_free(again);
  EXPECT_STATUS(WEFT_GONE, weft_subdoc_open(found, &again));
  // Who has it open keeps it.
  weft_type_free(map);
  weft_doc_free(doc);
  EXPECT_OK(weft_text_insert(text, 0, "kept", WEFT_NUL, NULL, 0));
  EXPECT_TEXT("kept", &out, weft_type_to_string(same, &out));
  weft_subscription_free(subscription);
  weft_subdoc_free(made);
  weft_subdoc_free(found);
  weft_doc_free(inner);
  weft_type_free(text);
  weft_type_free(same);
}

const tap_case type_cases[] = {
    CASE(ATextTakesCharactersFormatsAndEmbeds), CASE(ADeltaThatATextGaveMakesTheSameText),
    CASE(IndicesCountInTheUnitOfTheDocument),   CASE(AnArrayTakesValuesAndTypes),
    CASE(AMapTakesValuesAndTypesByKey),         CASE(XmlIsATreeWithAttributes),
    CASE(ValuesComeBackAsTheyWentIn),           CASE(ASubdocumentIsOpenedWhereItStands),
};
const size_t type_case_count = COUNT(type_cases);
