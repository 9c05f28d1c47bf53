#include "server/auth/token.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "crdt/json.h"
#include "tests/server/auth/signing_keys.h"
#include "tests/server/auth/token_vectors.h"

namespace weft::server::auth {
namespace {

constexpr WallTime At(std::int64_t seconds) { return WallTime(std::chrono::seconds(seconds)); }
constexpr WallTime kNow = At(1'800'000'000);

KeySet SecretKeys(const std::string& secret = kSecret) {
  auto keys = KeySet::FromKeyText(secret);
  EXPECT_TRUE(keys.ok()) << keys.status();
  return *std::move(keys);
}

// A token of these parts as they are, signed with a secret.
std::string Signed(std::string_view header, std::string_view claims,
                   const std::string& secret = kSecret) {
  const std::string text = ToBase64Url(header) + "." + ToBase64Url(claims);
  return text + "." + ToBase64Url(*SigningKey::FromSecret(secret)->Sign(text));
}

constexpr std::string_view kHeader = R"({"alg":"HS256"})";

std::string WithClaims(std::string_view claims) { return Signed(kHeader, claims); }

// Why it is refused; empty when it is not.
std::string Refusal(std::string_view token, const KeySet& keys = SecretKeys(),
                    const TokenRules& rules = {}, WallTime now = kNow) {
  const auto grants = CheckToken(token, keys, rules, now);
  EXPECT_TRUE(grants.ok() || absl::IsUnauthenticated(grants.status())) << grants.status();
  return std::string(grants.status().message());
}

struct Vector {
  const char* name;
  KeySet pem;
  KeySet jwk;
  std::string token;
};

std::vector<Vector> Vectors() {
  const std::string jwk = R"({"kty":"oct","k":")" + ToBase64Url(kHs256Secret) + R"("})";
  return {
      {"HS256", SecretKeys(kHs256Secret), *KeySet::FromJwksText(jwk), kHs256Token},
      {"RS256", *KeySet::FromKeyText(kRs256Pem), *KeySet::FromJwksText(kRs256Jwk), kRs256Token},
      {"ES256", *KeySet::FromKeyText(kEs256Pem), *KeySet::FromJwksText(kEs256Jwk), kEs256Token},
      {"EdDSA", *KeySet::FromKeyText(kEdDsaPem), *KeySet::FromJwksText(kEdDsaJwk), kEdDsaToken}};
}

TEST(Token, WhatAnotherImplementationSignedGrantsWhatItSays) {
  for (const Vector& vector : Vectors()) {
    for (const KeySet* keys : {&vector.pem, &vector.jwk}) {
      const auto grants =
          CheckToken(vector.token, *keys,
                     {.issuer = "https://issuer.example", .audiences = {"x", "weft"}}, kNow);
      ASSERT_TRUE(grants.ok()) << vector.name << ": " << grants.status();
      EXPECT_EQ(grants->subject, "ann");
      EXPECT_EQ(grants->token_id, "t1");
      EXPECT_EQ(grants->RoleFor("team/plan"), Role::kWrite);
      EXPECT_EQ(grants->RoleFor("notes"), Role::kRead);
      EXPECT_EQ(grants->expires, At(2'000'000'030));
    }
  }
}

TEST(Token, AKeyChecksNothingThatWasSignedByAnotherOne) {
  const std::vector<Vector> vectors = Vectors();
  for (const Vector& of_key : vectors) {
    for (const Vector& of_token : vectors) {
      EXPECT_EQ(Refusal(of_token.token, of_key.pem).empty(), &of_key == &of_token)
          << of_token.name << " with the key of " << of_key.name;
    }
  }
  for (const Algorithm algorithm : {Algorithm::kRs256, Algorithm::kEs256, Algorithm::kEdDsa}) {
    const auto others = KeySet::FromKeyText(MakePemPair(algorithm).public_key);
    ASSERT_TRUE(others.ok());
    for (const Vector& vector : vectors) EXPECT_NE(Refusal(vector.token, *others), "");
  }
  EXPECT_NE(Refusal(kHs256Token, SecretKeys()), "");
}

TEST(Token, WhatIsSignedHereIsAcceptedHere) {
  const std::string claims = R"({"rooms":{"notes":"admin"}})";
  for (const Algorithm algorithm : {Algorithm::kRs256, Algorithm::kEs256, Algorithm::kEdDsa}) {
    const PemPair pair = MakePemPair(algorithm);
    const auto key = SigningKey::FromPem(pair.private_key);
    ASSERT_TRUE(key.ok()) << key.status();
    EXPECT_EQ(key->algorithm(), algorithm);
    // Numbers of an ES256 signature begin with zeros now and then.
    for (int i = 0; i < (algorithm == Algorithm::kEs256 ? 600 : 3); ++i) {
      const auto token = MakeToken(*key, *crdt::ParseJson(claims, 4)->AsObject());
      ASSERT_TRUE(token.ok());
      ASSERT_EQ(Refusal(*token, *KeySet::FromKeyText(pair.public_key)), "");
    }
  }
}

// --- The algorithm
// --------------------------------------------------------------------------------------

TEST(Token, ATokenWithoutASignatureIsRefused) {
  for (const std::string_view name : {"none", "None", "NONE", "nOnE", ""}) {
    const std::string header = R"({"alg":")" + std::string(name) + R"("})";
    const std::string text = ToBase64Url(header) + "." + ToBase64Url(R"({"rooms":{"*":"admin"}})");
    for (const Vector& vector : Vectors()) {
      EXPECT_NE(Refusal(text + ".", vector.pem).find("algorithm"), std::string::npos);
      EXPECT_NE(Refusal(text, vector.pem), "");
    }
    // Signed though it says that it is not.
    EXPECT_NE(Refusal(Signed(header, R"({"rooms":{"*":"admin"}})")), "");
  }
}

// The classic: everybody knows the public key, and signs with it as if it were a secret.
TEST(Token, APublicKeyIsNeverASecret) {
  for (const char* pem : {kRs256Pem, kEs256Pem, kEdDsaPem}) {
    const std::string text = pem;
    const auto keys = KeySet::FromKeyText(text);
    ASSERT_TRUE(keys.ok());
    std::string trimmed = text;
    while (trimmed.ends_with('\n')) trimmed.pop_back();
    for (const std::string& as_secret : {text, trimmed}) {
      const std::string token = Signed(kHeader, R"({"rooms":{"*":"admin"}})", as_secret);
      EXPECT_NE(Refusal(token, *keys).find("algorithm"), std::string::npos);
    }
    EXPECT_FALSE(SecretFromText(text).ok());
  }
}

TEST(Token, TheHeaderChoosesNoAlgorithm) {
  for (const char* name : {"HS384", "HS512", "RS384", "PS256", "ES384", "hs256", "HS256 "}) {
    const std::string header = R"({"alg":")" + std::string(name) + R"("})";
    EXPECT_NE(Refusal(Signed(header, "{}")), "") << name;
  }
  for (const char* header :
       {"{}", R"({"alg":null})", R"({"alg":["HS256"]})", R"({"alg":256})", "[]", "\"HS256\"", ""}) {
    EXPECT_NE(Refusal(Signed(header, "{}")), "") << header;
  }
}

TEST(Token, AnExtensionThatHasToBeUnderstoodIsRefused) {
  EXPECT_EQ(Refusal(Signed(R"({"alg":"HS256","x":1})", "{}")), "");
  EXPECT_NE(Refusal(Signed(R"({"alg":"HS256","crit":["b64"],"b64":false})", "{}")), "");
  EXPECT_NE(Refusal(Signed(R"({"alg":"HS256","crit":[]})", "{}")), "");
}

TEST(Token, KeysOfThatNameAloneAreTried) {
  const std::string other = "another secret of thirty-two bytes";
  const std::string jwks = R"({"keys":[{"kty":"oct","kid":"one","k":")" + ToBase64Url(kSecret) +
                           R"("},{"kty":"oct","kid":"two","k":")" + ToBase64Url(other) + R"("}]})";
  const auto keys = KeySet::FromJwksText(jwks);
  ASSERT_TRUE(keys.ok());
  EXPECT_EQ(Refusal(Signed(R"({"alg":"HS256","kid":"two"})", "{}", other), *keys), "");
  EXPECT_EQ(Refusal(Signed(kHeader, "{}", other), *keys), "");
  EXPECT_NE(Refusal(Signed(R"({"alg":"HS256","kid":"one"})", "{}", other), *keys), "");
  EXPECT_NE(Refusal(Signed(R"({"alg":"HS256","kid":"six"})", "{}", other), *keys), "");
  EXPECT_NE(Refusal(Signed(R"({"alg":"HS256","kid":2})", "{}", other), *keys), "");
}

