// What is told of compiled plans: the text, small graphs by hand, memory against a slow twin.
#include "session/plan_description.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/memory.h"
#include "gmock/gmock.h"
#include "graph/gradients.h"
#include "graph/graph.h"
#include "graph/node.h"
#include "graph/scope.h"
#include "gtest/gtest.h"
#include "ops/all_ops.h"
#include "ops/placeholder.h"
#include "session/session.h"
#include "tests/testing/core/status_matchers.h"

namespace sluice {
namespace {

using ::testing::HasSubstr;
using Tensor_ = PlanDescription::Tensor;

// --- the text ---

PlanDescription SmallPlan() {
  PlanDescription plan;
  plan.tensors = {{DType::kFloat, {2, 3}, "feed", -1, 24},
                  {DType::kFloat, {3, 400}, "constant", -1, 4800},
                  {DType::kFloat, {2, 400}, "arena", 64, 3200},
                  {DType::kFloat, {2, 400}, "arena", 64, 3200},
                  {DType::kInt64, {-1}, "runtime", -1, 0}};
  plan.steps.push_back({.node = "dense/MatMul",
                        .op = "MatMul",
                        .inputs = {0, 1},
                        .outputs = {2},
                        .scratch_bytes = 128,
                        .flops = 4800});
  plan.steps.push_back({.node = "relu",
                        .op = "Relu",
                        .inputs = {2},
                        .outputs = {3},
                        .flops = 800,
                        .invariant = true,
                        .in_place = true});
  plan.steps.push_back(
      {.node = "where", .op = "Where", .inputs = {3}, .outputs = {4}, .late = true});
  plan.steps.push_back({.node = "where", .op = "fetch", .inputs = {4}});
  plan.rewrites = {{"fuse_bias", 12}};
  plan.folded = 3;
  plan.arena_bytes = 3300;
  plan.lower_bound_bytes = 3000;
  plan.constant_bytes = 4800;
  return plan;
}

TEST(PlanDescriptionTest, Text) {
  EXPECT_EQ(ToString(SmallPlan()),
            "#  op      node          output          offset  bytes  FLOPs\n"
            "0  MatMul  dense/MatMul  float32[2,400]      64   3200  4.8 k  scratch 128\n"
            "1  Relu    relu          float32[2,400]      64   3200    800  invariant, in place\n"
            "2  Where   where         int64[?]             -      0         late\n"
            "3  fetch   where\n"
            "\n"
            "rewrites\n"
            "      12  fuse_bias\n"
            "nodes folded while compiling: 3\n"
            "\n"
            "memory in bytes\n"
            "  planned    3300, 10.0 % over the lower bound of 3000\n"
            "  constants  4800\n"
            "\n"
            "4 steps, 5.6 kFLOPs\n");
}

TEST(PlanDescriptionTest, TextOfNothing) {
  EXPECT_EQ(ToString({}),
            "#  op  node  output  offset  bytes  FLOPs\n"
            "\n"
            "rewrites: none\n"
            "nodes folded while compiling: 0\n"
            "\n"
            "memory in bytes\n"
            "  planned    0\n"
            "  constants  0\n"
            "\n"
            "0 steps, 0 FLOPs\n");
}

// Names come from files: nothing in them may drive the terminal, and one of them may be long.
TEST(PlanDescriptionTest, NamesInTheText) {
  PlanDescription plan;
  plan.steps.push_back({.node = "a\x1b[2Jb", .op = "Neg"});
  plan.steps.push_back({.node = std::string(150, 'n'), .op = "Neg"});
  const std::string text = ToString(plan);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_THAT(text, HasSubstr(std::string(150, 'n')));
  EXPECT_LT(text.find('\n'), 120u);  // the heading is not widened for all
}

// --- small graphs ---

class DescribePlanTest : public ::testing::Test {
 protected:
  Output Fed(const TensorShape& shape) { return ops::Placeholder(root_, DType::kFloat, shape); }
  Output Op(const char* op, const Outputs& inputs, const AttrMap& attrs = {}) {
    return At(root_).Node(op, inputs, attrs);
  }
  // The plan of a run in which every placeholder is fed.
  PlanDescription Describe(const Outputs& fetches, bool optimize = true) {
    EXPECT_THAT(graph_.status(), IsOk());
    Feeds feeds;
    for (int i = 0; i < graph_.num_nodes(); ++i) {
      const Node& node = *graph_.node(i);
      if (node.op() == "Placeholder")
        feeds.emplace_back(node.output(0),
                           Tensor::ShapeOnly(node.output_dtype(0), node.output_shape(0)));
    }
    absl::StatusOr<Session> session = Session::Create(graph_, {.optimize = optimize});
    EXPECT_THAT(session, IsOk());
    absl::StatusOr<PlanDescription> plan = session->DescribePlan(feeds, fetches);
    EXPECT_THAT(plan, IsOk());
    return plan.ok() ? *std::move(plan) : PlanDescription();
  }

