// No frames break the server's end of a Hocuspocus socket or the documents behind it; what it answers is well formed, and its bounds hold.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "crdt/base/bytes.h"
#include "crdt/base/check.h"
#include "fuzz/cost_meter.h"
#include "fuzz/input.h"
#include "sync/close.h"
#include "sync/hocuspocus.h"
#include "sync/session.h"
#include "sync/shared_document.h"

namespace {

using namespace weft::sync;
using namespace weft::sync::hocuspocus;
using weft::crdt::ByteReader;
using weft::crdt::Bytes;
using weft::crdt::ByteView;

constexpr std::size_t kDocuments = 4;
constexpr weft::fuzz::CostBound kBound{.memory_base = 64 << 20,
                                       .memory_per_byte = 4'096,
                                       .steps_base = 80'000'000,
                                       .steps_per_byte = 40'000};

// Key and kind as the grammar in hocuspocus.h has them.
void CheckSent(const SendFrame& frame) {
  Bytes all = frame.head;
  if (frame.body != nullptr) all.insert(all.end(), frame.body->begin(), frame.body->end());
  if (all.size() == 1) {
    CHECK(all[0] == 9 || all[0] == 10);
    return;
  }
  ByteReader reader(all);
  const std::string_view key = reader.ReadString();
  const std::uint64_t kind = reader.ReadVarUint();
  // A sync marker goes back to whoever sends one (message.h).
  CHECK(reader.ok() && ((kind <= 8 && kind != 6) || kind == 102));
  // What is no name of a document is named in its refusal alone.
  CHECK(kind == 2 || (!key.empty() && key.size() <= kMaxNameBytes + 1 + kMaxSessionBytes));
}

// A socket whose owner does at once what it is told; tokens say what they are good for.
class Socket {
 public:
  explicit Socket(bool is_slow) : is_slow_(is_slow) {}

  bool closed() const { return closed_; }
  void Receive(ByteView frame, TimePoint now) {
    now_ = now;
    Carry(server_.Receive(frame));
    CHECK(server_.open_documents() <= kDocuments);
    CHECK(closed_ || sessions_.size() == server_.open_documents());
  }
  // A room that was behind reads again; the other way round for those that were not.
  void TurnReading() {
    is_slow_ = !is_slow_;
    std::vector<Channel> joined;
    for (const auto& [channel, session] : sessions_) joined.push_back(channel);
    for (const Channel channel : joined) {
      if (!closed_) Carry(server_.SetReading(channel, !is_slow_));
    }
  }
  void EndAll() {
    while (!sessions_.empty() && !closed_) {
      const Channel channel = sessions_.begin()->first;
      Leave(channel);
      Carry(server_.Ended(channel, 1012, "the room moves"));
    }
    for (auto& [channel, session] : sessions_) session.Close();
    sessions_.clear();
  }

 private:
  // In order; what a call asks for meanwhile comes after what was asked for before.
  void Carry(weft::sync::hocuspocus::Effects effects) {
    for (auto& effect : effects) asked_.push_back(std::move(effect));
    if (is_carrying_) return;
    is_carrying_ = true;
    while (!asked_.empty() && !closed_) {
      auto effect = std::move(asked_.front());
      asked_.pop_front();
      std::visit([&](auto& said) { CarryOut(said); }, effect);
    }
    is_carrying_ = false;
  }
  void CarryOut(SendFrame& frame) { CheckSent(frame); }
  void CarryOut(Authenticate& asked) {
    if (asked.token.starts_with('!')) {
      Carry(server_.Denied(asked.channel, asked.token));
    } else {
      Carry(server_.Admitted(asked.channel, AccessOf(asked.token)));
    }
  }
  void CarryOut(JoinRoom& join) {
    const auto [place, is_new] = sessions_.try_emplace(
        join.channel, &documents_[join.room.size() % 2],
        Session::Options{.access = Access::kReadWrite, .asks_in_return = true});
    CHECK(is_new);
    Tell(join.channel, place->second.Open());
    Carry(server_.SetReading(join.channel, !is_slow_));
  }
  void CarryOut(ChangeAccess& change) {
    const auto found = sessions_.find(change.channel);
    if (found == sessions_.end()) return;
    Tell(change.channel, found->second.SetAccess(Access::kReadOnly, "no"));
    Carry(server_.SetAccess(change.channel, Access::kReadOnly));
  }
  void CarryOut(Deliver& delivery) {
    const auto found = sessions_.find(delivery.channel);
    if (found == sessions_.end()) return;  // it has just ended
    auto said = found->second.Receive(delivery.message, now_);
    if (!said.ok()) {
      const auto close = CloseFor(said.status());
      CHECK(close.code != CloseCode::kInternalError);
      Leave(delivery.channel);
      Carry(server_.Ended(delivery.channel, static_cast<std::uint16_t>(close.code), close.reason));
      return;
    }
    const auto message = DecodeMessage(delivery.message);
    const bool is_write = message.ok() && (std::holds_alternative<SyncStep2>(*message) ||
                                           std::holds_alternative<Update>(*message));
    bool refused = false;
    for (const auto& effect : *said) refused |= std::holds_alternative<RefuseWrite>(effect);
    Tell(delivery.channel, *std::move(said));
    if (!is_write || closed_) return;
    Carry(refused ? server_.Refused(delivery.channel, 1) : server_.Saved(delivery.channel, 1));
  }
  void CarryOut(TellStateless& tell) {
    CHECK(tell.body != nullptr && tell.body->size() <= kPayloadBytes + 16);
    for (const auto& [channel, session] : sessions_) {
      if (channel == tell.channel) continue;
      Carry(server_.Stateless(channel, tell.body));
      return;  // which may have changed who is there
    }
  }
  void CarryOut(LeaveRoom& leave) { Leave(leave.channel); }
  void CarryOut(CloseSocket&) { closed_ = true; }

  void Tell(Channel channel, weft::sync::Effects effects) {
    for (auto& effect : effects) {
      if (closed_) return;
      if (auto* reply = std::get_if<Reply>(&effect)) Carry(server_.Tell(channel, reply->frame));
      if (auto* news = std::get_if<PublishUpdate>(&effect)) {
        for (const Channel other : Others(channel)) Carry(server_.Tell(other, news->frame));
      }
      if (auto* news = std::get_if<PublishAwareness>(&effect)) {
        Carry(server_.Tell(channel, news->frame));
      }
    }
  }
  std::vector<Channel> Others(Channel channel) const {
    std::vector<Channel> others;
    for (const auto& [other, session] : sessions_) {
      if (other != channel) others.push_back(other);
    }
    return others;
  }
  void Leave(Channel channel) {
    const auto found = sessions_.find(channel);
    if (found == sessions_.end()) return;
    found->second.Close();
    sessions_.erase(found);
  }
  static Access AccessOf(std::string_view token) {
    return token.starts_with('r') ? Access::kReadOnly : Access::kReadWrite;
  }

  static SharedDocument::Options Limits() {
    return {.limits = {.update_blocks = 20'000,
                       .update_memory = 64 << 20,
                       .update_memory_floor = 8 << 20,
                       .pending_bytes = 1 << 16,
                       .conflict_steps = 1 << 14},
            .awareness = {},
            .document_bytes = 1 << 16};
  }
  SharedDocument documents_[2] = {SharedDocument(Limits()), SharedDocument(Limits())};
  std::map<Channel, Session> sessions_;
  std::deque<weft::sync::hocuspocus::Effect> asked_;
  bool is_carrying_ = false;
  Server server_{{.documents = kDocuments}};
  TimePoint now_{};
  bool is_slow_;
  bool closed_ = false;
};

}  // namespace

// A pack of frames of a client. Flags: whether rooms do not read at first; an empty frame turns that round.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const weft::fuzz::Pack pack = weft::fuzz::ReadPack({data, size});
  Socket socket(pack.flag(1));
  TimePoint now{};
  for (const ByteView frame : pack.parts) {
    if (socket.closed()) break;
    const weft::fuzz::CostMeter cost;
    if (frame.empty()) {
      socket.TurnReading();
    } else {
      socket.Receive(frame, now);
    }
    cost.Check(kBound, size);
    now += std::chrono::seconds(1);
  }
  socket.EndAll();
  return 0;
}
