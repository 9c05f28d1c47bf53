#include "server/script/import.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/script/script_store.h"

namespace weft::server::script {
namespace {

using Texts = std::vector<std::string>;

Texts ProblemsOf(std::string_view json) {
  Texts problems;
  ReadImport(json, 0, problems);
  return problems;
}

// A file with this as the list of revisions.
std::string FileWith(const std::string& revisions) {
  return R"({"shows":[{"id":1,"name":"The Tempest","acts":[{"id":1,"name":"I"}],)"
         R"("characters":[{"id":21,"name":"Miranda"}],"script":{"revisions":)" +
         revisions + "}}]}";
}

constexpr const char* kFile = R"({
  "users": [{"id": 2, "username": "grace", "admin": false, "roles": {"7": "write", "8": "read"}},
            {"id": 3, "username": "root", "admin": true}],
  "shows": [{"id": 7, "name": "The Tempest",
    "acts": [{"id": 1, "name": "I"}],
    "scenes": [{"id": 11, "act_id": 1, "name": "On a ship"}, {"id": 12, "act_id": null, "name": "?"}],
    "characters": [{"id": 21, "name": "Miranda"}],
    "character_groups": [{"id": 31, "name": "All", "characters": [21]}],
    "stage_direction_styles": [{"id": 41, "name": "Italic"}],
    "script": {"revisions": [
      {"id": 5, "parent": null, "description": "first", "lines": [
        {"id": 1, "page": 1, "act_id": 1, "scene_id": 11, "line_type": 1,
         "stage_direction_style_id": null,
         "parts": [{"id": 101, "part_index": 0, "character_id": 21, "character_group_id": null,
                    "text": "O, wonder!"}]},
        {"page": 2, "line_type": 4}],
       "cues": [{"id": 3, "line_id": 1, "label": "LX 3"}], "cuts": [101]},
      {"id": 6, "parent": 5, "description": "second", "current": true, "lines": [
        {"id": 1, "page": 1, "act_id": 1, "scene_id": 11, "line_type": 1,
         "parts": [{"id": 101, "character_id": 21, "text": "O, wonder!"}]},
        {"page": null, "line_type": 2, "stage_direction_style_id": 41, "parts": [{"text": "Exit"}]}
      ]}]}}]})";

TEST(ScriptImport, AFileIsStoredAndExportedAgain) {
  Texts problems;
  std::string file = kFile;
  file.replace(file.find(R"({"page": null, "line_type": 2)"), 13, R"({"page": 1)");
  const Imported imported = ReadImport(file, 1'000, problems);
  ASSERT_EQ(problems, Texts{});
  ScriptStore store;
  store.Write([&](store::RowWriter& rows) { return WriteImport(rows, imported); });
  const auto exported = store.Get([](const store::RowReader& rows) { return Export(rows); });
  ASSERT_TRUE(exported.ok()) << exported.status();
  EXPECT_NE(
      exported->find(
          R"({"id":6,"number":2,"parent":5,"description":"second","current":true,)"
          R"("created_ms":1000,"edited_ms":1000,"lines":[{"id":1,"page":1,"act_id":1,"scene_id":11,)"
          R"("line_type":1,"stage_direction_style_id":null,"parts":[{"id":101,"part_index":0,)"
          R"("character_id":21,"character_group_id":null,"text":"O, wonder!"}]},{"id":3,"page":1,)"),
      std::string::npos)
      << *exported;
  EXPECT_NE(exported->find(R"("cues":[{"id":3,"line_id":1,"label":"LX 3"}],"cuts":[101])"),
            std::string::npos);
  EXPECT_NE(exported->find(
                R"({"id":2,"username":"grace","admin":false,"roles":{"7":"write","8":"read"}})"),
            std::string::npos);

  // What was exported is a file that says the same.
  const Imported again = ReadImport(*exported, 2'000, problems);
  ASSERT_EQ(problems, Texts{});
  ScriptStore copy;
  Imported fresh = again;
  std::erase_if(fresh.users, [](const User& user) { return user.id == UserId{1}; });
  std::erase_if(fresh.shows, [](const ImportedShow& show) { return show.show.id == kShow; });
  copy.Write([&](store::RowWriter& rows) { return WriteImport(rows, fresh); });
  EXPECT_EQ(*copy.Get([](const store::RowReader& rows) { return Export(rows); }), *exported);
}

TEST(ScriptImport, LinesWithOneIdShareTheirContentWhereItIsTheSame) {
  Texts problems;
  const Imported imported = ReadImport(
      FileWith(
          R"([{"id":1,"lines":[{"id":4,"line_type":1,"parts":[{"character_id":21,"text":"a"}]}]},
                   {"id":2,"parent":1,"current":true,"lines":[
                     {"id":4,"line_type":1,"parts":[{"character_id":21,"text":"a"}]}]},
                   {"id":3,"parent":2,"lines":[
                     {"id":4,"line_type":1,"parts":[{"character_id":21,"text":"b"}]}]}])"),
      0, problems);
  ASSERT_EQ(problems, Texts{});
  const auto& revisions = imported.shows[0].revisions;
  const auto line = [&](std::size_t i) { return revisions[i].revision.lines[0]; };
  EXPECT_EQ(line(0), line(1));
  EXPECT_NE(line(1).version, line(2).version);
  EXPECT_EQ(line(1).content.parts[0].id, line(2).content.parts[0].id);
}

TEST(ScriptImport, IdsThatAreGivenComeBehindAllOfTheFile) {
  Texts problems;
  const Imported imported = ReadImport(
      FileWith(R"([{"id":1,"current":true,"lines":[{"line_type":4},{"id":900,"line_type":4}]}])"),
      0, problems);
  ASSERT_EQ(problems, Texts{});
  EXPECT_EQ(imported.shows[0].revisions[0].revision.lines[0].id, LineId{901});
  EXPECT_EQ(imported.shows[0].script.next_line, 902u);
}

TEST(ScriptImport, EverythingThatIsWrongWithAFileIsToldWithItsPlace) {
  EXPECT_EQ(
      ProblemsOf(R"({"user":[],"users":[{"id":0,"username":5,"roles":{"x":"write","2":"own"}},
        {"id":1,"username":"ada"},{"id":1,"username":"ada"}],
        "shows":[{"id":1,"acts":[{"id":1,"name":"I"},{"id":1,"name":"I"}],
          "scenes":[{"id":1,"act_id":9,"name":"S"}],
          "character_groups":[{"id":1,"name":"G","characters":[4]}],
          "script":{"mode":"half","revisions":[
            {"id":1,"lines":[{"id":1,"page":2,"line_type":1,"parts":[{"character_id":5}]},
                             {"id":1,"page":1,"line_type":7,"act":1},
                             {"line_type":4,"page":-1,"parts":3}],
             "cues":[{"id":1,"line_id":8}],"cuts":[77,"x"]},
            {"id":1,"parent":4}]}}]})"),
      (Texts{
          "user is no member that is known here",
          "users[0].id is no id: ids are positive integers",
          "users[0].username is no text",
          "users[0].roles.2 is no role; there are read and write",
          "users[0].roles.x is named after no show: its name is no id",
          "users[2].id comes twice: 1",
          "users[2].username comes twice: ada",
          "shows[0].name is missing",
          "shows[0].acts[1].id comes twice: 1",
          "shows[0].scenes[0].act_id names act 9, which is not there",
          "shows[0].character_groups[0].characters[0] names character 4, which is not there",
          "shows[0].script.mode is no mode; there are full and compact",
          "shows[0].script.revisions[0].lines[0] (page 2, line 1) part 1 character_id: the show "
          "has "
          "no character 5",
          "shows[0].script.revisions[0].lines[1].act is no member that is known here",
          "shows[0].script.revisions[0].lines[1].page is 1 after page 2: lines stand in their "
          "order",
          "shows[0].script.revisions[0].lines[1].line_type is no integer of 0 to 4",
          "shows[0].script.revisions[0].lines[1].id comes twice in the revision: 1",
          "shows[0].script.revisions[0].lines[1] (page 1, line 1) line_type: a line needs a type",
          "shows[0].script.revisions[0].lines[2].page is no integer of 0 to 4294967295",
          "shows[0].script.revisions[0].lines[2].page is 0 after page 1: lines stand in their "
          "order",
          "shows[0].script.revisions[0].lines[2].parts is no list",
          "shows[0].script.revisions[0].cues[0].line_id names line 8, which the revision lacks",
          "shows[0].script.revisions[0].cuts[0] names part 77, which the revision lacks",
          "shows[0].script.revisions[0].cuts[1] is no integer of 0 to 9007199254740991",
          "shows[0].script.revisions[1].id comes twice: 1",
          "shows[0].script.revisions has 0 revisions that are current, not one",
          "shows[0].script.revisions has revision 1 with parent 4, which is not there",
      }));
}

