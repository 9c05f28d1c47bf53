#pragma once

// Asks a service of the operator who may do what: a POST for each client that comes, over HTTP or HTTPS.
//
//   request := {"token": text, "room": text, "address": text, "origin": text}
//   answer  := 200 {"role": "none" | "read" | "write" | "admin", "subject"?: text, "token_id"?: text,
//                   "expires_in"?: seconds}
//            | 401    no such token
//            | 403    not in this room
//
// An empty room asks for the server as a whole, that is for all rooms. `expires_in` shortens how long the
// answer holds, and cannot lengthen it. Whatever else is answered, or no answer in time, counts as a
// service that is down: nobody is let in, and everybody is told to come back.
//
// Answers are remembered for as long as they hold, refusals for five seconds. Bounds: CallbackOptions;
// 64 KiB an answer, 10,000 questions waiting.
// Threads: one, that of its executor. Ownership: questions under way keep what they need alive.

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "server/asio.h"
#include "server/auth/credentials.h"
#include "server/auth/grants.h"
#include "server/auth/options.h"
#include "server/http_client.h"

namespace weft::server::auth {

class Callback {
 public:
  // On the thread of the executor, once.
  using Done = std::move_only_function<void(absl::StatusOr<GrantsPtr>)>;

  static constexpr std::size_t kMaxWaiting = 10'000;
  static constexpr std::chrono::seconds kRefusalTtl{5};

  // Fails: kInvalidArgument (the URL, the certificates).
  static absl::StatusOr<std::unique_ptr<Callback>> Make(const CallbackOptions& options,
                                                        std::function<WallTime()> now,
                                                        asio::any_io_executor executor);

  // Fails: kUnauthenticated, kPermissionDenied, kUnavailable.
  void Ask(const Credentials& credentials, Done done);

  // Remembers nothing any more.
  void Forget();

  // What a service answered, or why that is no answer. Fails: as Ask.
  static absl::StatusOr<Grants> ReadAnswer(int status, const std::string& body,
                                           const std::string& room, std::chrono::seconds ttl,
                                           WallTime now);

 private:
  struct Call;
  using Key = std::string;
  struct Remembered {
    absl::StatusOr<GrantsPtr> answer;
    WallTime until;
  };

  Callback(const CallbackOptions& options, HttpUrl url, std::optional<TlsTrust> trust,
           std::function<WallTime()> now, asio::any_io_executor executor);

  void Start(std::shared_ptr<Call> call);
  asio::awaitable<absl::StatusOr<Grants>> Exchange(Call& call);
  void Finish(Call& call, absl::StatusOr<Grants> result);
  void EndSlot();
  void Remember(const Key& key, const absl::StatusOr<GrantsPtr>& answer);
  void LogFailure(const absl::Status& why);

  const CallbackOptions options_;
  const HttpUrl url_;
  const std::optional<TlsTrust> trust_;
  const std::function<WallTime()> now_;
  const asio::any_io_executor executor_;
  std::size_t running_ = 0;
  std::deque<std::shared_ptr<Call>> waiting_;
  absl::flat_hash_map<Key, Remembered> cache_;
  std::deque<std::pair<Key, WallTime>> cache_order_;  // one for each Remember, oldest first
  Clock::time_point failure_told_{};
};

}  // namespace weft::server::auth
