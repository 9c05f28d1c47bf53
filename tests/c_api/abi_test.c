// The binary interface: what abi.txt has is what programs were compiled with. A line that changes there
// breaks them, and wants another WEFT_ABI_VERSION; lines may be added.
//
//   WEFT_NAME number         a constant
//   size TYPE bytes          of a struct
//   offset TYPE.MEMBER bytes
//   symbol NAME              a function of the shared library
//
// WEFT_ABI is the path of abi.txt, WEFT_HEADER of crdt/weft.h, WEFT_LIBRARY of the shared library.

#define _POSIX_C_SOURCE 200809L  // popen

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/c_api/tap.h"

typedef struct lines {
  char** text;
  size_t count;
} lines;

static void add_line(lines* list, const char* text) {
  char* copy = malloc(strlen(text) + 1);
  strcpy(copy, text);
  list->text = realloc(list->text, (list->count + 1) * sizeof(*list->text));
  list->text[list->count++] = copy;
}

static void add_number(lines* list, const char* name, long number) {
  char line[200];
  snprintf(line, sizeof(line), "%s %ld", name, number);
  add_line(list, line);
}

static bool has_line(const lines* list, const char* text) {
  size_t i;
  for (i = 0; i < list->count; ++i) {
    if (strcmp(list->text[i], text) == 0) return true;
  }
  return false;
}

static void free_lines(lines* list) {
  size_t i;
  for (i = 0; i < list->count; ++i) free(list->text[i]);
  free(list->text);
}

static void read_lines(lines* list, FILE* file) {
  char line[500];
  EXPECT(file != NULL);
  while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
    line[strcspn(line, "\n")] = '\0';
    add_line(list, line);
  }
}

static lines exported_functions(void) {
  lines functions = {NULL, 0};
  lines symbols = {NULL, 0};
  FILE* nm = popen("nm --dynamic --defined-only --format=posix '" WEFT_LIBRARY "'", "r");
  size_t i;
  read_lines(&symbols, nm);
  EXPECT(nm != NULL && pclose(nm) == 0);
  for (i = 0; i < symbols.count; ++i) {
    char* end = strpbrk(symbols.text[i], " @");
    const bool is_version = strstr(symbols.text[i], " A ") != NULL;  // WEFT_0
    if (end != NULL) *end = '\0';
    if (!is_version) add_line(&functions, symbols.text[i]);
  }
  free_lines(&symbols);
  return functions;
}

