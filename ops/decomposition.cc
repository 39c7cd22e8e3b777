// Decompositions of matrices. Arithmetic: kernels/linalg.h. Gradients: M. Giles, "Collected matrix
// derivative results" (2008); I. Murray, arXiv 1602.07527 (Cholesky); J. Townsend,
// "Differentiating the singular value decomposition" (2016).
#include "ops/decomposition.h"

#include <utility>

#include "core/kernel.h"
#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/binary.h"
#include "ops/const.h"
#include "ops/diag.h"
#include "ops/fill.h"
#include "ops/kernels/linalg.h"
#include "ops/linalg_util.h"
#include "ops/matrix_solve.h"
#include "ops/reshape.h"
#include "ops/unary.h"

namespace sluice::ops {
namespace {

// --- shape functions ---

absl::Status CholeskyGradShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape l, SquareMatrices(c, 0));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape dl, SquareMatrices(c, 1));
  absl::StatusOr<TensorShape> merged = l.MergeWith(dl);
  if (!merged.ok()) return merged.status();
  c.set_output(0, *std::move(merged));
  return absl::OkStatus();
}

absl::Status QrShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape a, c.WithRankAtLeast(0, 2));
  const int64_t m = a.dim(-2), n = a.dim(-1);
  const int64_t p = c.attr<bool>("full_matrices") ? m : SmallerDim(m, n);
  c.set_output(0, MatricesOf(BatchPart(a), m, p));
  c.set_output(1, MatricesOf(BatchPart(a), p, n));
  return absl::OkStatus();
}

absl::Status EigShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape a, SquareMatrices(c, 0));
  c.set_output(0, VectorsOf(BatchPart(a), a.dim(-1)));
  c.set_output(1, c.attr<bool>("compute_v") ? a : TensorShape({0}));
  return absl::OkStatus();
}

absl::Status SvdShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape a, c.WithRankAtLeast(0, 2));
  const int64_t m = a.dim(-2), n = a.dim(-1), p = SmallerDim(m, n);
  const bool full = c.attr<bool>("full_matrices"), uv = c.attr<bool>("compute_uv");
  c.set_output(0, VectorsOf(BatchPart(a), p));
  c.set_output(1, uv ? MatricesOf(BatchPart(a), m, full ? m : p) : TensorShape({0}));
  c.set_output(2, uv ? MatricesOf(BatchPart(a), n, full ? n : p) : TensorShape({0}));
  return absl::OkStatus();
}

// --- kernels ---

template <typename F>
absl::Status DispatchLinalg(KernelContext& c, F f) {
  return Dispatch<float, double, std::complex<float>, std::complex<double>>(c.input(0).dtype(), f);
}

absl::Status CholeskyKernel(KernelContext& c) {
  const Tensor& a = c.input(0);
  const int64_t n = a.dim(-1);
  return DispatchLinalg(c, [&](auto tag) {
    using T = typename decltype(tag)::type;
    return ForEachMatrix(CountMatrices(a.shape()), CubicCost(n, n),
                         "Cholesky decomposition was not successful. The input might not be valid.",
                         [&](int64_t i) {
                           ElementWriter<T> l(c.output(0), i, n * n);
                           const MatrixReader<T> matrix(a, i);
                           if (!kernels::Cholesky(matrix.data(), n, l.data())) return false;
                           l.Store();
                           return true;
                         });
  });
}

absl::Status CholeskyGradKernel(KernelContext& c) {
  const int64_t n = c.input(0).dim(-1);
  return Dispatch<float, double>(c.input(0).dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    return ForEachMatrix(CountMatrices(c.input(0).shape()), CubicCost(n, n), "", [&](int64_t i) {
      ElementWriter<T> da(c.output(0), i, n * n);
      const MatrixReader<T> l(c.input(0), i), dl(c.input(1), i);
      kernels::CholeskyGrad(l.data(), dl.data(), n, da.data());
      da.Store();
      return true;
    });
  });
}

