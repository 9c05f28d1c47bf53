#pragma once

// A WebSocket of the script editor: JSON as text, with at most one room behind it. What the messages mean is the
// hub's (hub.h); this is the channel between them and the room.
//
//   text of the client ──> Hub::OnText            HubServices ──> Enter, Exit, Ask, Write, …
//   what the room says ──> Hub::OnJoined, …       texts of the hub ──> Tell, in their order
//
// Bounds: those of Multiplexer. Updates and presence may be dropped for a client that falls behind, which
// is told the whole document anew when it has caught up; nothing else is.
//
// Threads: the application's worker. Ownership: the socket's; it tells `events` of its end.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/base/bytes.h"
#include "server/multiplexer.h"
#include "server/script/hub.h"

namespace weft::server::script {

class ScriptSocket;

class ScriptSocketEvents {
 public:
  virtual ~ScriptSocketEvents() = default;
  virtual Hub& hub() = 0;
  // What who comes into a room has to know of its document, of which its log has lost so much.
  virtual std::vector<std::string> WarningsOf(const std::string& room,
                                              const std::vector<LostUpdates>& lost) = 0;
  virtual void OnSocketEnd(ConnectionId id) = 0;
};

class ScriptSocket final : public Multiplexer {
 public:
  ScriptSocket(SocketConnection& socket, Worker& worker, auth::Credentials shown, ConnectionId id,
               ScriptSocketEvents& events)
      : Multiplexer(socket, worker, std::move(shown)), id_(id), events_(events) {}
  ~ScriptSocket() override { events_.OnSocketEnd(id_); }
  ScriptSocket(const ScriptSocket&) = delete;
  ScriptSocket& operator=(const ScriptSocket&) = delete;

  void Tell(const std::string& text);
  // Its client has no right to it any more.
  void End(std::string_view reason) { Close(CloseCode::kUnauthorized, reason); }

  // Becomes a member of the room, and asks it for everything. Requires: is in none.
  void Enter(std::string room, std::string subject, bool may_write);
  void Exit();
  bool is_in() const { return number_ != 0; }
  void SetAccess(bool may_write);
  // What a state vector lacks: Hub::OnDiff follows.
  void Ask(crdt::ByteView state_vector);
  void Write(crdt::ByteView update);

 private:
  using Multiplexer::Write;

  void OnMessage(crdt::ByteView message) override;
  void OnEvent(std::uint64_t channel, ChannelEvent event) override;
  void OnStopped() override { Close(CloseCode::kRestart, "the server stops"); }
  void EndSocket(CloseCode code, std::string_view reason) override { Close(code, reason); }
  void EndChannel(std::uint64_t number, CloseCode code, std::string_view reason) override;

  void OnSaid(crdt::ByteView message);
  void FinishJoin();

  const ConnectionId id_;
  ScriptSocketEvents& events_;
  std::uint64_t last_number_ = 0;
  std::uint64_t number_ = 0;                 // of the channel; 0: none
  std::string room_;                         // of the channel
  std::optional<std::uint64_t> generation_;  // of the room's history, once it is open
  std::vector<LostUpdates> lost_;            // by the room, once it is open
  std::optional<crdt::Bytes> whole_;         // the document, until the room is open
  bool has_joined_ = false;                  // the hub was told the whole document
  std::uint64_t asked_ = 0;                  // answers to Ask that are awaited
  std::vector<crdt::Bytes> early_;           // updates that came before the whole document
};

}  // namespace weft::server::script
