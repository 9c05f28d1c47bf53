// The HTTP calls of the application: what each answers, what refuses it, and what those on the socket are told.
// Section M of the behaviours that are asked of the system, each test named by its number; the same over real
// HTTP is in http.test.mjs.

#include "server/script/script_http.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "crdt/json.h"
#include "server/script/compile.h"
#include "server/script/line_json.h"
#include "server/script/page_edit.h"
#include "server/script/revision_diff.h"
#include "server/script/revisions.h"
#include "server/script/schema.h"
#include "server/script/show_json.h"
#include "tests/script/script_store.h"

namespace weft::server::script {
namespace {

using crdt::Any;
using crdt::AnyObject;
using Strings = std::vector<std::string>;

constexpr RevisionRoom kRoom{.show = kShow, .revision = kFirstRevision};

// A hub without sockets: it says at once what the test put into `status`, and notes what it is told.
class FakeHub final : public HubCalls {
 public:
  void Look(Then<HubStatus> then) override { then(status); }
  void Hold(RevisionRoom room, Then<HubStatus> then) override {
    said.push_back("hold " + NameOf(room));
    then(status);
  }
  void Release(RevisionRoom room) override { said.push_back("release " + NameOf(room)); }
  void Discard(RevisionRoom room, Then<absl::Status> then) override {
    said.push_back("discard " + NameOf(room));
    then(discarded);
  }
  void SetLive(bool live, Then<Done> then) override {
    said.emplace_back(live ? "live" : "not live");
    then(Done());
  }
  void CurrentChanged(Then<Done> then) override {
    said.emplace_back("current changed");
    then(Done());
  }
  void TellAll(std::string_view action) override { said.emplace_back(action); }

  HubStatus status;
  absl::Status discarded;
  Strings said;
};

class FakeBody final : public api::Body {
 public:
  FakeBody(std::optional<std::string> text, bool has_length)
      : text_(std::move(text)), has_length_(has_length) {}
  bool present() const override { return text_.has_value(); }
  bool has_length() const override { return has_length_; }
  asio::awaitable<absl::StatusOr<std::string_view>> Read(std::size_t limit) override {
    if (text_->size() > limit) co_return absl::ResourceExhaustedError("the body is too long");
    co_return std::string_view(*text_);
  }

 private:
  const std::optional<std::string> text_;
  const bool has_length_;
};

struct Sent {
  std::string token;  // a user's name: the tokens of this test
  std::optional<std::string> body;
  std::map<std::string, std::string, std::less<>> headers;
  bool has_length = true;
};

struct Got {
  int status = 0;
  std::string headers;
  std::string text;
  AnyObject json;

  std::string Text(std::string_view name) const {
    const Any* const value = json.Find(name);
    return value == nullptr || value->AsString() == nullptr ? "" : *value->AsString();
  }
  std::string Json(std::string_view name) const {
    const Any* const value = json.Find(name);
    return value == nullptr ? "" : crdt::ToJsonText(*value);
  }
  std::string type() const { return Text("type"); }
  Strings BlockerCodes() const {
    Strings codes;
    const Any* const list = json.Find("blockers");
    if (list == nullptr) return codes;
    for (const Any& one : *list->AsArray())
      codes.push_back(*one.AsObject()->Find("code")->AsString());
    return codes;
  }
};

class ScriptHttpTest : public testing::Test {
 protected:
  explicit ScriptHttpTest(std::vector<Line> lines = Lines({1, 1, 2, 3}))
      : store_(std::move(lines)) {
    store_.Write([](store::RowWriter& rows) {
      absl::Status status =
          PutUser(rows, {.id = UserId{2}, .username = "bob", .roles = {{kShow, ShowRole::kRead}}});
      if (status.ok()) status = PutUser(rows, {.id = UserId{3}, .username = "root", .admin = true});
      return status;
    });
    http_.emplace(CallServices{
        .rows = store_.rows(),
        .hub = hub_,
        .identify = [this](std::string_view token) { return Identify(token); },
        .draft = [this](const RevisionRoom& room) -> absl::StatusOr<CallServices::Draft> {
          return CallServices::Draft{.has_draft = drafts_.contains(NameOf(room)),
                                     .publishing = publishing_,
                                     .base = base_};
        },
        .document = [this](const RevisionRoom&) -> absl::StatusOr<std::optional<crdt::Bytes>> {
          return document_;
        },
        .now_ms = [] { return std::int64_t{1'800'000'000'000}; }});
  }
  ~ScriptHttpTest() override { http_->Stop(); }

  absl::StatusOr<User> Identify(std::string_view token) const {
    if (token.empty()) return absl::UnauthenticatedError("No token provided");
    for (const std::uint64_t id : {1, 2, 3}) {
      const auto user =
          store_.Get([&](const store::RowReader& rows) { return FindUser(rows, UserId{id}); });
      if (user.ok() && *user && (*user)->username == token) return **user;
    }
    return absl::UnauthenticatedError("Invalid or expired token");
  }

  Got Call(std::string_view method, std::string_view target, Sent sent = {}) {
    if (!sent.token.empty()) sent.headers["Authorization"] = "Bearer " + sent.token;
    if (sent.body) sent.headers.try_emplace("Content-Type", "application/json");
    FakeBody body(sent.body, sent.has_length);
    const std::string full = absl::StrCat("/api/v1/", std::string(target));
    const api::Request request{.method = method,
                               .target = full,
                               .header =
                                   [&](std::string_view name) {
                                     const auto found = sent.headers.find(name);
                                     return found == sent.headers.end()
                                                ? std::string_view()
                                                : std::string_view(found->second);
                                   },
                               .body = &body};
    asio::io_context io;
    api::Answer answer;
    asio::co_spawn(io, http_->Handle(request), [&](std::exception_ptr failed, api::Answer made) {
      EXPECT_FALSE(failed);
      answer = std::move(made);
    });
    io.run();
    Got got{.status = answer.http.status,
            .headers = answer.http.headers,
            .text = std::string(answer.http.body())};
    const auto json = crdt::ParseJson(got.text, 32);
    if (json && json->AsObject() != nullptr) got.json = *json->AsObject();
    return got;
  }
  Got AsAda(std::string_view method, std::string_view target,
            std::optional<std::string> body = {}) {
    return Call(method, target, {.token = "ada", .body = std::move(body)});
  }

