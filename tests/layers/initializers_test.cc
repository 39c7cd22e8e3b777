// Rules IN-1 to IN-6 and IN-9.
#include "layers/initializers.h"

#include <algorithm>
#include <cmath>

#include "graph/node.h"
#include "layers/config.h"
#include "proto/config.pb.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/program/initializer_fixture.h"

namespace sluice::initializers {
namespace {

class InitializersTest : public InitializerFixture {};

TEST_F(InitializersTest, Fans) {  // IN-1
  using Fans = std::pair<double, double>;
  EXPECT_EQ(ComputeFans({}), Fans(1, 1));
  EXPECT_EQ(ComputeFans({7}), Fans(7, 7));
  EXPECT_EQ(ComputeFans({3, 5}), Fans(3, 5));
  EXPECT_EQ(ComputeFans({5, 5, 3, 8}), Fans(75, 200));
  EXPECT_EQ(ComputeFans({2, 3, 4, 5, 6}), Fans(120, 144));
}

TEST_F(InitializersTest, UniformLimits) {  // IN-2, IN-3; kernel [5, 5, 3, 8]: fans 75 and 200
  const TensorShape kernel = {5, 5, 3, 8};
  EXPECT_NEAR(ConstantBehind(GlorotUniform(), kernel, "random_uniform/max"), 0.147709789, 1e-8);
  EXPECT_NEAR(ConstantBehind(GlorotUniform(), kernel, "random_uniform/min"), -0.147709789, 1e-8);
  EXPECT_NEAR(ConstantBehind(HeUniform(), kernel, "random_uniform/max"), std::sqrt(6.0 / 75), 1e-7);
  EXPECT_NEAR(ConstantBehind(LecunUniform(), kernel, "random_uniform/max"), 0.2, 1e-7);
  EXPECT_NEAR(ConstantBehind(VarianceScaling({.scale = 6,
                                              .mode = FanMode::kFanOut,
                                              .distribution = Distribution::kUniform}),
                             kernel, "random_uniform/max"),
              0.3, 1e-7);
}

TEST_F(InitializersTest, NormalStddevs) {
  const TensorShape kernel = {5, 5, 3, 8};
  constexpr double kTruncated = 0.87962566103423978;
  const char* node = "truncated_normal/stddev";
  EXPECT_NEAR(ConstantBehind(GlorotNormal(), kernel, node), std::sqrt(2.0 / 275) / kTruncated,
              1e-7);
  EXPECT_NEAR(ConstantBehind(HeNormal(), kernel, node), std::sqrt(2.0 / 75) / kTruncated, 1e-7);
  EXPECT_NEAR(ConstantBehind(LecunNormal(), kernel, node), std::sqrt(1.0 / 75) / kTruncated, 1e-7);
  EXPECT_NEAR(ConstantBehind(VarianceScaling({.distribution = Distribution::kUntruncatedNormal}),
                             kernel, "random_normal/stddev"),
              std::sqrt(1.0 / 75), 1e-7);
  EXPECT_NEAR(ConstantBehind(TruncatedNormal(0.5, 0.1), kernel, "truncated_normal/mean"), 0.5,
              1e-7);
  EXPECT_NEAR(ConstantBehind(TruncatedNormal(0.5, 0.1), kernel, node), 0.1, 1e-7);
}

TEST_F(InitializersTest, SmallFansCountAsOne) {
  // Fan in 0: s = scale / max(1, 0).
  EXPECT_NEAR(ConstantBehind(LecunUniform(), {0, 4}, "random_uniform/max"), std::sqrt(3.0), 1e-6);
}

TEST_F(InitializersTest, ZerosAndOnes) {
  ExpectClose(ValueOf(Zeros(), {2, 2}), Tensor::Of<float>({2, 2}, {0, 0, 0, 0}));
  ExpectClose(ValueOf(Ones(), {3}, DType::kInt32), Tensor::Of<int32_t>({3}, {1, 1, 1}));
  const Tensor many = ValueOf(Ones(), {50, 40});  // more than fit a constant: filled
  EXPECT_EQ(std::count(many.flat<float>().begin(), many.flat<float>().end(), 1.0f), 2000);
}

TEST_F(InitializersTest, ConstantFillsRowMajorAndRepeatsTheLast) {  // IN-6
  ExpectClose(ValueOf(Constant(2.5), {2, 2}), Tensor::Of<float>({2, 2}, {2.5, 2.5, 2.5, 2.5}));
  ExpectClose(ValueOf(Constant({0, 1, 2, 3}), {2, 3}),
              Tensor::Of<float>({2, 3}, {0, 1, 2, 3, 3, 3}));
  ExpectClose(ValueOf(Constant({1, 2}), {2}, DType::kInt64), Tensor::Of<int64_t>({2}, {1, 2}));
  ExpectClose(ValueOf(Constant(7), {}), Tensor::Scalar<float>(7));
  EXPECT_EQ(ValueOf(Constant(7), {0, 3}).shape(), TensorShape({0, 3}));
  EXPECT_NE(graph_.FindNode("v0/Initializer/Const"), nullptr);
}

TEST_F(InitializersTest, TooManyConstantsAreRefused) {
  GetVariable(root_, "v", {.shape = {2, 3}, .initializer = Constant({0, 1, 2, 3, 4, 5, 6, 7})});
  ExpectInvalid("Too many elements provided. Needed at most 6, but received 8");
}

TEST_F(InitializersTest, NoConstantsAreRefused) {
  GetVariable(root_, "v", {.shape = {2}, .initializer = Constant(std::vector<double>{})});
  ExpectInvalid("No elements provided. Needed at most 2, but received 0");
}

TEST_F(InitializersTest, ConstantsOfStringsAreRefused) {
  GetVariable(root_, "v", {.shape = {2}, .dtype = DType::kString, .initializer = Constant(1)});
  ExpectInvalid("expected a numeric dtype, got string");
}

TEST_F(InitializersTest, ShapesOfConstantsMayBeVerified) {  // IN-6
  ExpectClose(
      ValueOf(Constant({1, 2, 3, 4, 5, 6}, {.verify_shape = true, .shape = {{2, 3}}}), {2, 3}),
      Tensor::Of<float>({2, 3}, {1, 2, 3, 4, 5, 6}));
  ExpectClose(ValueOf(Constant({1, 2}, {.verify_shape = true}), {2}),
              Tensor::Of<float>({2}, {1, 2}));
  ExpectClose(ValueOf(Constant(7, {.verify_shape = true}), {}), Tensor::Scalar<float>(7));
  GetVariable(
      root_, "v",
      {.shape = {3, 4}, .initializer = Constant({0, 1, 2, 3, 4, 5, 6, 7}, {.verify_shape = true})});
  ExpectInvalid("Expected Tensor's shape: (3, 4), got (8,).");
}

TEST_F(InitializersTest, AScalarHasNoShape) {
  GetVariable(root_, "v", {.shape = {3}, .initializer = Constant(1, {.verify_shape = true})});
  ExpectInvalid("Expected Tensor's shape: (3,), got ().");
}

TEST_F(InitializersTest, RandomUniformIsFrom0To1) {  // IN-5
  EXPECT_EQ(ConstantBehind(RandomUniform(), {2}, "random_uniform/min"), 0);
  EXPECT_EQ(ConstantBehind(RandomUniform(), {2}, "random_uniform/max"), 1);
  EXPECT_EQ(ConstantBehind(RandomUniform(-3), {2}, "random_uniform/max"), 1);
}

TEST_F(InitializersTest, RandomUniformIntegers) {
  for (const DType dtype : {DType::kInt32, DType::kInt64}) {
    const std::vector<double> values = ToDoubles(ValueOf(RandomUniform(-2, 3, 4), {1000}, dtype));
    std::vector<double> counts(5);
    for (const double v : values) ++counts.at(static_cast<size_t>(v + 2));
    for (const double count : counts) EXPECT_NEAR(count, 200, 60);  // 4.7 standard deviations
  }
}

TEST_F(InitializersTest, IntegersNeedABound) {
  GetVariable(root_, "v", {.shape = {2}, .dtype = DType::kInt32, .initializer = RandomUniform()});
  ExpectInvalid("Must specify maxval for integer dtype int32");
}

TEST_F(InitializersTest, ModesAreChecked) {
  GetVariable(root_, "v",
              {.shape = {2}, .initializer = VarianceScaling({.mode = static_cast<FanMode>(9)})});
  ExpectInvalid("Invalid `mode` argument");
}

TEST_F(InitializersTest, DistributionsAreChecked) {
  GetVariable(root_, "v",
              {.shape = {2},
               .initializer = VarianceScaling({.distribution = static_cast<Distribution>(-1)})});
  ExpectInvalid("Invalid `distribution` argument");
}

// The fans of the parts of a partitioned variable are those of the whole.
TEST_F(InitializersTest, PartsHaveTheFansOfTheWhole) {  // IN-1
  const PartitionInfo part = {.full_shape = {60, 40}, .var_offset = {30, 0}};
  HeUniform()(root_.Sub("part"), {30, 40}, DType::kFloat, &part);
  const auto limit = graph_.FindTensor("part/random_uniform/max:0");
  ASSERT_THAT(limit, IsOk());
  EXPECT_NEAR(graph_.ConstantValue(*limit)->scalar<float>(), std::sqrt(6.0 / 60), 1e-7);
}

// --- by name and by config ---

TEST_F(InitializersTest, KerasNamesHaveKerasDefaults) {
  const TensorShape kernel = {5, 5, 3, 8};
  struct Case {
    const char *name, *node;
    double want;
  };
  const std::vector<Case> cases = {
      {"glorot_uniform", "random_uniform/max", 0.147709789},
      {"GlorotUniform", "random_uniform/min", -0.147709789},
      {"glorot_normal", "truncated_normal/stddev", std::sqrt(2.0 / 275) / 0.87962566103423978},
      {"he_uniform", "random_uniform/max", std::sqrt(6.0 / 75)},
      {"he_normal", "truncated_normal/stddev", std::sqrt(2.0 / 75) / 0.87962566103423978},
      {"lecun_uniform", "random_uniform/max", 0.2},
      {"lecun_normal", "truncated_normal/stddev", std::sqrt(1.0 / 75) / 0.87962566103423978},
      {"variance_scaling", "truncated_normal/stddev", std::sqrt(1.0 / 75) / 0.87962566103423978},
      {"uniform", "random_uniform/max", 0.05},
      {"random_uniform", "random_uniform/min", -0.05},
      {"RandomUniform", "random_uniform/max", 0.05},
      {"normal", "random_normal/stddev", 0.05},
      {"random_normal", "random_normal/mean", 0},
      {"truncated_normal", "truncated_normal/stddev", 0.05}};
  for (const Case& c : cases) {
    const auto initializer = Get(c.name);
    ASSERT_THAT(initializer, IsOk()) << c.name;
    EXPECT_NEAR(ConstantBehind(*initializer, kernel, c.node), c.want, 1e-7) << c.name;
  }
  ExpectClose(ValueOf(*Get("zeros"), {2}), Tensor::Of<float>({2}, {0, 0}));
  ExpectClose(ValueOf(*Get("Ones"), {2}), Tensor::Of<float>({2}, {1, 1}));
  ExpectClose(ValueOf(*Get("constant"), {2}), Tensor::Of<float>({2}, {0, 0}));
  ExpectClose(ValueOf(*Get("identity"), {2, 2}), Tensor::Of<float>({2, 2}, {1, 0, 0, 1}));
  EXPECT_THAT(Get("orthogonal"), IsOk());
  EXPECT_THAT(Get("glorot"),
              StatusIs(absl::StatusCode::kInvalidArgument, "Unknown initializer: glorot"));
}

// An initializer made from the config of another builds the same nodes.
TEST_F(InitializersTest, ConfigsRebuildEqualInitializers) {
  struct Case {
    const char* class_name;
    Initializer initializer;
  };
  const std::vector<Case> cases = {
      {"Zeros", Zeros()},
      {"Ones", Ones()},
      {"Constant", Constant(2.5)},
      {"Constant", Constant({1, 2, 3, 4, 5, 6}, {.verify_shape = true, .shape = {{2, 3}}})},
      {"RandomUniform", RandomUniform(-1, 2, 7)},
      {"RandomUniform", RandomUniform()},
      {"RandomNormal", RandomNormal(1, 2, 8)},
      {"TruncatedNormal", TruncatedNormal(1, 2, 9)},
      {"VarianceScaling", VarianceScaling({.scale = 3,
                                           .mode = FanMode::kFanOut,
                                           .distribution = Distribution::kUniform,
                                           .seed = 4})},
      {"VarianceScaling", HeNormal(5)},
      {"Orthogonal", Orthogonal(2, 6)},
      {"Identity", Identity(3)},
      {"UniformUnitScaling", UniformUnitScaling(1.5, 3)},
      {"ContribVarianceScaling",
       ContribVarianceScaling({.factor = 3, .mode = FanMode::kFanOut, .uniform = true, .seed = 2})},
      {"ContribVarianceScaling", Xavier(false, 1)}};
  for (const Case& c : cases) {
    SCOPED_TRACE(c.class_name);
    ASSERT_NE(c.initializer.config(), nullptr);
    EXPECT_EQ(c.initializer.config()->class_name, c.class_name);
    const Config stored = layers::ConfigFromProto(layers::ConfigToProto(*c.initializer.config()));
    const auto again = layers::InitializerFromConfig(stored);
    ASSERT_THAT(again, IsOk());
    ASSERT_NE(again->config(), nullptr);
    EXPECT_EQ(again->config()->class_name, c.class_name);
    EXPECT_EQ(again->config()->fields.size(), c.initializer.config()->fields.size());
    graph_.SetSeed(1);
    const int first = graph_.num_nodes();
    c.initializer(root_.Sub(""), {2, 3}, DType::kFloat);
    const int second = graph_.num_nodes();
    (*again)(root_.Sub(""), {2, 3}, DType::kFloat);
    ASSERT_THAT(graph_.status(), IsOk());
    ASSERT_EQ(graph_.num_nodes() - second, second - first);
    for (int i = 0; i < second - first; ++i) {
      const Node &a = *graph_.node(first + i), &b = *graph_.node(second + i);
      EXPECT_EQ(a.op(), b.op());
      if (a.op() == "Const") {
        EXPECT_TRUE(BitEqual(*graph_.ConstantValue(Output(graph_.node(first + i), 0)),
                             *graph_.ConstantValue(Output(graph_.node(second + i), 0))));
      }
    }
  }
}

TEST_F(InitializersTest, ConfigsOfKerasClasses) {
  const Config config = {"HeUniform", {{"seed", int64_t{5}}}};
  const auto initializer = layers::InitializerFromConfig(config);
  ASSERT_THAT(initializer, IsOk());
  EXPECT_TRUE(BitEqual(ValueOf(*initializer, {4, 4}), ValueOf(HeUniform(5), {4, 4})));
  EXPECT_THAT(layers::InitializerFromConfig(Config{"Foo"}),
              StatusIs(absl::StatusCode::kInvalidArgument, "Unknown initializer: Foo"));
  EXPECT_FALSE(layers::InitializerFromConfig(Config{"HeUniform", {{"bad", true}}}).ok());
}

TEST_F(InitializersTest, ScaleMustBePositive) {
  GetVariable(root_, "v", {.shape = {2}, .initializer = VarianceScaling({.scale = 0})});
  ExpectInvalid("`scale` must be positive float, got 0");
}

TEST_F(InitializersTest, NormalsNeedAFloatingDtype) {
  GetVariable(root_, "v", {.shape = {2}, .dtype = DType::kInt32, .initializer = TruncatedNormal()});
  ExpectInvalid("Expected floating point type, got int32.");
}

TEST_F(InitializersTest, UniformNeedsAFloatingDtype) {
  GetVariable(root_, "v", {.shape = {2}, .dtype = DType::kInt32, .initializer = GlorotUniform()});
  ExpectInvalid("int32");
}

struct Moments {
  double mean = 0, stddev = 0, low = 0, high = 0;
};
Moments MomentsOf(const Tensor& t) {
  const std::vector<double> values = ToDoubles(t);
  Moments m{.low = values.at(0), .high = values.at(0)};
  for (double v : values) {
    m.mean += v / static_cast<double>(values.size());
    m.low = std::min(m.low, v);
    m.high = std::max(m.high, v);
  }
  for (double v : values)
    m.stddev += (v - m.mean) * (v - m.mean) / static_cast<double>(values.size());
  m.stddev = std::sqrt(m.stddev);
  return m;
}

// 40,000 values with fixed seeds: the mean is within 5 standard errors, the deviation within 3 %.
TEST_F(InitializersTest, UniformDistribution) {
  const Moments m = MomentsOf(ValueOf(RandomUniform(-2, 4, 1), {200, 200}));
  EXPECT_NEAR(m.mean, 1, 5 * std::sqrt(3.0) / 200);
  EXPECT_NEAR(m.stddev, std::sqrt(3.0), 0.03 * std::sqrt(3.0));
  EXPECT_GE(m.low, -2);
  EXPECT_LT(m.high, 4);
}

TEST_F(InitializersTest, NormalDistribution) {
  const Moments m = MomentsOf(ValueOf(RandomNormal(1, 0.5, 1), {200, 200}));
  EXPECT_NEAR(m.mean, 1, 5 * 0.5 / 200);
  EXPECT_NEAR(m.stddev, 0.5, 0.015);
  EXPECT_LT(m.low, 0);  // 2 standard deviations are passed
  EXPECT_GT(m.high, 2);
}

TEST_F(InitializersTest, TruncatedNormalDistribution) {
  // He normal of fan 200: standard deviation sqrt(2 / 200) = 0.1 after truncation at
  // 2 * 0.1 / 0.8796.
  const Moments m = MomentsOf(ValueOf(HeNormal(1), {200, 200}));
  EXPECT_NEAR(m.mean, 0, 5 * 0.1 / 200);
  EXPECT_NEAR(m.stddev, 0.1, 0.003);
  EXPECT_LE(m.high, 0.2 / 0.8796);
  EXPECT_GE(m.low, -0.2 / 0.8796);
  EXPECT_GT(m.high, 0.2);
}

TEST_F(InitializersTest, OneSeedOneValue) {  // IN-9
  const Tensor a = ValueOf(GlorotUniform(5), {4, 4}), b = ValueOf(GlorotUniform(5), {4, 4});
  const Tensor c = ValueOf(GlorotUniform(6), {4, 4});
  EXPECT_TRUE(BitEqual(a, b));
  EXPECT_FALSE(BitEqual(a, c));
}

TEST_F(InitializersTest, TheGraphsSeedGivesEveryVariableItsOwn) {
  const auto values = [](int64_t seed) {
    Graph graph(ops::Builtin());
    graph.SetSeed(seed);
    const Scope root = Scope::Root(graph);
    const Variable a = GetVariable(root, "a", {.shape = {4, 4}});
    const Variable b = GetVariable(root, "b", {.shape = {4, 4}});
    const Output init = GlobalVariablesInitializer(root);
    absl::StatusOr<Session> session = Session::Create(graph, {.intra_op_threads = 1});
    EXPECT_THAT(session, IsOk());
    EXPECT_THAT(session->Run(init), IsOk());
    return *session->Run({}, Outputs{a.value(), b.value()});
  };
  const auto first = values(3), second = values(3), other = values(4);
  EXPECT_FALSE(BitEqual(first[0], first[1]));
  EXPECT_TRUE(BitEqual(first[0], second[0]));
  EXPECT_TRUE(BitEqual(first[1], second[1]));
  EXPECT_FALSE(BitEqual(first[0], other[0]));
}

}  // namespace
}  // namespace sluice::initializers
