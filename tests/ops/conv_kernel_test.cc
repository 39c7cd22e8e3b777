// The kernels below the convolution ops: epilogues, kept filters. The passes themselves are tested
// through the ops (tests/ops/conv2d_test.cc and its neighbours).
#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "gtest/gtest.h"
#include "ops/kernels/conv.h"
#include "tests/testing/conv_reference.h"
#include "tests/testing/core/tensors.h"

namespace sluice::kernels {
namespace {

struct KernelCase {
  ConvCase c;
  bool depthwise = false;
};

ConvShape ShapeOf(const KernelCase& k) {
  const ConvCase& c = k.c;
  const ImageLayout in(c.input, c.channels_first()), out(c.output, c.channels_first());
  const std::vector<int64_t> strides = c.Or1(c.strides), dilations = c.Or1(c.dilations);
  ConvShape s{.batch = c.input.dim(0),
              .in_channels = in.channels,
              .out_channels = out.channels,
              .channels_first = c.channels_first(),
              .depthwise = k.depthwise};
  const int spatial = c.spatial(), first = c.channels_first() ? 2 : 1;
  for (int i = 0; i < spatial; ++i) {
    const int axis = 3 - spatial + i;
    s.input[axis] = in.dims[i];
    s.output[axis] = out.dims[i];
    s.kernel[axis] = c.filter.dim(i);
    s.stride[axis] = strides[first + i];
    s.dilation[axis] = dilations[first + i];
    s.before[axis] = c.before[i];
    const int64_t needed = (out.dims[i] - 1) * s.stride[axis] +
                           (s.kernel[axis] - 1) * s.dilation[axis] + 1 - in.dims[i];
    s.after[axis] = std::max<int64_t>(0, needed - c.before[i]);
  }
  return s;
}

double Apply(Epilogue::Function f, double alpha, double y) {
  switch (f) {
    case Epilogue::Function::kNone:
      return y;
    case Epilogue::Function::kRelu:
      return std::max(y, 0.0);
    case Epilogue::Function::kRelu6:
      return std::min(std::max(y, 0.0), 6.0);
    case Epilogue::Function::kLeakyRelu:
      return y > 0 ? y : alpha * y;
    case Epilogue::Function::kElu:
      return y > 0 ? y : std::expm1(y);
    case Epilogue::Function::kTanh:
      return std::tanh(y);
    case Epilogue::Function::kSigmoid:
      return 1 / (1 + std::exp(-y));
  }
  return y;
}

Tensor Wanted(const KernelCase& k, const Epilogue& e, const Tensor& x, const Tensor& w,
              const Tensor& bias, const Tensor& residual) {
  std::vector<double> y = ToDoubles(SumOfProducts(k.c, k.depthwise, 2, x, w, k.c.output));
  const std::vector<double> b = ToDoubles(bias), r = ToDoubles(residual);
  const ImageLayout out(k.c.output, k.c.channels_first());
  for (int64_t n = 0; n < k.c.output.dim(0); ++n) {
    for (int64_t p = 0; p < out.pixels; ++p) {
      for (int64_t c = 0; c < out.channels; ++c) {
        double& v = y[out.offset(n, p, c)];
        if (e.bias) v += b[c];
        if (e.residual) v += r[out.offset(n, p, c)];
        v = Apply(e.function, e.alpha, v);
      }
    }
  }
  return FromDoubles(x.dtype(), k.c.output, y);
}

const Epilogue kEpilogues[] = {
    {.bias = true},
    {.residual = true},
    {.bias = true, .function = Epilogue::Function::kRelu},
    {.function = Epilogue::Function::kRelu6},
    {.bias = true, .residual = true, .function = Epilogue::Function::kRelu},
    {.residual = true, .function = Epilogue::Function::kLeakyRelu, .alpha = 0.3f},
    {.bias = true, .function = Epilogue::Function::kElu},
    {.bias = true, .residual = true, .function = Epilogue::Function::kTanh},
    {.bias = true, .function = Epilogue::Function::kSigmoid},
};

// Forward passes with every epilogue, the residual being the output itself (in place) or not.
void ExpectEpilogues(DType dtype, const KernelCase& k,
                     const std::function<std::unique_ptr<Conv>(const ConvOptions&)>& make,
                     Tolerance tolerance = {1e-4, 1e-5}) {
  const Tensor x = RandomTensor(dtype, k.c.input, 1), w = RandomTensor(dtype, k.c.filter, 2);
  const Tensor residual = RandomTensor(dtype, k.c.output, 3, -3, 3);
  const Tensor bias = RandomTensor(dtype, {ShapeOf(k).out_channels}, 4, -4, 8);
  for (const Epilogue& e : kEpilogues) {
    for (const bool in_place : {false, true}) {
      if (in_place && !e.residual) continue;
      SCOPED_TRACE(testing::Message()
                   << k.c.name << " " << DTypeName(dtype) << " function "
                   << static_cast<int>(e.function) << (in_place ? " in place" : ""));
      const std::unique_ptr<Conv> conv = make({.threads = 2, .epilogue = e});
      Tensor scratch = Tensor::Zeros(DType::kUint8, {conv->scratch_bytes() + 1});
      Tensor y = in_place ? residual.Clone().value() : Tensor::Zeros(dtype, k.c.output);
      const absl::Status status = conv->Run({.input = const_cast<void*>(x.raw()),
                                             .filter = const_cast<void*>(w.raw()),
                                             .output = y.mutable_raw(),
                                             .scratch = scratch.mutable_raw(),
                                             .bias = bias.raw(),
                                             .residual = in_place ? y.raw() : residual.raw()});
      ASSERT_TRUE(status.ok()) << status;
      ExpectClose(y, Wanted(k, e, x, w, bias, residual), tolerance);
    }
  }
}

const KernelCase kCases[] = {
    {{"same", {2, 5, 6, 3}, {3, 3, 3, 4}, {2, 5, 6, 4}, {1, 1}}},
    {{"sixteen", {2, 6, 6, 16}, {3, 3, 16, 32}, {2, 6, 6, 32}, {1, 1}}},
    {{"strided", {1, 7, 6, 5}, {3, 2, 5, 17}, {1, 4, 3, 17}, {1, 0}, "SAME", {1, 2, 2, 1}}},
    {{"dilated",
      {1, 6, 7, 2},
      {3, 2, 2, 3},
      {1, 6, 7, 3},
      {2, 1},
      "SAME",
      {1, 1, 1, 1},
      {1, 2, 3, 1}}},
    {{"pointwise", {3, 3, 4, 32}, {1, 1, 32, 16}, {3, 3, 4, 16}, {0, 0}}},
    {{"one_channel", {2, 8, 7, 1}, {5, 5, 1, 32}, {2, 8, 7, 32}, {2, 2}}},
    {{"nchw", {2, 3, 5, 4}, {3, 3, 3, 16}, {2, 16, 5, 4}, {1, 1}, "", {}, {}, "NCHW"}},
    {{"volume", {1, 3, 4, 4, 2}, {2, 3, 3, 2, 5}, {1, 2, 2, 2, 5}, {0, 0, 0}}},
    {{"depthwise", {2, 6, 5, 16}, {3, 3, 16, 1}, {2, 6, 5, 16}, {1, 1}}, true},
    {{"depthwise_strided",
      {2, 7, 9, 24},
      {3, 3, 24, 1},
      {2, 4, 5, 24},
      {1, 1},
      "SAME",
      {1, 2, 2, 1}},
     true},
    {{"depthwise_multiplier", {1, 6, 5, 3}, {3, 3, 3, 2}, {1, 6, 5, 6}, {1, 1}}, true},
    {{"depthwise_nchw", {2, 5, 6, 4}, {3, 3, 5, 2}, {2, 10, 6, 4}, {1, 1}, "", {}, {}, "NCHW"},
     true},
    {{"depthwise_large_window", {1, 9, 9, 20}, {5, 5, 20, 1}, {1, 9, 9, 20}, {2, 2}}, true},
};

class ConvEpilogueTest : public ::testing::TestWithParam<KernelCase> {};
TEST_P(ConvEpilogueTest, MatchesPlainLoops) {
  const ConvShape shape = ShapeOf(GetParam());
  for (const DType dtype : kFloatDTypes) {
    ExpectEpilogues(dtype, GetParam(), [&](const ConvOptions& options) {
      return MakeConv(dtype, ConvPass::kForward, shape, options).value();
    });
  }
}
// What stands in where oneDNN has nothing.
TEST_P(ConvEpilogueTest, OwnLoopsMatch) {
  const ConvShape shape = ShapeOf(GetParam());
  ExpectEpilogues(DType::kFloat, GetParam(), [&](const ConvOptions& options) {
    return shape.depthwise ? MakeDepthwiseConv<float>(ConvPass::kForward, shape, options)
                           : MakeGemmConv<float>(ConvPass::kForward, shape, options);
  });
}
INSTANTIATE_TEST_SUITE_P(All, ConvEpilogueTest, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.c.name; });

// A filter that is kept between runs, in both passes that read it: what a run computes follows the
// filter's version, not its elements.
TEST(ConvKernelTest, StableFilterIsPackedAgainWhenItsVersionChanges) {
  const KernelCase k = {{"same", {2, 5, 6, 16}, {3, 3, 16, 32}, {2, 5, 6, 32}, {1, 1}}};
  const Tensor x = RandomTensor(DType::kFloat, k.c.input, 1);
  const Tensor dy = RandomTensor(DType::kFloat, k.c.output, 2);
  const Tensor first = RandomTensor(DType::kFloat, k.c.filter, 3);
  const Tensor second = RandomTensor(DType::kFloat, k.c.filter, 4);
  for (const ConvPass pass : {ConvPass::kForward, ConvPass::kBackwardInput}) {
    const bool forward = pass == ConvPass::kForward;
    const auto conv = MakeConv(DType::kFloat, pass, ShapeOf(k), {.stable_filter = true}).value();
    Tensor scratch = Tensor::Zeros(DType::kUint8, {conv->scratch_bytes() + 1});
    const auto run = [&](const Tensor& filter, uint64_t version) {
      Tensor result = Tensor::Zeros(DType::kFloat, forward ? k.c.output : k.c.input);
      const Tensor& other = forward ? x : dy;
      const absl::Status status =
          conv->Run({.input = forward ? const_cast<void*>(other.raw()) : result.mutable_raw(),
                     .filter = const_cast<void*>(filter.raw()),
                     .output = forward ? result.mutable_raw() : const_cast<void*>(other.raw()),
                     .scratch = scratch.mutable_raw(),
                     .filter_version = version});
      EXPECT_TRUE(status.ok()) << status;
      return result;
    };
    const auto wanted = [&](const Tensor& filter) {
      return forward ? SumOfProducts(k.c, false, 2, x, filter, k.c.output)
                     : SumOfProducts(k.c, false, 0, filter, dy, k.c.input);
    };
    ExpectClose(run(first, 5), wanted(first), {1e-4, 1e-5});
    ExpectClose(run(first, 5), wanted(first), {1e-4, 1e-5});
    ExpectClose(run(second, 6), wanted(second), {1e-4, 1e-5});
    ExpectClose(run(first, 0), wanted(first), {1e-4, 1e-5});  // unknown: looked at every time
    ExpectClose(run(second, 0), wanted(second), {1e-4, 1e-5});
    ExpectClose(run(first, 6), wanted(first), {1e-4, 1e-5});
  }
}

TEST(ConvKernelTest, ConstantFilterIsNotLookedAtAgain) {
  const KernelCase k = {{"same", {1, 4, 4, 16}, {3, 3, 16, 16}, {1, 4, 4, 16}, {1, 1}}};
  const Tensor x = RandomTensor(DType::kFloat, k.c.input, 1);
  const Tensor w = RandomTensor(DType::kFloat, k.c.filter, 2);
  const auto conv =
      MakeConv(DType::kFloat, ConvPass::kForward, ShapeOf(k), {.constant_filter = w.raw()}).value();
  Tensor scratch = Tensor::Zeros(DType::kUint8, {conv->scratch_bytes() + 1});
  for (int i = 0; i < 2; ++i) {
    Tensor y = Tensor::Zeros(DType::kFloat, k.c.output);
    const absl::Status status = conv->Run({.input = const_cast<void*>(x.raw()),
                                           .filter = const_cast<void*>(w.raw()),
                                           .output = y.mutable_raw(),
                                           .scratch = scratch.mutable_raw()});
    ASSERT_TRUE(status.ok()) << status;
    ExpectClose(y, SumOfProducts(k.c, false, 2, x, w, k.c.output), {1e-4, 1e-5});
  }
}

TEST(ConvKernelTest, KeptFilterIsChargedToTheBudget) {
  const KernelCase k = {{"same", {1, 4, 4, 64}, {3, 3, 64, 64}, {1, 4, 4, 64}, {1, 1}}};
  const auto budget = std::make_shared<MemoryBudget>(1000);
  const auto conv = MakeConv(DType::kFloat, ConvPass::kForward, ShapeOf(k),
                             {.stable_filter = true, .budget = budget});
  EXPECT_TRUE(absl::IsResourceExhausted(conv.status())) << conv.status();
}

// --- Winograd ---

// The sums are of size 10. Each is made of numbers that grew up to a hundredfold on the way (tiles
// of 4x4) and are rounded to 6e-8 of themselves: 6e-5, however small the sum.
constexpr Tolerance kWinogradTolerance = {1e-5, 1e-4};  // relative, absolute

const KernelCase kWinogradCases[] = {
    {{"one_tile", {1, 4, 4, 64}, {3, 3, 64, 64}, {1, 4, 4, 64}, {1, 1}}},
    {{"odd_sizes", {2, 7, 9, 64}, {3, 3, 64, 80}, {2, 7, 9, 80}, {1, 1}}},
    {{"valid", {1, 8, 6, 80}, {3, 3, 80, 64}, {1, 6, 4, 64}, {0, 0}}},
    {{"nchw", {2, 64, 6, 5}, {3, 3, 64, 64}, {2, 64, 6, 5}, {1, 1}, "", {}, {}, "NCHW"}},
};

class WinogradTest : public ::testing::TestWithParam<KernelCase> {};
TEST_P(WinogradTest, MatchesPlainLoops) {
  const KernelCase& k = GetParam();
  const Tensor x = RandomTensor(DType::kFloat, k.c.input, 1);
  const Tensor w = RandomTensor(DType::kFloat, k.c.filter, 2);
  const Tensor dy = RandomTensor(DType::kFloat, k.c.output, 3);
  const struct {
    ConvPass pass;
    Tensor want;
  } passes[] = {
      {ConvPass::kForward, SumOfProducts(k.c, false, 2, x, w, k.c.output)},
      {ConvPass::kBackwardInput, SumOfProducts(k.c, false, 0, w, dy, k.c.input)},
      {ConvPass::kBackwardFilter, SumOfProducts(k.c, false, 1, x, dy, k.c.filter)},
  };
  for (const auto& [pass, want] : passes) {
    for (const bool stable : {false, true}) {
      const auto conv = MakeDnnlConv(pass, ShapeOf(k), {.stable_filter = stable}, true);
      if (absl::IsUnimplemented(conv.status())) GTEST_SKIP() << "not on this processor";
      ASSERT_TRUE(conv.ok()) << conv.status();
      Tensor scratch = Tensor::Zeros(DType::kUint8, {(*conv)->scratch_bytes() + 1});
      Tensor got = Tensor::Zeros(DType::kFloat, want.shape());
      const auto data = [&](ConvPass written, const Tensor& t) {
        return pass == written ? got.mutable_raw() : const_cast<void*>(t.raw());
      };
      const absl::Status status = (*conv)->Run({.input = data(ConvPass::kBackwardInput, x),
                                                .filter = data(ConvPass::kBackwardFilter, w),
                                                .output = data(ConvPass::kForward, dy),
                                                .scratch = scratch.mutable_raw()});
      ASSERT_TRUE(status.ok()) << status;
      ExpectClose(got, want, kWinogradTolerance);
    }
  }
}
TEST_P(WinogradTest, OwnMatchesPlainLoops) {
  const KernelCase& k = GetParam();
  if (k.c.channels_first()) GTEST_SKIP() << "channels last only";
  const Tensor x = RandomTensor(DType::kFloat, k.c.input, 1);
  const Tensor w = RandomTensor(DType::kFloat, k.c.filter, 2);
  const Tensor dy = RandomTensor(DType::kFloat, k.c.output, 3);
  for (const int tile : {2, 4}) {
    for (const ConvOptions& options : {ConvOptions(), ConvOptions{.stable_filter = true},
                                       ConvOptions{.threads = 2, .constant_filter = w.raw()}}) {
      for (const bool forward : {true, false}) {
        const ConvPass pass = forward ? ConvPass::kForward : ConvPass::kBackwardInput;
        const auto conv = MakeWinogradConv(pass, ShapeOf(k), options, tile).value();
        Tensor scratch = Tensor::Zeros(DType::kUint8, {conv->scratch_bytes() + 1});
        Tensor got = Tensor::Zeros(DType::kFloat, forward ? k.c.output : k.c.input);
        const absl::Status status =
            conv->Run({.input = forward ? const_cast<void*>(x.raw()) : got.mutable_raw(),
                       .filter = const_cast<void*>(w.raw()),
                       .output = forward ? got.mutable_raw() : const_cast<void*>(dy.raw()),
                       .scratch = scratch.mutable_raw()});
        ASSERT_TRUE(status.ok()) << status;
        const Tensor want = forward ? SumOfProducts(k.c, false, 2, x, w, k.c.output)
                                    : SumOfProducts(k.c, false, 0, w, dy, k.c.input);
        ExpectClose(got, want, kWinogradTolerance);
      }
    }
  }
}
TEST_P(WinogradTest, OwnEpilogues) {
  const ConvShape shape = ShapeOf(GetParam());
  if (shape.channels_first) GTEST_SKIP() << "channels last only";
  for (const int tile : {2, 4}) {
    ExpectEpilogues(
        DType::kFloat, GetParam(),
        [&](const ConvOptions& options) {
          return MakeWinogradConv(ConvPass::kForward, shape, options, tile).value();
        },
        kWinogradTolerance);
  }
}
TEST_P(WinogradTest, Epilogues) {
  const ConvShape shape = ShapeOf(GetParam());
  if (!MakeDnnlConv(ConvPass::kForward, shape, {}, true).ok()) GTEST_SKIP();
  ExpectEpilogues(
      DType::kFloat, GetParam(),
      [&](const ConvOptions& options) {
        return MakeDnnlConv(ConvPass::kForward, shape, options, true).value();
      },
      kWinogradTolerance);
}
INSTANTIATE_TEST_SUITE_P(All, WinogradTest, ::testing::ValuesIn(kWinogradCases),
                         [](const auto& info) { return info.param.c.name; });

TEST(WinogradTileTest, OnlyFor3x3OfManyChannelsAndNeverWhenExact) {
  const KernelCase k = {{"same", {8, 56, 56, 64}, {3, 3, 64, 64}, {8, 56, 56, 64}, {1, 1}}};
  const ConvShape shape = ShapeOf(k);
  const ConvPass forward = ConvPass::kForward;
  EXPECT_EQ(WinogradTile(forward, shape, {}), 4);
  EXPECT_EQ(WinogradTile(ConvPass::kBackwardInput, shape, {}), 4);
  EXPECT_TRUE(DnnlWinogradWins(ConvPass::kForward, shape, {}));
  EXPECT_EQ(WinogradTile(forward, shape, {.exact = true}), 0);
  EXPECT_FALSE(DnnlWinogradWins(ConvPass::kForward, shape, {.exact = true}));
  ConvShape strided = shape, few = shape, large = shape, small = shape;
  strided.stride[2] = 2;
  few.in_channels = 3;
  large.kernel[1] = 5;
  small.batch = 1;
  for (int i : {1, 2}) small.input[i] = small.output[i] = 7;
  small.in_channels = small.out_channels = 512;
  for (const ConvShape& other : {strided, few, large, small}) {
    EXPECT_EQ(WinogradTile(forward, other, {}), 0);
    EXPECT_FALSE(DnnlWinogradWins(ConvPass::kForward, other, {}));
  }
}

}  // namespace
}  // namespace sluice::kernels
