#include "server/auth/callback.h"

#include <openssl/evp.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crdt/json.h"
#include "server/log.h"

namespace weft::server::auth {
namespace {

constexpr std::size_t kMaxJsonDepth = 16;

// For the log; clients are told kTryAgain.
absl::Status Down(std::string_view why) {
  return absl::UnavailableError(
      absl::StrCat("the service of --auth-callback-url: ", std::string(why)));
}

constexpr const char* kTryAgain = "rights cannot be checked now; try again in a moment";

// Questions with secrets in them are remembered by their digest.
std::string KeyOf(const Credentials& credentials) {
  std::string text;
  for (const std::string* part :
       {&credentials.token, &credentials.room, &credentials.origin, &credentials.address}) {
    absl::StrAppend(&text, part->size(), ":", *part);
  }
  std::string digest(EVP_MAX_MD_SIZE, '\0');
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(digest.data()), &size,
             EVP_sha256(), nullptr);
  digest.resize(size);
  return digest;
}

std::string QuestionText(const Credentials& credentials) {
  return crdt::ToJsonText(crdt::AnyObject{{"token", credentials.token},
                                          {"room", credentials.room},
                                          {"address", credentials.address},
                                          {"origin", credentials.origin}});
}

// Nothing when the member is something else than text.
std::optional<std::string> OptionalText(const crdt::AnyObject& object, std::string_view name) {
  const crdt::Any* value = object.Find(name);
  if (value == nullptr || value->is_null()) return std::string();
  return value->AsString() == nullptr ? std::nullopt : std::optional(*value->AsString());
}

}  // namespace

// A question, from Ask to its answer. The coroutine that asks may outlive the answer, when the service
// is given up.
struct Callback::Call {
  Call(Callback& owner, Credentials shown, Done when_done)
      : key(KeyOf(shown)),
        credentials(std::move(shown)),
        done(std::move(when_done)),
        deadline(owner.executor_),
        client(owner.executor_, owner.url_, owner.trust_, owner.options_.timeout) {}

  Key key;
  Credentials credentials;
  Done done;  // empty once it was called
  asio::steady_timer deadline;
  HttpClient client;
};

absl::StatusOr<std::unique_ptr<Callback>> Callback::Make(const CallbackOptions& options,
                                                         std::function<WallTime()> now,
                                                         asio::any_io_executor executor) {
  absl::StatusOr<HttpUrl> url = ParseHttpUrl(options.url);
  if (!url.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--auth-callback-url ", std::string(url.status().message())));
  }
  std::optional<TlsTrust> trust;
  if (url->is_tls) {
    absl::StatusOr<TlsTrust> loaded = TlsTrust::Load(options.ca_file);
    if (!loaded.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--auth-callback-ca: ", std::string(loaded.status().message())));
    }
    trust = *std::move(loaded);
  } else if (!options.ca_file.empty()) {
    return absl::InvalidArgumentError("--auth-callback-ca is of use with https:// only");
  }
  return std::unique_ptr<Callback>(new Callback(options, *std::move(url), std::move(trust),
                                                std::move(now), std::move(executor)));
}

Callback::Callback(const CallbackOptions& options, HttpUrl url, std::optional<TlsTrust> trust,
                   std::function<WallTime()> now, asio::any_io_executor executor)
    : options_(options),
      url_(std::move(url)),
      trust_(std::move(trust)),
      now_(std::move(now)),
      executor_(std::move(executor)) {}

// --- Questions -----------------------------------------------------------------------------------

void Callback::Ask(const Credentials& credentials, Done done) {
  const auto found = cache_.find(KeyOf(credentials));
  if (found != cache_.end() && now_() < found->second.until) return done(found->second.answer);
  if (running_ >= options_.concurrency && waiting_.size() >= kMaxWaiting) {
    LogFailure(Down("too many questions wait for it"));
    return done(absl::UnavailableError(kTryAgain));
  }
  auto call = std::make_shared<Call>(*this, credentials, std::move(done));
  call->deadline.expires_after(options_.timeout);
  call->deadline.async_wait([this, call](const error_code& error) {
    if (error) return;
    Finish(*call, Down("it does not answer in time"));
    call->client.Cancel();
  });
  if (running_ >= options_.concurrency) {
    waiting_.push_back(std::move(call));
  } else {
    Start(std::move(call));
  }
}

void Callback::Start(std::shared_ptr<Call> call) {
  ++running_;
  Call& asked = *call;
  asio::co_spawn(executor_, Exchange(asked),
                 [this, call = std::move(call)](const std::exception_ptr& /*never*/,
                                                absl::StatusOr<Grants> result) {
                   Finish(*call, std::move(result));
                   EndSlot();
                 });
}

