#pragma once

// The rights of one client in one room for as long as it is there: it is told to leave when its token
// expires or is revoked, and what it may do changes when a service or new keys say so.
//
//   Pass::Open(authority, credentials, …);           // a pass, or why there is none
//   …now and then, about once a second:
//   if (auto change = pass.Poll()) …               // close it, or room.SetAccess
//
// So a change arrives after the interval of whoever polls, twice of it when somebody has to be asked.
// A pass has one question under way at most. While a service is down, rights hold until
// Grants::expires; it is asked again every five seconds.
//
// Threads: one. Ownership: whoever carries the client.

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "server/auth/authority.h"
#include "server/auth/grants.h"
#include "server/close_code.h"

namespace weft::server::auth {

class Pass {
 public:
  static constexpr std::chrono::seconds kRetry{5};

  // Asks for one; null when nothing needs to be watched: then everything is allowed, for good. `done` is
  // called once, on the authority's thread or within the call; not at all when the authority is stopped
  // first. Fails: as Authority::Authenticate; kPermissionDenied also when the role in the room is none.
  using Opened = std::move_only_function<void(absl::StatusOr<std::unique_ptr<Pass>>)>;
  static void Open(Authority& authority, Credentials credentials, Opened done);

  // `answers_version` is the authority's from before it was asked for `grants`.
  // Requires: their role in the room of `credentials` is not kNone; `authority` outlives this.
  Pass(Authority& authority, Credentials credentials, GrantsPtr grants,
       std::uint64_t answers_version);

  struct Change {
    std::optional<CloseCode> close;  // the client has to leave
    Role role = Role::kNone;         // otherwise: what it may do now
    std::string reason;              // for the client
  };
  // What has changed since the last call. After a change that closes there is none any more.
  std::optional<Change> Poll();

  const Grants& grants() const { return *grants_; }
  const std::string& room() const { return credentials_.room; }
  Role role() const { return role_; }

 private:
  // Where the authority's thread leaves an answer.
  struct Answer {
    std::mutex mutex;
    std::optional<absl::StatusOr<GrantsPtr>> value;
  };

  void Ask();
  std::optional<absl::StatusOr<GrantsPtr>> TakeAnswer();
  std::optional<Change> Accept(absl::StatusOr<GrantsPtr> answer, WallTime now);
  Change End(CloseCode code, std::string reason);

  Authority& authority_;
  const Credentials credentials_;
  GrantsPtr grants_;
  Role role_;
  std::uint64_t version_ = 0;      // of the deny list, as of the last look
  std::uint64_t answers_version_;  // as of the last question
  WallTime retry_at_{};
  std::shared_ptr<Answer> answer_;  // while a question is under way
  bool ended_ = false;
};

}  // namespace weft::server::auth
