#include "server/api/document.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "crdt/doc.h"
#include "crdt/driver/actions.h"
#include "crdt/driver/type_path.h"
#include "crdt/state_vector.h"
#include "crdt/update_weight.h"
#include "crdt/value_language.h"
#include "server/history.h"
#include "server/tools/blob_verbs.h"

namespace weft::server::api {
namespace {

using crdt::Bytes;
using crdt::ByteView;
using crdt::SharedType;
using crdt::TypeKind;

// Whoever sends more of them sends several requests.
constexpr std::size_t kMaxActions = 100'000;
constexpr std::chrono::milliseconds kMaxEditTime{2'000};

// A document made from its state.
class Loaded {
 public:
  explicit Loaded(crdt::Doc::Options options) : doc(std::move(options)) {}
  static absl::StatusOr<std::unique_ptr<Loaded>> Load(
      ByteView state, std::optional<crdt::ClientId> client = std::nullopt) {
    crdt::Doc::Options options{.limits = LogLimits(), .collisions = crdt::CollisionPolicy::kIgnore};
    options.client_id = client;
    auto loaded = std::make_unique<Loaded>(std::move(options));
    const absl::Status applied = loaded->doc.ApplyUpdate(state);
    if (!applied.ok()) return applied;
    return loaded;
  }

  crdt::Doc doc;
  crdt::driver::Roots roots{doc};
};

// The roots that the state tells of, of the kinds that their content suggests.
absl::StatusOr<std::vector<RootName>> FindRoots(ByteView state) {
  const auto weight = crdt::WeighUpdate(state, crdt::UpdateFormat::kV1, LogLimits());
  if (!weight.ok()) return weight.status();
  std::vector<RootName> roots;
  for (const auto& root : weight->roots) roots.push_back({.name = root.name, .kind = root.kind});
  std::ranges::sort(roots, {}, &RootName::name);
  return roots;
}

// Those that were asked for, with what the state tells of the kinds of those that were named without.
absl::StatusOr<std::vector<RootName>> ChooseRoots(ByteView state,
                                                  const std::vector<std::string>& wanted) {
  auto found = FindRoots(state);
  if (!found.ok() || wanted.empty()) return found;
  std::vector<RootName> chosen;
  for (const std::string& text : wanted) {
    absl::StatusOr<RootName> root = ParseRootName(text);
    if (!root.ok()) return root.status();
    for (const RootName& known : *found) {
      if (known.name == root->name && root->kind == TypeKind::kUndefined) root->kind = known.kind;
    }
    chosen.push_back(*std::move(root));
  }
  return chosen;
}

// The one root that `holds` says yes to; the one that is named, as `kind` when nothing tells.
template <typename Holds>
absl::StatusOr<SharedType> OnlyRoot(Loaded& loaded, ByteView state,
                                    const std::vector<std::string>& wanted, Holds holds,
                                    TypeKind kind) {
  const auto roots = ChooseRoots(state, wanted);
  if (!roots.ok()) return roots.status();
  std::vector<RootName> fitting;
  for (const RootName& root : *roots) {
    if (!wanted.empty() || holds(root.kind)) fitting.push_back(root);
  }
  const std::string_view name = crdt::driver::NameOf(kind);
  if (fitting.size() != 1) {
    return absl::InvalidArgumentError(absl::StrCat("name one root with root=: the document has ",
                                                   fitting.size(), " that may be a ",
                                                   std::string(name)));
  }
  RootName& root = fitting.front();
  if (root.kind == TypeKind::kUndefined) root.kind = kind;
  if (!holds(root.kind)) {
    return absl::InvalidArgumentError(absl::StrCat("the root \"", root.name, "\" is a ",
                                                   std::string(crdt::driver::NameOf(root.kind)),
                                                   ", no ", std::string(name)));
  }
  return loaded.roots.Get(root.name, root.kind);
}

bool IsXml(TypeKind kind) {
  return kind == TypeKind::kXmlFragment || kind == TypeKind::kXmlElement ||
         kind == TypeKind::kXmlText;
}

}  // namespace

absl::StatusOr<Bytes> RenderUpdate(ByteView state, ByteView known, crdt::UpdateFormat format) {
  crdt::StateVector has;
  if (!known.empty()) {
    absl::StatusOr<crdt::StateVector> decoded = crdt::DecodeStateVector(known);
    if (!decoded.ok()) return decoded.status();
    has = *std::move(decoded);
  }
  const auto loaded = Loaded::Load(state);
  if (!loaded.ok()) return loaded.status();
  return (*loaded)->doc.EncodeStateAsUpdate(has, format);
}

absl::StatusOr<Bytes> RenderStateVector(ByteView state) {
  const auto loaded = Loaded::Load(state);
  if (!loaded.ok()) return loaded.status();
  return crdt::EncodeStateVector((*loaded)->doc.GetStateVector());
}

absl::StatusOr<std::string> RenderJson(ByteView state, const std::vector<std::string>& roots) {
  const auto chosen = ChooseRoots(state, roots);
  if (!chosen.ok()) return chosen.status();
  const auto loaded = Loaded::Load(state);
  if (!loaded.ok()) return loaded.status();
  std::string out = "{";
  for (const RootName& name : *chosen) {
    if (name.kind == TypeKind::kUndefined) continue;  // nothing is left of it
    const absl::StatusOr<SharedType> root = (*loaded)->roots.Get(name.name, name.kind);
    if (!root.ok()) return root.status();
    if (out.size() > 1) out += ',';
    crdt::AppendString(out, name.name);
    out += ':';
    crdt::AppendElement(out, crdt::driver::AsElement(*root));
  }
  out += '}';
  return out;
}

absl::StatusOr<std::string> RenderText(ByteView state, const std::vector<std::string>& roots) {
  const auto loaded = Loaded::Load(state);
  if (!loaded.ok()) return loaded.status();
  const auto root = OnlyRoot(**loaded, state, roots, crdt::IsText, TypeKind::kText);
  if (!root.ok()) return root.status();
  return root->As<crdt::Text>()->ToString();
}

absl::StatusOr<std::string> RenderXml(ByteView state, const std::vector<std::string>& roots) {
  const auto loaded = Loaded::Load(state);
  if (!loaded.ok()) return loaded.status();
  const auto root = OnlyRoot(**loaded, state, roots, IsXml, TypeKind::kXmlFragment);
  if (!root.ok()) return root.status();
  if (const auto text = root->As<crdt::XmlText>()) return text->ToXml();
  return root->As<crdt::XmlFragment>()->ToXml();
}

absl::StatusOr<std::string> RenderDelta(ByteView state, const std::vector<std::string>& roots) {
  const auto loaded = Loaded::Load(state);
  if (!loaded.ok()) return loaded.status();
  const auto root = OnlyRoot(**loaded, state, roots, crdt::IsText, TypeKind::kText);
  if (!root.ok()) return root.status();
  std::string out;
  crdt::AppendDelta(out, root->As<crdt::Text>()->ToDelta(), crdt::DeltaOf::kText);
  return out;
}

absl::StatusOr<crdt::PendingReport> FindPending(ByteView state) {
  const auto loaded = Loaded::Load(state);
  if (!loaded.ok()) return loaded.status();
  return (*loaded)->doc.GetPendingReport();
}

absl::StatusOr<Edited> MakeEdit(ByteView state, const crdt::Any::Array& actions,
                                std::optional<crdt::ClientId> client) {
  if (actions.size() > kMaxActions) {
    return absl::ResourceExhaustedError(
        absl::StrCat(actions.size(), " actions; at most ", kMaxActions, " in one request"));
  }
  const auto loaded = Loaded::Load(state, client);
  if (!loaded.ok()) return loaded.status();
  crdt::Doc& doc = (*loaded)->doc;
  Edited edited;
  if (client && doc.GetStateVector().Get(*client) > 0) {
    edited.repeated = true;
    return edited;
  }
  const crdt::Subscription subscription = doc.OnUpdate([&](const crdt::UpdateEvent& event) {
    edited.update.assign(event.update.begin(), event.update.end());
  });
  const auto end = std::chrono::steady_clock::now() + kMaxEditTime;
  absl::Status status;
  doc.Transact("", [&] {
    for (std::size_t i = 0; i < actions.size() && status.ok(); ++i) {
      if (std::chrono::steady_clock::now() > end) {
        status =
            absl::ResourceExhaustedError("the edit takes too long; send fewer actions at once");
        return;
      }
      status = crdt::driver::RunAction((*loaded)->roots, actions[i]);
      if (!status.ok()) {
        status = absl::Status(status.code(),
                              absl::StrCat("action ", i + 1, ": ", std::string(status.message())));
      }
    }
  });
  if (!status.ok()) return status;
  return edited;
}

}  // namespace weft::server::api
