#include "tests/simulation/replica.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "crdt/base/check.h"
#include "crdt/json.h"
#include "crdt/update_compare.h"
#include "crdt/value_language.h"

namespace weft::simulation {
namespace {

using crdt::Any;
using crdt::AnyObject;

// Clients that stand beside foreign replicas write nothing but deletions.
constexpr std::uint64_t kBeside = std::uint64_t{1} << 40;
constexpr std::size_t kToldAtMost = 256;

}  // namespace

Replica::Replica(crdt::ClientId client, Milliseconds milliseconds)
    : milliseconds_(std::move(milliseconds)) {
  Open(client);
}

void Replica::Open(crdt::ClientId client) {
  undo_.reset();
  subscription_ = {};
  doc_ = std::make_unique<crdt::Doc>(crdt::Doc::Options{.client_id = client});
  // Roots have their kinds from the beginning: formats of a text that nobody has named are not
  // cleaned up.
  doc_->GetText("text");
  doc_->GetText("rich");
  doc_->GetArray("list");
  doc_->GetMap("map");
  doc_->GetArray("tree");
  subscription_ = doc_->OnUpdate([this](const crdt::UpdateEvent& event) {
    changed_ = true;
    if (event.local) made_.emplace_back(event.update.begin(), event.update.end());
  });
  cursor_.reset();
}

absl::Status Replica::Do(const Edit& edit) {
  if (edit.kind == Edit::Kind::kUndo || edit.kind == Edit::Kind::kRedo) {
    if (undo_ == nullptr) return absl::OkStatus();  // nothing was done yet
    edit.kind == Edit::Kind::kUndo ? undo_->Undo() : undo_->Redo();
    return absl::OkStatus();
  }
  if (undo_ == nullptr) {
    undo_ = std::make_unique<crdt::UndoManager>(
        *doc_, std::vector<crdt::SharedType>{},
        crdt::UndoManager::Options{.capture_timeout_ms = 300, .now = milliseconds_});
  }
  DoEdit(*doc_, cursor_, edit);
  return absl::OkStatus();
}

absl::StatusOr<bool> Replica::Apply(crdt::ByteView update) {
  changed_ = false;
  if (absl::Status status = doc_->ApplyUpdate(update, "remote"); !status.ok()) return status;
  return changed_;
}

absl::StatusOr<crdt::Bytes> Replica::Diff(crdt::ByteView state_vector) {
  if (state_vector.empty()) return doc_->EncodeStateAsUpdate();
  const absl::StatusOr<crdt::StateVector> known = crdt::DecodeStateVector(state_vector);
  if (!known.ok()) return known.status();
  return doc_->EncodeStateAsUpdate(*known);
}

absl::Status Replica::Check() { return doc_->Validate(); }

absl::Status Replica::Restart(crdt::ClientId client, crdt::ByteView saved) {
  made_.clear();
  Open(client);
  const absl::Status status = doc_->ApplyUpdate(saved, "remote");
  made_.clear();
  return status;
}

// --- Foreign ones
// ---------------------------------------------------------------------------------

absl::StatusOr<std::shared_ptr<ForeignProgram>> ForeignProgram::Start(
    const std::vector<std::string>& command) {
  auto process = crdt::oracle::YjsProcess::StartCommand(command);
  if (!process.ok()) return process.status();
  auto program = std::make_shared<ForeignProgram>();
  program->process_ = *std::move(process);
  return program;
}

absl::StatusOr<AnyObject> ForeignProgram::Hear() {
  const absl::StatusOr<Any> reply = process_->Receive();
  if (!reply.ok()) return reply.status();
  if (reply->AsObject() == nullptr) return absl::InternalError("a reply is no object");
  if (const Any* error = reply->AsObject()->Find("error"); error != nullptr) {
    return absl::InternalError(
        absl::StrCat("the foreign replica answers an error: ", crdt::ToJsonText(*error)));
  }
  return *reply->AsObject();
}

absl::Status ForeignProgram::HearAll() {
  absl::Status all;
  while (told_ > 0 && !absl::IsUnavailable(all)) {
    --told_;
    all.Update(Hear().status());
  }
  return all;
}

absl::StatusOr<AnyObject> ForeignProgram::Ask(AnyObject request) {
  process_->Send(std::move(request));
  absl::Status told = HearAll();
  if (absl::IsUnavailable(told)) return told;
  absl::StatusOr<AnyObject> reply = Hear();
  if (!told.ok()) return told;
  return reply;
}

absl::Status ForeignProgram::Tell(const AnyObject& request) {
  process_->Send(request);
  return ++told_ < kToldAtMost ? absl::OkStatus() : HearAll();
}

namespace {

class ForeignReplica final : public Replica {
 public:
  ForeignReplica(std::shared_ptr<ForeignProgram> program, crdt::ClientId client,
                 Milliseconds milliseconds)
      : Replica(Beside(client), std::move(milliseconds)),
        program_(std::move(program)),
        document_(program_->NewDocument()) {}

