#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/threads.h"
#include "gtest/gtest.h"
#include "ops/kernels/matmul.h"
#include "tests/testing/core/tensors.h"

namespace sluice::kernels {
namespace {

using Function = Epilogue::Function;

double SlowFunction(const Epilogue& e, double x) {
  switch (e.function) {
    case Function::kNone:
      return x;
    case Function::kRelu:
      return x < 0 ? 0 : x;
    case Function::kRelu6:
      return x < 0 ? 0 : x > 6 ? 6 : x;
    case Function::kLeakyRelu:
      return x > 0 ? x : e.alpha * x;
    case Function::kElu:
      return x >= 0 ? x : std::exp(x) - 1;
    case Function::kTanh:
      return std::tanh(x);
    case Function::kSigmoid:
      return 1 / (1 + std::exp(-x));
  }
  return x;
}

// One product and its operands.
struct Problem {
  Problem(DType dtype, const MatMulGeometry& g) : dtype(dtype), g(g) {
    for (const int64_t d : g.batch_c) count *= d;
    for (const int64_t d : g.batch_b) count_b *= d;
    a = RandomTensor(dtype, {count, g.m, g.k}, 1);
    b = RandomTensor(dtype, {count_b, g.k, g.n}, 2);
    bias = RandomTensor(dtype, {g.n}, 3);
    residual = RandomTensor(dtype, {count, g.m, g.n}, 4);
  }

  Tensor Slow(const Epilogue& e) const {
    const std::vector<double> x = ToDoubles(a), y = ToDoubles(b);
    const std::vector<double> v = ToDoubles(bias), r = ToDoubles(residual);
    std::vector<double> z;
    for (int64_t i = 0; i < count * g.m; ++i) {
      const int64_t matrix = i / g.m, row = i % g.m, at_b = count_b == 1 ? 0 : matrix;
      for (int64_t j = 0; j < g.n; ++j) {
        double sum = 0;
        for (int64_t l = 0; l < g.k; ++l) {
          sum += x[matrix * g.m * g.k + (g.transpose_a ? l * g.m + row : row * g.k + l)] *
                 y[at_b * g.k * g.n + (g.transpose_b ? j * g.k + l : l * g.n + j)];
        }
        if (e.bias) sum += v[j];
        if (e.residual) sum += r[i * g.n + j];
        z.push_back(SlowFunction(e, sum));
      }
    }
    return FromDoubles(dtype, {count, g.m, g.n}, z);
  }

  std::unique_ptr<MatMul> Make(const MatMulOptions& options) const {
    return MatMul::Make(dtype, g, options).value();
  }

  Tensor Run(MatMul& product, uint64_t version = 0) const {
    Tensor c = Tensor::Zeros(dtype, {count, g.m, g.n});
    Tensor scratch = Tensor::Zeros(DType::kUint8, {product.scratch_bytes()});
    EXPECT_TRUE(product
                    .Run({.a = a.raw(),
                          .b = b.raw(),
                          .c = c.mutable_raw(),
                          .scratch = scratch.mutable_raw(),
                          .b_version = version,
                          .bias = bias.raw(),
                          .residual = residual.raw()})
                    .ok());
    return c;
  }

  std::string ToString() const {
    return absl::StrCat(DTypeName(dtype), " ", count, " x ", g.m, "x", g.k, "x", g.n,
                        g.transpose_a ? " a transposed" : "", g.transpose_b ? " b transposed" : "");
  }

