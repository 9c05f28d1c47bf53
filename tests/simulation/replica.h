#pragma once

// One replica of the document: weft itself, or another implementation in a program of its own that
// speaks the contract of crdt/driver/driver.h ("new", "edit", "apply", "state").
//
// Beside a foreign replica stands a document of weft that is given the same: it tells places for
// edits, and at the end both have to agree. Ownership: the world's. Threads: one.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crdt/doc.h"
#include "crdt/undo_manager.h"
#include "tests/crdt/oracle/yjs_process.h"
#include "tests/simulation/edit.h"

namespace weft::simulation {

class Replica {
 public:
  // The clock of this replica, in milliseconds.
  using Milliseconds = std::function<std::int64_t()>;

  Replica(crdt::ClientId client, Milliseconds milliseconds);
  virtual ~Replica() = default;
  Replica(const Replica&) = delete;
  Replica& operator=(const Replica&) = delete;

  // Does the edit; TakeMade has the updates of it.
  virtual absl::Status Do(const Edit& edit);

  // Takes an update of others. Whether it changed the document. It may make updates of its own:
  // formats that mean nothing any more are taken away.
  virtual absl::StatusOr<bool> Apply(crdt::ByteView update);

  // What was made here since the last call, to be told to others: updates of format v1.
  std::vector<crdt::Bytes> TakeMade() { return std::exchange(made_, {}); }

  // What a peer with that state vector lacks; all of it without one.
  virtual absl::StatusOr<crdt::Bytes> Diff(crdt::ByteView state_vector);
  crdt::Bytes StateVector() const { return crdt::EncodeStateVector(doc_->GetStateVector()); }

  // OK when the replica is sound and, if it is a foreign one, shows what the document beside it does.
  virtual absl::Status Check();

  // Begins anew as another client with what `saved` has.
  virtual absl::Status Restart(crdt::ClientId client, crdt::ByteView saved);

  // Of a foreign replica: the one beside it.
  crdt::Doc& doc() { return *doc_; }

 protected:
  void Open(crdt::ClientId client);

  std::unique_ptr<crdt::Doc> doc_;
  Cursor cursor_;
  std::vector<crdt::Bytes> made_;

 private:
  Milliseconds milliseconds_;
  std::unique_ptr<crdt::UndoManager> undo_;
  crdt::Subscription subscription_;
  bool changed_ = false;
};

// A program whose replicas take part; several share one process.
class ForeignProgram {
 public:
  // Its command with arguments. Fails: kUnavailable.
  static absl::StatusOr<std::shared_ptr<ForeignProgram>> Start(
      const std::vector<std::string>& command);

  // One request and its reply. Fails: kInternal when the program answers an error, to this request or
  // to one that it was told before.
  absl::StatusOr<crdt::AnyObject> Ask(crdt::AnyObject request);
  // One request whose reply says nothing but that it is done. It waits to be sent with the next that
  // is asked, or until there are many: each turn to another process and back takes longer than most
  // edits. Fails: as Ask.
  absl::Status Tell(const crdt::AnyObject& request);
  double NewDocument() { return static_cast<double>(++last_); }

 private:
  // The reply to the oldest request without one.
  absl::StatusOr<crdt::AnyObject> Hear();
  // Hears that what was told is done.
  absl::Status HearAll();

  std::unique_ptr<crdt::oracle::YjsProcess> process_;
  std::size_t told_ = 0;  // requests whose replies were not heard
  std::uint64_t last_ = 0;
};

// Undoing is not asked of foreign replicas. Fails: as Ask.
absl::StatusOr<std::unique_ptr<Replica>> MakeForeignReplica(std::shared_ptr<ForeignProgram> program,
                                                            crdt::ClientId client,
                                                            Replica::Milliseconds milliseconds);

}  // namespace weft::simulation