  static crdt::ClientId Beside(crdt::ClientId client) {
    return crdt::ClientId{kBeside + static_cast<std::uint64_t>(client)};
  }

  absl::Status Make(crdt::ClientId client) {
    const auto made = program_->Ask(
        {{"op", "new"}, {"doc", document_}, {"clientID", static_cast<double>(client)}});
    if (!made.ok()) return made.status();
    return program_
        ->Ask({{"op", "json"},
               {"doc", document_},
               {"types", AnyObject{{"text", "text"},
                                   {"rich", "text"},
                                   {"list", "array"},
                                   {"map", "map"},
                                   {"tree", "array"}}}})
        .status();
  }

  absl::Status Do(const Edit& edit) override {
    const std::optional<Any> action = ActionFor(*doc_, cursor_, edit);
    if (!action) return absl::OkStatus();
    const auto done =
        program_->Ask({{"op", "edit"}, {"doc", document_}, {"actions", Any::Array{*action}}});
    if (!done.ok()) return done.status();
    const Any* update = done->Find("update");
    if (update == nullptr || update->AsString() == nullptr) return absl::OkStatus();
    const absl::StatusOr<crdt::Bytes> bytes = crdt::FromBase64(*update->AsString());
    if (!bytes.ok()) return bytes.status();
    const absl::StatusOr<bool> applied = Replica::Apply(*bytes);
    if (!applied.ok()) return applied.status();
    const std::vector<crdt::Bytes> cleaned = TakeMade();
    made_.push_back(*bytes);
    return Tell(cleaned);
  }

  absl::StatusOr<bool> Apply(crdt::ByteView update) override {
    const std::vector<crdt::Bytes> before = TakeMade();
    const absl::Status there = ApplyThere(update);
    if (!there.ok()) return there;
    const absl::StatusOr<bool> changed = Replica::Apply(update);
    const std::vector<crdt::Bytes> cleaned = TakeMade();
    made_ = before;
    if (absl::Status told = Tell(cleaned); !told.ok()) return told;
    return changed;
  }

  absl::StatusOr<crdt::Bytes> Diff(crdt::ByteView state_vector) override {
    AnyObject request{{"op", "state"}, {"doc", document_}};
    if (!state_vector.empty()) request.Set("sv", crdt::ToBase64(state_vector));
    const auto reply = program_->Ask(std::move(request));
    if (!reply.ok()) return reply.status();
    const Any* update = reply->Find("update");
    if (update == nullptr || update->AsString() == nullptr) {
      return absl::InternalError("a reply to \"state\" has no update");
    }
    return crdt::FromBase64(*update->AsString());
  }

  absl::Status Check() override {
    if (absl::Status status = Replica::Check(); !status.ok()) return status;
    const absl::StatusOr<crdt::Bytes> there = Diff({});
    if (!there.ok()) return there.status();
    const absl::StatusOr<bool> equal = crdt::UpdatesEqual(*there, doc_->EncodeStateAsUpdate());
    if (!equal.ok()) return equal.status();
    if (*equal) return absl::OkStatus();
    crdt::Doc seen;
    if (absl::Status status = seen.ApplyUpdate(*there); !status.ok()) return status;
    return absl::InternalError(absl::StrCat("the foreign replica holds\n", ShowContent(seen),
                                            "\nand weft, given the same,\n", ShowContent(*doc_)));
  }

  absl::Status Restart(crdt::ClientId client, crdt::ByteView saved) override {
    if (absl::Status status = program_->Tell({{"op", "drop"}, {"doc", document_}}); !status.ok()) {
      return status;
    }
    document_ = program_->NewDocument();
    if (absl::Status status = Make(client); !status.ok()) return status;
    if (absl::Status status = ApplyThere(saved); !status.ok()) return status;
    return Replica::Restart(Beside(client), saved);
  }

 private:
  absl::Status ApplyThere(crdt::ByteView update) {
    return program_->Tell(
        {{"op", "apply"}, {"doc", document_}, {"update", crdt::ToBase64(update)}});
  }

  // What the document beside it has cleaned up is heard there too, and by others.
  absl::Status Tell(const std::vector<crdt::Bytes>& cleaned) {
    for (const crdt::Bytes& update : cleaned) {
      if (absl::Status status = ApplyThere(update); !status.ok()) return status;
      made_.push_back(update);
    }
    return absl::OkStatus();
  }

  std::shared_ptr<ForeignProgram> program_;
  double document_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Replica>> MakeForeignReplica(std::shared_ptr<ForeignProgram> program,
                                                            crdt::ClientId client,
                                                            Replica::Milliseconds milliseconds) {
  auto replica =
      std::make_unique<ForeignReplica>(std::move(program), client, std::move(milliseconds));
  if (absl::Status status = replica->Make(client); !status.ok()) return status;
  return replica;
}

}  // namespace weft::simulation
