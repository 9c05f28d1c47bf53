#pragma once

// The program `weft` run by a shell to its end, and what it wrote.

#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "tests/server/process.h"

namespace weft::server {

struct CommandResult {
  int exit_code = -1;  // -1 when a signal ended it
  std::string out;
  std::string err;
};

inline std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline void WriteFile(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

inline bool Has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// Runs a line of a shell in `directory`, which takes the files "out" and "err"; nothing is to be read
// unless the line says so. "$weft" is the program.
inline CommandResult RunShell(const std::string& line, const std::string& directory) {
  const std::string command = absl::StrCat("cd '", directory, "' && weft='", WeftProgram(),
                                           "' && { ", line, "\n} </dev/null >out 2>err");
  const int status = std::system(command.c_str());
  return {.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
          .out = ReadFile(directory + "/out"),
          .err = ReadFile(directory + "/err")};
}

inline CommandResult RunWeft(const std::string& arguments, const std::string& directory) {
  return RunShell("\"$weft\" " + arguments, directory);
}

}  // namespace weft::server
