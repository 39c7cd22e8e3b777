#include "ops/matmul.h"

#include <complex>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

// The slow twin: three loops for every matrix, leading dimensions broadcast.
Tensor MatMulTwin(const Tensor& a, const Tensor& b, bool ta, bool tb) {
  const std::vector<double> x = ToDoubles(a), y = ToDoubles(b);
  const int64_t m = a.dim(ta ? -1 : -2), k = a.dim(ta ? -2 : -1), n = b.dim(tb ? -2 : -1);
  TensorShape shape;
  const int rank = std::max(a.shape().rank(), b.shape().rank());
  auto dim = [&](const Tensor& t, int i) {
    return i + t.shape().rank() < rank ? 1 : t.dim(i + t.shape().rank() - rank);
  };
  int64_t count = 1;
  for (int i = 0; i < rank - 2; ++i) {
    shape.AddDim(dim(a, i) == 1 ? dim(b, i) : dim(a, i));
    count *= shape.dim(i);
  }
  std::vector<double> z;
  for (int64_t c = 0; c < count; ++c) {
    int64_t at_a = 0, at_b = 0, step_a = 1, step_b = 1, rest = c;
    for (int i = rank - 3; i >= 0; --i) {
      const int64_t index = rest % shape.dim(i);
      rest /= shape.dim(i);
      at_a += (dim(a, i) == 1 ? 0 : index) * step_a;
      at_b += (dim(b, i) == 1 ? 0 : index) * step_b;
      step_a *= dim(a, i);
      step_b *= dim(b, i);
    }
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        double sum = 0;
        for (int64_t l = 0; l < k; ++l)
          sum += x[at_a * m * k + (ta ? l * m + i : i * k + l)] *
                 y[at_b * k * n + (tb ? j * k + l : l * n + j)];
        z.push_back(sum);
      }
    }
  }
  shape.AddDim(m);
  shape.AddDim(n);
  return FromDoubles(a.dtype(), shape, z);
}

Tensor Operand(DType dtype, TensorShape batch, int64_t rows, int64_t columns, bool transposed,
               uint64_t seed) {
  batch.AddDim(transposed ? columns : rows);
  batch.AddDim(transposed ? rows : columns);
  return IsInteger(dtype) ? RandomTensor(dtype, batch, seed, -9, 9)
                          : RandomTensor(dtype, batch, seed);
}

struct Sizes {
  int64_t m, k, n;
};

// Tiny, one row, one column, odd, few rows, large enough for oneDNN, empty in each dimension.
const Sizes kSizes[] = {{1, 1, 1},    {2, 3, 4},     {1, 64, 70},  {5, 7, 1},
                        {17, 19, 23}, {3, 200, 150}, {40, 50, 60}, {0, 3, 4},
                        {2, 0, 4},    {2, 3, 0},     {130, 70, 10}};

TEST(MatMulTest, MatchesThreeLoops) {
  for (const Sizes& s : kSizes) {
    for (int transposes = 0; transposes < 4; ++transposes) {
      const bool ta = transposes & 1, tb = transposes & 2;
      for (DType dtype : {DType::kFloat, DType::kDouble, DType::kInt32, DType::kInt64}) {
        const Tensor a = Operand(dtype, {}, s.m, s.k, ta, 1),
                     b = Operand(dtype, {}, s.k, s.n, tb, 2);
        OpTest("MatMul")
            .Attr("transpose_a", ta)
            .Attr("transpose_b", tb)
            .Input(a)
            .Input(b)
            .Expect(MatMulTwin(a, b, ta, tb), {1e-5, 1e-5});
      }
    }
  }
}

TEST(MatMulTest, NarrowTypesGoThroughFloat) {
  for (DType dtype : {DType::kHalf, DType::kBfloat16}) {
    for (const Sizes& s : {Sizes{3, 4, 5}, Sizes{40, 50, 60}}) {
      const Tensor a = Operand(dtype, {}, s.m, s.k, false, 1),
                   b = Operand(dtype, {}, s.k, s.n, true, 2);
      OpTest("MatMul")
          .Attr("transpose_b", true)
          .Input(a)
          .Input(b)
          .Expect(MatMulTwin(a, b, false, true));
    }
  }
}

TEST(MatMulTest, ByHand) {
  const Tensor a = Tensor::Of<float>({2, 2}, {1, 2, 3, 4}),
               b = Tensor::Of<float>({2, 2}, {5, 6, 7, 8});
  OpTest("MatMul").Input(a).Input(b).Expect({2, 2}, {19, 22, 43, 50});
  OpTest("MatMul").Attr("transpose_a", true).Input(a).Input(b).Expect({2, 2}, {26, 30, 38, 44});
  OpTest("MatMul").Attr("transpose_b", true).Input(a).Input(b).Expect({2, 2}, {17, 23, 39, 53});
  OpTest("MatMul")
      .Input<int32_t>({1, 1}, {65536})
      .Input<int32_t>({1, 1}, {65537})
      .Expect<int32_t>({1, 1}, {65536});
}

TEST(MatMulTest, EmptyInnerDimensionGivesZeros) {
  OpTest("MatMul").Input({2, 0}, {}).Input({0, 3}, {}).Expect({2, 3}, {0, 0, 0, 0, 0, 0});
}

TEST(MatMulTest, ComplexIsTransposedButNotConjugated) {
  using C = std::complex<float>;
  const Tensor a = Tensor::Of<C>({1, 2}, {{0, 1}, {1, 0}}),
               b = Tensor::Of<C>({1, 2}, {{0, 1}, {2, 0}});
  OpTest("MatMul").Attr("transpose_b", true).Input(a).Input(b).Expect<C>({1, 1}, {{1, 0}});
  OpTest("BatchMatMul").Attr("adj_y", true).Input(a).Input(b).Expect<C>({1, 1}, {{3, 0}});
}

