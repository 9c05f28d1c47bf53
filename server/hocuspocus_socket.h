#pragma once

// A WebSocket that speaks the dialect of Hocuspocus (sync/hocuspocus.h): its state machine, with rooms
// behind it.
//
// Threads: the socket's worker. Ownership: the socket's.

#include <cstdint>
#include <deque>

#include "server/multiplexer.h"
#include "sync/hocuspocus.h"

namespace weft::server {

class HocuspocusSocket final : public Multiplexer {
 public:
  HocuspocusSocket(SocketConnection& socket, Worker& worker, auth::Credentials shown);

 private:
  void OnMessage(crdt::ByteView message) override { Carry(machine_.Receive(message)); }
  void OnEvent(std::uint64_t channel, ChannelEvent event) override;
  bool WantsReading() const override { return machine_.wants_reading(); }
  void OnStopped() override;
  void EndSocket(CloseCode code, std::string_view reason) override { Close(code, reason); }
  void EndChannel(std::uint64_t number, CloseCode code, std::string_view reason) override;

  void Carry(sync::hocuspocus::Effects effects);
  void CarryOut(sync::hocuspocus::SendFrame& effect);
  void CarryOut(sync::hocuspocus::Authenticate& effect);
  void CarryOut(sync::hocuspocus::JoinRoom& effect);
  void CarryOut(sync::hocuspocus::ChangeAccess& effect);
  void CarryOut(sync::hocuspocus::Deliver& effect);
  void CarryOut(sync::hocuspocus::TellStateless& effect);
  void CarryOut(sync::hocuspocus::LeaveRoom& effect);
  void CarryOut(sync::hocuspocus::CloseSocket& effect);

  sync::hocuspocus::Server machine_;
  std::deque<sync::hocuspocus::Effect> effects_;  // to be carried out
  bool carrying_ = false;
  absl::flat_hash_map<std::uint64_t, Admission> admissions_;  // the latest of each document
};

}  // namespace weft::server
