#include "bench/replica.h"

#include <malloc.h>

namespace weft::bench {

using crdt::Bytes;
using crdt::Doc;

std::unique_ptr<Doc> MakeDoc(std::uint64_t client, bool gc) {
  return std::make_unique<Doc>(
      Doc::Options{.client_id = crdt::ClientId{client}, .gc = gc, .limits = {}});
}

Listened::Listened(std::uint64_t client)
    : doc_(MakeDoc(client)), subscription_(doc_->OnUpdate([this](const crdt::UpdateEvent& event) {
        update_bytes_ += event.update.size();
      })) {}

Recorder::Recorder(std::uint64_t client)
    : doc_(MakeDoc(client)), subscription_(doc_->OnUpdate([this](const crdt::UpdateEvent& event) {
        // What is applied is somebody else's to send.
        if (event.local) updates_.emplace_back(event.update.begin(), event.update.end());
      })) {}

absl::Status ApplyAll(Doc& doc, const std::vector<Bytes>& updates) {
  for (const Bytes& update : updates) {
    absl::Status status = doc.ApplyUpdate(update);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

std::size_t HeapBytes() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

}  // namespace weft::bench
