// Looking back: snapshots, relative positions, undo.

#include <string.h>

#include "tests/c_api/tap.h"

static void insert(weft_type* text, uint64_t index, const char* characters) {
  EXPECT_OK(weft_text_insert(text, index, characters, WEFT_NUL, NULL, 0));
}

TEST(ASnapshotShowsWhatWasThere) {
  weft_doc_options options = doc_options(1);
  weft_doc* doc;
  weft_doc* then = NULL;
  weft_type* text;
  weft_type* old_text;
  weft_buffer before = {NULL, 0};
  weft_buffer after = {NULL, 0};
  weft_buffer update = {NULL, 0};
  weft_buffer out = {NULL, 0};
  bool answer = false;
  options.keep_deleted = true;
  doc = new_doc_with(&options);
  text = new_root(doc, WEFT_TEXT, "t");
  insert(text, 0, "old");
  EXPECT_OK(weft_doc_snapshot(doc, WEFT_V2, &before));
  EXPECT_OK(weft_doc_encode_state(doc, WEFT_V2, NULL, 0, &update));
  EXPECT_OK(weft_sequence_delete(text, 0, 3));
  insert(text, 0, "new");
  EXPECT_OK(weft_doc_snapshot(doc, WEFT_V2, &after));

  EXPECT_OK(weft_doc_at_snapshot(doc, WEFT_V2, before.data, before.size, NULL, &then));
  old_text = new_root(then, WEFT_TEXT, "t");
  EXPECT_TEXT("old", &out, weft_type_to_string(old_text, &out));
  EXPECT_TEXT("[{\"insert\":\"old\"}]", &out,
              weft_text_delta_at(text, WEFT_V2, before.data, before.size, NULL, 0, &out));
  EXPECT_TEXT(
      "[{\"insert\":\"old\",\"attributes\":{\"ychange\":{\"type\":\"removed\"}}},"
      "{\"insert\":\"new\",\"attributes\":{\"ychange\":{\"type\":\"added\"}}}]",
      &out,
      weft_text_delta_at(text, WEFT_V2, after.data, after.size, before.data, before.size, &out));

  EXPECT_OK(
      weft_snapshot_equal(WEFT_V2, before.data, before.size, before.data, before.size, &answer));
  EXPECT(answer);
  EXPECT_OK(
      weft_snapshot_equal(WEFT_V2, before.data, before.size, after.data, after.size, &answer));
  EXPECT(!answer);
  EXPECT_OK(weft_snapshot_contains_update(WEFT_V2, after.data, after.size, update.data, update.size,
                                          &answer));
  EXPECT(answer);
  weft_buffer_free(&before);
  weft_buffer_free(&after);
  weft_buffer_free(&update);
  weft_type_free(text);
  weft_type_free(old_text);
  weft_doc_free(then);
  weft_doc_free(doc);
}

TEST(ADocumentThatDropsDeletedContentShowsNoSnapshots) {
  weft_doc* doc = new_doc(1);
  weft_doc* then = NULL;
  weft_type* text = new_root(doc, WEFT_TEXT, "t");
  weft_buffer snapshot = {NULL, 0};
  weft_buffer out = {NULL, 0};
  insert(text, 0, "x");
  EXPECT_OK(weft_doc_snapshot(doc, WEFT_V1, &snapshot));
  EXPECT_STATUS(WEFT_UNSUPPORTED,
                weft_doc_at_snapshot(doc, WEFT_V1, snapshot.data, snapshot.size, NULL, &then));
  EXPECT_STATUS(WEFT_UNSUPPORTED,
                weft_text_delta_at(text, WEFT_V1, snapshot.data, snapshot.size, NULL, 0, &out));
  weft_buffer_free(&snapshot);
  weft_type_free(text);
  weft_doc_free(doc);
}

TEST(ARelativePositionStaysWhereItIs) {
  weft_doc* doc = new_doc(1);
  weft_type* text = new_root(doc, WEFT_TEXT, "t");
  weft_type* found = NULL;
  weft_buffer position = {NULL, 0};
  weft_buffer bytes = {NULL, 0};
  weft_buffer decoded = {NULL, 0};
  uint64_t index = 0;
  bool equal = false;
  insert(text, 0, "ac");
  EXPECT_OK(weft_position_create(text, 1, 0, &position));
  EXPECT(strcmp((const char*)position.data,
                "{\"tname\":\"t\",\"item\":{\"client\":1,\"clock\":1},\"assoc\":0}") == 0);
  insert(text, 0, ">>");
  EXPECT_OK(weft_position_resolve(doc, (const char*)position.data, position.size, &found, &index));
  EXPECT(index == 3);
  EXPECT_OK(weft_type_equal(found, text, &equal));
  EXPECT(equal);
  EXPECT_OK(weft_position_encode((const char*)position.data, position.size, &bytes));
  EXPECT_OK(weft_position_decode(bytes.data, bytes.size, &decoded));
  EXPECT(strcmp((const char*)decoded.data, "{\"item\":{\"client\":1,\"clock\":1},\"assoc\":0}") ==
         0);
  weft_type_free(found);
  EXPECT_OK(weft_position_resolve(doc, (const char*)decoded.data, decoded.size, &found, &index));
  EXPECT(index == 3);
  weft_type_free(found);
  EXPECT_STATUS(WEFT_NOT_FOUND, weft_position_resolve(doc, "{\"item\":{\"client\":9,\"clock\":1}}",
                                                      WEFT_NUL, &found, &index));
  EXPECT(found == NULL && index == 0);
  weft_buffer_free(&position);
  weft_buffer_free(&bytes);
  weft_buffer_free(&decoded);
  weft_type_free(text);
  weft_doc_free(doc);
}

