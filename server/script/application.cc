#include "server/script/application.h"

#include <array>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "crdt/base/random.h"
#include "crdt/json.h"
#include "server/api/rooms.h"
#include "server/durability.h"
#include "server/script/draft_damage.h"
#include "server/script/script_rows.h"
#include "server/script/stage.h"
#include "server/worker.h"

namespace weft::server::script {
namespace {

constexpr std::chrono::milliseconds kTick{200};
constexpr std::size_t kReportDepth = 8;

std::string Hex(std::string_view bytes) {
  return absl::BytesToHexString(absl::string_view(bytes.data(), bytes.size()));
}

std::string_view MessageOf(const absl::Status& status) {
  return {status.message().data(), status.message().size()};
}

auth::WallTime WallNow() { return auth::WallTime(std::chrono::milliseconds(WallTimeMs())); }

std::string LastSavedAt(const std::string& report_json) {
  const auto report = crdt::ParseJson(report_json, kReportDepth);
  const crdt::AnyObject* const object = report ? report->AsObject() : nullptr;
  const crdt::Any* const at = object == nullptr ? nullptr : object->Find("last_saved_at");
  return at == nullptr || at->AsString() == nullptr ? "" : *at->AsString();
}

publish::RoomAccess AccessTo(const std::function<Worker&(std::string_view room)>& worker_of_room) {
  return {.with_room =
              [worker_of_room](const std::string& room, publish::RoomAccess::Visit visit) {
                worker_of_room(room).WithRoom(room, std::move(visit));
              },
          .with_room_in_memory =
              [worker_of_room](const std::string& room, publish::RoomAccess::VisitInMemory visit) {
                worker_of_room(room).WithRoomInMemory(room, std::move(visit));
              }};
}

}  // namespace

absl::StatusOr<std::unique_ptr<Application>> ScriptApplication::Open(
    const ScriptOptions& options, const ApplicationServices& services) {
  std::string file = options.secret_file;
  if (file.empty()) {
    file = DefaultSecretFile(options.data_directory);
    const absl::Status made = MakeSecretFile(file);
    if (!made.ok()) return made;
  }
  auto keys = ReadUserKeys(file);
  if (!keys.ok()) return keys.status();
  auto rows = store::Rows::Open(services.log, kApplication);
  if (!rows.ok()) return rows.status();
  // Its constructor is private.
  std::unique_ptr<ScriptApplication> application(
      new ScriptApplication(options, services, *std::move(rows), *std::move(keys)));
  application->Start();
  return std::unique_ptr<Application>(std::move(application));
}

ScriptApplication::ScriptApplication(const ScriptOptions& options,
                                     const ApplicationServices& services,
                                     std::unique_ptr<store::Rows> rows, auth::KeySet keys)
    : services_(services),
      home_(*services.workers.front()),
      rows_(std::move(rows)),
      tokens_(std::move(keys), *rows_,
              [this](const auth::Grants& grants) { return home_.authority().Revoked(grants); }),
      publisher_(*rows_),
      publishing_({.log = services.log,
                   .rooms = AccessTo(services.worker_of_room),
                   .publisher = publisher_,
                   .pool = pool_.get_executor(),
                   .watcher = &services.watcher}),
      hub_(*this, {.grace = options.grace}),
      http_({.rows = *rows_,
             .hub = *this,
             .identify = [this](std::string_view token) -> absl::StatusOr<User> {
               auto known = Identify(token);
               if (!known.ok()) return known.status();
               return std::move(known->user);
             },
             .draft = [this](const RevisionRoom& room) { return DraftOf(room); },
             .document = [this](const RevisionRoom& room) { return DocumentOf(room); },
             .now_ms = [] { return WallTimeMs(); }}),
      tick_(home_.io()) {}

void ScriptApplication::Start() {
  asio::post(home_.io(), [this] {
    const absl::Status read = rows_->Read([this](const store::RowReader& rows) {
      const auto stage = GetStage(rows);
      // What cannot be read freezes: nobody edits what may be on stage.
      hub_.SetLive(!stage.ok() || stage->session.has_value());
      return stage.status();
    });
    static_cast<void>(read);
    ArmTick();
  });
}

void ScriptApplication::ArmTick() {
  tick_.expires_after(kTick);
  tick_.async_wait([this](const error_code& error) {
    if (error) return;
    EndTokens();
    hub_.Tick(Clock::now());
    ArmTick();
  });
}

void ScriptApplication::Stop() {
  stopped_ = true;
  publishing_.Stop();
  // What waits for a room waits for ever: no worker runs any more.
  pool_.stop();
  pool_.join();
  http_.Stop();
}

// --- Who, and what is stored

absl::StatusOr<UserTokens::Known> ScriptApplication::Identify(std::string_view token) const {
  return tokens_.Identify(token, WallNow());
}

absl::StatusOr<User> ScriptApplication::Authenticate(ConnectionId connection,
                                                     std::string_view token) {
  auto known = Identify(token);
  if (!known.ok()) return known.status();
  const auto found = sockets_.find(connection);
  if (found != sockets_.end()) found->second.grants = std::move(known->grants);
  return std::move(known->user);
}

void ScriptApplication::EndTokens() {
  const auth::WallTime now = WallNow();
  const std::uint64_t version = home_.authority().version();
  const bool revoked = std::exchange(revocations_, version) != version;
  std::vector<std::pair<ConnectionId, UserTokens::End>> ended;
  for (auto& [id, one] : sockets_) {
    const bool may_end = one.grants && (revoked || one.grants->expires);
    const auto end = may_end ? tokens_.EndOf(*one.grants, now) : std::nullopt;
    if (!end) continue;
    one.grants.reset();
    ended.emplace_back(id, *end);
  }
  for (const auto& [id, end] : ended) {
    hub_.OnTokenEnded(id, UserTokens::WordsFor(end), end != UserTokens::End::kRevoked,
                      Clock::now());
  }
}

absl::StatusOr<CallServices::Draft> ScriptApplication::DraftOf(const RevisionRoom& room) const {
  const std::string name = NameOf(room);
  const auto draft = publishing_.Draft(name);
  if (!draft.ok()) return draft.status();
  CallServices::Draft found{.publishing = publishing_.publishing(name)};
  if (*draft) {
    found.has_draft = (*draft)->has_draft;
    found.since_ms = (*draft)->since_ms;
    found.base = (*draft)->base;
  }
  return found;
}

absl::StatusOr<std::optional<crdt::Bytes>> ScriptApplication::DocumentOf(
    const RevisionRoom& room) const {
  auto state = api::ReadFromLog(services_.log, NameOf(room));
  if (absl::IsNotFound(state.status())) return std::optional<crdt::Bytes>();
  if (!state.ok()) return state.status();
  return std::optional(std::move(state->update));
}

std::string ScriptApplication::NewSecret() {
  std::array<char, 24> bytes{};
  crdt::FillRandom(bytes.data(), bytes.size());
  return Hex({bytes.data(), bytes.size()});
}

// Of version 4 (RFC 9562).
std::string ScriptApplication::NewUuid() {
  std::array<unsigned char, 16> bytes{};
  crdt::FillRandom(bytes.data(), bytes.size());
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);
  std::string text = Hex({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  for (const std::size_t place : {20, 16, 12, 8}) text.insert(place, "-");
  return text;
}

std::optional<HubServices::Current> ScriptApplication::CurrentShow() {
  std::optional<Current> current;
  const absl::Status read = rows_->Read([&](const store::RowReader& rows) {
    const auto stage = GetStage(rows);
    if (!stage.ok() || !stage->show) return stage.status();
    current = Current{.show = *stage->show, .revision = std::nullopt};
    const auto script = GetScript(rows, *stage->show);
    if (script.ok() && Number(script->current) != 0) current->revision = script->current;
    return script.status();
  });
  static_cast<void>(read);
  return current;
}

bool ScriptApplication::HasRevision(const RevisionRoom& room) {
  return rows_
      ->Read([&](const store::RowReader& rows) {
        return GetRevision(rows, room.show, room.revision).status();
      })
      .ok();
}

bool ScriptApplication::HasDraft(const RevisionRoom& room) {
  const auto draft = DraftOf(room);
  // What cannot be read may be one.
  return !draft.ok() || draft->has_draft;
}

// --- Sockets

std::unique_ptr<Multiplexer> ScriptApplication::MakeSocket(SocketConnection& socket, Worker& worker,
                                                           auth::Credentials shown) {
  const ConnectionId id = ++last_id_;
  ScriptSocketEvents& events = *this;
  auto made = std::make_unique<ScriptSocket>(socket, worker, std::move(shown), id, events);
  sockets_[id].socket = made.get();
  hub_.OnOpen(id);
  return made;
}

void ScriptApplication::OnSocketEnd(ConnectionId id) {
  if (stopped_) return;
  sockets_.erase(id);
  hub_.OnClose(id, Clock::now());
}

std::vector<std::string> ScriptApplication::WarningsOf(const std::string& room,
                                                       const std::vector<LostUpdates>& lost) {
  const auto damage = publishing_.DamageOf(room, lost);
  if (damage.ok()) return DescribeDamage(*damage, room);
  return {absl::StrCat("It cannot be read whether something of this draft was lost: ",
                       std::string(damage.status().message()))};
}

ScriptSocket* ScriptApplication::Find(ConnectionId id) {
  const auto found = sockets_.find(id);
  return found == sockets_.end() ? nullptr : found->second.socket;
}

void ScriptApplication::Send(ConnectionId connection, std::string text) {
  if (ScriptSocket* const socket = Find(connection)) socket->Tell(text);
}

void ScriptApplication::Close(ConnectionId connection, std::string_view reason) {
  const auto found = sockets_.find(connection);
  if (found == sockets_.end()) return;
  ++found->second.joins;
  found->second.socket->End(reason);
}

void ScriptApplication::Join(ConnectionId connection, const RevisionRoom& room, bool may_write) {
  const auto found = sockets_.find(connection);
  if (found == sockets_.end()) return;
  found->second.may_write = may_write;
  const std::uint64_t join = ++found->second.joins;
  std::string name = NameOf(room);
  publishing_.EnsureBegun(
      name, home_.io().get_executor(), [this, connection, join, name](const absl::Status& begun) {
        const auto still = sockets_.find(connection);
        if (still == sockets_.end() || still->second.joins != join) return;
        if (!begun.ok()) return hub_.OnJoinRefused(connection, MessageOf(begun));
        still->second.socket->Enter(name, hub_.NameOf(connection), still->second.may_write);
      });
}

void ScriptApplication::Leave(ConnectionId connection) {
  const auto found = sockets_.find(connection);
  if (found == sockets_.end()) return;
  ++found->second.joins;
  found->second.socket->Exit();
}

void ScriptApplication::SetAccess(ConnectionId connection, bool may_write) {
  const auto found = sockets_.find(connection);
  if (found == sockets_.end()) return;
  found->second.may_write = may_write;
  found->second.socket->SetAccess(may_write);
}

void ScriptApplication::AskForDiff(ConnectionId connection, crdt::Bytes state_vector) {
  if (ScriptSocket* const socket = Find(connection)) socket->Ask(state_vector);
}

void ScriptApplication::Write(ConnectionId connection, crdt::Bytes update) {
  if (ScriptSocket* const socket = Find(connection)) socket->Write(update);
}

// --- Saving

void ScriptApplication::AfterNewsOf(const RevisionRoom& room,
                                    std::move_only_function<void()> then) {
  // The room's worker sends what a turn has to say before the next turn.
  std::string name = NameOf(room);
  Worker& worker = services_.worker_of_room(name);
  worker.WithRoomInMemory(std::move(name), [this, then = std::move(then)](Room*) mutable {
    asio::post(home_.io(), std::move(then));
  });
}

void ScriptApplication::Save(const RevisionRoom& room, ConnectionId who) {
  publish::Listener listener{
      .executor = home_.io().get_executor(),
      .progress = [this, room](std::uint64_t done,
                               std::uint64_t total) { hub_.OnSaveProgress(room, done, total); },
      .done =
          [this, room, who](const publish::Outcome& outcome) {
            if (!outcome.status.ok()) {
              return hub_.OnSaveFailed(room, who, MessageOf(outcome.status), outcome.problems_json);
            }
            AfterNewsOf(room, [this, room, at = LastSavedAt(outcome.report_json)] {
              hub_.OnSaved(room, at);
            });
          }};
  publishing_.Publish(NameOf(room), hub_.NameOf(who), std::move(listener));
}

void ScriptApplication::BeginDiscard(const RevisionRoom& room, std::optional<ConnectionId> who,
                                     Then<absl::Status> then) {
  publishing_.Discard(NameOf(room), who ? hub_.NameOf(*who) : "HTTP", home_.io().get_executor(),
                      [this, room, who, then = std::move(then)](absl::Status status) mutable {
                        hub_.OnDiscarded(room, who, status);
                        if (then) then(std::move(status));
                      });
}

void ScriptApplication::Discard(const RevisionRoom& room, ConnectionId who) {
  BeginDiscard(room, who, {});
}

// --- What HTTP asks and tells

void ScriptApplication::Look(Then<HubStatus> then) {
  asio::post(home_.io(), [this, then = std::move(then)]() mutable { then(hub_.Status()); });
}

void ScriptApplication::Hold(RevisionRoom room, Then<HubStatus> then) {
  asio::post(home_.io(), [this, room, then = std::move(then)]() mutable {
    hub_.Hold(room);
    then(hub_.Status());
  });
}

void ScriptApplication::Release(RevisionRoom room) {
  asio::post(home_.io(), [this, room] { hub_.Release(room); });
}

void ScriptApplication::Discard(RevisionRoom room, Then<absl::Status> then) {
  asio::post(home_.io(), [this, room, then = std::move(then)]() mutable {
    hub_.BeginDiscard(room);
    BeginDiscard(room, std::nullopt, std::move(then));
  });
}

void ScriptApplication::SetLive(bool live, Then<Done> then) {
  asio::post(home_.io(), [this, live, then = std::move(then)]() mutable {
    hub_.SetLive(live);
    then(Done());
  });
}

void ScriptApplication::CurrentChanged(Then<Done> then) {
  asio::post(home_.io(), [this, then = std::move(then)]() mutable {
    hub_.OnCurrentChanged();
    then(Done());
  });
}

void ScriptApplication::TellAll(std::string_view action) {
  asio::post(home_.io(), [this, text = std::string(action)] { hub_.TellAll(text); });
}

}  // namespace weft::server::script
