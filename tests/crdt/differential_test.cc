// Weft against the real Yjs, live: the same requests to both drivers, every reply compared. Seeds are
// tried for a few seconds; WEFT_ORACLE_SEEDS says how many instead, WEFT_ORACLE_SECONDS for how long,
// WEFT_ORACLE_FIRST_SEED where to start.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <memory>
#include <optional>
#include <random>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "crdt/doc.h"
#include "crdt/driver/driver.h"
#include "crdt/json.h"
#include "crdt/value_language.h"
#include "tests/crdt/oracle/conversation.h"
#include "tests/crdt/oracle/isolated_run.h"
#include "tests/crdt/oracle/minimize.h"
#include "tests/crdt/oracle/random_requests.h"
#include "tests/crdt/oracle/yjs_process.h"

namespace weft::crdt::oracle {
namespace {

std::optional<std::uint64_t> NumberFromEnvironment(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr) return std::nullopt;
  return std::strtoull(text, nullptr, 10);
}

// One Yjs process serves all tests; it is started anew when it may be out of step.
class Oracle {
 public:
  // Null after a failure of the test.
  static YjsProcess* Get() {
    if (process_ != nullptr) return process_.get();
    absl::StatusOr<std::unique_ptr<YjsProcess>> started = YjsProcess::Start();
    if (!started.ok()) {
      ADD_FAILURE() << started.status();
      return nullptr;
    }
    process_ = *std::move(started);
    return process_.get();
  }
  static void Restart() { process_.reset(); }

 private:
  static std::unique_ptr<YjsProcess> process_;
};
std::unique_ptr<YjsProcess> Oracle::process_;

using Requests = std::vector<std::string>;

// What went wrong in a conversation, and how to have it again.
struct Finding {
  std::string difference;  // empty: nothing
  Requests requests;       // all of them, unless it crashed
};

constexpr std::string_view kEndOfDifference = "\nrequests:\n";

Requests LinesOf(std::string_view text) {
  Requests lines;
  std::istringstream stream{std::string(text)};
  for (std::string line; std::getline(stream, line);) {
    line.erase(0, std::min(line.size(), line.find_first_not_of(' ')));
    if (line.starts_with('{')) lines.push_back(line);
  }
  return lines;
}

// Has `talk` with both in a fork of its own.
template <typename Talk>
Finding Converse(const Talk& talk, bool trace = false) {
  YjsProcess* yjs = Oracle::Get();
  if (yjs == nullptr) return {.difference = "there is no oracle", .requests = {}};
  const IsolatedResult result = RunIsolated([&] {
    Conversation conversation(*yjs, trace);
    talk(conversation);
    std::string requests(kEndOfDifference);
    for (const std::string& request : conversation.Requests()) requests += request + "\n";
    const absl::StatusOr<std::string> difference = conversation.FirstDifference();
    if (!difference.ok()) return difference.status().ToString() + requests;
    return difference->empty() ? "" : *difference + requests;
  });
  if (!result.finished) {
    Oracle::Restart();
    Finding crash{"the program crashed or hung:\n", {}};
    std::istringstream lines(result.text);
    for (std::string line; std::getline(lines, line);) {
      (line.starts_with(R"({"op")") ? crash.requests.emplace_back() : crash.difference) +=
          line + "\n";
    }
    for (std::string& request : crash.requests) request.pop_back();
    return crash;
  }
  const std::size_t end = result.text.find(kEndOfDifference);
  if (end == std::string::npos) return {.difference = result.text, .requests = {}};
  return {.difference = result.text.substr(0, end),
          .requests = LinesOf(std::string_view(result.text).substr(end))};
}

Finding Try(const Requests& requests) {
  return Converse([&](Conversation& conversation) {
    for (const std::string& request : requests) conversation.Ask(request);
  });
}

Finding Try(const Scenario& scenario, bool trace = false) {
  return Converse(
      [&](Conversation& conversation) {
        const RandomRequests::Ask ask = [&](const AnyObject& request) {
          return conversation.AskObject(request);
        };
        const RandomRequests::Find find = [&](std::uint64_t number) {
          return conversation.driver().Find(number);
        };
        RandomRequests random(scenario.front(), ask, find);
        for (std::size_t i = 1; i + 1 < scenario.size(); ++i) random.RunStep(scenario[i]);
        if (scenario.size() > 1 && scenario.back() != 0) random.Settle(scenario.back());
      },
      trace);
}

bool Fails(const Requests& requests) { return !Try(requests).difference.empty(); }

// `requests` with each list of actions made as short as it may be.
Requests WithFewerActions(Requests requests) {
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const std::optional<Any> request = ParseJson(requests[i], 1000);
    const Any* actions = request ? request->AsObject()->Find("actions") : nullptr;
    if (actions == nullptr || actions->AsArray() == nullptr) continue;
    const auto with = [&](const Any::Array& fewer) {
      AnyObject changed = *request->AsObject();
      changed.Set("actions", fewer);
      Requests result = requests;
      result[i] = ToJsonText(changed);
      return result;
    };
    if (actions->AsArray()->size() < 2) continue;
    requests = with(
        Minimize(*actions->AsArray(), [&](const Any::Array& fewer) { return Fails(with(fewer)); }));
  }
  return requests;
}

