#include "server/server.h"

#include <algorithm>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstdlib>
#include <random>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crdt/base/string_map.h"
#include "server/api/authority_access.h"
#include "server/history.h"
#include "server/http_session.h"
#include "server/listener.h"
#include "server/log.h"
#include "server/log_event.h"
#include "server/metrics.h"
#include "server/publish/draft_watch.h"
#include "server/publish/version_drafts.h"
#include "server/room_listeners.h"
#include "server/room_name.h"
#include "server/service_manager.h"
#include "server/socket_address.h"
#include "server/worker.h"
#include "store/compactor.h"
#include "store/update_log.h"

namespace weft::server {
namespace {

// Sockets that may be open beyond the limit of connections: for the page, for /health, for being
// refused.
constexpr std::uint64_t kSpareSockets = 1'024;

// What a stopping server takes for each client, unless all of them would take too long: whoever is
// sent away comes back in a moment, and is better not one of thousands in the same one.
constexpr std::chrono::milliseconds kTimeOfAClose{2};

void LogCompaction(const std::string& room, const absl::StatusOr<store::CompactReport>& report) {
  if (!report.ok()) {
    LogEvent(LogLevel::kError, "compaction-failed",
             {{"room", room}, {"reason", report.status().ToString()}},
             fmt::format("the room \"{}\" could not be compacted: {}", PrintableName(room),
                         report.status().ToString()));
  } else if (report->set_aside > 0) {
    LogEvent(LogLevel::kError, "quarantined",
             {{"room", room}, {"records", std::uint64_t{report->set_aside}}},
             fmt::format("the room \"{}\" had {} damaged records, which are in quarantine now",
                         PrintableName(room), report->set_aside));
  } else {
    LogDebug("the room \"{}\": {} records of {} bytes became a snapshot of {} bytes",
             PrintableName(room), report->merged_records, report->merged_bytes,
             report->snapshot_bytes);
  }
}

// Everybody who is told what happens to rooms.
class Watchers final : public RoomWatcher {
 public:
  void Add(RoomWatcher& watcher) { watchers_.push_back(&watcher); }
  void OnRoomEvent(const RoomEvent& event) override {
    for (RoomWatcher* watcher : watchers_) watcher->OnRoomEvent(event);
  }

 private:
  std::vector<RoomWatcher*> watchers_;
};

// What nobody can guess: 128 bits of the system's.
std::string DrawSecret() {
  std::random_device random;
  std::string secret;
  for (int i = 0; i < 4; ++i) absl::StrAppend(&secret, absl::Hex(random(), absl::kZeroPad8));
  return secret;
}

unsigned ThreadCount(unsigned wanted) {
  if (wanted > 0) return wanted;
  const unsigned cores = std::thread::hardware_concurrency();
  return cores > 0 ? cores : 1;
}

}  // namespace

// In the order in which the parts are made; they end the other way round, with one exception: the
// log ends before the workers, since it still calls them until it is closed.
struct Server::Parts {
  ServerOptions options;
  Stats stats;
  LatencyHistogram commits;  // counted by the log's writer
  AddressTable addresses;
  std::unique_ptr<TlsCertificate> tls;  // null: all is in clear
  asio::io_context front{1};
  asio::executor_work_guard<asio::io_context::executor_type> front_work{front.get_executor()};
  asio::thread_pool loading{1};
  std::unique_ptr<auth::Authority> authority;
  std::unique_ptr<store::UpdateLog> log;
  std::unique_ptr<store::Compactor> compactor;
  api::EventHub events;
  std::unique_ptr<webhooks::Webhooks> webhooks;
  Watchers watchers;
  RoomListeners room_listeners;
  std::unique_ptr<publish::VersionDrafts> drafts;
  std::unique_ptr<publish::DraftWatch> draft_watch;
  std::unique_ptr<lease::RoomModes> modes;
  asio::steady_timer modes_timer{front};
  std::vector<std::unique_ptr<Worker>> workers;
  std::vector<HttpServices> http;  // of each worker
  std::unique_ptr<api::AuthorityAccess> access;
  std::unique_ptr<api::Api> api;
  std::unique_ptr<Application> application;  // null when there is none
  std::vector<std::unique_ptr<Listener>> listeners;
  asio::signal_set signals{front};
  std::size_t next_worker = 0;
  std::size_t stopped_workers = 0;
  bool stopping = false;
  absl::Status log_failure;