  Graph graph_{ops::Builtin()};
  Scope root_ = Scope::Root(graph_);
};

TEST_F(DescribePlanTest, StepsByHand) {
  const Output x = Fed({2, 3}), w = Fed({3, 5});
  const Output y = Op("Neg", {Op("MatMul", {x, w})});
  const PlanDescription plan = Describe({y}, false);
  ASSERT_EQ(plan.steps.size(), 3u);
  EXPECT_EQ(plan.steps[0].op, "MatMul");
  EXPECT_EQ(plan.steps[0].node, "MatMul");
  EXPECT_EQ(plan.steps[0].flops, 2 * 2 * 3 * 5);
  EXPECT_EQ(plan.steps[1].op, "Neg");
  EXPECT_EQ(plan.steps[1].flops, 10);
  EXPECT_EQ(plan.steps[2].op, "fetch");
  for (const PlanDescription::Step& step : plan.steps) {
    EXPECT_FALSE(step.late || step.invariant || step.in_place) << step.op;
  }
  ASSERT_EQ(plan.steps[0].inputs.size(), 2u);
  const Tensor_& fed = plan.tensors[plan.steps[0].inputs[1]];
  EXPECT_EQ(fed.home, "feed");
  EXPECT_EQ(fed.shape, TensorShape({3, 5}));
  EXPECT_EQ(fed.bytes, 60);
  EXPECT_EQ(fed.offset, -1);
  ASSERT_EQ(plan.steps[0].outputs.size(), 1u);
  EXPECT_EQ(plan.steps[1].inputs, plan.steps[0].outputs);
  const Tensor_& product = plan.tensors[plan.steps[0].outputs[0]];
  EXPECT_EQ(product.home, "arena");
  EXPECT_EQ(product.dtype, DType::kFloat);
  EXPECT_EQ(product.bytes, 40);
  EXPECT_GE(product.offset, 0);
  EXPECT_GE(plan.arena_bytes, 128);  // two tensors of 40 bytes, each aligned
}

// MatMul, Tanh in the product's place, L2Loss, fetch: unless some of them become one step.
TEST_F(DescribePlanTest, WorkInPlaceIsMarked) {
  const Output tanh = Op("Tanh", {Op("MatMul", {Fed({64, 64}), Fed({64, 64})})});
  const PlanDescription plan = Describe({Op("L2Loss", {tanh})});
  int64_t in_place = 0;
  for (const PlanDescription::Step& step : plan.steps) {
    in_place += step.in_place;
    if (!step.in_place) continue;
    EXPECT_EQ(plan.tensors[step.inputs[0]].offset, plan.tensors[step.outputs[0]].offset);
  }
  EXPECT_EQ(in_place, plan.steps.size() == 4 ? 1 : 0);
  for (const PlanDescription::Step& step : Describe({tanh}, false).steps)
    EXPECT_FALSE(step.in_place) << step.op;
}

TEST_F(DescribePlanTest, ConstantsStringsAndUnknownShapes) {
  const Output c = At(root_).Node(
      "Const", {}, {{"value", Tensor::Zeros(DType::kFloat, {7, 9})}, {"dtype", DType::kFloat}});
  const Output x = Fed({7, 9});
  const Output where = Op("Where", {Op("Greater", {x, c})});
  const Output text = Op("AsString", {x});
  const PlanDescription plan = Describe({where, text}, false);
  EXPECT_EQ(plan.constant_bytes, 7 * 9 * 4);
  std::map<std::string, PlanDescription::Step> by_op;
  for (const PlanDescription::Step& step : plan.steps) by_op[step.op] = step;
  ASSERT_EQ(by_op.count("Where"), 1u);
  ASSERT_EQ(by_op.count("AsString"), 1u);
  const Tensor_& found = plan.tensors[by_op["Where"].outputs[0]];
  EXPECT_EQ(found.home, "runtime");
  EXPECT_EQ(found.bytes, 0);
  EXPECT_FALSE(found.shape.fully_defined());
  EXPECT_EQ(plan.tensors[by_op["AsString"].outputs[0]].home, "owned");
  EXPECT_GT(plan.owned_bytes, 0);
}

// --- memory, against a slow twin ---

int64_t Aligned(int64_t bytes) {
  constexpr int64_t kUnit = kBufferAlignment;
  return (bytes + kUnit - 1) / kUnit * kUnit;
}

// Plays a plan over blocks of the arena, each with the tensor that was written there last: what a
// step reads must still be there. Returns the most bytes of tensors that were needed at once.
class Player {
 public:
  explicit Player(const PlanDescription& plan)
      : plan_(plan), owner_(Aligned(plan.arena_bytes) / kBufferAlignment, -1) {}

