// Transactions, and who is told of them.

#include <stdio.h>
#include <string.h>

#include "tests/c_api/tap.h"

// What an observer heard last, and how often it was called.
typedef struct heard {
  int calls;
  char json[1000];
  char origin[50];
  bool local;
  size_t update_size;
  weft_doc* to;                     // where updates are applied
  weft_subscription* subscription;  // freed by the observer
  weft_type* edits;                 // edited by the observer, once
} heard;

static void hear_update(void* user_data, const weft_update_event* event) {
  heard* observer = user_data;
  observer->calls += 1;
  observer->local = event->local;
  observer->update_size = event->update_size;
  snprintf(observer->origin, sizeof(observer->origin), "%s", event->origin);
  EXPECT(strlen(event->origin) == event->origin_size);
  if (observer->to != NULL) {
    EXPECT_OK(weft_doc_apply_update(observer->to, WEFT_V1, event->update, event->update_size,
                                    "from a friend", WEFT_NUL));
  }
}

static void hear_update_v2(void* user_data, const weft_update_event* event) {
  heard* observer = user_data;
  observer->calls += 1;
  EXPECT_OK(
      weft_doc_apply_update(observer->to, WEFT_V2, event->update, event->update_size, NULL, 0));
}

static void hear_json(void* user_data, const char* json, size_t size) {
  heard* observer = user_data;
  observer->calls += 1;
  EXPECT(strlen(json) == size && size < sizeof(observer->json));
  snprintf(observer->json, sizeof(observer->json), "%s", json);
  if (observer->edits != NULL) {
    weft_type* edited = observer->edits;
    observer->edits = NULL;
    EXPECT_OK(weft_text_insert(edited, 0, ">", WEFT_NUL, NULL, 0));
  }
  weft_subscription_free(observer->subscription);
  observer->subscription = NULL;
}

TEST(EachTransactionIsToldAsOneUpdate) {
  weft_doc* ours = new_doc(1);
  weft_doc* theirs = new_doc(2);
  weft_type* text = new_root(ours, WEFT_TEXT, "t");
  weft_type* their_text = new_root(theirs, WEFT_TEXT, "t");
  heard here = {0};
  heard there = {0};
  weft_subscription* subscriptions[2] = {NULL, NULL};
  weft_buffer out = {NULL, 0};
  here.to = theirs;
  EXPECT_OK(weft_doc_on_update(ours, WEFT_V1, hear_update, &here, &subscriptions[0]));
  EXPECT_OK(weft_doc_on_update(theirs, WEFT_V1, hear_update, &there, &subscriptions[1]));
  EXPECT_OK(weft_text_insert(text, 0, "told", WEFT_NUL, NULL, 0));
  EXPECT(here.calls == 1 && here.local && here.origin[0] == '\0');
  EXPECT(there.calls == 1 && !there.local && strcmp(there.origin, "from a friend") == 0);
  EXPECT_TEXT("told", &out, weft_type_to_string(their_text, &out));
  weft_subscription_free(subscriptions[0]);
  EXPECT_OK(weft_text_insert(text, 0, "not ", WEFT_NUL, NULL, 0));
  EXPECT(here.calls == 1);
  weft_type_free(text);
  weft_type_free(their_text);
  weft_doc_free(ours);
  weft_doc_free(theirs);
  weft_subscription_free(subscriptions[1]);  // may outlive the document
}

TEST(UpdatesAreToldInTheFormatAskedFor) {
  weft_doc* ours = new_doc(1);
  weft_doc* theirs = new_doc(2);
  weft_type* text = new_root(ours, WEFT_TEXT, "t");
  weft_type* their_text = new_root(theirs, WEFT_TEXT, "t");
  heard here = {0};
  weft_subscription* subscription = NULL;
  weft_buffer out = {NULL, 0};
  here.to = theirs;
  EXPECT_OK(weft_doc_on_update(ours, WEFT_V2, hear_update_v2, &here, &subscription));
  EXPECT_OK(weft_text_insert(text, 0, "v2", WEFT_NUL, NULL, 0));
  EXPECT_TEXT("v2", &out, weft_type_to_string(their_text, &out));
  EXPECT(here.calls == 1);
  weft_subscription_free(subscription);
  weft_type_free(text);
  weft_type_free(their_text);
  weft_doc_free(ours);
  weft_doc_free(theirs);
}

typedef struct edit {
  weft_doc* doc;
  weft_type* text;
  int depth;
} edit;

static void edit_nested(void* user_data) {
  edit* state = user_data;
  EXPECT_OK(weft_text_insert(state->text, 0, "x", WEFT_NUL, NULL, 0));
  if (state->depth == 0) return;
  state->depth -= 1;
  EXPECT_OK(weft_doc_transact(state->doc, "inner", WEFT_NUL, edit_nested, state));
  EXPECT_STATUS(WEFT_BUSY,
                weft_doc_apply_update(state->doc, WEFT_V1, (const uint8_t*)"\0\0", 2, NULL, 0));
  EXPECT_STATUS(WEFT_BUSY, weft_doc_set_client_id(state->doc, 3));
}

TEST(NestedTransactionsJoinTheOuterOne) {
  weft_doc* doc = new_doc(1);
  weft_type* text = new_root(doc, WEFT_TEXT, "t");
  edit state = {doc, text, 2};
  heard here = {0};
  weft_subscription* subscription = NULL;
  weft_buffer out = {NULL, 0};
  EXPECT_OK(weft_doc_on_update(doc, WEFT_V1, hear_update, &here, &subscription));
  EXPECT_OK(weft_doc_transact(doc, "outer", WEFT_NUL, edit_nested, &state));
  EXPECT(here.calls == 1 && strcmp(here.origin, "outer") == 0);
  EXPECT_TEXT("xxx", &out, weft_type_to_string(text, &out));
  weft_subscription_free(subscription);
  weft_type_free(text);
  weft_doc_free(doc);
}

