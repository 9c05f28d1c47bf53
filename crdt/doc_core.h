#pragma once

// The inside of a Doc: its tables, and what is done to them. One class, a file for each activity:
//
//   doc_core.cc      tables: clients, keys, roots; finding and splitting blocks
//   integrate.cc     one new item finds its place among concurrent ones; deletion
//   apply_update.cc  a decoded update becomes blocks, or waits
//   pending.cc       what waits, and when it is tried again
//   loading.cc       the first update of a document, and what brings much, on a short way
//   collisions.cc    known ids that come with another content
//   pending_report.cc  what waits
//   transaction.cc   the end of a transaction: observers, garbage, merging, the update event
//   events.cc        who is told what about a transaction
//   encode_state.cc  blocks become bytes
//   typing.cc        the common keystroke, on a short way
//   deleting.cc      the common deletion, on a short way
//   local_edit.cc    what handles do to sequences and maps
//   text_edit.cc     what handles do to texts: formatting, deltas
//   format_cleanup.cc  redundant formatting marks are removed
//   read.cc          JSON and text
//   read_delta.cc    texts with their formatting
//   read_xml.cc      XML
//   redo.cc          deleted items are brought back
//   snapshots.cc     what was visible then
//   subdocuments.cc  documents in the document
//   validate.cc      every invariant
//   memory_usage.cc  what it holds in memory
//
// Threads: one at a time.

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "crdt/attribute_map.h"
#include "crdt/base/allocated.h"
#include "crdt/base/string_map.h"
#include "crdt/block_list.h"
#include "crdt/conflict_groups.h"
#include "crdt/content_store.h"
#include "crdt/delta.h"
#include "crdt/doc.h"
#include "crdt/event.h"
#include "crdt/item.h"
#include "crdt/memory_report.h"
#include "crdt/observer_list.h"
#include "crdt/snapshot.h"
#include "crdt/text_buffer.h"
#include "crdt/transaction.h"
#include "crdt/type_node.h"
#include "crdt/update.h"

namespace weft::crdt {
class UpdateWriterV1;
class UpdateWriterV2;
}  // namespace weft::crdt

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
  std::size_t size() const { return texts_.size(); }
  std::size_t bytes() const {
    std::size_t bytes = Allocated(texts_) + Allocated(refs_);
    for (const std::string& text : texts_) bytes += 2 * Allocated(text);
    return bytes;
  }
  // Forgets all strings but the first `size`.
  void Truncate(std::size_t size) {
    for (; texts_.size() > size; texts_.pop_back()) refs_.erase(texts_.back());
  }

 private:
  std::deque<std::string> texts_;
  StringMap<KeyRef> refs_;
};

struct Client {
  ClientId id{};
  BlockList blocks;
  TextBuffer text;
  std::vector<IdRange> holes;  // in the blocks, by clock (HoleMode::kIntegrate)
  // What is deleted of it, merged, once somebody asked for it and until more is.
  mutable std::optional<std::vector<IdRange>> deleted;
};

// What could not be integrated yet.
struct PendingBlocks {
  bool any = false;
  // Updates of format v1 without deletes, as they came; joined when they are asked for, so that
  // many that come in the wrong order cost no more than one. No two tell of the same elements and
  // none but the first of collected ones: else it would matter what is joined with what first.
  std::vector<Bytes> parts;
  std::size_t bytes = 0;  // of all parts
  // What the parts tell of, by client: where each range begins, and ends.
  absl::flat_hash_map<std::uint64_t, absl::btree_map<Clock, Clock>> ids;
  bool collected = false;  // some of it was collected

  void Add(Bytes part) {
    bytes += part.size();
    parts.push_back(std::move(part));
  }
  // Adds to `ids`. Whether a part of the range was there.
  bool AddIds(ClientId client, IdRange range);
  // For each client (by number): a retry makes sense once its state exceeds the clock.
  absl::flat_hash_map<std::uint64_t, Clock> missing;

  void Need(ClientId client, Clock clock) {
    const auto [entry, added] = missing.try_emplace(ToNumber(client), clock);
    if (!added && clock < entry->second) entry->second = clock;
  }
};

// A UUID of version 4.
std::string RandomGuid();
// Of 32 bits, as Yjs makes them.
ClientId RandomClientId();

class DocCore {
  friend class CollisionFinder;
  template <typename Stream>
  friend class Loader;

