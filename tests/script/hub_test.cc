#include "server/script/hub.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>

#include "crdt/json.h"

namespace weft::server::script {
namespace {

using crdt::Any;
using crdt::AnyObject;

Any Parse(std::string_view text) { return crdt::ParseJson(text, 32).value(); }
const Any& At(const Any& object, std::string_view name) {
  static const Any nothing;
  const AnyObject* const members = object.AsObject();
  const Any* const found = members == nullptr ? nullptr : members->Find(name);
  return found == nullptr ? nothing : *found;
}
std::string TextAt(const Any& object, std::string_view name) {
  const std::string* const text = At(object, name).AsString();
  return text == nullptr ? "" : *text;
}
using std::chrono::milliseconds;

constexpr lease::TimePoint kStart{std::chrono::hours(1)};
constexpr milliseconds kGrace{15'000};
constexpr ShowId kShow{1};
constexpr RevisionRoom kRoom{kShow, RevisionId{3}};

struct Said {
  std::string name;  // of the action, or of the operation where there is none
  Any data;
  Any whole;
};

// Tokens are "id:name:role". Rooms answer when the test says so.
class World final : public HubServices {
 public:
  void Send(ConnectionId connection, std::string text) override {
    const Any whole = Parse(text);
    const std::string op = TextAt(whole, "OP");
    const std::string name = op == "NOOP" ? TextAt(whole, "ACTION") : op;
    said[connection].push_back({.name = name, .data = At(whole, "DATA"), .whole = whole});
    order.push_back(std::to_string(connection) + " " + name);
  }
  void Close(ConnectionId connection, std::string_view) override { closed.push_back(connection); }
  absl::StatusOr<User> Authenticate(ConnectionId, std::string_view token) override {
    if (token == "revoked") return absl::UnauthenticatedError("Revoked token");
    const std::size_t colon = token.find(':');
    if (colon == std::string_view::npos) {
      return absl::UnauthenticatedError("Invalid or expired token");
    }
    User user{.id = UserId{static_cast<std::uint64_t>(std::stoul(std::string(token)))},
              .username = "user" + std::string(token.substr(0, colon)),
              .admin = token.ends_with(":admin"),
              .roles = {}};
    if (token.ends_with(":write")) user.roles[kShow] = ShowRole::kWrite;
    return user;
  }
  std::string NewSecret() override { return "secret" + std::to_string(++secrets); }
  std::string NewUuid() override { return "uuid" + std::to_string(++uuids); }
  std::optional<Current> CurrentShow() override { return current; }
  bool HasRevision(const RevisionRoom& room) override { return Number(room.revision) < 10; }
  bool HasDraft(const RevisionRoom& room) override { return drafts.contains(room); }
  void Join(ConnectionId connection, const RevisionRoom& room, bool may_write) override {
    joining.emplace_back(connection, room);
    access[connection] = may_write;
  }
  void Leave(ConnectionId connection) override { access.erase(connection); }
  void SetAccess(ConnectionId connection, bool may_write) override {
    access[connection] = may_write;
  }
  void AskForDiff(ConnectionId connection, crdt::Bytes) override { asked.push_back(connection); }
  void Write(ConnectionId connection, crdt::Bytes update) override {
    written.emplace_back(connection, update);
  }
  void Save(const RevisionRoom& room, ConnectionId) override { saves.push_back(room); }
  void Discard(const RevisionRoom& room, ConnectionId) override { discards.push_back(room); }

  // The names of what a connection was told since the last time.
  std::vector<std::string> TakeNames(ConnectionId connection) {
    std::vector<std::string> names;
    for (const Said& one : std::exchange(said[connection], {})) names.push_back(one.name);
    return names;
  }

  std::optional<Current> current = Current{kShow, RevisionId{3}};
  std::map<ConnectionId, std::vector<Said>> said;
  std::vector<std::string> order;
  std::vector<std::pair<ConnectionId, RevisionRoom>> joining;
  std::map<ConnectionId, bool> access;  // of those in a room
  std::vector<ConnectionId> asked;
  std::vector<ConnectionId> closed;
  std::vector<std::pair<ConnectionId, crdt::Bytes>> written;
  std::vector<RevisionRoom> saves;
  std::vector<RevisionRoom> discards;
  std::set<RevisionRoom> drafts;
  int secrets = 0;
  int uuids = 0;
};

using Names = std::vector<std::string>;

class ScriptHub : public testing::Test {
 protected:
  void Say(ConnectionId connection, std::string_view op, std::string_view data = "{}") {
    hub.OnText(connection,
               R"({"OP":")" + std::string(op) + R"(","DATA":)" + std::string(data) + "}", now);
  }
  // Connected and, unless the token is empty, known.
  void Come(ConnectionId connection, const std::string& token = "") {
    hub.OnOpen(connection);
    if (!token.empty()) Say(connection, "AUTHENTICATE", R"({"token":")" + token + R"("})");
    world.TakeNames(connection);
  }
  void FinishJoins() {
    for (const auto& [connection, room] : std::exchange(world.joining, {})) {
      hub.OnJoined(connection, {.state = crdt::AsBytes("state"),
                                .state_vector = crdt::AsBytes("vector"),
                                .generation = 7});
    }
  }
  void Join(ConnectionId connection, std::string_view data = "{}") {
    Say(connection, "JOIN_SCRIPT_ROOM", data);
    FinishJoins();
  }
  void Edit(ConnectionId connection) {
    Say(connection, "REQUEST_SCRIPT_EDIT");
    ASSERT_TRUE(hub.leases().Holds(connection, "edit"));
  }
  // 1, who edits, and 2 are in a room of a hub of its own.
  void LetTwoIn(Hub& other) const {
    for (const ConnectionId connection : {1, 2}) {
      other.OnOpen(connection);
      other.OnText(connection, R"({"OP":"AUTHENTICATE","DATA":{"token":"1:write"}})", now);
    }
    other.OnText(1, R"({"OP":"REQUEST_SCRIPT_EDIT"})", now);
    for (const ConnectionId connection : {1, 2}) {
      other.OnText(connection, R"({"OP":"JOIN_SCRIPT_ROOM","DATA":{}})", now);
      other.OnJoined(connection, {});
    }
  }
  void Forget() {
    for (auto& [connection, all] : world.said) all.clear();
    world.order.clear();
  }
  std::string ReasonTo(ConnectionId connection) {
    for (const Said& one : world.said[connection]) {
      if (one.name == "REQUEST_EDIT_FAILURE") return TextAt(one.data, "reason");
    }
    return "";
  }
  std::string ErrorTo(ConnectionId connection) {
    for (const Said& one : world.said[connection]) {
      if (one.name == "COLLAB_ERROR") return TextAt(one.data, "error");
    }
    return "";
  }
  // What the last ROOM_MEMBERS said: "user1 editor, Unknown viewer".
  std::string MembersTo(ConnectionId connection) {
    std::string text;
    for (const Said& one : world.said[connection]) {
      if (one.name != "ROOM_MEMBERS") continue;
      text.clear();
      for (const Any& member : *At(one.data, "members").AsArray()) {
        if (!text.empty()) text += ", ";
        text += TextAt(member, "username") + " " + TextAt(member, "role");
      }
    }
    return text;
  }

  World world;
  Hub hub{world, {.grace = kGrace}};
  lease::TimePoint now = kStart;
};

class ScriptSocketAcceptance : public ScriptHub {};

// --- Connection and identity

TEST_F(ScriptHub, TellsItsIdFirstAndASecretBesideIt) {
  hub.OnOpen(1);
  ASSERT_EQ(world.said[1].size(), 2U);
  EXPECT_EQ(world.said[1][0].name, "SET_UUID");
  EXPECT_EQ(world.said[1][0].data, Any("uuid1"));
  EXPECT_EQ(TextAt(world.said[1][0].whole, "RESUME"), "secret1");
  EXPECT_EQ(world.said[1][1].name, "GET_SETTINGS");
}

TEST_F(ScriptHub, TellsWhySomebodyIsNotKnown) {
  hub.OnOpen(1);
  const auto answer = [&](std::string_view data) {
    world.said[1].clear();
    Say(1, "AUTHENTICATE", data);
    return world.said[1].at(0).name + ": " + crdt::ToJsonText(world.said[1].at(0).data);
  };
  EXPECT_EQ(answer("{}"), R"(WS_AUTH_ERROR: "No token provided")");
  EXPECT_EQ(answer(R"({"token":"revoked"})"), R"(WS_AUTH_ERROR: "Revoked token")");
  EXPECT_EQ(answer(R"({"token":"?"})"), R"(WS_AUTH_ERROR: "Invalid or expired token")");
  EXPECT_EQ(answer(R"({"token":"7:write"})"),
            R"(WS_AUTH_SUCCESS: {"user_id":7,"username":"user7"})");
  world.said[1].clear();
  Say(1, "REFRESH_TOKEN", R"({"token":"7:write"})");
  EXPECT_EQ(world.TakeNames(1), (Names{"WS_AUTH_SUCCESS", "WS_TOKEN_REFRESH_SUCCESS"}));
}

TEST_F(ScriptHub, Hazard31_WhatADraftHasLostIsToldToEachWhoComesBehindTheDocument) {
  for (const ConnectionId connection : {1, 2}) {
    Come(connection, "1:write");
    Say(connection, "JOIN_SCRIPT_ROOM");
    world.TakeNames(connection);
    hub.OnJoined(connection, {.state = crdt::AsBytes("state"),
                              .state_vector = crdt::AsBytes("vector"),
                              .generation = 7,
                              .warnings = {"one edit is lost", "ask somebody"}});
    std::vector<Said> said = world.said[connection];
    ASSERT_GE(said.size(), 3U);
    EXPECT_EQ(said[0].name, "YJS_SYNC");
    EXPECT_EQ(said[1].name, "COLLAB_ERROR");
    EXPECT_EQ(TextAt(said[1].data, "error"), "one edit is lost");
    EXPECT_EQ(TextAt(said[2].data, "error"), "ask somebody");
  }
  EXPECT_EQ(std::ranges::count(world.TakeNames(1), "COLLAB_ERROR"), 2) << "not for the other one";
}

TEST_F(ScriptHub, ATokenThatHoldsNoMoreEndsItsSocketAndItsModeWhenItWasRevoked) {
  for (const bool may_return : {true, false}) {
    World told;
    Hub other(told, {.grace = kGrace});
    LetTwoIn(other);
    told.TakeNames(1);
    told.TakeNames(2);
    other.OnTokenEnded(1, "Invalid or expired token", may_return, now);
    ASSERT_FALSE(told.said[1].empty());
    EXPECT_EQ(told.said[1][0].name, "WS_AUTH_ERROR");
    EXPECT_EQ(told.said[1][0].data, Any("Invalid or expired token"));
    EXPECT_EQ(told.closed, std::vector<ConnectionId>{1});
    EXPECT_EQ(other.leases().Find(1) != nullptr, may_return);
    EXPECT_EQ(other.Status().MembersOf(kRoom), may_return ? 1U : 0U);
    const Names names = told.TakeNames(2);
    EXPECT_EQ(std::ranges::count(names, "ROOM_CLOSED"), may_return ? 0 : 1);
    EXPECT_EQ(names.back(), "GET_SCRIPT_CONFIG_STATUS");
    // What it says after its end is nobody's.
    told.TakeNames(1);
    other.OnText(1, R"({"OP":"REQUEST_SCRIPT_EDIT"})", now);
    EXPECT_TRUE(told.TakeNames(1).empty());
    EXPECT_TRUE(told.TakeNames(2).empty());
  }
}

TEST_F(ScriptHub, AMessageThatIsNoneIsAnsweredAndAnUnknownOneIsNot) {
  Come(1);
  for (const std::string_view text : {"", "{", "[]", "{}", R"({"OP":1})"}) {
    hub.OnText(1, text, now);
    EXPECT_EQ(world.TakeNames(1), Names{"COLLAB_ERROR"}) << text;
  }
  hub.OnText(1, R"({"OP":"SOMETHING_ELSE","DATA":[1]})", now);
  hub.OnText(1, R"({"OP":"YJS_UPDATE","DATA":"in no room"})", now);
  EXPECT_TRUE(world.TakeNames(1).empty());
}

// --- I. Modes

TEST_F(ScriptSocketAcceptance, A100_EditIsGrantedWhenNobodyEdits) {
  Come(1, "1:write");
  Come(2);
  Say(1, "REQUEST_SCRIPT_EDIT");
  EXPECT_TRUE(hub.leases().Holds(1, "edit"));
  EXPECT_EQ(world.TakeNames(1), Names{"GET_SCRIPT_CONFIG_STATUS"});
  EXPECT_EQ(world.TakeNames(2), Names{"GET_SCRIPT_CONFIG_STATUS"});
}
TEST_F(ScriptSocketAcceptance, A101_ASecondEditorIsGranted) {
  Come(1, "1:write");
  Come(2, "2:admin");
  Edit(1);
  Edit(2);
  EXPECT_EQ(hub.Status().editors.size(), 2U);
}
TEST_F(ScriptSocketAcceptance, A102_EditIsRefusedWithACutter) {
  Come(1, "1:write");
  Come(2, "2:write");
  Say(1, "REQUEST_SCRIPT_CUTS");
  Say(2, "REQUEST_SCRIPT_EDIT");
  EXPECT_EQ(ReasonTo(2), "Cannot edit: another user is in cuts mode");
}
TEST_F(ScriptSocketAcceptance, A103_EditIsRefusedWithoutTheRight) {
  Come(1, "1:read");
  Come(2);
  for (const ConnectionId connection : {1, 2}) {
    Say(connection, "REQUEST_SCRIPT_EDIT");
    EXPECT_EQ(ReasonTo(connection), "Insufficient permissions");
  }
}
TEST_F(ScriptSocketAcceptance, A104_CutsAreGrantedWhenFree) {
  Come(1, "1:write");
  Say(1, "REQUEST_SCRIPT_CUTS");
  EXPECT_TRUE(hub.leases().Holds(1, "cuts"));
}
TEST_F(ScriptSocketAcceptance, A105_CutsAreRefusedWithAnEditor) {
  Come(1, "1:write");
  Come(2, "2:write");
  Edit(1);
  for (const ConnectionId connection : {1, 2}) {
    Say(connection, "REQUEST_SCRIPT_CUTS");
    EXPECT_EQ(ReasonTo(connection), "Cannot enter cuts mode: another user is editing");
  }
  EXPECT_TRUE(hub.leases().Holds(1, "edit"));
}
TEST_F(ScriptSocketAcceptance, A106_CutsAreRefusedWithADraft) {
  world.drafts.insert(kRoom);
  Come(1, "1:write");
  Say(1, "REQUEST_SCRIPT_CUTS");
  EXPECT_EQ(ReasonTo(1), "Cannot enter cuts mode: unsaved draft exists");
}
TEST_F(ScriptSocketAcceptance, A107_CutsAreGrantedWithViewersInTheRoom) {
  Come(1, "1:write");
  Come(2);
  Join(2);
  Say(1, "REQUEST_SCRIPT_CUTS");
  EXPECT_TRUE(hub.leases().Holds(1, "cuts"));
}
TEST_F(ScriptSocketAcceptance, A108_CutsAreRefusedWithAnotherCutter) {
  Come(1, "1:write");
  Come(2, "2:write");
  Say(1, "REQUEST_SCRIPT_CUTS");
  Say(2, "REQUEST_SCRIPT_CUTS");
  EXPECT_EQ(ReasonTo(2), "Cannot enter cuts mode: another user is already cutting");
}
TEST_F(ScriptSocketAcceptance, A109_StopLeavesEitherMode) {
  Come(1, "1:write");
  for (const std::string_view request : {"REQUEST_SCRIPT_EDIT", "REQUEST_SCRIPT_CUTS"}) {
    Say(1, request);
    Say(1, "STOP_SCRIPT_EDIT");
    EXPECT_TRUE(hub.leases().leases().empty());
  }
}
TEST_F(ScriptSocketAcceptance, A110_TheEndOfACuttersSocketIsTold) {
  Come(1, "1:write");
  Come(2);
  Say(1, "REQUEST_SCRIPT_CUTS");
  Forget();
  hub.OnClose(1, now);
  EXPECT_EQ(world.TakeNames(2), Names{"GET_SCRIPT_CONFIG_STATUS"});
  hub.Tick(now + kGrace);
  EXPECT_EQ(world.TakeNames(2), Names{"GET_SCRIPT_CONFIG_STATUS"});
  EXPECT_TRUE(hub.leases().leases().empty());
}

// --- J. Rooms

TEST_F(ScriptSocketAcceptance, A111_JoiningWithoutAShow) {
  world.current.reset();
  Come(1);
  Join(1);
  EXPECT_EQ(ErrorTo(1), "No show loaded");
}
TEST_F(ScriptSocketAcceptance, A112_JoiningWithoutARevision) {
  world.current->revision.reset();
  Come(1);
  Join(1);
  EXPECT_EQ(ErrorTo(1), "No active revision");
  world.said[1].clear();
  Join(1, R"({"revision_id":99})");
  EXPECT_EQ(ErrorTo(1), "there is no revision 99");
}
TEST_F(ScriptSocketAcceptance, A113_JoiningOutsideOfAModeIsToLookOn) {
  Come(1);
  Join(1, R"({"role":"editor"})");
  EXPECT_EQ(MembersTo(1), "Unknown viewer");
  EXPECT_EQ(world.TakeNames(1), (Names{"YJS_SYNC", "ROOM_MEMBERS", "GET_SCRIPT_CONFIG_STATUS"}));
  EXPECT_FALSE(world.access[1]) << "what it says of its role counts nothing";
}
TEST_F(ScriptSocketAcceptance, A114_JoiningInEditModeIsToEdit) {
  Come(1, "1:write");
  Edit(1);
  Join(1, R"({"role":"viewer"})");
  EXPECT_EQ(MembersTo(1), "user1 editor");
  EXPECT_TRUE(world.access[1]);
}
TEST_F(ScriptSocketAcceptance, A115_AskingForEditInTheRoomTellsTheMembers) {
  Come(1, "1:write");
  Join(1);
  Forget();
  Say(1, "REQUEST_SCRIPT_EDIT");
  EXPECT_EQ(MembersTo(1), "user1 editor");
  EXPECT_EQ(world.TakeNames(1), (Names{"ROOM_MEMBERS", "GET_SCRIPT_CONFIG_STATUS"}));
  EXPECT_TRUE(world.access[1]);
}
TEST_F(ScriptSocketAcceptance, A116_TheOrderOfAStop) {
  Come(1, "1:write");
  Edit(1);
  Join(1);
  Forget();
  Say(1, "STOP_SCRIPT_EDIT");
  EXPECT_EQ(MembersTo(1), "user1 viewer");
  EXPECT_EQ(world.TakeNames(1), (Names{"ROOM_MEMBERS", "ROOM_CLOSED", "GET_SCRIPT_CONFIG_STATUS"}));
}
TEST_F(ScriptSocketAcceptance, A117_TheLastEditorOfADraftStops) {
  Come(1, "1:write");
  Edit(1);
  Join(1);
  world.drafts.insert(kRoom);
  Forget();
  Say(1, "STOP_SCRIPT_EDIT");
  EXPECT_EQ(world.TakeNames(1), (Names{"ROOM_MEMBERS", "GET_SCRIPT_REVISIONS", "ROOM_CLOSED",
                                       "GET_SCRIPT_CONFIG_STATUS"}));
  EXPECT_EQ(hub.Status().MembersOf(kRoom), 0U);
}
TEST_F(ScriptSocketAcceptance, A118_TheLastEditorStopsAndTheRoomIsGone) {
  Come(1, "1:write");
  Come(2);
  Edit(1);
  Join(1);
  Join(2);
  Forget();
  Say(1, "STOP_SCRIPT_EDIT");
  for (const Said& one : world.said[2]) {
    if (one.name == "ROOM_CLOSED") {
      EXPECT_EQ(crdt::ToJsonText(one.data), "{}");
    }
  }
  EXPECT_EQ(world.TakeNames(2), (Names{"ROOM_MEMBERS", "ROOM_CLOSED", "GET_SCRIPT_CONFIG_STATUS"}));
  EXPECT_TRUE(world.access.empty());
}
TEST_F(ScriptSocketAcceptance, A119_AnotherEditorRemains) {
  Come(1, "1:write");
  Come(2, "2:write");
  for (const ConnectionId connection : {1, 2}) {
    Edit(connection);
    Join(connection);
  }
  Forget();
  Say(1, "STOP_SCRIPT_EDIT");
  for (const ConnectionId connection : {1, 2}) {
    EXPECT_EQ(MembersTo(connection), "user1 viewer, user2 editor");
    EXPECT_EQ(world.TakeNames(connection), (Names{"ROOM_MEMBERS", "GET_SCRIPT_CONFIG_STATUS"}));
  }
  EXPECT_TRUE(hub.HasEditors(kRoom));
}
TEST_F(ScriptSocketAcceptance, A120_AnEditorsSocketEnds) {
  Come(1, "1:write");
  Come(2);
  Edit(1);
  Join(1);
  Join(2);
  Forget();
  hub.OnClose(1, now);
  EXPECT_EQ(world.TakeNames(2), (Names{"ROOM_MEMBERS", "GET_SCRIPT_CONFIG_STATUS"}));
  EXPECT_TRUE(hub.HasEditors(kRoom)) << "it may come back (hazard 34)";
  hub.Tick(now + kGrace);
  EXPECT_EQ(world.TakeNames(2), (Names{"ROOM_CLOSED", "GET_SCRIPT_CONFIG_STATUS"}));
  EXPECT_EQ(hub.Status().MembersOf(kRoom), 0U);
}

TEST_F(ScriptSocketAcceptance, A021_To_A029_WhoIsInARoomAndAsWhat) {
  Come(1, "1:write");
  Come(2);
  EXPECT_FALSE(hub.HasEditors(kRoom));
  Join(2);
  EXPECT_EQ(hub.Status().MembersOf(kRoom), 1U);
  EXPECT_FALSE(hub.HasEditors(kRoom));
  Edit(1);
  EXPECT_FALSE(hub.HasEditors(kRoom)) << "in the mode, and not in the room";
  Join(1);
  EXPECT_TRUE(hub.HasEditors(kRoom));
  Join(1);
  EXPECT_EQ(hub.Status().MembersOf(kRoom), 2U) << "no second entry";
  hub.OnClose(7, now);
  Say(1, "STOP_SCRIPT_EDIT");
  EXPECT_FALSE(hub.HasEditors(kRoom));
  EXPECT_EQ(hub.Status().MembersOf(kRoom), 0U);
}

TEST_F(ScriptSocketAcceptance, A034_AndA163_TheOlderFormIsToldItsRoom) {
  Come(1, "1:write");
  Come(2);
  Edit(1);
  Join(1, R"({"revision_id":3,"role":"editor"})");
  Join(2);
  for (const ConnectionId connection : {1, 2}) {
    hub.OnUpdate(connection, crdt::AsBytes("update"));
    const Any data = world.said[connection].back().data;
    EXPECT_EQ(TextAt(data, "payload"), "dXBkYXRl");
    EXPECT_EQ(data.AsObject()->Find("room_id") != nullptr, connection == 1);
  }
  Say(1, "STOP_SCRIPT_EDIT");
  const auto closed = [&](ConnectionId connection) {
    for (const Said& one : world.said[connection]) {
      if (one.name == "ROOM_CLOSED") return crdt::ToJsonText(one.data);
    }
    return std::string();
  };
  EXPECT_EQ(closed(1), R"({"room_id":"draft_3"})");
  EXPECT_EQ(closed(2), "{}");
}

TEST_F(ScriptSocketAcceptance, A035_PresenceGoesToAllButTheSender) {
  Come(1, "1:write");
  Come(2);
  Come(3);
  Join(1);
  Join(2);
  Forget();
  Say(1, "YJS_AWARENESS", R"({"payload":"e30="})");
  EXPECT_EQ(world.TakeNames(2), Names{"YJS_AWARENESS"});
  EXPECT_TRUE(world.TakeNames(1).empty());
  EXPECT_TRUE(world.TakeNames(3).empty());
}

// --- K. Saving and discarding

TEST_F(ScriptSocketAcceptance, A096_ProgressGoesToTheWholeRoom) {
  Come(1, "1:write");
  Come(2);
  Edit(1);
  Join(1);
  Join(2);
  Say(1, "SAVE_SCRIPT_DRAFT");
  EXPECT_EQ(world.saves, std::vector<RevisionRoom>{kRoom});
  Forget();
  for (std::uint64_t page = 0; page <= 3; ++page) hub.OnSaveProgress(kRoom, page, 3);
  hub.OnSaved(kRoom, "2026-01-01T00:00:00.000Z");
  for (const ConnectionId connection : {1, 2}) {
    std::vector<double> percents;
    for (const Said& one : world.said[connection]) {
      if (one.name == "SAVE_PROGRESS") percents.push_back(*At(one.data, "percent").AsNumber());
    }
    EXPECT_EQ(percents, (std::vector<double>{0, 33, 67, 100}));
    EXPECT_EQ(world.TakeNames(connection),
              (Names{"SAVE_PROGRESS", "SAVE_PROGRESS", "SAVE_PROGRESS", "SAVE_PROGRESS",
                     "SCRIPT_SAVED", "GET_SCRIPT_REVISIONS"}));
  }
}
TEST_F(ScriptSocketAcceptance, A124_AFailedSaveIsToldToItsRequesterInTheProtocolsWords) {
  Come(1, "1:write");
  Come(2);
  Edit(1);
  Join(1);
  Join(2);
  Say(1, "SAVE_SCRIPT_DRAFT");
  Forget();
  hub.OnSaveFailed(kRoom, 1, "Line validation failed on page 1: no parts",
                   R"([{"kind":"rule","page":1,"line":2,"what":"no parts"}])");
  ASSERT_EQ(world.said[1].size(), 1U);
  EXPECT_EQ(world.said[1][0].name, "SAVE_ERROR");
  EXPECT_EQ(At(At(world.said[1][0].data, "problems").AsArray()->at(0), "line"), Any(2));
  // Hazard 13: whoever sees the progress sees its end.
  EXPECT_EQ(world.TakeNames(2), Names{"SAVE_FAILED"});
}
TEST_F(ScriptSocketAcceptance, A125_DiscardingClosesTheRoom) {
  Come(1, "1:write");
  Come(2);
  Edit(1);
  Join(1);
  Join(2);
  Say(1, "DISCARD_SCRIPT_DRAFT");
  EXPECT_EQ(world.discards, std::vector<RevisionRoom>{kRoom});
  Forget();
  hub.OnDiscarded(kRoom, 1, absl::OkStatus());
  EXPECT_EQ(world.TakeNames(2),
            (Names{"ROOM_CLOSED", "GET_SCRIPT_CONFIG_STATUS", "GET_SCRIPT_REVISIONS"}));
  EXPECT_EQ(hub.Status().MembersOf(kRoom), 0U);
  EXPECT_TRUE(hub.leases().Holds(1, "edit")) << "its mode stays";
}
TEST_F(ScriptSocketAcceptance, A127_DiscardingOutsideOfTheRoomIsOfTheCurrentRevision) {
  Come(1, "1:write");
  Edit(1);
  Say(1, "DISCARD_SCRIPT_DRAFT");
  EXPECT_EQ(world.discards, std::vector<RevisionRoom>{kRoom});
}
// Both see what they have edited until then in the revision, and each its end.
TEST_F(ScriptHub, WhoSavesDuringASaveGetsOneBehindIt) {
  Come(1, "1:write");
  Come(2, "2:write");
  for (const ConnectionId connection : {1, 2}) {
    Edit(connection);
    Join(connection);
    Say(connection, "SAVE_SCRIPT_DRAFT");
  }
  Say(2, "SAVE_SCRIPT_DRAFT");
  EXPECT_EQ(world.saves.size(), 1U);
  hub.OnSaved(kRoom, "2026-01-01T00:00:00.000Z");
  EXPECT_EQ(world.saves.size(), 2U);
  hub.OnSaveFailed(kRoom, 2, "no", "");
  EXPECT_EQ(world.saves.size(), 2U);
  Say(1, "SAVE_SCRIPT_DRAFT");
  EXPECT_EQ(world.saves.size(), 3U);
}
TEST_F(ScriptHub, JoinsOfAHeldRoomWait) {
  Come(1);
  hub.Hold(kRoom);
  hub.Hold(kRoom);
  Say(1, "JOIN_SCRIPT_ROOM");
  hub.Release(kRoom);
  EXPECT_TRUE(world.joining.empty());
  EXPECT_EQ(hub.Status().MembersOf(kRoom), 0U);
  hub.Release(kRoom);
  EXPECT_EQ(world.joining.size(), 1U);
  EXPECT_EQ(hub.Status().MembersOf(kRoom), 1U) << "on the way into it";
}
// Hazard 5: nobody gets in between the discard and what is made anew.
TEST_F(ScriptHub, WhoJoinsDuringADiscardGetsTheNewDocument) {
  Come(1, "1:write");
  Come(2);
  Edit(1);
  Join(1);
  Say(1, "DISCARD_SCRIPT_DRAFT");
  Say(2, "JOIN_SCRIPT_ROOM");
  EXPECT_TRUE(world.joining.empty());
  Forget();
  hub.OnDiscarded(kRoom, 1, absl::OkStatus());
  EXPECT_EQ(world.joining.size(), 1U);
  FinishJoins();
  EXPECT_EQ(world.said[2].back().name, "GET_SCRIPT_CONFIG_STATUS");
  for (const Said& one : world.said[2]) EXPECT_NE(one.name, "ROOM_CLOSED");
}
TEST_F(ScriptHub, WhatIsNoUpdateIsRefusedAndTheWriterStays) {
  Come(1, "1:write");
  Edit(1);
  Join(1, R"({"receipts":true})");
  Forget();
  Say(1, "YJS_UPDATE", R"({"payload":"//8="})");
  Say(1, "YJS_UPDATE", R"({"payload":"!"})");
  EXPECT_EQ(world.TakeNames(1),
            (Names{"COLLAB_ERROR", "YJS_RECEIPT", "COLLAB_ERROR", "YJS_RECEIPT"}));
  EXPECT_TRUE(world.written.empty());
  EXPECT_EQ(hub.Status().MembersOf(kRoom), 1U);
}
TEST_F(ScriptHub, OnlyEditorsSaveAndDiscard) {
  Come(1, "1:write");
  Join(1);
  for (const std::string_view op : {"SAVE_SCRIPT_DRAFT", "DISCARD_SCRIPT_DRAFT"}) {
    world.said[1].clear();
    Say(1, op);
    EXPECT_EQ(ErrorTo(1), "Insufficient permissions") << op;
  }
  EXPECT_TRUE(world.saves.empty());
  EXPECT_TRUE(world.discards.empty());
}

// --- L. A live session

TEST_F(ScriptSocketAcceptance, A128_A129_ModesAreRefusedInALiveSession) {
  Come(1, "1:write");
  hub.SetLive(true);
  for (const std::string_view op : {"REQUEST_SCRIPT_EDIT", "REQUEST_SCRIPT_CUTS"}) {
    Forget();
    Say(1, op);
    EXPECT_EQ(ReasonTo(1), "Cannot edit script while a live session is in progress");
  }
}
TEST_F(ScriptSocketAcceptance, A130_A131_A132_WhatALiveSessionRefusesAndWhatNot) {
  Come(1, "1:write");
  Come(2);
  Edit(1);
  Join(1);
  Join(2);
  hub.SetLive(true);
  EXPECT_FALSE(world.access[1]) << "nothing comes in past the hub either";
  const auto error = [&](ConnectionId connection, std::string_view op, std::string_view data) {
    Forget();
    Say(connection, op, data);
    return ErrorTo(connection);
  };
  const std::string live = "Cannot edit script while a live session is in progress";
  Come(3);
  EXPECT_EQ(error(3, "JOIN_SCRIPT_ROOM", "{}"), live);
  EXPECT_EQ(error(1, "SAVE_SCRIPT_DRAFT", "{}"), live);
  EXPECT_EQ(error(1, "DISCARD_SCRIPT_DRAFT", "{}"), live);
  EXPECT_EQ(error(1, "YJS_UPDATE", R"({"payload":"AAA="})"), live);
  EXPECT_EQ(error(1, "YJS_SYNC", R"({"step":2,"payload":"AAA="})"), live);
  EXPECT_TRUE(world.written.empty());
  EXPECT_EQ(error(1, "YJS_SYNC", R"({"step":1,"payload":"AA=="})"), "");
  EXPECT_EQ(world.asked, std::vector<ConnectionId>{1});
  EXPECT_EQ(error(1, "YJS_AWARENESS", R"({"payload":"e30="})"), "");
  EXPECT_EQ(error(2, "LEAVE_SCRIPT_ROOM", "{}"), "");
  EXPECT_EQ(hub.Status().MembersOf(kRoom), 1U);
  hub.SetLive(false);
  EXPECT_TRUE(world.access[1]) << "it is in its mode still";
}
TEST_F(ScriptSocketAcceptance, A150_AnotherLeaderIsElected) {
  Come(1, "1:write");
  Come(2, "2:read");
  Say(1, "NEW_CLIENT");
  Say(2, "NEW_CLIENT");
  hub.SetLive(true);
  EXPECT_EQ(hub.leader(), "uuid1");
  Forget();
  hub.OnClose(1, now);
  EXPECT_EQ(hub.leader(), "uuid2");
  EXPECT_EQ(world.TakeNames(2).front(), "ELECTED_LEADER");
  Come(3);
  hub.OnClose(2, now);
  EXPECT_EQ(world.TakeNames(3), Names{"NO_LEADER"});
}

// --- Hazards

TEST_F(ScriptHub, Hazard1_AViewerWritesNothing) {
  Come(1);
  Come(2, "2:write");
  for (const ConnectionId connection : {1, 2}) {
    Join(connection);
    Forget();
    Say(connection, "YJS_UPDATE", R"({"payload":"AAA="})");
    EXPECT_EQ(ErrorTo(connection), "Insufficient permissions");
    Say(connection, "YJS_SYNC", R"({"step":2,"payload":"AAA="})");
  }
  EXPECT_TRUE(world.written.empty());
  Edit(2);
  Say(2, "YJS_UPDATE", R"({"payload":"AAA="})");
  EXPECT_EQ(world.written.size(), 1U);
  // A right that is taken away is gone at once.
  Say(2, "AUTHENTICATE", R"({"token":"2:read"})");
  EXPECT_FALSE(world.access[2]);
  Say(2, "YJS_UPDATE", R"({"payload":"AAA="})");
  EXPECT_EQ(world.written.size(), 1U);
}
TEST_F(ScriptHub, Hazard12_WhoGoesIsSeenNoMore) {
  Come(1, "7:write");
  Come(2);
  Join(1);
  Join(2);
  Say(1, "YJS_AWARENESS", R"({"payload":"e30="})");
  Forget();
  hub.OnClose(1, now);
  ASSERT_EQ(world.said[2].front().name, "YJS_AWARENESS");
  const auto payload = FromBase64(TextAt(world.said[2].front().data, "payload"));
  const Any state = Parse(crdt::AsText(*payload));
  EXPECT_EQ(At(state, "userId"), Any(7));
  EXPECT_TRUE(At(state, "page").is_null());
}
TEST_F(ScriptHub, Hazard12_ALateComerSeesWhoIsWhere) {
  Come(1, "7:write");
  Join(1);
  Say(1, "YJS_AWARENESS", R"({"payload":"e30="})");
  Come(2);
  Join(2);
  EXPECT_EQ(world.TakeNames(2),
            (Names{"YJS_SYNC", "ROOM_MEMBERS", "YJS_AWARENESS", "GET_SCRIPT_CONFIG_STATUS"}));
}
TEST_F(ScriptHub, Hazard21_APublicIdTakesNothingOver) {
  Come(1, "1:write");
  Edit(1);
  Join(1);
  hub.OnClose(1, now);
  Come(2, "2:write");
  Say(2, "REFRESH_CLIENT", R"("uuid1")");
  EXPECT_FALSE(hub.leases().Holds(2, "edit"));
  Say(2, "REFRESH_CLIENT", R"({"resume":"secret1"})");
  EXPECT_FALSE(hub.leases().Holds(2, "edit")) << "the secret of somebody else";
}
TEST_F(ScriptHub, Hazard25_LeavingIsLikeStoppingAndLikeDying) {
  for (const bool leaves : {true, false}) {
    World fresh;
    Hub other(fresh, {.grace = milliseconds(0)});
    LetTwoIn(other);
    if (leaves) {
      other.OnText(1, R"({"OP":"LEAVE_SCRIPT_ROOM","DATA":{}})", now);
    } else {
      other.OnClose(1, now);
    }
    EXPECT_EQ(other.Status().MembersOf(kRoom), 0U);
    EXPECT_TRUE(other.leases().leases().empty());
  }
  // A viewer who stops ends nothing.
  Come(1);
  Come(2);
  Join(1);
  Join(2);
  Say(1, "STOP_SCRIPT_EDIT");
  EXPECT_EQ(hub.Status().MembersOf(kRoom), 2U);
}
TEST_F(ScriptHub, Hazard27_WhatWasDoneOfflineIsAskedForAndTaken) {
  Come(1, "1:write");
  Edit(1);
  Join(1, R"({"receipts":true})");
  for (const Said& one : world.said[1]) {
    if (one.name == "YJS_SYNC") {
      EXPECT_EQ(TextAt(one.data, "state_vector"), ToBase64(crdt::AsBytes("vector")));
    }
  }
  Say(1, "YJS_SYNC", R"({"step":2,"payload":"AAA="})");
  EXPECT_EQ(world.written.size(), 1U);
  Forget();
  hub.OnReceipt(1, 1, "");
  ASSERT_EQ(world.said[1].size(), 1U);
  EXPECT_EQ(world.said[1][0].name, "YJS_RECEIPT");
  EXPECT_EQ(At(world.said[1][0].data, "stored"), Any(true));
}
TEST_F(ScriptHub, Hazard34_AReconnectKeepsTheModeAndTheRoom) {
  Come(1, "1:write");
  Come(2);
  Edit(1);
  Join(1);
  Join(2);
  hub.OnClose(1, now);
  hub.Tick(now + kGrace / 2);
  Come(3, "1:write");
  Forget();
  Say(3, "REFRESH_CLIENT", R"({"resume":"secret1"})");
  EXPECT_TRUE(hub.leases().Holds(3, "edit"));
  EXPECT_EQ(world.TakeNames(3), (Names{"MODE_RESUMED", "GET_SCRIPT_CONFIG_STATUS"}));
  Join(3);
  hub.Tick(now + 3 * kGrace);
  EXPECT_EQ(hub.Status().MembersOf(kRoom), 2U);
  EXPECT_TRUE(hub.HasEditors(kRoom));
  EXPECT_EQ(MembersTo(2), "Unknown viewer, user1 editor");
}

// Whatever people do, and whenever their networks fail: modes exclude each other as they should, and who may
// write is in the mode for it while no show is on.
RC_GTEST_PROP(ScriptHubProperty, TheRulesHoldWhateverPeopleDo, ()) {
  World world;
  Hub hub(world, {.grace = kGrace});
  lease::TimePoint now = kStart;
  std::set<ConnectionId> open;
  ConnectionId next = 1;
  const auto say = [&](ConnectionId connection, std::string_view op, std::string_view data) {
    hub.OnText(connection,
               R"({"OP":")" + std::string(op) + R"(","DATA":)" + std::string(data) + "}", now);
  };
  const int steps = *rc::gen::inRange(1, 100);
  for (int step = 0; step < steps; ++step) {
    const ConnectionId connection =
        open.empty() ? 0 : *rc::gen::elementOf(std::vector<ConnectionId>(open.begin(), open.end()));
    switch (*rc::gen::inRange(0, 12)) {
      case 0:
      case 1:
        if (open.size() >= 5) break;
        hub.OnOpen(next);
        open.insert(next);
        say(next, "AUTHENTICATE",
            *rc::gen::element<std::string>(R"({"token":"1:write"})", R"({"token":"2:write"})",
                                           "{}"));
        ++next;
        break;
      case 2:
        hub.OnClose(connection, now);
        open.erase(connection);
        break;
      case 3:
        say(connection, "REQUEST_SCRIPT_EDIT", "{}");
        break;
      case 4:
        say(connection, "REQUEST_SCRIPT_CUTS", "{}");
        break;
      case 5:
        say(connection, "STOP_SCRIPT_EDIT", "{}");
        break;
      case 6:
        say(connection, "JOIN_SCRIPT_ROOM",
            *rc::gen::element<std::string>("{}", R"({"revision_id":4})"));
        break;
      case 7:
        for (const auto& [id, room] : std::exchange(world.joining, {})) hub.OnJoined(id, {});
        break;
      case 8:
        say(connection, "LEAVE_SCRIPT_ROOM", "{}");
        break;
      case 9:
        hub.SetLive(*rc::gen::arbitrary<bool>());
        break;
      case 10:
        say(connection, "REFRESH_CLIENT",
            R"({"resume":"secret)" + std::to_string(*rc::gen::inRange(1, 8)) + R"("})");
        break;
      default:
        now += milliseconds(*rc::gen::inRange(0, 10'000));
        hub.Tick(now);
        break;
    }
    RC_ASSERT(hub.leases().Validate().ok());
    for (const ConnectionId id : open) {
      const auto access = world.access.find(id);
      if (access != world.access.end() && access->second) {
        RC_ASSERT(hub.leases().Holds(id, "edit") && !hub.live());
      }
    }
    for (const RevisionRoom& room : {kRoom, RevisionRoom{kShow, RevisionId{4}}}) {
      RC_ASSERT(hub.Status().MembersOf(room) <= open.size());
    }
  }
}

}  // namespace
}  // namespace weft::server::script
