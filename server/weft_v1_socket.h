#pragma once

// A WebSocket that speaks weft.v1 (sync/PROTOCOL.md): its state machine, with rooms behind it.
//
// What waits for a client's credit is the machine's, and bounded by it; what a client has given credit
// for and does not read waits as Multiplexer says. A client that gives credit, does not read, and so
// lets a channel fall behind is closed with 1013: it has a place to come back to.
//
// Threads: the socket's worker. Ownership: the socket's.

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "server/multiplexer.h"
#include "sync/weft_v1_server.h"

namespace weft::server {

class WeftV1Socket final : public Multiplexer {
 public:
  WeftV1Socket(SocketConnection& socket, Worker& worker, auth::Credentials shown);
  ~WeftV1Socket() override;

 private:
  // Events that wait for the socket to have space. Bound: kMaxEvents, beyond which the oldest go and an event
  // "gap" says how many.
  struct Inbox {
    static constexpr std::size_t kMaxEvents = 256;
    std::mutex mutex;
    std::deque<std::shared_ptr<const std::string>> events;
    std::uint64_t lost = 0;
    bool is_told = false;  // that there is something
  };
  // Who a channel is beside the conversation about the document.
  struct Person {
    std::string room;
    std::string subject;
    std::uint64_t holder = 0;
    std::shared_ptr<Inbox> inbox;       // while it watches
    std::shared_ptr<void> listening{};  // while it watches
  };
  void OnMessage(crdt::ByteView message) override { Carry(machine_.Receive(message)); }
  void OnEvent(std::uint64_t number, ChannelEvent event) override;
  void OnTurnEnd() override;
  void OnSpaceLeft() override;
  void OnStopped() override;
  void EndSocket(CloseCode code, std::string_view reason) override;
  void EndChannel(std::uint64_t number, CloseCode code, std::string_view reason) override;
  std::size_t HeldBytes() const override { return machine_.waiting_bytes(); }

  // Channels of the client, which may be 0, and numbers of the multiplexer, which may not.
  static std::uint64_t NumberOf(sync::weft_v1::Channel channel) { return channel + 1; }
  static sync::weft_v1::Channel ChannelOf(std::uint64_t number) { return number - 1; }

  void Enter(std::uint64_t number, std::string room, Admission admission,
             std::optional<LogPlace> from);
  void EndOpening(std::uint64_t number, const absl::Status& refused);
  void OnOpened(std::uint64_t number, channel_event::Opened& opened);
  void OnSettled(sync::weft_v1::Channel channel, const channel_event::Settled& settled);

  // The channel is nobody's any more.
  void Forget(std::uint64_t number);
  void TakeEvents(std::uint64_t number);

  void Carry(sync::weft_v1::ServerEffects effects);
  void CarryOut(sync::weft_v1::SendFrame& effect);
  void CarryOut(sync::weft_v1::Authenticate& effect);
  void CarryOut(sync::weft_v1::JoinRoom& effect);
  void CarryOut(sync::weft_v1::Deliver& effect);
  void CarryOut(sync::weft_v1::CatchUp& effect);
  void CarryOut(sync::weft_v1::CheckState& effect);
  void CarryOut(sync::weft_v1::AskForAnswer& effect);
  void CarryOut(sync::weft_v1::WatchRoom& effect);
  void CarryOut(sync::weft_v1::LeaveRoom& effect);
  void CarryOut(sync::weft_v1::CloseSocket& effect);

  sync::weft_v1::Server machine_;
  std::deque<sync::weft_v1::ServerEffect> effects_;  // to be carried out
  bool carrying_ = false;
  // Of channels that are asked for and not open: what the client takes the room's generation for,
  // and what it may do.
  struct Opening {
    std::uint64_t generation = 0;
    sync::Access access = sync::Access::kReadWrite;
  };
  absl::flat_hash_map<std::uint64_t, Opening> openings_;
  absl::flat_hash_map<std::uint64_t, Person> people_;
  std::vector<std::uint64_t> unread_;  // channels whose events wait for space
};

}  // namespace weft::server
