#pragma once

// The messages of weft.v1, the relay's own protocol, as bytes and as values: many rooms on one
// socket, every write answered, a return to where one was. What they mean, in which order they are
// said and why: PROTOCOL.md.
//
//   Frame      := kind Body ignored*         one message a WebSocket frame, binary
//   Hello      := 0  version client:string token:string features
//   Welcome    := 1  version session:string features message_bytes channels expires_ms
//   Join       := 2  channel room:string generation sequence credit state_vector:buffer
//   Joined     := 3  channel generation sequence access how credit
//   Refused    := 4  channel code generation reason:string
//   Leave      := 5  channel
//   Left       := 6  channel code reason:string
//   Data       := 7  channel byte*            the rest is a message of y-websocket (message.h)
//   Ack        := 8  channel level count sequence
//   Nack       := 9  channel code count reason:string
//   Heard      := 10 channel sequence
//   Generation := 11 channel generation
//   Credit     := 12 channel bytes
//   Auth       := 13 token:string
//   AccessIs   := 14 channel access reason:string
//   Check      := 15 channel
//   Checksum   := 16 channel hash state_vector:buffer
//   Closing    := 17 code retry_ms reason:string
//   Ping       := 18 number
//   Pong       := 19 number
//   Ask        := 20 channel number verb:string arguments:string
//   Answer     := 21 channel number status text:string
//   Watch      := 22 channel wanted
//   Event      := 23 channel text:string
//   other ignored*                            unknown: later versions add kinds
//
//   access     := 0 none | 1 read | 2 write
//   how        := 0 synced | 1 resumed
//   level      := 0 received | 1 durable
//   wanted     := 0 no | 1 yes
//   arguments, text := JSON, not looked at here
//   generation, hash := 8 bytes, big-endian
//
// All other numbers are varuint; buffer and string as in crdt/base/bytes.h, strings are UTF-8 and
// have bounds (below). count and bytes of Credit are not 0.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "absl/status/statusor.h"
#include "crdt/base/bytes.h"