  ~Parts() {
    for (const auto& worker : workers) worker->StopAndJoin();
    if (api) api->Stop();
    if (authority) authority->Stop();
    if (modes) modes->Stop();
    if (webhooks) webhooks->Stop();
    // An accept that is under way holds a socket of a worker: it ends before the workers do.
    for (const auto& listener : listeners) listener->Stop();
    front.restart();
    front.poll();
    loading.stop();
    loading.join();
    compactor.reset();
    if (draft_watch) draft_watch->Stop();
    if (application) application->Stop();
    log.reset();
    // Who waits for an answer of it lives on a worker.
    authority.reset();
    for (const auto& worker : workers) worker->Empty();
  }

  Health MakeHealth() const {
    const store::UpdateLog::Stats log_stats = log->stats();
    return {.rooms = stats.rooms.load(std::memory_order_relaxed),
            .connections = stats.connections.load(std::memory_order_relaxed),
            .sockets = stats.sockets.load(std::memory_order_relaxed),
            .room_memory_bytes = stats.room_memory_bytes.load(std::memory_order_relaxed),
            .receiving_bytes = stats.receiving_bytes.load(std::memory_order_relaxed),
            .queued_bytes = stats.queued_bytes.load(std::memory_order_relaxed),
            .relay = options.relay,
            .draining = stats.draining.load(std::memory_order_relaxed),
            .limits = stats.limits.ToJson(),
            .refused = stats.refusals.ToJson(),
            .log_commits = log_stats.commits,
            .log_appends = log_stats.appends,
            .log_failed = log_stats.failed,
            .log_queued_bytes = log_stats.queued_bytes,
            .log_error = std::string(log->append_status().message()),
            .log_durability = DurabilityName(options.log),
            .log_window_ms = static_cast<double>(log_stats.window_max.count()) / 1000,
            .log_commit_max_ms = static_cast<double>(log_stats.commit_max.count()) / 1000,
            .log_journal_entries = log_stats.journal_entries,
            .log_quarantined = log_stats.quarantined,
            .log_compactions = compactor ? compactor->stats().compactions : 0};
  }

  Worker& WorkerOfRoom(std::string_view room) {
    return *workers[crdt::StringHash{}(room) % workers.size()];
  }

  HttpServices ServicesOn(const Worker& worker) {
    return {
        .limits = worker.limits(),
        .stats = stats,
        .addresses = addresses,
        .proxies = options.proxies,
        .proxy_header = options.proxy_header,
        .health = [this] { return MakeHealth(); },
        .worker_of_room = [this](std::string_view room) -> Worker& { return WorkerOfRoom(room); },
        .api = [this]() -> api::Api& { return *api; },
        .authority = [this]() -> auth::Authority& { return *authority; },
        .metrics = [this] { return MakeMetrics(); },
        .application = [this] { return application.get(); }};
  }

  // Of the thread that this is.
  const HttpServices& Services(const asio::any_io_executor& executor) const {
    const auto& context = asio::query(executor, asio::execution::context);
    const auto is_here = [&](const auto& worker) { return &worker->io() == &context; };
    const auto found = std::find_if(workers.begin(), workers.end(), is_here);
    return http[static_cast<std::size_t>(found - workers.begin())];
  }

  std::string MakeMetrics() const {
    std::vector<const Traffic*> traffic;
    for (const auto& worker : workers) traffic.push_back(&worker->traffic());
    return RenderMetrics({.health = MakeHealth(),
                          .stats = stats,
                          .traffic = traffic,
                          .commits = commits,
                          .event_listeners = events.listeners(),
                          .webhooks = webhooks ? std::optional(webhooks->counts()) : std::nullopt});
  }

  // Accepted sockets go round the workers; the room decides later where a WebSocket lives.
  void StartListeners() {
    for (const auto& listener : listeners) {
      listener->Start(
          [this]() -> asio::any_io_executor {
            return workers[next_worker++ % workers.size()]->io().get_executor();
          },
          [this, tls = listener->speaks_tls()](const asio::any_io_executor& executor,
                                               Transport accepted) {
            Admit(executor, std::move(accepted), tls);
          });
    }
  }

