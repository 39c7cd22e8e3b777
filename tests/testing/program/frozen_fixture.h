// What tests of frozen graphs start from: a network with variables that are not at their initial
// values, frozen, and run beside the session that it comes from.
#ifndef SLUICE_TESTS_TESTING_PROGRAM_FROZEN_FIXTURE_H_
#define SLUICE_TESTS_TESTING_PROGRAM_FROZEN_FIXTURE_H_

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "graph/graph_def.h"
#include "ops/identity.h"
#include "proto/graph.pb.h"
#include "tests/testing/program/names.h"
#include "train/freeze_for_inference.h"

namespace sluice {

// The value of "name" or "name:k" in `def`; empty, and a failed test, on an error.
inline Tensor RunDef(const proto::GraphDef& def, const std::string& name,
                     const std::vector<std::pair<std::string, Tensor>>& feeds) {
  Graph graph(ops::Builtin());
  EXPECT_THAT(ImportGraphDef(def, &graph), IsOk());
  absl::StatusOr<Session> session = Session::Create(graph, {.intra_op_threads = 1});
  EXPECT_THAT(session, IsOk());
  Feeds fed;
  for (const auto& [tensor, value] : feeds) fed.push_back({*graph.FindTensor(tensor), value});
  const absl::StatusOr<Output> fetch =
      graph.FindTensor(absl::StrContains(name, ":") ? name : absl::StrCat(name, ":0"));
  EXPECT_THAT(fetch, IsOk());
  if (!session.ok() || !fetch.ok()) return Tensor();
  absl::StatusOr<std::vector<Tensor>> results = session->Run(fed, {*fetch});
  EXPECT_THAT(results, IsOk());
  return results.ok() ? (*results)[0] : Tensor();
}

// "name Op" per node.
inline Strings Listing(const proto::GraphDef& def) {
  Strings lines;
  for (const proto::NodeDef& node : def.node()) lines.push_back(node.name() + " " + node.op());
  return lines;
}
inline int CountOps(const proto::GraphDef& def, const std::string& op) {
  int count = 0;
  for (const proto::NodeDef& node : def.node()) count += node.op() == op;
  return count;
}
inline const proto::NodeDef* FindNode(const proto::GraphDef& def, const std::string& name) {
  for (const proto::NodeDef& node : def.node()) {
    if (node.name() == name) return &node;
  }
  return nullptr;
}

class FrozenFixture : public NamesFixture {
 protected:
  // Gives every variable but kernels random values, variances and factors positive ones.
  void Trained() {
    Run(ops::NoOp(root_));
    uint64_t seed = 100;
    for (const Variable& v : graph_.GlobalVariables()) {
      const bool positive =
          absl::StrContains(v.name(), "variance") || absl::StrContains(v.name(), "gamma");
      if (absl::StrContains(v.name(), "kernel")) continue;
      const Tensor value = RandomTensor(v.dtype(), v.shape(), ++seed, positive ? 0.5 : -0.5, 1.5);
      Run(v.Assign(root_, At(root_).Node("Const", {}, {{"value", value}, {"dtype", v.dtype()}})));
    }
  }
  proto::GraphDef Frozen(const Outputs& outputs, const train::InferenceOptions& options = {}) {
    proto::GraphDef def;
    EXPECT_THAT(train::FreezeForInference(*session_, outputs, &def, options, &report_), IsOk());
    return def;
  }
  // Freezes `y` and checks that its values for a random input stay.
  proto::GraphDef Checked(const Output& x, const Output& y, const TensorShape& shape,
                          const train::InferenceOptions& options = {}) {
    EXPECT_TRUE(graph_.ok()) << graph_.status();
    if (!session_.has_value()) Trained();
    const Tensor input = RandomTensor(x.dtype(), shape, 7);
    const proto::GraphDef def = Frozen({y}, options);
    ExpectClose(RunDef(def, y.name(), {{x.name(), input}}), Run(y, {{x, input}}),
                {.rtol = 1e-5, .atol = 1e-5});
    return def;
  }

  train::InferenceReport report_;
};

}  // namespace sluice

#endif  // SLUICE_TESTS_TESTING_PROGRAM_FROZEN_FIXTURE_H_
