// Weft against the real Yjs, live. WEFT_ORACLE_SEEDS runs that many random scripts instead of a few
// seconds' worth, WEFT_ORACLE_FIRST_SEED says where to start.

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <string>

#include "crdt/doc.h"
#include "tests/crdt/oracle/driver_values.h"
#include "tests/crdt/oracle/isolated_run.h"
#include "tests/crdt/oracle/script.h"
#include "tests/crdt/oracle/script_runner.h"
#include "tests/crdt/oracle/yjs_process.h"

namespace weft::crdt::oracle {
namespace {

std::uint64_t NumberFromEnvironment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// One Yjs process serves all tests; it is started anew when it may be out of step.
class Oracle {
 public:
  // Null after a failure of the test.
  static YjsProcess* Get() {
    if (process_ != nullptr) return process_.get();
    absl::StatusOr<std::unique_ptr<YjsProcess>> started = YjsProcess::Start();
    if (!started.ok()) {
      ADD_FAILURE() << started.status();
      return nullptr;
    }
    process_ = *std::move(started);
    return process_.get();
  }
  static void Restart() { process_.reset(); }

 private:
  static std::unique_ptr<YjsProcess> process_;
};
std::unique_ptr<YjsProcess> Oracle::process_;

// Runs `piece` on the oracle in a fork of its own; what went wrong, or empty.
template <typename Piece>
std::string RunOnOracle(const Piece& piece) {
  YjsProcess* yjs = Oracle::Get();
  if (yjs == nullptr) return "there is no oracle";
  const IsolatedResult result = RunIsolated([&] {
    const absl::StatusOr<std::string> difference = piece(*yjs);
    return difference.ok() ? *difference : difference.status().ToString();
  });
  if (!result.finished) {
    Oracle::Restart();
    return "the program crashed or hung:\n" + result.text;
  }
  return result.text;
}

std::string DifferenceOf(const Script& script) {
  return RunOnOracle([&](YjsProcess& yjs) { return RunScript(script, yjs); });
}

// Fails with the smallest script that can be found.
void ExpectAgreement(const Script& script) {
  std::string difference = DifferenceOf(script);
  if (difference.empty()) return;
  const Script small = MinimizeScript(
      script, [](const Script& candidate) { return !DifferenceOf(candidate).empty(); });
  ADD_FAILURE()
      << "weft and Yjs differ on this script, which ExpectAgreement(ParseScript(…)) repeats:\n"
      << ToText(small) << DifferenceOf(small);
}

TEST(Differential, PairsOfWeftAndYjsReplicasAgreeByteForByteInRandomNetworks) {
  const std::uint64_t first = NumberFromEnvironment("WEFT_ORACLE_FIRST_SEED", 1);
  const std::uint64_t count = NumberFromEnvironment("WEFT_ORACLE_SEEDS", 100);
  for (std::uint64_t seed = first; seed < first + count && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    ExpectAgreement(RandomScript(seed));
  }
}

// Applies the updates of a history in the order of `delivery`; the first difference, or empty.
std::string DeliverHistory(const std::vector<Bytes>& updates, const Any& delivery, bool rooted) {
  Doc doc;
  if (rooted) {
    doc.GetText("text");
    doc.GetArray("array");
    doc.GetMap("map");
  }
  const Any::Array& order = *Member(delivery, "order").AsArray();
  const Any::Array& states = *Member(delivery, "states").AsArray();
  std::string done = "delivered in this order:\n";
  for (std::size_t i = 0; i < order.size(); ++i) {
    const Bytes& update = updates[static_cast<std::size_t>(*order[i].AsNumber())];
    done += "  " + ToHex(update) + "\n";
    const absl::Status status = doc.ApplyUpdate(update);
    if (!status.ok()) return done + status.ToString();
    const std::string yjs = ToHex(FromBase64(*states[i].AsString()));
    const std::string weft = ToHex(doc.EncodeStateAsUpdate());
    if (yjs != weft) return done + "state in Yjs:  " + yjs + "\nstate in weft: " + weft;
    const absl::Status valid = doc.Validate();
    if (!valid.ok()) return done + valid.ToString();
  }
  const std::string vector = ToBase64(EncodeStateVector(doc.GetStateVector()));
  if (vector != StringMember(delivery, "sv")) return done + "the state vectors differ";
  const std::string text = doc.GetText("text").ToString();
  const std::string& text_in_yjs = StringMember(Member(delivery, "json"), "text");
  if (text != text_in_yjs) return done + "text in Yjs:  " + text_in_yjs + "\ntext in weft: " + text;
  return "";
}

absl::StatusOr<std::string> CompareHistory(const AnyObject& request, bool rooted, YjsProcess& yjs) {
  const absl::StatusOr<Any> history = yjs.Call(request);
  if (!history.ok()) return history.status();
  std::vector<Bytes> updates;
  for (const Any& update : *Member(*history, "updates").AsArray()) {
    updates.push_back(FromBase64(*update.AsString()));
  }
  for (const Any& delivery : *Member(*history, "deliveries").AsArray()) {
    std::string difference = DeliverHistory(updates, delivery, rooted);
    if (!difference.empty()) return difference;
  }
  return "";
}

// The smallest number of steps, from one up, at which a history's deliveries differ: each step of a
// seed is the same whatever comes after it.
std::string SmallestDifference(AnyObject request, bool rooted) {
  const auto steps = static_cast<int>(*request.Find("steps")->AsNumber());
  for (int i = 1; i <= steps; ++i) {
    request.Set("steps", i);
    std::string difference =
        RunOnOracle([&](YjsProcess& yjs) { return CompareHistory(request, rooted, yjs); });
    if (!difference.empty()) return "with " + std::to_string(i) + " steps:\n" + difference;
  }
  return "";
}

void ExpectHistoriesAgree(const Any::Array& kinds, bool rooted, std::uint64_t scripts_per_history) {
  const std::uint64_t first = NumberFromEnvironment("WEFT_ORACLE_FIRST_SEED", 1);
  const std::uint64_t count = NumberFromEnvironment("WEFT_ORACLE_SEEDS", 100) / scripts_per_history;
  for (std::uint64_t seed = first; seed < first + count && !testing::Test::HasFailure(); ++seed) {
    const AnyObject request{{"op", "history"},
                            {"seed", static_cast<double>(seed)},
                            {"steps", 30},
                            {"kinds", kinds},
                            {"rooted", rooted}};
    std::string difference =
        RunOnOracle([&](YjsProcess& yjs) { return CompareHistory(request, rooted, yjs); });
    if (difference.empty()) continue;
    const std::string smaller = SmallestDifference(request, rooted);
    ADD_FAILURE() << "history of seed " << seed << " " << (smaller.empty() ? difference : smaller);
  }
}

TEST(Differential, DocumentsKeepEveryTypeThatYjsWritesByteForByteInEveryOrderOfDelivery) {
  ExpectHistoriesAgree({"format", "xml", "subdocument"}, /*rooted=*/false, 4);
}

TEST(Differential, DocumentsWithNamedRootsKeepEveryTypeThatYjsWrites) {
  ExpectHistoriesAgree({"xml", "subdocument"}, /*rooted=*/true, 4);
}

}  // namespace
}  // namespace weft::crdt::oracle
