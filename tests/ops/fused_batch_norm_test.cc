#include "ops/fused_batch_norm.h"

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "graph/gradients.h"
#include "graph/graph.h"
#include "gtest/gtest.h"
#include "ops/all_ops.h"
#include "ops/kernels/batch_norm.h"
#include "session/session.h"
#include "tests/testing/batch_norm_reference.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using kernels::ChannelShape;

struct Case {
  std::string name;
  TensorShape x;
  std::string data_format = "NHWC";

  int64_t channels() const { return x.dim(data_format == "NHWC" ? 3 : 1); }
  ChannelShape shape() const {
    if (data_format == "NHWC") return {x.dim(0) * x.dim(1) * x.dim(2), x.dim(3), 1};
    return {x.dim(0), x.dim(1), x.dim(2) * x.dim(3)};
  }
};

const Case kCases[] = {
    {"small", {2, 3, 2, 4}},
    {"one_channel", {3, 4, 5, 1}},
    {"one_value_per_channel", {1, 1, 1, 3}},
    {"odd", {3, 5, 7, 13}},
    {"thirty_two_channels", {2, 6, 5, 32}},
    {"thirty_three_channels", {2, 6, 5, 33}},
    {"many_channels", {2, 3, 3, 300}},
    {"several_blocks", {9, 31, 29, 10}},
    {"several_wide_blocks", {3, 17, 19, 80}},
    {"nchw", {2, 3, 4, 5}, "NCHW"},
    {"nchw_one_pixel", {7, 5, 1, 1}, "NCHW"},
    {"nchw_large", {5, 3, 40, 37}, "NCHW"},
};

class FusedBatchNormTest : public ::testing::TestWithParam<Case> {
 protected:
  static constexpr float kEpsilon = 0.01f;
  void SetUp() override {
    const Case& c = GetParam();
    x_ = RandomTensor(DType::kFloat, c.x, 1, 2, 5);
    dy_ = RandomTensor(DType::kFloat, c.x, 2);
    scale_ = RandomTensor(DType::kFloat, {c.channels()}, 3);
    offset_ = RandomTensor(DType::kFloat, {c.channels()}, 4);
    mean_ = RandomTensor(DType::kFloat, {c.channels()}, 5, 2, 5);
    variance_ = RandomTensor(DType::kFloat, {c.channels()}, 6, 0.5, 3);
  }
  OpTest Op(const std::string& name, bool training, const char* file = __builtin_FILE(),
            int line = __builtin_LINE()) {
    return std::move(OpTest(name, file, line)
                         .Attr("epsilon", kEpsilon)
                         .Attr("is_training", training)
                         .Attr("data_format", GetParam().data_format));
  }
  Tensor Vector(const std::vector<double>& v) {
    return FromDoubles(DType::kFloat, {static_cast<int64_t>(v.size())}, v);
  }
  Tensor Image(const std::vector<double>& v) { return FromDoubles(DType::kFloat, GetParam().x, v); }

  Tensor x_, dy_, scale_, offset_, mean_, variance_;
};

constexpr Tolerance kTolerance = {2e-5, 2e-5};
const Tensor kNone = Tensor::Zeros(DType::kFloat, {0});

TEST_P(FusedBatchNormTest, Training) {
  const ChannelShape s = GetParam().shape();
  const Moments m = NaiveMoments(s, ToDoubles(x_));
  const Tensor y =
      Image(NaiveNormalize(s, ToDoubles(x_), m, ToDoubles(scale_), ToDoubles(offset_), kEpsilon));
  const double n = static_cast<double>(s.outer * s.inner);
  std::vector<double> corrected = m.variance;
  for (double& v : corrected) v *= n / std::max(n - 1, 1.0);
  std::vector<Tensor> want = {y, Vector(m.mean), Vector(corrected), Vector(m.mean),
                              Vector(m.variance)};
  for (const char* op : {"FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"}) {
    if (std::string(op) == "FusedBatchNormV3") want.push_back(Tensor::Scalar<float>(0));
    Op(op, true).Inputs({x_, scale_, offset_, kNone, kNone}).ExpectAll(want, kTolerance);
  }
}

TEST_P(FusedBatchNormTest, Inference) {
  const ChannelShape s = GetParam().shape();
  const Moments m{ToDoubles(mean_), ToDoubles(variance_)};
  const Tensor y =
      Image(NaiveNormalize(s, ToDoubles(x_), m, ToDoubles(scale_), ToDoubles(offset_), kEpsilon));
  Op("FusedBatchNorm", false)
      .Inputs({x_, scale_, offset_, mean_, variance_})
      .ExpectAll({y, mean_, variance_, mean_, variance_}, kTolerance);
}

