#include "tests/crdt/oracle/script.h"

#include <algorithm>
#include <random>
#include <utility>

#include "crdt/base/check.h"
#include "crdt/json.h"
#include "tests/crdt/oracle/driver_values.h"
#include "tests/crdt/oracle/minimize.h"

namespace weft::crdt::oracle {
namespace {

const std::vector<std::string> kWords = {"a",  "b",    "cd", "efg",       "hello world",
                                         "é",  "中文", "😀", "x👨🏽y",    "👩‍👧",
                                         "\n", "\"\\", " ",  "0123456789"};
const std::vector<std::string> kKeys = {"a", "b", "key", "1", "10", "2", "", "ключ", "🔑"};
const std::vector<double> kNumbers = {0,          1,          -1,    63,  64,    -64,  2147483647,
                                      2147483648, 4294967296, 1.5e9, 0.1, 1e300, -2.5, 1e21};
const std::vector<std::uint64_t> kClients = {
    1, 2, 3, 127, 128, 300, 65535, 2147483648, 4294967295, 4294967296, 9007199254740991};

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  Script MakeScript() {
    Script script;
    const std::size_t replicas = Chance(30) ? 1 : 2 + Below(4);
    script.clients = kClients;
    std::ranges::shuffle(script.clients, random_);
    script.clients.resize(replicas);
    script.gc = !Chance(20);
    roots_ = Pick<std::vector<std::string>>({{"text"},
                                             {"text"},
                                             {"array"},
                                             {"map"},
                                             {"array", "map"},
                                             {"text", "array", "map"},
                                             {"text", "array", "map"}});
    depth_ = Below(4);
    remove_percent_ = Pick<std::uint64_t>({15, 30, 50});
    const std::size_t steps = Chance(80) ? 10 + Below(50) : 60 + Below(140);
    for (std::size_t i = 0; i < steps; ++i) script.steps.push_back(MakeStep(replicas));
    script.settle = !Chance(10);
    if (script.settle) DeliverEverything(script);
    return script;
  }

 private:
  std::uint64_t Below(std::uint64_t bound) { return random_() % bound; }
  bool Chance(std::uint64_t percent) { return Below(100) < percent; }
  template <typename T>
  T Pick(const std::vector<T>& list) {
    return list[Below(list.size())];
  }

  // Every update to everybody, in an order of their own.
  void DeliverEverything(Script& script) {
    std::vector<std::size_t> order(updates_);
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    for (std::size_t replica = 0; replica < script.clients.size(); ++replica) {
      std::ranges::shuffle(order, random_);
      for (const std::size_t update : order) {
        script.steps.push_back(
            {.kind = Step::Kind::kDeliver, .replica = replica, .other = update, .edits = {}});
      }
    }
  }

  Step MakeStep(std::size_t replicas) {
    Step step;
    step.replica = Below(replicas);
    const std::uint64_t kind = Below(100);
    if (kind < 3) {
      step.kind = Step::Kind::kReload;
    } else if (kind < 12 && replicas > 1) {
      step.kind = Step::Kind::kSync;
      step.other = Below(replicas);
    } else if (kind < 45 && replicas > 1 && updates_ > 0) {
      step.kind = Step::Kind::kDeliver;
      step.other = Below(updates_);
    } else {
      step.other = updates_++;
      const std::size_t edits = Chance(70) ? 1 : 2 + Below(4);
      for (std::size_t i = 0; i < edits; ++i) step.edits.push_back(MakeEdit());
    }
    return step;
  }

  Edit MakeEdit() {
    Edit edit;
    edit.root = Pick(roots_);
    const std::size_t depth = edit.root == "text" ? 0 : Below(depth_ + 1);
    for (std::size_t i = 0; i < depth; ++i) {
      edit.path.push_back(static_cast<std::uint32_t>(Below(4)));
    }
    edit.remove = Chance(remove_percent_);
    // Mostly places spread over everything, often the start, sometimes the place before.
    edit.at = Chance(20) ? 0 : Chance(30) ? last_at_ : Below(1000);
    last_at_ = edit.at + 1;
    edit.count = Chance(60) ? 1 : Chance(80) ? Below(6) : Below(1000);
    edit.key = Pick(kKeys);
    edit.text = Pick(kWords);
    if (Chance(30)) edit.text += Pick(kWords);
    const std::size_t values = Chance(60) ? 1 : Below(4);
    for (std::size_t i = 0; i < values; ++i) edit.values.push_back(MakeContent(0));
    return edit;
  }

