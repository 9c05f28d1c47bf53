#pragma once

// The socket's end of many channels: what a WebSocket carries whose dialect names a room in each
// message. A dialect is a class derived from this one, around its state machine in `sync`.
//
// What the dialect writes while the socket has more than kPaceBytes to send waits here, of each
// channel by itself, and leaves a message a channel in turn. Its bounds are those of Channel: when a
// channel falls behind, what waits of it is dropped but for receipts and the like, and when everything
// else has left, the room is asked to tell it everything anew, one channel at a time. A socket that
// takes nothing for Limits::catch_up_time while channels are behind is closed with 1013.
//
// The socket is not read from while its rooms have more than Trunk::kMaxUnderWayBytes of it to
// handle, or the dialect says so.
//
// Threads: the socket's worker. Ownership: the socket's.

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "crdt/base/bytes.h"
#include "server/auth/credentials.h"
#include "server/auth/pass.h"
#include "server/channel.h"
#include "server/message_sink.h"
#include "server/stats.h"
#include "sync/message.h"

namespace weft::server {

class SocketConnection;
class Worker;

class Multiplexer : public MessageSink {
 public:
  static constexpr std::size_t kPaceBytes = std::size_t{128} << 10;

  // `shown`: what the request for the WebSocket said of the client. Requires: `socket` will carry this.
  Multiplexer(SocketConnection& socket, Worker& worker, auth::Credentials shown);
  ~Multiplexer() override;
  Multiplexer(const Multiplexer&) = delete;
  Multiplexer& operator=(const Multiplexer&) = delete;

  // From now on the client is read from.
  void Start() { UpdateReading(); }

  // What a channel's room has said, for its socket if that is still there. On the socket's thread.
  static void TakeIn(ChannelNews news);
  // Rooms have handled what was under way.
  void OnSpace();

  // MessageSink
  void Receive(std::span<const crdt::ByteView> messages) final;
  void OnDrained(bool lost) final;
  void Sweep(Clock::time_point now) final;
  void OnStop() final;
  void OnEnd() final;

 protected:
  // The dialect. One message of the client; valid during the call.
  virtual void OnMessage(crdt::ByteView message) = 0;
  virtual void OnEvent(std::uint64_t channel, ChannelEvent event) = 0;
  // All that came together has been handed over.
  virtual void OnTurnEnd() {}
  virtual bool WantsReading() const { return true; }
  // Everything that waited has left.
  virtual void OnSpaceLeft() {}
  // The server stops, and no channel is left that a room would end.
  virtual void OnStopped() = 0;
  // What the dialect holds by itself, in bytes.
  virtual std::size_t HeldBytes() const { return 0; }

  // The socket ends for its client's rights, or because nobody can tell what they are.
  virtual void EndSocket(CloseCode code, std::string_view reason) = 0;
  // A channel ends for its client's rights; it has left the room already.
  virtual void EndChannel(std::uint64_t number, CloseCode code, std::string_view reason) = 0;

  // What a token allows in a room.
  struct Admission {
    sync::Access access = sync::Access::kReadWrite;
    std::string subject;
    std::shared_ptr<auth::Pass> pass;  // null: everything, for good
  };
  using AdmissionDone = std::move_only_function<void(absl::StatusOr<Admission>)>;
  // Answers at once or later, on this thread; not when the socket has ended before. An empty token
  // stands for the one of the request. When nobody can tell, the socket ends, with 1013.
  void Authenticate(std::string_view room, std::string_view token, AdmissionDone done);
  // The same for the token alone, whatever the room, and how long it holds; 0 when no end is known.
  // From then on it is the token of the socket, for the channels that there are, too.
  using GreetingDone = std::move_only_function<void(absl::StatusOr<std::chrono::milliseconds>)>;
  void AuthenticateSocket(std::string_view token, GreetingDone done);
  // From now on the channel's rights are those of `pass`. Requires: it is a member, or was.
  void Watch(std::uint64_t number, std::shared_ptr<auth::Pass> pass);
  const std::string& address() const { return shown_.address; }

  // Makes the channel `number`, which joins `room`. Requires: the number is new.
  void Join(std::uint64_t number, std::string room, JoinOptions options,
            std::optional<LogPlace> from = std::nullopt, std::size_t tail_bytes = 0);
  // Nothing of this channel's room reaches the dialect any more.
  void Leave(std::uint64_t number);
  // The channel, or null when it has ended.
  Channel* Find(std::uint64_t number);
  // Gives the room a message, which is copied.
  void Deliver(std::uint64_t number, crdt::ByteView message);
  // What goes to the channel next comes behind all that was delivered.
  void FlushDeliveries();

  // Writes head and body as one message, behind all earlier ones of this channel; number 0: of the
  // socket itself, at once. `is_content`: to be dropped when the channel falls behind.
  void Write(std::uint64_t number, crdt::Bytes head, sync::Frame body, bool is_content);
  // Writes what waits and is no content, then closes. The last call.
  void Close(CloseCode code, std::string_view reason);
  bool ended() const { return ended_; }
  // Whether what is written now leaves soon.
  bool has_space() const;
  // What its rights are in the room by themselves, whether the room is frozen or not.
  bool MayWrite(std::uint64_t number) const;
  // Comes back to this thread from any other: `work` is done if the socket is still there, else `gone`.
  using Back = std::function<void(std::move_only_function<void()> work,
                                  std::move_only_function<void()> gone)>;
  Back MakeBack();
  Worker& worker() { return worker_; }

 private:
  struct Item {
    crdt::Bytes head;
    sync::Frame body;
    std::size_t cost = 0;
    bool is_content = false;
  };
  // One channel as the socket sees it. Stays for what waits after the channel has ended.
  struct Line {
    std::shared_ptr<Channel> channel;
    std::deque<Item> items;  // while there are some, its number is in ring_
    bool lagging = false;
    bool is_member = false;
    std::shared_ptr<auth::Pass> pass;  // null: everything, for good
  };
  struct Delivery {
    std::shared_ptr<Channel> channel;
    crdt::Bytes message;
  };

  // Calls `done` on this thread, if the socket is still there, and refuses what failed.
  template <typename Answer>
  std::move_only_function<void(Answer)> Here(std::move_only_function<void(Answer)> done);
  bool EndsWith(const absl::Status& refused);
  void PollPasses();
  void CheckChannelsAnew();
  void Apply(std::uint64_t number, const auth::Pass::Change& change);

  void OnNews(std::uint64_t number, std::vector<ChannelEvent> events);
  void SendItem(Line& line, const Item& item);
  void Pump();
  static void DropContent(Line& line);
  void FallBehind(std::uint64_t number, Line& line);
  void EndTurn();
  void UpdateReading();
  void End();
  static void HandOver(Trunk& trunk, std::vector<Delivery>& deliveries);

  SocketConnection& socket_;
  Worker& worker_;
  auth::Credentials shown_;
  std::shared_ptr<Trunk> trunk_;
  Share held_;  // of Stats::queued_bytes
  absl::flat_hash_map<std::uint64_t, std::unique_ptr<Line>> lines_;
  std::size_t members_ = 0;
  std::deque<std::uint64_t> ring_;     // lines with items, the next one first
  std::deque<std::uint64_t> lagging_;  // lines that have fallen behind, the next to catch up first
  Clock::time_point last_drained_{};   // or since when something is behind
  std::vector<std::pair<Worker*, std::vector<Delivery>>> deliveries_;
  bool reading_ = false;
  bool full_ = false;  // rooms have too much of it to handle
  bool stopping_ = false;
  bool ended_ = false;
};

}  // namespace weft::server
