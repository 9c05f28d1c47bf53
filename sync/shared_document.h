#pragma once

// What the sessions of one document share on the protocol's side: the replica that updates are
// checked against and answered from, and the awareness.
//
// This is all that a session knows of documents. What stands behind it (a whole crdt::Doc) is not
// seen outside: a state vector with an encoded state could do the same work.
//
// Ownership: lives as long as its sessions; the room that has both closes the sessions first.
// Threads: one, no locks.

#include <cstdint>

#include "absl/status/statusor.h"
#include "crdt/base/bytes.h"
#include "crdt/doc.h"
#include "crdt/limits.h"
#include "sync/awareness.h"
#include "sync/message.h"

namespace weft::sync {

class SharedDocument {
 public:
  struct Options {
    crdt::DecodeLimits limits;
    AwarenessLimits awareness;
  };

  // What an accepted update did.
  struct Applied {
    // Whether it brought something that was not known: integrated, or kept until missing blocks
    // arrive. What is no news need be neither stored nor told.
    bool news = false;
    // 0, or the number of the gap that is open now: parts of this or earlier updates wait for
    // blocks that nobody has sent. Gaps are counted from 1, one ends when nothing waits any more.
    std::uint64_t gap = 0;
  };

  SharedDocument() : SharedDocument(Options{}) {}
  explicit SharedDocument(const Options& options);
  SharedDocument(const SharedDocument&) = delete;
  SharedDocument& operator=(const SharedDocument&) = delete;

  // Applies an update of format v1: those of the log while the document is loaded, those of peers
  // later. Fails: kInvalidArgument, kResourceExhausted (crdt/doc.h); the document is then what it
  // was.
  absl::StatusOr<Applied> ApplyUpdate(crdt::ByteView update);

  // Everything that a peer with this encoded state vector lacks, as an update of format v1: blocks,
  // the whole delete set, and what waits for missing blocks. Fails: kInvalidArgument,
  // kResourceExhausted (crdt/state_vector.h).
  absl::StatusOr<crdt::Bytes> DiffFor(crdt::ByteView encoded_state_vector) const;

  // The same as a SyncStep2. Peers who come together mostly ask the same, with the state vector of
  // an empty document: the last answer is kept and shared until the document changes, or until
  // ForgetAnswer.
  absl::StatusOr<Frame> AnswerFor(crdt::ByteView encoded_state_vector);
  // Gives the memory of the last answer back: to be called now and then.
  void ForgetAnswer() { answer_ = nullptr; }

  crdt::Bytes EncodeStateVector() const;

  Awareness& awareness() { return awareness_; }

  // A name that no other session of this document has.
  SessionId NewSessionId() { return SessionId{++last_session_}; }

 private:
  // The encoded form of what waits for missing blocks, with the delete set: equal before and after
  // an update that integrates nothing if and only if that update added nothing to what waits.
  crdt::Bytes EncodePending() const;

  crdt::Doc doc_;
  Awareness awareness_;
  crdt::Subscription subscription_;
  bool integrated_ = false;  // set by the document's update event
  std::uint64_t gap_count_ = 0;
  Frame answer_;  // to a peer with the state vector answered_
  crdt::Bytes answered_;
  std::uint64_t last_session_ = 0;
};

}  // namespace weft::sync
