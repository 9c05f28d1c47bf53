#include "server/auth/key_set.h"

#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "tests/server/auth/signing_keys.h"
#include "tests/server/auth/token_vectors.h"

namespace weft::server::auth {
namespace {

std::string ProblemOf(const std::string& text) {
  return std::string(KeySet::FromKeyText(text).status().message());
}
std::string ProblemOfJwks(const std::string& text) {
  return std::string(KeySet::FromJwksText(text).status().message());
}

TEST(KeySet, SeveralKeysInOneFileAreAllTaken) {
  const auto keys = KeySet::FromKeyText(std::string(kRs256Pem) + "a comment\n" + kEdDsaPem);
  ASSERT_TRUE(keys.ok()) << keys.status();
  EXPECT_EQ(keys->size(), 2U);
  EXPECT_TRUE(keys->Has(Algorithm::kRs256));
  EXPECT_TRUE(keys->Has(Algorithm::kEdDsa));
  EXPECT_FALSE(keys->Has(Algorithm::kHs256));
}

TEST(KeySet, ASecretEndsBeforeTheLineEnd) {
  for (const std::string& text : {kSecret, kSecret + "\n", kSecret + "\r\n"}) {
    const auto secret = SecretFromText(text);
    ASSERT_TRUE(secret.ok());
    EXPECT_EQ(*secret, kSecret);
  }
  EXPECT_NE(ProblemOf(kSecret.substr(1)).find("32 bytes"), std::string::npos);
  EXPECT_NE(ProblemOf("").find("32 bytes"), std::string::npos);
}

TEST(KeySet, WhatLooksLikeAKeyOfAnotherFormIsNoSecret) {
  // The bytes that PEM is base64 of.
  std::string body = kEs256Pem;
  body = body.substr(body.find('\n'), body.rfind("-----END") - body.find('\n'));
  std::string der;
  ASSERT_TRUE(absl::Base64Unescape(body, &der));
  EXPECT_NE(ProblemOf(der).find("DER"), std::string::npos) << ProblemOf(der);
  EXPECT_NE(ProblemOf("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGx0 ann@example").find("ssh"),
            std::string::npos);
  EXPECT_NE(ProblemOf(kRs256Jwk).find("--auth-jwks-file"), std::string::npos);
}

TEST(KeySet, KeysThatAreTooWeakOrOfOtherKindsAreNamed) {
  EXPECT_NE(ProblemOf(MakePemPair(EVP_RSA_gen(1024)).public_key).find("2048"), std::string::npos);
  EXPECT_NE(ProblemOf(MakePemPair(EVP_EC_gen("P-384")).public_key).find("P-256"),
            std::string::npos);
  EXPECT_NE(ProblemOf(MakePemPair(EVP_EC_gen("secp256k1")).public_key).find("P-256"),
            std::string::npos);
  EXPECT_NE(ProblemOf(MakePemPair(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED448")).public_key), "");
  EXPECT_NE(ProblemOf(MakePemPair(Algorithm::kEdDsa).private_key).find("private"),
            std::string::npos);
  EXPECT_NE(ProblemOf("-----BEGIN PUBLIC KEY-----\nnonsense\n-----END PUBLIC KEY-----\n"), "");
  EXPECT_NE(ProblemOf(std::string(kRs256Pem) + "-----BEGIN CERTIFICATE-----\n"), "");
}

TEST(KeySet, AKeySetLeavesOutWhatIsForOthers) {
  const std::string rsa = kRs256Jwk;
  const std::string open = R"({"keys":[)";
  const std::string for_secrets = R"({"kty":"RSA","use":"enc","n":"AQAB","e":"AQAB"})";
  const std::string unknown =
      R"({"kty":"XYZ"},{"kty":"EC","crv":"P-521"},{"kty":"OKP","crv":"X25519"})";
  const auto keys = KeySet::FromJwksText(open + for_secrets + "," + unknown + "," + rsa + "]}");
  ASSERT_TRUE(keys.ok()) << keys.status();
  EXPECT_EQ(keys->size(), 1U);
  EXPECT_NE(ProblemOfJwks(open + for_secrets + "]}").find("no key"), std::string::npos);
  EXPECT_NE(ProblemOfJwks(open + "]}").find("no key"), std::string::npos);
  // A key that names another algorithm than that of its kind is one for others, too.
  std::string other = rsa;
  other.insert(1, R"("alg":"PS256",)");
  EXPECT_NE(ProblemOfJwks(other).find("no key"), std::string::npos);
  std::string signs = rsa;
  signs.insert(1, R"("key_ops":["sign"],)");
  EXPECT_NE(ProblemOfJwks(signs).find("no key"), std::string::npos);
}

TEST(KeySet, ABrokenKeyOfASetIsAnError) {
  for (const char* text :
       {"", "null", "[]", R"({"keys":{}})", R"({"keys":[1]})", R"({"kty":"oct","k":"c2hvcnQ"})",
        R"({"kty":"oct"})", R"({"kty":"oct","k":"!!"})", R"({"kty":"RSA","n":"AQAB","e":"AQAB"})",
        R"({"kty":"RSA","e":"AQAB"})", R"({"kty":"EC","crv":"P-256","x":"AQAB","y":"AQAB"})",
        R"({"kty":"OKP","crv":"Ed25519","x":"AQAB"})"}) {
    EXPECT_NE(ProblemOfJwks(text), "") << text;
  }
  // A point that is not on the curve.
  std::string off = kEs256Jwk;
  const std::size_t x = off.find(R"("x":")") + 5;
  off[x] = off[x] == 'A' ? 'B' : 'A';
  EXPECT_NE(ProblemOfJwks(off), "");
}

TEST(KeySet, KeysAreBounded) {
  std::string pem;
  for (std::size_t i = 0; i < KeySet::kMaxKeys; ++i) pem += kEdDsaPem;
  EXPECT_EQ(ProblemOf(pem), "");
  EXPECT_NE(ProblemOf(pem + kEdDsaPem), "");
}

TEST(KeySet, AFileThatIsNotThereIsNamed) {
  const auto text = ReadSmallFile("/nowhere/key");
  EXPECT_TRUE(absl::IsNotFound(text.status())) << text.status();
  EXPECT_NE(std::string(text.status().message()).find("/nowhere/key"), std::string::npos);
}

}  // namespace
}  // namespace weft::server::auth
