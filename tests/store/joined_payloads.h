#pragma once

// A merge without documents: a room's content is the text of its payloads one after the other, so
// that snapshots and records can be held against what was appended.

#include <string>
#include <string_view>

#include "store/compaction.h"
#include "tests/store/log_harness.h"

namespace weft::store {

inline absl::StatusOr<Bytes> JoinPayloads(std::span<const ByteView> payloads) {
  Bytes joined;
  for (const ByteView payload : payloads) {
    joined.insert(joined.end(), payload.begin(), payload.end());
  }
  return joined;
}

inline absl::StatusOr<std::string> ContentAt(const LogReader& reader, std::string_view room,
                                             Sequence sequence) {
  std::string content;
  const auto visit = [&](const Record& record) { content += crdt::AsText(record.payload); };
  const auto report =
      sequence == kNoBound ? reader.Load(room, visit) : reader.LoadAt(room, sequence, visit);
  if (!report.ok()) return report.status();
  if (!report->status().ok()) return report->status();
  return content;
}

inline std::string Content(const LogReader& reader, std::string_view room) {
  const absl::StatusOr<std::string> content = ContentAt(reader, room, kNoBound);
  if (!content.ok()) std::fprintf(stderr, "%s\n", content.status().ToString().c_str());
  CHECK(content.ok());
  return *content;
}

// OK, or the first thing that `verify` finds.
inline absl::Status Verify(const LogReader& reader) {
  const auto report = reader.Verify({}, {});
  if (!report.ok()) return report.status();
  if (!report->pages.findings.empty()) return report->pages.status();
  if (report->damage.empty()) return absl::OkStatus();
  return absl::DataLossError(report->damage.front().room + ": " + report->damage.front().what);
}

}  // namespace weft::store