  // On the thread of the socket's worker.
  void Admit(const asio::any_io_executor& executor, Transport transport, bool has_tls) {
    const HttpServices& services = Services(executor);
    const Limits& limits = services.limits;
    const std::uint64_t open = stats.sockets.load(std::memory_order_relaxed) +
                               stats.connections.load(std::memory_order_relaxed);
    if (open >= limits.connections + kSpareSockets) {
      stats.limits.Hit(Limit::kConnections, "a socket");
      return;
    }
    if (has_tls) transport.StartTls(tls->MakeStream());
    const std::optional<SocketAddress> client = SocketAddress::OfPeer(transport.descriptor());
    if (!client) return;  // it has gone already
    // Who speaks through a proxy gets its place once it has said who it is.
    AddressPlace place = client->ip && !options.proxies.Trusts(client->ip)
                             ? addresses.Enter(*client->ip)
                             : AddressPlace();
    if (limits.connections_per_address > 0 &&
        place.sockets() > limits.connections_per_address + Limits::kSpareSocketsOfAddress) {
      stats.limits.Hit(Limit::kConnectionsPerAddress, client->ip->to_string());
      return;
    }
    StartHttpSession(executor, std::move(transport), std::move(place), services);
  }

  // Modes that are held for connections that were lost.
  void ArmModes(lease::TimePoint when) {
    modes_timer.expires_at(when);
    modes_timer.async_wait([this](const error_code& error) {
      if (error) return;
      if (const auto next = modes->Tick(Clock::now())) ArmModes(*next);
    });
  }

  void OpenModes() {
    modes = std::make_unique<lease::RoomModes>(
        lease::RoomModes::Options{.rules = options.modes,
                                  .grace = options.mode_grace,
                                  .new_token = DrawSecret,
                                  .wake =
                                      [this](lease::TimePoint when) {
                                        asio::post(front, [this, when] { ArmModes(when); });
                                      }},
        watchers);
  }

  void WaitForSignal() {
    signals.async_wait([this](const error_code& error, int signal) {
      if (error) return;
      if (signal == SIGHUP) {
        Reload();
      } else {
        if (stopping) std::_Exit(128 + signal);
        LogEvent(
            LogLevel::kInfo, "stopping", {{"signal", static_cast<std::uint64_t>(signal)}},
            fmt::format("signal {}: stopping; another signal ends the process at once", signal));
        BeginStop(options.drain);
      }
      WaitForSignal();
    });
  }

  // What is bad stays as it is, and is told.
  void Reload() {
    if (tls) {
      const absl::Status loaded = tls->Reload();
      if (loaded.ok()) {
        const std::string certificate = tls->Describe();
        LogEvent(LogLevel::kInfo, "certificate-loaded", {{"certificate", certificate}},
                 "new clients are shown the certificate " + certificate);
      } else {
        const std::string reason(loaded.message());
        LogEvent(LogLevel::kError, "certificate-refused", {{"reason", reason}},
                 "the old certificate stays in use: " + reason);
      }
    }
    const absl::Status rights = authority->Reload();
    if (!rights.ok())
      LogError("{}; what it had before stays in force", std::string(rights.message()));
    if (!options.reread) return;
    const absl::StatusOr<Reloadable> fresh = options.reread();
    if (!fresh.ok()) {
      const std::string reason(fresh.status().message());
      LogEvent(LogLevel::kError, "configuration-refused", {{"reason", reason}},
               "the old configuration stays in use: " + reason);
      return;
    }
    SetLogLevel(fresh->log_level);
    for (const auto& worker : workers) worker->SetLimits(fresh->limits);
    LogEvent(LogLevel::kInfo, "configuration-loaded", {},
             "limits and log level are those of the configuration now");
  }

  // Nothing that is edited now can be kept: whoever edits is better off with a server that restarts.
  void OnLogFailure(const absl::Status& reason) {
    log_failure.Update(reason);
    LogEvent(LogLevel::kError, "log-failed", {{"reason", reason.ToString()}},
             "the log has failed: " + reason.ToString());
    if (options.log.serves_after_failure || stopping) return;
    LogError("stopping; --serve-after-log-failure would go on showing documents");
    BeginStop(std::chrono::milliseconds(0));
  }

