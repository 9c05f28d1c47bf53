#include "sync/hocuspocus.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crdt/base/utf.h"
#include "sync/close.h"

namespace weft::sync::hocuspocus {
namespace {

constexpr std::uint64_t kSync = 0;
constexpr std::uint64_t kAuth = 2;
constexpr std::uint64_t kSyncReply = 4;
constexpr std::uint64_t kStateless = 5;
constexpr std::uint64_t kBroadcastStateless = 6;
constexpr std::uint64_t kClose = 7;
constexpr std::uint64_t kSyncStatus = 8;
constexpr std::uint8_t kPing = 9;
constexpr std::uint8_t kPong = 10;

constexpr std::uint8_t kStep1 = 0;  // of Sync

constexpr std::uint64_t kToken = 0;
constexpr std::uint64_t kDenied = 1;
constexpr std::uint64_t kAuthenticated = 2;

// The key, and what `write` writes behind it.
template <typename Write>
crdt::Bytes MakeFrameOf(std::string_view key, Write write) {
  crdt::ByteWriter writer;
  writer.WriteString(key);
  write(writer);
  return writer.Take();
}

crdt::Bytes DeniedFrame(std::string_view key, std::string_view reason) {
  return MakeFrameOf(key, [&](crdt::ByteWriter& writer) {
    writer.WriteVarUint(kAuth);
    writer.WriteVarUint(kDenied);
    writer.WriteString(reason);
  });
}

crdt::Bytes ScopeFrame(std::string_view key, Access access) {
  return MakeFrameOf(key, [&](crdt::ByteWriter& writer) {
    writer.WriteVarUint(kAuth);
    writer.WriteVarUint(kAuthenticated);
    writer.WriteString(access == Access::kReadWrite ? "read-write" : "readonly");
  });
}

crdt::Bytes CloseFrame(std::string_view key, std::string_view reason) {
  return MakeFrameOf(key, [&](crdt::ByteWriter& writer) {
    writer.WriteVarUint(kClose);
    writer.WriteString(reason);
  });
}

crdt::Bytes StatusFrame(std::string_view key, bool saved) {
  return MakeFrameOf(key, [&](crdt::ByteWriter& writer) {
    writer.WriteVarUint(kSyncStatus);
    writer.WriteVarUint(saved ? 1 : 0);
  });
}

// Why `key` names no document, or nothing.
std::string_view WrongKey(std::string_view key) {
  const std::size_t name_bytes = std::min(key.find('\0'), key.size());
  if (name_bytes == 0) return "a document needs a name";
  if (name_bytes > kMaxNameBytes || key.size() - name_bytes > kMaxSessionBytes + 1) {
    return "the name of the document is too long";
  }
  return crdt::IsValidUtf8(key) ? std::string_view() : "the name of the document is not UTF-8";
}

bool IsStep1(crdt::ByteView message) {
  return message.size() > 1 && message[0] == kSync && message[1] == kStep1;
}

bool IsFinal(std::uint16_t code) { return code >= 4400 && code < 4500; }

}  // namespace

// --- The count of unsynced changes
// ------------------------------------------------------------------------

void UnsyncedChanges::OnStep1() {
  for (Run& run : under_way_) run.counts = false;
  owes_step_ = true;
  refused_ = 0;
}

void UnsyncedChanges::Add(Run write) {
  const bool continues = !under_way_.empty() && under_way_.back().counts &&
                         under_way_.back().is_step2 == write.is_step2;
  if (!continues) under_way_.push_back(write);
  ++under_way_.back().writes;
}

UnsyncedChanges::Run UnsyncedChanges::Take(std::uint64_t writes) {
  Run& first = under_way_.front();
  Run taken = first;
  taken.writes = std::min(taken.writes, writes);
  first.writes -= taken.writes;
  if (first.writes == 0) under_way_.pop_front();
  return taken;
}

std::uint64_t UnsyncedChanges::OnSaved(std::uint64_t writes) {
  std::uint64_t said = 0;
  while (writes > 0 && !under_way_.empty()) {
    const Run run = Take(writes);
    writes -= run.writes;
    if (!run.counts) continue;
    if (run.is_step2) {
      said += (std::exchange(owes_step_, false) ? 1 : 0) + std::exchange(refused_, 0);
    } else {
      said += run.writes;
    }
  }
  return said;
}

std::uint64_t UnsyncedChanges::OnRefused(std::uint64_t writes) {
  std::uint64_t said = 0;
  while (writes > 0 && !under_way_.empty()) {
    const Run run = Take(writes);
    writes -= run.writes;
    said += run.writes;
    if (run.counts && !run.is_step2) refused_ += run.writes;
  }
  return said;
}

// --- What the client says
// -------------------------------------------------------------------------------

Effects Server::Receive(crdt::ByteView frame) {
  Effects effects;
  if (closed_) return effects;
  if (frame.size() == 1 && frame[0] == kPing) {
    effects.push_back(SendFrame{.head = {kPong}, .body = nullptr});
    return effects;
  }
  if (frame.size() == 1 && frame[0] == kPong) return effects;
  crdt::ByteReader reader(frame);
  const std::string_view key = reader.ReadString();
  const std::size_t begin = reader.offset();
  const std::uint64_t type = reader.ReadVarUint();
  bool is_token = false;
  if (type == kAuth) is_token = reader.ReadVarUint() == kToken;
  if (!reader.ok()) {
    closed_ = true;
    const Close close = CloseFor(reader.status());
    effects.push_back(CloseSocket{static_cast<std::uint16_t>(close.code), close.reason});
    return effects;
  }
  const auto known = channels_.find(key);
  Channel channel = known == channels_.end() ? 0 : known->second;
  if (channel == 0) {
    std::string_view refusal = WrongKey(key);
    if (refusal.empty() && conversations_.size() >= options_.documents) {
      refusal = "this socket has as many documents as it may";
    }
    if (!refusal.empty()) {
      // Once a document.
      if (is_token || IsStep1(frame.subspan(begin)))
        effects.push_back(SendFrame{.head = DeniedFrame(key, refusal), .body = nullptr});
      return effects;
    }
    if (type == kClose) return effects;
  }
  Conversation& conversation =
      channel == 0 ? Begin(key, channel) : conversations_.find(channel)->second;
  if (is_token) {
    OnToken(channel, conversation, reader, effects);
  } else if (type == kClose) {
    if (conversation.state == State::kJoined) effects.push_back(LeaveRoom{channel});
    Forget(channel);
  } else if (conversation.state != State::kDenied) {
    OnMessage(channel, conversation, frame.subspan(begin), effects);
  }
  return effects;
}

Server::Conversation& Server::Begin(std::string_view key, Channel& channel) {
  channel = ++last_channel_;
  channels_.emplace(std::string(key), channel);
  Conversation& conversation = conversations_[channel];
  conversation.key = std::string(key);
  return conversation;
}

void Server::OnToken(Channel channel, Conversation& conversation, crdt::ByteReader& reader,
                     Effects& effects) {
  const std::string_view token = reader.ReadString();
  if (!reader.ok()) {
    if (conversation.state == State::kJoined) effects.push_back(LeaveRoom{channel});
    return Deny(channel, conversation, "a malformed token", false, effects);
  }
  // Version 4 says its number, and has message 7, at which version 2 throws.
  conversation.knows_closing = !reader.at_end();
  Ask(channel, conversation, token, effects);
}

void Server::Ask(Channel channel, Conversation& conversation, std::string_view token,
                 Effects& effects) {
  if (conversation.asking) return;  // two at once; the provider sends the second for the first
  conversation.asking = true;
  if (conversation.state != State::kJoined) {
    if (conversation.state == State::kGreeting) greeting_bytes_ -= conversation.inbox_bytes;
    conversation.state = State::kAsked;
    ++open_documents_;
  }
  effects.push_back(Authenticate{channel, std::string(conversation.room()), std::string(token)});
}

void Server::OnMessage(Channel channel, Conversation& conversation, crdt::ByteView message,
                       Effects& effects) {
  if (conversation.state == State::kGreeting) {
    greeting_bytes_ += message.size();
    if (greeting_bytes_ > kGreetingBytes) {
      closed_ = true;
      effects.push_back(CloseSocket{static_cast<std::uint16_t>(CloseCode::kTryAgainLater),
                                    "too much was sent before a token"});
      return;
    }
  }
  const bool opens = conversation.state == State::kGreeting && IsStep1(message);
  if (conversation.reading && conversation.inbox.empty()) {
    return DeliverNow(channel, conversation, {channel, message, nullptr}, effects);
  }
  Hold(conversation, message);
  if (opens) Ask(channel, conversation, "", effects);
}

void Server::Hold(Conversation& conversation, crdt::ByteView message) {
  conversation.inbox.push_back(std::make_shared<const crdt::Bytes>(message.begin(), message.end()));
  conversation.inbox_bytes += message.size();
  inbox_bytes_ += message.size();
}

void Server::DeliverNow(Channel channel, Conversation& conversation, Deliver delivery,
                        Effects& effects) {
  switch (delivery.message.front()) {
    case kSyncReply: {
      crdt::Bytes plain(delivery.message.begin(), delivery.message.end());
      plain.front() = kSync;
      delivery.kept = std::make_shared<const crdt::Bytes>(std::move(plain));
      delivery.message = *delivery.kept;
      break;
    }
    case kStateless:
      return TellOthers(channel, conversation, delivery.message, effects);
    case kBroadcastStateless:
      return;  // what one server says to others is none of a client's business
    default:
      break;
  }
  const absl::StatusOr<Message> decoded = DecodeMessage(delivery.message);
  if (decoded.ok()) {
    if (std::holds_alternative<SyncStep1>(*decoded)) conversation.unsynced.OnStep1();
    if (std::holds_alternative<SyncStep2>(*decoded)) conversation.unsynced.OnStep2();
    if (std::holds_alternative<Update>(*decoded)) conversation.unsynced.OnUpdate();
  }
  effects.push_back(std::move(delivery));
}

void Server::TellOthers(Channel channel, Conversation& conversation, crdt::ByteView message,
                        Effects& effects) {
  crdt::ByteReader reader(message);
  reader.ReadVarUint();
  const std::string_view payload = reader.ReadString();
  const bool too_large = payload.size() > kPayloadBytes;
  if (!reader.ok() || too_large || !crdt::IsValidUtf8(payload)) {
    effects.push_back(LeaveRoom{channel});
    return Deny(channel, conversation,
                too_large ? "a stateless message is too large" : "a malformed stateless message",
                true, effects);
  }
  effects.push_back(
      TellStateless{channel, std::make_shared<const crdt::Bytes>(message.begin(), message.end())});
}

// --- What the owner answers
// ------------------------------------------------------------------------------

Effects Server::Admitted(Channel channel, Access access) {
  Effects effects;
  Conversation* conversation = Find(channel);
  if (conversation == nullptr || !std::exchange(conversation->asking, false)) return effects;
  effects.push_back(SendFrame{
      .channel = channel, .head = ScopeFrame(conversation->key, access), .body = nullptr});
  if (std::exchange(conversation->state, State::kJoined) == State::kJoined) {
    effects.push_back(ChangeAccess{channel});
  } else {
    effects.push_back(JoinRoom{channel, std::string(conversation->room())});
  }
  return effects;
}

Effects Server::Denied(Channel channel, std::string_view reason) {
  Effects effects;
  Conversation* conversation = Find(channel);
  if (conversation == nullptr || !std::exchange(conversation->asking, false)) return effects;
  if (conversation->state == State::kJoined) effects.push_back(LeaveRoom{channel});
  Deny(channel, *conversation, reason, false, effects);
  return effects;
}

// From now on what comes for this document is ignored, until another token does.
void Server::Deny(Channel channel, Conversation& conversation, std::string_view reason, bool close,
                  Effects& effects) {
  effects.push_back(SendFrame{
      .channel = channel, .head = DeniedFrame(conversation.key, reason), .body = nullptr});
  if (close && conversation.knows_closing) {
    effects.push_back(SendFrame{
        .channel = channel, .head = CloseFrame(conversation.key, reason), .body = nullptr});
  }
  // Another channel: what the room still says to this one is for nobody.
  Conversation denied;
  denied.key = conversation.key;
  denied.state = State::kDenied;
  Forget(channel);
  channels_.emplace(denied.key, ++last_channel_);
  conversations_.emplace(last_channel_, std::move(denied));
}

void Server::Forget(Channel channel) {
  const auto found = conversations_.find(channel);
  Conversation& conversation = found->second;
  if (conversation.state == State::kGreeting) greeting_bytes_ -= conversation.inbox_bytes;
  if (conversation.state == State::kAsked || conversation.state == State::kJoined) {
    --open_documents_;
  }
  DropInbox(conversation);
  channels_.erase(conversation.key);
  conversations_.erase(found);
}

void Server::DropInbox(Conversation& conversation) {
  inbox_bytes_ -= std::exchange(conversation.inbox_bytes, 0);
  conversation.inbox.clear();
}

// --- What the room says
// ----------------------------------------------------------------------------------

Effects Server::Tell(Channel channel, Frame message) {
  Effects effects;
  const Conversation* conversation = Find(channel);
  if (conversation == nullptr) return effects;
  effects.push_back(SendFrame{.channel = channel,
                              .head = MakeFrameOf(conversation->key, [](crdt::ByteWriter&) {}),
                              .body = std::move(message),
                              .is_content = true});
  return effects;
}

Effects Server::Stateless(Channel channel, Frame body) { return Tell(channel, std::move(body)); }

Effects Server::Saved(Channel channel, std::uint64_t writes) {
  Effects effects;
  Conversation* conversation = Find(channel);
  if (conversation == nullptr) return effects;
  for (std::uint64_t left = conversation->unsynced.OnSaved(writes); left > 0; --left) {
    effects.push_back(SendFrame{
        .channel = channel, .head = StatusFrame(conversation->key, true), .body = nullptr});
  }
  return effects;
}

Effects Server::Refused(Channel channel, std::uint64_t writes) {
  Effects effects;
  Conversation* conversation = Find(channel);
  if (conversation == nullptr) return effects;
  for (std::uint64_t left = conversation->unsynced.OnRefused(writes); left > 0; --left) {
    effects.push_back(SendFrame{
        .channel = channel, .head = StatusFrame(conversation->key, false), .body = nullptr});
  }
  return effects;
}

Effects Server::SetAccess(Channel channel, Access access) {
  Effects effects;
  const Conversation* conversation = Find(channel);
  if (conversation == nullptr || conversation->state != State::kJoined) return effects;
  effects.push_back(SendFrame{
      .channel = channel, .head = ScopeFrame(conversation->key, access), .body = nullptr});
  return effects;
}

Effects Server::SetReading(Channel channel, bool reading) {
  Effects effects;
  Conversation* conversation = Find(channel);
  if (conversation == nullptr || conversation->state != State::kJoined) return effects;
  conversation->reading = reading;
  if (!reading) return effects;
  const std::vector<Frame> inbox = std::exchange(conversation->inbox, {});
  DropInbox(*conversation);
  for (const Frame& message : inbox) {
    DeliverNow(channel, *conversation, {channel, *message, message}, effects);
    // A message may end its document.
    conversation = Find(channel);
    if (conversation == nullptr) return effects;
  }
  return effects;
}

Effects Server::Ended(Channel channel, std::uint16_t code, std::string_view reason) {
  Effects effects;
  Conversation* conversation = Find(channel);
  if (conversation == nullptr || closed_) return effects;
  if (IsFinal(code)) {
    Deny(channel, *conversation, reason, true, effects);
    return effects;
  }
  Forget(channel);
  const bool waits = code == static_cast<std::uint16_t>(CloseCode::kServiceRestart);
  if (waits && open_documents_ > 0) return effects;
  closed_ = true;
  effects.push_back(CloseSocket{code, std::string(reason)});
  return effects;
}

Server::Conversation* Server::Find(Channel channel) {
  const auto found = conversations_.find(channel);
  return found == conversations_.end() ? nullptr : &found->second;
}

}  // namespace weft::sync::hocuspocus