  void Enter(RevisionRoom room = kRoom, std::size_t count = 1) {
    hub_.status.members = {{room, count}};
  }
  void Draft(RevisionRoom room = kRoom) { drafts_.insert(NameOf(room)); }
  void GoLive() { EXPECT_EQ(AsAda("POST", "show/sessions/start").status, 201); }
  Strings TakeSaid() { return std::exchange(hub_.said, {}); }

  RevisionId Branch(RevisionId parent, bool set_current) {
    const Got made = AsAda("POST", "show/script/revisions",
                           absl::StrCat(R"({"parent_revision_id":)", Number(parent),
                                        R"(,"description":"a branch","set_as_current":)",
                                        set_current ? "true" : "false", "}"));
    EXPECT_EQ(made.status, 201) << made.text;
    const Any* const id = made.json.Find("id");
    return RevisionId{id == nullptr ? 0 : static_cast<std::uint64_t>(*id->AsNumber())};
  }

  ScriptStore store_;
  FakeHub hub_;
  std::set<std::string> drafts_;
  bool publishing_ = false;
  std::optional<std::uint64_t> base_;
  std::optional<crdt::Bytes> document_;
  std::optional<ScriptHttp> http_;
};

// A request that is in order for each route.
std::pair<std::string, std::optional<std::string>> RequestFor(const Route& route) {
  const std::string key = absl::StrCat(std::string(route.method), " ", std::string(route.path));
  const std::map<std::string, std::pair<std::string, std::optional<std::string>>> known = {
      {"POST show", {"?load=true", R"({"id":1})"}},
      {"DELETE show/script/revisions", {"?rev_id=1", std::nullopt}},
      {"POST show/script/revisions", {"", R"({"description":"a branch"})"}},
      {"POST show/script/revisions/current", {"", R"({"new_rev_id":1})"}},
      {"GET show/script/revisions/diff", {"?from=1&to=1", std::nullopt}},
      {"GET show/script", {"?page=1", std::nullopt}},
      {"POST show/script", {"?page=9", R"({"lines":[]})"}},
      {"PATCH show/script", {"?page=1", R"({"lines":[]})"}},
      {"PUT show/script/cuts", {"", R"({"cuts":[]})"}},
      {"POST show/cues", {"", R"({"line_id":1,"label":"a cue"})"}},
      {"DELETE show/cues", {"?id=1", std::nullopt}},
  };
  const auto found = known.find(key);
  if (found == known.end()) return {std::string(route.path), std::nullopt};
  return {std::string(route.path) + found->second.first, found->second.second};
}

constexpr const char* kBlocked = "urn:weft:problem:blocked";

// --- M

TEST_F(ScriptHttpTest, A133_ConfigHasNobodyAndNoDraft) {
  const Got got = Call("GET", "show/script/config");
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.Json("editors"), "[]");
  EXPECT_EQ(got.Json("cutters"), "[]");
  EXPECT_EQ(got.Json("hasDraft"), "false");
}

TEST_F(ScriptHttpTest, A134_A135_ConfigListsEditorsAndCutters) {
  hub_.status.editors = {{.internal_id = "e-1", .username = "ada", .user = UserId{1}}};
  hub_.status.cutters = {{.internal_id = "c-1", .username = "bob", .user = std::nullopt}};
  const Got got = Call("GET", "show/script/config");
  EXPECT_EQ(got.Json("editors"), R"([{"internal_id":"e-1","username":"ada","user_id":1}])");
  EXPECT_EQ(got.Json("cutters"), R"([{"internal_id":"c-1","username":"bob","user_id":null}])");
}

TEST_F(ScriptHttpTest, A136_ConfigTellsOfADraft) {
  Draft();
  EXPECT_EQ(Call("GET", "show/script/config").Json("hasDraft"), "true");
}

TEST_F(ScriptHttpTest, A137_WithoutAShowItIs400) {
  store_.Write([](store::RowWriter& rows) { return rows.Erase(table::kShow, KeyOf(kShow)); });
  const Got got = Call("GET", "show/script/config");
  EXPECT_EQ(got.status, 400);
  EXPECT_EQ(got.Text("message"), "No show loaded");
  for (const Route& route : Routes()) {
    if (route.scope == Scope::kServer) continue;
    const auto [target, body] = RequestFor(route);
    EXPECT_EQ(AsAda(route.method, target, body).type(), "urn:weft:problem:no-show") << target;
  }
}

TEST_F(ScriptHttpTest, A138_A141_LinesAreChangedWithoutDraftAndRoom) {
  const Got got = AsAda(
      "PATCH", "show/script?page=1",
      R"({"lines":[{"id":2,"line_type":1,"line_parts":[{"id":102,"character_id":21,"line_text":"changed"}]},
                                     {"line_type":4}]})");
  EXPECT_EQ(got.status, 200) << got.text;
  EXPECT_EQ(store_.Texts(), (Strings{"1: changed", "1: <4>", "2: three", "3: four"}));
  EXPECT_EQ(store_.Ids(), (std::vector<std::uint64_t>{2, 5, 3, 4})) << "lines keep their ids";
  EXPECT_EQ(TakeSaid(), (Strings{"hold script/1/revision/1", "release script/1/revision/1",
                                 "GET_SCRIPT_METADATA", "GET_SCRIPT_REVISIONS"}));
}