TEST(AnObserverHearsHowItsTypeChanged) {
  weft_doc* doc = new_doc(1);
  weft_type* map = new_root(doc, WEFT_MAP, "m");
  weft_type* text = NULL;
  heard shallow = {0};
  heard deep = {0};
  weft_subscription* subscriptions[2] = {NULL, NULL};
  EXPECT_OK(weft_entry_set_type(map, "t", WEFT_NUL, WEFT_TEXT, NULL, 0, &text));
  EXPECT_OK(weft_text_insert(text, 0, "abc", WEFT_NUL, NULL, 0));
  EXPECT_OK(weft_type_observe(map, false, hear_json, &shallow, &subscriptions[0]));
  EXPECT_OK(weft_type_observe(map, true, hear_json, &deep, &subscriptions[1]));

  EXPECT_OK(weft_text_insert(text, 1, "-", WEFT_NUL, "{\"b\":1}", WEFT_NUL));
  EXPECT(shallow.calls == 0 && deep.calls == 1);
  EXPECT(strcmp(deep.json,
                "[{\"kind\":2,\"path\":[\"t\"],\"local\":true,\"origin\":\"\",\"delta\":"
                "[{\"retain\":1},{\"insert\":\"-\",\"attributes\":{\"b\":1}}]}]") == 0);

  EXPECT_OK(weft_entry_set(map, "k", WEFT_NUL, "1", WEFT_NUL));
  EXPECT_OK(weft_entry_set(map, "k", WEFT_NUL, "2", WEFT_NUL));
  EXPECT(shallow.calls == 2 && deep.calls == 3);
  EXPECT(strcmp(shallow.json,
                "[{\"kind\":1,\"path\":[],\"local\":true,\"origin\":\"\",\"keys\":"
                "{\"k\":{\"action\":\"update\",\"oldValue\":1}}}]") == 0);
  weft_subscription_free(subscriptions[0]);
  weft_subscription_free(subscriptions[1]);
  weft_type_free(text);
  weft_type_free(map);
  weft_doc_free(doc);
}

TEST(AnObserverMayEditAndEndItself) {
  weft_doc* doc = new_doc(1);
  weft_type* text = new_root(doc, WEFT_TEXT, "t");
  heard here = {0};
  weft_buffer out = {NULL, 0};
  here.edits = text;
  EXPECT_OK(weft_type_observe(text, false, hear_json, &here, &here.subscription));
  EXPECT_OK(weft_text_insert(text, 0, "a", WEFT_NUL, NULL, 0));
  EXPECT_TEXT(">a", &out, weft_type_to_string(text, &out));
  EXPECT(here.calls == 1 && here.subscription == NULL);
  weft_type_free(text);
  weft_doc_free(doc);
}

typedef struct last_handles {
  weft_doc* doc;
  weft_type* text;
  weft_undo* undo;
  weft_subscription* subscriptions[2];
} last_handles;

static void free_everything(last_handles* handles) {
  int i;
  weft_type_free(handles->text);
  weft_doc_free(handles->doc);
  weft_undo_free(handles->undo);
  for (i = 0; i < 2; ++i) weft_subscription_free(handles->subscriptions[i]);
  memset(handles, 0, sizeof(*handles));
}

static void free_on_update(void* user_data, const weft_update_event* event) {
  (void)event;
  free_everything(user_data);
}

static void free_on_step(void* user_data, weft_undo_event_kind kind, bool redo,
                         weft_undo_step* step) {
  weft_buffer meta = {NULL, 0};
  (void)kind;
  (void)redo;
  free_everything(user_data);
  EXPECT_TEXT("{}", &meta, weft_undo_step_meta(step, &meta));
}

static void free_in_transaction(void* user_data) {
  last_handles* handles = user_data;
  EXPECT_OK(weft_text_insert(handles->text, 0, "x", WEFT_NUL, NULL, 0));
  free_everything(handles);
}

TEST(AnObserverMayFreeTheLastHandles) {
  int round;
  for (round = 0; round < 3; ++round) {
    last_handles handles;
    memset(&handles, 0, sizeof(handles));
    handles.doc = new_doc(1);
    handles.text = new_root(handles.doc, WEFT_TEXT, "t");
    EXPECT_OK(weft_undo_new(handles.doc, NULL, 0, NULL, &handles.undo));
    if (round == 0) {
      EXPECT_OK(weft_doc_on_update(handles.doc, WEFT_V1, free_on_update, &handles,
                                   &handles.subscriptions[0]));
    } else if (round == 1) {
      EXPECT_OK(weft_undo_on_step(handles.undo, free_on_step, &handles, &handles.subscriptions[0]));
    }
    if (round == 2) {
      EXPECT_OK(weft_doc_transact(handles.doc, NULL, 0, free_in_transaction, &handles));
    } else {
      EXPECT_OK(weft_text_insert(handles.text, 0, "x", WEFT_NUL, NULL, 0));
    }
    EXPECT(handles.doc == NULL);
  }
}

const tap_case observer_cases[] = {
    CASE(EachTransactionIsToldAsOneUpdate),  CASE(UpdatesAreToldInTheFormatAskedFor),
    CASE(NestedTransactionsJoinTheOuterOne), CASE(AnObserverHearsHowItsTypeChanged),
    CASE(AnObserverMayEditAndEndItself),     CASE(AnObserverMayFreeTheLastHandles),
};
const size_t observer_case_count = COUNT(observer_cases);
