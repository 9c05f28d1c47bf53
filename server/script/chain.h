#pragma once

// The lines of a revision as a doubly linked list. The order is stored (script_rows.h); these links
// are derived from it, and proved against it whenever either is written or read.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/script/script.h"

namespace weft::server::script {

struct Link {
  LineId line{};
  std::optional<LineId> prev;
  std::optional<LineId> next;
  std::uint32_t page = 0;
  Version version{};

  friend bool operator==(const Link&, const Link&) = default;
};

// The links of lines in this order.
struct Placement {
  LineId line{};
  std::uint32_t page = 0;
  Version version{};

  friend bool operator==(const Placement&, const Placement&) = default;
};
std::vector<Link> LinksOf(std::span<const Placement> order);

// Everything that is wrong with the links, in whatever order they come: no or several heads, a
// neighbour that is no line of the revision or does not point back, a page below the one before, a line
// that the walk from the head does not reach, a line that comes twice. Empty when they are one chain.
std::vector<std::string> DiagnoseChain(std::span<const Link> links);

// The walk from head to tail. Fails: kDataLoss, with all of DiagnoseChain.
absl::StatusOr<std::vector<Placement>> WalkChain(std::span<const Link> links);

// Of lines, pages and versions in order.
std::uint64_t HashOrder(std::span<const Placement> order);

}  // namespace weft::server::script
