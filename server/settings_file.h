#pragma once

// A file of settings: the part of TOML that a flat list of names and values needs.
//
//   file    := line*
//   line    := [name "=" value] ["#" anything]
//   name    := (letter | digit | "-" | "_")+, "_" stands for "-"
//   value   := scalar | "[" [scalar ("," scalar)* [","]] "]"       an array may span lines
//   scalar  := '"' with escapes of TOML '"' | "'" anything "'" | true | false | number
//
// Source: TOML 1.0.0. Tables, dates and strings of several lines are told to be none of this.
// Threads: pure.

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace weft::server {

struct Setting {
  std::string name;  // with dashes
  int line = 0;      // of its name, from 1
  bool is_array = false;
  std::vector<std::string> values;  // numbers and booleans as they stand; one unless it is an array
};

// Fails: kInvalidArgument, "line 3: …"; a name that stands twice is a mistake too.
absl::StatusOr<std::vector<Setting>> ParseSettings(std::string_view text);

// A scalar as it stands in a file: text in quotes, numbers and booleans without.
std::string RenderScalar(std::string_view value);

}  // namespace weft::server