TEST_F(ScriptHttpTest, A139_A140_LinesAreNotChangedWithADraftOrARoom) {
  const Strings before = store_.Texts();
  const auto refuses = [&](std::string_view code) {
    for (const auto& [method, target] :
         {std::pair("PATCH", "show/script?page=1"), std::pair("POST", "show/script?page=9")}) {
      const Got got = AsAda(method, target, R"({"lines":[]})");
      EXPECT_EQ(got.status, 409);
      EXPECT_EQ(got.BlockerCodes(), Strings{std::string(code)});
      EXPECT_NE(got.Text("message").find("collaborative edit in progress"), std::string::npos)
          << got.text;
      EXPECT_EQ(TakeSaid(), (Strings{"hold script/1/revision/1", "release script/1/revision/1"}));
    }
  };
  Draft();
  refuses("unsaved-draft");
  drafts_.clear();
  Enter();
  refuses("occupied");
  hub_.status.members.clear();
  publishing_ = true;
  refuses("publishing");
  EXPECT_EQ(store_.Texts(), before);
}

TEST_F(ScriptHttpTest, A142_A143_RevisionsSayWhichHasADraftOrARoom) {
  const RevisionId second = Branch(kFirstRevision, false);
  const RevisionId third = Branch(kFirstRevision, false);
  Draft({kShow, second});
  Enter({kShow, third});
  const Got got = Call("GET", "show/script/revisions");
  EXPECT_EQ(got.Json("current_revision"), "1");
  Strings drafts;
  for (const Any& one : *got.json.Find("revisions")->AsArray()) {
    drafts.push_back(crdt::ToJsonText(*one.AsObject()->Find("has_draft")));
  }
  EXPECT_EQ(drafts, (Strings{"false", "true", "true"}));
}

TEST_F(ScriptHttpTest, A144_A145_LoadingLooksAtTheCurrentRoomAlone) {
  const RevisionId second = Branch(kFirstRevision, false);
  const std::string body = absl::StrCat(R"({"new_rev_id":)", Number(second), "}");
  Enter();
  const Got refused = AsAda("POST", "show/script/revisions/current", body);
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.BlockerCodes(), Strings{"occupied"});
  EXPECT_NE(refused.Text("message").find("collaborative edit session"), std::string::npos);
  EXPECT_EQ(store_.Script().current, kFirstRevision);

  Enter({kShow, second});
  Draft();
  TakeSaid();
  EXPECT_EQ(AsAda("POST", "show/script/revisions/current", body).status, 200)
      << "a draft stays with its revision";
  EXPECT_EQ(store_.Script().current, second);
  EXPECT_EQ(TakeSaid(), Strings{"current changed"});
}

TEST_F(ScriptHttpTest, A146_A147_NoBranchOfADraftOrARoom) {
  const auto refuses = [&](std::string_view code) {
    const Got got =
        AsAda("POST", "show/script/revisions", R"({"parent_revision_id":1,"description":"x"})");
    EXPECT_EQ(got.status, 409);
    EXPECT_EQ(got.BlockerCodes(), Strings{std::string(code)});
    EXPECT_NE(got.Text("message").find("active room or unsaved draft"), std::string::npos);
  };
  Draft();
  refuses("unsaved-draft");
  drafts_.clear();
  Enter();
  refuses("occupied");
}

TEST_F(ScriptHttpTest, A148_A149_ADraftOrARoomIsNotDeleted) {
  const RevisionId second = Branch(kFirstRevision, false);
  const std::string target = absl::StrCat("show/script/revisions?rev_id=", Number(second));
  const auto refuses = [&](std::string_view code) {
    const Got got = AsAda("DELETE", target);
    EXPECT_EQ(got.status, 409);
    EXPECT_EQ(got.BlockerCodes(), Strings{std::string(code)});
    EXPECT_NE(got.Text("message").find("active room or unsaved draft"), std::string::npos);
  };
  Draft({kShow, second});
  refuses("unsaved-draft");
  drafts_.clear();
  Enter({kShow, second});
  refuses("occupied");
  // Those of another revision are no matter.
  Enter();
  Draft();
  TakeSaid();
  EXPECT_EQ(AsAda("DELETE", target).status, 200);
  EXPECT_EQ(TakeSaid(), (Strings{"hold script/1/revision/2", "release script/1/revision/2",
                                 "GET_SCRIPT_REVISIONS"}));
}

// --- Who may what, and forms

TEST_F(ScriptHttpTest, EveryCallThatWritesNeedsAUserWhoMay) {
  std::size_t writing = 0;
  for (const Route& route : Routes()) {
    const auto [target, body] = RequestFor(route);
    if (route.need == Need::kNothing) {
      EXPECT_EQ(route.method, "GET");
      EXPECT_LT(Call(route.method, target).status, 400) << target;
      continue;
    }
    ++writing;
    const Got unknown = Call(route.method, target, {.body = body});
    EXPECT_EQ(unknown.status, 401) << target;
    EXPECT_EQ(unknown.Text("detail"), "No token provided");
    EXPECT_NE(unknown.headers.find("WWW-Authenticate: Bearer\r\n"), std::string::npos);
    EXPECT_EQ(Call(route.method, target, {.token = "nobody", .body = body}).Text("detail"),
              "Invalid or expired token");
    if (route.path == "auth") continue;
    const Got reader = Call(route.method, target, {.token = "bob", .body = body});
    EXPECT_EQ(reader.status, 403) << target;
    EXPECT_EQ(reader.Text("message"), "Insufficient permissions");
  }
  EXPECT_EQ(writing, 14u);
  EXPECT_EQ(hub_.said, Strings{}) << "and nobody is told of what was refused";
}

