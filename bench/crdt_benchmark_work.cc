#include "bench/crdt_benchmark_work.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/replica.h"
#include "bench/sample.h"

namespace weft::bench {
namespace {

using crdt::Any;
using crdt::Bytes;
using crdt::Doc;

// A document with its updates, which are kept while somebody listens.
struct Writer {
  std::unique_ptr<Doc> doc;
  std::unique_ptr<std::vector<Bytes>> updates = std::make_unique<std::vector<Bytes>>();
  crdt::Subscription subscription;

  explicit Writer(std::uint64_t client) : doc(MakeDoc(client)) {
    subscription = doc->OnUpdate([kept = updates.get()](const crdt::UpdateEvent& event) {
      if (event.local) kept->emplace_back(event.update.begin(), event.update.end());
    });
  }
};

absl::Status IsRight(const CrdtBenchmark& benchmark, Doc& one, Doc& other) {
  const Any content = ContentOf(benchmark, one);
  if (content != ContentOf(benchmark, other)) return Wrong("the replicas differ");
  if (!benchmark.expected.is_undefined() && content != benchmark.expected) {
    return Wrong("the content is not what the edits make");
  }
  std::size_t length = 0;
  if (content.AsString() != nullptr) length = content.AsString()->size();
  if (content.AsArray() != nullptr) length = content.AsArray()->size();
  if (content.AsObject() != nullptr) length = content.AsObject()->size();
  if (benchmark.expected_length != 0 && length != benchmark.expected_length) {
    return Wrong(absl::StrCat("the length is ", length, ", not ", benchmark.expected_length));
  }
  return absl::OkStatus();
}

absl::StatusOr<Worked> OneWriter(const CrdtBenchmark& benchmark) {
  Writer writer(1);
  Editor editor(benchmark, *writer.doc);
  const double seconds = Seconds([&] {
    for (const Edit& edit : benchmark.writers.front()) editor.Perform(edit);
  });
  const std::unique_ptr<Doc> other = MakeDoc(2);
  absl::Status status = ApplyAll(*other, *writer.updates);
  if (status.ok()) status = IsRight(benchmark, *writer.doc, *other);
  if (!status.ok()) return status;
  return Worked{std::move(writer.doc), seconds, std::move(*writer.updates)};
}

absl::StatusOr<Worked> TwoWriters(const CrdtBenchmark& benchmark) {
  Writer one(1);
  Writer two(2);
  one.doc->GetText("text").Insert(0, benchmark.initial_text);
  absl::Status status = ApplyAll(*two.doc, *one.updates);
  if (!status.ok()) return status;
  one.updates->clear();
  Editor editor_of_one(benchmark, *one.doc);
  Editor editor_of_two(benchmark, *two.doc);
  const double seconds = Seconds([&] {
    one.doc->Transact("", [&] {
      for (const Edit& edit : benchmark.writers[0]) editor_of_one.Perform(edit);
    });
    two.doc->Transact("", [&] {
      for (const Edit& edit : benchmark.writers[1]) editor_of_two.Perform(edit);
    });
    status = ApplyAll(*two.doc, *one.updates);
    if (status.ok()) status = ApplyAll(*one.doc, *two.updates);
  });
  if (status.ok()) status = IsRight(benchmark, *one.doc, *two.doc);
  if (!status.ok()) return status;
  std::vector<Bytes> updates = std::move(*one.updates);
  for (Bytes& update : *two.updates) updates.push_back(std::move(update));
  return Worked{std::move(one.doc), seconds, std::move(updates)};
}

absl::StatusOr<Worked> ManyWriters(const CrdtBenchmark& benchmark) {
  std::vector<Bytes> updates;
  for (std::size_t i = 0; i < benchmark.writers.size(); ++i) {
    Writer writer(i + 1);
    Editor editor(benchmark, *writer.doc);
    for (const Edit& edit : benchmark.writers[i]) editor.Perform(edit);
    updates.push_back(writer.updates->front());
  }
  std::unique_ptr<Doc> doc = MakeDoc(benchmark.writers.size() + 1);
  absl::Status status;
  const double seconds = Seconds([&] { status = ApplyAll(*doc, updates); });
  const std::unique_ptr<Doc> other = MakeDoc(benchmark.writers.size() + 2);
  if (status.ok()) status = ApplyAll(*other, updates);
  if (status.ok()) status = IsRight(benchmark, *doc, *other);
  if (!status.ok()) return status;
  return Worked{std::move(doc), seconds, std::move(updates)};
}

}  // namespace

std::size_t Worked::update_bytes() const {
  std::size_t size = 0;
  for (const Bytes& update : updates) size += update.size();
  return size;
}

absl::StatusOr<Worked> DoCrdtBenchmark(const CrdtBenchmark& benchmark) {
  switch (benchmark.kind) {
    case CrdtBenchmark::Kind::kOneWriter:
      return OneWriter(benchmark);
    case CrdtBenchmark::Kind::kTwoWriters:
      return TwoWriters(benchmark);
    case CrdtBenchmark::Kind::kManyWriters:
      break;
  }
  return ManyWriters(benchmark);
}

}  // namespace weft::bench
