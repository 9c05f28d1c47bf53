#pragma once

// A document: named root types, the items that make them up, and their exchange as updates.
//
//   Doc doc;
//   Text text = doc.GetText("content");
//   auto subscription = doc.OnUpdate([&](const UpdateEvent& event) { Send(event.update); });
//   doc.Transact("typing", [&] { text.Insert(0, "Hello"); });
//   absl::Status status = other.ApplyUpdate(bytes, "network");
//
// Ownership: a Doc owns everything reachable from it; handles (Text, Array, Map) die with it. Not
// copyable, not movable: handles point into it.
// Threads: one at a time, no locks; different documents are independent.
// Errors: what comes from outside answers absl::Status and leaves the document as it was; a broken
// contract (an index past the end) is a CHECK.
// Source: Yjs 13.6 (Doc, Transaction, encoding); the structure is told in crdt/README.md.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crdt/any.h"
#include "crdt/base/bytes.h"
#include "crdt/collision.h"
#include "crdt/delete_set.h"
#include "crdt/id.h"
#include "crdt/limits.h"
#include "crdt/memory_report.h"
#include "crdt/pending_report.h"
#include "crdt/snapshot.h"
#include "crdt/state_vector.h"
#include "crdt/subscription.h"
#include "crdt/types.h"
#include "crdt/update_format.h"

namespace weft::crdt {

namespace internal {
class DocCore;
}

// What one transaction changed, as an update.
struct UpdateEvent {
  ByteView update;          // in the format subscribed to; valid during the call
  std::string_view origin;  // of the transaction
  bool local = true;        // false when it came through ApplyUpdate
};

// A transaction, for those who watch every one of them. Views are valid during the call.
struct TransactionEvent {
  std::string_view origin;
  bool local = true;
  StateVector before;                  // the state when it began
  StateVector after;                   // when it ended
  const DeleteSet* deletes = nullptr;  // what it deleted; never null
};

// When observers of transactions are called.
enum class TransactionPhase : std::uint8_t {
  kBefore,   // it has begun; `after` and `deletes` are empty
  kAfter,    // its edits and its observers are done; deleted content is still there
  kCleaned,  // garbage is collected, neighbours are merged; update events follow
  kEmitted,  // the update events were; what an observer edits now is no part of them
};

// Subdocuments that a transaction added, removed, or asked to be loaded.
struct SubdocumentsEvent {
  std::vector<Subdocument> added;
  std::vector<Subdocument> removed;
  std::vector<Subdocument> loaded;
};

// What a document does with blocks of a client whose earlier blocks have not come.
enum class HoleMode {
  // They wait, as in Yjs 13.
  kWait,
  // They are integrated, unless they build on what is missing, as in @y/y 14: the state vector then
  // tells where the first hole begins, and the state that is encoded says where holes are, in a form
  // that Yjs 13 reads and lets wait.
  kIntegrate,
};

class Doc {
 public:
  struct Options {
    // Random (32 bits, as Yjs makes them) unless given.
    std::optional<ClientId> client_id;
    // Names the document; random (a UUID) unless given.
    std::string guid;
    // Whether the content of deleted items is dropped at the end of each transaction.
    bool gc = true;
    // Asked for each deleted item before its content is dropped, by the type it stands in and its
    // range of ids; false keeps the content. Without it all is dropped.
    std::function<bool(const SharedType& parent, Id first, Clock length)> gc_filter;
    DecodeLimits limits;
    // What becomes of blocks behind a hole.
    HoleMode holes = HoleMode::kWait;
    // What becomes of an update that gives a known id another content (collision.h).
    CollisionPolicy collisions = CollisionPolicy::kRefuse;
  };

  Doc();
  explicit Doc(Options options);
  ~Doc();
  Doc(const Doc&) = delete;
  Doc& operator=(const Doc&) = delete;

  // The id that this replica writes with. It changes when an update brings blocks of this very id.
  ClientId client_id() const;
  void set_client_id(ClientId client);

  const std::string& guid() const;

