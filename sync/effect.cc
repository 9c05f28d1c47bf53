#include "sync/effect.h"

#include <utility>

namespace weft::sync {

PublishUpdate MakePublishUpdate(crdt::ByteView update) {
  Frame frame = MakeFrame(Update{update});
  const std::size_t offset = frame->size() - update.size();
  return {.frame = std::move(frame), .update_offset = offset};
}

}  // namespace weft::sync
