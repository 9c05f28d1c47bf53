#pragma once

// Certificates for tests, made on the spot: an elliptic curve, signed by itself.

#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cstdio>
#include <memory>
#include <string>

#include "server/tls_certificate.h"

namespace weft::server {

struct TestCertificateOptions {
  std::string name = "localhost";
  const char* passphrase = nullptr;  // of the key
};

// Writes DIRECTORY/NAME.cert.pem and DIRECTORY/NAME.key.pem.
inline TlsFiles WriteTestCertificate(const std::string& directory, const std::string& file_name,
                                     const TestCertificateOptions& options = {}) {
  const TlsFiles files{.certificate = directory + "/" + file_name + ".cert.pem",
                       .key = directory + "/" + file_name + ".key.pem"};
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), X509_free);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 24L * 60 * 60);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(options.name.c_str()), -1, -1,
                             0);
  X509_set_issuer_name(certificate.get(), name);
  EXPECT_GT(X509_sign(certificate.get(), key.get(), EVP_sha256()), 0);
  const auto write = [](const std::string& path, auto&& writer) {
    std::FILE* file = std::fopen(path.c_str(), "w");
    ASSERT_NE(file, nullptr) << path;
    EXPECT_EQ(writer(file), 1);
    std::fclose(file);
  };
  write(files.certificate,
        [&](std::FILE* file) { return PEM_write_X509(file, certificate.get()); });
  write(files.key, [&](std::FILE* file) {
    const EVP_CIPHER* cipher = options.passphrase != nullptr ? EVP_aes_128_cbc() : nullptr;
    return PEM_write_PKCS8PrivateKey(file, key.get(), cipher, nullptr, 0, nullptr,
                                     const_cast<char*>(options.passphrase));
  });
  return files;
}

}  // namespace weft::server
