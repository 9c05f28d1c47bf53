#pragma once

// Who wrote what, for ever: which user each client id belonged to, and who deleted which ids. It is
// kept in the document itself, in a map of users:
//
//   users: Map { name: Map { "ids": Array of client ids, "ds": Array of encoded delete sets } }
//
// Nothing is recorded for a user before SetUserMapping was called for the client id in use.
// Ownership: the Doc must outlive it. Threads: those of the document.
// Source: Yjs 13.6, PermanentUserData.js. What Yjs writes in a timer, this writes when the
// transactions at hand are done (Doc::OnSettled); `filter` is asked when one was emitted.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "crdt/doc.h"
#include "crdt/id.h"
#include "crdt/types.h"

namespace weft::crdt {

class PermanentUserData {
 public:
  // Reads what is there and follows what comes. Yjs keeps it in the root map "users".
  PermanentUserData(Doc& doc, Map users);
  explicit PermanentUserData(Doc& doc);
  ~PermanentUserData();
  PermanentUserData(const PermanentUserData&) = delete;
  PermanentUserData& operator=(const PermanentUserData&) = delete;

  // From now on what `client` writes is `user`'s, and so is what local transactions delete. With
  // `filter`, deletions of transactions that it refuses are not recorded.
  void SetUserMapping(ClientId client, std::string_view user,
                      std::function<bool(const TransactionEvent&)> filter = {});

  // None when nobody said so; of several who deleted the same, the one who became known first.
  std::optional<std::string> UserOfClient(ClientId client) const;
  std::optional<std::string> UserOfDeleted(Id id) const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace weft::crdt
