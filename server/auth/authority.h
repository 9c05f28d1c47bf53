#pragma once

// Who may do what: the one place that is asked, by WebSockets and by the HTTP API.
//
//   none      everybody may write in every room; tokens are not looked at
//   token     what the token says (token.h)
//   callback  what a service says (callback.h)
//
// Whatever the mode, who shows the password of --admin-token-file is admin everywhere, and the deny list
// comes last. Tokens are checked, and services asked, on a thread of its own, so that no worker waits for
// a signature or for a network.
//
// Rights of those who are connected change when time passes, when a service answers something else, and
// with Reload and Revoke, which move `version` on: see pass.h.
//
// Threads: any, unless a function says otherwise.

#include <atomic>
#include <boost/asio/thread_pool.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/asio.h"
#include "server/auth/callback.h"
#include "server/auth/credentials.h"
#include "server/auth/deny_list.h"
#include "server/auth/grants.h"
#include "server/auth/key_set.h"
#include "server/auth/options.h"
#include "server/auth/origin_list.h"

namespace weft::server::auth {

class Authority {
 public:
  // Called once, on the authority's thread or within the call; not at all when Stop comes first.
  using Done = std::move_only_function<void(absl::StatusOr<GrantsPtr>)>;

  // Reads the files. Fails: kInvalidArgument and others, naming the flag.
  static absl::StatusOr<std::unique_ptr<Authority>> Open(const Options& options);
  ~Authority();

  // What whoever shows `credentials` may do. Grants of a callback are about the room asked for alone.
  // That somebody has the role kNone in the room is no failure.
  // Fails, with a reason for humans: kUnauthenticated (no token, or none that counts),
  // kPermissionDenied (not in this room), kUnavailable (ask again in a moment).
  void Authenticate(Credentials credentials, Done done);

  // Whether everybody may do the same: nothing needs to be asked or watched.
  bool is_open() const { return options_.mode == Mode::kNone && options_.admin_token_file.empty(); }

  // Whether a token is worth something or nothing whatever the room: a service that is asked may see it
  // otherwise.
  bool knows_tokens() const { return !is_open() && options_.mode != Mode::kCallback; }

  // Reads all files anew, and forgets what a callback answered. When a file cannot be used, its old
  // content stays in force. OK, or the first problem.
  absl::Status Reload();

  // From now on this token or person is refused. With --auth-revoked-file a line is added to it; without,
  // it holds until the server ends. Fails: kInvalidArgument; and when the file cannot be written, after
  // which it is in force nevertheless.
  absl::Status Revoke(const Revocation& revocation);
  bool Revoked(const Grants& grants) const;

  // Moves on whenever earlier grants may be revoked now.
  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }
  // Moves on whenever Authenticate may answer something else now for any other reason.
  std::uint64_t answers_version() const { return answers_version_.load(std::memory_order_acquire); }

  const OriginList& origins() const { return origins_; }
  WallTime now() const { return options_.now(); }

  // Ends its thread; nobody is answered any more.
  void Stop();

 private:
  // What the files say; never changed once it is in use.
  struct Rules {
    std::string key_text;
    KeySet keys;
    std::string deny_text;
    DenyList denied;
    std::string admin_token;
  };

  explicit Authority(Options options);
  absl::Status LoadKeys(Rules& rules) const;
  absl::Status LoadDenied(Rules& rules) const;
  absl::Status LoadAdminToken(Rules& rules) const;
  std::shared_ptr<const Rules> rules() const;
  void Install(Rules changed, bool forget_answers);
  bool IsAdmin(const Rules& rules, std::string_view token) const;
  void Decide(const Credentials& credentials, Done done);

  const Options options_;
  OriginList origins_;
  mutable std::mutex mutex_;  // of rules_, and of what changes it
  std::shared_ptr<const Rules> rules_;
  std::mutex file_mutex_;  // of who reads the files and of who adds to them
  std::atomic<std::uint64_t> version_{1};
  std::atomic<std::uint64_t> answers_version_{1};
  asio::thread_pool thread_{1};
  std::unique_ptr<Callback> callback_;  // used on thread_
};

}  // namespace weft::server::auth