// --- Malformed
// ------------------------------------------------------------------------------------------

TEST(Token, WhatIsMalformedIsRefusedInEveryPart) {
  const std::string good = WithClaims("{}");
  const std::size_t first = good.find('.');
  const std::size_t second = good.rfind('.');
  const std::string header = good.substr(0, first);
  const std::string claims = good.substr(first + 1, second - first - 1);
  const std::string signature = good.substr(second + 1);
  ASSERT_EQ(Refusal(good), "");
  for (const std::string& token :
       {std::string(), std::string("."), std::string(".."), std::string("..."), header,
        header + "." + claims, header + "." + claims + ".", header + ".." + signature,
        "." + claims + "." + signature, good + ".", good + "." + signature, good + "=", good + " ",
        " " + good, good + "\n", header + "=." + claims + "." + signature,
        good.substr(0, good.size() - 1), header + "." + claims + "." + signature + signature}) {
    EXPECT_NE(Refusal(token), "") << token;
  }
  for (const char* text : {"", "[]", "null", "1", "{", "{}{}", R"({"rooms":)", "\xFF"}) {
    EXPECT_NE(Refusal(WithClaims(text)), "") << text;
  }
}

RC_GTEST_PROP(Token, WhateverIsChangedInATokenItIsRefused, ()) {
  static const std::vector<Vector> vectors = Vectors();
  const Vector& vector = vectors[*rc::gen::inRange<std::size_t>(0, vectors.size())];
  std::string token = vector.token;
  const std::size_t at = *rc::gen::inRange<std::size_t>(0, token.size());
  const char other = *rc::gen::arbitrary<char>();
  RC_PRE(other != token[at]);
  token[at] = other;
  RC_ASSERT(!CheckToken(token, vector.pem, {}, kNow).ok());
}