  // Who asks gets an answer until the end: that this server takes nobody any more.
  void BeginStop(std::chrono::milliseconds time) {
    if (std::exchange(stopping, true)) return;
    stats.draining = true;
    NotifyServiceManager("STOPPING=1");
    for (const auto& listener : listeners) {
      if (listener->is_inherited()) listener->Stop();
    }
    const std::uint64_t clients = stats.connections.load(std::memory_order_relaxed);
    const Worker::StopPlan plan{
        .spread = std::min<std::chrono::milliseconds>(time / 2, clients * kTimeOfAClose),
        .deadline = Clock::now() + time};
    for (const auto& worker : workers) {
      worker->BeginStop(plan, [this] {
        asio::post(front, [this] {
          if (++stopped_workers == workers.size()) front.stop();
        });
      });
    }
  }
};

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Server::~Server() = default;

absl::StatusOr<std::unique_ptr<Server>> Server::Open(const ServerOptions& options) {
  auto parts = std::make_unique<Parts>();
  parts->options = options;
  // Certificate and addresses first: a mistake in them must not leave a data directory behind.
  if (options.tls) {
    auto tls = TlsCertificate::Load(*options.tls);
    if (!tls.ok()) return tls.status();
    parts->tls = *std::move(tls);
  }
  auto authority = auth::Authority::Open(options.auth);
  if (!authority.ok()) return authority.status();
  parts->authority = *std::move(authority);
  for (const std::string& text : options.listen) {
    absl::StatusOr<ListenAddress> address = ParseListenAddress(text);
    if (!address.ok()) return address.status();
    auto listeners = Listener::Listen(parts->front, *address);
    if (!listeners.ok()) return listeners.status();
    if (address->tls == true && parts->tls == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", text, "\" needs a certificate: --tls-cert and --tls-key"));
    }
    for (auto& listener : *listeners) {
      listener->SetTls(address->tls.value_or(parts->tls != nullptr));
      parts->listeners.push_back(std::move(listener));
    }
  }
  for (const InheritedSocket& socket : options.inherited) {
    auto listener = Listener::Adopt(parts->front, socket, parts->tls != nullptr);
    if (!listener.ok()) return listener.status();
    parts->listeners.push_back(*std::move(listener));
  }
  auto log = store::UpdateLog::Open(
      {.directory = options.data_directory,
       .durability = options.log.durability,
       .interval = options.log.interval,
       .commit_gap = options.log.commit_gap.value_or(options.relay == RelayMoment::kAccepted
                                                         ? kUnhurriedCommitGap
                                                         : std::chrono::milliseconds(0)),
       .check_pages = options.log.check_pages,
       .on_failure =
           [parts = parts.get()](const absl::Status& reason) {
             asio::post(parts->front, [parts, reason] { parts->OnLogFailure(reason); });
           },
       .on_commit =
           [parts = parts.get()](std::chrono::microseconds took) { parts->commits.Observe(took); },
       .track_touched = options.log.compacts});
  if (!log.ok()) {
    return absl::Status(
        log.status().code(),
        absl::StrCat("cannot open the log in the data directory \"", options.data_directory,
                     "\" (--data): ", std::string(log.status().message())));
  }
  parts->log = *std::move(log);
  parts->watchers.Add(parts->events);
  if (!options.webhooks.url.empty()) {
    auto opened = webhooks::Webhooks::Open(options.webhooks, *parts->log);
    if (!opened.ok()) return opened.status();
    parts->webhooks = *std::move(opened);
    parts->watchers.Add(*parts->webhooks);
  }
  auto drafts = publish::VersionDrafts::Open(*parts->log);
  if (!drafts.ok()) return drafts.status();
  parts->drafts = *std::move(drafts);
  parts->draft_watch = std::make_unique<publish::DraftWatch>(
      [of = parts->drafts.get()](std::string_view room) { return of->FindRow(room); },
      &parts->watchers);
  parts->watchers.Add(*parts->draft_watch);
  parts->watchers.Add(parts->room_listeners);
  parts->OpenModes();
  if (options.log.compacts) {
    parts->compactor = std::make_unique<store::Compactor>(*parts->log, options.log.compaction,
                                                          MergePayloads, WallTimeMs, LogCompaction);
  }
  for (unsigned i = 0; i < ThreadCount(options.threads); ++i) {
    parts->workers.push_back(std::make_unique<Worker>(
        parts->options.limits, options.relay, parts->stats, *parts->authority, *parts->log,
        parts->loading.get_executor(),
        [parts = parts.get()](std::string_view room) -> Worker& {
          return parts->WorkerOfRoom(room);
        },
        &parts->watchers));
  }
  for (const auto& worker : parts->workers) parts->http.push_back(parts->ServicesOn(*worker));
  std::vector<Worker*> workers;
  for (const auto& worker : parts->workers) workers.push_back(worker.get());
  if (options.application) {
    auto application =
        options.application(ApplicationServices{.log = *parts->log,
                                                .worker_of_room = parts->http[0].worker_of_room,
                                                .workers = workers,
                                                .watcher = parts->watchers});
    if (!application.ok()) return application.status();
    parts->application = *std::move(application);
    for (Worker* const worker : workers) {
      worker->Reserve(
          [of = parts->application.get()](std::string_view room) { return of->OwnsRoom(room); });
    }
    if (RoomWatcher* const watcher = parts->application->watcher()) parts->watchers.Add(*watcher);
  }
  parts->access = std::make_unique<api::AuthorityAccess>(*parts->authority, parts->stats.refusals);
  parts->api =
      std::make_unique<api::Api>(api::Api::Services{.health = parts->http[0].health,
                                                    .log = *parts->log,
                                                    .worker_of_room = parts->http[0].worker_of_room,
                                                    .workers = std::move(workers),
                                                    .events = parts->events,
                                                    .watcher = parts->watchers,
                                                    .modes = *parts->modes,
                                                    .drafts = *parts->drafts,
                                                    .listeners = parts->room_listeners,
                                                    .access = *parts->access,
                                                    .origins = parts->authority->origins()});
  for (const auto& worker : parts->workers) worker->SetRoomCalls(*parts->api);
  return std::unique_ptr<Server>(new Server(std::move(parts)));
}

