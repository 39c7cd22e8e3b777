#include "ops/random.h"

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "core/random.h"
#include "graph/evaluate.h"
#include "graph/gradients.h"
#include "graph/graph.h"
#include "gtest/gtest.h"
#include "ops/all_ops.h"
#include "ops/placeholder.h"
#include "session/session.h"
#include "tests/testing/op_test.h"
#include "tests/testing/statistics.h"

namespace sluice {
namespace {

// What `fetch` is in a fresh session with so many threads, run by run.
std::vector<Tensor> RunTimes(const Output& fetch, int runs, int threads = 1) {
  absl::StatusOr<Session> session = Session::Create(*fetch.graph(), {.intra_op_threads = threads});
  std::vector<Tensor> results;
  if (!session.ok()) {
    ADD_FAILURE() << session.status();
    return results;
  }
  for (int i = 0; i < runs; ++i) {
    auto out = session->Run({}, {fetch});
    if (!out.ok()) {
      ADD_FAILURE() << out.status();
      return results;
    }
    results.push_back((*out)[0]);
  }
  return results;
}

using Builder = Output (*)(At, ops::Ints, ops::RandomOptions);
const std::map<std::string, Builder> kBuilders = {
    {"RandomUniform", ops::RandomUniform},
    {"RandomStandardNormal", ops::RandomStandardNormal},
    {"TruncatedNormal", ops::TruncatedNormal}};

TEST(Random, DistributionsHaveTheirMoments) {
  // Mean, variance, bounds. A normal cut at 2 has variance 1 - 4 phi(2) / (2 Phi(2) - 1) = 0.7737.
  const std::map<std::string, Statistics> want = {{"RandomUniform", {0.5, 1.0 / 12, 0, 1}},
                                                  {"RandomStandardNormal", {0, 1, -7, 7}},
                                                  {"TruncatedNormal", {0, 0.77374, -2, 2}}};
  for (const auto& [name, build] : kBuilders) {
    for (const DType dtype : {DType::kFloat, DType::kDouble, DType::kHalf, DType::kBfloat16}) {
      Graph graph(ops::Builtin());
      const Statistics got = StatisticsOf(ToDoubles(
          RunTimes(build(Scope::Root(graph), {250, 401}, {.dtype = dtype, .seed = 3}), 1).at(0)));
      const Statistics& expected = want.at(name);
      EXPECT_NEAR(got.mean, expected.mean, 0.015) << name << DTypeName(dtype);
      EXPECT_NEAR(got.variance, expected.variance, 0.02) << name << DTypeName(dtype);
      EXPECT_GE(got.low, expected.low) << name << DTypeName(dtype);
      const bool below_one = name != "RandomUniform" || got.high < 1;
      EXPECT_TRUE(below_one) << DTypeName(dtype) << " " << got.high;
      EXPECT_LE(got.high, expected.high) << name << DTypeName(dtype);
    }
  }
}

TEST(Random, NumbersAreThoseOfTheStream) {
  EvaluateOptions options;
  options.random_run = 5;
  const auto out =
      EvaluateOp(*ops::Builtin().Find("RandomUniform"),
                 {{"seed", 11}, {"seed2", 22}, {"dtype", DType::kFloat}, {"T", DType::kInt32}},
                 {Tensor::Of<int32_t>({2}, {3, 5})}, options);
  ASSERT_TRUE(out.ok()) << out.status();
  const Philox philox(MixSeeds(11, 22), 5);
  for (int i = 0; i < 15; ++i)
    EXPECT_EQ((*out)[0].data<float>()[i], UniformFloat(philox(i / 4)[i % 4]));
}

// In its first run an op draws from the Philox stream that its seeds name, as TensorFlow's. With
// the key and counter that tf.random.stateless_normal(shape=[2, 3], seed=[1, 2]) makes of its seed,
// it gives the numbers that TensorFlow's guide prints for that.
TEST(Random, TheFirstRunIsTensorFlows) {
  const Philox::Block mix = Philox(0x02461e293ec8f720, 2)(1);
  const auto seed = static_cast<int64_t>(mix[0] | uint64_t{mix[1]} << 32);
  const auto seed2 = static_cast<int64_t>(mix[2] | uint64_t{mix[3]} << 32);
  const auto out =
      EvaluateOp(*ops::Builtin().Find("RandomStandardNormal"),
                 {{"seed", seed}, {"seed2", seed2}, {"dtype", DType::kFloat}, {"T", DType::kInt32}},
                 {Tensor::Of<int32_t>({2}, {2, 3})});
  ASSERT_TRUE(out.ok()) << out.status();
  ExpectClose((*out)[0], Tensor::Of<float>({2, 3}, {0.5441101f, 0.20738031f, 0.07356433f,
                                                    0.04643455f, -1.3015898f, -0.95385665f}));
}

TEST(Random, SeedsRunsAndThreads) {
  for (const auto& [name, build] : kBuilders) {
    Graph graph(ops::Builtin());
    const Scope root = Scope::Root(graph);
    const Output a = build(root, {1000, 33}, {.seed = 1}),
                 other = build(root, {1000, 33}, {.seed = 2});
    const std::vector<Tensor> first = RunTimes(a, 2), second = RunTimes(a, 2, 2);
    ASSERT_EQ(first.size(), 2u);
    ASSERT_EQ(second.size(), 2u);
    EXPECT_TRUE(BitEqual(first[0], second[0])) << name;
    EXPECT_TRUE(BitEqual(first[1], second[1])) << name;
    EXPECT_FALSE(BitEqual(first[0], first[1])) << name;
    EXPECT_FALSE(BitEqual(first[0], RunTimes(other, 1).at(0))) << name;
  }
}

TEST(Random, WithoutSeedsSessionsAndOpsDiffer) {
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  const Output a = ops::RandomUniform(root, {100}), b = ops::RandomUniform(root, {100});
  EXPECT_FALSE(BitEqual(RunTimes(a, 1).at(0), RunTimes(a, 1).at(0)));
  auto session = Session::Create(graph);
  ASSERT_TRUE(session.ok()) << session.status();
  const auto out = session->Run({}, {a, b});
  ASSERT_TRUE(out.ok()) << out.status();
  EXPECT_FALSE(BitEqual((*out)[0], (*out)[1]));
}

TEST(Random, ResumesWithItsCounter) {
  Graph graph(ops::Builtin());
  const Output a = ops::RandomUniform(Scope::Root(graph), {100}, {.seed = 4});
  const std::vector<Tensor> all = RunTimes(a, 3);
  auto session = Session::Create(graph);
  ASSERT_TRUE(session.ok()) << session.status();
  session->set_random_run(2);
  EXPECT_TRUE(BitEqual((*session->Run({}, {a}))[0], all.at(2)));
}

TEST(Random, UniformIntCoversItsRange) {
  for (const DType dtype : {DType::kInt32, DType::kInt64}) {
    Graph graph(ops::Builtin());
    const Scope root = Scope::Root(graph);
    const Output x = ops::RandomUniformInt(root, {20000}, ops::ConstOf(root, dtype, -3),
                                           ops::ConstOf(root, dtype, 4), 9);
    std::map<int, int> counts;
    for (const double v : ToDoubles(RunTimes(x, 1).at(0))) ++counts[static_cast<int>(v)];
    ASSERT_EQ(counts.size(), 7u);
    EXPECT_EQ(counts.begin()->first, -3);
    EXPECT_EQ(counts.rbegin()->first, 3);
    for (const auto& [value, count] : counts) EXPECT_NEAR(count, 20000 / 7, 250) << value;
  }
}

TEST(Random, UniformIntOverTheWholeRange) {
  // maxval - minval passes the type's maximum.
  const auto out =
      EvaluateOp(*ops::Builtin().Find("RandomUniformInt"),
                 {{"Tout", DType::kInt32}, {"T", DType::kInt32}, {"seed", 1}},
                 {Tensor::Of<int32_t>({1}, {1000}), Tensor::Scalar<int32_t>(-2147483647 - 1),
                  Tensor::Scalar<int32_t>(2147483647)});
  ASSERT_TRUE(out.ok()) << out.status();
  const Statistics s = StatisticsOf(ToDoubles((*out)[0]));
  EXPECT_LT(s.low, -2e9);
  EXPECT_GT(s.high, 2e9);
}

TEST(Random, Errors) {
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  OpTest("RandomUniform")
      .Attr("dtype", DType::kFloat)
      .Input<int32_t>({2}, {2, -1})
      .ExpectError(kInvalid, "must be >= 0, got [2,?]");
  OpTest("RandomUniform")
      .Attr("dtype", DType::kFloat)
      .Input<int32_t>({1, 1}, {2})
      .ExpectError(kInvalid, "Shape must be rank 1");
  OpTest("RandomStandardNormal")
      .Attr("dtype", DType::kFloat)
      .Input<int64_t>({2}, {int64_t{1} << 31, int64_t{1} << 31})
      .ExpectError(kInvalid, "2147483648");
  OpTest("RandomUniformInt")
      .Input<int32_t>({1}, {2})
      .Input<int32_t>({}, {5})
      .Input<int32_t>({}, {5})
      .ExpectError(kInvalid, "Need minval < maxval, got 5 >= 5");
  OpTest("RandomUniformInt")
      .Input<int32_t>({1}, {2})
      .Input<int32_t>({1}, {4})
      .Input<int32_t>({}, {5})
      .ExpectError(kInvalid, "Shape must be rank 0 but is rank 1");
}

TEST(Random, EmptyAndScalarShapes) {
  for (const auto& [name, build] : kBuilders) {
    const auto empty = OpTest(name).Attr("dtype", DType::kFloat).Input<int32_t>({2}, {0, 3}).Run();
    ASSERT_TRUE(empty.ok()) << empty.status();
    EXPECT_EQ((*empty)[0].shape(), TensorShape({0, 3}));
    const auto scalar = OpTest(name).Attr("dtype", DType::kDouble).Input<int32_t>({0}, {}).Run();
    ASSERT_TRUE(scalar.ok()) << scalar.status();
    EXPECT_EQ((*scalar)[0].shape(), TensorShape());
  }
}

// --- dropout ---

class DropoutTest : public ::testing::Test {
 protected:
  // y and dy/dx of one run on ones.
  std::vector<Tensor> Run(const TensorShape& shape, const ops::DropoutOptions& options) {
    const Output x = ops::Placeholder(root_, DType::kFloat, shape);
    const Output y = ops::Dropout(root_, x, options);
    const Outputs dx = Gradients(root_, {y}, {x});
    auto session = Session::Create(graph_);
    if (!session.ok()) {
      ADD_FAILURE() << session.status();
      return {};
    }
    auto out = session->Run(
        {{x, FromDoubles(DType::kFloat, shape, std::vector<double>(shape.num_elements(), 1.0))}},
        {y, dx[0]});
    if (!out.ok()) {
      ADD_FAILURE() << out.status();
      return {};
    }
    return *out;
  }
  Graph graph_{ops::Builtin()};
  Scope root_ = Scope::Root(graph_);
};

TEST_F(DropoutTest, KeepsAShareAndScalesIt) {
  const std::vector<Tensor> out = Run({100, 401}, {.rate = 0.4f, .seed = 1});
  ASSERT_EQ(out.size(), 2u);
  int64_t kept = 0;
  for (const float v : out[0].flat<float>()) {
    if (v == 0) continue;
    EXPECT_NEAR(v, 1 / 0.6, 1e-5);
    ++kept;
  }
  EXPECT_NEAR(static_cast<double>(kept) / 40100, 0.6, 0.01);
  EXPECT_TRUE(IsClose(out[1], out[0]));  // the same mask and scale in the gradient
}

TEST_F(DropoutTest, NoiseShapeSharesTheMask) {
  const std::vector<Tensor> out = Run({20, 30}, {.rate = 0.5f, .noise_shape = {-1, 1}, .seed = 1});
  ASSERT_EQ(out.size(), 2u);
  int64_t rows_kept = 0;
  for (int i = 0; i < 20; ++i) {
    for (int j = 1; j < 30; ++j)
      EXPECT_EQ(out[0].data<float>()[i * 30 + j], out[0].data<float>()[i * 30]);
    rows_kept += out[0].data<float>()[i * 30] != 0;
  }
  EXPECT_GT(rows_kept, 0);
  EXPECT_LT(rows_kept, 20);
}

TEST_F(DropoutTest, RateZeroIsTheInput) {
  const Output x = ops::Placeholder(root_, DType::kFloat, {3});
  EXPECT_EQ(ops::Dropout(root_, x, {.rate = 0}), x);
}

TEST_F(DropoutTest, Errors) {
  const Output x = ops::Placeholder(root_, DType::kFloat, {3});
  EXPECT_TRUE(ops::Dropout(root_, x, {.rate = 1}).empty());
  EXPECT_NE(graph_.status().message().find("in the range [0, 1), got 1"), absl::string_view::npos)
      << graph_.status();
  Graph integers(ops::Builtin());
  const Output n = ops::Placeholder(Scope::Root(integers), DType::kInt32, {3});
  EXPECT_TRUE(ops::Dropout(Scope::Root(integers), n).empty());
  EXPECT_NE(integers.status().message().find("floating point tensor"), absl::string_view::npos)
      << integers.status();
}

}  // namespace
}  // namespace sluice
