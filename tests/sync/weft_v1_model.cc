#include "tests/sync/weft_v1_model.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "crdt/base/check.h"
#include "sync/message.h"
#include "sync/state_checksum.h"

namespace weft::sync::weft_v1 {
namespace {

constexpr TimePoint kNow{};
constexpr const char* kRoom = "notes";

// What is on its way in one direction of one channel, as an onlooker counts it.
struct Watched {
  std::int64_t client_credit = 0;  // may be sent to the client
  std::int64_t server_credit = 0;
  bool joined = false;
  std::uint64_t unanswered = 0;     // writes
  std::deque<crdt::Bytes> to_room;  // Data that was sent and has not reached the room
};

bool IsWrite(crdt::ByteView message) {
  const auto decoded = sync::DecodeMessage(message);
  return decoded.ok() &&
         (std::holds_alternative<SyncStep2>(*decoded) || std::holds_alternative<Update>(*decoded));
}

}  // namespace

class ModelWorld::DocReplica final : public Replica {
 public:
  explicit DocReplica(crdt::Doc& doc) : doc_(doc) {}
  crdt::Bytes EncodeStateVector() override {
    return crdt::EncodeStateVector(doc_.GetStateVector());
  }
  absl::StatusOr<crdt::Bytes> DiffFor(crdt::ByteView state_vector) override {
    const absl::StatusOr<crdt::StateVector> known = crdt::DecodeStateVector(state_vector);
    if (!known.ok()) return known.status();
    return doc_.EncodeStateAsUpdate(*known);
  }
  absl::Status Apply(crdt::ByteView update) override { return doc_.ApplyUpdate(update); }

 private:
  crdt::Doc& doc_;
};

struct ModelWorld::Link {
  std::size_t index = 0;
  std::unique_ptr<crdt::Doc> doc;
  std::unique_ptr<DocReplica> replica;
  crdt::Subscription edits;
  std::vector<crdt::Bytes> writes;  // all, in order
  std::unique_ptr<Client> client;
  RoomId room{};

  std::unique_ptr<Server> server;  // while there is a socket
  std::deque<crdt::Bytes> to_server;
  std::deque<crdt::Bytes> to_client;
  std::map<Channel, Watched> watched;
  std::deque<ServerEffect> effects;  // to be carried out, in order
  bool carrying = false;
  std::uint64_t life = 0;  // counts sockets and memberships: what is late for one is dropped

