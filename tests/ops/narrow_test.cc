// Kernels of half and bfloat16 that compute in float: what the float kernel gives, rounded once.
#include "ops/narrow.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using D = DType;

struct NarrowCase {
  std::string op;
  AttrMap attrs;
  std::vector<TensorShape> shapes;  // of inputs that are half, bfloat16 or float
  std::vector<Tensor> others = {};  // further inputs
  bool data_dependent = false;
};

std::string CaseName(const ::testing::TestParamInfo<NarrowCase>& info) { return info.param.op; }

class NarrowTest : public ::testing::TestWithParam<NarrowCase> {};

// Whole numbers over 8, which all three types hold exactly.
Tensor Eighths(DType dtype, const TensorShape& shape, uint64_t seed) {
  std::vector<double> values = ToDoubles(RandomTensor(D::kInt32, shape, seed, -16, 16));
  for (double& v : values) v /= 8;
  return FromDoubles(dtype, shape, values);
}

std::vector<Tensor> InputsOf(const NarrowCase& c, DType dtype) {
  std::vector<Tensor> inputs;
  for (size_t i = 0; i < c.shapes.size(); ++i) inputs.push_back(Eighths(dtype, c.shapes[i], i + 1));
  inputs.insert(inputs.end(), c.others.begin(), c.others.end());
  return inputs;
}

OpTest Tested(const NarrowCase& c) {
  OpTest test(c.op);
  for (const auto& [name, value] : c.attrs) test.Attr(name, value);
  if (c.data_dependent) test.DataDependentShape();
  return test;
}

TEST_P(NarrowTest, IsTheFloatResultRounded) {
  const NarrowCase& c = GetParam();
  const auto in_float = Tested(c).Inputs(InputsOf(c, D::kFloat)).EvaluateOnly().Run();
  ASSERT_THAT(in_float, IsOk());
  for (DType dtype : {D::kHalf, D::kBfloat16}) {
    std::vector<Tensor> want;
    for (const Tensor& t : *in_float)
      want.push_back(t.dtype() == D::kFloat ? FromDoubles(dtype, t.shape(), ToDoubles(t)) : t);
    Tested(c).Inputs(InputsOf(c, dtype)).ExpectAll(want, {0, 0});
  }
}

INSTANTIATE_TEST_SUITE_P(
    Ops, NarrowTest,
    ::testing::Values(NarrowCase{"SoftmaxCrossEntropyWithLogits", {}, {{3, 4}, {3, 4}}},
                      NarrowCase{"SparseSoftmaxCrossEntropyWithLogits",
                                 {},
                                 {{3, 4}},
                                 {Tensor::Of<int32_t>({3}, {0, 3, 1})}},
                      NarrowCase{"LogSoftmax", {}, {{2, 7}}},
                      NarrowCase{"MirrorPadGrad",
                                 {{"mode", "SYMMETRIC"}},
                                 {{6}},
                                 {Tensor::Of<int32_t>({1, 2}, {2, 1})}}),
    CaseName);

TEST(NarrowKernelTest, ErrorsAreThoseOfTheFloatKernel) {
  OpTest("SparseSoftmaxCrossEntropyWithLogits")
      .Input(Tensor::Zeros(D::kHalf, {1, 2}))
      .Input<int32_t>({1}, {2})
      .ExpectError(absl::StatusCode::kInvalidArgument, "Received a label value of 2");
}

}  // namespace
}  // namespace sluice
