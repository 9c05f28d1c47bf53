#pragma once

// What the words after `weft` mean.

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/auth/token_command.h"
#include "server/log_event.h"
#include "server/script/script_command.h"
#include "server/server.h"
#include "server/tools/blob_verbs.h"
#include "server/tools/connect.h"
#include "server/tools/log_verbs.h"

namespace weft::server {

// Exit codes of the program.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;  // it was asked right, and did not work; or the answer is no
inline constexpr int kExitUsage = 2;   // it was asked wrong, or given what it cannot read

struct CommandLine {
  enum class Verb {
    kServe,
    kBlob,
    kLog,
    kDriver,
    kFuzzCorpus,
    kConnect,
    kToken,
    kScript,
    kNothing
  };

  Verb verb = Verb::kNothing;  // kNothing: everything is said already (help, version, an error)
  int exit_code = kExitOk;     // of kNothing
  std::string output;  // of kNothing: for standard output, or with kExitUsage for standard error

  ServerOptions serve;
  bool says_listen = false;  // where to listen was asked for, by whatever means
  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kText;
  std::vector<std::string> trace_rooms;
  BlobCommand blob;              // kBlob
  LogCommand log;                // kLog
  std::string corpus_directory;  // kFuzzCorpus
  ConnectCommand connect;        // kConnect
  auth::TokenCommand token;      // kToken
  script::ScriptCommand script;  // kScript
  // Of kServe: the script application is served, too.
  bool serves_scripts = false;
  std::string jwt_secret_file;
};

// Where settings of `weft serve` stand beside the command line (configuration.h).
struct Surroundings {
  std::vector<std::string> environment;  // "NAME=VALUE"
  std::function<absl::StatusOr<std::string>(const std::string& path)> read_file;
};

// Of this process.
Surroundings RealSurroundings();

// `arguments` without the program's name. Touches nothing but its result.
CommandLine ParseCommandLine(std::vector<std::string> arguments,
                             const Surroundings& surroundings = {});

}  // namespace weft::server
