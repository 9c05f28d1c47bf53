#pragma once

// What a log's byte strings mean: states, changes and restoration, for which store alone knows no
// documents.
//
// Everything here works on updates of format v1, as the log keeps them.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crdt/base/bytes.h"
#include "crdt/id.h"
#include "crdt/limits.h"
#include "store/compaction.h"
#include "store/log_reader.h"

namespace weft::server {

// For our own bytes, which are not hostile: what was accepted in many updates may be one large one.
crdt::DecodeLimits LogLimits();

// One update that makes the document which all of them make in this order, parts that wait for others
// kept: the log's Merge. Deleted content is dropped, as documents do it.
absl::StatusOr<crdt::Bytes> MergePayloads(std::span<const crdt::ByteView> payloads);

// Whether a payload is an update: the log's CheckPayload.
absl::Status CheckPayload(crdt::ByteView payload);

// The state after record `sequence`, as one update; kNoBound is the newest. Damage is told in
// `report`, what is sound is in the state. Fails: as LogReader::LoadAt.
absl::StatusOr<crdt::Bytes> StateAt(const store::LogReader& log, std::string_view room,
                                    store::Sequence sequence, store::LoadReport& report);

// What came after record `from` until record `to`, as one update: what who has the state `from`
// lacks of the state `to`. Requires: from <= to.
absl::StatusOr<crdt::Bytes> ChangesBetween(const store::LogReader& log, std::string_view room,
                                           store::Sequence from, store::Sequence to);

// An update that brings the content of record `sequence` back when it is applied to the newest
// state: it deletes what came since and inserts anew what went. History is not cut, and whoever has
// edits of theirs under way keeps them. Empty when there is nothing to bring back.
// Fails: as StateAt; kInternal when the result would show anything but that content.
absl::StatusOr<crdt::Bytes> RestoringUpdate(const store::LogReader& log, std::string_view room,
                                            store::Sequence sequence);
// The same of two states.
absl::StatusOr<crdt::Bytes> RestoringUpdate(crdt::ByteView wanted, crdt::ByteView newest);

// Who wrote one record.
struct Change {
  struct Writer {
    crdt::ClientId client{};
    std::uint64_t elements = 0;  // new ones
  };
  std::vector<Writer> writers;
  std::uint64_t deleted = 0;  // elements
};
// Fails: as crdt::DecodeUpdate.
absl::StatusOr<Change> DescribeChange(crdt::ByteView payload);

}  // namespace weft::server
