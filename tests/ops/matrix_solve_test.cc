#include "ops/matrix_solve.h"

#include <cmath>
#include <complex>
#include <limits>
#include <string>
#include <vector>

#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using std::complex;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr Tolerance kClose = {1e-9, 1e-9};

// [..., m, k] x [..., k, n] of double, in plain loops.
Tensor Times(const Tensor& a, const Tensor& b) {
  const int64_t m = a.dim(-2), k = a.dim(-1), n = b.dim(-1), count = a.num_elements() / (m * k);
  TensorShape shape = a.shape();
  shape.set_dim(-1, n);
  std::vector<double> c(count * m * n);
  for (int64_t q = 0; q < count; ++q)
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j)
        for (int64_t l = 0; l < k; ++l)
          c[(q * m + i) * n + j] +=
              a.flat<double>()[(q * m + i) * k + l] * b.flat<double>()[(q * k + l) * n + j];
  return Tensor::Of<double>(shape, c);
}

Tensor Transposed(const Tensor& a) {
  const int64_t m = a.dim(-2), n = a.dim(-1), count = a.num_elements() / (m * n);
  TensorShape shape = a.shape();
  shape.set_dim(-2, n);
  shape.set_dim(-1, m);
  std::vector<double> t(a.num_elements());
  for (int64_t q = 0; q < count; ++q)
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j)
        t[(q * n + j) * m + i] = a.flat<double>()[(q * m + i) * n + j];
  return Tensor::Of<double>(shape, t);
}

// Random matrices far from singular ones.
Tensor Regular(const TensorShape& shape, uint64_t seed = 1) {
  Tensor a = RandomTensor(DType::kDouble, shape, seed);
  const int64_t n = shape.dim(-1);
  for (int64_t i = 0; i < a.num_elements(); ++i)
    if (i / n % n == i % n) a.mutable_flat<double>()[i] += 3;
  return a;
}

TEST(MatrixInverseTest, ByHand) {
  OpTest("MatrixInverse").Input({2, 2}, {4, 7, 2, 6}).Expect({2, 2}, {0.6f, -0.7f, -0.2f, 0.4f});
  OpTest("MatrixInverse")
      .Attr("adjoint", true)
      .Input({2, 2}, {4, 7, 2, 6})
      .Expect({2, 2}, {0.6f, -0.2f, -0.7f, 0.4f});
  // Needs a row exchange.
  OpTest("MatrixInverse").Input<double>({2, 2}, {0, 2, 1, 0}).Expect<double>({2, 2}, {0, 1, .5, 0});
  using C = complex<float>;
  OpTest("MatrixInverse").Input<C>({1, 1}, {C(0, 2)}).Expect<C>({1, 1}, {C(0, -0.5f)});
  OpTest("MatrixInverse")
      .Attr("adjoint", true)
      .Input<C>({1, 1}, {C(0, 2)})
      .Expect<C>({1, 1}, {C(0, 0.5f)});
  OpTest("MatrixInverse").Input({0, 0}, {}).Expect({0, 0}, {});
  OpTest("MatrixInverse").Input({0, 2, 2}, {}).Expect({0, 2, 2}, {});
}

TEST(MatrixInverseTest, ErrorsOfSingularAndOblongMatrices) {
  OpTest("MatrixInverse")
      .Input({2, 2}, {1, 2, 2, 4})
      .ExpectError(kInvalid, "Input is not invertible.");
  OpTest("MatrixInverse")
      .Input({2, 2, 2}, {1, 0, 0, 1, 0, 0, 0, 0})
      .ExpectError(kInvalid, "Input is not invertible.");
  OpTest("MatrixInverse")
      .Input({1, 2}, {1, 2})
      .ExpectError(kInvalid, "must be equal, but are 1 and 2");
  OpTest("MatrixInverse").Input({2}, {1, 2}).ExpectError(kInvalid, "at least rank 2");
}

TEST(MatrixSolveTest, SolvesBatches) {
  for (const int64_t n : {1, 2, 5, 17}) {
    const Tensor a = Regular({3, n, n}), x = RandomTensor(DType::kDouble, {3, n, 4}, 2);
    OpTest("MatrixSolve").Input(a).Input(Times(a, x)).Expect(x, kClose);
    OpTest("MatrixSolve")
        .Attr("adjoint", true)
        .Input(a)
        .Input(Times(Transposed(a), x))
        .Expect(x, kClose);
  }
  OpTest("MatrixSolve").Input({2, 2}, {2, 0, 0, 4}).Input({2, 1}, {2, 2}).Expect({2, 1}, {1, .5f});
  OpTest("MatrixSolve").Input({2, 2}, {2, 0, 0, 4}).Input({2, 0}, {}).Expect({2, 0}, {});
}