Requests Minimized(Requests requests) {
  requests = Minimize(std::move(requests), [](const Requests& fewer) { return Fails(fewer); });
  requests = WithFewerActions(std::move(requests));
  return Minimize(std::move(requests), [](const Requests& fewer) { return Fails(fewer); });
}

void Report(const Requests& requests, const std::string& difference) {
  std::string text;
  for (const std::string& request : requests) text += request + "\n";
  ADD_FAILURE() << "weft and Yjs differ on these requests, which ExpectAgreement repeats:\n"
                << text << "\nthere:\n"
                << difference;
}

// Runs requests, a line each, on both.
void ExpectAgreement(std::string_view requests) {
  const Finding finding = Try(LinesOf(requests));
  if (!finding.difference.empty()) Report(LinesOf(requests), finding.difference);
}

void ExpectAgreement(Scenario scenario) {
  if (Try(scenario).difference.empty()) return;
  // The first number stays; the last is 0 where nothing has to settle.
  const std::uint64_t kind = scenario.front();
  const auto whole = [&](std::vector<std::uint64_t> steps, std::uint64_t settle) {
    steps.insert(steps.begin(), kind);
    steps.push_back(settle);
    return steps;
  };
  const auto fails = [&](const Scenario& steps) { return !Try(steps).difference.empty(); };
  std::uint64_t settle = scenario.back();
  std::vector<std::uint64_t> steps(scenario.begin() + 1, scenario.end() - 1);
  if (fails(whole(steps, 0))) settle = 0;
  steps = Minimize(
      steps, [&](const std::vector<std::uint64_t>& fewer) { return fails(whole(fewer, settle)); });
  const Requests requests = Try(whole(steps, settle), /*trace=*/true).requests;
  const Requests fewest = Minimized(requests);
  Report(fewest, Try(fewest).difference);
}

// -- What random requests have found, and what they avoid -----------------------------------------------

