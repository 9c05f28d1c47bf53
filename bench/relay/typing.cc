#include "bench/relay/typing.h"

#include <signal.h>

#include <algorithm>
#include <bit>
#include <fstream>
#include <functional>

#include "absl/strings/str_cat.h"

namespace weft::bench {
namespace {

constexpr double kNsPerSecond = 1e9;
constexpr std::chrono::seconds kDrainTime{60};
// Of a writer at a fixed rate: more than a server may be behind.
constexpr std::size_t kRingAtARate = 1024;

Nanoseconds After(double seconds) {
  return NowNs() + static_cast<Nanoseconds>(seconds * kNsPerSecond);
}

}  // namespace

TypingRooms::TypingRooms(const Run& run, const Typing& typing)
    : run_(run),
      typing_(typing),
      receivers_(typing.writers + typing.readers - 1),
      ring_(typing.rate > 0 ? kRingAtARate : std::bit_ceil((typing.window + 1) * receivers_)),
      fleet_(run.target,
             {.received = [this](Client& client, const Received& received,
                                 Nanoseconds now) { OnReceived(client, received, now); },
              .closed = {}}),
      writers_(typing.rooms * typing.writers),
      next_(typing.rooms * members() * typing.writers) {
  for (Writer& writer : writers_) writer.sent_at.resize(ring_);
}

absl::Status TypingRooms::Connect() {
  return ConnectAll(fleet_, typing_.rooms * members(), [this](std::size_t client) {
    return absl::StrCat(run_.room_prefix, "-", client / members());
  });
}

void TypingRooms::OnReceived(Client& client, const Received& received, Nanoseconds now) {
  if (received.kind != Kind::kUpdate && received.kind != Kind::kStep2) return;
  const bool plain =
      ForEachRun(received.body, [&](std::uint64_t id, std::uint64_t clock, std::uint64_t length) {
        OnRun(client, id, clock, length, now);
      });
  if (!plain) fleet_.Fail("an update holds what nobody has sent");
}

void TypingRooms::OnRun(Client& client, std::uint64_t id, std::uint64_t clock, std::uint64_t length,
                        Nanoseconds now) {
  const std::size_t room = client.index() / members();
  const std::uint64_t local = id - kFirstClientId - room * typing_.writers;
  if (local >= typing_.writers) return fleet_.Fail("an update of somebody who is not in this room");
  if (client.index() % members() == local) return;  // its own, merged with others'
  std::uint64_t& next = next_[client.index() * typing_.writers + local];
  const std::uint64_t end = clock + length;
  if (end <= next) return;  // once more
  if (clock > next) {
    return fleet_.Fail(absl::StrCat("a receiver got clock ", clock, " and lacks ", next));
  }
  const std::size_t number = room * typing_.writers + local;
  Writer& writer = writers_[number];
  if (end > writer.sent) return fleet_.Fail("a clock that nobody has sent");
  if (counts_) {
    for (std::uint64_t at = next; at < end; ++at) {
      latencies_.Add(now - std::min(now, writer.sent_at[at % ring_]));
    }
    counted_ += end - next;
  }
  writer.delivered += end - next;
  next = end;
  if (typing_now_ && typing_.rate == 0 && !std::exchange(writer.listed, true)) {
    to_fill_.push_back(number);
  }
}

void TypingRooms::Send(std::size_t writer, Nanoseconds intended) {
  Writer& from = writers_[writer];
  update_.clear();
  PutKeystroke(update_, kFirstClientId + writer, from.sent);
  from.sent_at[from.sent % ring_] = intended;
  ++from.sent;
  message_.clear();
  Client& client = ClientOf(writer);
  client.messages().PutUpdate(message_, update_);
  client.Send(message_);
}

void TypingRooms::Fill(std::size_t writer) {
  Writer& from = writers_[writer];
  const std::uint64_t under_way =
      (from.sent * receivers_ - from.delivered + receivers_ - 1) / receivers_;
  const Nanoseconds now = NowNs();
  for (std::uint64_t i = under_way; i < typing_.window; ++i) Send(writer, now);
}

void TypingRooms::FillAll() {
  for (const std::size_t writer : to_fill_) {
    writers_[writer].listed = false;
    Fill(writer);
  }
  to_fill_.clear();
}

// Sends what is due and answers when the next one is.
Nanoseconds TypingRooms::SendDue(Nanoseconds now) {
  std::exponential_distribution<double> gap(typing_.rate / kNsPerSecond);
  while (due_.top().at <= now) {
    const Due due = due_.top();
    due_.pop();
    Send(due.writer, due.at);
    due_.push({due.at + static_cast<Nanoseconds>(gap(random_)), due.writer});
  }
  return due_.top().at;
}

absl::Status TypingRooms::Failure() const {
  return fleet_.failure().empty() ? absl::OkStatus() : absl::InternalError(fleet_.failure());
}

absl::Status TypingRooms::Type(double seconds, bool counted) {
  const Nanoseconds end = After(seconds);
  counts_ = counted;
  typing_now_ = true;
  if (typing_.rate == 0) {
    for (std::size_t writer = 0; writer < writers_.size(); ++writer) Fill(writer);
  } else if (due_.empty()) {
    std::exponential_distribution<double> gap(typing_.rate / kNsPerSecond);
    const Nanoseconds now = NowNs();
    for (std::size_t writer = 0; writer < writers_.size(); ++writer) {
      due_.push({now + static_cast<Nanoseconds>(gap(random_)), writer});
    }
  }
  for (Nanoseconds now = NowNs(); now < end && fleet_.failure().empty(); now = NowNs()) {
    Nanoseconds until = end;
    if (typing_.rate > 0) until = std::min(until, SendDue(now));
    fleet_.Turn(until);
    FillAll();
  }
  typing_now_ = false;
  return Failure();
}

absl::Status TypingRooms::Drain() {
  const auto all_there = [this] {
    return std::ranges::all_of(writers_, [this](const Writer& writer) {
      return writer.delivered == writer.sent * receivers_;
    });
  };
  if (fleet_.TurnUntil(all_there, kDrainTime)) return absl::OkStatus();
  if (absl::Status status = Failure(); !status.ok()) return status;
  std::uint64_t missing = 0;
  for (const Writer& writer : writers_) missing += writer.sent * receivers_ - writer.delivered;
  return absl::InternalError(absl::StrCat(missing, " deliveries are missing after a minute"));
}

std::vector<std::uint64_t> TypingRooms::SeenByOthers() const {
  std::vector<std::uint64_t> seen(writers_.size());
  for (std::size_t client = 0; client < fleet_.size(); ++client) {
    for (std::size_t w = 0; w < typing_.writers; ++w) {
      std::uint64_t& most = seen[client / members() * typing_.writers + w];
      most = std::max(most, next_[client * typing_.writers + w]);
    }
  }
  return seen;
}

absl::StatusOr<Report> RunTyping(const Run& run, const Typing& typing) {
  TypingRooms rooms(run, typing);
  if (absl::Status status = rooms.Connect(); !status.ok()) return status;
  if (absl::Status status = rooms.Type(run.warmup_seconds, false); !status.ok()) return status;
  const double cpu_before = run.server.CpuSeconds();
  const Nanoseconds begin = NowNs();
  if (absl::Status status = rooms.Type(run.seconds, true); !status.ok()) return status;
  const double seconds = static_cast<double>(NowNs() - begin) / kNsPerSecond;
  const double cpu = run.server.CpuSeconds() - cpu_before;
  const auto deliveries = static_cast<double>(rooms.counted_deliveries());
  if (absl::Status status = rooms.Drain(); !status.ok()) return status;
  Report report;
  report.Add("deliveries_per_s", deliveries / seconds);
  report.AddLatencies(rooms.latencies());
  report.Add("cpu_percent", 100 * cpu / seconds);
  if (const auto memory = run.server.AnonymousBytes()) {
    report.Add("memory_mb", static_cast<double>(*memory) / 1e6);
  }
  return report;
}

absl::StatusOr<Report> RunKilling(const Run& run, const Typing& typing,
                                  const std::string& seen_file) {
  TypingRooms rooms(run, typing);
  if (absl::Status status = rooms.Connect(); !status.ok()) return status;
  rooms.fleet().TolerateClosing();
  if (absl::Status status = rooms.Type(run.seconds, false); !status.ok()) return status;
  if (::kill(run.server.id(), SIGKILL) != 0)
    return absl::InternalError("there is no server to kill");
  // What is on the way to the clients still counts as received.
  rooms.fleet().TurnUntil([&] { return rooms.fleet().synced() == 0; }, std::chrono::seconds(10));
  std::ofstream file(seen_file);
  double total = 0;
  for (const std::uint64_t seen : rooms.SeenByOthers()) {
    file << seen << "\n";
    total += static_cast<double>(seen);
  }
  Report report;
  report.Add("seen", total);
  return report;
}

absl::StatusOr<Report> RunCounting(const Run& run, const std::string& seen_file) {
  std::ifstream file(seen_file);
  std::vector<std::uint64_t> seen;
  for (std::uint64_t clock = 0; file >> clock;) seen.push_back(clock);
  std::vector<std::uint64_t> kept(seen.size());
  bool plain = true;
  Fleet fleet(run.target, {.received =
                               [&](Client&, const Received& received, Nanoseconds) {
                                 if (received.kind == Kind::kAwareness) return;
                                 plain &= ForEachRun(
                                     received.body, [&](std::uint64_t id, std::uint64_t clock,
                                                        std::uint64_t length) {
                                       const std::uint64_t writer = id - kFirstClientId;
                                       if (writer < kept.size() && clock <= kept[writer]) {
                                         kept[writer] = std::max(kept[writer], clock + length);
                                       }
                                     });
                               },
                           .closed = {}});
  absl::Status connected =
      ConnectAll(fleet, 1, [&](std::size_t) { return run.room_prefix + "-0"; });
  if (!connected.ok()) return connected;
  if (!plain) return absl::InternalError("the document holds what nobody has typed");
  Report report;
  double total = 0;
  double lost = 0;
  for (std::size_t i = 0; i < seen.size(); ++i) {
    total += static_cast<double>(seen[i]);
    lost += static_cast<double>(seen[i] - std::min(seen[i], kept[i]));
  }
  report.Add("seen", total);
  report.Add("lost", lost);
  return report;
}

}  // namespace weft::bench
