// get_variable, variable scopes and collections: rules VAR-1 to VAR-9, VS-1 to VS-30. Expected
// names are TensorFlow's.
#include "graph/variable.h"

#include "graph/graph.h"
#include "gtest/gtest.h"
#include "ops/all_ops.h"
#include "ops/const.h"
#include "tests/testing/core/status_matchers.h"

namespace sluice {
namespace {

class VariableTest : public testing::Test {
 protected:
  Graph graph_{ops::Builtin()};
  Scope root_ = Scope::Root(graph_);

  Variable Get(const Scope& scope, const char* name, TensorShape shape = {1}) {
    return GetVariable(scope, name, {.shape = shape, .initializer = ZerosInitializer});
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
  void ExpectError(absl::StatusCode code, const char* text) {
    EXPECT_THAT(graph_.status(), StatusIs(code, text));
  }
};

TEST_F(VariableTest, NodesOfASmallConstantVariable) {  // VAR-1, VAR-2
  const Variable v = Get(root_, "v");
  EXPECT_EQ(NodeNames(), (std::vector<std::string>{"v/Initializer/zeros", "v",
                                                   "v/IsInitialized/VarIsInitializedOp", "v/Assign",
                                                   "v/Read/ReadVariableOp"}));
  EXPECT_EQ(v.name(), "v:0");
  EXPECT_EQ(v.handle().node()->op(), "VarHandleOp");
  EXPECT_EQ(v.handle().node()->attr<std::string>("shared_name"), "v");
  EXPECT_EQ(v.value().shape(), TensorShape({1}));
  EXPECT_EQ(v.initial_value().name(), "v/Initializer/zeros:0");
  EXPECT_EQ(v.initial_value().node()->attr<std::vector<std::string>>("_class"),
            (std::vector<std::string>{"loc:@v"}));
}

TEST_F(VariableTest, LargeConstantIsFilled) {
  Get(root_, "v", {1000});
  const std::vector<std::string> names = NodeNames();
  EXPECT_EQ((std::vector<std::string>(names.begin(), names.begin() + 4)),
            (std::vector<std::string>{"v/Initializer/zeros/shape_as_tensor",
                                      "v/Initializer/zeros/Const", "v/Initializer/zeros", "v"}));
}

TEST_F(VariableTest, DefaultInitializerIsGlorotUniform) {  // VS-7, EX-1, IN-3
  GetVariable(root_.VariableScope("conv1"), "kernel", {.shape = {5, 5, 3, 8}});
  const std::string prefix = "conv1/kernel/Initializer/random_uniform";
  const std::vector<std::string> names = NodeNames();
  EXPECT_EQ((std::vector<std::string>(names.begin(), names.begin() + 8)),
            (std::vector<std::string>{prefix + "/shape", prefix + "/min", prefix + "/max",
                                      prefix + "/RandomUniform", prefix + "/sub", prefix + "/mul",
                                      prefix, "conv1/kernel"}));
  const Tensor limit = *graph_.ConstantValue(graph_.FindTensor(prefix + "/max:0").value());
  EXPECT_NEAR(limit.scalar<float>(), 0.147709789, 1e-7);
}

TEST_F(VariableTest, IntegerDefaultIsZeros) {
  GetVariable(root_, "n", {.shape = {}, .dtype = DType::kInt32});
  EXPECT_EQ(NodeNames()[0], "n/Initializer/zeros");
  EXPECT_THAT(graph_.status(), IsOk());
}

TEST_F(VariableTest, Collections) {  // VAR-4
  Get(root_, "a");
  GetVariable(root_, "b", {.shape = {1}, .trainable = false});
  GetVariable(root_, "c", {.shape = {1}, .collections = {"mine", "mine"}});
  GetLocalVariable(root_, "d", {.shape = {1}});
  EXPECT_EQ(Names(graph_.GlobalVariables()), (std::vector<std::string>{"a:0", "b:0"}));
  EXPECT_EQ(Names(graph_.TrainableVariables()), (std::vector<std::string>{"a:0", "c:0"}));
  EXPECT_EQ(Names(graph_.Variables("mine")), (std::vector<std::string>{"c:0"}));
  EXPECT_EQ(Names(graph_.LocalVariables()), (std::vector<std::string>{"d:0"}));
}

TEST_F(VariableTest, ScopesNameVariablesAsTheyAreAndOpsUniquely) {  // VS-22, VS-28
  const Scope first = root_.VariableScope("foo");
  const Scope second = root_.VariableScope("foo", {.reuse = Reuse::kAuto});
  const Variable v = Get(first, "v");
  EXPECT_EQ(v.name(), "foo/v:0");
  EXPECT_EQ(Get(second, "v"), v);
  EXPECT_EQ(first.name(), "foo");
  EXPECT_EQ(second.name(), "foo_1");
  EXPECT_EQ(second.variable_scope(), "foo");
  EXPECT_EQ(Get(first.Sub("op_scope"), "w").name(), "foo/w:0");
}

TEST_F(VariableTest, ReuseFalseRefusesTheSecond) {  // VS-1
  Get(root_.VariableScope("foo"), "v");
  EXPECT_TRUE(Get(root_.VariableScope("foo"), "v").empty());
  ExpectError(absl::StatusCode::kAlreadyExists,
              "Variable foo/v already exists, disallowed. Did you mean to set reuse=True or "
              "reuse=tf.AUTO_REUSE in VarScope?");
}

TEST_F(VariableTest, TheErrorNamesBothLines) {
  const int made = __LINE__ + 1;
  GetVariable(root_, "v", {.shape = {1}});
  const int again = __LINE__ + 1;
  GetVariable(root_, "v", {.shape = {1}});
  ExpectError(absl::StatusCode::kAlreadyExists,
              ("variable_test.cc:" + std::to_string(made)).c_str());
  ExpectError(absl::StatusCode::kAlreadyExists,
              ("variable_test.cc:" + std::to_string(again)).c_str());
}

TEST_F(VariableTest, ReuseTrueRefusesAMissingOne) {
  Get(root_.VariableScope("foo", {.reuse = Reuse::kTrue}), "v");
  ExpectError(absl::StatusCode::kNotFound,
              "Variable foo/v does not exist, or was not created with tf.get_variable(). Did you "
              "mean to set reuse=tf.AUTO_REUSE in VarScope?");
}

TEST_F(VariableTest, ReuseIsInheritedAndNeverSwitchedOff) {  // VS-21
  const Variable v = Get(root_.VariableScope("a").VariableScope("b"), "v");
  const Scope reusing = root_.VariableScope("a", {.reuse = Reuse::kTrue});
  EXPECT_EQ(Get(reusing.VariableScope("b", {.reuse = Reuse::kFalse}), "v"), v);
}

TEST_F(VariableTest, SharingChecksShapeAndDtype) {  // VS-2, VS-3
  Get(root_, "v");
  const Scope reuse = root_.VariableScope("x").Reenter();
  EXPECT_EQ(
      GetVariable(root_, "v", {.shape = TensorShape::Unknown(), .reuse = Reuse::kTrue}).name(),
      "v:0");
  GetVariable(root_, "v", {.shape = {2}, .reuse = Reuse::kTrue});
  ExpectError(absl::StatusCode::kInvalidArgument,
              "Trying to share variable v, but specified shape [2] and found shape [1].");
}

TEST_F(VariableTest, SharingChecksDtype) {
  Get(root_, "v");
  GetVariable(root_, "v", {.shape = {1}, .dtype = DType::kInt32, .reuse = Reuse::kTrue});
  ExpectError(absl::StatusCode::kInvalidArgument,
              "Trying to share variable v, but specified dtype int32 and found dtype float32.");
}

TEST_F(VariableTest, UndefinedShapeIsRefused) {  // VS-6
  GetVariable(root_, "v", {.shape = {-1, 2}});
  ExpectError(absl::StatusCode::kInvalidArgument,
              "Shape of a new variable (v) must be fully defined");
}

TEST_F(VariableTest, DefaultNamesAreUniqueAmongOpenings) {  // VS-27's examples
  const Scope outer = root_.VariableScope("default");
  EXPECT_EQ(outer.DefaultVariableScope("layer").variable_scope(), "default/layer");
  EXPECT_EQ(outer.DefaultVariableScope("layer").variable_scope(), "default/layer_1");
  outer.Reenter();
  EXPECT_EQ(outer.DefaultVariableScope("layer").variable_scope(), "default/layer_2");
  EXPECT_EQ(root_.DefaultVariableScope("defaultScope1").variable_scope(), "defaultScope1");
  EXPECT_EQ(root_.DefaultVariableScope("defaultScope1").variable_scope(), "defaultScope1_1");
  EXPECT_EQ(root_.DefaultVariableScope("defaultScope").variable_scope(), "defaultScope");
  EXPECT_EQ(root_.DefaultVariableScope("defaultScope1").variable_scope(), "defaultScope1_2");
}

TEST_F(VariableTest,
       ReenteredScopeCountsFromTheStart) {  // a second tower meets the same default names
  const Scope net = root_.VariableScope("net");
  const Variable v = Get(net.DefaultVariableScope("dense"), "kernel");
  EXPECT_EQ(Get(net.WithReuse().DefaultVariableScope("dense"), "kernel"), v);
}

TEST_F(VariableTest, ReenteringKeepsVariablesAndMovesOps) {  // VS-28's example
  const Scope outer = root_.VariableScope("outer");
  const Scope again = outer.Reenter();
  EXPECT_EQ(Get(again, "w").name(), "outer/w:0");
  EXPECT_EQ(again.Sub("s").name(), "outer_1/s");
  EXPECT_EQ(outer.VariableScope("in").Reenter().name(), "outer/in_1");
}

TEST_F(VariableTest, NoAuxiliaryNameScope) {  // VS-30
  const Scope s = root_.Sub("ops").VariableScope("vars", {.auxiliary_name_scope = false});
  EXPECT_EQ(s.name(), "ops");
  EXPECT_EQ(Get(s, "v").name(), "vars/v:0");
}

TEST_F(VariableTest, InheritedProperties) {  // VS-25
  int constraints = 0;
  const Constraint constraint = [&](At, Output v) { return ++constraints, v; };
  const Scope outer = root_.VariableScope(
      "o", {.initializer = OnesInitializer, .dtype = DType::kDouble, .constraint = constraint});
  const Variable direct = GetVariable(outer, "v", {.shape = {2}});
  const Variable nested = GetVariable(outer.VariableScope("i"), "v", {.shape = {2}});
  EXPECT_EQ(direct.initial_value().name(), "o/v/Initializer/ones:0");
  EXPECT_EQ(nested.initial_value().name(), "o/i/v/Initializer/ones:0");
  EXPECT_EQ(nested.dtype(), DType::kDouble);
  EXPECT_TRUE(direct.constraint());
  EXPECT_FALSE(nested.constraint());
}

TEST_F(VariableTest, RegularizerRunsOnceAtCreation) {  // VS-8
  int runs = 0;
  const Regularizer regularizer = [&](At at, Output w) { return ++runs, at.Node("L2Loss", {w}); };
  const Scope s = root_.VariableScope("s", {.regularizer = regularizer});
  Get(s, "v");
  Get(s.WithReuse(), "v");
  GetVariable(s, "free", {.shape = {1}, .regularizer = [](At, Output) { return Output(); }});
  EXPECT_EQ(runs, 1);
  const Outputs losses = graph_.OutputsIn(keys::kRegularizationLosses);
  ASSERT_EQ(losses.size(), 1u);
  EXPECT_EQ(losses[0].name(), "s/v/Regularizer/L2Loss:0");
}

TEST_F(VariableTest, CustomGettersNest) {  // VS-12's example: products of two inside sums of two
  const auto combine = [](const char* suffix) {
    return [suffix](const VariableGetter& getter, At at, const std::string& name,
                    const VariableOptions& options) {
      getter(at, name + "/" + suffix + "_0", options);
      return getter(at, name + "/" + suffix + "_1", options);
    };
  };
  const Scope prod = root_.VariableScope("scope", {.custom_getter = combine("prod")});
  const Scope sum = prod.VariableScope("sum_scope", {.custom_getter = combine("sum")});
  const Scope inner = sum.VariableScope("inner_sum_scope", {.custom_getter = combine("sum")});
  Get(inner, "v");
  const std::string base = "scope/sum_scope/inner_sum_scope/v/";
  std::vector<std::string> want;
  for (const char* a : {"sum_0/", "sum_1/"}) {
    for (const char* b : {"sum_0/", "sum_1/"}) {
      for (const char* c : {"prod_0:0", "prod_1:0"}) want.push_back(base + a + b + c);
    }
  }
  EXPECT_EQ(Names(graph_.TrainableVariables()), want);
}

TEST_F(VariableTest, OpNameClashKeepsTheStoreKey) {  // VAR-3
  At(root_.Named("foo")).Node("NoOp");
  const Variable v = Get(root_, "foo");
  EXPECT_EQ(v.op_name(), "foo_1");
  EXPECT_EQ(GetVariable(root_, "foo", {.reuse = Reuse::kTrue}), v);
}

TEST_F(VariableTest, NewVariableIsNamedLikeAnOp) {  // VAR-3
  const Output zero = ops::Const(root_, 0.0f);
  EXPECT_EQ(NewVariable(root_.Sub("s"), zero).name(), "s/Variable:0");
  EXPECT_EQ(NewVariable(root_.Named("w"), zero).name(), "w:0");
  EXPECT_EQ(NewVariable(root_.Named("w"), zero).name(), "w_1:0");
  EXPECT_EQ(graph_.FindVariable("w"), nullptr);  // VS-4
}

TEST_F(VariableTest, InitializerOps) {  // VAR-9
  EXPECT_EQ(GlobalVariablesInitializer(root_).name(), "init");
  Get(root_, "a");
  Get(root_, "b");
  const Output init = GlobalVariablesInitializer(root_);
  EXPECT_EQ(init.name(), "init_1");
  ASSERT_EQ(init.node()->control_inputs().size(), 2u);
  EXPECT_EQ(init.node()->control_inputs()[0]->name(), "a/Assign");
}

TEST_F(VariableTest, VariablesIgnoreControlInputs) {
  const Output before = At(root_.Named("before")).Node("NoOp");
  const Variable v = Get(root_.After({before}), "v");
  EXPECT_TRUE(v.handle().node()->control_inputs().empty());
  EXPECT_TRUE(v.initializer().node()->control_inputs().empty());
}

TEST_F(VariableTest, Fans) {  // IN-1
  EXPECT_EQ(ComputeFans({}), (std::pair<double, double>(1, 1)));
  EXPECT_EQ(ComputeFans({7}), (std::pair<double, double>(7, 7)));
  EXPECT_EQ(ComputeFans({3, 4}), (std::pair<double, double>(3, 4)));
  EXPECT_EQ(ComputeFans({5, 5, 3, 8}), (std::pair<double, double>(75, 200)));
}

}  // namespace
}  // namespace sluice