absl::Status QrKernel(KernelContext& c) {
  const Tensor& a = c.input(0);
  const int64_t m = a.dim(-2), n = a.dim(-1), p = c.output(0).dim(-1);
  return DispatchLinalg(c, [&](auto tag) {
    using T = typename decltype(tag)::type;
    return ForEachMatrix(CountMatrices(a.shape()), 2 * CubicCost(m, n), "", [&](int64_t i) {
      ElementWriter<T> q(c.output(0), i, m * p), r(c.output(1), i, p * n);
      const MatrixReader<T> matrix(a, i);
      kernels::Qr(matrix.data(), m, n, c.attr<bool>("full_matrices"), q.data(), r.data());
      q.Store();
      r.Store();
      return true;
    });
  });
}

absl::Status EigKernel(KernelContext& c) {
  const Tensor& a = c.input(0);
  const int64_t n = a.dim(-1);
  const bool vectors = c.attr<bool>("compute_v");
  return DispatchLinalg(c, [&](auto tag) {
    using T = typename decltype(tag)::type;
    return ForEachMatrix(
        CountMatrices(a.shape()), 10 * CubicCost(n, n),
        "Self-adjoint eigen decomposition was not successful. The input might not be valid.",
        [&](int64_t i) {
          ElementWriter<T> e(c.output(0), i, n),
              v(c.output(1), vectors ? i : 0, vectors ? n * n : 0);
          const MatrixReader<T> matrix(a, i);
          if (!kernels::SelfAdjointEig(matrix.data(), n, e.data(), vectors ? v.data() : nullptr))
            return false;
          e.Store();
          v.Store();
          return true;
        });
  });
}

absl::Status SvdKernel(KernelContext& c) {
  const Tensor& a = c.input(0);
  const int64_t m = a.dim(-2), n = a.dim(-1), p = std::min(m, n);
  const bool uv = c.attr<bool>("compute_uv"), full = c.attr<bool>("full_matrices");
  return DispatchLinalg(c, [&](auto tag) {
    using T = typename decltype(tag)::type;
    return ForEachMatrix(CountMatrices(a.shape()), 20 * CubicCost(m, n), "", [&](int64_t i) {
      const int64_t j = uv ? i : 0;
      ElementWriter<T> s(c.output(0), i, p), u(c.output(1), j, uv ? m * (full ? m : p) : 0),
          v(c.output(2), j, uv ? n * (full ? n : p) : 0);
      const MatrixReader<T> matrix(a, i);
      kernels::Svd(matrix.data(), m, n, full, s.data(), uv ? u.data() : nullptr,
                   uv ? v.data() : nullptr);
      s.Store();
      u.Store();
      v.Store();
      return true;
    });
  });
}

// --- gradients ---

Output Half(At at, const Output& x) { return Mul(at, ConstOf(at, BaseType(x.dtype()), 0.5), x); }

Output WithHalfDiagonal(At at, const Output& x) {
  return MatrixSetDiag(at, x, Half(at, MatrixDiagPart(at, x)));
}

// l^-H Phi(l^H dl) l^-1, made self-adjoint; Phi keeps the lower triangle and halves the diagonal.
Outputs CholeskyGradient(At at, const Node& op, const Outputs& dy) {
  const Output l = op.output(0);
  const Output inverse = MatrixTriangularSolve(at, l, EyeLike(at, l));
  const Output middle =
      MatrixBandPart(at, WithHalfDiagonal(at, Product(at, l, dy[0], {.adj_x = true})), -1, 0);
  const Output whole = Product(at, Product(at, inverse, middle, {.adj_x = true}), inverse);
  return {Half(at, AddV2(at, whole, Adjoint(at, whole)))};
}

Outputs QrGradient(At at, const Node& op, const Outputs& dy) {
  const Output q = op.output(0), r = op.output(1);
  const int64_t rows = r.shape().dim(-2), columns = r.shape().dim(-1);
  if (IsComplex(BaseType(q.dtype())) || rows < 0 || rows != columns) {
    at.Fail("Qr", absl::UnimplementedError("the gradient of Qr needs a real matrix [m, n] of known "
                                           "size with m >= n, and m = n for full matrices"));
    return {Output()};
  }
  // x adjoint(r)^-1
  const auto over_r = [&](const Output& x) {
    return Adjoint(at, MatrixTriangularSolve(at, r, Adjoint(at, x), {.lower = false}));
  };
  const Output qdq = Product(at, q, dy[0], {.adj_x = true});
  const Output rdr = Product(at, r, dy[1], {.adj_y = true});
  const Output antisymmetric =
      AddV2(at, Sub(at, qdq, Adjoint(at, qdq)), Sub(at, rdr, Adjoint(at, rdr)));
  const Output inside = AddV2(at, dy[1], over_r(MatrixBandPart(at, antisymmetric, -1, 0)));
  const Output outside = over_r(Sub(at, dy[0], Product(at, q, qdq)));
  return {AddV2(at, Product(at, q, inside), outside)};
}

