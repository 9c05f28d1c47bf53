#pragma once

// Revisions as documents that are published (server/publish): a room begins as what the rows of its revision
// say, and is saved into them.
//
// Threads: any. Ownership: the rows outlive it.

#include <string_view>

#include "server/publish/publisher.h"
#include "store/rows.h"

namespace weft::server::script {

class ScriptPublisher final : public publish::Publisher {
 public:
  explicit ScriptPublisher(store::Rows& rows) : rows_(rows) {}

  store::Rows& rows() override { return rows_; }
  bool Serves(std::string_view room) const override;
  absl::StatusOr<std::uint64_t> CurrentBase(std::string_view room,
                                            const store::RowReader& rows) override;
  absl::StatusOr<publish::Beginning> Begin(std::string_view room,
                                           const store::RowReader& rows) override;
  absl::StatusOr<publish::Prepared> Prepare(const publish::PrepareRequest& request,
                                            const store::RowReader& rows,
                                            const publish::Progress& progress) override;
  // Compiles the revision.
  void OnPublished(std::string_view room) override;

 private:
  store::Rows& rows_;
};

}  // namespace weft::server::script
