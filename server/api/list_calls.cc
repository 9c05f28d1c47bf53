#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "server/api/call_parts.h"
#include "server/api/calls.h"
#include "server/api/json_object.h"
#include "server/api/problem.h"

namespace weft::server::api {
namespace {

constexpr std::uint64_t kPageRooms = 100;
constexpr std::uint64_t kMaxPageRooms = 1'000;
// Rooms that are looked at for one page of a search, and at once.
constexpr std::size_t kMaxSearched = 20'000;
constexpr std::size_t kSearchedAtOnce = 1'000;

// What of the rooms is wanted.
struct Wish {
  store::RoomPage page;
  std::string contains;    // in lower case; empty wants every name
  bool in_memory = false;  // only those in memory
  bool status = false;     // with how each of them is

  bool Wants(std::string_view name) const {
    if (!name.starts_with(page.prefix)) return false;
    if (contains.empty()) return true;
    return absl::StrContains(absl::AsciiStrToLower({name.data(), name.size()}), contains);
  }
};

struct Page {
  std::vector<std::string> names;
  std::optional<std::string> next;  // behind which to go on; nothing at the end
};

absl::StatusOr<Wish> ParseWish(const Target& target) {
  absl::Status known =
      CheckParameters(target, {"prefix", "after", "limit", "contains", "in_memory", "include"});
  if (!known.ok()) return known;
  const auto limit = CountParameter(target, "limit", kPageRooms, kMaxPageRooms);
  if (!limit.ok()) return limit.status();
  const auto in_memory = target.Parameter("in_memory");
  if (in_memory && *in_memory != "true" && *in_memory != "false") {
    return absl::InvalidArgumentError("in_memory= is true or false");
  }
  const auto include = target.Parameter("include");
  if (include && *include != "status") {
    return absl::InvalidArgumentError("include= knows \"status\"");
  }
  Wish wish;
  wish.page.prefix = target.Parameter("prefix").value_or("");
  if (const auto after = target.Parameter("after")) wish.page.after = std::string(*after);
  wish.page.limit = *limit;
  const std::string_view contains = target.Parameter("contains").value_or("");
  wish.contains = absl::AsciiStrToLower({contains.data(), contains.size()});
  wish.in_memory = in_memory == "true";
  wish.status = include.has_value();
  return wish;
}

// Of the log. May block.
absl::StatusOr<Page> FindInLog(const store::LogReader& log, const Wish& wish) {
  Page found;
  store::RoomPage part = wish.page;
  if (!wish.contains.empty()) part.limit = kSearchedAtOnce;
  for (std::size_t searched = 0; searched < kMaxSearched; searched += part.limit) {
    const absl::StatusOr<std::vector<store::RoomInfo>> rooms = log.ListRooms(part);
    if (!rooms.ok()) return rooms.status();
    for (const store::RoomInfo& room : *rooms) {
      if (!wish.Wants(room.name)) continue;
      found.names.push_back(room.name);
      if (found.names.size() < wish.page.limit) continue;
      found.next = room.name;
      return found;
    }
    if (rooms->size() < part.limit) return found;
    part.after = rooms->back().name;
  }
  found.next = part.after;
  return found;
}

std::string DescribeStatus(const Rooms::InMemory* memory, const store::RoomInfo& info) {
  // The log may be ahead of what memory was told, and the other way round.
  const std::uint64_t durable = std::max(info.head, memory ? memory->head.sequence : 0);
  const std::uint64_t head =
      std::max(durable, memory ? memory->head.sequence + memory->accepted : 0);
  JsonObject out;
  out.Number("head", head).Number("durable_head", durable);
  out.Flag("in_memory", memory != nullptr);
  out.Number("memory_bytes", memory ? memory->memory_bytes : 0);
  out.Number("uncommitted_bytes", memory ? memory->uncommitted_bytes : 0);
  out.Number("appended_bytes", info.appended_bytes);
  out.Number("quarantined", info.quarantined);
  if (memory != nullptr && memory->frozen) {
    out.Text("frozen", *memory->frozen);
  } else {
    out.Null("frozen");
  }
  if (memory != nullptr && !memory->pending.empty()) {
    out.Json("pending", DescribePending(memory->pending));
  } else {
    out.Null("pending");
  }
  return out.Take();
}

std::string DescribeRoom(const std::string& name, const std::optional<store::RoomInfo>& logged,
                         const Rooms::InMemory* memory, bool with_status) {
  const store::RoomInfo info = logged.value_or(store::RoomInfo{});
  JsonObject out;
  out.Text("room", name);
  out.Text("generation", GenerationText(static_cast<std::uint64_t>(info.generation)));
  out.Number("head", info.head);
  out.Number("members", memory != nullptr ? memory->members : 0);
  out.Number("bytes", info.payload_bytes + info.snapshot_bytes);
  if (logged) {
    out.Text("created", Rfc3339(info.created_ms)).Text("changed", Rfc3339(info.last_ms));
  } else {
    out.Null("created").Null("changed");
  }
  if (with_status) out.Json("status", DescribeStatus(memory, info));
  return out.Take();
}

CallResult AnswerPage(Tools& tools, const Context& call, const Wish& wish, const Page& page) {
  const crdt::StringMap<Rooms::InMemory> in_memory = co_await tools.rooms.Look(page.names);
  using Infos = absl::StatusOr<std::vector<std::optional<store::RoomInfo>>>;
  const Infos infos = co_await tools.rooms.Block<Infos>([&tools, &page]() -> Infos {
    std::vector<std::optional<store::RoomInfo>> found;
    for (const std::string& name : page.names) {
      auto info = tools.rooms.log().reader().FindRoom(name);
      if (!info.ok()) return info.status();
      found.push_back(*std::move(info));
    }
    return found;
  });
  if (!infos.ok()) co_return ProblemFor(infos.status());
  std::vector<std::string> entries;
  for (std::size_t i = 0; i < page.names.size(); ++i) {
    const std::string& name = page.names[i];
    if (call.rights->In(name) < Right::kRead) continue;
    const auto here = in_memory.find(name);
    const Rooms::InMemory* memory = here == in_memory.end() ? nullptr : &here->second;
    // It may have been deleted or forgotten meanwhile.
    if (!(*infos)[i] && memory == nullptr) continue;
    entries.push_back(DescribeRoom(name, (*infos)[i], memory, wish.status));
  }
  JsonObject out;
  out.Json("rooms", JsonArray(entries));
  if (page.next) {
    out.Text("next", *page.next);
  } else {
    out.Null("next");
  }
  co_return JsonAnswer(out.Take());
}

}  // namespace

CallResult ListRooms(Tools& tools, const Context& call) {
  const absl::StatusOr<Wish> wish = ParseWish(call.target);
  if (!wish.ok()) co_return ProblemFor(wish.status());
  absl::StatusOr<Page> page = Page{};
  if (wish->in_memory) {
    const std::function<bool(std::string_view)> wants = [&wish](std::string_view name) {
      return (!wish->page.after || name > *wish->page.after) && wish->Wants(name);
    };
    page->names = co_await tools.rooms.NamesInMemory(wants, wish->page.limit);
    if (page->names.size() == wish->page.limit) page->next = page->names.back();
  } else {
    page = co_await tools.rooms.Block<absl::StatusOr<Page>>(
        [&tools, &wish] { return FindInLog(tools.rooms.log().reader(), *wish); });
  }
  if (!page.ok()) co_return ProblemFor(page.status());
  co_return co_await AnswerPage(tools, call, *wish, *page);
}

}  // namespace weft::server::api
