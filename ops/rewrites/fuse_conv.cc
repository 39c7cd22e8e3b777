// fuse_conv: a convolution takes in what follows it and nobody else looks at: a bias, the addition
// of a tensor of its output's shape, an activation (ops/fused_conv2d.h).
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "graph/node.h"
#include "graph/rewrite.h"
#include "ops/fused_conv2d.h"
#include "ops/rewrites/conv_pattern.h"

namespace sluice::ops {
namespace {

constexpr int kNone = PlanEditor::kNone;

// `value` as a vector of `channels`, kNone when it is none that an addition spreads over the
// channels of NHWC: [channels] or [.., 1, 1, channels].
int AsVector(PlanEditor& plan, int work, int value, int64_t channels) {
  const TensorShape shape = plan.shape(value);
  if (shape.rank() < 1 || shape.rank() > 4 || shape.num_elements() != channels ||
      shape.dim(-1) != channels) {
    return kNone;
  }
  if (shape.rank() == 1) return value;
  const int sizes = plan.Constant(Tensor::Of<int64_t>({1}, {channels}));
  const std::vector<int> vector = plan.Add(work, {.op = "Reshape", .inputs = {value, sizes}});
  return vector.empty() ? kNone : vector[0];
}

bool Finish(PlanEditor& plan, int work, ConvPattern conv, const char* fused_op) {
  conv.fused_ops.push_back(fused_op);
  return plan.Replace(work, FusedWork(conv, plan.outputs(work)[0])) != kNone;
}

bool AddBias(PlanEditor& plan, int work, ConvPattern conv, int bias) {
  const TensorShape& output = plan.shape(plan.outputs(work)[0]);
  if (!conv.plain() || plan.shape(bias).num_elements() == output.num_elements()) return false;
  const int64_t channels = output.dim(conv.channels_first() ? 1 : 3);
  const int vector = AsVector(plan, work, bias, channels);
  if (vector == kNone) return false;
  conv.inputs.push_back(vector);
  return Finish(plan, work, std::move(conv), "BiasAdd");
}

bool FuseBiasAdd(PlanEditor& plan, int work) {
  const int sums = plan.inputs(work)[0], bias = plan.inputs(work)[1];
  std::optional<ConvPattern> conv = ConvBefore(plan, sums);
  if (!conv || plan.shape(sums).rank() != 4) return false;
  const AttrValue* format = FindAttr(plan.node(work).attrs(), "data_format");  // not of BiasAddV1
  const bool first =
      format != nullptr && plan.node(work).attr<std::string>("data_format") == "NCHW";
  if (first != conv->channels_first()) return false;
  if (!conv->plain()) return false;
  conv->inputs.push_back(bias);
  return Finish(plan, work, *std::move(conv), "BiasAdd");
}

// Of two convolutions, the one that does more takes the other's result.
bool FuseAdd(PlanEditor& plan, int work) {
  const absl::Span<const int> inputs = plan.inputs(work);
  if (inputs.size() != 2 || inputs[0] == inputs[1]) return false;
  std::optional<ConvPattern> found;
  int addend = kNone;
  int64_t most = -1;
  for (int i = 0; i < 2; ++i) {
    std::optional<ConvPattern> conv = ConvBefore(plan, inputs[i]);
    if (!conv || plan.shape(inputs[i]) != plan.shape(plan.outputs(work)[0])) continue;
    const bool vector = plan.shape(inputs[1 - i]) != plan.shape(inputs[i]);
    if (vector ? !conv->plain() || conv->channels_first() : !conv->only_bias()) continue;
    const int64_t elements = plan.shape(conv->inputs[1]).num_elements();
    if (elements <= most) continue;
    most = elements;
    found = std::move(conv);
    addend = inputs[1 - i];
  }
  if (!found) return false;
  if (plan.shape(addend) != plan.shape(plan.outputs(work)[0])) {
    return AddBias(plan, work, *std::move(found), addend);
  }
  if (found->depthwise) return false;  // a pass of its own all the same
  found->inputs.push_back(addend);
  return Finish(plan, work, *std::move(found), "Add");
}

bool FuseActivation(PlanEditor& plan, int work) {
  std::optional<ConvPattern> conv = ConvBefore(plan, plan.inputs(work)[0]);
  if (!conv) return false;
  for (const std::string& op : conv->fused_ops) {
    if (op != "BiasAdd" && op != "Add") return false;  // it has one
  }
  const std::string& op = plan.node(work).op();
  if (op == "LeakyRelu") conv->attrs["leakyrelu_alpha"] = plan.node(work).attr<float>("alpha");
  return Finish(plan, work, *std::move(conv), op.c_str());
}

bool Apply(PlanEditor& plan, int work) {
  const std::string& op = plan.node(work).op();
  if (op == "BiasAdd" || op == "BiasAddV1") return FuseBiasAdd(plan, work);
  if (op == "Add" || op == "AddV2" || op == "AddN") return FuseAdd(plan, work);
  return FuseActivation(plan, work);
}

}  // namespace

Rewrite FuseConvRewrite() {
  return {.name = "fuse_conv",
          .description = "convolution + bias + sum + activation in one kernel",
          .ops = {"BiasAdd", "BiasAddV1", "Add", "AddV2", "AddN", "Relu", "Relu6", "LeakyRelu",
                  "Elu", "Tanh", "Sigmoid"},
          .apply = Apply};
}

}  // namespace sluice::ops
