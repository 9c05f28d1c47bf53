#pragma once

// The same requests to weft's driver, in this process, and to real Yjs.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "crdt/any.h"
#include "crdt/driver/driver.h"
#include "tests/crdt/oracle/yjs_process.h"

namespace weft::crdt::oracle {

class Conversation {
 public:
  // With `trace`, requests are written to standard error before they are answered, for a run that
  // may crash.
  explicit Conversation(YjsProcess& yjs, bool trace = false);

  // Sends a request to both and returns the reply of weft. That of Yjs comes later.
  const std::string& Ask(std::string request);
  Any AskObject(const AnyObject& request);

  driver::Driver& driver() { return driver_; }

  // The requests so far, without those that every conversation begins with.
  std::vector<std::string> Requests() const;

  // Reads every reply of Yjs. The first difference, with its request, or empty. Errors are equal,
  // whatever their texts. Fails: when the Yjs process does.
  absl::StatusOr<std::string> FirstDifference();

 private:
  struct Exchange {
    std::string request;
    std::string weft;
  };

  YjsProcess& yjs_;
  const bool trace_;
  driver::Driver driver_;
  std::vector<Exchange> exchanges_;
  std::size_t first_ = 0;  // of exchanges_ that somebody asked for
};

}  // namespace weft::crdt::oracle
