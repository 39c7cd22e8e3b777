// The workloads of benchmarks/: they are what they say, and a session's rewrites change none of
// their results.
#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "benchmarks/networks.h"
#include "benchmarks/workload.h"
#include "benchmarks/workload_check.h"
#include "gtest/gtest.h"
#include "ops/rewrites/all_rewrites.h"
#include "sluice.h"
#include "tests/testing/core/status_matchers.h"

namespace sluice::benchmarks {
namespace {

// Small enough to take milliseconds, large enough that batch normalization has something to do.
constexpr WorkloadOptions kSmall = {.side = 64, .divisor = 16};
constexpr int kBatch = 4;
constexpr double kTolerance = 1e-5;

std::vector<std::string> AllNames() {
  std::vector<std::string> names;
  for (const Network& n : Networks()) names.push_back(n.name + "_infer");
  for (const Network& n : Networks()) names.push_back(n.name + "_train");
  for (const Program& p : Programs()) names.push_back(p.name);
  return names;
}

bool IsProgram(const std::string& name) {
  return std::any_of(Programs().begin(), Programs().end(),
                     [&](const Program& p) { return name == p.name; });
}

Workload Make(const std::string& name, const WorkloadOptions& options) {
  absl::StatusOr<Workload> w = MakeWorkload(name, IsProgram(name) ? 1 : kBatch, options);
  EXPECT_THAT(w, IsOk());
  return w.ok() ? *std::move(w) : Workload();
}

// --- with and without rewrites ---

class RewritesTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    workload_ = Make(GetParam(), kSmall);
    ASSERT_NE(workload_.graph, nullptr);
  }
  void ExpectSame(const SessionOptions& a, const SessionOptions& b) {
    const auto d = Compare(workload_, a, b, /*runs=*/2);
    ASSERT_THAT(d, IsOk());
    EXPECT_LE(d->results.relative, kTolerance) << d->results.where;
    EXPECT_LE(d->variables.relative, kTolerance) << d->variables.where;
  }
  Workload workload_;
};

INSTANTIATE_TEST_SUITE_P(Workloads, RewritesTest, testing::ValuesIn(AllNames()),
                         [](const auto& info) { return info.param; });

TEST_P(RewritesTest, AllOrNone) {
  ExpectSame({.intra_op_threads = 1}, {.intra_op_threads = 1, .optimize = false});
}

TEST_P(RewritesTest, EachOff) {
  for (const Rewrite& rewrite : ops::AllRewrites()) {
    SCOPED_TRACE(rewrite.name);
    ExpectSame({.intra_op_threads = 1, .disabled_rewrites = {rewrite.name}},
               {.intra_op_threads = 1, .optimize = false});
  }
}

TEST_P(RewritesTest, TwoRunsOfTheSameAgreeBitForBit) {
  const auto d = Compare(workload_, {.intra_op_threads = 1}, {.intra_op_threads = 1}, /*runs=*/2);
  ASSERT_THAT(d, IsOk());
  EXPECT_EQ(d->results.relative, 0) << d->results.where;
  EXPECT_EQ(d->variables.relative, 0) << d->variables.where;
}

// --- what the workloads are ---

// Counted by hand from the definitions, or published with the networks (Keras' MobileNet,
// torchvision's ResNets).
TEST(Networks, HaveTheirParameters) {
  const std::pair<const char*, int64_t> kParameters[] = {
      {"mlp", 784 * 1024 + 1024 + 1024 * 1024 + 1024 + 1024 * 10 + 10},
      {"lenet", 25 * 32 + 32 + 25 * 32 * 64 + 64 + 3136 * 1024 + 1024 + 10240 + 10},
      {"mobilenet", 4231976},
      {"resnet18", 11689512},
      {"resnet50", 25557032},
      {"lstm", (256 + 256) * 1024 + 1024 + 256 * 10 + 10},
      {"sepconv", 896 + (9 * 32 + 32 * 64 + 64) + (9 * 64 + 64 * 128 + 128) + 1290},
      {"local2d", 900 * 72 * 16 + 900 * 16 + 170}};
  for (const auto& [name, parameters] : kParameters) {
    const absl::StatusOr<Workload> w = MakeWorkload(std::string(name) + "_train", 1);
    ASSERT_THAT(w, IsOk());
    int64_t found = 0;
    for (const Variable& v : w->graph->TrainableVariables()) found += v.shape().num_elements();
    EXPECT_EQ(found, parameters) << name;
  }
}

TEST(Networks, GiveLogitsOfTheirClasses) {
  for (const Network& n : Networks()) {
    const Workload w = Make(n.name + "_infer", kSmall);
    ASSERT_NE(w.graph, nullptr);
    auto session = Session::Create(*w.graph);
    ASSERT_THAT(session, IsOk());
    const auto logits = session->Run(w.feeds[0], w.fetches);
    ASSERT_THAT(logits, IsOk());
    EXPECT_EQ((*logits)[0].shape(), TensorShape({kBatch, n.classes})) << n.name;
  }
}