  // The root type of that name, made when it does not exist. A root has the type that it was first
  // asked for; asking for another kind later is a CHECK (as Yjs throws).
  Text GetText(std::string_view name);
  Array GetArray(std::string_view name);
  Map GetMap(std::string_view name);
  XmlFragment GetXmlFragment(std::string_view name);
  XmlElement GetXmlElement(std::string_view name);  // its name in XML is "UNDEFINED", as in Yjs
  XmlText GetXmlText(std::string_view name);
  // The same by kind. Requires: kind is not kUndefined.
  SharedType GetType(std::string_view name, TypeKind kind);

  // All roots in the order in which they were first named, kUndefined where nobody has asked for
  // them by kind.
  std::vector<std::pair<std::string, TypeKind>> Roots() const;

  // All subdocuments that are there.
  std::vector<Subdocument> Subdocuments() const;

  // Runs `edit` as one transaction: at its end the update event fires, once. Calls inside a
  // transaction join it; edits outside of one make a transaction of their own.
  void Transact(std::string_view origin, absl::FunctionRef<void()> edit);

  // Applies an update. Parts that depend on blocks not seen yet are kept as pending
  // and applied when those arrive; that is not an error. Fails: kInvalidArgument (malformed, with
  // the offset), kResourceExhausted (a limit), kFailedPrecondition (known ids with another content,
  // CollisionPolicy::kRefuse); the document is then what it was. Requires: no transaction is open.
  absl::Status ApplyUpdate(ByteView update, std::string_view origin = "",
                           UpdateFormat format = UpdateFormat::kV1);

  // Everything that a replica with state vector `known` lacks, pending parts included, as an
  // update; the bytes are those of Yjs for the same history.
  Bytes EncodeStateAsUpdate(const StateVector& known = {},
                            UpdateFormat format = UpdateFormat::kV1) const;

  StateVector GetStateVector() const;

  // Whether something waits for blocks not seen yet.
  bool has_pending() const;
  // What waits, and for which ids. O(what waits).
  PendingReport GetPendingReport() const;

  // How many updates gave a known id another content, and the latest such id; none are counted with
  // CollisionPolicy::kIgnore.
  const CollisionCount& collisions() const;

  // Root types that were asked for by name, as JSON (types: Text a string, Array an array, Map an
  // object), by name in the order they were made.
  Any ToJson() const;

  // Calls `observer` at the end of each transaction that changed something, in subscription order.
  // The observer may edit the document (a further transaction follows) and may cancel
  // subscriptions.
  // Those of format v1 are called before those of v2.
  [[nodiscard]] Subscription OnUpdate(std::function<void(const UpdateEvent&)> observer,
                                      UpdateFormat format = UpdateFormat::kV1);

  // Calls `observer` for each transaction, in the phase asked for.
  [[nodiscard]] Subscription OnTransaction(TransactionPhase phase,
                                           std::function<void(const TransactionEvent&)> observer);

  // Calls `observer` when the last transaction at hand is done, those included that observers made
  // meanwhile: what it edits are transactions apart, each done before the next begins.
  [[nodiscard]] Subscription OnSettled(std::function<void()> observer);

  // Calls `observer` after each transaction that added, removed or loaded subdocuments.
  [[nodiscard]] Subscription OnSubdocuments(std::function<void(const SubdocumentsEvent&)> observer);

  // The state of now, to look at later.
  Snapshot TakeSnapshot() const;
  // A new document with the content of `snapshot`, as `options` says.
  // Fails: kFailedPrecondition when this document drops deleted content (gc), kInvalidArgument when
  // the snapshot is of a state that it has not reached.
  absl::StatusOr<std::unique_ptr<Doc>> DocAt(const Snapshot& snapshot, Options options);

  // What it holds in memory. O(clients + types + values).
  MemoryReport MemoryUsage() const;

  // OK, or the first broken invariant. Slow: visits everything.
  absl::Status Validate() const;

  // For the library.
  internal::DocCore& core() { return *core_; }

 private:
  std::unique_ptr<internal::DocCore> core_;
};

}  // namespace weft::crdt
