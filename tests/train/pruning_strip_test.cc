#include "train/pruning_strip.h"

#include "graph/graph_def.h"
#include "graph/node.h"
#include "ops/conv2d.h"
#include "ops/matmul.h"
#include "ops/pool.h"
#include "ops/relu.h"
#include "ops/reshape.h"
#include "proto/graph.pb.h"
#include "tests/testing/program/names.h"
#include "train/freeze.h"
#include "train/global_step.h"
#include "train/pruning.h"

namespace sluice::pruning {
namespace {

// A network of two convolutions and a matrix product, all masked, pruned to 80 %.
class StripTest : public NamesFixture {
 protected:
  Output Masked(const std::string& scope, const TensorShape& shape) {
    const Scope s = root_.VariableScope(scope);
    const Variable w = GetVariable(
        s, "weights", {.initializer = RandomTensor(DType::kFloat, shape, shape.num_elements())});
    return ApplyMask(s, w, s);
  }
  Output WithBias(const Output& x, const std::string& name, int64_t n) {
    const Variable b =
        GetVariable(root_, name, {.initializer = RandomTensor(DType::kFloat, {n}, n)});
    return At(root_).Node("BiasAdd", {x, b});
  }
  void Build() {
    train::CreateGlobalStep(root_);
    x_ = ops::Placeholder(root_.Named("x"), DType::kFloat, {-1, 12, 12, 1});
    Output y = WithBias(ops::Conv2D(root_, x_, Masked("c1", {3, 3, 1, 16})), "b1", 16);
    y = ops::MaxPool(root_, ops::Relu(root_, y), {.ksize = {1, 2, 2, 1}, .strides = {1, 2, 2, 1}});
    y = WithBias(ops::Conv2D(root_, y, Masked("c2", {3, 3, 16, 32})), "b2", 32);
    y = ops::Reshape(root_, ops::Relu(root_, y), {-1, 3 * 3 * 32});
    y_ = WithBias(ops::MatMul(root_, y, Masked("d", {288, 10})), "b3", 10);
    ASSERT_THAT(graph_.status(), IsOk());
  }
  void Prune() {
    Pruning pruning(root_, {}, {}, ops::Const(root_, 0.8f));
    Run(pruning.MaskUpdateOp(root_));
  }
  // The mask of weight i loses whole filters.
  void DropFilters(int i, const std::vector<int64_t>& filters) {
    const Variable mask = GetMasks(graph_)[i];
    std::vector<double> values = ToDoubles(Run(mask));
    const int64_t n = mask.shape().dim(-1);
    for (size_t k = 0; k < values.size(); ++k) {
      for (const int64_t f : filters) {
        if (static_cast<int64_t>(k) % n == f) values[k] = 0;
      }
    }
    Run(mask.Assign(root_, ops::Const(root_, FromDoubles(DType::kFloat, mask.shape(), values))));
  }
  proto::GraphDef Stripped(const StripOptions& options = {}) {
    Run(x_, {{x_, Images()}});  // there is a session
    proto::GraphDef def;
    EXPECT_THAT(Strip(*session_, {y_}, options, &def), IsOk());
    return def;
  }
  static Tensor Images() { return RandomTensor(DType::kFloat, {5, 12, 12, 1}, 9); }
  Tensor FromFile(const proto::GraphDef& def, bool optimize = true) {
    Graph graph(ops::Builtin());
    EXPECT_THAT(ImportGraphDef(def, &graph), IsOk());
    absl::StatusOr<Session> session =
        Session::Create(graph, {.intra_op_threads = 1, .optimize = optimize});
    EXPECT_THAT(session, IsOk());
    const absl::StatusOr<std::vector<Tensor>> y =
        session->Run({{*graph.FindTensor("x:0"), Images()}}, {*graph.FindTensor(y_.name())});
    EXPECT_THAT(y, IsOk());
    return y.ok() ? (*y)[0] : Tensor();
  }
  Output x_, y_;
};

TEST_F(StripTest, OutputsAreTheSameToTheBit) {  // PR-15
  Build();
  Prune();
  const Tensor want = Run(y_, {{x_, Images()}});
  EXPECT_TRUE(BitEqual(FromFile(Stripped()), want));
}

TEST_F(StripTest, MaskedWeightsAreConstantsAndMasksAreGone) {  // PR-15
  Build();
  Prune();
  const Tensor masked = Run(GetMaskedWeights(graph_)[0]);
  const proto::GraphDef def = Stripped();
  int constants = 0;
  for (const proto::NodeDef& node : def.node()) {
    EXPECT_EQ(node.name().find("mask/"), std::string::npos) << node.name();
    EXPECT_EQ(node.name().find("/mask"), node.name().find("/masked_weight")) << node.name();
    EXPECT_EQ(node.name().find("threshold"), std::string::npos) << node.name();
    EXPECT_NE(node.op(), "VarHandleOp");
    if (node.name().find("masked_weight") == std::string::npos) continue;
    EXPECT_EQ(node.op(), "Const");
    EXPECT_EQ(node.attr().at("dtype").type(), proto::DT_FLOAT);
    ++constants;
  }
  EXPECT_EQ(constants, 3);
  Graph graph(ops::Builtin());
  ASSERT_THAT(ImportGraphDef(def, &graph), IsOk());
  EXPECT_TRUE(
      BitEqual(*graph.ConstantValue(*graph.FindTensor("c1/weights/masked_weight:0")), masked));
  EXPECT_EQ(graph.FindNode("c1/weights"), nullptr);
  EXPECT_NE(graph.FindNode("x"), nullptr);
}

TEST_F(StripTest, SparseStorageIsSmallAndGivesTheSame) {
  Build();
  Prune();
  const proto::GraphDef dense = Stripped(), sparse = Stripped({.sparse_storage = true});
  const size_t sparse_bytes = sparse.ByteSizeLong(), dense_bytes = dense.ByteSizeLong();
  EXPECT_LT(sparse_bytes, 0.4 * dense_bytes);
  const Tensor want = Run(y_, {{x_, Images()}});
  for (const bool optimize : {true, false}) {
    const Tensor got = FromFile(sparse, optimize);
    ASSERT_EQ(got.shape(), want.shape());
    for (int64_t i = 0; i < want.num_elements(); ++i)
      EXPECT_EQ(got.flat<float>()[i], want.flat<float>()[i]) << i;
  }
}

TEST_F(StripTest, FiltersThatAreGoneMakeSmallerLayers) {
  Build();
  Prune();
  DropFilters(0, {0, 3, 5, 9});
  DropFilters(1, {1, 2, 3, 4, 5, 6, 7, 8, 31});
  const Tensor want = Run(y_, {{x_, Images()}});
  const proto::GraphDef dense = Stripped(), cut = Stripped({.remove_filters = true});
  ExpectClose(FromFile(cut), want, {.rtol = 1e-5, .atol = 1e-5});
  Graph graph(ops::Builtin());
  ASSERT_THAT(ImportGraphDef(cut, &graph), IsOk());
  const auto shape = [&](const char* name) { return graph.FindTensor(name)->shape(); };
  EXPECT_LE(shape("c1/weights/masked_weight:0").dim(3), 12);
  EXPECT_LE(shape("c2/weights/masked_weight:0").dim(3), 23);
  EXPECT_EQ(shape("c2/weights/masked_weight:0").dim(2), shape("c1/weights/masked_weight:0").dim(3));
  EXPECT_EQ(shape("d/weights/masked_weight:0").dim(0),
            9 * shape("c2/weights/masked_weight:0").dim(3));
  EXPECT_LT(cut.ByteSizeLong(), dense.ByteSizeLong());
  const proto::GraphDef both = Stripped({.sparse_storage = true, .remove_filters = true});
  EXPECT_LT(both.ByteSizeLong(), cut.ByteSizeLong());
  ExpectClose(FromFile(both), want, {.rtol = 1e-5, .atol = 1e-5});
}

TEST_F(StripTest, StripsWithoutMasksToo) {
  x_ = ops::Placeholder(root_.Named("x"), DType::kFloat, {-1, 12, 12, 1});
  const Variable w = GetVariable(root_, "w", {.shape = {3, 3, 1, 2}});
  y_ = ops::Conv2D(root_.Named("y"), x_, w);
  const Tensor want = Run(y_, {{x_, Images()}});
  EXPECT_TRUE(BitEqual(FromFile(Stripped()), want));
}

TEST_F(StripTest, TwoTowersThatShareTheirWeights) {
  x_ = ops::Placeholder(root_.Named("x"), DType::kFloat, {-1, 12, 12, 1});
  const Scope s = root_.VariableScope("s");
  const Variable w = GetVariable(s, "weights", {.shape = {3, 3, 1, 2}});
  const Output one = ops::Conv2D(root_, x_, ApplyMask(s, w, s));
  y_ = ops::Conv2D(root_, x_, ApplyMask(s, w, s.WithReuse())) + one;
  train::CreateGlobalStep(root_);
  Prune();
  const Tensor want = Run(y_, {{x_, Images()}});
  EXPECT_TRUE(BitEqual(FromFile(Stripped({.remove_filters = true})), want));
}

TEST_F(StripTest, Bytes) {
  Build();
  Prune();
  const absl::StatusOr<std::string> bytes = StripToBytes(*session_, {y_}, {.sparse_storage = true});
  ASSERT_THAT(bytes, IsOk());
  Graph graph(ops::Builtin());
  ASSERT_THAT(train::ImportFrozen(*bytes, &graph), IsOk());
  absl::StatusOr<Session> session = Session::Create(graph, {.intra_op_threads = 1});
  ASSERT_THAT(session, IsOk());
  EXPECT_THAT(session->Run({{*graph.FindTensor("x:0"), Images()}}, {*graph.FindTensor(y_.name())}),
              IsOk());
}

TEST_F(StripTest, ErrorsAreThoseOfFreezing) {
  Build();
  Prune();
  EXPECT_THAT(StripToBytes(*session_, {}).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, "no outputs"));
  const Output step =
      graph_.Variables(keys::kGlobalStep)[0].AssignAdd(root_, ops::Const(root_, int64_t{1}));
  EXPECT_THAT(StripToBytes(*session_, {step}).status(),
              StatusIs(absl::StatusCode::kFailedPrecondition, "freeze a graph for inference"));
}

}  // namespace
}  // namespace sluice::pruning