// What an undo brings back keeps everything that it stands in from being collected, too.
TEST(Differential, WhatIsBroughtBackKeepsWhatItStandsIn) {
  ExpectAgreement(R"(
{"op":"new","doc":0,"clientID":9007199254740991,"gc":true,"both":false}
{"op":"edit","doc":0,"now":1500,"actions":[{"name":"xmlelement","kind":"xmlelement","op":"xml.insert","index":0,"node":{"text":"cd"}}]}
{"op":"edit","doc":0,"now":3600,"origin":"b","actions":[{"name":"xmlelement","kind":"xmlelement","op":"xml.insert","index":1,"node":{"element":"p","attrs":{"ключ":" 😀"},"children":[{"text":"\ncd"},{"text":"efg"}]}}]}
{"op":"edit","doc":0,"now":5601,"actions":[{"name":"xmlelement","kind":"xmlelement","op":"xml.insert","index":0,"node":{"text":""}}]}
{"op":"edit","doc":0,"now":5601,"actions":[{"name":"xmlelement","kind":"xmlelement","op":"xml.insert","index":3,"node":{"text":"👩‍👧"}}]}
{"op":"undo.new","doc":0,"manager":1,"scope":[{"name":"array","kind":"array"},{"name":"map","kind":"map"},{"name":"xml","kind":"xmlfragment"},{"name":"xmltext","kind":"xmltext"},{"name":"xmlelement","kind":"xmlelement"}]}
{"op":"edit","doc":0,"now":6701,"actions":[{"name":"xmlelement","path":[3],"op":"text.delete","index":2,"len":1}]}
{"op":"edit","doc":0,"now":7700,"actions":[{"name":"xmlelement","path":[3],"op":"text.delta","delta":[{"insert":"中文","attributes":{"color":"blue","bold":true}},{"insert":"a","attributes":{"italic":null,"color":null}},{"retain":1},{"insert":"0123456789","attributes":{"color":"red"}}],"sanitize":false}]}
{"op":"undo.undo","doc":0,"manager":1,"now":7800}
{"op":"edit","doc":0,"now":7900,"actions":[{"name":"map","kind":"map","key":"b","op":"map.set","value":[{"$undefined":true},{"$bigint":"-4611686018427387905"},{"$number":"NaN"},{"$number":"-0"},{"$number":"-Infinity"}]}]}
{"op":"undo.undo","doc":0,"manager":1,"now":8000}
{"op":"undo.undo","doc":0,"manager":1,"now":10000}
{"op":"apply","doc":0,"update":"AAAAAAAAAQAAAAAAAf////////8PAQAr","v":2,"origin":"remote","now":10499}
{"op":"state","doc":0}
)");
}

TEST(Differential, AnUndoBringsItemsBackInTheOrderInWhichDeletingAnElementTookThem) {
  ExpectAgreement(R"(
    {"op":"new","doc":0,"clientID":9}
    {"op":"new","doc":1,"clientID":5}
    {"op":"json","doc":0,"types":{"x":"xmlfragment"}}
    {"op":"json","doc":1,"types":{"x":"xmlfragment"}}
    {"op":"edit","doc":0,"actions":[{"op":"xml.insert","name":"x","index":0,"node":{"element":"p","children":[{"text":"a"}]}}]}
    {"op":"apply","doc":1,"update":"AQMJAAcBAXgDAXAHAAkABgQACQEBYQA="}
    {"op":"edit","doc":1,"actions":[{"op":"text.insert","name":"x","path":[0,0],"index":1,"text":"b"}]}
    {"op":"apply","doc":0,"update":"AQEFAIQJAgFiAA=="}
    {"op":"new","doc":2,"clientID":7}
    {"op":"json","doc":2,"types":{"x":"xmlfragment"}}
    {"op":"apply","doc":2,"update":"AQMJAAcBAXgDAXAHAAkABgQACQEBYQA="}
    {"op":"apply","doc":2,"update":"AQEFAIQJAgFiAA=="}
    {"op":"edit","doc":2,"actions":[{"op":"xml.insert","name":"x","path":[0],"index":1,"node":{"text":"c"}}]}
    {"op":"undo.new","doc":2,"manager":1,"scope":[{"name":"x"}]}
    {"op":"edit","doc":2,"actions":[{"op":"xml.delete","name":"x","index":0,"len":1}]}
    {"op":"undo.undo","doc":2,"manager":1}
    {"op":"state","doc":2})");
}

