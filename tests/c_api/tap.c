// Runs the cases, all or those with FILTER in their name:
//
//   c_api_tests [--list | FILTER]

#include "tests/c_api/tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool has_failed;

void tap_fail(const char* file, int line, const char* what, const char* got) {
  has_failed = true;
  printf("# %s:%d: expected: %s\n", file, line, what);
  if (got[0] != '\0') printf("#   got: %s\n", got);
}

void tap_status(const char* file, int line, const char* what, weft_status expected,
                weft_status got) {
  char text[200];
  if (got == expected) {
    if (got != WEFT_OK && weft_error_message()[0] == '\0') {
      tap_fail(file, line, what, "an error without words");
    }
    return;
  }
  snprintf(text, sizeof(text), "status %d instead of %d (%s)", (int)got, (int)expected,
           got == WEFT_OK ? "" : weft_error_message());
  tap_fail(file, line, what, text);
}

void tap_text(const char* file, int line, const char* what, const char* expected,
              weft_status status, weft_buffer* buffer) {
  if (status != WEFT_OK) {
    tap_fail(file, line, what, weft_error_message());
  } else if (buffer->size != strlen(expected) || strcmp((const char*)buffer->data, expected) != 0) {
    tap_fail(file, line, what, (const char*)buffer->data);
    printf("#   instead of: %s\n", expected);
  }
  weft_buffer_free(buffer);
  if (buffer->data != NULL || buffer->size != 0) tap_fail(file, line, what, "not empty when freed");
}

static void must(weft_status status) {
  if (status == WEFT_OK) return;
  printf("Bail out! %s\n", weft_error_message());
  exit(1);
}

weft_doc_options doc_options(uint64_t client_id) {
  weft_doc_options options;
  memset(&options, 0, sizeof(options));
  options.struct_size = sizeof(options);
  options.client_id = client_id;
  options.has_client_id = true;
  return options;
}

weft_doc* new_doc_with(const weft_doc_options* options) {
  weft_doc* doc = NULL;
  must(weft_doc_new(options, &doc));
  return doc;
}

weft_doc* new_doc(uint64_t client_id) {
  const weft_doc_options options = doc_options(client_id);
  return new_doc_with(&options);
}

weft_type* new_root(weft_doc* doc, weft_kind kind, const char* name) {
  weft_type* type = NULL;
  must(weft_doc_type(doc, kind, name, WEFT_NUL, &type));
  return type;
}

void deliver(weft_doc* from, weft_doc* to) {
  weft_buffer known = {NULL, 0};
  weft_buffer update = {NULL, 0};
  must(weft_doc_state_vector(to, &known));
  must(weft_doc_encode_state(from, WEFT_V1, known.data, known.size, &update));
  must(weft_doc_apply_update(to, WEFT_V1, update.data, update.size, "network", WEFT_NUL));
  weft_buffer_free(&known);
  weft_buffer_free(&update);
}

typedef struct group {
  const tap_case* cases;
  size_t count;
} group;

int main(int argc, char** argv) {
  const group groups[] = {
      {abi_cases, abi_case_count},         {document_cases, document_case_count},
      {type_cases, type_case_count},       {observer_cases, observer_case_count},
      {history_cases, history_case_count}, {awareness_cases, awareness_case_count},
      {error_cases, error_case_count},
  };
  const bool list = argc > 1 && strcmp(argv[1], "--list") == 0;
  const char* filter = argc > 1 && !list ? argv[1] : "";
  int number = 0;
  int failures = 0;
  size_t i;
  size_t j;
  setvbuf(stdout, NULL, _IOLBF, 0);
  for (i = 0; i < COUNT(groups); ++i) {
    for (j = 0; j < groups[i].count; ++j) {
      const tap_case* test = &groups[i].cases[j];
      if (list) puts(test->name);
      if (list || strstr(test->name, filter) == NULL) continue;
      has_failed = false;
      test->run();
      ++number;
      failures += has_failed;
      printf("%sok %d - %s\n", has_failed ? "not " : "", number, test->name);
    }
  }
  if (!list) printf("1..%d\n", number);
  return failures == 0 ? 0 : 1;
}
