// The four layers depend on each other in one direction: the #include lines of their files are held
// against the table kLayers. A new edge is a decision about the architecture, made here.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weft {
namespace {

// Headers by name, or whole folders of them when the name ends with '/'.
using Headers = std::vector<std::string_view>;

// Something that a layer must not have, whatever else it may include.
struct Ban {
  std::string_view what;
  Headers headers;
};

struct Layer {
  std::string_view folder;
  Headers may_include;  // beside headers of the standard library
  std::vector<Ban> bans;
};

struct Exception {
  std::string_view file;
  std::string_view header;
};

const Ban kSockets = {.what = "sockets: bytes come in and go out as arguments",
                      .headers = {"sys/socket.h", "sys/un.h", "sys/epoll.h", "netinet/", "arpa/",
                                  "net/", "netdb.h", "poll.h", "boost/"}};
const Ban kFiles = {.what = "files and streams: what is read and written belongs to the caller",
                    .headers = {"cstdio", "fstream", "filesystem", "iostream", "istream", "ostream",
                                "syncstream", "fcntl.h", "unistd.h", "sys/"}};
const Ban kThreads = {
    .what = "threads and locks: a document and a session belong to one thread",
    .headers = {"thread", "mutex", "shared_mutex", "condition_variable", "future", "atomic",
                "semaphore", "latch", "barrier", "stop_token", "absl/synchronization/"}};
const Ban kClocks = {.what = "clocks: time is an argument, so that a test can choose it",
                     .headers = {"chrono", "ctime", "absl/time/"}};

// An application is no part of the server: the program alone knows that it is there.
const Ban kApplications = {.what = "applications: they build on it, not it on them",
                           .headers = {"server/script/"}};

// A file belongs to the first layer whose folder it lies in.
const std::vector<Layer> kLayers = {
    // Bytes, checks and hash maps, which the store uses too: not a word about documents.
    {.folder = "crdt/base/",
     .may_include = {"crdt/base/", "absl/", "xxhash.h"},
     .bans = {kSockets, kFiles, kThreads, kClocks}},
    // The compiler's header for SSE2 is a header of the language here: where it is, it is always there.
    {.folder = "crdt/",
     .may_include = {"crdt/", "absl/", "xxhash.h", "emmintrin.h"},
     .bans = {kSockets, kFiles, kThreads, kClocks}},
    {.folder = "sync/",
     .may_include = {"sync/", "crdt/", "absl/"},
     .bans = {kSockets, kFiles, kThreads, kClocks}},
    // An update is an opaque byte string here; xxHash makes the checksum of a record.
    {.folder = "store/",
     .may_include = {"store/", "crdt/base/", "absl/", "lmdb.h", "xxhash.h", "fcntl.h", "unistd.h",
                     "sys/"},
     .bans = {kSockets}},
    // An application on the public interfaces of the layers below. Its sockets are the server's: it is handed
    // what they carry (multiplexer.h), and waits with Asio.
    {.folder = "server/script/",
     .may_include = {"server/script/",
                     "server/api/",
                     "server/auth/",
                     "server/lease/",
                     "server/publish/",
                     "server/application.h",
                     "server/asio.h",
                     "server/command_line.h",
                     "server/durability.h",
                     "server/http_routes.h",
                     "server/log_event.h",
                     "server/tools/log_verbs.h",
                     "server/multiplexer.h",
                     "server/page.h",
                     "server/room.h",
                     "server/text_table.h",
                     "server/worker.h",
                     "crdt/any.h",
                     "crdt/base/",
                     "crdt/doc.h",
                     "crdt/delta.h",
                     "crdt/id.h",
                     "crdt/json.h",
                     "crdt/json_error.h",
                     "crdt/state_vector.h",
                     "crdt/types.h",
                     "crdt/update.h",
                     "crdt/update_builder.h",
                     "crdt/update_merge.h",
                     "sync/message.h",
                     "store/log_reader.h",
                     "store/rows.h",
                     "store/update_log.h",
                     "absl/",
                     "boost/asio/",
                     "CLI/",
                     "fcntl.h",
                     "unistd.h",
                     "xxhash.h",
                     "zlib.h"},
     .bans = {}},
    {.folder = "server/",
     .may_include = {"server/", "sync/", "store/", "crdt/", "absl/", "boost/", "spdlog/", "CLI/",
                     "openssl/", "prometheus/", "weft_version.h", "fcntl.h", "unistd.h", "signal.h",
                     "poll.h", "netinet/", "arpa/", "netdb.h", "sys/"},
     .bans = {kApplications}},
};

const std::vector<Exception> kExceptions = {
    // A broken contract is told on standard error before the process ends.
    {.file = "crdt/base/check.h", .header = "cstdio"},
    // Random numbers of the system, which std::random_device gives too slowly.
    {.file = "crdt/base/random.cc", .header = "unistd.h"},
    // Advice to the system about memory: nothing is read or written.
    {.file = "crdt/base/huge_pages.cc", .header = "sys/mman.h"},
    // The language of this one is C.
    {.file = "crdt/weft.h", .header = "stdbool.h"},
    {.file = "crdt/weft.h", .header = "stddef.h"},
    {.file = "crdt/weft.h", .header = "stdint.h"},
    // The program, which has the verb for it.
    {.file = "server/command_line.cc", .header = "server/script/script_command.h"},
    {.file = "server/command_line.h", .header = "server/script/script_command.h"},
    {.file = "server/main.cc", .header = "server/script/application.h"},
    {.file = "server/main.cc", .header = "server/script/script_command.h"},
    // The types of durations and points in time. Reading a clock is found by ReadsClock.
    {.file = "sync/time.h", .header = "chrono"},
};

bool Names(const Headers& headers, std::string_view name) {
  return std::ranges::any_of(headers, [&](std::string_view header) {
    return header.ends_with('/') ? name.starts_with(header) : name == header;
  });
}

// Headers of the C++ standard library have names such as `string_view`: neither folder nor ending.
bool IsStandard(std::string_view name) {
  return name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
}

// The name that the line includes, if it is an #include line. Where a macro stands for the name,
// the answer is a text that no table holds.
std::optional<std::string> IncludedName(std::string_view line) {
  const auto skip_blanks = [&] {
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  };
  skip_blanks();
  if (!line.starts_with('#')) return std::nullopt;
  line.remove_prefix(1);
  skip_blanks();
  if (!line.starts_with("include")) return std::nullopt;
  line.remove_prefix(std::string_view("include").size());
  skip_blanks();
  const char close = line.starts_with('<') ? '>' : '"';
  if (!line.starts_with('<') && !line.starts_with('"')) return "macro " + std::string(line);
  line.remove_prefix(1);
  return std::string(line.substr(0, line.find(close)));
}

bool ReadsClock(std::string_view line) { return line.find("_clock::now(") != line.npos; }

// The first layer whose folder holds `file`, or null.
const Layer* LayerOf(std::string_view file) {
  const auto layer = std::ranges::find_if(
      kLayers, [&](const Layer& candidate) { return file.starts_with(candidate.folder); });
  return layer == kLayers.end() ? nullptr : &*layer;
}

bool IsBanned(std::string_view file, const Ban& what) {
  const Layer* layer = LayerOf(file);
  return layer != nullptr &&
         std::ranges::any_of(layer->bans, [&](const Ban& ban) { return ban.what == what.what; });
}

// What is wrong when `file` includes `name`; nothing when the table has that edge.
std::optional<std::string> Objection(std::string_view file, std::string_view name) {
  const Layer* layer = LayerOf(file);
  if (layer == nullptr) return "lies in no layer";
  const bool is_exception = std::ranges::any_of(kExceptions, [&](const Exception& exception) {
    return exception.file == file && exception.header == name;
  });
  if (is_exception) return std::nullopt;
  for (const Ban& ban : layer->bans) {
    if (Names(ban.headers, name)) {
      return std::string(layer->folder) + " has no " + std::string(ban.what);
    }
  }
  if (IsStandard(name) || Names(layer->may_include, name)) return std::nullopt;
  return std::string(layer->folder) + " may not include it";
}

// What is wrong with one line of `file`, as the reader of a failure wants it.
std::optional<std::string> ObjectionToLine(std::string_view file, std::string_view line) {
  if (ReadsClock(line) && IsBanned(file, kClocks)) return "reads a clock";
  const std::optional<std::string> name = IncludedName(line);
  if (!name) return std::nullopt;
  const std::optional<std::string> objection = Objection(file, *name);
  if (!objection) return std::nullopt;
  return *name + ": " + *objection;
}

bool IsSource(const std::filesystem::path& path) {
  return path.extension() == ".h" || path.extension() == ".cc";
}

std::vector<std::filesystem::path> SourcesOf(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> sources;
  for (auto entry = std::filesystem::recursive_directory_iterator(folder);
       entry != std::filesystem::recursive_directory_iterator(); ++entry) {
    if (entry->path().filename() == "node_modules") entry.disable_recursion_pending();
    if (entry->is_regular_file() && IsSource(entry->path())) sources.push_back(entry->path());
  }
  return sources;
}

TEST(Layering, EveryIncludeOfEveryLayerIsAnEdgeOfTheTable) {
  const std::filesystem::path root = WEFT_SOURCE_ROOT;
  for (const char* folder : {"crdt", "sync", "store", "server"}) {
    const std::vector<std::filesystem::path> sources = SourcesOf(root / folder);
    EXPECT_FALSE(sources.empty()) << "nothing was read in " << folder;
    for (const std::filesystem::path& source : sources) {
      const std::string file = source.lexically_relative(root).generic_string();
      std::ifstream lines(source);
      int number = 0;
      for (std::string line; std::getline(lines, line);) {
        ++number;
        const std::optional<std::string> objection = ObjectionToLine(file, line);
        if (objection) ADD_FAILURE() << file << ":" << number << ": " << *objection;
      }
    }
  }
}

TEST(Layering, ADocumentKnowsNothingOfThoseAboveIt) {
  EXPECT_FALSE(Objection("crdt/doc.cc", "crdt/codec/update_v1.h"));
  EXPECT_FALSE(Objection("crdt/doc.cc", "absl/status/status.h"));
  EXPECT_FALSE(Objection("crdt/doc.cc", "string_view"));
  EXPECT_TRUE(Objection("crdt/doc.cc", "sync/session.h"));
  EXPECT_TRUE(Objection("crdt/doc.cc", "store/update_log.h"));
  EXPECT_TRUE(Objection("crdt/doc.cc", "server/room.h"));
  EXPECT_TRUE(Objection("crdt/doc.cc", "lmdb.h"));
}

TEST(Layering, TheBaseOfTheDocumentsKnowsNoDocuments) {
  EXPECT_FALSE(Objection("crdt/base/bytes.cc", "crdt/base/bytes.h"));
  EXPECT_TRUE(Objection("crdt/base/bytes.cc", "crdt/id.h"));
}

TEST(Layering, TheStoreSeesBytesAndNoDocumentsOrSockets) {
  EXPECT_FALSE(Objection("store/update_log.cc", "crdt/base/bytes.h"));
  EXPECT_FALSE(Objection("store/update_log.cc", "lmdb.h"));
  EXPECT_FALSE(Objection("store/update_log.cc", "thread"));
  EXPECT_TRUE(Objection("store/update_log.cc", "crdt/doc.h"));
  EXPECT_TRUE(Objection("store/update_log.cc", "sync/session.h"));
  EXPECT_TRUE(Objection("store/update_log.cc", "sys/socket.h"));
}

TEST(Layering, DocumentsAndProtocolsHaveNoSocketsFilesThreadsOrClocks) {
  for (const char* file : {"crdt/base/utf.h", "crdt/doc.h", "sync/session.h"}) {
    for (const char* header :
         {"boost/asio.hpp", "sys/socket.h", "fstream", "cstdio", "unistd.h", "thread", "mutex",
          "atomic", "absl/synchronization/mutex.h", "chrono", "time.h", "absl/time/clock.h"}) {
      EXPECT_TRUE(Objection(file, header)) << file << " with " << header;
    }
  }
}

TEST(Layering, OnlyStoreAndServerReadAClock) {
  const char* line = "  const auto now = std::chrono::steady_clock::now();";
  EXPECT_TRUE(ObjectionToLine("crdt/doc.cc", line));
  EXPECT_TRUE(ObjectionToLine("sync/session.cc", line));
  EXPECT_FALSE(ObjectionToLine("store/update_log.cc", line));
  EXPECT_FALSE(ObjectionToLine("server/room.cc", line));
}

TEST(Layering, OnlyTheServerHasBoost) {
  EXPECT_FALSE(Objection("server/main.cc", "boost/asio.hpp"));
  EXPECT_TRUE(Objection("store/update_log.cc", "boost/asio.hpp"));
  EXPECT_TRUE(Objection("sync/session.cc", "boost/json.hpp"));
}

TEST(Layering, TheServerKnowsNoApplications) {
  EXPECT_TRUE(Objection("server/room.cc", "server/script/schema.h"));
  EXPECT_TRUE(Objection("server/api/routes.cc", "server/script/schema.h"));
  EXPECT_FALSE(Objection("server/script/schema.cc", "server/script/schema.h"));
  EXPECT_FALSE(Objection("server/main.cc", "server/script/script_command.h"));
}

TEST(Layering, AnApplicationHasNoInsidesOfTheLayersAndNoSockets) {
  EXPECT_FALSE(Objection("server/script/schema.cc", "crdt/doc.h"));
  EXPECT_TRUE(Objection("server/script/schema.cc", "crdt/doc_core.h"));
  EXPECT_TRUE(Objection("server/script/schema.cc", "server/room_table.h"));
  EXPECT_TRUE(Objection("server/script/schema.cc", "boost/asio.hpp"));
}

TEST(Layering, AnExceptionHoldsForItsFileAlone) {
  EXPECT_FALSE(Objection("crdt/base/check.h", "cstdio"));
  EXPECT_TRUE(Objection("crdt/base/bytes.h", "cstdio"));
  EXPECT_TRUE(Objection("crdt/base/check.h", "fstream"));
}

TEST(Layering, AnIncludeNamesThePathFromTheTop) {
  EXPECT_TRUE(Objection("crdt/doc.cc", "doc.h"));
  EXPECT_TRUE(Objection("crdt/doc.cc", "../sync/session.h"));
  EXPECT_TRUE(Objection("crdt/doc.cc", "./doc.h"));
}

TEST(Layering, AnIncludeIsSeenHoweverItIsWritten) {
  EXPECT_EQ(IncludedName("#include <thread>"), "thread");
  EXPECT_EQ(IncludedName("  #  include\t\"crdt/doc.h\"  // why"), "crdt/doc.h");
  EXPECT_EQ(IncludedName("#include<mutex>"), "mutex");
  EXPECT_EQ(IncludedName("// #include <thread>"), std::nullopt);
  EXPECT_EQ(IncludedName("#define include <thread>"), std::nullopt);
  EXPECT_TRUE(Objection("crdt/doc.cc", *IncludedName("#include HEADER")));
}

}  // namespace
}  // namespace weft
