#include "server/multiplexer.h"

#include <algorithm>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "crdt/base/check.h"
#include "server/auth/authority.h"
#include "server/auth/refusal.h"
#include "server/socket_connection.h"
#include "server/worker.h"

namespace weft::server {

Multiplexer::Multiplexer(SocketConnection& socket, Worker& worker, auth::Credentials shown)
    : socket_(socket),
      worker_(worker),
      shown_(std::move(shown)),
      trunk_(std::make_shared<Trunk>(worker, this)),
      held_(worker.stats().queued_bytes) {}

// At the end of the server workers are gone, and nothing is to be told any more.
Multiplexer::~Multiplexer() { trunk_->multiplexer = nullptr; }

// --- Rights
// -----------------------------------------------------------------------------------------

template <typename Answer>
std::move_only_function<void(Answer)> Multiplexer::Here(
    std::move_only_function<void(Answer)> done) {
  return [trunk = trunk_, done = std::move(done)](Answer answer) mutable {
    asio::post(trunk->worker.io(),
               [trunk, answer = std::move(answer), done = std::move(done)]() mutable {
                 Multiplexer* here = trunk->multiplexer;
                 if (here == nullptr || here->EndsWith(answer.status())) return;
                 done(std::move(answer));
                 if (!here->ended_) here->EndTurn();
               });
  };
}

// Whether the socket has ended for it.
bool Multiplexer::EndsWith(const absl::Status& refused) {
  if (refused.ok()) return false;
  const auth::Refusal refusal = auth::RefusalOf(refused);
  worker_.stats().refusals.Count(refusal);
  if (refusal != auth::Refusal::kUnavailable) return false;
  EndSocket(CloseCode::kBusy, std::string(refused.message()));
  return true;
}

void Multiplexer::Authenticate(std::string_view room, std::string_view token, AdmissionDone done) {
  if (worker_.IsReserved(room)) {
    return done(absl::PermissionDeniedError("this room is an application's"));
  }
  auth::Authority& authority = worker_.authority();
  if (authority.is_open()) return done(Admission{});
  auth::Credentials credentials = shown_;
  credentials.room = std::string(room);
  if (!token.empty()) credentials.token = std::string(token);
  using Answer = absl::StatusOr<std::unique_ptr<auth::Pass>>;
  std::move_only_function<void(Answer)> admit = [done = std::move(done)](Answer pass) mutable {
    if (!pass.ok()) return done(pass.status());
    if (*pass == nullptr) return done(Admission{});
    const sync::Access access = auth::AccessOf((*pass)->role());
    std::string subject = (*pass)->grants().subject;
    done(Admission{.access = access, .subject = std::move(subject), .pass = *std::move(pass)});
  };
  auth::Pass::Open(authority, std::move(credentials), Here(std::move(admit)));
}

void Multiplexer::AuthenticateSocket(std::string_view token, GreetingDone done) {
  auth::Authority& authority = worker_.authority();
  if (!token.empty()) shown_.token = std::string(token);
  if (!authority.knows_tokens()) {
    // Nothing can be said of a token without a room; each channel asks for its own.
    CheckChannelsAnew();
    return done(std::chrono::milliseconds(0));
  }
  using Answer = absl::StatusOr<auth::GrantsPtr>;
  std::move_only_function<void(Answer)> greet = [this,
                                                 done = std::move(done)](Answer grants) mutable {
    if (!grants.ok()) return done(grants.status());
    CheckChannelsAnew();
    const std::optional<auth::WallTime> end = (*grants)->expires;
    const auth::WallTime now = worker_.authority().now();
    done(end ? std::max(*end - now, std::chrono::milliseconds(1)) : std::chrono::milliseconds(0));
  };
  authority.Authenticate(shown_, Here(std::move(greet)));
}

void Multiplexer::Watch(std::uint64_t number, std::shared_ptr<auth::Pass> pass) {
  const auto found = lines_.find(number);
  if (found != lines_.end()) found->second->pass = std::move(pass);
}

// The token of the socket is another one now.
void Multiplexer::CheckChannelsAnew() {
  for (const auto& [number, line] : lines_) {
    if (line->pass == nullptr || !line->is_member) continue;
    Authenticate(line->pass->room(), shown_.token,
                 [this, number = number](absl::StatusOr<Admission> admission) {
                   auth::Pass::Change change;
                   if (admission.ok()) {
                     if (admission->pass == nullptr || Find(number) == nullptr) return;
                     change.role = admission->pass->role();
                     change.reason = "the token says so";
                     Watch(number, std::move(admission->pass));
                   } else {
                     change.close = auth::CloseCodeOf(auth::RefusalOf(admission.status()));
                     change.reason = std::string(admission.status().message());
                   }
                   Apply(number, change);
                 });
  }
}

void Multiplexer::PollPasses() {
  if (worker_.authority().is_open()) return;
  std::vector<std::pair<std::uint64_t, auth::Pass::Change>> changes;
  for (const auto& [number, line] : lines_) {
    if (line->pass == nullptr || !line->is_member) continue;
    if (auto change = line->pass->Poll()) changes.emplace_back(number, *std::move(change));
  }
  for (const auto& [number, change] : changes) {
    if (change.close) worker_.stats().refusals.Count(auth::Refusal::kEnded);
    Apply(number, change);
    if (ended_) return;
  }
  if (!changes.empty()) EndTurn();
}

void Multiplexer::Apply(std::uint64_t number, const auth::Pass::Change& change) {
  Channel* channel = Find(number);
  if (channel == nullptr) return;
  if (!change.close) {
    // What was sent under other rights is handled under them.
    FlushDeliveries();
    return channel->SetAccess(auth::AccessOf(change.role), change.reason);
  }
  if (*change.close == CloseCode::kBusy) return EndSocket(*change.close, change.reason);
  Leave(number);
  EndChannel(number, *change.close, change.reason);
}

bool Multiplexer::has_space() const {
  return ring_.empty() && socket_.waiting_bytes() < kPaceBytes;
}

bool Multiplexer::MayWrite(std::uint64_t number) const {
  const auto found = lines_.find(number);
  if (found == lines_.end() || !found->second->is_member) return false;
  const auth::Pass* const pass = found->second->pass.get();
  return pass == nullptr || auth::AccessOf(pass->role()) == sync::Access::kReadWrite;
}

Multiplexer::Back Multiplexer::MakeBack() {
  return
      [trunk = trunk_](std::move_only_function<void()> work, std::move_only_function<void()> gone) {
        asio::post(trunk->worker.io(),
                   [trunk, work = std::move(work), gone = std::move(gone)]() mutable {
                     Multiplexer* const here = trunk->multiplexer;
                     if (here == nullptr) {
                       if (gone) gone();
                       return;
                     }
                     work();
                     if (!here->ended_) here->EndTurn();
                   });
      };
}

// --- Channels
// ---------------------------------------------------------------------------------------

void Multiplexer::Join(std::uint64_t number, std::string room, JoinOptions options,
                       std::optional<LogPlace> from, std::size_t tail_bytes) {
  auto line = std::make_unique<Line>();
  line->channel = std::make_shared<Channel>(worker_.WorkerOf(room), trunk_, number);
  line->is_member = true;
  ++members_;
  line->channel->Join(std::move(room), std::move(options), from, tail_bytes);
  CHECK(lines_.emplace(number, std::move(line)).second);
}

Channel* Multiplexer::Find(std::uint64_t number) {
  const auto found = lines_.find(number);
  const bool is_member = found != lines_.end() && found->second->is_member;
  return is_member ? found->second->channel.get() : nullptr;
}

void Multiplexer::Leave(std::uint64_t number) {
  const auto found = lines_.find(number);
  if (found == lines_.end() || !found->second->is_member) return;
  Line& line = *found->second;
  FlushDeliveries();
  line.channel->Leave();
  line.is_member = false;
  --members_;
  DropContent(line);
  if (line.items.empty()) lines_.erase(found);
}

void Multiplexer::Deliver(std::uint64_t number, crdt::ByteView message) {
  const auto found = lines_.find(number);
  if (found == lines_.end() || !found->second->is_member) return;
  const std::shared_ptr<Channel>& channel = found->second->channel;
  auto home = std::find_if(deliveries_.begin(), deliveries_.end(),
                           [&](const auto& of) { return of.first == &channel->home(); });
  if (home == deliveries_.end()) home = deliveries_.insert(home, {&channel->home(), {}});
  home->second.push_back({channel, crdt::Bytes(message.begin(), message.end())});
}

void Multiplexer::FlushDeliveries() {
  for (auto& [home, deliveries] : deliveries_) {
    if (deliveries.empty()) continue;
    std::size_t bytes = 0;
    for (const Delivery& delivery : deliveries) bytes += delivery.message.size();
    trunk_->under_way.fetch_add(bytes);
    asio::post(home->io(), [trunk = trunk_, deliveries = std::exchange(deliveries, {})]() mutable {
      HandOver(*trunk, deliveries);
    });
  }
  if (trunk_->under_way.load() <= Trunk::kMaxUnderWayBytes) return;
  full_ = true;
  trunk_->is_full.store(true);
  // The rooms may have been quicker than the line above.
  if (trunk_->under_way.load() <= Trunk::kMaxUnderWayBytes / 2 && trunk_->is_full.exchange(false)) {
    full_ = false;
  }
}

// On the thread of the rooms. What goes to one channel in a row is handed over together.
void Multiplexer::HandOver(Trunk& trunk, std::vector<Delivery>& deliveries) {
  std::vector<crdt::ByteView> messages;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < deliveries.size(); ++i) {
    messages.emplace_back(deliveries[i].message);
    bytes += deliveries[i].message.size();
    const bool last = i + 1 == deliveries.size();
    if (!last && deliveries[i + 1].channel == deliveries[i].channel) continue;
    deliveries[i].channel->Receive(messages);
    messages.clear();
  }
  deliveries.front().channel->home().EndVisit();
  const std::size_t left = trunk.under_way.fetch_sub(bytes) - bytes;
  if (left > Trunk::kMaxUnderWayBytes / 2 || !trunk.is_full.exchange(false)) return;
  asio::post(trunk.worker.io(), [kept = deliveries.front().channel->trunk()] {
    if (kept->multiplexer != nullptr) kept->multiplexer->OnSpace();
  });
}

