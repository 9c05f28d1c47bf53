#include "server/auth/key_set.h"

#include <openssl/err.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crdt/json.h"
#include "crdt/json_error.h"

namespace weft::server::auth {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{16} << 20;
constexpr std::string_view kPemBegin = "-----BEGIN ";
constexpr std::size_t kMaxJsonDepth = 8;

absl::Status Invalid(const std::string& what) { return absl::InvalidArgumentError(what); }

bool IsDerPublicKey(std::string_view bytes) {
  const auto* in = reinterpret_cast<const unsigned char*>(bytes.data());
  EVP_PKEY* key = d2i_PUBKEY(nullptr, &in, static_cast<long>(bytes.size()));
  ERR_clear_error();
  EVP_PKEY_free(key);
  return key != nullptr;
}

}  // namespace

absl::StatusOr<std::string> ReadSmallFile(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string text;
  if (file) {
    text.resize(kMaxFileBytes + 1);
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
  }
  if (!file.is_open() || file.bad()) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot read the file \"", path, "\""));
  }
  if (text.size() > kMaxFileBytes) {
    return Invalid(absl::StrCat("the file \"", path, "\" is larger than 16 MiB"));
  }
  return text;
}

// A public key that served as a secret would let everybody sign.
absl::StatusOr<std::string> SecretFromText(std::string text) {
  if (IsDerPublicKey(text)) {
    return Invalid(
        "it is a key in DER; it has to be in PEM: openssl pkey -pubin -inform DER -in KEY");
  }
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  if (text.find(kPemBegin) != std::string::npos) return Invalid("it is a key in PEM, no secret");
  if (text.starts_with("ssh-") || text.starts_with("ecdsa-")) {
    return Invalid("it is a key for ssh; it has to be in PEM: ssh-keygen -e -m PKCS8 -f KEY");
  }
  if (crdt::ParseJson(text, kMaxJsonDepth).has_value() && text.find('{') != std::string::npos) {
    return Invalid("it is JSON; a key set is given as --auth-jwks-file");
  }
  return text;
}

absl::StatusOr<KeySet> KeySet::FromKeyText(const std::string& text) {
  KeySet set;
  std::size_t begin = text.find(kPemBegin);
  if (begin == std::string::npos) {
    auto secret = SecretFromText(text);
    if (!secret.ok()) return secret.status();
    auto key = VerifyingKey::FromSecret(*std::move(secret));
    if (!key.ok()) return key.status();
    const absl::Status added = set.Add(*std::move(key));
    if (!added.ok()) return added;
    return set;
  }
  while (begin != std::string::npos) {
    const std::size_t end = text.find(kPemBegin, begin + 1);
    auto key = VerifyingKey::FromPem(text.substr(begin, end - begin));
    if (!key.ok()) return key.status();
    const absl::Status added = set.Add(*std::move(key));
    if (!added.ok()) return added;
    begin = end;
  }
  return set;
}

absl::StatusOr<KeySet> KeySet::FromJwksText(std::string_view text) {
  const std::optional<crdt::Any> json = crdt::ParseJson(text, kMaxJsonDepth);
  if (!json) {
    return Invalid(absl::StrCat("it is no JSON: ", crdt::ExplainJsonError(text, kMaxJsonDepth)));
  }
  const crdt::AnyObject* object = json->AsObject();
  if (object == nullptr) return Invalid("it is JSON, but no object");
  const crdt::Any* keys = object->Find("keys");
  const crdt::Any::Array alone = {*json};
  const crdt::Any::Array* list = keys != nullptr ? keys->AsArray() : &alone;
  if (list == nullptr) return Invalid("its member \"keys\" is no array");
  KeySet set;
  std::string left_out;
  for (std::size_t i = 0; i < list->size(); ++i) {
    const crdt::AnyObject* jwk = (*list)[i].AsObject();
    if (jwk == nullptr) return Invalid(absl::StrCat("key ", i + 1, " is no object"));
    auto key = VerifyingKey::FromJwk(*jwk);
    if (absl::IsUnimplemented(key.status())) {
      left_out = absl::StrCat(": key ", i + 1, ": ", std::string(key.status().message()));
      continue;
    }
    if (!key.ok()) {
      return Invalid(absl::StrCat("key ", i + 1, ": ", std::string(key.status().message())));
    }
    const absl::Status added = set.Add(*std::move(key));
    if (!added.ok()) return added;
  }
  if (set.keys_.empty()) return Invalid("it has no key that can check tokens" + left_out);
  return set;
}

absl::Status KeySet::Add(VerifyingKey key) {
  if (keys_.size() >= kMaxKeys) {
    return Invalid(absl::StrCat("there are more than ", kMaxKeys, " keys"));
  }
  keys_.push_back(std::move(key));
  return absl::OkStatus();
}

bool KeySet::Accepts(Algorithm algorithm, std::string_view key_id, std::string_view text,
                     std::string_view signature) const {
  return std::any_of(keys_.begin(), keys_.end(), [&](const VerifyingKey& key) {
    if (key.algorithm() != algorithm) return false;
    if (!key_id.empty() && !key.id().empty() && key.id() != key_id) return false;
    return key.Accepts(text, signature);
  });
}

bool KeySet::Has(Algorithm algorithm) const {
  return std::any_of(keys_.begin(), keys_.end(),
                     [&](const VerifyingKey& key) { return key.algorithm() == algorithm; });
}

}  // namespace weft::server::auth