// f[i, j] = 1 / (x[j] - x[i]), 0 on the diagonal.
Output InverseDifferences(At at, const Output& x) {
  const Output differences = Sub(at, ExpandDims(at, x, -2), ExpandDims(at, x, -1));
  return MatrixSetDiag(at, Reciprocal(at, differences), ZerosLike(at, x));
}

Outputs EigGradient(At at, const Node& op, const Outputs& dy) {
  Output v, middle = MatrixDiag(at, dy[0]);
  if (op.attr<bool>("compute_v")) {
    v = op.output(1);
    const Output turned = Product(at, v, dy[1], {.adj_x = true});
    middle = AddV2(at, middle, Mul(at, InverseDifferences(at, op.output(0)), turned));
  } else {
    v = SelfAdjointEigV2(at, op.input(0)).v;
  }
  const Output whole = Product(at, v, Product(at, middle, v, {.adj_y = true}));
  // Only the lower triangle of the input is read.
  const Output lower = MatrixBandPart(at, AddV2(at, whole, Adjoint(at, whole)), -1, 0);
  return {WithHalfDiagonal(at, lower)};
}

Output PlusAdjoint(At at, const Output& x) { return AddV2(at, x, Adjoint(at, x)); }

// What a wide matrix [m, n] = u diag(s) v1^H has besides the square case: the part of v's gradient
// that is orthogonal to the columns of v1.
Output OrthogonalPart(At at, const Output& s, const Output& u, const Output& v, const Output& dv,
                      int64_t m, int64_t n, bool full) {
  const Output v1 = full ? Columns(at, v, 0, m) : v, dv1 = full ? Columns(at, dv, 0, m) : dv;
  const Output dv1_v1 = Product(at, dv1, v1, {.adj_x = true});
  Output rest = Sub(at, Adjoint(at, dv1), Product(at, dv1_v1, v1, {.adj_y = true}));
  if (full) {
    const Output v2 = Columns(at, v, m, n), dv2 = Columns(at, dv, m, n);
    const Output v1_dv2 = Product(at, v1, dv2, {.adj_x = true});
    rest = Sub(at, rest, Product(at, v1_dv2, v2, {.adj_y = true}));
  }
  return Product(at, Product(at, u, MatrixDiag(at, Reciprocal(at, s))), rest);
}

// For m <= n: u (diag(ds) + (F * (u^H du) + its adjoint) diag(s) + diag(s) (F * (v^H dv) + its
// adjoint)) v^H, with F[i, j] = 1 / (s[j]^2 - s[i]^2), and for m < n the orthogonal part.
Output WideSvdGradient(At at, const Output& s, const Output& ds, const Output& u, const Output& du,
                       const Output& v, const Output& dv, int64_t m, int64_t n, bool full) {
  const Output f = InverseDifferences(at, Square(at, s));
  const Output v1 = full && m < n ? Columns(at, v, 0, m) : v;
  const Output dv1 = full && m < n ? Columns(at, dv, 0, m) : dv;
  const Output by_u = PlusAdjoint(at, Mul(at, f, Product(at, u, du, {.adj_x = true})));
  const Output by_v = PlusAdjoint(at, Mul(at, f, Product(at, v1, dv1, {.adj_x = true})));
  const Output diagonal = MatrixDiag(at, s);
  const Output middle = AddV2(at, MatrixDiag(at, ds),
                              AddV2(at, Product(at, by_u, diagonal), Product(at, diagonal, by_v)));
  const Output square = Product(at, u, Product(at, middle, v1, {.adj_y = true}));
  if (m == n) return square;
  return AddV2(at, square, OrthogonalPart(at, s, u, v, dv, m, n, full));
}

