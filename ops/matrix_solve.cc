// Linear systems. Arithmetic: kernels/linalg.h. Gradients: M. Giles, "Collected matrix derivative
// results for forward and reverse mode algorithmic differentiation" (2008).
#include "ops/matrix_solve.h"

#include <utility>

#include "core/kernel.h"
#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/const.h"
#include "ops/decomposition.h"
#include "ops/diag.h"
#include "ops/kernels/linalg.h"
#include "ops/linalg_util.h"
#include "ops/reshape.h"
#include "ops/unary.h"

namespace sluice::ops {
namespace {

// --- shape functions ---

// [..., m, n], [..., m, k] -> [..., n, k]
absl::Status SolveShape(ShapeContext& c, bool square) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape a,
                          square ? SquareMatrices(c, 0) : c.WithRankAtLeast(0, 2));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape b, c.WithRankAtLeast(1, 2));
  absl::StatusOr<TensorShape> batch = BatchPart(a).MergeWith(BatchPart(b));
  if (!batch.ok()) return batch.status();
  if (a.dim(-2) >= 0 && b.dim(-2) >= 0 && a.dim(-2) != b.dim(-2)) {
    return absl::InvalidArgumentError(absl::StrCat("Dimensions must be equal, but are ", a.dim(-2),
                                                   " and ", b.dim(-2),
                                                   ": Input matrix and rhs are incompatible"));
  }
  const int64_t n = square && a.dim(-1) < 0 ? b.dim(-2) : a.dim(-1);
  c.set_output(0, MatricesOf(*std::move(batch), n, b.dim(-1)));
  return absl::OkStatus();
}

absl::Status SquareSolveShape(ShapeContext& c) { return SolveShape(c, true); }

absl::Status LeastSquaresShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(c.WithRank(2, 0).status());
  return SolveShape(c, false);
}

absl::Status DeterminantShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape shape, SquareMatrices(c, 0));
  for (int i = 0; i < c.num_outputs(); ++i) c.set_output(i, BatchPart(shape));
  return absl::OkStatus();
}

absl::Status LuShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape shape, SquareMatrices(c, 0));
  c.set_output(0, shape);
  c.set_output(1, VectorsOf(BatchPart(shape), shape.dim(-1)));
  return absl::OkStatus();
}

// --- kernels ---

constexpr const char* kSingular = "Input matrix is not invertible.";

template <typename F>
absl::Status DispatchLinalg(KernelContext& c, F f) {
  return Dispatch<float, double, std::complex<float>, std::complex<double>>(c.input(0).dtype(), f);
}

absl::Status InverseKernel(KernelContext& c) {
  const Tensor& a = c.input(0);
  const int64_t n = a.dim(-1);
  const bool adjoint = c.attr<bool>("adjoint");
  return DispatchLinalg(c, [&](auto tag) {
    using T = typename decltype(tag)::type;
    return ForEachMatrix(CountMatrices(a.shape()), CubicCost(n, n), "Input is not invertible.",
                         [&](int64_t i) {
                           ElementWriter<T> inverse(c.output(0), i, n * n);
                           const MatrixReader<T> matrix(a, i);
                           if (!kernels::Invert(matrix.data(), n, adjoint, inverse.data()))
                             return false;
                           inverse.Store();
                           return true;
                         });
  });
}

absl::Status SolveKernel(KernelContext& c) {
  const Tensor &a = c.input(0), &b = c.input(1);
  const int64_t n = a.dim(-1), k = b.dim(-1);
  const bool adjoint = c.attr<bool>("adjoint");
  return DispatchLinalg(c, [&](auto tag) {
    using T = typename decltype(tag)::type;
    return ForEachMatrix(CountMatrices(a.shape()), CubicCost(n, n + k), kSingular, [&](int64_t i) {
      ElementWriter<T> x(c.output(0), i, n * k);
      const MatrixReader<T> matrix(a, i), right(b, i);
      if (!kernels::Solve(matrix.data(), right.data(), n, k, adjoint, x.data())) return false;
      x.Store();
      return true;
    });
  });
}

