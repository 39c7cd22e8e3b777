#include "ops/ensure_shape.h"

#include <string>

#include "tests/testing/op_test.h"

namespace sluice {
namespace {

AttrValue Shape(const TensorShape& shape) { return AttrValue(shape); }

TEST(EnsureShapeTest, PassesWhatFits) {
  const Tensor x = Tensor::Of<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  for (const TensorShape& shape :
       {TensorShape{2, 3}, TensorShape{-1, 3}, TensorShape{-1, -1}, TensorShape::Unknown()}) {
    OpTest("EnsureShape").Attr("shape", Shape(shape)).Input(x).Expect(x);
  }
  OpTest("EnsureShape")
      .Attr("shape", Shape({-1}))
      .Input<std::string>({2}, {"a", "b"})
      .Expect<std::string>({2}, {"a", "b"});
  OpTest("EnsureShape").Attr("shape", Shape({})).Input<bool>({}, {true}).Expect<bool>({}, {true});
}

TEST(EnsureShapeTest, RefusesTheRest) {
  const Tensor x = Tensor::Of<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  OpTest("EnsureShape")
      .Attr("shape", Shape({2, 2}))
      .Input(x)
      .ExpectError(absl::StatusCode::kInvalidArgument, "");
  OpTest("EnsureShape")
      .Attr("shape", Shape({2, -1, -1}))
      .Input(x)
      .ExpectError(absl::StatusCode::kInvalidArgument, "");
}

TEST(EnsureShapeTest, TellsWhatItKnows) {
  OpTest op("EnsureShape");
  op.Attr("shape", Shape({-1, 3})).Input({2, 3}, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(op.InferShape({TensorShape::Unknown()}).value(), TensorShape({-1, 3}));
  EXPECT_EQ(op.InferShape({{2, -1}}).value(), TensorShape({2, 3}));
}

TEST(EnsureShapeTest, Gradient) {
  OpTest("EnsureShape")
      .Attr("shape", Shape({-1, 3}))
      .Input(RandomTensor(DType::kDouble, {2, 3}))
      .CheckGradient();
}

}  // namespace
}  // namespace sluice
