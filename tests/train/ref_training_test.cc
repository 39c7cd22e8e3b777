// Training graphs as TensorFlow 1 wrote them by default: reference variables, in a session.
#include <string>
#include <utility>
#include <vector>

#include "graph/graph.h"
#include "graph/variable.h"
#include "gtest/gtest.h"
#include "ops/all_ops.h"
#include "session/session.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/core/tensors.h"

namespace sluice {
namespace {

using absl::StatusCode;

class RefTrainingTest : public ::testing::Test {
 protected:
  Output Constant(const Tensor& value) {
    return At(root_).Node("Const", {}, {{"value", value}, {"dtype", value.dtype()}});
  }
  Output Constant(float value) { return Constant(Tensor::Scalar(value)); }
  Output Variable(const std::string& name, const TensorShape& shape) {
    return At(root_.Named(name))
        .Node("VariableV2", {}, {{"dtype", DType::kFloat}, {"shape", shape}});
  }
  Output Read(const Output& ref) { return At(root_).Node("Identity", {ref}); }
  Session Start() {
    absl::StatusOr<Session> session = Session::Create(graph_);
    EXPECT_THAT(session, IsOk());
    return *std::move(session);
  }
  Tensor Value(Session& session, const Output& x) {
    const auto values = session.Run({}, {x});
    EXPECT_THAT(values, IsOk());
    return values.ok() ? (*values)[0] : Tensor();
  }
  Graph graph_{ops::Builtin()};
  Scope root_ = Scope::Root(graph_);
};

TEST_F(RefTrainingTest, GradientDescent) {
  const Output w = Variable("w", {2});
  const Output assign = At(root_).Node("Assign", {w, Constant(Tensor::Of<float>({2}, {1, 2}))});
  const Output read = Read(w);
  const Output train = At(root_).Node("ApplyGradientDescent", {w, Constant(.5f), read});
  ASSERT_EQ(graph_.status(), absl::OkStatus());
  EXPECT_EQ(read.shape(), TensorShape({2}));
  Session session = Start();
  EXPECT_THAT(session.Run({}, {read}),
              StatusIs(StatusCode::kFailedPrecondition, "Attempting to use uninitialized value w"));
  ASSERT_THAT(session.Run(assign), IsOk());
  ASSERT_THAT(session.Run(train), IsOk());
  ExpectClose(Value(session, read), Tensor::Of<float>({2}, {.5, 1}));
  // What an update returns is the variable after it.
  ExpectClose(Value(session, train), Tensor::Of<float>({2}, {.25, .5}));
  ExpectClose(Value(session, w), Tensor::Of<float>({2}, {.25, .5}));
}

TEST_F(RefTrainingTest, AReferenceGoesThroughSeveralUpdates) {
  const Output w = Variable("w", {});
  const Output first = At(root_).Node("Assign", {w, Constant(1)});
  const Output second = At(root_).Node("AssignAdd", {first, Constant(2)});
  const Output third = At(root_).Node("AssignSub", {second, Constant(.5f)});
  Session session = Start();
  EXPECT_EQ(Value(session, third).scalar<float>(), 2.5f);
  EXPECT_EQ(Value(session, w).scalar<float>(), 2.5f);
}

TEST_F(RefTrainingTest, Adam) {  // the numbers of rule OPT-12
  Outputs init, refs;
  for (const auto& [name, start] : std::vector<std::pair<std::string, float>>{
           {"w", .5f}, {"m", 0}, {"v", 0}, {"beta1_power", .9f}, {"beta2_power", .999f}}) {
    refs.push_back(Variable(name, {}));
    init.push_back(At(root_).Node("Assign", {refs.back(), Constant(start)}));
  }
  const Output beta1 = Constant(.9f), beta2 = Constant(.999f);
  const Output update =
      At(root_).Node("ApplyAdam", {refs[0], refs[1], refs[2], Read(refs[3]), Read(refs[4]),
                                   Constant(.001f), beta1, beta2, Constant(1e-8f), Constant(.2f)});
  const At after = root_.After({update});
  const auto advance = [&](const Output& power, const Output& beta) {
    const Output next = after.Node("Mul", {after.Node("Identity", {power}), beta});
    return after.Node("Assign", {power, next});
  };
  const Output train = Group(root_, {advance(refs[3], beta1), advance(refs[4], beta2)});
  Session session = Start();
  ASSERT_THAT(session.Run(Group(root_, init)), IsOk());
  ASSERT_THAT(session.Run(train), IsOk());
  EXPECT_NEAR(Value(session, refs[0]).scalar<float>(), .4990000016, 1e-7);
  ASSERT_THAT(session.Run(train), IsOk());
  EXPECT_NEAR(Value(session, refs[0]).scalar<float>(), .4980000027, 1e-7);
  EXPECT_NEAR(Value(session, refs[3]).scalar<float>(), .729, 1e-6);
}

}  // namespace
}  // namespace sluice
