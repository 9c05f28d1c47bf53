#include "server/auth/deny_list.h"

#include "absl/strings/str_cat.h"

namespace weft::server::auth {
namespace {

constexpr std::string_view kSubject = "sub:";
constexpr std::string_view kTokenId = "jti:";

}  // namespace

absl::StatusOr<std::string> Revocation::ToLine() const {
  if (name.empty() || name.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
    return absl::InvalidArgumentError("what is revoked needs a name of one line");
  }
  const std::string_view kind = of == Of::kSubject ? kSubject : kTokenId;
  return absl::StrCat(std::string(kind), name, "\n");
}

absl::StatusOr<DenyList> DenyList::Parse(std::string_view text) {
  DenyList list;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with('#')) continue;
    const bool is_subject = line.starts_with(kSubject);
    if ((!is_subject && !line.starts_with(kTokenId)) || line.size() == kSubject.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("its line ", number, " is neither sub:NAME nor jti:NAME"));
    }
    list.Add({.of = is_subject ? Revocation::Of::kSubject : Revocation::Of::kTokenId,
              .name = std::string(line.substr(kSubject.size()))});
  }
  return list;
}

void DenyList::Add(const Revocation& revocation) {
  auto& names = revocation.of == Revocation::Of::kSubject ? subjects_ : token_ids_;
  names.insert(revocation.name);
}

bool DenyList::Denies(const Grants& grants) const {
  return (!grants.subject.empty() && subjects_.contains(grants.subject)) ||
         (!grants.token_id.empty() && token_ids_.contains(grants.token_id));
}

}  // namespace weft::server::auth
