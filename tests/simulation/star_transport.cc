// Replicas that meet in a room of the relay: real rooms, sessions and documents on a simulated log
// and simulated connections. A connection is a stream: in order, and what is lost is sent again.

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crdt/update_merge.h"
#include "server/connection.h"
#include "server/room_table.h"
#include "sync/message.h"
#include "tests/simulation/simulated_log.h"
#include "tests/simulation/transport.h"

namespace weft::simulation {
namespace {

constexpr std::string_view kRoom = "room";
constexpr Time kResend = 200 * kMillisecond;
constexpr Time kReconnect = 500 * kMillisecond;
constexpr Time kRestart = 200 * kMillisecond;
constexpr Time kTick = kSecond;

class StarTransport;

// One replica's way to the relay. It is one stream after the other; what belongs to an earlier one
// is dropped when it arrives. One that does not stay has a stream only while it has something to hand
// over.
class Client final : public server::Connection {
 public:
  Client(StarTransport& star, std::uint32_t replica, bool stays)
      : star_(star), replica_(replica), stays_(stays), due_(stays) {}

  // After the time that it takes; those that do not stay come one a millisecond.
  void Connect();
  // What a replica that does not stay has made is to be handed over.
  void HandOver();
  void Disconnect(bool relay_is_there);
  void Say(const sync::Message& message);
  bool stays() const { return stays_; }
  bool settled() const {
    return due_ == stays_ && (room_ != nullptr || !stays_) && waiting_.empty() &&
           unacknowledged_.empty();
  }

  // server::Connection, on the relay's side.
  void Send(crdt::ByteView message) override;
  void Close(server::CloseCode code, std::string_view reason) override;
  void SetReading(bool reading) override;
  bool WantsReceipts() const override { return true; }
  void Acknowledge(const server::Receipt& receipt) override;

 private:
  void Enter();
  void Leave();
  void Arrive(crdt::Bytes message);
  void Deliver();
  void Hear(const crdt::Bytes& message);
  // When the next message in a direction arrives.
  Time Arrival(std::uint64_t link, std::uint64_t& number, Time& last);

  StarTransport& star_;
  const std::uint32_t replica_;
  const bool stays_;
  bool due_;  // wants a stream: always, or until all is handed over
  // Of this stream: writes said that have no receipt, and whether the relay has asked for what it lacks.
  std::uint64_t said_writes_ = 0;
  bool was_asked_ = false;
  std::uint64_t stream_ = 0;
  std::uint64_t to_relay_ = 0;
  std::uint64_t to_replica_ = 0;
  Time last_at_relay_ = 0;
  Time last_at_replica_ = 0;
  bool connecting_ = false;
  server::Room* room_ = nullptr;
  bool reading_ = false;
  std::deque<crdt::Bytes> waiting_;         // until the room reads
  std::deque<crdt::Bytes> unacknowledged_;  // updates that were sent, the oldest first
};

class StarTransport final : public Transport {
 public:
  explicit StarTransport(Site site)
      : Transport(std::move(site)), log_(site_.scheduler, site_.scenario.faults, site_.seed) {
    limits_.connections_per_room = site_.scenario.replicas + 1;
    limits_.room_idle = std::chrono::hours(24);
  }
  ~StarTransport() override { table_.reset(); }

  void Start() override {
    for (std::uint32_t i = 0; i < site_.scenario.replicas; ++i) {
      clients_.push_back(std::make_unique<Client>(*this, i, i < site_.scenario.staying()));
    }
    StartRelay();
    for (const auto& client : clients_) client->Connect();
    Tick();
  }

  void OnMade(std::uint32_t replica, const std::vector<crdt::Bytes>& updates) override {
    Client& client = *clients_[replica];
    for (const crdt::Bytes& update : updates) client.Say(sync::Update{update});
    if (!client.stays()) client.HandOver();
  }

  void OnCrash(std::uint32_t replica) override {
    clients_[replica]->Disconnect(table_ != nullptr);
    if (clients_[replica]->stays())
      clients_[replica]->Connect();
    else
      clients_[replica]->HandOver();
  }

  void CrashRelay() override {
    if (table_ == nullptr) return;
    log_.LosePower();
    for (const auto& client : clients_) client->Disconnect(false);
    table_.reset();
    site_.scheduler.After(kRestart, [this] { StartRelay(); });
    for (const auto& client : clients_) client->Connect();
  }