  int64_t Run() {
    std::vector<int> born(plan_.tensors.size(), -1), dies(plan_.tensors.size(), -1);
    // In the second run invariant work is there already.
    for (const bool again : {false, true}) {
      for (size_t s = 0; s < plan_.steps.size(); ++s) {
        if (again && plan_.steps[s].invariant) continue;
        Play(static_cast<int>(s), &born, &dies);
      }
    }
    return MostAtOnce(born, dies);
  }

 private:
  const Tensor_& tensor(int t) const { return plan_.tensors[t]; }
  bool InArena(int t) const { return tensor(t).home == "arena" && tensor(t).bytes > 0; }
  bool SamePlace(int a, int b) const {
    return tensor(a).offset == tensor(b).offset && tensor(a).bytes == tensor(b).bytes;
  }

  void Play(int s, std::vector<int>* born, std::vector<int>* dies) {
    const PlanDescription::Step& step = plan_.steps[s];
    for (const int in : step.inputs) {
      if (!InArena(in)) continue;
      const int writer = WriterOf(in, step.op);
      if (writer >= 0) (*dies)[writer] = std::max((*dies)[writer], s);
    }
    for (const int out : step.outputs) {
      if (!InArena(out)) continue;
      CheckAgainstInputs(step, out);
      (*born)[out] = s;
      (*dies)[out] = std::max((*dies)[out], s);
      Write(out);
    }
  }

  void Write(int t) {
    EXPECT_EQ(tensor(t).offset % kBufferAlignment, 0u);
    EXPECT_LE(tensor(t).offset + tensor(t).bytes, plan_.arena_bytes);
    const int64_t first = tensor(t).offset / kBufferAlignment;
    const int64_t count = Aligned(tensor(t).bytes) / kBufferAlignment;
    std::fill_n(owner_.begin() + first, count, t);
    written_.push_back(t);
  }

  // The tensor whose elements tensor t shows: itself, or the one that it is another shape of.
  int WriterOf(int t, const std::string& reader) {
    const int64_t first = tensor(t).offset / kBufferAlignment;
    const int64_t count = Aligned(tensor(t).bytes) / kBufferAlignment;
    const int writer = owner_[first];
    EXPECT_GE(writer, 0) << reader << " reads what nobody wrote";
    if (writer < 0) return -1;
    const bool shape_of = std::find(written_.begin(), written_.end(), t) == written_.end();
    EXPECT_TRUE(writer == t || (shape_of && SamePlace(writer, t))) << reader;
    for (int64_t b = first; b < first + count; ++b) {
      EXPECT_EQ(owner_[b], writer) << reader << " reads what was overwritten";
    }
    return writer;
  }

  void CheckAgainstInputs(const PlanDescription::Step& step, int out) const {
    for (const int in : step.inputs) {
      if (!InArena(in)) continue;
      const bool apart = tensor(in).offset + tensor(in).bytes <= tensor(out).offset ||
                         tensor(out).offset + tensor(out).bytes <= tensor(in).offset;
      EXPECT_TRUE(apart || (step.in_place && SamePlace(in, out))) << step.op;
    }
  }

  int64_t MostAtOnce(const std::vector<int>& born, const std::vector<int>& dies) const {
    int64_t most = 0;
    for (int s = 0; s < static_cast<int>(plan_.steps.size()); ++s) {
      std::map<int64_t, int64_t> live;  // bytes by place: work in place counts once
      for (size_t t = 0; t < born.size(); ++t) {
        if (born[t] < 0 || s < born[t] || s > dies[t]) continue;
        live[tensor(static_cast<int>(t)).offset] = Aligned(tensor(static_cast<int>(t)).bytes);
      }
      int64_t sum = Aligned(plan_.steps[s].scratch_bytes);
      for (const auto& [offset, bytes] : live) sum += bytes;
      most = std::max(most, sum);
    }
    return most;
  }

  const PlanDescription& plan_;
  std::vector<int> owner_;  // by block
  std::vector<int> written_;
};

class PlannedMemoryTest : public DescribePlanTest {
 protected:
  Output Conv(const Output& x, int64_t filters, int64_t stride = 1, int64_t size = 3) {
    const Output w = Fed({size, size, x.shape().dim(3), filters});
    weights_.push_back(w);
    return Op("Conv2D", {x, w},
              {{"strides", std::vector<int64_t>{1, stride, stride, 1}}, {"padding", "SAME"}});
  }
  Output Pool(const Output& x) {
    const std::vector<int64_t> two = {1, 2, 2, 1};
    return Op("MaxPool", {x}, {{"ksize", two}, {"strides", two}, {"padding", "VALID"}});
  }
  Output Dense(const Output& x, int64_t units) {
    const Output w = Fed({x.shape().dim(1), units});
    weights_.push_back(w);
    return Op("MatMul", {x, w});
  }
  Output Loss(const Output& y) { return Op("L2Loss", {y}); }
  Outputs Training(const Output& y) {
    Outputs fetches = Gradients(root_, {Loss(y)}, weights_);
    for (size_t i = 0; i < fetches.size(); ++i) EXPECT_FALSE(fetches[i].empty()) << i;
    return fetches;
  }
  void Check(const Outputs& fetches) {
    const PlanDescription plan = Describe(fetches);
    ASSERT_GT(plan.steps.size(), 2u);
    const int64_t least = Player(plan).Run();
    EXPECT_EQ(plan.lower_bound_bytes, least);
    EXPECT_GE(plan.arena_bytes, plan.lower_bound_bytes);
    EXPECT_LE(static_cast<double>(plan.arena_bytes),
              1.1 * static_cast<double>(plan.lower_bound_bytes));
  }