Outputs SvdGradient(At at, const Node& op, const Outputs& dy) {
  const Output a = op.input(0);
  if (!op.attr<bool>("compute_uv")) {
    const SvdOutputs svd = Svd(at, a);
    const Output right = Product(at, MatrixDiag(at, dy[0]), svd.v, {.adj_y = true});
    return {Product(at, svd.u, right)};
  }
  const int64_t m = a.shape().dim(-2), n = a.shape().dim(-1);
  const bool full = op.attr<bool>("full_matrices");
  if (IsComplex(BaseType(a.dtype())) || m < 0 || n < 0 || (full && std::abs(m - n) > 1)) {
    at.Fail("Svd", absl::UnimplementedError(
                       "the gradient of Svd needs a real matrix [m, n] of known size, and |m - n| "
                       "<= 1 for full matrices"));
    return {Output()};
  }
  const Output s = op.output(0), u = op.output(1), v = op.output(2);
  if (m <= n) return {WideSvdGradient(at, s, dy[0], u, dy[1], v, dy[2], m, n, full)};
  return {Adjoint(at, WideSvdGradient(at, s, dy[0], v, dy[2], u, dy[1], n, m, full))};
}

}  // namespace

OpSpec CholeskyOp() {
  return OpSpec("Cholesky")
      .Input("input: T")
      .Output("output: T")
      .Attr(kLinalgTypes)
      .NoKernelFor("T", {DType::kHalf}, kNoHalf)
      .Shape(SquareShape)
      .Kernel(CholeskyKernel)
      .Gradient(CholeskyGradient);
}
OpSpec CholeskyGradOp() {
  return OpSpec("CholeskyGrad")
      .Input("l: T")
      .Input("grad: T")
      .Output("output: T")
      .Attr("T: {half, float, double}")
      .NoKernelFor("T", {DType::kHalf}, kNoHalf)
      .Shape(CholeskyGradShape)
      .Kernel(CholeskyGradKernel)
      .NotDifferentiable("TensorFlow defines none");
}
OpSpec QrOp() {
  return OpSpec("Qr")
      .Input("input: T")
      .Output("q: T")
      .Output("r: T")
      .Attr("full_matrices: bool = false")
      .Attr(kLinalgTypes)
      .NoKernelFor("T", {DType::kHalf}, kNoHalf)
      .Shape(QrShape)
      .Kernel(QrKernel)
      .Gradient(QrGradient);
}
OpSpec SelfAdjointEigV2Op() {
  return OpSpec("SelfAdjointEigV2")
      .Input("input: T")
      .Output("e: T")
      .Output("v: T")
      .Attr("compute_v: bool = true")
      .Attr(kLinalgTypes)
      .NoKernelFor("T", {DType::kHalf}, kNoHalf)
      .Shape(EigShape)
      .Kernel(EigKernel)
      .Gradient(EigGradient);
}
OpSpec SvdOp() {
  return OpSpec("Svd")
      .Input("input: T")
      .Output("s: T")
      .Output("u: T")
      .Output("v: T")
      .Attr("compute_uv: bool = true")
      .Attr("full_matrices: bool = false")
      .Attr(kLinalgTypes)
      .NoKernelFor("T", {DType::kHalf}, kNoHalf)
      .Shape(SvdShape)
      .Kernel(SvdKernel)
      .Gradient(SvdGradient);
}

Output Cholesky(At at, Output input) { return at.Node("Cholesky", {input}); }
Output CholeskyGrad(At at, Output l, Output grad) { return at.Node("CholeskyGrad", {l, grad}); }
QrOutputs Qr(At at, Output input, const QrOptions& options) {
  const Outputs y = at.Nodes("Qr", {input}, {{"full_matrices", options.full_matrices}});
  return y.size() == 2 ? QrOutputs{y[0], y[1]} : QrOutputs{};
}
SelfAdjointEigV2Outputs SelfAdjointEigV2(At at, Output input,
                                         const SelfAdjointEigV2Options& options) {
  const Outputs y = at.Nodes("SelfAdjointEigV2", {input}, {{"compute_v", options.compute_v}});
  return y.size() == 2 ? SelfAdjointEigV2Outputs{y[0], y[1]} : SelfAdjointEigV2Outputs{};
}
SvdOutputs Svd(At at, Output input, const SvdOptions& options) {
  const Outputs y =
      at.Nodes("Svd", {input},
               {{"compute_uv", options.compute_uv}, {"full_matrices", options.full_matrices}});
  return y.size() == 3 ? SvdOutputs{y[0], y[1], y[2]} : SvdOutputs{};
}

}  // namespace sluice::ops
