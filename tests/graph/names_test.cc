// Rules NS-1 to NS-12: names of ops and scopes, look-up by name, control inputs, finalized graphs.
// The expected names are TensorFlow's.
#include <set>
#include <thread>

#include "graph/at.h"
#include "graph/graph.h"
#include "graph/scope.h"
#include "gtest/gtest.h"
#include "tests/testing/core/status_matchers.h"

namespace sluice {
namespace {

const OpRegistry& Registry() {
  static const OpRegistry* const registry = [] {
    auto* r = new OpRegistry;
    EXPECT_THAT(r->Add(OpSpec("FloatOutput").Output("a: float")), IsOk());
    EXPECT_THAT(r->Add(OpSpec("TwoOutputs").Output("a: float").Output("b: int32")), IsOk());
    EXPECT_THAT(r->Add(OpSpec("TakesFloat").Input("x: float").Output("y: float")), IsOk());
    EXPECT_THAT(r->Add(OpSpec("TakesList")
                           .Input("x: N * T")
                           .Output("y: T")
                           .Attr("N: int >= 1")
                           .Attr("T: type")),
                IsOk());
    EXPECT_THAT(r->Add(OpSpec("MakesRef").Output("r: Ref(float)")), IsOk());
    EXPECT_THAT(
        r->Add(OpSpec("TakesRef").Input("x: float").Input("r: Ref(float)").Output("y: float")),
        IsOk());
    return r;
  }();
  return *registry;
}

class NamesTest : public testing::Test {
 protected:
  Graph graph_{Registry()};
  Scope root_ = Scope::Root(graph_);

