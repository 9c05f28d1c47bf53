#include "sync/weft_v1.h"

#include <utility>

#include "crdt/base/utf.h"

namespace weft::sync::weft_v1 {
namespace {

using crdt::ByteReader;
using crdt::ByteWriter;

// The kinds are the indexes in Message.
constexpr std::uint64_t kKinds = std::variant_size_v<Message> - 1;
constexpr std::uint8_t kDataKind = 7;
static_assert(std::is_same_v<std::variant_alternative_t<kDataKind, Message>, Data>);
static_assert(std::is_same_v<std::variant_alternative_t<kKinds, Message>, Unknown>);

std::string_view ReadText(ByteReader& reader, std::size_t max_bytes) {
  const std::string_view text = reader.ReadString();
  if (text.size() > max_bytes) {
    reader.Fail("a text is longer than it may be");
  } else if (!crdt::IsValidUtf8(text)) {
    reader.Fail("a text is no UTF-8");
  }
  return reader.ok() ? text : std::string_view();
}

template <typename Enum>
Enum ReadEnum(ByteReader& reader, Enum last) {
  const std::uint64_t value = reader.ReadVarUint();
  if (value > static_cast<std::uint64_t>(last)) {
    reader.Fail("a number has no meaning here");
    return Enum{};
  }
  return static_cast<Enum>(value);
}

std::uint64_t ReadPositive(ByteReader& reader) {
  const std::uint64_t value = reader.ReadVarUint();
  if (reader.ok() && value == 0) reader.Fail("a count is 0");
  return value;
}

// Calls a reader or a writer with the fields of a message in their order on the wire: the grammar,
// once for both directions.
void Fields(auto& io, auto& m, const Hello*) {
  io.Number(m.version), io.Text(m.client, kMaxNameBytes), io.Text(m.token, kMaxTokenBytes);
  io.Number(m.features);
}
void Fields(auto& io, auto& m, const Welcome*) {
  io.Number(m.version), io.Text(m.session, kMaxNameBytes), io.Number(m.features);
  io.Number(m.message_bytes), io.Number(m.channels), io.Number(m.expires_ms);
}
void Fields(auto& io, auto& m, const Join*) {
  io.Number(m.channel), io.Text(m.room, kMaxRoomBytes), io.Fixed(m.place.generation);
  io.Number(m.place.sequence), io.Number(m.credit), io.Buffer(m.state_vector);
}
void Fields(auto& io, auto& m, const Joined*) {
  io.Number(m.channel), io.Fixed(m.head.generation), io.Number(m.head.sequence);
  io.Choice(m.role, Role::kWrite), io.Choice(m.how, How::kResumed), io.Number(m.credit);
}
void Fields(auto& io, auto& m, const Refused*) {
  io.Number(m.channel), io.Number(m.code), io.Fixed(m.generation);
  io.Text(m.reason, kMaxReasonBytes);
}
void Fields(auto& io, auto& m, const Leave*) { io.Number(m.channel); }
void Fields(auto& io, auto& m, const Left*) {
  io.Number(m.channel), io.Number(m.code), io.Text(m.reason, kMaxReasonBytes);
}
void Fields(auto& io, auto& m, const Data*) { io.Number(m.channel), io.Rest(m.message); }
void Fields(auto& io, auto& m, const Ack*) {
  io.Number(m.channel), io.Choice(m.level, Level::kDurable), io.Positive(m.count);
  io.Number(m.sequence);
}
void Fields(auto& io, auto& m, const Nack*) {
  io.Number(m.channel), io.Number(m.code), io.Positive(m.count);
  io.Text(m.reason, kMaxReasonBytes);
}
void Fields(auto& io, auto& m, const Heard*) { io.Number(m.channel), io.Number(m.sequence); }
void Fields(auto& io, auto& m, const Generation*) { io.Number(m.channel), io.Fixed(m.generation); }
void Fields(auto& io, auto& m, const Credit*) { io.Number(m.channel), io.Positive(m.bytes); }
void Fields(auto& io, auto& m, const Auth*) { io.Text(m.token, kMaxTokenBytes); }
void Fields(auto& io, auto& m, const AccessIs*) {
  io.Number(m.channel), io.Choice(m.role, Role::kWrite), io.Text(m.reason, kMaxReasonBytes);
}
void Fields(auto& io, auto& m, const Check*) { io.Number(m.channel); }
void Fields(auto& io, auto& m, const Checksum*) {
  io.Number(m.channel), io.Fixed(m.hash), io.Buffer(m.state_vector);
}
void Fields(auto& io, auto& m, const Closing*) {
  io.Number(m.code), io.Number(m.retry_ms), io.Text(m.reason, kMaxReasonBytes);
}
void Fields(auto& io, auto& m, const Ping*) { io.Number(m.number); }
void Fields(auto& io, auto& m, const Pong*) { io.Number(m.number); }
void Fields(auto& io, auto& m, const Ask*) {
  io.Number(m.channel), io.Number(m.number), io.Text(m.verb, kMaxNameBytes);
  io.Text(m.arguments, kMaxArgumentsBytes);
}
void Fields(auto& io, auto& m, const Answer*) {
  io.Number(m.channel), io.Number(m.number), io.Number(m.status);
  io.Text(m.text, kMaxAnswerBytes);
}
void Fields(auto& io, auto& m, const Watch*) {
  io.Number(m.channel), io.Choice(m.wanted, Wanted::kYes);
}
void Fields(auto& io, auto& m, const Event*) {
  io.Number(m.channel), io.Text(m.text, kMaxAnswerBytes);
}

struct Reading {
  ByteReader& reader;
  void Number(std::uint64_t& value) { value = reader.ReadVarUint(); }
  void Positive(std::uint64_t& value) { value = ReadPositive(reader); }
  void Fixed(std::uint64_t& value) { value = reader.ReadBigEndian64(); }
  void Text(std::string_view& value, std::size_t max_bytes) { value = ReadText(reader, max_bytes); }
  void Buffer(crdt::ByteView& value) { value = reader.ReadBuffer(); }
  void Rest(crdt::ByteView& value) { value = reader.ReadBytes(reader.remaining()); }
  template <typename Enum>
  void Choice(Enum& value, Enum last) {
    value = ReadEnum(reader, last);
  }
};

struct Writing {
  ByteWriter& writer;
  void Number(std::uint64_t value) { writer.WriteVarUint(value); }
  void Positive(std::uint64_t value) { writer.WriteVarUint(value); }
  void Fixed(std::uint64_t value) { writer.WriteBigEndian64(value); }
  void Text(std::string_view value, std::size_t max_bytes) {
    writer.WriteString(CutText(value, max_bytes));
  }
  void Buffer(crdt::ByteView value) { writer.WriteBuffer(value); }
  void Rest(crdt::ByteView value) { writer.WriteBytes(value); }
  template <typename Enum>
  void Choice(Enum value, Enum) {
    writer.WriteVarUint(std::to_underlying(value));
  }
};

template <std::size_t kKind = 0>
Message ReadBody(std::uint64_t kind, ByteReader& reader) {
  if constexpr (kKind == kKinds) {
    return Unknown{kind};
  } else {
    if (kind != kKind) return ReadBody<kKind + 1>(kind, reader);
    std::variant_alternative_t<kKind, Message> message;
    Reading reading{reader};
    Fields(reading, message, &message);
    return message;
  }
}

}  // namespace

absl::StatusOr<Message> DecodeMessage(crdt::ByteView frame) {
  ByteReader reader(frame);
  const std::uint64_t kind = reader.ReadVarUint();
  if (!reader.ok()) return reader.status();
  const Message message = ReadBody(kind, reader);
  if (!reader.ok()) return reader.status();
  return message;
}

crdt::Bytes EncodeMessage(const Message& message) {
  ByteWriter writer;
  if (const auto* data = std::get_if<Data>(&message)) {
    writer.Reserve(kMaxDataHeadBytes + data->message.size());
  }
  std::visit(
      [&]<typename Kind>(const Kind& kind) {
        if constexpr (std::is_same_v<Kind, Unknown>) {
          writer.WriteVarUint(kind.kind);
        } else {
          writer.WriteVarUint(message.index());
          Writing writing{writer};
          Fields(writing, kind, &kind);
        }
      },
      message);
  return writer.Take();
}

crdt::Bytes EncodeDataHead(Channel channel) {
  ByteWriter writer;
  writer.WriteByte(kDataKind);
  writer.WriteVarUint(channel);
  return writer.Take();
}

std::string_view CutText(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80) --bytes;
  return text.substr(0, bytes);
}

}  // namespace weft::sync::weft_v1
