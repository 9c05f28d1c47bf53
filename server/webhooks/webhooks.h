#pragma once

// Tells a receiver what happens to rooms (README.md says what is promised).
//
// Threads: OnRoomEvent and the counters any; the rest its owner's. It has one thread of its own, which
// waits for commits of the log and for the receiver. Ownership: the log outlives it.

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "server/asio.h"
#include "server/http_client.h"
#include "server/room_event.h"
#include "server/webhooks/pending_events.h"
#include "store/outbox.h"

namespace weft::server::webhooks {

struct Options {
  std::string url;  // none: no webhooks
  std::string secret_file;
  std::string ca_file;  // who is believed over TLS, instead of the system's; may be empty
  std::chrono::milliseconds debounce{2'000};
  std::chrono::milliseconds timeout{10'000};
  std::chrono::milliseconds first_retry{1'000};
  std::size_t outbox_events = 100'000;
  double days = 3;  // how long an event is tried
};

// Since the start, but for the first.
struct Counts {
  std::uint64_t outbox = 0;  // events in it now
  std::uint64_t delivered = 0;
  std::uint64_t failures = 0;  // attempts
  std::uint64_t dropped = 0;   // events that were given up
};

class Webhooks final : public RoomWatcher {
 public:
  static constexpr std::chrono::minutes kLongestPause{5};

  // Fails: kInvalidArgument (the URL, the secret, the certificates); as store::Outbox::Open.
  static absl::StatusOr<std::unique_ptr<Webhooks>> Open(const Options& options,
                                                        store::UpdateLog& log);
  ~Webhooks() override;

  void Start();
  // Nothing is delivered any more; what has happened is put into the outbox. Events that come later are
  // ignored.
  void Stop();

  void OnRoomEvent(const RoomEvent& event) override;

  Counts counts() const;

 private:
  Webhooks(const Options& options, crdt::Bytes secret, HttpUrl url, std::optional<TlsTrust> trust,
           store::UpdateLog& log, std::unique_ptr<store::Outbox> outbox);

  // Tells what a crash kept from being told: rooms that are open no more, were deleted, or got a
  // version, and modes that nobody is in any more. Once, before anything else is collected.
  absl::Status TellMissedMoments();
  absl::Status TellMissedVersions();
  // Puts them into the outbox and empties the list. Fails, beside as the outbox: kResourceExhausted.
  absl::Status PutMissed(std::vector<store::Outbox::Entry>& entries);
  bool IsMarked(const std::string& key, const std::vector<store::Outbox::Entry>& entries);
  // Looks for rooms that changed and were not told of. True when it went through all of them.
  bool FindUntold();
  // Puts what is to leave into the outbox, and says whether it could.
  bool Collect(bool all);
  asio::awaitable<void> RunCollecting();
  asio::awaitable<void> RunDelivering();
  asio::awaitable<void> Pause(asio::steady_timer& timer, std::chrono::milliseconds time);
  asio::awaitable<absl::Status> Deliver(std::string_view payload);
  std::uint64_t Space() const;
  void Wake(asio::steady_timer& timer);

  const Options options_;
  const crdt::Bytes secret_;
  store::UpdateLog& log_;
  std::unique_ptr<store::Outbox> outbox_;
  asio::io_context io_{1};
  asio::steady_timer collect_timer_{io_};
  asio::steady_timer deliver_timer_{io_};
  HttpClient receiver_;
  std::thread thread_;

  const std::int64_t opened_ms_;  // since 1970

  std::mutex mutex_;
  PendingEvents pending_;
  bool stopped_ = false;

  std::atomic<std::uint64_t> outbox_size_{0};
  std::atomic<std::uint64_t> delivered_{0};
  std::atomic<std::uint64_t> failures_{0};
  std::atomic<std::uint64_t> dropped_{0};  // from the outbox
};

}  // namespace weft::server::webhooks