TEST_F(ScriptHttpTest, AnAdministratorMayWriteInEveryShow) {
  EXPECT_EQ(Call("PUT", "show/script/cuts", {.token = "root", .body = R"({"cuts":[101]})"}).status,
            200);
}

TEST_F(ScriptHttpTest, FormsAreLookedAtBeforeAnythingElse) {
  for (const Route& route : Routes()) {
    auto [target, body] = RequestFor(route);
    const std::string with =
        target + (target.find('?') == std::string::npos ? "?" : "&") + "nonsense=1";
    EXPECT_EQ(AsAda(route.method, with, body).status, 400) << with;
    if (!route.takes_body) {
      EXPECT_EQ(AsAda(route.method, target, "{}").Text("detail"), "this call takes no body")
          << target;
      continue;
    }
    EXPECT_EQ(AsAda(route.method, target).status, 411);
    EXPECT_EQ(
        Call(route.method, target, {.token = "ada", .body = body, .has_length = false}).status,
        411);
    const Got type =
        Call(route.method, target,
             {.token = "ada", .body = body, .headers = {{"Content-Type", "text/plain"}}});
    EXPECT_EQ(type.status, 415);
    EXPECT_EQ(AsAda(route.method, target, std::string(ScriptHttp::kMaxBodyBytes + 1, ' ')).status,
              413);
    EXPECT_EQ(AsAda(route.method, target, "{\n \"x\": nope}").Text("detail").substr(0, 39),
              "the body is no JSON: line 2, column 7, ");
    EXPECT_EQ(AsAda(route.method, target, "[1]").Text("detail"), "the body is JSON, but no object");
    EXPECT_EQ(AsAda(route.method, target, R"({"nonsense":1})").status, 400) << target;
  }
}

TEST_F(ScriptHttpTest, PathsAndMethodsThatAreNotServed) {
  EXPECT_TRUE(ScriptHttp::Serves("/api/v1/show"));
  EXPECT_TRUE(ScriptHttp::Serves("/api/v1"));
  EXPECT_FALSE(ScriptHttp::Serves("/api/v11"));
  EXPECT_FALSE(ScriptHttp::Serves("/api/rooms"));
  EXPECT_EQ(Call("GET", "nothing").type(), "urn:weft:problem:no-such-path");
  const Got method = Call("PUT", "show/script");
  EXPECT_EQ(method.status, 405);
  EXPECT_NE(method.headers.find("Allow: GET, HEAD, POST, PATCH, OPTIONS\r\n"), std::string::npos)
      << method.headers;
  const Got options = Call("OPTIONS", "shows");
  EXPECT_EQ(options.status, 204);
  EXPECT_NE(options.headers.find("Allow: GET, HEAD, OPTIONS\r\n"), std::string::npos);
  EXPECT_EQ(Call("HEAD", "shows").status, 200);
  EXPECT_EQ(Call("GET", "shows?x=%zz").status, 400);
}

TEST_F(ScriptHttpTest, TheDescriptionIsServed) {
  const Got got = Call("GET", "openapi.json");
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.Text("openapi"), "3.1.0");
  const std::size_t begin = got.headers.find("ETag: ") + 6;
  const std::string tag = got.headers.substr(begin, got.headers.find("\r\n", begin) - begin);
  EXPECT_EQ(Call("GET", "openapi.json", {.headers = {{"If-None-Match", tag}}}).status, 304);
  // Every route is in it, and nothing else.
  Strings described;
  for (const auto& [path, item] : got.json.Find("paths")->AsObject()->entries()) {
    for (const auto& [method, call] : item.AsObject()->entries())
      described.push_back(method + " " + path);
  }
  Strings served;
  for (const Route& route : Routes()) {
    std::string method(route.method);
    for (char& letter : method) letter |= 0x20;
    served.push_back(absl::StrCat(method, " /api/v1/", std::string(route.path)));
  }
  std::ranges::sort(described);
  std::ranges::sort(served);
  EXPECT_EQ(described, served);
}

// --- Live sessions

TEST_F(ScriptHttpTest, ALiveSessionIsStartedOnceAndStopped) {
  EXPECT_EQ(Call("GET", "show/sessions/current").text, "{\"live\":false,\"session\":null}\n");
  const Got started = AsAda("POST", "show/sessions/start");
  EXPECT_EQ(started.status, 201);
  EXPECT_EQ(
      started.Json("session"),
      R"({"id":1,"show_id":1,"started_at":"2027-01-15T08:00:00.000Z","started_by":{"user_id":1,"username":"ada"}})");
  EXPECT_EQ(TakeSaid(), (Strings{"live", "GET_SHOW_SESSION_DATA"}));
  const Got again = AsAda("POST", "show/sessions/start");
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(again.BlockerCodes(), Strings{"frozen"});
  EXPECT_EQ(again.Text("message"), "Cannot start a session: a live session is in progress");
  EXPECT_EQ(Call("GET", "show/sessions/current").Json("session"), started.Json("session"));
  EXPECT_EQ(Call("GET", "show/script/config").Json("live"), "true");
  EXPECT_EQ(AsAda("POST", "show/sessions/stop").status, 200);
  EXPECT_EQ(TakeSaid(), (Strings{"not live", "GET_SHOW_SESSION_DATA"}));
  EXPECT_EQ(AsAda("POST", "show/sessions/stop").type(), "urn:weft:problem:not-live");
  EXPECT_EQ(AsAda("POST", "show/sessions/start")
                .json.Find("session")
                ->AsObject()
                ->Find("id")
                ->AsNumber()[0],
            2.0)
      << "numbers of sessions are not given again";
}

