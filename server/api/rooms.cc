#include "server/api/rooms.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/history.h"
#include "server/room_name.h"
#include "server/tools/log_verb_parts.h"

namespace weft::server::api {
namespace {

absl::Status NoSuchRoom(std::string_view room) {
  return absl::NotFoundError(absl::StrCat("there is no room \"", PrintableName(room), "\""));
}

// An update without anything in it: the state of a room in which nothing was written.
crdt::Bytes EmptyUpdate() { return {0, 0}; }

Rooms::InMemory Describe(const Room& room) {
  return {.head = room.head(),
          .accepted = room.uncommitted(),
          .uncommitted_bytes = room.uncommitted_bytes(),
          .memory_bytes = room.memory_bytes(),
          .members = room.member_count(),
          .frozen = room.frozen(),
          .pending = room.pending_report()};
}

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
                           rows = std::move(submission.rows),
                           deliver = std::move(deliver)](absl::StatusOr<Room*> here) mutable {
      if (!here.ok()) return deliver(here.status());
      if (only_new) {
        (*here)->Seed(std::move(update), std::move(deliver));
      } else if (rows.rows != nullptr) {
        (*here)->Commit(std::move(update), std::move(rows), /*past_freeze=*/false,
                        std::move(deliver));
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
    return Describe(*here);
  });
}

asio::awaitable<crdt::StringMap<Rooms::InMemory>> Rooms::Look(
    const std::vector<std::string>& rooms) {
  using Found = crdt::StringMap<InMemory>;
  Found all;
  for (Worker* worker : workers_) {
    std::vector<std::string> here;
    for (const std::string& room : rooms) {
      if (&worker_of_room_(room) == worker) here.push_back(room);
    }
    if (here.empty()) continue;
    Found found = co_await Await<Found>([worker, &here](Deliver<Found> deliver) {
      worker->WithRooms([&here, deliver = std::move(deliver)](RoomTable& table) mutable {
        Found known;
        for (const std::string& name : here) {
          if (const Room* room = table.Find(name)) known.emplace(name, Describe(*room));
        }
        deliver(std::move(known));
      });
    });
    all.merge(found);
  }
  co_return all;
}

asio::awaitable<std::vector<std::string>> Rooms::NamesInMemory(
    const std::function<bool(std::string_view name)>& wants, std::size_t limit) {
  using Names = std::vector<std::string>;
  Names all;
  const auto keep_first = [limit](Names& names) {
    std::ranges::sort(names);
    if (names.size() > limit) names.resize(limit);
  };
  for (Worker* worker : workers_) {
    Names found = co_await Await<Names>([worker, &wants](Deliver<Names> deliver) {
      worker->WithRooms([&wants, deliver = std::move(deliver)](RoomTable& table) mutable {
        Names names;
        table.ForEach([&](const Room& room) {
          if (wants(room.name())) names.push_back(room.name());
        });
        deliver(std::move(names));
      });
    });
    keep_first(found);
    all.insert(all.end(), std::make_move_iterator(found.begin()),
               std::make_move_iterator(found.end()));
  }
  keep_first(all);
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
