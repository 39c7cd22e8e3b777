#include "ops/split.h"

#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

const Tensor kX = Tensor::Of<float>({2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});

OpTest SplitInto(int32_t axis, int64_t num_split) {
  return OpTest("Split").Attr("num_split", num_split).Input<int32_t>({}, {axis}).Input(kX);
}

OpTest SplitAt(std::initializer_list<int64_t> sizes, int32_t axis) {
  return OpTest("SplitV")
      .Attr("num_split", static_cast<int64_t>(sizes.size()))
      .Input(kX)
      .Input<int64_t>({static_cast<int64_t>(sizes.size())}, sizes)
      .Input<int32_t>({}, {axis});
}

TEST(SplitTest, ByHand) {
  SplitInto(1, 2).ExpectAll(
      {Tensor::Of<float>({2, 2}, {1, 2, 5, 6}), Tensor::Of<float>({2, 2}, {3, 4, 7, 8})});
  SplitInto(-2, 2).ExpectAll(
      {Tensor::Of<float>({1, 4}, {1, 2, 3, 4}), Tensor::Of<float>({1, 4}, {5, 6, 7, 8})});
  SplitInto(0, 1).ExpectAll({kX});
  OpTest("Split")
      .Attr("num_split", 2)
      .Input<int32_t>({}, {0})
      .Input<std::string>({2}, {"a", "b"})
      .ExpectAll({Tensor::Of<std::string>({1}, {"a"}), Tensor::Of<std::string>({1}, {"b"})});
  OpTest("Split")
      .Attr("num_split", 3)
      .Input<int32_t>({}, {0})
      .Input<bool>({0, 2}, {})
      .ExpectAll(std::vector<Tensor>(3, Tensor::Of<bool>({0, 2}, {})));
}

TEST(SplitTest, Errors) {
  SplitInto(1, 3).ExpectError(StatusCode::kInvalidArgument, "evenly divisible by 3 but is 4");
  SplitInto(2, 2).ExpectError(StatusCode::kInvalidArgument, "[-2, 2)");
  SplitInto(1, 0).ExpectError(StatusCode::kInvalidArgument, "num_split");
  OpTest("Split")
      .Attr("num_split", 1)
      .Input<int32_t>({}, {0})
      .Input({}, {1})
      .ExpectError(StatusCode::kInvalidArgument, "at least rank 1 but is rank 0");
}

TEST(SplitVTest, ByHand) {
  SplitAt({1, 0, 3}, 1)
      .ExpectAll({Tensor::Of<float>({2, 1}, {1, 5}), Tensor::Of<float>({2, 0}, {}),
                  Tensor::Of<float>({2, 3}, {2, 3, 4, 6, 7, 8})});
  SplitAt({3, -1}, -1)
      .ExpectAll(
          {Tensor::Of<float>({2, 3}, {1, 2, 3, 5, 6, 7}), Tensor::Of<float>({2, 1}, {4, 8})});
  SplitAt({2}, 0).ExpectAll({kX});
}

TEST(SplitVTest, Errors) {
  SplitAt({1, 2}, 1).ExpectError(StatusCode::kInvalidArgument, "must add up to the dimension, 4");
  SplitAt({5, -1}, 1).ExpectError(StatusCode::kInvalidArgument, "must add up");
  SplitAt({-1, -1}, 1).ExpectError(StatusCode::kInvalidArgument, "but for one -1");
  SplitAt({-2, 6}, 1).ExpectError(StatusCode::kInvalidArgument, "must be >= 0");
  OpTest("SplitV")
      .Attr("num_split", 3)
      .Input(kX)
      .Input<int64_t>({2}, {2, 2})
      .Input<int32_t>({}, {1})
      .ExpectError(StatusCode::kInvalidArgument, "size_splits must have 3 entries, got 2");
}

TEST(SplitVTest, InfersWhatItCan) {
  const auto infer = [](const TensorShape& x, const std::vector<int>& known) {
    return SplitAt({1, -1}, 1).InferShape({x, {2}, {}}, known);
  };
  EXPECT_EQ(infer({-1, 4}, {1, 2}).value(), (TensorShape{-1, 1}));
  EXPECT_EQ(infer({3, -1}, {1, 2}).value(), (TensorShape{3, 1}));
  EXPECT_EQ(infer({3, 4}, {2}).value(), (TensorShape{3, -1}));
  EXPECT_EQ(infer({3, 4}, {}).value(), TensorShape::OfRank(2));
}

TEST(SplitTest, Gradients) {
  const Tensor x = RandomTensor(DType::kDouble, {2, 4});
  OpTest("Split").Attr("num_split", 2).Input<int32_t>({}, {1}).Input(x).CheckGradient();
  OpTest("Split").Attr("num_split", 1).Input<int32_t>({}, {0}).Input(x).CheckGradient();
  OpTest("SplitV")
      .Attr("num_split", 3)
      .Input(x)
      .Input<int32_t>({3}, {1, 2, 1})
      .Input<int32_t>({}, {-1})
      .CheckGradient();
}

TEST(UnpackTest, EveryAxis) {
  OpTest("Unpack").Attr("num", 2).Input(kX).ExpectAll(
      {Tensor::Of<float>({4}, {1, 2, 3, 4}), Tensor::Of<float>({4}, {5, 6, 7, 8})});
  OpTest("Unpack")
      .Attr("num", 4)
      .Attr("axis", -1)
      .Input(kX)
      .ExpectAll({Tensor::Of<float>({2}, {1, 5}), Tensor::Of<float>({2}, {2, 6}),
                  Tensor::Of<float>({2}, {3, 7}), Tensor::Of<float>({2}, {4, 8})});
  OpTest("Unpack")
      .Attr("num", 1)
      .Input<std::string>({1}, {"a"})
      .ExpectAll({Tensor::Scalar(std::string("a"))});
}

TEST(UnpackTest, Errors) {
  OpTest("Unpack").Attr("num", 3).Input(kX).ExpectError(StatusCode::kInvalidArgument,
                                                        "Dimension must be 3 but is 2");
  OpTest("Unpack").Attr("num", 2).Attr("axis", 2).Input(kX).ExpectError(
      StatusCode::kInvalidArgument, "[-2, 2)");
  OpTest("Unpack").Attr("num", 1).Input({}, {1}).ExpectError(StatusCode::kInvalidArgument, "axis");
}

TEST(UnpackTest, Gradient) {
  OpTest("Unpack")
      .Attr("num", 3)
      .Attr("axis", 1)
      .Input(RandomTensor(DType::kDouble, {2, 3, 2}))
      .CheckGradient();
}

}  // namespace
}  // namespace sluice
