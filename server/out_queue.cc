#include "server/out_queue.h"

#include <algorithm>
#include <utility>

namespace weft::server {
namespace {

// A drained buffer above this size is given back at once, a smaller one when the client is idle.
constexpr std::size_t kKeptBufferBytes = 64 << 10;
// Written bytes at the front of the buffer are dropped when they are this many and half of it.
constexpr std::size_t kCompactBytes = 1 << 20;

// The whole size of the frame of ours that begins at `frame`.
std::size_t FrameSize(crdt::ByteView frame) {
  const std::uint8_t length = frame[1];
  if (length < 126) return 2 + std::size_t{length};
  const std::size_t length_bytes = length == 126 ? 2 : 8;
  std::size_t size = 0;
  for (std::size_t i = 0; i < length_bytes; ++i) size = size << 8 | frame[2 + i];
  return 2 + length_bytes + size;
}

iovec Piece(crdt::ByteView bytes) {
  // The system's type has no const; sendmsg only reads.
  return {.iov_base = const_cast<std::uint8_t*>(bytes.data()), .iov_len = bytes.size()};
}

}  // namespace

OutQueue::OutQueue(crdt::Bytes greeting)
    : flat_(std::move(greeting)), frame_begin_(flat_.size()), exempt_end_(flat_.size()) {}

std::size_t OutQueue::counted_bytes() const { return flat_.size() - std::max(begin_, exempt_end_); }

std::size_t OutQueue::held_bytes() const {
  const std::size_t flat = begin_ < flat_.size() ? flat_.capacity() : 0;
  if (shared_ == nullptr) return flat;
  return flat + shared_->size() / static_cast<std::size_t>(shared_.use_count());
}

void OutQueue::Add(Opcode opcode, crdt::ByteView payload, bool exempt) {
  AppendFrame(flat_, opcode, payload);
  if (exempt && exempt_end_ <= begin_) exempt_end_ = flat_.size();
}

void OutQueue::AddShared(Opcode opcode, crdt::ByteView head,
                         const std::shared_ptr<const crdt::Bytes>& payload, bool exempt) {
  const bool shares = empty() && payload->size() >= kSharedBytes;
  crdt::Bytes& flat = shares ? shared_head_ : flat_;
  if (shares) {
    shared_ = payload;
    shared_head_.clear();
    shared_written_ = 0;
  }
  AppendFrameHead(flat, opcode, head.size() + payload->size());
  flat.insert(flat.end(), head.begin(), head.end());
  if (shares) return;
  flat.insert(flat.end(), payload->begin(), payload->end());
  if (exempt && exempt_end_ <= begin_) exempt_end_ = flat_.size();
}

std::size_t OutQueue::Gather(std::array<iovec, 3>& pieces) const {
  std::size_t count = 0;
  const auto add = [&](crdt::ByteView bytes) {
    if (!bytes.empty()) pieces[count++] = Piece(bytes);
  };
  if (shared_ != nullptr) {
    const std::size_t of_head = std::min(shared_written_, shared_head_.size());
    add(crdt::ByteView(shared_head_).subspan(of_head));
    add(crdt::ByteView(*shared_).subspan(shared_written_ - of_head));
  }
  add(crdt::ByteView(flat_).subspan(begin_));
  return count;
}

void OutQueue::Advance(std::size_t bytes) {
  if (shared_ != nullptr) {
    const std::size_t left = shared_head_.size() + shared_->size() - shared_written_;
    const std::size_t taken = std::min(bytes, left);
    shared_written_ += taken;
    bytes -= taken;
    if (taken == left) {
      shared_.reset();
      crdt::Bytes().swap(shared_head_);
    }
  }
  begin_ += bytes;
}

void OutQueue::Rest(bool idle) {
  flat_.clear();
  if (idle || flat_.capacity() > kKeptBufferBytes) crdt::Bytes().swap(flat_);
  begin_ = frame_begin_ = exempt_end_ = 0;
}

void OutQueue::Compact() {
  if (begin_ <= kCompactBytes || begin_ <= flat_.size() / 2) return;
  SkipWrittenFrames();
  const std::size_t cut = std::min(frame_begin_, begin_);
  flat_.erase(flat_.begin(), flat_.begin() + static_cast<std::ptrdiff_t>(cut));
  begin_ -= cut;
  frame_begin_ -= cut;
  exempt_end_ -= std::min(exempt_end_, cut);
}

// Moves frame_begin_ to the frame that holds begin_, or begins there.
void OutQueue::SkipWrittenFrames() {
  while (frame_begin_ < begin_) {
    const std::size_t end = frame_begin_ + FrameSize(crdt::ByteView(flat_).subspan(frame_begin_));
    if (end > begin_) return;
    frame_begin_ = end;
  }
}

void OutQueue::DropBacklog() {
  SkipWrittenFrames();
  const bool begun = frame_begin_ < begin_;
  const std::size_t keep =
      begun ? frame_begin_ + FrameSize(crdt::ByteView(flat_).subspan(frame_begin_)) : frame_begin_;
  flat_.resize(keep);
  // Who is behind has had much memory, and has it for as long as it likes.
  flat_.shrink_to_fit();
  exempt_end_ = std::min(exempt_end_, keep);
}

}  // namespace weft::server
