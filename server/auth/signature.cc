#include "server/auth/signature.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace weft::server::auth {
namespace {

// A number of an ES256 signature, which is two of them, and a coordinate of P-256.
constexpr std::size_t kP256Bytes = 32;
constexpr std::size_t kEd25519Bytes = 32;

template <typename T, auto free_function>
struct Freed {
  void operator()(T* made) const { free_function(made); }
};
template <typename T, auto free_function>
using Owned = std::unique_ptr<T, Freed<T, free_function>>;

using Bio = Owned<BIO, BIO_free_all>;
using Number = Owned<BIGNUM, BN_free>;
using DigestContext = Owned<EVP_MD_CTX, EVP_MD_CTX_free>;
using KeyContext = Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using ParameterBuild = Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>;
using Parameters = Owned<OSSL_PARAM, OSSL_PARAM_free>;
using EcSignature = Owned<ECDSA_SIG, ECDSA_SIG_free>;

std::shared_ptr<EVP_PKEY> Share(EVP_PKEY* key) { return {key, EVP_PKEY_free}; }

const unsigned char* Raw(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* Raw(std::string& bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

absl::Status Invalid(std::string_view what) {
  return absl::InvalidArgumentError(std::string(what));
}

absl::Status CheckSecret(std::string_view secret) {
  if (secret.size() >= kMinSecretBytes) return absl::OkStatus();
  return Invalid(absl::StrCat("a secret for HS256 has to have ", kMinSecretBytes,
                              " bytes or more; this one has ", secret.size()));
}

std::string Hmac(std::string_view secret, std::string_view text) {
  std::string digest(EVP_MAX_MD_SIZE, '\0');
  unsigned int size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), Raw(text), text.size(),
       Raw(digest), &size);
  digest.resize(size);
  return digest;
}

bool IsP256(const EVP_PKEY& key) {
  std::array<char, 64> group{};
  std::size_t size = 0;
  return EVP_PKEY_get_group_name(&key, group.data(), group.size(), &size) == 1 &&
         std::string_view(group.data(), size) == SN_X9_62_prime256v1;
}

// What a key is for.
absl::StatusOr<Algorithm> AlgorithmOf(const EVP_PKEY& key) {
  switch (EVP_PKEY_get_base_id(&key)) {
    case EVP_PKEY_RSA:
      if (EVP_PKEY_get_bits(&key) < kMinRsaBits) {
        return Invalid(absl::StrCat("an RSA key has to have ", kMinRsaBits,
                                    " bits or more; this one has ", EVP_PKEY_get_bits(&key)));
      }
      return Algorithm::kRs256;
    case EVP_PKEY_EC:
      if (!IsP256(key))
        return Invalid("of the elliptic curves, keys of P-256 and Ed25519 are taken");
      return Algorithm::kEs256;
    case EVP_PKEY_ED25519:
      return Algorithm::kEdDsa;
    default:
      return Invalid("keys of RSA, of the curve P-256 and of Ed25519 are taken");
  }
}

const EVP_MD* DigestOf(Algorithm algorithm) {
  return algorithm == Algorithm::kEdDsa ? nullptr : EVP_sha256();
}

// As JWS writes it: both numbers with all their bytes, one after the other.
std::string DerFromPair(std::string_view pair) {
  if (pair.size() != 2 * kP256Bytes) return {};
  EcSignature signature(ECDSA_SIG_new());
  BIGNUM* r = BN_bin2bn(Raw(pair), kP256Bytes, nullptr);
  BIGNUM* s = BN_bin2bn(Raw(pair) + kP256Bytes, kP256Bytes, nullptr);
  ECDSA_SIG_set0(signature.get(), r, s);
  const int size = i2d_ECDSA_SIG(signature.get(), nullptr);
  std::string der(static_cast<std::size_t>(std::max(size, 0)), '\0');
  unsigned char* out = Raw(der);
  i2d_ECDSA_SIG(signature.get(), &out);
  return der;
}

std::string PairFromDer(std::string_view der) {
  const unsigned char* in = Raw(der);
  EcSignature signature(d2i_ECDSA_SIG(nullptr, &in, static_cast<long>(der.size())));
  if (signature == nullptr) return {};
  std::string pair(2 * kP256Bytes, '\0');
  BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), Raw(pair), kP256Bytes);
  BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), Raw(pair) + kP256Bytes, kP256Bytes);
  return pair;
}

bool Verify(EVP_PKEY* key, Algorithm algorithm, std::string_view text, std::string_view signature) {
  const std::string der = algorithm == Algorithm::kEs256 ? DerFromPair(signature) : std::string();
  if (algorithm == Algorithm::kEs256) {
    if (der.empty()) return false;
    signature = der;
  }
  DigestContext context(EVP_MD_CTX_new());
  const bool accepted =
      EVP_DigestVerifyInit(context.get(), nullptr, DigestOf(algorithm), nullptr, key) == 1 &&
      EVP_DigestVerify(context.get(), Raw(signature), signature.size(), Raw(text), text.size()) ==
          1;
  ERR_clear_error();
  return accepted;
}