// Frozen or not, the same network.
TEST(Networks, FrozenOnesGiveTheSameLogits) {
  for (const Network& n : Networks()) {
    WorkloadOptions options = kSmall;
    std::vector<Tensor> logits;
    for (const bool freeze : {true, false}) {
      options.freeze = freeze;
      const Workload w = Make(n.name + "_infer", options);
      ASSERT_NE(w.graph, nullptr);
      auto session = Session::Create(*w.graph);
      ASSERT_THAT(session, IsOk());
      if (!w.init.empty()) {
        ASSERT_THAT(session->Run(w.init), IsOk());
      }
      const auto values = session->Run(w.feeds[0], w.fetches);
      ASSERT_THAT(values, IsOk());
      logits.push_back((*values)[0]);
    }
    Difference difference;
    difference.Add(n.name, logits[0], logits[1]);
    EXPECT_LE(difference.relative, kTolerance) << n.name;
  }
}

// Inputs and results of a small program.
struct Ran {
  std::vector<Tensor> inputs, results;
};
Ran RunProgram(const std::string& name) {
  const Workload w = Make(name, {.divisor = 64});
  Ran ran;
  if (w.graph == nullptr) return ran;
  auto session = Session::Create(*w.graph);
  EXPECT_THAT(session, IsOk());
  if (!session.ok()) return ran;
  const auto results = session->Run(w.feeds[0], w.fetches);
  EXPECT_THAT(results, IsOk());
  if (results.ok()) ran.results = *results;
  for (const auto& [tensor, value] : w.feeds[0]) ran.inputs.push_back(value);
  return ran;
}

// Element by element, `expected` of the elements of the inputs; within `tolerance` of 1.
template <typename F>
void ExpectElements(const std::string& name, double tolerance, F expected) {
  const Ran ran = RunProgram(name);
  ASSERT_FALSE(ran.results.empty());
  const Tensor& y = ran.results.back();
  for (int64_t i = 0; i < y.num_elements(); ++i) {
    const double x = ran.inputs[0].data<float>()[i];
    const double z = ran.inputs.size() > 1 ? ran.inputs[1].data<float>()[i] : 0;
    ASSERT_NEAR(y.data<float>()[i], expected(x, z), tolerance) << name << " element " << i;
  }
}

double GeluArgument(double x) { return 0.7978845608 * (x + 0.044715 * x * x * x); }

TEST(Programs, AreWhatTheySay) {
  ExpectElements("add1000_scalar", 0.1, [](double x, double c) { return x + 1000 * c; });
  ExpectElements("add1000_1024", 0.1, [](double x, double c) { return x + 1000 * c; });
  ExpectElements("matmul1000_8x8", 1e-3, [](double x, double) { return x; });  // c c = 1
  ExpectElements("ew8_1e7", 1e-5, [](double x, double z) {
    const double y = std::max(x * z + x, 0.0);
    return std::min(std::abs(y * y - z), 6.0) * 0.5;
  });
  ExpectElements("gelu_1e7", 1e-5,
                 [](double x, double) { return 0.5 * x * (1 + std::tanh(GeluArgument(x))); });
  ExpectElements("gelu_1e7_train", 1e-5, [](double x, double) {
    const double t = std::tanh(GeluArgument(x));
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * 0.7978845608 * (1 + 3 * 0.044715 * x * x);
  });
}

TEST(Programs, BadNamesAndBatches) {
  EXPECT_THAT(MakeWorkload("lenet", 1), StatusIs(absl::StatusCode::kNotFound, "\"lenet\""));
  EXPECT_THAT(MakeWorkload("lenet_infer", 0),
              StatusIs(absl::StatusCode::kInvalidArgument, "lenet_infer has no batch 0"));
  EXPECT_THAT(MakeWorkload("sum_1e7", 2),
              StatusIs(absl::StatusCode::kInvalidArgument, "sum_1e7 has no batch 2"));
}

// --- the comparison itself ---

TEST(Difference, IsRelativeToTheLargestElement) {
  Difference d;
  d.Add("small", Tensor::Of<float>({2}, {1, 100}), Tensor::Of<float>({2}, {2, 100}));
  EXPECT_DOUBLE_EQ(d.relative, 0.01);
  EXPECT_EQ(d.where, "small");
  d.Add("smaller", Tensor::Of<float>({1}, {1}), Tensor::Of<float>({1}, {1}));
  EXPECT_EQ(d.where, "small");
  d.Add("shape", Tensor::Of<float>({1}, {1}), Tensor::Of<float>({}, {1}));
  EXPECT_TRUE(std::isinf(d.relative));
}

TEST(Difference, NumbersMustBeFinite) {
  Difference d;
  d.Add("nan", Tensor::Of<float>({1}, {NAN}), Tensor::Of<float>({1}, {NAN}));
  EXPECT_TRUE(std::isinf(d.relative));
}

}  // namespace
}  // namespace sluice::benchmarks
