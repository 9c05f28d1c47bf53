#include "server/api/rooms.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/history.h"
#include "server/log_verb_parts.h"
#include "server/room_name.h"

namespace weft::server::api {
namespace {

absl::Status NoSuchRoom(std::string_view room) {
  return absl::NotFoundError(absl::StrCat("there is no room \"", PrintableName(room), "\""));
}

// An update without anything in it: the state of a room in which nothing was written.
crdt::Bytes EmptyUpdate() { return {0, 0}; }

}  // namespace

absl::StatusOr<Rooms::State> ReadFromLog(store::UpdateLog& log, const std::string& room) {
  const auto info = log.FindRoom(room);  // commits what was answered and is not on the medium
  if (!info.ok()) return info.status();
  if (!*info) return NoSuchRoom(room);
  store::LoadReport report;
  absl::StatusOr<crdt::Bytes> state = StateAt(log.reader(), room, store::kNoBound, report);
  if (!state.ok()) return state.status();
  return Rooms::State{.update = *std::move(state),
                      .place = {report.head, static_cast<std::uint64_t>(report.generation)}};
}

absl::StatusOr<store::Sequence> FindMoment(store::UpdateLog& log, const std::string& room,
                                           const std::string& moment) {
  const auto info = log.FindRoom(room);
  if (!info.ok()) return info.status();
  if (!*info) return NoSuchRoom(room);
  const auto sequence = log_verbs::ParsePoint(log.reader(), room, moment);
  if (absl::IsNotFound(sequence.status())) {
    return absl::OutOfRangeError(std::string(sequence.status().message()));
  }
  if (sequence.ok() && *sequence > (*info)->head) {
    return absl::OutOfRangeError(
        absl::StrCat("the room has ", (*info)->head, " records, not ", *sequence));
  }
  return sequence;
}

asio::awaitable<absl::StatusOr<Rooms::State>> Rooms::Read(const std::string& room) {
  using Found = std::optional<absl::StatusOr<State>>;
  Worker& worker = worker_of_room_(room);
  Found found = co_await Await<Found>([&worker, &room](Deliver<Found> deliver) {
    worker.WithRoomInMemory(room, [deliver = std::move(deliver)](Room* here) mutable {
      if (here == nullptr || (here->head().generation == 0 && !here->has_members())) {
        return deliver(std::nullopt);
      }
      here->Query(
          [](sync::SharedDocument& document) -> absl::StatusOr<std::string> {
            const std::uint8_t nothing_known[] = {0};
            absl::StatusOr<crdt::Bytes> update = document.DiffFor(nothing_known);
            if (!update.ok()) return update.status();
            return std::string(crdt::AsText(*update));
          },
          [here, deliver = std::move(deliver)](absl::StatusOr<std::string> update) mutable {
            if (!update.ok()) return deliver(Found(update.status()));
            const crdt::ByteView bytes = crdt::AsBytes(*update);
            deliver(Found(State{.update = {bytes.begin(), bytes.end()}, .place = here->head()}));
          });
    });
  });
  if (found) co_return *std::move(found);
  co_return co_await Block<absl::StatusOr<State>>(
      [this, &room] { return ReadFromLog(log_, room); });
}

asio::awaitable<std::optional<absl::StatusOr<std::string>>> Rooms::QueryInMemory(
    const std::string& room, ReadRoom read) {
  using Found = std::optional<absl::StatusOr<std::string>>;
  Worker& worker = worker_of_room_(room);
  co_return co_await Await<Found>([&worker, &room, &read](Deliver<Found> deliver) {
    worker.WithRoomInMemory(
        room, [read = std::move(read), deliver = std::move(deliver)](Room* here) mutable {
          if (here == nullptr) return deliver(std::nullopt);
          here->Query([here, read = std::move(read)](
                          sync::SharedDocument& document) mutable { return read(*here, document); },
                      [deliver = std::move(deliver)](absl::StatusOr<std::string> text) mutable {
                        deliver(Found(std::move(text)));
                      });
        });
  });
}

asio::awaitable<absl::StatusOr<Rooms::State>> Rooms::ReadAt(const std::string& room,
                                                            const std::string& moment) {
  co_return co_await Block<absl::StatusOr<State>>(
      [this, &room, &moment]() -> absl::StatusOr<State> {
        const auto sequence = FindMoment(log_, room, moment);
        if (!sequence.ok()) return sequence.status();
        const auto info = log_.FindRoom(room);
        if (!info.ok()) return info.status();
        if (!*info) return NoSuchRoom(room);
        State state{.update = EmptyUpdate(), .place = {}};
        if (*sequence > 0) {
          store::LoadReport report;
          absl::StatusOr<crdt::Bytes> update = StateAt(log_.reader(), room, *sequence, report);
          if (absl::IsNotFound(update.status())) {
            return absl::OutOfRangeError(std::string(update.status().message()));
          }
          if (!update.ok()) return update.status();
          state.update = *std::move(update);
        }
        state.place = {*sequence, static_cast<std::uint64_t>((*info)->generation)};
        return state;
      });
}

asio::awaitable<absl::StatusOr<Room::Submitted>> Rooms::Submit(const std::string& room,
                                                               Submission submission) {
  using Result = absl::StatusOr<Room::Submitted>;
  Worker& worker = worker_of_room_(room);
  co_return co_await Await<Result>([&worker, &room, &submission](Deliver<Result> deliver) {
    worker.WithRoom(room, [only_new = submission.only_new, update = std::move(submission.update),
                           deliver = std::move(deliver)](absl::StatusOr<Room*> here) mutable {
      if (!here.ok()) return deliver(here.status());
      if (only_new) {
        (*here)->Seed(std::move(update), std::move(deliver));
      } else {
        (*here)->Submit(std::move(update), /*past_freeze=*/false, std::move(deliver));
      }
    });
  });
}

asio::awaitable<std::optional<Rooms::InMemory>> Rooms::Look(const std::string& room) {
  using Found = std::optional<InMemory>;
  co_return co_await Visit<Found>(room, [](Room* here) -> Found {
    if (here == nullptr) return std::nullopt;
    return InMemory{.head = here->head(),
                    .accepted = here->uncommitted(),
                    .uncommitted_bytes = here->uncommitted_bytes(),
                    .memory_bytes = here->memory_bytes(),
                    .members = here->member_count(),
                    .frozen = here->frozen()};
  });
}

asio::awaitable<crdt::StringMap<std::uint64_t>> Rooms::CountMembers() {
  using Counts = crdt::StringMap<std::uint64_t>;
  Counts all;
  for (Worker* worker : workers_) {
    Counts counts = co_await Await<Counts>([worker](Deliver<Counts> deliver) {
      worker->WithRooms([deliver = std::move(deliver)](RoomTable& rooms) mutable {
        Counts found;
        rooms.ForEach([&found](const Room& room) {
          if (room.has_members()) found.emplace(room.name(), room.member_count());
        });
        deliver(std::move(found));
      });
    });
    all.merge(counts);
  }
  co_return all;
}

asio::awaitable<absl::Status> Rooms::VisitMade(const std::string& room,
                                               std::move_only_function<void(Room&)> visit) {
  Worker& worker = worker_of_room_(room);
  co_return co_await Await<absl::Status>([&worker, &room, &visit](Deliver<absl::Status> deliver) {
    worker.WithRoom(room, [visit = std::move(visit),
                           deliver = std::move(deliver)](absl::StatusOr<Room*> here) mutable {
      if (here.ok()) visit(**here);
      deliver(here.status());
    });
  });
}

}  // namespace weft::server::api
