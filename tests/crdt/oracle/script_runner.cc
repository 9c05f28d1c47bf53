#include "tests/crdt/oracle/script_runner.h"

#include <deque>
#include <map>
#include <memory>
#include <utility>

#include "crdt/doc.h"
#include "crdt/json.h"
#include "tests/crdt/oracle/driver_values.h"
#include "tests/crdt/oracle/script_edits.h"

namespace weft::crdt::oracle {
namespace {

Any Number(std::uint64_t number) { return static_cast<double>(number); }

constexpr std::uint64_t kFirstReloadedClient = 7'000'000;

// The updates that a document emitted since they were last taken.
struct Replica {
  std::unique_ptr<Doc> doc;
  std::vector<Bytes> emitted;
  Subscription subscription;
};

// A request to Yjs and what weft answers to the same.
struct Question {
  std::string step;
  Any request;
  std::string member;   // of the reply; empty: it must only be no error
  std::string weft;     // in the form that TextOf makes of the reply
  bool silent = false;  // not worth a line in the report of a difference
};

std::string TextOf(const Any& reply, const std::string& member) {
  const Any& value = Member(reply, member);
  if (const std::string* text = value.AsString()) return *text;
  return CanonicalJson(value);
}

// Base64 as hexadecimal, for people; anything else as it is.
std::string Readable(const Question& question, const std::string& text) {
  if (question.member != "update" && question.member != "sv") return text;
  return text == "null" ? "no update" : ToHex(FromBase64(text));
}

class Network {
 public:
  Network(const Script& script, YjsProcess& yjs) : script_(script), yjs_(yjs) {}

  absl::StatusOr<std::string> Run() {
    std::string failure = RunWeft();
    absl::StatusOr<std::string> difference = CompareAll();
    if (!difference.ok() || !difference->empty()) return difference;
    return failure;
  }

 private:
  // Runs the script on weft and asks Yjs; what is wrong with weft alone, or empty.
  std::string RunWeft() {
    replicas_ = std::vector<Replica>(script_.clients.size());
    for (std::size_t i = 0; i < replicas_.size(); ++i) Open(i, script_.clients[i]);
    for (const Step& step : script_.steps) {
      step_text_ = ToText(step);
      const std::size_t replica = step.replica % replicas_.size();
      const std::string failure = RunStep(step, replica);
      if (!failure.empty()) return step_text_ + "\n" + failure;
      AskEverything(replica);
      const absl::Status valid = replicas_[replica].doc->Validate();
      if (!valid.ok()) return step_text_ + "\n" + valid.ToString();
    }
    return script_.settle ? Settle() : "";
  }

  std::string RunStep(const Step& step, std::size_t replica) {
    switch (step.kind) {
      case Step::Kind::kEdit:
        return RunEdit(step, replica);
      case Step::Kind::kDeliver:
        if (!updates_.contains(step.other)) return "";
        return Apply(replica, updates_.at(step.other));
      case Step::Kind::kSync:
        return Sync(replica, step.other % replicas_.size());
      case Step::Kind::kReload: {
        const Bytes state = replicas_[replica].doc->EncodeStateAsUpdate();
        Open(replica, kFirstReloadedClient + reloads_++);
        return Apply(replica, state);
      }
    }
    return "";
  }

  void Open(std::size_t index, std::uint64_t client) {
    Replica& replica = replicas_[index];
    replica.subscription.Cancel();
    Doc::Options options;
    options.client_id = ClientId{client};
    options.gc = script_.gc;
    replica.doc = std::make_unique<Doc>(options);
    replica.subscription = replica.doc->OnUpdate([&replica](const UpdateEvent& event) {
      replica.emitted.emplace_back(event.update.begin(), event.update.end());
    });
    replica.doc->GetText("text");
    replica.doc->GetArray("array");
    replica.doc->GetMap("map");
    Ask("", "",
        {{"op", "new"}, {"doc", Number(index)}, {"clientID", Number(client)}, {"gc", script_.gc}});
    AskJson(index);
  }

  std::string RunEdit(const Step& step, std::size_t index) {
    Replica& replica = replicas_[index];
    Any::Array actions;
    replica.emitted.clear();
    replica.doc->Transact("edit", [&] {
      for (const Edit& edit : step.edits) actions.push_back(Perform(edit, *replica.doc));
    });
    if (replica.emitted.size() > 1) return "one transaction emitted several updates";
    std::string update = "null";
    if (!replica.emitted.empty()) {
      update = ToBase64(replica.emitted.front());
      updates_[step.other] = replica.emitted.front();
    }
    Ask("update", update,
        {{"op", "edit"}, {"doc", Number(index)}, {"actions", std::move(actions)}});
    return "";
  }

