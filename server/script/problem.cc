#include "server/script/problem.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crdt/any.h"
#include "crdt/json.h"

namespace weft::server::script {
namespace {

constexpr std::size_t kDescribedProblems = 20;

}  // namespace

std::string_view NameOf(Problem::Kind kind) {
  using enum Problem::Kind;
  switch (kind) {
    case kPageKey:
      return "page-key";
    case kMissing:
      return "missing";
    case kWrongType:
      return "wrong-type";
    case kBadId:
      return "bad-id";
    case kDuplicateId:
      return "duplicate-id";
    case kUnknownId:
      return "unknown-id";
    case kUnknownRef:
      return "unknown-reference";
    case kRule:
      return "rule";
    case kNotThisRevision:
      return "not-this-revision";
  }
  return "rule";
}

std::string Describe(const Problem& problem) {
  std::string where;
  const auto add = [&where](const std::string& place) {
    if (!where.empty()) where += ", ";
    where += place;
  };
  if (problem.page) add(absl::StrCat("page ", *problem.page));
  if (problem.line) add(absl::StrCat("line ", *problem.line));
  if (problem.part) add(absl::StrCat("part ", *problem.part));
  if (!problem.field.empty()) add(problem.field);
  return where.empty() ? problem.what : where + ": " + problem.what;
}

std::string Describe(const std::vector<Problem>& problems) {
  std::string text;
  for (std::size_t i = 0; i < std::min(problems.size(), kDescribedProblems); ++i) {
    if (i > 0) text += "\n";
    text += Describe(problems[i]);
  }
  if (problems.size() > kDescribedProblems) {
    absl::StrAppend(&text, "\nand ", problems.size() - kDescribedProblems, " more");
  }
  return text;
}

std::string ToJson(const std::vector<Problem>& problems) {
  crdt::Any::Array list;
  for (const Problem& problem : problems) {
    crdt::AnyObject object{{"kind", NameOf(problem.kind)}};
    if (problem.page) object.Set("page", static_cast<double>(*problem.page));
    if (problem.line) object.Set("line", static_cast<double>(*problem.line));
    if (problem.part) object.Set("part", static_cast<double>(*problem.part));
    if (!problem.field.empty()) object.Set("field", problem.field);
    object.Set("what", problem.what);
    list.emplace_back(std::move(object));
  }
  return crdt::ToJsonText(std::move(list));
}

}  // namespace weft::server::script