  // The membership.
  std::optional<JoinRoom> asked;
  Place head;                  // when the session began
  std::uint64_t accepted = 0;  // appends, then
  std::optional<Session> session;
  Channel channel = 0;
  bool reading = true;
  bool gone = false;
};

ModelWorld::ModelWorld(const ModelOptions& options)
    : options_(options), document_(std::make_unique<SharedDocument>()) {
  for (std::size_t i = 0; i < options.clients; ++i) {
    auto link = std::make_unique<Link>();
    link->index = i;
    link->doc = std::make_unique<crdt::Doc>(
        crdt::Doc::Options{.client_id = crdt::ClientId{i + 1}, .gc = true, .limits = {}});
    link->replica = std::make_unique<DocReplica>(*link->doc);
    link->client = std::make_unique<Client>(Client::Options{.window_bytes = options.client_window,
                                                            .queue_bytes = options.client_queue});
    ClientEffects effects;
    link->room = link->client->Add(kRoom, *link->replica, effects);
    Link& made = *link;
    links_.push_back(std::move(link));
    made.edits = made.doc->OnUpdate([this, &made](const crdt::UpdateEvent& event) {
      if (!event.local) return;
      made.writes.emplace_back(event.update.begin(), event.update.end());
      CarryClient(made, made.client->Write(made.room, made.writes.back()));
    });
  }
}

ModelWorld::~ModelWorld() = default;

crdt::Doc& ModelWorld::doc(std::size_t client) { return *links_[client]->doc; }
Client& ModelWorld::client(std::size_t client) { return *links_[client]->client; }
RoomId ModelWorld::room(std::size_t client) const { return links_[client]->room; }

// --- Steps
// -----------------------------------------------------------------------------------

void ModelWorld::Type(std::size_t client, std::uint64_t place, const std::string& text) {
  crdt::Text content = links_[client]->doc->GetText("content");
  content.Insert(place % (content.length() + 1), text);
}

bool ModelWorld::Erase(std::size_t client, std::uint64_t place) {
  crdt::Text content = links_[client]->doc->GetText("content");
  if (content.length() == 0) return false;
  content.Delete(place % content.length(), 1);
  return true;
}

void ModelWorld::Connect(std::size_t i) {
  Link& link = *links_[i];
  if (link.server != nullptr || link.gone) return;
  ++link.life;
  link.server = std::make_unique<Server>(Server::Options{.session = "s",
                                                         .window_bytes = options_.server_window,
                                                         .queue_bytes = options_.server_queue,
                                                         .durable = options_.durable,
                                                         .told_early = options_.told_early});
  CarryClient(link, link.client->Connected(kNow));
}

void ModelWorld::Drop(std::size_t i) {
  Link& link = *links_[i];
  if (link.server == nullptr) return;
  EndMembership(link);
  link.server.reset();
  link.to_server.clear();
  link.to_client.clear();
  link.watched.clear();
  Law(link.client->Disconnected(1006).has_value(), "a client comes back");
}

bool ModelWorld::ToServer(std::size_t i) {
  Link& link = *links_[i];
  if (link.to_server.empty()) return false;
  const crdt::Bytes frame = std::move(link.to_server.front());
  link.to_server.pop_front();
  CarryServer(link, link.server->Receive(frame));
  Flush();
  return true;
}

bool ModelWorld::ToClient(std::size_t i) {
  Link& link = *links_[i];
  if (link.to_client.empty()) return false;
  const crdt::Bytes frame = std::move(link.to_client.front());
  link.to_client.pop_front();
  ClientEffects effects = link.client->Receive(frame, kNow);
  SeeAtClient(link, frame);
  CarryClient(link, std::move(effects));
  return true;
}

// Two steps: the session begins, and then the tail of the log has been read.
bool ModelWorld::FinishJoin(std::size_t i) {
  Link& link = *links_[i];
  if (!link.asked) return false;
  if (!link.session) {
    const Place place = head();
    if (link.asked->from.generation != 0 && link.asked->from.generation != place.generation) {
      const Channel channel = std::exchange(link.asked, std::nullopt)->channel;
      CarryServer(link, link.server->Refuse(channel, kOtherGeneration, place.generation,
                                            "the room was made anew"));
      return true;
    }
    link.channel = link.asked->channel;
    link.head = place;
    link.accepted = appended_;
    link.session.emplace(document_.get(), Session::Options{.access = frozen_ ? Access::kReadOnly
                                                                             : Access::kReadWrite});
    CarrySession(link, link.session->Open());
    return true;
  }
  // The tail is to have what was told before the session began.
  if (options_.told_early && committed_ < link.accepted) return false;
  const JoinRoom asked = *std::exchange(link.asked, std::nullopt);
  std::optional<std::vector<crdt::Bytes>> tail;
  const std::uint64_t after = asked.from.sequence;
  if (after > 0 && after >= kept_from_ && after <= link.head.sequence) {
    tail.emplace(log_.begin() + static_cast<std::ptrdiff_t>(after), log_.end());
  }
  CarryServer(link,
              link.server->Opened(asked.channel, {.head = link.head,
                                                  .role = frozen_ ? Role::kRead : Role::kWrite,
                                                  .tail = std::move(tail)}));
  CarryServer(link, link.server->SetReading(asked.channel, link.reading));
  Flush();
  return true;
}

bool ModelWorld::Commit() {
  if (pending_.empty()) return false;
  log_.push_back(std::move(pending_.front()));
  pending_.pop_front();
  ++committed_;
  while (!held_.empty() && held_.front().ticket <= committed_) {
    const Held held = std::move(held_.front());
    held_.pop_front();
    held.release();
  }
  TellHeard();
  Flush();
  return true;
}

void ModelWorld::Crash() {
  for (std::size_t i = 0; i < links_.size(); ++i) Drop(i);
  CheckDurable();
  if (!options_.durable && !log_.empty()) log_.pop_back();  // it was told before it was safe
  kept_from_ = std::min(kept_from_, log_.size());
  pending_.clear();
  held_.clear();
  appended_ = committed_ = 0;
  document_ = std::make_unique<SharedDocument>();
  for (const crdt::Bytes& update : log_)
    Law(document_->ApplyUpdate(update).ok(), "the log is readable");
}

void ModelWorld::Compact() { kept_from_ = log_.size(); }

void ModelWorld::Freeze(bool frozen) {
  if (std::exchange(frozen_, frozen) == frozen) return;
  for (const auto& link : links_) {
    if (!link->session) continue;
    const Role role = frozen ? Role::kRead : Role::kWrite;
    CarryServer(*link, link->server->SetAccess(link->channel, role, "frozen"));
    CarrySession(
        *link, link->session->SetAccess(frozen ? Access::kReadOnly : Access::kReadWrite, "frozen"));
  }
}

void ModelWorld::SetReading(std::size_t i, bool reading) {
  Link& link = *links_[i];
  link.reading = reading;
  if (link.session && !link.asked) {
    CarryServer(link, link.server->SetReading(link.channel, reading));
  }
}

void ModelWorld::DeleteRoom() {
  if (log_.empty() || !pending_.empty()) return;
  for (const auto& link : links_) {
    if (!link->session) continue;
    const Channel channel = link->channel;
    EndMembership(*link);
    CarryServer(*link, link->server->Ended(channel, 1012, "the room was deleted"));
  }
  held_.clear();
  log_.clear();
  ++generation_;
  kept_from_ = 0;
  document_ = std::make_unique<SharedDocument>();
}

void ModelWorld::Check(std::size_t i) {
  Link& link = *links_[i];
  CarryClient(link, link.client->Check(link.room));
}

void ModelWorld::LeaveForGood(std::size_t i) {
  Drop(i);
  links_[i]->gone = true;
}

void ModelWorld::Heal() {
  Freeze(false);
  for (std::size_t i = 0; i < links_.size(); ++i) {
    Connect(i);
    SetReading(i, true);
  }
  for (int round = 0;; ++round) {
    if (round == 10'000) return Law(false, "it comes to rest");
    bool moved = false;
    for (std::size_t i = 0; i < links_.size(); ++i) {
      while (ToServer(i) || ToClient(i) || FinishJoin(i)) moved = true;
      Link& link = *links_[i];
      if (link.gone) continue;
      // A room that was left for a while is joined again.
      const std::size_t before = link.to_server.size();
      CarryClient(link, link.client->Tick(kNow + Duration(1000)));
      moved = moved || link.to_server.size() != before;
    }
    while (Commit()) moved = true;
    if (!moved) return;
  }
}

// --- The room
// -----------------------------------------------------------------------------------

void ModelWorld::CarryServer(Link& link, ServerEffects effects) {
  std::move(effects.begin(), effects.end(), std::back_inserter(link.effects));
  if (std::exchange(link.carrying, true)) return;  // behind those that led here
  while (!link.effects.empty()) {
    ServerEffect effect = std::move(link.effects.front());
    link.effects.pop_front();
    CarryServerEffect(link, std::move(effect));
  }
  link.carrying = false;
}

void ModelWorld::CarryServerEffect(Link& link, ServerEffect effect) {
  if (link.server == nullptr) return;
  if (auto* frame = std::get_if<SendFrame>(&effect)) {
    crdt::Bytes bytes = std::move(frame->head);
    if (frame->body != nullptr) bytes.insert(bytes.end(), frame->body->begin(), frame->body->end());
    SeeFromServer(link, bytes);
    link.to_client.push_back(std::move(bytes));
  } else if (std::holds_alternative<Authenticate>(effect)) {
    CarryServer(link, link.server->Authenticated(0));
  } else if (const auto* join = std::get_if<JoinRoom>(&effect)) {
    Law(join->room == kRoom && !link.session, "a socket joins the room once");
    link.asked = *join;
  } else if (const auto* deliver = std::get_if<Deliver>(&effect)) {
    Receive(link, deliver->message);
  } else if (std::holds_alternative<CatchUp>(effect)) {
    ++seen_.caught_up;
    auto everything = link.session->TellEverything();
    CHECK(everything.ok());
    CarrySession(link, *std::move(everything));
  } else if (const auto* check = std::get_if<CheckState>(&effect)) {
    CarryServer(link, link.server->TellChecksum(check->channel, document_->Checksum(),
                                                document_->EncodeStateVector()));
  } else if (std::holds_alternative<LeaveRoom>(effect)) {
    EndMembership(link);
  } else {
    Law(false, "nobody is closed: " + std::get<CloseSocket>(effect).reason);
  }
}

void ModelWorld::EndMembership(Link& link) {
  link.asked.reset();
  link.session.reset();
  ++link.life;
}

void ModelWorld::Receive(Link& link, crdt::ByteView message) {
  CHECK(link.session.has_value());
  Watched& watched = link.watched[link.channel];
  // The first one is what the server's end asks for the client.
  if (!watched.to_room.empty() && std::ranges::equal(watched.to_room.front(), message)) {
    watched.to_room.pop_front();
  } else {
    Law(message.size() > 1 && message[1] == 0, "messages reach the room in their order");
  }
  auto effects = link.session->Receive(message, kNow);
  if (!effects.ok()) return Law(false, effects.status().ToString());
  std::string refusal;
  for (const Effect& effect : *effects) {
    if (const auto* refused = std::get_if<RefuseWrite>(&effect)) refusal = refused->reason;
  }
  CarrySession(link, *std::move(effects));
  if (!IsWrite(message)) return;
  AfterCommit([this, &link, life = link.life, channel = link.channel, refusal] {
    if (life != link.life) return;
    if (!refusal.empty()) {
      CarryServer(link, link.server->RefuseWrites(channel, kForbidden, 1, refusal));
    } else {
      CarryServer(link,
                  link.server->Acknowledge(
                      channel, options_.durable ? Level::kDurable : Level::kReceived, 1, head()));
    }
  });
}

void ModelWorld::CarrySession(Link& link, Effects effects) {
  for (Effect& effect : effects) {
    if (auto* update = std::get_if<PublishUpdate>(&effect)) {
      pending_.emplace_back(update->update().begin(), update->update().end());
      ++appended_;
      if (options_.told_early) {
        Broadcast(update->frame, &link);
        continue;
      }
      AfterCommit([this, &link, life = link.life, frame = update->frame] {
        Broadcast(frame, life == link.life ? &link : nullptr);
      });
    } else if (auto* reply = std::get_if<Reply>(&effect)) {
      AfterCommit([this, &link, life = link.life, channel = link.channel, frame = reply->frame] {
        if (life == link.life) CarryServer(link, link.server->Tell(channel, frame));
      });
    }
  }
}

void ModelWorld::AfterCommit(std::function<void()> release) {
  if (appended_ == committed_) {
    release();
  } else {
    held_.push_back({appended_, std::move(release)});
  }
}

void ModelWorld::Broadcast(const Frame& frame, const Link* except) {
  for (const auto& link : links_) {
    if (link.get() == except || !link->session) continue;
    CarryServer(*link, link->server->Tell(link->channel, frame));
  }
}

void ModelWorld::TellHeard() {
  for (const auto& link : links_) {
    if (link->session) link->server->TellHeard(link->channel, head());
  }
}

void ModelWorld::Flush() {
  for (const auto& link : links_) {
    if (link->server != nullptr) CarryServer(*link, link->server->Flush());
  }
}

// --- Clients and the wire
// -----------------------------------------------------------------------------------

void ModelWorld::CarryClient(Link& link, ClientEffects effects) {
  for (ClientEffect& effect : effects) {
    if (auto* send = std::get_if<SendBytes>(&effect)) {
      CHECK(link.server != nullptr);
      SeeFromClient(link, send->frame);
      link.to_server.push_back(std::move(send->frame));
    } else if (const auto* entered = std::get_if<Entered>(&effect)) {
      ++(entered->how == How::kResumed ? seen_.resumed : seen_.synced);
    } else if (std::holds_alternative<OtherHistory>(effect)) {
      ++seen_.other_history;
      CarryClient(link, link.client->MergeInto(link.room));
    } else if (std::holds_alternative<Denied>(effect)) {
      ++seen_.denied;
    } else if (const auto* checksum = std::get_if<ChecksumHeard>(&effect)) {
      if (checksum->hash == StateChecksum(link.doc->TakeSnapshot())) ++seen_.same_checksums;
    } else if (const auto* leave = std::get_if<LeaveSocket>(&effect)) {
      Law(false, "the server breaks no rule: " + leave->reason);
    } else if (const auto* lost = std::get_if<RoomLost>(&effect)) {
      Law(!IsFinal(lost->code), "no room is lost for good: " + lost->reason);
    }
  }
}

void ModelWorld::SeeFromClient(Link& link, crdt::ByteView frame) {
  const absl::StatusOr<Message> message = DecodeMessage(frame);
  CHECK(message.ok());
  if (const auto* join = std::get_if<Join>(&*message)) {
    link.watched[join->channel].client_credit = static_cast<std::int64_t>(join->credit);
  } else if (const auto* credit = std::get_if<Credit>(&*message)) {
    link.watched[credit->channel].client_credit += static_cast<std::int64_t>(credit->bytes);
  } else if (const auto* data = std::get_if<Data>(&*message)) {
    Watched& watched = link.watched[data->channel];
    Law(watched.server_credit > 0, "a client has credit for what it sends");
    watched.server_credit -= static_cast<std::int64_t>(data->message.size());
    watched.unanswered += IsWrite(data->message) ? 1 : 0;
    watched.to_room.emplace_back(data->message.begin(), data->message.end());
  }
}

// Credit counts for the server when it has reached it, and for the client likewise: what is on its way
// is watched at the sender's end, which knows less than the onlooker.
void ModelWorld::SeeFromServer(Link& link, crdt::ByteView frame) {
  const absl::StatusOr<Message> message = DecodeMessage(frame);
  CHECK(message.ok());
  if (const auto* joined = std::get_if<Joined>(&*message)) {
    Watched& watched = link.watched[joined->channel];
    Law(!watched.joined, "a channel is joined once");
    watched.joined = true;
    watched.server_credit = static_cast<std::int64_t>(joined->credit);
  } else if (const auto* credit = std::get_if<Credit>(&*message)) {
    link.watched[credit->channel].server_credit += static_cast<std::int64_t>(credit->bytes);
  } else if (const auto* data = std::get_if<Data>(&*message)) {
    Watched& watched = link.watched[data->channel];
    Law(watched.joined, "Data follows Joined");
    Law(watched.client_credit > 0, "the server has credit for what it sends");
    watched.client_credit -= static_cast<std::int64_t>(data->message.size());
    seen_.waited_for_credit += watched.client_credit <= 0 ? 1 : 0;
  } else if (const auto* ack = std::get_if<Ack>(&*message)) {
    Watched& watched = link.watched[ack->channel];
    Law(ack->count <= watched.unanswered, "what is answered was sent");
    watched.unanswered -= ack->count;
    Law(ack->sequence <= log_.size(), "an Ack names a place of the log");
  } else if (const auto* nack = std::get_if<Nack>(&*message)) {
    link.watched[nack->channel].unanswered -= nack->count;
  }
}

// What is said to be heard is in the client's document, to the last update.
void ModelWorld::SeeAtClient(Link& link, crdt::ByteView frame) {
  const absl::StatusOr<Message> message = DecodeMessage(frame);
  CHECK(message.ok());
  const auto* heard = std::get_if<Heard>(&*message);
  const Place place = link.client->place(link.room);
  if (heard == nullptr || place.generation != head().generation) return;
  if (place.sequence != heard->sequence) return;  // of a channel that was left meanwhile
  Law(options_.durable || heard->sequence == 0, "nothing is resumed from what may be lost");
  if (heard->sequence > log_.size()) return Law(false, "what was heard is in the log");
  const crdt::Bytes before = link.doc->EncodeStateAsUpdate();  // what waits is in it too
  crdt::Doc copy;
  CHECK(copy.ApplyUpdate(before).ok());
  for (std::size_t i = 0; i < heard->sequence; ++i) CHECK(copy.ApplyUpdate(log_[i]).ok());
  Law(copy.EncodeStateAsUpdate() == before, "what is said to be heard was told");
}

// --- Laws
// -----------------------------------------------------------------------------------

void ModelWorld::Law(bool holds, std::string_view law) {
  if (!holds && broken_.empty()) broken_ = law;
}

void ModelWorld::CheckDurable() {
  SharedDocument stored;
  for (const crdt::Bytes& update : log_) CHECK(stored.ApplyUpdate(update).ok());
  for (const auto& link : links_) {
    const Place place = link->client->place(link->room);
    if (place.generation != 0 && place.generation != head().generation) continue;
    const std::uint64_t durable = link->writes.size() - link->client->unsaved(link->room);
    for (std::size_t i = 0; i < durable; ++i) {
      Law(!*stored.BringsNews(link->writes[i]), "what was durable is in the log");
    }
  }
}

void ModelWorld::CheckConverged() {
  crdt::Doc stored;
  for (const crdt::Bytes& update : log_) CHECK(stored.ApplyUpdate(update).ok());
  // Who left for good may have taken along what was refused, and what it built upon that not.
  const bool all_are_here = std::ranges::none_of(links_, &Link::gone);
  Law(!all_are_here || !stored.has_pending(), "nothing waits in the log");
  Law(stored.collisions().updates == 0, "an id has one content");
  const crdt::Bytes state = stored.EncodeStateAsUpdate();
  for (const auto& link : links_) {
    if (link->gone) continue;
    Law(link->doc->EncodeStateAsUpdate() == state, "all converge on the log");
    Law(link->client->synced(link->room), "who has all is synced");
    Law(!options_.durable || link->client->unsaved(link->room) == 0, "all is saved");
  }
}

}  // namespace weft::sync::weft_v1
