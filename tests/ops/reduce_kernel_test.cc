#include <cstdint>
#include <vector>

#include "core/tensor.h"
#include "gtest/gtest.h"
#include "ops/kernels/reduce.h"
#include "tests/testing/core/tensors.h"

namespace sluice::kernels {
namespace {

// What a reduction makes of x when every result has one element behind it, written over x or apart
// from it.
Tensor Reduced(ReduceFunction function, const Tensor& x, const std::vector<int64_t>& axes,
               bool in_place) {
  const Reduction reduction(function, x.dtype(), x.shape(), axes);
  EXPECT_EQ(reduction.scratch_bytes(), 0);
  Tensor from = x.Clone().value();
  Tensor apart = Tensor::Zeros(x.dtype(), x.shape());
  Tensor& to = in_place ? from : apart;
  reduction.Run(from.raw(), to.mutable_raw(), nullptr);
  return to;
}

TEST(ReduceKernelTest, OneElementPerResultStaysAsItIs) {
  using enum ReduceFunction;
  for (const ReduceFunction function : {kSum, kMean, kProd, kMax, kMin}) {
    for (const DType dtype :
         {DType::kFloat, DType::kDouble, DType::kInt32, DType::kInt64, DType::kUint8}) {
      const Tensor x = RandomTensor(dtype, {7, 1, 600}, 3, 0, 100);
      for (const std::vector<int64_t>& axes : {std::vector<int64_t>{}, {1}}) {
        EXPECT_TRUE(BitEqual(Reduced(function, x, axes, false), x)) << DTypeName(dtype);
        EXPECT_TRUE(BitEqual(Reduced(function, x, axes, true), x)) << DTypeName(dtype);
      }
    }
  }
  const Tensor bools = RandomTensor(DType::kBool, {5, 1}, 4);
  for (const ReduceFunction function : {kAll, kAny}) {
    EXPECT_TRUE(BitEqual(Reduced(function, bools, {1}, false), bools));
  }
}

TEST(ReduceKernelTest, NormsOfOneElementAreTheirOwn) {
  const Tensor x = Tensor::Of<float>({3, 1}, {-3, 0, 2});
  for (const bool in_place : {false, true}) {
    ExpectClose(Reduced(ReduceFunction::kEuclideanNorm, x, {1}, in_place),
                Tensor::Of<float>({3, 1}, {3, 0, 2}));
    ExpectClose(Reduced(ReduceFunction::kHalfSumSquares, x, {1}, in_place),
                Tensor::Of<float>({3, 1}, {4.5f, 0, 2}));
  }
}

}  // namespace
}  // namespace sluice::kernels