void Callback::EndSlot() {
  --running_;
  while (!waiting_.empty() && running_ < options_.concurrency) {
    std::shared_ptr<Call> next = std::move(waiting_.front());
    waiting_.pop_front();
    if (next->done) Start(std::move(next));  // else it was given up
  }
}

asio::awaitable<absl::StatusOr<Grants>> Callback::Exchange(Call& call) {
  const HttpClient::Headers nothing_else;
  const std::string question = QuestionText(call.credentials);
  const auto answer = co_await call.client.Post(question, nothing_else, /*keep=*/false);
  if (!answer.ok()) co_return Down(std::string_view(answer.status().message()));
  co_return ReadAnswer(static_cast<int>(answer->status), answer->body, call.credentials.room,
                       options_.ttl, now_());
}

absl::StatusOr<Grants> Callback::ReadAnswer(int status, const std::string& body,
                                            const std::string& room, std::chrono::seconds ttl,
                                            WallTime now) {
  if (status == 401) return absl::UnauthenticatedError("the token is not accepted");
  if (status == 403) return absl::PermissionDeniedError("no access to this room");
  if (status != 200) return Down(absl::StrCat("it answers with status ", status));
  const auto malformed = [](std::string_view what) {
    return Down(absl::StrCat("it answers ", std::string(what)));
  };
  const std::optional<crdt::Any> json = crdt::ParseJson(body, kMaxJsonDepth);
  const crdt::AnyObject* object = json ? json->AsObject() : nullptr;
  if (object == nullptr) return malformed("something else than a JSON object");
  const std::optional<std::string> role_name = OptionalText(*object, "role");
  const std::optional<Role> role = role_name ? RoleFromName(*role_name) : std::nullopt;
  if (!role) return malformed("without a role that is none, read, write or admin");
  const std::optional<std::string> subject = OptionalText(*object, "subject");
  const std::optional<std::string> token_id = OptionalText(*object, "token_id");
  if (!subject || !token_id) return malformed("a subject or token id that is no text");
  std::chrono::milliseconds holds = ttl;
  if (const crdt::Any* value = object->Find("expires_in"); value != nullptr && !value->is_null()) {
    const double* seconds = value->AsNumber();
    if (seconds == nullptr || !(*seconds >= 0)) return malformed("a time that is none");
    if (*seconds * 1000 < static_cast<double>(holds.count())) {
      holds = std::chrono::milliseconds(static_cast<std::int64_t>(*seconds * 1000));
    }
  }
  Grants grants;
  grants.subject = *subject;
  grants.token_id = *token_id;
  grants.rooms = room.empty() ? RoomRoles::Everywhere(*role) : RoomRoles::In(room, *role);
  grants.renew = now + holds;
  grants.expires = now + holds + ttl;
  return grants;
}

void Callback::Finish(Call& call, absl::StatusOr<Grants> result) {
  if (!call.done) return;
  call.deadline.cancel();
  if (absl::IsUnavailable(result.status())) {
    LogFailure(result.status());
    result = absl::UnavailableError(kTryAgain);
  }
  const auto answer =
      result.ok() ? absl::StatusOr<GrantsPtr>(std::make_shared<const Grants>(*std::move(result)))
                  : absl::StatusOr<GrantsPtr>(result.status());
  Remember(call.key, answer);
  std::exchange(call.done, nullptr)(answer);
}

// At most one line a second: when the service is down, everybody fails.
void Callback::LogFailure(const absl::Status& why) {
  const Clock::time_point now = Clock::now();
  if (now - failure_told_ < std::chrono::seconds(1)) return;
  failure_told_ = now;
  LogWarning("{}", std::string(why.message()));
}

// --- What is remembered --------------------------------------------------------------------------

void Callback::Remember(const Key& key, const absl::StatusOr<GrantsPtr>& answer) {
  if (absl::IsUnavailable(answer.status())) return;
  const WallTime until = answer.ok() ? *(*answer)->renew : now_() + kRefusalTtl;
  cache_.insert_or_assign(key, Remembered{answer, until});
  cache_order_.emplace_back(key, until);
  while (cache_order_.size() > options_.cache_entries) {
    const auto found = cache_.find(cache_order_.front().first);
    // It may have been remembered anew since.
    if (found != cache_.end() && found->second.until == cache_order_.front().second) {
      cache_.erase(found);
    }
    cache_order_.pop_front();
  }
}

void Callback::Forget() {
  cache_.clear();
  cache_order_.clear();
}

}  // namespace weft::server::auth
