#include "tests/simulation/simulated_log.h"

#include <memory>
#include <utility>

#include "absl/status/status.h"

namespace weft::simulation {
namespace {

constexpr Time kReading = kMillisecond;

}  // namespace

void SimulatedLog::Append(std::string_view room, std::uint64_t generation, crdt::ByteView update,
                          AppendDone done) {
  AppendWithRows(room, generation, update, {}, std::move(done));
}

void SimulatedLog::AppendWithRows(std::string_view, std::uint64_t, crdt::ByteView update,
                                  server::RowChange change, AppendDone done) {
  gathered_.push_back(
      {crdt::Bytes(update.begin(), update.end()), std::move(change), std::move(done)});
  if (committing_.empty()) Commit();
}

absl::Status SimulatedLog::Store(Waiting& append) {
  if (append.change.edit) {
    store::RowWriter rows(nullptr, 0, "test");
    const absl::Status changed =
        append.change.edit(rows, {.sequence = stored_.size() + 1, .generation = 1});
    if (!changed.ok()) return changed;
  }
  stored_.push_back(std::move(append.update));
  return absl::OkStatus();
}

void SimulatedLog::Commit() {
  committing_ = std::exchange(gathered_, {});
  const bool slow = faults_.slow_disk > 0 && chance_.Below(8) == 0;
  scheduler_.After(slow ? faults_.slow_disk : faults_.disk, [this, life = life_] {
    if (life != life_) return;
    std::vector<Waiting> done = std::exchange(committing_, {});
    std::vector<absl::StatusOr<server::LogPlace>> places;
    for (Waiting& append : done) {
      const absl::Status stored = Store(append);
      if (stored.ok()) {
        places.emplace_back(head());
      } else {
        places.emplace_back(stored);
      }
    }
    if (!gathered_.empty()) Commit();
    for (std::size_t i = 0; i < done.size(); ++i) done[i].done(places[i]);
  });
}

void SimulatedLog::Load(std::string_view, LoadDone done) {
  auto shared = std::make_shared<LoadDone>(std::move(done));
  scheduler_.After(kReading, [this, life = life_, shared] {
    if (life != life_) return;
    (*shared)(Loaded{.updates = stored_, .head = stored_.empty() ? server::LogPlace{} : head()});
  });
}

void SimulatedLog::LoadTail(std::string_view, const server::LogPlace&, std::size_t, TailDone done) {
  auto shared = std::make_shared<TailDone>(std::move(done));
  scheduler_.After(kReading, [this, life = life_, shared] {
    if (life == life_) (*shared)(absl::NotFoundError("the document is to be read instead"));
  });
}

void SimulatedLog::LosePower() {
  ++life_;
  if (chance_.Below(2) == 0) {
    for (Waiting& append : committing_) Store(append).IgnoreError();
  }
  committing_.clear();
  gathered_.clear();
}

}  // namespace weft::simulation
