#pragma once

// Who appends updates durably, each in its own way and all in batches of the same size: weft's log, a
// bare LMDB loop without a record format (the limit), SQLite, and y-leveldb.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "store/update_log.h"

namespace weft::bench {

// A new folder that goes away.
class Folder {
 public:
  explicit Folder(const std::string& parent);
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const std::string& path() const { return path_; }
  std::uint64_t bytes() const;

 private:
  std::string path_;
};

// Appends of 27 bytes that go to rooms in turn.
struct Load {
  std::uint32_t rooms = 1;
  std::uint64_t before = 1;  // updates that each room has when the clock starts
  std::uint64_t appends = 0;
  std::size_t batch = 0;  // in one commit; weft takes what there is
};

struct Taken {
  double rate = 0;        // appends a second
  double per_commit = 0;  // appends
  double cpu_us = 0;      // an append, of all threads, user and system; 0 when unknown
  double written = 0;     // bytes an append given to the system to write; 0 when unknown
};

// An update of the size of a keystroke's.
crdt::Bytes Keystroke(std::uint64_t i);

std::unique_ptr<store::UpdateLog> OpenLog(const std::string& directory,
                                          std::size_t queue_bytes = std::size_t{64} << 20);
// Waits where the queue is full, as back-pressure has it.
void Append(store::UpdateLog& log, std::string_view room, crdt::ByteView update);

// In a new folder below `directory`; what is stored is counted afterwards.
Taken AppendToWeft(const std::string& directory, const Load& load);
// A key of room and sequence, the update, and nothing else.
Taken AppendToBareLmdb(const std::string& directory, const Load& load);
// WAL and synchronous=FULL. Fails: kUnavailable without its library.
absl::StatusOr<Taken> AppendToSqlite(const std::string& directory, const Load& load);
// Runs `command`, a program that does it (bench/peers/store/y_leveldb.mjs). With `batched` y-leveldb's
// own keys and values go to its database in batches that are synced; else its storeUpdate is called for
// each, which is not durable, for as long as `seconds`. Fails: kUnavailable.
struct LevelDb {
  std::string command;
  bool batched = true;
  double seconds = 2;
};
absl::StatusOr<Taken> AppendToLevelDb(const std::string& directory, const Load& load,
                                      const LevelDb& how);

// Appends of so many bytes a second, each followed by fdatasync.
double FdatasyncRate(const std::string& directory, std::size_t bytes, double seconds);

// Their versions, as an object of JSON.
std::string VersionsAsJson();

}  // namespace weft::bench
