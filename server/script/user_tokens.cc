#include "server/script/user_tokens.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crdt/base/random.h"
#include "server/auth/token.h"
#include "server/script/script_rows.h"

namespace weft::server::script {
namespace {

constexpr std::size_t kSecretBytes = 32;
constexpr double kMaxSafeInteger = 9007199254740991.0;

absl::Status EndedBy(UserTokens::End end) {
  return absl::UnauthenticatedError(std::string(UserTokens::WordsFor(end)));
}
absl::Status Invalid() { return EndedBy(UserTokens::End::kExpired); }

// A number, or its digits.
std::optional<UserId> UserIn(const crdt::AnyObject& claims) {
  const crdt::Any* const claim = claims.Find("user_id");
  if (claim == nullptr) return std::nullopt;
  if (const double* const number = claim->AsNumber()) {
    if (!(*number >= 1 && *number <= kMaxSafeInteger)) return std::nullopt;
    const auto whole = static_cast<std::uint64_t>(*number);
    if (static_cast<double>(whole) != *number) return std::nullopt;
    return UserId{whole};
  }
  const std::string* const text = claim->AsString();
  if (text == nullptr) return std::nullopt;
  std::uint64_t number = 0;
  const char* const end = text->data() + text->size();
  const auto read = std::from_chars(text->data(), end, number);
  if (read.ec != std::errc() || read.ptr != end || number == 0) return std::nullopt;
  return UserId{number};
}

}  // namespace

std::string_view UserTokens::WordsFor(End end) {
  return end == End::kRevoked ? "Revoked token" : "Invalid or expired token";
}

std::optional<UserTokens::End> UserTokens::EndOf(const auth::Grants& grants,
                                                 auth::WallTime now) const {
  if (grants.expires && now >= *grants.expires) return End::kExpired;
  if (is_revoked_ && is_revoked_(grants)) return End::kRevoked;
  return std::nullopt;
}

absl::StatusOr<UserTokens::Known> UserTokens::Identify(std::string_view token,
                                                       auth::WallTime now) const {
  if (token.empty()) return absl::UnauthenticatedError("No token provided");
  auto checked = auth::CheckTokenAndClaims(token, keys_, auth::TokenRules{}, now);
  if (!checked.ok()) return Invalid();
  const std::optional<UserId> id = UserIn(checked->claims);
  if (!id) return Invalid();
  if (const auto end = EndOf(checked->grants, now)) return EndedBy(*end);
  std::optional<User> user;
  const absl::Status read = rows_.Read([&](const store::RowReader& rows) {
    absl::StatusOr<std::optional<User>> found = FindUser(rows, *id);
    if (!found.ok()) return found.status();
    user = *std::move(found);
    return absl::OkStatus();
  });
  if (!read.ok()) return read;
  if (!user) return absl::UnauthenticatedError("User not found");
  return Known{.user = *std::move(user), .grants = std::move(checked->grants)};
}

absl::StatusOr<auth::KeySet> ReadUserKeys(const std::string& file) {
  auto keys = auth::ReadSmallFile(file);
  absl::StatusOr<auth::KeySet> read =
      keys.ok() ? auth::KeySet::FromKeyText(*keys) : absl::StatusOr<auth::KeySet>(keys.status());
  if (read.ok() && !read->Has(auth::Algorithm::kHs256)) {
    read = absl::InvalidArgumentError("it has to hold a secret of 32 bytes or more, for HS256");
  }
  if (read.ok()) return read;
  return absl::Status(
      read.status().code(),
      absl::StrCat("--jwt-secret-file \"", file, "\": ", std::string(read.status().message())));
}

std::string DefaultSecretFile(const std::string& data_directory) {
  return absl::StrCat(data_directory, "/jwt-secret");
}

absl::Status MakeSecretFile(const std::string& file) {
  if (::access(file.c_str(), F_OK) == 0) return absl::OkStatus();
  std::array<unsigned char, kSecretBytes> secret{};
  crdt::FillRandom(secret.data(), secret.size());
  const std::string text = absl::StrCat(
      auth::ToBase64Url({reinterpret_cast<const char*>(secret.data()), secret.size()}), "\n");
  // Whole or not at all: who comes second finds the secret of who came first.
  const std::string draft = absl::StrCat(file, ".", ::getpid(), ".new");
  const int descriptor = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot make ", file));
  bool made = ::write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
              ::fsync(descriptor) == 0;
  int error = errno;
  ::close(descriptor);
  if (made && ::link(draft.c_str(), file.c_str()) != 0 && errno != EEXIST) {
    made = false;
    error = errno;
  }
  ::unlink(draft.c_str());
  return made ? absl::OkStatus() : absl::ErrnoToStatus(error, absl::StrCat("cannot make ", file));
}

}  // namespace weft::server::script
