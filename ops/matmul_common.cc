#include "ops/matmul_common.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "ops/kernels/matmul.h"

namespace sluice::ops {
namespace {

kernels::MatMulGeometry GeometryOf(const PrepareContext& p, const ProductOptions& options) {
  const TensorShape &a = p.input_shape(0), &b = p.input_shape(1), &c = p.output_shape(0);
  kernels::MatMulGeometry g{.m = c.dim(-2),
                            .k = a.dim(options.transpose_a ? -2 : -1),
                            .n = c.dim(-1),
                            .transpose_a = options.transpose_a,
                            .transpose_b = options.transpose_b,
                            .conjugate = options.conjugate};
  const int batch_rank = c.rank() - 2;
  for (int i = 0; i < batch_rank; ++i) {
    auto dim = [&](const TensorShape& s) {
      const int from_end = c.rank() - i;
      return from_end <= s.rank() ? s.dim(-from_end) : 1;
    };
    g.batch_a.push_back(dim(a));
    g.batch_b.push_back(dim(b));
    g.batch_c.push_back(dim(c));
  }
  return g;
}

}  // namespace

absl::StatusOr<TensorShape> ProductDims(const TensorShape& a, const TensorShape& b,
                                        bool transpose_a, bool transpose_b) {
  const int64_t inner_a = a.dim(transpose_a ? -2 : -1), inner_b = b.dim(transpose_b ? -1 : -2);
  if (inner_a >= 0 && inner_b >= 0 && inner_a != inner_b) {
    return absl::InvalidArgumentError(
        absl::StrCat("Dimensions must be equal, but are ", inner_a, " and ", inner_b,
                     ": inner dimensions of ", a.ToString(), transpose_a ? " (transposed)" : "",
                     " and ", b.ToString(), transpose_b ? " (transposed)" : ""));
  }
  return TensorShape({a.dim(transpose_a ? -1 : -2), b.dim(transpose_b ? -2 : -1)});
}

absl::Status MatMulShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape a, c.WithRank(0, 2));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape b, c.WithRank(1, 2));
  SLUICE_ASSIGN_OR_RETURN(TensorShape product, ProductDims(a, b, c.attr<bool>("transpose_a"),
                                                           c.attr<bool>("transpose_b")));
  c.set_output(0, std::move(product));
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> PrepareProduct(PrepareContext& p, const ProductOptions& options) {
  const Tensor* constant_b = p.constant_input(1);
  SLUICE_ASSIGN_OR_RETURN(
      std::unique_ptr<kernels::MatMul> made,
      kernels::MatMul::Make(p.input_dtype(0), GeometryOf(p, options),
                            {.constant_b = constant_b ? constant_b->raw() : nullptr,
                             .stable_b = p.stable_input(1),
                             .epilogue = options.epilogue,
                             .budget = p.budget()}));
  std::shared_ptr<kernels::MatMul> product = std::move(made);
  p.RequestScratch(product->scratch_bytes());
  const int bias = options.epilogue.bias ? 2 : -1;
  const int residual = options.epilogue.residual ? (bias < 0 ? 2 : 3) : -1;
  return KernelRun([product, bias, residual](KernelContext& c) {
    const Tensor& b = c.input(1);
    return product->Run({.a = c.input(0).raw(),
                         .b = b.raw(),
                         .c = c.output(0).mutable_raw(),
                         .scratch = c.scratch(),
                         .b_version = b.version(),
                         .bias = bias < 0 ? nullptr : c.input(bias).raw(),
                         .residual = residual < 0 ? nullptr : c.input(residual).raw()});
  });
}

}  // namespace sluice::ops
