// Documents in the document: their names and options are part of it, their content is not.

#include <algorithm>
#include <memory>
#include <utility>

#include "crdt/doc_core.h"

namespace weft::crdt::internal {

namespace {

bool IsTrue(const Any& options, std::string_view name) {
  const AnyObject* object = options.AsObject();
  const Any* value = object == nullptr ? nullptr : object->Find(name);
  return value != nullptr && value->AsBool() != nullptr && *value->AsBool();
}

bool IsFalse(const Any& options, std::string_view name) {
  const AnyObject* object = options.AsObject();
  const Any* value = object == nullptr ? nullptr : object->Find(name);
  return value != nullptr && value->AsBool() != nullptr && !*value->AsBool();
}

// What travels: only what differs from the defaults.
Any OptionsOf(const Subdocument::Options& options) {
  AnyObject object;
  if (!options.gc) object.Set("gc", false);
  if (options.auto_load) object.Set("autoLoad", true);
  if (!options.meta.is_null()) object.Set("meta", options.meta);
  return object;
}

}  // namespace

std::uint32_t DocCore::AddSubdocument(std::string guid, Any options) {
  const bool auto_load = IsTrue(options, "autoLoad");
  return contents_.AddSubdocument({.guid = std::move(guid),
                                   .options = std::move(options),
                                   .should_load = auto_load,
                                   .doc = nullptr});
}

Subdocument DocCore::SubdocumentIn(const Item& item) {
  const SubdocumentContent& content = contents_.subdocument(item.content);
  return Subdocument(this, Unpack(item.id), content.guid, content.options);
}

Subdocument DocCore::InsertSubdocument(TypeRef type, std::uint64_t index,
                                       const Subdocument::Options& options) {
  const Position position = PositionAt(type, index);
  const std::uint32_t content =
      AddSubdocument(options.guid.empty() ? RandomGuid() : options.guid, OptionsOf(options));
  // Whoever makes a document has it.
  contents_.subdocument(content).should_load = true;
  return SubdocumentIn(At(InsertLocal(type, kNoKey, position, ContentKind::kDoc, 1, content)));
}

Subdocument DocCore::SetSubdocument(TypeRef type, std::string_view key,
                                    const Subdocument::Options& options) {
  const KeyRef ref = keys_.Intern(key);
  const std::uint32_t content =
      AddSubdocument(options.guid.empty() ? RandomGuid() : options.guid, OptionsOf(options));
  contents_.subdocument(content).should_load = true;
  return SubdocumentIn(At(InsertLocal(type, ref, {.left = types_.At(type).entries.Find(ref)},
                                      ContentKind::kDoc, 1, content)));
}

std::vector<Subdocument> DocCore::Subdocuments() const {
  std::vector<Subdocument> subdocuments;
  for (const Client& client : clients_) {
    if (client.blocks.empty()) continue;
    BlockList::Cursor cursor = client.blocks.first();
    do {
      const Item& item = At(client.blocks.At(cursor));
      if (item.kind != ContentKind::kDoc || item.deleted) continue;
      const SubdocumentContent& content = contents_.subdocument(item.content);
      subdocuments.emplace_back(const_cast<DocCore*>(this), Unpack(item.id), content.guid,
                                content.options);
    } while (client.blocks.Next(cursor));
  }
  return subdocuments;
}

SubdocumentContent* DocCore::FindSubdocument(Id id) {
  const std::optional<ClientIndex> client = FindClient(id.client);
  if (!client.has_value() || id.clock >= clients_[*client].blocks.end()) return nullptr;
  const Item& item = At(FindBlock(PackedId::Make(*client, id.clock)));
  if (item.kind != ContentKind::kDoc || item.deleted) return nullptr;
  return &contents_.subdocument(item.content);
}

void DocCore::LoadSubdocument(Id id) {
  SubdocumentContent* content = FindSubdocument(id);
  if (content == nullptr || content->should_load) return;
  content->should_load = true;
  Transact("", /*local=*/true, [&] {
    transaction_->subdocuments_loaded.emplace_back(this, id, content->guid, content->options);
  });
}

Doc* DocCore::OpenSubdocument(Id id) {
  SubdocumentContent* content = FindSubdocument(id);
  if (content == nullptr) return nullptr;
  if (content->doc == nullptr) {
    Doc::Options options;
    options.client_id = client_id_;
    options.guid = content->guid;
    options.gc = !IsFalse(content->options, "gc");
    options.limits = limits_;
    content->doc = std::make_shared<Doc>(std::move(options));
  }
  return content->doc.get();
}

}  // namespace weft::crdt::internal

namespace weft::crdt {

bool Subdocument::auto_load() const {
  const AnyObject* object = options_.AsObject();
  const Any* value = object == nullptr ? nullptr : object->Find("autoLoad");
  return value != nullptr && value->AsBool() != nullptr && *value->AsBool();
}

bool Subdocument::should_load() const {
  if (parent_ == nullptr) return false;
  const internal::SubdocumentContent* content = parent_->FindSubdocument(item_);
  return content != nullptr && content->should_load;
}

void Subdocument::Load() {
  if (parent_ != nullptr) parent_->LoadSubdocument(item_);
}

Doc* Subdocument::doc() const {
  return parent_ == nullptr ? nullptr : parent_->OpenSubdocument(item_);
}

std::shared_ptr<Doc> Subdocument::shared_doc() const {
  return doc() == nullptr ? nullptr : parent_->FindSubdocument(item_)->doc;
}

}  // namespace weft::crdt
