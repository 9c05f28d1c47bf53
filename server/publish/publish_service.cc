#include "server/publish/publish_service.h"

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crdt/base/string_map.h"
#include "server/api/await.h"
#include "server/close_code.h"
#include "server/durability.h"
#include "server/log.h"
#include "server/log_event.h"
#include "server/publish/draft_watch.h"
#include "server/room_name.h"

namespace weft::server::publish {
namespace {

using api::Await;
using api::Deliver;

constexpr const char* kDiscarded = "the draft was discarded";
constexpr const char* kMadeAnew = "the document was made anew from what is saved";
constexpr const char* kDamaged =
    "what this draft builds on is damaged, and saving it would take back what was saved before. "
    "Leave the "
    "document and come back: it is then made anew from what is saved, and the draft is set aside";

enum class Doing : std::uint8_t { kBeginning, kPublishing, kDiscarding };

// The document at one moment.
struct Snapshot {
  crdt::Bytes state;
  LogPlace place;
  std::vector<LostUpdates> lost;
};

std::uint64_t CountOf(const std::vector<LostUpdates>& lost) {
  std::uint64_t count = 0;
  for (const LostUpdates& range : lost) count += range.end - range.begin;
  return count;
}

absl::Status Moved() { return absl::AbortedError("the draft has moved on"); }

}  // namespace

// What outlives a call: coroutines hold it.
class PublishService::Shared : public std::enable_shared_from_this<Shared> {
 public:
  explicit Shared(Services given) : services(std::move(given)) {}

  // A room, for as long as this lives.
  class Turn {
   public:
    Turn(std::shared_ptr<Shared> shared, std::string room)
        : shared_(std::move(shared)), room_(std::move(room)) {}
    ~Turn() { End(); }
    Turn(Turn&& other) noexcept = default;
    Turn& operator=(Turn&&) = delete;
    void End() {
      if (const auto shared = std::exchange(shared_, nullptr)) shared->EndTurn(room_);
    }

   private:
    std::shared_ptr<Shared> shared_;  // null when it has ended
    std::string room_;
  };

  // Tells who listens of one publish, and its end exactly once; and the watcher, once it has begun.
  class Telling {
   public:
    struct Publish {
      std::uint64_t id = 0;
      std::string room;
      std::string who;
    };
    Telling(std::shared_ptr<Shared> shared, Listener listener, Publish publish)
        : shared_(std::move(shared)),
          listener_(std::move(listener)),
          publish_(std::move(publish)) {}
    ~Telling() {
      if (shared_ != nullptr) Fail(absl::CancelledError("the server has given it up"));
    }
    Telling(Telling&& other) noexcept = default;
    Telling& operator=(Telling&&) = delete;

    void Begin() { has_begun_ = true; }

    // Forward only, in steps of which there are kMaxProgress.
    void OnProgress(std::uint64_t done, std::uint64_t total) {
      if (total == 0 || shared_->stopped) return;
      const std::uint64_t step = std::min(done, total) * (kMaxProgress - 1) / total + 1;
      if (step <= step_) return;
      step_ = step;
      Watch({.kind = RoomEvent::Kind::kPublishProgress, .done = done, .total = total});
      if (!listener_.progress) return;
      asio::post(listener_.executor,
                 [progress = listener_.progress, done, total] { progress(done, total); });
    }
    void Fail(const absl::Status& status, std::string problems_json = {}) {
      Watch({.kind = RoomEvent::Kind::kPublishFailed, .name = MessageOf(status)});
      End({.id = publish_.id,
           .status = status,
           .problems_json = std::move(problems_json),
           .report_json = {},
           .place = {}});
    }
    void Succeed(std::string report_json, const LogPlace& place) {
      Watch({.kind = RoomEvent::Kind::kDraftSaved, .head = place, .name = publish_.who});
      End({.id = publish_.id,
           .status = absl::OkStatus(),
           .problems_json = {},
           .report_json = std::move(report_json),
           .place = place});
    }

