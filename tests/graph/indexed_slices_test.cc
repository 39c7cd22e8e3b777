// Sparse gradients: rules GR-9 and GR-10, with numbers worked by hand.
#include "graph/indexed_slices.h"

#include <vector>

#include "glog/logging.h"
#include "gmock/gmock.h"
#include "graph/gradients.h"
#include "graph/node.h"
#include "ops/const.h"
#include "ops/gather.h"
#include "ops/placeholder.h"
#include "tests/testing/core/tensors.h"
#include "tests/testing/graph_fixture.h"

namespace sluice {
namespace {

using absl::StatusCode;
using testing::ElementsAre;
using testing::HasSubstr;

class IndexedSlicesTest : public GraphFixture {
 protected:
  Tensor Run(const Output& x, const Feeds& feeds = {}) {
    absl::StatusOr<Session> session = Session::Create(graph_);
    EXPECT_THAT(session, IsOk());
    if (!session.ok()) return {};
    const absl::StatusOr<std::vector<Tensor>> out = session->Run(feeds, {x});
    EXPECT_THAT(out, IsOk());
    return out.ok() ? (*out)[0] : Tensor();
  }
  Output Total(const Output& x) {
    const Output axes = ops::Const(root_, {0, 1});
    return At(root_).Node("Sum", {x, axes});
  }
  // A [3, 2] tensor of which rows `indices` are gathered, each time multiplied by `factor`.
  Output Loss(const Output& w, std::initializer_list<int32_t> indices, double factor) {
    return Total(ops::Gather(root_, w, ops::Const(root_, indices)) * factor);
  }
  const Tensor kRows = Tensor::Of<float>({3, 2}, {1, 2, 3, 4, 5, 6});
};

TEST_F(IndexedSlicesTest, GathersGiveSlices) {  // GR-1, GR-10
  const Output w = ops::Const(root_, kRows);
  const Output picked =
      ops::Gather(root_, w, ops::Const(root_, Tensor::Of<int32_t>({2, 2}, {2, 0, 2, 2})));
  const Output weights = ops::Const(root_, Tensor::Of<float>({2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}));
  const TensorOrSlices g = SparseGradients(root_, {picked * weights}, {w})[0];
  ASSERT_THAT(graph_.status(), IsOk());
  ASSERT_TRUE(g.is_slices());
  ExpectClose(Run(g.slices().values), Tensor::Of<float>({4, 2}, {1, 2, 3, 4, 5, 6, 7, 8}));
  ExpectClose(Run(g.slices().indices), Tensor::Of<int32_t>({4}, {2, 0, 2, 2}));
  ExpectClose(Run(g.slices().dense_shape), Tensor::Of<int32_t>({2}, {3, 2}));
  // Row 0 has weights 3 4; row 2 the sum of 1 2, 5 6 and 7 8.
  ExpectClose(Run(Gradients(root_, {picked * weights}, {w})[0]),
              Tensor::Of<float>({3, 2}, {3, 4, 0, 0, 13, 16}));
}

TEST_F(IndexedSlicesTest, NodeNamesOfAGather) {  // GR-2, GR-10
  const Output w = ops::Placeholder(root_.Named("w"), DType::kFloat, {3, 2});
  const Output y = ops::Gather(root_.Named("rows"), w, ops::Const(root_.Named("ids"), {2, 0}));
  SparseGradients(root_, {y}, {w});
  ASSERT_THAT(graph_.status(), IsOk());
  for (const char* name : {"Shape", "ToInt32", "Size", "ExpandDims/dim", "ExpandDims",
                           "strided_slice/stack", "strided_slice/stack_1", "strided_slice/stack_2",
                           "strided_slice", "concat/axis", "concat", "Reshape", "Reshape_1"}) {
    EXPECT_NE(graph_.FindNode(absl::StrCat("gradients/rows_grad/", name)), nullptr) << name;
  }
}

TEST_F(IndexedSlicesTest, OnlyGathersOfWholeRowsGiveSlices) {
  const Output w = ops::Const(root_, kRows);
  const Output ids = ops::Const(root_, {1, 1});
  const Output rows = ops::GatherV2(root_, w, ids, 0), columns = ops::GatherV2(root_, w, ids, 1);
  EXPECT_TRUE(SparseGradients(root_, {rows}, {w})[0].is_slices());
  const TensorOrSlices g = SparseGradients(root_, {columns}, {w})[0];
  ASSERT_FALSE(g.is_slices());
  ExpectClose(Run(g.tensor()), Tensor::Of<float>({3, 2}, {0, 2, 0, 2, 0, 2}));
}

TEST_F(IndexedSlicesTest, VariablesGatheredByHandle) {
  const Variable v = GetVariable(root_, "v", {.shape = {4, 2}, .initializer = ZerosInitializer});
  const Output y = v.SparseRead(root_.Named("rows"), ops::Const(root_, {3, 3}));
  const TensorOrSlices g = SparseGradients(root_, {y}, {v.handle()})[0];
  ASSERT_TRUE(g.is_slices());
  EXPECT_NE(graph_.FindNode("gradients/rows_grad/VariableShape"), nullptr);
  // Nothing reads the variable: its shape is known.
  ExpectClose(Run(ToDense(root_, g)), Tensor::Of<float>({4, 2}, {0, 0, 0, 0, 0, 0, 2, 2}));
}

TEST_F(IndexedSlicesTest, SlicesPassThroughIdentityAndReads) {
  const Output w = ops::Const(root_, kRows);
  const Output copy = At(root_).Node("Identity", {w});
  EXPECT_TRUE(SparseGradients(root_, {Loss(copy, {1}, 1)}, {w})[0].is_slices());
  const Variable v = GetVariable(root_, "v", {.shape = {3, 2}, .initializer = ZerosInitializer});
  EXPECT_TRUE(SparseGradients(root_, {Loss(v.value(), {1}, 1)}, {v.handle()})[0].is_slices());
}

TEST_F(IndexedSlicesTest, OtherOpsGetThemDense) {  // GR-10
  const Output w = ops::Const(root_, kRows);
  const TensorOrSlices g = SparseGradients(root_, {Loss(w * 10, {1, 1}, 3)}, {w})[0];
  ASSERT_FALSE(g.is_slices());
  ExpectClose(Run(g.tensor()), Tensor::Of<float>({3, 2}, {0, 0, 60, 60, 0, 0}));
}

TEST_F(IndexedSlicesTest, SlicesAddUpByConcatenation) {  // GR-9
  const Output w = ops::Const(root_, kRows);
  const Output loss = Loss(w, {2, 0}, 10) + Loss(w, {0}, 1);
  const TensorOrSlices g = SparseGradients(root_, {loss}, {w})[0];
  ASSERT_TRUE(g.is_slices());
  EXPECT_EQ(g.slices().values.name(), "gradients/concat:0");
  EXPECT_EQ(g.slices().indices.name(), "gradients/concat_1:0");
  EXPECT_EQ(Run(g.slices().values).shape(), (TensorShape{3, 2}));  // not merged
  ExpectClose(Run(ToDense(root_, g)), Tensor::Of<float>({3, 2}, {11, 11, 0, 0, 10, 10}));
}

TEST_F(IndexedSlicesTest, IndicesOfBothWidthsAddUp) {  // GR-9
  const Output w = ops::Const(root_, kRows);
  const Output wide = ops::Gather(root_, w, ops::Const(root_, Tensor::Of<int64_t>({1}, {1})));
  const TensorOrSlices g = SparseGradients(root_, {Loss(w, {2}, 1), wide}, {w})[0];
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(g.slices().indices.dtype(), DType::kInt64);
  ExpectClose(Run(ToDense(root_, g)), Tensor::Of<float>({3, 2}, {0, 0, 1, 1, 1, 1}));
}

TEST_F(IndexedSlicesTest, DenseAndSlicesAddUp) {  // GR-9
  const Output w = ops::Const(root_, kRows);
  const Output loss = Total(w * 5) + Loss(w, {1}, 2);
  const TensorOrSlices g = SparseGradients(root_, {loss}, {w})[0];
  ASSERT_TRUE(g.is_slices());
  const Tensor indices = Run(g.slices().indices);  // 0 1 2 of the dense one, 1, in some order
  ASSERT_EQ(indices.shape(), TensorShape{4});
  EXPECT_THAT(ToDoubles(indices), testing::UnorderedElementsAre(0, 1, 2, 1));
  ExpectClose(Run(ToDense(root_, g)), Tensor::Of<float>({3, 2}, {5, 5, 7, 7, 5, 5}));
}

TEST_F(IndexedSlicesTest, AVariableReadAndGathered) {  // GR-9
  const Variable v = GetVariable(root_, "v", {.shape = {3, 2}, .initializer = ZerosInitializer});
  const Output loss = Total(v.value() * 5) + Total(v.SparseRead(root_, ops::Const(root_, {2, 2})));
  const TensorOrSlices g = SparseGradients(root_, {loss}, {v.handle()})[0];
  ASSERT_TRUE(g.is_slices());
  ExpectClose(Run(ToDense(root_, g)), Tensor::Of<float>({3, 2}, {5, 5, 5, 5, 7, 7}));
}

// d/dw of sum((2 w_i)^2) over gathered i: 8 w_i each; its derivative 8 per time that i is gathered.
TEST_F(IndexedSlicesTest, SecondOrderThroughAGather) {
  const Output w = ops::Const(root_, kRows);
  const Output picked = ops::Gather(root_, w, ops::Const(root_, {2, 0, 2})) * 2;
  const Output first = Gradients(root_, {picked * picked}, {w})[0];
  ExpectClose(Run(first), Tensor::Of<float>({3, 2}, {8, 16, 0, 0, 80, 96}));
  ExpectClose(Run(Gradients(root_, {first}, {w})[0]),
              Tensor::Of<float>({3, 2}, {8, 8, 0, 0, 16, 16}));
}

TEST_F(IndexedSlicesTest, UnknownShapes) {
  const Output w = ops::Placeholder(root_.Named("w"), DType::kFloat, TensorShape::Unknown());
  const Output ids = ops::Placeholder(root_.Named("ids"), DType::kInt64, TensorShape::Unknown());
  const Output g = Gradients(root_, {ops::Gather(root_, w, ids)}, {w})[0];
  ExpectClose(Run(g, {{w, kRows}, {ids, Tensor::Scalar(int64_t{1})}}),
              Tensor::Of<float>({3, 2}, {0, 0, 1, 1, 0, 0}));
}

// --- conversion (GR-10)
// ----------------------------------------------------------------------------

TEST_F(IndexedSlicesTest, ToDenseAddsRowsAndNamesItsNodes) {  // GR-10
  const IndexedSlices slices = {ops::Const(root_, Tensor::Of<float>({3, 2}, {1, 2, 3, 4, 5, 6})),
                                ops::Const(root_, {3, 0, 3}), ops::Const(root_, {4, 2})};
  const Output dense = ToDense(root_, slices);
  EXPECT_EQ(dense.shape(), (TensorShape{4, 2}));
  EXPECT_EQ(dense.node()->op(), "UnsortedSegmentSum");
  ExpectClose(Run(dense), Tensor::Of<float>({4, 2}, {3, 4, 0, 0, 0, 0, 6, 8}));
  const Output plain = ops::Const(root_, 1.0f);
  EXPECT_EQ(ToDense(root_, plain), plain);
  EXPECT_TRUE(ToDense(root_, TensorOrSlices()).empty());
}

TEST_F(IndexedSlicesTest, NoDenseShape) {  // GR-10
  const Output values = ops::Const(root_.Named("values"), kRows);
  EXPECT_TRUE(
      ToDense(root_, IndexedSlices{values, ops::Const(root_, {0, 1, 2}), Output()}).empty());
  ExpectError(StatusCode::kInvalidArgument,
              "Tensor conversion requested for IndexedSlices without dense_shape: values:0");
}

TEST(IndexedSlices, OfTheWrongDType) {  // GR-10
  OpRegistry registry = ops::Builtin();
  const GradientFn doubles = [](At at, const Node&, const Outputs&) -> TensorsOrSlices {
    const Output values = ops::Const(at, Tensor::Of<double>({1, 2}, {1, 1}));
    return {IndexedSlices{values, ops::Const(at, {0}), ops::Const(at, {3, 2})}};
  };
  ASSERT_THAT(registry.AddGradient("Doubles", doubles), IsOk());
  Graph graph(registry);
  const Scope root = Scope::Root(graph);
  const Output w = ops::Const(root, Tensor::Zeros(DType::kFloat, {3, 2}));
  const Output twice = w * 2;
  const Output y = At(root.GradientOverride({{"Relu", "Doubles"}})).Node("Relu", {twice});
  Gradients(root, {y}, {w});
  EXPECT_THAT(graph.status(), StatusIs(StatusCode::kInvalidArgument,
                                       "Tensor conversion requested dtype float32 for "
                                       "IndexedSlices with dtype float64"));
}

TEST(IndexedSlices, GatesTakeTheValues) {  // GR-9, OPT-1
  OpRegistry registry = ops::Builtin();
  const GradientFn rows = [](At at, const Node&, const Outputs&) -> TensorsOrSlices {
    const Output values = ops::Const(at, Tensor::Of<float>({1, 2}, {1, 1}));
    const IndexedSlices slices = {values, ops::Const(at.Named("ids"), {0}), ops::Const(at, {3, 2})};
    return {slices, slices};
  };
  ASSERT_THAT(registry.AddGradient("Rows", rows), IsOk());
  Graph graph(registry);
  const Scope root = Scope::Root(graph);
  const Output a = ops::Placeholder(root, DType::kFloat, {3, 2});
  const Output b = ops::Placeholder(root, DType::kFloat, {3, 2});
  const Output y =
      At(root.GradientOverride({{"AddV2", "Rows"}}).Named("sum")).Node("AddV2", {a, b});
  const auto g = SparseGradients(root, {y}, {a, b}, {.gate_gradients = true});
  ASSERT_THAT(graph.status(), IsOk());
  ASSERT_TRUE(g[0].is_slices() && g[1].is_slices());
  EXPECT_EQ(g[0].slices().values.name(), "gradients/sum_grad/tuple/control_dependency:0");
  EXPECT_EQ(g[1].slices().values.name(), "gradients/sum_grad/tuple/control_dependency_1:0");
  EXPECT_EQ(g[1].slices().indices.name(), "gradients/sum_grad/ids:0");
}

class Warnings : public google::LogSink {
 public:
  Warnings() { google::AddLogSink(this); }
  ~Warnings() override { google::RemoveLogSink(this); }
  void send(google::LogSeverity, const char*, const char*, int, const struct ::tm*,
            const char* message, size_t length) override {
    all.emplace_back(message, length);
  }
  std::vector<std::string> all;
};

TEST_F(IndexedSlicesTest, LargeAndUnknownSizesAreWarnedOf) {  // GR-10
  const Output values = ops::Const(root_, Tensor::Zeros(DType::kFloat, {1, 2}));
  const Output index = ops::Const(root_, {0});
  Warnings warnings;
  ToDense(root_, IndexedSlices{values, index, ops::Const(root_, {49'999'999, 2})});
  EXPECT_THAT(warnings.all, ElementsAre());
  ToDense(root_, IndexedSlices{values, index, ops::Const(root_, {50'000'000, 2})});
  EXPECT_THAT(warnings.all, ElementsAre(HasSubstr("Converting sparse IndexedSlices to a dense "
                                                  "Tensor with 1e+08 elements")));
  const Output unknown = ops::Placeholder(root_, DType::kInt32, {2});
  ToDense(root_, IndexedSlices{values, index, unknown});
  ASSERT_EQ(warnings.all.size(), 2u);
  EXPECT_THAT(warnings.all[1], HasSubstr("of unknown shape"));
  EXPECT_THAT(graph_.status(), IsOk());
}

}  // namespace
}  // namespace sluice
