// _FusedMatMul: see ops/fused_matmul.h for the rules, ops/kernels/epilogue.h for what follows the
// product.
#include "ops/fused_matmul.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/kernel.h"
#include "core/status.h"
#include "graph/op_spec.h"
#include "ops/flops.h"
#include "ops/fused_conv2d.h"
#include "ops/matmul_common.h"

namespace sluice::ops {
namespace {

using kernels::Epilogue;

absl::Status FusedShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const Epilogue e, FusedEpilogue(c.attrs()));
  SLUICE_RETURN_IF_ERROR(MatMulShape(c));
  TensorShape output = c.output(0);
  if (e.bias) {
    SLUICE_ASSIGN_OR_RETURN(const TensorShape bias, c.WithRank(2, 1));
    if (bias.dim(0) >= 0 && output.dim(1) >= 0 && bias.dim(0) != output.dim(1)) {
      return absl::InvalidArgumentError(absl::StrCat("Dimensions must be equal, but are ",
                                                     output.dim(1), " and ", bias.dim(0),
                                                     ": columns of the product and bias"));
    }
  }
  if (!e.residual) return absl::OkStatus();
  const TensorShape& addend = c.input(e.bias ? 3 : 2);
  auto merged = output.MergeWith(addend);
  if (!merged.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("Dimensions must be equal, but the product is ",
                                                   output.ToString(), " and what is added to it ",
                                                   addend.ToString()));
  }
  c.set_output(0, *std::move(merged));
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> FusedPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(const Epilogue e, FusedEpilogue(p.attrs()));
  return PrepareProduct(p, {.transpose_a = p.attr<bool>("transpose_a"),
                            .transpose_b = p.attr<bool>("transpose_b"),
                            .epilogue = e});
}

}  // namespace

OpSpec FusedMatMulOp() {
  return OpSpec(kFusedMatMul)
      .Input("a: T")
      .Input("b: T")
      .Input("args: num_args * T")
      .Output("product: T")
      .Attr("transpose_a: bool = false")
      .Attr("transpose_b: bool = false")
      .Attr("T: {float, double}")
      .Attr("num_args: int >= 0")
      .Attr("fused_ops: list(string) = []")
      .Attr("epsilon: float = 0.0001")
      .Attr("leakyrelu_alpha: float = 0.2")
      .Shape(FusedShape)
      .Prepare(FusedPrepare)
      .Flops(ProductFlops("transpose_a"))
      .ThreadSensitive()
      .NotDifferentiable("it stands in plans only: gradients are made before");
}

}  // namespace sluice::ops