#define CONSTANT(name) add_number(&found, #name, (long)name)
#define SIZE(type) add_number(&found, "size " #type, (long)sizeof(type))
#define OFFSET(type, member) \
  add_number(&found, "offset " #type "." #member, (long)offsetof(type, member))

static lines interface_of_this_build(void) {
  lines found = {NULL, 0};
  lines functions = exported_functions();
  size_t i;
  CONSTANT(WEFT_ABI_VERSION);
  CONSTANT(WEFT_OK);
  CONSTANT(WEFT_INVALID_ARGUMENT);
  CONSTANT(WEFT_OUT_OF_RANGE);
  CONSTANT(WEFT_WRONG_KIND);
  CONSTANT(WEFT_NOT_FOUND);
  CONSTANT(WEFT_GONE);
  CONSTANT(WEFT_BUSY);
  CONSTANT(WEFT_LIMIT);
  CONSTANT(WEFT_UNSUPPORTED);
  CONSTANT(WEFT_COLLISION);
  CONSTANT(WEFT_INTERNAL);
  CONSTANT(WEFT_ARRAY);
  CONSTANT(WEFT_MAP);
  CONSTANT(WEFT_TEXT);
  CONSTANT(WEFT_XML_ELEMENT);
  CONSTANT(WEFT_XML_FRAGMENT);
  CONSTANT(WEFT_XML_HOOK);
  CONSTANT(WEFT_XML_TEXT);
  CONSTANT(WEFT_UTF16);
  CONSTANT(WEFT_UTF8);
  CONSTANT(WEFT_CODE_POINTS);
  CONSTANT(WEFT_V1);
  CONSTANT(WEFT_V2);
  CONSTANT(WEFT_UNDO_ADDED);
  CONSTANT(WEFT_UNDO_UPDATED);
  CONSTANT(WEFT_UNDO_POPPED);
  SIZE(weft_status);
  SIZE(weft_kind);
  SIZE(weft_unit);
  SIZE(weft_format);
  SIZE(weft_undo_event_kind);
  SIZE(bool);
  SIZE(weft_buffer);
  OFFSET(weft_buffer, data);
  OFFSET(weft_buffer, size);
  SIZE(weft_doc_options);
  OFFSET(weft_doc_options, struct_size);
  OFFSET(weft_doc_options, client_id);
  OFFSET(weft_doc_options, has_client_id);
  OFFSET(weft_doc_options, keep_deleted);
  OFFSET(weft_doc_options, unit);
  OFFSET(weft_doc_options, guid);
  OFFSET(weft_doc_options, guid_size);
  SIZE(weft_update_event);
  OFFSET(weft_update_event, update);
  OFFSET(weft_update_event, update_size);
  OFFSET(weft_update_event, origin);
  OFFSET(weft_update_event, origin_size);
  OFFSET(weft_update_event, local);
  SIZE(weft_undo_options);
  OFFSET(weft_undo_options, struct_size);
  OFFSET(weft_undo_options, now_ms);
  OFFSET(weft_undo_options, now_user_data);
  OFFSET(weft_undo_options, capture_timeout_ms);
  OFFSET(weft_undo_options, ignore_remote_map_changes);
  OFFSET(weft_undo_options, without_empty_origin);
  SIZE(weft_awareness_event);
  OFFSET(weft_awareness_event, added);
  OFFSET(weft_awareness_event, added_count);
  OFFSET(weft_awareness_event, updated);
  OFFSET(weft_awareness_event, updated_count);
  OFFSET(weft_awareness_event, removed);
  OFFSET(weft_awareness_event, removed_count);
  OFFSET(weft_awareness_event, changed);
  OFFSET(weft_awareness_event, local);
  for (i = 0; i < functions.count; ++i) {
    char line[200];
    snprintf(line, sizeof(line), "symbol %s", functions.text[i]);
    add_line(&found, line);
  }
  free_lines(&functions);
  return found;
}

TEST(TheInterfaceIsTheOneThatIsWrittenDown) {
  lines written = {NULL, 0};
  lines found = interface_of_this_build();
  FILE* file = fopen(WEFT_ABI, "r");
  size_t i;
  read_lines(&written, file);
  if (file != NULL) fclose(file);
  for (i = 0; i < written.count; ++i) {
    if (!has_line(&found, written.text[i])) {
      tap_fail(__FILE__, __LINE__, written.text[i], "abi.txt has it, the build does not");
    }
  }
  for (i = 0; i < found.count; ++i) {
    if (!has_line(&written, found.text[i])) {
      tap_fail(__FILE__, __LINE__, found.text[i], "the build has it, abi.txt does not");
    }
  }
  free_lines(&written);
  free_lines(&found);
}

TEST(TheLibraryShowsWhatTheHeaderDeclaresAndNothingElse) {
  lines functions = exported_functions();
  lines header = {NULL, 0};
  lines declared = {NULL, 0};
  FILE* file = fopen(WEFT_HEADER, "r");
  size_t i;
  read_lines(&header, file);
  if (file != NULL) fclose(file);
  // A function is declared where its name is followed by a parenthesis, outside of comments.
  for (i = 0; i < header.count; ++i) {
    char* line = header.text[i];
    char* comment = strstr(line, "//");
    char* name = line;
    if (comment != NULL) *comment = '\0';
    while ((name = strstr(name, "weft_")) != NULL) {
      char* end = name;
      while (isalnum((unsigned char)*end) || *end == '_') ++end;
      if (*end == '(') {
        *end = '\0';
        add_line(&declared, name);
        name = end + 1;
      } else {
        name = end;
      }
    }
  }
  EXPECT(declared.count > 80);
  for (i = 0; i < declared.count; ++i) {
    if (!has_line(&functions, declared.text[i])) {
      tap_fail(__FILE__, __LINE__, declared.text[i], "declared, but not in the library");
    }
  }
  for (i = 0; i < functions.count; ++i) {
    if (!has_line(&declared, functions.text[i])) {
      tap_fail(__FILE__, __LINE__, functions.text[i], "in the library, but not declared");
    }
  }
  free_lines(&functions);
  free_lines(&header);
  free_lines(&declared);
}

TEST(TheVersionIsThatOfTheProject) {
  char version[50];
  snprintf(version, sizeof(version), "%d.%d.%d", WEFT_VERSION_MAJOR, WEFT_VERSION_MINOR,
           WEFT_VERSION_PATCH);
  EXPECT(strcmp(version, WEFT_PROJECT_VERSION) == 0);
  EXPECT(strcmp(weft_version(), WEFT_PROJECT_VERSION) == 0);
  EXPECT(weft_abi_version() == WEFT_ABI_VERSION);
}

const tap_case abi_cases[] = {
    CASE(TheInterfaceIsTheOneThatIsWrittenDown),
    CASE(TheLibraryShowsWhatTheHeaderDeclaresAndNothingElse),
    CASE(TheVersionIsThatOfTheProject),
};
const size_t abi_case_count = COUNT(abi_cases);