// --- Keys of a key set -------------------------------------------------------------------------

absl::StatusOr<std::string> BytesOf(const crdt::AnyObject& jwk, std::string_view name) {
  const crdt::Any* value = jwk.Find(name);
  const std::string* text = value == nullptr ? nullptr : value->AsString();
  absl::StatusOr<std::string> bytes = Invalid("");
  if (text != nullptr) bytes = FromBase64Url(*text);
  if (!bytes.ok()) {
    return Invalid(absl::StrCat("its member \"", std::string(name), "\" is no base64url text"));
  }
  return bytes;
}

std::string TextOf(const crdt::AnyObject& jwk, std::string_view name) {
  const crdt::Any* value = jwk.Find(name);
  return value != nullptr && value->AsString() != nullptr ? *value->AsString() : std::string();
}

std::shared_ptr<EVP_PKEY> Build(const char* kind, OSSL_PARAM_BLD* build) {
  Parameters parameters(OSSL_PARAM_BLD_to_param(build));
  KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, kind, nullptr));
  EVP_PKEY* made = nullptr;
  if (parameters == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1) {
    return nullptr;
  }
  std::shared_ptr<EVP_PKEY> key = Share(made);
  KeyContext check(EVP_PKEY_CTX_new_from_pkey(nullptr, made, nullptr));
  return EVP_PKEY_public_check_quick(check.get()) == 1 ? key : nullptr;
}

absl::StatusOr<std::shared_ptr<EVP_PKEY>> RsaKey(const crdt::AnyObject& jwk) {
  const auto modulus = BytesOf(jwk, "n");
  if (!modulus.ok()) return modulus.status();
  const auto exponent = BytesOf(jwk, "e");
  if (!exponent.ok()) return exponent.status();
  const Number n(BN_bin2bn(Raw(*modulus), static_cast<int>(modulus->size()), nullptr));
  const Number e(BN_bin2bn(Raw(*exponent), static_cast<int>(exponent->size()), nullptr));
  const ParameterBuild build(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_N, n.get());
  OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
  return Build("RSA", build.get());
}

absl::StatusOr<std::shared_ptr<EVP_PKEY>> P256Key(const crdt::AnyObject& jwk) {
  if (TextOf(jwk, "crv") != "P-256") return absl::UnimplementedError("its curve is not P-256");
  const auto x = BytesOf(jwk, "x");
  if (!x.ok()) return x.status();
  const auto y = BytesOf(jwk, "y");
  if (!y.ok()) return y.status();
  if (x->size() != kP256Bytes || y->size() != kP256Bytes) {
    return Invalid("its coordinates have not 32 bytes");
  }
  const std::string point = absl::StrCat("\x04", *x, *y);
  const ParameterBuild build(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_utf8_string(build.get(), OSSL_PKEY_PARAM_GROUP_NAME, SN_X9_62_prime256v1, 0);
  OSSL_PARAM_BLD_push_octet_string(build.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                   point.size());
  return Build("EC", build.get());
}

absl::StatusOr<std::shared_ptr<EVP_PKEY>> Ed25519Key(const crdt::AnyObject& jwk) {
  if (TextOf(jwk, "crv") != "Ed25519") return absl::UnimplementedError("its curve is not Ed25519");
  const auto x = BytesOf(jwk, "x");
  if (!x.ok()) return x.status();
  if (x->size() != kEd25519Bytes) return Invalid("its member \"x\" has not 32 bytes");
  return Share(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, Raw(*x), x->size()));
}

// Whether a key is one to check signatures with, as far as it says.
bool IsForSignatures(const crdt::AnyObject& jwk) {
  const std::string use = TextOf(jwk, "use");
  if (!use.empty() && use != "sig") return false;
  const crdt::Any* operations = jwk.Find("key_ops");
  if (operations == nullptr || operations->AsArray() == nullptr) return operations == nullptr;
  const crdt::Any::Array& names = *operations->AsArray();
  return std::any_of(names.begin(), names.end(), [](const crdt::Any& name) {
    return name.AsString() != nullptr && *name.AsString() == "verify";
  });
}

}  // namespace

std::string_view AlgorithmName(Algorithm algorithm) {
  constexpr std::array<std::string_view, 4> kNames = {"HS256", "RS256", "ES256", "EdDSA"};
  return kNames[static_cast<std::size_t>(algorithm)];
}

// --- Keys that check ---------------------------------------------------------------------------

absl::StatusOr<VerifyingKey> VerifyingKey::FromSecret(std::string secret) {
  const absl::Status long_enough = CheckSecret(secret);
  if (!long_enough.ok()) return long_enough;
  VerifyingKey key;
  key.secret_ = std::move(secret);
  return key;
}

