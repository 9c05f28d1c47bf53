#pragma once

// How often each limit was reached since the start: for /health, and for whoever reads the log.
// Threads: any.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace weft::server {

// What was reached; its name is that of the flag without its dashes.
enum class Limit : std::uint8_t {
  kMessageBytes,
  kDocumentBytes,
  kAwarenessBytes,
  kRoomAwarenessBytes,
  kMessagesPerSecond,
  kBytesPerSecond,
  kQueueBytes,
  kAllQueuesBytes,
  kReceivingBytes,
  kUncommittedBytes,
  kConnections,
  kConnectionsPerAddress,
  kConnectionsPerRoom,
  kRoomsPerSocket,
  kRooms,
  kRoomMemoryBytes,
  kHeaderBytes,
  kHandshakeTimeout,
  kPingInterval,
  kCloseTimeout,
};
inline constexpr std::size_t kLimitCount = 20;

// "max-message-bytes".
std::string_view LimitName(Limit limit);

class LimitHits {
 public:
  // Counts, and writes a line to the log at most once a second a limit: who causes thousands of
  // refusals must not fill the disk with them. `whom` says what was refused or held up.
  void Hit(Limit limit, std::string_view whom);

  std::uint64_t count(Limit limit) const {
    return counts_[static_cast<std::size_t>(limit)].load(std::memory_order_relaxed);
  }

  // A JSON object: {"max-message-bytes":0,…}.
  std::string ToJson() const;

 private:
  std::array<std::atomic<std::uint64_t>, kLimitCount> counts_{};
  std::array<std::atomic<std::int64_t>, kLimitCount> next_line_{};  // steady milliseconds
};

}  // namespace weft::server
