#pragma once

// The verbs of `weft log` that check a log and copy it, as a whole or room by room.

#include "server/tools/log_verbs.h"
#include "store/log_reader.h"

namespace weft::server::log_verbs {

// Each does its verb and prints; the exit code of the program.
int VerifyLog(const LogCommand& command);
int Backup(const store::LogReader& log, const LogCommand& command);
int Restore(const LogCommand& command);
int Salvage(const LogCommand& command);
int Export(const store::LogReader& log, const LogCommand& command);
int Import(const LogCommand& command);

}  // namespace weft::server::log_verbs
