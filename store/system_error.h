#pragma once

// Error codes of the operating system and of LMDB in the vocabulary of absl::Status.

#include <string_view>

#include "absl/status/status.h"

namespace weft::store {

// What `code`, an errno or an LMDB code other than 0, means for the caller who was `doing`
// something: kResourceExhausted for full disks, quotas and tables; kUnavailable for media and
// directories that cannot be written now; kDataLoss for what LMDB finds damaged; else kInternal.
absl::Status StatusFromCode(int code, std::string_view doing);

}  // namespace weft::store