  Any MakeContent(int depth) {
    if (depth > 2 || !Chance(35)) return MakeValue(0);
    switch (Below(3)) {
      case 0:
        return AnyObject{{"$type", "text"}, {"init", Chance(50) ? Pick(kWords) : ""}};
      case 1: {
        Any::Array init;
        for (std::uint64_t i = Below(3); i > 0; --i) init.push_back(MakeContent(depth + 1));
        return AnyObject{{"$type", "array"}, {"init", std::move(init)}};
      }
      default: {
        AnyObject init;
        for (std::uint64_t i = Below(3); i > 0; --i) init.Set(Pick(kKeys), MakeContent(depth + 1));
        return AnyObject{{"$type", "map"}, {"init", std::move(init)}};
      }
    }
  }

  // No undefined and no BigInt at the top: Yjs takes neither into an array.
  Any MakeValue(int depth) {
    switch (Below(depth < 2 ? 10 : 6)) {
      case 0:
        return Any::Null{};
      case 1:
        return Chance(50);
      case 2:
        return Pick(kNumbers);
      case 3:
        return static_cast<int>(Below(1000));
      case 4:
      case 5:
        return Pick(kWords);
      case 6:
        return Any(AnyObject{{"$binary", ToBase64(Bytes(Below(4), 0xfe))}});
      case 7: {
        Any::Array array;
        for (std::uint64_t i = Below(4); i > 0; --i) array.push_back(MakeValue(depth + 1));
        return array;
      }
      case 8: {
        Any::Array array;
        array.push_back(AnyObject{{"$undefined", true}});
        array.push_back(AnyObject{{"$bigint", "-4611686018427387905"}});
        array.push_back(AnyObject{{"$number", "NaN"}});
        array.push_back(AnyObject{{"$number", "-0"}});
        array.push_back(AnyObject{{"$number", "-Infinity"}});
        return array;
      }
      default: {
        AnyObject object;
        for (std::uint64_t i = Below(4); i > 0; --i) object.Set(Pick(kKeys), MakeValue(depth + 1));
        return object;
      }
    }
  }

  std::mt19937_64 random_;
  std::vector<std::string> roots_;
  std::uint64_t depth_ = 0;
  std::uint64_t remove_percent_ = 0;
  std::uint64_t last_at_ = 0;
  std::size_t updates_ = 0;
};

Any NumberToAny(std::uint64_t number) { return static_cast<double>(number); }

Any ToAny(const Edit& edit) {
  AnyObject object;
  object.Set("root", edit.root);
  if (!edit.path.empty()) {
    Any::Array path;
    for (const std::uint32_t number : edit.path) path.push_back(NumberToAny(number));
    object.Set("path", std::move(path));
  }
  if (edit.remove) object.Set("remove", true);
  object.Set("at", NumberToAny(edit.at));
  if (edit.remove) object.Set("count", NumberToAny(edit.count));
  object.Set("key", edit.key);
  object.Set("text", edit.text);
  object.Set("values", edit.values);
  return object;
}

Any ToAny(const Step& step) {
  AnyObject object;
  const Any replica = NumberToAny(step.replica);
  switch (step.kind) {
    case Step::Kind::kEdit: {
      Any::Array edits;
      for (const Edit& edit : step.edits) edits.push_back(ToAny(edit));
      object.Set("edit", replica);
      object.Set("as", NumberToAny(step.other));
      object.Set("do", std::move(edits));
      break;
    }
    case Step::Kind::kDeliver:
      object.Set("deliver", replica);
      object.Set("update", NumberToAny(step.other));
      break;
    case Step::Kind::kSync:
      object.Set("sync", replica);
      object.Set("from", NumberToAny(step.other));
      break;
    case Step::Kind::kReload:
      object.Set("reload", replica);
      break;
  }
  return object;
}

Edit EditOf(const Any& any) {
  const AnyObject& object = *any.AsObject();
  Edit edit;
  edit.root = StringMember(any, "root");
  if (const Any* path = object.Find("path")) {
    for (const Any& number : *path->AsArray()) {
      edit.path.push_back(static_cast<std::uint32_t>(*number.AsNumber()));
    }
  }
  edit.remove = object.Find("remove") != nullptr;
  edit.at = NumberMember(any, "at");
  if (edit.remove) edit.count = NumberMember(any, "count");
  edit.key = StringMember(any, "key");
  edit.text = StringMember(any, "text");
  edit.values = *Member(any, "values").AsArray();
  return edit;
}

Step StepOf(const Any& any) {
  const AnyObject& object = *any.AsObject();
  Step step;
  if (object.Find("edit") != nullptr) {
    step.replica = NumberMember(any, "edit");
    step.other = NumberMember(any, "as");
    for (const Any& edit : *Member(any, "do").AsArray()) step.edits.push_back(EditOf(edit));
  } else if (object.Find("deliver") != nullptr) {
    step.kind = Step::Kind::kDeliver;
    step.replica = NumberMember(any, "deliver");
    step.other = NumberMember(any, "update");
  } else if (object.Find("sync") != nullptr) {
    step.kind = Step::Kind::kSync;
    step.replica = NumberMember(any, "sync");
    step.other = NumberMember(any, "from");
  } else {
    step.kind = Step::Kind::kReload;
    step.replica = NumberMember(any, "reload");
  }
  return step;
}

}  // namespace

