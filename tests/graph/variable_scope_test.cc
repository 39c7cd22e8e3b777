// Variable scopes: rules VS-20 to VS-33. Expected names are TensorFlow's.
#include "graph/partition.h"
#include "graph/scope.h"
#include "graph/variable.h"
#include "tests/testing/graph_fixture.h"

namespace sluice {
namespace {

using VariableScopeTest = GraphFixture;

TEST_F(VariableScopeTest, ScopesNameVariablesAsTheyAreAndOpsUniquely) {  // VS-22, VS-28
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

TEST_F(VariableScopeTest, ReuseIsInheritedAndNeverSwitchedOff) {  // VS-21
  const Variable v = Get(root_.VariableScope("a").VariableScope("b"), "v");
  const Scope reusing = root_.VariableScope("a", {.reuse = Reuse::kTrue});
  EXPECT_EQ(Get(reusing.VariableScope("b", {.reuse = Reuse::kFalse}), "v"), v);
}

TEST_F(VariableScopeTest, DefaultNamesAreUniqueAmongOpenings) {  // VS-27's examples
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

TEST_F(VariableScopeTest,
       ReenteredScopeCountsFromTheStart) {  // a second tower meets the same default names
  const Scope net = root_.VariableScope("net");
  const Variable v = Get(net.DefaultVariableScope("dense"), "kernel");
  EXPECT_EQ(Get(net.WithReuse().DefaultVariableScope("dense"), "kernel"), v);
}

TEST_F(VariableScopeTest, ReenteringKeepsVariablesAndMovesOps) {  // VS-28's example
  const Scope outer = root_.VariableScope("outer");
  const Scope again = outer.Reenter();
  EXPECT_EQ(Get(again, "w").name(), "outer/w:0");
  EXPECT_EQ(again.Sub("s").name(), "outer_1/s");
  EXPECT_EQ(outer.VariableScope("in").Reenter().name(), "outer/in_1");
}

TEST_F(VariableScopeTest, NoAuxiliaryNameScope) {  // VS-30
  const Scope s = root_.Sub("ops").VariableScope("vars", {.auxiliary_name_scope = false});
  EXPECT_EQ(s.name(), "ops");
  EXPECT_EQ(Get(s, "v").name(), "vars/v:0");
}

TEST_F(VariableScopeTest, InheritedProperties) {  // VS-25
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

TEST_F(VariableScopeTest, KindIsInherited) {  // VS-25: use_resource
  const Scope refs = root_.VariableScope("refs", {.use_resource = false});
  EXPECT_FALSE(Get(refs.VariableScope("in"), "v").is_resource());
  EXPECT_TRUE(GetVariable(refs, "w", {.shape = {}, .use_resource = true}).is_resource());
  EXPECT_TRUE(Get(root_, "v").is_resource());
}

TEST_F(VariableScopeTest, BadArguments) {  // VS-20, VS-24
  const auto invalid = absl::StatusCode::kInvalidArgument;
  root_.DefaultVariableScope("", {});
  ExpectError(invalid, "If default_name is None then name_or_scope is required");
  Graph second(ops::Builtin());
  const int line = __LINE__ + 1;
  Scope::Root(second).DefaultVariableScope("d", {.reuse = Reuse::kTrue});
  EXPECT_THAT(second.status(),
              StatusIs(invalid, "reuse=True cannot be used without a name_or_scope"));
  EXPECT_THAT(second.status(), StatusIs(invalid, "variable_scope_test.cc:" + std::to_string(line)));
  Graph third(ops::Builtin());
  Scope::Root(third).VariableScope(Scope::Root(second));
  EXPECT_THAT(third.status(), StatusIs(invalid, "the scope is not of this graph"));
  Graph fourth(ops::Builtin());
  Scope::Root(fourth).VariableScope("not ok");
  EXPECT_THAT(fourth.status(), StatusIs(invalid, "'not ok' is not a valid scope name"));
}

TEST_F(VariableScopeTest, EmptyNameOpensNoOpScope) {  // VS-20, VS-28
  const Scope s = root_.Sub("ops").VariableScope("", {.reuse = Reuse::kAuto});
  EXPECT_EQ(s.name(), "ops");
  EXPECT_EQ(Get(s, "v").name(), "v:0");
  EXPECT_EQ(s.reuse(), Reuse::kAuto);
}

TEST_F(VariableScopeTest, ReuseOfACapturedScopeIsItsOwn) {  // VS-21, checklist 8
  const Scope plain = root_.VariableScope("a");
  const Scope reusing = root_.VariableScope("b", {.reuse = Reuse::kTrue});
  // A captured scope brings its own reuse, wherever it is entered.
  EXPECT_EQ(reusing.VariableScope(plain).reuse(), Reuse::kFalse);
  EXPECT_EQ(plain.VariableScope(reusing).reuse(), Reuse::kTrue);
  EXPECT_EQ(plain.VariableScope(reusing, {.reuse = Reuse::kFalse}).reuse(), Reuse::kTrue);
  EXPECT_EQ(plain.VariableScope(plain, {.reuse = Reuse::kAuto}).reuse(), Reuse::kAuto);
}

TEST_F(VariableScopeTest, CapturedScopeJumpsToItsFullName) {  // VS-23, VS-28
  const Scope captured =
      root_.VariableScope("tower").VariableScope("layer", {.initializer = OnesInitializer});
  const Scope elsewhere = root_.VariableScope("elsewhere", {.dtype = DType::kDouble});
  const Scope jumped = elsewhere.VariableScope(captured);
  const Variable v = GetVariable(jumped, "v", {.shape = {2}});
  EXPECT_EQ(v.name(), "tower/layer/v:0");
  EXPECT_EQ(v.dtype(), DType::kFloat);  // the captured scope's, not the surrounding one's
  EXPECT_EQ(v.initial_value().name(), "tower/layer/v/Initializer/ones:0");
  EXPECT_EQ(jumped.name(), "elsewhere/layer");
  EXPECT_EQ(
      GetVariable(elsewhere.VariableScope(captured, {.dtype = DType::kDouble}), "d", {.shape = {1}})
          .dtype(),
      DType::kDouble);
}

TEST_F(VariableScopeTest, CapturedRootOpensNoOpScope) {  // VS-28
  const Scope s = root_.Sub("ops").VariableScope(root_, {.reuse = Reuse::kAuto});
  EXPECT_EQ(s.name(), "ops");
  EXPECT_EQ(s.variable_scope(), "");
}

TEST_F(VariableScopeTest, JumpsInsideTheRootCountOn) {  // VS-27: nobody leaves the root
  EXPECT_EQ(root_.DefaultVariableScope("dense").variable_scope(), "dense");
  for (const Reuse reuse : {Reuse::kInherit, Reuse::kAuto}) {
    const Scope again = root_.Reenter({.reuse = reuse});
    EXPECT_EQ(again.variable_scope(), "");
    EXPECT_EQ(again.DefaultVariableScope("dense").variable_scope(), "dense_1");
  }
  // With reuse a further number could only fail: the second tower starts again.
  EXPECT_EQ(root_.WithReuse().DefaultVariableScope("dense").variable_scope(), "dense");
  // And are forgotten afterwards.
  EXPECT_EQ(root_.DefaultVariableScope("dense").variable_scope(), "dense_1");
}

TEST_F(VariableScopeTest, ScopesOpenedByNameCountToo) {  // VS-27
  root_.VariableScope("dense");
  EXPECT_EQ(root_.DefaultVariableScope("dense").variable_scope(), "dense_1");
  // By a path: the inner name is taken in the next opening of the outer scope, then free again.
  root_.VariableScope("a/b");
  EXPECT_EQ(root_.VariableScope("a").DefaultVariableScope("b").variable_scope(), "a/b_1");
  EXPECT_EQ(root_.VariableScope("a").DefaultVariableScope("b").variable_scope(), "a/b");
}

TEST_F(VariableScopeTest, NumbersAreForgottenWhenAScopeIsOpenedAnew) {  // VS-27
  const Scope first = root_.VariableScope("net");
  EXPECT_EQ(first.DefaultVariableScope("dense").variable_scope(), "net/dense");
  EXPECT_EQ(first.DefaultVariableScope("dense").variable_scope(), "net/dense_1");
  EXPECT_EQ(root_.VariableScope("net").DefaultVariableScope("dense").variable_scope(), "net/dense");
}

TEST_F(VariableScopeTest, DefaultScopesNameOpsByTheirDefault) {  // VS-24, VS-28
  root_.Sub("dense");
  const Scope s = root_.DefaultVariableScope("dense");
  EXPECT_EQ(s.variable_scope(), "dense");
  EXPECT_EQ(s.name(), "dense_1");
  EXPECT_EQ(root_.DefaultVariableScope("dense").name(), "dense_2");
}

TEST_F(VariableScopeTest, SettersChangeOneScope) {  // VS-26
  const Scope parent = root_.VariableScope("p");
  const Scope child = parent.VariableScope("c");
  const Scope set = child.With({.initializer = OnesInitializer,
                                .caching_device = "/cpu:0",
                                .partitioner = FixedSizePartitioner(2),
                                .reuse = Reuse::kAuto,
                                .dtype = DType::kDouble,
                                .use_resource = false});
  EXPECT_EQ(set.name(), child.name());
  EXPECT_EQ(set.variable_scope(), "p/c");
  EXPECT_EQ(set.reuse(), Reuse::kAuto);
  const Scope inner = set.VariableScope("i");
  for (const Scope& s : {set, inner}) {
    EXPECT_TRUE(s.initializer());
    EXPECT_EQ(s.dtype(), DType::kDouble);
    EXPECT_FALSE(s.use_resource());
    EXPECT_EQ(s.caching_device(), "/cpu:0");
    EXPECT_TRUE(s.partitioner());
  }
  for (const Scope& s : {child, parent, child.VariableScope("i")}) {
    EXPECT_FALSE(s.initializer());
    EXPECT_EQ(s.reuse(), Reuse::kFalse);
    EXPECT_EQ(s.dtype(), DType::kFloat);
    EXPECT_TRUE(s.use_resource());
    EXPECT_FALSE(s.partitioner());
  }
  // The numbering of default scopes goes on.
  EXPECT_EQ(child.DefaultVariableScope("d").variable_scope(), "p/c/d");
  EXPECT_EQ(child.With({}).DefaultVariableScope("d").variable_scope(), "p/c/d_1");
}

TEST_F(VariableScopeTest, OriginalNameScope) {  // VS-29
  const Scope tower = root_.VariableScope("scope1").VariableScope("tower");
  EXPECT_EQ(tower.original_name_scope(), "scope1/tower/");
  const Scope again = root_.VariableScope("elsewhere").VariableScope(tower);
  EXPECT_EQ(again.name(), "elsewhere/tower");
  EXPECT_EQ(again.original_name_scope(), "scope1/tower/");
  EXPECT_EQ(again.Sub(again.original_name_scope()).name(), "scope1/tower");
  EXPECT_EQ(again.AtOriginalNames(Reuse::kTrue).name(), "scope1/tower");
  EXPECT_EQ(root_.original_name_scope(), "");
  EXPECT_EQ(root_.VariableScope("v", {.auxiliary_name_scope = false}).original_name_scope(), "");
}

TEST_F(VariableScopeTest, VariablesOfAScope) {  // VS-32
  const Scope foo = root_.VariableScope("foo");
  Get(foo, "x");
  Get(foo.VariableScope("in"), "y");
  Get(root_.VariableScope("foo_"), "x");
  GetVariable(foo, "frozen", {.shape = {1}, .trainable = false});
  GetLocalVariable(foo, "local", {.shape = {1}});
  EXPECT_EQ(Names(foo.TrainableVariables()), (std::vector<std::string>{"foo/x:0", "foo/in/y:0"}));
  EXPECT_EQ(Names(foo.GlobalVariables()),
            (std::vector<std::string>{"foo/x:0", "foo/in/y:0", "foo/frozen:0"}));
  EXPECT_EQ(Names(foo.LocalVariables()), (std::vector<std::string>{"foo/local:0"}));
  EXPECT_EQ(root_.GlobalVariables().size(), 4u);
  EXPECT_EQ(graph_.GetCollection(keys::kGlobalVariables, foo).size(), 3u);
}

// The table in graph/README.md.
TEST_F(VariableScopeTest, TwoPrefixes) {  // VS-22, VS-23, VS-28
  const Scope a = root_.VariableScope("net");
  const auto prefixes = [](const Scope& s) { return s.name() + " " + s.variable_scope(); };
  EXPECT_EQ(prefixes(a), "net net");
  EXPECT_EQ(prefixes(root_.VariableScope("net")), "net_1 net");
  EXPECT_EQ(prefixes(a.Sub("x")), "net/x net");
  EXPECT_EQ(prefixes(a.Reenter()), "net_2 net");
  EXPECT_EQ(prefixes(root_.Sub("tower").VariableScope(a)), "tower/net net");
  EXPECT_EQ(prefixes(a.Sub(a.original_name_scope())), "net net");
  EXPECT_EQ(prefixes(a.DefaultVariableScope("dense")), "net/dense net/dense");
  EXPECT_EQ(prefixes(a.DefaultVariableScope("dense")), "net/dense_1 net/dense_1");
  EXPECT_EQ(prefixes(a.WithReuse().DefaultVariableScope("dense")), "net_3/dense net/dense");
}

// One value in two functions: neither sees what the other opens below it, except the numbers.
TEST_F(VariableScopeTest, AScopeIsAValue) {  // VS-33, NS-9
  const Scope net = root_.VariableScope("net");
  const Scope copy = net;
  EXPECT_EQ(net.Sub("a").name(), "net/a");
  EXPECT_EQ(copy.Sub("b").name(), "net/b");
  EXPECT_EQ(net.name(), "net");
  EXPECT_EQ(net.DefaultVariableScope("d").variable_scope(), "net/d");
  EXPECT_EQ(copy.DefaultVariableScope("d").variable_scope(), "net/d_1");
}

}  // namespace
}  // namespace sluice
