#include "sync/message.h"

#include <utility>

namespace weft::sync {
namespace {

using crdt::ByteReader;
using crdt::ByteWriter;

constexpr std::uint64_t kSync = 0;
constexpr std::uint64_t kAwareness = 1;
constexpr std::uint64_t kAuth = 2;
constexpr std::uint64_t kQueryAwareness = 3;
constexpr std::uint64_t kSyncMarker = 102;

constexpr std::uint64_t kStep1 = 0;
constexpr std::uint64_t kStep2 = 1;
constexpr std::uint64_t kUpdate = 2;

constexpr std::uint64_t kPermissionDenied = 0;

Message ReadSync(ByteReader& reader) {
  switch (reader.ReadVarUint()) {
    case kStep1:
      return SyncStep1{reader.ReadBuffer()};
    case kStep2:
      return SyncStep2{reader.ReadBuffer()};
    case kUpdate:
      return Update{reader.ReadBuffer()};
    default:
      return Unknown{kSync};
  }
}

Message ReadAuth(ByteReader& reader) {
  if (reader.ReadVarUint() == kPermissionDenied) return PermissionDenied{reader.ReadString()};
  return Unknown{kAuth};
}

Message ReadMessage(ByteReader& reader) {
  const std::uint64_t type = reader.ReadVarUint();
  switch (type) {
    case kSync:
      return ReadSync(reader);
    case kAwareness:
      return AwarenessUpdate{reader.ReadBuffer()};
    case kAuth:
      return ReadAuth(reader);
    case kQueryAwareness:
      return QueryAwareness{};
    case kSyncMarker:
      return SyncMarker{reader.ReadBuffer()};
    default:
      return Unknown{type};
  }
}

class MessageWriter {
 public:
  void operator()(const SyncStep1& message) { WriteSync(kStep1, message.state_vector); }
  void operator()(const SyncStep2& message) { WriteSync(kStep2, message.update); }
  void operator()(const Update& message) { WriteSync(kUpdate, message.update); }
  void operator()(const AwarenessUpdate& message) {
    Reserve(message.update.size());
    writer_.WriteVarUint(kAwareness);
    writer_.WriteBuffer(message.update);
  }
  void operator()(const QueryAwareness&) { writer_.WriteVarUint(kQueryAwareness); }
  void operator()(const SyncMarker& message) {
    writer_.WriteVarUint(kSyncMarker);
    writer_.WriteBuffer(message.content);
  }
  void operator()(const PermissionDenied& message) {
    writer_.WriteVarUint(kAuth);
    writer_.WriteVarUint(kPermissionDenied);
    writer_.WriteString(message.reason);
  }
  void operator()(const Unknown& message) { writer_.WriteVarUint(message.type); }

  crdt::Bytes Take() { return writer_.Take(); }

 private:
  void WriteSync(std::uint64_t kind, crdt::ByteView content) {
    Reserve(content.size());
    writer_.WriteVarUint(kSync);
    writer_.WriteVarUint(kind);
    writer_.WriteBuffer(content);
  }

  void Reserve(std::size_t content_bytes) {
    constexpr std::size_t kLongestHead = 2 + 8;  // two types of one byte and a varuint of 53 bits
    writer_.Reserve(kLongestHead + content_bytes);
  }

  ByteWriter writer_;
};

}  // namespace

absl::StatusOr<Message> DecodeMessage(crdt::ByteView frame) {
  ByteReader reader(frame);
  const Message message = ReadMessage(reader);
  if (!reader.ok()) return reader.status();
  return message;
}

crdt::Bytes EncodeMessage(const Message& message) {
  MessageWriter writer;
  std::visit(writer, message);
  return writer.Take();
}

Frame MakeFrame(const Message& message) {
  return std::make_shared<const crdt::Bytes>(EncodeMessage(message));
}

}  // namespace weft::sync
