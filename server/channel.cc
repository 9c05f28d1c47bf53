#include "server/channel.h"

#include <algorithm>
#include <utility>

#include "server/worker.h"

namespace weft::server {

namespace event = channel_event;

std::size_t CostOf(const ChannelEvent& news) {
  if (const auto* said = std::get_if<event::Said>(&news)) return said->cost;
  if (const auto* stateless = std::get_if<event::Stateless>(&news)) return stateless->cost;
  return 0;
}

Channel::Channel(Worker& home, std::shared_ptr<Trunk> trunk, std::uint64_t number)
    : home_(home), trunk_(std::move(trunk)), number_(number) {}

// --- From the socket
// ----------------------------------------------------------------------------------

void Channel::Join(std::string room, JoinOptions options, std::optional<LogPlace> from,
                   std::size_t tail_bytes) {
  home_.WithRoom(std::move(room), [self = shared_from_this(), options = std::move(options), from,
                                   tail_bytes](absl::StatusOr<Room*> entered) mutable {
    self->Enter(std::move(entered), std::move(options), from, tail_bytes);
  });
}

void Channel::Enter(absl::StatusOr<Room*> room, JoinOptions options, std::optional<LogPlace> from,
                    std::size_t tail_bytes) {
  if (!room.ok()) {
    return Tell(event::Ended{CloseCode::kBusy, std::string(room.status().message())});
  }
  room_ = *room;
  room_->Join(*this, std::move(options));
  // Room and channel are still there then: a member keeps its room, and is told when that ends.
  room_->WhenOpen([self = shared_from_this(), from, tail_bytes](const absl::Status& open) {
    if (open.ok() && self->room_ != nullptr) self->ReadTail(from, tail_bytes);
  });
}

void Channel::ReadTail(std::optional<LogPlace> from, std::size_t tail_bytes) {
  const LogPlace head = room_->head();
  const bool resumes =
      from && from->generation == head.generation && from->sequence <= head.sequence;
  if (!resumes) {
    return Tell(event::Opened{.head = head, .tail = std::nullopt, .lost = room_->lost()});
  }
  room_->ReadTail(*from, tail_bytes,
                  [self = shared_from_this(), head](absl::StatusOr<std::vector<crdt::Bytes>> tail) {
                    if (self->room_ == nullptr) return;
                    event::Opened opened{
                        .head = head, .tail = std::nullopt, .lost = self->room_->lost()};
                    if (tail.ok()) opened.tail = *std::move(tail);
                    self->Tell(std::move(opened));
                  });
}

void Channel::Leave() {
  asio::post(home_.io(), [self = shared_from_this()] {
    if (self->room_ != nullptr) std::exchange(self->room_, nullptr)->Leave(*self);
    self->home_.EndVisit();
    for (const ChannelEvent& unsaid : self->news_) self->Release(CostOf(unsaid));
    self->news_.clear();
  });
}

void Channel::CatchUp() {
  asio::post(home_.io(), [self = shared_from_this()] {
    self->lagging_ = false;
    if (self->room_ != nullptr) self->room_->CatchUp(*self);
  });
}

void Channel::SetAccess(sync::Access access, std::string reason) {
  asio::post(home_.io(), [self = shared_from_this(), access, reason = std::move(reason)] {
    if (self->room_ != nullptr) self->room_->SetAccess(*self, access, reason);
  });
}

void Channel::TellStateless(sync::Frame body) {
  asio::post(home_.io(), [self = shared_from_this(), body = std::move(body)] {
    if (self->room_ != nullptr) self->room_->TellStateless(*self, body);
  });
}

void Channel::Check() {
  asio::post(home_.io(), [self = shared_from_this()] {
    if (self->room_ == nullptr) return;
    const auto checked = std::make_shared<event::Checked>();
    self->room_->Query(
        [checked](sync::SharedDocument& document) -> absl::StatusOr<std::string> {
          *checked = {document.Checksum(), document.EncodeStateVector()};
          return std::string();
        },
        [self, checked](const absl::StatusOr<std::string>& read) {
          if (read.ok() && self->room_ != nullptr) self->Tell(std::move(*checked));
        });
  });
}

void Channel::Receive(std::span<const crdt::ByteView> messages) {
  if (room_ != nullptr) room_->Receive(*this, messages);
}

// --- From the room
// ------------------------------------------------------------------------------------

void Channel::Tell(ChannelEvent event) {
  if (news_.empty()) home_.ScheduleNews(shared_from_this());
  news_.push_back(std::move(event));
}

ChannelNews Channel::TakeNews() {
  return {.channel = shared_from_this(), .events = std::exchange(news_, {})};
}

// A message counts half of the bound at most, so that what follows a large document has space.
std::optional<std::size_t> Channel::Admit(std::size_t bytes) {
  if (room_ == nullptr || lagging_) return std::nullopt;
  const Limits& limits = home_.limits();
  Stats& stats = home_.stats();
  if (waiting_.load(std::memory_order_relaxed) > Limits::kFairBytes) {
    std::optional<Limit> reached;
    if (trunk_->waiting.load(std::memory_order_relaxed) > limits.queue_bytes) {
      reached = Limit::kQueueBytes;
    } else if (stats.queued_bytes.load(std::memory_order_relaxed) > limits.all_queues_bytes) {
      reached = Limit::kAllQueuesBytes;
    }
    if (reached) {
      stats.limits.Hit(*reached, "a room of a client");
      lagging_ = true;
      Tell(event::FellBehind{});
      return std::nullopt;
    }
  }
  const std::size_t cost = std::min(bytes, limits.queue_bytes / 2);
  Occupy(cost);
  return cost;
}

void Channel::Send(crdt::ByteView message) {
  SendShared(std::make_shared<const crdt::Bytes>(message.begin(), message.end()));
}

void Channel::SendShared(const sync::Frame& message) {
  if (const auto cost = Admit(message->size())) Tell(event::Said{message, *cost});
}

void Channel::HearStateless(const sync::Frame& body) {
  if (const auto cost = Admit(body->size())) Tell(event::Stateless{body, *cost});
}

void Channel::Close(CloseCode code, std::string_view reason) {
  room_ = nullptr;
  Tell(event::Ended{code, std::string(reason)});
}

void Channel::Acknowledge(const Receipt& receipt) {
  // Of what was dropped nothing was heard.
  if (lagging_ && receipt.kind == Receipt::Kind::kHeard) return;
  Tell(event::Settled{receipt.kind, receipt.count, receipt.place, std::string(receipt.reason)});
}

void Channel::OnAccess(sync::Access access, std::string_view reason) {
  Tell(event::AccessIs{access, std::string(reason)});
}

void Channel::SetReading(bool reading) { Tell(event::ReadingIs{reading}); }

}  // namespace weft::server