  std::string Make(const Scope& scope) { return At(scope).Node("FloatOutput").node()->name(); }
  std::string Make(const Scope& scope, const char* name) { return Make(scope.Named(name)); }
};

TEST_F(NamesTest, UniqueNames) {
  // NS-4's own sequence.
  for (const char* want : {"foo", "foo_1", "foo_2"}) EXPECT_EQ(graph_.UniqueName("foo"), want);
  EXPECT_EQ(graph_.UniqueName("foo_1"), "foo_1_1");
  EXPECT_EQ(graph_.UniqueName("foo_1"), "foo_1_2");
  EXPECT_EQ(graph_.UniqueName("foo_1_2"), "foo_1_2_1");
}

TEST_F(NamesTest, UniqueNamesOutOfOrder) {
  EXPECT_EQ(graph_.UniqueName("foo_2"), "foo_2");
  EXPECT_EQ(graph_.UniqueName("foo"), "foo");
  EXPECT_EQ(graph_.UniqueName("foo"), "foo_1");
  EXPECT_EQ(graph_.UniqueName("foo"), "foo_3");
}

TEST_F(NamesTest, CaseIsIgnoredButKept) {  // NS-3
  EXPECT_EQ(graph_.UniqueName("foo"), "foo");
  EXPECT_EQ(graph_.UniqueName("Foo"), "Foo_1");
  EXPECT_EQ(graph_.UniqueName("FOO"), "FOO_2");
}

TEST_F(NamesTest, UnmarkedNameStaysFree) {
  EXPECT_EQ(graph_.UniqueName("a", false), "a");
  EXPECT_EQ(graph_.UniqueName("a"), "a");
}

TEST_F(NamesTest, ScopesAndOpsShareNames) {  // NS-5
  EXPECT_EQ(root_.Sub("foo").name(), "foo");
  EXPECT_EQ(Make(root_, "foo"), "foo_1");
  EXPECT_EQ(root_.Sub("foo").name(), "foo_2");
}

TEST_F(NamesTest, ScopeForms) {  // NS-6
  const Scope foo = root_.Sub("foo");
  EXPECT_EQ(foo.Sub("bar").name(), "foo/bar");
  EXPECT_EQ(foo.Sub("").name(), "");
  EXPECT_EQ(foo.Sub("bar/").name(), "bar");
  EXPECT_EQ(foo.Sub("foo5//").name(), "foo5/");
  EXPECT_EQ(foo.Sub("a//b/c").name(), "foo/a//b/c");
}

TEST_F(NamesTest, OpNames) {  // NS-7's example
  const Scope bar = root_.Sub("bar");
  EXPECT_EQ(Make(bar), "bar/FloatOutput");
  EXPECT_EQ(Make(bar), "bar/FloatOutput_1");
  EXPECT_EQ(Make(bar, "bar/"), "bar");
  EXPECT_EQ(Make(root_.Sub("bar")), "bar_1/FloatOutput");
  EXPECT_EQ(Make(root_.Sub("bar/")), "bar/FloatOutput_2");
  EXPECT_EQ(Make(root_, "trailing/"), "trailing");
}

TEST_F(NamesTest, ValidNames) {  // NS-1, NS-2
  for (const char* good : {"a", ".a", "9", "a_.-/b", "A/b"})
    EXPECT_TRUE(IsValidOpName(good)) << good;
  for (const char* bad : {"", "_a", "-a", "/a", "a b", "a:0", "a\n", "^a", "\xc3\xa9", "a>b"})
    EXPECT_FALSE(IsValidOpName(bad)) << bad;
  EXPECT_FALSE(IsValidScopeName("_bar", true));
  EXPECT_TRUE(IsValidScopeName("_bar", false));
  EXPECT_FALSE(IsValidScopeName("foo:0", false));
}

TEST_F(NamesTest, InvalidScopeNameIsTheGraphsError) {
  root_.Sub("_bar");
  EXPECT_THAT(graph_.status(),
              StatusIs(absl::StatusCode::kInvalidArgument, "'_bar' is not a valid scope name"));
}

TEST_F(NamesTest, InvalidOpNameIsTheGraphsError) {
  EXPECT_TRUE(At(root_.Named("a b")).Node("FloatOutput").empty());
  EXPECT_THAT(graph_.status(),
              StatusIs(absl::StatusCode::kInvalidArgument, "is not a valid node name"));
}

TEST_F(NamesTest, LookUp) {  // NS-10
  At(root_.Named("a")).Nodes("TwoOutputs");
  EXPECT_EQ(graph_.FindTensor("a:1").value().index(), 1);
  EXPECT_TRUE(graph_.FindOperation("a").value().is_operation());
  const auto invalid = absl::StatusCode::kInvalidArgument;
  const auto missing = absl::StatusCode::kNotFound;
  EXPECT_THAT(graph_.FindTensor("b"),
              StatusIs(invalid, "looks a like a Tensor name, but is not a valid one"));
  for (const char* bad : {"a:", "a:x", "a:-1", "a:1x", "a:4294967296"}) {
    EXPECT_THAT(graph_.FindTensor(bad),
                StatusIs(invalid, "looks a like a Tensor name, but is not a valid one"))
        << bad;
  }
  EXPECT_THAT(graph_.FindTensor("b:0"),
              StatusIs(missing, "refers to a Tensor which does not exist. The operation"));
  EXPECT_THAT(graph_.FindTensor("a:2"), StatusIs(missing, "exists but only has"));
  EXPECT_THAT(
      graph_.FindTensor("a"),
      StatusIs(invalid, "refers to an Operation, not a Tensor. Tensor names must be of the form"));
  EXPECT_THAT(graph_.FindOperation("b"),
              StatusIs(missing, "refers to an Operation not in the graph"));
  EXPECT_THAT(graph_.FindOperation("a:0"), StatusIs(invalid, "appears to refer to a Tensor"));
}

TEST_F(NamesTest, LookUpSuggestsNames) {  // NS-10
  At(root_.Sub("encoder").Named("kernel")).Node("FloatOutput");
  At(root_.Named("unlike")).Node("FloatOutput");
  EXPECT_THAT(graph_.FindOperation("encodr/kernel"),
              StatusIs(absl::StatusCode::kNotFound, "Nearest names: 'encoder/kernel'."));
  EXPECT_THAT(graph_.FindTensor("encodr/kernel:0"),
              StatusIs(absl::StatusCode::kNotFound, "Nearest names: 'encoder/kernel'."));
}

TEST_F(NamesTest, FinalizedGraphRefusesEveryChange) {  // NS-11
  graph_.Finalize();
  EXPECT_TRUE(At(root_).Node("FloatOutput").empty());
  EXPECT_THAT(graph_.status(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                        "Graph is finalized and cannot be modified."));
  EXPECT_EQ(graph_.num_nodes(), 0);
}

TEST_F(NamesTest, FinalizedGraphRefusesCollections) {
  graph_.Finalize();
  graph_.AddToCollection("k", int64_t{1});
  EXPECT_THAT(graph_.status(), StatusIs(absl::StatusCode::kFailedPrecondition, "finalized"));
  EXPECT_TRUE(graph_.GetCollection("k").empty());
}

TEST_F(NamesTest, ControlInputs) {  // NS-12
  const Output a = At(root_.Named("a")).Node("FloatOutput");
  const Output b = At(root_.Named("b")).Node("FloatOutput");
  const Scope after = root_.After({a, b, a});
  const Output c = At(after).Node("TakesFloat", {a});  // a is a data input already
  ASSERT_EQ(c.node()->control_inputs().size(), 1u);
  EXPECT_EQ(c.node()->control_inputs()[0]->name(), "b");
  const Output d = At(after).Node("FloatOutput");
  ASSERT_EQ(d.node()->control_inputs().size(), 2u);
  EXPECT_EQ(d.node()->control_inputs()[0]->name(), "a");
  EXPECT_TRUE(At(after.WithoutControl()).Node("FloatOutput").node()->control_inputs().empty());
}

TEST_F(NamesTest, ControlInputsOfNestedScopesInOrder) {  // NS-12
  const Output a = At(root_.Named("a")).Node("FloatOutput");
  const Output b = At(root_.Named("b")).Node("FloatOutput");
  const Output c = At(root_.Named("c")).Node("FloatOutput");
  const Output d = At(root_.After({c, a}).After({b, c})).Node("FloatOutput");
  std::vector<std::string> names;
  for (const sluice::Node* node : d.node()->control_inputs()) names.push_back(node->name());
  EXPECT_EQ(names, (std::vector<std::string>{"c", "a", "b"}));
}

TEST_F(NamesTest, AnInputBuiltInTheSameScopeHonoursItsControlInputs) {  // NS-12
  const Output a = At(root_.Named("a")).Node("FloatOutput");
  const Output b = At(root_.Named("b")).Node("FloatOutput");
  const Scope outer = root_.After({a});
  const Output early = At(outer).Node("FloatOutput");  // honours a, not b
  const Scope inner = outer.After({b});
  const Output late = At(inner).Node("TakesFloat", {early});
  ASSERT_EQ(late.node()->control_inputs().size(), 1u);
  EXPECT_EQ(late.node()->control_inputs()[0]->name(), "b");
  EXPECT_TRUE(At(inner).Node("TakesFloat", {late}).node()->control_inputs().empty());
  // Built elsewhere, the same input honours nothing.
  const Output outside = At(root_).Node("FloatOutput");
  EXPECT_EQ(At(inner).Node("TakesFloat", {outside}).node()->control_inputs().size(), 2u);
}

TEST_F(NamesTest, CompositesOpenTheirScope) {  // NS-8
  EXPECT_EQ(At(root_).Composite("default").scope().name(), "default");
  EXPECT_EQ(At(root_.Named("given")).Composite("default").scope().name(), "given");
  EXPECT_TRUE(At(root_).Composite("").scope().ok() == false);
  EXPECT_THAT(graph_.status(),
              StatusIs(absl::StatusCode::kInvalidArgument, "At least one of name"));
}

TEST_F(NamesTest, CompositeRefusesValuesOfAnotherGraph) {  // NS-8
  Graph other(Registry());
  const Output foreign = At(Scope::Root(other)).Node("FloatOutput");
  At(root_).Composite("c", {foreign});
  EXPECT_THAT(graph_.status(),
              StatusIs(absl::StatusCode::kInvalidArgument, "must be from the same graph"));
}

TEST_F(NamesTest, ColocationInheritsGroups) {  // NS-13
  const Output a = At(root_.Named("a")).Node("FloatOutput");
  const Output b = At(root_.ColocateWith(a).Named("b")).Node("FloatOutput");
  const Output c = At(root_.ColocateWith(b).Named("c")).Node("FloatOutput");
  EXPECT_EQ(c.node()->attr<std::vector<std::string>>("_class"),
            (std::vector<std::string>{"loc:@a"}));
  EXPECT_EQ(
      FindAttr(At(root_.ColocateWith(b).WithoutColocation()).Node("FloatOutput").node()->attrs(),
               "_class"),
      nullptr);
}

TEST_F(NamesTest, OpsGoBesideTheReferencesTheyTake) {  // NS-13
  const Output x = At(root_.Named("x")).Node("FloatOutput");
  const Output v = At(root_.Named("v")).Node("MakesRef");
  const Output y = At(root_).Node("TakesRef", {x, v});
  EXPECT_EQ(y.node()->attr<std::vector<std::string>>("_class"),
            (std::vector<std::string>{"loc:@v"}));
}

TEST_F(NamesTest, ColocationTakesTheDeviceToo) {  // NS-13
  const Output a = At(root_.Device("/gpu:1").Named("a")).Node("FloatOutput");
  EXPECT_EQ(At(root_.Device("/cpu:0").ColocateWith(a)).Node("FloatOutput").node()->device(),
            "/device:GPU:1");
}

TEST_F(NamesTest, DevicesMergeInnerOverOuter) {  // NS-14
  const auto device = [](const Scope& scope) {
    return At(scope).Node("FloatOutput").node()->device();
  };
  const Scope worker = root_.Device("/job:worker/task:1/cpu:0");
  EXPECT_EQ(device(root_), "");
  EXPECT_EQ(device(worker), "/job:worker/task:1/device:CPU:0");
  EXPECT_EQ(device(worker.Device("/replica:2/gpu:*")), "/job:worker/replica:2/task:1/device:GPU:0");
  EXPECT_EQ(device(worker.Device("/job:ps")), "/job:ps/task:1/device:CPU:0");
  EXPECT_EQ(device(worker.Device("")), "/job:worker/task:1/device:CPU:0");
  EXPECT_EQ(device(worker.WithoutDevice()), "");
  EXPECT_EQ(device(worker.WithoutDevice().Device("/device:cpu:3")), "/device:CPU:3");
}

TEST_F(NamesTest, DeviceFunctionsAreAskedForEveryOp) {  // NS-14
  const Scope scope = root_.Device("/job:j").Device([](const DeviceRequest& node) -> std::string {
    return node.op == "TwoOutputs" ? "/job:ps/task:7" : std::string(node.device);
  });
  EXPECT_EQ(At(scope).Nodes("TwoOutputs")[0].node()->device(), "/job:ps/task:7");
  EXPECT_EQ(At(scope.Device("/cpu:0")).Node("FloatOutput").node()->device(), "/job:j/device:CPU:0");
}

TEST_F(NamesTest, BadDevices) {  // NS-14
  for (const char* bad : {"/job:", "/task:x", "/nonsense:1", "cpu0", "/cpu:0/gpu:0",
                          "/device:", "/task:99999999999", "/replica:-1"}) {
    Graph graph(Registry());
    const int line = __LINE__ + 1;
    Scope::Root(graph).Device(bad);
    EXPECT_THAT(graph.status(), StatusIs(absl::StatusCode::kInvalidArgument,
                                         "names_test.cc:" + std::to_string(line)))
        << bad;
  }
}

TEST_F(NamesTest, ScopeErrorsNameTheLine) {  // NS-2
  const int line = __LINE__ + 1;
  root_.Sub("ok").Sub("not ok");
  EXPECT_THAT(graph_.status(), StatusIs(absl::StatusCode::kInvalidArgument,
                                        "'not ok' is not a valid scope name inside 'ok' ("));
  EXPECT_THAT(graph_.status(), StatusIs(absl::StatusCode::kInvalidArgument,
                                        "names_test.cc:" + std::to_string(line)));
}

TEST_F(NamesTest, TwoThreadsMayBuild) {  // NS-9: no state per thread; names are only unordered
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([this] {
      for (int i = 0; i < 200; ++i) Make(root_.Sub("s"), "op");
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::string> names;
  for (int id = 0; id < graph_.num_nodes(); ++id) names.insert(graph_.node(id)->name());
  EXPECT_EQ(names.size(), 400u);
  EXPECT_TRUE(names.count("s/op") && names.count("s_399/op"));
}

TEST_F(NamesTest, ColocationIsSortedAndOnce) {  // NS-13
  const Output b = At(root_.Named("b")).Node("FloatOutput");
  const Output a = At(root_.Named("a")).Node("FloatOutput");
  const Output c = At(root_.ColocateWith(b).ColocateWith(a).ColocateWith(b)).Node("FloatOutput");
  EXPECT_EQ(c.node()->attr<std::vector<std::string>>("_class"),
            (std::vector<std::string>{"loc:@a", "loc:@b"}));
}

TEST_F(NamesTest, FirstErrorStaysAndNothingIsAddedAfterIt) {
  const int line = __LINE__ + 1;
  EXPECT_TRUE(At(root_.Sub("s").Named("x")).Node("TakesFloat", {}).empty());
  const std::string where = "names_test.cc:" + std::to_string(line);
  EXPECT_THAT(graph_.status(),
              StatusIs(absl::StatusCode::kInvalidArgument, "s/x: expected 1 inputs, got 0"));
  EXPECT_THAT(graph_.status(), StatusIs(absl::StatusCode::kInvalidArgument, where));
  EXPECT_TRUE(At(root_).Node("FloatOutput").empty());
  EXPECT_TRUE(At(root_).Node("NotAnOp").empty());
  EXPECT_THAT(graph_.status(), StatusIs(absl::StatusCode::kInvalidArgument, "s/x"));
  EXPECT_EQ(graph_.num_nodes(), 0);
}

TEST_F(NamesTest, UnknownOp) {
  At(root_).Node("NotAnOp");
  EXPECT_THAT(graph_.status(),
              StatusIs(absl::StatusCode::kUnimplemented, "Op type not registered 'NotAnOp'"));
}

TEST_F(NamesTest, WrongDtype) {
  const Outputs two = At(root_.Named("two")).Nodes("TwoOutputs");
  At(root_).Node("TakesFloat", {two[1]});
  EXPECT_THAT(graph_.status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "was passed int32 from two:1 incompatible with expected float32."));
}

TEST_F(NamesTest, EmptyInputAndOtherGraph) {
  At(root_).Node("TakesFloat", {Output()});
  EXPECT_THAT(graph_.status(), StatusIs(absl::StatusCode::kInvalidArgument, "input 0 is empty"));
  Graph other(Registry());
  At(Scope::Root(other)).Node("TakesFloat", {Output()});
  Graph third(Registry());
  const Output from_third = At(Scope::Root(third)).Node("FloatOutput");
  Graph fourth(Registry());
  At(Scope::Root(fourth)).Node("TakesFloat", {from_third});
  EXPECT_THAT(fourth.status(),
              StatusIs(absl::StatusCode::kInvalidArgument, "must be from the same graph"));
}

TEST_F(NamesTest, CountsAndTypesFollowFromTheInputs) {
  const Output a = At(root_).Node("FloatOutput");
  const Output list = At(root_).Node("TakesList", {a, a, a});
  EXPECT_EQ(list.node()->attr<int64_t>("N"), 3);
  EXPECT_EQ(list.node()->attr<DType>("T"), DType::kFloat);
}

TEST_F(NamesTest, Collections) {  // COL-2, COL-3
  const Output prefixed = At(root_.Sub("prefix").Named("foo")).Node("FloatOutput");
  const Output junk = At(root_.Sub("junk").Named("foo")).Node("FloatOutput");
  graph_.AddToCollection("key", int64_t{27});
  graph_.AddToCollection("key", prefixed);
  graph_.AddToCollection("key", junk);
  graph_.AddToCollection("key", junk);
  EXPECT_EQ(graph_.GetCollection("key").size(), 4u);
  ASSERT_EQ(graph_.GetCollection("key", "prefix").size(), 1u);
  EXPECT_EQ(std::get<Output>(graph_.GetCollection("key", "prefix")[0]), prefixed);
  EXPECT_EQ(graph_.GetCollection("key", ".*x").size(), 1u);
  EXPECT_EQ(graph_.GetCollection("key", "foo").size(), 0u);
  EXPECT_TRUE(graph_.GetCollection("missing").empty());
  graph_.ClearCollection("key");
  EXPECT_TRUE(graph_.GetCollection("key").empty());
}

}  // namespace
}  // namespace sluice
