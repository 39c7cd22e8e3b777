#include "train/transforms_branches.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "graph/graph.h"
#include "graph/graph_def.h"
#include "graph/node.h"
#include "proto/graph.pb.h"
#include "train/transforms_def.h"

namespace sluice::train {
namespace {

constexpr int kNone = DefEditor::kNone;

// What a predicate is everywhere; nullopt: not known, or here so and there so.
std::optional<bool> Decided(const Tensor* predicate) {
  if (predicate == nullptr || predicate->dtype() != DType::kBool || predicate->num_elements() == 0)
    return std::nullopt;
  const auto values = predicate->flat<bool>();
  const bool first = values[0];
  for (const bool value : values) {
    if (value != first) return std::nullopt;
  }
  return first;
}

class Branches {
 public:
  explicit Branches(DefEditor& def) : def_(def), dead_(def.num_nodes(), false) {}

  absl::Status Run() {
    for (int i = 0; i < def_.num_nodes(); ++i) {
      if (def_.Is(i, "Switch") || def_.Is(i, "RefSwitch")) Take(i);
    }
    SLUICE_RETURN_IF_ERROR(SpreadDead());
    for (int i = 0; i < def_.num_nodes(); ++i) {
      if (!dead_[i] && (def_.Is(i, "Merge") || def_.Is(i, "RefMerge")))
        SLUICE_RETURN_IF_ERROR(Join(i));
    }
    return absl::OkStatus();
  }

 private:
  void Take(int i) {
    const std::optional<bool> taken = Decided(def_.ConstantInput(i, 1));
    if (!taken.has_value()) return;
    def_.Redirect(i, *taken ? 1 : 0, ParseInputName(def_.node(i).input(0)));
    decided_.push_back(i);  // whoever still reads it reads the side that is not taken
  }

  bool DeadInput(int i, int k) const {
    const int producer = def_.Producer(i, k);
    if (dead_[producer]) return true;
    const bool control = ParseInputName(def_.node(i).input(k)).control;
    return !control && std::binary_search(decided_.begin(), decided_.end(), producer);
  }

  bool Dead(int i) const {
    const bool merge = def_.Is(i, "Merge") || def_.Is(i, "RefMerge");
    const int data = def_.num_data_inputs(i);
    int dead_data = 0;
    for (int k = 0; k < def_.node(i).input_size(); ++k) {
      if (!DeadInput(i, k)) continue;
      if (!merge || k >= data) return true;
      ++dead_data;
    }
    return merge && data > 0 && dead_data == data;
  }

  absl::Status SpreadDead() {
    std::vector<int> open = decided_;
    while (!open.empty()) {
      const int i = open.back();
      open.pop_back();
      for (const DefEditor::Use& use : def_.UsesOf(i)) {
        if (dead_[use.node] || !Dead(use.node)) continue;
        if (def_.is_output(use.node))
          return absl::InvalidArgumentError(absl::StrCat("the output ",
                                                         Printable(def_.node(use.node).name()),
                                                         " is in the branch that is never taken"));
        dead_[use.node] = true;
        open.push_back(use.node);
      }
    }
    return absl::OkStatus();
  }

  // A Merge with one input that lives.
  absl::Status Join(int i) {
    int alive = 0, which = 0;
    for (int k = 0; k < def_.num_data_inputs(i); ++k) {
      if (DeadInput(i, k)) continue;
      ++alive;
      which = k;
    }
    if (alive != 1 || alive == def_.num_data_inputs(i)) return absl::OkStatus();
    if (std::any_of(def_.UsesOf(i).begin(), def_.UsesOf(i).end(), [&](const DefEditor::Use& use) {
          return ParseInputName(def_.node(use.node).input(use.input)).index == 1;
        })) {
      SLUICE_ASSIGN_OR_RETURN(const int index,
                              def_.AddConstant(absl::StrCat(def_.node(i).name(), "/value_index"),
                                               Tensor::Scalar<int32_t>(which), i));
      dead_.push_back(false);
      def_.Redirect(i, 1, {def_.node(index).name()});
    }
    const InputName from = ParseInputName(def_.node(i).input(which));
    const proto::AttrValue type = def_.node(i).attr().at("T");
    def_.Become(i, "Identity", {from});
    (*def_.mutable_node(i)->mutable_attr())["T"] = type;
    return absl::OkStatus();
  }

  DefEditor& def_;
  std::vector<bool> dead_;
  std::vector<int> decided_;  // Switch nodes with a known predicate, in order
};

void BecomeIdentity(DefEditor& def, int i, int input) {
  const InputName from = ParseInputName(def.node(i).input(input));
  const proto::AttrValue type = def.node(i).attr().at("T");
  def.Become(i, "Identity", {from});
  (*def.mutable_node(i)->mutable_attr())["T"] = type;
}

bool HasType(const DefEditor& def, int i) { return def.node(i).attr().contains("T"); }

// Is what a Select chooses as large as its result?
bool Whole(const Graph& graph, const DefEditor& def, int i, int chosen) {
  if (def.Is(i, "Select")) return true;
  const Node* node = graph.FindNode(def.node(i).name());
  if (node == nullptr) return false;
  const TensorShape& part = node->input(chosen).shape();
  const TensorShape& other = node->input(3 - chosen).shape();
  if (other.rank_known() && other.rank() == 0) {  // and the predicate is a scalar
    return node->input(0).shape().rank_known() && node->input(0).shape().rank() == 0;
  }
  return part.fully_defined() && part == node->output_shape(0);
}

void Choose(const Graph& graph, DefEditor& def) {
  for (int i = 0; i < def.num_nodes(); ++i) {
    if (!def.Is(i, "Select") && !def.Is(i, "SelectV2")) continue;
    if (def.num_data_inputs(i) != 3 || !HasType(def, i)) continue;
    const std::optional<bool> first = Decided(def.ConstantInput(i, 0));
    if (!first.has_value()) continue;
    const int chosen = *first ? 1 : 2;
    if (Whole(graph, def, i, chosen)) BecomeIdentity(def, i, chosen);
  }
}

}  // namespace

absl::Status RemoveBranches(const std::vector<std::string>& outputs, const OpRegistry& registry,
                            proto::GraphDef* def) {
  Graph graph(registry);
  SLUICE_RETURN_IF_ERROR(ImportGraphDef(*def, &graph).status());
  SLUICE_ASSIGN_OR_RETURN(const std::unique_ptr<DefEditor> editor, DefEditor::Open(def, outputs));
  for (int i = 0; i < editor->num_nodes(); ++i) {
    const bool merge = editor->Is(i, "Merge") || editor->Is(i, "RefMerge");
    if (merge && !HasType(*editor, i)) {
      const std::string name = editor->node(i).name();
      editor->Save();
      return absl::InvalidArgumentError(absl::StrCat(Printable(name), " has no attr T"));
    }
  }
  Choose(graph, *editor);
  const absl::Status status = Branches(*editor).Run();
  if (status.ok()) editor->RemoveUnused();
  editor->Save();
  return status;
}

}  // namespace sluice::train
