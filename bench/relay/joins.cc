// Clients who come: to stay and say nothing, all at once, or for a moment.

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "bench/relay/scenarios.h"
#include "bench/replay.h"
#include "bench/replica.h"
#include "bench/trace_files.h"

namespace weft::bench {
namespace {

constexpr double kNsPerSecond = 1e9;
constexpr std::chrono::seconds kPatience{60};
// Connections that are under way at any time while a fleet is built up.
constexpr std::size_t kConnectingAtOnce = 100;

absl::Status Failure(const Fleet& fleet, std::string_view otherwise) {
  return absl::InternalError(fleet.failure().empty() ? std::string(otherwise) : fleet.failure());
}

void Pause(Fleet& fleet, double seconds) {
  fleet.TurnUntil([] { return false; },
                  std::chrono::milliseconds(static_cast<int>(1000 * seconds)));
}

absl::StatusOr<std::string> TextOf(crdt::ByteView state) {
  const auto doc = MakeDoc(1);
  if (absl::Status status = doc->ApplyUpdate(state); !status.ok()) return status;
  return doc->GetText(kRoot).ToString();
}

absl::StatusOr<Recording> RecordTrace(const std::string& file) {
  std::vector<std::string> files;
  if (!file.empty()) files.push_back(file);
  absl::StatusOr<TraceFiles> traces = LoadTraceFiles(std::move(files));
  if (!traces.ok()) return traces.status();
  // The trace that others publish their numbers for, when it is among them.
  const auto known = std::ranges::find(traces->sequential, "automerge-paper", &Trace::name);
  return Record(known == traces->sequential.end() ? traces->sequential.front() : *known);
}

// Somebody who brings a document and stays: servers that store nothing forget a room when its last
// client leaves.
class Publisher {
 public:
  explicit Publisher(const Run& run) : run_(run) {}

  // Sends the document and waits until somebody who comes afterwards is told of it.
  absl::Status Publish(const crdt::Bytes& state);

