// Sockets in the file system: made, replaced, removed. TCP is in server_test.cc.

#include "server/listener.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "tests/server/running_server.h"
#include "tests/server/tcp_client.h"

namespace weft::server {
namespace {

int ConnectTo(const std::string& path) {
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(descriptor);
    return -1;
  }
  return descriptor;
}

class UnixListenerTest : public testing::Test {
 protected:
  UnixListenerTest() { options.data_directory = directory.path() + "/data"; }
  absl::StatusOr<std::vector<std::unique_ptr<Listener>>> Listen(asio::io_context& io,
                                                                mode_t mode = 0660) {
    return Listener::Listen(
        io, {.kind = ListenAddress::Kind::kUnix, .tls = false, .path = path, .mode = mode});
  }
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/weft.sock";
  ServerOptions options;
};

TEST_F(UnixListenerTest, RoomsAreServedThere) {
  options.listen = {"unix:" + path, "127.0.0.1:0"};
  RunningServer server(options);
  TcpClient client{TcpClient::Connected{ConnectTo(path)}};
  EXPECT_EQ(client.Get("/health").first.substr(0, 12), "HTTP/1.1 200");
  EXPECT_TRUE(client.Upgrade("/notes"));
  EXPECT_TRUE(client.ReadFrame().has_value());
  EXPECT_EQ(server.addresses()[0], "unix:" + path);
  client.Disconnect();
  server.Stop();
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(UnixListenerTest, ItsModeIsTheOneThatWasAskedFor) {
  for (const mode_t mode : {0600U, 0666U, 0640U}) {
    asio::io_context io;
    const auto listeners = Listen(io, mode);
    ASSERT_TRUE(listeners.ok());
    struct stat found{};
    ASSERT_EQ(::stat(path.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777U, mode);
  }
}

TEST_F(UnixListenerTest, ASocketThatNobodyListensOnIsReplaced) {
  const int left = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(left, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::close(left);
  ASSERT_TRUE(std::filesystem::exists(path));
  asio::io_context io;
  const auto listeners = Listen(io);
  ASSERT_TRUE(listeners.ok()) << listeners.status().ToString();
  const int connected = ConnectTo(path);
  EXPECT_GE(connected, 0);
  ::close(connected);
}

TEST_F(UnixListenerTest, ASocketInUseAndOtherFilesAreLeftAlone) {
  asio::io_context io;
  {
    const auto first = Listen(io);
    ASSERT_TRUE(first.ok());
    const auto second = Listen(io);
    EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
    EXPECT_NE(second.status().message().find("Another program listens there"), std::string::npos);
    EXPECT_TRUE(std::filesystem::exists(path));
  }
  std::ofstream(path) << "a letter";
  const auto third = Listen(io);
  EXPECT_EQ(third.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_NE(third.status().message().find("something that is no socket"), std::string::npos);
  EXPECT_EQ(std::filesystem::file_size(path), 8U);
}

TEST_F(UnixListenerTest, WhatTookItsPlaceIsNotRemovedAtTheEnd) {
  asio::io_context io;
  {
    const auto listeners = Listen(io);
    ASSERT_TRUE(listeners.ok());
    std::filesystem::remove(path);
    std::ofstream(path) << "a letter";
  }
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST_F(UnixListenerTest, ADirectoryThatIsNotThereIsSaid) {
  asio::io_context io;
  const auto listeners = Listener::Listen(
      io, {.kind = ListenAddress::Kind::kUnix, .tls = false, .path = directory.path() + "/no/s"});
  EXPECT_EQ(listeners.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_NE(listeners.status().message().find("No such file or directory"), std::string::npos);
}

}  // namespace
}  // namespace weft::server
