#pragma once

// Everything that can be read from a log. Reads see one moment each and wait for no write.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "store/environment.h"
#include "store/record.h"
#include "store/room_scan.h"

namespace weft::store {

// One entry of the quarantine.
struct SetAside {
  Sequence sequence = 0;
  DamageKind kind = DamageKind::kChecksum;
  std::int64_t found_ms = 0;
  std::uint64_t bytes = 0;  // of the record as it was found; 0 when it was missing
};

// What a whole log was found to be.
struct VerifyReport {
  PageReport pages;
  std::uint64_t rooms = 0;
  std::uint64_t records = 0;
  std::uint64_t snapshots = 0;
  std::uint64_t payload_bytes = 0;
  std::uint64_t quarantined = 0;
  std::uint64_t rows = 0;  // of applications (store/rows.h)
  struct RoomDamage {
    std::string room;
    Damage damage;
    std::string what;  // in words, when there is more to say
  };
  std::vector<RoomDamage> damage;

  bool clean() const { return pages.findings.empty() && damage.empty(); }
};

// What a payload is asked by `verify --deep`: the caller knows what the bytes mean. A non-OK status
// is a finding.
using CheckPayload = std::function<absl::Status(ByteView payload)>;

// Views are into the log's memory and die with the call that showed them. The map cannot grow under
// a visit: it must not read from the log again, and waits forever if it waits for an append that
// needs the map to grow.
//
// Threads: any, at the same time as any other. Ownership: made by Open it owns its environment,
// else whoever made it does.
// Fails, all: kInternal or kDataLoss, when LMDB itself fails.
class LogReader {
 public:
  // Beside the process that owns the directory, for tools.
  // Fails: kNotFound when there is no log; kInvalidArgument for another format; kDataLoss when the
  // pages are damaged and `check_pages` is set.
  static absl::StatusOr<std::unique_ptr<LogReader>> Open(const std::string& directory,
                                                         bool check_pages = true,
                                                         const Progress& progress = {});

  explicit LogReader(const Environment& environment) : environment_(environment) {}

  // Shows the newest snapshot, if there is one, and the records after it, each verified. A damaged
  // record is reported and not shown, and hinders nothing else; for a damaged snapshot an older one
  // and more records stand in. An unknown room is an empty one.
  absl::StatusOr<LoadReport> Load(std::string_view room, const VisitRecord& visit) const;

  // The same as of an earlier moment: what makes the state after record `sequence`.
  // Fails: kNotFound when the room is unknown, has no such record, or has dropped that history.
  absl::StatusOr<LoadReport> LoadAt(std::string_view room, Sequence sequence,
                                    const VisitRecord& visit) const;

  // The records themselves, as far as they are kept, without snapshots.
  absl::StatusOr<LoadReport> ReadRecords(std::string_view room, const SequenceRange& range,
                                         const VisitRecord& visit) const;

  // The last record whose time is at most `time_ms`, as the records' times are; 0 when there is
  // none, or the room is unknown. O(records kept).
  absl::StatusOr<Sequence> SequenceAt(std::string_view room, std::int64_t time_ms) const;

  absl::StatusOr<std::optional<RoomInfo>> FindRoom(std::string_view room) const;
  // All rooms, in the order of their names' bytes.
  absl::StatusOr<std::vector<RoomInfo>> ListRooms() const;
  // O(limit), and the names with the same 500 bytes in front.
  absl::StatusOr<std::vector<RoomInfo>> ListRooms(const RoomPage& page) const;
  // By name.
  absl::StatusOr<std::vector<Version>> ListVersions(std::string_view room) const;
  // Without payloads, the newest last.
  absl::StatusOr<std::vector<Record>> ListSnapshots(std::string_view room) const;
  absl::StatusOr<std::vector<SetAside>> ListQuarantine(std::string_view room) const;

  // Proves everything: pages, rows, names, records, snapshots, versions. Progress is told of the pages,
  // then, from 0 again, of the bytes of records and snapshots.
  absl::StatusOr<VerifyReport> Verify(const CheckPayload& check_payload,
                                      const Progress& progress) const;

  // Changes with each commit.
  std::uint64_t last_transaction() const { return environment_.last_transaction(); }
  const Environment& environment() const { return environment_; }

 private:
  absl::StatusOr<std::vector<RoomInfo>> DescribeRooms(const Transaction& transaction,
                                                      const std::vector<NamedRoom>& rooms) const;

  explicit LogReader(std::unique_ptr<Environment> owned)
      : owned_(std::move(owned)), environment_(*owned_) {}

  std::unique_ptr<Environment> owned_;
  const Environment& environment_;
};

}  // namespace weft::store
