#include "server/tls_certificate.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/server/running_server.h"
#include "tests/server/test_certificate.h"

namespace weft::server {
namespace {

class TlsCertificateTest : public testing::Test {
 protected:
  std::string MessageOf(const TlsFiles& files) {
    const auto loaded = TlsCertificate::Load(files);
    EXPECT_EQ(loaded.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(loaded.status().message());
  }
  TemporaryDirectory directory;
};

TEST_F(TlsCertificateTest, SaysWhoseItIsAndUntilWhen) {
  const auto loaded = TlsCertificate::Load(WriteTestCertificate(
      directory.path(), "one", {.name = "one.example", .passphrase = nullptr}));
  ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
  EXPECT_NE((*loaded)->Describe().find("one.example, until 20"), std::string::npos)
      << (*loaded)->Describe();
  EXPECT_GT((*loaded)->expiry_seconds(), 1'700'000'000);
}

TEST_F(TlsCertificateTest, ABadFileIsNamedWithTheReason) {
  const TlsFiles good = WriteTestCertificate(directory.path(), "good");
  const TlsFiles other = WriteTestCertificate(directory.path(), "other");
  const TlsFiles locked =
      WriteTestCertificate(directory.path(), "locked", {.passphrase = "open sesame"});
  const std::string text = directory.path() + "/text.pem";
  std::ofstream(text) << "no certificate\n";

  EXPECT_EQ(MessageOf({.certificate = "/nowhere/cert.pem", .key = good.key}),
            "the certificate \"/nowhere/cert.pem\" is of no use: No such file or directory");
  EXPECT_EQ(MessageOf({.certificate = text, .key = good.key}),
            "the certificate \"" + text +
                "\" is of no use: it holds no certificate in PEM (no start line)");
  EXPECT_EQ(MessageOf({.certificate = good.certificate, .key = "/nowhere/key.pem"}),
            "the private key \"/nowhere/key.pem\" is of no use: No such file or directory");
  EXPECT_EQ(MessageOf({.certificate = good.certificate, .key = good.certificate}),
            "the private key \"" + good.certificate +
                "\" is of no use: it holds no private key in PEM (unsupported)");
  EXPECT_EQ(
      MessageOf({.certificate = good.certificate, .key = other.key}),
      "the private key \"" + other.key + "\" is of no use: it does not belong to the certificate");
  EXPECT_EQ(MessageOf({.certificate = locked.certificate, .key = locked.key}),
            "the private key \"" + locked.key +
                "\" is of no use: it is encrypted, and a server cannot be asked");
}

TEST_F(TlsCertificateTest, AFileThatBecameBadLeavesTheOldOneInUse) {
  const TlsFiles files =
      WriteTestCertificate(directory.path(), "one", {.name = "before", .passphrase = nullptr});
  const auto certificate = TlsCertificate::Load(files);
  ASSERT_TRUE(certificate.ok());
  std::ofstream(files.key) << "half a fi";
  EXPECT_FALSE((*certificate)->Reload().ok());
  EXPECT_NE((*certificate)->Describe().find("before"), std::string::npos);
  WriteTestCertificate(directory.path(), "one", {.name = "after", .passphrase = nullptr});
  EXPECT_TRUE((*certificate)->Reload().ok());
  EXPECT_NE((*certificate)->Describe().find("after"), std::string::npos);
}

}  // namespace
}  // namespace weft::server
