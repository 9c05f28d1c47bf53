// An edit in JSON, as the API takes them, is done or refused; what is done reaches other replicas whole, and the cost is bounded.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "crdt/any.h"
#include "crdt/base/check.h"
#include "crdt/base/utf.h"
#include "crdt/doc.h"
#include "crdt/driver/actions.h"
#include "crdt/driver/type_path.h"
#include "crdt/json.h"
#include "fuzz/cost_meter.h"
#include "fuzz/input.h"

namespace {

using namespace weft::crdt;

constexpr weft::fuzz::CostBound kBound{.memory_base = 128 << 20,
                                       .memory_per_byte = 8'192,
                                       .steps_base = 400'000'000,
                                       .steps_per_byte = 40'000};

// A paste that is as long as an index of a text may be would fill the memory, and is not what an edit of
// this many bytes can bring.
constexpr std::size_t kMaxActions = 64;

}  // namespace

// A JSON object with "actions", as the body of POST /api/rooms/{room}/edits.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const weft::fuzz::CostMeter cost;
  const std::optional<Any> body = ParseJson(AsText({data, size}), DecodeLimits{}.value_depth + 16);
  if (!body || body->AsObject() == nullptr) return 0;
  const Any* const said = body->AsObject()->Find("actions");
  if (said == nullptr || said->AsArray() == nullptr || said->AsArray()->size() > kMaxActions)
    return 0;
  Doc doc({.client_id = ClientId{1}, .guid = "g"});
  Doc other({.client_id = ClientId{2}, .guid = "g"});
  driver::Roots roots(doc);
  std::vector<Bytes> updates;
  const Subscription subscription = doc.OnUpdate([&](const UpdateEvent& event) {
    updates.emplace_back(event.update.begin(), event.update.end());
  });
  for (const Any& action : *said->AsArray()) {
    const StateVector before = doc.GetStateVector();
    updates.clear();
    absl::Status status;
    doc.Transact("", [&] { status = driver::RunAction(roots, action); });
    CHECK(status.ok() || absl::IsInvalidArgument(status) || absl::IsResourceExhausted(status));
    CHECK(doc.Validate().ok());
    CHECK(status.ok() || (updates.empty() && doc.GetStateVector() == before));
    for (const Bytes& update : updates) CHECK(other.ApplyUpdate(update).ok());
    CHECK(other.GetStateVector() == doc.GetStateVector());
  }
  cost.Check(kBound, size);
  CHECK(other.Validate().ok());
  Doc fresh({.client_id = ClientId{3}, .guid = "g"});
  CHECK(fresh.ApplyUpdate(doc.EncodeStateAsUpdate()).ok());
  CHECK(fresh.EncodeStateAsUpdate() == doc.EncodeStateAsUpdate());
  return 0;
}
