// The whole log against the obvious model, with power cuts among its commands: for each room the
// payloads in order, and names for some of their counts.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/store/joined_payloads.h"
#include "tests/store/journal_sizes.h"
#include "tests/store/system_faults.h"

namespace weft::store {
namespace {

struct ModelRoom {
  Generation generation{};
  std::vector<std::string> payloads;  // what is in quarantine is empty
  std::map<std::string, Sequence> versions;
  std::size_t quarantined = 0;
  RoomPolicy policy;

  std::string ContentAt(Sequence sequence) const {
    std::string content;
    for (Sequence i = 0; i < sequence; ++i) content += payloads[i];
    return content;
  }
};
using Model = std::map<std::string, ModelRoom>;

struct Appends {
  std::vector<std::pair<std::string, int>> appends;  // room, size of the payload
  bool disk_full = false;
};
struct PowerCut {
  Appends appends;  // under way when it comes
  int when = 0;     // of 1000
  int lost = 0;
  unsigned seed = 0;
};
struct Create {
  std::string room;
};
struct Delete {
  std::string room;
};
struct CompactIt {
  std::string room;
  bool keeps_history = false;
};
struct Name {
  std::string room;
  std::string version;
  int at = 0;  // of 1000
};
struct Unname {
  std::string room;
  std::string version;
};
struct SetAsideOne {
  std::string room;
  int at = 0;  // of 1000
};
struct Policy {
  std::string room;
  int retention_ms = 0;
};
struct Reopen {};
using Command = std::variant<Appends, PowerCut, Create, Delete, CompactIt, Name, Unname,
                             SetAsideOne, Policy, Reopen>;

void showValue(const Appends& group, std::ostream& os) {
  os << "append" << (group.disk_full ? " to a full disk" : "");
  for (const auto& [room, size] : group.appends) os << " " << room << "+" << size;
}
[[maybe_unused]] void showValue(const Command& command, std::ostream& os) {
  std::visit(
      [&](const auto& it) {
        using It = std::decay_t<decltype(it)>;
        if constexpr (std::is_same_v<It, Appends>) {
          showValue(it, os);
        } else if constexpr (std::is_same_v<It, PowerCut>) {
          showValue(it.appends, os);
          os << " and cut at " << it.when << " losing " << it.lost << " seed " << it.seed;
        } else if constexpr (std::is_same_v<It, Create>) {
          os << "create " << it.room;
        } else if constexpr (std::is_same_v<It, Delete>) {
          os << "delete " << it.room;
        } else if constexpr (std::is_same_v<It, CompactIt>) {
          os << "compact " << it.room << (it.keeps_history ? " keeping history" : "");
        } else if constexpr (std::is_same_v<It, Name>) {
          os << "name " << it.version << " in " << it.room << " at " << it.at;
        } else if constexpr (std::is_same_v<It, Unname>) {
          os << "unname " << it.version << " in " << it.room;
        } else if constexpr (std::is_same_v<It, SetAsideOne>) {
          os << "set aside in " << it.room << " at " << it.at;
        } else if constexpr (std::is_same_v<It, Policy>) {
          os << "policy of " << it.room << " " << it.retention_ms;
        } else {
          os << "reopen";
        }
      },
      command);
}

rc::Gen<std::string> Room() { return rc::gen::element<std::string>("a", "b", "c"); }
rc::Gen<int> Part() { return rc::gen::inRange(0, 1001); }

rc::Gen<Appends> AnyAppends() {
  return rc::gen::apply(
      [](std::vector<std::pair<std::string, int>> appends, int chance) {
        return Appends{.appends = std::move(appends), .disk_full = chance == 0};
      },
      rc::gen::container<std::vector<std::pair<std::string, int>>>(
          rc::gen::pair(Room(), rc::gen::weightedOneOf<int>({{5, rc::gen::inRange(0, 30)},
                                                             {1, rc::gen::inRange(0, 9000)}}))),
      rc::gen::inRange(0, 8));
}

rc::Gen<Command> AnyCommand() {
  const auto version = rc::gen::element<std::string>("v", "w");
  const auto to_command = [](auto it) { return Command(std::move(it)); };
  return rc::gen::weightedOneOf<Command>({
      {6, rc::gen::map(AnyAppends(), to_command)},
      {3, rc::gen::apply(
              [](Appends appends, int when, int lost, unsigned seed) {
                appends.disk_full = false;
                return Command(PowerCut{
                    .appends = std::move(appends), .when = when, .lost = lost, .seed = seed});
              },
              AnyAppends(), Part(), rc::gen::inRange(0, 3), rc::gen::arbitrary<unsigned>())},
      {1, rc::gen::map(Room(), [](std::string room) { return Command(Create{room}); })},
      {1, rc::gen::map(Room(), [](std::string room) { return Command(Delete{room}); })},
      {4,
       rc::gen::apply([](std::string room, bool keeps) { return Command(CompactIt{room, keeps}); },
                      Room(), rc::gen::arbitrary<bool>())},
      {2, rc::gen::apply([](std::string room, std::string name,
                            int at) { return Command(Name{room, name, at}); },
                         Room(), version, Part())},
      {1, rc::gen::apply(
              [](std::string room, std::string name) { return Command(Unname{room, name}); },
              Room(), version)},
      {1, rc::gen::apply([](std::string room, int at) { return Command(SetAsideOne{room, at}); },
                         Room(), Part())},
      {1, rc::gen::apply([](std::string room, int ms) { return Command(Policy{room, ms}); }, Room(),
                         rc::gen::element(-1, 0, 1'000'000))},
      {1, rc::gen::just(Command(Reopen{}))},
  });
}

class Run {
 public:
  explicit Run(std::size_t journal_bytes) : journal_bytes_(journal_bytes) { Open(); }

