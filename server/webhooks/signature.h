#pragma once

// The secret that a receiver shares, and what it checks with it: the scheme "v1" of Standard Webhooks
// (standardwebhooks.com), an HMAC-SHA256 over "id.timestamp.body".

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "crdt/base/bytes.h"

namespace weft::server::webhooks {

// Reads the secret: the bytes of the file without white space at its ends; after "whsec_" they are base64.
// Fails: kInvalidArgument, naming the file.
absl::StatusOr<crdt::Bytes> ReadSecret(const std::string& file);

// "v1,<base64>".
std::string Sign(crdt::ByteView secret, std::string_view id, std::string_view timestamp,
                 std::string_view body);

}  // namespace weft::server::webhooks