  void Cut(std::uint64_t choice) override {
    Transport::Cut(choice);
    for (std::uint32_t i = 0; i < clients_.size(); ++i) {
      if (!SideOf(i)) continue;
      clients_[i]->Disconnect(table_ != nullptr);
      clients_[i]->Connect();
    }
  }

  absl::Status CheckAtEnd() override {
    const bool settled = log_.idle() && std::ranges::all_of(clients_, [](const auto& client) {
                           return client->settled();
                         });
    if (!settled) return absl::UnavailableError("not all edits are acknowledged");
    // The log alone, as after a crash now, makes the same document.
    crdt::Doc from_log;
    for (const crdt::Bytes& update : log_.stored()) {
      if (absl::Status status = from_log.ApplyUpdate(update); !status.ok()) return status;
    }
    const crdt::Snapshot logged = from_log.TakeSnapshot();
    if (logged != site_.replicas[0]->doc().TakeSnapshot()) {
      constexpr const char* kWhat = "the log holds another document than the replicas";
      // What somebody who left handed over may still be on its way to those who stay.
      const bool on_its_way = site_.scenario.staying() < site_.scenario.replicas;
      return on_its_way ? absl::UnavailableError(kWhat) : absl::InternalError(kWhat);
    }
    bool lost = false;
    const crdt::Subscription subscription =
        from_log.OnUpdate([&lost](const crdt::UpdateEvent& event) { lost |= !event.local; });
    for (const crdt::Bytes& update : acknowledged_) {
      if (absl::Status status = from_log.ApplyUpdate(update); !status.ok()) return status;
      if (lost) return absl::InternalError("an edit was acknowledged, and is not in the log");
    }
    return absl::OkStatus();
  }

 private:
  friend class Client;

  void StartRelay() {
    table_ = std::make_unique<server::RoomTable>(server::RoomServices{
        .log = log_, .limits = limits_, .stats = stats_, .now = [this] {
          return sync::TimePoint(std::chrono::hours(1) +
                                 std::chrono::milliseconds(site_.scheduler.now() / kMillisecond));
        }});
  }

  void Tick() {
    site_.scheduler.After(kTick, [this] {
      if (table_ != nullptr) table_->Tick();
      if (server::Room* room = table_ == nullptr ? nullptr : table_->Find(kRoom)) {
        if (absl::Status status = room->Validate(); !status.ok()) return site_.fail(status);
      }
      Tick();
    });
  }

