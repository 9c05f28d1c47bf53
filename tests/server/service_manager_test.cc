// Sockets that are handed over, as systemd does it: by a small launcher that stands in for it.

#include "server/service_manager.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "tests/server/eventually.h"
#include "tests/server/process.h"
#include "tests/server/running_server.h"
#include "tests/server/tcp_client.h"
#include "tests/server/test_certificate.h"
#include "tests/server/tls_client.h"

namespace weft::server {
namespace {

// What systemd holds: a socket that listens on a port, and one in the file system that hears how the
// service is.
class ServiceManager {
 public:
  ServiceManager() {
    listening = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listening, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listening, 16), 0);
    socklen_t size = sizeof address;
    ::getsockname(listening, reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);

    hearing_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un path{};
    path.sun_family = AF_UNIX;
    std::strncpy(path.sun_path, notify_path.c_str(), sizeof path.sun_path - 1);
    EXPECT_EQ(::bind(hearing_, reinterpret_cast<const sockaddr*>(&path), sizeof path), 0);
  }
  ~ServiceManager() {
    ::close(listening);
    ::close(hearing_);
  }

  // A shell takes the place of the launcher: LISTEN_PID has to be that of the program itself.
  std::vector<std::string> Launch(const std::vector<std::string>& flags,
                                  const std::string& name = "web") const {
    std::string command = "exec 3<&" + std::to_string(listening) +
                          "; export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=" + name +
                          " NOTIFY_SOCKET=" + notify_path + "; exec \"$0\" \"$@\"";
    std::vector<std::string> arguments = {"-c",    command,  WeftProgram(),
                                          "serve", "--data", directory.path() + "/data"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    return arguments;
  }

  // The next word of the service.
  std::string Hear() const {
    std::array<char, 256> buffer;
    const ssize_t size = ::recv(hearing_, buffer.data(), buffer.size(), 0);
    return {buffer.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
  }

  TemporaryDirectory directory;
  const std::string notify_path = directory.path() + "/notify";
  int listening = -1;
  std::uint16_t port = 0;

 private:
  int hearing_ = -1;
};

TEST(ServiceManagerTest, ASocketThatIsHandedOverIsServedAndOutlivesTheServer) {
  ServiceManager systemd;
  // Who is early waits in the socket's queue.
  TcpClient early(systemd.port);
  ASSERT_TRUE(early.connected());
  {
    Process server("/bin/sh", systemd.Launch({}));
    EXPECT_EQ(systemd.Hear(), "READY=1");
    EXPECT_EQ(early.Get("/health").first.substr(0, 12), "HTTP/1.1 200");
    EXPECT_TRUE(TcpClient(systemd.port).Upgrade("/notes"));
    // Nothing else is listened on, as nobody asked for it.
    server.TakeOutput();
    EXPECT_EQ(server.output.find(":8080"), std::string::npos) << server.output;
    early.Disconnect();
    server.Signal(SIGTERM);
    EXPECT_EQ(systemd.Hear(), "STOPPING=1");
    EXPECT_EQ(server.Wait(), 0);
  }
  // Between two servers clients wait, and are not refused.
  TcpClient between(systemd.port);
  ASSERT_TRUE(between.connected());
  Process next("/bin/sh", systemd.Launch({}));
  EXPECT_EQ(between.Get("/health").first.substr(0, 12), "HTTP/1.1 200");
}

TEST(ServiceManagerTest, ItHasTlsWithACertificateUnlessItsNameSaysPlain) {
  ServiceManager systemd;
  const TlsFiles files = WriteTestCertificate(systemd.directory.path(), "tls");
  const std::vector<std::string> flags = {"--tls-cert", files.certificate, "--tls-key", files.key};
  {
    Process server("/bin/sh", systemd.Launch(flags));
    EXPECT_TRUE(TlsClient(systemd.port).agreed());
  }
  Process server("/bin/sh", systemd.Launch(flags, "plain-web"));
  EXPECT_EQ(TcpClient(systemd.port).Get("/live").first.substr(0, 12), "HTTP/1.1 200");
}

TEST(ServiceManagerTest, WhatIsNoListeningSocketIsRefused) {
  ServiceManager systemd;
  const int other = ::socket(AF_INET, SOCK_STREAM, 0);
  ::dup2(other, systemd.listening);
  ::close(other);
  Process server("/bin/sh", systemd.Launch({}));
  EXPECT_EQ(server.Wait(), 2);
  EXPECT_NE(server.output.find("is no stream socket that listens"), std::string::npos)
      << server.output;
}

TEST(ServiceManagerTest, VariablesForAnotherProcessAreNotForThisOne) {
  ::setenv("LISTEN_PID", "1", 1);
  ::setenv("LISTEN_FDS", "2", 1);
  const auto sockets = TakeInheritedSockets();
  ASSERT_TRUE(sockets.ok());
  EXPECT_TRUE(sockets->empty());
  EXPECT_EQ(std::getenv("LISTEN_FDS"), nullptr);
}

TEST(ServiceManagerTest, WhatIsNoNumberIsRefused) {
  ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
  ::setenv("LISTEN_FDS", "0", 1);
  EXPECT_TRUE(TakeInheritedSockets()->empty());
  ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
  ::setenv("LISTEN_FDS", "many", 1);
  EXPECT_EQ(TakeInheritedSockets().status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace weft::server
