#include "bench/table_reporter.h"

#include <cstdio>
#include <string>

namespace weft::bench {
namespace {

constexpr int kNameWidth = 52;

// Three significant digits, with the unit that suits.
std::string Duration(double seconds) {
  const char* unit = "s ";
  if (seconds < 1e-6) {
    seconds *= 1e9;
    unit = "ns";
  } else if (seconds < 1e-3) {
    seconds *= 1e6;
    unit = "us";
  } else if (seconds < 1) {
    seconds *= 1e3;
    unit = "ms";
  }
  char text[32];
  const int digits = seconds < 10 ? 2 : seconds < 100 ? 1 : 0;
  std::snprintf(text, sizeof(text), "%.*f %s", digits, seconds, unit);
  return text;
}

// With a comma at the thousands.
std::string Count(double number) {
  char digits[32];
  std::snprintf(digits, sizeof(digits), "%.0f", number);
  std::string text = digits;
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, 1, ',');
  return text;
}

const double* Find(const benchmark::BenchmarkReporter::Run& run, const char* name) {
  const auto found = run.counters.find(name);
  return found == run.counters.end() ? nullptr : &found->second.value;
}

void Print(const std::string& name, const std::string& time, const std::string& item,
           const std::string& bytes, const std::string& memory, const std::string& exponent) {
  std::printf("%-*s %9s %9s %12s %12s %7s\n", kNameWidth, name.c_str(), time.c_str(), item.c_str(),
              bytes.c_str(), memory.c_str(), exponent.c_str());
  std::fflush(stdout);
}

// Without what says how it was measured, which is the same for all.
std::string NameOf(const benchmark::BenchmarkReporter::Run& run) {
  std::string name = run.run_name.function_name;
  if (!run.run_name.args.empty()) name += "/" + run.run_name.args;
  if (!run.aggregate_name.empty()) name += " " + run.aggregate_name;
  return name;
}

}  // namespace

bool TableReporter::ReportContext(const Context&) {
  Print("benchmark", "time", "an item", "bytes", "memory", "growth");
  return true;
}

void TableReporter::ReportRuns(const std::vector<Run>& runs) {
  for (const Run& run : runs) {
    if (run.error_occurred) {
      std::printf("%-*s %s\n", kNameWidth, NameOf(run).c_str(), run.error_message.c_str());
      continue;
    }
    const double* item = Find(run, "time/item");
    const double* bytes = Find(run, "bytes");
    const double* memory = Find(run, "memory");
    const double* exponent = Find(run, "exponent");
    char growth[16] = "";
    if (exponent != nullptr) std::snprintf(growth, sizeof(growth), "n^%.2f", *exponent);
    const double seconds =
        run.real_accumulated_time / (run.iterations > 0 ? static_cast<double>(run.iterations) : 1);
    Print(NameOf(run), Duration(seconds), item == nullptr ? "" : Duration(*item),
          bytes == nullptr ? "" : Count(*bytes), memory == nullptr ? "" : Count(*memory), growth);
  }
}

}  // namespace weft::bench
