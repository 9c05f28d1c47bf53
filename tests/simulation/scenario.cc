#include "tests/simulation/scenario.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "crdt/json.h"
#include "tests/simulation/chance.h"

namespace weft::simulation {
namespace {

using crdt::Any;
using crdt::AnyObject;
using Kind = Edit::Kind;

constexpr std::array<std::string_view, 5> kTopologies = {"star", "mesh", "ring", "chain", "gossip"};
constexpr std::array<std::string_view, 13> kWorkloads = {
    "typing",        "one-spot",    "all-over", "paste-and-cut", "formatting",
    "map-churn",     "array-churn", "tree",     "undo-storm",    "interleaved",
    "delete-others", "once-each",   "mixed"};
constexpr std::array<std::string_view, 5> kSteps = {"edit", "cut", "heal", "crash", "crash-relay"};

template <std::size_t kCount>
absl::StatusOr<std::size_t> Find(const std::array<std::string_view, kCount>& names,
                                 std::string_view name, const char* what) {
  const auto* found = std::ranges::find(names, name);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  std::string known;
  for (const std::string_view one : names) absl::StrAppend(&known, " ", std::string(one));
  return absl::InvalidArgumentError(
      absl::StrCat("there is no ", what, " \"", std::string(name), "\"; there are:", known));
}

// Words for one edit after the other of one replica.
class Writer {
 public:
  Writer(const Scenario& scenario, std::uint32_t replica, std::uint64_t seed)
      : scenario_(scenario), replica_(replica), chance_(Mix(seed ^ Mix(replica + 1))) {}

  Chance& chance() { return chance_; }

  Edit Next() {
    ++count_;
    switch (scenario_.workload) {
      case Workload::kTyping:
        return Typing();
      case Workload::kOneSpot:
        return {.kind = Kind::kType, .place = 0, .text = Word()};
      case Workload::kAllOver:
        if (chance_.Below(4) == 0) return Erase(Kind::kErase, 12);
        return {.kind = Kind::kType, .place = chance_.Part(), .text = Word()};
      case Workload::kPasteAndCut:
        if (chance_.Below(3) == 0) return Erase(Kind::kErase, 400);
        return {.kind = Kind::kType, .place = chance_.Part(), .text = Long(500)};
      case Workload::kFormatting:
        return Formatting();
      case Workload::kMapChurn:
        return MapChurn();
      case Workload::kArrayChurn:
        if (chance_.Below(3) == 0) return Erase(Kind::kListErase, 4);
        return Valued(Kind::kListInsert);
      case Workload::kTree:
        return Valued(chance_.Below(4) == 0 ? Kind::kTreeErase : Kind::kTreeInsert);
      case Workload::kUndoStorm:
        if (count_ > 2 && chance_.Below(3) == 0) {
          return {.kind = chance_.Below(3) == 0 ? Kind::kRedo : Kind::kUndo};
        }
        return Mixed();
      case Workload::kInterleaved:
        // Begins where all do, and then types on.
        if (count_ == 1) return {.kind = Kind::kType, .place = 0.5, .text = Name()};
        return {.kind = Kind::kTypeOn, .place = 0.5, .text = Name()};
      case Workload::kDeleteOthers:
        if (replica_ % 2 == 1) return Erase(Kind::kErase, 20);
        return {.kind = Kind::kType, .place = chance_.Part(), .text = Word()};
      case Workload::kOnceEach:
        return {.kind = Kind::kType, .place = 0, .text = Name()};
      case Workload::kMixed:
        return Mixed();
    }
    return {};
  }

 private:
  std::string Name() const { return std::string(1, static_cast<char>('a' + replica_ % 26)); }
  std::string Long(std::uint64_t most) {
    return std::string(1 + chance_.Below(most), static_cast<char>('a' + chance_.Below(26)));
  }
  std::string Word() { return Long(8); }
  std::string Key(std::uint64_t keys) { return absl::StrCat("k", chance_.Below(keys)); }

