#include "server/auth/refusal.h"

#include "absl/strings/str_cat.h"

namespace weft::server::auth {

std::string_view RefusalName(Refusal refusal) {
  constexpr std::array<std::string_view, kRefusalCount> kNames = {"origin",      "token", "room",
                                                                  "unavailable", "ended", "write"};
  return kNames[static_cast<std::size_t>(refusal)];
}

Refusal RefusalOf(const absl::Status& status) {
  if (absl::IsUnauthenticated(status)) return Refusal::kToken;
  if (absl::IsPermissionDenied(status)) return Refusal::kRoom;
  return Refusal::kUnavailable;
}

CloseCode CloseCodeOf(Refusal refusal) {
  switch (refusal) {
    case Refusal::kToken:
    case Refusal::kEnded:
      return CloseCode::kUnauthorized;
    case Refusal::kUnavailable:
      return CloseCode::kBusy;
    default:
      return CloseCode::kForbidden;
  }
}

int HttpStatusOf(Refusal refusal) {
  switch (refusal) {
    case Refusal::kToken:
    case Refusal::kEnded:
      return 401;
    case Refusal::kUnavailable:
      return 503;
    default:
      return 403;
  }
}

std::string RefusalCounts::ToJson() const {
  std::string json = "{";
  for (std::size_t i = 0; i < kRefusalCount; ++i) {
    const auto refusal = static_cast<Refusal>(i);
    absl::StrAppend(&json, i == 0 ? "\"" : ",\"", std::string(RefusalName(refusal)),
                    "\":", count(refusal));
  }
  return json + "}";
}

}  // namespace weft::server::auth
