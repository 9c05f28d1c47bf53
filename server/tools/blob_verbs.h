#pragma once

// What `weft` does with updates in files: everything but the server and the driver.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "crdt/type_kind.h"
#include "server/tools/blob.h"

namespace weft::server {

// A root type as the command line names it; kUndefined where its kind is to be guessed.
struct RootName {
  std::string name;
  crdt::TypeKind kind = crdt::TypeKind::kUndefined;
};

// "name" or "name:kind". Fails: kInvalidArgument, naming the kinds.
absl::StatusOr<RootName> ParseRootName(const std::string& text);

struct BlobCommand {
  enum class Verb {
    kInspect,
    kJson,
    kText,
    kDelta,
    kMerge,
    kDiff,
    kConvert,
    kStateVector,
    kWhyPending,
    kEqual,
    kBytes,
  };

  Verb verb = Verb::kInspect;
  std::vector<std::string> files;
  std::vector<RootName> roots;
  bool known_is_state_vector = false;  // of kDiff: the second file
  bool as_json = false;                // of kStateVector
  BlobOptions options;
};

// Does it: reads, computes, prints. Whether the answer is yes (updates are equal, nothing waits).
// Fails: kInvalidArgument, in words for whoever typed the command.
absl::StatusOr<bool> RunBlobCommand(const BlobCommand& command);

}  // namespace weft::server
