#pragma once

// A log of real documents, and `weft log …` on it, as processes.

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "crdt/doc.h"
#include "store/update_log.h"
#include "tests/server/running_server.h"
#include "tests/server/weft_command.h"

namespace weft::server {

// The room "notes" holds "one", then "one two", then "one two three", then "three"; "other" holds that, too.
class LogVerbsTest : public testing::Test {
 protected:
  void SetUp() override {
    Open();
    crdt::Doc doc(crdt::Doc::Options{.client_id = crdt::ClientId{7}});
    const auto subscription =
        doc.OnUpdate([&](const crdt::UpdateEvent& event) { Append("notes", event.update); });
    crdt::Text text = doc.GetText("text");
    text.Insert(0, "one");
    text.Insert(3, " two");
    text.Insert(7, " three");
    text.Delete(0, 8);
    Append("other", doc.EncodeStateAsUpdate());
    log_.reset();
  }

  void Open() { log_ = *store::UpdateLog::Open({.directory = Data()}); }
  void Append(const std::string& room, crdt::ByteView update) {
    time_ms_ += 60'000;
    ASSERT_TRUE(log_->TryAppend({.room = room, .time_ms = time_ms_, .payload = update},
                                [](const absl::StatusOr<store::Sequence>& result) {
                                  ASSERT_TRUE(result.ok());
                                })
                    .ok());
    log_->Flush();
  }

  std::string Data() const { return Path("data"); }
  std::string Path(const std::string& name) const { return directory_.path() + "/" + name; }

  CommandResult Weft(const std::string& arguments) const {
    return WeftAt(arguments + " --data '" + Data() + "'");
  }
  CommandResult WeftAt(const std::string& arguments) const {
    return RunWeft("log " + arguments, directory_.path());
  }
  CommandResult Shell(const std::string& line) const { return RunShell(line, directory_.path()); }

  TemporaryDirectory directory_;
  std::unique_ptr<store::UpdateLog> log_;
  std::int64_t time_ms_ = 1'700'000'000'000;
};

}  // namespace weft::server
