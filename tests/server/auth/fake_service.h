#pragma once

// The service behind --auth-callback-url, as tests want it: it answers each question with what it was
// told last, and keeps the questions.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace weft::server::auth {

class FakeService {
 public:
  // What it writes and then closes; nothing at all: it reads and keeps silent.
  explicit FakeService(std::string answer = "") : answer_(std::move(answer)) {
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    ::listen(socket_, 64);
    socklen_t size = sizeof address;
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Run(); });
  }
  ~FakeService() {
    stop_ = true;
    thread_.join();
    for (const int silent : silent_) ::close(silent);
    ::close(socket_);
  }

  static std::string Says(int status, const std::string& json) {
    return "HTTP/1.1 " + std::to_string(status) +
           " Whatever\r\nContent-Type: application/json\r\nContent-Length: " +
           std::to_string(json.size()) + "\r\nConnection: close\r\n\r\n" + json;
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/rights?a=b"; }

  void Answer(std::string answer) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
  }
  // Requests so far, head and body.
  std::vector<std::string> questions() const {
    const std::lock_guard lock(mutex_);
    return questions_;
  }

 private:
  void Run() {
    while (!stop_) {
      pollfd waiting{socket_, POLLIN, 0};
      if (::poll(&waiting, 1, 20) <= 0) continue;
      const int client = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
      if (client >= 0) Serve(client);
    }
  }

  void Serve(int client) {
    std::string request;
    std::size_t wanted = std::string::npos;
    while (request.size() < wanted) {
      char buffer[4096];
      const ssize_t size = ::recv(client, buffer, sizeof buffer, 0);
      if (size <= 0) break;
      request.append(buffer, static_cast<std::size_t>(size));
      const std::size_t end = request.find("\r\n\r\n");
      const std::size_t length = request.find("Content-Length: ");
      if (end != std::string::npos && length < end) {
        wanted = end + 4 + std::stoul(request.substr(length + 16));
      }
    }
    const std::lock_guard lock(mutex_);
    questions_.push_back(std::move(request));
    if (answer_.empty()) {
      silent_.push_back(client);
    } else {
      ::send(client, answer_.data(), answer_.size(), MSG_NOSIGNAL);
      ::close(client);
    }
  }

  int socket_ = -1;
  int port_ = 0;
  std::atomic<bool> stop_{false};
  mutable std::mutex mutex_;
  std::string answer_;
  std::vector<std::string> questions_;
  std::vector<int> silent_;
  std::thread thread_;
};

}  // namespace weft::server::auth
