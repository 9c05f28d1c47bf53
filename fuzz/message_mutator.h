#pragma once

// Changes messages by their grammar: awareness entries, messages of y-websocket and y-sweet, frames of
// Hocuspocus and of weft.v1, with updates and awareness in them that are changed by theirs. For fuzzing
// only.
//
// Threads: one.

#include "crdt/base/bytes.h"
#include "fuzz/update_mutator.h"

namespace weft::fuzz {

// Of each: one that decodes, mostly, and one that is `bytes` but for a detail. Bytes that do not decode get
// raw mutations, or are replaced.
struct Grammar {
  crdt::Bytes (*make)(Random& random);
  crdt::Bytes (*mutate)(crdt::ByteView bytes, Random& random, MutateBytes mutate_bytes);
};

extern const Grammar kAwarenessGrammar;   // crdt/awareness.h
extern const Grammar kMessageGrammar;     // sync/message.h
extern const Grammar kHocuspocusGrammar;  // sync/hocuspocus.h
extern const Grammar kWeftV1Grammar;      // sync/weft_v1.h

}  // namespace weft::fuzz
