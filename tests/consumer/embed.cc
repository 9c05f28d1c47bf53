#include <iostream>

#include "crdt/doc.h"

int main() {
  weft::crdt::Doc ours, theirs;
  weft::crdt::Text text = ours.GetText("content");
  auto subscription = ours.OnUpdate([&](const weft::crdt::UpdateEvent& event) {
    // Or send it to any Yjs peer.
    absl::Status status = theirs.ApplyUpdate(event.update, "network");
    if (!status.ok()) std::cerr << status << "\n";
  });
  ours.Transact("typing", [&] { text.Insert(0, "Hello"); });
  std::cout << theirs.GetText("content").ToString() << "\n";  // Hello
}
