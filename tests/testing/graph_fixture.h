// A graph with all ops, and short ways to make variables and look at them.
#ifndef SLUICE_TESTS_TESTING_GRAPH_FIXTURE_H_
#define SLUICE_TESTS_TESTING_GRAPH_FIXTURE_H_

#include <string>
#include <vector>

#include "graph/graph.h"
#include "gtest/gtest.h"
#include "ops/all_ops.h"
#include "session/session.h"
#include "tests/testing/core/status_matchers.h"

namespace sluice {

class GraphFixture : public ::testing::Test {
 protected:
  Graph graph_{ops::Builtin()};
  Scope root_ = Scope::Root(graph_);

  Variable Get(At at, const char* name, TensorShape shape = {1}) {
    return GetVariable(at, name, {.shape = shape, .initializer = ZerosInitializer});
  }
  std::vector<std::string> NodeNames() const {
    std::vector<std::string> names;
    for (int i = 0; i < graph_.num_nodes(); ++i) names.push_back(graph_.node(i)->name());
    return names;
  }
  static std::vector<std::string> Names(const std::vector<Variable>& variables) {
    std::vector<std::string> names;
    for (const Variable& v : variables) names.push_back(v.name());
    return names;
  }
  // The elements of `fetch` after runs of `steps`, one after another, in a new session.
  std::vector<float> Values(const Outputs& steps, const Output& fetch) {
    Session session = *Session::Create(graph_);
    for (const Output& step : steps) EXPECT_THAT(session.Run(step), IsOk());
    const auto out = session.Run({}, {fetch});
    EXPECT_THAT(out, IsOk());
    if (!out.ok()) return {};
    const auto span = (*out)[0].flat<float>();
    return {span.begin(), span.end()};
  }
  void ExpectError(absl::StatusCode code, const char* text) {
    EXPECT_THAT(graph_.status(), StatusIs(code, text));
  }
};

}  // namespace sluice

#endif  // SLUICE_TESTS_TESTING_GRAPH_FIXTURE_H_
