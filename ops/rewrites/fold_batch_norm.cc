// fold_batch_norm: what multiplies the channels of a convolution or matrix product by numbers that
// seldom change goes into the weights, what it adds into a bias:
//
//   batch_norm(conv(x, w) + b) = conv(x, w * m) + (b - mean) * m + offset,  m = scale /
//   sqrt(variance + epsilon)
//   (x w) * m = x (w * m)
//
// Weights and m must be invariant: then the plan computes both once, and anew only when a variable
// that they come from has changed.
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "graph/node.h"
#include "graph/rewrite.h"
#include "ops/rewrites/conv_pattern.h"

namespace sluice::ops {
namespace {

constexpr int kNone = PlanEditor::kNone;

// Work added before one place; once one is refused, all that follow are kNone.
class Adder {
 public:
  Adder(PlanEditor& plan, int work) : plan_(plan), work_(work) {}
  int operator()(const char* op, std::vector<int> inputs) {
    for (const int v : inputs) {
      if (v == kNone) return kNone;
    }
    const std::vector<int> made = plan_.Add(work_, {.op = op, .inputs = std::move(inputs)});
    return made.empty() ? kNone : made[0];
  }
  int Reshape(int value, std::vector<int64_t> dims) {
    const TensorShape shape({static_cast<int64_t>(dims.size())});
    return (*this)("Reshape", {value, plan_.Constant(Tensor::Of<int64_t>(shape, dims))});
  }