TEST(ScriptImport, ATreeHasOneRootAndNoCircle) {
  EXPECT_EQ(ProblemsOf(FileWith(R"([{"id":1,"parent":2,"current":true},{"id":2,"parent":1}])")),
            (Texts{"shows[0].script.revisions has 0 revisions without a parent, not one",
                   "shows[0].script.revisions has revision 1 among its own ancestors",
                   "shows[0].script.revisions has revision 2 among its own ancestors"}));
  EXPECT_EQ(ProblemsOf(FileWith(R"([{"id":1,"current":true},{"id":2,"current":true}])")),
            (Texts{"shows[0].script.revisions has 2 revisions without a parent, not one",
                   "shows[0].script.revisions has 2 revisions that are current, not one"}));
  EXPECT_EQ(ProblemsOf(FileWith("[]")),
            Texts{"shows[0].script.revisions holds no revision that can be read"});
}

TEST(ScriptImport, WhatIsNoFileIsTold) {
  EXPECT_EQ(
      ProblemsOf("{"),
      Texts{
          "the file is no JSON: line 1, column 2, offset 1: the text ends before its value does"});
  EXPECT_EQ(ProblemsOf("[]"), Texts{"the file is no object"});
  EXPECT_EQ(ProblemsOf("\"\xff\""), Texts{"the file is no UTF-8"});
  EXPECT_EQ(ProblemsOf(R"({"users":[{"id":1,"username":"\ud800"}]})"),
            Texts{"users[0].username has half of a surrogate pair"});
  EXPECT_EQ(ProblemsOf(R"({"shows":[{"id":1,"name":"Hamlet"}]})"),
            Texts{"shows[0].script is missing"});
  EXPECT_EQ(ProblemsOf("{}"), Texts{});
}

TEST(ScriptImport, ShowsAndUsersThatAreThereAreLeftAlone) {
  ScriptStore store(Lines({1}));
  Imported imported;
  imported.users = {{.id = UserId{1}, .username = "eve"}, {.id = UserId{2}, .username = "ada"}};
  imported.shows.push_back({.show = {.id = kShow, .name = "Hamlet"}});
  const absl::Status status =
      store.rows().Write([&](store::RowWriter& rows) { return WriteImport(rows, imported); });
  EXPECT_TRUE(absl::IsAlreadyExists(status));
  EXPECT_EQ(status.message(), "these are there already: user 1, a user named ada, show 1");
  EXPECT_EQ(store.Count(table::kUser), 1u);
  EXPECT_EQ(store.Texts(), Texts{"1: one"});
}

}  // namespace
}  // namespace weft::server::script
