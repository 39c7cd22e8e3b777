// For tests of rewrites: which ops a plan runs, and its results with and without a rewrite.
#ifndef SLUICE_TESTS_TESTING_REWRITE_FIXTURE_H_
#define SLUICE_TESTS_TESTING_REWRITE_FIXTURE_H_

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "graph/graph.h"
#include "graph/scope.h"
#include "gtest/gtest.h"
#include "ops/all_ops.h"
#include "session/compiler.h"
#include "session/session.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/core/tensors.h"

namespace sluice {

class RewriteFixture : public ::testing::Test {
 protected:
  // The ops of the plan's kernels, in the order in which they run.
  std::vector<std::string> PlanOps(const Feeds& feeds, const Outputs& fetches) {
    SessionState state(MemoryBudget::DefaultLimit());
    const auto program = Compile(state, {feeds, fetches, false});
    EXPECT_THAT(program, IsOk());
    std::vector<std::string> ops;
    if (!program.ok()) return ops;
    for (const ProgramStep& step : program->steps) {
      if (step.kind == StepKind::kKernel) ops.push_back(step.node->op());
    }
    return ops;
  }
  int64_t CountOp(const Feeds& feeds, const Outputs& fetches, absl::string_view op) {
    const std::vector<std::string> ops = PlanOps(feeds, fetches);
    return std::count(ops.begin(), ops.end(), op);
  }

  // The results of a plan, which a plan without `rewrite` must give as well.
  std::vector<Tensor> SameWithout(const std::string& rewrite, const Feeds& feeds,
                                  const Outputs& fetches, Tolerance tolerance = {1e-5, 1e-5}) {
    const std::vector<Tensor> with = Results(feeds, fetches, {});
    const std::vector<Tensor> without = Results(feeds, fetches, {.disabled_rewrites = {rewrite}});
    for (size_t i = 0; i < with.size() && i < without.size(); ++i) {
      ExpectClose(with[i], without[i], tolerance, "fetch " + std::to_string(i));
    }
    return with;
  }
  std::vector<Tensor> Results(const Feeds& feeds, const Outputs& fetches, SessionOptions options) {
    auto session = Session::Create(graph_, options);
    EXPECT_THAT(session, IsOk());
    if (!session.ok()) return {};
    auto results = session->Run(feeds, fetches);
    EXPECT_THAT(results, IsOk());
    return results.ok() ? *std::move(results) : std::vector<Tensor>();
  }

  Graph graph_{ops::Builtin()};
  Scope root_ = Scope::Root(graph_);
};

}  // namespace sluice

#endif  // SLUICE_TESTS_TESTING_REWRITE_FIXTURE_H_
