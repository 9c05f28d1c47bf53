// B1 to B3 of crdt-benchmarks: the work itself, then encoding and parsing what it left behind.
//
// Beside each stands its limit (format_limit.h). In B3 the updates are applied one by one: ApplyUpdate is a transaction of its own.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/benchmarks.h"
#include "bench/crdt_benchmark_work.h"
#include "bench/format_limit.h"
#include "bench/replica.h"
#include "bench/sample.h"

namespace weft::bench {
namespace {

using crdt::Bytes;
using crdt::Doc;
using crdt::UpdateFormat;

// What a row leaves behind, made when first asked for.
class Outcome {
 public:
  explicit Outcome(const CrdtBenchmark& benchmark) : benchmark_(benchmark) {}

  absl::Status Prepare() {
    if (worked_.doc != nullptr) return absl::OkStatus();
    absl::StatusOr<Worked> worked = DoCrdtBenchmark(benchmark_);
    if (!worked.ok()) return worked.status();
    worked_ = *std::move(worked);
    content_ = ContentOf(benchmark_, *worked_.doc);
    return absl::OkStatus();
  }

  const CrdtBenchmark& benchmark() const { return benchmark_; }
  const Doc& doc() const { return *worked_.doc; }
  const std::vector<Bytes>& updates() const { return worked_.updates; }
  const crdt::Any& content() const { return content_; }

 private:
  const CrdtBenchmark benchmark_;
  Worked worked_;
  crdt::Any content_;
};

absl::StatusOr<Sample> Encode(Outcome& outcome, UpdateFormat format) {
  if (absl::Status status = outcome.Prepare(); !status.ok()) return status;
  Bytes encoded;
  const double seconds = Seconds([&] { encoded = outcome.doc().EncodeStateAsUpdate({}, format); });
  return Sample{.seconds = seconds, .bytes = encoded.size()};
}

absl::StatusOr<Sample> Parse(Outcome& outcome, UpdateFormat format) {
  if (absl::Status status = outcome.Prepare(); !status.ok()) return status;
  const Bytes state = outcome.doc().EncodeStateAsUpdate({}, format);
  const std::unique_ptr<Doc> doc = MakeDoc(1'000'000);
  absl::Status status;
  const double seconds = Seconds([&] { status = doc->ApplyUpdate(state, "", format); });
  if (!status.ok()) return status;
  if (ContentOf(outcome.benchmark(), *doc) != outcome.content()) {
    return Wrong("the document does not survive a round trip");
  }
  return Sample{.seconds = seconds, .bytes = state.size()};
}

absl::StatusOr<Sample> Work(const CrdtBenchmark& benchmark) {
  const absl::StatusOr<Worked> worked = DoCrdtBenchmark(benchmark);
  if (!worked.ok()) return worked.status();
  return Sample{.seconds = worked->seconds, .bytes = worked->update_bytes()};
}

// The limit of a row or of its state, with what `of` takes from the outcome.
template <typename Of>
absl::StatusOr<Sample> Limit(Outcome& outcome, const Of& of) {
  if (absl::Status status = outcome.Prepare(); !status.ok()) return status;
  return of();
}

}  // namespace

void AddCrdtBenchmarks() {
  for (const CrdtBenchmark& row : MakeCrdtBenchmarks()) {
    const auto outcome = std::make_shared<Outcome>(row);
    const auto name = [&](const char* what) { return absl::StrCat(row.name, "/", what); };
    AddBenchmark(name("Work"), 1, [=] { return Work(outcome->benchmark()); });
    AddBenchmark(name("EncodeV1"), 1, [=] { return Encode(*outcome, UpdateFormat::kV1); });
    AddBenchmark(name("EncodeV2"), 1, [=] { return Encode(*outcome, UpdateFormat::kV2); });
    AddBenchmark(name("ParseV1"), 1, [=] { return Parse(*outcome, UpdateFormat::kV1); });
    AddBenchmark(name("ParseV2"), 1, [=] { return Parse(*outcome, UpdateFormat::kV2); });
    const auto limit = [&](const char* what) {
      return absl::StrCat("limit: ", row.name, "/", what);
    };
    AddBenchmark(limit("Work"), 1, [=] {
      return Limit(*outcome, [&] { return LimitOfWork(outcome->benchmark(), outcome->updates()); });
    });
    for (const UpdateFormat format : {UpdateFormat::kV1, UpdateFormat::kV2}) {
      const bool v1 = format == UpdateFormat::kV1;
      AddBenchmark(limit(v1 ? "EncodeV1" : "EncodeV2"), 1, [=] {
        return Limit(*outcome, [&] {
          return LimitOfEncode(outcome->doc().EncodeStateAsUpdate({}, format), format);
        });
      });
      AddBenchmark(limit(v1 ? "ParseV1" : "ParseV2"), 1, [=] {
        return Limit(*outcome, [&] {
          return LimitOfParse(outcome->doc().EncodeStateAsUpdate({}, format), format);
        });
      });
    }
  }
}

}  // namespace weft::bench
