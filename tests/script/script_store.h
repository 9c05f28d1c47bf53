#pragma once

// A log with the application's tables in a directory of its own, and a show in it.

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/script/cues_cuts.h"
#include "server/script/document_builder.h"
#include "server/script/import.h"
#include "server/script/save.h"
#include "server/script/script_rows.h"
#include "store/rows.h"
#include "store/update_log.h"
#include "tests/script/sample_script.h"
#include "tests/store/log_harness.h"

namespace weft::server::script {

class ScriptStore {
 public:
  // The sample show with these lines as its only revision.
  explicit ScriptStore(std::vector<Line> lines = {}) {
    Open();
    ImportedShow show{.show = SampleShow(), .script = ScriptWith(lines)};
    show.revisions.push_back({.revision = RevisionOf(std::move(lines))});
    Imported imported{
        .users = {{.id = UserId{1}, .username = "ada", .roles = {{kShow, ShowRole::kWrite}}}}};
    imported.shows.push_back(std::move(show));
    Write([&](store::RowWriter& rows) { return WriteImport(rows, imported); });
  }

  void Write(std::function<absl::Status(store::RowWriter&)> edit) {
    const absl::Status status = rows_->Write(std::move(edit));
    EXPECT_TRUE(status.ok()) << status;
  }
  // What `read` answers of one moment.
  template <typename Read>
  auto Get(Read read) const -> decltype(read(std::declval<const store::RowReader&>())) {
    decltype(read(std::declval<const store::RowReader&>())) result =
        absl::InternalError("not read");
    const absl::Status status = rows_->Read([&](const store::RowReader& rows) {
      result = read(rows);
      return result.status();
    });
    EXPECT_EQ(status.code(), result.status().code());
    return result;
  }

  Revision Load(RevisionId revision = kFirstRevision) const {
    auto loaded =
        Get([&](const store::RowReader& rows) { return LoadRevision(rows, kShow, revision); });
    EXPECT_TRUE(loaded.ok()) << loaded.status();
    return loaded.ok() ? *std::move(loaded) : Revision();
  }
  ScriptInfo Script() const {
    const auto script = Get([](const store::RowReader& rows) { return GetScript(rows, kShow); });
    EXPECT_TRUE(script.ok()) << script.status();
    return script.ok() ? *script : ScriptInfo();
  }
  std::vector<Cue> Cues(RevisionId revision = kFirstRevision) const {
    return *Get([&](const store::RowReader& rows) { return ListCues(rows, kShow, revision); });
  }
  std::vector<PartId> Cuts(RevisionId revision = kFirstRevision) const {
    return *Get([&](const store::RowReader& rows) { return ListCuts(rows, kShow, revision); });
  }
  // Each line as "page: text", as TextsOf says it of a document.
  std::vector<std::string> Texts(RevisionId revision = kFirstRevision) const {
    const auto doc = BuildDocument(Load(revision));
    return TextsOf(*doc);
  }
  std::vector<std::uint64_t> Ids(RevisionId revision = kFirstRevision) const {
    std::vector<std::uint64_t> ids;
    for (const Line& line : Load(revision).lines) ids.push_back(Number(line.id));
    return ids;
  }
  // Rows of a table.
  std::size_t Count(std::string_view table) const {
    std::size_t count = 0;
    const auto counted = Get([&](const store::RowReader& rows) -> absl::StatusOr<bool> {
      const absl::Status status = VisitPrefix(rows, table, {}, [&](crdt::ByteView, crdt::ByteView) {
        ++count;
        return absl::OkStatus();
      });
      if (!status.ok()) return status;
      return true;
    });
    EXPECT_TRUE(counted.ok()) << counted.status();
    return count;
  }

  std::unique_ptr<crdt::Doc> Document(RevisionId revision = kFirstRevision) const {
    return BuildDocument(Load(revision));
  }

  absl::StatusOr<PreparedSave> Prepare(const crdt::Doc& doc, RevisionId revision = kFirstRevision,
                                       const PageProgress& progress = {}) const {
    const crdt::Bytes state = doc.EncodeStateAsUpdate();
    return Get([&](const store::RowReader& rows) {
      return PrepareSave({.show = kShow, .revision = revision, .state = state, .now_ms = ++now_ms_},
                         rows, progress);
    });
  }

  // Prepares, writes, and tells the document. Expects that nothing is wrong with it.
  PreparedSave Save(crdt::Doc& doc, RevisionId revision = kFirstRevision,
                    const PageProgress& progress = {}) {
    auto save = Prepare(doc, revision, progress);
    EXPECT_TRUE(save.ok()) << save.status();
    if (!save.ok()) return {};
    EXPECT_TRUE(save->problems.empty()) << Describe(save->problems);
    if (!save->problems.empty()) return *std::move(save);
    Write(save->rows);
    EXPECT_TRUE(doc.ApplyUpdate(save->patch).ok());
    return *std::move(save);
  }

  store::Rows& rows() { return *rows_; }

  // Closes the log and opens it again.
  void Reopen() {
    rows_.reset();
    log_.reset();
    Open();
  }

 private:
  void Open() {
    log_ = store::OpenLog(directory_);
    auto rows = store::Rows::Open(*log_, kApplication);
    EXPECT_TRUE(rows.ok()) << rows.status();
    rows_ = *std::move(rows);
  }

  store::TestDirectory directory_;
  std::unique_ptr<store::UpdateLog> log_;
  std::unique_ptr<store::Rows> rows_;
  mutable std::int64_t now_ms_ = 1'800'000'000'000;
};

}  // namespace weft::server::script
