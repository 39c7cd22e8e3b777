// Rewrites of a plan: folding, merging, dropping, working in place. They change how much runs,
// never what comes out.
#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "graph/evaluate.h"
#include "gtest/gtest.h"
#include "session/compiler.h"
#include "session/layout.h"
#include "tests/testing/session/session_fixture.h"

namespace sluice {
namespace {

using namespace session_ops;  // NOLINT: the ops of these tests
using absl::StatusCode;

class RewriteTest : public SessionFixture {
 protected:
  // Kernels of the test ops that ran in a second run of the plan.
  int64_t KernelsPerRun(const Outputs& fetches, const Feeds& feeds, bool optimize) {
    Session session = MakeSession({.optimize = optimize});
    EXPECT_THAT(session.Run(feeds, fetches), IsOk());
    TakeKernelRuns();
    EXPECT_THAT(session.Run(feeds, fetches), IsOk());
    return TakeKernelRuns();
  }
  const Output x_ = Placeholder(root_.Named("x"), DType::kFloat, {-1});
  const Feeds feeds_ = {{x_, Floats({1, 2, 3})}};
};

TEST_F(RewriteTest, ConstantsAreFolded) {
  const Output c =
      Square(root_, Add(root_, Const(root_, Floats({1, 2, 3})), Const(root_, Floats({1, 1, 1}))));
  const Output y = Add(root_, c, x_);
  EXPECT_EQ(KernelsPerRun({y}, feeds_, true), 1);
  EXPECT_EQ(KernelsPerRun({y}, feeds_, false), 3);
}

TEST_F(RewriteTest, LargeResultsAreNotFolded) {
  const auto kernels = [&](int64_t elements) {
    const Output c = Fill(root_, Const(root_, Ints({elements})), Const(root_, 1));
    const Output sum = Sum(root_, c);
    Session session = MakeSession();
    Run(session, sum);
    TakeKernelRuns();
    EXPECT_EQ(Run(session, sum).scalar<float>(), static_cast<float>(elements));
    return TakeKernelRuns();
  };
  EXPECT_EQ(kernels(1 << 22), 0);  // 16 MiB
  EXPECT_EQ(kernels((1 << 22) + 64), 1);
}

TEST_F(RewriteTest, ShapesAreFoldedAndWhatOnlyTheyNeededIsDropped) {
  const Output big = Square(root_, Square(root_, x_));
  const Output s = ShapeOf(root_, big);
  const Output y = Fill(root_, s, Const(root_, 2));
  EXPECT_EQ(KernelsPerRun({y}, feeds_, true), 0);
  EXPECT_EQ(KernelsPerRun({y}, feeds_, false), 2);
  Session session = MakeSession();
  ExpectClose(Run(session, feeds_, y), Floats({2, 2, 2}));
}

TEST_F(RewriteTest, RequestedNodesAreNotDropped) {
  const Output guard = Check(root_, x_, "negative");
  const Output shape = ShapeOf(root_, guard);
  Session session = MakeSession();
  const Feeds bad = {{x_, Floats({-1})}};
  EXPECT_FALSE(session.Run(bad, {guard}).ok());
  EXPECT_FALSE(session.Run(bad, {NoOp(root_.After({guard}))}).ok());
  EXPECT_THAT(session.Run(bad, {shape}), IsOk());
}

TEST_F(RewriteTest, EqualWorkIsDoneOnce) {
  const Output y = Placeholder(root_, DType::kFloat, {-1});
  const Output a = Add(root_, Square(root_, x_), y);
  const Output b = Add(root_, y, Square(root_, x_));  // commutative
  const Output c = Add(root_, Const(root_, Floats({1, 1, 1})), a);
  const Output d = Add(root_, b, Const(root_, Floats({1, 1, 1})));  // equal constants
  const Output e = Sub(root_, c, d);
  const Output f = Sub(root_, x_, y), g = Sub(root_, y, x_);  // not commutative
  const Feeds feeds = {{x_, Floats({1, 2, 3})}, {y, Floats({4, 5, 6})}};
  EXPECT_EQ(KernelsPerRun({e}, feeds, true), 4);
  EXPECT_EQ(KernelsPerRun({e}, feeds, false), 7);
  EXPECT_EQ(KernelsPerRun({f, g}, feeds, true), 2);
  Session session = MakeSession();
  const auto results = session.Run(feeds, {e, f, g});
  ASSERT_THAT(results, IsOk());
  ExpectClose((*results)[0], Floats({0, 0, 0}));
  ExpectClose((*results)[1], Floats({-3, -3, -3}));
  ExpectClose((*results)[2], Floats({3, 3, 3}));
}

TEST_F(RewriteTest, DifferentAttributesAreDifferentWork) {
  const Output a = Check(root_, x_, "one"), b = Check(root_, x_, "two");
  const Output c = Check(root_, x_, "one");
  Session session = MakeSession();
  EXPECT_THAT(session.Run({{x_, Floats({-1})}}, {b, a, c}),
              StatusIs(StatusCode::kInvalidArgument, "one"));
  ExpectClose(Run(session, feeds_, Add(root_, a, b)), Floats({2, 4, 6}));
}

TEST_F(RewriteTest, EffectsAndRandomOpsAreNeverMergedFoldedOrDropped) {
  const Output c = Const(root_, Floats({1}));
  const Output a = Logged(root_, c, "a"), b = Logged(root_, c, "a");
  const Output s = ShapeOf(root_, Logged(root_, c, "shape only"));
  const Output random = Add(root_, Random(root_), Random(root_));
  for (bool optimize : {true, false}) {
    Session session = MakeSession({.optimize = optimize});
    for (int i = 0; i < 2; ++i) {
      ASSERT_THAT(session.Run({}, {Add(root_, a, b), s, random}), IsOk());
      EXPECT_EQ(TakeLog(), (std::vector<std::string>{"a", "a", "shape only"}));
    }
    EXPECT_EQ(session.random_run(), 2u);
  }
}

TEST_F(RewriteTest, AFoldedNodeKeepsItsPlaceInTheOrder) {
  const Output first = Effect(root_, "first");
  const Output folded = Add(root_.After({first}), Const(root_, 1), Const(root_, 1));
  const Output second = Effect(root_.After({folded}), "second");
  Session session = MakeSession();
  ASSERT_THAT(session.Run(second), IsOk());
  EXPECT_EQ(TakeLog(), (std::vector<std::string>{"first", "second"}));
}

// --- random graphs ---

struct RandomGraph {
  Outputs feeds, fetches;
  std::vector<Output> all;
};

// Nodes of every stateless kind, over vectors of `n` and `m` elements, scalars, and logged effects.
RandomGraph MakeRandomGraph(Scope root, std::mt19937& random, int nodes) {
  const auto pick = [&](const std::vector<Output>& from) { return from[random() % from.size()]; };
  RandomGraph graph;
  std::vector<Output> vectors[2], scalars;
  const int64_t sizes[2] = {3, 100};
  for (int k : {0, 1}) {
    graph.feeds.push_back(Placeholder(root, DType::kFloat, {k == 0 ? -1 : sizes[k]}));
    vectors[k].push_back(graph.feeds.back());
    vectors[k].push_back(Const(root, RandomTensor(DType::kFloat, {sizes[k]}, random())));
  }
  scalars.push_back(Const(root, 0.5f));
  for (int i = 0; i < nodes; ++i) {
    const int k = static_cast<int>(random() % 2);
    std::vector<Output>& v = vectors[k];
    const Scope scope = random() % 4 == 0 ? root.After({pick(vectors[1 - k])}) : root;
    switch (random() % 13) {
      case 0:
        v.push_back(Add(scope, pick(v), pick(v)));
        break;
      case 1:
        v.push_back(Sub(scope, pick(v), pick(v)));
        break;
      case 2:
        v.push_back(Square(scope, Sub(scope, pick(v), pick(v))));
        break;
      case 3:
        v.push_back(AddN(scope, {pick(v), pick(v), pick(v)}));
        break;
      case 4:
        v.push_back(Identity(scope, pick(v)));
        break;
      case 5: {
        const Output split = Split(scope, pick(v));
        v.push_back(split);
        v.push_back(split.node()->output(1));
        break;
      }
      case 6:
        scalars.push_back(Sum(scope, pick(v)));
        break;
      case 7:
        scalars.push_back(Sub(scope, pick(scalars), pick(scalars)));
        break;
      case 8:
        v.push_back(Fill(scope, ShapeOf(scope, pick(v)), pick(scalars)));
        break;
      case 9:
        v.push_back(Fill(scope, ReferenceShape(scope, pick(v)), pick(scalars)));
        break;
      case 10:
        v.push_back(Logged(scope, pick(v), absl::StrCat("log", i)));
        break;
      case 11: {
        const Output column = Reshape(scope, pick(v), Const(root, Ints({sizes[k], 1})));
        v.push_back(Reshape(scope, Add(scope, column, column), ReferenceShape(scope, pick(v))));
        break;
      }
      case 12:
        scalars.push_back(Sum(scope, Positive(scope, pick(v))));
        break;
    }
  }
  for (const auto* list : {&vectors[0], &vectors[1], &scalars}) {
    graph.all.insert(graph.all.end(), list->begin(), list->end());
  }
  for (int i = 0; i < 6; ++i) graph.fetches.push_back(pick(graph.all));
  return graph;
}

std::vector<std::string> Sorted(std::vector<std::string> v) {
  std::sort(v.begin(), v.end());
  return v;
}

// Values by running every node alone, in creation order: one session per tensor would be the same
// but slower.
class NodeByNode {
 public:
  NodeByNode(const Graph& graph, const Feeds& feeds) {
    for (const auto& [to, value] : feeds) values_[to] = value;
    for (int id = 0; id < graph.num_nodes(); ++id) RunNode(*graph.node(id));
  }
  const Tensor& value(const Output& output) const { return values_.at(output); }

