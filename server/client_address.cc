#include "server/client_address.h"

#include <algorithm>
#include <charconv>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace weft::server {
namespace {

constexpr unsigned kBitsOfV6 = 128;
constexpr unsigned kBitsOfV4 = 32;

asio::ip::address_v6::bytes_type BytesOf(const asio::ip::address& address) {
  return address.is_v6()
             ? address.to_v6().to_bytes()
             : asio::ip::make_address_v6(asio::ip::v4_mapped, address.to_v4()).to_bytes();
}

std::string_view Trim(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

PeerAddress ToAddress(std::string_view text) {
  error_code error;
  const asio::ip::address address = asio::ip::make_address(std::string(text), error);
  if (error) return std::nullopt;
  // IPv4 within IPv6 is IPv4, as for limits.
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  }
  return address;
}

// With a port or without.
PeerAddress ParseNode(std::string_view text) {
  text = Trim(text);
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
    text = text.substr(1, text.size() - 2);
  }
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    return end == std::string_view::npos ? std::nullopt : ToAddress(text.substr(1, end - 1));
  }
  const std::size_t colon = text.find(':');
  const bool has_port = colon != std::string_view::npos && colon == text.rfind(':');
  return ToAddress(has_port ? text.substr(0, colon) : text);
}

// The value of "for" in one element.
PeerAddress ParseForwarded(std::string_view element) {
  while (!element.empty()) {
    const std::size_t end = std::min(element.find(';'), element.size());
    const std::string_view pair = Trim(element.substr(0, end));
    const std::size_t equals = pair.find('=');
    if (equals != std::string_view::npos &&
        absl::EqualsIgnoreCase(absl::string_view(pair.data(), equals), "for")) {
      return ParseNode(pair.substr(equals + 1));
    }
    element.remove_prefix(std::min(end + 1, element.size()));
  }
  return std::nullopt;
}

absl::Status BadNetwork(std::string_view text) {
  return absl::InvalidArgumentError(absl::StrCat(
      "\"", std::string(text), "\" is no network: write 10.0.0.0/8, 192.0.2.7, fd00::/8 or unix"));
}

}  // namespace

absl::Status TrustedProxies::Add(std::string_view text) {
  if (text == "unix") {
    trusts_unix_ = true;
    return absl::OkStatus();
  }
  const std::size_t slash = text.find('/');
  error_code error;
  const asio::ip::address address =
      asio::ip::make_address(std::string(text.substr(0, slash)), error);
  if (error) return BadNetwork(text);
  const unsigned most = address.is_v6() ? kBitsOfV6 : kBitsOfV4;
  unsigned bits = most;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (problem != std::errc() || end != digits.data() + digits.size() || bits > most) {
      return BadNetwork(text);
    }
  }
  networks_.push_back({.bytes = BytesOf(address), .bits = bits + (kBitsOfV6 - most)});
  return absl::OkStatus();
}

bool TrustedProxies::Trusts(const PeerAddress& peer) const {
  if (!peer) return trusts_unix_;
  const auto bytes = BytesOf(*peer);
  return std::any_of(networks_.begin(), networks_.end(), [&](const Network& network) {
    const std::size_t whole = network.bits / 8;
    if (!std::equal(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(whole),
                    network.bytes.begin())) {
      return false;
    }
    const unsigned rest = network.bits % 8;
    return rest == 0 || ((bytes[whole] ^ network.bytes[whole]) >> (8 - rest)) == 0;
  });
}

std::string_view NameOf(ProxyHeader header) {
  return header == ProxyHeader::kForwarded ? "Forwarded" : "X-Forwarded-For";
}

PeerAddress ClientBehind(const PeerAddress& peer, const TrustedProxies& proxies, ProxyHeader header,
                         const std::vector<std::string_view>& lines) {
  PeerAddress client = peer;
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
    std::string_view rest = *line;
    for (bool more = true; more;) {
      if (!proxies.Trusts(client)) return client;
      const std::size_t comma = rest.rfind(',');
      more = comma != std::string_view::npos;
      const std::string_view element = more ? rest.substr(comma + 1) : rest;
      if (more) rest = rest.substr(0, comma);
      if (Trim(element).empty()) continue;  // an empty line, or a comma too many
      const PeerAddress next =
          header == ProxyHeader::kForwarded ? ParseForwarded(element) : ParseNode(element);
      if (!next) return client;
      client = next;
    }
  }
  return client;
}

}  // namespace weft::server