TEST_F(ScriptHttpTest, ALiveSessionFreezesEveryCallThatChangesTheScript) {
  const RevisionId second = Branch(kFirstRevision, false);
  GoLive();
  TakeSaid();
  std::size_t frozen = 0;
  for (const Route& route : Routes()) {
    auto [target, body] = RequestFor(route);
    if (route.path == "show/script/revisions" && route.method == "DELETE") {
      target = absl::StrCat("show/script/revisions?rev_id=", Number(second));
    }
    const bool may = route.need != Need::kWrite || route.path == "show/script/validate";
    if (route.path == "show/sessions/stop" || (may && route.path != "show")) continue;
    if (route.method == "GET") continue;
    const Got got = AsAda(route.method, target, body);
    EXPECT_EQ(got.status, 409) << route.method << " " << target << got.text;
    EXPECT_EQ(got.BlockerCodes(), Strings{"frozen"}) << target;
    EXPECT_NE(got.Text("message").find("live session"), std::string::npos);
    ++frozen;
  }
  EXPECT_EQ(frozen, 11u);
  EXPECT_EQ(AsAda("POST", "show/script/validate").status, 200) << "reading goes on";
}

TEST_F(ScriptHttpTest, WhatIsLiveIsLookedAtInTheTransactionThatWrites) {
  // The session begins after the guards looked.
  const api::Target target = *api::Target::Parse("/api/v1/show/script/cuts");
  const api::Request request{.method = "PUT",
                             .header = [](std::string_view) { return std::string_view(); }};
  const auto user = Identify("ada");
  const Any body = *crdt::ParseJson(R"({"cuts":[101]})", 4);
  const CallServices services{.rows = store_.rows(),
                              .hub = hub_,
                              .identify = {},
                              .draft = {},
                              .document = {},
                              .now_ms = {}};
  const Work work{.services = services,
                  .request = request,
                  .target = target,
                  .body = body,
                  .user = &*user,
                  .show = kShow,
                  .revision = store_.Load().info,
                  .current = kFirstRevision};
  GoLive();
  const Outcome outcome = WriteCuts(work);
  EXPECT_EQ(outcome.http.status, 409);
  EXPECT_TRUE(outcome.tell.empty());
  EXPECT_EQ(store_.Cuts(), std::vector<PartId>{});
}

// --- Shows

TEST_F(ScriptHttpTest, AShowSaysWhatLinesReferTo) {
  EXPECT_EQ(Call("GET", "shows").text,
            "{\"current_show\":1,\"shows\":[{\"id\":1,\"name\":\"" + SampleShow().name + "\"}]}\n");
  const Got show = Call("GET", "show");
  EXPECT_EQ(show.Json("acts"), crdt::ToJsonText(*ToJson(SampleShow()).Find("acts")));
  EXPECT_EQ(show.Json("current_revision"), "1");
  EXPECT_EQ(show.Text("mode"), "full");
}

TEST_F(ScriptHttpTest, AnotherShowIsLoadedUnlessSomethingIsUnsaved) {
  Imported other;
  ImportedShow show{.show = SampleShow(), .script = ScriptWith({})};
  show.show.id = ShowId{2};
  show.script.show = ShowId{2};
  show.revisions.push_back({.revision = RevisionOf({})});
  other.shows.push_back(show);
  store_.Write([&](store::RowWriter& rows) { return WriteImport(rows, other); });
  EXPECT_EQ(AsAda("POST", "show?load=true", R"({"id":2})").status, 403)
      << "who may not write in the other";
  EXPECT_EQ(AsAda("POST", "show?load=true", R"({"id":3})").status, 404);
  EXPECT_EQ(AsAda("POST", "show", R"({"id":1})").status, 400);
  EXPECT_EQ(AsAda("POST", "show?load=true", R"({"id":"1"})").Text("detail"),
            "id is no integer of 0 to 9007199254740991");

  const RevisionId second = Branch(kFirstRevision, false);
  Draft({kShow, second});
  const Got refused = Call("POST", "show?load=true", {.token = "root", .body = R"({"id":2})"});
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.BlockerCodes(), Strings{"unsaved-draft"});
  drafts_.clear();
  TakeSaid();
  EXPECT_EQ(Call("POST", "show?load=true", {.token = "root", .body = R"({"id":2})"}).text,
            "{\"current_show\":2}\n");
  EXPECT_EQ(TakeSaid(), (Strings{"current changed", "SHOW_CHANGED"}));
  EXPECT_EQ(Call("POST", "show?load=true", {.token = "root", .body = R"({"id":2})"}).status, 200);
  EXPECT_EQ(TakeSaid(), Strings{}) << "nothing changed";
  EXPECT_EQ(Call("GET", "shows").Json("current_show"), "2");
  EXPECT_EQ(AsAda("GET", "auth").Json("may_write"), "false");
}

TEST_F(ScriptHttpTest, AUserIsToldWhoItIs) {
  EXPECT_EQ(AsAda("GET", "auth").text,
            "{\"id\":1,\"username\":\"ada\",\"admin\":false,\"roles\":{\"1\":\"write\"},\"may_"
            "write\":true}\n");
}

TEST_F(ScriptHttpTest, AScriptWithoutRevisionsHasNoActiveOne) {
  store_.Write([](store::RowWriter& rows) {
    absl::Status status = rows.Erase(table::kRevision, KeyOf(kShow, kFirstRevision));
    if (status.ok()) status = PutScript(rows, {.show = kShow});
    return status;
  });
  EXPECT_EQ(Call("GET", "show/script/revisions").text,
            "{\"current_revision\":null,\"revisions\":[]}\n");
  EXPECT_EQ(Call("GET", "show/script/config").status, 200);
  EXPECT_EQ(Call("GET", "show/script?page=1").Text("detail"), "No active revision");
}

