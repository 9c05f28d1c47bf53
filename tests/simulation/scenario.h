#pragma once

// What a run is about, and the script of one run: who edits what and when, and what goes wrong.
//
// A scenario and a seed make a script; a script and the seed make the run, to the byte. The fate of
// each message follows from the seed, its link and its number there, so that a script from which
// steps were taken away (minimize.h) runs like the one before as far as it goes.

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "crdt/any.h"
#include "tests/simulation/edit.h"
#include "tests/simulation/scheduler.h"

namespace weft::simulation {

enum class Topology : std::uint8_t {
  kStar,    // through weft's relay: rooms, sessions and a log
  kMesh,    // everybody tells everybody
  kRing,    // everybody tells two, who pass news on
  kChain,   // the same without the link that closes the ring
  kGossip,  // everybody tells three, drawn anew for each message, who pass news on
};
enum class Workload : std::uint8_t {
  kTyping,       // each replica types on where it typed last, and corrects
  kOneSpot,      // all type at index 0
  kAllOver,      // words typed and erased anywhere
  kPasteAndCut,  // hundreds of characters at a time
  kFormatting,
  kMapChurn,  // few keys, set and erased
  kArrayChurn,
  kTree,          // arrays in arrays, made and erased
  kUndoStorm,     // of all kinds; every third edit is an undo or a redo
  kInterleaved,   // runs of typing by all at one place at once
  kDeleteOthers,  // some write, the others erase what they see
  kOnceEach,      // every replica writes one character at index 0, at one moment
  kMixed,         // all kinds of edits
};

std::string_view NameOf(Topology topology);
std::string_view NameOf(Workload workload);
// Fails: kInvalidArgument, naming those that there are.
absl::StatusOr<Topology> TopologyNamed(std::string_view name);
absl::StatusOr<Workload> WorkloadNamed(std::string_view name);
std::vector<std::string> TopologyNames();
std::vector<std::string> WorkloadNames();

// What goes wrong, and how slow things are. Of a relay's connections, which are streams, loss is
// delay (it is sent again), and nothing comes twice or out of order.
struct Faults {
  Time latency = 20 * kMillisecond;  // one way
  Time jitter = 0;                   // up to so much more
  double loss = 0;                   // of each message
  double duplication = 0;
  double reordering = 0;              // of each message: it takes up to ten times as long
  std::uint32_t partitions = 0;       // a part of the replicas is cut off for a while
  std::uint32_t replica_crashes = 0;  // begins anew with what it had saved last
  std::uint32_t relay_crashes = 0;    // power cuts: what is not committed is gone
  Time disk = 2 * kMillisecond;       // a commit of the relay's log
  Time slow_disk = 0;                 // one in eight commits takes so long instead
  double clock_skew = 0;              // clocks of replicas run up to this part too fast or slow
};

struct Scenario {
  std::uint32_t replicas = 3;
  // So many of them, the first, stay and are compared; 0 for all. The others hear nothing: when one
  // has written, it comes, hands over what it made, and leaves once that has arrived.
  std::uint32_t stay = 0;
  std::uint32_t edits = 40;        // of all of them together
  Time pause = 50 * kMillisecond;  // between two edits of one replica, on average
  Topology topology = Topology::kStar;
  Workload workload = Workload::kMixed;
  Faults faults;
  // Programs that take the place of the last replicas that stay, one each.
  std::vector<std::vector<std::string>> foreign;

  std::uint32_t staying() const { return stay == 0 ? replicas : std::min(stay, replicas); }
};

struct Step {
  enum class Kind : std::uint8_t {
    kEdit,          // `replica` does `edit`
    kCut,           // replicas are on two sides, as `choice` says, and hear nothing of the other
    kHeal,          // the cut ends
    kCrashReplica,  // `replica`
    kCrashRelay,    // for 200 ms
  };
  Kind kind = Kind::kEdit;
  Time at = 0;
  std::uint32_t replica = 0;
  std::uint64_t choice = 0;
  Edit edit;

  friend bool operator==(const Step&, const Step&) = default;
};

using Script = std::vector<Step>;

// In the order of time.
Script MakeScript(const Scenario& scenario, std::uint64_t seed);

// A run on paper: a scenario, a seed and a script.
struct Recording {
  Scenario scenario;
  std::uint64_t seed = 0;
  Script script;
};
crdt::Any ToJson(const Recording& recording);
// Fails: kInvalidArgument.
absl::StatusOr<Recording> RecordingFromJson(std::string_view text);

}  // namespace weft::simulation
