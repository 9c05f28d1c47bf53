#include "server/script/script_rows.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "crdt/base/utf.h"
#include "crdt/json.h"
#include "server/script/json_place.h"
#include "server/script/show_json.h"

namespace weft::server::script {
namespace {

using crdt::ByteReader;
using crdt::Bytes;
using crdt::ByteView;
using crdt::ByteWriter;
using store::RowReader;
using store::RowWriter;

constexpr std::size_t kJsonDepth = 16;
constexpr std::size_t kNumberBytes = 8;

absl::Status Damaged(std::string_view what) {
  return absl::DataLossError(absl::StrCat(std::string(what), " does not read as it was written"));
}

Bytes ToBytes(std::string_view text) { return {text.begin(), text.end()}; }

std::uint64_t OrZero(std::optional<LineId> line) { return line ? Number(*line) : 0; }
std::optional<LineId> LineOrNone(std::uint64_t number) {
  return number == 0 ? std::nullopt : std::optional(LineId{number});
}
Ref RefOrNone(std::uint64_t number) { return number == 0 ? std::nullopt : Ref(number); }

// Reads a row of JSON; `read` makes of it what it is.
template <typename Read>
auto ParseRow(ByteView value, const char* what, Read read)
    -> absl::StatusOr<decltype(read(std::declval<JsonPlace&>()))> {
  const std::optional<crdt::Any> json = crdt::ParseJson(crdt::AsText(value), kJsonDepth);
  if (!json) return Damaged(what);
  std::vector<std::string> problems;
  JsonPlace place(*json, problems);
  auto result = read(place);
  if (!problems.empty()) return Damaged(absl::StrCat(what, " (", problems.front(), ")"));
  return result;
}

std::string NameOfRevision(ShowId show, RevisionId revision) {
  return absl::StrCat("revision ", Number(revision), " of show ", Number(show));
}

absl::StatusOr<RevisionInfo> DecodeRevision(ShowId show, RevisionId id, ByteView value) {
  ByteReader in(value);
  RevisionInfo revision{.id = id};
  revision.number = static_cast<std::uint32_t>(in.ReadVarUint());
  if (const std::uint64_t parent = in.ReadVarUint(); parent != 0) {
    revision.parent = RevisionId{parent};
  }
  revision.created_ms = static_cast<std::int64_t>(in.ReadVarUint());
  revision.edited_ms = static_cast<std::int64_t>(in.ReadVarUint());
  revision.head = LineOrNone(in.ReadVarUint());
  revision.tail = LineOrNone(in.ReadVarUint());
  revision.count = in.ReadVarUint();
  revision.hash = in.ReadBigEndian64();
  revision.description = in.ReadString();
  if (!in.ok() || !in.at_end()) return Damaged(NameOfRevision(show, id));
  return revision;
}

// What does not agree between a revision's row, its order and its links.
std::vector<std::string> Disagreements(const RevisionInfo& revision,
                                       const std::vector<OrderRow>& rows,
                                       const std::vector<Link>& links,
                                       std::vector<Placement>& order) {
  std::vector<std::string> wrong = DiagnoseChain(links);
  if (!wrong.empty()) return wrong;
  order = *WalkChain(links);
  if (order.size() != rows.size()) {
    wrong.push_back(
        absl::StrCat("the order has ", rows.size(), " lines, the chain ", order.size()));
    return wrong;
  }
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (rows[i].line == order[i].line && rows[i].page == order[i].page) continue;
    wrong.push_back(absl::StrCat("place ", i + 1, " of the order has line ", Number(rows[i].line),
                                 " on page ", rows[i].page, ", that of the chain line ",
                                 Number(order[i].line), " on page ", order[i].page));
    return wrong;
  }
  const auto line_at = [&](std::size_t i) { return std::optional(order[i].line); };
  if (revision.count != order.size()) {
    wrong.push_back(absl::StrCat("its row counts ", revision.count, " lines of ", order.size()));
  } else if (!order.empty() &&
             (revision.head != line_at(0) || revision.tail != line_at(order.size() - 1))) {
    wrong.push_back("its row names other ends than the chain has");
  }
  if (revision.hash != HashOrder(order)) wrong.push_back("its row has the hash of another order");
  return wrong;
}

// The contents of these lines, by one pass over all versions of the script's lines.
absl::Status ReadContents(const RowReader& rows, ShowId show, std::vector<Line>& lines) {
  std::vector<Line*> wanted;
  wanted.reserve(lines.size());
  for (Line& line : lines) wanted.push_back(&line);
  std::sort(wanted.begin(), wanted.end(),
            [](const Line* a, const Line* b) { return a->id < b->id; });
  auto next = wanted.begin();
  const absl::Status visited =
      VisitPrefix(rows, table::kLine, KeyOf(show), [&](ByteView key, ByteView value) {
        const auto numbers = ReadKey(key, 3);
        if (!numbers.ok()) return numbers.status();
        const LineId id{(*numbers)[1]};
        const Version version{(*numbers)[2]};
        while (next != wanted.end() &&
               ((*next)->id < id || ((*next)->id == id && (*next)->version < version))) {
          return absl::DataLossError(absl::StrCat("line ", Number((*next)->id), " has no version ",
                                                  Number((*next)->version)));
        }
        if (next == wanted.end() || (*next)->id != id || (*next)->version != version) {
          return absl::OkStatus();
        }
        auto content = DecodeContent(value);
        if (!content.ok()) return Damaged(absl::StrCat("line ", Number(id)));
        (*next)->content = *std::move(content);
        ++next;
        return absl::OkStatus();
      });
  if (!visited.ok()) return visited;
  if (next == wanted.end()) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("line ", Number((*next)->id), " has no version ", Number((*next)->version)));
}

}  // namespace

