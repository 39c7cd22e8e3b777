#include "ops/decomposition.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>
#include <string>
#include <vector>

#include "ops/reduction.h"
#include "ops/unary.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using std::complex;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

// Matrices of complex numbers, for checks of any type in plain loops.
struct Matrix {
  int64_t rows = 0, columns = 0;
  std::vector<complex<double>> values;
  complex<double>& operator()(int64_t i, int64_t j) { return values[i * columns + j]; }
  const complex<double>& operator()(int64_t i, int64_t j) const { return values[i * columns + j]; }
};

// Matrix q of a tensor.
Matrix MatrixOf(const Tensor& t, int64_t q = 0) {
  Matrix m{t.dim(-2), t.dim(-1), {}};
  const int64_t size = m.rows * m.columns;
  for (int64_t i = q * size; i < (q + 1) * size; ++i) {
    m.values.push_back(t.dtype() == DType::kDouble  ? complex<double>(t.flat<double>()[i])
                       : t.dtype() == DType::kFloat ? complex<double>(t.flat<float>()[i])
                       : t.dtype() == DType::kComplex64
                           ? complex<double>(t.flat<complex<float>>()[i])
                           : t.flat<complex<double>>()[i]);
  }
  return m;
}

Matrix Adjoint(const Matrix& a) {
  Matrix t{a.columns, a.rows, std::vector<complex<double>>(a.values.size())};
  for (int64_t i = 0; i < a.rows; ++i)
    for (int64_t j = 0; j < a.columns; ++j) t(j, i) = std::conj(a(i, j));
  return t;
}

Matrix operator*(const Matrix& a, const Matrix& b) {
  Matrix c{a.rows, b.columns, std::vector<complex<double>>(a.rows * b.columns)};
  for (int64_t i = 0; i < a.rows; ++i)
    for (int64_t j = 0; j < b.columns; ++j)
      for (int64_t k = 0; k < a.columns; ++k) c(i, j) += a(i, k) * b(k, j);
  return c;
}

Matrix Identity(int64_t n) {
  Matrix m{n, n, std::vector<complex<double>>(n * n)};
  for (int64_t i = 0; i < n; ++i) m(i, i) = 1;
  return m;
}

void ExpectNear(const Matrix& a, const Matrix& b, double tolerance, const std::string& what) {
  ASSERT_EQ(a.rows, b.rows) << what;
  ASSERT_EQ(a.columns, b.columns) << what;
  for (size_t i = 0; i < a.values.size(); ++i)
    EXPECT_LT(std::abs(a.values[i] - b.values[i]), tolerance) << what << " at " << i;
}

double ToleranceOf(DType dtype) {
  return dtype == DType::kDouble || dtype == DType::kComplex128 ? 1e-10 : 1e-4;
}

const std::vector<DType> kTypes = {DType::kFloat, DType::kDouble, DType::kComplex64,
                                   DType::kComplex128};

// a + adjoint(a) (+ n on the diagonal) of a random matrix.
Tensor SelfAdjoint(DType dtype, int64_t n, double shift) {
  Tensor t = RandomTensor(dtype, {n, n}, 3);
  const Matrix a = MatrixOf(t), b = Adjoint(a);
  for (int64_t i = 0; i < n * n; ++i) {
    const complex<double> value = a.values[i] + b.values[i] + (i / n == i % n ? shift : 0.0);
    if (dtype == DType::kFloat) t.mutable_flat<float>()[i] = static_cast<float>(value.real());
    if (dtype == DType::kDouble) t.mutable_flat<double>()[i] = value.real();
    if (dtype == DType::kComplex64) t.mutable_flat<complex<float>>()[i] = complex<float>(value);
    if (dtype == DType::kComplex128) t.mutable_flat<complex<double>>()[i] = value;
  }
  return t;
}

TEST(CholeskyTest, ByHand) {
  OpTest("Cholesky")
      .Input({2, 2}, {4, 99, 2, 10})  // the upper triangle is not read
      .Expect({2, 2}, {2, 0, 1, 3});
  OpTest("Cholesky").Input({2, 1, 1}, {4, 9}).Expect({2, 1, 1}, {2, 3});
  OpTest("Cholesky").Input({0, 0}, {}).Expect({0, 0}, {});
}

TEST(CholeskyTest, TimesItsAdjoint) {
  for (const DType dtype : kTypes) {
    const Tensor a = SelfAdjoint(dtype, 5, 6);
    const Matrix l = MatrixOf(OpTest("Cholesky").Input(a).Run().value()[0]);
    ExpectNear(l * Adjoint(l), MatrixOf(a), ToleranceOf(dtype), DTypeName(dtype));
    for (int64_t i = 0; i < 5; ++i)
      for (int64_t j = i + 1; j < 5; ++j) EXPECT_EQ(l(i, j), 0.0);
  }
}