TEST(Differential, FormatsAreCleanedUpAfterRemoteDeletionsInTheOrderOfTheDeletions) {
  ExpectAgreement(R"(
    {"op":"new","doc":0,"clientID":300}
    {"op":"edit","doc":0,"actions":[{"name":"text","op":"text.delta","delta":[{"insert":"x👨🏽y"},{"insert":" b"}]}]}
    {"op":"apply","doc":0,"update":"AAMAAwcD/wEYDQADAkQIAwAUAlZEJAIHBgEDDEQBABUGAIYAhAGGAcYBxAHGAcQAxgDEAMZXRXRleHRjb2xvcmJvbGRjZGNvbG9yYm9sZGNvbG9yYm9sZGhlbGxvIHdvcmxkY29sb3Jib2xkCX8KaXRhbGljYml0YWxpYwQFBEEABQQFBAEKBQQDBgEGAQEAAAEQAHcEYmx1ZXh+fn5+dwRibHVleHl+AawCAQQC","v":2}
    {"op":"edit","doc":0,"actions":[{"name":"text","op":"text.format","index":1,"len":1,"attrs":{"italic":true}},{"name":"text","op":"text.insert","index":0,"text":"0123456789","attrs":{}}]}
    {"op":"apply","doc":0,"update":"AAAK/wEDrAT/AQKsBAU2AkJuEAYBAKABaG4FQQDBA4QdGwoKCgoKCgoKCgplZmcKCgoKCgoKCgoKCgoKChsAAAVBAAILAwEGGwKsAgMAAQICEhd/AQAs","v":2}
    {"op":"state","doc":0})");
}

TEST(Differential, AnUndoTakesWhatSeveralClientsInsertedInTheOrderInWhichTheDocumentMetThem) {
  ExpectAgreement(R"(
    {"op":"new","doc":3,"clientID":4294967296}
    {"op":"undo.new","doc":3,"manager":1,"scope":[{"name":"text","kind":"text"}]}
    {"op":"apply","doc":3,"update":"AgQDAAEBBHRleHQBhAMAAmVshAMCAmxvhAMEBiB3b3JsZAYBAMQDBAMFAiJcxAEBAwUEL2VmZ8QDAgMDBCBlZmfEAQEBAgFjxAEKAQIBZMQBCgELA2VmZwEDAQAB"}
    {"op":"undo.undo","doc":3,"manager":1}
    {"op":"undo.redo","doc":3,"manager":1}
    {"op":"state","doc":3})");
}

TEST(Differential, HalvesOfASurrogatePairJoinInXml) {
  // A fragment that holds the characters of a text.
  ExpectAgreement(R"(
    {"op":"new","doc":0,"clientID":9}
    {"op":"apply","doc":0,"update":"AQGAgICACAAEAQN4bWwLePCfkajwn4+9eWIA"}
    {"op":"json","doc":0,"types":{"xml":"xmlfragment"}})");
}

TEST(Differential, ATextThatIsNamedLateIsNotCleanedUpForTheFormatsThatCameBefore) {
  ExpectAgreement(R"(
    {"op":"new","doc":0,"clientID":9}
    {"op":"apply","doc":0,"update":"AQT/////DwAEAQd4bWx0ZXh0ATGB/////w8AAUb/////DwAGaXRhbGljBHRydWXG/////w8A/////w8BBml0YWxpYwRudWxsAf////8PAQEB"}
    {"op":"edit","doc":0,"actions":[{"op":"text.insert","name":"xmltext","index":1,"text":"efg"}]}
    {"op":"apply","doc":0,"update":"AAH/////DwEAAQ=="}
    {"op":"state","doc":0})");
}