// --- Revisions

TEST_F(ScriptHttpTest, ARevisionIsBranchedLoadedAndDeleted) {
  const Got made = AsAda("POST", "show/script/revisions", R"({"description":"second night"})");
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(made.text,
            "{\"id\":2,\"revision\":2,\"previous_revision_id\":1,\"description\":\"second night\","
            "\"created_at\":\"2027-01-15T08:00:00.000Z\",\"edited_at\":\"2027-01-15T08:00:00."
            "000Z\",\"lines\":4,\"current\":true}\n");
  EXPECT_EQ(TakeSaid(), Strings{"current changed"});
  EXPECT_EQ(store_.Script().current, RevisionId{2});
  EXPECT_EQ(AsAda("DELETE", "show/script/revisions?rev_id=2").status, 200);
  EXPECT_EQ(store_.Script().current, kFirstRevision);
  EXPECT_EQ(TakeSaid(), (Strings{"hold script/1/revision/2", "release script/1/revision/2",
                                 "current changed"}));

  EXPECT_EQ(AsAda("DELETE", "show/script/revisions?rev_id=1").type(),
            "urn:weft:problem:first-revision");
  EXPECT_EQ(AsAda("DELETE", "show/script/revisions").status, 400);
  EXPECT_EQ(AsAda("DELETE", "show/script/revisions?rev_id=x").status, 400);
  EXPECT_EQ(AsAda("DELETE", "show/script/revisions?rev_id=7").status, 404);
  EXPECT_EQ(AsAda("POST", "show/script/revisions", R"({"parent_revision_id":7,"description":"x"})")
                .status,
            404);
  EXPECT_EQ(AsAda("POST", "show/script/revisions", R"({"description":""})").Text("detail"),
            "description is empty");
  EXPECT_EQ(
      AsAda("POST", "show/script/revisions", R"({"parent_revision_id":"x","description":"x"})")
          .status,
      400);
  EXPECT_EQ(AsAda("POST", "show/script/revisions/current", R"({"new_rev_id":7})").status, 404);
  EXPECT_EQ(AsAda("POST", "show/script/revisions/current", "{}").status, 400);
  EXPECT_EQ(AsAda("POST", "show/script/revisions",
                  absl::StrCat(R"({"description":")", std::string(5'000, 'x'), "\"}"))
                .status,
            400);
}

TEST_F(ScriptHttpTest, TheDraftIsDiscardedByTheHub) {
  EXPECT_EQ(AsAda("DELETE", "show/script/draft").text,
            "{\"message\":\"The draft is discarded\"}\n");
  EXPECT_EQ(TakeSaid(), Strings{"discard script/1/revision/1"});
  EXPECT_EQ(AsAda("DELETE", "show/script/draft?rev_id=9").status, 404);
  hub_.discarded = absl::AbortedError("publishing");
  const Got busy = AsAda("DELETE", "show/script/draft?rev_id=1");
  EXPECT_EQ(busy.status, 409);
  EXPECT_EQ(busy.BlockerCodes(), Strings{"publishing"});
  hub_.discarded = absl::UnavailableError("the server stops");
  EXPECT_EQ(AsAda("DELETE", "show/script/draft").status, 503);
}

TEST_F(ScriptHttpTest, RevisionsAreComparedByTheIdsOfLines) {
  Branch(kFirstRevision, true);
  EXPECT_EQ(
      AsAda(
          "PATCH", "show/script?page=1",
          R"({"lines":[{"line_type":4},{"id":2,"line_type":1,"line_parts":[{"id":102,"character_id":21,"line_text":"two!"}]}]})")
          .status,
      200);
  const Got diff = Call("GET", "show/script/revisions/diff?from=1&to=2");
  const auto ids = [&](std::string_view name, const char* member = nullptr) {
    std::string text;
    for (const Any& one : *diff.json.Find(name)->AsArray()) {
      const AnyObject* line = one.AsObject();
      if (member != nullptr) line = line->Find(member)->AsObject();
      text += crdt::ToJsonText(*line->Find("id")) + " ";
    }
    return text;
  };
  EXPECT_EQ(ids("added"), "5 ");
  EXPECT_EQ(ids("removed"), "1 ");
  EXPECT_EQ(ids("changed", "to"), "2 ");
  EXPECT_EQ(ids("moved", "to"), "");
  EXPECT_EQ(Call("GET", "show/script/revisions/diff?from=1").status, 400);
  EXPECT_EQ(Call("GET", "show/script/revisions/diff?from=1&to=9").status, 404);
}

TEST(ScriptDiff, AsFewLinesAreMovedAsExplainTheOrder) {
  const Revision from = RevisionOf(Lines({1, 1, 1, 1, 2}));
  Revision to = from;
  std::rotate(to.lines.begin(), to.lines.begin() + 3, to.lines.begin() + 4);  // 4 1 2 3 5
  to.lines[4].page = 3;
  const RevisionDiff diff = Compare(from, to);
  Strings moved;
  for (const auto& line : diff.moved) {
    moved.push_back(absl::StrCat(Number(line.to->id), ":", line.from->page, "->", line.to->page));
  }
  EXPECT_EQ(moved, (Strings{"4:1->1", "5:2->3"}));
  EXPECT_TRUE(diff.added.empty() && diff.removed.empty() && diff.changed.empty());
  EXPECT_TRUE(Compare(from, from).moved.empty());
  EXPECT_TRUE(Compare(RevisionOf({}), RevisionOf({})).moved.empty());
}

std::string Gunzip(std::string_view bytes) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 16 + MAX_WBITS), Z_OK);
  std::string out(1 << 20, '\0');
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

