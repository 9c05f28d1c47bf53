#include "crdt/update_obfuscate.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crdt/any_codec.h"
#include "crdt/base/string_map.h"
#include "crdt/block_stream.h"
#include "crdt/update_builder.h"

namespace weft::crdt {

namespace {

// Changes blocks in turn; what is put into one is valid until the next.
class Obfuscator {
 public:
  explicit Obfuscator(const ObfuscateOptions& options) : options_(options) {}

  void Change(Block& block, std::vector<Any>& values) {
    if (block.kind == ContentKind::kGc || block.kind == ContentKind::kSkip) return;
    ChangeContent(block, values);
    // The empty key stays: to JavaScript it is as good as none.
    if (block.has_key && !block.has_origin && !block.has_right_origin && !block.key.empty()) {
      block.key = Renamed(keys_, block.key, "");
    }
    ++number_;
  }

 private:
  void ChangeContent(Block& block, std::vector<Any>& values) {
    const auto number = static_cast<double>(number_);
    switch (block.kind) {
      case ContentKind::kType:
        if (options_.yxml && block.type == TypeKind::kXmlElement) {
          block.text = Renamed(node_names_, block.text, "node-");
        } else if (options_.yxml && block.type == TypeKind::kXmlHook) {
          block.text = Renamed(node_names_, block.text, "hook-");
        }
        return;
      case ContentKind::kAny:
      case ContentKind::kJson:
        for (Any& value : values) value = Any(number);
        return;
      case ContentKind::kBinary:
        text_.assign(1, static_cast<char>(number_ & 0xff));
        block.text = text_;
        return;
      case ContentKind::kDoc:
        if (!options_.subdocs) return;
        text_ = absl::StrCat(number_);
        block.text = text_;
        values = {Any(AnyObject())};
        return;
      case ContentKind::kEmbed:
        values = {Any(AnyObject())};
        return;
      case ContentKind::kFormat:
        if (!options_.formatting) return;
        block.text = Renamed(format_keys_, block.text, "");
        ChangeFormat(values.front());
        return;
      case ContentKind::kString:
        text_.assign(block.length, static_cast<char>('0' + number_ % 10));
        block.text = text_;
        return;
      case ContentKind::kDeleted:
      case ContentKind::kGc:
      case ContentKind::kSkip:
        return;
    }
  }

  // The end of a format stays one. Equal values get equal ones, but arrays, objects and bytes are
  // equal to nothing in JavaScript, and 0 is equal to -0.
  void ChangeFormat(Any& value) {
    if (value.is_null()) return;
    const AnyObject fresh{{"i", Any(static_cast<double>(number_))}};
    if (value.AsArray() != nullptr || value.AsObject() != nullptr || value.AsBinary() != nullptr) {
      value = fresh;
      return;
    }
    const double* number = value.AsNumber();
    ByteWriter key;
    WriteAny(key, number != nullptr && *number == 0 ? Any(0) : value);
    const auto [entry, added] =
        format_values_.try_emplace(std::string(AsText(key.view())), number_);
    value = added ? fresh : AnyObject{{"i", Any(static_cast<double>(entry->second))}};
  }

  std::string_view Renamed(StringMap<std::string>& names, std::string_view name,
                           const char* prefix) {
    const auto found = names.find(name);
    std::string& renamed = renamed_[next_renamed_++ % 2];
    renamed = found != names.end() ? found->second : absl::StrCat(prefix, number_);
    if (found == names.end()) names.emplace(name, renamed);
    return renamed;
  }

  const ObfuscateOptions options_;
  std::uint64_t number_ = 0;  // counts items
  StringMap<std::string> keys_;
  StringMap<std::string> node_names_;
  StringMap<std::string> format_keys_;
  StringMap<std::uint64_t> format_values_;
  std::string text_;
  std::string renamed_[2];  // a block has two names at most: in its content, and its key
  std::size_t next_renamed_ = 0;
};

}  // namespace

absl::StatusOr<Bytes> ObfuscateUpdate(ByteView update, const ObfuscateOptions& options,
                                      UpdateFormat format, const DecodeLimits& limits) {
  DecodeBudget budget(limits, update.size());
  const std::unique_ptr<BlockStream> stream = BlockStream::Open(update, format, limits, budget);
  Obfuscator obfuscator(options);
  UpdateBuilder builder(format);
  Block block{};
  std::vector<Any> values;
  for (; stream->Next(block, values); values.clear()) {
    obfuscator.Change(block, values);
    builder.Add(block, values);
  }
  const DeleteSet deletes = stream->ReadDeletes();
  const absl::Status status = stream->status();
  if (!status.ok()) return status;
  return std::move(builder).Finish(deletes);
}

}  // namespace weft::crdt
