#include "ops/bias_add.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

struct BiasCase {
  std::string name;
  TensorShape value;
  std::string data_format = "NHWC";
};

const BiasCase kCases[] = {
    {"matrix", {3, 4}},
    {"one_row", {1, 7}},
    {"one_channel", {5, 3, 1}},
    {"image", {2, 3, 5, 4}},
    {"rank5", {2, 2, 3, 2, 3}},
    {"odd_channels", {7, 37}},
    {"many_rows", {1031, 10}},
    {"wide", {130, 300}},
    {"large", {40, 30, 30, 3}},
    {"nchw", {2, 3, 5, 4}, "NCHW"},
    {"nchw_rank2", {4, 3}, "NCHW"},
    {"nchw_rank3", {3, 5, 7}, "NCHW"},
    {"nchw_rank5", {2, 3, 2, 2, 3}, "NCHW"},
    {"nchw_large", {20, 3, 50, 31}, "NCHW"},
    {"empty_batch", {0, 4}},
    {"empty_image", {2, 0, 3, 4}},
    {"no_channels", {3, 0}},
    {"nchw_empty_batch", {0, 3, 2, 2}, "NCHW"},
};

// Calls visit(offset, channel) for every element.
template <typename F>
void ForEach(const BiasCase& c, F visit) {
  const int axis = c.data_format == "NCHW" ? 1 : c.value.rank() - 1;
  int64_t inner = 1;
  for (int i = axis + 1; i < c.value.rank(); ++i) inner *= c.value.dim(i);
  for (int64_t i = 0; i < c.value.num_elements(); ++i) visit(i, i / inner % c.value.dim(axis));
}

int64_t Channels(const BiasCase& c) { return c.value.dim(c.data_format == "NCHW" ? 1 : -1); }

class BiasAddTest : public ::testing::TestWithParam<BiasCase> {};

TEST_P(BiasAddTest, AddsPerChannel) {
  const BiasCase& c = GetParam();
  for (const DType dtype : kFloatAndIndexDTypes) {
    const Tensor x = RandomTensor(dtype, c.value, 1, -100, 100),
                 b = RandomTensor(dtype, {Channels(c)}, 2, -100, 100);
    std::vector<double> want = ToDoubles(x);
    const std::vector<double> bias = ToDoubles(b);
    ForEach(c, [&](int64_t i, int64_t channel) { want[i] += bias[channel]; });
    OpTest("BiasAdd")
        .Attr("data_format", c.data_format)
        .Input(x)
        .Input(b)
        .Expect(FromDoubles(dtype, c.value, want), {1e-6, 1e-6});
  }
}

TEST_P(BiasAddTest, GradSumsTheRest) {
  const BiasCase& c = GetParam();
  for (const DType dtype : kFloatAndIndexDTypes) {
    const Tensor dy = RandomTensor(dtype, c.value, 3, -100, 100);
    std::vector<double> want(Channels(c), 0.0);
    const std::vector<double> values = ToDoubles(dy);
    ForEach(c, [&](int64_t i, int64_t channel) { want[channel] += values[i]; });
    OpTest("BiasAddGrad")
        .Attr("data_format", c.data_format)
        .Input(dy)
        .Expect(FromDoubles(dtype, {Channels(c)}, want), {1e-5, 1e-2});
  }
}