  Edit Erase(Kind kind, std::uint64_t most) {
    return {.kind = kind, .place = chance_.Part(), .count = 1 + chance_.Below(most)};
  }
  Edit Valued(Kind kind) {
    return {.kind = kind, .place = chance_.Part(), .value = chance_.Below(1'000'000)};
  }

  Edit Typing() {
    const std::uint64_t choice = chance_.Below(20);
    if (choice == 0) return {.kind = Kind::kType, .place = chance_.Part(), .text = Name()};
    if (choice < 4) return {.kind = Kind::kBackspace, .place = chance_.Part(), .count = 1};
    return {.kind = Kind::kTypeOn, .place = chance_.Part(), .text = Name()};
  }
  Edit Formatting() {
    const std::uint64_t choice = chance_.Below(6);
    if (choice == 0) return Erase(Kind::kRichErase, 12);
    if (choice < 3) return {.kind = Kind::kRichType, .place = chance_.Part(), .text = Word()};
    return {.kind = Kind::kFormat,
            .place = chance_.Part(),
            .count = 1 + chance_.Below(10),
            .key = Key(3),
            .value = chance_.Below(8)};
  }
  Edit MapChurn() {
    if (chance_.Below(5) == 0) return {.kind = Kind::kMapErase, .key = Key(4)};
    return {.kind = Kind::kMapSet, .key = Key(4), .value = chance_.Below(1'000'000)};
  }
  Edit Mixed() {
    switch (chance_.Below(7)) {
      case 0:
        return Formatting();
      case 1:
        return MapChurn();
      case 2:
        return chance_.Below(3) == 0 ? Erase(Kind::kListErase, 3) : Valued(Kind::kListInsert);
      case 3:
        return Valued(chance_.Below(4) == 0 ? Kind::kTreeErase : Kind::kTreeInsert);
      case 4:
        return Erase(Kind::kErase, 8);
      default:
        return chance_.Below(2) == 0
                   ? Typing()
                   : Edit{.kind = Kind::kType, .place = chance_.Part(), .text = Word()};
    }
  }