TEST(MatrixSolveTest, Errors) {
  OpTest("MatrixSolve")
      .Input({2, 2}, {1, 1, 1, 1})
      .Input({2, 1}, {1, 1})
      .ExpectError(kInvalid, "Input matrix is not invertible.");
  OpTest("MatrixSolve")
      .Input({2, 2}, {1, 0, 0, 1})
      .Input({3, 1}, {1, 1, 1})
      .ExpectError(kInvalid, "must be equal, but are 2 and 3");
  OpTest("MatrixSolve").Input({1, 1, 1}, {1}).Input({1, 1}, {1}).ExpectError(kInvalid, "");
}

TEST(MatrixTriangularSolveTest, ReadsOneTriangle) {
  const Tensor a = Tensor::Of<double>({2, 2}, {2, 100, 3, 4});
  const Tensor b = Tensor::Of<double>({2, 1}, {2, 11});
  OpTest("MatrixTriangularSolve").Input(a).Input(b).Expect<double>({2, 1}, {1, 2});
  // [2, 3; 0, 4] x = b
  OpTest("MatrixTriangularSolve")
      .Attr("adjoint", true)
      .Input(a)
      .Input(b)
      .Expect<double>({2, 1}, {(2 - 3 * 2.75) / 2, 2.75});
  OpTest("MatrixTriangularSolve")
      .Attr("lower", false)
      .Input<double>({2, 2}, {2, 3, 100, 4})
      .Input(b)
      .Expect<double>({2, 1}, {(2 - 3 * 2.75) / 2, 2.75});
  OpTest("MatrixTriangularSolve")
      .Attr("lower", false)
      .Attr("adjoint", true)
      .Input<double>({2, 2}, {2, 3, 100, 4})
      .Input(b)
      .Expect<double>({2, 1}, {1, 2});
  using C = complex<double>;
  OpTest("MatrixTriangularSolve")
      .Attr("adjoint", true)
      .Input<C>({1, 1}, {C(0, 2)})
      .Input<C>({1, 1}, {C(2, 0)})
      .Expect<C>({1, 1}, {C(0, 1)});
}

TEST(MatrixTriangularSolveTest, ZeroOnTheDiagonal) {
  OpTest("MatrixTriangularSolve")
      .Input({2, 2}, {1, 0, 5, 0})
      .Input({2, 1}, {1, 1})
      .ExpectError(kInvalid, "Input matrix is not invertible.");
}

TEST(MatrixSolveLsTest, FastAndOrthogonal) {
  // The line through (0, 1), (1, 3), (2, 4): intercept 7/6, slope 3/2.
  const Tensor a = Tensor::Of<double>({3, 2}, {1, 0, 1, 1, 1, 2});
  const Tensor b = Tensor::Of<double>({3, 1}, {1, 3, 4}), no_l2 = Tensor::Scalar(0.0);
  const Tensor line = Tensor::Of<double>({2, 1}, {7.0 / 6, 1.5});
  OpTest("MatrixSolveLs").Input(a).Input(b).Input(no_l2).Expect(line, kClose);
  OpTest("MatrixSolveLs").Attr("fast", false).Input(a).Input(b).Input(no_l2).Expect(line, kClose);
  // x + y = 2: the shortest is (1, 1); with l2 = 2, (1/2, 1/2).
  const Tensor wide = Tensor::Of<float>({1, 2}, {1, 1}), two = Tensor::Of<float>({1, 1}, {2});
  OpTest("MatrixSolveLs").Input(wide).Input(two).Input(no_l2).Expect({2, 1}, {1, 1});
  OpTest("MatrixSolveLs")
      .Input(wide)
      .Input(two)
      .Input(Tensor::Scalar(2.0))
      .Expect({2, 1}, {.5f, .5f});
  // l2 = 1 of a = (1, 1)^T: (2 + 1) x = 4.
  OpTest("MatrixSolveLs")
      .Input({2, 1}, {1, 1})
      .Input({2, 1}, {1, 3})
      .Input(Tensor::Scalar(1.0))
      .Expect({1, 1}, {4.0f / 3});
  OpTest("MatrixSolveLs").Input({0, 2}, {}).Input({0, 1}, {}).Input(no_l2).Expect({2, 1}, {0, 0});
}

TEST(MatrixSolveLsTest, Errors) {
  const Tensor dependent = Tensor::Of<float>({2, 2}, {2, 0, 0, 0}),
               b = Tensor::Of<float>({2, 1}, {1, 1});
  OpTest("MatrixSolveLs")
      .Input(dependent)
      .Input(b)
      .Input(Tensor::Scalar(0.0))
      .ExpectError(kInvalid, "rank deficient or ill-conditioned");
  OpTest("MatrixSolveLs")
      .Attr("fast", false)
      .Input(dependent)
      .Input(b)
      .Input(Tensor::Scalar(0.0))
      .Expect({2, 1}, {.5f, 0});
  OpTest("MatrixSolveLs")
      .Input(dependent)
      .Input(b)
      .Input(Tensor::Scalar(-1.0))
      .ExpectError(kInvalid, "l2_regularizer must be >= 0.");
}

