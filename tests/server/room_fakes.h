#pragma once

// A room's surroundings without sockets, disk or clock: a log that commits when it is told to, and
// editors that hold a document of their own and speak y-websocket.

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <iterator>
#include <limits>
#include <map>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "crdt/base/check.h"
#include "crdt/doc.h"
#include "server/connection.h"
#include "server/room_table.h"
#include "store/rows.h"
#include "sync/message.h"

namespace weft::server {

class FakeLog final : public RoomLog {
 public:
  void Append(std::string_view room, std::uint64_t generation, crdt::ByteView update,
              AppendDone done) override {
    AppendWithRows(room, generation, update, {}, std::move(done));
  }
  // The change writes nothing here: it is asked.
  void AppendWithRows(std::string_view room, std::uint64_t generation, crdt::ByteView update,
                      RowChange change, AppendDone done) override {
    appends_.push_back({std::string(room),
                        generation,
                        {update.begin(), update.end()},
                        std::move(change),
                        std::move(done)});
  }

  void Load(std::string_view room, LoadDone done) override {
    ++load_count;
    loads_.emplace_back(std::string(room), std::move(done));
  }

  void LoadTail(std::string_view room, const LogPlace& after, std::size_t max_bytes,
                TailDone done) override {
    const std::vector<crdt::Bytes>& all = stored[std::string(room)];
    CHECK(after.sequence <= all.size());
    std::size_t bytes = 0;
    for (std::size_t i = after.sequence; i < all.size(); ++i) bytes += all[i].size();
    if (bytes > max_bytes) return done(absl::ResourceExhaustedError("more than is wanted"));
    done(std::vector<crdt::Bytes>(all.begin() + static_cast<std::ptrdiff_t>(after.sequence),
                                  all.end()));
  }

  bool answers_when_durable() const override { return is_durable; }
  bool congested() const override { return is_congested; }

  std::size_t append_count() const { return appends_.size(); }
  std::size_t waiting_loads() const { return loads_.size(); }

  // Answers the oldest append; what was answered with OK is stored.
  void FinishAppend(const absl::Status& result = absl::OkStatus()) {
    Pending append = std::move(appends_.front());
    appends_.pop_front();
    const auto generation = generations.find(append.room);
    if (append.generation != 0 &&
        (generation == generations.end() || append.generation != generation->second)) {
      return append.done(absl::FailedPreconditionError("the room was deleted or made anew"));
    }
    if (!result.ok()) return append.done(result);
    if (append.change.edit) {
      LogPlace place = HeadOf(append.room);
      ++place.sequence;
      store::RowWriter rows(nullptr, 0, "test");
      const absl::Status changed = append.change.edit(rows, place);
      if (!changed.ok()) return append.done(changed);
    }
    stored[append.room].push_back(append.update);
    append.done(HeadOf(append.room));
  }
  void FinishAppends(const absl::Status& result = absl::OkStatus()) {
    for (std::size_t count = appends_.size(); count > 0; --count) FinishAppend(result);
  }

  void FinishLoad(const absl::Status& result = absl::OkStatus()) {
    auto [room, done] = std::move(loads_.front());
    loads_.pop_front();
    if (!result.ok()) return done(result);
    if (stored[room].empty()) return done(Loaded{});
    done(Loaded{.updates = stored[room], .head = HeadOf(room)});
  }

  // The room is gone; one of its name begins anew.
  void Delete(const std::string& room) {
    stored.erase(room);
    generations.erase(room);
  }

  LogPlace HeadOf(const std::string& room) {
    const auto [generation, is_new] = generations.try_emplace(room, last_generation_ + 1);
    if (is_new) ++last_generation_;
    return {.sequence = stored[room].size(), .generation = generation->second};
  }

  std::map<std::string, std::vector<crdt::Bytes>> stored;
  std::map<std::string, std::uint64_t> generations;
  bool is_durable = true;
  bool is_congested = false;
  int load_count = 0;

 private:
  struct Pending {
    std::string room;
    std::uint64_t generation = 0;
    crdt::Bytes update;
    RowChange change;
    AppendDone done;
  };
  std::uint64_t last_generation_ = 0;
  std::deque<Pending> appends_;
  std::deque<std::pair<std::string, LoadDone>> loads_;
};

// The surroundings of a table of rooms.
struct FakeWorld {
  explicit FakeWorld(RelayMoment relay = RelayMoment::kCommitted)
      : rooms(RoomServices{log, limits, stats, [this] { return now; }, {}, relay}) {}

  void Advance(sync::Duration duration) {
    now += duration;
    rooms.Tick();
  }