 private:
  PlanEditor& plan_;
  const int work_;
};

// `filter` with what makes each output channel multiplied by its number in `multiplier`, a vector.
int ScaledFilter(PlanEditor& plan, Adder& add, const ConvPattern& conv, int multiplier) {
  const int filter = conv.inputs[1];
  if (conv.depthwise) {
    multiplier = add.Reshape(multiplier, {plan.shape(filter).dim(2), plan.shape(filter).dim(3)});
  }
  return add("Mul", {filter, multiplier});
}

// The convolution that makes `value`, with a bias or without, nobody else reading what lies in
// between; its weights and bias are invariant.
std::optional<ConvPattern> InvariantConv(const PlanEditor& plan, int value) {
  std::optional<ConvPattern> conv = ConvBefore(plan, value);
  const int before = plan.producer(value);
  if (!conv && plan.Is(before, "BiasAdd") && plan.ReadOnce(value)) {
    conv = ConvBefore(plan, plan.inputs(before)[0]);
    const bool first = plan.node(before).attr<std::string>("data_format") == "NCHW";
    if (!conv || !conv->plain() || first != conv->channels_first()) return std::nullopt;
    conv->fused_ops = {"BiasAdd"};
    conv->inputs.push_back(plan.inputs(before)[1]);
  }
  if (!conv || !(conv->plain() || conv->only_bias())) return std::nullopt;
  for (size_t i = 1; i < conv->inputs.size(); ++i) {
    if (!plan.invariant(conv->inputs[i])) return std::nullopt;
  }
  return conv;
}

bool FoldBatchNorm(PlanEditor& plan, int work) {
  const Node& node = plan.node(work);
  if (node.attr<bool>("is_training")) return false;
  const std::vector<int> in(plan.inputs(work).begin(), plan.inputs(work).end());
  std::optional<ConvPattern> conv = InvariantConv(plan, in[0]);
  if (!conv || conv->channels_first() != (node.attr<std::string>("data_format") == "NCHW")) {
    return false;
  }
  for (int i = 1; i < 5; ++i) {
    if (!plan.invariant(in[i]) || plan.dtype(in[i]) != plan.dtype(in[0])) return false;
  }
  for (size_t i = 1; i < plan.outputs(work).size(); ++i) {
    const int v = plan.outputs(work)[i];
    if (!plan.only_readers(v) || !plan.readers(v).empty()) return false;
  }
  Adder add(plan, work);
  const int epsilon = plan.Constant(Tensor::Scalar(node.attr<float>("epsilon")));
  const int multiplier = add("Mul", {in[1], add("Rsqrt", {add("AddV2", {in[4], epsilon})})});
  const int shift = conv->plain() ? add("Neg", {in[3]}) : add("Sub", {conv->inputs[2], in[3]});
  const int bias = add("AddV2", {add("Mul", {shift, multiplier}), in[2]});
  const int filter = ScaledFilter(plan, add, *conv, multiplier);
  if (bias == kNone || filter == kNone) return false;
  conv->fused_ops = {"BiasAdd"};
  conv->inputs = {conv->inputs[0], filter, bias};
  return plan.Replace(work, FusedWork(*conv, plan.outputs(work)[0])) != kNone;
}

// Numbers for the last dimension, which has `size`: a vector, or one with dimensions of 1 before.
bool SpreadsOverLast(const TensorShape& shape, int64_t size) {
  return shape.rank() >= 1 && shape.rank() <= 4 && shape.num_elements() == size &&
         shape.dim(-1) == size;
}

bool FoldIntoConv(PlanEditor& plan, int work, ConvPattern conv, int factor) {
  const int64_t channels = plan.shape(plan.outputs(work)[0]).dim(-1);
  if (conv.channels_first() || !SpreadsOverLast(plan.shape(factor), channels)) return false;
  Adder add(plan, work);
  const int multiplier = add.Reshape(factor, {channels});
  conv.inputs[1] = ScaledFilter(plan, add, conv, multiplier);
  if (conv.only_bias()) conv.inputs[2] = add("Mul", {conv.inputs[2], multiplier});
  for (const int v : conv.inputs) {
    if (v == kNone) return false;
  }
  return plan.Replace(work, FusedWork(conv, plan.outputs(work)[0])) != kNone;
}

bool FoldIntoMatMul(PlanEditor& plan, int work, int product, int factor) {
  const int matmul = plan.producer(product);
  if (!plan.Is(matmul, "MatMul") || !plan.ReadOnce(product)) return false;
  const Node& node = plan.node(matmul);
  const std::vector<int> in(plan.inputs(matmul).begin(), plan.inputs(matmul).end());
  const int64_t columns = plan.shape(product).dim(1);
  if (!plan.invariant(in[1]) || !SpreadsOverLast(plan.shape(factor), columns)) return false;
  const bool transposed = node.attr<bool>("transpose_b");
  Adder add(plan, work);
  const int multiplier = add.Reshape(factor, {transposed ? columns : 1, transposed ? 1 : columns});
  const int weights = add("Mul", {in[1], multiplier});
  if (weights == kNone) return false;
  PlanEditor::Work by{.op = "MatMul", .inputs = {in[0], weights}};
  for (const char* name : {"transpose_a", "transpose_b"}) by.attrs[name] = node.attr<bool>(name);
  by.outputs = {plan.outputs(work)[0]};
  return plan.Replace(work, std::move(by)) != kNone;
}

bool FoldMul(PlanEditor& plan, int work) {
  const std::vector<int> in(plan.inputs(work).begin(), plan.inputs(work).end());
  for (int i = 0; i < 2; ++i) {
    const int product = in[i], factor = in[1 - i];
    if (!plan.invariant(factor) || plan.shape(product) != plan.shape(plan.outputs(work)[0]))
      continue;
    if (std::optional<ConvPattern> conv = InvariantConv(plan, product)) {
      return FoldIntoConv(plan, work, *std::move(conv), factor);
    }
    if (FoldIntoMatMul(plan, work, product, factor)) return true;
  }
  return false;
}

bool Apply(PlanEditor& plan, int work) {
  return plan.Is(work, "Mul") ? FoldMul(plan, work) : FoldBatchNorm(plan, work);
}

}  // namespace

Rewrite FoldBatchNormRewrite() {
  return {.name = "fold_batch_norm",
          .description = "factors per channel, batch normalization's too, in the weights before",
          .ops = {"FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3", "Mul"},
          .apply = Apply};
}

}  // namespace sluice::ops