absl::Status TriangularSolveKernel(KernelContext& c) {
  const Tensor &a = c.input(0), &b = c.input(1);
  const int64_t n = a.dim(-1), k = b.dim(-1);
  const bool lower = c.attr<bool>("lower"), adjoint = c.attr<bool>("adjoint");
  return DispatchLinalg(c, [&](auto tag) {
    using T = typename decltype(tag)::type;
    return ForEachMatrix(CountMatrices(a.shape()), CubicCost(n, k), kSingular, [&](int64_t i) {
      ElementWriter<T> x(c.output(0), i, n * k);
      const MatrixReader<T> matrix(a, i), right(b, i);
      if (!kernels::SolveTriangular(matrix.data(), right.data(), n, k, lower, adjoint, x.data()))
        return false;
      x.Store();
      return true;
    });
  });
}

absl::Status LeastSquaresKernel(KernelContext& c) {
  const Tensor &a = c.input(0), &b = c.input(1);
  const int64_t m = a.dim(-2), n = a.dim(-1), k = b.dim(-1);
  const bool fast = c.attr<bool>("fast");
  const double l2 = c.input(2).scalar<double>();
  if (!(l2 >= 0)) return absl::InvalidArgumentError("l2_regularizer must be >= 0.");
  return DispatchLinalg(c, [&](auto tag) {
    using T = typename decltype(tag)::type;
    return ForEachMatrix(
        CountMatrices(a.shape()), CubicCost(m, n + k),
        "Input matrix was rank deficient or ill-conditioned. Try setting fast=False or provide a "
        "larger l2_regularizer > 0.",
        [&](int64_t i) {
          ElementWriter<T> x(c.output(0), i, n * k);
          const MatrixReader<T> matrix(a, i), right(b, i);
          if (!kernels::SolveLeastSquares(matrix.data(), right.data(), m, n, k, l2, fast, x.data()))
            return false;
          x.Store();
          return true;
        });
  });
}

absl::Status DeterminantKernel(KernelContext& c) {
  const Tensor& a = c.input(0);
  const int64_t n = a.dim(-1);
  return DispatchLinalg(c, [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* output = c.output(0).mutable_data<T>();
    return ForEachMatrix(CountMatrices(a.shape()), CubicCost(n, n), "", [&](int64_t i) {
      output[i] = static_cast<T>(kernels::Determinant(MatrixReader<T>(a, i).data(), n));
      return true;
    });
  });
}

absl::Status LogDeterminantKernel(KernelContext& c) {
  const Tensor& a = c.input(0);
  const int64_t n = a.dim(-1);
  return DispatchLinalg(c, [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* signs = c.output(0).mutable_data<T>();
    T* logs = c.output(1).mutable_data<T>();
    return ForEachMatrix(CountMatrices(a.shape()), CubicCost(n, n), "", [&](int64_t i) {
      WideOf<T> sign, log;
      kernels::LogDeterminant(MatrixReader<T>(a, i).data(), n, &sign, &log);
      signs[i] = static_cast<T>(sign);
      logs[i] = static_cast<T>(log);
      return true;
    });
  });
}

template <typename T, typename Index>
absl::Status LuRun(KernelContext& c) {
  const Tensor& a = c.input(0);
  const int64_t n = a.dim(-1);
  Index* rows = c.output(1).mutable_data<Index>();
  return ForEachMatrix(CountMatrices(a.shape()), CubicCost(n, n), "Input is not invertible.",
                       [&](int64_t i) {
                         ElementWriter<T> lu(c.output(0), i, n * n);
                         const MatrixReader<T> matrix(a, i);
                         if (!kernels::Lu(matrix.data(), n, lu.data(), rows + i * n)) return false;
                         lu.Store();
                         return true;
                       });
}

absl::Status LuKernel(KernelContext& c) {
  return DispatchLinalg(c, [&](auto tag) {
    using T = typename decltype(tag)::type;
    return c.output(1).dtype() == DType::kInt32 ? LuRun<T, int32_t>(c) : LuRun<T, int64_t>(c);
  });
}

// --- gradients ---

Outputs InverseGradient(At at, const Node& op, const Outputs& dy) {
  const Output inverse = op.output(0);
  const Output right = Product(at, dy[0], inverse, {.adj_y = true});
  return {Neg(at, Product(at, inverse, right, {.adj_x = true}))};
}

// d/d matrix of x with matrix x = rhs, from d/d rhs.
Output ByMatrix(At at, const Output& x, const Output& by_rhs, bool adjoint) {
  return Neg(at, adjoint ? Product(at, x, by_rhs, {.adj_y = true})
                         : Product(at, by_rhs, x, {.adj_y = true}));
}

