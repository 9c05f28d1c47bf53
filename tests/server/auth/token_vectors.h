#pragma once

// Keys, and tokens that another implementation signed with them: npm's jose 5.10.0, with claims
//   {"sub":"ann","jti":"t1","iss":"https://issuer.example","aud":["weft","other"],
//    "rooms":{"team/*":"write","*":"read"},"nbf":1700000000,"exp":2000000000}
// The private keys were thrown away.

namespace weft::server::auth {

inline constexpr const char* kRs256Pem =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAmB33ALtqWI7ClHlCzXsX\n"
    "eKHXStlIw2ZyxmSpoRHGlgdV46FQl1OdwyD+QFkfwZmlSHDrgaqJY40mniGxg9fu\n"
    "df8PKM4zBBBW/xwWrF8SuETdChpZxPKYWm8wP3A6KAOk8Hlvbgj6epix0mcIZhNn\n"
    "aUvj+p5/WpRAv0ZtgpF0JGPqxSq4SnPmsR/cMEQMmRguNLRBpc34ZANa3auyjQMH\n"
    "howGLh7EDI52jsravxowrbLzO24sDKr7fIOloje6lqftxS9iZjuaJ2ffeupGh3Qb\n"
    "nZIH4OO28gi67S34ISiBotHCbFCY1sZK6pCvPZZ0WeEDuGB+XGOZMr1BhNHZAtQm\n"
    "UQIDAQAB\n"
    "-----END PUBLIC KEY-----\n";

inline constexpr const char* kRs256Jwk =
    R"({"kty":"RSA","n":"mB33ALtqWI7ClHlCzXsXeKHXStlIw2ZyxmSpoRHGlgdV46FQl1OdwyD-QFkfwZ)"
    R"(mlSHDrgaqJY40mniGxg9fudf8PKM4zBBBW_xwWrF8SuETdChpZxPKYWm8wP3A6KAOk8Hlvbgj6epix0m)"
    R"(cIZhNnaUvj-p5_WpRAv0ZtgpF0JGPqxSq4SnPmsR_cMEQMmRguNLRBpc34ZANa3auyjQMHhowGLh7EDI)"
    R"(52jsravxowrbLzO24sDKr7fIOloje6lqftxS9iZjuaJ2ffeupGh3QbnZIH4OO28gi67S34ISiBotHCbF)"
    R"(CY1sZK6pCvPZZ0WeEDuGB-XGOZMr1BhNHZAtQmUQ","e":"AQAB","kid":"k-RS256"})";

inline constexpr const char* kRs256Token =
    "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImstUlMyNTYifQ.eyJzdWIiOiJhbm4iLCJqdGkiOiJ0M"
    "SIsImlzcyI6Imh0dHBzOi8vaXNzdWVyLmV4YW1wbGUiLCJhdWQiOlsid2VmdCIsIm90aGVyIl0sInJvb21zIjp7I"
    "nRlYW0vKiI6IndyaXRlIiwiKiI6InJlYWQifSwibmJmIjoxNzAwMDAwMDAwLCJleHAiOjIwMDAwMDAwMDB9.kcSY"
    "u8dR7d9lthBIokCpBR1H8_8C357KIdUqbHvALbZej3HCUrj7BVp5IpK61lptsRuzO0rOXB61EfF0HqTYiFr9g1eD"
    "FfWM9VNk0741go_6ER8uXKU60q0r8xdooaGlG3-QX6hvULM2cePX3f4ay-t8NDFt-RfYZci3rSEk17BBMBvay234"
    "GeDeDUQQrq4M4RUCPGRfrbo6sCuOYyvDoKarNsr76JTADn3zmVP3RBGlXN9Pv2GyacRMhaT2FQLbQqeJHnmC03y7"
    "TbpgBIwTynJhs_3QYCtupJYwsWi3ueQ1VTakE9vUZqFxFrENG_i5Gka9SmPfWca-LMRV12iwKw";

inline constexpr const char* kEs256Pem =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEwOdee9OGAvnei4dX+wKhvNG/KoW3\n"
    "TLInjwwh2LRFo2E0VsYG2SxIVBaiSSEdqiM8BK3CcUrY2lPE4iuvyiCfOg==\n"
    "-----END PUBLIC KEY-----\n";

inline constexpr const char* kEs256Jwk =
    R"({"kty":"EC","x":"wOdee9OGAvnei4dX-wKhvNG_KoW3TLInjwwh2LRFo2E","y":"NFbGBtksSFQWo)"
    R"(kkhHaojPAStwnFK2NpTxOIrr8ognzo","crv":"P-256","kid":"k-ES256"})";

inline constexpr const char* kEs256Token =
    "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImstRVMyNTYifQ.eyJzdWIiOiJhbm4iLCJqdGkiOiJ0M"
    "SIsImlzcyI6Imh0dHBzOi8vaXNzdWVyLmV4YW1wbGUiLCJhdWQiOlsid2VmdCIsIm90aGVyIl0sInJvb21zIjp7I"
    "nRlYW0vKiI6IndyaXRlIiwiKiI6InJlYWQifSwibmJmIjoxNzAwMDAwMDAwLCJleHAiOjIwMDAwMDAwMDB9.M75Z"
    "Ynmxa1ECxsvoo1caS0h4pg3cZW-TQYC2zflasM9ooyxOrT2zUpRJJBwG2Mwe9psyQOmNa36bJhRtiseIqA";

inline constexpr const char* kEdDsaPem =
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEAoTVGlHrR/JTxkt4OKh9NyO5lFef/N7nPeenLy3oc4Lo=\n"
    "-----END PUBLIC KEY-----\n";

inline constexpr const char* kEdDsaJwk =
    R"({"crv":"Ed25519","x":"oTVGlHrR_JTxkt4OKh9NyO5lFef_N7nPeenLy3oc4Lo","kty":"OKP",")"
    R"(kid":"k-EdDSA"})";

inline constexpr const char* kEdDsaToken =
    "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCIsImtpZCI6ImstRWREU0EifQ.eyJzdWIiOiJhbm4iLCJqdGkiOiJ0M"
    "SIsImlzcyI6Imh0dHBzOi8vaXNzdWVyLmV4YW1wbGUiLCJhdWQiOlsid2VmdCIsIm90aGVyIl0sInJvb21zIjp7I"
    "nRlYW0vKiI6IndyaXRlIiwiKiI6InJlYWQifSwibmJmIjoxNzAwMDAwMDAwLCJleHAiOjIwMDAwMDAwMDB9.ugAe"
    "cI1mALjZjZ8TpsYOCGXV0d3lZupZvczHSbeesjws3mLBFMKDNtANPESahNcTPn1KUiNnLkrNhaV3jc5qDQ";

inline constexpr const char* kHs256Secret = "a secret that has forty-one bytes, or so.";

inline constexpr const char* kHs256Token =
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4iLCJqdGkiOiJ0MSIsImlzcyI6Imh0dHBzOi8vaXNzdWVyLmV4YW1"
    "wbGUiLCJhdWQiOlsid2VmdCIsIm90aGVyIl0sInJvb21zIjp7InRlYW0vKiI6IndyaXRlIiwiKiI6InJlYWQifSw"
    "ibmJmIjoxNzAwMDAwMDAwLCJleHAiOjIwMDAwMDAwMDB9.XlKOWaDrL2jRODeZ2742aKFzeimKLmHB5etIbqsPSU"
    "g";

}  // namespace weft::server::auth
