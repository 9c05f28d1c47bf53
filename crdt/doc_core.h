#pragma once

// The inside of a Doc: its tables, and what is done to them. One class, a file for each activity:
//
//   doc_core.cc      tables: clients, keys, roots; finding and splitting blocks
//   integrate.cc     one new item finds its place among concurrent ones; deletion
//   apply_update.cc  a decoded update becomes blocks, or waits
//   transaction.cc   the end of a transaction: garbage, merging, the update event
//   encode_state.cc  blocks become bytes
//   local_edit.cc    what handles do
//   read.cc          JSON and text
//   validate.cc      every invariant
//
// Threads: one at a time.

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "crdt/base/string_map.h"
#include "crdt/block_list.h"
#include "crdt/content_store.h"
#include "crdt/doc.h"
#include "crdt/item.h"
#include "crdt/text_buffer.h"
#include "crdt/transaction.h"
#include "crdt/type_node.h"
#include "crdt/update.h"

namespace weft::crdt::internal {

// Strings that items name by number: keys of entries, names of roots and elements.
class KeyTable {
 public:
  KeyRef Intern(std::string_view text) {
    const auto found = refs_.find(text);
    if (found != refs_.end()) return found->second;
    const KeyRef ref = static_cast<KeyRef>(texts_.size() + 1);
    refs_.emplace(text, ref);
    texts_.emplace_back(text);
    return ref;
  }
  // kNoKey when the string was never interned.
  KeyRef Find(std::string_view text) const {
    const auto found = refs_.find(text);
    return found == refs_.end() ? kNoKey : found->second;
  }
  std::string_view Text(KeyRef ref) const { return texts_[ref - 1]; }

 private:
  std::deque<std::string> texts_;
  StringMap<KeyRef> refs_;
};

struct Client {
  ClientId id{};
  BlockList blocks;
  TextBuffer text;
};

// What could not be integrated yet.
struct PendingBlocks {
  bool any = false;
  Bytes update;  // format v1, without deletes
  // For each client (by number): a retry makes sense once its state exceeds the clock.
  absl::flat_hash_map<std::uint64_t, Clock> missing;

  void Need(ClientId client, Clock clock) {
    const auto [entry, added] = missing.try_emplace(ToNumber(client), clock);
    if (!added && clock < entry->second) entry->second = clock;
  }
};

class DocCore {
 public:
  explicit DocCore(Doc::Options options);

  // -- Roots and handles --
  TypeRef Root(std::string_view name, TypeKind kind);
  TypeHandle HandleTo(TypeRef type) { return {this, type, types_.At(type).generation}; }
  // kNoType when the type is gone.
  TypeRef Resolve(const TypeHandle& handle) const;

  // -- Transactions --
  void Transact(std::string_view origin, bool local, const std::function<void()>& edit);
  bool in_transaction() const { return transaction_ != nullptr; }

  // -- Local edits; each inside a transaction --
  void InsertText(TypeRef type, std::uint64_t index, std::string_view utf8);
  void InsertValues(TypeRef type, std::uint64_t index, std::vector<Any> values);
  TypeRef InsertType(TypeRef type, std::uint64_t index, TypeKind kind);
  void DeleteRange(TypeRef type, std::uint64_t index, std::uint64_t count);
  void SetValue(TypeRef type, std::string_view key, Any value);
  TypeRef SetType(TypeRef type, std::string_view key, TypeKind kind);
  void DeleteKey(TypeRef type, std::string_view key);

  // -- Reading --
  std::uint64_t LengthOf(TypeRef type) const { return types_.At(type).length; }
  std::string TextOf(TypeRef type) const;
  Any JsonOf(TypeRef type) const;
  Any RootsAsJson() const;
  Element ElementAt(TypeRef type, std::uint64_t index);
  std::optional<Element> ElementOf(TypeRef type, std::string_view key);
  std::vector<std::string> KeysOf(TypeRef type) const;

  // -- Exchange --
  absl::Status ApplyUpdate(ByteView update, std::string_view origin, UpdateFormat format);
  Bytes EncodeStateAsUpdate(const StateVector& known, UpdateFormat format) const;
  StateVector GetStateVector() const;
  bool has_pending() const { return pending_.any || !pending_deletes_.empty(); }

  Subscription OnUpdate(std::function<void(const UpdateEvent&)> observer, UpdateFormat format);

  ClientId client_id() const { return client_id_; }
  void set_client_id(ClientId client) { client_id_ = client; }

  absl::Status Validate() const;

 private:
  // An item on its way into the document.
  struct NewItem {
    PackedId id;
    PackedId origin;
    PackedId right_origin;
    ItemRef left = kNoItem;
    ItemRef right = kNoItem;
    TypeRef parent = kNoType;
    KeyRef key = kNoKey;
    ContentKind kind{};
    Clock length = 0;
    std::uint32_t content = 0;
    bool wide = false;
  };

  // -- Tables (doc_core.cc) --
  Item& At(ItemRef ref) { return items_.At(ref); }
  const Item& At(ItemRef ref) const { return items_.At(ref); }
  ClientIndex EnsureClient(ClientId id);
  std::optional<ClientIndex> FindClient(ClientId id) const;
  Clock StateOf(ClientId id) const;
  Id Unpack(PackedId id) const { return {clients_[id.client()].id, id.clock()}; }
  // Client indices by id, descending: the order of everything that is written.
  const std::vector<ClientIndex>& ClientsDescending() const;
  TypeRef EnsureRoot(std::string_view name);

