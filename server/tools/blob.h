#pragma once

// Updates in files, and on standard input and output, for the verbs of `weft` that work on them.

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crdt/base/bytes.h"
#include "crdt/update_format.h"

namespace weft::server {

struct BlobOptions {
  crdt::UpdateFormat format = crdt::UpdateFormat::kV1;
  bool from_base64 = false;
  bool to_base64 = false;
  std::string output = "-";  // a file, or "-" for standard output
};

// Bytes, and where they came from in the words of the command line.
struct Blob {
  std::string name;
  crdt::Bytes bytes;
};

// Reads a file, or standard input for "-". Fails: kInvalidArgument, naming the file and what to do.
absl::StatusOr<Blob> ReadBlob(const std::string& file, const BlobOptions& options);

// Whether `blob` is an update of the format that `options` say. Fails: kInvalidArgument, with its
// name, the offset, and a guess at what it is instead.
absl::Status CheckUpdate(const Blob& blob, const BlobOptions& options);

// Writes bytes as they are or as base64 with a line end.
// Fails: kInvalidArgument, when bytes would go to a terminal or there can be no such file; kInternal, when
// it is not written whole.
absl::Status WriteBlob(crdt::ByteView bytes, const BlobOptions& options);

}  // namespace weft::server
