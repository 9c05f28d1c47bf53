#include "crdt/block_stream.h"

#include "crdt/typed_block_stream.h"

namespace weft::crdt {

Any NormalizedSubdocumentOptions(const Any& options) {
  const auto truthy = [](const Any& value) {
    if (value.is_undefined() || value.is_null()) return false;
    if (const bool* flag = value.AsBool()) return *flag;
    if (const double* number = value.AsNumber()) return *number != 0 && *number == *number;
    if (const std::string* text = value.AsString()) return !text->empty();
    if (const auto* big = std::get_if<Any::BigInt>(&value.value())) return big->value != 0;
    return true;
  };
  AnyObject normalized;
  if (const AnyObject* object = options.AsObject()) {
    if (const Any* gc = object->Find("gc"); gc != nullptr && !gc->is_undefined() && !truthy(*gc)) {
      normalized.Set("gc", false);
    }
    if (const Any* auto_load = object->Find("autoLoad");
        auto_load != nullptr && truthy(*auto_load)) {
      normalized.Set("autoLoad", true);
    }
    if (const Any* meta = object->Find("meta");
        meta != nullptr && !meta->is_undefined() && !meta->is_null()) {
      normalized.Set("meta", *meta);
    }
  }
  return normalized;
}

Block PlainBlock::ToBlock() const {
  Block block{.id = id, .length = length};
  block.kind = text.empty() ? ContentKind::kDeleted : ContentKind::kString;
  block.has_origin = has_origin;
  block.has_right_origin = has_right_origin;
  if (has_origin) block.origin = origin;
  if (has_right_origin) block.right_origin = right_origin;
  block.text = text;
  return block;
}

std::unique_ptr<BlockStream> BlockStream::Open(ByteView bytes, UpdateFormat format,
                                               const DecodeLimits& limits, DecodeBudget& budget) {
  if (format == UpdateFormat::kV1) {
    return std::make_unique<TypedBlockStream<UpdateReaderV1>>(bytes, limits, budget);
  }
  return std::make_unique<TypedBlockStream<UpdateReaderV2>>(bytes, limits, budget);
}

}  // namespace weft::crdt
