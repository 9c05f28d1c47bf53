// weft_script_bench [PAGES]: what a script of 300 pages and 12,000 lines (or PAGES of 40) costs the server:
// making the document that a room begins with, and saving one in which every line is new, changed or moved.
//
// Printed is the time of each step, the least of five, on one thread; syncs of the medium are in "commit".

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>
#include <string>

#include "crdt/base/check.h"
#include "server/script/compile.h"
#include "server/script/document_builder.h"
#include "server/script/import.h"
#include "server/script/revision_room.h"
#include "server/script/save.h"
#include "server/script/schema.h"
#include "store/rows.h"
#include "tests/script/sample_script.h"
#include "tests/store/log_harness.h"

namespace weft::bench {
namespace {

using namespace server::script;  // NOLINT(google-build-using-namespace): the words of this program

constexpr int kRuns = 5;

double Milliseconds(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
      .count();
}

void Print(const char* step, double milliseconds, const std::string& note = {}) {
  std::printf("%-44s %9.1f ms  %s\n", step, milliseconds, note.c_str());
}

// A log in a directory of its own, with the sample show and a script of these lines.
struct Stored {
  explicit Stored(const std::vector<Line>& lines)
      : log(store::OpenLog({.directory = directory.path()})) {
    auto opened = store::Rows::Open(*log, kApplication);
    CHECK(opened.ok());
    rows = *std::move(opened);
    ImportedShow show{.show = SampleShow(), .script = ScriptWith(lines)};
    show.revisions.push_back({.revision = RevisionOf(lines)});
    Imported imported;
    imported.shows.push_back(std::move(show));
    import_ms = Milliseconds([&] {
      CHECK(rows->Write([&](store::RowWriter& writer) { return WriteImport(writer, imported); })
                .ok());
    });
  }

  store::TestDirectory directory;
  std::unique_ptr<store::UpdateLog> log;
  std::unique_ptr<store::Rows> rows;
  double import_ms = 0;
};

struct Times {
  double encode = std::numeric_limits<double>::max();
  double prepare = encode;
  double commit = encode;
  std::string report;
  std::size_t patch_bytes = 0;
};

// Saves the document that `edit` makes of the stored one, from the same rows each time.
Times MeasureSave(const std::vector<Line>& lines, const std::function<void(crdt::Doc&)>& edit) {
  Times times;
  for (int run = 0; run < kRuns; ++run) {
    const Stored stored(lines);
    const auto doc = BuildDocument(RevisionOf(lines));
    edit(*doc);
    crdt::Bytes state;
    times.encode =
        std::min(times.encode, Milliseconds([&] { state = doc->EncodeStateAsUpdate(); }));
    absl::StatusOr<PreparedSave> save;
    times.prepare = std::min(
        times.prepare, Milliseconds([&] {
          const absl::Status status = stored.rows->Read([&](const store::RowReader& reader) {
            save = PrepareSave(
                {.show = kShow, .revision = kFirstRevision, .state = state, .now_ms = 1}, reader);
            return save.status();
          });
          CHECK(status.ok() && save->problems.empty());
        }));
    times.commit =
        std::min(times.commit, Milliseconds([&] { CHECK(stored.rows->Write(save->rows).ok()); }));
    times.report = save->report_json;
    times.patch_bytes = save->patch.size();
  }
  return times;
}

void PrintSave(const char* what, const Times& times) {
  std::printf("\n%s: %s\n", what, times.report.c_str());
  Print("  encode the room's document (on its strand)", times.encode);
  Print("  prepare: read, check, plan, patch", times.prepare,
        std::to_string(times.patch_bytes) + " bytes of patch");
  Print("  commit: write what differs, prove the chain", times.commit);
  Print("  the whole save", times.encode + times.prepare + times.commit);
}

void Run(std::uint32_t pages) {
  const std::vector<Line> lines = LargeScript(pages);
  std::printf("%u pages, %zu lines\n", pages, lines.size());
  Stored stored(lines);
  Print("import", stored.import_ms);
  double begin_ms = std::numeric_limits<double>::max();
  std::size_t bytes = 0;
  for (int run = 0; run < kRuns; ++run) {
    begin_ms = std::min(
        begin_ms, Milliseconds([&] {
          const absl::Status status = stored.rows->Read([&](const store::RowReader& reader) {
            const auto beginning = BeginRoom(reader, {.show = kShow, .revision = kFirstRevision});
            if (beginning.ok()) bytes = beginning->update.size();
            return beginning.status();
          });
          CHECK(status.ok());
        }));
  }
  Print("begin a room: read, prove, build, encode", begin_ms, std::to_string(bytes) + " bytes");
  const Revision revision = RevisionOf(lines);
  crdt::Bytes gzip;
  const double compile_ms = Milliseconds([&] { gzip = Compile(revision); });
  Print("compile", compile_ms, std::to_string(gzip.size()) + " bytes");

  PrintSave("nothing changed", MeasureSave(lines, [](crdt::Doc&) {}));
  PrintSave("one line changed",
            MeasureSave(lines, [](crdt::Doc& doc) { SetText(doc, 1, 0, "O!"); }));
  PrintSave(
      "every line changed", MeasureSave(lines, [&](crdt::Doc& doc) {
        for (const Line& line : lines) {
          const std::uint64_t index = (Number(line.id) - 1) % 40;
          LineAt(doc, line.page, index).Set(kActId, static_cast<int>(1 + (line.page + 1) % 2));
        }
      }));
  PrintSave("a script that was never saved", [&] {
    std::vector<Line> none;
    return MeasureSave(none, [&](crdt::Doc& doc) {
      for (const Line& line : lines) {
        InsertDialogue(doc, line.page, (Number(line.id) - 1) % 40, "new", "O brave new world");
      }
    });
  }());
}

}  // namespace
}  // namespace weft::bench

int main(int argc, char** argv) {
  const int pages = argc > 1 ? std::atoi(argv[1]) : 300;
  if (pages < 1 || pages > 100'000) {
    std::fprintf(stderr, "usage: weft_script_bench [PAGES]\n");
    return 2;
  }
  weft::bench::Run(static_cast<std::uint32_t>(pages));
  return 0;
}