namespace weft::sync::weft_v1 {

// What a WebSocket names in Sec-WebSocket-Protocol.
inline constexpr std::string_view kSubprotocol = "weft.v1";
inline constexpr std::uint64_t kVersion = 1;

inline constexpr std::size_t kMaxNameBytes = 256;  // of a client, a session
inline constexpr std::size_t kMaxRoomBytes = 512;  // as server/room_name.h
inline constexpr std::size_t kMaxTokenBytes = 16
                                              << 10;  // a token with many claims has two or three
inline constexpr std::size_t kMaxReasonBytes = 1 << 10;
inline constexpr std::size_t kMaxArgumentsBytes = 64 << 10;  // of an Ask
inline constexpr std::size_t kMaxAnswerBytes = 1 << 20;      // of an Answer, an Event
// How many Asks of a channel may wait for their answers.
inline constexpr std::size_t kMaxAsks = 16;
// Of a kind and a channel, before the message that a Data carries.
inline constexpr std::size_t kMaxDataHeadBytes = 1 + 8;

enum class Role : std::uint8_t { kNone, kRead, kWrite };
enum class How : std::uint8_t { kSynced, kResumed };
enum class Wanted : std::uint8_t { kNo, kYes };
enum class Level : std::uint8_t { kReceived, kDurable };

// Names a conversation about one room on one socket; its client chooses it.
using Channel = std::uint64_t;

// A moment of a room's history: which history, and how many updates of it. Sequence 0: none.
struct Place {
  std::uint64_t generation = 0;
  std::uint64_t sequence = 0;
  friend bool operator==(const Place&, const Place&) = default;
};

// The codes of Refused, Left, Nack and Closing are those with which a WebSocket is closed: 4400 to
// 4499 are final, after all others a client comes back. See close.h; these are more.
inline constexpr std::uint64_t kUnauthorized =
    4401;                                           // no token, or one that is not valid (any more)
inline constexpr std::uint64_t kForbidden = 4403;   // not in this room, or not in this way
inline constexpr std::uint64_t kBadVersion = 4406;  // no version that both speak
inline constexpr std::uint64_t kBadChannel =
    4408;  // a Join of a channel that is in use, or Hello twice
inline constexpr std::uint64_t kOtherGeneration =
    4410;  // the room has another history than was said
inline constexpr std::uint64_t kTooManyChannels = 4429;  // more than Welcome said
inline constexpr std::uint64_t kCreditExceeded = 4430;   // Data without credit
inline constexpr std::uint64_t kLeft = 1000;             // of Left: as was asked

// The kinds of message. Views point into the frame that was decoded, or that the maker holds.
struct Hello {
  std::uint64_t version = kVersion;
  std::string_view client;
  std::string_view token;
  std::uint64_t features = 0;
};
struct Welcome {
  std::uint64_t version = kVersion;
  std::string_view session;
  std::uint64_t features = 0;
  std::uint64_t message_bytes = 0;  // the longest frame that is taken
  std::uint64_t channels = 0;       // how many may be open at once
  std::uint64_t expires_ms = 0;  // how long the token holds from now; 0: nothing is known of an end
};
struct Join {
  Channel channel = 0;
  std::string_view room;
  Place place;                  // to resume from
  std::uint64_t credit = 0;     // what may be sent to the client in this channel
  crdt::ByteView state_vector;  // for when that is not possible
};
struct Joined {
  Channel channel = 0;
  Place head;
  Role role = Role::kNone;
  How how = How::kSynced;
  std::uint64_t credit = 0;  // what the client may send in this channel
};
struct Refused {
  Channel channel = 0;
  std::uint64_t code = 0;
  std::uint64_t generation = 0;  // of the room, where the code is kOtherGeneration
  std::string_view reason;
};
struct Leave {
  Channel channel = 0;
};
struct Left {
  Channel channel = 0;
  std::uint64_t code = 0;
  std::string_view reason;
};
struct Data {
  Channel channel = 0;
  crdt::ByteView message;
};
struct Ack {
  Channel channel = 0;
  Level level = Level::kReceived;
  std::uint64_t count = 0;
  std::uint64_t sequence = 0;
};
struct Nack {
  Channel channel = 0;
  std::uint64_t code = 0;
  std::uint64_t count = 0;
  std::string_view reason;
};
struct Heard {
  Channel channel = 0;
  std::uint64_t sequence = 0;
};
struct Generation {
  Channel channel = 0;
  std::uint64_t generation = 0;
};
struct Credit {
  Channel channel = 0;
  std::uint64_t bytes = 0;
};
struct Auth {
  std::string_view token;
};
struct AccessIs {
  Channel channel = 0;
  Role role = Role::kNone;
  std::string_view reason;
};
struct Check {
  Channel channel = 0;
};
struct Checksum {
  Channel channel = 0;
  std::uint64_t hash = 0;  // state_checksum.h
  crdt::ByteView state_vector;
};
struct Closing {
  std::uint64_t code = 0;
  std::uint64_t retry_ms = 0;  // how long to stay away
  std::string_view reason;
};
struct Ping {
  std::uint64_t number = 0;
};
struct Pong {
  std::uint64_t number = 0;
};
// What a member wants to know or to do beside the conversation about the document.
struct Ask {
  Channel channel = 0;
  std::uint64_t number = 0;  // the client's, for the answer
  std::string_view verb;
  std::string_view arguments;
};
struct Answer {
  Channel channel = 0;
  std::uint64_t number = 0;
  std::uint64_t status = 0;  // as of HTTP
  std::string_view text;
};
// From now on the client wants to hear Events of the room, or not any more.
struct Watch {
  Channel channel = 0;
  Wanted wanted = Wanted::kNo;
};
struct Event {
  Channel channel = 0;
  std::string_view text;
};
// A kind that this version does not have. It is to be ignored, not to be refused.
struct Unknown {
  std::uint64_t kind = 0;
};

using Message = std::variant<Hello, Welcome, Join, Joined, Refused, Leave, Left, Data, Ack, Nack,
                             Heard, Generation, Credit, Auth, AccessIs, Check, Checksum, Closing,
                             Ping, Pong, Ask, Answer, Watch, Event, Unknown>;

// Reads the one message of a frame. What a Data carries and what a buffer holds is not looked at.
// Fails: kInvalidArgument when the frame ends inside the message, when a string is no UTF-8 or
// longer than its bound, when a number has no meaning; the offset is in the reason.
absl::StatusOr<Message> DecodeMessage(crdt::ByteView frame);

// Texts longer than their bound are cut, between characters. Requires: text is UTF-8.
crdt::Bytes EncodeMessage(const Message& message);

// What stands before the message of a Data: who sends one message into many channels appends the
// shared message to it.
crdt::Bytes EncodeDataHead(Channel channel);

// Whether a code is final: what was refused would be refused again.
constexpr bool IsFinal(std::uint64_t code) { return code >= 4400 && code < 4500; }

// The longest beginning of `text` within `bytes` that does not end inside a character.
std::string_view CutText(std::string_view text, std::size_t bytes);

}  // namespace weft::sync::weft_v1