void Multiplexer::OnSpace() {
  full_ = false;
  UpdateReading();
}

void Multiplexer::TakeIn(ChannelNews news) {
  Channel& channel = *news.channel;
  for (const ChannelEvent& event : news.events) channel.Release(CostOf(event));
  Multiplexer* end = channel.trunk()->multiplexer;
  if (end != nullptr) end->OnNews(channel.number(), std::move(news.events));
}

void Multiplexer::OnNews(std::uint64_t number, std::vector<ChannelEvent> events) {
  for (ChannelEvent& event : events) {
    const auto found = lines_.find(number);
    if (found == lines_.end()) return;
    Line& line = *found->second;
    if (std::holds_alternative<channel_event::FellBehind>(event)) {
      FallBehind(number, line);
    } else if (std::holds_alternative<channel_event::Ended>(event) && line.is_member) {
      line.is_member = false;
      --members_;
      if (line.items.empty()) lines_.erase(found);
    }
    OnEvent(number, std::move(event));
    if (ended_) return;
  }
  EndTurn();
}

// --- The client
// --------------------------------------------------------------------------------------

void Multiplexer::Receive(std::span<const crdt::ByteView> messages) {
  for (const crdt::ByteView message : messages) {
    OnMessage(message);
    if (ended_) return;
  }
  EndTurn();
}

