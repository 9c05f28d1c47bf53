// Formatting marks that have become redundant are deleted: after local deletions, and after remote
// changes in a transaction of its own. The rules are those of Yjs; they decide bytes.

#include <algorithm>
#include <vector>

#include "crdt/doc_core.h"

namespace weft::crdt::internal {

namespace {

bool IsMark(const Item& item) { return item.kind == ContentKind::kFormat && !item.deleted; }

}  // namespace

// Of the marks between `start` and the next content, only the last of each attribute has an effect,
// and none that says what was in force already. Marks in front of `current` also adjust the
// attributes in force there.
void DocCore::CleanUpGap(ItemRef start, ItemRef current, const AttributeMap& start_attributes,
                         AttributeMap& current_attributes) {
  if (At(start).deleted) start = NextLive(start);
  if (current != kNoItem && At(current).deleted) current = NextLive(current);
  ItemRef end = start;
  std::vector<std::pair<KeyRef, ItemRef>> last_marks;
  for (; end != kNoItem && !At(end).countable(); end = NextLive(end)) {
    const KeyRef key = FormatOf(end).key;
    const auto known = std::ranges::find(last_marks, key, &std::pair<KeyRef, ItemRef>::first);
    if (known == last_marks.end()) {
      last_marks.emplace_back(key, end);
    } else {
      known->second = end;
    }
  }
  bool reached_current = false;
  for (ItemRef ref = start; ref != end; ref = NextLive(ref)) {
    if (ref == current) reached_current = true;
    const Format& format = FormatOf(ref);
    const FormatValue& before = start_attributes.Get(format.key);
    const auto last = std::ranges::find(last_marks, format.key, &std::pair<KeyRef, ItemRef>::first);
    if (last->second != ref || IsIdentical(before, format.value)) {
      Delete(ref);
      if (!reached_current && IsIdentical(current_attributes.Get(format.key), format.value) &&
          !IsIdentical(before, format.value)) {
        if (before->is_null()) {
          current_attributes.Erase(format.key);
        } else {
          current_attributes.Set(format.key, before);
        }
      }
    } else if (!reached_current) {
      current_attributes.Apply(format);
    }
  }
}

// Of the marks around a deleted item, between two pieces of content, only the last of each attribute
// stays.
void DocCore::CleanUpAround(ItemRef deleted) {
  if (At(deleted).key() != kNoKey) return;
  ItemRef behind = NextLive(deleted);
  ItemRef mark = PreviousLive(deleted);
  for (; behind != kNoItem && IsMark(At(behind)); behind = NextLive(behind)) mark = behind;
  std::vector<KeyRef> seen;
  for (; mark != kNoItem && IsMark(At(mark)); mark = PreviousLive(mark)) {
    const KeyRef key = FormatOf(mark).key;
    if (std::ranges::find(seen, key) != seen.end()) {
      Delete(mark);
    } else {
      seen.push_back(key);
    }
  }
}

void DocCore::CleanUpFormatsOf(TypeRef type) {
  ItemRef start = types_.At(type).start;
  AttributeMap start_attributes;
  AttributeMap current;
  if (start != kNoItem && At(start).deleted) start = NextLive(start);
  for (ItemRef end = start; end != kNoItem; end = NextLive(end)) {
    if (At(end).kind == ContentKind::kFormat) {
      current.Apply(FormatOf(end));
    } else {
      CleanUpGap(start, end, start_attributes, current);
      start_attributes = current;
      start = end;
    }
  }
}

void DocCore::CleanUpFormats(Transaction& transaction) {
  // Texts that got or lost marks are looked through as a whole.
  std::vector<TypeRef> whole;
  absl::flat_hash_set<TypeRef> is_whole;
  const auto add_whole = [&](TypeRef type) {
    if (is_whole.insert(type).second) whole.push_back(type);
  };
  for (const auto& [client, before] : transaction.touched.entries()) {
    BlockList& blocks = clients_[client].blocks;
    BlockList::Cursor cursor = blocks.Find(before);
    do {
      const Item& item = At(blocks.At(cursor));
      if (IsMark(item)) add_whole(item.parent);
    } while (blocks.Next(cursor));
  }
  Transact("", /*local=*/true, [&] {
    // In the order of the deletions: once a deleted mark was met, the text is left for later.
    for (const ClientId client : transaction.deleted_clients.clients()) {
      const auto ranges = std::ranges::lower_bound(transaction.deletes.clients(), client, {},
                                                   &DeleteSet::ClientRanges::client);
      BlockList& blocks = clients_[*FindClient(client)].blocks;
      for (const IdRange& range : ranges->ranges) {
        // Deleting marks leaves blocks as they are: the cursor stays valid.
        BlockList::Cursor cursor = blocks.Find(range.clock);
        do {
          const ItemRef ref = blocks.At(cursor);
          const Item& item = At(ref);
          if (item.clock() >= range.end()) break;
          if (item.is_gc() || !types_.At(item.parent).has_formats ||
              is_whole.contains(item.parent)) {
            continue;
          }
          if (item.kind == ContentKind::kFormat) {
            add_whole(item.parent);
          } else {
            CleanUpAround(ref);
          }
        } while (blocks.Next(cursor));
      }
    }
    for (const TypeRef type : whole) CleanUpFormatsOf(type);
  });
}

}  // namespace weft::crdt::internal
