// SessionOptions::deterministic: training gives the same bits on one thread and on two.
#include <ostream>
#include <string>
#include <vector>

#include "benchmarks/workload.h"
#include "gtest/gtest.h"
#include "session/session.h"
#include "tests/testing/core/status_matchers.h"

namespace sluice {
namespace {

struct Case {
  const char* workload;
  int batch;
  int64_t side, divisor;  // benchmarks/workload.h
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.workload; }

class DeterministicTest : public ::testing::TestWithParam<Case> {
 protected:
  // What the fetches give in each of three steps, then the value of every variable.
  std::vector<Tensor> Train(int threads) {
    const Case& c = GetParam();
    const auto workload =
        benchmarks::MakeWorkload(c.workload, c.batch, {.side = c.side, .divisor = c.divisor});
    EXPECT_THAT(workload, IsOk());
    if (!workload.ok()) return {};
    auto session =
        Session::Create(*workload->graph, {.intra_op_threads = threads, .deterministic = true});
    EXPECT_THAT(session, IsOk());
    EXPECT_THAT(session->Run(workload->init), IsOk());
    std::vector<Tensor> values;
    for (int step = 0; step < 3; ++step) {
      const auto results = session->Run(workload->feeds[0], workload->fetches);
      EXPECT_THAT(results, IsOk());
      if (results.ok()) values.insert(values.end(), results->begin(), results->end());
    }
    for (const Variable& v : workload->graph->GlobalVariables()) {
      const auto value = session->Run({}, {v.value()});
      EXPECT_THAT(value, IsOk());
      if (value.ok()) values.push_back((*value)[0]);
    }
    return values;
  }
};

TEST_P(DeterministicTest, TrainingDoesNotDependOnTheNumberOfThreads) {
  const std::vector<Tensor> one = Train(1), two = Train(2), three = Train(3);
  ASSERT_GT(one.size(), 4u);
  ASSERT_EQ(two.size(), one.size());
  ASSERT_EQ(three.size(), one.size());
  for (size_t i = 0; i < one.size(); ++i) {
    if (one[i].empty_handle()) continue;  // the training operation
    EXPECT_TRUE(BitEqual(one[i], two[i]))
        << i << ": " << one[i].DebugString() << " and " << two[i].DebugString();
    EXPECT_TRUE(BitEqual(one[i], three[i])) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Workloads, DeterministicTest,
    ::testing::Values(Case{"mlp_train", 32, 0, 2}, Case{"lenet_train", 16, 0, 1},
                      Case{"mobilenet_train", 4, 64, 2}, Case{"resnet18_train", 4, 64, 2},
                      Case{"resnet50_train", 2, 64, 4}, Case{"lstm_train", 16, 10, 1},
                      Case{"sepconv_train", 16, 0, 1}, Case{"local2d_train", 16, 0, 1}),
    [](const auto& info) { return std::string(info.param.workload); });

}  // namespace
}  // namespace sluice