absl::StatusOr<std::vector<std::uint64_t>> ReadKey(ByteView key, std::size_t count) {
  if (key.size() != count * kNumberBytes) return Damaged("a key");
  ByteReader in(key);
  std::vector<std::uint64_t> numbers;
  numbers.reserve(count);
  for (std::size_t i = 0; i < count; ++i) numbers.push_back(in.ReadBigEndian64());
  return numbers;
}

absl::Status VisitPrefix(const RowReader& rows, std::string_view table, const Bytes& prefix,
                         VisitRow visit) {
  Bytes end = prefix;
  // Numbers never are all ones: the last byte that is not has a successor.
  while (!end.empty() && end.back() == 0xff) end.pop_back();
  if (!end.empty()) ++end.back();
  absl::Status status;
  const absl::Status visited = rows.Visit(table, prefix, end, [&](ByteView key, ByteView value) {
    status = visit(key, value);
    return status.ok();
  });
  return status.ok() ? visited : status;
}

absl::Status ErasePrefix(RowWriter& rows, std::string_view table, const Bytes& prefix) {
  std::vector<Bytes> keys;
  absl::Status status = VisitPrefix(rows, table, prefix, [&](ByteView key, ByteView) {
    keys.emplace_back(key.begin(), key.end());
    return absl::OkStatus();
  });
  for (const Bytes& key : keys) {
    if (!status.ok()) break;
    status = rows.Erase(table, key);
  }
  return status;
}

