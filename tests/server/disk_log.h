#pragma once

// The log of rooms on a real store::UpdateLog, with a disk that can fail and lose its power, and with
// answers that come when they are told to: no thread decides about the order of anything.
//
// Appends gather until Commit hands them to the log as one batch; their answers gather until Answer
// gives them to the rooms. What is durable in between is known to `durable`, and to nobody else.

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "crdt/doc.h"
#include "server/history.h"
#include "server/room_log.h"
#include "store/rows.h"
#include "tests/store/held_writer.h"
#include "tests/store/log_harness.h"
#include "tests/store/system_faults.h"

namespace weft::server {

// A directory in memory, where there is one: syncs are simulated, real ones would only take time.
class SimulatedDisk {
 public:
  SimulatedDisk() {
    const char* memory = "/dev/shm";
    const bool usable = ::access(memory, W_OK) == 0;
    path_ = usable ? memory : std::filesystem::temp_directory_path().string();
    path_ += "/weft-simulation-XXXXXX";
    CHECK(::mkdtemp(path_.data()) != nullptr);
  }
  ~SimulatedDisk() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  SimulatedDisk(const SimulatedDisk&) = delete;
  SimulatedDisk& operator=(const SimulatedDisk&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class DiskLog final : public RoomLog {
 public:
  // What a room's log holds for certain.
  struct Durable {
    std::vector<crdt::Bytes> updates;  // in the order of the log; one snapshot after a compaction
    std::unique_ptr<crdt::Doc> doc = std::make_unique<crdt::Doc>();
  };

  // `random` decides what a power cut leaves of what was not synced.
  DiskLog(std::mt19937& random, std::vector<std::string> rooms)
      : random_(random), rooms_(std::move(rooms)) {
    Open({});
  }

  // --- RoomLog
  void Append(std::string_view room, std::uint64_t generation, crdt::ByteView update,
              AppendDone done) override {
    AppendWithRows(room, generation, update, {}, std::move(done));
  }
  void AppendWithRows(std::string_view room, std::uint64_t generation, crdt::ByteView update,
                      RowChange change, AppendDone done) override {
    largest_update = std::max(largest_update, update.size());
    accepted[std::string(room)].emplace_back(update.begin(), update.end());
    appends_.push_back({std::string(room),
                        generation,
                        {update.begin(), update.end()},
                        std::move(change),
                        std::move(done)});
  }
  void Load(std::string_view room, LoadDone done) override {
    loads_.emplace_back(std::string(room), std::move(done));
  }
  void LoadTail(std::string_view, const LogPlace&, std::size_t, TailDone done) override {
    done(absl::NotFoundError("no tail is kept here"));
  }
  bool answers_when_durable() const override { return true; }
  bool congested() const override { return appends_.size() > 8; }

  // --- What happens in its own time
  // The log's writer commits what has gathered, in one transaction.
  void Commit() {
    if (appends_.empty()) return;
    std::vector<absl::StatusOr<LogPlace>> results(appends_.size(), LogPlace{});
    {
      store::HeldWriter gathers(*log_);
      for (std::size_t i = 0; i < appends_.size(); ++i) {
        store::Append append{
            .room = appends_[i].room, .time_ms = 0, .origin = {}, .payload = appends_[i].update};
        if (appends_[i].generation != 0) {
          append.generation = store::Generation{appends_[i].generation};
        }
        const auto place_of = [](const store::Appended& stored) {
          return LogPlace{stored.sequence, static_cast<std::uint64_t>(stored.generation)};
        };
        const auto answer = [&results, i, place_of](const absl::StatusOr<store::Appended>& stored) {
          if (!stored.ok()) {
            results[i] = stored.status();
          } else {
            results[i] = place_of(*stored);
          }
        };
        const RowChange& change = appends_[i].change;
        const absl::Status accepted =
            change.rows == nullptr
                ? log_->TryAppend(append, answer)
                : change.rows->TryAppend(
                      append,
                      [&change, place_of](store::RowWriter& rows, const store::Appended& place) {
                        return change.edit(rows, place_of(place));
                      },
                      answer);
        if (!accepted.ok()) results[i] = accepted;
      }
    }
    log_->Flush();
    for (std::size_t i = 0; i < results.size(); ++i) {
      Pending append = std::move(appends_.front());
      appends_.pop_front();
      if (results[i].ok()) {
        Durable& room = durable[append.room];
        EXPECT_TRUE(room.doc->ApplyUpdate(append.update).ok());
        room.updates.push_back(std::move(append.update));
      } else {
        ++failures;
      }
      answers_.emplace_back(results[i], std::move(append.done));
    }
  }

  // Gives the oldest answer.
  void Answer() {
    if (answers_.empty()) return;
    auto [result, done] = std::move(answers_.front());
    answers_.pop_front();
    done(result);
  }

  void FinishLoad() {
    if (loads_.empty()) return;
    auto [room, done] = std::move(loads_.front());
    loads_.pop_front();
    done(ReadAll(room));
  }

  bool busy() const { return !appends_.empty() || !answers_.empty() || !loads_.empty(); }

  // Begins a fault, or ends the present one.
  void Break(store::SystemFault fault) {
    fault_.reset();
    if (fault != store::SystemFault::kNone) fault_.emplace(fault);
  }
  // Whether the log takes nothing more until it is opened anew.
  bool failed() const { return !log_->append_status().ok(); }

  // --- Its death. Requires: the rooms are gone; what they asked for is forgotten.
  // Everything that was synced is there, and of the rest what `lost` says. `while_committing`: the
  // power goes at some point within a commit of what has gathered.
  void LosePower(store::DiskRecording::Lost lost, bool while_committing) {
    fault_.reset();
    std::size_t moment = recording_->now();
    if (while_committing && !appends_.empty() && !failed()) {
      const std::size_t before = moment;
      const auto known = std::move(durable);
      durable.clear();
      Commit();  // which nobody heard of
      durable.clear();
      for (const auto& [name, room] : known) {
        for (const crdt::Bytes& update : room.updates) {
          durable[name].updates.push_back(update);
          EXPECT_TRUE(durable[name].doc->ApplyUpdate(update).ok());
        }
      }
      moment = before + random_() % (recording_->now() - before + 1);
    }
    const std::vector<std::uint8_t> image = recording_->ImageAt(moment, lost, random_);
    appends_.clear();
    answers_.clear();
    loads_.clear();
    accepted.clear();
    Open(image);
    for (const std::string& room : rooms_) {
      if (random_() % 2 == 0) Compact(room);
      CheckNothingIsLost(room);
    }
  }

  std::map<std::string, Durable> durable;
  std::map<std::string, std::vector<crdt::Bytes>> accepted;  // since the last death, stored or not
  std::size_t largest_update = 0;
  int failures = 0;  // appends that were answered with an error

 private:
  struct Pending {
    std::string room;
    std::uint64_t generation = 0;
    crdt::Bytes update;
    RowChange change;
    AppendDone done;
  };

  void Open(const std::vector<std::uint8_t>& image) {
    recording_.reset();
    log_.reset();
    disk_.emplace();
    if (!image.empty()) store::WriteImage(disk_->path(), image);
    log_ = store::OpenLog({.directory = disk_->path(), .initial_map_bytes = std::size_t{1} << 20});
    recording_.emplace(disk_->path() + "/data.mdb");
  }

  Loaded ReadAll(const std::string& room) {
    Loaded loaded;
    const auto report = log_->Load(room, [&](const store::Record& record) {
      loaded.updates.emplace_back(record.payload.begin(), record.payload.end());
    });
    EXPECT_TRUE(report.ok()) << report.status();
    if (report.ok()) {
      EXPECT_EQ(report->status(), absl::OkStatus());
      loaded.head = {report->head, static_cast<std::uint64_t>(report->generation)};
    }
    return loaded;
  }

  void Compact(const std::string& room) {
    const auto report = log_->Compact(room, MergePayloads, {.retention_ms = 0});
    EXPECT_TRUE(report.ok() || absl::IsNotFound(report.status())) << report.status();
  }

  void CheckNothingIsLost(const std::string& room) {
    Durable found;
    found.updates = ReadAll(room).updates;
    for (const crdt::Bytes& update : found.updates) {
      EXPECT_TRUE(found.doc->ApplyUpdate(update).ok());
    }
    const crdt::Bytes state = found.doc->EncodeStateAsUpdate();
    EXPECT_TRUE(found.doc->ApplyUpdate(durable[room].doc->EncodeStateAsUpdate()).ok());
    EXPECT_EQ(found.doc->EncodeStateAsUpdate(), state) << "the room " << room << " lost something";
    durable[room] = std::move(found);
  }

  std::mt19937& random_;
  const std::vector<std::string> rooms_;
  std::optional<SimulatedDisk> disk_;
  std::unique_ptr<store::UpdateLog> log_;
  std::optional<store::DiskRecording> recording_;
  std::optional<store::ScopedFault> fault_;
  std::deque<Pending> appends_;
  std::deque<std::pair<absl::StatusOr<LogPlace>, AppendDone>> answers_;
  std::deque<std::pair<std::string, LoadDone>> loads_;
};

}  // namespace weft::server
