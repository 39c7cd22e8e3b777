// _FusedBatchNormEx and its gradient against the plain formulas in double; what the rewrite makes
// of graphs is in fuse_batch_norm_test.cc.
#include "ops/fused_batch_norm_ex.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/batch_norm_reference.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

struct Case {
  std::string name;
  TensorShape x;
  std::string mode = "Relu";
  bool side = true;
  bool more = false;  // a second incoming gradient
  bool training = true;
  std::string data_format = "NHWC";

  int64_t channels() const { return x.dim(data_format == "NHWC" ? 3 : 1); }
  ChannelShape shape() const {
    if (data_format == "NHWC") return {x.dim(0) * x.dim(1) * x.dim(2), x.dim(3), 1};
    return {x.dim(0), x.dim(1), x.dim(2) * x.dim(3)};
  }
};

const Case kCases[] = {
    {"residual", {2, 3, 2, 4}},
    {"residual_relu6", {2, 5, 3, 7}, "Relu6"},
    {"residual_bare", {2, 5, 3, 7}, "Identity"},
    {"relu", {2, 3, 5, 6}, "Relu", false},
    {"relu6", {2, 3, 5, 6}, "Relu6", false},
    {"relu_sum_of_gradients", {2, 3, 5, 6}, "Relu", false, true},
    {"residual_sum_of_gradients", {3, 4, 5, 9}, "Relu", true, true},
    {"residual_relu6_sum_of_gradients", {3, 4, 5, 9}, "Relu6", true, true},
    {"one_element", {1, 1, 1, 1}, "Relu", true, true, false},
    {"no_element", {0, 3, 3, 2}, "Relu", true, true, false},
    {"inference", {2, 5, 3, 7}, "Relu6", true, true, false},
    {"inference_relu", {2, 5, 3, 7}, "Relu", false, false, false},
    {"narrow_rows", {3, 17, 19, 32}, "Relu", true, true},
    {"odd_rows", {3, 17, 19, 33}, "Relu", true, true},
    {"wide_rows", {2, 9, 13, 130}, "Relu", false},
    {"several_blocks", {5, 31, 29, 64}, "Relu6", true, true},
    {"nchw", {2, 3, 4, 5}, "Relu", true, true, true, "NCHW"},
    {"nchw_relu6", {3, 5, 7, 11}, "Relu6", false, false, true, "NCHW"},
    {"nchw_large", {3, 2, 40, 37}, "Relu", true, false, true, "NCHW"},
};

class FusedBatchNormExTest : public ::testing::TestWithParam<Case> {
 protected:
  static constexpr float kEpsilon = 0.01f;

  void SetUp() override {
    const Case& c = GetParam();
    const ChannelShape s = c.shape();
    x_ = RandomTensor(DType::kFloat, c.x, 1, 2, 5);
    side_ = RandomTensor(DType::kFloat, c.x, 7, -2, 6);
    scale_ = RandomTensor(DType::kFloat, {s.channels}, 3, 0.5, 2);
    offset_ = RandomTensor(DType::kFloat, {s.channels}, 4, -1, 4);
    mean_ = RandomTensor(DType::kFloat, {s.channels}, 5, 2, 5);
    variance_ = RandomTensor(DType::kFloat, {s.channels}, 6, 0.5, 3);
    moments_ = c.training ? NaiveMoments(s, ToDoubles(x_))
                          : Moments{ToDoubles(mean_), ToDoubles(variance_)};
    z_ =
        NaiveNormalize(s, ToDoubles(x_), moments_, ToDoubles(scale_), ToDoubles(offset_), kEpsilon);
    const std::vector<double> side = ToDoubles(side_);
    for (size_t i = 0; i < z_.size(); ++i) z_[i] += c.side ? side[i] : 0;
  }
  static double Activate(double z) {
    const std::string& mode = GetParam().mode;
    if (mode == "Identity") return z;
    return mode == "Relu6" ? std::min(std::max(z, 0.0), 6.0) : std::max(z, 0.0);
  }
  static bool Passes(double z) {
    const std::string& mode = GetParam().mode;
    return mode == "Identity" || (z > 0 && (mode == "Relu" || z < 6));
  }
  Tensor Vector(const std::vector<double>& v) {
    return FromDoubles(DType::kFloat, {static_cast<int64_t>(v.size())}, v);
  }
  Tensor Image(const std::vector<double>& v) { return FromDoubles(DType::kFloat, GetParam().x, v); }
  std::vector<double> Activated() const {
    std::vector<double> y = z_;
    std::transform(y.begin(), y.end(), y.begin(), Activate);
    return y;
  }
  OpTest Op(const std::string& name, const char* file = __builtin_FILE(),
            int line = __builtin_LINE()) {
    const Case& c = GetParam();
    return std::move(OpTest(name, file, line)
                         .Attr("epsilon", kEpsilon)
                         .Attr("is_training", c.training)
                         .Attr("data_format", c.data_format)
                         .Attr("activation_mode", c.mode)
                         .Attr("num_side_inputs", int64_t{c.side}));
  }

  Tensor x_, side_, scale_, offset_, mean_, variance_;
  Moments moments_;
  std::vector<double> z_;  // before the activation
};

