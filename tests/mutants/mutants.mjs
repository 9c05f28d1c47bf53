// Mistakes that somebody could make, each as one change of one line, and the programs that have to notice.
//
// `from` stands exactly once in `file`. Programs are tried in their order, the quick ones first.

const engine = ['crdt_tests', 'driver_tests', 'simulation_tests']
const protocol = ['sync_tests', 'server_tests', 'simulation_tests']
const log = ['store_tests']

export const mutants = [
  {
    name: 'two insertions at one place are ordered by the larger client first',
    file: 'crdt/integrate.cc',
    from: 'if (clients_[o.id.client()].id < clients_[item.id.client()].id) {',
    to: 'if (clients_[o.id.client()].id > clients_[item.id.client()].id) {',
    programs: engine
  },
  {
    name: 'an insertion does not move behind what builds on what it passed',
    file: 'crdt/integrate.cc',
    from: 'if (origin_place < first_conflict) {',
    to: 'if (origin_place <= first_conflict) {',
    programs: engine
  },
  {
    name: 'the walk over conflicts ends one item late',
    file: 'crdt/integrate.cc',
    from: '} else if (o.right_origin == item.right_origin) {\n        break;',
    to: '} else if (o.right_origin != item.right_origin) {\n        break;',
    programs: engine
  },
  {
    name: 'a value that loses its key stays alive',
    file: 'crdt/integrate.cc',
    from: 'if (left != kNoItem) Delete(left);',
    to: 'if (left == kNoItem) Delete(left);',
    programs: engine
  },
  {
    name: 'what comes into a deleted type is not deleted',
    file: 'crdt/integrate.cc',
    from: 'if (IsDeleted(item.parent) || (item.key() != kNoKey && right != kNoItem)) Delete(ref);',
    to: 'if (item.key() != kNoKey && right != kNoItem) Delete(ref);',
    programs: engine
  },
  {
    name: 'runs merge over a different right origin',
    file: 'crdt/transaction.cc',
    from: 'left.right_origin == right.right_origin && left.deleted == right.deleted &&',
    to: 'left.deleted == right.deleted &&',
    programs: engine
  },
  {
    name: 'runs that were brought back merge',
    file: 'crdt/transaction.cc',
    from: 'left.kind == right.kind && !left.redone && !right.redone &&',
    to: 'left.kind == right.kind &&',
    programs: engine
  },
  {
    name: 'a deletion heard of takes one element too few',
    file: 'crdt/deleting.cc',
    from: 'DeleteWithin(ref, clock - item.clock(), count);',
    to: 'DeleteWithin(ref, clock - item.clock(), count > 1 ? count - 1 : count);',
    programs: engine
  },
  {
    name: 'the short deletion cuts surrogate pairs',
    file: 'crdt/deleting.cc',
    // Without one of the checks nothing changes that anybody sees: half a pair alone is shown as U+FFFD.
    from: 'return !cuts_pair(offset) && !cuts_pair(offset + count);',
    to: 'return true;',
    programs: engine
  },
  {
    name: 'what was deleted is encoded with one element less',
    file: 'crdt/encode_state.cc',
    from: 'ranges.push_back({item.clock(), item.length()});',
    to: 'ranges.push_back({item.clock(), item.length() > 1 ? item.length() - 1 : 1});',
    programs: engine
  },
  {
    name: 'a diff begins one clock late inside a block',
    file: 'crdt/encode_state.cc',
    from: 'WriteItem(writer, At(blocks.At(cursor)), from - At(blocks.At(cursor)).clock());',
    to: 'WriteItem(writer, At(blocks.At(cursor)), 0);',
    programs: engine
  },
  {
    name: 'the index of positions loses its marks when a node is cut',
    file: 'crdt/sequence_index.cc',
    from: 'tail.marks = node.marks >> keep;',
    to: 'tail.marks = 0;',
    programs: engine
  },
  {
    name: 'merging updates forgets deletions',
    file: 'crdt/update_merge.cc',
    from: 'for (const IdRange& range : client.ranges) deletes_.Add(client.client, range);',
    to: 'if (client.ranges.size() > 1) deletes_.Add(client.client, client.ranges.front());',
    programs: engine
  },
  {
    name: 'joining state vectors takes the smaller clock',
    file: 'crdt/state_vector.cc',
    from: 'merged[size - 1].clock = std::max(merged[size - 1].clock, entry.clock);',
    to: 'merged[size - 1].clock = std::min(merged[size - 1].clock, entry.clock);',
    programs: engine
  },
  {
    name: 'a position before an element counts as the one behind it',
    file: 'crdt/relative_position.cc',
    from: '.index = doc.PositionOf(*place, assoc < 0),',
    to: '.index = doc.PositionOf(*place, assoc <= 0),',
    programs: engine
  },
  {
    name: 'an undo does not keep what it brings back',
    file: 'crdt/redo.cc',
    from: 'Keep(types_.At(parent).item, true);',
    to: 'Keep(types_.At(parent).item, false);',
    programs: engine
  },
  {
    name: 'anybody may say that somebody else has left',
    file: 'sync/awareness.cc',
    from: 'const bool may_depart = state != states_.end() && state->second.owner == sender &&',
    to: 'const bool may_depart = state != states_.end() &&',
    programs: protocol
  },
  {
    name: 'a reader may write',
    file: 'sync/session.cc',
    from: 'if (options_.access == Access::kReadOnly) {',
    to: 'if (false) {',
    programs: protocol
  },
  {
    name: 'answers do not wait for the commit of what they show',
    file: 'server/room_commits.cc',
    from: '  if (appended_ != completed_) {\n    held_.push_back({appended_, to, Answer{std::move(frame)}});',
    to: '  if (false) {\n    held_.push_back({appended_, to, Answer{std::move(frame)}});',
    programs: protocol
  },
  {
    name: 'a record is not chained to the one before it',
    file: 'store/batch_writer.cc',
    from: 'RecordFields fields{.link = LinkTo(room.row.head_checksum)',
    to: 'RecordFields fields{.link = LinkTo({})',
    programs: log
  }
]
