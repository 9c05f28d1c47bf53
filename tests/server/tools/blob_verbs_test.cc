// `weft json`, `text`, `delta`, `merge`, `diff`, `convert`, `state-vector`, `bytes` and `driver`, as
// processes.

#include "server/tools/blob_verbs.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "absl/strings/escaping.h"
#include "crdt/doc.h"
#include "crdt/update_merge.h"
#include "tests/server/running_server.h"
#include "tests/server/weft_command.h"

namespace weft::server {
namespace {

using crdt::Doc;
using crdt::UpdateFormat;

class BlobVerbsTest : public testing::Test {
 protected:
  void SetUp() override {
    Doc::Options options;
    options.client_id = crdt::ClientId{7};
    Doc doc(options);
    doc.GetText("content").Insert(0, "hello", {{"bold", true}});
    Write("first.bin", doc.EncodeStateAsUpdate());
    doc.GetArray("list").Insert(0, {1, crdt::Any(crdt::Bytes{1, 2})});
    doc.GetMap("meta").Set("title", "A");
    doc.GetXmlFragment("page").InsertElement(0, "p").InsertText(0).Insert(0, "hi");
    doc.GetText("content").Delete(0, 1);
    state_ = doc.EncodeStateAsUpdate();
    Write("state.bin", state_);
    Write("state.v2.bin", doc.EncodeStateAsUpdate({}, UpdateFormat::kV2));
    Write("bad.bin", crdt::Bytes{1, 1, 1});
    Write("base64.txt", crdt::AsBytes(Base64(state_)));
  }

  std::string Path(const std::string& name) const { return directory_.path() + "/" + name; }
  void Write(const std::string& name, crdt::ByteView bytes) const {
    std::ofstream(Path(name), std::ios::binary) << crdt::AsText(bytes);
  }
  static std::string Base64(crdt::ByteView bytes) {
    std::string out;
    const std::string_view text = crdt::AsText(bytes);
    absl::Base64Escape({text.data(), text.size()}, &out);
    return out;
  }

  // `arguments` as a shell reads them, in the directory of the files.
  CommandResult Run(const std::string& arguments, const std::string& input = "/dev/null") const {
    return RunWeft(arguments + " <" + input, directory_.path());
  }

