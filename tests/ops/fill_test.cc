#include "ops/fill.h"

#include <complex>

#include "graph/graph.h"
#include "graph/node.h"
#include "ops/all_ops.h"
#include "ops/placeholder.h"
#include "session/session.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

TEST(FillTest, EveryDType) {
  OpTest("Fill").Input<int32_t>({2}, {2, 3}).Input({}, {7}).Expect({2, 3}, {7, 7, 7, 7, 7, 7});
  OpTest("Fill")
      .Input<int64_t>({1}, {3})
      .Input<bool>({}, {true})
      .Expect<bool>({3}, {true, true, true});
  OpTest("Fill").Input<int32_t>({1}, {2}).Input<std::string>({}, {"s"}).Expect<std::string>(
      {2}, {"s", "s"});
  OpTest("Fill").Input<int32_t>({0}, {}).Input<int8_t>({}, {-1}).Expect<int8_t>({}, {-1});
  OpTest("Fill").Input<int32_t>({2}, {0, 4}).Input({}, {1}).Expect({0, 4}, {});
}

TEST(FillTest, Errors) {
  OpTest("Fill")
      .Input<int32_t>({2}, {2, -1})
      .Input({}, {7})
      .ExpectError(StatusCode::kInvalidArgument, ">= 0");
  OpTest("Fill").Input<int32_t>({1}, {2}).Input({1}, {7}).ExpectError(
      StatusCode::kInvalidArgument, "Shape must be rank 0 but is rank 1");
  OpTest("Fill")
      .Input<int64_t>({2}, {int64_t{1} << 32, int64_t{1} << 32})
      .Input({}, {7})
      .ExpectError(StatusCode::kInvalidArgument, "too many elements");
}

TEST(FillTest, GradientSumsUp) {
  OpTest("Fill")
      .Input<int32_t>({2}, {2, 3})
      .Input(RandomTensor(DType::kDouble, {}))
      .CheckGradient();
}

TEST(ZerosLikeTest, EveryDType) {
  OpTest("ZerosLike").Input({2}, {1, 2}).Expect({2}, {0, 0});
  OpTest("ZerosLike").Input<std::string>({2}, {"a", "b"}).Expect<std::string>({2}, {"", ""});
  OpTest("ZerosLike").Input<bool>({1}, {true}).Expect<bool>({1}, {false});
  OpTest("ZerosLike").Input<int64_t>({0, 2}, {}).Expect<int64_t>({0, 2}, {});
}

TEST(OnesLikeTest, EveryDType) {
  OpTest("OnesLike").Input({2}, {3, 4}).Expect({2}, {1, 1});
  OpTest("OnesLike").Input<bool>({2}, {true, false}).Expect<bool>({2}, {true, true});
  OpTest("OnesLike").Input<BFloat16>({1}, {BFloat16(3.0f)}).Expect<BFloat16>({1}, {BFloat16(1.0f)});
  OpTest("OnesLike")
      .Input<std::complex<float>>({1}, {{2, 3}})
      .Expect<std::complex<float>>({1}, {{1, 0}});
  OpTest("OnesLike")
      .Input<std::string>({1}, {"a"})
      .ExpectError(StatusCode::kInvalidArgument, "string");
}

TEST(EmptyTest, IsAlwaysZeros) {
  OpTest("Empty").Attr("dtype", DType::kFloat).Input<int32_t>({1}, {3}).Expect({3}, {0, 0, 0});
  OpTest("Empty")
      .Attr("dtype", DType::kInt32)
      .Attr("init", true)
      .Input<int32_t>({2}, {1, 2})
      .Expect<int32_t>({1, 2}, {0, 0});
}

class ZerosTest : public ::testing::Test {
 protected:
  Tensor Value(const Output& output, const Feeds& feeds = {}) {
    EXPECT_THAT(graph_.status(), IsOk());
    absl::StatusOr<Session> session = Session::Create(graph_);
    if (!session.ok()) return Tensor();
    auto values = session->Run(feeds, {output});
    EXPECT_THAT(values, IsOk());
    return values.ok() ? (*values)[0] : Tensor();
  }
  Graph graph_{ops::Builtin()};
  Scope root_ = Scope::Root(graph_);
};

TEST_F(ZerosTest, SmallOnesAreConstants) {
  const Output zeros = ops::Zeros(root_, {2, 3});
  EXPECT_EQ(zeros.name(), "zeros:0");
  EXPECT_EQ(zeros.node()->op(), "Const");
  ExpectClose(Value(zeros), Tensor::Of<float>({2, 3}, {0, 0, 0, 0, 0, 0}));
  const Output ones = ops::Ones(root_.Named("n"), {2}, DType::kInt32);
  EXPECT_EQ(ones.name(), "n:0");
  ExpectClose(Value(ones), Tensor::Of<int32_t>({2}, {1, 1}));
}

TEST_F(ZerosTest, LargeOnesAreFilled) {
  const Output zeros = ops::Zeros(root_, {1000});
  EXPECT_EQ(zeros.node()->op(), "Fill");
  EXPECT_EQ(zeros.name(), "zeros:0");
  EXPECT_EQ(zeros.node()->input(0).name(), "zeros/shape_as_tensor:0");
  EXPECT_EQ(zeros.node()->input(1).name(), "zeros/Const:0");
  EXPECT_EQ(Value(zeros).shape(), (TensorShape{1000}));
}

TEST_F(ZerosTest, ShapesKnownWhenRunning) {
  const Output shape = ops::Placeholder(root_, DType::kInt32, {2});
  const Output ones = ops::Ones(root_, shape, DType::kDouble);
  ExpectClose(Value(ones, {{shape, Tensor::Of<int32_t>({2}, {1, 2})}}),
              Tensor::Of<double>({1, 2}, {1, 1}));
}

TEST_F(ZerosTest, UnknownShape) {
  ops::Zeros(root_, TensorShape::Unknown());
  EXPECT_THAT(graph_.status(), StatusIs(StatusCode::kInvalidArgument, "unknown rank"));
}

}  // namespace
}  // namespace sluice
