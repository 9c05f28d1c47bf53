#pragma once

// A whole server in this process, on a free port and a directory of its own.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "server/log.h"
#include "server/server.h"

namespace weft::server {

// A directory that dies with this object.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "weft-test-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class RunningServer {
 public:
  explicit RunningServer(const std::string& directory, const Limits& limits = {},
                         unsigned threads = 2)
      : RunningServer(OptionsFor(directory, limits, threads)) {}
  explicit RunningServer(const ServerOptions& options) {
    SetLogLevel(LogLevel::kOff);
    auto opened = Server::Open(options);
    EXPECT_TRUE(opened.ok()) << opened.status().ToString();
    server_ = *std::move(opened);
    thread_ = std::thread(
        [this] { EXPECT_EQ(server_->Run(/*handle_signals=*/false), absl::OkStatus()); });
  }
  ~RunningServer() { Stop(); }

  // Returns when everything has ended.
  void Stop() {
    if (!thread_.joinable()) return;
    server_->RequestStop();
    thread_.join();
    server_.reset();
  }

  // Asks for the end and does not wait for it.
  void RequestStop() { server_->RequestStop(); }
  void RequestReload() { server_->RequestReload(); }

  std::uint16_t port() const { return server_->ports().front(); }
  std::vector<std::uint16_t> ports() const { return server_->ports(); }
  std::vector<std::string> addresses() const { return server_->addresses(); }

 private:
  static ServerOptions OptionsFor(const std::string& directory, const Limits& limits,
                                  unsigned threads) {
    ServerOptions options;
    options.listen = {"127.0.0.1:0"};
    options.data_directory = directory;
    options.threads = threads;
    options.limits = limits;
    return options;
  }

  std::unique_ptr<Server> server_;
  std::thread thread_;
};

}  // namespace weft::server
