#pragma once

// The conformance driver: documents on command, so that the test suite of any language can run
// against weft. One JSON object a request, one a reply.
//
// Bytes are base64, indices and lengths of texts UTF-16 code units, values as in value_language.h,
// what is put into documents as in content.h. A request that cannot be done answers {"error": text}
// and changes nothing; only "edit" keeps what its actions did before the one that failed, as Yjs
// does. tests/crdt/oracle/yjs_oracle.mjs answers the same with the real Yjs.
//
//   request                                                 → reply
//   {"op":"new", doc, "clientID"?, "gc"?, "keep"?, "both"?, "holes"?} → {"clientID"}
//       keep: deleted items whose first clock is a multiple of it keep their content; both: v2
//       updates as well; holes: blocks behind a hole as in @y/y 14
//   {"op":"drop", doc}                                      → {}
//   {"op":"apply", doc, "update", "v"?, "origin"?}          → {"updates":[v1 updates emitted],
//   "clientID"}
//   {"op":"edit", doc, "actions":[action], "origin"?}       → {"update": v1 or null}   see actions.h
//   {"op":"state", doc, "v"?, "sv"?}                        → {"update"}
//   {"op":"sv", doc}                                        → {"sv"}
//   {"op":"json", doc, "types":{name: kind}}                → {"json":{…}, "delta":{… of texts}}
//   {"op":"read", doc, type, "snapshot"?, "previous"?, "v"?}
//                              → {"kind","length","json","delta"?,"attributes"?}; of texts also at a
//                                snapshot, and what changed since a previous one: {"delta"}
//   {"op":"pending", doc}                                   → {"pending": bool}
//   {"op":"subdocuments", doc}                              → {"subdocuments":[guid]}, sorted
//   {"op":"validate", doc}                                  → {}
//
//   {"op":"observe", doc, "observer": number, type, "deep"?}              → {}
//   {"op":"observe", doc, "observer", "what":"transactions" or "subdocuments"}
//   {"op":"unobserve", doc, "observer"}                     → {}
//       From then on, replies of requests that change the document have "events":[…].
//
//   {"op":"undo.new", doc, "manager": number, "scope"?:[type], "origins"?:[text or null],
//    "captureTimeout"?, "ignoreRemoteMapChanges"?}          → {}   scope: else the whole document
//   {"op":"undo.undo" or "undo.redo", doc, "manager"}       → {"done","undo","redo","updates","events"}
//   {"op":"undo.stop", doc, "manager"}                      → {"undo","redo"}   sizes of the stacks
//   {"op":"undo.clear", doc, "manager", "undo"?, "redo"?}   → as undo.undo without "done"
//   {"op":"undo.drop", doc, "manager"}                      → {}
//       "now" in any request sets the clock that capture timeouts are measured with, in ms.
//
//   {"op":"users.new", doc}                                 → {}   permanent user data, once
//   {"op":"users.map", doc, "user", "clientID"?, "except"?: origin}       → {"updates","events"}
//       clientID: else the document's own; except: what such transactions delete is not recorded
//   {"op":"users.who", doc, "clientID" or "id":[client, clock]}           → {"user": text or null}
//
//   {"op":"snapshot", doc, "v"?}                            → {"snapshot"}
//   {"op":"snapshot.doc", doc, "snapshot", "v"?, "as": doc, "clientID"?, "gc"?} → {"clientID"}
//   {"op":"snapshot.equal", "a", "b", "v"?}                 → {"equal"}
//   {"op":"snapshot.contains", "snapshot", "update", "v"?}  → {"contains"}
//   {"op":"position", doc, type, "index", "assoc"?}         → {"position","json"}
//   {"op":"resolve", doc, "position" or "json", "follow"?}  → {"index" or null,"assoc","root" or "item"}
//
//   {"op":"merge", "updates":[…], "v"?}                     → {"update"}
//   {"op":"diff", "update", "sv", "v"?}                     → {"update"}
//   {"op":"convert", "update", "from", "to"}                → {"update"}
//   {"op":"svOf", "update", "v"?}                           → {"sv"}
//   {"op":"parseMeta", "update", "v"?}                      → {"from":[[client, clock]],"to":[[…]]}
//   {"op":"intersect", "update", "v"?, "ids":[[client, clock, length]]} → {"update"}
//   {"op":"obfuscate", "update", "v"?, "options"?}          → {"update"}   options as in Yjs: flags
//                                                             "formatting", "subdocs", "yxml"
//   {"op":"equal", "a", "b", "v"?}                          → {"equal"}   weft alone has this
//   {"op":"seed", "clientID"}                               → {}   made-up client ids count from there
//   {"op":"reset"}                                          → {}   all is as in the beginning
//   {"op":"version"}                                        → {"weft"}
//
//   doc  := "doc": number or string        kind := text|array|map|xmlfragment|xmltext|xmlelement
//   type := "name", "path"?:[key or index], "kind"?         kind: of a root that has none yet

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "crdt/driver/members.h"
#include "crdt/driver/replica.h"

