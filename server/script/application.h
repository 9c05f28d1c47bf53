#pragma once

// `weft serve --script`: the application as the server carries it. Its sockets are at /api/v1/ws, its HTTP calls below
// /api/v1/, its rooms are script/<show>/revision/<revision>, which nobody enters any other way.
//
//   ScriptSocket ── Hub ── this ──> publish::PublishService ──> ScriptPublisher ──> rows
//   ScriptHttp ─────────── this (HubCalls)
//
// Sockets and the hub live on one worker, so what is between them needs no locks; what may block runs on a
// pool of its own.
//
// Threads and ownership: as server/application.h.

#include <atomic>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/application.h"
#include "server/publish/publish_service.h"
#include "server/script/hub.h"
#include "server/script/hub_calls.h"
#include "server/script/script_http.h"
#include "server/script/script_publisher.h"
#include "server/script/script_socket.h"
#include "server/script/user_tokens.h"
#include "store/rows.h"

namespace weft::server::script {

struct ScriptOptions {
  std::string data_directory;
  std::string secret_file;  // empty: in the data directory, made when it is absent
  std::chrono::milliseconds grace{15'000};
};

class ScriptApplication final : public Application,
                                private HubServices,
                                private HubCalls,
                                private ScriptSocketEvents {
 public:
  // Fails: naming the flag and the file; as store::Rows::Open.
  static absl::StatusOr<std::unique_ptr<Application>> Open(const ScriptOptions& options,
                                                           const ApplicationServices& services);
  ~ScriptApplication() override = default;

  // Application
  bool ServesSocket(std::string_view path) const override { return path == "/api/v1/ws"; }
  std::unique_ptr<Multiplexer> MakeSocket(SocketConnection& socket, Worker& worker,
                                          auth::Credentials shown) override;
  bool ServesHttp(std::string_view path) const override { return ScriptHttp::Serves(path); }
  asio::awaitable<api::Answer> Handle(const api::Request& request) override {
    return http_.Handle(request);
  }
  bool OwnsRoom(std::string_view room) const override { return room.starts_with("script/"); }
  Worker& home() const override { return home_; }
  RoomWatcher* watcher() override { return &publishing_.draft_watch(); }
  void Stop() override;

 private:
  ScriptApplication(const ScriptOptions& options, const ApplicationServices& services,
                    std::unique_ptr<store::Rows> rows, auth::KeySet keys);
  void Start();
  void ArmTick();

  absl::StatusOr<UserTokens::Known> Identify(std::string_view token) const;
  // Ends the sockets whose tokens hold no more.
  void EndTokens();
  absl::StatusOr<CallServices::Draft> DraftOf(const RevisionRoom& room) const;
  absl::StatusOr<std::optional<crdt::Bytes>> DocumentOf(const RevisionRoom& room) const;
  ScriptSocket* Find(ConnectionId id);
  void BeginDiscard(const RevisionRoom& room, std::optional<ConnectionId> who,
                    Then<absl::Status> then);
  // Runs `then` on the home worker once all that the room told its members before is with their sockets.
  void AfterNewsOf(const RevisionRoom& room, std::move_only_function<void()> then);

  // ScriptSocketEvents
  Hub& hub() override { return hub_; }
  std::vector<std::string> WarningsOf(const std::string& room,
                                      const std::vector<LostUpdates>& lost) override;
  void OnSocketEnd(ConnectionId id) override;

  // HubServices
  void Send(ConnectionId connection, std::string text) override;
  void Close(ConnectionId connection, std::string_view reason) override;
  absl::StatusOr<User> Authenticate(ConnectionId connection, std::string_view token) override;
  std::string NewSecret() override;
  std::string NewUuid() override;
  std::optional<Current> CurrentShow() override;
  bool HasRevision(const RevisionRoom& room) override;
  bool HasDraft(const RevisionRoom& room) override;
  void Join(ConnectionId connection, const RevisionRoom& room, bool may_write) override;
  void Leave(ConnectionId connection) override;
  void SetAccess(ConnectionId connection, bool may_write) override;
  void AskForDiff(ConnectionId connection, crdt::Bytes state_vector) override;
  void Write(ConnectionId connection, crdt::Bytes update) override;
  void Save(const RevisionRoom& room, ConnectionId who) override;
  void Discard(const RevisionRoom& room, ConnectionId who) override;

  // HubCalls
  void Look(Then<HubStatus> then) override;
  void Hold(RevisionRoom room, Then<HubStatus> then) override;
  void Release(RevisionRoom room) override;
  void Discard(RevisionRoom room, Then<absl::Status> then) override;
  void SetLive(bool live, Then<Done> then) override;
  void CurrentChanged(Then<Done> then) override;
  void TellAll(std::string_view action) override;

  const ApplicationServices services_;
  Worker& home_;
  const std::unique_ptr<store::Rows> rows_;
  const UserTokens tokens_;
  asio::thread_pool pool_{2};
  ScriptPublisher publisher_;
  publish::PublishService publishing_;
  Hub hub_;
  ScriptHttp http_;
  asio::steady_timer tick_;
  bool stopped_ = false;  // no worker runs any more

  // The home worker.
  struct Connected {
    ScriptSocket* socket = nullptr;
    std::uint64_t joins = 0;  // that were asked for: an answer to an earlier one counts no more
    bool may_write = false;   // what the next one may
    std::optional<auth::Grants> grants;  // of its token; none: nobody's
  };
  std::map<ConnectionId, Connected> sockets_;
  std::uint64_t revocations_ = 0;  // Authority::version, as of the last look
  ConnectionId last_id_ = 0;
};

}  // namespace weft::server::script
