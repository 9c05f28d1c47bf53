#include "server/tools/drive.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crdt/driver/driver.h"

namespace weft::server {
namespace {

constexpr std::size_t kReadBytes = std::size_t{1} << 18;
// Replies that wait while further input is there.
constexpr std::size_t kReplyBytes = std::size_t{1} << 18;

absl::Status Failed(const char* what) {
  return absl::InternalError(absl::StrCat(what, " failed: ", std::strerror(errno)));
}

absl::Status WriteAll(int output, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(output, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Failed("writing");
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return absl::OkStatus();
}

std::int64_t Milliseconds() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

bool InputWaits(int input) {
  pollfd poll_input{input, POLLIN, 0};
  return poll(&poll_input, 1, 0) > 0;
}

class LineDriver {
 public:
  // What came in. Lines that end here are answered.
  void Take(std::string_view bytes) {
    while (true) {
      const std::size_t end = bytes.find('\n');
      const std::string_view part = bytes.substr(0, end);
      // Of a line that is too long one byte more than allowed is kept: enough to be refused.
      const std::size_t most = driver_.limits().request_bytes + 1;
      line_.append(part.substr(0, most - std::min(most, line_.size())));
      if (end == std::string_view::npos) return;
      AnswerLine();
      bytes.remove_prefix(end + 1);
    }
  }
  void TakeEnd() { AnswerLine(); }

  std::string& replies() { return replies_; }

 private:
  void AnswerLine() {
    if (line_.find_first_not_of(" \t\r") != std::string::npos) {
      replies_ += driver_.Answer(line_);
      replies_ += '\n';
    }
    line_.clear();
    if (line_.capacity() > kReadBytes) line_.shrink_to_fit();
  }

  crdt::driver::Driver driver_{{}, Milliseconds};
  std::string line_;
  std::string replies_;
};

}  // namespace

absl::Status Drive(int input, int output) {
  LineDriver driver;
  std::vector<char> buffer(kReadBytes);
  while (true) {
    const ssize_t size = read(input, buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return Failed("reading");
    if (size == 0) driver.TakeEnd();
    driver.Take({buffer.data(), static_cast<std::size_t>(size)});
    const bool waits = size > 0 && driver.replies().size() < kReplyBytes && InputWaits(input);
    if (waits) continue;
    const absl::Status status = WriteAll(output, driver.replies());
    if (!status.ok() || size == 0) return status;
    driver.replies().clear();
  }
}

}  // namespace weft::server
