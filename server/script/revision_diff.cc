#include "server/script/revision_diff.h"

#include <algorithm>
#include <cstddef>

#include "absl/container/flat_hash_map.h"

namespace weft::server::script {
namespace {

// Which of these distinct numbers are on one longest ascending subsequence.
std::vector<bool> LongestAscent(const std::vector<std::size_t>& numbers) {
  std::vector<std::size_t> last;  // at i: where the smallest end of an ascent of i + 1 stands
  std::vector<std::size_t> before(numbers.size());
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto place = std::ranges::lower_bound(last, numbers[i], {},
                                                [&](std::size_t index) { return numbers[index]; });
    before[i] = place == last.begin() ? i : *std::prev(place);
    if (place == last.end()) {
      last.push_back(i);
    } else {
      *place = i;
    }
  }
  std::vector<bool> is_on(numbers.size(), false);
  if (last.empty()) return is_on;
  std::size_t at = last.back();
  while (true) {
    is_on[at] = true;
    if (before[at] == at) return is_on;
    at = before[at];
  }
}

}  // namespace

RevisionDiff Compare(const Revision& from, const Revision& to) {
  RevisionDiff diff;
  absl::flat_hash_map<std::uint64_t, std::size_t> places;  // of lines in `from`
  for (std::size_t i = 0; i < from.lines.size(); ++i) places[Number(from.lines[i].id)] = i;
  std::vector<RevisionDiff::Changed> both;  // in the order of `to`
  std::vector<std::size_t> order;           // their places in `from`
  std::vector<bool> stays(from.lines.size(), false);
  for (const Line& line : to.lines) {
    const auto place = places.find(Number(line.id));
    if (place == places.end()) {
      diff.added.push_back(&line);
      continue;
    }
    stays[place->second] = true;
    both.push_back({.from = &from.lines[place->second], .to = &line});
    order.push_back(place->second);
    if (both.back().from->content != line.content) diff.changed.push_back(both.back());
  }
  for (std::size_t i = 0; i < from.lines.size(); ++i) {
    if (!stays[i]) diff.removed.push_back(&from.lines[i]);
  }
  const std::vector<bool> in_order = LongestAscent(order);
  for (std::size_t i = 0; i < both.size(); ++i) {
    if (!in_order[i] || both[i].from->page != both[i].to->page) diff.moved.push_back(both[i]);
  }
  return diff;
}

}  // namespace weft::server::script