TEST(MatrixDeterminantTest, ByHand) {
  const Tensor a = Tensor::Of<float>({3, 2, 2}, {1, 2, 3, 4, 0, 1, 1, 0, 1, 2, 2, 4});
  OpTest("MatrixDeterminant").Input(a).Expect({3}, {-2, -1, 0});
  constexpr float kLog2 = 0.69314718f, kInf = std::numeric_limits<float>::infinity();
  OpTest("LogMatrixDeterminant")
      .Input(a)
      .ExpectAll({Tensor::Of<float>({3}, {-1, -1, 0}), Tensor::Of<float>({3}, {kLog2, 0, -kInf})});
  OpTest("MatrixDeterminant").Input({0, 0}, {}).Expect({}, {1});
  OpTest("MatrixDeterminant").Input({0, 2, 2}, {}).Expect({0}, {});
  using C = complex<double>;
  OpTest("MatrixDeterminant")
      .Input<C>({2, 2}, {C(0, 1), C(0, 0), C(1, 1), C(2, 0)})
      .Expect<C>({}, {C(0, 2)});
  OpTest("MatrixDeterminant")
      .Input({2, 1}, {1, 2})
      .ExpectError(kInvalid, "must be equal, but are 2 and 1");
}

TEST(LuTest, IsThePermutedMatrix) {
  // Pivots 3, then 4/3: rows 1, 0.
  const Tensor a = Tensor::Of<double>({2, 2}, {1, 2, 3, 2});
  OpTest("Lu").Input(a).ExpectAll(
      {Tensor::Of<double>({2, 2}, {3, 2, 1.0 / 3, 4.0 / 3}), Tensor::Of<int32_t>({2}, {1, 0})});
  const Tensor b = Regular({2, 4, 4}, 7);
  const std::vector<Tensor> lu =
      OpTest("Lu").Attr("output_idx_type", DType::kInt64).Input(b).Run().value();
  for (int64_t q = 0; q < 2; ++q) {
    for (int64_t i = 0; i < 4; ++i) {
      for (int64_t j = 0; j < 4; ++j) {
        double sum = 0;
        for (int64_t k = 0; k <= std::min(i, j); ++k) {
          const double l = k == i ? 1 : lu[0].flat<double>()[(q * 4 + i) * 4 + k];
          sum += l * lu[0].flat<double>()[(q * 4 + k) * 4 + j];
        }
        const int64_t row = lu[1].flat<int64_t>()[q * 4 + i];
        EXPECT_NEAR(sum, b.flat<double>()[(q * 4 + row) * 4 + j], 1e-12);
      }
    }
  }
  OpTest("Lu").Input({1, 1}, {0}).ExpectError(kInvalid, "Input is not invertible.");
}

TEST(MatrixSolveTest, Gradients) {
  const Tensor a = Regular({2, 3, 3}), b = RandomTensor(DType::kDouble, {2, 3, 2}, 3);
  OpTest("MatrixInverse").Input(a).CheckGradient();
  OpTest("MatrixDeterminant").Input(a).CheckGradient();
  for (const bool adjoint : {false, true}) {
    OpTest("MatrixSolve").Attr("adjoint", adjoint).Input(a).Input(b).CheckGradient();
    for (const bool lower : {false, true}) {
      OpTest("MatrixTriangularSolve")
          .Attr("adjoint", adjoint)
          .Attr("lower", lower)
          .Input(a)
          .Input(b)
          .CheckGradient();
    }
  }
}

TEST(MatrixSolveTest, GradientOfTheLogarithmOfTheDeterminant) {
  CheckGradient(
      [](At at, const Outputs& in) -> Outputs {
        return {ops::LogMatrixDeterminant(at, in[0]).log_abs_determinant};
      },
      {Regular({2, 3, 3})});
}

TEST(MatrixSolveLsTest, Gradients) {
  const Tensor l2 = Tensor::Scalar(0.3);
  const GradientCheckOptions options = {.wrt = {0, 1}, .no_gradient = {2}, .unknown_shapes = false};
  OpTest("MatrixSolveLs")
      .Input(RandomTensor(DType::kDouble, {2, 4, 3}, 1))
      .Input(RandomTensor(DType::kDouble, {2, 4, 2}, 2))
      .Input(l2)
      .CheckGradient(options);
  OpTest("MatrixSolveLs")
      .Input(RandomTensor(DType::kDouble, {2, 4}, 1))
      .Input(RandomTensor(DType::kDouble, {2, 2}, 2))
      .Input(l2)
      .CheckGradient(options);
}

TEST(MatrixSolveTest, InfersWhatItCan) {
  OpTest op("MatrixSolve");
  op.Input({2, 2}, {2, 0, 0, 4}).Input({2, 1}, {2, 2});
  EXPECT_EQ(op.InferShape({{-1, -1}, {2, -1}}).value(), TensorShape({2, -1}));
  EXPECT_EQ(op.InferShape({{5, -1, 3}, {-1, -1, 4}}).value(), TensorShape({5, 3, 4}));
  EXPECT_EQ(op.InferShape({TensorShape::Unknown(), {2, 1}}).value(), TensorShape({2, 1}));
}

}  // namespace
}  // namespace sluice