  TemporaryDirectory directory_;
  crdt::Bytes state_;
};

TEST_F(BlobVerbsTest, JsonShowsEveryRootAsWhatItSeemsToBe) {
  const CommandResult all = Run("json state.bin");
  EXPECT_EQ(all.exit_code, 0) << all.err;
  EXPECT_EQ(all.out,
            "{\"content\":\"ello\",\"list\":[1,{\"$binary\":\"AQI=\"}],\"meta\":{\"title\":\"A\"},"
            "\"page\":\"<p>hi</p>\"}\n");
  EXPECT_EQ(Run("json state.bin --root list").out, "[1,{\"$binary\":\"AQI=\"}]\n");
  EXPECT_EQ(Run("json --v2 state.v2.bin --root meta:map").out, "{\"title\":\"A\"}\n");
  EXPECT_EQ(Run("json --from-base64 - --root meta", "base64.txt").out, "{\"title\":\"A\"}\n");
}

TEST_F(BlobVerbsTest, TextAndDeltaShowTheOnlyTextOrTheOneThatIsNamed) {
  EXPECT_EQ(Run("text first.bin").out, "hello\n");
  EXPECT_EQ(Run("delta state.bin").out, "[{\"insert\":\"ello\",\"attributes\":{\"bold\":true}}]\n");
  EXPECT_EQ(Run("text state.bin --root page").out, "<p>hi</p>\n");
  const CommandResult two = Run("text state.bin");
  EXPECT_EQ(two.exit_code, 2);
  EXPECT_NE(two.err.find("content:text page:xmlfragment"), std::string::npos) << two.err;
  EXPECT_EQ(Run("text state.bin --root nothing").exit_code, 2);
  EXPECT_EQ(Run("text state.bin --root list").exit_code, 2);
  EXPECT_EQ(Run("text state.bin --root content:nonsense").exit_code, 2);
}

TEST_F(BlobVerbsTest, DiffAndMergeAreTheReverseOfOneAnother) {
  EXPECT_EQ(Run("diff state.bin first.bin --output news.bin").exit_code, 0);
  EXPECT_LT(ReadFile(Path("news.bin")).size(), state_.size());
  const CommandResult merged = Run("merge first.bin news.bin");
  EXPECT_EQ(merged.exit_code, 0) << merged.err;
  Doc doc;
  EXPECT_TRUE(doc.ApplyUpdate(crdt::AsBytes(merged.out)).ok());
  EXPECT_EQ(doc.GetText("content").ToString(), "ello");
  EXPECT_EQ(Run("state-vector first.bin --output first.sv").exit_code, 0);
  EXPECT_EQ(Run("diff state.bin first.sv --state-vector").out, ReadFile(Path("news.bin")));
}

TEST_F(BlobVerbsTest, ConvertGoesThereAndBack) {
  EXPECT_EQ(Run("convert state.bin").out, ReadFile(Path("state.v2.bin")));
  EXPECT_EQ(Run("convert --v2 state.v2.bin --base64").out, Base64(state_) + "\n");
}

TEST_F(BlobVerbsTest, StateVectorTellsClocksByClient) {
  EXPECT_EQ(Run("state-vector first.bin --json").out, "{\"7\":7}\n");
  EXPECT_EQ(Run("state-vector first.bin --base64").out, "AQcH\n");
}

TEST_F(BlobVerbsTest, EqualComparesWhatUpdatesBringAndNotTheirBytes) {
  Run("diff state.bin first.bin --output news.bin");
  Run("merge first.bin news.bin --output merged.bin");
  EXPECT_EQ(Run("equal state.bin state.bin").exit_code, 0);
  const CommandResult different = Run("equal state.bin first.bin");
  EXPECT_EQ(different.exit_code, 1);
  EXPECT_EQ(different.out, "different\n");
  EXPECT_EQ(Run("equal state.bin bad.bin").exit_code, 2);
}

TEST_F(BlobVerbsTest, WhyPendingNamesTheMissingIds) {
  EXPECT_EQ(Run("why-pending state.bin").exit_code, 0);
  Run("diff state.bin first.bin --output news.bin");
  const CommandResult pending = Run("why-pending news.bin");
  EXPECT_EQ(pending.exit_code, 1);
  EXPECT_NE(pending.out.find("missing, of client 7: 0-6\n"), std::string::npos) << pending.out;
  EXPECT_EQ(Run("why-pending news.bin first.bin").out, "nothing waits\n");
}

TEST_F(BlobVerbsTest, BytesTellsWhatIsLarge) {
  const CommandResult bytes = Run("bytes state.bin");
  EXPECT_EQ(bytes.exit_code, 0) << bytes.err;
  for (const char* words : {"by root type", "\"content\" (text)", "\"page\" (xmlfragment)",
                            "by client", "tombstones", "as a document in memory"}) {
    EXPECT_NE(bytes.out.find(words), std::string::npos) << bytes.out;
  }
}

TEST_F(BlobVerbsTest, ErrorsNameTheFileTheOffsetAndWhatToDo) {
  for (const char* verb : {"json", "text", "delta", "merge", "convert", "state-vector", "bytes"}) {
    const CommandResult bad = Run(std::string(verb) + " bad.bin");
    EXPECT_EQ(bad.exit_code, 2) << verb;
    EXPECT_NE(bad.err.find("bad.bin is no update of format v1"), std::string::npos) << bad.err;
    const CommandResult missing = Run(std::string(verb) + " missing.bin");
    EXPECT_EQ(missing.exit_code, 2) << verb;
    EXPECT_NE(missing.err.find("missing.bin"), std::string::npos) << missing.err;
    EXPECT_NE(Run(std::string(verb) + " base64.txt").err.find("--from-base64"), std::string::npos);
  }
  EXPECT_NE(Run("json state.v2.bin").err.find("add --v2"), std::string::npos);
  EXPECT_EQ(Run("diff state.bin").exit_code, 2);
  EXPECT_EQ(Run("merge - -").exit_code, 2);
}

TEST_F(BlobVerbsTest, TheDriverAnswersEachLineInOrder) {
  std::ofstream(Path("requests")) << R"({"op":"new","doc":0,"clientID":1})" << "\nnonsense\n\n"
                                  << R"({"op":"sv","doc":0})";
  const CommandResult driver = Run("driver", "requests");
  EXPECT_EQ(driver.exit_code, 0) << driver.err;
  EXPECT_EQ(driver.out.find("{\"clientID\":1}\n{\"error\":"), 0u) << driver.out;
  EXPECT_TRUE(driver.out.ends_with("\n{\"sv\":\"AA==\"}\n")) << driver.out;
}

}  // namespace
}  // namespace weft::server
