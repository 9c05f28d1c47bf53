#include "server/webhooks/signature.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "crdt/base/check.h"
#include "crdt/value_language.h"

namespace weft::server::webhooks {
namespace {

constexpr std::string_view kPrefix = "whsec_";
constexpr std::string_view kSpace = " \t\r\n";

}  // namespace

absl::StatusOr<crdt::Bytes> ReadSecret(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in.good() && !in.eof()) {
    return absl::InvalidArgumentError(absl::StrCat("cannot read the secret of webhooks in ", file));
  }
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("the file ", file, " with the secret of webhooks is empty or absent"));
  }
  const std::string_view secret =
      std::string_view(text).substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
  if (secret.starts_with(kPrefix)) {
    absl::StatusOr<crdt::Bytes> bytes = crdt::FromBase64(secret.substr(kPrefix.size()));
    if (bytes.ok() && !bytes->empty()) return bytes;
    return absl::InvalidArgumentError(
        absl::StrCat("what stands behind whsec_ in ", file, " is no base64"));
  }
  const crdt::ByteView bytes = crdt::AsBytes(secret);
  return crdt::Bytes(bytes.begin(), bytes.end());
}

std::string Sign(crdt::ByteView secret, std::string_view id, std::string_view timestamp,
                 std::string_view body) {
  std::string signed_text;
  signed_text.append(id).append(".").append(timestamp).append(".").append(body);
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> mac{};
  unsigned size = 0;
  const unsigned char* made = HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
                                   reinterpret_cast<const unsigned char*>(signed_text.data()),
                                   signed_text.size(), mac.data(), &size);
  CHECK(made != nullptr);
  return "v1," + crdt::ToBase64(crdt::ByteView(mac.data(), size));
}

}  // namespace weft::server::webhooks
