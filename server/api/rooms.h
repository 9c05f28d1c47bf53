#pragma once

// Rooms as the calls of the API reach them: in memory on their worker, or in the log.
//
// A room is there when the log has it, or somebody is in it. Who reads one that is not in memory reads
// the log and makes nothing; who writes brings it into memory.
//
// Names are taken by reference: they live until the answer is there. (GCC 12 breaks temporaries that
// own something and are arguments of what is awaited; so whatever is awaited here is given references,
// or functions that hold nothing but references.)
//
// Threads: any; answers come on the coroutine's own. Blocking work runs on `executor`.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "server/api/await.h"
#include "server/room.h"
#include "server/worker.h"
#include "store/update_log.h"

namespace weft::server::api {

class Rooms {
 public:
  Rooms(store::UpdateLog& log, std::function<Worker&(std::string_view room)> worker_of_room,
        std::vector<Worker*> workers, asio::any_io_executor executor)
      : log_(log),
        worker_of_room_(std::move(worker_of_room)),
        workers_(std::move(workers)),
        executor_(std::move(executor)) {}

  struct State {
    crdt::Bytes update;
    LogPlace place;
  };
  // The newest committed state. Fails: kNotFound; kUnavailable.
  asio::awaitable<absl::StatusOr<State>> Read(const std::string& room);
  // The state at a moment: a version's name, a sequence, or a time ("weft log" has the same).
  // Fails: kInvalidArgument when it is none of these, kNotFound without a room, kOutOfRange when the
  // room does not have or keep that moment.
  asio::awaitable<absl::StatusOr<State>> ReadAt(const std::string& room, const std::string& moment);

  // As Room::Submit. `only_new`: fails with kAlreadyExists when the room is in the log.
  struct Submission {
    crdt::Bytes update;
    bool only_new = false;
    RowChange rows = {};  // with rows: as Room::Commit
  };
  asio::awaitable<absl::StatusOr<Room::Submitted>> Submit(const std::string& room,
                                                          Submission submission);

  // What is known of a room that is in memory; nothing when it is not.
  struct InMemory {
    LogPlace head;
    std::uint64_t accepted = 0;  // updates behind `head` that are not committed yet
    std::uint64_t uncommitted_bytes = 0;
    std::uint64_t memory_bytes = 0;
    std::uint64_t members = 0;
    std::optional<std::string> frozen;
    crdt::PendingReport pending;
  };
  asio::awaitable<std::optional<InMemory>> Look(const std::string& room);
  // The same of several rooms: of those that are in memory.
  asio::awaitable<crdt::StringMap<InMemory>> Look(const std::vector<std::string>& rooms);
  // The names of rooms in memory that `wants` says yes to, the first `limit` in the order of their
  // bytes. `wants` is called on the threads of the workers, one after the other.
  asio::awaitable<std::vector<std::string>> NamesInMemory(
      const std::function<bool(std::string_view name)>& wants, std::size_t limit);

  // Runs `visit` with the room, or null when it is not in memory, on its thread.
  template <typename Result>
  asio::awaitable<Result> Visit(const std::string& room,
                                std::move_only_function<Result(Room*)> visit) {
    Worker& worker = worker_of_room_(room);
    co_return co_await Await<Result>([&worker, &room, &visit](Deliver<Result> deliver) {
      worker.WithRoomInMemory(room, [visit = std::move(visit), deliver = std::move(deliver)](
                                        Room* found) mutable { deliver(visit(found)); });
    });
  }
  // The same, made when it is not in memory.
  asio::awaitable<absl::Status> VisitMade(const std::string& room,
                                          std::move_only_function<void(Room&)> visit);

  // Reads a room that is in memory with its document, as Room::Query; nothing when it is not.
  using ReadRoom =
      std::move_only_function<absl::StatusOr<std::string>(Room&, sync::SharedDocument&)>;
  asio::awaitable<std::optional<absl::StatusOr<std::string>>> QueryInMemory(const std::string& room,
                                                                            ReadRoom read);

  // Runs work that may block.
  template <typename Result>
  asio::awaitable<Result> Block(std::move_only_function<Result()> work) {
    return RunOn<Result>(executor_, std::move(work));
  }

  store::UpdateLog& log() { return log_; }
  bool answers_when_durable() const { return log_.durability() == store::Durability::kFsync; }

 private:
  store::UpdateLog& log_;
  std::function<Worker&(std::string_view room)> worker_of_room_;
  std::vector<Worker*> workers_;
  asio::any_io_executor executor_;
};

// The state after what is committed. Fails: kNotFound.
absl::StatusOr<Rooms::State> ReadFromLog(store::UpdateLog& log, const std::string& room);
// What `moment` stands for. Fails: as Rooms::ReadAt.
absl::StatusOr<store::Sequence> FindMoment(store::UpdateLog& log, const std::string& room,
                                           const std::string& moment);

}  // namespace weft::server::api