TEST_P(FusedBatchNormTest, Gradient) {
  const ChannelShape s = GetParam().shape();
  for (const bool training : {true, false}) {
    const Moments m =
        training ? NaiveMoments(s, ToDoubles(x_)) : Moments{ToDoubles(mean_), ToDoubles(variance_)};
    const NaiveResult d =
        NaiveGradients(s, training, ToDoubles(dy_), ToDoubles(x_), m, ToDoubles(scale_), kEpsilon);
    const std::vector<Tensor> want = {Image(d.dx), Vector(d.dscale), Vector(d.doffset), kNone,
                                      kNone};
    const std::vector<Tensor> inputs = {dy_, x_, scale_, Vector(m.mean), Vector(m.variance)};
    const Tolerance tolerance = {1e-4, 3e-4};
    Op("FusedBatchNormGrad", training).Inputs(inputs).ExpectAll(want, tolerance);
    Op("FusedBatchNormGradV2", training).Inputs(inputs).ExpectAll(want, tolerance);
    std::vector<Tensor> with_reserve = inputs;
    with_reserve.push_back(Tensor::Scalar<float>(0));
    Op("FusedBatchNormGradV3", training).Inputs(with_reserve).ExpectAll(want, tolerance);
  }
}

// The ops are float only; their arithmetic is checked in double, against differences.
TEST_P(FusedBatchNormTest, ArithmeticInDoubleIsTheDerivative) {
  const ChannelShape s = GetParam().shape();
  if (s.elements() > 2000) GTEST_SKIP() << "too many elements";
  const std::vector<double> dy = ToDoubles(dy_), scale = ToDoubles(scale_),
                            offset = ToDoubles(offset_);
  std::vector<double> x = ToDoubles(x_), scratch(kernels::BatchNormScratch(s)), y(x.size()),
                      mean(s.channels), variance(s.channels);
  const double epsilon = kEpsilon;
  const auto loss = [&] {
    kernels::BatchMoments(s, x.data(), mean.data(), variance.data(), scratch.data());
    kernels::BatchNormalize(s, x.data(), mean.data(), variance.data(), scale.data(), offset.data(),
                            epsilon, y.data(), scratch.data());
    double sum = 0;
    for (size_t i = 0; i < y.size(); ++i) sum += dy[i] * y[i];
    return sum;
  };
  loss();
  std::vector<double> dx(x.size()), dscale(s.channels), doffset(s.channels);
  kernels::BatchNormGradient<double>(s,
                                     {.epsilon = epsilon,
                                      .dy = dy.data(),
                                      .x = x.data(),
                                      .mean = mean.data(),
                                      .variance = variance.data(),
                                      .scale = scale.data(),
                                      .dx = dx.data(),
                                      .dscale = dscale.data(),
                                      .doffset = doffset.data()},
                                     scratch.data());
  for (size_t i = 0; i < x.size(); i += 1 + x.size() / 50) {
    const double kept = x[i], step = 1e-5;
    x[i] = kept + step;
    const double above = loss();
    x[i] = kept - step;
    const double below = loss();
    x[i] = kept;
    EXPECT_NEAR(dx[i], (above - below) / (2 * step), 1e-6) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(All, FusedBatchNormTest, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

TEST(FusedBatchNorm, ByHand) {
  // Rule LY-3's example, epsilon 0.001: columns {0, 2, 4} and {4, 8, 0}.
  OpTest("FusedBatchNorm")
      .Attr("epsilon", 0.001f)
      .Input({3, 1, 1, 2}, {0, 4, 2, 8, 4, 0})
      .Input({2}, {1, 1})
      .Input({2}, {0, 0})
      .Input({0}, {})
      .Input({0}, {})
      .ExpectAll({Tensor::Of<float>({3, 1, 1, 2},
                                    {-1.2245153f, 0, 0, 1.2246876f, 1.2245153f, -1.2246876f}),
                  Tensor::Of<float>({2}, {2, 4}), Tensor::Of<float>({2}, {4, 16}),
                  Tensor::Of<float>({2}, {2, 4}), Tensor::Of<float>({2}, {2.6666667f, 10.666667f})},
                 {1e-5, 1e-5});
}

// x and y in half or bfloat16, the rest in float: as in float, rounded once.
TEST(FusedBatchNorm, NarrowImages) {
  const Tensor scale = RandomTensor(DType::kFloat, {3}, 3),
               offset = RandomTensor(DType::kFloat, {3}, 4),
               mean = RandomTensor(DType::kFloat, {3}, 5),
               variance = RandomTensor(DType::kFloat, {3}, 6, 0.5, 3);
  for (const DType dtype : {DType::kHalf, DType::kBfloat16}) {
    const Tensor x = RandomTensor(dtype, {2, 3, 5, 3}, 1), dy = RandomTensor(dtype, x.shape(), 2);
    const auto as_float = [](const Tensor& t) {
      return FromDoubles(DType::kFloat, t.shape(), ToDoubles(t));
    };
    for (const bool training : {true, false}) {
      const auto expect = [&](const char* op, std::vector<Tensor> inputs, int narrow) {
        auto in_float = inputs;
        for (int i = 0; i < narrow; ++i) in_float[i] = as_float(inputs[i]);
        auto want = OpTest(op).Attr("is_training", training).Inputs(in_float).Run();
        ASSERT_TRUE(want.ok()) << want.status();
        (*want)[0] = FromDoubles(dtype, x.shape(), ToDoubles((*want)[0]));
        OpTest(op).Attr("is_training", training).Inputs(inputs).ExpectAll(*want);
      };
      const Tensor m = training ? kNone : mean, v = training ? kNone : variance;
      expect("FusedBatchNormV2", {x, scale, offset, m, v}, 1);
      expect("FusedBatchNormV3", {x, scale, offset, m, v}, 1);
      expect("FusedBatchNormGradV2", {dy, x, scale, mean, variance}, 2);
      expect("FusedBatchNormGradV3", {dy, x, scale, mean, variance, Tensor::Scalar<float>(0)}, 2);
    }
  }
}

TEST(FusedBatchNorm, VarianceOfLargeNumbersKeepsItsDigits) {
  // Sum of squares minus square of sums would lose everything here.
  std::vector<float> x(4000);
  for (size_t i = 0; i < x.size(); ++i) x[i] = 10000.0f + (i % 2 == 0 ? 0.5f : -0.5f);
  const auto out = OpTest("FusedBatchNorm")
                       .Input(Tensor::Of<float>({4000, 1, 1, 1}, x))
                       .Input({1}, {1})
                       .Input({1}, {0})
                       .Input({0}, {})
                       .Input({0}, {})
                       .Run();
  ASSERT_TRUE(out.ok()) << out.status();
  EXPECT_NEAR((*out)[4].data<float>()[0], 0.25f, 1e-4);
}

TEST(FusedBatchNorm, EmptyBatch) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor none = Tensor::Zeros(DType::kFloat, {0, 2, 2, 2}),
               two = Tensor::Of<float>({2}, {1, 2});
  const Tensor nans = Tensor::Of<float>({2}, {nan, nan});
  OpTest("FusedBatchNorm")
      .Inputs({none, two, two, kNone, kNone})
      .ExpectAll({none, nans, nans, nans, nans});
  OpTest("FusedBatchNorm")
      .Attr("is_training", false)
      .Inputs({none, two, two, two, two})
      .ExpectAll({none, two, two, two, two});
  const Tensor zeros = Tensor::Zeros(DType::kFloat, {2});
  OpTest("FusedBatchNormGrad")
      .Inputs({none, none, two, two, two})
      .ExpectAll({none, zeros, zeros, kNone, kNone});
}

TEST(FusedBatchNorm, Errors) {
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  const Tensor x = RandomTensor(DType::kFloat, {2, 3, 3, 4}),
               four = RandomTensor(DType::kFloat, {4}), three = RandomTensor(DType::kFloat, {3});
  OpTest("FusedBatchNorm")
      .Inputs({x, three, four, kNone, kNone})
      .ExpectError(kInvalid, "Dimensions must be equal, but are 4 and 3");
  OpTest("FusedBatchNorm")
      .Inputs({x, four, three, kNone, kNone})
      .ExpectError(kInvalid, "Dimensions must be equal, but are 4 and 3");
  OpTest("FusedBatchNorm")
      .Attr("is_training", false)
      .Inputs({x, four, four, three, four})
      .ExpectError(kInvalid, "Dimensions must be equal");
  OpTest("FusedBatchNorm")
      .Attr("is_training", false)
      .Inputs({x, four, four, four, kNone})
      .ExpectError(kInvalid, "Dimensions must be equal");
  OpTest("FusedBatchNorm")
      .Inputs({four, four, four, kNone, kNone})
      .ExpectError(kInvalid, "Shape must be rank 4 but is rank 1");
  OpTest("FusedBatchNorm")
      .Inputs({x, x, four, kNone, kNone})
      .ExpectError(kInvalid, "Shape must be rank 1 but is rank 4");
  OpTest("FusedBatchNormGrad")
      .Inputs({RandomTensor(DType::kFloat, {2, 3, 2, 4}), x, four, four, four})
      .ExpectError(kInvalid, "Dimensions must be equal, but y_backprop is");
  OpTest("FusedBatchNormGrad")
      .Inputs({x, x, four, four, three})
      .ExpectError(kInvalid, "Dimensions must be equal");
}

TEST(FusedBatchNorm, GradientNodes) {
  for (const bool training : {true, false}) {
    Graph graph(ops::Builtin());
    const Scope root = Scope::Root(graph);
    const auto input = [&](const TensorShape& shape) {
      return At(root).Node("Placeholder", {}, {{"dtype", DType::kFloat}, {"shape", shape}});
    };
    const Output x = input({2, 3, 3, 4}), scale = input({4}), offset = input({4}),
                 mean = input({4}), variance = input({4});
    const Outputs all =
        ops::FusedBatchNormV3(root, x, scale, offset, mean, variance, {.is_training = training});
    ASSERT_EQ(all.size(), 6u) << graph.status();
    const Outputs d = sluice::Gradients(root, {all[0]}, {x, scale, offset, mean});
    ASSERT_TRUE(graph.ok()) << graph.status();
    ASSERT_EQ(d[0].node()->op(), "FusedBatchNormGradV3");
    EXPECT_EQ(d[1].node(), d[0].node());
    EXPECT_EQ(d[2].node(), d[0].node());
    EXPECT_TRUE(d[3].empty());
    const Output statistics = d[0].node()->input(3);
    EXPECT_EQ(statistics, training ? all[3] : mean);
    EXPECT_EQ(d[0].node()->attr<bool>("is_training"), training);
  }
}

// L = sum of a*dx + b*dscale + c*doffset as a function of (dy, x, scale), the statistics being
// those of x in training: its derivatives against differences of the slow twin, in double.
TEST(FusedBatchNorm, SecondGradientIsNumeric) {
  const TensorShape image = {2, 3, 2, 2}, vector = {2};
  const Case c = {"", image};
  const ChannelShape s = c.shape();
  const Tensor a = RandomTensor(DType::kFloat, image, 11),
               b = RandomTensor(DType::kFloat, vector, 12),
               weights_c = RandomTensor(DType::kFloat, vector, 13);
  for (const bool training : {true, false}) {
    std::vector<Tensor> at = {RandomTensor(DType::kFloat, image, 1),
                              RandomTensor(DType::kFloat, image, 2),
                              RandomTensor(DType::kFloat, vector, 3)};
    const Moments given = {{0.25, -0.5}, {0.5, 1.5}};
    std::vector<std::vector<double>> point;
    for (const Tensor& t : at) point.push_back(ToDoubles(t));
    const auto loss = [&] {
      const Moments m = training ? NaiveMoments(s, point[1]) : given;
      const NaiveResult d = NaiveGradients(s, training, point[0], point[1], m, point[2], 0.01);
      double sum = 0;
      for (size_t i = 0; i < d.dx.size(); ++i) sum += ToDoubles(a)[i] * d.dx[i];
      for (size_t i = 0; i < d.dscale.size(); ++i) {
        sum += ToDoubles(b)[i] * d.dscale[i] + ToDoubles(weights_c)[i] * d.doffset[i];
      }
      return sum;
    };

    Graph graph(ops::Builtin());
    const Scope root = Scope::Root(graph);
    Feeds feeds;
    const auto input = [&](const Tensor& value) {
      feeds.push_back({At(root).Node("Placeholder", {}, {{"dtype", DType::kFloat}}), value});
      return feeds.back().first;
    };
    const Output dy = input(at[0]), x = input(at[1]), scale = input(at[2]);
    const Moments m = training ? NaiveMoments(s, point[1]) : given;
    const Output mean = input(FromDoubles(DType::kFloat, vector, m.mean)),
                 variance = input(FromDoubles(DType::kFloat, vector, m.variance));
    const Outputs d = ops::FusedBatchNormGrad(root, dy, x, scale, mean, variance,
                                              {.epsilon = 0.01f, .is_training = training});
    const Outputs second = sluice::Gradients(root, {d[0], d[1], d[2]}, {dy, x, scale},
                                             {.grad_ys = {input(a), input(b), input(weights_c)}});
    ASSERT_TRUE(graph.ok()) << graph.status();
    auto session = Session::Create(graph);
    ASSERT_TRUE(session.ok()) << session.status();
    const auto got = session->Run(feeds, second);
    ASSERT_TRUE(got.ok()) << got.status();
    for (size_t i = 0; i < point.size(); ++i) {
      std::vector<double> want(point[i].size());
      for (size_t k = 0; k < want.size(); ++k) {
        const double kept = std::exchange(point[i][k], point[i][k] + 1e-5), above = loss();
        point[i][k] = kept - 1e-5;
        want[k] = (above - loss()) / 2e-5;
        point[i][k] = kept;
      }
      ExpectClose((*got)[i], FromDoubles(DType::kFloat, at[i].shape(), want), {1e-3, 1e-3});
    }
  }
}

}  // namespace
}  // namespace sluice
