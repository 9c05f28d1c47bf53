#pragma once

// What waits to be written to one client: whole frames, in order, as few pieces of memory.
//
//   [ a large message that others share ]  [ flat bytes of frames ............. ]
//     written from the front ──→
//
// Small messages are copied behind each other, so that one system call takes them all. A large one
// (a document that a hundred clients join at once) is held by reference when nothing waits before
// it.
//
// Bound: `counted_bytes` leaves out one message that is larger than the bound by itself; the owner
// asks before it adds. Threads: one.

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <memory>

#include "crdt/base/bytes.h"
#include "server/frame.h"

namespace weft::server {

class OutQueue {
 public:
  // Messages from here on are shared rather than copied.
  static constexpr std::size_t kSharedBytes = std::size_t{16} << 10;

  // Begins with bytes that are no frame: the answer to the upgrade request.
  explicit OutQueue(crdt::Bytes greeting);

  bool empty() const { return shared_ == nullptr && begin_ == flat_.size(); }
  std::size_t counted_bytes() const;

  // Memory that is held for what waits here; of a message that others share, the part of one of them.
  std::size_t held_bytes() const;

  // Appends a frame. `exempt`: it does not count.
  void Add(Opcode opcode, crdt::ByteView payload, bool exempt = false);
  void AddClose(CloseCode code, std::string_view reason) { AppendCloseFrame(flat_, code, reason); }
  // Appends a frame of `head` and `payload`, the latter by reference if nothing waits. It does not count
  // then.
  void AddShared(Opcode opcode, crdt::ByteView head,
                 const std::shared_ptr<const crdt::Bytes>& payload, bool exempt);

  // What is to be written next, in up to three pieces.
  std::size_t Gather(std::array<iovec, 3>& pieces) const;
  // So many bytes of that were.
  void Advance(std::size_t bytes);

  // All is written and nobody waits for more: gives memory back, all of it if `idle`.
  // Requires: empty.
  void Rest(bool idle);
  // Much is written and much waits: moves the rest to the front.
  void Compact();

  // Keeps only what has begun to leave, so that the stream of frames stays whole.
  void DropBacklog();

 private:
  void SkipWrittenFrames();

  crdt::Bytes flat_;  // written up to begin_
  std::size_t begin_ = 0;
  std::size_t frame_begin_ = 0;  // of a frame that is not wholly written, or of an earlier one
  std::size_t exempt_end_ = 0;   // end of a message that does not count

  // Comes before flat_.
  std::shared_ptr<const crdt::Bytes> shared_;
  crdt::Bytes shared_head_;
  std::size_t shared_written_ = 0;  // of head and payload together
};

}  // namespace weft::server
