// The awareness of a client.

#include <string.h>

#include "tests/c_api/tap.h"

typedef struct heard {
  uint64_t added;
  uint64_t updated;
  uint64_t removed;
  int calls;
  bool changed;
  bool local;
  weft_awareness* frees;
} heard;

static void hear(void* user_data, const weft_awareness_event* event) {
  heard* observer = user_data;
  observer->calls += 1;
  observer->added = event->added_count > 0 ? event->added[0] : 0;
  observer->updated = event->updated_count > 0 ? event->updated[0] : 0;
  observer->removed = event->removed_count > 0 ? event->removed[0] : 0;
  observer->changed = event->changed;
  observer->local = event->local;
  weft_awareness_free(observer->frees);
  observer->frees = NULL;
}

static weft_awareness* new_awareness(uint64_t client) {
  weft_awareness* awareness = NULL;
  EXPECT_OK(weft_awareness_new(client, &awareness));
  return awareness;
}

static void tell(const weft_awareness* from, uint64_t client, weft_awareness* to, int64_t now_ms) {
  weft_buffer update = {NULL, 0};
  EXPECT_OK(weft_awareness_encode(from, &client, 1, &update));
  EXPECT_OK(weft_awareness_apply(to, update.data, update.size, now_ms));
  weft_buffer_free(&update);
}

TEST(ClientsSeeTheStatesOfOneAnother) {
  weft_awareness* ours = new_awareness(1);
  weft_awareness* theirs = new_awareness(2);
  weft_subscription* subscription = NULL;
  weft_buffer out = {NULL, 0};
  heard there = {0};
  EXPECT_OK(weft_awareness_on_update(theirs, hear, &there, &subscription));
  EXPECT_OK(weft_awareness_set_local(ours, "{\"name\":\"Anna\"}", WEFT_NUL, 0));
  tell(ours, 1, theirs, 0);
  EXPECT(there.calls == 0);  // a first state has clock 0, which is no news: as in y-protocols
  EXPECT_OK(weft_awareness_set_local(ours, "{\"name\":\"Anna\"}", WEFT_NUL, 5));
  tell(ours, 1, theirs, 5);
  EXPECT(there.calls == 1 && there.added == 1 && there.changed && !there.local);
  EXPECT_TEXT("{\"1\":{\"name\":\"Anna\"}}", &out, weft_awareness_states(theirs, &out));
  EXPECT_TEXT("{\"name\":\"Anna\"}", &out, weft_awareness_get(theirs, 1, &out));
  EXPECT_OK(weft_awareness_set_local(ours, NULL, 0, 6));
  tell(ours, 1, theirs, 6);
  EXPECT(there.calls == 2 && there.removed == 1);
  EXPECT_STATUS(WEFT_NOT_FOUND, weft_awareness_get(theirs, 1, &out));
  weft_subscription_free(subscription);
  weft_awareness_free(ours);
  weft_awareness_free(theirs);
}

TEST(StatesAreRenewedAndExpire) {
  weft_awareness* ours = new_awareness(1);
  weft_awareness* theirs = new_awareness(2);
  weft_subscription* subscription = NULL;
  heard here = {0};
  weft_buffer out = {NULL, 0};
  const uint64_t client = 2;
  EXPECT_OK(weft_awareness_set_local(ours, "{}", WEFT_NUL, 0));
  EXPECT_OK(weft_awareness_set_local(theirs, "{}", WEFT_NUL, 0));
  EXPECT_OK(weft_awareness_set_local(theirs, "{}", WEFT_NUL, 0));
  tell(theirs, 2, ours, 0);
  EXPECT_OK(weft_awareness_on_update(ours, hear, &here, &subscription));
  EXPECT_OK(weft_awareness_tick(ours, 14999));
  EXPECT(here.calls == 0);
  EXPECT_OK(weft_awareness_tick(ours, 15000));
  EXPECT(here.calls == 1 && here.updated == 1 && !here.changed && here.local);
  EXPECT_OK(weft_awareness_tick(ours, 29999));
  EXPECT(here.calls == 1);
  EXPECT_OK(weft_awareness_tick(ours, 30000));
  EXPECT(here.calls == 3 && here.removed == 2);
  EXPECT_TEXT("{\"1\":{}}", &out, weft_awareness_states(ours, &out));
  tell(theirs, 2, ours, 30000);  // with a clock that is known
  EXPECT(here.calls == 3);
  EXPECT_OK(weft_awareness_remove(ours, &client, 1, 30000));
  EXPECT(here.calls == 3);
  weft_subscription_free(subscription);
  weft_awareness_free(ours);
  weft_awareness_free(theirs);
}

TEST(AClientThatIsSaidToBeGoneShowsItselfAgain) {
  weft_awareness* ours = new_awareness(1);
  weft_awareness* theirs = new_awareness(2);
  weft_subscription* subscription = NULL;
  heard here = {0};
  weft_buffer out = {NULL, 0};
  const uint64_t client = 1;
  EXPECT_OK(weft_awareness_set_local(ours, "{}", WEFT_NUL, 0));
  EXPECT_OK(weft_awareness_set_local(ours, "{\"here\":true}", WEFT_NUL, 0));
  tell(ours, 1, theirs, 0);
  EXPECT_OK(weft_awareness_remove(theirs, &client, 1, 0));
  EXPECT_OK(weft_awareness_on_update(ours, hear, &here, &subscription));
  tell(theirs, 1, ours, 0);
  EXPECT(here.calls == 1 && here.updated == 1 && here.local && !here.changed);
  tell(ours, 1, theirs, 0);
  EXPECT_TEXT("{\"here\":true}", &out, weft_awareness_get(theirs, 1, &out));
  weft_subscription_free(subscription);
  weft_awareness_free(ours);
  weft_awareness_free(theirs);
}

TEST(AnObserverMayFreeTheAwareness) {
  weft_awareness* awareness = new_awareness(1);
  weft_subscription* subscription = NULL;
  heard here = {0};
  here.frees = awareness;
  EXPECT_OK(weft_awareness_on_update(awareness, hear, &here, &subscription));
  EXPECT_OK(weft_awareness_set_local(awareness, "{}", WEFT_NUL, 0));
  EXPECT(here.calls == 1 && here.frees == NULL);
  weft_subscription_free(subscription);
}

const tap_case awareness_cases[] = {
    CASE(ClientsSeeTheStatesOfOneAnother),
    CASE(StatesAreRenewedAndExpire),
    CASE(AClientThatIsSaidToBeGoneShowsItselfAgain),
    CASE(AnObserverMayFreeTheAwareness),
};
const size_t awareness_case_count = COUNT(awareness_cases);