void Multiplexer::EndTurn() {
  OnTurnEnd();
  if (ended_) return;
  FlushDeliveries();
  Pump();
  held_.Set(trunk_->waiting.load(std::memory_order_relaxed) + HeldBytes());
  UpdateReading();
  if (stopping_ && members_ == 0) OnStopped();
}

void Multiplexer::UpdateReading() {
  if (ended_) return;
  const bool reading = !full_ && WantsReading();
  if (std::exchange(reading_, reading) != reading) socket_.SetReading(reading);
}

void Multiplexer::Write(std::uint64_t number, crdt::Bytes head, sync::Frame body, bool is_content) {
  if (ended_) return;
  Item item{std::move(head), std::move(body), 0, is_content};
  const auto found = lines_.find(number);
  if (found == lines_.end()) {
    Line nobody;
    return SendItem(nobody, item);
  }
  Line& line = *found->second;
  if (line.items.empty() && ring_.empty() && socket_.waiting_bytes() < kPaceBytes) {
    return SendItem(line, item);
  }
  const std::size_t body_bytes = item.body == nullptr ? 0 : item.body->size();
  item.cost = std::min(item.head.size() + body_bytes, worker_.limits().queue_bytes / 2);
  line.channel->Occupy(item.cost);
  if (line.items.empty()) ring_.push_back(number);
  line.items.push_back(std::move(item));
}