  DType dtype;
  MatMulGeometry g;
  int64_t count = 1, count_b = 1;
  Tensor a, b, bias, residual;
};

// A size for every way that a product is computed, odd and even.
std::vector<MatMulGeometry> Geometries() {
  std::vector<MatMulGeometry> all;
  const int64_t sizes[][3] = {{8, 8, 8},      {3, 5, 7},     {1, 300, 70},  {1, 70, 300},
                              {300, 70, 1},   {50, 1, 60},   {1, 9, 9000},  {40, 700, 10},
                              {33, 129, 65},  {5, 150, 200}, {200, 70, 20}, {1, 1, 1},
                              {1, 2000, 130}, {4, 0, 5},     {0, 4, 5}};
  for (const auto& [m, k, n] : sizes) {
    for (int transposes = 0; transposes < 4; ++transposes) {
      all.push_back({.m = m,
                     .k = k,
                     .n = n,
                     .transpose_a = (transposes & 1) != 0,
                     .transpose_b = (transposes & 2) != 0});
    }
  }
  all.push_back({.m = 3, .k = 4, .n = 5, .batch_a = {6}, .batch_b = {6}, .batch_c = {6}});
  all.push_back({.m = 40, .k = 30, .n = 50, .batch_a = {3}, .batch_b = {3}, .batch_c = {3}});
  all.push_back({.m = 20, .k = 30, .n = 90, .batch_a = {3}, .batch_b = {1}, .batch_c = {3}});
  return all;
}

TEST(MatMulKernelTest, EpiloguesMatchSlowLoops) {
  for (const MatMulGeometry& g : Geometries()) {
    for (const DType dtype : {DType::kFloat, DType::kDouble}) {
      const Problem p(dtype, g);
      for (const Function f : {Function::kNone, Function::kRelu, Function::kTanh}) {
        for (int parts = 0; parts < 4; ++parts) {
          const Epilogue e = {
              .bias = (parts & 1) != 0, .residual = (parts & 2) != 0, .function = f};
          const std::unique_ptr<MatMul> product = p.Make({.epilogue = e});
          ExpectClose(p.Run(*product), p.Slow(e), {1e-5, 2e-5}, p.ToString());
        }
      }
    }
  }
}

TEST(MatMulKernelTest, AllFunctionsOverAllTheirBranches) {
  for (const DType dtype : {DType::kFloat, DType::kDouble}) {
    Problem p(dtype, {.m = 30, .k = 40, .n = 50});
    p.bias = RandomTensor(dtype, {50}, 5, -9, 9);
    for (const Function f :
         {Function::kNone, Function::kRelu, Function::kRelu6, Function::kLeakyRelu, Function::kElu,
          Function::kTanh, Function::kSigmoid}) {
      const Epilogue e = {.bias = true, .function = f, .alpha = 0.3f};
      ExpectClose(p.Run(*p.Make({.epilogue = e})), p.Slow(e), {1e-5, 2e-5});
    }
  }
}

TEST(MatMulKernelTest, PackedMatricesGiveTheSame) {
  for (const MatMulGeometry& g : Geometries()) {
    const Problem p(DType::kFloat, g);
    const Epilogue e = {.bias = true, .function = Function::kRelu};
    const Tensor expected = p.Slow(e);
    ExpectClose(p.Run(*p.Make({.stable_b = true, .epilogue = e})), expected, {1e-5, 2e-5},
                p.ToString());
    const Problem other(DType::kFloat, g);  // the constant is kept, the argument not looked at
    ExpectClose(other.Run(*p.Make({.constant_b = p.b.raw(), .epilogue = e})), expected,
                {1e-5, 2e-5}, p.ToString());
  }
}

TEST(MatMulKernelTest, ANewVersionIsPackedAnew) {
  for (const bool transpose_b : {false, true}) {
    Problem p(DType::kFloat, {.m = 20, .k = 60, .n = 70, .transpose_b = transpose_b});
    const std::unique_ptr<MatMul> product = p.Make({.stable_b = true});
    const Tensor first = p.Run(*product, 1);
    ExpectClose(first, p.Slow({}), {1e-5, 2e-5});
    EXPECT_TRUE(BitEqual(p.Run(*product, 1), first));
    for (const uint64_t version : {2, 0, 0, 1}) {  // 0 says that b may have changed
      p.b = RandomTensor(DType::kFloat, p.b.shape(), 10 + version);
      ExpectClose(p.Run(*product, version), p.Slow({}), {1e-5, 2e-5});
    }
  }
}

TEST(MatMulKernelTest, NanPassesThroughRelu) {
  for (const int64_t n : {1, 4, 10, 64}) {
    Problem p(DType::kFloat, {.m = 33, .k = 50, .n = n});
    p.bias.mutable_data<float>()[0] = std::numeric_limits<float>::quiet_NaN();
    const Tensor c = p.Run(*p.Make({.epilogue = {.bias = true, .function = Function::kRelu}}));
    EXPECT_TRUE(std::isnan(c.data<float>()[0]));
  }
}

TEST(MatMulKernelTest, VectorsGiveTheSameOnAllNumbersOfThreads) {
  const int64_t sizes[][3] = {{1, 700, 900}, {900, 700, 1}, {800, 1, 900}, {1, 40, 30000}};
  for (const auto& [m, k, n] : sizes) {
    for (const bool transposed : {false, true}) {
      const Problem p(
          DType::kFloat,
          {.m = m, .k = k, .n = n, .transpose_a = transposed, .transpose_b = transposed});
      const std::unique_ptr<MatMul> product = p.Make({});
      const ThreadBudget one(1);
      const Tensor c = p.Run(*product);
      const ThreadBudget three(3);
      EXPECT_TRUE(BitEqual(p.Run(*product), c)) << p.ToString();
    }
  }
}

TEST(MatMulKernelTest, EpiloguesAreForRealTypesOnly) {
  for (const DType dtype : {DType::kHalf, DType::kInt32, DType::kComplex64, DType::kString}) {
    EXPECT_EQ(
        MatMul::Make(dtype, {.m = 2, .k = 2, .n = 2}, {.epilogue = {.bias = true}}).status().code(),
        absl::StatusCode::kUnimplemented);
  }
}

}  // namespace
}  // namespace sluice::kernels