TEST(Differential, NamingARootOfElementsIsAnEmptyTransaction) {
  for (const char* kind : {"array", "map", "text", "xmlfragment", "xmlelement", "xmltext"}) {
    ExpectAgreement(absl::StrCat(R"(
{"op":"new","doc":0,"clientID":65535}
{"op":"undo.new","doc":0,"manager":1,"captureTimeout":0}
{"op":"json","doc":0,"types":{"root":")",
                                 kind, R"("}}
{"op":"undo.stop","doc":0,"manager":1}
)"));
  }
}

TEST(Differential, ASnapshotThatCannotBeShownIsAnEmptyTransaction) {
  ExpectAgreement(R"(
{"op":"new","doc":0,"clientID":300,"gc":false}
{"op":"undo.new","doc":0,"manager":1}
{"op":"snapshot.doc","doc":0,"snapshot":"AAH/////Dwc=","as":100,"clientID":7000001,"gc":true}
{"op":"undo.stop","doc":0,"manager":1}
)");
}

// Pieces of one run that overlap, in every order: where what waits is cut depends on it.
TEST(Differential, OverlappingUpdatesWaitInTheCutsOfYjs) {
  Doc doc(Doc::Options{.client_id = ClientId{7}});
  const auto piece = [&](std::uint64_t begin, std::uint64_t end) {
    Text text = doc.GetText("text");
    if (text.length() < end) text.Insert(text.length(), std::string(end - text.length(), 'x'));
    StateVector known;
    known.Set(ClientId{7}, begin);
    return ToBase64(doc.EncodeStateAsUpdate(known));
  };
  doc.GetText("text").Insert(0, "ab");
  std::vector<std::string> pieces = {piece(1, 6), piece(4, 9), piece(5, 11), piece(14, 16)};
  std::ranges::sort(pieces);
  do {
    std::string requests = R"({"op":"new","doc":0,"clientID":1})"
                           "\n";
    for (const std::string& update : pieces) {
      absl::StrAppend(&requests, R"({"op":"apply","doc":0,"update":")", update, "\"}\n");
    }
    absl::StrAppend(&requests, R"({"op":"state","doc":0})", "\n");
    ExpectAgreement(requests);
  } while (std::ranges::next_permutation(pieces).found);
}

// Many clients, most of whom knew little of each other, insert at a few places; a document that
// hears of it in any order puts it where Yjs puts it.
TEST(Differential, CrowdsAtOnePlaceStandInTheOrderOfYjs) {
  for (std::uint32_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    std::minstd_rand random(seed);
    const auto below = [&](std::size_t bound) { return random() % bound; };
    std::vector<Bytes> updates;
    Doc base(Doc::Options{.client_id = ClientId{1'000'000}});
    base.GetText("text").Insert(0, "abc");
    updates.push_back(base.EncodeStateAsUpdate());
    std::vector<std::size_t> clients(400);
    for (std::size_t i = 0; i < clients.size(); ++i) clients[i] = i + 1;
    std::ranges::shuffle(clients, random);
    std::size_t client_number = 0;
    std::size_t crowd = 0;  // updates of those who knew of nobody
    for (const std::size_t client : clients) {
      Doc doc(Doc::Options{.client_id = ClientId{client}});
      ASSERT_TRUE(doc.ApplyUpdate(updates.front()).ok());
      // The first half knows of nobody.
      const bool is_late = client_number++ >= clients.size() / 2;
      const bool listens = is_late && below(2) == 0;
      if (!is_late) crowd = updates.size() + 1;
      for (std::size_t heard = listens ? below(20) : 0; heard > 0; --heard) {
        ASSERT_TRUE(doc.ApplyUpdate(updates[below(updates.size())]).ok());
      }
      for (std::size_t edits = listens ? 1 + below(3) : 1; edits > 0; --edits) {
        Text text = doc.GetText("text");
        const StateVector before = doc.GetStateVector();
        switch (below(6)) {
          case 0:
            doc.GetMap("map").Set("key", static_cast<double>(client));
            break;
          case 1:
            doc.GetArray("array").Insert(0, {Any(static_cast<double>(client))});
            break;
          case 2:
            if (text.length() > 0) text.Delete(below(text.length()), 1);
            break;
          default:
            text.Insert(below(5) == 0 ? below(text.length() + 1) : 0, "xy");
        }
        updates.push_back(doc.EncodeStateAsUpdate(before));
      }
    }
    std::string requests = R"({"op":"new","doc":0,"clientID":2000000})"
                           "\n";
    // Sometimes the crowd is there before those who know of it come.
    const auto middle = updates.begin() + static_cast<std::ptrdiff_t>(crowd);
    std::shuffle(updates.begin(), seed % 2 == 0 ? middle : updates.end(), random);
    std::shuffle(middle, updates.end(), random);
    for (const Bytes& update : updates) {
      absl::StrAppend(&requests, R"({"op":"apply","doc":0,"update":")", ToBase64(update), "\"}\n");
    }
    absl::StrAppend(&requests, R"({"op":"state","doc":0})", "\n",
                    R"({"op":"json","doc":0,"types":{"text":"text","array":"array","map":"map"}})",
                    "\n");
    ExpectAgreement(requests);
  }
}