absl::StatusOr<std::vector<Show>> ListShows(const RowReader& rows) {
  std::vector<Show> shows;
  const absl::Status status = VisitPrefix(rows, table::kShow, {}, [&](ByteView, ByteView value) {
    auto show = ParseRow(value, "a show", [](JsonPlace& place) { return ReadShow(place); });
    if (!show.ok()) return show.status();
    shows.push_back(*std::move(show));
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return shows;
}

absl::StatusOr<std::optional<Show>> FindShow(const RowReader& rows, ShowId show) {
  const auto value = rows.Get(table::kShow, KeyOf(show));
  if (!value.ok()) return value.status();
  if (!*value) return std::optional<Show>();
  auto read = ParseRow(**value, "a show", [](JsonPlace& place) { return ReadShow(place); });
  if (!read.ok()) return read.status();
  return std::optional(*std::move(read));
}

absl::Status PutShow(RowWriter& rows, const Show& show) {
  return rows.Put(table::kShow, KeyOf(show.id), ToBytes(crdt::ToJsonText(ToJson(show))));
}

absl::StatusOr<std::vector<User>> ListUsers(const RowReader& rows) {
  std::vector<User> users;
  const absl::Status status = VisitPrefix(rows, table::kUser, {}, [&](ByteView, ByteView value) {
    auto user = ParseRow(value, "a user", [](JsonPlace& place) { return ReadUser(place); });
    if (!user.ok()) return user.status();
    users.push_back(*std::move(user));
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return users;
}

absl::StatusOr<std::optional<User>> FindUser(const RowReader& rows, UserId user) {
  const auto value = rows.Get(table::kUser, KeyOf(user));
  if (!value.ok()) return value.status();
  if (!*value) return std::optional<User>();
  auto read = ParseRow(**value, "a user", [](JsonPlace& place) { return ReadUser(place); });
  if (!read.ok()) return read.status();
  return std::optional(*std::move(read));
}

absl::Status PutUser(RowWriter& rows, const User& user) {
  return rows.Put(table::kUser, KeyOf(user.id), ToBytes(crdt::ToJsonText(ToJson(user))));
}

absl::StatusOr<ScriptInfo> GetScript(const RowReader& rows, ShowId show) {
  const auto value = rows.Get(table::kScript, KeyOf(show));
  if (!value.ok()) return value.status();
  if (!*value) return absl::NotFoundError(absl::StrCat("show ", Number(show), " has no script"));
  ByteReader in(**value);
  ScriptInfo script{.show = show};
  script.mode = in.ReadVarUint() == 0 ? ScriptMode::kFull : ScriptMode::kCompact;
  script.current = RevisionId{in.ReadVarUint()};
  script.next_line = in.ReadVarUint();
  script.next_part = in.ReadVarUint();
  script.next_version = in.ReadVarUint();
  script.next_revision = in.ReadVarUint();
  script.next_number = static_cast<std::uint32_t>(in.ReadVarUint());
  if (!in.ok() || !in.at_end()) return Damaged(absl::StrCat("the script of show ", Number(show)));
  return script;
}

absl::Status PutScript(RowWriter& rows, const ScriptInfo& script) {
  ByteWriter out;
  out.WriteVarUint(script.mode == ScriptMode::kFull ? 0 : 1);
  out.WriteVarUint(Number(script.current));
  out.WriteVarUint(script.next_line);
  out.WriteVarUint(script.next_part);
  out.WriteVarUint(script.next_version);
  out.WriteVarUint(script.next_revision);
  out.WriteVarUint(script.next_number);
  return rows.Put(table::kScript, KeyOf(script.show), out.view());
}

absl::StatusOr<std::vector<RevisionInfo>> ListRevisions(const RowReader& rows, ShowId show) {
  std::vector<RevisionInfo> revisions;
  const absl::Status status =
      VisitPrefix(rows, table::kRevision, KeyOf(show), [&](ByteView key, ByteView value) {
        const auto numbers = ReadKey(key, 2);
        if (!numbers.ok()) return numbers.status();
        auto revision = DecodeRevision(show, RevisionId{(*numbers)[1]}, value);
        if (!revision.ok()) return revision.status();
        revisions.push_back(*std::move(revision));
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  std::sort(revisions.begin(), revisions.end(),
            [](const RevisionInfo& a, const RevisionInfo& b) { return a.number < b.number; });
  return revisions;
}

absl::StatusOr<RevisionInfo> GetRevision(const RowReader& rows, ShowId show, RevisionId revision) {
  const auto value = rows.Get(table::kRevision, KeyOf(show, revision));
  if (!value.ok()) return value.status();
  if (!*value) {
    return absl::NotFoundError("there is no " + NameOfRevision(show, revision));
  }
  return DecodeRevision(show, revision, **value);
}

absl::Status PutRevision(RowWriter& rows, ShowId show, const RevisionInfo& revision) {
  ByteWriter out;
  out.WriteVarUint(revision.number);
  out.WriteVarUint(revision.parent ? Number(*revision.parent) : 0);
  out.WriteVarUint(static_cast<std::uint64_t>(revision.created_ms));
  out.WriteVarUint(static_cast<std::uint64_t>(revision.edited_ms));
  out.WriteVarUint(OrZero(revision.head));
  out.WriteVarUint(OrZero(revision.tail));
  out.WriteVarUint(revision.count);
  out.WriteBigEndian64(revision.hash);
  out.WriteString(revision.description);
  return rows.Put(table::kRevision, KeyOf(show, revision.id), out.view());
}

absl::StatusOr<std::vector<OrderRow>> ReadOrder(const RowReader& rows, ShowId show,
                                                RevisionId revision) {
  std::vector<OrderRow> order;
  const absl::Status status =
      VisitPrefix(rows, table::kOrder, KeyOf(show, revision), [&](ByteView key, ByteView value) {
        const auto numbers = ReadKey(key, 4);
        if (!numbers.ok()) return numbers.status();
        ByteReader in(value);
        const LineId line{in.ReadVarUint()};
        if (!in.ok() || !in.at_end() || (*numbers)[2] > UINT32_MAX) {
          return Damaged("a place of " + NameOfRevision(show, revision));
        }
        order.push_back({.page = static_cast<std::uint32_t>((*numbers)[2]),
                         .place = (*numbers)[3],
                         .line = line});
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  return order;
}

absl::StatusOr<std::vector<Link>> ReadLinks(const RowReader& rows, ShowId show,
                                            RevisionId revision) {
  std::vector<Link> links;
  const absl::Status status = VisitPrefix(
      rows, table::kRevisionLine, KeyOf(show, revision), [&](ByteView key, ByteView value) {
        const auto numbers = ReadKey(key, 3);
        if (!numbers.ok()) return numbers.status();
        ByteReader in(value);
        Link link{.line = LineId{(*numbers)[2]}};
        link.prev = LineOrNone(in.ReadVarUint());
        link.next = LineOrNone(in.ReadVarUint());
        const std::uint64_t page = in.ReadVarUint();
        link.version = Version{in.ReadVarUint()};
        if (!in.ok() || !in.at_end() || page > UINT32_MAX) {
          return Damaged("a line of " + NameOfRevision(show, revision));
        }
        link.page = static_cast<std::uint32_t>(page);
        links.push_back(link);
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  return links;
}

absl::StatusOr<std::vector<Placement>> ProveOrder(const RowReader& rows, ShowId show,
                                                  const RevisionInfo& revision) {
  const auto order_rows = ReadOrder(rows, show, revision.id);
  if (!order_rows.ok()) return order_rows.status();
  const auto links = ReadLinks(rows, show, revision.id);
  if (!links.ok()) return links.status();
  std::vector<Placement> order;
  const std::vector<std::string> wrong = Disagreements(revision, *order_rows, *links, order);
  if (wrong.empty()) return order;
  return absl::DataLossError(absl::StrCat(NameOfRevision(show, revision.id),
                                          " is broken: ", absl::StrJoin(wrong, "; "),
                                          " (weft script check --repair mends it)"));
}

absl::StatusOr<Revision> LoadRevision(const RowReader& rows, ShowId show, RevisionId id) {
  auto info = GetRevision(rows, show, id);
  if (!info.ok()) return info.status();
  const auto order = ProveOrder(rows, show, *info);
  if (!order.ok()) return order.status();
  Revision revision{.info = *std::move(info)};
  revision.lines.reserve(order->size());
  for (const Placement& place : *order) {
    revision.lines.push_back({.id = place.line, .page = place.page, .version = place.version});
  }
  const absl::Status read = ReadContents(rows, show, revision.lines);
  if (!read.ok()) return read;
  return revision;
}

Bytes EncodeContent(const Content& content) {
  ByteWriter out;
  out.WriteVarUint(static_cast<std::uint64_t>(content.type));
  out.WriteVarUint(content.act.value_or(0));
  out.WriteVarUint(content.scene.value_or(0));
  out.WriteVarUint(content.style.value_or(0));
  out.WriteVarUint(content.parts.size());
  for (const Part& part : content.parts) {
    out.WriteVarUint(Number(part.id));
    out.WriteVarUint(part.index);
    out.WriteVarUint(part.character.value_or(0));
    out.WriteVarUint(part.group.value_or(0));
    out.WriteString(part.text);
  }
  return out.Take();
}

absl::StatusOr<Content> DecodeContent(ByteView bytes) {
  ByteReader in(bytes);
  Content content;
  const std::uint64_t type = in.ReadVarUint();
  if (type > static_cast<std::uint64_t>(LineType::kSpacing)) return Damaged("a type of line");
  content.type = static_cast<LineType>(type);
  content.act = RefOrNone(in.ReadVarUint());
  content.scene = RefOrNone(in.ReadVarUint());
  content.style = RefOrNone(in.ReadVarUint());
  const std::uint64_t parts = in.ReadVarUint();
  for (std::uint64_t i = 0; i < parts && in.ok(); ++i) {
    Part part{.id = PartId{in.ReadVarUint()}};
    part.index = static_cast<std::uint32_t>(in.ReadVarUint());
    part.character = RefOrNone(in.ReadVarUint());
    part.group = RefOrNone(in.ReadVarUint());
    part.text = in.ReadString();
    if (in.ok()) content.parts.push_back(std::move(part));
  }
  if (!in.ok() || !in.at_end()) return Damaged("a content");
  return content;
}

}  // namespace weft::server::script
