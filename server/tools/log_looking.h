#pragma once

// The verbs of `weft log` that show rooms and their history.

#include "server/tools/log_verbs.h"
#include "store/log_reader.h"

namespace weft::server::log_verbs {

// Each does its verb and prints; the exit code of the program.
int List(const store::LogReader& log, const LogCommand& command);
int Show(const store::LogReader& log, const LogCommand& command);
int Stats(const store::LogReader& log, const LogCommand& command);
int At(const store::LogReader& log, const LogCommand& command);
int Versions(const store::LogReader& log, const LogCommand& command);
int Quarantine(const store::LogReader& log, const LogCommand& command);
int Tail(const store::LogReader& log, const LogCommand& command);

}  // namespace weft::server::log_verbs