  // The block that covers `id`. Requires: it is there.
  ItemRef FindBlock(PackedId id) const;
  // The block that begins, or ends, at `id`, made by a split where needed. Gc blocks are not split.
  ItemRef BlockStartingAt(PackedId id);
  ItemRef BlockEndingAt(PackedId id);
  // Cuts a block in two; the second half is returned and found at the cursor, which moves there.
  ItemRef Split(BlockList::Cursor& cursor, ClientIndex client, Clock offset);
  void SplitContent(Item& left, Item& right, Clock offset);

  // -- Integration and deletion (integrate.cc) --
  ItemRef Integrate(const NewItem& item);
  void IntegrateGc(PackedId id, Clock length);
  // The item behind which a new one belongs among those inserted at the same place concurrently.
  ItemRef ResolveConflicts(const NewItem& item) const;
  ItemRef FirstOfKey(TypeRef parent, KeyRef key) const;
  void Delete(ItemRef ref);
  bool IsDeleted(TypeRef type) const;

  // -- Applying updates (apply_update.cc) --
  void ApplyDecoded(const Update& update);
  bool BringsWhatIsMissing(const Update& update) const;
  // For bytes of our own making, whose parts were within the limits when they came.
  DecodeLimits LimitsOfOwnBytes() const;
  PendingBlocks IntegrateBlocks(const Update& update);
  std::optional<ClientId> MissingClient(const Block& block) const;
  void IntegrateBlock(const Update& update, Block block, Clock offset);
  std::uint32_t StoreContent(const Update& update, const Block& block, NewItem& item);
  // Deletes what is known of `deletes` and returns the rest.
  DeleteSet ApplyDeletes(const DeleteSet& deletes);
  void RetryPending();

  // -- The end of a transaction (transaction.cc) --
  void RunCleanups();
  void CollectGarbage(const DeleteSet& deletes);
  void Collect(ItemRef ref, bool parent_collected);
  void FreeContent(Item& item);
  void MergeDeleted(const DeleteSet& deletes);
  void MergeTouched(const Transaction& transaction);
  void MergeCandidates(const Transaction& transaction);
  // Joins the block at the cursor with those before it, as far as they may be; the cursor moves to
  // the joined block. Returns how many blocks were given up.
  std::size_t MergeWithLefts(ClientIndex client, BlockList::Cursor& cursor);
  bool MayMerge(const Item& left, ItemRef left_ref, const Item& right, ItemRef right_ref) const;
  void MergeInto(ItemRef left, ItemRef right);
  void CompactText(ClientIndex client);
  void EmitUpdate(Transaction& transaction);

  // -- Encoding (encode_state.cc) --
  // The blocks of each client from a clock on, in the order given, and deletes.
  Bytes EncodeBlocks(std::span<const std::pair<ClientIndex, Clock>> starts,
                     const DeleteSet& deletes, UpdateFormat format) const;
  template <typename Writer>
  Bytes EncodeBlocks(std::span<const std::pair<ClientIndex, Clock>> starts,
                     const DeleteSet& deletes) const;
  template <typename Writer>
  void WriteBlocks(Writer& writer, ClientIndex client, Clock from) const;
  template <typename Writer>
  void WriteItem(Writer& writer, const Item& item, Clock offset) const;
  template <typename Writer>
  void WriteContent(Writer& writer, const Item& item, Clock offset) const;
  DeleteSet AllDeletes() const;
  Bytes EncodeTransaction(const Transaction& transaction, UpdateFormat format) const;

  // -- Local edits (local_edit.cc) --
  struct Position {
    ItemRef left = kNoItem;
    ItemRef right = kNoItem;
  };
  // Right behind the visible item that ends at `index`, splitting it where needed.
  Position PositionAt(TypeRef type, std::uint64_t index);
  // Where Yjs inserts text without attributes: behind deleted items, and behind formats that change
  // nothing.
  Position TextPositionAt(TypeRef type, std::uint64_t index);
  SequenceIndex& IndexOf(TypeRef type);
  ItemRef InsertLocal(TypeRef parent, KeyRef key, Position position, ContentKind kind, Clock length,
                      std::uint32_t content, bool wide = false);
  ItemRef InsertValue(TypeRef parent, KeyRef key, Position position, Any value);

  // -- Reading (read.cc) --
  TextRun RunOf(const Item& item) const {
    return {.offset = item.content, .units = item.length_low, .wide = item.wide};
  }
  Element ElementIn(const Item& item, std::uint64_t offset);
  Any PlainValue(const Item& item, std::uint64_t offset) const;

  // -- Validation (validate.cc) --
  absl::Status ValidateClient(ClientIndex client) const;
  absl::Status ValidateType(TypeRef type) const;

  ClientId client_id_;
  const bool gc_;
  const DecodeLimits limits_;

  ItemPool items_;
  TypePool types_;
  ContentStore contents_;
  KeyTable keys_;
  std::vector<Client> clients_;
  absl::flat_hash_map<std::uint64_t, ClientIndex> client_indices_;
  mutable std::vector<ClientIndex> clients_descending_;  // made when asked for
  absl::flat_hash_map<KeyRef, TypeRef> roots_;
  std::vector<TypeRef> root_order_;

  PendingBlocks pending_;
  DeleteSet pending_deletes_;

  Transaction* transaction_ = nullptr;  // the open one
  std::deque<Transaction> cleanups_;    // ended, the first one being cleaned up
  bool cleaning_ = false;

  struct Observers;
  std::shared_ptr<Observers>
      observers_;  // shared with subscriptions, which may outlive the document
};

}  // namespace weft::crdt::internal