  std::string Apply(std::size_t index, const Bytes& update) {
    Replica& replica = replicas_[index];
    replica.emitted.clear();
    const absl::Status status = replica.doc->ApplyUpdate(update, "network");
    Any::Array emitted;
    for (const Bytes& bytes : replica.emitted) emitted.push_back(ToBase64(bytes));
    Ask("updates", CanonicalJson(emitted),
        {{"op", "apply"}, {"doc", Number(index)}, {"update", ToBase64(update)}});
    return status.ok() ? "" : "applying " + ToHex(update) + " failed: " + status.ToString();
  }

  std::string Sync(std::size_t to, std::size_t from) {
    const StateVector known = replicas_[to].doc->GetStateVector();
    const Bytes update = replicas_[from].doc->EncodeStateAsUpdate(known);
    Ask("update", ToBase64(update),
        {{"op", "state"}, {"doc", Number(from)}, {"sv", ToBase64(EncodeStateVector(known))}});
    return Apply(to, update);
  }

  // Everybody gets every update; then all must show the same.
  std::string Settle() {
    for (std::size_t i = 0; i < replicas_.size(); ++i) {
      for (const auto& [name, update] : updates_) {
        step_text_ = ToText(Step{Step::Kind::kDeliver, i, name, {}}) + " while settling";
        const std::string failure = Apply(i, update);
        if (!failure.empty()) return step_text_ + "\n" + failure;
        AskState(i);
      }
      AskEverything(i);
      const Doc& doc = *replicas_[i].doc;
      const absl::Status valid = doc.Validate();
      if (!valid.ok()) return "after settling: " + valid.ToString();
      if (doc.has_pending()) return "something is pending after every update was delivered";
      const std::string json = CanonicalJson(ToDriverValue(doc.ToJson()));
      const std::string first = CanonicalJson(ToDriverValue(replicas_[0].doc->ToJson()));
      if (json != first) {
        return "replicas 0 and " + std::to_string(i) + " settled differently:\n  " + first +
               "\n  " + json;
      }
    }
    return "";
  }

  void AskEverything(std::size_t index) {
    AskState(index);
    Ask("sv", ToBase64(EncodeStateVector(replicas_[index].doc->GetStateVector())),
        {{"op", "sv"}, {"doc", Number(index)}}, /*silent=*/true);
    AskJson(index);
  }

  void AskState(std::size_t index) {
    Ask("update", ToBase64(replicas_[index].doc->EncodeStateAsUpdate()),
        {{"op", "state"}, {"doc", Number(index)}}, /*silent=*/true);
  }

  void AskJson(std::size_t index) {
    const Any json = ToDriverValue(replicas_[index].doc->ToJson());
    Ask("json", CanonicalJson(json),
        {{"op", "json"},
         {"doc", Number(index)},
         {"types", AnyObject{{"text", "text"}, {"array", "array"}, {"map", "map"}}}},
        /*silent=*/true);
  }

  void Ask(std::string member, std::string weft, AnyObject request, bool silent = false) {
    Question question{step_text_, std::move(request), std::move(member), std::move(weft), silent};
    yjs_.Send(question.request);
    questions_.push_back(std::move(question));
  }

  // The first difference, or empty. Reads every reply in any case.
  absl::StatusOr<std::string> CompareAll() {
    std::string difference;
    std::string requests;
    for (const Question& question : questions_) {
      const absl::StatusOr<Any> reply = yjs_.Receive();
      if (!reply.ok()) return reply.status();
      if (!difference.empty()) continue;
      if (!question.silent) requests += "  " + ToJsonText(question.request) + "\n";
      difference = Compare(question, *reply);
    }
    if (difference.empty()) return difference;
    return difference + "requests up to there:\n" + requests;
  }

  static std::string Compare(const Question& question, const Any& reply) {
    const std::string head = "step " + question.step + "\n" + ToJsonText(question.request) + "\n";
    if (reply.AsObject()->Find("error") != nullptr) return head + ToJsonText(reply) + "\n";
    if (question.member.empty()) return "";
    const std::string yjs = TextOf(reply, question.member);
    if (yjs == question.weft) return "";
    return head + "Yjs:  " + Readable(question, yjs) +
           "\nweft: " + Readable(question, question.weft) + "\n";
  }

  const Script& script_;
  YjsProcess& yjs_;
  std::vector<Replica> replicas_;
  std::map<std::size_t, Bytes> updates_;  // emitted by local transactions, by name
  std::deque<Question> questions_;
  std::uint64_t reloads_ = 0;
  std::string step_text_ = "of opening the replicas";
};

}  // namespace

absl::StatusOr<std::string> RunScript(const Script& script, YjsProcess& yjs) {
  return Network(script, yjs).Run();
}

}  // namespace weft::crdt::oracle
