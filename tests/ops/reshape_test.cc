#include "ops/reshape.h"

#include "graph/graph.h"
#include "graph/node.h"
#include "ops/all_ops.h"
#include "ops/placeholder.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

OpTest ReshapeTo(std::initializer_list<int32_t> shape) {
  return OpTest("Reshape")
      .Input({2, 3}, {1, 2, 3, 4, 5, 6})
      .Input<int32_t>({static_cast<int64_t>(shape.size())}, shape);
}

TEST(ReshapeTest, ByHand) {
  ReshapeTo({3, 2}).Expect({3, 2}, {1, 2, 3, 4, 5, 6});
  ReshapeTo({-1}).Expect({6}, {1, 2, 3, 4, 5, 6});
  ReshapeTo({1, -1, 2}).Expect({1, 3, 2}, {1, 2, 3, 4, 5, 6});
  OpTest("Reshape").Input({1, 1}, {5}).Input<int64_t>({0}, {}).Expect({}, {5});
  OpTest("Reshape")
      .Input<std::string>({2}, {"a", "b"})
      .Input<int32_t>({2}, {2, 1})
      .Expect<std::string>({2, 1}, {"a", "b"});
}

TEST(ReshapeTest, EmptyTensors) {
  OpTest("Reshape").Input({0, 3}, {}).Input<int32_t>({2}, {4, 0}).Expect({4, 0}, {});
  OpTest("Reshape").Input({0, 3}, {}).Input<int32_t>({2}, {-1, 2}).Expect({0, 2}, {});
  OpTest("Reshape")
      .Input({0, 3}, {})
      .Input<int32_t>({2}, {-1, 0})
      .ExpectError(StatusCode::kInvalidArgument, "must not be zero");
}

TEST(ReshapeTest, Errors) {
  ReshapeTo({4}).ExpectError(StatusCode::kInvalidArgument,
                             "Cannot reshape a tensor with 6 elements to shape [4]");
  ReshapeTo({-1, 4}).ExpectError(StatusCode::kInvalidArgument, "Cannot reshape");
  ReshapeTo({-1, -1}).ExpectError(StatusCode::kInvalidArgument, "only one size may be -1");
  ReshapeTo({-2, -3}).ExpectError(StatusCode::kInvalidArgument, "-2");
  OpTest("Reshape")
      .Input({4}, {1, 2, 3, 4})
      .Input<int64_t>({3}, {4194305, 4194305, 211106198978564})
      .ExpectError(StatusCode::kInvalidArgument, "too many elements");
  OpTest("Reshape")
      .Input({1}, {1})
      .Input<int32_t>({1, 1}, {1})
      .ExpectError(StatusCode::kInvalidArgument, "Shape must be rank 1 but is rank 2");
}

TEST(ReshapeTest, InfersWhatItCan) {
  const auto infer = [](const TensorShape& x, const std::vector<int>& known) {
    return OpTest("Reshape")
        .Input({1, 1}, {0})
        .Input<int32_t>({2}, {-1, 4})
        .InferShape({x, {2}}, known);
  };
  EXPECT_EQ(infer({6, 2}, {1}).value(), (TensorShape{3, 4}));
  EXPECT_EQ(infer({-1, 2}, {1}).value(), (TensorShape{-1, 4}));
  EXPECT_EQ(infer({6, 2}, {}).value(), TensorShape::OfRank(2));
}

TEST(ReshapeTest, LiteralShapesAreNamedAsInPython) {
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  const Output x = ops::Placeholder(root, DType::kFloat, {4});
  const Output y = ops::Reshape(root, x, {2, -1});
  EXPECT_EQ(y.name(), "Reshape:0");
  EXPECT_EQ(y.node()->input(1).name(), "Reshape/shape:0");
  EXPECT_EQ(y.shape(), (TensorShape{2, 2}));
  EXPECT_EQ(ops::Reshape(root.Named("flat"), x, {4, 1}).node()->input(1).name(), "flat/shape:0");
}

TEST(ReshapeTest, Gradient) {
  OpTest("Reshape")
      .Input(RandomTensor(DType::kDouble, {2, 3}))
      .Input<int32_t>({2}, {3, -1})
      .CheckGradient();
}

TEST(ExpandDimsTest, EveryPosition) {
  const auto expand = [](int32_t dim) {
    return OpTest("ExpandDims").Input({2, 3}, {1, 2, 3, 4, 5, 6}).Input<int32_t>({}, {dim});
  };
  const std::initializer_list<float> values = {1, 2, 3, 4, 5, 6};
  expand(0).Expect({1, 2, 3}, values);
  expand(1).Expect({2, 1, 3}, values);
  expand(2).Expect({2, 3, 1}, values);
  expand(-1).Expect({2, 3, 1}, values);
  expand(-3).Expect({1, 2, 3}, values);
  expand(3).ExpectError(StatusCode::kInvalidArgument, "[-3, 3)");
  expand(-4).ExpectError(StatusCode::kInvalidArgument, "-4");
  OpTest("ExpandDims").Input({}, {7}).Input<int64_t>({1}, {0}).Expect({1}, {7});
}

TEST(ExpandDimsTest, Gradient) {
  OpTest("ExpandDims")
      .Input(RandomTensor(DType::kDouble, {2, 3}))
      .Input<int32_t>({}, {1})
      .CheckGradient();
}

TEST(SqueezeTest, ByHand) {
  OpTest("Squeeze").Input({1, 2, 1, 3}, {1, 2, 3, 4, 5, 6}).Expect({2, 3}, {1, 2, 3, 4, 5, 6});
  OpTest("Squeeze")
      .Attr("squeeze_dims", {-2})
      .Input({1, 2, 1, 3}, {1, 2, 3, 4, 5, 6})
      .Expect({1, 2, 3}, {1, 2, 3, 4, 5, 6});
  OpTest("Squeeze").Input({1, 1}, {4}).Expect({}, {4});
  OpTest("Squeeze").Input({1, 0}, {}).Expect({0}, {});
}

TEST(SqueezeTest, Errors) {
  OpTest("Squeeze")
      .Attr("squeeze_dims", {1})
      .Input({1, 3}, {1, 2, 3})
      .ExpectError(StatusCode::kInvalidArgument,
                   "Can not squeeze dim[1], expected a dimension of 1, got 3");
  OpTest("Squeeze")
      .Attr("squeeze_dims", {2})
      .Input({1, 3}, {1, 2, 3})
      .ExpectError(StatusCode::kInvalidArgument, "[-2, 2)");
}

TEST(SqueezeTest, InfersWhatItCan) {
  const auto infer = [](const TensorShape& x, std::initializer_list<int64_t> dims) {
    return OpTest("Squeeze").Attr("squeeze_dims", dims).Input({}, {0}).InferShape({x}).value();
  };
  EXPECT_FALSE(infer({-1, 1}, {}).rank_known());
  EXPECT_EQ(infer({-1, -1, 1}, {2}), (TensorShape{-1, -1}));
  EXPECT_EQ(infer({-1, 3}, {0}), (TensorShape{3}));
}

TEST(SqueezeTest, Gradient) {
  OpTest("Squeeze")
      .Attr("squeeze_dims", {1})
      .Input(RandomTensor(DType::kDouble, {2, 1, 3}))
      .CheckGradient();
}

}  // namespace
}  // namespace sluice