Outputs SolveGradient(At at, const Node& op, const Outputs& dy) {
  const bool adjoint = op.attr<bool>("adjoint");
  const Output by_rhs = MatrixSolve(at, op.input(0), dy[0], {.adjoint = !adjoint});
  return {ByMatrix(at, op.output(0), by_rhs, adjoint), by_rhs};
}

Outputs TriangularSolveGradient(At at, const Node& op, const Outputs& dy) {
  const bool lower = op.attr<bool>("lower"), adjoint = op.attr<bool>("adjoint");
  const Output by_rhs =
      MatrixTriangularSolve(at, op.input(0), dy[0], {.lower = lower, .adjoint = !adjoint});
  const Output by_matrix = ByMatrix(at, op.output(0), by_rhs, adjoint);
  return {MatrixBandPart(at, by_matrix, lower ? -1 : 0, lower ? 0 : -1), by_rhs};
}

// x with l adjoint(l) x = rhs.
Output CholeskySolve(At at, const Output& l, const Output& rhs) {
  return MatrixTriangularSolve(at, l, MatrixTriangularSolve(at, l, rhs), {.adjoint = true});
}

Outputs LeastSquaresGradient(At at, const Node& op, const Outputs& dy) {
  const Output a = op.input(0), b = op.input(1), x = op.output(0);
  const Outputs none(3);
  const int64_t m = a.shape().dim(-2), n = a.shape().dim(-1);
  if (!op.attr<bool>("fast") || m < 0 || n < 0) {
    at.Fail("MatrixSolveLs",
            absl::UnimplementedError("the gradient needs fast = true and a matrix of known size"));
    return none;
  }
  const bool tall = m >= n;
  const Output gram = Product(at, a, a, {.adj_x = tall, .adj_y = !tall});
  const Output l2 = Cast(at, op.input(2), BaseType(a.dtype()));
  const Output l = Cholesky(at, AddV2(at, gram, Mul(at, l2, EyeLike(at, gram))));
  if (tall) {
    const Output z = CholeskySolve(at, l, dy[0]);
    const Output xz = Product(at, x, z, {.adj_y = true});
    const Output symmetric = AddV2(at, xz, Adjoint(at, xz));
    return {Sub(at, Product(at, b, z, {.adj_y = true}), Product(at, a, symmetric)),
            Product(at, a, z), Output()};
  }
  const Output by_rhs = CholeskySolve(at, l, Product(at, a, dy[0]));
  const Output z = CholeskySolve(at, l, b);
  const Output left = Product(at, by_rhs, Product(at, z, a, {.adj_x = true}));
  const Output rest = Sub(at, dy[0], Product(at, a, by_rhs, {.adj_x = true}));
  return {Sub(at, Product(at, z, rest, {.adj_y = true}), left), by_rhs, Output()};
}

// The numbers of `scale` [...] times the adjoint of the inverse [..., n, n].
Output ScaledInverse(At at, const Output& a, const Output& scale) {
  const Output factor = ExpandDims(at, ExpandDims(at, scale, -1), -1);
  return Mul(at, factor, MatrixInverse(at, a, {.adjoint = true}));
}

Outputs DeterminantGradient(At at, const Node& op, const Outputs& dy) {
  return {ScaledInverse(at, op.input(0), Mul(at, dy[0], op.output(0)))};
}

Outputs LogDeterminantGradient(At at, const Node& op, const Outputs& dy) {
  if (dy[1].empty()) return {Output()};
  return {ScaledInverse(at, op.input(0), dy[1])};
}

// --- specs ---

OpSpec SolverOp(absl::string_view name) { return OpSpec(name).Input("matrix: T").Input("rhs: T"); }

}  // namespace

