#pragma once

// The program `weft` as a process of its own.

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weft::server {

// The path of the program that is tested. Throws, which fails the test: when nobody has named it.
inline std::string WeftProgram() {
  const char* const path = std::getenv("WEFT_BINARY");
  if (path == nullptr) {
    throw std::runtime_error(
        "set WEFT_BINARY to the path of the weft program that is to be tested");
  }
  return path;
}

// The program with its standard output and error in one pipe.
class Process {
 public:
  explicit Process(std::vector<std::string> arguments)
      : Process(WeftProgram(), std::move(arguments)) {}
  // Another program, which may become that one.
  Process(const std::string& program, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), program);
    std::array<int, 2> pipe_ends;
    EXPECT_EQ(::pipe(pipe_ends.data()), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(pipe_ends[1], STDOUT_FILENO);
      ::dup2(pipe_ends[1], STDERR_FILENO);
      ::close(pipe_ends[0]);
      ::close(pipe_ends[1]);
      std::vector<char*> pointers;
      for (std::string& argument : arguments) pointers.push_back(argument.data());
      pointers.push_back(nullptr);
      ::execv(pointers[0], pointers.data());
      ::_exit(127);
    }
    ::close(pipe_ends[1]);
    output_end_ = pipe_ends[0];
  }
  ~Process() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      Wait();
    }
    ::close(output_end_);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }

  // Memory that is in use now, in bytes: all of it, and without files that are mapped.
  std::size_t ResidentBytes() const { return StatusBytes("VmRSS:"); }
  std::size_t AnonymousBytes() const { return StatusBytes("RssAnon:"); }

  std::size_t OpenDescriptors() const {
    const std::filesystem::directory_iterator all("/proc/" + std::to_string(pid_) + "/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }

  void Signal(int signal) { ::kill(pid_, signal); }

  // Reads output until it contains `words`; false at its end.
  bool WaitForOutput(std::string_view words) {
    while (output.find(words) == std::string::npos) {
      if (!ReadSome()) return false;
    }
    return true;
  }

  // Takes what has come, so that the program never waits for somebody to read what it says.
  void TakeOutput() {
    pollfd ready{output_end_, POLLIN, 0};
    while (::poll(&ready, 1, 0) > 0 && (ready.revents & POLLIN) != 0 && ReadSome()) {
    }
  }

  // The exit code, or minus the signal that ended it. Reads the rest of the output.
  int Wait() {
    while (ReadSome()) {
    }
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

  // The port in the line that says where it listens.
  std::uint16_t WaitForPort() {
    const std::string words = "http://127.0.0.1:";
    if (!WaitForOutput(words) || !WaitForOutput("/ (rooms")) return 0;
    return static_cast<std::uint16_t>(std::stoi(output.substr(output.find(words) + words.size())));
  }

  std::string output;

 private:
  std::size_t StatusBytes(std::string_view name) const {
    std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
    std::string word;
    std::size_t kilobytes = 0;
    while (status >> word) {
      if (word == name && status >> kilobytes) break;
    }
    return kilobytes << 10;
  }

  bool ReadSome() {
    std::array<char, 4096> buffer;
    const ssize_t size = ::read(output_end_, buffer.data(), buffer.size());
    if (size <= 0) return false;
    output.append(buffer.data(), static_cast<std::size_t>(size));
    return true;
  }

  pid_t pid_ = -1;
  int output_end_ = -1;
};

}  // namespace weft::server