   private:
    static std::string_view MessageOf(const absl::Status& status) {
      return {status.message().data(), status.message().size()};
    }
    void Watch(RoomEvent event) {
      if (!has_begun_ || shared_->stopped || shared_->services.watcher == nullptr) return;
      event.room = publish_.room;
      event.publish = publish_.id;
      shared_->services.watcher->OnRoomEvent(event);
    }
    void End(Outcome outcome) {
      const auto shared = std::exchange(shared_, nullptr);
      if (shared->stopped || !listener_.done) return;
      asio::post(listener_.executor, [done = std::move(listener_.done),
                                      outcome = std::move(outcome)]() mutable { done(outcome); });
    }

    std::shared_ptr<Shared> shared_;  // null when its end was told
    Listener listener_;
    Publish publish_;
    bool has_begun_ = false;
    std::uint64_t step_ = 0;
  };

  std::optional<Turn> TryTurn(const std::string& room, Doing doing) {
    const std::lock_guard lock(mutex_);
    if (!slots_.try_emplace(room, Slot{.doing = doing, .waiting = {}}).second) return std::nullopt;
    return Turn(shared_from_this(), room);
  }

  asio::awaitable<void> WaitForTurn(const std::string& room) {
    co_await Await<bool>([this, &room](Deliver<bool> deliver) {
      {
        const std::lock_guard lock(mutex_);
        const auto [slot, is_free] =
            slots_.try_emplace(room, Slot{.doing = Doing::kBeginning, .waiting = {}});
        if (!is_free) return slot->second.waiting.push_back(std::move(deliver));
      }
      deliver(true);
    });
  }

  bool Is(Doing doing, std::string_view room) const {
    const std::lock_guard lock(mutex_);
    const auto slot = slots_.find(room);
    return slot != slots_.end() && slot->second.doing == doing;
  }

  absl::Status Busy(std::string_view room) const {
    return absl::AbortedError(Is(Doing::kPublishing, room) ? "publishing" : "busy");
  }

  void Watch(RoomEvent::Kind kind, const std::string& room, const LogPlace& head,
             std::string_view name) const {
    if (services.watcher == nullptr) return;
    services.watcher->OnRoomEvent({.kind = kind, .room = room, .head = head, .name = name});
  }

  // --- The steps. On the pool.
  asio::awaitable<absl::StatusOr<Snapshot>> TakeSnapshot(const std::string& room);
  absl::StatusOr<Prepared> Prepare(const std::string& room, const Snapshot& snapshot, DraftRow& row,
                                   Telling& telling);
  asio::awaitable<absl::StatusOr<LogPlace>> Commit(const std::string& room, crdt::Bytes& update,
                                                   RowChange& change, bool past_freeze);
  asio::awaitable<absl::StatusOr<LogPlace>> Store(const std::string& room, Prepared& prepared,
                                                  const Snapshot& snapshot, const DraftRow& row);
  asio::awaitable<void> CloseMembers(const std::string& room, std::string_view reason);

  // What is there of a room.
  struct Seen {
    enum class What : std::uint8_t { kReady, kMissing, kStale };
    What what = What::kMissing;
    std::optional<store::RoomInfo> info;
    std::optional<DraftRow> row;
  };
  absl::StatusOr<Seen> Look(const std::string& room) const;
  asio::awaitable<absl::StatusOr<std::vector<LostUpdates>>> LostOf(const std::string& room);
  absl::Status DeleteRoom(const std::string& room, const store::RoomInfo& info,
                          const store::RowEdit& edit, std::optional<store::Sequence> head) const;
  absl::Status SetAside(const std::string& room, const Seen& seen) const;
  asio::awaitable<absl::Status> MakeRoomFor(const std::string& room, const Seen& seen,
                                            bool is_damaged);
  asio::awaitable<absl::Status> Begin(const std::string& room);
  asio::awaitable<absl::Status> EnsureBegun(const std::string& room);
  asio::awaitable<absl::Status> Discard(const std::string& room, const std::string& who);
  asio::awaitable<void> Publish(const std::string& room, Turn& turn, Telling& telling);

