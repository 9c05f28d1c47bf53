#pragma once

// Two people who write in one room: whatever else goes on, a word of the one reaches the other.

#include <string>
#include <variant>

#include "absl/strings/str_cat.h"
#include "crdt/doc.h"
#include "sync/message.h"
#include "tests/server/tcp_client.h"

namespace weft::server {

class TwoPeople {
 public:
  // `joined` says whether both are in the room.
  TwoPeople(std::uint16_t port, const std::string& room) : ann_(port), bob_(port) {
    joined = ann_.Upgrade("/" + room) && bob_.Upgrade("/" + room);
  }

  // Ann writes a word, Bob waits for it. Empty, or what went wrong.
  std::string Exchange() {
    crdt::Text text = anns_.GetText("content");
    const crdt::StateVector before = anns_.GetStateVector();
    const std::string word = absl::StrCat("word", ++words_, " ");
    if (text.length() > 1'000) text.Delete(0, text.length());
    text.Insert(text.length(), word);
    const crdt::Bytes update = anns_.EncodeStateAsUpdate(before);
    if (!ann_.SendMessage(sync::EncodeMessage(sync::Update{update}))) return "Ann was closed";
    while (bobs_.GetText("content").ToString().find(word) == std::string::npos) {
      const std::string wrong = Read();
      if (!wrong.empty()) return wrong;
    }
    return {};
  }

  // Empties what Ann was sent, as an editor does that reads all the time.
  void LetAnnRead() { ann_.SkipReceived(); }

  const crdt::Doc& anns() const { return anns_; }
  crdt::Doc& anns() { return anns_; }
  crdt::Doc& bobs() { return bobs_; }
  TcpClient& ann() { return ann_; }

  bool joined = false;

 private:
  std::string Read() {
    const auto frame = bob_.ReadFrame();
    if (!frame) return "Bob hears nothing more";
    if (frame->opcode == Opcode::kClose) {
      return absl::StrCat("Bob was closed: ", frame->close_code(), " ", frame->close_reason());
    }
    if (frame->opcode == Opcode::kPing) bob_.SendFrame(Opcode::kPong, frame->payload);
    const auto message = sync::DecodeMessage(frame->payload);
    if (!message.ok()) return {};
    // Whoever fell behind is told everything anew.
    crdt::ByteView news;
    if (const auto* update = std::get_if<sync::Update>(&*message)) news = update->update;
    if (const auto* all = std::get_if<sync::SyncStep2>(&*message)) news = all->update;
    if (!news.empty() && !bobs_.ApplyUpdate(news).ok()) return "Bob received what is no update";
    return {};
  }

  TcpClient ann_;
  TcpClient bob_;
  crdt::Doc anns_;
  crdt::Doc bobs_;
  int words_ = 0;
};

}  // namespace weft::server
