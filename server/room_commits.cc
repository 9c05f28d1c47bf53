// The order of the log within a room: updates take tickets, answers and news wait for those of what they
// show, and what the log says of a ticket releases them or makes the room fail.

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "crdt/base/check.h"
#include "server/log.h"
#include "server/room.h"
#include "server/room_name.h"
#include "server/room_trace.h"
#include "sync/message.h"

namespace weft::server {
namespace {

// While storing keeps failing, each refusal is twice as long as the last one, up to this many times
// the first.
constexpr int kMaxRefusals = 16;

}  // namespace

// --- What others than members ask
// -------------------------------------------------------------------------------------------------

void Room::Query(Read read, ReadDone done) {
  WhenOpen(
      [this, read = std::move(read), done = std::move(done)](const absl::Status& open) mutable {
        if (!open.ok()) return done(open);
        AfterCommit([done = std::move(done),
                     result = read(*document_)](const absl::Status& committed) mutable {
          done(committed.ok() ? std::move(result) : committed);
        });
      });
}

void Room::Submit(crdt::Bytes update, bool past_freeze, SubmitDone done) {
  WhenOpen([this, update = std::move(update), past_freeze,
            done = std::move(done)](const absl::Status& open) mutable {
    if (!open.ok()) return done(open);
    SubmitNow(update, past_freeze, std::move(done));
  });
}

void Room::SubmitNow(crdt::ByteView update, bool past_freeze, SubmitDone done) {
  const absl::StatusOr<bool> news = AcceptSubmitted(update, past_freeze);
  if (!news.ok()) return done(news.status());
  AfterCommit([this, news = *news, done = std::move(done)](const absl::Status& committed) mutable {
    if (!committed.ok()) return done(committed);
    done(Submitted{.place = head_, .news = news});
  });
}

// Whether it brought anything.
absl::StatusOr<bool> Room::AcceptSubmitted(crdt::ByteView update, bool past_freeze) {
  const bool may_write = !refusing_ && (!frozen_ || past_freeze);
  if (!may_write) {
    const absl::StatusOr<bool> news = document_->BringsNews(update);
    if (!news.ok() || !*news) return news;
    if (frozen_ && !past_freeze) {
      services_.stats.refusals.Count(auth::Refusal::kWrite);
      return absl::PermissionDeniedError(*frozen_);
    }
    return absl::UnavailableError("the server cannot store edits at the moment; try again later");
  }
  if (absl::Status space = document_->CheckSpace(update); !space.ok()) {
    if (absl::IsResourceExhausted(space)) TellQuota(std::string(space.message()));
    return space;
  }
  const absl::StatusOr<sync::SharedDocument::Applied> applied = document_->ApplyUpdate(update);
  if (!applied.ok()) return applied.status();
  if (applied->news) CarryUpdate(sync::MakePublishUpdate(update), kNobody);
  return applied->news;
}

void Room::Seed(crdt::Bytes update, SubmitDone done) {
  WhenOpen(
      [this, update = std::move(update), done = std::move(done)](const absl::Status& open) mutable {
        if (!open.ok()) return done(open);
        if (head_.sequence > 0 || appended_ != completed_) {
          return done(absl::AlreadyExistsError("the room has content already"));
        }
        SubmitNow(update, /*past_freeze=*/false, std::move(done));
      });
}

void Room::ReadTail(const LogPlace& after, std::size_t max_bytes, RoomLog::TailDone done) {
  if (services_.relay == RelayMoment::kCommitted) {
    return services_.log.LoadTail(name_, after, max_bytes, std::move(done));
  }
  AfterCommit(
      [this, after, max_bytes, done = std::move(done)](const absl::Status& committed) mutable {
        if (!committed.ok()) return done(committed);
        services_.log.LoadTail(name_, after, max_bytes, std::move(done));
      });
}

void Room::Commit(crdt::Bytes update, RowChange rows, bool past_freeze, SubmitDone done) {
  WhenOpen([this, update = std::move(update), rows = std::move(rows), past_freeze,
            done = std::move(done)](const absl::Status& open) mutable {
    if (!open.ok()) return done(open);
    CommitNow(update, std::move(rows), past_freeze, std::move(done));
  });
}

void Room::CommitNow(crdt::ByteView update, RowChange rows, bool past_freeze, SubmitDone done) {
  if (frozen_ && !past_freeze) {
    services_.stats.refusals.Count(auth::Refusal::kWrite);
    return done(absl::PermissionDeniedError(*frozen_));
  }
  if (refusing_) {
    return done(
        absl::UnavailableError("the server cannot store edits at the moment; try again later"));
  }
  // What cannot be applied later is not stored now.
  const absl::StatusOr<bool> news = document_->BringsNews(update);
  if (!news.ok()) return done(news.status());
  if (absl::Status space = document_->CheckSpace(update); !space.ok()) {
    if (absl::IsResourceExhausted(space)) TellQuota(std::string(space.message()));
    return done(std::move(space));
  }
  const Ticket ticket = ++appended_;
  auto commitment = std::make_unique<Commitment>(
      Commitment{.update = sync::MakePublishUpdate(update), .done = std::move(done)});
  if (TracesRooms()) [[unlikely]]
    TraceTicket(name_, kNobody, ticket, update.size());
  pending_.push_back({kNobody, update.size(), std::move(commitment)});
  uncommitted_bytes_ += update.size();
  services_.log.AppendWithRows(
      name_, head_.generation, update, std::move(rows),
      [this, ticket](const absl::StatusOr<LogPlace>& result) { OnAppended(ticket, result); });
}

// --- Into the log, and what waits for it
// -------------------------------------------------------------------------------------------------

void Room::CarryUpdate(const sync::PublishUpdate& update, MemberId from) {
  const crdt::ByteView bytes = update.update();
  const Ticket ticket = ++appended_;
  if (TracesRooms()) [[unlikely]]
    TraceTicket(name_, from, ticket, bytes.size());
  pending_.push_back({from, bytes.size(), nullptr});
  uncommitted_bytes_ += bytes.size();
  const bool held = services_.relay == RelayMoment::kCommitted;
  if (held) held_.push_back({ticket, from, Told{update.frame}});
  services_.log.Append(
      name_, head_.generation, bytes,
      [this, ticket](const absl::StatusOr<LogPlace>& result) { OnAppended(ticket, result); });
  if (!held) Broadcast(update.frame, from);
  Member* writer = Find(from);
  if (writer == nullptr) return;
  ++writer->appends;
  if (!writer->paused && IsOverfull()) {
    if (uncommitted_bytes_ > services_.limits.uncommitted_bytes) {
      services_.stats.limits.Hit(Limit::kUncommittedBytes, "the room " + PrintableName(name_));
    }
    writer->paused = true;
    writer->connection->SetReading(false);
  }
}

// A reply may show the document as it is now, so it waits for the commits of all that is in it.
void Room::CarryReply(sync::Frame frame, MemberId to) {
  if (appended_ != completed_) {
    held_.push_back({appended_, to, Answer{std::move(frame)}});
  } else if (Member* member = Find(to)) {
    member->connection->SendShared(frame);
  }
}

// Who wants receipts is told by one.
void Room::CarryRefusal(const sync::RefuseWrite& refusal, MemberId to) {
  services_.stats.refusals.Count(auth::Refusal::kWrite);
  const Member* member = Find(to);
  if (member == nullptr || member->wants_receipts) return;
  CarryReply(sync::MakeFrame(sync::PermissionDenied{refusal.reason}), to);
}

// A receipt comes after the commits of all that was accepted before it.
void Room::OweReceipt(OwedReceipt receipt, MemberId to) {
  if (appended_ != completed_) {
    held_.push_back({appended_, to, std::move(receipt)});
  } else if (const Member* member = Find(to)) {
    GiveReceipt(receipt, *member);
  }
}

void Room::AfterCommit(Completion done) {
  if (appended_ == completed_) return done(absl::OkStatus());
  held_.push_back({appended_, kNobody, std::move(done)});
}

// --- Out of the log
// -------------------------------------------------------------------------------------------------

void Room::OnAppended(Ticket ticket, const absl::StatusOr<LogPlace>& result) {
  CHECK(ticket == completed_ + 1);
  if (TracesRooms()) [[unlikely]]
    TraceCommit(name_, ticket, result);
  completed_ = ticket;
  Pending done = std::move(pending_.front());
  pending_.pop_front();
  uncommitted_bytes_ -= done.bytes;
  const bool is_commit = done.commitment != nullptr;
  if (!result.ok() && !is_commit && state_ == State::kOpen) BeginFailing(result.status());
  // What was relayed before it was stored may have been built upon by what is stored behind it.
  const bool vouched =
      result.ok() && (services_.relay == RelayMoment::kCommitted || state_ != State::kFailing);
  if (result.ok()) {
    refusal_ = {};
    head_ = *result;
  }
  if (is_commit) OnCommitted(std::move(*done.commitment), result);
  if (result.ok() || is_commit) {
    // Answers may wait for a commit that was refused: they show nothing of it.
    ReleaseHeld();
    TellHeard();
  } else {
    std::erase_if(held_, [ticket](const Held& held) { return held.ticket == ticket; });
  }
  if (Member* writer = Find(done.writer)) {
    --writer->appends;
    if (!vouched) {
      Expel(*writer, CloseCode::kNotStored, "an edit could not be stored; try again later");
    } else if (state_ == State::kOpen) {
      ResumeIfThrough(*writer);
    }
  }
  if (state_ == State::kFailing && appended_ == completed_) ReadAnew();
  LetNewcomersSpeak();
}

// The log has answered, and head_ is up to date. In kFailing the document is thrown away and read anew,
// but who stays a member is told like everybody.
void Room::OnCommitted(Commitment commitment, const absl::StatusOr<LogPlace>& result) {
  if (!result.ok()) return commitment.done(result.status());
  bool news = true;
  absl::Status broken;
  if (state_ == State::kOpen) {
    const auto applied = document_->ApplyUpdate(commitment.update.update());
    if (applied.ok()) news = applied->news;
    broken = applied.status();
  }
  Broadcast(commitment.update.frame, kNobody);
  commitment.done(Submitted{.place = *result, .news = news});
  if (!broken.ok()) Break(broken);
}

void Room::ReleaseHeld() {
  while (!held_.empty() && held_.front().ticket <= completed_) {
    Held held = std::move(held_.front());
    held_.pop_front();
    if (const auto* told = std::get_if<Told>(&held.what)) {
      Broadcast(told->frame, held.member);
    } else if (auto* done = std::get_if<Completion>(&held.what)) {
      (*done)(absl::OkStatus());
    } else if (Member* member = Find(held.member)) {
      if (const auto* answer = std::get_if<Answer>(&held.what)) {
        member->connection->SendShared(answer->frame);
      } else {
        GiveReceipt(std::get<OwedReceipt>(held.what), *member);
      }
    }
  }
}

void Room::GiveReceipt(const OwedReceipt& receipt, const Member& to) const {
  if (!receipt.refusal.empty()) {
    to.connection->Acknowledge({.kind = Receipt::Kind::kRefused,
                                .count = receipt.count,
                                .place = {},
                                .reason = receipt.refusal});
    return;
  }
  to.connection->Acknowledge({.kind = services_.log.answers_when_durable()
                                          ? Receipt::Kind::kDurable
                                          : Receipt::Kind::kReceived,
                              .count = receipt.count,
                              .place = head_,
                              .reason = {}});
}

void Room::TellHeard() {
  if (receipt_members_ == 0) return;
  for (const auto& member : members_) {
    if (!member->wants_receipts) continue;
    member->connection->Acknowledge(
        {.kind = Receipt::Kind::kHeard, .count = 0, .place = head_, .reason = {}});
  }
}

bool Room::IsOverfull() const {
  return uncommitted_bytes_ > services_.limits.uncommitted_bytes || services_.log.congested();
}

void Room::LetNewcomersSpeak() {
  if (!newcomers_wait_ || state_ != State::kOpen || IsOverfull()) return;
  newcomers_wait_ = false;
  for (const auto& member : members_) ResumeIfThrough(*member);
}

void Room::ResumeIfThrough(Member& member) {
  if (reading_stopped_ || (member.paused && member.appends > 0)) return;
  member.paused = false;
  member.connection->SetReading(true);
}

// --- When it fails
// -------------------------------------------------------------------------------------------------

// The document is no longer what the log holds: stop using it.
void Room::BeginFailing(const absl::Status& reason) {
  LogError("the room \"{}\" could not store an edit: {}", PrintableName(name_), reason.ToString());
  state_ = State::kFailing;
  refusing_ = true;
  refusal_ = std::clamp(2 * refusal_, services_.limits.store_retry,
                        kMaxRefusals * services_.limits.store_retry);
  refuse_until_ = services_.now() + refusal_;
  for (const MemberId id : DropHeldAnswers()) {
    Member* member = Find(id);
    if (member == nullptr) continue;
    if (member->appends > 0) {
      Expel(*member, CloseCode::kNotStored, "an edit may not be stored; try again later");
    } else {
      Expel(*member, CloseCode::kBusy, "the room is read anew after a failure; join again");
    }
  }
  for (const auto& member : members_) member->connection->SetReading(false);
}

// Answers that are still held could show what was not stored; who waits for one must ask again.
std::vector<Room::MemberId> Room::DropHeldAnswers() {
  std::vector<MemberId> receivers;
  std::vector<Completion> completions;
  std::erase_if(held_, [&](Held& held) {
    if (std::holds_alternative<Told>(held.what)) return false;
    if (auto* done = std::get_if<Completion>(&held.what)) {
      completions.push_back(std::move(*done));
    } else {
      receivers.push_back(held.member);
    }
    return true;
  });
  for (Completion& done : completions) {
    done(absl::UnavailableError("the room is read anew after a failure; try again"));
  }
  return receivers;
}

// The document is not to be used any more, and nothing is under way.
void Room::ReadAnew() {
  for (const auto& member : members_) member->session.reset();
  document_.reset();
  memory_.Set(0);
  head_ = {};
  if (members_.empty() && waiting_.empty()) {
    state_ = State::kEmpty;
  } else {
    StartLoading();
  }
}

void Room::Reset(CloseCode code, std::string_view reason) {
  CloseAll(code, reason);
  DropHeldAnswers();
  held_.clear();
  if (document_ == nullptr) return;
  state_ = State::kFailing;
  if (appended_ == completed_) ReadAnew();
}

}  // namespace weft::server
