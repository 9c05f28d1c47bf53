#include "tests/simulation/world.h"

#include <time.h>

#include <algorithm>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crdt/update.h"
#include "crdt/update_meta.h"
#include "tests/simulation/chance.h"

namespace weft::simulation {
namespace {

constexpr Time kCheckInterval = 250 * kMillisecond;
constexpr Time kSaveInterval = 500 * kMillisecond;
// How long replicas may take to agree once nothing goes wrong any more; and a link, to be crossed
// in one after the other of them.
constexpr Time kPatience = 120 * kSecond;

double CpuSeconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// The state as a replica has it that has just read it: how runs are cut into blocks depends on the
// order of arrival, in weft as in Yjs, and who may undo a deletion keeps what it deleted.
crdt::Bytes Reloaded(crdt::ByteView state) {
  crdt::Doc doc;
  if (!doc.ApplyUpdate(state).ok()) return {};
  return doc.EncodeStateAsUpdate();
}

// All ids that a document has or holds back, and those that are deleted. What waits may be there
// with its content or without, where it was deleted: the first replica that has it decides.
std::pair<std::vector<crdt::UpdateMeta::ClientClocks>, crdt::DeleteSet> IdsOf(
    const crdt::Doc& doc) {
  const crdt::Bytes state = doc.EncodeStateAsUpdate();
  auto meta = crdt::ParseUpdateMeta(state);
  auto update = crdt::DecodeUpdate(state);
  if (!meta.ok() || !update.ok()) return {};
  return {std::move(meta->clients), std::move(update->deletes)};
}

class World {
 public:
  World(const Scenario& scenario, std::uint64_t seed, const Script& script)
      : scenario_(scenario), seed_(seed), script_(script) {}

  Outcome Run() {
    const double began = CpuSeconds();
    if (absl::Status made = MakeReplicas(); !made.ok()) return {.status = made};
    const Site site{
        .scenario = scenario_,
        .seed = seed_,
        .scheduler = scheduler_,
        .replicas = replicas_,
        .apply = [this](std::uint32_t to, crdt::ByteView update) { return Apply(to, update); },
        .fail = [this](absl::Status status) { outcome_.status.Update(std::move(status)); }};
    transport_ =
        scenario_.topology == Topology::kStar ? MakeStarTransport(site) : MakePeerTransport(site);
    transport_->Start();
    for (const Step& step : script_) {
      scheduler_.At(step.at, [this, &step] { Do(step); });
    }
    if (scenario_.faults.replica_crashes > 0) Save();
    RunToTheEnd();
    outcome_.cpu_seconds = CpuSeconds() - began;
    outcome_.traffic = transport_->traffic();
    outcome_.digest = transport_->digest();
    for (const Time changed : std::span(changed_).first(scenario_.staying())) {
      outcome_.settled.push_back(std::max<Time>(0, changed - outcome_.last_edit));
    }
    std::ranges::sort(outcome_.settled);
    if (outcome_.status.ok()) outcome_.status = CheckAtEnd();
    return std::move(outcome_);
  }

 private:
  absl::Status MakeReplicas() {
    const std::uint32_t staying = scenario_.staying();
    const std::size_t own = staying - std::min<std::size_t>(staying, scenario_.foreign.size());
    Chance chance(Mix(seed_ ^ 0xC10C));
    for (std::uint32_t i = 0; i < scenario_.replicas; ++i) {
      const double pace = 1 + scenario_.faults.clock_skew * (2 * chance.Part() - 1);
      const auto milliseconds = [this, pace] {
        return static_cast<std::int64_t>(pace * static_cast<double>(scheduler_.now()) /
                                         static_cast<double>(kMillisecond));
      };
      const crdt::ClientId client{++last_client_};
      if (i < own || i >= staying) {
        replicas_.push_back(std::make_unique<Replica>(client, milliseconds));
        continue;
      }
      const auto program = ForeignProgram::Start(scenario_.foreign[i - own]);
      if (!program.ok()) return program.status();
      auto replica = MakeForeignReplica(*program, client, milliseconds);
      if (!replica.ok()) return replica.status();
      replicas_.push_back(*std::move(replica));
    }
    own_replicas_ = own;
    changed_.assign(scenario_.replicas, 0);
    saved_.resize(scenario_.replicas);
    return absl::OkStatus();
  }

