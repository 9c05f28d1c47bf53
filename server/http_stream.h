#pragma once

// A transport as Beast and Asio's algorithms read and write it, with a deadline for what is under
// way: an AsyncReadStream and AsyncWriteStream, for as long as a socket speaks HTTP.
//
// After the deadline everything fails with asio::error::timed_out. Threads: that of its executor.

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/error.hpp>
#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "crdt/base/bytes.h"
#include "server/asio.h"
#include "server/transport.h"

namespace weft::server {

class HttpStream {
 public:
  using executor_type = asio::any_io_executor;

  HttpStream(const executor_type& executor, Transport transport);
  ~HttpStream();
  HttpStream(const HttpStream&) = delete;
  HttpStream& operator=(const HttpStream&) = delete;

  executor_type get_executor() { return parts_->descriptor.get_executor(); }

  void expires_after(std::chrono::milliseconds time);
  void expires_never();

  // One operation each way at a time.
  template <typename Buffers, typename Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    Operation operation{.parts = parts_, .reads = true};
    CollectPieces(buffers, operation);
    return asio::async_compose<Token, void(error_code, std::size_t)>(std::move(operation), token,
                                                                     parts_->descriptor);
  }
  template <typename Buffers, typename Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    Operation operation{.parts = parts_, .reads = false};
    CollectPieces(buffers, operation);
    return asio::async_compose<Token, void(error_code, std::size_t)>(std::move(operation), token,
                                                                     parts_->descriptor);
  }

  // Says that nothing more is written.
  void ShutDown() { parts_->transport.ShutDown(); }

  // The client began with HTTP in clear where TLS is spoken: true, once, and the rest is in clear.
  bool DropTlsOfClearText();
  // Why TLS failed; empty when it did not.
  std::string tls_failure() const;

  // Gives up the socket, with what was read of it and not asked for yet.
  std::pair<Transport, crdt::Bytes> Release();

 private:
  static constexpr std::size_t kPieces = 16;

  // Shared with operations and the deadline that are under way.
  struct Parts {
    Parts(const executor_type& executor, Transport connected);
    ~Parts();

    enum class Next { kDone, kWaitToRead, kWaitToWrite };
    // Does what can be done at once, and says what to wait for.
    bool CanReadAtOnce() const { return !ahead.empty() || transport.ended(); }
    Next Read(const iovec& into, error_code& error, std::size_t& size);
    Next Write(std::span<iovec> pieces, error_code& error, std::size_t& size);
    std::size_t TakeAhead(const iovec& into);

    Transport transport;
    asio::posix::stream_descriptor descriptor;  // waits only; the transport owns the socket
    asio::steady_timer deadline;
    std::uint64_t deadlines = 0;  // so far: which one a timer's handler was for
    bool timed_out = false;
    crdt::Bytes ahead;  // read and not asked for yet, from ahead_begin on
    std::size_t ahead_begin = 0;
  };

  struct Operation {
    std::shared_ptr<Parts> parts;
    bool reads;
    std::array<iovec, kPieces> pieces{};
    std::size_t piece_count = 0;
    std::size_t size = 0;
    bool begun = false;

    template <typename Self>
    void operator()(Self& self, error_code error = {}) {
      if (!std::exchange(begun, true)) {
        // Nothing completes within the call that begins it.
        if (parts->timed_out || (reads && parts->CanReadAtOnce())) {
          return asio::post(parts->descriptor.get_executor(), std::move(self));
        }
        return Wait(self, parts->transport.has_unsent() || !reads);
      }
      if (parts->timed_out) error = asio::error::timed_out;
      if (error) return self.complete(error, 0);
      const Parts::Next next = reads ? parts->Read(pieces[0], error, size)
                                     : parts->Write({pieces.data(), piece_count}, error, size);
      if (next == Parts::Next::kDone) return self.complete(error, error ? 0 : size);
      Wait(self, next == Parts::Next::kWaitToWrite);
    }

    template <typename Self>
    void Wait(Self& self, bool to_write) {
      asio::posix::stream_descriptor& descriptor = parts->descriptor;
      descriptor.async_wait(to_write ? asio::posix::stream_descriptor::wait_write
                                     : asio::posix::stream_descriptor::wait_read,
                            std::move(self));
    }
  };

  template <typename Buffers>
  static void CollectPieces(const Buffers& buffers, Operation& operation) {
    for (auto at = asio::buffer_sequence_begin(buffers); at != asio::buffer_sequence_end(buffers);
         ++at) {
      const auto buffer = *at;
      if (buffer.size() == 0) continue;
      if (operation.piece_count == kPieces) break;
      operation.pieces[operation.piece_count++] = {
          const_cast<void*>(static_cast<const void*>(buffer.data())), buffer.size()};
    }
  }

  std::shared_ptr<Parts> parts_;
};

}  // namespace weft::server
