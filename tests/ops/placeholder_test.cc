#include "ops/placeholder.h"

#include "graph/gradients.h"
#include "graph/graph.h"
#include "ops/all_ops.h"
#include "ops/const.h"
#include "session/session.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

class PlaceholderTest : public ::testing::Test {
 protected:
  absl::StatusOr<Tensor> Run(const Output& fetch, const Feeds& feeds = {}) {
    if (!graph_.ok()) return graph_.status();
    absl::StatusOr<Session> session = Session::Create(graph_);
    if (!session.ok()) return session.status();
    auto values = session->Run(feeds, {fetch});
    if (!values.ok()) return values.status();
    return (*values)[0];
  }
  Graph graph_{ops::Builtin()};
  Scope root_ = Scope::Root(graph_);
};

TEST_F(PlaceholderTest, GivesWhatIsFed) {
  const Output x = ops::Placeholder(root_.Named("x"), DType::kFloat, {-1, 2});
  EXPECT_EQ(x.shape(), (TensorShape{-1, 2}));
  EXPECT_EQ(x.dtype(), DType::kFloat);
  const Tensor value = Tensor::Of<float>({1, 2}, {3, 4});
  const auto got = Run(x, {{x, value}});
  ASSERT_THAT(got, IsOk());
  ExpectClose(*got, value);
}

TEST_F(PlaceholderTest, UnknownShapeByDefault) {
  EXPECT_FALSE(ops::Placeholder(root_, DType::kString).shape().rank_known());
  EXPECT_EQ(ops::PlaceholderV2(root_, DType::kInt8, {3}).shape(), (TensorShape{3}));
}

TEST_F(PlaceholderTest, MustBeFed) {
  const Output x = ops::Placeholder(root_.Named("x"), DType::kFloat);
  EXPECT_THAT(Run(x), StatusIs(StatusCode::kInvalidArgument, "'x'"));
}

TEST_F(PlaceholderTest, DefaultIsUsedUnlessFed) {
  const Output value = ops::Const<float>(root_, {1, 2}, {1, 2});
  const Output x = ops::PlaceholderWithDefault(root_, value, {-1, 2});
  EXPECT_EQ(x.shape(), (TensorShape{-1, 2}));
  const auto without = Run(x);
  ASSERT_THAT(without, IsOk());
  ExpectClose(*without, Tensor::Of<float>({1, 2}, {1, 2}));
  const Tensor fed = Tensor::Of<float>({2, 2}, {5, 6, 7, 8});
  const auto with = Run(x, {{x, fed}});
  ASSERT_THAT(with, IsOk());
  ExpectClose(*with, fed);
  // A constant default does not make it a constant.
  EXPECT_FALSE(graph_.ConstantValue(x).has_value());
}

TEST_F(PlaceholderTest, DefaultOfAFullyKnownShape) {
  const Output x = ops::PlaceholderWithDefault(root_, ops::Const(root_, "a"), {});
  const auto got = Run(x);
  ASSERT_THAT(got, IsOk());
  ExpectClose(*got, Tensor::Scalar(std::string("a")));
}

TEST_F(PlaceholderTest, DefaultMustFitTheShape) {
  ops::PlaceholderWithDefault(root_, ops::Const(root_, 1.0f), {2});
  EXPECT_THAT(graph_.status(), StatusIs(StatusCode::kInvalidArgument, "attr 'shape' is [2]"));
}

TEST(PlaceholderGradientTest, PassesToTheDefault) {
  CheckGradient(
      [](At at, const Outputs& in) {
        return Outputs{ops::PlaceholderWithDefault(at, in[0], {-1, 3})};
      },
      {RandomTensor(DType::kDouble, {2, 3})});
}

}  // namespace
}  // namespace sluice
