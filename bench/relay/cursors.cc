// Cursors: who has seen which newest state of whom.

#include <algorithm>
#include <queue>
#include <random>

#include "absl/strings/str_cat.h"
#include "bench/relay/scenarios.h"

namespace weft::bench {
namespace {

constexpr double kNsPerSecond = 1e9;

class CursorRoom {
 public:
  CursorRoom(const Run& run, const Cursors& cursors)
      : run_(run),
        cursors_(cursors),
        fleet_(run.target,
               {.received = [this](Client& client, const Received& received,
                                   Nanoseconds now) { OnReceived(client, received, now); },
                .closed = {}}),
        sent_at_(cursors.clients),
        seen_(cursors.clients * cursors.clients) {}

  absl::StatusOr<Report> Measure() {
    const std::size_t count = cursors_.clients;
    absl::Status connected =
        ConnectAll(fleet_, count, [this](std::size_t) { return run_.room_prefix; });
    if (!connected.ok()) return connected;
    const Nanoseconds now = NowNs();
    for (std::size_t i = 0; i < count; ++i) due_.push({now + Gap(), i});
    Move(run_.warmup_seconds, false);
    const double cpu_before = run_.server.CpuSeconds();
    const Nanoseconds begin = NowNs();
    Move(run_.seconds, true);
    const double seconds = static_cast<double>(NowNs() - begin) / kNsPerSecond;
    const double cpu = run_.server.CpuSeconds() - cpu_before;
    if (!fleet_.TurnUntil([this] { return AllSeen(); }, std::chrono::seconds(60))) {
      return absl::InternalError(fleet_.failure().empty() ? "a receiver lacks a newest state"
                                                          : fleet_.failure());
    }
    Report report;
    report.Add("states_per_s", static_cast<double>(latencies_.count()) / seconds);
    report.AddLatencies(latencies_);
    report.Add("messages_per_s", static_cast<double>(messages_) / seconds);
    report.Add("cpu_percent", 100 * cpu / seconds);
    return report;
  }

 private:
  struct Due {
    Nanoseconds at = 0;
    std::size_t client = 0;
    bool operator>(const Due& other) const { return at > other.at; }
  };

  Nanoseconds Gap() {
    std::exponential_distribution<double> gap(cursors_.rate / kNsPerSecond);
    return static_cast<Nanoseconds>(gap(random_));
  }

  void Move(double seconds, bool counted) {
    const Nanoseconds end = NowNs() + static_cast<Nanoseconds>(seconds * kNsPerSecond);
    counts_ = counted;
    for (Nanoseconds now = NowNs(); now < end && fleet_.failure().empty(); now = NowNs()) {
      while (due_.top().at <= now) {
        const Due due = due_.top();
        due_.pop();
        Send(due.client, due.at);
        due_.push({due.at + Gap(), due.client});
      }
      fleet_.Turn(std::min(end, due_.top().at));
    }
    counts_ = false;
  }

  void Send(std::size_t index, Nanoseconds intended) {
    sent_at_[index].push_back(intended);
    Buffer update;
    PutCursor(update, kFirstClientId + index, sent_at_[index].size());
    Buffer message;
    Client& client = fleet_[index];
    client.messages().PutAwareness(message, update);
    client.Send(message);
  }

  void OnReceived(Client& client, const Received& received, Nanoseconds now) {
    if (received.kind != Kind::kAwareness) return;
    if (counts_) ++messages_;
    const bool whole = ForEachCursor(received.body, [&](std::uint64_t id, std::uint64_t clock) {
      const std::uint64_t from = id - kFirstClientId;
      if (from >= cursors_.clients || clock > sent_at_[from].size()) {
        return fleet_.Fail("a state that nobody has sent");
      }
      std::uint64_t& seen = seen_[client.index() * cursors_.clients + from];
      // A state that was left out has arrived with a newer one.
      for (; seen < clock; ++seen) {
        if (counts_ && from != client.index()) {
          latencies_.Add(now - std::min(now, sent_at_[from][seen]));
        }
      }
    });
    if (!whole) fleet_.Fail("an awareness message is malformed");
  }

  bool AllSeen() const {
    for (std::size_t receiver = 0; receiver < cursors_.clients; ++receiver) {
      for (std::size_t from = 0; from < cursors_.clients; ++from) {
        if (from != receiver &&
            seen_[receiver * cursors_.clients + from] != sent_at_[from].size()) {
          return false;
        }
      }
    }
    return true;
  }

  const Run run_;
  const Cursors cursors_;
  Fleet fleet_;
  std::vector<std::vector<Nanoseconds>> sent_at_;  // of each client, of each clock from 1
  std::vector<std::uint64_t> seen_;                // by each receiver, of each client
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  std::mt19937_64 random_{1};
  Latencies latencies_;
  std::uint64_t messages_ = 0;
  bool counts_ = false;
};

}  // namespace

absl::StatusOr<Report> RunCursors(const Run& run, const Cursors& cursors) {
  CursorRoom room(run, cursors);
  return room.Measure();
}

}  // namespace weft::bench