  Outputs weights_;
};

TEST_F(PlannedMemoryTest, Perceptron) {
  Output x = Fed({32, 100});
  for (const int64_t units : {200, 150, 70, 10}) x = Op("Tanh", {Dense(x, units)});
  Check({x});
  Check(Training(x));
}

TEST_F(PlannedMemoryTest, ConvolutionsInALine) {
  Output x = Fed({2, 16, 16, 3});
  for (const int64_t filters : {8, 16, 24}) x = Pool(Op("Relu", {Conv(x, filters)}));
  Check({x});
  Check(Training(x));
}

TEST_F(PlannedMemoryTest, Residuals) {
  Output x = Conv(Fed({2, 12, 12, 3}), 8);
  for (const int64_t filters : {8, 8, 16, 16}) {
    const int64_t stride = filters == x.shape().dim(3) ? 1 : 2;
    const Output around = stride == 1 ? x : Conv(x, filters, stride, 1);
    const Output through = Conv(Op("Relu", {Conv(x, filters, stride)}), filters);
    x = Op("Relu", {Op("AddV2", {around, through})});
  }
  Check({x});
  Check(Training(x));
}

TEST_F(PlannedMemoryTest, Branches) {
  Output x = Fed({1, 10, 10, 4});
  for (int block = 0; block < 3; ++block) {
    Outputs branches = {Conv(x, 6, 1, 1), Conv(Op("Elu", {Conv(x, 4, 1, 1)}), 8),
                        Conv(Op("Relu", {Conv(x, 2, 1, 1)}), 4, 1, 5)};
    const Output axis = At(root_).Node(
        "Const", {}, {{"value", Tensor::Scalar<int32_t>(3)}, {"dtype", DType::kInt32}});
    branches.push_back(axis);
    x = Op("ConcatV2", branches);
  }
  Check({x});
  Check(Training(x));
}

// Another shape of a tensor lives as long as the tensor.
TEST_F(PlannedMemoryTest, Shapes) {
  const auto ints = [&](std::vector<int32_t> v) {
    return At(root_).Node("Const", {},
                          {{"value", Tensor::Of<int32_t>({static_cast<int64_t>(v.size())}, v)},
                           {"dtype", DType::kInt32}});
  };
  const Output a = Op("Tanh", {Fed({6, 20})});
  const Output b = Op("Reshape", {a, ints({20, 6})});
  const Output c = Op("MatMul", {a, Op("Sigmoid", {b})});
  Check({Op("Softmax", {c}), Op("Exp", {b})});
}

// What depends on a variable alone is computed when that has changed, and then stays.
TEST_F(PlannedMemoryTest, InvariantWork) {
  Output x = Fed({8, 30});
  for (int layer = 0; layer < 3; ++layer) {
    const TensorShape shape = {30, 30};
    const Output handle = At(root_).Node(
        "VarHandleOp", {},
        {{"dtype", DType::kFloat}, {"shape", shape}, {"shared_name", absl::StrCat("v", layer)}});
    const Output v = At(root_).Node("ReadVariableOp", {handle}, {{"dtype", DType::kFloat}});
    x = Op("Relu", {Op("MatMul", {x, Op("Tanh", {v})})});
  }
  const PlanDescription plan = Describe({x});
  int invariant = 0;
  for (const PlanDescription::Step& step : plan.steps)
    invariant += step.op == "Tanh" && step.invariant;
  EXPECT_EQ(invariant, 3);
  Player(plan).Run();
}

TEST_F(PlannedMemoryTest, WithoutOptimizationNothingIsShared) {
  Output x = Fed({50, 40});
  for (int i = 0; i < 5; ++i) x = Op("Tanh", {x});
  const PlanDescription plan = Describe({x}, false);
  EXPECT_EQ(plan.arena_bytes, 5 * Aligned(50 * 40 * 4));
  Player(plan).Run();
}

}  // namespace
}  // namespace sluice
