#pragma once

// Keys made for one run of the tests.

#include <openssl/evp.h>
#include <openssl/pem.h>

#include <string>

#include "server/auth/signature.h"

namespace weft::server::auth {

inline const std::string kSecret = "0123456789abcdef0123456789abcdef";

struct PemPair {
  std::string private_key;
  std::string public_key;
};

inline PemPair MakePemPair(EVP_PKEY* key) {
  const auto text = [](BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    std::string out(data, static_cast<std::size_t>(size));
    BIO_free_all(bio);
    return out;
  };
  BIO* secret = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(secret, key, nullptr, nullptr, 0, nullptr, nullptr);
  BIO* open = BIO_new(BIO_s_mem());
  PEM_write_bio_PUBKEY(open, key);
  EVP_PKEY_free(key);
  return {.private_key = text(secret), .public_key = text(open)};
}

inline PemPair MakePemPair(Algorithm algorithm) {
  if (algorithm == Algorithm::kRs256) return MakePemPair(EVP_RSA_gen(2048));
  if (algorithm == Algorithm::kEs256) return MakePemPair(EVP_EC_gen("P-256"));
  return MakePemPair(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
}

}  // namespace weft::server::auth
