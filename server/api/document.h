#pragma once

// What the API shows of a document, and how it edits one: from the document's state, as an update of
// format v1, to bytes or text. Pure, and as slow as the document is large: for a thread that may
// take its time.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "crdt/any.h"
#include "crdt/base/bytes.h"
#include "crdt/id.h"
#include "crdt/pending_report.h"
#include "crdt/update_format.h"

namespace weft::server::api {

// The state as an update for who has the state vector `known`, encoded; empty is nobody.
// Fails: kInvalidArgument when that is no state vector.
absl::StatusOr<crdt::Bytes> RenderUpdate(crdt::ByteView state, crdt::ByteView known,
                                         crdt::UpdateFormat format);

absl::StatusOr<crdt::Bytes> RenderStateVector(crdt::ByteView state);

// These take names of roots, "name" or "name:kind" where the kind cannot be told from the content.
// Fails, all: kInvalidArgument when a root is of another kind, or none is named where one has to be.

// {"name": value, …} of these roots, or of all.
absl::StatusOr<std::string> RenderJson(crdt::ByteView state, const std::vector<std::string>& roots);
// One text, or one XML fragment; of a document with but one of them without a name.
absl::StatusOr<std::string> RenderText(crdt::ByteView state, const std::vector<std::string>& roots);
absl::StatusOr<std::string> RenderXml(crdt::ByteView state, const std::vector<std::string>& roots);
absl::StatusOr<std::string> RenderDelta(crdt::ByteView state,
                                        const std::vector<std::string>& roots);

absl::StatusOr<crdt::PendingReport> FindPending(crdt::ByteView state);

// Actions as crdt/driver/actions.h has them, done on a copy of the document by the writer `client`,
// or a random one: all of them or none.
struct Edited {
  crdt::Bytes update;     // empty when nothing changed
  bool repeated = false;  // `client` has written here before; nothing was done
};
// Fails: kInvalidArgument, with the number of the action that cannot be done; kResourceExhausted
// when they are too many, or take too long.
absl::StatusOr<Edited> MakeEdit(crdt::ByteView state, const crdt::Any::Array& actions,
                                std::optional<crdt::ClientId> client);

}  // namespace weft::server::api