TEST(CholeskyTest, Errors) {
  OpTest("Cholesky")
      .Input({2, 2}, {1, 2, 2, 1})
      .ExpectError(kInvalid,
                   "Cholesky decomposition was not successful. The input might not be valid.");
  OpTest("Cholesky")
      .Input({2, 3}, {1, 2, 3, 4, 5, 6})
      .ExpectError(kInvalid, "must be equal, but are 2 and 3");
}

// TensorFlow's gradient is that of a function of the symmetric part: so are the checks.
Output Symmetric(At at, const Output& x) {
  const Output sum =
      at.Node("AddV2", {x, at.Node("Transpose", {x, ops::Ints({1, 0}).Tensor(at, "perm")})});
  return sum;
}

Tensor Definite(int64_t n) { return SelfAdjoint(DType::kDouble, n, 2 + static_cast<double>(n)); }

TEST(CholeskyTest, Gradient) {
  CheckGradient(
      [](At at, const Outputs& in) -> Outputs { return {ops::Cholesky(at, Symmetric(at, in[0]))}; },
      {Definite(3)}, {.tolerance = 1e-5});
}

TEST(CholeskyGradTest, AgreesWithTheGradientOfCholesky) {
  // a = 4: l = 2, dl/da = 1 / (2 l).
  OpTest("CholeskyGrad").Input({1, 1}, {2}).Input({1, 1}, {1}).Expect({1, 1}, {0.25f});
  // l = [2, 0; 1, 3], by dl of the whole lower triangle: Phi(l^T dl) = [3/2 0; 3 3/2].
  // l^-T Phi l^-1 = [1/6 -1/12; 5/12 1/6], then made symmetric.
  OpTest("CholeskyGrad")
      .Input<double>({2, 2}, {2, 77, 1, 3})
      .Input<double>({2, 2}, {1, 55, 1, 1})
      .Expect(Tensor::Of<double>({2, 2}, {1.0 / 6, 1.0 / 6, 1.0 / 6, 1.0 / 6}), {1e-9, 1e-9});
}

TEST(QrTest, IsAProduct) {
  for (const DType dtype : kTypes) {
    for (const auto& [m, n] : std::vector<std::pair<int64_t, int64_t>>{{4, 3}, {3, 4}, {1, 1}}) {
      for (const bool full : {false, true}) {
        const Tensor a = RandomTensor(dtype, {2, m, n}, 4);
        const std::vector<Tensor> qr =
            OpTest("Qr").Attr("full_matrices", full).Input(a).Run().value();
        for (int64_t i = 0; i < 2; ++i) {
          const Matrix q = MatrixOf(qr[0], i), r = MatrixOf(qr[1], i);
          EXPECT_EQ(q.columns, full ? m : std::min(m, n));
          ExpectNear(q * r, MatrixOf(a, i), ToleranceOf(dtype), DTypeName(dtype));
          ExpectNear(Adjoint(q) * q, Identity(q.columns), ToleranceOf(dtype), "orthonormal");
          for (int64_t row = 0; row < r.rows; ++row)
            for (int64_t j = 0; j < std::min(row, n); ++j) EXPECT_EQ(r(row, j), 0.0);
        }
      }
    }
  }
  OpTest("Qr")
      .Input({0, 3}, {})
      .ExpectAll({Tensor::Of<float>({0, 0}, {}), Tensor::Of<float>({0, 3}, {})});
}

TEST(QrTest, SignsAreHouseholders) {
  // -|x| e1 is what x = (3, 4) is reflected to.
  OpTest("Qr")
      .Input<double>({2, 1}, {3, 4})
      .ExpectAll({Tensor::Of<double>({2, 1}, {-0.6, -0.8}), Tensor::Of<double>({1, 1}, {-5})});
}

TEST(QrTest, Gradient) {
  for (const int64_t m : {3, 4}) {
    OpTest("Qr")
        .Input(RandomTensor(DType::kDouble, {m, 3}, 5))
        .CheckGradient({.tolerance = 1e-5, .unknown_shapes = false});
  }
}

TEST(SelfAdjointEigTest, ByHand) {
  OpTest("SelfAdjointEigV2")
      .Attr("compute_v", false)
      .Input({2, 2}, {2, 99, 1, 2})  // the upper triangle is not read
      .ExpectAll({Tensor::Of<float>({2}, {1, 3}), Tensor::Of<float>({0}, {})});
}

