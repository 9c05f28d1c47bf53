#include "tests/crdt/oracle/isolated_run.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <string_view>

#include "crdt/base/check.h"

namespace weft::crdt::oracle {
namespace {

// The text that a finished piece returned stands after this mark, behind what it wrote before.
constexpr std::string_view kMark("\0finished\0", 10);

void WriteAll(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(file, text.data(), text.size());
    if (written <= 0) _exit(2);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

IsolatedResult RunIsolated(const std::function<std::string()>& piece, unsigned limit_s) {
  std::fflush(nullptr);
  int ends[2];
  CHECK(pipe(ends) == 0);
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    close(ends[0]);
    dup2(ends[1], STDERR_FILENO);
    alarm(limit_s);
    const std::string text = piece();
    WriteAll(ends[1], kMark);
    WriteAll(ends[1], text);
    _exit(0);
  }
  close(ends[1]);
  std::string output;
  char buffer[1 << 16];
  for (ssize_t size; (size = read(ends[0], buffer, sizeof(buffer))) > 0;) {
    output.append(buffer, static_cast<std::size_t>(size));
  }
  close(ends[0]);
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);

  const std::size_t mark = output.find(kMark);
  if (mark != std::string::npos && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    return {.finished = true, .text = output.substr(mark + kMark.size())};
  }
  if (WIFSIGNALED(status)) output += "(ended by signal " + std::to_string(WTERMSIG(status)) + ")\n";
  return {.finished = false, .text = output};
}

}  // namespace weft::crdt::oracle
