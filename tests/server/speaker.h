#pragma once

// A client of one room, in each of the dialects that a WebSocket can have here, told apart by nothing
// but its class: what it says and hears are the messages of y-websocket (sync/message.h).

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/doc.h"
#include "sync/message.h"
#include "sync/weft_v1.h"
#include "tests/server/tcp_client.h"

namespace weft::server {

class Speaker {
 public:
  // What came until the answer to a question, or until the end.
  struct Heard {
    std::string text;  // of the document, when there was an answer
    bool answered = false;
    bool denied = false;  // a write
    int cursors = 0;      // messages of awareness
    int code = 0;         // why it has ended; 1 where the dialect has no numbers for that
    std::string reason;
  };

  explicit Speaker(std::uint16_t port) : socket(port) {}
  virtual ~Speaker() = default;

  // Asks to be let in; Listen tells whether it was.
  virtual void Enter(const std::string& room, const std::string& token) = 0;
  virtual void Say(const sync::Message& message) = 0;

  // Asks for the document, and hears until it comes.
  Heard Listen() {
    const crdt::Bytes nothing = crdt::EncodeStateVector({});
    Say(sync::SyncStep1{nothing});
    Heard heard;
    while (!heard.answered && Hear(heard)) {
    }
    return heard;
  }
  // Hears until there is a cursor.
  Heard ListenForCursor() {
    Heard heard;
    while (heard.cursors == 0 && Hear(heard)) {
    }
    return heard;
  }
  // Hears until the server ends it.
  Heard ListenToTheEnd() {
    Heard heard;
    while (Hear(heard)) {
    }
    return heard;
  }

  TcpClient socket;

 protected:
  // One frame of the dialect. False at the end.
  virtual bool OnFrame(const crdt::Bytes& frame, Heard& heard) = 0;

  static void OnMessage(crdt::ByteView bytes, Heard& heard) {
    const auto message = sync::DecodeMessage(bytes);
    ASSERT_TRUE(message.ok()) << message.status();
    if (const auto* step2 = std::get_if<sync::SyncStep2>(&*message)) {
      crdt::Doc doc;
      ASSERT_TRUE(doc.ApplyUpdate(step2->update).ok());
      heard.answered = true;
      heard.text = doc.GetText("content").ToString();
    } else if (std::holds_alternative<sync::AwarenessUpdate>(*message)) {
      ++heard.cursors;
    } else if (std::holds_alternative<sync::PermissionDenied>(*message)) {
      heard.denied = true;
    }
  }

 private:
  bool Hear(Heard& heard) {
    const auto frame = socket.ReadFrame();
    if (!frame) return false;
    if (frame->opcode == Opcode::kClose) {
      heard.code = frame->close_code();
      heard.reason = frame->close_reason();
      return false;
    }
    return frame->opcode != Opcode::kBinary || OnFrame(frame->payload, heard);
  }
};

class YWebsocketSpeaker final : public Speaker {
 public:
  using Speaker::Speaker;
  void Enter(const std::string& room, const std::string& token) override {
    EXPECT_TRUE(socket.Upgrade("/" + room + (token.empty() ? "" : "?token=" + token)));
  }
  void Say(const sync::Message& message) override {
    socket.SendMessage(sync::EncodeMessage(message));
  }

 private:
  bool OnFrame(const crdt::Bytes& frame, Heard& heard) override {
    OnMessage(frame, heard);
    return true;
  }
};

class HocuspocusSpeaker final : public Speaker {
 public:
  using Speaker::Speaker;
  void Enter(const std::string& room, const std::string& token) override {
    EXPECT_TRUE(socket.Upgrade("/"));
    room_ = room;
    crdt::ByteWriter writer = Under();
    writer.WriteVarUint(2);  // auth
    writer.WriteVarUint(0);  // a token
    writer.WriteString(token);
    socket.SendMessage(writer.Take());
  }
  void Say(const sync::Message& message) override {
    crdt::ByteWriter writer = Under();
    writer.WriteBytes(sync::EncodeMessage(message));
    socket.SendMessage(writer.Take());
  }

