// MatMul: c[i, j] = sum over l of a[i, l] b[l, j]; BatchMatMul: the same for every pair of
// matrices. Shapes and kernels: matmul_common.h.
#include "ops/matmul.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/kernel.h"
#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/broadcast_gradient.h"
#include "ops/complex.h"
#include "ops/const.h"
#include "ops/flops.h"
#include "ops/matmul_common.h"
#include "ops/reduction.h"
#include "ops/reshape.h"
#include "ops/shape.h"

namespace sluice::ops {
namespace {

// --- shape functions ---

TensorShape BatchDims(const TensorShape& shape) {
  if (!shape.rank_known()) return shape;
  return TensorShape(shape.dims().subspan(0, shape.rank() - 2));
}

absl::Status BatchShape(ShapeContext& c, bool broadcasts) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape x, c.WithRankAtLeast(0, 2));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape y, c.WithRankAtLeast(1, 2));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape product,
                          ProductDims(x, y, c.attr<bool>("adj_x"), c.attr<bool>("adj_y")));
  const TensorShape batch_x = BatchDims(x), batch_y = BatchDims(y);
  SLUICE_ASSIGN_OR_RETURN(TensorShape shape, broadcasts ? BroadcastShapes(batch_x, batch_y)
                                                        : batch_x.MergeWith(batch_y));
  if (!shape.rank_known()) return absl::OkStatus();
  shape.AddDim(product.dim(0));
  shape.AddDim(product.dim(1));
  c.set_output(0, std::move(shape));
  return absl::OkStatus();
}

absl::Status BatchMatMulShape(ShapeContext& c) { return BatchShape(c, false); }
absl::Status BatchMatMulV2Shape(ShapeContext& c) { return BatchShape(c, true); }

// --- kernels ---

absl::StatusOr<KernelRun> MatMulPrepare(PrepareContext& p) {
  return PrepareProduct(
      p, {.transpose_a = p.attr<bool>("transpose_a"), .transpose_b = p.attr<bool>("transpose_b")});
}

absl::StatusOr<KernelRun> BatchMatMulPrepare(PrepareContext& p) {
  return PrepareProduct(p, {.transpose_a = p.attr<bool>("adj_x"),
                            .transpose_b = p.attr<bool>("adj_y"),
                            .conjugate = true});
}

// --- gradients ---

// The four cases of c = op(a) op(b), written with a function that multiplies.
template <typename Multiply>
Outputs ProductGradient(const Output& a, const Output& b, const Output& dc, bool ta, bool tb,
                        Multiply multiply) {
  const Output da = ta ? multiply(b, dc, tb, true) : multiply(dc, b, false, !tb);
  const Output db = tb ? multiply(dc, a, true, ta) : multiply(a, dc, !ta, false);
  return {da, db};
}

Outputs MatMulGradient(At at, const Node& op, const Outputs& dy) {
  const Output a = Conjugate(at, op.input(0)), b = Conjugate(at, op.input(1));
  return ProductGradient(a, b, dy[0], op.attr<bool>("transpose_a"), op.attr<bool>("transpose_b"),
                         [&](const Output& x, const Output& y, bool tx, bool ty) {
                           return MatMul(at, x, y, {.transpose_a = tx, .transpose_b = ty});
                         });
}

Outputs BatchMatMulGradient(At at, const Node& op, const Outputs& dy) {
  return ProductGradient(op.input(0), op.input(1), dy[0], op.attr<bool>("adj_x"),
                         op.attr<bool>("adj_y"),
                         [&](const Output& x, const Output& y, bool ax, bool ay) {
                           return BatchMatMul(at, x, y, {.adj_x = ax, .adj_y = ay});
                         });
}

// The leading dimensions of a shape vector, as a shape vector.
Output BatchOf(At at, const Output& shape) {
  const Output zero = Ints({0}).Tensor(at, "begin"), end = Ints({-2}).Tensor(at, "end");
  const Output one = Ints({1}).Tensor(at, "strides");
  return at.Node("StridedSlice", {shape, zero, end, one}, {{"begin_mask", 1}});
}

Outputs BatchMatMulV2Gradient(At at, const Node& op, const Outputs& dy) {
  const Outputs g = ProductGradient(op.input(0), op.input(1), dy[0], op.attr<bool>("adj_x"),
                                    op.attr<bool>("adj_y"),
                                    [&](const Output& x, const Output& y, bool ax, bool ay) {
                                      return BatchMatMulV2(at, x, y, {.adj_x = ax, .adj_y = ay});
                                    });
  const TensorShape &x = op.input(0).shape(), &y = op.input(1).shape();
  if (x.fully_defined() && y.fully_defined() && BatchDims(x) == BatchDims(y)) return g;
  const Output sx = ShapeTensor(at, op.input(0)), sy = ShapeTensor(at, op.input(1));
  const BroadcastGradientArgsOutputs axes =
      BroadcastGradientArgs(at, BatchOf(at, sx), BatchOf(at, sy));
  return {Reshape(at, Sum(at, g[0], axes.r0), sx), Reshape(at, Sum(at, g[1], axes.r1), sy)};
}

constexpr const char* kTypes =
    "T: {bfloat16, half, float, double, int32, int64, complex64, complex128}";

OpSpec BatchProduct(absl::string_view name) {
  return OpSpec(name)
      .Input("x: T")
      .Input("y: T")
      .Output("output: T")
      .Attr(kTypes)
      .Attr("adj_x: bool = false")
      .Attr("adj_y: bool = false")
      .Prepare(BatchMatMulPrepare)
      .ThreadSensitive()
      .Flops(ProductFlops("adj_x"));
}

}  // namespace

OpSpec MatMulOp() {
  return OpSpec("MatMul")
      .Input("a: T")
      .Input("b: T")
      .Output("product: T")
      .Attr("transpose_a: bool = false")
      .Attr("transpose_b: bool = false")
      .Attr(kTypes)
      .Shape(MatMulShape)
      .Prepare(MatMulPrepare)
      .ThreadSensitive()
      .Flops(ProductFlops("transpose_a"))
      .Gradient(MatMulGradient);
}
OpSpec BatchMatMulOp() {
  return BatchProduct("BatchMatMul").Shape(BatchMatMulShape).Gradient(BatchMatMulGradient);
}
OpSpec BatchMatMulV2Op() {
  return BatchProduct("BatchMatMulV2").Shape(BatchMatMulV2Shape).Gradient(BatchMatMulV2Gradient);
}

Output MatMul(At at, Output a, Output b, const MatMulOptions& options) {
  return at.Node("MatMul", {a, b},
                 {{"transpose_a", options.transpose_a}, {"transpose_b", options.transpose_b}});
}
Output BatchMatMul(At at, Output x, Output y, const BatchMatMulOptions& options) {
  return at.Node("BatchMatMul", {x, y}, {{"adj_x", options.adj_x}, {"adj_y", options.adj_y}});
}
Output BatchMatMulV2(At at, Output x, Output y, const BatchMatMulOptions& options) {
  return at.Node("BatchMatMulV2", {x, y}, {{"adj_x", options.adj_x}, {"adj_y", options.adj_y}});
}

}  // namespace sluice::ops