  Services services;
  DraftWatch draft_watch{[this](std::string_view room) {
                           using Row = absl::StatusOr<std::optional<DraftRow>>;
                           if (!services.publisher.Serves(room)) return Row(std::nullopt);
                           return ReadDraftRow(services.publisher.rows(), room);
                         },
                         services.watcher};
  std::atomic<bool> stopped = false;
  std::atomic<std::uint64_t> last_id = 0;

 private:
  struct Slot {
    Doing doing = Doing::kBeginning;
    std::deque<Deliver<bool>> waiting;  // to begin
  };

  void EndTurn(const std::string& room) {
    Deliver<bool> next;
    {
      const std::lock_guard lock(mutex_);
      const auto slot = slots_.find(room);
      if (slot->second.waiting.empty()) {
        slots_.erase(slot);
        return;
      }
      next = std::move(slot->second.waiting.front());
      slot->second.waiting.pop_front();
      slot->second.doing = Doing::kBeginning;
    }
    next(true);
  }

  mutable std::mutex mutex_;
  crdt::StringMap<Slot> slots_;
};

// --- Publishing
// ---------------------------------------------------------------------------------------

// Its place counts what is under way; nothing but updates of members is, since this has the turn.
asio::awaitable<absl::StatusOr<Snapshot>> PublishService::Shared::TakeSnapshot(
    const std::string& room) {
  using Result = absl::StatusOr<Snapshot>;
  co_return co_await Await<Result>([this, &room](Deliver<Result> deliver) {
    services.rooms.with_room(
        room, [deliver = std::move(deliver)](absl::StatusOr<Room*> here) mutable {
          if (!here.ok()) return deliver(here.status());
          Room* const found = *here;
          found->Query(
              [](sync::SharedDocument& document) -> absl::StatusOr<std::string> {
                const std::uint8_t nothing_known[] = {0};
                const absl::StatusOr<crdt::Bytes> update = document.DiffFor(nothing_known);
                if (!update.ok()) return update.status();
                return std::string(crdt::AsText(*update));
              },
              [found, deliver = std::move(deliver)](absl::StatusOr<std::string> update) mutable {
                if (!update.ok()) return deliver(update.status());
                const crdt::ByteView bytes = crdt::AsBytes(*update);
                deliver(Snapshot{.state = {bytes.begin(), bytes.end()},
                                 .place = found->head(),
                                 .lost = found->lost()});
              });
        });
  });
}

absl::StatusOr<Prepared> PublishService::Shared::Prepare(const std::string& room,
                                                         const Snapshot& snapshot, DraftRow& row,
                                                         Telling& telling) {
  Publisher& publisher = services.publisher;
  absl::StatusOr<Prepared> prepared = Moved();
  const absl::Status read = publisher.rows().Read([&](const store::RowReader& rows) {
    const auto found = FindDraftRow(rows, room);
    if (!found.ok()) return found.status();
    if (!*found) return absl::NotFoundError("the document was not made from what is saved");
    row = **found;
    if (row.generation != snapshot.place.generation || row.saved > snapshot.place.sequence) {
      return Moved();
    }
    if (row.LosesBase(snapshot.lost)) return absl::DataLossError(kDamaged);
    prepared = publisher.Prepare(
        {.room = room, .state = snapshot.state, .base = row.base, .now_ms = WallTimeMs()}, rows,
        [&telling](std::uint64_t done, std::uint64_t total) { telling.OnProgress(done, total); });
    return prepared.status();
  });
  if (!read.ok()) return read;
  return prepared;
}

asio::awaitable<absl::StatusOr<LogPlace>> PublishService::Shared::Commit(const std::string& room,
                                                                         crdt::Bytes& update,
                                                                         RowChange& change,
                                                                         bool past_freeze) {
  using Result = absl::StatusOr<LogPlace>;
  co_return co_await Await<Result>([&](Deliver<Result> deliver) {
    services.rooms.with_room(
        room, [update = std::move(update), change = std::move(change), past_freeze,
               deliver = std::move(deliver)](absl::StatusOr<Room*> here) mutable {
          if (!here.ok()) return deliver(here.status());
          (*here)->Commit(
              std::move(update), std::move(change), past_freeze,
              [deliver = std::move(deliver)](const absl::StatusOr<Room::Submitted>& done) mutable {
                if (!done.ok()) return deliver(done.status());
                deliver(done->place);
              });
        });
  });
}

// All of a publish in one transaction, if the draft is still that of the snapshot.
asio::awaitable<absl::StatusOr<LogPlace>> PublishService::Shared::Store(const std::string& room,
                                                                        Prepared& prepared,
                                                                        const Snapshot& snapshot,
                                                                        const DraftRow& row) {
  auto edit = [room, row, write = std::move(prepared.rows), base = prepared.base,
               saved = snapshot.place.sequence,
               lost = snapshot.lost](store::RowWriter& rows, const LogPlace& place) {
    const auto now = FindDraftRow(rows, room);
    if (!now.ok()) return now.status();
    if (*now != row || place.generation != row.generation) return Moved();
    if (write) {
      const absl::Status written = write(rows);
      if (!written.ok()) return written;
    }
    DraftRow next = row;
    next.Publish(saved, place.sequence, base, lost);
    const absl::Status told = EraseSetAside(rows, room);
    return told.ok() ? PutDraftRow(rows, room, next) : told;
  };
  store::Rows& rows = services.publisher.rows();
  if (prepared.patch.empty()) {
    const LogPlace no_patch{.sequence = 0, .generation = row.generation};
    const absl::Status written =
        rows.Write([&](store::RowWriter& writer) { return edit(writer, no_patch); });
    if (!written.ok()) co_return written;
    co_return snapshot.place;
  }
  RowChange change{.rows = &rows, .edit = std::move(edit)};
  co_return co_await Commit(room, prepared.patch, change, /*past_freeze=*/false);
}

asio::awaitable<void> PublishService::Shared::Publish(const std::string& room, Turn& turn,
                                                      Telling& telling) {
  telling.Begin();
  const auto fail = [&](const absl::Status& status, std::string problems = {}) {
    turn.End();
    telling.Fail(status, std::move(problems));
  };
  absl::Status moved;
  for (int attempt = 1; attempt <= kMaxAttempts; ++attempt) {
    const absl::StatusOr<Snapshot> snapshot = co_await TakeSnapshot(room);
    if (!snapshot.ok()) co_return fail(snapshot.status());
    DraftRow row;
    absl::StatusOr<Prepared> prepared = Prepare(room, *snapshot, row, telling);
    if (prepared.ok() && !prepared->problems_json.empty()) {
      const absl::Status invalid = absl::InvalidArgumentError(prepared->error);
      co_return fail(invalid, std::move(prepared->problems_json));
    }
    absl::StatusOr<LogPlace> stored = Moved();
    if (prepared.ok()) {
      stored = co_await Store(room, *prepared, *snapshot, row);
    } else {
      stored = prepared.status();
    }
    if (stored.ok()) {
      turn.End();
      telling.Succeed(std::move(prepared->report_json), *stored);
      services.publisher.OnPublished(room);
      co_return;
    }
    if (!absl::IsAborted(stored.status())) co_return fail(stored.status());
    moved = stored.status();
  }
  fail(absl::FailedPreconditionError(
      absl::StrCat("what is saved keeps changing: ", std::string(moved.message()))));
}

// --- Beginning and throwing away
// ----------------------------------------------------------------------

absl::StatusOr<PublishService::Shared::Seen> PublishService::Shared::Look(
    const std::string& room) const {
  Seen seen;
  std::uint64_t base = 0;
  const absl::Status read = services.publisher.rows().Read([&](const store::RowReader& rows) {
    const absl::StatusOr<std::uint64_t> current = services.publisher.CurrentBase(room, rows);
    if (!current.ok()) return current.status();
    base = *current;
    auto found = FindDraftRow(rows, room);
    if (!found.ok()) return found.status();
    seen.row = *std::move(found);
    return absl::OkStatus();
  });
  if (!read.ok()) return read;
  auto logged = services.log.FindRoom(room);
  if (!logged.ok()) return logged.status();
  seen.info = *std::move(logged);
  if (!seen.info) return seen;
  if (!seen.row || seen.row->generation != static_cast<std::uint64_t>(seen.info->generation)) {
    return absl::FailedPreconditionError(
        absl::StrCat("the room \"", PrintableName(room), "\" has content that was not made here"));
  }
  const bool is_current = seen.row->FirstUnsaved(seen.info->head) || seen.row->base == base;
  seen.what = is_current ? Seen::What::kReady : Seen::What::kStale;
  return seen;
}

// The room is read for it: damage is found by reading.
asio::awaitable<absl::StatusOr<std::vector<LostUpdates>>> PublishService::Shared::LostOf(
    const std::string& room) {
  using Result = absl::StatusOr<std::vector<LostUpdates>>;
  co_return co_await Await<Result>([this, &room](Deliver<Result> deliver) {
    services.rooms.with_room(
        room, [deliver = std::move(deliver)](absl::StatusOr<Room*> here) mutable {
          if (!here.ok()) return deliver(here.status());
          Room* const found = *here;
          found->WhenOpen([found, deliver = std::move(deliver)](const absl::Status& open) mutable {
            if (!open.ok()) return deliver(open);
            deliver(found->lost());
          });
        });
  });
}

absl::Status PublishService::Shared::DeleteRoom(const std::string& room,
                                                const store::RoomInfo& info,
                                                const store::RowEdit& edit,
                                                std::optional<store::Sequence> head) const {
  return services.publisher.rows().DeleteRoom(
      room, info.generation,
      [&](store::RowWriter& rows) {
        const absl::Status edited = edit ? edit(rows) : absl::OkStatus();
        return edited.ok() ? EraseDraftRow(rows, room) : edited;
      },
      head);
}

absl::Status PublishService::Shared::SetAside(const std::string& room, const Seen& seen) const {
  const store::RoomInfo& info = *seen.info;
  const publish::SetAside draft{.generation = seen.row->generation,
                                .edits = info.head - seen.row->saved - seen.row->neutral.size()};
  const std::string name = SetAsideRoom(room, draft);
  const absl::Status moved = services.publisher.rows().RenameRoom(
      room, info.generation, info.head, name, [&](store::RowWriter& rows) {
        const absl::Status noted = PutSetAside(rows, room, draft);
        return noted.ok() ? EraseDraftRow(rows, room) : noted;
      });
  if (moved.ok()) {
    LogEvent(
        LogLevel::kError, "draft-set-aside",
        {{"room", room}, {"set_aside", name}, {"edits", draft.edits}},
        absl::StrCat("the draft of the room \"", PrintableName(room),
                     "\" lost what it builds on: it is set aside as the room \"",
                     PrintableName(name), "\", and the document is made anew from what is saved"));
  }
  return moved;
}

// The room in memory is what the log had; nothing of it can be stored any more.
asio::awaitable<void> PublishService::Shared::CloseMembers(const std::string& room,
                                                           std::string_view reason) {
  co_await Await<bool>([&](Deliver<bool> deliver) {
    services.rooms.with_room_in_memory(room,
                                       [reason, deliver = std::move(deliver)](Room* here) mutable {
                                         if (here != nullptr)
                                           here->Reset(CloseCode::kDiscarded, reason);
                                         deliver(true);
                                       });
  });
}

asio::awaitable<absl::Status> PublishService::Shared::Begin(const std::string& room) {
  Publisher& publisher = services.publisher;
  absl::StatusOr<Beginning> beginning = Moved();
  const absl::Status read = publisher.rows().Read([&](const store::RowReader& rows) {
    beginning = publisher.Begin(room, rows);
    return beginning.status();
  });
  if (!read.ok()) co_return read;
  auto edit = [room, base = beginning->base, &publisher](store::RowWriter& rows,
                                                         const LogPlace& place) {
    if (place.sequence != 1) {
      return absl::FailedPreconditionError("the room has content that was not made here");
    }
    const absl::StatusOr<std::uint64_t> current = publisher.CurrentBase(room, rows);
    if (!current.ok()) return current.status();
    if (*current != base) return Moved();
    return PutDraftRow(
        rows, room,
        {.generation = place.generation, .saved = place.sequence, .base = base, .neutral = {}});
  };
  RowChange change{.rows = &publisher.rows(), .edit = std::move(edit)};
  const auto begun = co_await Commit(room, beginning->update, change, /*past_freeze=*/true);
  co_return begun.status();
}

// Takes away what is there. kAborted: it was something else meanwhile.
asio::awaitable<absl::Status> PublishService::Shared::MakeRoomFor(const std::string& room,
                                                                  const Seen& seen,
                                                                  bool is_damaged) {
  const bool has_draft = seen.row->FirstUnsaved(seen.info->head).has_value();
  // Without a draft everything that was edited is saved, and nothing is lost with the room.
  const absl::Status gone = is_damaged && has_draft
                                ? SetAside(room, seen)
                                : DeleteRoom(room, *seen.info, {}, seen.info->head);
  // Somebody has edited it: that is a draft now, or it is gone.
  if (absl::IsFailedPrecondition(gone) || absl::IsNotFound(gone)) co_return Moved();
  if (gone.ok()) co_await CloseMembers(room, kMadeAnew);
  co_return gone;
}

asio::awaitable<absl::Status> PublishService::Shared::EnsureBegun(const std::string& room) {
  std::optional<Turn> turn;
  absl::Status last;
  for (int attempt = 0; attempt <= kMaxAttempts; ++attempt) {
    const absl::StatusOr<Seen> seen = Look(room);
    if (!seen.ok()) co_return seen.status();
    bool is_damaged = false;
    if (seen->what == Seen::What::kReady) {
      const absl::StatusOr<std::vector<LostUpdates>> lost = co_await LostOf(room);
      if (!lost.ok()) co_return lost.status();
      is_damaged = seen->row->LosesBase(*lost);
      if (!is_damaged) co_return absl::OkStatus();
    }
    if (!turn) {
      // What others have under way may be just this.
      co_await WaitForTurn(room);
      turn.emplace(shared_from_this(), room);
      continue;
    }
    if (seen->what != Seen::What::kMissing) {
      last = co_await MakeRoomFor(room, *seen, is_damaged);
      if (absl::IsAborted(last)) continue;
      if (!last.ok()) co_return last;
    }
    last = co_await Begin(room);
    if (!absl::IsAborted(last)) co_return last;
  }
  co_return absl::UnavailableError(
      absl::StrCat("what is saved keeps changing: ", std::string(last.message())));
}

asio::awaitable<absl::Status> PublishService::Shared::Discard(const std::string& room,
                                                              const std::string& who) {
  const auto info = services.log.FindRoom(room);
  if (!info.ok()) co_return info.status();
  if (!*info) co_return absl::OkStatus();
  const absl::Status deleted = DeleteRoom(
      room, **info, [&](store::RowWriter& rows) { return EraseSetAside(rows, room); },
      std::nullopt);
  if (!deleted.ok() && !absl::IsNotFound(deleted)) co_return deleted;
  co_await CloseMembers(room, kDiscarded);
  if (deleted.ok()) {
    const LogPlace head{.sequence = (*info)->head,
                        .generation = static_cast<std::uint64_t>((*info)->generation)};
    Watch(RoomEvent::Kind::kDraftDiscarded, room, head, who);
    Watch(RoomEvent::Kind::kDeleted, room, head, "");
  }
  co_return absl::OkStatus();
}

// --- The service
// --------------------------------------------------------------------------------------

PublishService::PublishService(Services services)
    : shared_(std::make_shared<Shared>(std::move(services))) {}

PublishService::~PublishService() { Stop(); }

RoomWatcher& PublishService::draft_watch() { return shared_->draft_watch; }

void PublishService::Stop() {
  shared_->stopped = true;
  shared_->draft_watch.Stop();
}

void PublishService::EnsureBegun(std::string room, asio::any_io_executor executor, Done done) {
  if (shared_->stopped) return;
  asio::co_spawn(
      shared_->services.pool,
      [](std::shared_ptr<Shared> shared, std::string name, asio::any_io_executor caller,
         Done answer) -> asio::awaitable<void> {
        absl::Status status = co_await shared->EnsureBegun(name);
        if (shared->stopped) co_return;
        asio::post(caller, [answer = std::move(answer), status = std::move(status)]() mutable {
          answer(std::move(status));
        });
      }(shared_, std::move(room), std::move(executor), std::move(done)),
      asio::detached);
}

std::uint64_t PublishService::Publish(std::string room, std::string who, Listener listener) {
  const std::uint64_t id = ++shared_->last_id;
  Shared::Telling telling(shared_, std::move(listener),
                          {.id = id, .room = room, .who = std::move(who)});
  if (shared_->stopped) return id;
  std::optional<Shared::Turn> turn = shared_->TryTurn(room, Doing::kPublishing);
  if (!turn) {
    telling.Fail(shared_->Busy(room));
    return id;
  }
  asio::co_spawn(
      shared_->services.pool,
      [](std::shared_ptr<Shared> shared, std::string name, Shared::Turn held,
         Shared::Telling listening) -> asio::awaitable<void> {
        co_await shared->Publish(name, held, listening);
      }(shared_, std::move(room), *std::move(turn), std::move(telling)),
      asio::detached);
  return id;
}

void PublishService::Discard(std::string room, std::string who, asio::any_io_executor executor,
                             Done done) {
  if (shared_->stopped) return;
  std::optional<Shared::Turn> turn = shared_->TryTurn(room, Doing::kDiscarding);
  if (!turn) {
    asio::post(executor, [done = std::move(done), busy = shared_->Busy(room)]() mutable {
      done(std::move(busy));
    });
    return;
  }
  asio::co_spawn(
      shared_->services.pool,
      [](std::shared_ptr<Shared> shared, std::string name, std::string subject, Shared::Turn held,
         asio::any_io_executor caller, Done answer) -> asio::awaitable<void> {
        absl::Status status = co_await shared->Discard(name, subject);
        held.End();
        if (shared->stopped) co_return;
        asio::post(caller, [answer = std::move(answer), status = std::move(status)]() mutable {
          answer(std::move(status));
        });
      }(shared_, std::move(room), std::move(who), *std::move(turn), std::move(executor),
                                                    std::move(done)),
      asio::detached);
}

absl::StatusOr<std::optional<DraftStatus>> PublishService::Draft(std::string_view room) const {
  return ReadDraft(shared_->services.publisher.rows(), shared_->services.log, room);
}

absl::StatusOr<DraftDamage> PublishService::DamageOf(std::string_view room,
                                                     const std::vector<LostUpdates>& lost) const {
  DraftDamage damage;
  const absl::Status read =
      shared_->services.publisher.rows().Read([&](const store::RowReader& rows) {
        const auto row = FindDraftRow(rows, room);
        if (!row.ok()) return row.status();
        if (*row) {
          const std::vector<LostUpdates> edits = (*row)->LostEdits(lost);
          damage.lost_edits = CountOf(edits);
          if (!edits.empty()) damage.first_lost = edits.front().begin;
        }
        auto set_aside = FindSetAside(rows, room);
        if (!set_aside.ok()) return set_aside.status();
        damage.set_aside = *std::move(set_aside);
        return absl::OkStatus();
      });
  if (!read.ok()) return read;
  return damage;
}

bool PublishService::publishing(std::string_view room) const {
  return shared_->Is(Doing::kPublishing, room);
}

}  // namespace weft::server::publish
