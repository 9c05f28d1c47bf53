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
#include <limits>

#include "absl/status/statusor.h"
#include "crdt/base/bytes.h"
#include "crdt/doc.h"
#include "crdt/limits.h"
#include "crdt/pending_report.h"
#include "sync/awareness.h"
#include "sync/message.h"

namespace weft::sync {

class SharedDocument {
 public:
  struct Options {
    crdt::DecodeLimits limits;
    AwarenessLimits awareness;
    // Bytes of the whole document, encoded, after which CheckSpace refuses what makes it larger.
    std::size_t document_bytes = std::numeric_limits<std::size_t>::max();
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

  // Whether ApplyUpdate would do something: blocks or deletions in it are not known here. What waits
  // for missing blocks counts as known only where it is integrated. O(update), and O(document) when
  // it deletes something. Fails: kInvalidArgument, kResourceExhausted.
  absl::StatusOr<bool> BringsNews(crdt::ByteView update) const;

  // OK when the document has space for what `update` brings, or it brings no blocks that are not here:
  // at the bound people can still delete, and come back with what they have. To be asked before an
  // update of a peer is applied; what the log holds is never refused. The bound is kept to within
  // one part in 64.
  // Fails: kResourceExhausted; kInvalidArgument when the update is none.
  absl::Status CheckSpace(crdt::ByteView update);

  // The bytes of the encoded document, or at most twice as many and a megabyte: measured now and
  // then, counted in between.
  std::size_t document_bytes() const { return measured_bytes_ + counted_bytes_; }

  // What all of it takes in memory, as far as that can be told from its bytes.
  std::size_t memory_bytes() const;

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

  // What waits for blocks that nobody has sent; empty when nothing does. O(what waits).
  crdt::PendingReport GetPendingReport() const { return doc_.GetPendingReport(); }

  crdt::Bytes EncodeStateVector() const;

  // Equal for documents that know and have deleted the same (state_checksum.h).
  std::uint64_t Checksum() const;

  Awareness& awareness() { return awareness_; }

  // A name that no other session of this document has.
  SessionId NewSessionId() { return SessionId{++last_session_}; }

 private:
  // The encoded form of what waits for missing blocks, with the delete set: equal before and after
  // an update that integrates nothing if and only if that update added nothing to what waits.
  crdt::Bytes EncodePending() const;
  void Measure();

  Options options_;
  crdt::Doc doc_;
  Awareness awareness_;
  crdt::Subscription subscription_;
  bool integrated_ = false;  // set by the document's update event
  std::uint64_t gap_count_ = 0;
  Frame answer_;  // to a peer with the state vector answered_
  crdt::Bytes answered_;
  std::uint64_t last_session_ = 0;
  std::size_t measured_bytes_ = 0;  // of the encoded document when it was last measured
  std::size_t counted_bytes_ = 0;   // of the updates that brought news since then
};

}  // namespace weft::sync