 private:
  void RunNode(const Node& node) {
    if (node.num_outputs() == 0 || values_.contains(node.output(0))) return;
    std::vector<Tensor> inputs;
    for (int i = 0; i < node.num_inputs(); ++i) inputs.push_back(values_.at(node.input(i)));
    EvaluateOptions options;
    options.node_name = node.name();
    const auto outputs = EvaluateOp(node.spec(), node.attrs(), inputs, options);
    ASSERT_THAT(outputs, IsOk());
    for (int i = 0; i < node.num_outputs(); ++i) values_[node.output(i)] = (*outputs)[i];
  }
  absl::flat_hash_map<Output, Tensor> values_;
};

// Optimized, plain and node by node: same bits, same effects.
TEST(RandomGraphTest, RewritesChangeNoResultAndNoEffect) {
  for (int seed = 0; seed < 150; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    std::mt19937 random(seed);
    Graph graph(Registry());
    const RandomGraph made = MakeRandomGraph(Scope::Root(graph), random, 5 + seed % 60);
    ASSERT_THAT(graph.status(), IsOk());
    auto fast = Session::Create(graph), plain = Session::Create(graph, {.optimize = false});
    ASSERT_THAT(fast, IsOk());
    ASSERT_THAT(plain, IsOk());
    for (int run = 0; run < 3; ++run) {
      const Feeds feeds = {{made.feeds[0], RandomTensor(DType::kFloat, {3}, random())},
                           {made.feeds[1], RandomTensor(DType::kFloat, {100}, random())}};
      TakeLog();
      const NodeByNode reference(graph, feeds);
      TakeLog();
      const auto a = fast->Run(feeds, made.fetches);
      const auto log_a = TakeLog();
      const auto b = plain->Run(feeds, made.fetches);
      const auto log_b = TakeLog();
      ASSERT_THAT(a, IsOk());
      ASSERT_THAT(b, IsOk());
      EXPECT_EQ(Sorted(log_a), Sorted(log_b));
      for (size_t i = 0; i < made.fetches.size(); ++i) {
        const Tensor& want = reference.value(made.fetches[i]);
        EXPECT_TRUE(BitEqual((*a)[i], want)) << i << (*a)[i].DebugString() << want.DebugString();
        EXPECT_TRUE(BitEqual((*b)[i], want)) << i << (*b)[i].DebugString() << want.DebugString();
      }
    }
  }
}

// --- memory ---

// Which bytes each value may be touched in, step by step: the slow twin of the planner's lives.
TEST(RandomGraphTest, LivingValuesNeverShareBytes) {
  int shared = 0;
  for (int seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    std::mt19937 random(seed);
    Graph graph(Registry());
    const RandomGraph made = MakeRandomGraph(Scope::Root(graph), random, 80);
    SessionState state(MemoryBudget::DefaultLimit());
    const Feeds feeds = {{made.feeds[0], RandomTensor(DType::kFloat, {3}, 1)},
                         {made.feeds[1], RandomTensor(DType::kFloat, {100}, 2)}};
    const auto program = Compile(state, {feeds, made.fetches, false});
    ASSERT_THAT(program, IsOk());
    const Layout layout = PlanLayout(*program, true);
    EXPECT_LE(layout.lower_bound_bytes, layout.arena_bytes);

    // owner[b]: the root value whose bytes these are since it was written.
    std::vector<int> owner(static_cast<size_t>(layout.arena_bytes), -1);
    const auto bytes_of = [&](int v) {
      const Value& value = program->values[v];
      return value.shape.num_elements() * static_cast<int64_t>(SizeOf(value.dtype));
    };
    const auto root = [&](int v) {
      return program->values[v].root >= 0 ? program->values[v].root : v;
    };
    for (size_t s = 0; s < program->steps.size(); ++s) {
      const ProgramStep& step = program->steps[s];
      for (int v : step.inputs) {
        if (program->values[root(v)].home != Home::kArena) continue;
        for (int64_t b = 0; b < bytes_of(root(v)); ++b) {
          ASSERT_EQ(owner[layout.offsets[root(v)] + b], root(v)) << "step " << s;
        }
      }
      for (int64_t b = 0; b < step.scratch_bytes; ++b) {
        owner[layout.scratch_offsets[s] + b] = -2;
      }
      if (step.scratch_bytes > 0) {  // scratch must not be an input
        for (int v : step.inputs) {
          if (program->values[root(v)].home != Home::kArena || bytes_of(root(v)) == 0) continue;
          ASSERT_EQ(owner[layout.offsets[root(v)]], root(v)) << "step " << s;
        }
      }
      for (int v : step.outputs) {
        if (program->values[v].home != Home::kArena) continue;
        EXPECT_EQ(layout.offsets[v] % kBufferAlignment, 0u);
        for (int64_t b = 0; b < bytes_of(v); ++b) {
          int& o = owner[layout.offsets[v] + b];
          shared += o >= 0;
          o = v;
        }
      }
    }
  }
  EXPECT_GT(shared, 1000);  // memory is reused at all
}

TEST_F(RewriteTest, AChainWorksInPlace) {
  Output y = Square(root_, x_);
  for (int i = 0; i < 10; ++i) y = Sub(root_, y, x_);
  SessionState state(MemoryBudget::DefaultLimit());
  const Feeds feeds = {{x_, RandomTensor(DType::kFloat, {1000}, 1)}};
  const auto program = Compile(state, {feeds, {y}, false});
  ASSERT_THAT(program, IsOk());
  // One tensor of 4000 bytes and, during the first step, scratch of the same size.
  EXPECT_EQ(PlanLayout(*program, true).arena_bytes, 2 * 4032);
}

TEST_F(RewriteTest, AnInputThatIsNeededTwiceIsNotOverwritten) {
  const Output y = Square(root_, x_);
  const Output column = Reshape(root_, y, Const(root_, Ints({3, 1})));
  const Output row = Reshape(root_, Sub(root_, y, y), Const(root_, Ints({3, 1})));  // y twice
  const Output z = Add(root_, Sub(root_, row, column), column);  // column lives on
  Session session = MakeSession();
  ExpectClose(Run(session, feeds_, z), Tensor::Of<float>({3, 1}, {0, 0, 0}));
}

}  // namespace
}  // namespace sluice
