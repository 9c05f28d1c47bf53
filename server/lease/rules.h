#pragma once

// Which modes of working on a document there are, and which of them go together.
//
//   rules := rule ("," rule)*
//   rule  := mode "=" ("shared" | "exclusive")    many people are in it at once, or one
//          | mode "!" mode                        never people in both
//          | mode "~" blocker                     not to be entered while this blocker stands
//                                                 (write_blockers.h)
//   mode, blocker := [a-z0-9-]+ , at most 64 bytes
//
// A mode is named by "=" before it is used. Example: edit=shared,cuts=exclusive,edit!cuts,cuts~unsaved-draft
//
// Threads: a value type.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace weft::server::lease {

struct Mode {
  std::string name;
  bool shared = false;
  std::vector<std::size_t> excludes;  // modes, by their place in Rules::modes; symmetric
  std::vector<std::string> blockers;
};

class Rules {
 public:
  static constexpr std::size_t kMaxModes = 32;
  static constexpr std::size_t kMaxNameBytes = 64;

  // No modes.
  Rules() = default;
  // Fails: kInvalidArgument, with the rule that is wrong.
  static absl::StatusOr<Rules> Parse(std::string_view text);

  const std::vector<Mode>& modes() const { return modes_; }
  bool empty() const { return modes_.empty(); }
  // Null for an unknown mode.
  const Mode* Find(std::string_view name) const;
  std::size_t IndexOf(const Mode& mode) const {
    return static_cast<std::size_t>(&mode - modes_.data());
  }

 private:
  absl::Status Add(std::string_view rule);

  std::vector<Mode> modes_;
};

}  // namespace weft::server::lease