  FakeLog log;
  Limits limits;
  Stats stats;
  sync::TimePoint now{std::chrono::hours(1)};
  RoomTable rooms;
};

// Someone who edits the text "content" of a room's document. Messages of the room wait in
// `received` until Read, as many as a connection queues; messages to the room wait while the room
// does not read.
class Editor final : public Connection {
 public:
  explicit Editor(std::uint64_t client)
      : doc_(crdt::Doc::Options{.client_id = crdt::ClientId{client}, .gc = true, .limits = {}}),
        client_(client) {
    subscription_ = doc_.OnUpdate([this](const crdt::UpdateEvent& event) {
      if (event.local) Say(sync::Update{event.update});
    });
  }

  // As y-websocket does: joins, and asks for what it lacks.
  void Join(Room& room) {
    room_ = &room;
    closed.reset();
    reading_ = false;
    overflowed_ = false;
    received.clear();
    to_room_.clear();
    said_.clear();
    questions_.clear();
    room.Join(*this, options);
    Ask();
  }

  // The answer vouches for the edits that were said before: see `acknowledged`.
  void Ask() {
    if (room_ == nullptr) return;
    questions_.push_back(said_.size());
    const crdt::Bytes state_vector = crdt::EncodeStateVector(doc_.GetStateVector());
    Say(sync::SyncStep1{state_vector});
  }

  void Leave() {
    to_room_.clear();
    if (room_ != nullptr) std::exchange(room_, nullptr)->Leave(*this);
  }

  // The room has died with its server.
  void Die() {
    room_ = nullptr;
    to_room_.clear();
    received.clear();
    closed.reset();
  }

  void Type(std::string_view text) { Type(length(), text); }
  void Type(std::uint64_t at, std::string_view text) { doc_.GetText("content").Insert(at, text); }
  void Erase(std::uint64_t index) { doc_.GetText("content").Delete(index, 1); }
  std::uint64_t length() { return doc_.GetText("content").length(); }
  std::string text() { return doc_.GetText("content").ToString(); }
  crdt::Doc& doc() { return doc_; }

  // Announces a cursor: one state with a new clock.
  void ShowCursor(int position = 1) {
    crdt::ByteWriter writer;
    writer.WriteVarUint(1);
    writer.WriteVarUint(client_);
    writer.WriteVarUint(++cursor_clock_);
    writer.WriteString("{\"cursor\":" + std::to_string(position) + "}");
    Say(sync::AwarenessUpdate{writer.view()});
  }

  void SayBytes(crdt::ByteView bytes) {
    if (room_ == nullptr) return;
    to_room_.emplace_back(bytes.begin(), bytes.end());
    Deliver();
  }
  void Say(const sync::Message& message) {
    const auto* edit = std::get_if<sync::Update>(&message);
    if (edit != nullptr && room_ != nullptr) {
      said_.emplace_back(edit->update.begin(), edit->update.end());
    }
    SayBytes(sync::EncodeMessage(message));
  }

  // Handles what the room has sent, as y-websocket does: all of it, or the first few messages.
  void Read(std::size_t count = std::numeric_limits<std::size_t>::max()) {
    std::vector<crdt::Bytes> unread = std::exchange(received, {});
    count = std::min(count, unread.size());
    received.assign(std::make_move_iterator(unread.begin() + static_cast<std::ptrdiff_t>(count)),
                    std::make_move_iterator(unread.end()));
    unread.resize(count);
    for (const crdt::Bytes& bytes : unread) {
      const auto message = sync::DecodeMessage(bytes);
      if (!message.ok()) continue;
      if (const auto* step1 = std::get_if<sync::SyncStep1>(&*message)) {
        const auto known = crdt::DecodeStateVector(step1->state_vector);
        const crdt::Bytes update = doc_.EncodeStateAsUpdate(*known);
        Say(sync::SyncStep2{update});
      } else if (const auto* step2 = std::get_if<sync::SyncStep2>(&*message)) {
        synced = true;
        apply_errors += doc_.ApplyUpdate(step2->update).ok() ? 0 : 1;
      } else if (const auto* update = std::get_if<sync::Update>(&*message)) {
        ++updates_received;
        apply_errors += doc_.ApplyUpdate(update->update).ok() ? 0 : 1;
      } else if (const auto* awareness = std::get_if<sync::AwarenessUpdate>(&*message)) {
        last_awareness.assign(awareness->update.begin(), awareness->update.end());
        ++awareness_received;
      }
    }
  }

  // Connection
  void HearStateless(const sync::Frame& body) override { stateless.push_back(*body); }
  void Send(crdt::ByteView message) override {
    if (overflowed_) return;
    overflowed_ = queued_bytes() > queue_bytes;
    if (overflowed_) return;
    received.emplace_back(message.begin(), message.end());
    TakeForReceipt(message);
    if (on_send) on_send(message);
  }
  void Close(CloseCode code, std::string_view reason) override {
    closed = code;
    close_reason = std::string(reason);
    room_ = nullptr;
    to_room_.clear();
  }
  void SetReading(bool reading) override { reading_ = reading; }

