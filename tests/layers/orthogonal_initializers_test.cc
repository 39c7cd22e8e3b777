// Rules IN-7 and IN-8.
#include <cmath>

#include "layers/config.h"
#include "layers/initializers.h"
#include "tests/testing/program/initializer_fixture.h"

namespace sluice::initializers {
namespace {

using Matrix = std::vector<std::vector<double>>;

Matrix MatrixOf(const std::vector<double>& values, int64_t rows, int64_t columns) {
  Matrix m(rows, std::vector<double>(columns));
  for (int64_t i = 0; i < rows * columns; ++i) m[i / columns][i % columns] = values.at(i);
  return m;
}
Matrix Transposed(const Matrix& m) {
  Matrix t(m.at(0).size(), std::vector<double>(m.size()));
  for (size_t i = 0; i < m.size(); ++i) {
    for (size_t j = 0; j < m[i].size(); ++j) t[j][i] = m[i][j];
  }
  return t;
}
// The columns of `m` are orthogonal and of length `gain`.
void ExpectOrthogonalColumns(const Matrix& m, double gain) {
  const Matrix columns = Transposed(m);
  for (size_t i = 0; i < columns.size(); ++i) {
    for (size_t j = 0; j < columns.size(); ++j) {
      double product = 0;
      for (size_t k = 0; k < m.size(); ++k) product += columns[i][k] * columns[j][k];
      EXPECT_NEAR(product, i == j ? gain * gain : 0, 1e-5 * gain * gain) << i << " " << j;
    }
  }
}

class OrthogonalInitializersTest : public InitializerFixture {};

TEST_F(OrthogonalInitializersTest, ColumnsAreOrthonormal) {
  for (const TensorShape& shape : {TensorShape({7, 4}), TensorShape({5, 5}), TensorShape({1, 1}),
                                   TensorShape({3, 2, 5, 8}), TensorShape({6, 1})}) {
    const std::vector<double> values = ToDoubles(ValueOf(Orthogonal(1, 3), shape));
    const int64_t columns = shape.dim(-1);
    ExpectOrthogonalColumns(MatrixOf(values, shape.num_elements() / columns, columns), 1);
  }
}

TEST_F(OrthogonalInitializersTest, RowsAreWhereTheyAreFewer) {
  for (const TensorShape& shape : {TensorShape({4, 7}), TensorShape({2, 1, 9})}) {
    const std::vector<double> values = ToDoubles(ValueOf(Orthogonal(2.5, 3), shape));
    const int64_t columns = shape.dim(-1);
    ExpectOrthogonalColumns(Transposed(MatrixOf(values, shape.num_elements() / columns, columns)),
                            2.5);
  }
}

TEST_F(OrthogonalInitializersTest, DoublePrecision) {
  const Tensor value = ValueOf(Orthogonal(1, 3), {6, 6}, DType::kDouble);
  EXPECT_EQ(value.dtype(), DType::kDouble);
  ExpectOrthogonalColumns(MatrixOf(ToDoubles(value), 6, 6), 1);
}

// A uniformly distributed orthogonal matrix of size n has elements of mean 0 and variance 1 / n,
// and its diagonal leans to neither sign; without the correction by the signs of R it would be
// negative more often than not.
TEST_F(OrthogonalInitializersTest, TheSignsAreCorrected) {
  double diagonal = 0, squares = 0;
  constexpr int kMatrices = 60, kSize = 4;
  for (int seed = 1; seed <= kMatrices; ++seed) {
    const Matrix m =
        MatrixOf(ToDoubles(ValueOf(Orthogonal(1, seed), {kSize, kSize})), kSize, kSize);
    for (int i = 0; i < kSize; ++i) {
      diagonal += m[i][i] / (kMatrices * kSize);
      squares += m[i][i] * m[i][i] / (kMatrices * kSize);
    }
  }
  EXPECT_NEAR(diagonal, 0, 4 * std::sqrt(1.0 / kSize / (kMatrices * kSize)));
  EXPECT_NEAR(squares, 1.0 / kSize, 0.06);
}

TEST_F(OrthogonalInitializersTest, OneSeedOneMatrix) {
  const Tensor a = ValueOf(Orthogonal(1, 5), {4, 4}), b = ValueOf(Orthogonal(1, 5), {4, 4});
  EXPECT_TRUE(BitEqual(a, b));
  EXPECT_FALSE(BitEqual(a, ValueOf(Orthogonal(1, 6), {4, 4})));
}

TEST_F(OrthogonalInitializersTest, VectorsAreRefused) {
  GetVariable(root_, "v", {.shape = {3}, .initializer = Orthogonal()});
  ExpectInvalid("The tensor to initialize must be at least two-dimensional");
}

TEST_F(OrthogonalInitializersTest, IntegersAreRefused) {
  GetVariable(root_, "v", {.shape = {3, 3}, .dtype = DType::kInt32, .initializer = Orthogonal()});
  ExpectInvalid("Expected floating point type, got int32.");
}

// --- delta orthogonal ---

TEST_F(OrthogonalInitializersTest, DeltaIsZeroButForItsCentre) {
  struct Case {
    TensorShape shape;
    int64_t centre;  // among the spatial positions, in row-major order
  };
  const std::vector<Case> cases = {{{3, 2, 4}, 1},
                                   {{4, 3, 3}, 1},
                                   {{3, 5, 2, 6}, 1 * 5 + 2},
                                   {{1, 1, 3, 3}, 0},
                                   {{3, 2, 3, 2, 2}, (1 * 2 + 0) * 3 + 1}};
  for (const Case& c : cases) {
    SCOPED_TRACE(c.shape.ToString());
    const std::vector<double> values = ToDoubles(ValueOf(DeltaOrthogonal(1.5, 2), c.shape));
    const int64_t in = c.shape.dim(-2), out = c.shape.dim(-1);
    const auto size = static_cast<size_t>(in * out), begin = size * c.centre;
    for (size_t i = 0; i < values.size(); ++i) {
      if (i < begin || i >= begin + size) {
        EXPECT_EQ(values[i], 0);
      }
    }
    const std::vector<double> centre(values.begin() + begin, values.begin() + begin + size);
    ExpectOrthogonalColumns(Transposed(MatrixOf(centre, in, out)), 1.5);
  }
}

TEST_F(OrthogonalInitializersTest, DeltaNeedsRoomForItsInputs) {
  GetVariable(root_, "v", {.shape = {3, 3, 4, 2}, .initializer = DeltaOrthogonal()});
  ExpectInvalid("In_filters cannot be greater than out_filters.");
}

TEST_F(OrthogonalInitializersTest, DeltaIsForKernels) {
  GetVariable(root_, "v", {.shape = {4, 4}, .initializer = DeltaOrthogonal()});
  ExpectInvalid(
      "The tensor to initialize must be at least three-dimensional and at most five-dimensional");
}

TEST_F(OrthogonalInitializersTest, DeltaFromItsConfig) {
  const Initializer initializer = DeltaOrthogonal(2, 3);
  EXPECT_EQ(initializer.config()->class_name, "ConvolutionDeltaOrthogonal");
  const auto again = layers::InitializerFromConfig(*initializer.config());
  ASSERT_THAT(again, IsOk());
  EXPECT_TRUE(BitEqual(ValueOf(initializer, {3, 2, 2}), ValueOf(*again, {3, 2, 2})));
}

// --- identity ---

TEST_F(OrthogonalInitializersTest, Identity) {
  ExpectClose(ValueOf(initializers::Identity(), {2, 2}), Tensor::Of<float>({2, 2}, {1, 0, 0, 1}));
  ExpectClose(ValueOf(initializers::Identity(3), {2, 3}),
              Tensor::Of<float>({2, 3}, {3, 0, 0, 0, 3, 0}));
  ExpectClose(ValueOf(initializers::Identity(), {3, 2}, DType::kDouble),
              Tensor::Of<double>({3, 2}, {1, 0, 0, 1, 0, 0}));
  ExpectClose(ValueOf(initializers::Identity(2), {2, 2}, DType::kInt32),
              Tensor::Of<int32_t>({2, 2}, {2, 0, 0, 2}));
}

TEST_F(OrthogonalInitializersTest, PartsOfTheIdentity) {
  const PartitionInfo part = {.full_shape = {4, 3}, .var_offset = {1, 0}};
  const Output value = initializers::Identity()(root_, {2, 3}, DType::kFloat, &part);
  ExpectClose(Run(value), Tensor::Of<float>({2, 3}, {0, 1, 0, 0, 0, 1}));
}

TEST_F(OrthogonalInitializersTest, IdentityIsAMatrix) {  // IN-8
  GetVariable(root_, "v", {.shape = {2, 2, 2}, .initializer = initializers::Identity()});
  ExpectInvalid("Identity matrix initializer can only be used for 2D matrices.");
}

}  // namespace
}  // namespace sluice::initializers