TEST_P(FusedBatchNormExTest, Forward) {
  const Case& c = GetParam();
  const ChannelShape s = c.shape();
  const Tensor none = Tensor::Zeros(DType::kFloat, {0});
  std::vector<Tensor> inputs = {x_, scale_, offset_, c.training ? none : mean_,
                                c.training ? none : variance_};
  if (c.side) inputs.push_back(side_);
  const double n = static_cast<double>(s.outer * s.inner);
  std::vector<double> corrected = moments_.variance;
  for (double& v : corrected) v *= c.training ? n / std::max(n - 1, 1.0) : 1;
  Op("_FusedBatchNormEx")
      .Inputs(inputs)
      .ExpectAll({Image(Activated()), Vector(moments_.mean), Vector(corrected),
                  Vector(moments_.mean), Vector(moments_.variance), Tensor::Scalar<float>(0)},
                 {2e-5, 2e-5});
}

TEST_P(FusedBatchNormExTest, Gradient) {
  const Case& c = GetParam();
  const ChannelShape s = c.shape();
  Tensor dy = RandomTensor(DType::kFloat, c.x, 11), more = RandomTensor(DType::kFloat, c.x, 12);
  // Nothing comes in where rounding decides on which side of a kink a value is.
  for (size_t i = 0; i < z_.size(); ++i) {
    if (std::abs(z_[i]) > 1e-3 && std::abs(z_[i] - 6) > 1e-3) continue;
    dy.mutable_data<float>()[i] = more.mutable_data<float>()[i] = 0;
  }
  std::vector<double> dz = ToDoubles(dy);
  const std::vector<double> second = ToDoubles(more);
  for (size_t i = 0; i < dz.size(); ++i) {
    dz[i] = Passes(z_[i]) ? dz[i] + (c.more ? second[i] : 0) : 0;
  }
  const NaiveResult d =
      NaiveGradients(s, c.training, dz, ToDoubles(x_), moments_, ToDoubles(scale_), kEpsilon);
  const Tensor none = Tensor::Zeros(DType::kFloat, {0});
  std::vector<Tensor> inputs = {dy,
                                x_,
                                scale_,
                                Vector(moments_.mean),
                                Vector(moments_.variance),
                                Tensor::Scalar<float>(0),
                                offset_,
                                Image(Activated())};
  if (c.more) inputs.push_back(more);
  std::vector<Tensor> want = {Image(d.dx), Vector(d.dscale), Vector(d.doffset), none, none};
  if (c.side) want.push_back(Image(dz));
  Op("_FusedBatchNormGradEx")
      .Attr("num_more_backprops", int64_t{c.more})
      .Inputs(inputs)
      .ExpectAll(want, {2e-4, 5e-4});
}

INSTANTIATE_TEST_SUITE_P(All, FusedBatchNormExTest, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

TEST(FusedBatchNormEx, ByHand) {
  // Columns {0, 2, 4} and {4, 8, 0}, normalized to about {-1.2, 0, 1.2} and {0, 1.2, -1.2}; plus 1.
  OpTest("_FusedBatchNormEx")
      .Attr("epsilon", 0.001f)
      .Attr("activation_mode", "Relu")
      .Attr("num_side_inputs", int64_t{1})
      .Input({3, 1, 1, 2}, {0, 4, 2, 8, 4, 0})
      .Input({2}, {1, 1})
      .Input({2}, {0, 0})
      .Input({0}, {})
      .Input({0}, {})
      .Input({3, 1, 1, 2}, {1, 1, 1, 1, 1, 1})
      .ExpectAll({Tensor::Of<float>({3, 1, 1, 2}, {0, 1, 1, 2.2246876f, 2.2245153f, 0}),
                  Tensor::Of<float>({2}, {2, 4}), Tensor::Of<float>({2}, {4, 16}),
                  Tensor::Of<float>({2}, {2, 4}), Tensor::Of<float>({2}, {2.6666667f, 10.666667f}),
                  Tensor::Scalar<float>(0)},
                 {1e-5, 1e-5});
}

TEST(FusedBatchNormEx, Errors) {
  const auto op = [](int64_t sides, const char* mode) {
    OpTest test("_FusedBatchNormEx");
    test.Attr("num_side_inputs", sides).Attr("activation_mode", mode);
    test.Input(RandomTensor(DType::kFloat, {2, 2, 2, 3}, 1));
    for (int i = 0; i < 4; ++i) test.Input(RandomTensor(DType::kFloat, {3}, i, 1, 2));
    return test;
  };
  op(1, "Relu")
      .Input(RandomTensor(DType::kFloat, {2, 2, 2, 4}, 1))
      .ExpectError(absl::StatusCode::kInvalidArgument, "Dimensions must be equal");
  op(0, "Elu").ExpectError(absl::StatusCode::kInvalidArgument, "activation_mode");
  const Tensor side = RandomTensor(DType::kFloat, {2, 2, 2, 3}, 1);
  op(2, "Relu").Input(side).Input(side).ExpectError(absl::StatusCode::kInvalidArgument,
                                                    "num_side_inputs");
}

}  // namespace
}  // namespace sluice
