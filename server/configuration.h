#pragma once

// Flags of `weft serve` from three places: the command line, the environment, a file. What stands
// further to the left wins; each setting comes from one place as a whole.
//
// A flag --max-rooms is WEFT_MAX_ROOMS in the environment and max-rooms in the file (settings_file.h).
// A flag that may be repeated is an array in the file, and words with spaces between in the environment.
// A flag without a value is true or false. The file is named by --config or WEFT_CONFIG.
//
// All of it becomes one command line, which is read as any other: no second set of rules. Threads: one.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace weft::server {

// A flag, by its name without dashes.
struct FlagKind {
  std::string name;
  bool takes_value = true;
  bool repeats = false;
};

struct Configuration {
  std::vector<std::string> arguments;  // of the command line alone, then all others
  std::map<std::string, std::string>
      origins;  // of each flag in them: "flag", "WEFT_DATA", "weft.toml:3"
};

struct ConfigurationSources {
  std::vector<FlagKind> flags;  // what there is
  // All variables, "NAME=VALUE".
  std::vector<std::string> environment;
  // The content of a file.
  std::function<absl::StatusOr<std::string>(const std::string& path)> read_file;
  // Says whether "--name=value" is all right by itself; the reason, or nothing.
  std::function<std::string(const std::string& argument)> check;
};

// Fails: kInvalidArgument, with the variable, or the file and its line, and the reason. A name that
// is not known is a mistake in the file; in the environment only if it is nearly one that is, since
// others put variables there too.
absl::StatusOr<Configuration> Configure(std::vector<std::string> arguments,
                                        const ConfigurationSources& sources);

// The one of `names` that somebody meant, if any is near.
std::optional<std::string> NearestName(std::string_view name,
                                       const std::vector<std::string>& names);

}  // namespace weft::server
