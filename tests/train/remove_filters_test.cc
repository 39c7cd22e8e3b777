#include "train/remove_filters.h"

#include <functional>

#include "graph/graph_def.h"
#include "graph/node.h"
#include "graph/tensor_proto.h"
#include "ops/binary.h"
#include "ops/matmul.h"
#include "ops/pool.h"
#include "ops/reduction.h"
#include "ops/relu.h"
#include "ops/reshape.h"
#include "ops/shape.h"
#include "ops/unary.h"
#include "proto/graph.pb.h"
#include "proto/tensor.pb.h"
#include "tests/testing/program/program_fixture.h"

namespace sluice::pruning {
namespace {

using Entries = std::vector<int64_t>;

// `t` with zeros at some entries along an axis.
Tensor Zeroed(const Tensor& t, int axis, const Entries& entries) {
  std::vector<double> values = ToDoubles(t);
  int64_t inner = 1;
  for (int d = axis + 1; d < t.shape().rank(); ++d) inner *= t.dim(d);
  for (size_t i = 0; i < values.size(); ++i) {
    const int64_t entry = static_cast<int64_t>(i) / inner % t.dim(axis);
    for (const int64_t e : entries) {
      if (e == entry) values[i] = 0;
    }
  }
  return FromDoubles(t.dtype(), t.shape(), values);
}

class RemoveFiltersTest : public ProgramFixture {
 protected:
  Output Weights(const std::string& name, const TensorShape& shape, const Entries& zero = {},
                 int axis = -1) {
    const Tensor t = RandomTensor(DType::kFloat, shape, ++seed_);
    return ops::Const(root_.Named(name), axis < 0 ? t : Zeroed(t, axis, zero));
  }
  // Filters [3, 3, in, out] of which those in `zero` do nothing.
  Output Conv(const Output& x, const std::string& name, int64_t in, int64_t out,
              const Entries& zero, const char* padding = "VALID", const char* format = "NHWC") {
    return At(root_.Named(name))
        .Node("Conv2D", {x, Weights(name + "/w", {3, 3, in, out}, zero, 3)},
              {{"strides", std::vector<int64_t>{1, 1, 1, 1}},
               {"padding", padding},
               {"data_format", format}});
  }
  Output Bias(const Output& x, const std::string& name, int64_t n, const char* format = "NHWC") {
    return At(root_.Named(name + "/bias"))
        .Node("BiasAdd", {x, Weights(name + "/b", {n})}, {{"data_format", format}});
  }
  Output Dense(const Output& x, const std::string& name, int64_t in, int64_t out,
               const Entries& zero = {}) {
    return ops::MatMul(root_.Named(name), x, Weights(name + "/w", {in, out}, zero, 1));
  }
  Output Pool(const Output& x, const char* op = "MaxPool", const char* format = "NHWC") {
    const std::vector<int64_t> two = format == std::string("NHWC")
                                         ? std::vector<int64_t>{1, 2, 2, 1}
                                         : std::vector<int64_t>{1, 1, 2, 2};
    return At(root_).Node(
        op, {x}, {{"ksize", two}, {"strides", two}, {"padding", "SAME"}, {"data_format", format}});
  }
  // Cuts the graph that ends in `y` and expects the same result from fewer weights: the elements
  // that each constant of `expected` has afterwards. Returns what RemoveFilters does.
  int64_t Cut(const Output& y, const std::map<std::string, TensorShape>& expected) {
    EXPECT_THAT(graph_.status(), IsOk());
    proto::GraphDef def;
    EXPECT_THAT(ToGraphDef(graph_, &def), IsOk());
    const std::vector<Tensor> before = RunDef(def, y.node()->name());
    const absl::StatusOr<int64_t> removed = RemoveFilters({y.node()->name()}, ops::Builtin(), &def);
    EXPECT_THAT(removed, IsOk());
    const std::vector<Tensor> after = RunDef(def, y.node()->name());
    for (size_t i = 0; i < before.size() && i < after.size(); ++i)
      ExpectClose(after[i], before[i], {.rtol = 1e-5, .atol = 1e-5});
    for (const proto::NodeDef& node : def.node()) {
      const auto want = expected.find(node.name());
      if (want == expected.end()) continue;
      const absl::StatusOr<Tensor> value = TensorFromProto(node.attr().at("value").tensor());
      EXPECT_THAT(value, IsOk());
      EXPECT_EQ(value->shape(), want->second) << node.name();
    }
    return removed.ok() ? *removed : -1;
  }
  // The output for two random batches of the placeholder "x".
  std::vector<Tensor> RunDef(const proto::GraphDef& def, const std::string& name) {
    Graph graph(ops::Builtin());
    EXPECT_THAT(ImportGraphDef(def, &graph), IsOk());
    absl::StatusOr<Session> session = Session::Create(graph, {.intra_op_threads = 1});
    EXPECT_THAT(session, IsOk());
    std::vector<Tensor> all;
    TensorShape shape = x_.shape();
    for (const int64_t batch : {1, 3}) {
      shape.set_dim(0, batch);
      absl::StatusOr<std::vector<Tensor>> y = session->Run(
          {{*graph.FindTensor("x:0"), RandomTensor(DType::kFloat, shape, 100 + batch)}},
          {*graph.FindTensor(name + ":0")});
      EXPECT_THAT(y, IsOk());
      if (y.ok()) all.push_back((*y)[0]);
    }
    return all;
  }
  Output X(const TensorShape& shape) {
    return x_ = ops::Placeholder(root_.Named("x"), DType::kFloat, shape);
  }
  Output x_;
  uint64_t seed_ = 0;
};

TEST_F(RemoveFiltersTest, ConvReluPoolConvFlattenDense) {
  Output y = X({-1, 12, 12, 2});
  y = Pool(ops::Relu(root_, Bias(Conv(y, "c1", 2, 8, {1, 4, 7}), "c1", 8)));
  y = ops::Relu(root_, Bias(Conv(y, "c2", 8, 6, {0, 5}), "c2", 6));
  y = ops::Reshape(root_, y, {-1, 3 * 3 * 6});
  y = Bias(Dense(y, "d", 54, 10), "d", 10);
  EXPECT_EQ(Cut(y, {{"c1/w", {3, 3, 2, 5}},
                    {"c1/b", {5}},
                    {"c2/w", {3, 3, 5, 4}},
                    {"c2/b", {4}},
                    {"d/w", {36, 10}},
                    {"d/b", {10}}}),
            5);
}

TEST_F(RemoveFiltersTest, ChannelsFirst) {
  Output y = X({-1, 2, 12, 12});
  y = Pool(ops::Relu(root_, Bias(Conv(y, "c1", 2, 4, {2}, "VALID", "NCHW"), "c1", 4, "NCHW")),
           "AvgPool", "NCHW");
  y = ops::Reshape(root_, y, {-1, 4 * 25});
  y = Bias(Dense(y, "d", 100, 3), "d", 3);
  EXPECT_EQ(Cut(y, {{"c1/w", {3, 3, 2, 3}}, {"c1/b", {3}}, {"d/w", {75, 3}}}), 1);
}

TEST_F(RemoveFiltersTest, PaddingKeepsChannelsThatAreNotZeroBehindTheirBias) {
  // relu(bias) of a removed filter meets zeros at the edges of a SAME convolution: only filters
  // whose bias is negative may go.
  Output y = X({-1, 6, 6, 2});
  y = Conv(y, "c1", 2, 4, {0, 1, 2});
  y = At(root_).Node("BiasAdd", {y, ops::Const<float>(root_.Named("c1/b"), {.5f, -.5f, 0, 1})});
  y = Conv(ops::Relu(root_, y), "c2", 4, 3, {}, "SAME");
  y = Bias(y, "c2", 3);
  EXPECT_EQ(Cut(y, {{"c1/w", {3, 3, 2, 2}}, {"c1/b", {2}}, {"c2/w", {3, 3, 2, 3}}}), 2);
}

TEST_F(RemoveFiltersTest, WithoutABiasBehindConstantsStay) {
  Output y = X({-1, 5});
  y = ops::Sigmoid(root_, Dense(y, "d1", 5, 4, {1, 2}));  // sigmoid(0) = 0.5
  y = ops::Relu(root_, Dense(y, "d2", 4, 3));
  EXPECT_EQ(Cut(y, {{"d1/w", {5, 4}}, {"d2/w", {4, 3}}}), 0);
}

TEST_F(RemoveFiltersTest, ConstantsGoToTheBiasBehind) {
  Output y = X({-1, 5});
  y = ops::Sigmoid(root_, Bias(Dense(y, "d1", 5, 4, {1, 2}), "d1", 4));
  y = ops::Tanh(root_, ops::AddV2(root_, Weights("d2/b", {3}), Dense(y, "d2", 4, 3)));
  EXPECT_EQ(Cut(y, {{"d1/w", {5, 2}}, {"d1/b", {2}}, {"d2/w", {2, 3}}, {"d2/b", {3}}}), 2);
}

TEST_F(RemoveFiltersTest, TransposedMatrices) {
  Output y = X({-1, 5});
  y = ops::Relu(root_,
                At(root_.Named("d1"))
                    .Node("MatMul", {y, Weights("d1/w", {4, 5}, {3}, 0)}, {{"transpose_b", true}}));
  y = At(root_.Named("d2")).Node("MatMul", {y, Weights("d2/w", {3, 4})}, {{"transpose_b", true}});
  EXPECT_EQ(Cut(y, {{"d1/w", {3, 5}}, {"d2/w", {3, 3}}}), 1);
}

TEST_F(RemoveFiltersTest, ThroughDepthwiseConvolutions) {
  Output y = X({-1, 8, 8, 2});
  y = ops::Relu(root_, Bias(Conv(y, "c1", 2, 4, {3}), "c1", 4));
  y = At(root_.Named("dw"))
          .Node("DepthwiseConv2dNative", {y, Weights("dw/w", {3, 3, 4, 2})},
                {{"strides", std::vector<int64_t>{1, 1, 1, 1}}, {"padding", "VALID"}});
  y = At(root_.Named("pw"))
          .Node("Conv2D", {y, Weights("pw/w", {1, 1, 8, 5}, {0}, 3)},
                {{"strides", std::vector<int64_t>{1, 1, 1, 1}}, {"padding", "SAME"}});
  y = ops::Relu(root_, Bias(y, "pw", 5));
  y = ops::Mean(root_, y, {1, 2});
  y = Bias(Dense(y, "d", 5, 3), "d", 3);
  EXPECT_EQ(Cut(y, {{"c1/w", {3, 3, 2, 3}},
                    {"dw/w", {3, 3, 3, 2}},
                    {"pw/w", {1, 1, 6, 4}},
                    {"d/w", {4, 3}}}),
            2);
}

TEST_F(RemoveFiltersTest, ChannelsThatNobodyWeighsGo) {
  // Channel 2 of c1 is not zero, but every filter of c2 ignores it; so do the depthwise filters of
  // channel 1.
  Output y = X({-1, 8, 8, 2});
  y = ops::Relu(root_, Bias(Conv(y, "c1", 2, 4, {}), "c1", 4));
  const Tensor w = Zeroed(RandomTensor(DType::kFloat, {3, 3, 4, 1}), 2, {1});
  y = At(root_).Node("DepthwiseConv2dNative", {y, ops::Const(root_.Named("dw/w"), w)},
                     {{"strides", std::vector<int64_t>{1, 1, 1, 1}}, {"padding", "SAME"}});
  const Tensor w2 = Zeroed(RandomTensor(DType::kFloat, {1, 1, 4, 3}), 2, {2});
  y = At(root_).Node("Conv2D", {y, ops::Const(root_.Named("c2/w"), w2)},
                     {{"strides", std::vector<int64_t>{1, 1, 1, 1}}, {"padding", "SAME"}});
  EXPECT_EQ(
      Cut(y,
          {{"c1/w", {3, 3, 2, 2}}, {"c1/b", {2}}, {"dw/w", {3, 3, 2, 1}}, {"c2/w", {1, 1, 2, 3}}}),
      2);
}

TEST_F(RemoveFiltersTest, OneRemovalMakesRoomForTheNext) {
  // d2's unit 0 looks at d1's dead unit only, so that it is dead, too.
  Output y = X({-1, 3});
  y = ops::Relu(
      root_,
      ops::MatMul(root_, y, ops::Const<float>(root_.Named("w1"), {1, 0, 2, 0, 3, 0}, {3, 2})));
  y = ops::Relu(root_,
                ops::MatMul(root_, y, ops::Const<float>(root_.Named("w2"), {0, 2, 5, 0}, {2, 2})));
  y = ops::MatMul(root_, y, ops::Const<float>(root_.Named("w3"), {1, 2}, {2, 1}));
  EXPECT_EQ(Cut(y, {{"w1", {3, 1}}, {"w2", {1, 1}}, {"w3", {1, 1}}}), 2);
}

TEST_F(RemoveFiltersTest, BatchNormalizationAndScaling) {
  Output y = X({-1, 8, 8, 2});
  y = Conv(y, "c1", 2, 4, {1});
  const Output variance = ops::Const<float>(root_.Named("variance"), {1, 2, 3, 4});
  y = At(root_).Node(
      "FusedBatchNorm",
      {y, Weights("scale", {4}), Weights("offset", {4}), Weights("mean", {4}), variance},
      {{"is_training", false}});
  y = ops::Mul(root_, ops::Relu6(root_, y), Weights("by", {1, 1, 4}));
  y = Bias(Conv(y, "c2", 4, 3, {}), "c2", 3);
  EXPECT_EQ(Cut(y, {{"c1/w", {3, 3, 2, 3}},
                    {"scale", {3}},
                    {"variance", {3}},
                    {"by", {1, 1, 3}},
                    {"c2/w", {3, 3, 3, 3}}}),
            1);
}

TEST_F(RemoveFiltersTest, FlattensOfPythonPrograms) {  // the target: Pack(Shape(x)[0:1], -1)
  Output y = X({-1, 5, 5, 2});
  y = ops::Relu(root_, Bias(Conv(y, "c1", 2, 4, {0}), "c1", 4));
  const Output shape = ops::Shape(root_, y);
  const Output batch =
      At(root_).Node("StridedSlice",
                     {shape, ops::Const<int32_t>(root_, {0}), ops::Const<int32_t>(root_, {1}),
                      ops::Const<int32_t>(root_, {1})},
                     {{"shrink_axis_mask", int64_t{1}}});
  const Output target = At(root_).Node("Pack", {batch, ops::Const(root_, -1)});
  y = At(root_).Node("Reshape", {y, target});
  y = Dense(y, "d", 36, 2);
  y = Bias(y, "d", 2);
  EXPECT_EQ(Cut(y, {{"c1/w", {3, 3, 2, 3}}, {"d/w", {27, 2}}}), 1);
}

TEST_F(RemoveFiltersTest, OneFilterStays) {
  Output y = X({-1, 3});
  y = ops::Relu(root_, Dense(y, "d1", 3, 4, {0, 1, 2, 3}));
  y = Bias(Dense(y, "d2", 4, 2), "d2", 2);
  EXPECT_EQ(Cut(y, {{"d1/w", {3, 1}}, {"d2/w", {1, 2}}}), 3);
}

TEST_F(RemoveFiltersTest, OutputsKeepTheirChannels) {
  Output y = X({-1, 3});
  y = Dense(y, "d1", 3, 4, {1});
  EXPECT_EQ(Cut(y, {{"d1/w", {3, 4}}}), 0);
}

TEST_F(RemoveFiltersTest, OtherReadersKeepChannels) {
  // A residual connection, softmax over the channels, a transposition: nothing is proven.
  const std::function<Output(const Output&)> readers[] = {
      [this](const Output& h) { return ops::AddV2(root_, h, Dense(h, "r", 4, 4)); },
      [this](const Output& h) { return At(root_).Node("Softmax", {h}); },
      [this](const Output& h) {
        return ops::MatMul(root_, h,
                           At(root_).Node("Reshape", {h, ops::Const<int32_t>(root_, {4, -1})}));
      }};
  int i = 0;
  for (const auto& reader : readers) {
    Graph graph(ops::Builtin());
    Scope outer = root_;
    root_ = Scope::Root(graph);
    Output h = ops::Relu(root_, Dense(X({-1, 3}), "d1", 3, 4, {1}));
    const Output y = reader(h);
    ASSERT_THAT(graph.status(), IsOk());
    proto::GraphDef def;
    ASSERT_THAT(ToGraphDef(graph, &def), IsOk());
    const absl::StatusOr<int64_t> removed = RemoveFilters({y.node()->name()}, ops::Builtin(), &def);
    ASSERT_THAT(removed, IsOk());
    EXPECT_EQ(*removed, 0) << i;
    root_ = outer;
    ++i;
  }
}

TEST_F(RemoveFiltersTest, SharedFiltersStay) {
  Output x = X({-1, 4});
  const Output w = Weights("w", {4, 4}, {1}, 1);
  Output y = ops::Relu(root_, ops::MatMul(root_, x, w));
  y = ops::Relu(root_, ops::MatMul(root_, y, w));
  y = Dense(y, "d", 4, 2);
  EXPECT_EQ(Cut(y, {{"w", {4, 4}}, {"d/w", {4, 2}}}), 0);
}

TEST_F(RemoveFiltersTest, AGraphWithoutConvolutionsStays) {
  const Output y = ops::Relu(root_, X({-1, 4}));
  EXPECT_EQ(Cut(y, {}), 0);
}

}  // namespace
}  // namespace sluice::pruning
