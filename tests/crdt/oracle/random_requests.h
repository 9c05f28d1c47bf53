#pragma once

// Random requests to the driver (crdt/driver/driver.h), on a network of documents: edits of every
// type, deliveries in any order and number, synchronisation, undo, snapshots, positions, observers,
// work on updates.
//
// A scenario is a list of numbers. The first says what kind of network it is; each other one is a
// step, whose requests depend on that number and on what the documents hold at the time, so that a
// scenario stays one when steps are taken out of it. After each step come the requests that look at
// what it changed.

#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/any.h"
#include "crdt/doc.h"

namespace weft::crdt::oracle {

using Scenario = std::vector<std::uint64_t>;

// The same scenario for the same seed, everywhere.
Scenario RandomScenario(std::uint64_t seed);

class RandomRequests {
 public:
  // Asks the driver: the reply to a request.
  using Ask = std::function<Any(const AnyObject& request)>;
  // The document of that number, or null.
  using Find = std::function<Doc*(std::uint64_t number)>;

  // Opens the documents. `ask` and `find` must outlive this object.
  RandomRequests(std::uint64_t kind, const Ask& ask, const Find& find);

  void RunStep(std::uint64_t step);
  // Delivers every update to every document.
  void Settle(std::uint64_t step);

 private:
  // What kind of network it is.
  struct Profile {
    std::uint64_t replicas = 2;
    bool gc = true;
    bool both_formats = false;
    bool named_roots = true;  // from the start
    bool formats = false;
    bool embeds = false;
    bool subdocuments = false;
    bool undo = false;
    bool whole_undo = false;  // undo managers of whole documents too
    bool snapshots = false;
    bool watched = false;
    bool users = false;  // permanent user data
    std::uint64_t keep =
        0;  // of items whose clock is a multiple, gc leaves the content; 0: of none
    std::uint64_t depth = 0;  // of nested types
    std::uint64_t remove_percent = 30;
    std::vector<std::pair<std::string, std::string>> roots;  // name and kind
  };

  // A shared type of a document and the way to it.
  struct Place {
    std::string root;
    std::string root_kind;
    Any::Array path;
    SharedType type;
  };

  std::uint64_t Below(std::uint64_t bound) { return random_() % bound; }
  bool Chance(std::uint64_t percent) { return Below(100) < percent; }
  template <typename T>
  const T& Pick(const std::vector<T>& list) {
    return list[Below(list.size())];
  }

  void MakeProfile();
  void Open(std::uint64_t doc, std::uint64_t client);
  AnyObject Types() const;
  void LookAt(std::uint64_t doc);

  // -- Steps --
  void Edit(std::uint64_t doc);
  void Deliver(std::uint64_t doc);
  void Sync(std::uint64_t doc);
  void Reload(std::uint64_t doc);
  void WorkOnUpdates();
  void Undo(std::uint64_t doc);
  void UseSnapshots(std::uint64_t doc);
  void UsePositions(std::uint64_t doc);
  void UseUsers(std::uint64_t doc);
  void Watch(std::uint64_t doc);
  void ReadSomething(std::uint64_t doc);
  void AskSomethingWrong(std::uint64_t doc);
  void ApplyUpdate(std::uint64_t doc, const Any& update, int format);

  // -- Actions --
  Any MakeAction(std::uint64_t doc);
  void EditText(const Text& text, AnyObject& action);
  void EditArray(const Array& array, AnyObject& action);
  void EditMap(const Map& map, AnyObject& action);
  void EditXml(const XmlFragment& fragment, AnyObject& action);
  void RemoveRange(std::uint64_t length, AnyObject& action);
  std::uint64_t MakeIndex(std::uint64_t length);
  // The same for a place in a text where formatting may begin or end.
  std::uint64_t MakeWholeIndex(const Text& text, std::uint64_t from = 0);

  // -- Values --
  std::string MakeWords();
  Any MakeValue(int depth);
  Any MakeContent(std::uint64_t depth);
  Any MakeNode(std::uint64_t depth);
  Any MakeAttributes();
  Any MakeDelta(std::uint64_t length);  // for a text of that length

  std::vector<Place> PlacesOf(std::uint64_t doc);
  AnyObject PlaceMembers(const Place& place);
  const Any& PickUpdate(int& format);
  // Those that a reply tells of can be delivered from now on.
  void KeepUpdates(const Any& reply);

  const Ask& ask_;
  const Find& find_;
  std::mt19937_64 random_;
  Profile profile_;
  std::vector<Any> updates_;     // base64, format v1, emitted by edits
  std::vector<Any> updates_v2_;  // base64, format v2, of anything
  std::vector<Any> made_;        // base64, format v1, made of others
  std::vector<Any> vectors_;     // base64, state vectors
  std::vector<Any> snapshots_;   // base64, format v1
  std::vector<Any> positions_;   // base64
  std::map<std::uint64_t, bool> has_undo_;
  std::map<std::uint64_t, bool> has_users_;
  std::uint64_t last_index_ = 0;
  bool is_first_action_ = true;  // of an edit: the documents are as they will be for it
  std::uint64_t now_ms_ = 1000;
  std::uint64_t clients_ = 7'000'000;
  std::uint64_t subdocuments_made_ = 0;
  std::uint64_t snapshot_docs_ = 0;
};

}  // namespace weft::crdt::oracle
