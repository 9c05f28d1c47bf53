#include "crdt/doc.h"

#include <utility>

#include "crdt/doc_core.h"

namespace weft::crdt {

Doc::Doc() : Doc(Options()) {}
Doc::Doc(Options options) : core_(std::make_unique<internal::DocCore>(std::move(options))) {}
Doc::~Doc() = default;

ClientId Doc::client_id() const { return core_->client_id(); }
void Doc::set_client_id(ClientId client) { core_->set_client_id(client); }

Text Doc::GetText(std::string_view name) {
  return Text(core_->HandleTo(core_->Root(name, internal::TypeKind::kText)));
}
Array Doc::GetArray(std::string_view name) {
  return Array(core_->HandleTo(core_->Root(name, internal::TypeKind::kArray)));
}
Map Doc::GetMap(std::string_view name) {
  return Map(core_->HandleTo(core_->Root(name, internal::TypeKind::kMap)));
}

void Doc::Transact(std::string_view origin, const std::function<void()>& edit) {
  core_->Transact(origin, /*local=*/true, edit);
}

absl::Status Doc::ApplyUpdate(ByteView update, std::string_view origin, UpdateFormat format) {
  return core_->ApplyUpdate(update, origin, format);
}

Bytes Doc::EncodeStateAsUpdate(const StateVector& known, UpdateFormat format) const {
  return core_->EncodeStateAsUpdate(known, format);
}

StateVector Doc::GetStateVector() const { return core_->GetStateVector(); }
bool Doc::has_pending() const { return core_->has_pending(); }
Any Doc::ToJson() const { return core_->RootsAsJson(); }

Subscription Doc::OnUpdate(std::function<void(const UpdateEvent&)> observer, UpdateFormat format) {
  return core_->OnUpdate(std::move(observer), format);
}

absl::Status Doc::Validate() const { return core_->Validate(); }

}  // namespace weft::crdt