TEST(MatMulTest, GradientIsNumericInAllFourCases) {
  for (int transposes = 0; transposes < 4; ++transposes) {
    const bool ta = transposes & 1, tb = transposes & 2;
    OpTest("MatMul")
        .Attr("transpose_a", ta)
        .Attr("transpose_b", tb)
        .Input(Operand(DType::kDouble, {}, 2, 3, ta, 1))
        .Input(Operand(DType::kDouble, {}, 3, 4, tb, 2))
        .CheckGradient();
  }
}

TEST(MatMulTest, RejectsShapesThatDoNotFit) {
  OpTest("MatMul")
      .Input({2, 3}, {1, 2, 3, 4, 5, 6})
      .Input({2, 3}, {1, 2, 3, 4, 5, 6})
      .ExpectError(absl::StatusCode::kInvalidArgument, "Dimensions must be equal, but are 3 and 2");
  OpTest("MatMul")
      .Input({3}, {1, 2, 3})
      .Input({3, 1}, {1, 2, 3})
      .ExpectError(absl::StatusCode::kInvalidArgument, "Shape must be rank 2 but is rank 1");
  OpTest("BatchMatMul")
      .Input({3}, {1, 2, 3})
      .Input({3, 1}, {1, 2, 3})
      .ExpectError(absl::StatusCode::kInvalidArgument,
                   "Shape must be at least rank 2 but is rank 1");
  OpTest("BatchMatMul")
      .Input(Tensor::Zeros(DType::kFloat, {2, 1, 1}))
      .Input(Tensor::Zeros(DType::kFloat, {3, 1, 1}))
      .ExpectError(absl::StatusCode::kInvalidArgument, "2");
  OpTest("BatchMatMulV2")
      .Input(Tensor::Zeros(DType::kFloat, {2, 1, 1}))
      .Input(Tensor::Zeros(DType::kFloat, {3, 1, 1}))
      .ExpectError(absl::StatusCode::kInvalidArgument, "Dimensions must be equal, but are 2 and 3");
  OpTest("MatMul")
      .Input<bool>({1, 1}, {true})
      .Input<bool>({1, 1}, {true})
      .ExpectError(absl::StatusCode::kInvalidArgument, "bool");
}

struct BatchCase {
  TensorShape batch_a, batch_b;
  bool broadcasts;
};

const BatchCase kBatchCases[] = {
    {{3}, {3}, false},      {{2, 3}, {2, 3}, false}, {{0}, {0}, false},
    {{1}, {1}, false},      {{3}, {1}, true},        {{}, {3}, true},
    {{2, 1}, {1, 3}, true}, {{2, 3}, {}, true},      {{2, 1, 2}, {3, 1}, true},
};

TEST(BatchMatMulTest, MatchesThreeLoops) {
  for (const BatchCase& c : kBatchCases) {
    for (const Sizes& s : {Sizes{2, 3, 4}, Sizes{40, 33, 35}, Sizes{2, 0, 3}}) {
      for (int adjoints = 0; adjoints < 4; ++adjoints) {
        const bool ax = adjoints & 1, ay = adjoints & 2;
        for (DType dtype : {DType::kFloat, DType::kDouble, DType::kInt32}) {
          const Tensor x = Operand(dtype, c.batch_a, s.m, s.k, ax, 1),
                       y = Operand(dtype, c.batch_b, s.k, s.n, ay, 2);
          for (const char* op : {"BatchMatMul", "BatchMatMulV2"}) {
            if (c.broadcasts && op == std::string("BatchMatMul")) continue;
            OpTest(op)
                .Attr("adj_x", ax)
                .Attr("adj_y", ay)
                .Input(x)
                .Input(y)
                .Expect(MatMulTwin(x, y, ax, ay), {1e-5, 1e-5});
          }
        }
      }
    }
  }
}

TEST(BatchMatMulTest, GradientIsNumeric) {
  for (const BatchCase& c : kBatchCases) {
    for (int adjoints = 0; adjoints < 4; ++adjoints) {
      const bool ax = adjoints & 1, ay = adjoints & 2;
      const Tensor x = Operand(DType::kDouble, c.batch_a, 2, 3, ax, 1);
      const Tensor y = Operand(DType::kDouble, c.batch_b, 3, 2, ay, 2);
      OpTest(c.broadcasts ? "BatchMatMulV2" : "BatchMatMul")
          .Attr("adj_x", ax)
          .Attr("adj_y", ay)
          .Input(x)
          .Input(y)
          .CheckGradient();
    }
  }
}

TEST(BatchMatMulTest, InfersShapes) {
  const Tensor x = Tensor::Zeros(DType::kFloat, {1, 1});
  auto infer = [&](const char* op, const TensorShape& a, const TensorShape& b) {
    auto shape = OpTest(op).Input(x).Input(x).InferShape({a, b});
    return shape.ok() ? shape->ToString() : shape.status().ToString();
  };
  EXPECT_EQ(infer("MatMul", {-1, 3}, {3, 4}), "[?,4]");
  EXPECT_EQ(infer("MatMul", TensorShape::Unknown(), {3, 4}), "[?,4]");
  EXPECT_EQ(infer("BatchMatMul", {-1, 2, 3}, {7, -1, 4}), "[7,2,4]");
  EXPECT_EQ(infer("BatchMatMulV2", {-1, 2, 3}, {3, 4}), "[?,2,4]");
  EXPECT_EQ(infer("BatchMatMul", TensorShape::Unknown(), TensorShape::Unknown()), "<unknown>");
}

}  // namespace
}  // namespace sluice
