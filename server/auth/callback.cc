#include "server/auth/callback.h"

#include <openssl/evp.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crdt/json.h"
#include "server/log.h"

namespace weft::server::auth {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;

constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);
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
        resolver(owner.executor_),
        stream(owner.executor_) {}

  Key key;
  Credentials credentials;
  Done done;  // empty once it was called
  asio::steady_timer deadline;
  asio::ip::tcp::resolver resolver;
  beast::tcp_stream stream;
};

absl::StatusOr<Callback::Address> Callback::ParseUrl(const std::string& url) {
  constexpr std::string_view kScheme = "http://";
  const auto refuse = [&](std::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", url, "\" is no URL of a callback: ", std::string(why)));
  };
  if (!url.starts_with(kScheme)) {
    return refuse("it has to begin with http://; TLS is up to a proxy in between");
  }
  const std::string rest = url.substr(kScheme.size());
  const std::size_t path = rest.find_first_of("/?#");
  const std::string authority = rest.substr(0, path);
  Address address{.host = authority, .port = "80", .target = "/", .host_header = authority};
  if (path != std::string::npos) address.target = rest.substr(path, rest.find('#') - path);
  if (!address.target.starts_with('/')) address.target.insert(0, "/");
  const std::size_t bracket = authority.rfind(']');
  const std::size_t colon = authority.find(':', bracket == std::string::npos ? 0 : bracket);
  if (colon != std::string::npos) {
    address.host = authority.substr(0, colon);
    address.port = authority.substr(colon + 1);
  }
  if (address.host.starts_with('[') && address.host.ends_with(']')) {
    address.host = address.host.substr(1, address.host.size() - 2);
  }
  if (address.host.empty()) return refuse("it names no host");
  if (address.port.empty() || address.port.size() > 5 ||
      address.port.find_first_not_of("0123456789") != std::string::npos) {
    return refuse("its port is no number");
  }
  for (const char c : url) {
    if (c <= ' ' || c == 0x7F || c == '@') return refuse("it has a character that it may not have");
  }
  return address;
}

absl::StatusOr<std::unique_ptr<Callback>> Callback::Make(const CallbackOptions& options,
                                                         std::function<WallTime()> now,
                                                         asio::any_io_executor executor) {
  auto address = ParseUrl(options.url);
  if (!address.ok()) return address.status();
  return std::unique_ptr<Callback>(
      new Callback(options, *std::move(address), std::move(now), std::move(executor)));
}

Callback::Callback(const CallbackOptions& options, Address address, std::function<WallTime()> now,
                   asio::any_io_executor executor)
    : options_(options),
      address_(std::move(address)),
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
    call->resolver.cancel();
    call->stream.cancel();
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
  const auto [resolved, endpoints] =
      co_await call.resolver.async_resolve(address_.host, address_.port, kAsTuple);
  if (resolved) {
    co_return Down(absl::StrCat("its host: ", resolved.message()));
  }
  if (!call.done) co_return Down("given up");
  const auto [connected, endpoint] = co_await call.stream.async_connect(endpoints, kAsTuple);
  if (connected) co_return Down(connected.message());
  http::request<http::string_body> request(http::verb::post, address_.target, 11);
  request.set(http::field::host, address_.host_header);
  request.set(http::field::user_agent, "weft");
  request.set(http::field::content_type, "application/json");
  request.set(http::field::accept, "application/json");
  request.set(http::field::connection, "close");
  request.body() = QuestionText(call.credentials);
  request.prepare_payload();
  const auto [written, written_bytes] = co_await http::async_write(call.stream, request, kAsTuple);
  if (written) co_return Down(written.message());
  http::response_parser<http::string_body> response;
  response.body_limit(kMaxAnswerBytes);
  beast::flat_buffer buffer;
  const auto [read, read_bytes] =
      co_await http::async_read(call.stream, buffer, response, kAsTuple);
  if (read) co_return Down(absl::StrCat("its answer: ", read.message()));
  co_return ReadAnswer(response.get().result_int(), response.get().body(), call.credentials.room,
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
