#include "train/transforms_batch_norm.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "proto/graph.pb.h"
#include "train/transforms_channels.h"
#include "train/transforms_def.h"

namespace sluice::train {
namespace {

constexpr int kNone = DefEditor::kNone;

class Folder {
 public:
  explicit Folder(DefEditor& def) : def_(def) {}

  absl::StatusOr<bool> Fold(int i) {
    const std::optional<Contraction> found = ContractionAt(def_, i);
    if (!found.has_value()) return false;
    const Chain chain = Follow(*found);
    if (!chain.multiplies || !chain.finite()) return false;
    SLUICE_RETURN_IF_ERROR(ScaleWeights(*found, chain.total.multiplier));
    SLUICE_RETURN_IF_ERROR(Shorten(*found, chain));
    return true;
  }

 private:
  // The steps after a contraction, up to the last that changes values.
  struct Chain {
    std::vector<int> steps;   // in order; those that change nothing but the shape are left out
    std::vector<int> inputs;  // of each, the input that carries the data
    ChannelStep total;
    bool multiplies = false;

    bool finite() const {
      for (size_t c = 0; c < total.multiplier.size(); ++c) {
        if (!std::isfinite(total.multiplier[c]) || !std::isfinite(total.addend[c])) return false;
      }
      return true;
    }
  };

  Chain Follow(const Contraction& contraction) const {
    Chain chain;
    chain.total.multiplier.assign(contraction.channels, 1);
    chain.total.addend.assign(contraction.channels, 0);
    Layout layout = contraction.layout;
    for (int i = contraction.node; def_.ReadOnce(i);) {
      const DefEditor::Use use = def_.UsesOf(i)[0];
      i = use.node;
      if (PassesChannels(def_, i, use.input, &layout)) continue;
      const std::optional<ChannelStep> step =
          ChannelStepAt(def_, i, use.input, contraction.channels, layout);
      if (!step.has_value()) break;
      chain.total.Then(*step);
      chain.multiplies = chain.multiplies || step->multiplies;
      chain.steps.push_back(i);
      chain.inputs.push_back(use.input);
    }
    return chain;
  }

  absl::Status ScaleWeights(const Contraction& contraction, const std::vector<double>& by) {
    const int constant = def_.ConstantBehind(contraction.node, contraction.weights);
    SLUICE_ASSIGN_OR_RETURN(const Tensor scaled,
                            Scaled(*def_.ValueOf(constant), contraction.axes, by));
    if (OwnedBy(contraction.node, contraction.weights)) {
      return def_.BecomeConstant(constant, scaled);
    }
    SLUICE_ASSIGN_OR_RETURN(
        const int copy,
        def_.AddConstant(absl::StrCat(def_.node(contraction.node).name(), "/folded_weights"),
                         scaled, contraction.node));
    def_.SetInput(contraction.node, contraction.weights, {def_.node(copy).name()});
    return absl::OkStatus();
  }

  // Does nobody else read the constant behind that input?
  bool OwnedBy(int node, int input) const {
    int i = def_.Producer(node, input);
    while (def_.Is(i, "Identity") && def_.ReadOnce(i)) i = def_.Producer(i, 0);
    return def_.Is(i, "Const") && def_.ReadOnce(i);
  }

  // All steps but the last vanish, the last adds the whole addend.
  absl::Status Shorten(const Contraction& contraction, const Chain& chain) {
    for (size_t s = 0; s + 1 < chain.steps.size(); ++s) {
      const int step = chain.steps[s];
      def_.Redirect(step, 0, ParseInputName(def_.node(step).input(chain.inputs[s])));
      if (def_.UsesOf(step).empty()) def_.Remove(step);
    }
    const int last = chain.steps.back();
    const Tensor* weights =
        def_.ValueOf(def_.ConstantBehind(contraction.node, contraction.weights));
    const DType dtype = weights->dtype();
    const InputName data = ParseInputName(def_.node(last).input(chain.inputs.back()));
    const std::vector<double>& addend = chain.total.addend;
    if (std::count(addend.begin(), addend.end(), 0) == contraction.channels) {
      def_.Become(last, "Identity", {data});
      (*def_.mutable_node(last)->mutable_attr())["T"].set_type(static_cast<proto::DataType>(dtype));
      return absl::OkStatus();
    }
    SLUICE_ASSIGN_OR_RETURN(const int bias,
                            def_.AddConstant(absl::StrCat(def_.node(last).name(), "/bias"),
                                             ChannelNumbers(dtype, addend), last));
    def_.Become(last, "BiasAdd", {data, {def_.node(bias).name()}});
    auto& attrs = *def_.mutable_node(last)->mutable_attr();
    attrs["T"].set_type(static_cast<proto::DataType>(dtype));
    attrs["data_format"].set_s(contraction.layout.channels_first ? "NCHW" : "NHWC");
    return absl::OkStatus();
  }

  DefEditor& def_;
};

}  // namespace

absl::StatusOr<int> FoldBatchNorms(const std::vector<std::string>& outputs, proto::GraphDef* def) {
  SLUICE_ASSIGN_OR_RETURN(const std::unique_ptr<DefEditor> editor, DefEditor::Open(def, outputs));
  Folder folder(*editor);
  int folded = 0;
  absl::Status status;
  const int nodes = editor->num_nodes();
  for (int i = 0; i < nodes && status.ok(); ++i) {
    if (!editor->alive(i)) continue;
    const absl::StatusOr<bool> done = folder.Fold(i);
    status = done.status();
    if (done.ok() && *done) ++folded;
  }
  if (status.ok()) editor->RemoveUnused();
  editor->Save();
  if (!status.ok()) return status;
  return folded;
}

}  // namespace sluice::train