// What waits is tried again when one of the clients that it was seen to wait for moves on, and not
// for what else it turned out to need: so it may wait on though all of it is there.
TEST(Differential, SomethingMayWaitUntilTheNextUpdateThoughAllOfItIsThere) {
  ExpectAgreement(R"(
    {"op":"new","doc":0,"clientID":1004}
    {"op":"apply","doc":0,"update":"AQHoBwAEAQF0AsOpAA=="}
    {"op":"apply","doc":0,"update":"AQHoBwbEAQUBAATwn5iAAegHAQMD"}
    {"op":"apply","doc":0,"update":"AQH/////////DwGE/////////w8AAmFhAA=="}
    {"op":"apply","doc":0,"update":"AQYBDsToBwH/////////DwAFaGVsbG9HAQEABwABEwEnAAEUAW4CBAABFQZuZXN0ZWSE/////////w8CBPCfmIAA"}
    {"op":"apply","doc":0,"update":"AQHoBwGE6AcAA+KCrAA="}
    {"op":"apply","doc":0,"update":"AQHoBwLIAQEBAgR9GXcBdn0QdwF2AA=="}
    {"op":"apply","doc":0,"update":"AQH/////////DwAEAQF0AWEA"}
    {"op":"apply","doc":0,"update":"AQMBAAQBAXQCw6kIAQFhAn2TAXcBdkQBAAN4eXoA"}
    {"op":"apply","doc":0,"update":"AQQBBsToBwboBwcFaGVsbG8nAQFtAWMACAABCwF4gwEMAgECAA=="}
    {"op":"pending","doc":0}
    {"op":"state","doc":0}
    {"op":"apply","doc":0,"update":"AQHoBwAEAQF0AsOpAA=="}
    {"op":"apply","doc":0,"update":"AQHoBwbEAQUBAATwn5iAAegHAQMD"}
    {"op":"apply","doc":0,"update":"AQH/////////DwGE/////////w8AAmFhAA=="}
    {"op":"apply","doc":0,"update":"AQYBDsToBwH/////////DwAFaGVsbG9HAQEABwABEwEnAAEUAW4CBAABFQZuZXN0ZWSE/////////w8CBPCfmIAA"}
    {"op":"apply","doc":0,"update":"AQHoBwGE6AcAA+KCrAA="}
    {"op":"apply","doc":0,"update":"AQHoBwLIAQEBAgR9GXcBdn0QdwF2AA=="}
    {"op":"apply","doc":0,"update":"AQH/////////DwAEAQF0AWEA"}
    {"op":"apply","doc":0,"update":"AQMBAAQBAXQCw6kIAQFhAn2TAXcBdkQBAAN4eXoA"}
    {"op":"apply","doc":0,"update":"AQQBBsToBwboBwcFaGVsbG8nAQFtAWMACAABCwF4gwEMAgECAA=="}
    {"op":"pending","doc":0}
    {"op":"state","doc":0})");
}

// A filter is asked about what was typed in one transaction piece by piece.
TEST(Differential, AFilterOfCollectionIsAskedAboutItemsBeforeTheyMerge) {
  ExpectAgreement(R"(
    {"op":"new","doc":0,"clientID":2,"keep":2}
    {"op":"edit","doc":0,"actions":[{"op":"text.insert","name":"t","index":0,"text":"abc"}]}
    {"op":"edit","doc":0,"actions":[{"op":"text.insert","name":"t","index":3,"text":"d"},{"op":"text.insert","name":"t","index":4,"text":"e"},{"op":"text.delete","name":"t","index":1,"len":4}]}
    {"op":"state","doc":0})");
}

