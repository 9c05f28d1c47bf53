#pragma once

// One room of a socket that carries many: a member of the room on the room's worker, whose messages
// come from and go to a socket on another one.
//
//   worker of the socket                            worker of the room
//   SocketConnection ── Multiplexer ── Deliveries ──→ Channel ── Room
//                           ↑                            │
//                           └────────── ChannelNews ─────┘     once a turn, all channels together
//
// What is handed over is bytes that nobody changes any more. A channel keeps what the room says until
// the end of the turn; then all that one worker has for another goes in one post.
//
// Bounds. To the client: Trunk::waiting counts what rooms said to channels of the socket and what is
// not with the socket's queue yet. Past Limits::queue_bytes of all channels together (or
// Limits::all_queues_bytes of all sockets) a channel that has more than Limits::kFairBytes of it falls
// behind: it says so and drops what follows, until it is told to catch up. So one room cannot shut the
// others out, and a socket holds at most queue_bytes, and of each channel kFairBytes and one message.
// From the client: Trunk::under_way counts what was given to rooms and what they have not handled;
// past kMaxUnderWayBytes the socket is not read from.
//
// Threads: marked. Ownership: shared by both sides, since either may end first.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "crdt/base/bytes.h"
#include "server/connection.h"
#include "server/room.h"
#include "sync/message.h"

namespace weft::server {

class Multiplexer;
class Worker;

// What all channels of one socket share.
struct Trunk {
  static constexpr std::size_t kMaxUnderWayBytes = std::size_t{256} << 10;

  Trunk(Worker& socket_worker, Multiplexer* socket_end)
      : worker(socket_worker), multiplexer(socket_end) {}

  Worker& worker;            // of the socket
  Multiplexer* multiplexer;  // null once the socket has ended; for the socket's thread alone
  std::atomic<std::size_t> waiting{0};
  std::atomic<std::size_t> under_way{0};
  std::atomic<bool> is_full{false};  // the socket waits for under_way to shrink
};

// What a room has to say to a channel, in order.
namespace channel_event {
// The room is open, and the member's session has begun.
struct Opened {
  LogPlace head;  // of then
  // What came after the place that was asked for, when the log has it.
  std::optional<std::vector<crdt::Bytes>> tail;
  std::vector<LostUpdates> lost = {};  // Room::lost
};
struct Said {
  sync::Frame message;
  std::size_t cost = 0;  // as counted in Trunk::waiting
};
struct Stateless {
  sync::Frame body;
  std::size_t cost = 0;
};
// A Receipt.
struct Settled {
  Receipt::Kind kind = Receipt::Kind::kDurable;
  std::uint64_t count = 0;
  LogPlace place;
  std::string reason;
};
struct AccessIs {
  sync::Access access = sync::Access::kReadOnly;
  std::string reason;
};
// The state of the document, all of it committed.
struct Checked {
  std::uint64_t checksum = 0;
  crdt::Bytes state_vector;
};
struct ReadingIs {
  bool reading = false;
};
// What follows was dropped, until Channel::CatchUp.
struct FellBehind {};
// The last one.
struct Ended {
  CloseCode code = CloseCode::kNormal;
  std::string reason;
};
}  // namespace channel_event

using ChannelEvent =
    std::variant<channel_event::Opened, channel_event::Said, channel_event::Stateless,
                 channel_event::Settled, channel_event::AccessIs, channel_event::Checked,
                 channel_event::ReadingIs, channel_event::FellBehind, channel_event::Ended>;

class Channel;

struct ChannelNews {
  std::shared_ptr<Channel> channel;
  std::vector<ChannelEvent> events;
};

// What an event counts in Trunk::waiting.
std::size_t CostOf(const ChannelEvent& event);

class Channel final : public Connection, public std::enable_shared_from_this<Channel> {
 public:
  // `number` names it on its socket. `home` is the worker of its room.
  Channel(Worker& home, std::shared_ptr<Trunk> trunk, std::uint64_t number);

  Worker& home() const { return home_; }
  std::uint64_t number() const { return number_; }
  const std::shared_ptr<Trunk>& trunk() const { return trunk_; }

  // --- Any thread: the work is handed over to the room's, in order.
  // Becomes a member; says Opened, or Ended when that is not possible. With `from` the tail of the
  // log after it is read, at most `tail_bytes` of it.
  void Join(std::string room, JoinOptions options, std::optional<LogPlace> from,
            std::size_t tail_bytes);
  void Leave();
  // What was dropped is made up for: the room tells everything anew.
  void CatchUp();
  void SetAccess(sync::Access access, std::string reason);
  void TellStateless(sync::Frame body);
  // Says Checked, unless the room fails.
  void Check();

  // --- The room's thread
  // Messages of the client.
  void Receive(std::span<const crdt::ByteView> messages);
  void Tell(ChannelEvent event);
  ChannelNews TakeNews();

  // Connection
  void Send(crdt::ByteView message) override;
  void SendShared(const sync::Frame& message) override;
  void HearStateless(const sync::Frame& body) override;
  void Close(CloseCode code, std::string_view reason) override;
  bool WantsReceipts() const override { return true; }
  void Acknowledge(const Receipt& receipt) override;
  void OnAccess(sync::Access access, std::string_view reason) override;
  void SetReading(bool reading) override;

  // --- The socket's thread
  // So many bytes of what was said are with the socket, or dropped.
  void Release(std::size_t bytes) {
    waiting_.fetch_sub(bytes, std::memory_order_relaxed);
    trunk_->waiting.fetch_sub(bytes, std::memory_order_relaxed);
  }
  void Occupy(std::size_t bytes) {
    waiting_.fetch_add(bytes, std::memory_order_relaxed);
    trunk_->waiting.fetch_add(bytes, std::memory_order_relaxed);
  }

 private:
  void Enter(absl::StatusOr<Room*> room, JoinOptions options, std::optional<LogPlace> from,
             std::size_t tail_bytes);
  void ReadTail(std::optional<LogPlace> from, std::size_t tail_bytes);
  // What a message counts, or nothing when it is dropped.
  std::optional<std::size_t> Admit(std::size_t bytes);

  Worker& home_;
  const std::shared_ptr<Trunk> trunk_;
  const std::uint64_t number_;
  std::atomic<std::size_t> waiting_{0};  // its part of Trunk::waiting

  // The room's thread.
  Room* room_ = nullptr;  // whose member this is
  bool lagging_ = false;  // has fallen behind
  std::vector<ChannelEvent> news_;
};

}  // namespace weft::server