TEST(Token, ATokenThatIsTooLongIsRefusedAndTheLongestIsNot) {
  const auto of_size = [](std::size_t size) {
    // base64url makes four characters of three bytes.
    std::string token;
    for (std::size_t fill = size / 2; token.size() < size; ++fill) {
      token = WithClaims(R"({"x":")" + std::string(fill, 'x') + R"("})");
    }
    return token;
  };
  const std::string longest = of_size(kMaxTokenBytes - 1);
  ASSERT_LE(longest.size(), kMaxTokenBytes);
  EXPECT_EQ(Refusal(longest), "");
  EXPECT_EQ(Refusal(of_size(kMaxTokenBytes + 1)), "the token is too long");
}

TEST(Token, AReasonHasNothingOfTheTokenInIt) {
  const std::string secret_text = "confidential";
  for (const char* claims :
       {R"({"exp":1,"x":"confidential"})", R"({"sub":["confidential"]})",
        R"({"rooms":{"confidential":"confidential"}})", R"({"iss":"confidential"})"}) {
    const std::string reason =
        Refusal(WithClaims(claims), SecretKeys(), {.issuer = "someone else"});
    EXPECT_NE(reason, "");
    EXPECT_EQ(reason.find(secret_text), std::string::npos) << reason;
  }
}