namespace weft::crdt::driver {

// What a driver takes at most, so that no request makes it large or slow.
struct DriverLimits {
  // Bytes of one request.
  std::size_t request_bytes = std::size_t{64} << 20;
  // JSON values in one request: each may take 600 bytes on its way into a document.
  std::size_t request_values = std::size_t{1} << 20;
  // How deep they stand in one another: what a value may have in an update, and its request around.
  std::size_t request_depth = DecodeLimits{}.value_depth + 16;
  // Blocks of one update: to integrate them takes time.
  std::size_t update_blocks = std::size_t{1} << 22;
  // Memory that an update may take beside its request.
  std::size_t update_memory = std::size_t{512} << 20;
  // Mappings of clients to users in one document: each deletion is recorded for every one.
  std::size_t user_mappings = 1000;
  // Milliseconds after which an edit is ended before its next action, where the driver has a clock:
  // the largest requests take a third of it, unless each action looks through thousands of
  // attributes.
  std::int64_t edit_ms = 1500;
};

// Threads: one.
class Driver {
 public:
  // `clock` answers milliseconds that never go back; without one, edits take as long as they take.
  explicit Driver(DriverLimits limits = {}, std::function<std::int64_t()> clock = nullptr);
  ~Driver();
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  // The reply to one request, without line ends. Any line whatever is answered.
  std::string Answer(std::string_view line);

  const DriverLimits& limits() const { return limits_; }

  // For tests: the document that requests call by that number, or null.
  Doc* Find(std::uint64_t number);

 private:
  using Operation = absl::Status (Driver::*)(Members&, Reply&);
  static Operation FindOperation(std::string_view name);

  absl::Status Run(std::string_view line, Reply& reply);

  // -- Documents --
  absl::Status New(Members& members, Reply& reply);
  absl::Status Drop(Members& members, Reply& reply);
  absl::Status Apply(Members& members, Reply& reply);
  absl::Status Edit(Members& members, Reply& reply);
  absl::Status State(Members& members, Reply& reply);
  absl::Status Sv(Members& members, Reply& reply);
  absl::Status Json(Members& members, Reply& reply);
  absl::Status Read(Members& members, Reply& reply);
  absl::Status Pending(Members& members, Reply& reply);
  absl::Status Subdocuments(Members& members, Reply& reply);
  absl::Status Validate(Members& members, Reply& reply);

  // -- What watches them --
  absl::Status Observe(Members& members, Reply& reply);
  absl::Status Unobserve(Members& members, Reply& reply);
  absl::Status UndoNew(Members& members, Reply& reply);
  absl::Status UndoUndo(Members& members, Reply& reply);
  absl::Status UndoRedo(Members& members, Reply& reply);
  absl::Status UndoStop(Members& members, Reply& reply);
  absl::Status UndoClear(Members& members, Reply& reply);
  absl::Status UndoDrop(Members& members, Reply& reply);
  absl::Status UsersNew(Members& members, Reply& reply);
  absl::Status UsersMap(Members& members, Reply& reply);
  absl::Status UsersWho(Members& members, Reply& reply);

  // -- Points in time and in a sequence --
  absl::Status TakeSnapshot(Members& members, Reply& reply);
  absl::Status SnapshotDoc(Members& members, Reply& reply);
  absl::Status SnapshotEqual(Members& members, Reply& reply);
  absl::Status SnapshotContains(Members& members, Reply& reply);
  absl::Status Position(Members& members, Reply& reply);
  absl::Status Resolve(Members& members, Reply& reply);

  // -- Updates without a document, and the rest --
  absl::Status Merge(Members& members, Reply& reply);
  absl::Status Diff(Members& members, Reply& reply);
  absl::Status Convert(Members& members, Reply& reply);
  absl::Status SvOf(Members& members, Reply& reply);
  absl::Status ParseMeta(Members& members, Reply& reply);
  absl::Status Intersect(Members& members, Reply& reply);
  absl::Status Obfuscate(Members& members, Reply& reply);
  absl::Status Equal(Members& members, Reply& reply);
  absl::Status Seed(Members& members, Reply& reply);
  absl::Status Reset(Members& members, Reply& reply);
  absl::Status Version(Members& members, Reply& reply);

  Replica* FindReplica(Members& members);  // null after a failure, which `members` remembers
  UndoManager* FindUndoManager(Members& members, Replica& replica);
  std::optional<std::string> ReadDocKey(Members& members, std::string_view name);
  void Open(std::string key, std::unique_ptr<Doc> doc, bool both_formats, Reply& reply);
  Doc::Options ReadDocOptions(Members& members);
  absl::StatusOr<Snapshot> ReadSnapshot(Members& members, std::string_view name);
  void ReportUndo(Replica& replica, UndoManager& manager, Reply& reply);

  const DriverLimits limits_;
  const std::function<std::int64_t()> clock_;
  DecodeLimits decode_limits_;
  std::map<std::string, std::unique_ptr<Replica>, std::less<>> replicas_;
  std::optional<std::uint64_t> next_client_;  // of "seed"; else they are random
  std::int64_t now_ms_ = 1;
};

}  // namespace weft::crdt::driver