OpSpec MatrixInverseOp() {
  return OpSpec("MatrixInverse")
      .Input("input: T")
      .Output("output: T")
      .Attr("adjoint: bool = false")
      .Attr(kLinalgTypes)
      .NoKernelFor("T", {DType::kHalf}, kNoHalf)
      .Shape(SquareShape)
      .Kernel(InverseKernel)
      .Gradient(InverseGradient);
}
OpSpec MatrixSolveOp() {
  return SolverOp("MatrixSolve")
      .Output("output: T")
      .Attr("adjoint: bool = false")
      .Attr(kLinalgTypes)
      .NoKernelFor("T", {DType::kHalf}, kNoHalf)
      .Shape(SquareSolveShape)
      .Kernel(SolveKernel)
      .Gradient(SolveGradient);
}
OpSpec MatrixTriangularSolveOp() {
  return SolverOp("MatrixTriangularSolve")
      .Output("output: T")
      .Attr("lower: bool = true")
      .Attr("adjoint: bool = false")
      .Attr(kLinalgTypes)
      .NoKernelFor("T", {DType::kHalf}, kNoHalf)
      .Shape(SquareSolveShape)
      .Kernel(TriangularSolveKernel)
      .Gradient(TriangularSolveGradient);
}
OpSpec MatrixSolveLsOp() {
  return SolverOp("MatrixSolveLs")
      .Input("l2_regularizer: double")
      .Output("output: T")
      .Attr(kLinalgTypes)
      .Attr("fast: bool = true")
      .NoKernelFor("T", {DType::kHalf}, kNoHalf)
      .Shape(LeastSquaresShape)
      .Kernel(LeastSquaresKernel)
      .Gradient(LeastSquaresGradient);
}
OpSpec MatrixDeterminantOp() {
  return OpSpec("MatrixDeterminant")
      .Input("input: T")
      .Output("output: T")
      .Attr("T: {half, float, double, complex64, complex128}")
      .NoKernelFor("T", {DType::kHalf}, kNoHalf)
      .Shape(DeterminantShape)
      .Kernel(DeterminantKernel)
      .Gradient(DeterminantGradient);
}
OpSpec LogMatrixDeterminantOp() {
  return OpSpec("LogMatrixDeterminant")
      .Input("input: T")
      .Output("sign: T")
      .Output("log_abs_determinant: T")
      .Attr("T: {half, float, double, complex64, complex128}")
      .NoKernelFor("T", {DType::kHalf}, kNoHalf)
      .Shape(DeterminantShape)
      .Kernel(LogDeterminantKernel)
      .Gradient(LogDeterminantGradient);
}
OpSpec LuOp() {
  return OpSpec("Lu")
      .Input("input: T")
      .Output("lu: T")
      .Output("p: output_idx_type")
      .Attr("output_idx_type: {int32, int64} = DT_INT32")
      .Attr(kLinalgTypes)
      .NoKernelFor("T", {DType::kHalf}, kNoHalf)
      .Shape(LuShape)
      .Kernel(LuKernel)
      .NotDifferentiable("TensorFlow 1 defines none");
}

Output MatrixInverse(At at, Output input, const MatrixInverseOptions& options) {
  return at.Node("MatrixInverse", {input}, {{"adjoint", options.adjoint}});
}
Output MatrixSolve(At at, Output matrix, Output rhs, const MatrixInverseOptions& options) {
  return at.Node("MatrixSolve", {matrix, rhs}, {{"adjoint", options.adjoint}});
}
Output MatrixTriangularSolve(At at, Output matrix, Output rhs,
                             const MatrixTriangularSolveOptions& options) {
  return at.Node("MatrixTriangularSolve", {matrix, rhs},
                 {{"lower", options.lower}, {"adjoint", options.adjoint}});
}
Output MatrixSolveLs(At at, Output matrix, Output rhs, Output l2_regularizer,
                     const MatrixSolveLsOptions& options) {
  return at.Node("MatrixSolveLs", {matrix, rhs, l2_regularizer}, {{"fast", options.fast}});
}
Output MatrixDeterminant(At at, Output input) { return at.Node("MatrixDeterminant", {input}); }
LogMatrixDeterminantOutputs LogMatrixDeterminant(At at, Output input) {
  const Outputs y = at.Nodes("LogMatrixDeterminant", {input});
  return y.size() == 2 ? LogMatrixDeterminantOutputs{y[0], y[1]} : LogMatrixDeterminantOutputs{};
}
LuOutputs Lu(At at, Output input, const LuOptions& options) {
  const Outputs y = at.Nodes("Lu", {input}, {{"output_idx_type", options.output_idx_type}});
  return y.size() == 2 ? LuOutputs{y[0], y[1]} : LuOutputs{};
}

}  // namespace sluice::ops
