#include "ops/pad.h"

#include "graph/graph.h"
#include "ops/all_ops.h"
#include "ops/const.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

const Tensor kX = Tensor::Of<float>({2, 3}, {1, 2, 3, 4, 5, 6});

// Element `i` of the padded dimension comes from this index of the input; -1: from the border.
int64_t SourceOf(int64_t i, int64_t before, int64_t size, const std::string& mode) {
  i -= before;
  if (i >= 0 && i < size) return i;
  if (mode == "CONSTANT") return -1;
  const int64_t skip = mode == "REFLECT" ? 1 : 0;
  return i < 0 ? -i - 1 + skip : 2 * size - 1 - skip - i;
}

Tensor SlowPad(const Tensor& x, const std::vector<int64_t>& paddings, const std::string& mode,
               double value) {
  TensorShape shape = x.shape();
  for (int i = 0; i < shape.rank(); ++i) {
    shape.set_dim(i, x.dim(i) + paddings[2 * i] + paddings[2 * i + 1]);
  }
  const std::vector<double> values = ToDoubles(x);
  std::vector<double> padded(shape.num_elements());
  for (int64_t n = 0; n < shape.num_elements(); ++n) {
    int64_t rest = n, position = 0, stride = 1;
    bool inside = true;
    for (int i = shape.rank(); i-- > 0;) {
      const int64_t source = SourceOf(rest % shape.dim(i), paddings[2 * i], x.dim(i), mode);
      inside &= source >= 0;
      position += source * stride;
      stride *= x.dim(i);
      rest /= shape.dim(i);
    }
    padded[n] = inside ? values[position] : value;
  }
  return FromDoubles(x.dtype(), shape, padded);
}

Tensor Paddings(const std::vector<int64_t>& paddings) {
  return Tensor::Of<int64_t>({static_cast<int64_t>(paddings.size()) / 2, 2}, paddings);
}

TEST(PadTest, ByHand) {
  OpTest("Pad")
      .Input(kX)
      .Input<int32_t>({2, 2}, {1, 0, 0, 2})
      .Expect({3, 5}, {0, 0, 0, 0, 0, 1, 2, 3, 0, 0, 4, 5, 6, 0, 0});
  OpTest("PadV2")
      .Input({2}, {1, 2})
      .Input<int32_t>({1, 2}, {1, 1})
      .Input({}, {9})
      .Expect({4}, {9, 1, 2, 9});
  OpTest("Pad")
      .Input<std::string>({1}, {"a"})
      .Input<int32_t>({1, 2}, {0, 1})
      .Expect<std::string>({2}, {"a", ""});
  OpTest("Pad").Input({}, {3}).Input<int32_t>({0, 2}, {}).Expect({}, {3});
  OpTest("Pad").Input({0, 1}, {}).Input<int32_t>({2, 2}, {1, 1, 0, 1}).Expect({2, 2}, {0, 0, 0, 0});
}

TEST(PadTest, MatchesSlowTwin) {
  struct Case {
    TensorShape shape;
    std::vector<int64_t> paddings;
  };
  const Case cases[] = {{{7}, {2, 3}},
                        {{3, 5}, {0, 0, 1, 0}},
                        {{2, 3, 4}, {1, 2, 0, 1, 2, 0}},
                        {{2, 5, 7, 3}, {0, 0, 1, 2, 3, 1, 0, 0}}};
  for (const Case& c : cases) {
    for (const DType dtype : {DType::kFloat, DType::kInt8}) {
      const Tensor x = RandomTensor(dtype, c.shape, 4, -9, 9);
      OpTest("PadV2")
          .Input(x)
          .Input(Paddings(c.paddings))
          .Input(FromDoubles(dtype, {}, {5}))
          .Expect(SlowPad(x, c.paddings, "CONSTANT", 5));
    }
  }
}

TEST(PadTest, Errors) {
  OpTest("Pad")
      .Input(kX)
      .Input<int32_t>({2, 2}, {1, 0, -1, 0})
      .ExpectError(StatusCode::kInvalidArgument, "Paddings must be non-negative");
  OpTest("Pad")
      .Input(kX)
      .Input<int32_t>({1, 2}, {1, 0})
      .ExpectError(StatusCode::kInvalidArgument, "paddings must have shape [rank,2]");
  OpTest("Pad")
      .Input(kX)
      .Input<int32_t>({4}, {1, 0, 1, 0})
      .ExpectError(StatusCode::kInvalidArgument, "Shape must be rank 2 but is rank 1");
  OpTest("Pad")
      .Input(kX)
      .Input<int64_t>({2, 2}, {int64_t{1} << 62, 0, 0, int64_t{1} << 62})
      .ExpectError(StatusCode::kInvalidArgument, "limit");
  OpTest("PadV2")
      .Input(kX)
      .Input<int32_t>({2, 2}, {0, 0, 0, 0})
      .Input({1}, {1})
      .ExpectError(StatusCode::kInvalidArgument, "Shape must be rank 0 but is rank 1");
}

TEST(PadTest, InfersWhatItCan) {
  const auto infer = [](const TensorShape& x, const std::vector<int>& known) {
    return OpTest("Pad")
        .Input(kX)
        .Input<int32_t>({2, 2}, {1, 0, 0, 2})
        .InferShape({x, {2, 2}}, known);
  };
  EXPECT_EQ(infer({-1, 3}, {1}).value(), (TensorShape{-1, 5}));
  EXPECT_EQ(infer({2, 3}, {}).value(), TensorShape::OfRank(2));
  EXPECT_EQ(infer(TensorShape::Unknown(), {1}).value(), TensorShape::OfRank(2));
}