 private:
  crdt::ByteWriter Under() const {
    crdt::ByteWriter writer;
    writer.WriteString(room_);
    return writer;
  }
  bool OnFrame(const crdt::Bytes& frame, Heard& heard) override {
    crdt::ByteReader reader(frame);
    EXPECT_EQ(reader.ReadString(), room_);
    const crdt::ByteView rest = crdt::ByteView(frame).subspan(reader.offset());
    if (rest[0] == 2 && rest[1] == 1) {  // denied, or ended
      reader.ReadVarUint();
      reader.ReadVarUint();
      heard.code = 1;
      heard.reason = std::string(reader.ReadString());
      return false;
    }
    if (rest[0] == 8) {
      heard.denied = heard.denied || rest[1] == 0;
    } else if (rest[0] == 0 || rest[0] == 1) {
      OnMessage(rest, heard);
    }
    return true;
  }

  std::string room_;
};

class WeftV1Speaker final : public Speaker {
 public:
  using Speaker::Speaker;
  void Enter(const std::string& room, const std::string& token) override {
    EXPECT_TRUE(
        socket.Upgrade("/any", "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: weft.v1\r\n"));
    Send(sync::weft_v1::Hello{.client = "test", .token = token});
    const crdt::Bytes nothing = crdt::EncodeStateVector({});
    Send(
        sync::weft_v1::Join{.room = room, .place = {}, .credit = 1 << 20, .state_vector = nothing});
    // What is said before there is credit is against the rules; the answer to Join is that of the
    // first question.
    asked_ = true;
  }
  void Say(const sync::Message& message) override {
    if (std::exchange(asked_, false) && std::holds_alternative<sync::SyncStep1>(message)) return;
    const crdt::Bytes bytes = sync::EncodeMessage(message);
    Send(sync::weft_v1::Data{.message = bytes});
  }
  void ShowToken(const std::string& token) { Send(sync::weft_v1::Auth{.token = token}); }

 private:
  void Send(const sync::weft_v1::Message& message) {
    socket.SendMessage(sync::weft_v1::EncodeMessage(message));
  }
  bool OnFrame(const crdt::Bytes& frame, Heard& heard) override {
    const auto message = sync::weft_v1::DecodeMessage(frame);
    EXPECT_TRUE(message.ok()) << message.status();
    const auto end = [&heard](std::uint64_t code, std::string_view reason) {
      heard.code = static_cast<int>(code);
      heard.reason = std::string(reason);
      return false;
    };
    if (const auto* refused = std::get_if<sync::weft_v1::Refused>(&*message)) {
      return end(refused->code, refused->reason);
    }
    if (const auto* left = std::get_if<sync::weft_v1::Left>(&*message))
      return end(left->code, left->reason);
    if (const auto* closing = std::get_if<sync::weft_v1::Closing>(&*message)) {
      return end(closing->code, closing->reason);
    }
    if (const auto* data = std::get_if<sync::weft_v1::Data>(&*message))
      OnMessage(data->message, heard);
    heard.denied = heard.denied || std::holds_alternative<sync::weft_v1::Nack>(*message);
    return true;
  }

  bool asked_ = false;
};

// The dialects that there are.
struct Dialects {
  std::string name;
  std::function<std::unique_ptr<Speaker>(std::uint16_t port)> make;
};
inline std::vector<Dialects> AllDialects() {
  return {{"y-websocket", [](auto port) { return std::make_unique<YWebsocketSpeaker>(port); }},
          {"hocuspocus", [](auto port) { return std::make_unique<HocuspocusSpeaker>(port); }},
          {"weft.v1", [](auto port) { return std::make_unique<WeftV1Speaker>(port); }}};
}

}  // namespace weft::server