TEST(Differential, ToInsertNothingIntoARunCutsItUntilTheTransactionEnds) {
  ExpectAgreement(R"(
    {"op":"new","doc":0,"clientID":2,"keep":4}
    {"op":"edit","doc":0,"actions":[{"op":"array.insert","name":"a","index":0,"values":[1,2]}]}
    {"op":"edit","doc":0,"actions":[{"op":"array.insert","name":"a","index":1,"values":[]},{"op":"array.delete","name":"a","index":0,"len":2}]}
    {"op":"state","doc":0})");
}

// Two documents make the same user at once: one of the two has to take the other's, and records
// there what it knows. Who deleted what both deleted depends on who became known first.
TEST(Differential, AUserWhomTwoMadeIsOneUser) {
  driver::Driver driver;
  std::string requests;
  const auto ask = [&](const std::string& request) {
    absl::StrAppend(&requests, request, "\n");
    return driver.Answer(request);
  };
  const auto exchange = [&] {
    for (const auto& [to, from] : {std::pair(1, 0), std::pair(0, 1), std::pair(1, 0)}) {
      const std::string state = ask(absl::StrCat(R"({"op":"state","doc":)", from, "}"));
      ask(absl::StrCat(R"({"op":"apply","doc":)", to, ",", state.substr(1)));
      ask(absl::StrCat(R"({"op":"state","doc":)", to, "}"));
    }
  };
  const auto remove = [&](int doc, int index) {
    ask(absl::StrCat(R"({"op":"edit","doc":)", doc,
                     R"(,"actions":[{"op":"text.delete","name":"t","index":)", index,
                     R"(,"len":2}]})"));
  };
  for (const int doc : {0, 1}) {
    ask(absl::StrCat(R"({"op":"new","doc":)", doc, R"(,"clientID":)", doc + 1, "}"));
    ask(absl::StrCat(R"({"op":"users.new","doc":)", doc, "}"));
  }
  ask(R"({"op":"edit","doc":0,"actions":[)"
      R"({"op":"text.insert","name":"t","index":0,"text":"once upon a time"}]})");
  exchange();
  for (const int doc : {0, 1}) {
    ask(absl::StrCat(R"({"op":"users.map","doc":)", doc, R"(,"user":"ada"})"));
    ask(absl::StrCat(R"({"op":"users.map","doc":)", doc, R"(,"user":"of )", 1 - doc,
                     R"(","clientID":)", doc + 10, "}"));
    remove(doc, 3 * doc);
    remove(doc, 4);
  }
  exchange();
  remove(0, 0);
  exchange();
  for (const int doc : {0, 1}) {
    for (const int client : {1, 2, 10, 11}) {
      ask(absl::StrCat(R"({"op":"users.who","doc":)", doc, R"(,"clientID":)", client, "}"));
    }
    for (int clock = 0; clock < 16; ++clock) {
      ask(absl::StrCat(R"({"op":"users.who","doc":)", doc, R"(,"id":[1,)", clock, "]}"));
    }
  }
  ExpectAgreement(requests);
}

TEST(Differential, WeftAndYjsAnswerTheSameToRandomRequests) {
  using std::chrono::steady_clock;
  const std::uint64_t first = NumberFromEnvironment("WEFT_ORACLE_FIRST_SEED").value_or(1);
  const auto seconds = NumberFromEnvironment("WEFT_ORACLE_SECONDS");
  const auto end = steady_clock::now() + std::chrono::seconds(seconds.value_or(0));
  const std::uint64_t count =
      NumberFromEnvironment("WEFT_ORACLE_SEEDS")
          .value_or(seconds ? std::numeric_limits<std::uint64_t>::max() : 100);
  std::uint64_t tried = 0;
  while (tried < count && !HasFailure() && (!seconds || steady_clock::now() < end)) {
    SCOPED_TRACE("seed " + std::to_string(first + tried));
    ExpectAgreement(RandomScenario(first + tried));
    ++tried;
  }
  if (seconds)
    std::printf("%llu seeds from %llu on\n", static_cast<unsigned long long>(tried),
                static_cast<unsigned long long>(first));
}

}  // namespace
}  // namespace weft::crdt::oracle
