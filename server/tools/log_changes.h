#pragma once

// The verbs of `weft log` that change rooms.

#include "server/tools/log_verbs.h"
#include "store/log_reader.h"

namespace weft::server::log_verbs {

// Each does its verb and prints; the exit code of the program.
int Compact(const LogCommand& command);
int Revert(const LogCommand& command);
int Delete(const LogCommand& command);
int ChangeVersions(const LogCommand& command);
int ChangeQuarantine(const LogCommand& command);

}  // namespace weft::server::log_verbs
