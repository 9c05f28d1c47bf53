#include "server/tools/blob.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "crdt/update.h"

namespace weft::server {
namespace {

absl::Status Refuse(std::string_view what, std::string_view advice) {
  return absl::InvalidArgumentError(absl::StrCat(std::string(what), std::string(advice)));
}

// It was asked right and did not work. Requires: errno is of the write, or 0.
absl::Status CannotWrite(std::string_view where) {
  const int code = errno;
  return absl::InternalError(absl::StrCat("cannot write ", std::string(where),
                                          code == 0 ? "" : ": ",
                                          code == 0 ? "" : std::strerror(code)));
}

bool IsBase64Letter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
         c == '/' || c == '=' || c == '-' || c == '_' || c == '\n' || c == '\r';
}

bool LooksLikeBase64(std::string_view text) {
  return text.size() >= 4 && std::ranges::all_of(text, IsBase64Letter);
}

// Whether bytes that pass for an update of format v1 are one of v2: those begin with a zero, which
// says "no blocks" in v1, and what follows an update is ignored.
bool LooksLikeV2(crdt::ByteView bytes) {
  if (bytes.empty() || bytes[0] != 0) return false;
  const auto update = crdt::DecodeUpdate(bytes, {}, crdt::UpdateFormat::kV2);
  return update.ok() && !update->blocks.empty();
}

bool Unescape(const std::string& text, std::string& bytes) {
  return absl::Base64Unescape(text, &bytes) || absl::WebSafeBase64Unescape(text, &bytes);
}

}  // namespace

absl::StatusOr<Blob> ReadBlob(const std::string& file, const BlobOptions& options) {
  const bool is_input = file == "-";
  const std::string name = is_input ? "standard input" : file;
  std::string text;
  if (is_input) {
    text.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else {
    std::ifstream stream(file, std::ios::binary);
    if (stream) text.assign(std::istreambuf_iterator<char>(stream), {});
    if (!stream || stream.bad()) {
      return Refuse(absl::StrCat("cannot read ", name, ": ", std::strerror(errno)), "");
    }
  }
  if (options.from_base64) {
    std::string bytes;
    if (!Unescape(text, bytes)) {
      return Refuse(absl::StrCat(name, " is no base64"),
                    "; leave out --from-base64 if it is binary");
    }
    text = std::move(bytes);
  }
  const crdt::ByteView view = crdt::AsBytes(text);
  return Blob{.name = name, .bytes = {view.begin(), view.end()}};
}

absl::Status CheckUpdate(const Blob& blob, const BlobOptions& options) {
  const bool is_v2 = options.format == crdt::UpdateFormat::kV2;
  const absl::Status failure = crdt::DecodeUpdate(blob.bytes, {}, options.format).status();
  if (failure.ok() && !is_v2 && LooksLikeV2(blob.bytes)) {
    return Refuse(blob.name, " is an update of format v2: add --v2");
  }
  if (failure.ok()) return failure;
  std::string text = absl::StrCat(blob.name, " is no update of format ", is_v2 ? "v2" : "v1", ": ",
                                  failure.message());
  const crdt::UpdateFormat other = is_v2 ? crdt::UpdateFormat::kV1 : crdt::UpdateFormat::kV2;
  if (blob.bytes.empty()) {
    text += "; it is empty";
  } else if (!options.from_base64 && LooksLikeBase64(crdt::AsText(blob.bytes))) {
    text += "; it looks like base64: try --from-base64";
  } else if (crdt::DecodeUpdate(blob.bytes, {}, other).ok()) {
    text +=
        is_v2 ? "; it is one of format v1: leave out --v2" : "; it is one of format v2: add --v2";
  }
  return absl::InvalidArgumentError(text);
}

absl::Status WriteBlob(crdt::ByteView bytes, const BlobOptions& options) {
  const std::string_view view = crdt::AsText(bytes);
  std::string text(view);
  if (options.to_base64) {
    absl::Base64Escape({view.data(), view.size()}, &text);
    text += '\n';
  }
  if (options.output == "-") {
    if (!options.to_base64 && ::isatty(STDOUT_FILENO) != 0) {
      return Refuse("bytes are not for a terminal", ": use --base64, --output FILE or a pipe");
    }
    errno = 0;
    std::cout << text << std::flush;
    return std::cout ? absl::OkStatus() : CannotWrite("to standard output");
  }
  errno = 0;
  std::ofstream stream(options.output, std::ios::binary | std::ios::trunc);
  if (!stream) {
    return Refuse(absl::StrCat("cannot write ", options.output, ": ", std::strerror(errno)), "");
  }
  stream << text << std::flush;
  return stream ? absl::OkStatus()
                : CannotWrite(absl::StrCat(options.output, ", what is there is not whole"));
}

}  // namespace weft::server
