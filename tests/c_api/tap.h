#pragma once

// What the tests of the C interface are written with: cases that are named by a sentence, and what
// they expect. The program tells of them in the Test Anything Protocol.
//
//   TEST(TwoDocumentsConverge) { EXPECT(1 + 1 == 2); }
//   static const tap_case kCases[] = {CASE(TwoDocumentsConverge)};

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crdt/weft.h"

typedef struct tap_case {
  const char* name;
  void (*run)(void);
} tap_case;

#define TEST(name) static void name(void)
#define CASE(name) {#name, name}
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

// Each file of tests has a list of them.
extern const tap_case abi_cases[];
extern const size_t abi_case_count;
extern const tap_case document_cases[];
extern const size_t document_case_count;
extern const tap_case type_cases[];
extern const size_t type_case_count;
extern const tap_case observer_cases[];
extern const size_t observer_case_count;
extern const tap_case history_cases[];
extern const size_t history_case_count;
extern const tap_case awareness_cases[];
extern const size_t awareness_case_count;
extern const tap_case error_cases[];
extern const size_t error_case_count;

// Notes that the case has failed, and goes on.
void tap_fail(const char* file, int line, const char* what, const char* got);

#define EXPECT(condition)                                           \
  do {                                                              \
    if (!(condition)) tap_fail(__FILE__, __LINE__, #condition, ""); \
  } while (0)
#define EXPECT_OK(call)                                                               \
  do {                                                                                \
    if ((call) != WEFT_OK) tap_fail(__FILE__, __LINE__, #call, weft_error_message()); \
  } while (0)
#define EXPECT_STATUS(status, call) tap_status(__FILE__, __LINE__, #call, (status), (call))
// The call fills `buffer`, which is compared with `text` and freed.
#define EXPECT_TEXT(text, buffer, call) \
  tap_text(__FILE__, __LINE__, #call, (text), (call), (buffer))

void tap_status(const char* file, int line, const char* what, weft_status expected,
                weft_status got);
void tap_text(const char* file, int line, const char* what, const char* expected,
              weft_status status, weft_buffer* buffer);

// Handles that tests begin with. They end the program when they cannot be made.
weft_doc* new_doc(uint64_t client_id);
weft_doc* new_doc_with(const weft_doc_options* options);
weft_doc_options doc_options(uint64_t client_id);
weft_type* new_root(weft_doc* doc, weft_kind kind, const char* name);
// Tells `to` what `from` has and it lacks.
void deliver(weft_doc* from, weft_doc* to);
