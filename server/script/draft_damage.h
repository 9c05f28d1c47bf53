#pragma once

// What people are told of a draft that has lost something, in words: what is gone, what they see instead, and
// what to do.

#include <string>
#include <string_view>
#include <vector>

#include "server/publish/draft.h"

namespace weft::server::script {

// One sentence or two for each thing to be told; none for a sound draft. `room` is the draft's.
std::vector<std::string> DescribeDamage(const publish::DraftDamage& damage, std::string_view room);

}  // namespace weft::server::script