  void operator()(const Appends& group) {
    const std::vector<Answer> answers = Append(group, nullptr);
    for (const Answer& answer : answers) {
      if (group.disk_full) {
        RC_ASSERT(answer.result.status().code() == absl::StatusCode::kResourceExhausted);
        continue;
      }
      ModelRoom& room = model_[answer.room];
      room.payloads.push_back(answer.payload);
      RC_ASSERT(answer.result.value() == room.payloads.size());
    }
    LearnGenerations();
  }

  void operator()(const PowerCut& cut) {
    std::vector<std::uint8_t> image;
    std::vector<Answer> answers;
    std::size_t moment = 0;
    {
      const DiskRecording recording(directory_->path() + "/data.mdb");
      answers = Append(cut.appends, &recording);
      moment = recording.now() * static_cast<std::size_t>(cut.when) / 1000;
      std::mt19937 random(cut.seed);
      image = recording.ImageAt(moment, static_cast<DiskRecording::Lost>(cut.lost), random);
    }
    log_.reset();
    directory_ = std::make_unique<TestDirectory>();
    WriteImage(directory_->path(), image);
    Open();
    // All that was answered is there; of the rest, a beginning in each room.
    std::map<std::string, Sequence> heads;
    const std::vector<RoomInfo> rooms = log_->ListRooms().value();
    for (const RoomInfo& info : rooms) heads[info.name] = info.head;
    for (const Answer& answer : answers) {
      RC_ASSERT(answer.result.ok());
      const bool stored = *answer.result <= heads[answer.room];
      RC_ASSERT(stored || answer.moment > moment);
      if (stored) model_[answer.room].payloads.push_back(answer.payload);
    }
    LearnGenerations();
  }

  void operator()(const Create& create) {
    const bool fresh = !model_.contains(create.room);
    const auto created =
        log_->CreateIfAbsent({.room = create.room, .payload = crdt::AsBytes("seed")});
    RC_ASSERT(created.ok());
    RC_ASSERT(created->created == fresh);
    if (fresh) model_[create.room].payloads.push_back("seed");
    RC_ASSERT(created->head == model_[create.room].payloads.size());
    LearnGenerations();
  }

  void operator()(const Delete& it) {
    const bool known = model_.erase(it.room) > 0;
    RC_ASSERT(log_->DeleteRoom(it.room).ok() == known);
  }

  void operator()(const CompactIt& it) {
    const auto report =
        log_->Compact(it.room, JoinPayloads, {.retention_ms = it.keeps_history ? 1'000'000 : 0});
    RC_ASSERT(report.ok() == model_.contains(it.room));
    if (report.ok()) RC_ASSERT(report->snapshot == model_[it.room].payloads.size());
  }

  void operator()(const Name& it) {
    const auto room = model_.find(it.room);
    const Sequence at = room == model_.end() ? 1 : Place(room->second, it.at);
    const absl::Status put =
        log_->PutVersion(it.room, {.name = it.version, .sequence = at}, JoinPayloads);
    if (room == model_.end() || room->second.payloads.empty()) {
      RC_ASSERT(absl::IsNotFound(put));
    } else if (room->second.versions.contains(it.version)) {
      RC_ASSERT(absl::IsAlreadyExists(put));
    } else if (put.ok()) {
      room->second.versions[it.version] = at;
    } else {
      RC_ASSERT(at + 1 < log_->FindRoom(it.room).value()->first);
    }
  }

  void operator()(const Unname& it) {
    const auto room = model_.find(it.room);
    const bool known = room != model_.end() && room->second.versions.erase(it.version) > 0;
    RC_ASSERT(log_->DropVersion(it.room, it.version).ok() == known);
  }

  // Of records that no snapshot has yet.
  void operator()(const SetAsideOne& it) {
    const auto room = model_.find(it.room);
    if (room == model_.end()) return;
    const Sequence at = Place(room->second, it.at);
    if (at <= log_->FindRoom(it.room).value()->snapshot) return;
    const Damage damage[] = {{DamageKind::kContent, at, at + 1}};
    RC_ASSERT(log_->Quarantine(it.room, damage, 0).ok());
    room->second.payloads[at - 1].clear();
    std::set<Sequence>& aside = aside_[room->second.generation];
    aside.insert(at);
    room->second.quarantined = aside.size();
  }

