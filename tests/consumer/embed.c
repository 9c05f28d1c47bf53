#include <stdio.h>
#include <weft.h>

// Tells another document of a change. Over a network this would send the bytes.
static void send_update(void* other, const weft_update_event* event) {
  if (weft_doc_apply_update(other, WEFT_V1, event->update, event->update_size, "network",
                            WEFT_NUL) != WEFT_OK) {
    fprintf(stderr, "%s\n", weft_error_message());
  }
}

int main(void) {
  weft_doc *ours = NULL, *theirs = NULL;
  weft_type *text = NULL, *copy = NULL;
  weft_subscription* subscription = NULL;
  weft_buffer delta = {NULL, 0};
  weft_doc_new(NULL, &ours);
  weft_doc_new(NULL, &theirs);
  weft_doc_type(ours, WEFT_TEXT, "content", WEFT_NUL, &text);
  weft_doc_type(theirs, WEFT_TEXT, "content", WEFT_NUL, &copy);
  weft_doc_on_update(ours, WEFT_V1, send_update, theirs, &subscription);

  weft_text_insert(text, 0, "Hello", WEFT_NUL, "{\"bold\":true}", WEFT_NUL);
  if (weft_text_delta(copy, &delta) != WEFT_OK) {
    fprintf(stderr, "%s\n", weft_error_message());
    return 1;
  }
  printf("%s\n", (const char*)delta.data);  // [{"insert":"Hello","attributes":{"bold":true}}]

  weft_buffer_free(&delta);
  weft_subscription_free(subscription);
  weft_type_free(text);
  weft_type_free(copy);
  weft_doc_free(ours);
  weft_doc_free(theirs);
  return 0;
}
