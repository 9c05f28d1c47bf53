#pragma once

// A WebSocket that is the member of one room for as long as it is open, and speaks its messages as
// they are: the dialect of y-websocket.
//
// Threads: the room's, which is the socket's. Ownership: the socket's.

#include <memory>
#include <utility>

#include "server/auth/pass.h"
#include "server/connection.h"
#include "server/message_sink.h"
#include "server/room.h"
#include "server/socket_connection.h"

namespace weft::server {

class RoomMember final : public Connection, public MessageSink {
 public:
  // Requires: `socket` carries this; the caller lets it join `room` next.
  // `pass` may be null: then it may do everything, for good.
  RoomMember(SocketConnection& socket, Room& room, std::unique_ptr<auth::Pass> pass)
      : socket_(socket), room_(room), pass_(std::move(pass)) {}

  // Connection
  void Send(crdt::ByteView message) override { socket_.Send(message); }
  void SendShared(const std::shared_ptr<const crdt::Bytes>& message) override {
    socket_.SendShared(message);
  }
  void Close(CloseCode code, std::string_view reason) override { socket_.Close(code, reason); }
  void SetReading(bool reading) override { socket_.SetReading(reading); }

  // MessageSink
  void Receive(std::span<const crdt::ByteView> messages) override {
    room_.Receive(*this, messages);
  }
  void OnDrained(bool lost) override {
    if (lost) room_.CatchUp(*this);
  }
  void Sweep(Clock::time_point /*now*/) override {
    const auto change = pass_ == nullptr ? std::nullopt : pass_->Poll();
    if (!change) return;
    if (!change->close) return room_.SetAccess(*this, auth::AccessOf(change->role), change->reason);
    room_.Leave(*this);
    socket_.Close(*change->close, change->reason);
  }
  void OnEnd() override { room_.Leave(*this); }

 private:
  SocketConnection& socket_;
  Room& room_;
  const std::unique_ptr<auth::Pass> pass_;
};

}  // namespace weft::server