INSTANTIATE_TEST_SUITE_P(All, BiasAddTest, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

TEST(BiasAdd, ByHand) {
  OpTest("BiasAdd")
      .Input({2, 3}, {1, 2, 3, 4, 5, 6})
      .Input({3}, {10, 20, 30})
      .Expect({2, 3}, {11, 22, 33, 14, 25, 36});
  OpTest("BiasAddV1")
      .Input({2, 3}, {1, 2, 3, 4, 5, 6})
      .Input({3}, {10, 20, 30})
      .Expect({2, 3}, {11, 22, 33, 14, 25, 36});
  OpTest("BiasAddGrad").Input({2, 3}, {1, 2, 3, 4, 5, 6}).Expect({3}, {5, 7, 9});
  OpTest("BiasAdd")
      .Attr("data_format", "NCHW")
      .Input({1, 2, 2}, {1, 2, 3, 4})
      .Input({2}, {10, 20})
      .Expect({1, 2, 2}, {11, 12, 23, 24});
}

TEST(BiasAdd, IntegersWrap) {
  OpTest("BiasAdd")
      .Input<int32_t>({1, 1}, {2147483647})
      .Input<int32_t>({1}, {1})
      .Expect<int32_t>({1, 1}, {-2147483647 - 1});
}

TEST(BiasAdd, NarrowFloatsAreAddedInFloat) {
  // 1025 ones: half counts no further than 2048 in steps of 1, bfloat16 than 256.
  for (const DType dtype : {DType::kHalf, DType::kBfloat16}) {
    const std::vector<double> ones(1025, 1.0);
    OpTest("BiasAddGrad")
        .Input(FromDoubles(dtype, {1025, 1}, ones))
        .Expect(FromDoubles(dtype, {1}, {1025}), {0, 0});
    OpTest("BiasAdd")
        .Input(FromDoubles(dtype, {2, 2}, {1, 2, 3, 4}))
        .Input(FromDoubles(dtype, {2}, {0.5, 8}))
        .Expect(FromDoubles(dtype, {2, 2}, {1.5, 10, 3.5, 12}), {0, 0});
  }
}

TEST(BiasAdd, Gradients) {
  for (const char* format : {"NHWC", "NCHW"}) {
    const int64_t channels = std::string(format) == "NCHW" ? 3 : 2;
    OpTest("BiasAdd")
        .Attr("data_format", format)
        .Input(RandomTensor(DType::kDouble, {2, 3, 4, 2}))
        .Input(RandomTensor(DType::kDouble, {channels}, 2))
        .CheckGradient();
    OpTest("BiasAddGrad")
        .Attr("data_format", format)
        .Input(RandomTensor(DType::kDouble, {2, 3, 4, 2}))
        .CheckGradient();
  }
  OpTest("BiasAddV1")
      .Input(RandomTensor(DType::kDouble, {2, 3}))
      .Input(RandomTensor(DType::kDouble, {3}, 2))
      .CheckGradient();
}

TEST(BiasAdd, Errors) {
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  OpTest("BiasAdd")
      .Input({2, 3}, {1, 2, 3, 4, 5, 6})
      .Input({2}, {1, 2})
      .ExpectError(kInvalid, "Dimensions must be equal, but are 3 and 2");
  OpTest("BiasAdd")
      .Input({3}, {1, 2, 3})
      .Input({3}, {1, 2, 3})
      .ExpectError(kInvalid, "Shape must be at least rank 2 but is rank 1");
  OpTest("BiasAdd")
      .Input({1, 1}, {1})
      .Input({1, 1}, {1})
      .ExpectError(kInvalid, "Shape must be rank 1 but is rank 2");
  OpTest("BiasAddGrad").Input({3}, {1, 2, 3}).ExpectError(kInvalid, "at least rank 2");
  OpTest("BiasAdd")
      .Attr("data_format", "NHCW")
      .Input({1, 1}, {1})
      .Input({1}, {1})
      .ExpectError(kInvalid, "NHCW");
}

TEST(BiasAdd, Shapes) {
  OpTest test("BiasAdd");
  test.Input({1, 3}, {1, 2, 3}).Input({3}, {1, 2, 3});
  EXPECT_EQ(*test.InferShape({{-1, -1}, {3}}), TensorShape({-1, 3}));
  EXPECT_EQ(*test.InferShape({TensorShape::Unknown(), {3}}), TensorShape::Unknown());
  OpTest grad("BiasAddGrad");
  grad.Input({1, 3}, {1, 2, 3});
  EXPECT_EQ(*grad.InferShape({TensorShape::Unknown()}), TensorShape({-1}));
  EXPECT_EQ(*grad.InferShape({{-1, -1, 5}}), TensorShape({5}));
}

}  // namespace
}  // namespace sluice