  server::Limits limits_;
  server::Stats stats_;
  SimulatedLog log_;
  std::unique_ptr<server::RoomTable> table_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<crdt::Bytes> acknowledged_;
};

Time Client::Arrival(std::uint64_t link, std::uint64_t& number, Time& last) {
  const Fate fate = star_.Draw(std::uint64_t{replica_} << 1 | link, ++number);
  const Time at = star_.site_.scheduler.now() + fate.delay + (fate.lost ? kResend : 0);
  last = std::max(last, at);
  return last;
}

void Client::Connect() {
  if (!due_ || std::exchange(connecting_, true)) return;
  const Time turn = stays_ ? 0 : replica_ * kMillisecond;
  star_.site_.scheduler.After(kReconnect + star_.site_.scenario.faults.latency + turn, [this] {
    connecting_ = false;
    if (room_ == nullptr) Enter();
  });
}

void Client::HandOver() {
  due_ = true;
  if (room_ == nullptr) Connect();
}

// Nothing of what it said is without a receipt.
void Client::Leave() {
  due_ = false;
  star_.site_.scheduler.After(0, [this, stream = stream_] {  // not within the room's call
    if (stream == stream_ && !due_) Disconnect(/*relay_is_there=*/true);
  });
}

void Client::Enter() {
  if (star_.table_ == nullptr || star_.SideOf(replica_)) return Connect();
  const absl::StatusOr<server::Room*> room = star_.table_->Enter(kRoom);
  if (!room.ok()) return Connect();
  ++stream_;
  room_ = *room;
  reading_ = false;
  room_->Join(*this);
  if (!stays_) return;  // the relay asks for what it has made
  const crdt::Bytes known = star_.site_.replicas[replica_]->StateVector();
  Say(sync::SyncStep1{known});
}

void Client::Disconnect(bool relay_is_there) {
  ++stream_;
  said_writes_ = 0;
  was_asked_ = false;
  waiting_.clear();
  unacknowledged_.clear();
  server::Room* room = std::exchange(room_, nullptr);
  if (room != nullptr && relay_is_there) room->Leave(*this);
}

void Client::Close(server::CloseCode, std::string_view) {
  room_ = nullptr;
  Disconnect(false);
  Connect();
}

// From the replica.
void Client::Say(const sync::Message& message) {
  if (room_ == nullptr) return;
  if (!std::holds_alternative<sync::SyncStep1>(message)) ++said_writes_;
  crdt::Bytes bytes = sync::EncodeMessage(message);
  star_.Count(bytes);
  const Time at = Arrival(0, to_relay_, last_at_relay_);
  star_.site_.scheduler.At(at, [this, stream = stream_, bytes = std::move(bytes)]() mutable {
    if (stream == stream_) Arrive(std::move(bytes));
  });
}

void Client::Arrive(crdt::Bytes message) {
  waiting_.push_back(std::move(message));
  Deliver();
}

void Client::Deliver() {
  while (reading_ && room_ != nullptr && !waiting_.empty()) {
    const crdt::Bytes message = std::move(waiting_.front());
    waiting_.pop_front();
    const auto decoded = sync::DecodeMessage(message);
    if (const auto* update = std::get_if<sync::Update>(&*decoded)) {
      unacknowledged_.emplace_back(update->update.begin(), update->update.end());
    } else if (const auto* answer = std::get_if<sync::SyncStep2>(&*decoded)) {
      unacknowledged_.emplace_back(answer->update.begin(), answer->update.end());
    }
    room_->Receive(*this, message);
  }
}

void Client::SetReading(bool reading) {
  reading_ = reading;
  if (!reading || waiting_.empty()) return;
  star_.site_.scheduler.After(0, [this, stream = stream_] {
    if (stream == stream_) Deliver();
  });
}

void Client::Acknowledge(const server::Receipt& receipt) {
  if (receipt.kind == server::Receipt::Kind::kHeard) return;
  if (receipt.kind != server::Receipt::Kind::kDurable || receipt.count > unacknowledged_.size()) {
    return star_.site_.fail(absl::InternalError(absl::StrCat("a receipt for ", receipt.count,
                                                             " writes of ", unacknowledged_.size(),
                                                             " ", std::string(receipt.reason))));
  }
  for (std::uint64_t i = 0; i < receipt.count; ++i) {
    star_.acknowledged_.push_back(std::move(unacknowledged_.front()));
    unacknowledged_.pop_front();
  }
  said_writes_ -= receipt.count;
  if (!stays_ && was_asked_ && said_writes_ == 0) Leave();
}

// From the relay.
void Client::Send(crdt::ByteView message) {
  star_.Count(message);
  const Time at = Arrival(1, to_replica_, last_at_replica_);
  star_.site_.scheduler.At(
      at, [this, stream = stream_, bytes = crdt::Bytes(message.begin(), message.end())] {
        if (stream == stream_) Hear(bytes);
      });
}

void Client::Hear(const crdt::Bytes& message) {
  const auto decoded = sync::DecodeMessage(message);
  if (!decoded.ok()) return star_.site_.fail(decoded.status());
  if (const auto* question = std::get_if<sync::SyncStep1>(&*decoded)) {
    const auto lacking = star_.site_.replicas[replica_]->Diff(question->state_vector);
    if (!lacking.ok()) return star_.site_.fail(lacking.status());
    was_asked_ = true;
    Say(sync::SyncStep2{*lacking});
  } else if (!stays_) {
    return;
  } else if (const auto* answer = std::get_if<sync::SyncStep2>(&*decoded)) {
    star_.site_.apply(replica_, answer->update);
  } else if (const auto* update = std::get_if<sync::Update>(&*decoded)) {
    star_.site_.apply(replica_, update->update);
  }
}

}  // namespace

std::unique_ptr<Transport> MakeStarTransport(Site site) {
  return std::make_unique<StarTransport>(std::move(site));
}

}  // namespace weft::simulation