  const Scenario& scenario_;
  std::uint32_t replica_;
  Chance chance_;
  std::uint64_t count_ = 0;
};

// --- Reading JSON: what is absent or no number is what it was.

template <typename Number>
void Read(const AnyObject& json, std::string_view name, Number& number) {
  const Any* member = json.Find(name);
  const double* value = member == nullptr ? nullptr : member->AsNumber();
  if (value != nullptr && *value >= 0 && *value <= 9e15) number = static_cast<Number>(*value);
}

std::string ReadText(const AnyObject& json, std::string_view name) {
  const Any* member = json.Find(name);
  const std::string* text = member == nullptr ? nullptr : member->AsString();
  return text == nullptr ? "" : *text;
}

Any Number(std::uint64_t number) { return static_cast<double>(number); }

}  // namespace

std::string_view NameOf(Topology topology) {
  return kTopologies[static_cast<std::size_t>(topology)];
}
std::string_view NameOf(Workload workload) {
  return kWorkloads[static_cast<std::size_t>(workload)];
}

absl::StatusOr<Topology> TopologyNamed(std::string_view name) {
  const auto found = Find(kTopologies, name, "topology");
  if (!found.ok()) return found.status();
  return static_cast<Topology>(*found);
}

absl::StatusOr<Workload> WorkloadNamed(std::string_view name) {
  const auto found = Find(kWorkloads, name, "workload");
  if (!found.ok()) return found.status();
  return static_cast<Workload>(*found);
}

std::vector<std::string> TopologyNames() { return {kTopologies.begin(), kTopologies.end()}; }
std::vector<std::string> WorkloadNames() { return {kWorkloads.begin(), kWorkloads.end()}; }

Script MakeScript(const Scenario& scenario, std::uint64_t seed) {
  Script script;
  Time end = 0;
  std::vector<Writer> writers;
  for (std::uint32_t i = 0; i < scenario.replicas; ++i) writers.emplace_back(scenario, i, seed);
  const bool once = scenario.workload == Workload::kOnceEach;
  std::vector<Time> next(scenario.replicas, kMillisecond);
  const std::uint32_t edits = once ? scenario.replicas : scenario.edits;
  for (std::uint32_t i = 0; i < edits; ++i) {
    const std::uint32_t replica = i % scenario.replicas;
    Writer& writer = writers[replica];
    if (!once) {
      next[replica] += static_cast<Time>(
          writer.chance().Below(static_cast<std::uint64_t>(2 * scenario.pause + 1)));
    }
    script.push_back({.kind = Step::Kind::kEdit,
                      .at = next[replica],
                      .replica = replica,
                      .edit = writer.Next()});
    end = std::max(end, next[replica]);
  }

  Chance chance(Mix(seed ^ 0xFA17));
  const auto moment = [&] {
    return static_cast<Time>(chance.Below(static_cast<std::uint64_t>(end) + 1));
  };
  for (std::uint32_t i = 0; i < scenario.faults.partitions; ++i) {
    const Time begin = moment();
    script.push_back({.kind = Step::Kind::kCut, .at = begin, .choice = chance.Next() >> 16});
    script.push_back(
        {.kind = Step::Kind::kHeal, .at = begin + static_cast<Time>(chance.Below(2 * kSecond))});
  }
  for (std::uint32_t i = 0; i < scenario.faults.replica_crashes; ++i) {
    script.push_back({.kind = Step::Kind::kCrashReplica,
                      .at = moment(),
                      .replica = static_cast<std::uint32_t>(chance.Below(scenario.replicas))});
  }
  if (scenario.topology == Topology::kStar) {
    for (std::uint32_t i = 0; i < scenario.faults.relay_crashes; ++i) {
      script.push_back({.kind = Step::Kind::kCrashRelay, .at = moment()});
    }
  }
  std::ranges::stable_sort(script, {}, &Step::at);
  return script;
}

Any ToJson(const Recording& recording) {
  const Scenario& scenario = recording.scenario;
  const Faults& faults = scenario.faults;
  Any::Array foreign;
  for (const std::vector<std::string>& command : scenario.foreign) {
    foreign.emplace_back(Any::Array(command.begin(), command.end()));
  }
  Any::Array steps;
  for (const Step& step : recording.script) {
    AnyObject json{{"at", Number(static_cast<std::uint64_t>(step.at))},
                   {"step", std::string(kSteps[static_cast<std::size_t>(step.kind)])}};
    const bool of_replica =
        step.kind == Step::Kind::kEdit || step.kind == Step::Kind::kCrashReplica;
    if (of_replica) json.Set("replica", Number(step.replica));
    if (step.kind == Step::Kind::kCut) json.Set("choice", Number(step.choice));
    if (step.kind == Step::Kind::kEdit) json.Set("edit", ToJson(step.edit));
    steps.emplace_back(std::move(json));
  }
  return AnyObject{
      // More than 53 bits are no JSON number.
      {"seed", absl::StrCat(recording.seed)},
      {"scenario",
       AnyObject{
           {"replicas", Number(scenario.replicas)},
           {"stay", Number(scenario.stay)},
           {"edits", Number(scenario.edits)},
           {"pause", Number(static_cast<std::uint64_t>(scenario.pause))},
           {"topology", std::string(NameOf(scenario.topology))},
           {"workload", std::string(NameOf(scenario.workload))},
           {"foreign", std::move(foreign)},
           {"faults", AnyObject{{"latency", Number(static_cast<std::uint64_t>(faults.latency))},
                                {"jitter", Number(static_cast<std::uint64_t>(faults.jitter))},
                                {"loss", faults.loss},
                                {"duplication", faults.duplication},
                                {"reordering", faults.reordering},
                                {"partitions", Number(faults.partitions)},
                                {"replicaCrashes", Number(faults.replica_crashes)},
                                {"relayCrashes", Number(faults.relay_crashes)},
                                {"disk", Number(static_cast<std::uint64_t>(faults.disk))},
                                {"slowDisk", Number(static_cast<std::uint64_t>(faults.slow_disk))},
                                {"clockSkew", faults.clock_skew}}}}},
      {"script", std::move(steps)}};
}

absl::StatusOr<Recording> RecordingFromJson(std::string_view text) {
  constexpr std::size_t kDepth = 16;
  const std::optional<Any> json = crdt::ParseJson(text, kDepth);
  const AnyObject* all = json ? json->AsObject() : nullptr;
  const Any* described = all == nullptr ? nullptr : all->Find("scenario");
  const Any* steps = all == nullptr ? nullptr : all->Find("script");
  if (described == nullptr || described->AsObject() == nullptr || steps == nullptr ||
      steps->AsArray() == nullptr) {
    return absl::InvalidArgumentError("this is no recording: it needs \"scenario\" and \"script\"");
  }
  Recording recording;
  const std::string seed = ReadText(*all, "seed");
  for (const char digit : seed) {
    if (digit < '0' || digit > '9') return absl::InvalidArgumentError("\"seed\" is no number");
    recording.seed = recording.seed * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  Scenario& scenario = recording.scenario;
  const AnyObject& object = *described->AsObject();
  Read(object, "replicas", scenario.replicas);
  Read(object, "stay", scenario.stay);
  Read(object, "edits", scenario.edits);
  Read(object, "pause", scenario.pause);
  const auto topology = TopologyNamed(ReadText(object, "topology"));
  if (!topology.ok()) return topology.status();
  scenario.topology = *topology;
  const auto workload = WorkloadNamed(ReadText(object, "workload"));
  if (!workload.ok()) return workload.status();
  scenario.workload = *workload;
  if (scenario.replicas == 0) return absl::InvalidArgumentError("a run needs a replica");
  const Any* foreign = object.Find("foreign");
  if (foreign != nullptr && foreign->AsArray() != nullptr) {
    for (const Any& command : *foreign->AsArray()) {
      std::vector<std::string> words;
      if (command.AsArray() != nullptr) {
        for (const Any& word : *command.AsArray()) {
          if (word.AsString() != nullptr) words.push_back(*word.AsString());
        }
      }
      if (words.empty()) return absl::InvalidArgumentError("a foreign replica needs a command");
      scenario.foreign.push_back(std::move(words));
    }
  }
  const Any* faults = object.Find("faults");
  if (faults != nullptr && faults->AsObject() != nullptr) {
    const AnyObject& f = *faults->AsObject();
    Read(f, "latency", scenario.faults.latency);
    Read(f, "jitter", scenario.faults.jitter);
    Read(f, "loss", scenario.faults.loss);
    Read(f, "duplication", scenario.faults.duplication);
    Read(f, "reordering", scenario.faults.reordering);
    Read(f, "partitions", scenario.faults.partitions);
    Read(f, "replicaCrashes", scenario.faults.replica_crashes);
    Read(f, "relayCrashes", scenario.faults.relay_crashes);
    Read(f, "disk", scenario.faults.disk);
    Read(f, "slowDisk", scenario.faults.slow_disk);
    Read(f, "clockSkew", scenario.faults.clock_skew);
  }
  for (const Any& entry : *steps->AsArray()) {
    if (entry.AsObject() == nullptr) return absl::InvalidArgumentError("a step is no object");
    const AnyObject& member = *entry.AsObject();
    const auto kind = Find(kSteps, ReadText(member, "step"), "step");
    if (!kind.ok()) return kind.status();
    Step step{.kind = static_cast<Step::Kind>(*kind)};
    Read(member, "at", step.at);
    Read(member, "replica", step.replica);
    Read(member, "choice", step.choice);
    if (step.replica >= scenario.replicas) {
      return absl::InvalidArgumentError(absl::StrCat("there is no replica ", step.replica));
    }
    if (step.kind == Step::Kind::kEdit) {
      const Any* edit = member.Find("edit");
      const absl::StatusOr<Edit> read = EditFromJson(edit == nullptr ? Any() : *edit);
      if (!read.ok()) return read.status();
      step.edit = *read;
    }
    recording.script.push_back(std::move(step));
  }
  std::ranges::stable_sort(recording.script, {}, &Step::at);
  return recording;
}

}  // namespace weft::simulation