void Multiplexer::SendItem(Line& line, const Item& item) {
  if (item.cost > 0) line.channel->Release(item.cost);
  if (item.body == nullptr) {
    socket_.Send(item.head);
  } else {
    socket_.SendShared(item.head, item.body);
  }
}

// Fills the socket's queue up again, in turns; then lets one that has fallen behind catch up.
void Multiplexer::Pump() {
  while (!ring_.empty() && socket_.waiting_bytes() < kPaceBytes) {
    const std::uint64_t number = ring_.front();
    ring_.pop_front();
    const auto found = lines_.find(number);
    if (found == lines_.end() || found->second->items.empty()) continue;
    Line& line = *found->second;
    const Item item = std::move(line.items.front());
    line.items.pop_front();
    SendItem(line, item);
    if (!line.items.empty()) {
      ring_.push_back(number);
    } else if (!line.is_member) {
      lines_.erase(found);
    }
  }
  while (ring_.empty() && !lagging_.empty() && socket_.waiting_bytes() < kPaceBytes) {
    const std::uint64_t number = lagging_.front();
    lagging_.pop_front();
    const auto found = lines_.find(number);
    if (found == lines_.end() || !std::exchange(found->second->lagging, false)) continue;
    FlushDeliveries();
    found->second->channel->CatchUp();
    return;  // the next one when this one's document has left
  }
}

void Multiplexer::DropContent(Line& line) {
  std::erase_if(line.items, [&](const Item& item) {
    if (item.is_content) line.channel->Release(item.cost);
    return item.is_content;
  });
}

void Multiplexer::FallBehind(std::uint64_t number, Line& line) {
  DropContent(line);
  if (lagging_.empty()) last_drained_ = Clock::now();
  if (!std::exchange(line.lagging, true)) lagging_.push_back(number);
}

void Multiplexer::OnDrained(bool lost) {
  // The bound of all queues was reached, and nobody knows what was dropped.
  if (lost) return Close(CloseCode::kBusy, "this client reads more slowly than others write");
  last_drained_ = Clock::now();
  OnSpaceLeft();
  if (ended_ || (ring_.empty() && lagging_.empty())) return;
  Pump();
  held_.Set(trunk_->waiting.load(std::memory_order_relaxed) + HeldBytes());
}

void Multiplexer::Sweep(Clock::time_point now) {
  PollPasses();
  if (ended_) return;
  if (lagging_.empty() || now - last_drained_ < worker_.limits().catch_up_time) return;
  Close(CloseCode::kBusy, "this client reads more slowly than others write");
}

// --- The end
// -------------------------------------------------------------------------------------------

void Multiplexer::OnStop() {
  stopping_ = true;
  if (members_ == 0) OnStopped();
}

void Multiplexer::Close(CloseCode code, std::string_view reason) {
  if (ended_) return;
  for (const std::uint64_t number : ring_) {
    const auto found = lines_.find(number);
    if (found == lines_.end()) continue;
    for (const Item& item : found->second->items) {
      if (!item.is_content) socket_.Send(item.head);
    }
  }
  End();
  socket_.Close(code, reason);
}

void Multiplexer::OnEnd() { End(); }

void Multiplexer::End() {
  if (std::exchange(ended_, true)) return;
  trunk_->multiplexer = nullptr;
  FlushDeliveries();
  for (const auto& [number, line] : lines_) {
    if (line->is_member) line->channel->Leave();
  }
  lines_.clear();
  ring_.clear();
  lagging_.clear();
  held_.Set(0);
}

}  // namespace weft::server