TEST_F(ScriptHttpTest, ACompiledScriptIsCompressedForWhoTakesThat) {
  const Got zipped =
      Call("GET", "show/script/compiled", {.headers = {{"Accept-Encoding", "br, gzip"}}});
  EXPECT_NE(zipped.headers.find("Content-Encoding: gzip\r\n"), std::string::npos);
  EXPECT_EQ(Gunzip(zipped.text), CompiledJson(store_.Load()));
  for (const char* accepted : {"", "gzip;q=0, br"}) {
    const Got plain =
        Call("GET", "show/script/compiled?rev_id=1", {.headers = {{"Accept-Encoding", accepted}}});
    EXPECT_EQ(plain.text, CompiledJson(store_.Load()));
    EXPECT_EQ(plain.headers.find("Content-Encoding"), std::string::npos);
  }
  const std::size_t begin = zipped.headers.find("ETag: ") + 6;
  const std::string tag = zipped.headers.substr(begin, zipped.headers.find("\r\n", begin) - begin);
  EXPECT_EQ(Call("GET", "show/script/compiled", {.headers = {{"If-None-Match", tag}}}).status, 304);
  EXPECT_EQ(Call("GET", "show/script/compiled?rev_id=9").status, 404);
}

TEST_F(ScriptHttpTest, ValidationSaysWhatSavingWouldSay) {
  const Got whole = AsAda("POST", "show/script/validate");
  EXPECT_EQ(
      whole.text,
      "{\"valid\":true,\"problems\":[],\"lines\":4,\"added\":0,\"changed\":0,\"removed\":0}\n");

  const auto doc = store_.Document();
  InsertDialogue(*doc, 2, 1, "new", "said by nobody");
  PartAt(*doc, 2, 1).Set(kCharacterId, 0.0);
  LineAt(*doc, 3, 0).Set(kLineType, "x");
  document_ = doc->EncodeStateAsUpdate();
  const Got broken = AsAda("POST", "show/script/validate");
  EXPECT_EQ(broken.Json("valid"), "false");
  Strings places;
  for (const Any& one : *broken.json.Find("problems")->AsArray()) {
    const AnyObject& problem = *one.AsObject();
    places.push_back(absl::StrCat(crdt::ToJsonText(*problem.Find("page")), "/",
                                  crdt::ToJsonText(*problem.Find("line"))));
  }
  EXPECT_EQ(places, (Strings{"2/2", "3/1"})) << broken.text;
  EXPECT_EQ(broken.Json("added"), "null");
  EXPECT_EQ(store_.Texts().size(), 4u) << "nothing is written";

  document_ = store_.Document()->EncodeStateAsUpdate();
  base_ = 4711;
  EXPECT_NE(AsAda("POST", "show/script/validate").Json("problems").find("not-this-revision"),
            std::string::npos);
  document_ = crdt::Bytes{1, 2, 3};
  base_.reset();
  EXPECT_EQ(AsAda("POST", "show/script/validate").status, 500);
}

// --- Lines, cues, cuts

TEST_F(ScriptHttpTest, APageIsReadAsItIsStored) {
  const Got page = Call("GET", "show/script?page=1");
  EXPECT_EQ(page.Json("max_page"), "3");
  EXPECT_EQ(page.Json("lines"), crdt::ToJsonText(Any::Array{ToJson(store_.Load().lines[0]),
                                                            ToJson(store_.Load().lines[1])}));
  EXPECT_EQ(Call("GET", "show/script?page=9").Json("lines"), "[]");
  EXPECT_EQ(Call("GET", "show/script").status, 400);
  EXPECT_EQ(Call("GET", "show/script?page=-1").status, 400);
  EXPECT_EQ(Call("GET", "show/script?page=4294967296").status, 400);
  EXPECT_EQ(Call("GET", "show/script?page=1&rev_id=9").status, 404);
  const std::size_t begin = page.headers.find("ETag: ") + 6;
  const std::string tag = page.headers.substr(begin, page.headers.find("\r\n", begin) - begin);
  EXPECT_EQ(Call("GET", "show/script?page=1", {.headers = {{"If-None-Match", tag}}}).status, 304);
  const Sent stale{.token = "ada", .body = R"({"lines":[]})", .headers = {{"If-Match", "\"0\""}}};
  EXPECT_EQ(Call("PATCH", "show/script?page=1", stale).status, 412);
  const Sent fresh{.token = "ada", .body = R"({"lines":[]})", .headers = {{"If-Match", tag}}};
  EXPECT_EQ(Call("PATCH", "show/script?page=1", fresh).status, 200);
}

TEST_F(ScriptHttpTest, APageIsAddedWhereThereIsNone) {
  const std::string lines =
      R"({"lines":[{"line_type":2,"stage_direction_style_id":41,"act_id":1,"scene_id":11,"line_parts":[{"line_text":"Exit."}]}]})";
  const Got made = AsAda("POST", "show/script?page=9", lines);
  EXPECT_EQ(made.status, 201) << made.text;
  EXPECT_EQ(store_.Texts().back(), "9: Exit.");
  EXPECT_EQ(AsAda("POST", "show/script?page=9", lines).type(), "urn:weft:problem:page-exists");
  EXPECT_EQ(AsAda("PATCH", "show/script?page=8", lines).status, 404);
  EXPECT_EQ(AsAda("POST", "show/script?page=0", lines).status, 400);
  EXPECT_EQ(AsAda("POST", "show/script", lines).status, 400);
}

