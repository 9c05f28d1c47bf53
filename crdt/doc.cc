#include "crdt/doc.h"

#include <utility>

#include "crdt/base/check.h"
#include "crdt/doc_core.h"

namespace weft::crdt {

Doc::Doc() : Doc(Options()) {}
Doc::Doc(Options options) : core_(std::make_unique<internal::DocCore>(std::move(options))) {}
Doc::~Doc() = default;

ClientId Doc::client_id() const { return core_->client_id(); }
void Doc::set_client_id(ClientId client) { core_->set_client_id(client); }

const std::string& Doc::guid() const { return core_->guid(); }

SharedType Doc::GetType(std::string_view name, TypeKind kind) {
  CHECK(kind != TypeKind::kUndefined);
  return SharedType(core_->HandleTo(core_->Root(name, kind)));
}
Text Doc::GetText(std::string_view name) { return Text(GetType(name, TypeKind::kText).handle()); }
Array Doc::GetArray(std::string_view name) {
  return Array(GetType(name, TypeKind::kArray).handle());
}
Map Doc::GetMap(std::string_view name) { return Map(GetType(name, TypeKind::kMap).handle()); }
XmlFragment Doc::GetXmlFragment(std::string_view name) {
  return XmlFragment(GetType(name, TypeKind::kXmlFragment).handle());
}
XmlElement Doc::GetXmlElement(std::string_view name) {
  return XmlElement(GetType(name, TypeKind::kXmlElement).handle());
}
XmlText Doc::GetXmlText(std::string_view name) {
  return XmlText(GetType(name, TypeKind::kXmlText).handle());
}

std::vector<std::pair<std::string, TypeKind>> Doc::Roots() const { return core_->Roots(); }
std::vector<Subdocument> Doc::Subdocuments() const { return core_->Subdocuments(); }

void Doc::Transact(std::string_view origin, absl::FunctionRef<void()> edit) {
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
PendingReport Doc::GetPendingReport() const { return core_->GetPendingReport(); }
const CollisionCount& Doc::collisions() const { return core_->collisions(); }
Any Doc::ToJson() const { return core_->RootsAsJson(); }

Subscription Doc::OnUpdate(std::function<void(const UpdateEvent&)> observer, UpdateFormat format) {
  return core_->OnUpdate(std::move(observer), format);
}

Subscription Doc::OnTransaction(TransactionPhase phase,
                                std::function<void(const TransactionEvent&)> observer) {
  return core_->OnTransaction(phase, std::move(observer));
}

Subscription Doc::OnSettled(std::function<void()> observer) {
  return core_->OnSettled(std::move(observer));
}

Subscription Doc::OnSubdocuments(std::function<void(const SubdocumentsEvent&)> observer) {
  return core_->OnSubdocuments(std::move(observer));
}

Snapshot Doc::TakeSnapshot() const { return core_->TakeSnapshot(); }

absl::StatusOr<std::unique_ptr<Doc>> Doc::DocAt(const Snapshot& snapshot, Options options) {
  const absl::StatusOr<Bytes> state = core_->EncodeStateAt(snapshot);
  if (!state.ok()) return state.status();
  auto doc = std::make_unique<Doc>(std::move(options));
  absl::Status status = doc->ApplyUpdate(*state, "snapshot", UpdateFormat::kV2);
  if (!status.ok()) return status;
  return doc;
}

MemoryReport Doc::MemoryUsage() const { return core_->MemoryUsage(); }

absl::Status Doc::Validate() const { return core_->Validate(); }

}  // namespace weft::crdt
