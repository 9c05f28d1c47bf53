#include "server/script/chain.h"

#include <xxhash.h>

#include <algorithm>
#include <cstddef>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "crdt/base/bytes.h"

namespace weft::server::script {
namespace {

using ById = absl::flat_hash_map<std::uint64_t, const Link*>;

std::string NameOf(LineId line) { return absl::StrCat("line ", Number(line)); }

const Link* Find(const ById& by_id, LineId line) {
  const auto found = by_id.find(Number(line));
  return found == by_id.end() ? nullptr : found->second;
}

// What is wrong with one line and its neighbours.
void DiagnoseNeighbours(const Link& link, const ById& by_id, std::vector<std::string>& wrong) {
  if (link.prev) {
    const Link* prev = Find(by_id, *link.prev);
    if (prev == nullptr) {
      wrong.push_back(absl::StrCat(NameOf(link.line), " comes after ", NameOf(*link.prev),
                                   ", which is not in the revision"));
    } else if (prev->next != link.line) {
      wrong.push_back(absl::StrCat(NameOf(link.line), " comes after ", NameOf(*link.prev),
                                   ", which does not point to it"));
    }
  }
  if (!link.next) return;
  const Link* next = Find(by_id, *link.next);
  if (next == nullptr) {
    wrong.push_back(absl::StrCat(NameOf(link.line), " comes before ", NameOf(*link.next),
                                 ", which is not in the revision"));
    return;
  }
  if (next->prev != link.line) {
    wrong.push_back(absl::StrCat(NameOf(link.line), " comes before ", NameOf(*link.next),
                                 ", which does not point back"));
  }
  if (next->page < link.page) {
    wrong.push_back(absl::StrCat(NameOf(*link.next), " on page ", next->page, " comes after ",
                                 NameOf(link.line), " on page ", link.page));
  }
}

std::vector<Placement> Walk(const std::vector<const Link*>& heads, const ById& by_id) {
  std::vector<Placement> order;
  for (const Link* at = heads.empty() ? nullptr : heads.front();
       at != nullptr && order.size() < by_id.size();
       at = at->next ? Find(by_id, *at->next) : nullptr) {
    order.push_back({.line = at->line, .page = at->page, .version = at->version});
  }
  return order;
}

std::vector<std::string> Diagnose(std::span<const Link> links, std::vector<Placement>& order) {
  std::vector<std::string> wrong;
  ById by_id;
  by_id.reserve(links.size());
  std::vector<const Link*> heads;
  for (const Link& link : links) {
    if (!by_id.emplace(Number(link.line), &link).second) {
      wrong.push_back(NameOf(link.line) + " comes twice");
    }
    if (!link.prev) heads.push_back(&link);
  }
  if (heads.empty() && !links.empty()) wrong.push_back("no line is the first");
  for (std::size_t i = 1; i < heads.size(); ++i) {
    wrong.push_back(
        absl::StrCat(NameOf(heads[i]->line), " is a first line besides ", NameOf(heads[0]->line)));
  }
  for (const Link& link : links) DiagnoseNeighbours(link, by_id, wrong);
  order = Walk(heads, by_id);
  if (order.size() != links.size()) {
    wrong.push_back(absl::StrCat("the walk from the first line reaches ", order.size(), " of ",
                                 links.size(), " lines"));
  }
  return wrong;
}

}  // namespace

std::vector<Link> LinksOf(std::span<const Placement> order) {
  std::vector<Link> links;
  links.reserve(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    Link link{.line = order[i].line, .page = order[i].page, .version = order[i].version};
    if (i > 0) link.prev = order[i - 1].line;
    if (i + 1 < order.size()) link.next = order[i + 1].line;
    links.push_back(link);
  }
  return links;
}

std::vector<std::string> DiagnoseChain(std::span<const Link> links) {
  std::vector<Placement> order;
  return Diagnose(links, order);
}

absl::StatusOr<std::vector<Placement>> WalkChain(std::span<const Link> links) {
  std::vector<Placement> order;
  const std::vector<std::string> wrong = Diagnose(links, order);
  if (!wrong.empty()) return absl::DataLossError(absl::StrJoin(wrong, "; "));
  return order;
}

std::uint64_t HashOrder(std::span<const Placement> order) {
  crdt::ByteWriter bytes;
  bytes.Reserve(order.size() * 20);
  for (const Placement& place : order) {
    bytes.WriteBigEndian64(Number(place.line));
    bytes.WriteBigEndian32(place.page);
    bytes.WriteBigEndian64(Number(place.version));
  }
  return XXH3_64bits(bytes.view().data(), bytes.size());
}

}  // namespace weft::server::script