  void operator()(const Policy& it) {
    const auto room = model_.find(it.room);
    const RoomPolicy policy{.retention_ms = it.retention_ms};
    RC_ASSERT(log_->SetPolicy(it.room, policy).ok() == (room != model_.end()));
    if (room != model_.end()) room->second.policy = policy;
  }

  void operator()(const Reopen&) {
    log_.reset();
    Open();
  }

  void Check() {
    RC_ASSERT(Verify(log_->reader()) == absl::OkStatus());
    const std::vector<RoomInfo> rooms = log_->ListRooms().value();
    RC_ASSERT(rooms.size() == model_.size());
    RC_ASSERT(ListByPages(log_->reader(), "", 2) == rooms);
    for (const RoomInfo& info : rooms) {
      const ModelRoom& room = model_.at(info.name);
      const Sequence head = room.payloads.size();
      RC_ASSERT(info.head == head);
      RC_ASSERT(info.generation == room.generation);
      RC_ASSERT(info.quarantined == room.quarantined);
      RC_ASSERT(info.policy == room.policy);
      RC_ASSERT(log_->FindRoom(info.name).value() == info);
      RC_ASSERT(Content(log_->reader(), info.name) == room.ContentAt(head));
      for (Sequence at = 1; at <= head; ++at) {
        const auto content = ContentAt(log_->reader(), info.name, at);
        bool needed = at + 1 >= info.first;
        for (const auto& [name, sequence] : room.versions) needed = needed || sequence == at;
        RC_ASSERT(content.ok() || (!needed && absl::IsNotFound(content.status())));
        if (content.ok()) RC_ASSERT(*content == room.ContentAt(at));
      }
      const std::vector<Version> versions = log_->reader().ListVersions(info.name).value();
      RC_ASSERT(versions.size() == room.versions.size());
      for (const Version& version : versions) {
        RC_ASSERT(room.versions.at(version.name) == version.sequence);
      }
      RC_ASSERT(log_->reader().ListQuarantine(info.name).value().size() == room.quarantined);
    }
  }

 private:
  struct Answer {
    std::string room;
    std::string payload;
    absl::StatusOr<Sequence> result = absl::InternalError("not answered");
    std::size_t moment = 0;
  };

  static Sequence Place(const ModelRoom& room, int part) {
    const Sequence head = room.payloads.size();
    return std::max<Sequence>(1, (head * static_cast<Sequence>(part) + 999) / 1000);
  }

  std::vector<Answer> Append(const Appends& group, const DiskRecording* recording) {
    std::vector<Answer> answers(group.appends.size());
    std::optional<ScopedFault> fault;
    if (group.disk_full) fault.emplace(SystemFault::kDiskFull);
    for (std::size_t i = 0; i < answers.size(); ++i) {
      const auto& [room, size] = group.appends[i];
      answers[i].room = room;
      answers[i].payload =
          absl::StrCat("<", ++last_payload_, std::string(static_cast<std::size_t>(size), '.'), ">");
      RC_ASSERT(log_->TryAppend({.room = room, .payload = crdt::AsBytes(answers[i].payload)},
                                [&answers, i, recording](absl::StatusOr<Sequence> result) {
                                  answers[i].result = std::move(result);
                                  if (recording != nullptr) answers[i].moment = recording->now();
                                })
                    .ok());
    }
    log_->Flush();
    return answers;
  }

  void LearnGenerations() {
    std::erase_if(model_, [](const auto& room) { return room.second.payloads.empty(); });
    for (auto& [name, room] : model_) {
      if (room.generation == Generation{})
        room.generation = log_->FindRoom(name).value()->generation;
    }
  }

  void Open() {
    log_ = OpenLog({.directory = directory_->path(),
                    .initial_map_bytes = std::size_t{1} << 20,
                    .journal_bytes = journal_bytes_});
  }

  const std::size_t journal_bytes_;
  std::unique_ptr<TestDirectory> directory_ = std::make_unique<TestDirectory>();
  std::unique_ptr<UpdateLog> log_;
  Model model_;
  std::map<Generation, std::set<Sequence>> aside_;
  int last_payload_ = 0;
};

void RunCommands() {
  const auto commands = *rc::gen::container<std::vector<Command>>(AnyCommand());
  Run run(*JournalBytes());
  for (const Command& command : commands) {
    std::visit(run, command);
    run.Check();
  }
  run(Reopen{});
  run.Check();
}

RC_GTEST_PROP(LogState, TheLogDoesWhatItsModelDoesThroughPowerCuts, ()) { RunCommands(); }

TEST(LogState, AndSoItDoesForLongerWhenAsked) {
  for (int run = 1; run < TortureFactor(); ++run) {
    ASSERT_TRUE(rc::check("the log does what its model does", [] { RunCommands(); }));
  }
}

}  // namespace
}  // namespace weft::store