 public:
  explicit DocCore(Doc::Options options);

  // -- Roots and handles --
  TypeRef Root(std::string_view name, TypeKind kind);
  // The root of that name, of no kind yet when nobody has asked for it.
  TypeRef EnsureRoot(std::string_view name);
  std::vector<std::pair<std::string, TypeKind>> Roots() const;
  TypeHandle HandleTo(TypeRef type) { return {this, type, types_.At(type).generation}; }
  // kNoType when the type is gone.
  TypeRef Resolve(const TypeHandle& handle) const;
  const TypeNode& Type(TypeRef type) const { return types_.At(type); }
  std::string_view KeyText(KeyRef key) const { return key == kNoKey ? "" : keys_.Text(key); }
  // The type around a nested one; kNoType of a root.
  TypeRef ParentOf(TypeRef type) const;
  std::optional<Id> ItemIdOf(TypeRef type) const;
  bool IsDeleted(TypeRef type) const { return IsDeleted(types_.At(type)); }
  bool IsDeleted(const TypeNode& type) const {
    return type.item != kNoItem && At(type.item).deleted;
  }

  // -- Transactions --
  void Transact(std::string_view origin, bool local, absl::FunctionRef<void()> edit);
  bool in_transaction() const { return transaction_ != nullptr; }

  // -- Local edits; each inside a transaction --
  void InsertValues(TypeRef type, std::uint64_t index, std::vector<Any> values);
  // Behind everything that ever stood there.
  void PushValues(TypeRef type, std::vector<Any> values);
  TypeRef InsertType(TypeRef type, std::uint64_t index, TypeKind kind, std::string_view name);
  Subdocument InsertSubdocument(TypeRef type, std::uint64_t index,
                                const Subdocument::Options& options);
  void DeleteRange(TypeRef type, std::uint64_t index, std::uint64_t count);
  void SetValue(TypeRef type, std::string_view key, Any value);
  TypeRef SetType(TypeRef type, std::string_view key, TypeKind kind, std::string_view name);
  Subdocument SetSubdocument(TypeRef type, std::string_view key,
                             const Subdocument::Options& options);
  void DeleteKey(TypeRef type, std::string_view key);
  void ClearKeys(TypeRef type);

  // Inserts text that goes on where the last item of this replica ends, in a transaction or as one
  // of its own. False, and nothing happened, when it does not or when somebody watches.
  // Requires: index <= length; valid UTF-8.
  bool TypeOn(TypeRef type, std::uint64_t index, std::string_view utf8);
  // Deletes a range of a text that lies in one run, in a transaction or as one of its own. False, and
  // nothing happened, when it does not or when somebody watches.
  // Requires: the range is inside the type.
  bool DeleteShortly(TypeRef type, std::uint64_t index, std::uint64_t count);

  // -- Edits of texts (text_edit.cc); each inside a transaction --
  void InsertText(TypeRef type, std::uint64_t index, std::string_view utf8);
  void InsertText(TypeRef type, std::uint64_t index, std::string_view utf8,
                  const Attributes& attributes);
  void InsertEmbed(TypeRef type, std::uint64_t index, Any embed, const Attributes& attributes);
  TypeRef InsertTypeIntoText(TypeRef type, std::uint64_t index, TypeKind kind,
                             std::string_view name, const Attributes& attributes);
  void FormatText(TypeRef type, std::uint64_t index, std::uint64_t count,
                  const Attributes& attributes);
  void DeleteText(TypeRef type, std::uint64_t index, std::uint64_t count);
  void ApplyDelta(TypeRef type, const Delta& delta, bool sanitize);

  // -- Reading --
  std::uint64_t LengthOf(TypeRef type) const { return types_.At(type).length; }
  std::string TextOf(TypeRef type, bool wtf8 = false) const;
  std::uint64_t TextLengthOf(TypeRef type, TextUnit unit) const;
  // An offset of a text in another unit; see Text::ToUtf16.
  std::uint64_t ConvertOffset(TypeRef type, std::uint64_t offset, TextUnit from, TextUnit to) const;
  Any JsonOf(TypeRef type) const;
  // The values of the entries by key, as JSON.
  AnyObject EntriesAsJson(TypeRef type) const;
  Any RootsAsJson() const;
  Delta DeltaOf(TypeRef type);
  Delta DeltaOf(TypeRef type, const Snapshot& snapshot, const Snapshot* previous);
  std::string XmlOf(TypeRef type) const;
  Element ElementAt(TypeRef type, std::uint64_t index);
  std::optional<Element> ElementOf(TypeRef type, std::string_view key);
  std::vector<std::string> KeysOf(TypeRef type) const;
  Element HandleAsElement(TypeRef type);

