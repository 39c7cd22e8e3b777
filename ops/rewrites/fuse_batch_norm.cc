// Batch normalization takes in the residual sum and the activation after it; its gradient takes in
// the activation's, the sum of two gradients before that, and gives the residual's gradient as well
// (ops/fused_batch_norm_ex.h). In training these passes over memory cost more than the arithmetic.
//
// Only in float: half and bfloat16 would lose the roundings in between.
#include <string>
#include <utility>
#include <vector>

#include "core/attr_value.h"
#include "graph/node.h"
#include "graph/rewrite.h"

namespace sluice::ops {
namespace {

constexpr int kNone = PlanEditor::kNone;

bool IsAny(const PlanEditor& plan, int work, std::initializer_list<const char*> ops) {
  for (const char* op : ops) {
    if (plan.Is(work, op)) return true;
  }
  return false;
}

bool IsBatchNorm(const PlanEditor& plan, int work) {
  return IsAny(plan, work, {"FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"});
}

AttrMap AttrsOf(const Node& norm, const char* mode, int64_t sides) {
  AttrMap attrs = {{"T", DType::kFloat},
                   {"U", DType::kFloat},
                   {"num_side_inputs", sides},
                   {"activation_mode", mode}};
  for (const char* name : {"epsilon", "data_format", "is_training"}) {
    attrs[name] = *FindAttr(norm.attrs(), name);
  }
  return attrs;
}

// --- forward ---

// The other term of a sum of two tensors of one shape; kNone: `work` is no such sum.
int OtherTerm(const PlanEditor& plan, int work, int value) {
  if (!IsAny(plan, work, {"Add", "AddV2", "AddN"})) return kNone;
  const auto terms = plan.inputs(work);
  if (terms.size() != 2 || plan.shape(terms[0]) != plan.shape(terms[1])) return kNone;
  return terms[0] == value ? terms[1] : terms[0];
}

const char* ActivationMode(const PlanEditor& plan, int work) {
  if (plan.Is(work, "Relu")) return "Relu";
  return plan.Is(work, "Relu6") ? "Relu6" : nullptr;
}

bool FuseForward(PlanEditor& plan, int norm) {
  int y = plan.outputs(norm)[0];
  if (plan.dtype(y) != DType::kFloat || !plan.ReadOnce(y)) return false;
  std::vector<int> inputs(plan.inputs(norm).begin(), plan.inputs(norm).end());
  std::vector<int> outputs(plan.outputs(norm).begin(), plan.outputs(norm).end());
  int next = plan.readers(y)[0];
  const int side = OtherTerm(plan, next, y);
  if (side != kNone) {
    inputs.push_back(side);
    y = plan.outputs(next)[0];
    next = plan.ReadOnce(y) ? plan.readers(y)[0] : kNone;
  }
  const char* mode = ActivationMode(plan, next);
  if (mode != nullptr) y = plan.outputs(next)[0];
  if (mode == nullptr && side == kNone) return false;
  outputs[0] = y;
  AttrMap attrs =
      AttrsOf(plan.node(norm), mode == nullptr ? "Identity" : mode, side == kNone ? 0 : 1);
  return plan.Replace(norm, {.op = "_FusedBatchNormEx",
                             .attrs = std::move(attrs),
                             .inputs = std::move(inputs),
                             .outputs = std::move(outputs)}) != kNone;
}

// --- gradient ---

// Inputs of a gradient.
struct Backward {
  int x, scale, mean, variance;
};

// The offset of the normalization from which y comes through nothing but an activation, if it is
// the one that `backward` belongs to; else kNone.
int OffsetOf(const PlanEditor& plan, int y, const Node& gradient, const Backward& backward) {
  int norm = plan.producer(y);
  if (ActivationMode(plan, norm) != nullptr) {
    norm = plan.producer(plan.inputs(norm)[0]);
    if (!IsBatchNorm(plan, norm)) return kNone;
  } else if (!plan.Is(norm, "_FusedBatchNormEx") ||
             plan.node(norm).attr<int64_t>("num_side_inputs") != 0) {
    return kNone;
  }
  const Node& node = plan.node(norm);
  for (const char* name : {"epsilon", "data_format", "is_training"}) {
    if (!(*FindAttr(node.attrs(), name) == *FindAttr(gradient.attrs(), name))) return kNone;
  }
  const bool training = node.attr<bool>("is_training");
  const auto moments = training ? plan.outputs(norm) : plan.inputs(norm);
  const auto inputs = plan.inputs(norm);
  const bool same = inputs[0] == backward.x && inputs[1] == backward.scale &&
                    moments[3] == backward.mean && moments[4] == backward.variance;
  return same ? inputs[2] : kNone;
}

// What `value` is but for work that changes nothing: sums over no axes and shapes and back, of
// which the gradient of a sum is made whose shapes were not known to be equal.
int Unchanged(const PlanEditor& plan, int value) {
  int v = value;
  for (int sum = plan.producer(plan.unaliased(v)); plan.Is(sum, "Sum");
       sum = plan.producer(plan.unaliased(v))) {
    const Tensor* axes = plan.constant(plan.inputs(sum)[1]);
    if (axes == nullptr || axes->num_elements() > 0) break;
    v = plan.inputs(sum)[0];
  }
  return plan.shape(v) == plan.shape(value) ? v : value;
}

bool FuseGradient(PlanEditor& plan, int work) {
  const std::vector<int> in(plan.inputs(work).begin(), plan.inputs(work).end());
  const int dz = Unchanged(plan, in[0]), activation = plan.producer(dz);
  const bool relu6 = plan.Is(activation, "Relu6Grad");
  if (plan.dtype(dz) != DType::kFloat || !(relu6 || plan.Is(activation, "ReluGrad"))) return false;
  const Backward backward = {in[1], in[2], in[3], in[4]};
  const Node& node = plan.node(work);
  int dy = plan.inputs(activation)[0], y = plan.inputs(activation)[1];
  int offset = kNone;
  if (dz == in[0] && plan.ReadOnce(dz)) offset = OffsetOf(plan, y, node, backward);
  std::vector<int> more, outputs(plan.outputs(work).begin(), plan.outputs(work).end());
  AttrMap attrs = AttrsOf(node, relu6 ? "Relu6" : "Relu", offset == kNone ? 1 : 0);
  if (offset == kNone) {
    // Others may read dz too (the shortcut's gradient), and y tells where it is 0.
    offset = backward.scale;
    outputs.push_back(dz);
    const int sum = plan.producer(dy);
    if (plan.Is(sum, "AddN") && plan.inputs(sum).size() == 2 && plan.ReadOnce(dy)) {
      more.push_back(plan.inputs(sum)[1]);
      dy = plan.inputs(sum)[0];
    }
  } else {
    y = backward.x;  // nobody looks
  }
  attrs["num_more_backprops"] = static_cast<int64_t>(more.size());
  const int reserve = in.size() > 5 ? in[5] : plan.Constant(Tensor::Scalar<float>(0));
  std::vector<int> inputs = {
      dy, backward.x, backward.scale, backward.mean, backward.variance, reserve, offset, y};
  inputs.insert(inputs.end(), more.begin(), more.end());
  return plan.Replace(work, {.op = "_FusedBatchNormGradEx",
                             .attrs = std::move(attrs),
                             .inputs = std::move(inputs),
                             .outputs = std::move(outputs)}) != kNone;
}

bool Fuse(PlanEditor& plan, int work) {
  return IsBatchNorm(plan, work) ? FuseForward(plan, work) : FuseGradient(plan, work);
}

}  // namespace

Rewrite FuseBatchNormRewrite() {
  return {.name = "fuse_batch_norm",
          .description = "batch normalization with residual sum and activation, and its gradient",
          .ops = {"FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3", "FusedBatchNormGrad",
                  "FusedBatchNormGradV2", "FusedBatchNormGradV3"},
          .apply = Fuse};
}

}  // namespace sluice::ops
