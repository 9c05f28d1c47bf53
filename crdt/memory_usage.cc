// What a document holds in memory. Only what grows with it is counted one by one: it visits the
// clients, the types and the values, not the nodes.

#include <vector>

#include "crdt/base/allocated.h"
#include "crdt/doc_core.h"

namespace weft::crdt::internal {

namespace {

// What a value holds beside itself. Values may be nested to any depth.
std::size_t BytesOf(const Any& root) {
  std::size_t bytes = 0;
  std::vector<const Any*> open = {&root};
  while (!open.empty()) {
    const Any& any = *open.back();
    open.pop_back();
    if (const std::string* text = any.AsString()) {
      bytes += Allocated(*text);
    } else if (const Bytes* binary = any.AsBinary()) {
      bytes += Allocated(*binary);
    } else if (const Any::Array* array = any.AsArray()) {
      bytes += Allocated(*array);
      for (const Any& element : *array) open.push_back(&element);
    } else if (const AnyObject* object = any.AsObject()) {
      bytes += object->table_bytes();
      for (const auto& [key, value] : object->entries()) {
        bytes += Allocated(key);
        open.push_back(&value);
      }
    }
  }
  return bytes;
}

// Two counters in front of what is shared.
constexpr std::size_t kSharedHeader = 16;

std::size_t BytesOf(const ContentStore::Slot& slot) {
  if (const Any* value = std::get_if<Any>(&slot)) return BytesOf(*value);
  if (const Values* values = std::get_if<Values>(&slot)) {
    std::size_t bytes = Allocated(*values);
    for (const Any& value : *values) bytes += BytesOf(value);
    return bytes;
  }
  if (const Format* format = std::get_if<Format>(&slot)) {
    // Several marks may share one value.
    const std::size_t bytes = Allocated(sizeof(Any) + kSharedHeader) + BytesOf(*format->value);
    return bytes / static_cast<std::size_t>(format->value.use_count());
  }
  if (const auto* subdocument = std::get_if<std::unique_ptr<SubdocumentContent>>(&slot)) {
    const SubdocumentContent& content = **subdocument;
    return Allocated(sizeof(content)) + Allocated(content.guid) + BytesOf(content.options);
  }
  return 0;
}

std::size_t BytesOf(const DeleteSet& deletes) {
  std::size_t bytes = Allocated(deletes.clients());
  for (const DeleteSet::ClientRanges& client : deletes.clients()) bytes += Allocated(client.ranges);
  return bytes;
}

// Nodes of a B-tree are two thirds full.
template <typename Tree>
std::size_t TreeBytes(const Tree& tree) {
  return tree.size() * sizeof(typename Tree::value_type) * 3 / 2;
}

}  // namespace

MemoryReport DocCore::MemoryUsage() const {
  MemoryReport report;
  report.blocks = items_.bytes();
  report.content = contents_.table_bytes();
  contents_.ForEach([&](const ContentStore::Slot& slot) { report.content += BytesOf(slot); });
  report.content += types_.table_bytes();
  for (TypeRef ref = 0; ref < types_.size(); ++ref) {
    const TypeNode& type = types_.At(ref);
    report.content += type.entries.bytes();
    if (type.markers != nullptr) report.content += type.markers->bytes();
    if (type.index != nullptr) report.index += type.index->bytes();
  }
  report.tables = Allocated(sizeof(DocCore)) + Allocated(guid_) + keys_.bytes() +
                  Allocated(clients_) + Allocated(client_indices_) +
                  Allocated(clients_descending_) + Allocated(roots_) + Allocated(root_order_) +
                  Allocated(redone_) + Allocated(cleanups_) + conflict_groups_.bytes() +
                  typed_update_.bytes();
  if (spare_transaction_ != nullptr) report.tables += Allocated(sizeof(Transaction));
  for (const Client& client : clients_) {
    report.blocks += client.blocks.bytes();
    report.text += client.text.bytes();
    report.tables += Allocated(client.holes);
    if (client.deleted.has_value()) report.tables += Allocated(*client.deleted);
  }
  report.pending = Allocated(pending_.parts) + Allocated(pending_.ids) +
                   Allocated(pending_.missing) + BytesOf(pending_deletes_);
  for (const Bytes& part : pending_.parts) report.pending += Allocated(part);
  for (const auto& [client, ranges] : pending_.ids) report.pending += TreeBytes(ranges);
  return report;
}

}  // namespace weft::crdt::internal