  void Do(const Step& step) {
    switch (step.kind) {
      case Step::Kind::kEdit: {
        ++outcome_.edits;
        outcome_.last_edit = scheduler_.now();
        cpu_at_last_edit_ = CpuSeconds();
        Fail(replicas_[step.replica]->Do(step.edit));
        TellMade(step.replica);
        return;
      }
      case Step::Kind::kCut:
        return transport_->Cut(step.choice);
      case Step::Kind::kHeal:
        return transport_->Heal();
      case Step::Kind::kCrashReplica: {
        const crdt::Bytes& saved = saved_[step.replica];
        Fail(replicas_[step.replica]->Restart(crdt::ClientId{++last_client_},
                                              saved.empty() ? crdt::Bytes{0, 0} : saved));
        changed_[step.replica] = scheduler_.now();
        crashed_ = true;
        return transport_->OnCrash(step.replica);
      }
      case Step::Kind::kCrashRelay:
        return transport_->CrashRelay();
    }
  }

  void Fail(absl::Status status) { outcome_.status.Update(std::move(status)); }

  bool Apply(std::uint32_t to, crdt::ByteView update) {
    const absl::StatusOr<bool> changed = replicas_[to]->Apply(update);
    if (!changed.ok()) {
      Fail(changed.status());
      return false;
    }
    if (*changed) changed_[to] = scheduler_.now();
    TellMade(to);
    return *changed;
  }

  void TellMade(std::uint32_t replica) {
    const std::vector<crdt::Bytes> made = replicas_[replica]->TakeMade();
    if (made.empty()) return;
    changed_[replica] = scheduler_.now();
    transport_->OnMade(replica, made);
  }

  void Save() {
    scheduler_.After(kSaveInterval, [this] {
      for (std::size_t i = 0; i < replicas_.size(); ++i) {
        const absl::StatusOr<crdt::Bytes> state = replicas_[i]->Diff({});
        if (!state.ok()) return Fail(state.status());
        saved_[i] = *state;
      }
      if (scheduler_.now() < script_end()) Save();
    });
  }

  Time script_end() const { return script_.empty() ? 0 : script_.back().at; }

  void RunToTheEnd() {
    const auto run_until = [this](Time end) {
      while (outcome_.status.ok() && !scheduler_.empty() && scheduler_.next() <= end) {
        scheduler_.RunNext();
      }
    };
    run_until(script_end());
    transport_->Heal();
    const Time patience = kPatience + 4 * scenario_.replicas * scenario_.faults.latency;
    const Time deadline = script_end() + patience;
    absl::Status not_yet;
    for (Time at = script_end(); outcome_.status.ok(); at += kCheckInterval) {
      run_until(at);
      if (!outcome_.status.ok()) return;
      not_yet =
          Agree() ? transport_->CheckAtEnd() : absl::UnavailableError("the replicas do not agree");
      if (!absl::IsUnavailable(not_yet)) return Fail(not_yet);
      if (at > deadline) {
        return Fail(absl::InternalError(absl::StrCat(std::string(not_yet.message()), " after ",
                                                     patience / kSecond, " seconds without a fault",
                                                     Describe())));
      }
    }
  }

  // Those that are compared.
  std::span<const std::unique_ptr<Replica>> Staying() const {
    return std::span(replicas_).first(scenario_.staying());
  }

  // Whether everybody has everything.
  bool Agree() {
    const crdt::StateVector first = replicas_[0]->doc().GetStateVector();
    bool waits = false;
    for (const auto& replica : Staying()) {
      if (replica->doc().GetStateVector() != first) return false;
      waits = waits || replica->doc().has_pending();
    }
    // The relay keeps what it was handed. One of the others may crash before it has saved it.
    const bool is_kept = scenario_.topology == Topology::kStar || !crashed_;
    for (const auto& writer : std::span(replicas_).subspan(scenario_.staying())) {
      if (is_kept && !first.Covers(writer->doc().GetStateVector())) return false;
    }
    const crdt::Snapshot all = replicas_[0]->doc().TakeSnapshot();
    if (!std::ranges::all_of(Staying(), [&all](const auto& replica) {
          return replica->doc().TakeSnapshot() == all;
        })) {
      return false;
    }
    return !waits || (crashed_ && AgreeOnWhatWaits());
  }

