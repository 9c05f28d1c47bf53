#include "server/script/show_json.h"

#include <charconv>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"

namespace weft::server::script {
namespace {

using Ids = absl::flat_hash_set<std::uint64_t>;

crdt::Any ToNumber(std::uint64_t id) { return static_cast<double>(id); }

// The id of an element, which the list must not have yet.
std::uint64_t ReadNewId(const JsonPlace& element, Ids& seen) {
  const JsonPlace place = element.Member("id");
  const std::uint64_t id = place.Id();
  if (id != 0 && !seen.insert(id).second) place.Tell(absl::StrCat("comes twice: ", id));
  return id;
}

std::vector<Named> ReadNamed(const JsonPlace& list, Ids& seen) {
  std::vector<Named> named;
  for (const JsonPlace& element : list.Elements()) {
    if (!element.ExpectObject({"id", "name"})) continue;
    named.push_back({.id = ReadNewId(element, seen), .name = element.Member("name").Text()});
  }
  return named;
}

crdt::Any::Array NamedToJson(const std::vector<Named>& list) {
  crdt::Any::Array json;
  for (const Named& named : list) {
    json.emplace_back(crdt::AnyObject{{"id", ToNumber(named.id)}, {"name", named.name}});
  }
  return json;
}

}  // namespace

crdt::Any RefToJson(Ref ref) { return ref ? ToNumber(*ref) : crdt::Any(crdt::Any::Null{}); }

crdt::AnyObject ToJson(const User& user) {
  crdt::AnyObject roles;
  for (const auto& [show, role] : user.roles) {
    roles.Set(std::to_string(Number(show)), role == ShowRole::kWrite ? "write" : "read");
  }
  return {{"id", ToNumber(Number(user.id))},
          {"username", user.username},
          {"admin", user.admin},
          {"roles", std::move(roles)}};
}

User ReadUser(const JsonPlace& place) {
  User user;
  if (!place.ExpectObject({"id", "username", "admin", "roles"})) return user;
  user.id = UserId{place.Member("id").Id()};
  user.username = place.Member("username").Text();
  user.admin = place.Member("admin").BoolOr(false);
  const JsonPlace roles = place.Member("roles");
  if (roles.is_absent()) return user;
  const crdt::AnyObject* object = roles.AsObject();
  if (object == nullptr) {
    roles.Tell("is no object");
    return user;
  }
  for (const auto& [key, value] : object->entries()) {
    const JsonPlace role = roles.Member(key);
    std::uint64_t show = 0;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), show);
    if (error != std::errc() || end != key.data() + key.size() || show == 0) {
      role.Tell("is named after no show: its name is no id");
      continue;
    }
    const std::string name = role.Text();
    if (name == "write") {
      user.roles[ShowId{show}] = ShowRole::kWrite;
    } else if (name == "read") {
      user.roles[ShowId{show}] = ShowRole::kRead;
    } else if (!name.empty()) {
      role.Tell("is no role; there are read and write");
    }
  }
  return user;
}

crdt::AnyObject ToJson(const Show& show) {
  crdt::Any::Array scenes;
  for (const Scene& scene : show.scenes) {
    scenes.emplace_back(crdt::AnyObject{
        {"id", ToNumber(scene.id)}, {"act_id", RefToJson(scene.act)}, {"name", scene.name}});
  }
  crdt::Any::Array groups;
  for (const CharacterGroup& group : show.groups) {
    crdt::Any::Array characters;
    for (const std::uint64_t id : group.characters) characters.push_back(ToNumber(id));
    groups.emplace_back(crdt::AnyObject{
        {"id", ToNumber(group.id)}, {"name", group.name}, {"characters", std::move(characters)}});
  }
  return {{"id", ToNumber(Number(show.id))},
          {"name", show.name},
          {"acts", NamedToJson(show.acts)},
          {"scenes", std::move(scenes)},
          {"characters", NamedToJson(show.characters)},
          {"character_groups", std::move(groups)},
          {"stage_direction_styles", NamedToJson(show.styles)}};
}

Show ReadShow(const JsonPlace& place) {
  Show show;
  if (!place.ExpectObject({"id", "name", "acts", "scenes", "characters", "character_groups",
                           "stage_direction_styles", "script"})) {
    return show;
  }
  Ids acts;
  Ids scenes;
  Ids characters;
  Ids groups;
  Ids styles;
  show.id = ShowId{place.Member("id").Id()};
  show.name = place.Member("name").Text();
  show.acts = ReadNamed(place.Member("acts"), acts);
  for (const JsonPlace& element : place.Member("scenes").Elements()) {
    if (!element.ExpectObject({"id", "act_id", "name"})) continue;
    Scene scene{.id = ReadNewId(element, scenes),
                .act = element.Member("act_id").OptionalId(),
                .name = element.Member("name").Text()};
    if (scene.act && !acts.contains(*scene.act)) {
      element.Member("act_id").Tell(absl::StrCat("names act ", *scene.act, ", which is not there"));
    }
    show.scenes.push_back(std::move(scene));
  }
  show.characters = ReadNamed(place.Member("characters"), characters);
  for (const JsonPlace& element : place.Member("character_groups").Elements()) {
    if (!element.ExpectObject({"id", "name", "characters"})) continue;
    CharacterGroup group{.id = ReadNewId(element, groups), .name = element.Member("name").Text()};
    for (const JsonPlace& member : element.Member("characters").Elements()) {
      const std::uint64_t id = member.Id();
      if (id == 0) continue;
      if (!characters.contains(id)) {
        member.Tell(absl::StrCat("names character ", id, ", which is not there"));
      }
      group.characters.push_back(id);
    }
    show.groups.push_back(std::move(group));
  }
  show.styles = ReadNamed(place.Member("stage_direction_styles"), styles);
  return show;
}

}  // namespace weft::server::script
