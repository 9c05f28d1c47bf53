#pragma once

// An application whose documents stand for something else: rows from which they are built, and into which
// they are published.
//
// Threads: any of the service's pool, several at once for different rooms; it has none of its own.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "crdt/base/bytes.h"
#include "store/rows.h"

namespace weft::server::publish {

// So much is done, of so much.
using Progress = std::function<void(std::uint64_t done, std::uint64_t total)>;

// The first update of a room.
struct Beginning {
  crdt::Bytes update;      // of format v1
  std::uint64_t base = 0;  // what it was made from: CurrentBase of then
};

struct PrepareRequest {
  std::string_view room;
  crdt::ByteView state;    // the document at one moment, an update of format v1
  std::uint64_t base = 0;  // what the draft began with, or was last published as
  std::int64_t now_ms = 0;
};

// What publishing would do.
struct Prepared {
  // What is wrong with the document: a JSON array for machines, and words. Without problems both are
  // empty; with some the rest is.
  std::string problems_json;
  std::string error;

  // Writes what differs. May run more than once, on the log's writer thread: short, without calls of the log.
  // Fails: kAborted when what it was prepared from has changed; it is then prepared anew.
  store::RowEdit rows;
  // What the document has to be told, an update of format v1: merges with whatever was edited meanwhile.
  // Empty: nothing.
  crdt::Bytes patch;
  std::uint64_t base = 0;   // afterwards
  std::string report_json;  // for who asked
};

class Publisher {
 public:
  virtual ~Publisher() = default;

  // Where its rows are, and those of its drafts: table "draft" (draft.h). Outlives the service.
  virtual store::Rows& rows() = 0;
  virtual bool Serves(std::string_view room) const = 0;

  // What a room would be built from now: another value when that is something else. Cheap.
  // Fails: kNotFound when there is no such document.
  virtual absl::StatusOr<std::uint64_t> CurrentBase(std::string_view room,
                                                    const store::RowReader& rows) = 0;
  // Fails: as CurrentBase.
  virtual absl::StatusOr<Beginning> Begin(std::string_view room, const store::RowReader& rows) = 0;

  // Validates the document and decides what to do; writes nothing, and must not wait for the log.
  // Fails: kAborted as Prepared::rows; kFailedPrecondition when the base is not current any more
  // ("the revision has moved"); kNotFound, kDataLoss, kInvalidArgument as it says itself.
  virtual absl::StatusOr<Prepared> Prepare(const PrepareRequest& request,
                                           const store::RowReader& rows,
                                           const Progress& progress) = 0;

  // After the commit and what was told of it.
  virtual void OnPublished(std::string_view /*room*/) {}
};

}  // namespace weft::server::publish