 private:
  const Run run_;
  std::size_t told_ = 0;
  Fleet fleet_{run_.target,
               {.received =
                    [this](Client&, const Received& received, Nanoseconds) {
                      if (received.kind == Kind::kStep2) told_ = received.body.size();
                    },
                .closed = {}}};
};

absl::Status Publisher::Publish(const crdt::Bytes& state) {
  const auto room = [this](std::size_t) { return run_.room_prefix; };
  if (absl::Status status = ConnectAll(fleet_, 1, room); !status.ok()) return status;
  Buffer message;
  fleet_[0].messages().PutUpdate(message, state);
  fleet_[0].Send(message);
  for (int attempt = 0; attempt < 100; ++attempt) {
    Pause(fleet_, 0.1);
    const std::size_t before = fleet_.size();
    fleet_.Add(run_.room_prefix);
    const bool synced = fleet_.TurnUntil([&] { return fleet_.synced() == before + 1; }, kPatience);
    if (!synced) return Failure(fleet_, "the server does not answer");
    if (told_ >= state.size() / 2) return absl::OkStatus();
  }
  return absl::InternalError("the server does not show the document");
}

}  // namespace

absl::Status ConnectAll(Fleet& fleet, std::size_t count,
                        const std::function<std::string(std::size_t)>& room_of) {
  const std::size_t before = fleet.size();
  const auto patient = [&] { return fleet.synced() + kConnectingAtOnce > fleet.size(); };
  for (std::size_t i = 0; i < count; ++i) {
    if (!fleet.TurnUntil(patient, kPatience)) return Failure(fleet, "the server does not answer");
    fleet.Add(room_of(before + i));
  }
  if (fleet.TurnUntil([&] { return fleet.synced() == fleet.size(); }, kPatience)) {
    return absl::OkStatus();
  }
  return Failure(fleet, "the server does not answer");
}

absl::StatusOr<Report> RunIdling(const Run& run, const Idling& idling) {
  Fleet fleet(run.target, {});
  // What a first connection makes is there for all.
  absl::Status first =
      ConnectAll(fleet, 1, [&](std::size_t) { return run.room_prefix + "-first"; });
  if (!first.ok()) return first;
  Pause(fleet, 1);
  const auto before = run.server.AnonymousBytes();
  if (!before) return absl::InternalError("there is no server process to look at");
  absl::Status all = ConnectAll(fleet, idling.clients, [&](std::size_t client) {
    return absl::StrCat(run.room_prefix, "-", client % idling.rooms);
  });
  if (!all.ok()) return all;
  Pause(fleet, run.seconds);
  const auto after = run.server.AnonymousBytes();
  if (!after || !fleet.failure().empty()) return Failure(fleet, "the server is gone");
  Report report;
  const double bytes = static_cast<double>(*after) - static_cast<double>(*before);
  report.Add("kb_per_connection", bytes / 1024 / static_cast<double>(idling.clients));
  report.Add("memory_mb", static_cast<double>(*after) / 1e6);
  return report;
}

absl::StatusOr<Report> RunJoining(const Run& run, const Joining& joining) {
  const absl::StatusOr<Recording> recording = RecordTrace(joining.trace);
  if (!recording.ok()) return recording.status();
  const absl::StatusOr<std::string> text = TextOf(recording->state);
  if (!text.ok()) return text.status();
  Publisher publisher(run);
  if (joining.prepare) {
    absl::Status published = publisher.Publish(recording->state);
    if (!published.ok()) return published;
  }
  Report report;
  report.Add("document_bytes", static_cast<double>(recording->state.size()));
  if (!joining.measure) return report;

  std::vector<Buffer> answers(joining.clients);
  Latencies latencies;
  Nanoseconds begin = 0;
  Fleet fleet(run.target,
              {.received =
                   [&](Client& client, const Received& received, Nanoseconds now) {
                     if (received.kind != Kind::kStep2 || !answers[client.index()].empty()) return;
                     latencies.Add(now - begin);
                     answers[client.index()].assign(received.body.begin(), received.body.end());
                   },
               .closed = {}});
  // The memory for the answers is there before the clock runs.
  for (Buffer& answer : answers) {
    answer.resize(recording->state.size() + 4096);
    answer.clear();
  }
  const double cpu_before = run.server.CpuSeconds();
  begin = NowNs();
  for (std::size_t i = 0; i < joining.clients; ++i) fleet.Add(run.room_prefix);
  if (!fleet.TurnUntil([&] { return fleet.synced() == fleet.size(); }, kPatience)) {
    return Failure(fleet, "not everyone was synced");
  }
  const double ms = static_cast<double>(NowNs() - begin) / 1e6;
  const double cpu = run.server.CpuSeconds() - cpu_before;
  for (const Buffer& answer : answers) {
    if (&answer != &answers.front() && answer == answers.front()) continue;
    const absl::StatusOr<std::string> got = TextOf(answer);
    if (!got.ok()) return got.status();
    if (*got != *text) return absl::InternalError("a client was told of another document");
  }
  report.Add("all_synced_ms", ms);
  report.AddLatencies(latencies);
  report.Add("cpu_ms", 1000 * cpu);
  return report;
}

absl::StatusOr<Report> RunVisiting(const Run& run, const Visiting& visiting) {
  std::uint64_t visits = 0;
  bool goes_on = true;
  bool counts = false;
  std::vector<std::size_t> gone;
  Fleet fleet(run.target, {.received =
                               [&](Client& client, const Received& received, Nanoseconds) {
                                 if (received.kind != Kind::kStep2) return;
                                 if (counts) ++visits;
                                 gone.push_back(client.index());
                               },
                           .closed = {}});
  std::uint64_t number = 0;
  const auto room = [&] { return absl::StrCat(run.room_prefix, "-", number++ % visiting.rooms); };
  for (std::size_t i = 0; i < visiting.at_once; ++i) fleet.Add(room());
  const auto visit = [&](double seconds) {
    const Nanoseconds end = NowNs() + static_cast<Nanoseconds>(seconds * kNsPerSecond);
    while (NowNs() < end && fleet.failure().empty()) {
      fleet.Turn(NowNs() + 100'000'000);
      for (const std::size_t index : gone) {
        fleet[index].Flush();
        fleet[index].Close(/*politely=*/true);
        if (goes_on) fleet.Replace(index, room());
      }
      gone.clear();
    }
  };
  visit(run.warmup_seconds);
  const double cpu_before = run.server.CpuSeconds();
  counts = true;
  visit(run.seconds);
  const double cpu = run.server.CpuSeconds() - cpu_before;
  if (!fleet.failure().empty()) return Failure(fleet, "");
  Report report;
  report.Add("visits_per_s", static_cast<double>(visits) / run.seconds);
  report.Add("cpu_percent", 100 * cpu / run.seconds);
  return report;
}

}  // namespace weft::bench
