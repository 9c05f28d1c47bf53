#include "server/configuration.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/settings_file.h"

namespace weft::server {
namespace {

constexpr const char* kConfig = "config";
constexpr std::string_view kPrefix = "WEFT_";

std::string VariableOf(std::string_view flag) {
  std::string name = absl::StrCat(std::string(kPrefix), absl::AsciiStrToUpper(std::string(flag)));
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row[b.size()];
}

std::map<std::string, std::string> ToMap(const std::vector<std::string>& environment) {
  std::map<std::string, std::string> variables;
  for (const std::string& entry : environment) {
    const std::size_t equals = entry.find('=');
    if (equals != std::string::npos) variables[entry.substr(0, equals)] = entry.substr(equals + 1);
  }
  return variables;
}

std::string DidYouMean(const std::optional<std::string>& name) {
  return name ? absl::StrCat("; do you mean ", *name, "?") : "";
}

class Configurer {
 public:
  Configurer(std::vector<std::string> arguments, const ConfigurationSources& sources)
      : sources_(sources), variables_(ToMap(sources.environment)) {
    configuration_.arguments = std::move(arguments);
  }

  absl::StatusOr<Configuration> Run() {
    NoteFlags();
    // What else there may be is no setting, and is not looked for elsewhere.
    for (const absl::Status& status : {TakeEnvironment(), TakeFile()}) {
      if (!status.ok()) return status;
    }
    return std::move(configuration_);
  }

 private:
  void NoteFlags() {
    const std::vector<std::string>& arguments = configuration_.arguments;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      if (!arguments[i].starts_with("--")) continue;
      const std::size_t equals = std::min(arguments[i].find('='), arguments[i].size());
      const std::string name = arguments[i].substr(2, equals - 2);
      configuration_.origins[name] = "flag";
      if (name != kConfig) continue;
      if (equals < arguments[i].size())
        file_ = arguments[i].substr(equals + 1);
      else if (i + 1 < arguments.size())
        file_ = arguments[i + 1];
    }
  }

  absl::Status TakeEnvironment() {
    std::vector<std::string> known;
    for (const FlagKind& flag : sources_.flags) {
      known.push_back(VariableOf(flag.name));
      const auto found = variables_.find(known.back());
      if (found == variables_.end()) continue;
      if (flag.name == kConfig && file_.empty()) file_ = found->second;
      std::vector<std::string> values = {found->second};
      if (flag.repeats) values = absl::StrSplit(found->second, ' ', absl::SkipEmpty());
      const absl::Status taken = Take(flag, values, found->first);
      if (!taken.ok()) return taken;
    }
    for (const auto& [name, value] : variables_) {
      if (!name.starts_with(kPrefix) ||
          std::find(known.begin(), known.end(), name) != known.end()) {
        continue;
      }
      // Kubernetes and others name services that way, too.
      const auto nearest = NearestName(name, known);
      if (nearest && EditDistance(name, *nearest) <= 2) {
        return absl::InvalidArgumentError(
            absl::StrCat("the variable ", name, " is no setting", DidYouMean(nearest)));
      }
    }
    return absl::OkStatus();
  }

  absl::Status TakeFile() {
    if (file_.empty()) return absl::OkStatus();
    const absl::StatusOr<std::string> text = sources_.read_file(file_);
    if (!text.ok()) return text.status();
    const auto settings = ParseSettings(*text);
    if (!settings.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(file_, ", ", std::string(settings.status().message())));
    }
    std::vector<std::string> known;
    for (const FlagKind& flag : sources_.flags) {
      if (flag.name != kConfig) known.push_back(flag.name);
    }
    for (const Setting& setting : *settings) {
      const std::string where = absl::StrCat(file_, ":", setting.line);
      const auto flag = std::find_if(
          sources_.flags.begin(), sources_.flags.end(), [&](const FlagKind& candidate) {
            return candidate.name == setting.name && candidate.name != kConfig;
          });
      if (flag == sources_.flags.end()) {
        return absl::InvalidArgumentError(
            absl::StrCat(where, ": ", setting.name, " is no setting",
                         DidYouMean(NearestName(setting.name, known))));
      }
      if (setting.is_array && !flag->repeats) {
        return absl::InvalidArgumentError(
            absl::StrCat(where, ": ", setting.name, " has one value, no array"));
      }
      const absl::Status taken = Take(*flag, setting.values, where);
      if (!taken.ok()) return taken;
    }
    return absl::OkStatus();
  }

  // Checked even when it does not count: a mistake does not wait for the day on which it does.
  absl::Status Take(const FlagKind& flag, const std::vector<std::string>& values,
                    const std::string& origin) {
    const bool counts = !configuration_.origins.contains(flag.name);
    for (const std::string& value : values) {
      std::string argument = absl::StrCat("--", flag.name, "=", value);
      if (!flag.takes_value) {
        if (value != "true" && value != "false") {
          return absl::InvalidArgumentError(
              absl::StrCat(origin, ": ", flag.name, " is true or false, not \"", value, "\""));
        }
        if (value == "false") continue;
        argument = absl::StrCat("--", flag.name);
      }
      const std::string wrong = sources_.check(argument);
      if (!wrong.empty()) return absl::InvalidArgumentError(absl::StrCat(origin, ": ", wrong));
      if (counts) configuration_.arguments.push_back(argument);
    }
    if (counts) configuration_.origins[flag.name] = origin;
    return absl::OkStatus();
  }

  const ConfigurationSources& sources_;
  const std::map<std::string, std::string> variables_;
  std::string file_;
  Configuration configuration_;
};

}  // namespace

absl::StatusOr<Configuration> Configure(std::vector<std::string> arguments,
                                        const ConfigurationSources& sources) {
  return Configurer(std::move(arguments), sources).Run();
}

std::optional<std::string> NearestName(std::string_view name,
                                       const std::vector<std::string>& names) {
  std::optional<std::string> nearest;
  std::size_t least = name.size() / 2 + 1;
  for (const std::string& candidate : names) {
    const std::size_t distance = EditDistance(name, candidate);
    if (distance >= least) continue;
    least = distance;
    nearest = candidate;
  }
  return nearest;
}

}  // namespace weft::server
