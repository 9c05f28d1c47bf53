#pragma once

// Tokens and people that are not let in although their tokens are valid.
//
//   list := (line "\n")*
//   line := "sub:" subject | "jti:" token id | "#" anything | ""
//
// What follows the colon counts to the end of the line, a carriage return not.
// Threads: a value.

#include <string>
#include <string_view>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/auth/grants.h"

namespace weft::server::auth {

// One entry of the list.
struct Revocation {
  enum class Of { kSubject, kTokenId };
  Of of = Of::kSubject;
  std::string name;

  // The line of it. Fails: kInvalidArgument (no name, or one with line ends in it).
  absl::StatusOr<std::string> ToLine() const;
};

class DenyList {
 public:
  // Fails: kInvalidArgument, naming the line.
  static absl::StatusOr<DenyList> Parse(std::string_view text);

  void Add(const Revocation& revocation);
  bool Denies(const Grants& grants) const;
  bool empty() const { return subjects_.empty() && token_ids_.empty(); }

 private:
  absl::flat_hash_set<std::string> subjects_;
  absl::flat_hash_set<std::string> token_ids_;
};

}  // namespace weft::server::auth
