// RemoveDropout, of train/transforms_branches.h.
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "core/status.h"
#include "core/tensor.h"
#include "proto/graph.pb.h"
#include "train/transforms_branches.h"
#include "train/transforms_def.h"

namespace sluice::train {
namespace {

constexpr int kNone = DefEditor::kNone;
constexpr int kMaxDepth = 12;  // of the nodes that make a mask or a number

bool IsOneOf(const DefEditor& def, int i, std::initializer_list<const char*> ops) {
  for (const char* op : ops) {
    if (def.Is(i, op)) return true;
  }
  return false;
}

class Dropout {
 public:
  explicit Dropout(const DefEditor& def) : def_(def) {}

  // The input of `i` through which the x of a dropout comes, as the node and input number that read
  // it; {kNone, 0} when `i` is none.
  DefEditor::Use XOf(int i) const {
    if (def_.Is(i, "Mul") && def_.num_data_inputs(i) == 2) {
      for (int k = 0; k < 2; ++k) {
        if (IsMask(def_.Producer(i, k))) return Unscaled(i, 1 - k);
      }
    }
    if (IsOneOf(def_, i, {"Select", "SelectV2"}) && def_.num_data_inputs(i) == 3 &&
        IsMask(def_.Producer(i, 0)) && IsZero(i, 2)) {
      return Unscaled(i, 1);
    }
    return {kNone, 0};
  }

 private:
  // 0 or 1, as random numbers say.
  bool IsMask(int i) const {
    while (IsOneOf(def_, i, {"Identity", "Cast"})) i = def_.Producer(i, 0);
    const bool rounds = IsOneOf(def_, i, {"Floor", "GreaterEqual", "Greater", "Less", "LessEqual"});
    return rounds && MadeOfRandom(i, kMaxDepth);
  }

  // Through arithmetic only.
  bool MadeOfRandom(int i, int depth) const {
    if (depth == 0) return false;
    if (IsOneOf(def_, i, {"RandomUniform", "StatelessRandomUniform", "StatelessRandomUniformV2"}))
      return true;
    if (!IsOneOf(def_, i,
                 {"Floor", "GreaterEqual", "Greater", "Less", "LessEqual", "Add", "AddV2", "Sub",
                  "Mul", "Identity", "Cast"}))
      return false;
    for (int k = 0; k < def_.num_data_inputs(i); ++k) {
      if (MadeOfRandom(def_.Producer(i, k), depth - 1)) return true;
    }
    return false;
  }

  bool IsZero(int i, int input) const {
    const Tensor* value = def_.ConstantInput(i, input);
    if (value == nullptr) return def_.Is(def_.Producer(i, input), "ZerosLike");
    if (value->dtype() != DType::kFloat || value->num_elements() != 1) return false;
    return value->flat<float>()[0] == 0;
  }

  // One number: a constant, a placeholder for one, or made of these.
  bool IsNumber(int i, int depth) const {
    if (depth == 0) return false;
    if (const Tensor* value = def_.ValueOf(i)) return value->num_elements() == 1;
    if (def_.Is(i, "Placeholder")) return IsScalarPlaceholder(i);
    if (!IsOneOf(def_, i,
                 {"PlaceholderWithDefault", "Identity", "Sub", "RealDiv", "Div", "Mul", "Add",
                  "AddV2", "Reciprocal", "Inv", "Cast"}))
      return false;
    for (int k = 0; k < def_.num_data_inputs(i); ++k) {
      if (!IsNumber(def_.Producer(i, k), depth - 1)) return false;
    }
    return def_.num_data_inputs(i) > 0;
  }

  bool IsScalarPlaceholder(int i) const {
    const auto shape = def_.node(i).attr().find("shape");
    if (shape == def_.node(i).attr().end()) return true;
    return shape->second.shape().unknown_rank() || shape->second.shape().dim_size() == 0;
  }

  // What input `input` of `i` is before it was scaled to make up for what is dropped.
  DefEditor::Use Unscaled(int i, int input) const {
    const int scaled = def_.Producer(i, input);
    if (IsOneOf(def_, scaled, {"RealDiv", "Div"}) && IsNumber(def_.Producer(scaled, 1), kMaxDepth))
      return {scaled, 0};
    if (!def_.Is(scaled, "Mul")) return {kNone, 0};
    for (int k = 0; k < 2; ++k) {
      if (IsNumber(def_.Producer(scaled, k), kMaxDepth)) return {scaled, 1 - k};
    }
    return {kNone, 0};
  }

  const DefEditor& def_;
};

}  // namespace

absl::Status RemoveDropout(const std::vector<std::string>& outputs, proto::GraphDef* def) {
  SLUICE_ASSIGN_OR_RETURN(const std::unique_ptr<DefEditor> editor, DefEditor::Open(def, outputs));
  const Dropout dropout(*editor);
  for (int i = 0; i < editor->num_nodes(); ++i) {
    const DefEditor::Use x = dropout.XOf(i);
    if (x.node == kNone || !editor->node(i).attr().contains("T")) continue;
    const InputName from = ParseInputName(editor->node(x.node).input(x.input));
    const proto::AttrValue type = editor->node(i).attr().at("T");
    editor->Become(i, "Identity", {from});
    (*editor->mutable_node(i)->mutable_attr())["T"] = type;
  }
  editor->RemoveUnused();
  editor->Save();
  return absl::OkStatus();
}

}  // namespace sluice::train
