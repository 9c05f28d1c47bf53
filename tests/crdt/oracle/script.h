#pragma once

// What a network of replicas does, step by step: random scripts, their text, and smaller scripts.
//
// Numbers in a script are taken modulo what is possible when the step runs (an index modulo the
// length plus one, an update's number modulo the updates so far), so that a script stays a script
// when steps are taken out of it.
//
//   script := {"clients": [client id], "gc": bool, "settle": bool, "steps": [step]}
//   step   := {"edit": replica, "as": name, "do": [edit]}   one transaction; its update gets that
//   name
//           | {"deliver": replica, "update": name}          an update that some replica emitted
//           | {"sync": replica, "from": replica}            what it lacks, by state vector
//           | {"reload": replica}                           as if the process had been started
//           again
//   edit   := {"root": "text|array|map", "path": [number of a nested type], "remove": bool,
//              "at", "count", "key", "text", "values": [value of the driver]}
//
// An edit inserts (or, for a map, sets) or removes, as its target's type makes sense of it.
// "settle" delivers every update to everybody at the end, in an order made from the seed; without
// it the script ends as it is.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/any.h"

namespace weft::crdt::oracle {

struct Edit {
  std::string root;
  std::vector<std::uint32_t> path;
  bool remove = false;
  std::uint64_t at = 0;
  std::uint64_t count = 1;
  std::string key;
  std::string text;
  std::vector<Any> values;  // in the driver's language
};

struct Step {
  enum class Kind { kEdit, kDeliver, kSync, kReload };
  Kind kind = Kind::kEdit;
  std::size_t replica = 0;
  std::size_t other = 0;    // the update's name (edit, deliver) or the sender (sync)
  std::vector<Edit> edits;  // of kEdit
};

struct Script {
  std::vector<std::uint64_t> clients;  // one replica each
  bool gc = true;
  std::vector<Step> steps;
  bool settle = false;
};

// The same script for the same seed, everywhere.
Script RandomScript(std::uint64_t seed);

// One line a step.
std::string ToText(const Script& script);
std::string ToText(const Step& step);
// Requires: `text` is a script's text.
Script ParseScript(std::string_view text);

// A small script for which `fails` is still true. Requires: fails(script).
Script MinimizeScript(Script script, const std::function<bool(const Script&)>& fails);

}  // namespace weft::crdt::oracle