TEST_F(ScriptHttpTest, LinesThatAreNotValidAreAllTold) {
  const Strings before = store_.Texts();
  const Got got = AsAda(
      "PATCH", "show/script?page=1",
      R"({"lines":[{"line_type":1},{"line_type":1,"line_parts":[{"character_id":99,"line_text":""}]},
                                     {"id":3,"line_type":4},{"id":700,"line_type":4}]})");
  EXPECT_EQ(got.status, 422);
  EXPECT_EQ(got.type(), "urn:weft:problem:invalid-script");
  Strings kinds;
  for (const Any& one : *got.json.Find("problems")->AsArray()) {
    const AnyObject& problem = *one.AsObject();
    kinds.push_back(absl::StrCat(crdt::ToJsonText(*problem.Find("page")), "/",
                                 crdt::ToJsonText(*problem.Find("line")), " ",
                                 *problem.Find("kind")->AsString()));
  }
  EXPECT_EQ(kinds,
            (Strings{"1/1 rule", "1/2 unknown-reference", "1/4 unknown-id", "2/1 duplicate-id"}))
      << got.text;
  EXPECT_EQ(store_.Texts(), before);
  EXPECT_EQ(AsAda("PATCH", "show/script?page=1",
                  R"({"lines":[{"line_type":9}, 5, {"line_type":1,"act_id":-1}]})")
                .status,
            400);
  EXPECT_EQ(AsAda("PATCH", "show/script?page=1", R"({"lines":{}})").Text("detail"),
            "lines is no list");
}

TEST_F(ScriptHttpTest, CuesAndCutsGoWithTheLinesThatAreTakenAway) {
  EXPECT_EQ(AsAda("PUT", "show/script/cuts", R"({"cuts":[101,103]})").text,
            "{\"cuts\":[101,103]}\n");
  EXPECT_EQ(AsAda("POST", "show/cues", R"({"line_id":1,"label":"LX 1"})").status, 201);
  EXPECT_EQ(AsAda("PATCH", "show/script?page=1", R"({"lines":[{"id":2,"line_type":4}]})").status,
            200);
  EXPECT_EQ(Call("GET", "show/script/cuts").text, "{\"cuts\":[103]}\n");
  EXPECT_EQ(Call("GET", "show/cues").text, "{\"cues\":[]}\n");
}

TEST_F(ScriptHttpTest, CuesGetIdsThatNoCueOfTheShowEverHad) {
  TakeSaid();
  EXPECT_EQ(AsAda("POST", "show/cues", R"({"line_id":2,"label":"LX 1"})").text,
            "{\"id\":1,\"line_id\":2,\"label\":\"LX 1\"}\n");
  EXPECT_EQ(TakeSaid().back(), "GET_CUES");
  EXPECT_EQ(AsAda("DELETE", "show/cues?id=1").status, 200);
  EXPECT_EQ(AsAda("DELETE", "show/cues?id=1").status, 404);
  EXPECT_EQ(AsAda("POST", "show/cues", R"({"line_id":2,"label":"LX 2"})").Json("id"), "2");
  EXPECT_EQ(Call("GET", "show/cues?rev_id=1").text,
            "{\"cues\":[{\"id\":2,\"line_id\":2,\"label\":\"LX 2\"}]}\n");
  store_.Write([](store::RowWriter& rows) {
    return PutCue(rows, kShow, kFirstRevision,
                  {.id = CueId{40}, .line = LineId{1}, .label = "imported"});
  });
  EXPECT_EQ(AsAda("POST", "show/cues", R"({"line_id":2,"label":"LX 3"})").Json("id"), "41");
  EXPECT_EQ(AsAda("POST", "show/cues", R"({"line_id":77,"label":"x"})").status, 404);
  EXPECT_EQ(AsAda("POST", "show/cues",
                  absl::StrCat(R"({"line_id":1,"label":")", std::string(2'000, 'x'), "\"}"))
                .status,
            400);
  EXPECT_EQ(AsAda("DELETE", "show/cues").status, 400);
}

TEST_F(ScriptHttpTest, CutsAreOfPartsThatAreThereAndOfTheOneWhoCuts) {
  const Got missing = AsAda("PUT", "show/script/cuts", R"({"cuts":[101,999]})");
  EXPECT_EQ(missing.status, 400);
  EXPECT_EQ(missing.Text("detail"), "the revision has no part 999");
  EXPECT_EQ(AsAda("PUT", "show/script/cuts", R"({"cuts":["x"]})").status, 400);
  hub_.status.cutters = {{.internal_id = "c", .username = "root", .user = UserId{3}}};
  const Got held = AsAda("PUT", "show/script/cuts", R"({"cuts":[101]})");
  EXPECT_EQ(held.status, 409);
  EXPECT_EQ(held.BlockerCodes(), Strings{"held"});
  EXPECT_EQ(store_.Cuts(), std::vector<PartId>{});
  EXPECT_EQ(Call("PUT", "show/script/cuts", {.token = "root", .body = R"({"cuts":[101]})"}).status,
            200);
  EXPECT_EQ(hub_.said.back(), "GET_CUTS");
  for (const auto& [method, target, body] :
       {std::tuple("PUT", "show/script/cuts", R"({"cuts":[]})"),
        std::tuple("POST", "show/cues", R"({"line_id":1,"label":"x"})")}) {
    Draft();
    EXPECT_EQ(AsAda(method, target, body).type(), kBlocked);
    drafts_.clear();
    Enter();
    EXPECT_EQ(AsAda(method, target, body).type(), kBlocked);
    hub_.status.members.clear();
  }
}

TEST_F(ScriptHttpTest, WhatIsDamagedIsSaidToBe) {
  store_.Write([](store::RowWriter& rows) {
    return rows.Erase(table::kRevisionLine, KeyOf(kShow, kFirstRevision, LineId{2}));
  });
  const Got got = Call("GET", "show/script?page=1");
  EXPECT_EQ(got.status, 500);
  EXPECT_NE(got.Text("detail").find("weft script check --repair"), std::string::npos) << got.text;
}

}  // namespace
}  // namespace weft::server::script
