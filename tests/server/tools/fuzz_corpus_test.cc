#include "server/tools/fuzz_corpus.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <string>

#include "crdt/any.h"
#include "crdt/json.h"

namespace weft::server {
namespace {

namespace fs = std::filesystem;

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

class FuzzCorpus : public testing::Test {
 protected:
  FuzzCorpus() {
    std::string pattern = (fs::temp_directory_path() / "weft-corpus-XXXXXX").string();
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  ~FuzzCorpus() override { fs::remove_all(folder_); }

  fs::path folder_;
};

TEST_F(FuzzCorpus, EveryFileOfTheExportIsInTheManifestWithItsVerdict) {
  ASSERT_TRUE(ExportFuzzCorpus(folder_.string()).ok());
  const std::optional<crdt::Any> manifest =
      crdt::ParseJson(ReadFile(folder_ / "manifest.json"), 10);
  ASSERT_TRUE(manifest && manifest->AsObject() != nullptr);
  const crdt::Any* inputs = manifest->AsObject()->Find("inputs");
  ASSERT_TRUE(inputs != nullptr && inputs->AsArray() != nullptr);
  EXPECT_EQ(inputs->AsArray()->size(), CorpusInputs().size());
  std::set<std::string> named;
  std::set<std::string> verdicts;
  for (const crdt::Any& input : *inputs->AsArray()) {
    const std::string& file = *input.AsObject()->Find("file")->AsString();
    named.insert(file);
    verdicts.insert(*input.AsObject()->Find("verdict")->AsString());
    EXPECT_EQ(fs::file_size(folder_ / file), *input.AsObject()->Find("bytes")->AsNumber()) << file;
  }
  EXPECT_EQ(verdicts, (std::set<std::string>{"accept", "refuse"}));
  std::set<std::string> there;
  for (const auto& entry : fs::recursive_directory_iterator(folder_)) {
    if (entry.is_regular_file()) there.insert(fs::relative(entry.path(), folder_).string());
  }
  named.insert("manifest.json");
  EXPECT_EQ(there, named);
}

TEST_F(FuzzCorpus, AFolderWithSomethingInItIsLeftAlone) {
  std::ofstream(folder_ / "mine") << "mine";
  EXPECT_TRUE(absl::IsInvalidArgument(ExportFuzzCorpus(folder_.string())));
  EXPECT_EQ(ReadFile(folder_ / "mine"), "mine");
  EXPECT_FALSE(fs::exists(folder_ / "manifest.json"));
}

}  // namespace
}  // namespace weft::server
