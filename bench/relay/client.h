#pragma once

// Many WebSocket clients on one thread: sockets by hand on epoll, so that the generator is not what
// is measured.
//
// Ownership: a Fleet owns its clients. Threads: one.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/relay/wire.h"

namespace weft::bench {

using Nanoseconds = std::uint64_t;
Nanoseconds NowNs();

struct Target {
  int port = 0;
  Dialect dialect = Dialect::kYWebsocket;
};

class Fleet;

class Client {
 public:
  enum class State { kConnecting, kOpen, kSynced, kClosed };

  Client(Fleet& fleet, std::size_t index, std::string room);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  std::size_t index() const { return index_; }
  State state() const { return state_; }
  const Messages& messages() const { return messages_; }

  // Queues a message; it leaves at the end of the turn, or with Flush.
  void Send(View message);
  void Flush();
  std::size_t queued() const { return out_.size() - out_begin_; }
  // Ends: with a close frame if `politely`, and in any case without waiting for an answer.
  void Close(bool politely);

 private:
  friend class Fleet;
  void Connect();
  void OnReady(std::uint32_t events);
  void Read();
  std::size_t Consume(View bytes);
  bool ReadGreeting(View bytes, std::size_t& at);
  void OnFrame(const ServerFrame& frame);
  void OnMessage(View message);
  void Fail(const std::string& reason);
  void Watch(bool writable);

  Fleet& fleet_;
  std::size_t index_;
  std::string room_;
  Messages messages_;
  int socket_ = -1;
  State state_ = State::kConnecting;
  bool greeted_ = false;
  bool watches_writable_ = false;
  bool to_flush_ = false;
  Buffer in_;  // what is left of the last read: part of a frame
  Buffer out_;
  std::size_t out_begin_ = 0;
};

class Fleet {
 public:
  // What a scenario wants to hear. `received` gets updates and awareness of synced clients, and the
  // SyncStep2 that made a client synced.
  struct Handlers {
    std::function<void(Client&, const Received&, Nanoseconds)> received;
    std::function<void(Client&)> closed;  // by the server, or by a failure
  };

  Fleet(const Target& target, Handlers handlers);
  ~Fleet();
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  Client& Add(std::string room);
  std::size_t size() const { return clients_.size(); }
  Client& operator[](std::size_t index) { return *clients_[index]; }
  std::size_t synced() const { return synced_; }
  // Starts the client of this index anew.
  void Replace(std::size_t index, std::string room);

  // One turn: waits for events until `deadline` at most, handles them, and flushes.
  void Turn(Nanoseconds deadline);
  // Turns until `done` or the time is up; whether `done`.
  bool TurnUntil(const std::function<bool()>& done, std::chrono::milliseconds limit);

  // Why the run is no good; empty when it is.
  const std::string& failure() const { return failure_; }
  void Fail(const std::string& reason) {
    if (failure_.empty()) failure_ = reason;
  }
  // Whether a connection that the server ends makes the run bad.
  void TolerateClosing() { tolerant_ = true; }

 private:
  friend class Client;
  void FlushAll();

  Target target_;
  Handlers handlers_;
  int epoll_ = -1;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::unique_ptr<Client>> retired_;  // until the end of the turn
  std::vector<Client*> to_flush_;
  Buffer scratch_;
  Nanoseconds read_at_ = 0;
  std::size_t synced_ = 0;
  bool tolerant_ = false;
  std::string failure_;
};

}  // namespace weft::bench