Script RandomScript(std::uint64_t seed) { return Generator(seed).MakeScript(); }

std::string ToText(const Step& step) { return ToJsonText(ToAny(step)); }

std::string ToText(const Script& script) {
  Any::Array clients;
  for (const std::uint64_t client : script.clients) clients.push_back(NumberToAny(client));
  std::string text = "{\"clients\": " + ToJsonText(Any(std::move(clients)));
  text += script.gc ? ", \"gc\": true" : ", \"gc\": false";
  text += script.settle ? ", \"settle\": true" : ", \"settle\": false";
  text += ", \"steps\": [";
  for (std::size_t i = 0; i < script.steps.size(); ++i) {
    text += (i == 0 ? "\n  " : ",\n  ") + ToText(script.steps[i]);
  }
  return text + "]}\n";
}

Script ParseScript(std::string_view text) {
  const std::optional<Any> any = ParseJson(text, 100);
  CHECK(any.has_value());
  Script script;
  for (const Any& client : *Member(*any, "clients").AsArray()) {
    script.clients.push_back(static_cast<std::uint64_t>(*client.AsNumber()));
  }
  script.gc = *Member(*any, "gc").AsBool();
  script.settle = *Member(*any, "settle").AsBool();
  for (const Any& step : *Member(*any, "steps").AsArray()) script.steps.push_back(StepOf(step));
  return script;
}

Script MinimizeScript(Script script, const std::function<bool(const Script&)>& fails) {
  // A change that keeps the failure stays.
  const auto attempt = [&](const auto& change) {
    Script smaller = script;
    change(smaller);
    if (fails(smaller)) script = std::move(smaller);
  };
  attempt([](Script& smaller) { smaller.settle = false; });
  script.steps = Minimize(script.steps, [&](const std::vector<Step>& steps) {
    Script smaller = script;
    smaller.steps = steps;
    return fails(smaller);
  });
  for (std::size_t i = 0; i < script.steps.size(); ++i) {
    script.steps[i].edits = Minimize(script.steps[i].edits, [&](const std::vector<Edit>& edits) {
      Script smaller = script;
      smaller.steps[i].edits = edits;
      return fails(smaller);
    });
    for (std::size_t j = 0; j < script.steps[i].edits.size(); ++j) {
      attempt([&](Script& smaller) { smaller.steps[i].edits[j].values.clear(); });
      attempt([&](Script& smaller) {
        std::vector<Any>& values = smaller.steps[i].edits[j].values;
        if (!values.empty()) values = {Any(1)};
      });
      attempt([&](Script& smaller) { smaller.steps[i].edits[j].text = "x"; });
      attempt([&](Script& smaller) { smaller.steps[i].edits[j].key = "k"; });
      attempt([&](Script& smaller) { smaller.steps[i].edits[j].path.clear(); });
      attempt([&](Script& smaller) { smaller.steps[i].edits[j].at = 0; });
      attempt([&](Script& smaller) { smaller.steps[i].edits[j].count = 1; });
    }
  }
  return script;
}

}  // namespace weft::crdt::oracle
