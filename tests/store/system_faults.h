#pragma once

// Making the system calls with which LMDB writes fail, and recording them, in this program only.

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace weft::store {

enum class SystemFault {
  kNone,
  kDiskFull,       // writes: ENOSPC
  kReadOnly,       // writes: EROFS
  kWriteFails,     // writes: EIO
  kFsyncFails,     // fdatasync: EIO
  kMetaPageFails,  // the synchronous write that makes a commit valid: EIO
};

// One fault from construction to destruction, for all threads, after `spared` calls that it would
// have hit. Not nested.
class ScopedFault {
 public:
  explicit ScopedFault(SystemFault fault, int spared = 0);
  ~ScopedFault();
  ScopedFault(const ScopedFault&) = delete;
  ScopedFault& operator=(const ScopedFault&) = delete;

  // Whether a call failed.
  bool was_hit() const;
};

// Everything that is written to one file from construction to destruction, and when it was synced.
// From it the file can be made as a power cut would have left it, at any moment: what was synced
// before is there, of the rest any subset of its sectors.
//
// The file as it is at construction counts as synced. Not nested. Threads: any write; one reader.
class DiskRecording {
 public:
  explicit DiskRecording(const std::string& path);
  ~DiskRecording();
  DiskRecording(const DiskRecording&) = delete;
  DiskRecording& operator=(const DiskRecording&) = delete;

  // How many writes and syncs there were until now: a moment to cut at.
  std::size_t now() const;
  // How many bytes were written until now.
  std::size_t bytes() const;

  enum class Lost {
    kNothing,   // kill -9: the system still has what was written
    kUnsynced,  // all that was not synced
    kSome,      // some sectors of that
  };
  // The file after the first `moment` events.
  std::vector<std::uint8_t> ImageAt(std::size_t moment, Lost lost, std::mt19937& random) const;

 private:
  std::vector<std::uint8_t> base_;
};

// Writes an image as the data file of a new directory.
void WriteImage(const std::string& directory, const std::vector<std::uint8_t>& image);

// How much longer than usual a test is to run: WEFT_TORTURE, else 1.
int TortureFactor();

}  // namespace weft::store
