#pragma once

// A publish service with all that it stands on, in one thread: real rooms on a real log, whose writer alone
// is a thread of its own. Everything else happens in Run, one handler after the other.

#include <gtest/gtest.h>

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/log.h"
#include "server/publish/publish_service.h"
#include "server/room_table.h"
#include "server/store_log.h"
#include "tests/publish/words_publisher.h"
#include "tests/server/room_fakes.h"
#include "tests/store/log_harness.h"
#include "tests/store/stored_bytes.h"

namespace weft::server::publish {

class PublishWorld final : public RoomWatcher {
 public:
  PublishWorld() {
    SetLogLevel(LogLevel::kOff);
    Open();
  }
  ~PublishWorld() override { Die(); }

  void Open() {
    io = std::make_unique<asio::io_context>();
    log = store::OpenLog(directory_);
    rows = store::Rows::Open(*log, "words").value();
    publisher = std::make_unique<WordsPublisher>(*rows);
    store_log = std::make_unique<StoreLog>(*log, *io, io->get_executor());
    rooms = std::make_unique<RoomTable>(RoomServices{.log = *store_log,
                                                     .limits = limits,
                                                     .stats = stats,
                                                     .now = [] { return sync::TimePoint(); },
                                                     .watcher = this});
    service = std::make_unique<PublishService>(PublishService::Services{
        .log = *log,
        .rooms = {.with_room =
                      [this](const std::string& room, RoomAccess::Visit visit) {
                        asio::post(*io, [this, room, visit = std::move(visit)]() mutable {
                          if (!loses_visits) visit(rooms->Enter(room));
                        });
                      },
                  .with_room_in_memory =
                      [this](const std::string& room, RoomAccess::VisitInMemory visit) {
                        asio::post(*io, [this, room, visit = std::move(visit)]() mutable {
                          visit(rooms->Find(room));
                        });
                      }},
        .publisher = *publisher,
        .pool = io->get_executor(),
        .watcher = this});
  }

  // As kill -9: what the log has taken is there afterwards, and nobody has heard of it.
  void Die() {
    if (service) service->Stop();
    log.reset();
    rooms.reset();
    store_log.reset();
    io.reset();
    service.reset();
    publisher.reset();
    rows.reset();
  }

  // The server ends, a bit of a stored update is another one, and it begins again. `room`: they are numbered
  // as they were made, from 1.
  void Damage(std::uint32_t room, store::Sequence sequence) {
    Die();
    const auto key = store::EncodeRecordKey(store::RoomId{room}, sequence);
    std::string stored = store::ReadStored(directory_.path(), store::kRecordsTable, key);
    stored.back() = static_cast<char>(stored.back() ^ 1);
    store::WriteStored(directory_.path(), store::kRecordsTable, key, stored);
    Open();
  }

  // Runs handlers until the condition holds.
  template <typename Condition>
  void Run(Condition condition) {
    while (!condition()) {
      io->restart();
      io->run_one_for(std::chrono::milliseconds(20));
    }
  }

  void Write(const std::string& room, std::string_view words, std::uint64_t base) {
    const absl::Status written = rows->Write(
        [&](store::RowWriter& writer) { return WordsPublisher::Put(writer, room, words, base); });
    ASSERT_EQ(written, absl::OkStatus());
  }
  std::string Words(const std::string& room) {
    std::string words;
    const absl::Status read = rows->Read([&](const store::RowReader& reader) {
      const auto found = WordsPublisher::Get(reader, "words", room);
      if (found.ok()) words = *found;
      return found.status();
    });
    EXPECT_EQ(read, absl::OkStatus());
    return words;
  }

  absl::Status EnsureBegun(const std::string& room) {
    std::optional<absl::Status> answer;
    service->EnsureBegun(room, io->get_executor(),
                         [&answer](absl::Status status) { answer = std::move(status); });
    Run([&answer] { return answer.has_value(); });
    return *answer;
  }
  absl::Status Discard(const std::string& room) {
    std::optional<absl::Status> answer;
    service->Discard(room, "ann", io->get_executor(),
                     [&answer](absl::Status status) { answer = std::move(status); });
    Run([&answer] { return answer.has_value(); });
    return *answer;
  }

  // What a publish has said.
  struct Heard {
    std::vector<std::uint64_t> progress;
    std::vector<Outcome> ends;
    std::function<void()> at_end;
  };
  std::uint64_t Begin(const std::string& room, Heard& heard) {
    return service->Publish(room, "ann",
                            {.executor = io->get_executor(),
                             .progress =
                                 [&heard](std::uint64_t done, std::uint64_t) {
                                   EXPECT_TRUE(heard.ends.empty());
                                   heard.progress.push_back(done);
                                 },
                             .done =
                                 [&heard](const Outcome& outcome) {
                                   heard.ends.push_back(outcome);
                                   if (heard.at_end) heard.at_end();
                                 }});
  }
  Outcome Publish(const std::string& room) {
    Heard heard;
    Begin(room, heard);
    Run([&heard] { return !heard.ends.empty(); });
    io->poll();
    EXPECT_EQ(heard.ends.size(), 1U);
    return heard.ends.front();
  }

  DraftStatus Draft(const std::string& room) {
    const auto draft = service->Draft(room);
    EXPECT_TRUE(draft.ok() && draft->has_value()) << draft.status();
    return draft.ok() ? draft->value_or(DraftStatus{}) : DraftStatus{};
  }
  // What who comes is told.
  DraftDamage Damage(const std::string& room) {
    return service->DamageOf(room, rooms->Get(room).lost()).value();
  }
  std::uint64_t Head(const std::string& room) {
    const auto info = log->FindRoom(room);
    return info.ok() && *info ? (*info)->head : 0;
  }

  void Join(Editor& editor, const std::string& room) {
    editor.Join(*rooms->Enter(room).value());
    Settle({&editor});
  }
  // Until everybody has said and heard everything.
  void Settle(std::initializer_list<Editor*> editors) {
    Run([&] {
      bool busy = false;
      for (Editor* editor : editors) {
        if (!editor->joined()) continue;
        editor->Deliver();
        busy = busy || !editor->received.empty() || editor->has_undelivered() || !editor->reading();
        editor->Read();
      }
      rooms->ForEach([&busy](const Room& room) { busy = busy || !room.idle(); });
      return !busy;
    });
  }

  void OnRoomEvent(const RoomEvent& event) override {
    if (service) service->draft_watch().OnRoomEvent(event);
    if (event.publish != 0) {
      published.push_back(absl::StrCat(event.publish, " ", std::string(EventName(event.kind)), " ",
                                       event.done, "/", event.total));
    }
    if (event.kind == RoomEvent::Kind::kPublishProgress) return;
    if (event.kind >= RoomEvent::Kind::kDraftCreated) {
      events.push_back(std::string(EventName(event.kind)) + " " + std::string(event.name));
    }
  }

  std::vector<std::string> events;     // of drafts
  std::vector<std::string> published;  // of publishes, with their numbers
  bool loses_visits = false;           // whoever goes to a room never arrives

  std::unique_ptr<asio::io_context> io;
  std::unique_ptr<store::UpdateLog> log;
  std::unique_ptr<store::Rows> rows;
  std::unique_ptr<WordsPublisher> publisher;
  std::unique_ptr<StoreLog> store_log;
  std::unique_ptr<RoomTable> rooms;
  std::unique_ptr<PublishService> service;

 private:
  store::TestDirectory directory_;
  Limits limits;
  Stats stats;
};

}  // namespace weft::server::publish
