#include "server/auth/authority.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/auth/token.h"

namespace weft::server::auth {
namespace {

// A password that can be guessed is none.
constexpr std::size_t kMinAdminTokenBytes = 16;

WallTime SystemNow() {
  return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

absl::Status About(std::string_view flag, const std::string& file, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(std::string(flag), " \"", file,
                                                  "\": ", std::string(status.message())));
}

absl::StatusOr<std::string> ReadFileOf(std::string_view flag, const std::string& file) {
  auto text = ReadSmallFile(file);
  if (text.ok()) return text;
  return absl::Status(text.status().code(),
                      absl::StrCat(std::string(flag), ": ", std::string(text.status().message())));
}

absl::Status AppendLine(const std::string& file, std::string_view line) {
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return absl::ErrnoToStatus(errno, "cannot open the file");
  const bool written =
      ::write(descriptor, line.data(), line.size()) == static_cast<ssize_t>(line.size()) &&
      ::fsync(descriptor) == 0;
  const int error = errno;
  ::close(descriptor);
  return written ? absl::OkStatus() : absl::ErrnoToStatus(error, "cannot write to the file");
}

absl::Status CheckFlags(const Options& options) {
  const bool has_keys = !options.key_file.empty() || !options.jwks_file.empty();
  if (options.mode == Mode::kToken && !has_keys) {
    return absl::InvalidArgumentError(
        "--auth token needs keys: --auth-key-file or --auth-jwks-file");
  }
  if (options.mode == Mode::kCallback && options.callback.url.empty()) {
    return absl::InvalidArgumentError("--auth callback needs --auth-callback-url");
  }
  if (options.mode != Mode::kToken && has_keys) {
    return absl::InvalidArgumentError("keys are of use with --auth token only");
  }
  if (options.mode != Mode::kCallback && !options.callback.url.empty()) {
    return absl::InvalidArgumentError("--auth-callback-url is of use with --auth callback only");
  }
  if (options.mode != Mode::kCallback && !options.callback.ca_file.empty()) {
    return absl::InvalidArgumentError("--auth-callback-ca is of use with --auth callback only");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Authority>> Authority::Open(const Options& options) {
  const absl::Status flags = CheckFlags(options);
  if (!flags.ok()) return flags;
  std::unique_ptr<Authority> authority(new Authority(options));
  for (const std::string& entry : options.origins) {
    const absl::Status added = authority->origins_.Add(entry);
    if (!added.ok()) return added;
  }
  Rules rules;
  absl::Status loaded = authority->LoadKeys(rules);
  if (loaded.ok()) loaded = authority->LoadDenied(rules);
  if (loaded.ok()) loaded = authority->LoadAdminToken(rules);
  if (!loaded.ok()) return loaded;
  authority->rules_ = std::make_shared<const Rules>(std::move(rules));
  if (options.mode == Mode::kCallback) {
    auto callback = Callback::Make(options.callback, authority->options_.now,
                                   authority->thread_.get_executor());
    if (!callback.ok()) return callback.status();
    authority->callback_ = *std::move(callback);
  }
  return authority;
}

Authority::Authority(Options options)
    : options_([&options] {
        if (!options.now) options.now = SystemNow;
        return std::move(options);
      }()) {}

Authority::~Authority() { Stop(); }

void Authority::Stop() {
  thread_.stop();
  thread_.join();
}

// --- Files ---------------------------------------------------------------------------------------

absl::Status Authority::LoadKeys(Rules& rules) const {
  if (options_.mode != Mode::kToken) return absl::OkStatus();
  const bool is_jwks = options_.key_file.empty();
  const std::string_view flag = is_jwks ? "--auth-jwks-file" : "--auth-key-file";
  const std::string& file = is_jwks ? options_.jwks_file : options_.key_file;
  auto text = ReadFileOf(flag, file);
  if (!text.ok()) return text.status();
  auto keys = is_jwks ? KeySet::FromJwksText(*text) : KeySet::FromKeyText(*text);
  if (!keys.ok()) return About(flag, file, keys.status());
  rules.keys = *std::move(keys);
  rules.key_text = *std::move(text);
  return absl::OkStatus();
}

absl::Status Authority::LoadDenied(Rules& rules) const {
  if (options_.revoked_file.empty()) return absl::OkStatus();
  auto text = ReadFileOf("--auth-revoked-file", options_.revoked_file);
  if (!text.ok()) return text.status();
  auto denied = DenyList::Parse(*text);
  if (!denied.ok()) return About("--auth-revoked-file", options_.revoked_file, denied.status());
  rules.denied = *std::move(denied);
  rules.deny_text = *std::move(text);
  return absl::OkStatus();
}

absl::Status Authority::LoadAdminToken(Rules& rules) const {
  if (options_.admin_token_file.empty()) return absl::OkStatus();
  auto text = ReadFileOf("--admin-token-file", options_.admin_token_file);
  if (!text.ok()) return text.status();
  while (text->ends_with('\n') || text->ends_with('\r')) text->pop_back();
  if (text->size() < kMinAdminTokenBytes) {
    return About("--admin-token-file", options_.admin_token_file,
                 absl::InvalidArgumentError(
                     absl::StrCat("it has to have ", kMinAdminTokenBytes, " characters or more")));
  }
  rules.admin_token = *std::move(text);
  return absl::OkStatus();
}

std::shared_ptr<const Authority::Rules> Authority::rules() const {
  const std::lock_guard lock(mutex_);
  return rules_;
}

// Requires: file_mutex_.
void Authority::Install(Rules changed, bool forget_answers) {
  const std::lock_guard lock(mutex_);
  const bool other_keys =
      changed.key_text != rules_->key_text || changed.admin_token != rules_->admin_token;
  rules_ = std::make_shared<const Rules>(std::move(changed));
  if (other_keys || forget_answers) answers_version_.fetch_add(1, std::memory_order_release);
  version_.fetch_add(1, std::memory_order_release);
}

absl::Status Authority::Reload() {
  const std::lock_guard lock(file_mutex_);
  Rules changed = *rules();
  absl::Status result = LoadKeys(changed);
  result.Update(LoadDenied(changed));
  result.Update(LoadAdminToken(changed));
  if (callback_) {
    // Whoever asks from now on asks behind this.
    asio::post(thread_, [this] { callback_->Forget(); });
  }
  Install(std::move(changed), callback_ != nullptr);
  return result;
}

absl::Status Authority::Revoke(const Revocation& revocation) {
  const auto line = revocation.ToLine();
  if (!line.ok()) return line.status();
  const std::lock_guard lock(file_mutex_);
  Rules changed = *rules();
  changed.denied.Add(revocation);
  Install(std::move(changed), /*forget_answers=*/false);
  if (options_.revoked_file.empty()) return absl::OkStatus();
  // People edit the file, too, and do not always end its last line.
  const auto text = ReadSmallFile(options_.revoked_file);
  const bool goes_on = text.ok() && !text->empty() && !text->ends_with('\n');
  const absl::Status written =
      AppendLine(options_.revoked_file, goes_on ? absl::StrCat("\n", *line) : *line);
  return written.ok() ? written : About("--auth-revoked-file", options_.revoked_file, written);
}

// --- Answers -------------------------------------------------------------------------------------

bool Authority::Revoked(const Grants& grants) const { return rules()->denied.Denies(grants); }

bool Authority::IsAdmin(const Rules& rules, std::string_view token) const {
  return !rules.admin_token.empty() && token.size() == rules.admin_token.size() &&
         CRYPTO_memcmp(token.data(), rules.admin_token.data(), token.size()) == 0;
}

void Authority::Authenticate(Credentials credentials, Done done) {
  static const GrantsPtr everybody =
      std::make_shared<const Grants>(Grants{.rooms = RoomRoles::Everywhere(Role::kWrite)});
  if (is_open()) return done(everybody);
  asio::post(thread_, [this, credentials = std::move(credentials),
                       done = std::move(done)]() mutable { Decide(credentials, std::move(done)); });
}

void Authority::Decide(const Credentials& credentials, Done done) {
  const std::shared_ptr<const Rules> rules = this->rules();
  if (IsAdmin(*rules, credentials.token)) {
    return done(std::make_shared<const Grants>(
        Grants{.subject = "admin", .rooms = RoomRoles::Everywhere(Role::kAdmin)}));
  }
  const auto unless_denied = [this](absl::StatusOr<GrantsPtr> answer) -> absl::StatusOr<GrantsPtr> {
    if (answer.ok() && Revoked(**answer)) {
      return absl::UnauthenticatedError("the token was revoked");
    }
    return answer;
  };
  if (options_.mode == Mode::kNone) {
    return done(
        std::make_shared<const Grants>(Grants{.rooms = RoomRoles::Everywhere(Role::kWrite)}));
  }
  if (options_.mode == Mode::kToken) {
    auto grants = CheckToken(credentials.token, rules->keys, options_.rules, now());
    if (!grants.ok()) return done(grants.status());
    return done(unless_denied(std::make_shared<const Grants>(*std::move(grants))));
  }
  callback_->Ask(credentials,
                 [unless_denied, done = std::move(done)](absl::StatusOr<GrantsPtr> answer) mutable {
                   done(unless_denied(std::move(answer)));
                 });
}

}  // namespace weft::server::auth
