#include "crdt/awareness.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crdt/json.h"
#include "tests/crdt/golden/golden.h"

namespace weft::crdt {
namespace {

constexpr ClientId kAnna{1};
constexpr ClientId kBert{2};

std::string Shown(const Awareness& awareness) {
  AnyObject states;
  for (const ClientId client : awareness.Present()) {
    states.Set(absl::StrCat(ToNumber(client)), *awareness.Find(client));
  }
  return ToJsonText(states);
}

Any Json(std::string_view text) { return *ParseJson(text, 100); }

Bytes UpdateOf(std::uint64_t client, std::uint64_t clock, std::string_view state) {
  ByteWriter writer;
  writer.WriteVarUint(1);
  writer.WriteVarUint(client);
  writer.WriteVarUint(clock);
  writer.WriteString(state);
  return writer.Take();
}

TEST(Awareness, ShowsAndTellsWhatYProtocolsDoesForTheSameCalls) {
  std::ifstream lines(std::string(WEFT_CRDT_TESTS) + "/golden/awareness.txt");
  std::vector<std::unique_ptr<Awareness>> clients;
  const std::vector<ClientId> all = {ClientId{1}, ClientId{2}, ClientId{3}, ClientId{4}};
  int calls = 0;
  for (std::string line; std::getline(lines, line);) {
    SCOPED_TRACE(line);
    const std::vector<std::string> fields = golden::Split(line, ' ');
    if (fields[0] == "world") {
      clients.clear();
      for (std::uint64_t id = 1; id <= 3; ++id) {
        clients.push_back(std::make_unique<Awareness>(ClientId{id}));
        ASSERT_EQ(clients.back()->SetLocal(AnyObject(), 0), absl::OkStatus());
      }
      continue;
    }
    ++calls;
    Awareness& awareness = *clients[std::stoul(fields[1]) - 1];
    const std::int64_t now_ms = std::stoll(fields[2]);
    if (fields[0] == "set") {
      ASSERT_EQ(awareness.SetLocal(Json(golden::FieldText(fields[3])), now_ms), absl::OkStatus());
    } else if (fields[0] == "apply") {
      ASSERT_EQ(awareness.Apply(golden::FieldBytes(fields[3]), now_ms), absl::OkStatus());
    } else if (fields[0] == "remove") {
      const ClientId gone{std::stoul(fields[3])};
      awareness.Remove({&gone, 1}, now_ms);
    } else {
      awareness.Tick(now_ms);
    }
    ASSERT_EQ(Shown(awareness), golden::FieldText(fields[4]));
    ASSERT_EQ(golden::ToHex(awareness.Encode(all)), fields[5]);
    ASSERT_EQ(awareness.Validate(), absl::OkStatus());
  }
  EXPECT_EQ(calls, 600);
}

TEST(Awareness, MalformedUpdatesAreRefusedAndChangeNothing) {
  Awareness awareness(kAnna);
  ASSERT_EQ(awareness.Apply(UpdateOf(2, 1, "{}"), 0), absl::OkStatus());
  const Bytes two = UpdateOf(3, 1, "{}");
  for (const Bytes& update : {Bytes{}, Bytes{2, 3}, UpdateOf(3, 1, "{"), UpdateOf(3, 1, "\xff"),
                              UpdateOf(3, 1, std::string(200, '[') + std::string(200, ']')),
                              Bytes(two.begin(), two.end() - 1)}) {
    EXPECT_EQ(awareness.Apply(update, 0).code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(Shown(awareness), R"({"2":{}})");
  }
}

TEST(Awareness, StatesPastALimitAreRefusedAndChangeNothing) {
  Awareness awareness(kAnna, {.state_bytes = 10, .clients = 2, .bytes = 15});
  EXPECT_EQ(awareness.SetLocal(std::string(8, 'x'), 0), absl::OkStatus());
  EXPECT_EQ(awareness.SetLocal(std::string(9, 'x'), 0).code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(awareness.Apply(UpdateOf(2, 1, "\"12345678\""), 0).code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(awareness.Apply(UpdateOf(2, 1, "12345"), 0), absl::OkStatus());
  EXPECT_EQ(awareness.Apply(UpdateOf(2, 2, "123456"), 0).code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(awareness.Apply(UpdateOf(3, 1, "null"), 0).code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Shown(awareness), R"({"1":"xxxxxxxx","2":12345})");
  EXPECT_EQ(awareness.Validate(), absl::OkStatus());
}

TEST(Awareness, WhoLeftLongAgoIsForgotten) {
  Awareness awareness(kAnna, {.clients = 2});
  ASSERT_EQ(awareness.SetLocal(AnyObject(), 0), absl::OkStatus());
  ASSERT_EQ(awareness.Apply(UpdateOf(2, 1, "{}"), 0), absl::OkStatus());
  awareness.Tick(Awareness::kExpireAfterMs);
  awareness.Tick(Awareness::kExpireAfterMs + Awareness::kForgetAfterMs - 1);
  EXPECT_FALSE(awareness.Apply(UpdateOf(3, 1, "{}"), 0).ok());
  awareness.Tick(Awareness::kExpireAfterMs + Awareness::kForgetAfterMs);
  EXPECT_TRUE(awareness.Apply(UpdateOf(3, 1, "{}"), 0).ok());
  EXPECT_EQ(Shown(awareness), R"({"1":{},"3":{}})");
}

TEST(Awareness, TheOrderOfKeysIsNoChange) {
  Awareness awareness(kAnna);
  ASSERT_EQ(awareness.SetLocal(Json(R"({"a":1,"b":[{}]})"), 0), absl::OkStatus());
  std::vector<bool> changed;
  auto subscription =
      awareness.OnUpdate([&](const AwarenessEvent& event) { changed.push_back(event.changed); });
  ASSERT_EQ(awareness.SetLocal(Json(R"({"b":[{}],"a":1})"), 0), absl::OkStatus());
  ASSERT_EQ(awareness.SetLocal(Json(R"({"b":[{}],"a":2})"), 0), absl::OkStatus());
  EXPECT_EQ(changed, (std::vector<bool>{false, true}));
}

TEST(Awareness, OfAClientThatIsNamedTwiceWhatCameOfItIsTold) {
  Awareness awareness(kAnna);
  std::vector<AwarenessEvent> events;
  auto subscription =
      awareness.OnUpdate([&](const AwarenessEvent& event) { events.push_back(event); });
  ByteWriter writer;
  writer.WriteVarUint(2);
  for (const std::uint64_t clock : {1u, 2u}) {
    writer.WriteVarUint(ToNumber(kBert));
    writer.WriteVarUint(clock);
    writer.WriteString(clock == 1 ? "null" : "{}");
  }
  ASSERT_EQ(awareness.Apply(writer.view(), 0), absl::OkStatus());
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].added, std::vector<ClientId>{kBert});
  EXPECT_TRUE(events[0].updated.empty() && events[0].removed.empty());
}

}  // namespace
}  // namespace weft::crdt
