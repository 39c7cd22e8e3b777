#include "ops/shape.h"

#include "graph/graph.h"
#include "graph/node.h"
#include "ops/all_ops.h"
#include "ops/placeholder.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

TEST(ShapeTest, Shape) {
  OpTest("Shape").Input({2, 0, 3}, {}).Expect<int32_t>({3}, {2, 0, 3});
  OpTest("Shape").Input<std::string>({}, {"a"}).Expect<int32_t>({0}, {});
  OpTest("Shape")
      .Attr("out_type", DType::kInt64)
      .Input<bool>({1, 2}, {true, false})
      .Expect<int64_t>({2}, {1, 2});
}

TEST(ShapeTest, ShapeN) {
  OpTest("ShapeN")
      .Input({2}, {1, 2})
      .Input({1, 3}, {1, 2, 3})
      .ExpectAll({Tensor::Of<int32_t>({1}, {2}), Tensor::Of<int32_t>({2}, {1, 3})});
}

TEST(ShapeTest, SizeAndRank) {
  OpTest("Size").Input({2, 3}, {1, 2, 3, 4, 5, 6}).Expect<int32_t>({}, {6});
  OpTest("Size").Attr("out_type", DType::kInt64).Input({0, 3}, {}).Expect<int64_t>({}, {0});
  OpTest("Rank").Input({2, 1, 1}, {1, 2}).Expect<int32_t>({}, {3});
  OpTest("Rank").Input<int64_t>({}, {1}).Expect<int32_t>({}, {0});
}

TEST(ShapeTest, InfersTheLengthFromTheRank) {
  const auto infer = [](const TensorShape& x) {
    return OpTest("Shape").Input({}, {0}).InferShape({x}).value();
  };
  EXPECT_EQ(infer({-1, 3}), (TensorShape{2}));
  EXPECT_EQ(infer(TensorShape::Unknown()), (TensorShape{-1}));
}

TEST(ShapeTest, SizesThatInt32CannotHold) {
  const Tensor huge = Tensor::ShapeOnly(DType::kBool, {int64_t{1} << 31});
  OpTest("Shape").Input(huge).EvaluateOnly().ExpectError(StatusCode::kInvalidArgument,
                                                         "2147483648 does not fit int32");
  OpTest("Size").Input(huge).EvaluateOnly().ExpectError(StatusCode::kInvalidArgument, "int64");
  OpTest("Size")
      .Attr("out_type", DType::kInt64)
      .Input(huge)
      .EvaluateOnly()
      .Expect<int64_t>({}, {int64_t{1} << 31});
}

TEST(ShapeTensorTest, ConstantsWhenKnown) {
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  const Output known = ops::Placeholder(root, DType::kFloat, {2, 3});
  const Output partly = ops::Placeholder(root, DType::kFloat, {-1, 3});
  const Output unknown = ops::Placeholder(root, DType::kFloat);
  const Output shape = ops::ShapeTensor(root, known);
  EXPECT_EQ(shape.name(), "Shape:0");
  EXPECT_EQ(shape.node()->op(), "Const");
  ExpectClose(*graph.ConstantValue(shape), Tensor::Of<int32_t>({2}, {2, 3}));
  ExpectClose(*graph.ConstantValue(ops::SizeTensor(root, known)), Tensor::Scalar(int32_t{6}));
  ExpectClose(
      *graph.ConstantValue(ops::ShapeTensor(root.Named("s"), known, {.out_type = DType::kInt64})),
      Tensor::Of<int64_t>({2}, {2, 3}));
  EXPECT_EQ(ops::ShapeTensor(root, partly).node()->op(), "Shape");
  EXPECT_EQ(ops::SizeTensor(root, partly).node()->op(), "Size");
  ExpectClose(*graph.ConstantValue(ops::RankTensor(root, partly)), Tensor::Scalar(int32_t{2}));
  EXPECT_EQ(ops::RankTensor(root, unknown).node()->op(), "Rank");
  EXPECT_THAT(graph.status(), IsOk());
}

}  // namespace
}  // namespace sluice