static int64_t read_clock(void* user_data) { return *(int64_t*)user_data; }

typedef struct steps {
  int added;
  int updated;
  int popped;
  bool redo;
  char meta[50];
} steps;

static void hear_step(void* user_data, weft_undo_event_kind kind, bool redo, weft_undo_step* step) {
  steps* heard = user_data;
  heard->redo = redo;
  if (kind == WEFT_UNDO_ADDED) {
    heard->added += 1;
    EXPECT_OK(weft_undo_step_set_meta(step, "{\"cursor\":4}", WEFT_NUL));
  } else if (kind == WEFT_UNDO_UPDATED) {
    heard->updated += 1;
  } else {
    weft_buffer meta = {NULL, 0};
    heard->popped += 1;
    EXPECT_TEXT("{\"cursor\":4}", &meta, weft_undo_step_meta(step, &meta));
  }
}

TEST(UndoTakesBackWhatThisUserDid) {
  weft_doc* doc = new_doc(1);
  weft_doc* other = new_doc(2);
  weft_type* text = new_root(doc, WEFT_TEXT, "t");
  weft_type* their_text = new_root(other, WEFT_TEXT, "t");
  const weft_type* scope[1];
  weft_undo_options options;
  weft_undo* undo = NULL;
  weft_subscription* subscription = NULL;
  weft_buffer out = {NULL, 0};
  int64_t now = 1000;
  uint64_t undos = 0;
  uint64_t redos = 0;
  bool done = false;
  steps heard = {0};
  memset(&options, 0, sizeof(options));
  options.struct_size = sizeof(options);
  options.now_ms = read_clock;
  options.now_user_data = &now;
  scope[0] = text;
  EXPECT_OK(weft_undo_new(doc, scope, 1, &options, &undo));
  EXPECT_OK(weft_undo_on_step(undo, hear_step, &heard, &subscription));
  insert(text, 0, "one");
  now += 100;
  insert(text, 3, " two");
  now += 1000;
  insert(text, 7, " three");
  insert(their_text, 0, "theirs ");
  deliver(other, doc);
  EXPECT(heard.added == 2 && heard.updated == 1);
  EXPECT_OK(weft_undo_sizes(undo, &undos, &redos));
  EXPECT(undos == 2 && redos == 0);
  EXPECT_OK(weft_undo_undo(undo, &done));
  EXPECT(done && heard.popped == 1);
  EXPECT_OK(weft_undo_undo(undo, &done));
  EXPECT_TEXT("theirs ", &out, weft_type_to_string(text, &out));
  EXPECT_OK(weft_undo_undo(undo, &done));
  EXPECT(!done);
  EXPECT_OK(weft_undo_redo(undo, &done));
  EXPECT(done && heard.redo);
  EXPECT_OK(weft_undo_sizes(undo, &undos, &redos));
  EXPECT(undos == 1 && redos == 1);
  EXPECT_OK(weft_undo_clear(undo, true, true));
  EXPECT_OK(weft_undo_sizes(undo, &undos, &redos));
  EXPECT(undos == 0 && redos == 0);
  weft_subscription_free(subscription);
  weft_doc_free(doc);
  weft_undo_free(undo);
  weft_doc_free(other);
  weft_type_free(text);
  weft_type_free(their_text);
}

static void insert_x(void* user_data) { insert(user_data, 0, "x"); }

TEST(UndoFollowsTheOriginsThatAreTracked) {
  weft_doc* doc = new_doc(1);
  weft_type* text = new_root(doc, WEFT_TEXT, "t");
  weft_type* more = new_root(doc, WEFT_TEXT, "more");
  const weft_type* scope[1];
  weft_undo_options options;
  weft_undo* undo = NULL;
  uint64_t undos = 0;
  uint64_t redos = 0;
  memset(&options, 0, sizeof(options));
  options.struct_size = sizeof(options);
  options.without_empty_origin = true;
  scope[0] = text;
  EXPECT_OK(weft_undo_new(doc, scope, 1, &options, &undo));
  insert(text, 0, "untracked");
  EXPECT_OK(weft_undo_track_origin(undo, "me", WEFT_NUL));
  EXPECT_OK(weft_doc_transact(doc, "me", WEFT_NUL, insert_x, text));
  EXPECT_OK(weft_doc_transact(doc, "me", WEFT_NUL, insert_x, more));
  EXPECT_OK(weft_undo_sizes(undo, &undos, &redos));
  EXPECT(undos == 1);
  EXPECT_OK(weft_undo_add_scope(undo, more));
  EXPECT_OK(weft_undo_stop_capturing(undo));
  EXPECT_OK(weft_doc_transact(doc, "me", WEFT_NUL, insert_x, more));
  EXPECT_OK(weft_undo_untrack_origin(undo, "me", WEFT_NUL));
  EXPECT_OK(weft_doc_transact(doc, "me", WEFT_NUL, insert_x, more));
  EXPECT_OK(weft_undo_sizes(undo, &undos, &redos));
  EXPECT(undos == 2);
  weft_undo_free(undo);
  weft_type_free(text);
  weft_type_free(more);
  weft_doc_free(doc);
}

const tap_case history_cases[] = {
    CASE(ASnapshotShowsWhatWasThere),
    CASE(ADocumentThatDropsDeletedContentShowsNoSnapshots),
    CASE(ARelativePositionStaysWhereItIs),
    CASE(UndoTakesBackWhatThisUserDid),
    CASE(UndoFollowsTheOriginsThatAreTracked),
};
const size_t history_case_count = COUNT(history_cases);
