// What tests of layers and losses start from: a graph over all our ops and short ways to look at it
// and run it.
#ifndef SLUICE_TESTS_TESTING_PROGRAM_PROGRAM_FIXTURE_H_
#define SLUICE_TESTS_TESTING_PROGRAM_PROGRAM_FIXTURE_H_

#include <optional>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "graph/variable.h"
#include "gtest/gtest.h"
#include "ops/all_ops.h"
#include "ops/const.h"
#include "ops/placeholder.h"
#include "session/session.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/core/tensors.h"

namespace sluice {

using Strings = std::vector<std::string>;

class ProgramFixture : public ::testing::Test {
 protected:
  Output Input(const TensorShape& shape, DType dtype = DType::kFloat) {
    return ops::Placeholder(root_, dtype, shape);
  }
  Output Values(const TensorShape& shape, std::initializer_list<float> values) {
    return ops::Const<float>(root_, values, shape);
  }

  // Names of all nodes, in the order in which they were made, from node `first` on.
  Strings NodeNames(int first = 0) const {
    Strings names;
    for (int i = first; i < graph_.num_nodes(); ++i) names.push_back(graph_.node(i)->name());
    return names;
  }
  static Strings Names(const std::vector<Variable>& variables) {
    Strings names;
    for (const Variable& v : variables) names.push_back(v.name());
    return names;
  }
  static Strings Names(const Outputs& outputs) {
    Strings names;
    for (const Output& o : outputs) names.push_back(o.name());
    return names;
  }

  // The values of `fetches` in the fixture's one session, whose variables are initialized first.
  // All empty, and a failed test, when anything fails.
  std::vector<Tensor> Run(const Outputs& fetches, const Feeds& feeds = {}) {
    absl::StatusOr<std::vector<Tensor>> results = TryRun(fetches, feeds);
    EXPECT_THAT(results, IsOk());
    return results.ok() ? *std::move(results) : std::vector<Tensor>(fetches.size());
  }
  Tensor Run(const Output& fetch, const Feeds& feeds = {}) { return Run(Outputs{fetch}, feeds)[0]; }
  absl::StatusOr<std::vector<Tensor>> TryRun(const Outputs& fetches, const Feeds& feeds = {}) {
    if (!session_.has_value()) {
      const Output init = GlobalVariablesInitializer(root_);
      absl::StatusOr<Session> session = Session::Create(graph_, {.intra_op_threads = 1});
      if (!session.ok()) return session.status();
      session_.emplace(*std::move(session));
      const absl::Status initialized = session_->Run(init);
      if (!initialized.ok()) return initialized;
    }
    return session_->Run(feeds, fetches);
  }

  void ExpectError(absl::StatusCode code, const std::string& text) {
    EXPECT_THAT(graph_.status(), StatusIs(code, text));
  }
  void ExpectInvalid(const std::string& text) {
    ExpectError(absl::StatusCode::kInvalidArgument, text);
  }

  Graph graph_{ops::Builtin()};
  Scope root_ = Scope::Root(graph_);
  std::optional<Session> session_;
};

}  // namespace sluice

#endif  // SLUICE_TESTS_TESTING_PROGRAM_PROGRAM_FIXTURE_H_
