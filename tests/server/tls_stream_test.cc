#include "server/tls_stream.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <thread>
#include <vector>

#include "server/transport.h"
#include "tests/server/running_server.h"
#include "tests/server/test_certificate.h"
#include "tests/server/tls_client.h"

namespace weft::server {
namespace {

using crdt::Bytes;

const TlsCertificate& Certificate() {
  static const TemporaryDirectory directory;
  static const auto certificate =
      *TlsCertificate::Load(WriteTestCertificate(directory.path(), "test"));
  return *certificate;
}

// Both ends of a socket; the server's holds little, so that writes are cut at all places.
struct Ends {
  Ends() {
    std::array<int, 2> sockets;
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets.data()), 0);
    const int small = 4'096;
    ::setsockopt(sockets[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    server = Transport(sockets[0], Certificate().MakeStream());
    client = sockets[1];
  }
  Transport server;
  int client;  // whoever makes a TlsClient of it closes it
};

void Wait(const Transport& transport, short events) {
  pollfd ready{transport.descriptor(), events, 0};
  ::poll(&ready, 1, 30'000);
}

// Reads as an event loop does: only when the socket says that there is something.
ssize_t ReadSome(Transport& transport, std::span<std::uint8_t> buffer) {
  for (;;) {
    Wait(transport, transport.has_unsent() ? POLLIN | POLLOUT : POLLIN);
    if (transport.has_unsent()) transport.SendUnsent();
    const ssize_t size = transport.Read(buffer);
    if (size >= 0 || errno != EAGAIN) return size;
  }
}

Bytes Pattern(std::size_t size, std::uint8_t seed) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i)
    bytes[i] = static_cast<std::uint8_t>(seed + i * 31 + i / 251);
  return bytes;
}

RC_GTEST_PROP(TlsStreamLaws, WhatIsReadIsWhatWasWrittenHoweverItWasCut, ()) {
  // The client sends pieces and hears all of them again, in one stream.
  const auto sizes = *rc::gen::nonEmpty(
      rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(1, 150'000)));
  Ends ends;
  Bytes sent;
  for (const std::size_t size : sizes) {
    const Bytes piece = Pattern(size, static_cast<std::uint8_t>(sent.size()));
    sent.insert(sent.end(), piece.begin(), piece.end());
  }
  std::string heard;
  std::thread other([&, socket = ends.client] {
    TlsClient client{TcpClient::Connected{socket}};
    std::thread writer;
    std::size_t at = 0;
    // One after the other: OpenSSL's stream is for one thread at a time.
    for (const std::size_t size : sizes) {
      if (!client.Send({reinterpret_cast<const char*>(sent.data()) + at, size})) return;
      at += size;
      heard += client.ReadBody(size);
    }
  });
  std::vector<std::uint8_t> buffer(Transport::kReadBytes);
  Bytes waiting;  // to be sent back
  std::size_t returned = 0;
  while (returned < sent.size()) {
    const ssize_t size = ReadSome(ends.server, buffer);
    if (size <= 0) break;
    waiting.insert(waiting.end(), buffer.begin(), buffer.begin() + size);
    while (!waiting.empty()) {
      // In up to three pieces, as a queue gathers them.
      const std::size_t cut = waiting.size() / 3;
      std::array<iovec, 3> pieces = {iovec{waiting.data(), cut}, iovec{waiting.data() + cut, cut},
                                     iovec{waiting.data() + 2 * cut, waiting.size() - 2 * cut}};
      const ssize_t taken = ends.server.Write(pieces);
      if (taken < 0) {
        if (errno != EAGAIN) break;
        Wait(ends.server, POLLOUT);
        continue;
      }
      // What was taken may change now, or go: it is not asked for again.
      waiting.erase(waiting.begin(), waiting.begin() + taken);
      waiting.shrink_to_fit();
      returned += static_cast<std::size_t>(taken);
      RC_ASSERT(ends.server.held_bytes() <= 2 * TlsStream::kGatherBytes);
    }
  }
  while (ends.server.has_unsent() && !ends.server.SendUnsent()) Wait(ends.server, POLLOUT);
  ends.server.ShutDown();
  other.join();
  RC_ASSERT(heard.size() == sent.size());
  RC_ASSERT(std::equal(sent.begin(), sent.end(), heard.begin(),
                       [](std::uint8_t a, char b) { return a == static_cast<std::uint8_t>(b); }));
}

TEST(TlsStream, ASocketWithNothingToReadMeansThatThereIsNothingToRead) {
  // Thirty records leave in one piece. However they come, once the socket is empty all of what they
  // carried has been handed over: nobody would say that there is more.
  Ends ends;
  std::thread other([socket = ends.client] {
    TlsClient client{TcpClient::Connected{socket}};
    for (int i = 0; i < 30; ++i) client.Send("one record of thirty");
    EXPECT_EQ(client.ReadBody(4), "done");
  });
  std::vector<std::uint8_t> buffer(Transport::kReadBytes);
  std::size_t total = 0;
  while (total < 30 * 20) {
    const ssize_t size = ReadSome(ends.server, buffer);
    ASSERT_GT(size, 0);
    total += static_cast<std::size_t>(size);
  }
  char done[] = "done";
  iovec piece{done, 4};
  EXPECT_EQ(ends.server.Write({&piece, 1}), 4);
  other.join();
}

TEST(TlsStream, TheEndIsKnownFromTheNoticeAlthoughTheSocketIsOpen) {
  Ends ends;
  std::thread other([socket = ends.client] {
    TlsClient client{TcpClient::Connected{socket}};
    client.Send("last words");
    client.SayEnd();
    EXPECT_TRUE(client.ReadToEnd());
  });
  std::vector<std::uint8_t> buffer(Transport::kReadBytes);
  std::size_t total = 0;
  while (!ends.server.ended()) {
    const ssize_t size = ReadSome(ends.server, buffer);
    if (size <= 0) break;
    total += static_cast<std::size_t>(size);
  }
  EXPECT_EQ(total, 10U);
  EXPECT_TRUE(ends.server.ended());
  EXPECT_EQ(ends.server.Read(buffer), 0);
  ends.server.ShutDown();
  other.join();
}

TEST(TlsStream, BytesThatAreNoTlsEndItAndHttpInClearIsNoticed) {
  for (const bool http : {false, true}) {
    Ends ends;
    TcpClient client{TcpClient::Connected{ends.client}};
    client.Send(http ? "GET / HTTP/1.1\r\n\r\n" : std::string(64, '\x80'));
    std::vector<std::uint8_t> buffer(Transport::kReadBytes);
    EXPECT_EQ(ReadSome(ends.server, buffer), -1);
    EXPECT_EQ(errno, EPROTO);
    EXPECT_TRUE(ends.server.ended());
    EXPECT_EQ(ends.server.tls()->spoke_http(), http);
    EXPECT_FALSE(ends.server.tls()->failure().empty());
    EXPECT_EQ(ends.server.Read(buffer), -1);
  }
}

TEST(TlsStream, APeerThatAsksWithoutEndAndDoesNotReadIsGivenUp) {
  Ends ends;
  std::thread other([socket = ends.client] {
    TlsClient client{TcpClient::Connected{socket}};
    // Each of these is to be answered with a record.
    while (SSL_key_update(client.ssl(), SSL_KEY_UPDATE_REQUESTED) == 1 && client.Send("x")) {
    }
  });
  std::vector<std::uint8_t> buffer(Transport::kReadBytes);
  // Never writable in the eyes of this loop: what waits grows until it is too much.
  ssize_t size = 0;
  do {
    Wait(ends.server, POLLIN);
    size = ends.server.Read(buffer);
    EXPECT_LE(ends.server.held_bytes(), 3 * TlsStream::kMaxUnsentBytes);
  } while (size > 0 || (size < 0 && errno == EAGAIN));
  EXPECT_EQ(size, -1);
  EXPECT_EQ(errno, EPROTO);
  ends.server.Close();
  other.join();
}

}  // namespace
}  // namespace weft::server