  // -- Observers (events.cc) --
  Subscription Observe(TypeRef type, std::function<void(const Event&)> observer);
  Subscription ObserveDeep(TypeRef type,
                           std::function<void(const std::vector<const Event*>&)> observer);
  Subscription OnUpdate(std::function<void(const UpdateEvent&)> observer, UpdateFormat format);
  Subscription OnTransaction(TransactionPhase phase,
                             std::function<void(const TransactionEvent&)> observer);
  Subscription OnSettled(std::function<void()> observer);
  Subscription OnSubdocuments(std::function<void(const SubdocumentsEvent&)> observer);
  // For UndoManager: called once observers have been, before anything is collected.
  Subscription AfterTransaction(std::function<void(const Transaction&)> observer) {
    return after_transaction_.Add(std::move(observer));
  }
  Delta DeltaOfEvent(const Event& event);
  std::vector<KeyChange> KeysOfEvent(const Event& event);
  std::vector<PathStep> PathOf(TypeRef from, TypeRef to) const;

  // -- Undo (redo.cc) --
  // Tells undo managers of one document apart.
  std::uint64_t NextUndoManager() { return ++undo_managers_; }
  // What an UndoManager decides while items are brought back.
  struct RedoRules {
    const DeleteSet* insertions = nullptr;  // of the step: ids about to be deleted
    std::function<bool(Id)> deleted_by_other_steps;
    bool ignore_remote_map_changes = false;
  };
  // Calls `visit` for each item, not collected, that covers some of `ids`, after cutting items at
  // the ends of ranges; `first_clients` in that order, then the others. In a transaction, or in the
  // observers of one.
  void ForEachItem(const DeleteSet& ids, std::span<const ClientId> first_clients,
                   const std::function<void(ItemRef)>& visit);
  bool IsWithin(ItemRef item, std::span<const TypeRef> scope) const;
  void Keep(ItemRef item, bool keep);
  // The item that stands for `item` now, which is cut where needed.
  ItemRef LatestOf(ItemRef item);
  // Brings items back; whether any was.
  bool RedoItems(std::span<const ItemRef> items, const RedoRules& rules);
  void DeleteItem(ItemRef item) { Delete(item); }
  // The search markers of all sequences that the open transaction has changed.
  void ForgetMarkers();
  const Item& ItemAt(ItemRef ref) const { return items_.At(ref); }
  Id IdOf(ItemRef item) const { return Unpack(At(item).id); }

  // -- Relative positions --
  struct ItemPlace {
    ItemRef item = kNoItem;
    Clock offset = 0;
  };
  // None when the id is not there yet.
  std::optional<ItemPlace> PlaceOfId(Id id, bool follow_redone) const;
  // The element at `index`; none at the end.
  std::optional<Id> IdAtIndex(TypeRef type, std::uint64_t index);
  std::uint64_t PositionOf(ItemPlace place, bool behind);

  // -- Snapshots (snapshots.cc) --
  Snapshot TakeSnapshot() const;
  // What it showed, as an update of format v2. Fails as Doc::DocAt.
  absl::StatusOr<Bytes> EncodeStateAt(const Snapshot& snapshot);

  // -- Subdocuments (subdocuments.cc) --
  std::vector<Subdocument> Subdocuments() const;
  // Null when it is gone.
  SubdocumentContent* FindSubdocument(Id item);
  void LoadSubdocument(Id item);
  Doc* OpenSubdocument(Id item);

  // -- Exchange --
  absl::Status ApplyUpdate(ByteView update, std::string_view origin, UpdateFormat format);
  Bytes EncodeStateAsUpdate(const StateVector& known, UpdateFormat format) const;
  StateVector GetStateVector() const;
  bool has_pending() const { return pending_.any || !pending_deletes_.empty(); }
  PendingReport GetPendingReport() const;
  const CollisionCount& collisions() const { return collisions_; }