TEST(PadTest, Gradient) {
  const Tensor x = RandomTensor(DType::kDouble, {2, 3});
  OpTest("Pad").Input(x).Input<int32_t>({2, 2}, {1, 0, 0, 2}).CheckGradient();
  OpTest("Pad")
      .Input(x)
      .Input<int32_t>({2, 2}, {1, 0, 0, 2})
      .CheckGradient({.integers_are_constants = false});
  OpTest("PadV2")
      .Input(x)
      .Input<int32_t>({2, 2}, {1, 0, 0, 2})
      .Input(Tensor::Scalar(2.0))
      .CheckGradient({.wrt = {0}, .no_gradient = {2}});
}

TEST(MirrorPadTest, ByHand) {
  const auto pad = [](const char* mode) {
    return OpTest("MirrorPad")
        .Attr("mode", mode)
        .Input({3}, {1, 2, 3})
        .Input<int32_t>({1, 2}, {2, 2});
  };
  pad("REFLECT").Expect({7}, {3, 2, 1, 2, 3, 2, 1});
  pad("SYMMETRIC").Expect({7}, {2, 1, 1, 2, 3, 3, 2});
  pad("EDGE").ExpectError(StatusCode::kInvalidArgument, "EDGE");
}

TEST(MirrorPadTest, MatchesSlowTwin) {
  for (const char* mode : {"REFLECT", "SYMMETRIC"}) {
    const std::vector<int64_t> paddings = {1, 2, 0, 3, 2, 1};
    for (const DType dtype : {DType::kFloat, DType::kInt16}) {
      const Tensor x = RandomTensor(dtype, {3, 4, 5}, 4, -9, 9);
      OpTest("MirrorPad")
          .Attr("mode", mode)
          .Input(x)
          .Input(Paddings(paddings))
          .Expect(SlowPad(x, paddings, mode, 0));
    }
  }
  OpTest("MirrorPad")
      .Attr("mode", "SYMMETRIC")
      .Input<std::string>({2}, {"a", "b"})
      .Input<int32_t>({1, 2}, {1, 0})
      .Expect<std::string>({3}, {"a", "a", "b"});
}

TEST(MirrorPadTest, PaddingTooLarge) {
  const auto pad = [](const char* mode, int32_t before) {
    return OpTest("MirrorPad")
        .Attr("mode", mode)
        .Input({2}, {1, 2})
        .Input<int32_t>({1, 2}, {before, 0});
  };
  pad("REFLECT", 2).ExpectError(StatusCode::kInvalidArgument, "size less 1: 2, 0");
  pad("SYMMETRIC", 2).Expect({4}, {2, 1, 1, 2});
  pad("SYMMETRIC", 3).ExpectError(StatusCode::kInvalidArgument, "no greater than the dimension");
}

TEST(MirrorPadTest, Gradients) {
  for (const char* mode : {"REFLECT", "SYMMETRIC"}) {
    OpTest("MirrorPad")
        .Attr("mode", mode)
        .Input(RandomTensor(DType::kDouble, {3, 4}))
        .Input<int32_t>({2, 2}, {2, 1, 0, 3})
        .CheckGradient();
    OpTest("MirrorPadGrad")
        .Attr("mode", mode)
        .Input(RandomTensor(DType::kDouble, {6, 7}))
        .Input<int32_t>({2, 2}, {2, 1, 0, 3})
        .CheckGradient();
  }
}

TEST(MirrorPadGradTest, ByHand) {
  OpTest("MirrorPadGrad")
      .Attr("mode", "REFLECT")
      .Input({7}, {1, 2, 3, 4, 5, 6, 7})
      .Input<int32_t>({1, 2}, {2, 2})
      .Expect({3}, {3 + 7, 4 + 2 + 6, 5 + 1});
  OpTest("MirrorPadGrad")
      .Attr("mode", "SYMMETRIC")
      .Input({2}, {1, 2})
      .Input<int32_t>({1, 2}, {2, 1})
      .ExpectError(StatusCode::kInvalidArgument, "leave nothing of dimension 0");
}

TEST(PadTest, LiteralPaddingsAreRows) {
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  const Output y = ops::Pad(root, ops::Const<float>(root, {1, 2}, {1, 2}), {1, 1, 0, 2});
  EXPECT_EQ(y.shape(), (TensorShape{3, 4}));
  EXPECT_THAT(graph.status(), IsOk());
  ops::Pad(root, y, {1, 2, 3});
  EXPECT_THAT(graph.status(), StatusIs(StatusCode::kInvalidArgument, "2 numbers per row, got 3"));
}

TEST(PadTest, MirrorPadGradOfIntegers) {
  OpTest("MirrorPadGrad")
      .Attr("mode", "REFLECT")
      .Input<int32_t>({5}, {1, 2, 3, 4, 5})  // of [c, b | a, b, c] with paddings (2, 0)
      .Input<int32_t>({1, 2}, {2, 0})
      .Expect<int32_t>({3}, {3, 6, 6});
}

}  // namespace
}  // namespace sluice
