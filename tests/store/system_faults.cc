#include "tests/store/system_faults.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <mutex>
#include <utility>

#include "crdt/base/check.h"

namespace weft::store {

namespace {

std::atomic<SystemFault> current_fault = SystemFault::kNone;
std::atomic<int> spared_calls = 0;
std::atomic<bool> fault_hit = false;

bool IsSynchronous(int descriptor) { return (fcntl(descriptor, F_GETFL) & O_DSYNC) != 0; }

// Whether the fault strikes now, when its kind fits.
bool Strikes() {
  if (spared_calls.fetch_sub(1) > 0) return false;
  fault_hit = true;
  return true;
}

// 0, or the errno with which a write to this descriptor has to fail.
int WriteError(int descriptor) {
  switch (current_fault) {
    case SystemFault::kDiskFull:
      return Strikes() ? ENOSPC : 0;
    case SystemFault::kReadOnly:
      return Strikes() ? EROFS : 0;
    case SystemFault::kWriteFails:
      return Strikes() ? EIO : 0;
    case SystemFault::kMetaPageFails:
      return IsSynchronous(descriptor) && Strikes() ? EIO : 0;
    case SystemFault::kFsyncFails:
    case SystemFault::kNone:
      return 0;
  }
  return 0;
}

struct DiskEvent {
  bool is_sync = false;
  bool is_synchronous_write = false;
  std::size_t offset = 0;
  std::vector<std::uint8_t> bytes;
};

std::mutex recording_mutex;
std::atomic<ino_t> recorded_file = 0;
std::vector<DiskEvent>* recorded_events = nullptr;

bool IsRecorded(int descriptor) {
  if (recorded_file == 0) return false;
  struct stat status{};
  return fstat(descriptor, &status) == 0 && status.st_ino == recorded_file;
}

void RecordWrite(int descriptor, std::size_t offset, const void* bytes, std::size_t size) {
  const auto* begin = static_cast<const std::uint8_t*>(bytes);
  const std::lock_guard lock(recording_mutex);
  if (recorded_events == nullptr) return;
  recorded_events->push_back({.is_sync = false,
                              .is_synchronous_write = IsSynchronous(descriptor),
                              .offset = offset,
                              .bytes = {begin, begin + size}});
}

void RecordSync() {
  const std::lock_guard lock(recording_mutex);
  if (recorded_events != nullptr) recorded_events->push_back({.is_sync = true, .bytes = {}});
}

void Put(std::vector<std::uint8_t>& image, std::size_t offset, const std::uint8_t* bytes,
         std::size_t size) {
  if (image.size() < offset + size) image.resize(offset + size);
  std::copy_n(bytes, size, image.begin() + static_cast<std::ptrdiff_t>(offset));
}

}  // namespace

ScopedFault::ScopedFault(SystemFault fault, int spared) {
  spared_calls = spared;
  fault_hit = false;
  current_fault = fault;
}
ScopedFault::~ScopedFault() { current_fault = SystemFault::kNone; }
bool ScopedFault::was_hit() const { return fault_hit; }

DiskRecording::DiskRecording(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  base_.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  struct stat status{};
  CHECK(stat(path.c_str(), &status) == 0);
  const std::lock_guard lock(recording_mutex);
  CHECK(recorded_events == nullptr);
  recorded_events = new std::vector<DiskEvent>;
  recorded_file = status.st_ino;
}

DiskRecording::~DiskRecording() {
  const std::lock_guard lock(recording_mutex);
  recorded_file = 0;
  delete std::exchange(recorded_events, nullptr);
}

std::size_t DiskRecording::now() const {
  const std::lock_guard lock(recording_mutex);
  return recorded_events->size();
}

std::size_t DiskRecording::bytes() const {
  const std::lock_guard lock(recording_mutex);
  std::size_t bytes = 0;
  for (const DiskEvent& event : *recorded_events) bytes += event.bytes.size();
  return bytes;
}

std::vector<std::uint8_t> DiskRecording::ImageAt(std::size_t moment, Lost lost,
                                                 std::mt19937& random) const {
  constexpr std::size_t kSectorBytes = 512;
  const std::lock_guard lock(recording_mutex);
  const std::vector<DiskEvent>& events = *recorded_events;
  std::size_t synced = 0;  // everything before this event is on the medium
  for (std::size_t i = 0; i < moment; ++i) {
    if (events[i].is_sync) synced = i;
  }
  std::vector<std::uint8_t> image = base_;
  for (std::size_t i = 0; i < moment; ++i) {
    const DiskEvent& event = events[i];
    if (event.is_sync) continue;
    const bool sure = i < synced || event.is_synchronous_write || lost == Lost::kNothing;
    if (!sure && lost == Lost::kUnsynced) continue;
    for (std::size_t at = 0; at < event.bytes.size(); at += kSectorBytes) {
      if (!sure && random() % 2 == 0) continue;
      Put(image, event.offset + at, event.bytes.data() + at,
          std::min(kSectorBytes, event.bytes.size() - at));
    }
  }
  return image;
}

void WriteImage(const std::string& directory, const std::vector<std::uint8_t>& image) {
  std::ofstream file(directory + "/data.mdb", std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char*>(image.data()),
             static_cast<std::streamsize>(image.size()));
  CHECK(file.good());
}

int TortureFactor() {
  const char* factor = std::getenv("WEFT_TORTURE");
  return factor == nullptr ? 1 : std::max(1, std::atoi(factor));
}

// The program's own definitions stand before the C library's for every library it loads. The names
// are given to the assembler because headers may rename these functions for large files.
extern "C" {

ssize_t FaultyPwrite(int descriptor, const void* bytes, std::size_t size,
                     off_t offset) asm("pwrite");
ssize_t FaultyPwrite(int descriptor, const void* bytes, std::size_t size, off_t offset) {
  errno = WriteError(descriptor);
  if (errno != 0) return -1;
  if (IsRecorded(descriptor)) {
    RecordWrite(descriptor, static_cast<std::size_t>(offset), bytes, size);
  }
  return syscall(SYS_pwrite64, descriptor, bytes, size, offset);
}

ssize_t FaultyWritev(int descriptor, const iovec* pieces, int count) asm("writev");
ssize_t FaultyWritev(int descriptor, const iovec* pieces, int count) {
  errno = WriteError(descriptor);
  if (errno != 0) return -1;
  if (IsRecorded(descriptor)) {
    auto offset = static_cast<std::size_t>(lseek(descriptor, 0, SEEK_CUR));
    for (int i = 0; i < count; ++i) {
      RecordWrite(descriptor, offset, pieces[i].iov_base, pieces[i].iov_len);
      offset += pieces[i].iov_len;
    }
  }
  return syscall(SYS_writev, descriptor, pieces, count);
}

int FaultyFdatasync(int descriptor) asm("fdatasync");
int FaultyFdatasync(int descriptor) {
  if (current_fault == SystemFault::kFsyncFails && Strikes()) {
    errno = EIO;
    return -1;
  }
  const int result = static_cast<int>(syscall(SYS_fdatasync, descriptor));
  if (result == 0 && IsRecorded(descriptor)) RecordSync();
  return result;
}

}  // extern "C"

}  // namespace weft::store