absl::StatusOr<VerifyingKey> VerifyingKey::FromPublicKey(std::shared_ptr<EVP_PKEY> made) {
  ERR_clear_error();
  if (made == nullptr) return Invalid("it is no valid public key");
  const auto algorithm = AlgorithmOf(*made);
  if (!algorithm.ok()) return algorithm.status();
  VerifyingKey key;
  key.algorithm_ = *algorithm;
  key.key_ = std::move(made);
  return key;
}

absl::StatusOr<VerifyingKey> VerifyingKey::FromPem(const std::string& pem) {
  if (pem.find("PRIVATE KEY-----") != std::string::npos) {
    return Invalid(
        "it is a private key, which this server has no use for; take the public one: "
        "openssl pkey -in KEY -pubout");
  }
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return FromPublicKey(Share(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr)));
}

absl::StatusOr<VerifyingKey> VerifyingKey::FromJwk(const crdt::AnyObject& jwk) {
  if (!IsForSignatures(jwk)) return absl::UnimplementedError("it is for something else");
  const std::string kind = TextOf(jwk, "kty");
  absl::StatusOr<VerifyingKey> key = absl::UnimplementedError("its kind is not known here");
  if (kind == "oct") {
    auto secret = BytesOf(jwk, "k");
    key = secret.ok() ? FromSecret(*std::move(secret)) : secret.status();
  } else {
    absl::StatusOr<std::shared_ptr<EVP_PKEY>> made = key.status();
    if (kind == "RSA") made = RsaKey(jwk);
    if (kind == "EC") made = P256Key(jwk);
    if (kind == "OKP") made = Ed25519Key(jwk);
    key = made.ok() ? FromPublicKey(*std::move(made)) : made.status();
  }
  if (!key.ok()) return key;
  const std::string algorithm = TextOf(jwk, "alg");
  if (!algorithm.empty() && algorithm != AlgorithmName(key->algorithm_)) {
    return absl::UnimplementedError("its algorithm is not known here");
  }
  key->id_ = TextOf(jwk, "kid");
  return key;
}

bool VerifyingKey::Accepts(std::string_view text, std::string_view signature) const {
  if (algorithm_ != Algorithm::kHs256) return Verify(key_.get(), algorithm_, text, signature);
  const std::string expected = Hmac(secret_, text);
  return signature.size() == expected.size() &&
         CRYPTO_memcmp(signature.data(), expected.data(), expected.size()) == 0;
}

// --- Keys that sign ----------------------------------------------------------------------------

absl::StatusOr<SigningKey> SigningKey::FromSecret(std::string secret) {
  const absl::Status long_enough = CheckSecret(secret);
  if (!long_enough.ok()) return long_enough;
  SigningKey key;
  key.secret_ = std::move(secret);
  return key;
}

absl::StatusOr<SigningKey> SigningKey::FromPem(const std::string& pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const auto no_passphrase = [](char*, int, int, void*) { return 0; };
  std::shared_ptr<EVP_PKEY> made =
      Share(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  if (made == nullptr) return Invalid("it is no private key in PEM, or one with a passphrase");
  const auto algorithm = AlgorithmOf(*made);
  if (!algorithm.ok()) return algorithm.status();
  SigningKey key;
  key.algorithm_ = *algorithm;
  key.key_ = std::move(made);
  return key;
}

absl::StatusOr<std::string> SigningKey::Sign(std::string_view text) const {
  if (algorithm_ == Algorithm::kHs256) return Hmac(secret_, text);
  const DigestContext context(EVP_MD_CTX_new());
  std::size_t size = 0;
  std::string signature;
  bool done =
      EVP_DigestSignInit(context.get(), nullptr, DigestOf(algorithm_), nullptr, key_.get()) == 1 &&
      EVP_DigestSign(context.get(), nullptr, &size, Raw(text), text.size()) == 1;
  signature.resize(size);
  done = done && EVP_DigestSign(context.get(), Raw(signature), &size, Raw(text), text.size()) == 1;
  ERR_clear_error();
  if (!done) return absl::InternalError("OpenSSL does not sign with this key");
  signature.resize(size);
  return algorithm_ == Algorithm::kEs256 ? PairFromDer(signature) : signature;
}

// --- base64url ---------------------------------------------------------------------------------

std::string ToBase64Url(std::string_view bytes) {
  return absl::WebSafeBase64Escape(absl::string_view(bytes.data(), bytes.size()));
}

absl::StatusOr<std::string> FromBase64Url(std::string_view text) {
  std::string bytes;
  // What Abseil takes beyond this form (padding, spaces, stray bits) does not come back the same.
  if (!absl::WebSafeBase64Unescape(absl::string_view(text.data(), text.size()), &bytes) ||
      ToBase64Url(bytes) != text) {
    return Invalid("it is no base64url text");
  }
  return bytes;
}

}  // namespace weft::server::auth
