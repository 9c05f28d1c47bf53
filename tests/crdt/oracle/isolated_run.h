#pragma once

// Runs a piece of a test in a fork of this process, so that a crash or a hang of it is an answer
// and not the end of the test.

#include <functional>
#include <string>

namespace weft::crdt::oracle {

struct IsolatedResult {
  bool finished = false;  // false: it ended by a signal, a sanitizer's report, or was stopped
  std::string text;  // what the piece returned, or what it wrote to standard error before its end
};

// `piece` is stopped after `limit_s` seconds: a guard against hanging for ever.
IsolatedResult RunIsolated(const std::function<std::string()>& piece, unsigned limit_s = 60);

}  // namespace weft::crdt::oracle
