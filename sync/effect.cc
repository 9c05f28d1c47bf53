#include "sync/effect.h"

#include <utility>

namespace weft::sync {

PublishUpdate MakePublishUpdate(crdt::ByteView update) {
  Frame frame = MakeFrame(Update{update});
  const std::size_t offset = frame->size() - update.size();
  return {.frame = std::move(frame), .update_offset = offset};
}

PublishAwareness MakePublishAwareness(crdt::ByteView update, bool is_renewal) {
  Frame frame = MakeFrame(AwarenessUpdate{update});
  const std::size_t offset = frame->size() - update.size();
  return {.frame = std::move(frame), .update_offset = offset, .is_renewal = is_renewal};
}

}  // namespace weft::sync