TEST(SelfAdjointEigTest, VectorsAreStretchedByValues) {
  for (const DType dtype : kTypes) {
    const Tensor a = SelfAdjoint(dtype, 4, 0);
    const std::vector<Tensor> ev = OpTest("SelfAdjointEigV2").Input(a).Run().value();
    const Matrix v = MatrixOf(ev[1]);
    const Matrix e = MatrixOf(ev[0].Reshaped({1, 4}).value());
    Matrix scaled = v;
    for (int64_t i = 0; i < 4; ++i)
      for (int64_t j = 0; j < 4; ++j) scaled(i, j) *= e(0, j);
    ExpectNear(MatrixOf(a) * v, scaled, ToleranceOf(dtype), DTypeName(dtype));
    ExpectNear(Adjoint(v) * v, Identity(4), ToleranceOf(dtype), "orthonormal");
    for (int64_t j = 1; j < 4; ++j) EXPECT_LE(e(0, j - 1).real(), e(0, j).real());
  }
}

TEST(SelfAdjointEigTest, Gradients) {
  for (const bool vectors : {false, true}) {
    CheckGradient(
        [vectors](At at, const Outputs& in) -> Outputs {
          const auto eig = ops::SelfAdjointEigV2(at, Symmetric(at, in[0]), {.compute_v = vectors});
          // Squares do not depend on the vectors' signs.
          return vectors ? Outputs{eig.e, ops::Square(at, eig.v)} : Outputs{eig.e};
        },
        {Definite(3)}, {.tolerance = 1e-4, .unknown_rank = false});
  }
}

TEST(SvdTest, ByHand) {
  OpTest("Svd")
      .Attr("compute_uv", false)
      .Input({2, 3}, {0, 3, 0, 0, 0, 4})
      .ExpectAll(
          {Tensor::Of<float>({2}, {4, 3}), Tensor::Of<float>({0}, {}), Tensor::Of<float>({0}, {})});
}

TEST(SvdTest, IsAProduct) {
  for (const DType dtype : kTypes) {
    for (const auto& [m, n] :
         std::vector<std::pair<int64_t, int64_t>>{{4, 3}, {3, 4}, {3, 3}, {20, 18}, {1, 2}}) {
      for (const bool full : {false, true}) {
        const Tensor a = RandomTensor(dtype, {2, m, n}, 4);
        const std::vector<Tensor> svd =
            OpTest("Svd").Attr("full_matrices", full).Input(a).Run().value();
        const int64_t p = std::min(m, n);
        for (int64_t i = 0; i < 2; ++i) {
          const Matrix u = MatrixOf(svd[1], i), v = MatrixOf(svd[2], i);
          const Matrix s = MatrixOf(svd[0].Reshaped({2, 1, p}).value(), i);
          Matrix diagonal{u.columns, v.columns,
                          std::vector<complex<double>>(u.columns * v.columns)};
          for (int64_t k = 0; k < p; ++k) diagonal(k, k) = s(0, k);
          ExpectNear(u * diagonal * Adjoint(v), MatrixOf(a, i), ToleranceOf(dtype),
                     DTypeName(dtype));
          ExpectNear(Adjoint(u) * u, Identity(full ? m : p), ToleranceOf(dtype), "u");
          ExpectNear(Adjoint(v) * v, Identity(full ? n : p), ToleranceOf(dtype), "v");
          for (int64_t k = 1; k < p; ++k) EXPECT_GE(s(0, k - 1).real(), s(0, k).real());
        }
      }
    }
  }
}

TEST(SvdTest, EmptyAndNotFinite) {
  OpTest("Svd")
      .Attr("full_matrices", true)
      .Input<double>({0, 2}, {})
      .ExpectAll({Tensor::Of<double>({0}, {}), Tensor::Of<double>({0, 0}, {}),
                  Tensor::Of<double>({2, 2}, {1, 0, 0, 1})});
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  OpTest("Svd")
      .Attr("compute_uv", false)
      .Input<double>({1, 2}, {1, kNan})
      .ExpectAll({Tensor::Of<double>({1}, {kNan}), Tensor::Of<double>({0}, {}),
                  Tensor::Of<double>({0}, {})});
}

TEST(SvdTest, Gradients) {
  // Functions that do not depend on the vectors' signs.
  const auto of = [](bool full) {
    return [full](At at, const Outputs& in) -> Outputs {
      const auto svd = ops::Svd(at, in[0], {.full_matrices = full});
      return {svd.s, ops::Square(at, svd.u), ops::Square(at, svd.v)};
    };
  };
  const GradientCheckOptions options = {.tolerance = 1e-4, .unknown_shapes = false};
  CheckGradient(of(false), {RandomTensor(DType::kDouble, {3, 3}, 6)}, options);
  CheckGradient(of(false), {RandomTensor(DType::kDouble, {2, 4}, 6)}, options);
  CheckGradient(of(false), {RandomTensor(DType::kDouble, {4, 2}, 6)}, options);
  CheckGradient(of(true), {RandomTensor(DType::kDouble, {3, 2}, 6)}, options);
  OpTest("Svd")
      .Attr("compute_uv", false)
      .Input(RandomTensor(DType::kDouble, {2, 3, 2}, 6))
      .CheckGradient({.tolerance = 1e-5});
}

}  // namespace
}  // namespace sluice
