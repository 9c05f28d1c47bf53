#include "server/upgrade.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "sync/weft_v1.h"

namespace weft::server {
namespace {

constexpr std::string_view kAcceptSalt = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

absl::string_view ToAbsl(std::string_view text) { return {text.data(), text.size()}; }

std::string_view Trim(std::string_view text) {
  const absl::string_view trimmed = absl::StripAsciiWhitespace(ToAbsl(text));
  return {trimmed.data(), trimmed.size()};
}

// The part before the first comma, which is taken off `list`.
std::string_view TakeListItem(std::string_view& list) {
  const std::size_t comma = list.find(',');
  const std::string_view item = Trim(list.substr(0, comma));
  list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  return item;
}

bool ListContains(std::string_view list, std::string_view wanted) {
  while (!list.empty()) {
    if (absl::EqualsIgnoreCase(ToAbsl(TakeListItem(list)), ToAbsl(wanted))) return true;
  }
  return false;
}

bool IsToken(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return c > 0x20 && c < 0x7F &&
           std::string_view("()<>@,;:\\\"/[]?={}").find(static_cast<char>(c)) ==
               std::string_view::npos;
  });
}

// OpenSSL looks an algorithm up by its name and makes a context for each digest unless both are kept,
// which costs several times what the digest does.
std::array<unsigned char, SHA_DIGEST_LENGTH> Sha1(std::string_view text) {
  static EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA1", nullptr);
  static thread_local const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(
      EVP_MD_CTX_new(), EVP_MD_CTX_free);
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
  EVP_DigestInit_ex2(context.get(), algorithm, nullptr);
  EVP_DigestUpdate(context.get(), text.data(), text.size());
  EVP_DigestFinal_ex(context.get(), digest.data(), nullptr);
  return digest;
}

}  // namespace

bool WantsUpgrade(const UpgradeRequest& request) {
  return ListContains(request.upgrade, "websocket") && ListContains(request.connection, "upgrade");
}

UpgradeVerdict CheckUpgrade(const UpgradeRequest& request) {
  if (!request.is_get || !request.is_http_1_1) return UpgradeVerdict::kBadRequest;
  if (Trim(request.version) != "13") return UpgradeVerdict::kVersionRequired;
  std::string nonce;
  if (!absl::Base64Unescape(ToAbsl(Trim(request.key)), &nonce) || nonce.size() != 16) {
    return UpgradeVerdict::kBadRequest;
  }
  return UpgradeVerdict::kAccept;
}

std::string WebSocketAccept(std::string_view key) {
  const std::string salted = absl::StrCat(ToAbsl(key), ToAbsl(kAcceptSalt));
  const std::array<unsigned char, SHA_DIGEST_LENGTH> digest = Sha1(salted);
  return absl::Base64Escape(
      absl::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
}

bool AsksForProtocol(const UpgradeRequest& request, std::string_view protocol) {
  std::string_view protocols = request.requested_protocols;
  while (!protocols.empty()) {
    if (TakeListItem(protocols) == protocol) return true;
  }
  return false;
}

std::string UpgradeResponse(const UpgradeRequest& request) {
  std::string response = absl::StrCat(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
      "Sec-WebSocket-Accept: ", WebSocketAccept(Trim(request.key)), "\r\n");
  std::string_view protocols = request.requested_protocols;
  const std::string_view chosen = AsksForProtocol(request, sync::weft_v1::kSubprotocol)
                                      ? sync::weft_v1::kSubprotocol
                                      : TakeListItem(protocols);
  if (IsToken(chosen)) {
    absl::StrAppend(&response, "Sec-WebSocket-Protocol: ", ToAbsl(chosen), "\r\n");
  }
  absl::StrAppend(&response, "\r\n");
  return response;
}

}  // namespace weft::server
