#pragma once

// The hostile inputs that weft is tested with, as files: `weft fuzz-corpus`, so that other
// implementations of the formats can be tested with them too. What fuzzing has found, or needed to get
// somewhere, is part of the program (fuzz/embed_corpus.mjs).
//
//   DIR/manifest.json   {"weft": version, "inputs": [{"file": path, "kind": kind, "bytes": number,
//                       "from": target/name, "verdict": "accept" | "refuse", "pending"?: bool,
//                       "reason"?: text}]}
//   DIR/KIND/NAME.bin   the bytes; NAME is a hash of them
//
// Kinds: update_v1, update_v2, state_vector, snapshot_v1, snapshot_v2 and any are those of Yjs and lib0,
// position is a relative position, awareness an update of it, message one of y-websocket; json is text.
// The verdict is weft's: whether it decodes, and of an update whether an empty document takes it;
// `pending`, whether a part of it then waits for others.

#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace weft::server {

struct CorpusInput {
  std::string_view kind;
  std::string_view name;    // a hash of the bytes: no two of a kind have the same
  std::string_view origin;  // the target and the file that it comes from
  std::string_view bytes;
};

std::span<const CorpusInput> CorpusInputs();

// What weft makes of an input.
struct CorpusVerdict {
  absl::Status status;
  bool pending = false;  // of an update that was accepted
};
CorpusVerdict JudgeInput(const CorpusInput& input);

// Writes all inputs and the manifest into `directory`, which is made when absent.
// Fails: kInvalidArgument when there is something in it; as the system's write.
absl::Status ExportFuzzCorpus(const std::string& directory);

}  // namespace weft::server