  // What each has and waits for, as far as a screen can hold it.
  std::string Describe() {
    constexpr std::size_t kReplicas = 8;
    std::string all;
    for (std::size_t i = 0; i < std::min(kReplicas, replicas_.size()); ++i) {
      const crdt::Doc& doc = replicas_[i]->doc();
      absl::StrAppend(&all, "\n  replica ", i, " has");
      const crdt::StateVector known = doc.GetStateVector();
      for (const auto& entry : known.entries()) {
        absl::StrAppend(&all, " ", static_cast<std::uint64_t>(entry.client), ":", entry.clock);
      }
      if (doc.has_pending()) absl::StrAppend(&all, " and waits; its state is");
      for (const std::uint8_t byte : doc.EncodeStateAsUpdate()) {
        if (doc.has_pending()) absl::StrAppend(&all, " ", byte);
      }
    }
    return all;
  }

  // What a replica had told only in part before it crashed is with nobody as a whole, and its rest
  // waits for ever, with everybody.
  bool AgreeOnWhatWaits() {
    const auto all = IdsOf(replicas_[0]->doc());
    return std::ranges::all_of(
        Staying(), [&all](const auto& replica) { return IdsOf(replica->doc()) == all; });
  }

  absl::Status CheckAtEnd() {
    outcome_.cpu_after_last_edit = CpuSeconds() - cpu_at_last_edit_;
    const std::string content = ShowContent(replicas_[0]->doc());
    const absl::StatusOr<crdt::Bytes> state = replicas_[0]->Diff({});
    if (!state.ok()) return state.status();
    const crdt::Bytes reloaded = Reloaded(*state);
    outcome_.state_bytes = state->size();
    for (std::size_t i = 0; i < scenario_.staying(); ++i) {
      Replica& replica = *replicas_[i];
      if (absl::Status status = replica.Check(); !status.ok()) {
        return absl::Status(status.code(),
                            absl::StrCat("replica ", i, ": ", std::string(status.message())));
      }
      const std::string shown = ShowContent(replica.doc());
      if (shown != content) {
        return absl::InternalError(
            absl::StrCat("replica ", i, " shows\n", shown, "\nand replica 0\n", content));
      }
      const absl::StatusOr<crdt::Bytes> other = replica.Diff({});
      if (!other.ok()) return other.status();
      const bool waits = replica.doc().has_pending();  // which AgreeOnWhatWaits has seen to
      if (!waits && *other != *state && Reloaded(*other) != reloaded) {
        return absl::InternalError(absl::StrCat("the state of replica ", i, " has other bytes"));
      }
      if (i < own_replicas_) outcome_.memory_bytes += replica.doc().MemoryUsage().total();
    }
    if (own_replicas_ > 0) outcome_.memory_bytes /= own_replicas_;
    return absl::OkStatus();
  }

  const Scenario& scenario_;
  const std::uint64_t seed_;
  const Script& script_;
  Scheduler scheduler_;
  std::vector<std::unique_ptr<Replica>> replicas_;
  std::size_t own_replicas_ = 0;
  std::unique_ptr<Transport> transport_;
  std::vector<Time> changed_;
  std::vector<crdt::Bytes> saved_;
  std::uint64_t last_client_ = 0;
  double cpu_at_last_edit_ = 0;
  bool crashed_ = false;  // a replica
  Outcome outcome_;
};

}  // namespace

Outcome Simulate(const Scenario& scenario, std::uint64_t seed, const Script& script) {
  return World(scenario, seed, script).Run();
}

Recording Minimize(Recording recording, int tries) {
  const auto fails = [&](const Script& script) {
    --tries;
    return !Simulate(recording.scenario, recording.seed, script).status.ok();
  };
  if (!fails(recording.script)) return recording;
  for (std::size_t piece = recording.script.size() / 2; piece > 0 && tries > 0;) {
    bool shorter = false;
    for (std::size_t begin = 0; begin < recording.script.size() && tries > 0;) {
      Script without = recording.script;
      const std::size_t end = std::min(begin + piece, without.size());
      without.erase(without.begin() + static_cast<std::ptrdiff_t>(begin),
                    without.begin() + static_cast<std::ptrdiff_t>(end));
      if (fails(without)) {
        recording.script = std::move(without);
        shorter = true;
      } else {
        begin += piece;
      }
    }
    if (piece > 1) {
      piece /= 2;
    } else if (!shorter) {
      break;
    }
  }
  return recording;
}

}  // namespace weft::simulation
