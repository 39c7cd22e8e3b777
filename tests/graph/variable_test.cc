// Variables and get_variable: rules of the VAR series, and VS-1 to VS-13. Expected names are
// TensorFlow's.
#include "graph/variable.h"

#include <thread>

#include "graph/graph.h"
#include "gtest/gtest.h"
#include "ops/all_ops.h"
#include "ops/const.h"
#include "ops/placeholder.h"
#include "session/session.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/graph_fixture.h"

namespace sluice {
namespace {

using VariableTest = GraphFixture;

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

TEST_F(VariableTest, ReferenceVariable) {  // VAR-1, VAR-2
  const Variable v = GetVariable(
      root_, "v", {.shape = {2}, .initializer = ZerosInitializer, .use_resource = false});
  EXPECT_EQ(NodeNames(),
            (std::vector<std::string>{"v/Initializer/zeros", "v", "v/Assign", "v/read"}));
  EXPECT_FALSE(v.is_resource());
  const Node& node = *v.handle().node();
  EXPECT_EQ(node.op(), "VariableV2");
  EXPECT_EQ(node.attr<std::string>("shared_name"), "");
  EXPECT_EQ(node.attr<std::string>("container"), "");
  EXPECT_EQ(node.attr<TensorShape>("shape"), TensorShape({2}));
  EXPECT_EQ(v.initializer().node()->op(), "Assign");
  EXPECT_TRUE(v.initializer().node()->attr<bool>("use_locking"));
  EXPECT_TRUE(v.initializer().node()->attr<bool>("validate_shape"));
  EXPECT_EQ(v.value().node()->op(), "Identity");
  for (const char* beside : {"v/Initializer/zeros", "v", "v/Assign", "v/read"}) {
    EXPECT_EQ(graph_.FindNode(beside)->attr<std::vector<std::string>>("_class"),
              (std::vector<std::string>{"loc:@v"}))
        << beside;
  }
  EXPECT_EQ(Names(graph_.TrainableVariables()), (std::vector<std::string>{"v:0"}));
}

TEST_F(VariableTest, WritesOfBothKinds) {  // VAR-8
  const Output two = ops::Const(root_, 2.0f);
  for (const bool resource : {true, false}) {
    const Variable v = NewVariable(root_.Named("v"), two, {.use_resource = resource});
    const Output assigned = v.Assign(root_, two * 3), added = v.AssignAdd(root_, two);
    EXPECT_EQ(assigned.node()->op(), resource ? "AssignVariableOp" : "Assign");
    EXPECT_EQ(added.node()->op(), resource ? "AssignAddVariableOp" : "AssignAdd");
    EXPECT_EQ(v.AssignSub(root_, two).node()->op(), resource ? "AssignSubVariableOp" : "AssignSub");
    EXPECT_EQ(assigned.is_operation(), resource);
    EXPECT_EQ(Values({v.initializer(), assigned, added}, v).back(), 8);
  }
}

TEST_F(VariableTest, RowsOfBothKinds) {  // VAR-8
  const Output rows = ops::Const(root_, Tensor::Of<float>({3, 1}, {1, 2, 3}));
  const Output indices = ops::Const(root_, Tensor::Of<int32_t>({2}, {2, 0}));
  const Output updates = ops::Const(root_, Tensor::Of<float>({2, 1}, {10, 20}));
  for (const bool resource : {true, false}) {
    const Variable v = NewVariable(root_.Named("v"), rows, {.use_resource = resource});
    EXPECT_EQ(Values({v.initializer()}, v.SparseRead(root_, indices)), (std::vector<float>{3, 1}));
    EXPECT_EQ(Values({v.initializer(), v.ScatterAdd(root_, indices, updates)}, v.Read(root_)),
              (std::vector<float>{21, 2, 13}));
    EXPECT_EQ(Values({v.initializer(), v.ScatterSub(root_, indices, updates)}, v.Read(root_)),
              (std::vector<float>{-19, 2, -7}));
    EXPECT_EQ(Values({v.initializer(), v.ScatterUpdate(root_, indices, updates)}, v.Read(root_)),
              (std::vector<float>{20, 2, 10}));
  }
}

TEST_F(VariableTest, ShapeMismatchOfAssign) {  // VAR-8
  const Variable v = Get(root_, "v", {2});
  v.Assign(root_, ops::Const(root_, Tensor::Of<float>({3}, {1, 2, 3})));
  ExpectError(absl::StatusCode::kInvalidArgument,
              "Assign requires shapes of both tensors to match. lhs shape= [2] rhs shape= [3]");
}

TEST_F(VariableTest, LiteralBecomesAConst) {  // VAR-2, VAR-12
  const Variable v = NewVariable(root_.Named("v"), Tensor::Scalar(3.0f));
  EXPECT_EQ(v.initial_value().name(), "v/initial_value:0");
  const Variable made = NewVariable(
      root_.Named("w"), [](At at) { return ZerosInitializer(at, {2}, DType::kDouble); });
  EXPECT_EQ(made.initial_value().name(), "w/Initializer/zeros:0");
  EXPECT_EQ(made.dtype(), DType::kDouble);
  EXPECT_EQ(made.shape(), TensorShape({2}));
}

TEST_F(VariableTest, InitialValueMustHaveAShape) {  // VAR-5
  const Output open = ops::Placeholder(root_.Named("p"), DType::kFloat, {-1});
  const Variable free = NewVariable(root_.Named("free"), open, {.validate_shape = false});
  EXPECT_FALSE(free.shape().rank_known());
  EXPECT_FALSE(free.handle().node()->attr<TensorShape>("shape").rank_known());
  EXPECT_THAT(graph_.status(), IsOk());
  NewVariable(root_.Named("v"), open);
  ExpectError(absl::StatusCode::kInvalidArgument, "initial_value must have a shape specified");
}

TEST_F(VariableTest, AnyShapeMayBeAssignedWithoutValidation) {  // VAR-5
  const Output open = ops::Placeholder(root_.Named("p"), DType::kFloat, TensorShape::Unknown());
  for (const bool resource : {true, false}) {
    const Variable v =
        NewVariable(root_.Named("v"), open, {.validate_shape = false, .use_resource = resource});
    Session session = *Session::Create(graph_);
    for (const Tensor& t : {Tensor::Of<float>({3}, {1, 2, 3}), Tensor::Of<float>({1, 2}, {4, 5})}) {
      ASSERT_THAT(session.Run({{open, t}}, {v.initializer()}), IsOk());
      const auto out = session.Run({}, {v.value()});
      ASSERT_THAT(out, IsOk());
      EXPECT_TRUE(BitEqual((*out)[0], t)) << resource;
    }
  }
}

TEST_F(VariableTest, InitialValueIsRequired) {  // VAR-5
  NewVariable(root_.Named("v"), Initializer());
  ExpectError(absl::StatusCode::kInvalidArgument, "initial_value must be specified");
}

// VAR-6: w = 2 v + 1 initializes in the same run as v, in whatever order; once v has a value, that
// counts.
TEST_F(VariableTest, InitialValuesMayDependOnVariables) {
  for (const bool resource : {true, false}) {
    const Scope scope = root_.VariableScope("s", {.use_resource = resource});
    const Variable v = NewVariable(scope.Named("v"), Tensor::Scalar(5.0f));
    const Variable w = NewVariable(scope.Named("w"), v.value() * 2 + 1);
    EXPECT_EQ(Values({Group(scope, {w.initializer(), v.initializer()})}, w),
              (std::vector<float>{11}));
    EXPECT_EQ(Values({v.Assign(scope, ops::Const(scope, 7.0f)), w.initializer()}, w),
              (std::vector<float>{15}));
    EXPECT_EQ(Values({w.initializer()}, w), (std::vector<float>{11}));
  }
}

TEST_F(VariableTest, ReportOfUninitializedVariables) {  // VAR-10
  const Variable a = Get(root_.VariableScope("s"), "a");
  GetLocalVariable(root_, "b", {.shape = {1}});
  const Variable c = GetVariable(root_, "c", {.shape = {1}, .use_resource = false});
  const Output report = ReportUninitializedVariables(root_);
  Session session = *Session::Create(graph_);
  const auto names = [&] {
    const auto out = session.Run({}, {report});
    EXPECT_THAT(out, IsOk());
    if (!out.ok()) return std::vector<std::string>{"error"};
    const auto span = (*out)[0].flat<std::string>();
    return std::vector<std::string>(span.begin(), span.end());
  };
  EXPECT_EQ(names(), (std::vector<std::string>{"s/a", "c", "b"}));
  ASSERT_THAT(session.Run(a.initializer()), IsOk());
  EXPECT_EQ(names(), (std::vector<std::string>{"c", "b"}));
  ASSERT_THAT(session.Run(GlobalVariablesInitializer(root_)), IsOk());
  ASSERT_THAT(session.Run(LocalVariablesInitializer(root_)), IsOk());
  EXPECT_TRUE(names().empty());
}

TEST_F(VariableTest, ReportWithoutVariables) {  // VAR-10
  const Output report = ReportUninitializedVariables(root_);
  const auto out = Session::Create(graph_)->Run({}, {report});
  ASSERT_THAT(out, IsOk());
  EXPECT_EQ((*out)[0].num_elements(), 0);
}

TEST_F(VariableTest, ReadingAnUninitializedVariable) {  // VAR-11
  const Variable v = Get(root_, "v"),
                 r = GetVariable(root_, "r", {.shape = {1}, .use_resource = false});
  Session session = *Session::Create(graph_);
  EXPECT_THAT(session.Run(v.value()),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       "Error while reading resource variable v from Container: localhost. This "
                       "could mean that the variable was uninitialized."));
  EXPECT_THAT(session.Run({}, {r.value()}), StatusIs(absl::StatusCode::kFailedPrecondition,
                                                     "Attempting to use uninitialized value r"));
}

TEST_F(VariableTest, ValueAsInitializer) {  // VS-5
  const Variable v = GetVariable(root_, "v", {.initializer = Tensor::Of<int32_t>({2}, {1, 2})});
  EXPECT_EQ(v.shape(), TensorShape({2}));
  EXPECT_EQ(v.dtype(), DType::kInt32);  // the value's, not the scope's float
  EXPECT_EQ(v.initial_value().name(), "v/initial_value:0");
  const Scope ones = root_.VariableScope("s", {.initializer = Tensor::Scalar(1.0)});
  EXPECT_EQ(GetVariable(ones, "d", {}).dtype(), DType::kDouble);
  EXPECT_EQ(GetVariable(root_, "v", {.reuse = Reuse::kTrue}), v);
  GetVariable(root_, "w", {.shape = {2}, .initializer = Tensor::Of<float>({2}, {1, 2})});
  ExpectError(absl::StatusCode::kInvalidArgument,
              "If initializer is a constant, do not specify shape.");
}

TEST_F(VariableTest, ValueOfAnotherDtype) {  // VS-5
  GetVariable(root_, "v", {.dtype = DType::kInt32, .initializer = Tensor::Scalar(1.0f)});
  ExpectError(absl::StatusCode::kInvalidArgument,
              "Initializer type 'float32' and explicit dtype 'int32' don't match.");
}

TEST_F(VariableTest, FunctionWithoutArgumentsKnowsItsShape) {  // VS-6
  const Variable v = GetVariable(
      root_, "v", {.initializer = [](At at) { return OnesInitializer(at, {4}, DType::kDouble); }});
  EXPECT_EQ(v.shape(), TensorShape({4}));
  EXPECT_EQ(v.dtype(), DType::kDouble);
  EXPECT_EQ(v.initial_value().name(), "v/Initializer/ones:0");
}

TEST_F(VariableTest, DefaultInitializers) {  // VS-7
  EXPECT_EQ(GetVariable(root_, "b", {.shape = {1}, .dtype = DType::kBool}).dtype(), DType::kBool);
  EXPECT_EQ(GetVariable(root_, "t", {.shape = {1}, .dtype = DType::kString}).initial_value().name(),
            "t/Initializer/zeros:0");
  GetVariable(root_, "z", {.shape = {1}, .dtype = DType::kComplex64});
  ExpectError(absl::StatusCode::kInvalidArgument,
              "An initializer for variable z of complex64 is required");
}

TEST_F(VariableTest, OnReadIsNotTrainable) {  // VS-9
  constexpr auto kOnRead = VariableSynchronization::kOnRead;
  EXPECT_TRUE(Get(root_, "t").trainable());
  EXPECT_FALSE(GetVariable(root_, "v", {.shape = {1}, .synchronization = kOnRead}).trainable());
  GetVariable(root_, "w", {.shape = {1}, .trainable = true, .synchronization = kOnRead});
  ExpectError(absl::StatusCode::kInvalidArgument,
              "Synchronization value can be set to VariableSynchronization.ON_READ only for "
              "non-trainable variables");
}

TEST_F(VariableTest, LocalVariablesFollowTheSameRules) {  // VS-10
  const Variable v = GetLocalVariable(root_, "v", {.shape = {1}, .collections = {"mine"}});
  EXPECT_FALSE(v.trainable());
  EXPECT_EQ(Names(graph_.Variables("mine")), (std::vector<std::string>{"v:0"}));
  EXPECT_EQ(Names(graph_.LocalVariables()), (std::vector<std::string>{"v:0"}));
  EXPECT_TRUE(graph_.GlobalVariables().empty());
  EXPECT_EQ(GetLocalVariable(root_, "v", {.reuse = Reuse::kTrue}), v);
  GetLocalVariable(root_, "v", {.shape = {1}});
  ExpectError(absl::StatusCode::kAlreadyExists, "Variable v already exists");
}

TEST_F(VariableTest, CachingDevice) {  // VS-11
  const Scope s = root_.VariableScope("s", {.caching_device = "/job:worker"});
  EXPECT_EQ(Get(s, "v").value().node()->device(), "/job:worker");
  EXPECT_EQ(Get(s, "v2").handle().node()->device(), "");
  const Variable r = GetVariable(s, "r", {.shape = {1}, .use_resource = false});
  EXPECT_EQ(r.value().name(), "s/r/read:0");
  EXPECT_EQ(r.value().node()->device(), "/job:worker");
  EXPECT_EQ(GetVariable(s, "w", {.shape = {1}, .caching_device = ""}).value().node()->device(), "");
  EXPECT_EQ(Get(s.VariableScope("in"), "v").value().node()->device(), "/job:worker");
}

TEST_F(VariableTest, InitialValuesHaveNoDevice) {
  const Variable v = Get(root_.Device("/job:ps"), "v");
  EXPECT_EQ(v.handle().node()->device(), "/job:ps");
  EXPECT_EQ(v.initializer().node()->device(), "/job:ps");
  EXPECT_EQ(v.initial_value().node()->device(), "");
}

TEST_F(VariableTest, GetterOfTheCallReplacesTheScopes) {  // VS-12
  int scope_calls = 0, own_calls = 0;
  const auto counting = [](int* calls) {
    return [calls](const VariableGetter& getter, At at, const std::string& name,
                   const VariableOptions& options) {
      ++*calls;
      EXPECT_EQ(options.use_resource, std::optional<bool>(true));
      EXPECT_EQ(options.reuse, Reuse::kFalse);
      return getter(at, name, options);
    };
  };
  const Scope s = root_.VariableScope("s", {.custom_getter = counting(&scope_calls)});
  Get(s, "a");
  GetVariable(s, "b", {.shape = {1}, .custom_getter = counting(&own_calls)});
  EXPECT_EQ(scope_calls, 1);
  EXPECT_EQ(own_calls, 1);
}

TEST_F(VariableTest, ReferenceDtypeIsReduced) {  // VS-13
  EXPECT_EQ(GetVariable(root_, "v", {.shape = {1}, .dtype = RefType(DType::kFloat)}).dtype(),
            DType::kFloat);
}

// The error shows both call sites, both scope paths and both shapes, and names the remedy.
TEST_F(VariableTest, TheErrorTeaches) {  // VS-1
  Get(root_.VariableScope("foo"), "v", {3});
  Get(root_.VariableScope("foo"), "v", {4});
  for (const char* part :
       {"variable_test.cc:", "op scope 'foo', variable scope 'foo', shape [3]",
        "op scope 'foo_1', variable scope 'foo', shape [4]", "scope.WithReuse()", "Reuse::kAuto"}) {
    ExpectError(absl::StatusCode::kAlreadyExists, part);
  }
}

TEST_F(VariableTest, TheErrorSuggestsNames) {  // VS-1
  Get(root_.VariableScope("encoder"), "kernel");
  Get(root_.VariableScope("decoder"), "kernel");
  Get(root_.VariableScope("encoder"), "a_name_of_no_likeness_whatsoever");
  Get(root_.VariableScope("encodr", {.reuse = Reuse::kTrue}), "kernel");
  ExpectError(absl::StatusCode::kNotFound, "Nearest names: 'encoder/kernel', 'decoder/kernel'.");
}

TEST_F(VariableTest, TwoThreadsGetOneVariable) {  // VS-33
  std::vector<std::thread> threads;
  std::vector<Variable> got(4);
  for (size_t t = 0; t < got.size(); ++t) {
    threads.emplace_back(
        [&, t] { got[t] = GetVariable(root_, "v", {.shape = {1}, .reuse = Reuse::kAuto}); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Variable& v : got) EXPECT_EQ(v, got[0]);
  EXPECT_EQ(graph_.GlobalVariables().size(), 1u);
  std::thread([&] { Get(root_, "v"); }).join();
  ExpectError(absl::StatusCode::kAlreadyExists, "Variable v already exists");
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
