// Whatever a request says, it is answered: a page, a reason, or an upgrade; and nothing of it gets into a header by itself.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

#include "crdt/base/check.h"
#include "crdt/base/utf.h"
#include "fuzz/cost_meter.h"
#include "fuzz/input.h"
#include "server/api/media_type.h"
#include "server/api/routes.h"
#include "server/api/target.h"
#include "server/http_routes.h"
#include "server/room_name.h"
#include "server/upgrade.h"

namespace {

using namespace weft::server;

constexpr weft::fuzz::CostBound kBound{
    .memory_base = 1 << 16, .memory_per_byte = 64, .steps_base = 100'000, .steps_per_byte = 5'000};

// Lines that end with CRLF, the last one empty, and no CR or LF but those.
bool IsHead(std::string_view head) {
  if (!head.ends_with("\r\n\r\n")) return false;
  for (std::size_t i = 0; i < head.size(); ++i) {
    if (head[i] == '\n' && (i == 0 || head[i - 1] != '\r')) return false;
    if (head[i] == '\r' && head[i + 1] != '\n') return false;
  }
  return head.find("\r\n\r\n") == head.size() - 4;
}

// What a parser of HTTP lets through as the value of a header.
bool IsHeaderValue(std::string_view value) {
  return value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

// A call of the API: path and query decode to UTF-8, and a route has as many values as its path has places.
void CheckCall(std::string_view method, std::string_view text, std::string_view accept) {
  const auto target = api::Target::Parse(text);
  if (target.ok()) {
    for (const std::string& segment : target->segments()) CHECK(weft::crdt::IsValidUtf8(segment));
    for (const auto& [name, value] : target->parameters()) {
      CHECK(weft::crdt::IsValidUtf8(name) && weft::crdt::IsValidUtf8(value));
      CHECK(target->Parameter(name).has_value());
    }
    const api::Match match = api::FindRoute(method, target->segments());
    if (match.route != nullptr) {
      const std::string_view path = match.route->path;
      std::size_t places = 0;
      for (std::size_t at = path.find("{}"); at != path.npos; at = path.find("{}", at + 2))
        ++places;
      CHECK(match.values.size() == places);
      CHECK(match.allowed.find(match.route->method) != std::string::npos);
    }
  }
  constexpr std::string_view kOffers[] = {api::kJson, api::kBytes, api::kUpdateV2};
  const auto chosen = api::ChooseType(accept, kOffers);
  CHECK(!chosen || std::ranges::find(kOffers, *chosen) != std::end(kOffers));
  CHECK(api::SameType(accept, accept));
}

// OpenSSL makes its tables when it is first asked for a digest, 94 KiB once in a process: no cost of an input.
void MakeFirstDigest() {
  static const std::string digest = WebSocketAccept("AAAAAAAAAAAAAAAAAAAAAA==");
  CHECK(!digest.empty());
}

}  // namespace

// A pack of strings: target, Upgrade, Connection, version, key, protocols, If-None-Match, method,
// Accept. Flags: GET, HTTP/1.1.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const weft::fuzz::Pack pack = weft::fuzz::ReadPack({data, size});
  const auto text = [&](std::size_t i) {
    return i < pack.parts.size() ? weft::crdt::AsText(pack.parts[i]) : std::string_view();
  };
  for (std::size_t i = 0; i < 9; ++i) {
    if (!IsHeaderValue(text(i))) return 0;
  }
  MakeFirstDigest();
  const weft::fuzz::CostMeter cost;
  const auto name = RoomNameFromTarget(text(0));
  if (name.ok()) {
    CHECK(!name->empty() && name->size() <= kMaxRoomNameBytes);
    CHECK(weft::crdt::IsValidUtf8(*name));
    const std::string printable = PrintableName(*name);
    for (const char c : printable) CHECK(static_cast<unsigned char>(c) >= 0x20);
  }
  const UpgradeRequest upgrade{.is_get = pack.flag(0),
                               .is_http_1_1 = pack.flag(1),
                               .upgrade = text(1),
                               .connection = text(2),
                               .version = text(3),
                               .key = text(4),
                               .requested_protocols = text(5)};
  if (WantsUpgrade(upgrade) && CheckUpgrade(upgrade) == UpgradeVerdict::kAccept) {
    CHECK(IsHead(UpgradeResponse(upgrade)));
  }
  const std::string_view method = pack.flag(0) ? "GET" : text(7);
  const HttpAnswer answer =
      AnswerHttp({.method = method, .target = text(0), .if_none_match = text(6)}, Health{});
  CHECK(answer.status >= 200 && answer.status < 600);
  for (const bool keep_alive : {false, true}) CHECK(IsHead(RenderHead(answer, keep_alive)));
  CheckCall(method, text(0), text(8));
  cost.Check(kBound, size);
  return 0;
}
