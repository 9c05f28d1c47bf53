// The log against the obvious model: a vector of records for each room.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "tests/store/journal_sizes.h"
#include "tests/store/log_harness.h"
#include "tests/store/system_faults.h"

namespace weft::store {
namespace {

using Model = std::map<std::string, std::vector<KeptRecord>>;

struct AppendGroup {
  std::vector<std::pair<std::string, KeptRecord>> appends;  // room and record
  bool disk_full = false;
};
struct Reopen {};
struct LoadRoom {
  std::string room;
};
struct List {};
using Command = std::variant<AppendGroup, Reopen, LoadRoom, List>;

[[maybe_unused]] void showValue(const Command& command, std::ostream& os) {
  if (const auto* group = std::get_if<AppendGroup>(&command)) {
    os << (group->disk_full ? "append to a full disk" : "append");
    for (const auto& [room, record] : group->appends) {
      os << " " << rc::toString(room) << "+" << record.payload.size();
    }
  } else if (const auto* load = std::get_if<LoadRoom>(&command)) {
    os << "load " << rc::toString(load->room);
  } else {
    os << (std::holds_alternative<Reopen>(command) ? "reopen" : "list");
  }
}

rc::Gen<std::string> RoomName() {
  return rc::gen::oneOf(
      rc::gen::element<std::string>("", "a", "b", std::string(1, '\0'), std::string(500, 'a'),
                                    std::string(500, 'a') + std::string(2, '\0'),
                                    std::string(500, 'a') + '\1', std::string(501, 'a'),
                                    std::string(512, 'a')),
      rc::gen::arbitrary<std::string>());
}

rc::Gen<KeptRecord> NewRecord() {
  const auto payload = rc::gen::oneOf(
      rc::gen::arbitrary<std::string>(),
      rc::gen::map(rc::gen::inRange(0, 60'000), [](int size) { return std::string(size, 'p'); }));
  return rc::gen::apply(
      [](std::int64_t time_ms, std::uint64_t origin, std::string text) {
        return KeptRecord{.sequence = 0,
                          .time_ms = time_ms,
                          .origin = OriginId{origin},
                          .payload = std::move(text)};
      },
      rc::gen::arbitrary<std::int64_t>(), rc::gen::arbitrary<std::uint64_t>(), payload);
}

rc::Gen<Command> AnyCommand() {
  const auto group = rc::gen::apply(
      [](std::vector<std::pair<std::string, KeptRecord>> appends, int chance) {
        return Command(AppendGroup{.appends = std::move(appends), .disk_full = chance == 0});
      },
      rc::gen::container<std::vector<std::pair<std::string, KeptRecord>>>(
          rc::gen::pair(RoomName(), NewRecord())),
      rc::gen::inRange(0, 6));
  return rc::gen::weightedOneOf<Command>(
      {{4, group},
       {1, rc::gen::just(Command(Reopen{}))},
       {2, rc::gen::map(RoomName(), [](std::string room) { return Command(LoadRoom{room}); })},
       {1, rc::gen::just(Command(List{}))}});
}

class Run {
 public:
  explicit Run(std::size_t journal_bytes) : journal_bytes_(journal_bytes) { Open(); }

  void operator()(const Reopen&) { Open(); }

  void operator()(const AppendGroup& group) {
    std::vector<std::optional<absl::StatusOr<Sequence>>> results(group.appends.size());
    {
      std::optional<ScopedFault> fault;
      if (group.disk_full) fault.emplace(SystemFault::kDiskFull);
      for (std::size_t i = 0; i < results.size(); ++i) {
        const auto& [room, record] = group.appends[i];
        const Append append{.room = room,
                            .time_ms = record.time_ms,
                            .origin = record.origin,
                            .payload = crdt::AsBytes(record.payload)};
        RC_ASSERT(log_->TryAppend(append,
                                  [&results, i](absl::StatusOr<Sequence> result) {
                                    results[i] = std::move(result);
                                  })
                      .ok());
      }
      log_->Flush();
    }
    for (std::size_t i = 0; i < results.size(); ++i) {
      RC_ASSERT(results[i].has_value());
      if (group.disk_full) {
        RC_ASSERT(results[i]->status().code() == absl::StatusCode::kResourceExhausted);
        continue;
      }
      auto [room, record] = group.appends[i];
      std::vector<KeptRecord>& records = model_[room];
      record.sequence = records.size() + 1;
      RC_ASSERT(results[i]->value() == record.sequence);
      records.push_back(std::move(record));
    }
  }

  void operator()(const LoadRoom& load) {
    const LoadedRoom room = LoadAll(*log_, load.room);
    RC_ASSERT(room.report.status() == absl::OkStatus());
    const auto expected = model_.find(load.room);
    RC_ASSERT(room.records ==
              (expected == model_.end() ? std::vector<KeptRecord>{} : expected->second));
    RC_ASSERT(room.report.records == room.records.size());
    RC_ASSERT(room.report.head == room.records.size());
    const auto info = log_->FindRoom(load.room).value();
    RC_ASSERT(info.has_value() == (expected != model_.end()));
    if (info) RC_ASSERT(*info == Info(*expected, info->generation));
  }

  void operator()(const List&) {
    const std::vector<RoomInfo> rooms = log_->ListRooms().value();
    RC_ASSERT(rooms.size() == model_.size());
    auto room = rooms.begin();
    for (const auto& expected : model_) {
      RC_ASSERT(*room == Info(expected, room->generation));
      ++room;
    }
  }

  void CheckAll() {
    for (const auto& [name, records] : model_) (*this)(LoadRoom{name});
    (*this)(List{});
  }

 private:
  static RoomInfo Info(const Model::value_type& room, Generation generation) {
    RoomInfo info{.name = room.first,
                  .generation = generation,
                  .head = room.second.size(),
                  .records = room.second.size(),
                  .tail_records = room.second.size(),
                  .created_ms = room.second.front().time_ms,
                  .last_ms = room.second.back().time_ms};
    for (const KeptRecord& record : room.second) info.payload_bytes += record.payload.size();
    info.appended_bytes = info.tail_bytes = info.payload_bytes;
    return info;
  }

  void Open() {
    log_.reset();
    log_ = OpenLog({.directory = directory_.path(),
                    .durability = Durability::kNone,
                    .initial_map_bytes = 1,
                    .journal_bytes = journal_bytes_});
  }

  const std::size_t journal_bytes_;
  TestDirectory directory_;
  std::unique_ptr<UpdateLog> log_;
  Model model_;
};

RC_GTEST_PROP(UpdateLogModel, TheLogDoesWhatAVectorOfRecordsForEachRoomDoes, ()) {
  const auto commands = *rc::gen::container<std::vector<Command>>(AnyCommand());
  Run run(*JournalBytes());
  for (const Command& command : commands) std::visit(run, command);
  run.CheckAll();
  run(Reopen{});
  run.CheckAll();
}

}  // namespace
}  // namespace weft::store