absl::Status Server::Run(bool handle_signals) {
  if (handle_signals) {
    error_code ignored;
    parts_->signals.add(SIGINT, ignored);
    parts_->signals.add(SIGTERM, ignored);
    parts_->signals.add(SIGHUP, ignored);
    parts_->WaitForSignal();
  }
  if (parts_->webhooks) parts_->webhooks->Start();
  for (const auto& worker : parts_->workers) worker->Start();
  parts_->StartListeners();
  for (const auto& listener : parts_->listeners) {
    const std::string address = listener->address();
    const std::string_view s = listener->speaks_tls() ? "s" : "";
    LogEvent(LogLevel::kInfo, "listening",
             {{"address", address}, {"tls", listener->speaks_tls() ? "yes" : "no"}},
             listener->is_unix()
                 ? "listening on " + address
                 : fmt::format("listening on http{}://{}/ (rooms: ws{}://{}/<room>)", s, address, s,
                               address));
  }
  NotifyServiceManager("READY=1");
  parts_->front.run();
  if (!parts_->log_failure.ok()) return parts_->log_failure;
  LogEvent(LogLevel::kInfo, "stopped", {}, "stopped; everything accepted is committed");
  return absl::OkStatus();
}

void Server::RequestStop() {
  asio::post(parts_->front, [parts = parts_.get()] { parts->BeginStop(parts->options.drain); });
}

void Server::RequestReload() {
  asio::post(parts_->front, [parts = parts_.get()] { parts->Reload(); });
}

std::vector<std::string> Server::addresses() const {
  std::vector<std::string> addresses;
  for (const auto& listener : parts_->listeners) addresses.push_back(listener->address());
  return addresses;
}

std::vector<std::uint16_t> Server::ports() const {
  std::vector<std::uint16_t> ports;
  for (const auto& listener : parts_->listeners) ports.push_back(listener->port());
  return ports;
}

}  // namespace weft::server