  bool reading() const { return reading_; }
  bool joined() const { return room_ != nullptr; }
  // Delivers what waited for the room to read. Called by tests after the room went on reading.
  void Deliver() {
    while (reading_ && room_ != nullptr && !to_room_.empty()) {
      const crdt::Bytes bytes = std::move(to_room_.front());
      to_room_.pop_front();
      room_->Receive(*this, bytes);
    }
  }
  bool has_undelivered() const { return !to_room_.empty(); }

  // What a connection does at the end of its turn: whose queue was full loses it, and is closed.
  void EndTurn() {
    if (!std::exchange(overflowed_, false)) return;
    received.clear();
    Leave();
    closed = CloseCode::kBusy;
  }
  std::size_t queued_bytes() const {
    return std::accumulate(received.begin(), received.end(), std::size_t{0},
                           [](std::size_t sum, const auto& bytes) { return sum + bytes.size(); });
  }

  bool WantsReceipts() const override { return wants_receipts; }
  void Acknowledge(const Receipt& receipt) override {
    if (receipt.kind == Receipt::Kind::kHeard) {
      heard = receipt.place;
    } else {
      receipts.push_back({receipt.kind, receipt.count, receipt.place, std::string(receipt.reason)});
    }
  }
  void OnAccess(sync::Access access, std::string_view reason) override {
    access_changes.emplace_back(access, reason);
  }

  // A receipt that outlives the call.
  struct KeptReceipt {
    Receipt::Kind kind = Receipt::Kind::kDurable;
    std::uint64_t count = 0;
    LogPlace place;
    std::string reason;
    friend bool operator==(const KeptReceipt&, const KeptReceipt&) = default;
  };

  JoinOptions options;  // of the next Join
  bool wants_receipts = false;
  std::vector<KeptReceipt> receipts;
  LogPlace heard;
  std::vector<std::pair<sync::Access, std::string>> access_changes;

  std::size_t queue_bytes = std::numeric_limits<std::size_t>::max();
  std::function<void(crdt::ByteView)> on_send;

  std::vector<crdt::Bytes> received;
  std::vector<crdt::Bytes> stateless;  // what others said beside the document
  std::optional<CloseCode> closed;
  std::string close_reason;
  bool synced = false;
  int updates_received = 0;
  int awareness_received = 0;
  int apply_errors = 0;
  crdt::Bytes last_awareness;
  // Edits of which an answer has said that they are stored. Who looks at them takes them out.
  std::vector<crdt::Bytes> acknowledged;

 private:
  void TakeForReceipt(crdt::ByteView bytes) {
    const auto message = sync::DecodeMessage(bytes);
    if (!message.ok() || !std::holds_alternative<sync::SyncStep2>(*message)) return;
    if (questions_.empty()) return;  // somebody asked by hand
    const auto vouched = said_.begin() + static_cast<std::ptrdiff_t>(questions_.front());
    const std::size_t count = questions_.front();
    acknowledged.insert(acknowledged.end(), said_.begin(), vouched);
    said_.erase(said_.begin(), vouched);
    questions_.pop_front();
    for (std::size_t& before : questions_) before -= count;
  }

  crdt::Doc doc_;
  crdt::Subscription subscription_;
  std::uint64_t client_;
  std::uint64_t cursor_clock_ = 0;
  Room* room_ = nullptr;
  bool reading_ = false;
  bool overflowed_ = false;
  std::deque<crdt::Bytes> to_room_;
  std::vector<crdt::Bytes> said_;  // edits that no answer has vouched for yet
  std::deque<std::size_t>
      questions_;  // for each without an answer, how many of said_ were before it
};

// Whether `doc` has all that is in `update`, if only waiting for something that it lacks.
inline bool Holds(const crdt::Doc& doc, crdt::ByteView update) {
  crdt::Doc copy;
  EXPECT_TRUE(copy.ApplyUpdate(doc.EncodeStateAsUpdate()).ok());
  const crdt::Bytes before = copy.EncodeStateAsUpdate();
  EXPECT_TRUE(copy.ApplyUpdate(update).ok());
  return copy.EncodeStateAsUpdate() == before;
}

// Lets everything under way arrive: loads, commits, and what editors have to say to what they hear.
// Fails the test when they do not stop talking.
inline void Settle(FakeWorld& world, std::initializer_list<Editor*> editors) {
  int rounds = 0;
  for (bool busy = true; busy;) {
    busy = false;
    if (++rounds > 1'000) {
      for (Editor* editor : editors) {
        for (const crdt::Bytes& bytes : editor->received) {
          ADD_FAILURE() << "still said: " << testing::PrintToString(bytes);
        }
      }
      throw std::runtime_error("the conversation does not end");
    }
    while (world.log.waiting_loads() > 0) {
      world.log.FinishLoad();
      busy = true;
    }
    while (world.log.append_count() > 0) {
      world.log.FinishAppend();
      busy = true;
    }
    for (Editor* editor : editors) {
      busy = busy || !editor->received.empty() || (editor->reading() && editor->has_undelivered());
      editor->Deliver();
      editor->Read();
    }
  }
}

}  // namespace weft::server
