#include "fuzz/message_mutator.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "crdt/id.h"
#include "sync/message.h"
#include "sync/weft_v1.h"

namespace weft::fuzz {
namespace {

using crdt::ByteReader;
using crdt::Bytes;
using crdt::ByteView;
using crdt::ByteWriter;
using crdt::UpdateFormat;

bool OneIn(Random& random, std::uint64_t count) { return Below(random, count) == 0; }

template <typename List>
auto& Pick(List& list, Random& random) {
  return list[static_cast<std::size_t>(Below(random, std::size(list)))];
}

// Small as a rule, so that numbers meet each other; now and then an edge.
std::uint64_t Number(Random& random) {
  static constexpr std::uint64_t kEdges[] = {
      127, 128, 1'000, 0xffff, 1u << 31, 1ull << 32, crdt::kMaxSafeInteger, ~std::uint64_t{0}};
  return OneIn(random, 10) ? Pick(kEdges, random) : Below(random, 6);
}

std::string_view Text(Random& random) {
  static constexpr std::string_view kTexts[] = {
      "",     "a",         "doc",    "w",
      "read", "!no",       "text/x", "{\"user\":{\"name\":\"ada\"}}",
      "null", "{}",        "[]",     "\"\\ud83d\"",
      "1e9",  "undefined", "4.7.0",  "caf\xc3\xa9",
      "\xff", "token"};
  return Pick(kTexts, random);
}

Bytes Raw(ByteView bytes, MutateBytes mutate_bytes) {
  Bytes changed(bytes.begin(), bytes.end());
  const std::size_t size = changed.size();
  changed.resize(size + 64);
  changed.resize(mutate_bytes(changed.data(), size, changed.size()));
  return changed;
}

Bytes StateVector(Random& random) {
  ByteWriter writer;
  const std::uint64_t count = Below(random, 4);
  writer.WriteVarUint(OneIn(random, 12) ? Number(random) : count);
  for (std::uint64_t i = count; i > 0; --i) {
    writer.WriteVarUint(i);
    writer.WriteVarUint(Number(random));
  }
  return writer.Take();
}

Bytes Changed(ByteView bytes, Random& random, MutateBytes mutate_bytes, bool is_update) {
  if (is_update) return MutateUpdate(bytes, UpdateFormat::kV1, random, mutate_bytes);
  return OneIn(random, 2) ? StateVector(random) : Raw(bytes, mutate_bytes);
}

// --- Awareness ----------------------------------------------------------------------------------

struct Entry {
  std::uint64_t client = 1;
  std::uint64_t clock = 0;
  std::string state;
};

Entry MakeEntry(Random& random) {
  return {1 + Number(random), Number(random),
          std::string(OneIn(random, 3) ? std::string_view("null") : Text(random))};
}

Bytes Write(const std::vector<Entry>& entries) {
  ByteWriter writer;
  writer.WriteVarUint(entries.size());
  for (const Entry& entry : entries) {
    writer.WriteVarUint(entry.client);
    writer.WriteVarUint(entry.clock);
    writer.WriteString(entry.state);
  }
  return writer.Take();
}

Bytes MakeAwareness(Random& random) {
  std::vector<Entry> entries;
  for (std::uint64_t i = 1 + Below(random, 3); i > 0; --i) entries.push_back(MakeEntry(random));
  return Write(entries);
}

Bytes MutateAwareness(ByteView bytes, Random& random, MutateBytes mutate_bytes) {
  ByteReader reader(bytes);
  std::vector<Entry> entries;
  for (std::uint64_t i = reader.ReadVarUint(); i > 0 && reader.ok(); --i) {
    Entry entry{reader.ReadVarUint(), reader.ReadVarUint(), {}};
    entry.state = std::string(reader.ReadString());
    if (reader.ok()) entries.push_back(std::move(entry));
  }
  if (!reader.ok()) {
    return OneIn(random, 2) ? MakeAwareness(random) : Raw(bytes, mutate_bytes);
  }
  if (entries.empty() || OneIn(random, 4)) {
    entries.push_back(MakeEntry(random));
    return Write(entries);
  }
  Entry& entry = Pick(entries, random);
  switch (Below(random, 6)) {
    case 0:
      entry.client = 1 + Number(random);
      break;
    case 1:
      entry.clock = OneIn(random, 2) ? entry.clock + 1 : Number(random);
      break;
    case 2:
      entry.state = std::string(Text(random));
      break;
    case 3: {
      const Bytes state = Raw(crdt::AsBytes(entry.state), mutate_bytes);
      entry.state.assign(state.begin(), state.end());
      break;
    }
    case 4:
      std::swap(entry, Pick(entries, random));
      break;
    default:
      entries.pop_back();
      break;
  }
  return Write(entries);
}

// --- y-websocket, y-sweet -----------------------------------------------------------------------

Bytes MakeMessage(Random& random) {
  Bytes content;
  switch (Below(random, 9)) {
    case 0:
      content = StateVector(random);
      return sync::EncodeMessage(sync::SyncStep1{content});
    case 1:
      content = MakeUpdate({}, UpdateFormat::kV1, random);
      return sync::EncodeMessage(sync::SyncStep2{content});
    case 2:
    case 3:
      content = MakeUpdate({}, UpdateFormat::kV1, random);
      return sync::EncodeMessage(sync::Update{content});
    case 4:
      content = MakeAwareness(random);
      return sync::EncodeMessage(sync::AwarenessUpdate{content});
    case 5:
      return sync::EncodeMessage(sync::QueryAwareness{});
    case 6:
      return sync::EncodeMessage(sync::SyncMarker{crdt::AsBytes(Text(random))});
    case 7:
      return sync::EncodeMessage(sync::PermissionDenied{"no"});
    default:
      return sync::EncodeMessage(sync::Unknown{Number(random)});
  }
}

Bytes MutateMessage(ByteView bytes, Random& random, MutateBytes mutate_bytes) {
  const auto message = sync::DecodeMessage(bytes);
  if (!message.ok() || OneIn(random, 8)) {
    return OneIn(random, 2) ? MakeMessage(random) : Raw(bytes, mutate_bytes);
  }
  Bytes content;
  if (const auto* step = std::get_if<sync::SyncStep1>(&*message)) {
    content = Changed(step->state_vector, random, mutate_bytes, false);
    return sync::EncodeMessage(sync::SyncStep1{content});
  }
  if (const auto* step = std::get_if<sync::SyncStep2>(&*message)) {
    content = Changed(step->update, random, mutate_bytes, true);
    if (OneIn(random, 4)) return sync::EncodeMessage(sync::Update{content});
    return sync::EncodeMessage(sync::SyncStep2{content});
  }
  if (const auto* update = std::get_if<sync::Update>(&*message)) {
    // Once in a while what the same client writes next.
    content = OneIn(random, 4) ? MakeUpdate(update->update, UpdateFormat::kV1, random)
                               : Changed(update->update, random, mutate_bytes, true);
    if (OneIn(random, 8)) return sync::EncodeMessage(sync::SyncStep2{content});
    return sync::EncodeMessage(sync::Update{content});
  }
  if (const auto* told = std::get_if<sync::AwarenessUpdate>(&*message)) {
    content = MutateAwareness(told->update, random, mutate_bytes);
    return sync::EncodeMessage(sync::AwarenessUpdate{content});
  }
  return Raw(bytes, mutate_bytes);
}

// --- Hocuspocus ---------------------------------------------------------------------------------

std::string Key(Random& random) {
  using namespace std::string_view_literals;
  static constexpr std::string_view kKeys[] = {"a"sv, "b"sv, "ab"sv, "doc"sv, "a\0s1"sv, "a\0s2"sv};
  if (OneIn(random, 20)) return std::string(Below(random, 900), 'k');
  return std::string(Pick(kKeys, random));
}

Bytes MakeBody(Random& random) {
  ByteWriter writer;
  switch (Below(random, 8)) {
    case 0:
    case 1:
      writer.WriteVarUint(2);
      writer.WriteVarUint(OneIn(random, 10) ? Number(random) : 0);
      writer.WriteString(Text(random));
      if (OneIn(random, 2)) writer.WriteString(Text(random));
      break;
    case 2:
      writer.WriteVarUint(5);
      writer.WriteString(Text(random));
      break;
    case 3:
      writer.WriteVarUint(7);
      if (OneIn(random, 2)) writer.WriteString(Text(random));
      break;
    case 4:
      writer.WriteVarUint(Number(random) + 3);
      writer.WriteString(Text(random));
      break;
    default:
      return MakeMessage(random);
  }
  return writer.Take();
}

Bytes Under(std::string_view key, ByteView body) {
  ByteWriter writer;
  writer.WriteString(key);
  writer.WriteBytes(body);
  return writer.Take();
}

Bytes MakeHocuspocus(Random& random) {
  if (OneIn(random, 30)) return {static_cast<std::uint8_t>(9 + Below(random, 2))};
  if (OneIn(random, 20)) return {};
  return Under(Key(random), MakeBody(random));
}

Bytes MutateHocuspocus(ByteView bytes, Random& random, MutateBytes mutate_bytes) {
  ByteReader reader(bytes);
  const std::string key(reader.ReadString());
  const ByteView body = reader.ReadBytes(reader.remaining());
  if (!reader.ok() || body.empty() || OneIn(random, 10)) {
    return OneIn(random, 2) ? MakeHocuspocus(random) : Raw(bytes, mutate_bytes);
  }
  switch (Below(random, 5)) {
    case 0:
      return Under(Key(random), body);
    case 1:
      return Under(key, MakeBody(random));
    case 2:
      return Under(key, Raw(body, mutate_bytes));
    default:
      // 4 is an answer that asks for none: a Sync in all else.
      if (body[0] == 4) {
        Bytes as_sync(body.begin(), body.end());
        as_sync[0] = 0;
        as_sync = MutateMessage(as_sync, random, mutate_bytes);
        if (!as_sync.empty() && as_sync[0] == 0) as_sync[0] = 4;
        return Under(key, as_sync);
      }
      if (body[0] > 1 && body[0] != 3) return Under(key, Raw(body, mutate_bytes));
      return Under(key, MutateMessage(body, random, mutate_bytes));
  }
}

// --- weft.v1 ------------------------------------------------------------------------------------

using sync::weft_v1::Level;
using sync::weft_v1::Role;

std::uint64_t Code(Random& random) {
  static constexpr std::uint64_t kCodes[] = {1000, 1012, 1013, 4400, 4401, 4410, 4429, 4430, 4500};
  return Pick(kCodes, random);
}

sync::weft_v1::Message MakeWeftV1Message(Random& random, Bytes& kept) {
  namespace v1 = sync::weft_v1;
  const std::uint64_t channel = Number(random);
  switch (Below(random, 21)) {
    case 0:
      return v1::Hello{
          .version = 1, .client = Text(random), .token = Text(random), .features = Number(random)};
    case 1:
      return v1::Welcome{.version = 1,
                         .session = "s",
                         .features = Number(random),
                         .message_bytes = 1'000 + Number(random),
                         .channels = Number(random),
                         .expires_ms = Number(random)};
    case 2:
      kept = StateVector(random);
      return v1::Join{.channel = channel,
                      .room = Text(random),
                      .place = {Number(random), Number(random)},
                      .credit = 1 + Below(random, 600),
                      .state_vector = kept};
    case 3:
      return v1::Joined{.channel = channel,
                        .head = {Number(random), Number(random)},
                        .role = static_cast<Role>(Below(random, 3)),
                        .how = OneIn(random, 2) ? v1::How::kSynced : v1::How::kResumed,
                        .credit = 1 + Below(random, 600)};
    case 4:
      return v1::Refused{
          .channel = channel, .code = Code(random), .generation = Number(random), .reason = "no"};
    case 5:
      return v1::Leave{channel};
    case 6:
      return v1::Left{.channel = channel, .code = Code(random), .reason = "bye"};
    case 7:
      return v1::Ack{.channel = channel,
                     .level = OneIn(random, 2) ? Level::kDurable : Level::kReceived,
                     .count = 1 + Number(random),
                     .sequence = Number(random)};
    case 8:
      return v1::Nack{
          .channel = channel, .code = Code(random), .count = 1 + Number(random), .reason = "no"};
    case 9:
      return v1::Heard{.channel = channel, .sequence = Number(random)};
    case 10:
      return v1::Generation{.channel = channel, .generation = Number(random)};
    case 11:
      return v1::Credit{.channel = channel, .bytes = 1 + Number(random)};
    case 12:
      return v1::Auth{.token = Text(random)};
    case 13:
      return v1::AccessIs{
          .channel = channel, .role = static_cast<Role>(Below(random, 3)), .reason = "r"};
    case 14:
      return v1::Check{channel};
    case 15:
      kept = StateVector(random);
      return v1::Checksum{.channel = channel, .hash = Number(random), .state_vector = kept};
    case 16:
      return v1::Closing{.code = Code(random), .retry_ms = Number(random), .reason = "later"};
    case 17:
      return v1::Ping{Number(random)};
    default:
      kept = MakeMessage(random);
      return v1::Data{.channel = channel, .message = kept};
  }
}

// Texts that are no UTF-8 are not for the encoder.
Bytes MakeWeftV1(Random& random) {
  Bytes kept;
  sync::weft_v1::Message message = MakeWeftV1Message(random, kept);
  const auto mend = [](std::string_view& text) {
    if (text == "\xff") text = "x";
  };
  if (auto* hello = std::get_if<sync::weft_v1::Hello>(&message)) {
    mend(hello->client);
    mend(hello->token);
  }
  if (auto* join = std::get_if<sync::weft_v1::Join>(&message)) mend(join->room);
  if (auto* auth = std::get_if<sync::weft_v1::Auth>(&message)) mend(auth->token);
  return sync::weft_v1::EncodeMessage(message);
}

Bytes MutateWeftV1(ByteView bytes, Random& random, MutateBytes mutate_bytes) {
  auto message = sync::weft_v1::DecodeMessage(bytes);
  if (!message.ok() || OneIn(random, 4)) {
    return OneIn(random, 2) ? MakeWeftV1(random) : Raw(bytes, mutate_bytes);
  }
  if (auto* data = std::get_if<sync::weft_v1::Data>(&*message)) {
    const Bytes changed = MutateMessage(data->message, random, mutate_bytes);
    return sync::weft_v1::EncodeMessage(
        sync::weft_v1::Data{.channel = data->channel, .message = changed});
  }
  if (OneIn(random, 2)) {
    std::visit(
        [&](auto& said) {
          if constexpr (requires { said.channel; }) said.channel = Number(random);
          if constexpr (requires { said.sequence; }) said.sequence = Number(random);
          if constexpr (requires { said.credit; }) said.credit = 1 + Below(random, 600);
          if constexpr (requires { said.code; }) said.code = Code(random);
        },
        *message);
    return sync::weft_v1::EncodeMessage(*message);
  }
  return Raw(bytes, mutate_bytes);
}

}  // namespace

const Grammar kAwarenessGrammar{MakeAwareness, MutateAwareness};
const Grammar kMessageGrammar{MakeMessage, MutateMessage};
const Grammar kHocuspocusGrammar{MakeHocuspocus, MutateHocuspocus};
const Grammar kWeftV1Grammar{MakeWeftV1, MutateWeftV1};

}  // namespace weft::fuzz
