#pragma once

// What files of traces have in common: JSON, perhaps gzipped, and patches.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/trace.h"
#include "crdt/any.h"

namespace weft::bench {

// Fails: kNotFound when there is no such file, kInvalidArgument when it is no JSON.
absl::StatusOr<crdt::Any> ReadJson(const std::string& path);

// Null when `any` is no object with such a member.
const crdt::Any* FindMember(const crdt::Any& any, std::string_view name);

// The patches of a transaction.
std::optional<std::vector<Patch>> PatchesOf(const crdt::Any& transaction);

// The name of a file without its folder and what follows the first dot.
std::string TraceName(const std::string& path);

}  // namespace weft::bench
