#pragma once

// One room, the server's and the clients' ends of weft.v1, and a network between them that delays,
// and that is cut at any message: everything moves one step at a time, as a test says.
//
// The room is a small model of server/room: writes are accepted, told and acknowledged when they are
// committed, and a crash forgets what was not. A wire between both ends of each socket checks what
// the protocol promises of every frame that passes: no Data without credit, Data in its order, no
// answer to what was not sent, and nothing claimed to be heard or durable that is not.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/doc.h"
#include "sync/session.h"
#include "sync/shared_document.h"
#include "sync/weft_v1_client.h"
#include "sync/weft_v1_server.h"

namespace weft::sync::weft_v1 {

struct ModelOptions {
  std::size_t clients = 3;
  bool durable = true;      // the log answers when the medium has it
  bool told_early = false;  // others are told of a write before it is committed
  std::size_t client_window = 1 << 20;
  std::size_t server_window = 1 << 18;
  std::size_t server_queue = 4 << 20;
  std::size_t client_queue = 16 << 20;
};

class ModelWorld {
 public:
  explicit ModelWorld(const ModelOptions& options);
  ~ModelWorld();

  // Steps; each does nothing where there is nothing to do, and false says so.
  void Type(std::size_t client, std::uint64_t place, const std::string& text);
  bool Erase(std::size_t client, std::uint64_t place);
  void Connect(std::size_t client);
  void Drop(std::size_t client);
  bool ToServer(std::size_t client);  // one frame arrives
  bool ToClient(std::size_t client);
  bool FinishJoin(std::size_t client);  // a room that was asked for is open
  bool Commit();                        // the oldest append
  void Crash();                         // all sockets end, what is not committed is gone
  void Compact();                       // no tail of the log is kept
  void Freeze(bool frozen);
  void SetReading(std::size_t client, bool reading);
  void DeleteRoom();  // it begins a new history
  void Check(std::size_t client);

  // It never comes back, with all that it has.
  void LeaveForGood(std::size_t client);

  // Everybody who has not left for good connected, everything arrived and committed.
  void Heal();

  // Nothing that a client was told to be durable is missing in the log.
  void CheckDurable();
  // All documents of those who are there and the log are the same.
  void CheckConverged();

  crdt::Doc& doc(std::size_t client);
  Client& client(std::size_t client);
  RoomId room(std::size_t client) const;
  const std::vector<crdt::Bytes>& log() const { return log_; }

  // Empty, or the first law that was broken.
  const std::string& broken() const { return broken_; }

  // What was seen, for tests that want it to have happened.
  struct Seen {
    int resumed = 0;
    int synced = 0;
    int caught_up = 0;
    int denied = 0;
    int other_history = 0;
    int same_checksums = 0;
    int waited_for_credit = 0;
  };
  const Seen& seen() const { return seen_; }

 private:
  struct Link;
  class DocReplica;
  struct Held {
    std::uint64_t ticket = 0;
    std::function<void()> release;
  };

  void CarryClient(Link& link, ClientEffects effects);
  void CarryServer(Link& link, ServerEffects effects);
  void CarryServerEffect(Link& link, ServerEffect effect);
  void CarrySession(Link& link, Effects effects);
  void Receive(Link& link, crdt::ByteView message);
  void AfterCommit(std::function<void()> release);
  void Broadcast(const Frame& frame, const Link* except);
  void TellHeard();
  void EndMembership(Link& link);
  void Flush();
  void Law(bool holds, std::string_view law);
  void SeeFromClient(Link& link, crdt::ByteView frame);
  void SeeFromServer(Link& link, crdt::ByteView frame);
  void SeeAtClient(Link& link, crdt::ByteView frame);
  Place head() const { return {log_.empty() ? 0 : generation_, log_.size()}; }

  const ModelOptions options_;
  std::vector<std::unique_ptr<Link>> links_;
  std::unique_ptr<SharedDocument> document_;
  std::uint64_t generation_ = 1000;
  std::vector<crdt::Bytes> log_;     // committed
  std::deque<crdt::Bytes> pending_;  // accepted
  std::uint64_t appended_ = 0;
  std::uint64_t committed_ = 0;
  std::deque<Held> held_;
  std::size_t kept_from_ = 0;  // of the log: records before were compacted
  bool frozen_ = false;
  Seen seen_;
  std::string broken_;
};

}  // namespace weft::sync::weft_v1
