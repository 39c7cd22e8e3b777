// fuse_matmul: a matrix product takes in what follows it and nobody else looks at: a bias, an
// activation (ops/fused_matmul.h).
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "graph/node.h"
#include "graph/rewrite.h"
#include "ops/fused_matmul.h"

namespace sluice::ops {
namespace {

constexpr int kNone = PlanEditor::kNone;

// A product, fused already or not.
struct Product {
  std::vector<int> inputs;  // a, b, args
  std::vector<std::string> fused_ops;
  AttrMap attrs;
};

// The product of float or double that makes `value` for one reader only.
std::optional<Product> ProductBefore(const PlanEditor& plan, int value) {
  const int work = plan.producer(value);
  const bool fused = plan.Is(work, kFusedMatMul);
  if ((!fused && !plan.Is(work, "MatMul")) || !plan.ReadOnce(value)) return std::nullopt;
  if (plan.dtype(value) != DType::kFloat && plan.dtype(value) != DType::kDouble) {
    return std::nullopt;
  }
  const Node& node = plan.node(work);
  const absl::Span<const int> inputs = plan.inputs(work);
  Product product = {.inputs = {inputs.begin(), inputs.end()}, .attrs = {{"T", plan.dtype(value)}}};
  for (const char* attr : {"transpose_a", "transpose_b"}) {
    product.attrs[attr] = node.attr<bool>(attr);
  }
  if (fused) {
    product.fused_ops = node.attr<std::vector<std::string>>("fused_ops");
    product.attrs["leakyrelu_alpha"] = node.attr<float>("leakyrelu_alpha");
  }
  return product;
}

bool Finish(PlanEditor& plan, int work, Product product, const std::string& fused_op) {
  product.fused_ops.push_back(fused_op);
  product.attrs["fused_ops"] = product.fused_ops;
  product.attrs["num_args"] = static_cast<int64_t>(product.inputs.size()) - 2;
  return plan.Replace(work, {.op = kFusedMatMul,
                             .attrs = std::move(product.attrs),
                             .inputs = std::move(product.inputs),
                             .outputs = {plan.outputs(work)[0]}}) != kNone;
}

// `value` as a vector of `columns`, kNone when it is not [columns] or [1, columns].
int AsVector(PlanEditor& plan, int work, int value, int64_t columns) {
  const TensorShape shape = plan.shape(value);
  if (shape.rank() < 1 || shape.rank() > 2 || shape.num_elements() != columns ||
      shape.dim(-1) != columns) {
    return kNone;
  }
  if (shape.rank() == 1) return value;
  const int sizes = plan.Constant(Tensor::Of<int64_t>({1}, {columns}));
  const std::vector<int> vector =
      plan.Add(work, {.op = "Reshape",
                      .attrs = {{"T", plan.dtype(value)}, {"Tshape", DType::kInt64}},
                      .inputs = {value, sizes}});
  return vector.empty() ? kNone : vector[0];
}

// product + bias; the sum has the product's shape.
bool FuseBias(PlanEditor& plan, int work, int product_value, int bias) {
  std::optional<Product> product = ProductBefore(plan, product_value);
  const TensorShape shape = plan.shape(product_value);
  if (!product || !product->fused_ops.empty() || shape.num_elements() == 0) return false;
  if (plan.shape(plan.outputs(work)[0]) != shape) return false;
  const int vector = AsVector(plan, work, bias, shape.dim(1));
  if (vector == kNone) return false;
  product->inputs.push_back(vector);
  return Finish(plan, work, *std::move(product), "BiasAdd");
}

bool FuseActivation(PlanEditor& plan, int work) {
  std::optional<Product> product = ProductBefore(plan, plan.inputs(work)[0]);
  if (!product) return false;
  if (!product->fused_ops.empty() && product->fused_ops.back() != "BiasAdd") return false;
  const Node& node = plan.node(work);
  if (node.op() == "LeakyRelu") product->attrs["leakyrelu_alpha"] = node.attr<float>("alpha");
  return Finish(plan, work, *std::move(product), node.op());
}

bool Apply(PlanEditor& plan, int work) {
  const std::string& op = plan.node(work).op();
  const absl::Span<const int> inputs = plan.inputs(work);
  // (Of a matrix the second dimension is the channel in both data formats.)
  if (op == "BiasAdd" || op == "BiasAddV1") return FuseBias(plan, work, inputs[0], inputs[1]);
  if (op != "Add" && op != "AddV2") return FuseActivation(plan, work);
  const int a = inputs[0], b = inputs[1];
  return FuseBias(plan, work, a, b) || FuseBias(plan, work, b, a);
}

}  // namespace

Rewrite FuseMatMulRewrite() {
  return {.name = "fuse_matmul",
          .description = "matrix product + bias + activation in one kernel",
          .ops = {"BiasAdd", "BiasAddV1", "Add", "AddV2", "Relu", "Relu6", "LeakyRelu", "Elu",
                  "Tanh", "Sigmoid"},
          .apply = Apply};
}

}  // namespace sluice::ops
