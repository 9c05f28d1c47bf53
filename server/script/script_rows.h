#pragma once

// The application's rows in the environment of the log (store/rows.h), typed. Keys are big-endian
// integers of 64 bits, so that rows stand in the order of their numbers.
//
//   user      user                            := JSON (show_json.h)
//   show      show                            := JSON (show_json.h)
//   script    show                            := mode current next_line next_part next_version
//                                                next_revision next_number
//   rev       show revision                   := number parent created edited head tail count hash:u64
//                                                description
//   rev_order show revision page place        := line        the order, which everything follows;
//                                                            places count from 0 on each page
//   rev_line  show revision line              := prev next page version      derived, and proved
//   line      show line version               := type act scene style count
//                                                (part index character group text)*     immutable
//   line_use  show line version revision      := empty       the last one removed frees the version
//   cue_link  show revision line cue          := label
//   next_cue  show                            := id          never given yet; absent: no cue was added
//   cut       show revision part              := empty
//   compiled  show revision                   := hash:u64 gzip                          (compile.h)
//   stage     0                               := what is on                             (stage.h)
//
// Values are varuints and strings of lib0 unless said otherwise; 0 stands for none. Times count
// milliseconds.
//
// Readers fail with kDataLoss where a row does not read as it was written, and kNotFound where a row
// that others name is not there; the messages name the row.
// Threads: any, as store::Rows.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crdt/base/bytes.h"
#include "server/script/chain.h"
#include "server/script/script.h"
#include "store/rows.h"

namespace weft::server::script {

inline constexpr const char* kApplication = "script";  // names the set of tables

namespace table {
inline constexpr std::string_view kUser = "user";
inline constexpr std::string_view kShow = "show";
inline constexpr std::string_view kScript = "script";
inline constexpr std::string_view kRevision = "rev";
inline constexpr std::string_view kOrder = "rev_order";
inline constexpr std::string_view kRevisionLine = "rev_line";
inline constexpr std::string_view kLine = "line";
inline constexpr std::string_view kLineUse = "line_use";
inline constexpr std::string_view kCueLink = "cue_link";
inline constexpr std::string_view kCut = "cut";
inline constexpr std::string_view kCompiled = "compiled";
inline constexpr std::string_view kStage = "stage";
inline constexpr std::string_view kNextCue = "next_cue";
}  // namespace table

// --- Keys

namespace internal {
inline std::uint64_t KeyPart(std::uint64_t number) { return number; }
template <typename Id>
  requires std::is_enum_v<Id>
std::uint64_t KeyPart(Id id) {
  return Number(id);
}
}  // namespace internal

template <typename... Numbers>
crdt::Bytes KeyOf(Numbers... numbers) {
  crdt::ByteWriter key;
  (key.WriteBigEndian64(internal::KeyPart(numbers)), ...);
  return key.Take();
}
// The numbers of a key. Fails: kDataLoss unless there are `count`.
absl::StatusOr<std::vector<std::uint64_t>> ReadKey(crdt::ByteView key, std::size_t count);

// Calls `visit` with the rows whose keys begin with `prefix`, in order, until it fails.
using VisitRow = absl::FunctionRef<absl::Status(crdt::ByteView key, crdt::ByteView value)>;
absl::Status VisitPrefix(const store::RowReader& rows, std::string_view table,
                         const crdt::Bytes& prefix, VisitRow visit);

// Erases them.
absl::Status ErasePrefix(store::RowWriter& rows, std::string_view table, const crdt::Bytes& prefix);

// --- Shows, users and scripts

absl::StatusOr<std::vector<Show>> ListShows(const store::RowReader& rows);
absl::StatusOr<std::optional<Show>> FindShow(const store::RowReader& rows, ShowId show);
absl::Status PutShow(store::RowWriter& rows, const Show& show);

absl::StatusOr<std::vector<User>> ListUsers(const store::RowReader& rows);
absl::StatusOr<std::optional<User>> FindUser(const store::RowReader& rows, UserId user);
absl::Status PutUser(store::RowWriter& rows, const User& user);

// Fails: kNotFound.
absl::StatusOr<ScriptInfo> GetScript(const store::RowReader& rows, ShowId show);
absl::Status PutScript(store::RowWriter& rows, const ScriptInfo& script);

// --- Revisions

// By number, ascending.
absl::StatusOr<std::vector<RevisionInfo>> ListRevisions(const store::RowReader& rows, ShowId show);
// Fails: kNotFound.
absl::StatusOr<RevisionInfo> GetRevision(const store::RowReader& rows, ShowId show,
                                         RevisionId revision);
absl::Status PutRevision(store::RowWriter& rows, ShowId show, const RevisionInfo& revision);

// What rev_order says, and what rev_line says (in the order of line ids).
struct OrderRow {
  std::uint32_t page = 0;
  std::uint64_t place = 0;
  LineId line{};
};
absl::StatusOr<std::vector<OrderRow>> ReadOrder(const store::RowReader& rows, ShowId show,
                                                RevisionId revision);
absl::StatusOr<std::vector<Link>> ReadLinks(const store::RowReader& rows, ShowId show,
                                            RevisionId revision);

// The order of a revision, proved: the walk along the links gives the stored order, and the revision's
// row has its count, ends and hash. Fails: kDataLoss, with everything that does not agree.
absl::StatusOr<std::vector<Placement>> ProveOrder(const store::RowReader& rows, ShowId show,
                                                  const RevisionInfo& revision);

// All of a revision, proved. Four passes over ranges of rows, whatever the number of lines.
absl::StatusOr<Revision> LoadRevision(const store::RowReader& rows, ShowId show,
                                      RevisionId revision);

// --- Content of lines

crdt::Bytes EncodeContent(const Content& content);
absl::StatusOr<Content> DecodeContent(crdt::ByteView bytes);

}  // namespace weft::server::script