  const std::string& guid() const {
    if (guid_.empty()) guid_ = RandomGuid();
    return guid_;
  }
  ClientId client_id() const { return client_id_; }
  void set_client_id(ClientId client) {
    StopTyping();
    client_id_ = client;
  }

  absl::Status Validate() const;
  MemoryReport MemoryUsage() const;

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
    bool keep = false;

    // Without neighbours.
    Item ToItem() const {
      Item item;
      item.id = id;
      item.origin = origin;
      item.right_origin = right_origin;
      item.kind = kind;
      item.wide = wide;
      item.keep = keep;
      item.parent = parent;
      item.content = content;
      item.set_key(key);
      item.set_length(length);
      return item;
    }
  };

  // -- Tables (doc_core.cc) --
  Item& At(ItemRef ref) { return items_.At(ref); }
  const Item& At(ItemRef ref) const { return items_.At(ref); }
  ClientIndex EnsureClient(ClientId id) {
    const std::optional<ClientIndex> known = FindClient(id);
    return known.has_value() ? *known : AddClient(id);
  }
  ClientIndex AddClient(ClientId id);
  std::optional<ClientIndex> FindClient(ClientId id) const {
    const KnownClient& known = known_clients_[ToNumber(id) % kKnownClients];
    if (known.id == ToNumber(id)) [[likely]]
      return known.index;
    return LookUpClient(id);
  }
  std::optional<ClientIndex> LookUpClient(ClientId id) const;
  Clock StateOf(ClientId id) const {
    const std::optional<ClientIndex> client = FindClient(id);
    return client.has_value() ? clients_[*client].blocks.end() : 0;
  }
  Id Unpack(PackedId id) const { return {clients_[id.client()].id, id.clock()}; }
  // Client indices by id, descending: the order of everything that is written.
  const std::vector<ClientIndex>& ClientsDescending() const;

  // The block that covers `id`. Requires: it is there.
  ItemRef FindBlock(PackedId id) const;
  // The block that begins, or ends, at `id`, made by a split where needed. Gc blocks are not split.
  ItemRef BlockStartingAt(PackedId id);
  ItemRef BlockEndingAt(PackedId id);
  // Cuts a block in two; the second half is returned and found at the cursor, which moves there.
  ItemRef Split(BlockList::Cursor& cursor, ClientIndex client, Clock offset);
  // The same without a transaction whose end would look whether the halves may be joined again.
  ItemRef CutBlock(BlockList::Cursor& cursor, ClientIndex client, Clock offset);
  void SplitContent(Item& left, Item& right, Clock offset);

  // -- Integration and deletion (integrate.cc) --
  ItemRef Integrate(const NewItem& item);
  void IntegrateGc(PackedId id, Clock length);
  // Tells the type, the parent or the transaction of what the item holds.
  void NoteContent(ItemRef ref);
  // Puts a new block among its client's: at the end, else behind a new hole or into one.
  void PlaceBlock(ItemRef ref);
  void FillHole(ItemRef ref);
  ItemRef AllocateHole(PackedId id, Clock length);
  // The item behind which a new one belongs among those inserted at the same place concurrently.
  // None when that takes more steps than are left (limits.h, conflict_steps); nothing is changed
  // then.
  std::optional<ItemRef> PlaceOf(const NewItem& item);
  std::optional<ItemRef> ResolveConflicts(const NewItem& item);
  // Whether one was left.
  bool TakeConflictStep() {
    if (conflict_steps_left_ == 0) return false;
    --conflict_steps_left_;
    return true;
  }
  // Puts the item behind `left`, which PlaceOf told.
  ItemRef Link(const NewItem& item, ItemRef left);
  ItemRef FirstOfKey(TypeRef parent, KeyRef key);
  // The member of a group; kNoItem when what is there is none any more.
  ItemRef FindMember(const ConflictGroups::Place& place, const ConflictGroups::Group& group,
                     PackedId id) const;
  // Of what stands where the item, which is not linked yet, is being put.
  void MakeConflictGroup(const ConflictGroups::Place& place, const NewItem& item);
  // A linked item becomes a member of the group at its place, or the end of it.
  void JoinConflictGroup(const Item& item);
  void Delete(ItemRef ref);
  void NoteDeleted(const Item& item);

  // -- Applying updates (apply_update.cc) --
  // The first element of `update` that is known with another place or content (collisions.cc).
  std::optional<Collision> FindCollision(const Update& update) const;
  // Whether the document has the element, which no hole stands for.
  bool IsKnown(Id id) const;
  // Takes out what is known: with holes, that is not the front alone (HoleMode::kIntegrate).
  void ExcludeKnown(Update& update) const;
  // Answers whether what waits is worth another try. The values of what is integrated are moved out
  // of the update.
  bool ApplyDecoded(Update& update);
  // Gives memory back that a text grew into while an update of so many bytes made most of it.
  static void TrimLoaded(Client& client, std::size_t update_bytes);
  // For bytes of our own making, whose parts were within the limits when they came.
  DecodeLimits LimitsOfOwnBytes() const;
  // Whether to build indexes of positions anew is cheaper than to tell them of so many blocks.
  bool BringsMuch(std::size_t blocks) const;
  PendingBlocks IntegrateBlocks(Update& update);
  std::optional<ClientId> MissingClient(const Block& block) const;
  // False, and nothing changed, when finding its place would take too many steps.
  bool IntegrateBlock(Update& update, const Block& whole, Clock offset);
  std::uint32_t StoreContent(Update& update, const Block& block, NewItem& item);
  // Deletes what is known of `deletes` and returns the rest.
  DeleteSet ApplyDeletes(const DeleteSet& deletes);

  // -- What waits (pending.cc) --
  // What waits, in bytes.
  std::size_t PendingBytes() const;
  // The blocks that wait, as one update. Requires: there are any.
  const Bytes& PendingUpdate() const;
  // What could not be integrated joins what waits.
  void AddPending(PendingBlocks rest);
  // Whether a part of the update would wait. May say yes where none would.
  bool MayWait(const Update& update) const;
  // Applies what waits. Whether what then waits is worth another try.
  bool RetryPending();

  // -- The end of a transaction (transaction.cc) --
  void RunCleanups();
  // The clock of `client` before the transaction that is being cleaned up.
  // The clients that got blocks since then, with their clocks before. Observers may have edited.
  std::vector<std::pair<ClientIndex, Clock>> TouchedSince() const;
  void CollectGarbage(const DeleteSet& deletes);
  void Collect(ItemRef ref, bool parent_collected);
  void FreeContent(Item& item);
  void MergeDeleted(const Transaction& transaction);
  void MergeTouched(const Transaction& transaction);
  void MergeCandidates(const Transaction& transaction);
  // Joins the block at the cursor with those before it, as far as they may be; the cursor moves to
  // the joined block. Returns how many blocks were given up.
  std::size_t MergeWithLefts(ClientIndex client, BlockList::Cursor& cursor);
  bool MayMerge(const Item& left, ItemRef left_ref, const Item& right, ItemRef right_ref) const;
  void MergeInto(ItemRef left, ItemRef right);
  void CompactText(ClientIndex client);
  void EmitUpdate(Transaction& transaction);
  void EmitSubdocuments(Transaction& transaction);

  // -- Observers (events.cc) --
  bool WantsChanges() const { return observed_types_ > 0 || !after_transaction_.empty(); }
  // `key` of `type`, or its sequence, has changed in the open transaction.
  void AddChanged(TypeRef type, KeyRef key) { AddChanged(types_.At(type), type, key); }
  // The same, of a type that is at hand.
  void AddChanged(const TypeNode& node, TypeRef type, KeyRef key) {
    if (!WantsChanges() &&
        (transaction_->local || (!node.has_formats && node.markers == nullptr))) {
      return;
    }
    NoteChanged(type, key);
  }
  void NoteChanged(TypeRef type, KeyRef key);
  void CallObservers(Transaction& transaction);
  void CallTypeObservers(Transaction& transaction);
  void CallDeepObservers(Transaction& transaction);
  void CallTransactionObservers(const ObserverList<const TransactionEvent&>& observers,
                                const Transaction& transaction);
  bool IsAdded(const Item& item) const;
  Delta DeltaOfSequence(const Event& event);
  Delta DeltaOfTextEvent(const Event& event);
  TypeObservers& ObserversOf(TypeRef type);

  // -- Format clean-up (format_cleanup.cc) --
  void CleanUpFormats(Transaction& transaction);
  void CleanUpFormatsOf(TypeRef type);
  void CleanUpGap(ItemRef start, ItemRef current, const AttributeMap& start_attributes,
                  AttributeMap& current_attributes);
  void CleanUpAround(ItemRef item);

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
  bool IsPlainItem(const Item& item, std::string_view& text) const;
  bool WritePlainItem(UpdateWriterV1& writer, const Item& item) const;
  bool WritePlainItem(UpdateWriterV2& writer, const Item& item) const;
  template <typename Writer>
  void ReserveFor(Writer& writer, std::span<const std::pair<ClientIndex, Clock>> starts) const;
  template <typename Writer>
  void WriteContent(Writer& writer, const Item& item, Clock offset) const;
  // In format v2: the blocks of each client, whole, up to a clock that one begins at or all end at.
  Bytes EncodeBlocksUpTo(std::span<const std::pair<ClientIndex, Clock>> ends,
                         const DeleteSet& deletes) const;
  DeleteSet AllDeletes() const;
  const std::vector<IdRange>& DeletedOf(const Client& client) const;
  // The same from all its blocks.
  std::vector<IdRange> FindDeleted(const Client& client) const;
  Bytes EncodeTransaction(const Transaction& transaction, UpdateFormat format) const;
  // A merged update, which begins with no hole, and those with which the clients of `starts` begin.
  Bytes WithHolesInFront(ByteView update, std::span<const std::pair<ClientIndex, Clock>> starts,
                         UpdateFormat format) const;
  // As EncodeTransaction, where holes were filled: what is new does not stand at the ends of the clients alone.
  Bytes EncodeFills(const Transaction& transaction,
                    std::span<const std::pair<ClientIndex, Clock>> touched,
                    UpdateFormat format) const;

  // -- Local edits (local_edit.cc) --
  struct Position {
    ItemRef left = kNoItem;
    ItemRef right = kNoItem;
  };
  // Right behind the visible item that ends at `index`, splitting it where needed.
  Position PositionAt(TypeRef type, std::uint64_t index);
  // In front of the visible item that begins at `index`, splitting it where needed, behind what was
  // deleted there; of a sequence where all that takes no position is deleted.
  Position PositionBeforeVisible(TypeRef type, std::uint64_t index);
  SequenceIndex& IndexOf(TypeRef type);
  ItemRef InsertLocal(TypeRef parent, KeyRef key, Position position, ContentKind kind, Clock length,
                      std::uint32_t content, bool wide = false, bool keep = false);
  ItemRef InsertValue(TypeRef parent, KeyRef key, Position position, Any value);
  void InsertValuesAt(TypeRef type, Position position, std::vector<Any> values);
  TypeRef AllocateType(TypeKind kind, std::string_view name);

  // -- Edits of texts (text_edit.cc) --
  // A place in a text, and the attributes in force there.
  struct TextPosition {
    Position at;
    std::uint64_t index = 0;
    AttributeMap attributes;
  };
  // Attributes as an edit names them, in the order in which JavaScript would enumerate them.
  using NamedAttributes = std::vector<AttributeMap::Entry>;
  NamedAttributes InternAttributes(const Attributes& attributes);
  static const FormatValue* FindAttribute(const NamedAttributes& attributes, KeyRef key);
  const Format& FormatOf(ItemRef ref) const { return contents_.format(At(ref).content); }
  // `by_marker`: looked for as Yjs does when the attributes there are not asked for.
  TextPosition TextPositionAt(TypeRef type, std::uint64_t index, bool by_marker);
  void Forward(TextPosition& position) const;
  // The nearest item of a sequence behind `ref`, or before it, that is not deleted. Many deleted
  // ones cost no more than a few.
  ItemRef NextLive(ItemRef ref);
  ItemRef PreviousLive(ItemRef ref);
  // Moves to the next item that is not deleted. False when it is there.
  bool ForwardOverDeleted(TypeRef type, TextPosition& position);
  void SkipMarksThatChangeNothing(TypeRef type, TextPosition& position,
                                  const NamedAttributes& attributes);
  void InsertMark(TypeRef type, TextPosition& position, KeyRef key, FormatValue value);
  // Returns what has to be set behind the range, by key.
  AttributeMap InsertMarks(TypeRef type, TextPosition& position, const NamedAttributes& attributes);
  void InsertClosingMarks(TypeRef type, TextPosition& position, AttributeMap closing);
  // What is inserted, `text` or one element without, is made after the marks before it.
  ItemRef InsertContent(TypeRef type, TextPosition& position, NamedAttributes attributes,
                        std::string_view text, const std::function<ItemRef(Position)>& insert);
  ItemRef InsertString(TypeRef type, Position position, std::string_view utf8);
  void FormatFrom(TypeRef type, TextPosition& position, std::uint64_t count,
                  const NamedAttributes& attributes);
  void DeleteFrom(TypeRef type, TextPosition& position, std::uint64_t count);
  // Of a text without any formatting.
  void DeletePlain(TypeRef type, std::uint64_t index, std::uint64_t count);

  // -- Reading (read.cc) --
  TextRun RunOf(const Item& item) const {
    return {.offset = item.content, .units = item.run_units(), .wide = item.wide};
  }
  Element ElementIn(const Item& item, std::uint64_t offset);
  Subdocument SubdocumentIn(const Item& item);
  // The text of a string item is added to `out`.
  void AppendText(const Item& item, std::string& out) const {
    clients_[item.id.client()].text.AppendWtf8(RunOf(item), 0, item.run_units(), out);
  }
  AnyObject AttributesAsObject(const AttributeMap& attributes) const;

  // -- Undo (redo.cc) --
  void SetRedone(ItemRef item, PackedId as);
  ItemRef RedoItem(ItemRef item, const absl::flat_hash_set<ItemRef>& items, const RedoRules& rules);
  // Where a deleted item of a sequence stood, as a place in `parent`.
  Position OldPlaceOf(ItemRef item, TypeRef parent);
  // The content of an item, once more, for an item of this replica.
  std::uint32_t CopyContent(const Item& item, bool& wide);
  // As RedoItem, once what it stands in is there.
  ItemRef RedoOne(ItemRef item, const RedoRules& rules);

  // -- Snapshots (snapshots.cc) --
  // Cuts blocks so that each is visible in `snapshot` as a whole or not at all.
  void SplitAt(const Snapshot& snapshot);

  // -- Subdocuments (subdocuments.cc) --
  std::uint32_t AddSubdocument(std::string guid, Any options);
  Any PlainValue(const Item& item, std::uint64_t offset) const;

  // -- Typing (typing.cc) --
  // Whether text may be typed on at `index`, remembered in typing_.
  bool FindTyping(TypeRef type, std::uint64_t index);
  // As TypeOn, for an update of format v1 by another replica that brings nothing else.
  bool HearTyped(ByteView update, std::string_view origin);
  // Whether text inserted right behind this last item of its client, with the same right origin,
  // would merge into it and nothing else would.
  bool MayExtend(ItemRef item) const;
  // Whether what its client inserts behind its last element, with the same right origin, comes to
  // stand there.
  bool StaysBehind(const Item& item) const;
  // Appends text to the last item of its client. Answers its units; 0, and nothing happened, when
  // it would become too long.
  Clock ExtendLast(ItemRef item, std::string_view utf8);
  // Tells of the text that `item` got at clock `before`; all of `event` but its update is given.
  void EmitTyped(ItemRef item, Clock before, std::string_view utf8, UpdateEvent event);
  // This replica has inserted the item at `index`, as its last one.
  void NoteInserted(TypeRef type, ItemRef item, std::uint64_t index);
  // Tells the index of positions what was typed since it was last asked.
  void FlushTyping();
  // Before anything else is changed.
  void StopTyping() {
    if (typing_.item == kNoItem) return;
    FlushTyping();
    typing_ = {};
  }
  // Whether nobody has to be told more than the update, nor be asked about items as they are before
  // the end of a transaction merges them.
  bool may_take_short_ways() const {
    return !cleaning_ && !WantsChanges() && !has_transaction_observers() && !gc_filter_;
  }
  bool has_transaction_observers() const {
    return !on_before_transaction_.empty() || !on_after_transaction_.empty() ||
           !on_cleaned_transaction_.empty() || !on_emitted_transaction_.empty() ||
           !on_settled_.empty();
  }

  // -- Deleting (deleting.cc) --
  // As DeleteShortly, for an update of format v1 by another replica that brings nothing else.
  bool HearDeleted(ByteView update, std::string_view origin);
  // Whether the range lies in the item, which is text that nobody may want back.
  bool MayDeleteWithin(const Item& item, Clock offset, Clock count) const;
  // Deletes `count` elements of an item as a transaction would, its end included.
  void DeleteWithin(ItemRef ref, Clock offset, Clock count);
  // Tells the index of positions that an item lost a part, later when it is the one of typing_.
  void ItemShrank(ItemRef ref);
  // As EmitTyped, for a deleted range.
  void EmitDeleted(ClientId client, IdRange range, UpdateEvent event);

  // -- Loading (loading.cc) --
  bool is_empty() const { return clients_.empty() && items_.size() == 1; }
  // Whether Load may be tried.
  bool MayLoad(ByteView update) const;
  // ApplyUpdate of a document without blocks, or of an update that brings much; nothing, and nothing
  // happened, when the update has to take the general way. Requires: MayLoad.
  std::optional<absl::Status> Load(ByteView update, std::string_view origin, UpdateFormat format);
  template <typename Reader>
  std::optional<absl::Status> LoadFrom(ByteView update, std::string_view origin);
  // Empties a document that had nothing but these first roots and keys.
  void Unload(std::size_t roots, std::size_t keys);

  // -- Validation (validate.cc) --
  bool IsCut(const Item& item) const;
  absl::Status ValidateClient(ClientIndex client) const;
  absl::Status ValidateType(TypeRef type) const;

  ClientId client_id_;
  mutable std::string guid_;  // drawn when somebody asks, unless it was given
  const bool gc_;
  const std::function<bool(const SharedType&, Id, Clock)> gc_filter_;
  const DecodeLimits limits_;

  ItemPool items_;
  TypePool types_;
  ContentStore contents_;
  KeyTable keys_;
  std::vector<Client> clients_;
  absl::flat_hash_map<std::uint64_t, ClientIndex> client_indices_;
  // Those found last, in front of client_indices_.
  struct KnownClient {
    std::uint64_t id = ~std::uint64_t{0};  // no client's
    ClientIndex index = 0;
  };
  static constexpr std::size_t kKnownClients = 8;
  mutable std::array<KnownClient, kKnownClients> known_clients_;
  mutable std::vector<ClientIndex> clients_descending_;  // made when asked for
  absl::flat_hash_map<KeyRef, TypeRef> roots_;
  std::vector<TypeRef> root_order_;

  const HoleMode hole_mode_;
  const CollisionPolicy collision_policy_;
  CollisionCount collisions_;

  mutable PendingBlocks pending_;  // its parts may be joined at any time
  DeleteSet pending_deletes_;
  static constexpr std::uint64_t kUnboundedSteps = ~std::uint64_t{0};
  ConflictGroups conflict_groups_;
  std::uint64_t conflict_steps_left_ = kUnboundedSteps;  // bounded while an update is applied
  // While an update is applied that brings much: what it inserts in loses its index of positions.
  bool forgets_positions_ = false;

  Transaction* transaction_ = nullptr;                 // the open one
  std::deque<std::unique_ptr<Transaction>> cleanups_;  // ended, the first one being cleaned up
  std::unique_ptr<Transaction> spare_transaction_;     // the last one, to be used again
  bool cleaning_ = false;

  absl::flat_hash_map<ItemRef, PackedId> redone_;  // of items with Item::redone

  // The place where this replica types on, deletes backwards or has inserted last.
  struct Typing {
    TypeRef type = kNoType;
    ItemRef item = kNoItem;  // the last one of `client`; none: nobody is typing
    ClientIndex client = 0;
    std::uint64_t end = 0;  // position behind it
    bool open = false;      // what is typed there extends it
    bool latest = false;    // it is the last one of this replica: no other can be extended
    bool stale = false;     // the index of positions does not know its length yet
  };
  Typing typing_;
  ByteWriter typed_update_;

  std::uint64_t undo_managers_ = 0;  // made so far

  std::size_t observed_types_ = 0;  // that somebody observed once
  ObserverList<const UpdateEvent&> on_update_v1_;
  ObserverList<const UpdateEvent&> on_update_v2_;
  ObserverList<const TransactionEvent&> on_before_transaction_;
  ObserverList<const TransactionEvent&> on_after_transaction_;
  ObserverList<const TransactionEvent&> on_cleaned_transaction_;
  ObserverList<const TransactionEvent&> on_emitted_transaction_;
  ObserverList<> on_settled_;
  ObserverList<const SubdocumentsEvent&> on_subdocuments_;
  ObserverList<const Transaction&> after_transaction_;
};

}  // namespace weft::crdt::internal
