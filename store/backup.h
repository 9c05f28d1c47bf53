#pragma once

// Copies of whole logs: hot backups, and the file made small again.
//
// Progress is told in stretches that begin at 0 again: checking pages, copying them, proving records.

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "store/log_reader.h"

namespace weft::store {

// Writes the log of one moment to a new directory, without free pages, while reads and writes go
// on. The directory appears whole, under its name, or not at all.
// Fails: kAlreadyExists; kResourceExhausted when the disk is full; as the system's write.
absl::Status BackupLog(const LogReader& reader, const std::string& directory,
                       const Progress& progress = {});

// Puts a backup in the place of a log that is not there. The backup is verified first and stays. Its
// rooms get other generations: who knows sequences of the log that was lost does not take them for
// those of the restored one, which goes on from an earlier moment.
// Fails: kAlreadyExists when there is a log; kDataLoss when the backup is damaged.
absl::Status RestoreLog(const std::string& backup, const std::string& directory,
                        const Progress& progress);

// Gives the space of free pages back to the file system: copies the log, verifies the copy, and puts
// it in the place of the old one in one step.
// Fails: kUnavailable when somebody has the log open; kDataLoss when it is damaged.
struct ShrinkReport {
  std::uint64_t bytes_before = 0;
  std::uint64_t bytes_after = 0;
};
absl::StatusOr<ShrinkReport> ShrinkLog(const std::string& directory, const Progress& progress);

}  // namespace weft::store