// --- Claims
// ---------------------------------------------------------------------------------------------

TEST(Token, ATokenHoldsFromItsBeginToItsEnd) {
  const std::string token = WithClaims(R"({"nbf":1000,"exp":2000})");
  const TokenRules exact{.clock_skew = std::chrono::seconds(0)};
  EXPECT_EQ(Refusal(token, SecretKeys(), exact, At(999)), "the token is not valid yet");
  EXPECT_EQ(Refusal(token, SecretKeys(), exact, At(1'000)), "");
  EXPECT_EQ(Refusal(token, SecretKeys(), exact, At(1'999)), "");
  EXPECT_EQ(Refusal(token, SecretKeys(), exact, At(2'000)), "the token has expired");
  const TokenRules lenient{.clock_skew = std::chrono::seconds(30)};
  EXPECT_EQ(Refusal(token, SecretKeys(), lenient, At(969)), "the token is not valid yet");
  EXPECT_EQ(Refusal(token, SecretKeys(), lenient, At(970)), "");
  EXPECT_EQ(Refusal(token, SecretKeys(), lenient, At(2'029)), "");
  EXPECT_EQ(Refusal(token, SecretKeys(), lenient, At(2'030)), "the token has expired");
}

TEST(Token, TimesThatAreNoneAreRefused) {
  for (const char* time : {"\"2000000000\"", "null", "true", "1e300", "-1e300", "[]", "1e13"}) {
    for (const char* name : {"exp", "nbf"}) {
      const std::string claims = R"({")" + std::string(name) + R"(":)" + time + "}";
      EXPECT_NE(Refusal(WithClaims(claims)), "") << claims;
    }
  }
  EXPECT_EQ(Refusal(WithClaims(R"({"exp":1e12,"nbf":-1e12})")), "");
  EXPECT_EQ(Refusal(WithClaims(R"({"exp":1800000000.5})"), SecretKeys(),
                    {.clock_skew = std::chrono::seconds(0)}),
            "");
}

TEST(Token, IssuerAndAudienceHaveToBeTheRightOnes) {
  const TokenRules issuer{.issuer = "us"};
  EXPECT_EQ(Refusal(WithClaims(R"({"iss":"us"})"), SecretKeys(), issuer), "");
  for (const char* claims : {"{}", R"({"iss":"them"})", R"({"iss":["us"]})", R"({"iss":"US"})"}) {
    EXPECT_NE(Refusal(WithClaims(claims), SecretKeys(), issuer), "") << claims;
  }
  const TokenRules audience{.audiences = {"a", "b"}};
  for (const char* claims : {R"({"aud":"b"})", R"({"aud":["x","a"]})"}) {
    EXPECT_EQ(Refusal(WithClaims(claims), SecretKeys(), audience), "") << claims;
  }
  for (const char* claims : {"{}", R"({"aud":"x"})", R"({"aud":[]})", R"({"aud":{"a":1}})"}) {
    EXPECT_NE(Refusal(WithClaims(claims), SecretKeys(), audience), "") << claims;
  }
}

TEST(Token, RoomsThatAreNoneAreRefusedAndNotLeftOut) {
  for (const char* rooms : {"[]", "\"*\"", R"({"*":"boss"})", R"({"*":true})", R"({"":"read"})",
                            R"({"a":"read","b":null})"}) {
    const std::string claims = R"({"rooms":)" + std::string(rooms) + "}";
    EXPECT_NE(Refusal(WithClaims(claims)), "") << claims;
  }
  const auto without = CheckToken(WithClaims("{}"), SecretKeys(), {}, kNow);
  ASSERT_TRUE(without.ok());
  EXPECT_EQ(without->RoleFor("notes"), Role::kNone);
  EXPECT_EQ(without->expires, std::nullopt);
}

}  // namespace
}  // namespace weft::server::auth
