#include "layers/reshape_layers.h"

#include "tests/testing/gradient_check.h"
#include "tests/testing/program/layer_check.h"
#include "tests/testing/program/program_fixture.h"

namespace sluice::layers {
namespace {

class ReshapeLayersTest : public ProgramFixture {};

TEST_F(ReshapeLayersTest, Reshape) {
  const Output x = Values({1, 6}, {1, 2, 3, 4, 5, 6});
  const Output y = Reshape(root_, x, {.target_shape = {3, 2}});
  EXPECT_EQ(y.name(), "reshape/Reshape:0");
  ExpectClose(Run(y), Tensor::Of<float>({1, 3, 2}, {1, 2, 3, 4, 5, 6}));
}

TEST_F(ReshapeLayersTest, ReshapeShapes) {
  const auto shape = [&](const TensorShape& from, std::vector<int64_t> target) {
    return Reshape(root_, Input(from), {.target_shape = std::move(target)}).shape();
  };
  EXPECT_EQ(shape({-1, 12}, {3, -1}), TensorShape({-1, 3, 4}));
  EXPECT_EQ(shape({-1, 2, 6}, {-1}), TensorShape({-1, 12}));
  EXPECT_EQ(shape({-1, -1, 4}, {-1, 2}), TensorShape({-1, -1, 2}));
  EXPECT_EQ(shape({-1, -1}, {2, 2}), TensorShape({-1, 2, 2}));
  EXPECT_EQ(shape({5, 1}, {}), TensorShape({5}));
  EXPECT_EQ(shape({-1, 0, 4}, {4, 0}), TensorShape({-1, 4, 0}));
  EXPECT_THAT(graph_.status(), IsOk());
}

TEST_F(ReshapeLayersTest, ReshapeOfUnknownSizesRuns) {
  const Output x = Input({-1, -1});
  const Output y = Reshape(root_, x, {.target_shape = {2, -1}});
  ExpectClose(Run(y, {{x, Tensor::Of<float>({1, 4}, {1, 2, 3, 4})}}),
              Tensor::Of<float>({1, 2, 2}, {1, 2, 3, 4}));
}

TEST_F(ReshapeLayersTest, ReshapeGradient) {
  CheckGradient(
      [](At at, const Outputs& in) {
        return Outputs{Reshape(at, in[0], {.target_shape = {3, -1}})};
      },
      {RandomTensor(DType::kDouble, {2, 6})}, {.unknown_rank = false});
}

TEST_F(ReshapeLayersTest, ReshapeErrors) {
  const struct {
    std::vector<int64_t> target;
    const char* text;
  } cases[] = {{{-1, -1}, "Can only specify one unknown dimension."},
               {{5}, "total size of new array must be unchanged: input [2,6], target_shape (5)"},
               {{4, -1}, "total size of new array must be unchanged"},
               {{0, -1}, "total size of new array must be unchanged"},
               {{-2}, "target_shape must be sizes >= 0, or -1, got (-2)"}};
  for (const auto& c : cases) {
    Graph graph(ops::Builtin());
    const Scope root = Scope::Root(graph);
    Reshape(root, ops::Placeholder(root, DType::kFloat, {2, 6}), {.target_shape = c.target});
    EXPECT_THAT(graph.status(), StatusIs(absl::StatusCode::kInvalidArgument, c.text));
  }
}

TEST_F(ReshapeLayersTest, Permute) {
  const Output x = Values({1, 2, 3}, {1, 2, 3, 4, 5, 6});
  const Output y = Permute(root_, x, {.dims = {2, 1}});
  EXPECT_EQ(y.name(), "permute/transpose:0");
  ExpectClose(Run(y), Tensor::Of<float>({1, 3, 2}, {1, 4, 2, 5, 3, 6}));
  EXPECT_EQ(Permute(root_, Input({-1, 4, -1, 6}), {.dims = {3, 1, 2}}).shape(),
            TensorShape({-1, 6, 4, -1}));
}

TEST_F(ReshapeLayersTest, PermuteErrors) {
  for (const std::vector<int64_t>& dims :
       {std::vector<int64_t>{0, 1}, std::vector<int64_t>{1, 3}, std::vector<int64_t>{1, 1}}) {
    Graph graph(ops::Builtin());
    const Scope root = Scope::Root(graph);
    Permute(root, ops::Placeholder(root, DType::kFloat, {2, 3, 4}), {.dims = dims});
    EXPECT_THAT(graph.status(), StatusIs(absl::StatusCode::kInvalidArgument,
                                         "Invalid permutation `dims` for Permute Layer: ("));
    EXPECT_THAT(graph.status(), StatusIs(absl::StatusCode::kInvalidArgument,
                                         "must be consecutive and start from 1."));
  }
}

TEST_F(ReshapeLayersTest, PermuteChecksTheRank) {
  Permute(root_, Input({2, 3}), {.dims = {2, 1}});
  ExpectInvalid("expected ndim=3, found ndim=2");
}

TEST_F(ReshapeLayersTest, RepeatVector) {
  const Output x = Values({2, 2}, {1, 2, 3, 4});
  const Output y = RepeatVector(root_, x, {.n = 3});
  EXPECT_EQ(y.name(), "repeat_vector/Tile:0");
  ExpectClose(Run(y), Tensor::Of<float>({2, 3, 2}, {1, 2, 1, 2, 1, 2, 3, 4, 3, 4, 3, 4}));
  EXPECT_EQ(RepeatVector(root_, Input({-1, -1}), {.n = 2}).shape(), TensorShape({-1, 2, -1}));
}

TEST_F(ReshapeLayersTest, RepeatVectorErrors) {
  RepeatVector(root_, Input({2, 3}), {});
  ExpectInvalid("The `n` argument must be > 0. Received: 0");
}

TEST_F(ReshapeLayersTest, RepeatVectorChecksTheRank) {
  RepeatVector(root_, Input({2, 3, 4}), {.n = 2});
  ExpectInvalid("expected ndim=2, found ndim=3");
}

TEST_F(ReshapeLayersTest, OtherGradients) {
  CheckLayerGradients(PermuteLayer({.dims = {3, 1, 2}}),
                      {RandomTensor(DType::kDouble, {2, 2, 3, 4})});
  CheckLayerGradients(RepeatVectorLayer({.n = 3}), {RandomTensor(DType::kDouble, {2, 3})});
}

TEST_F(ReshapeLayersTest, Configs) {
  ConfigRoundTrip(ReshapeLayer({.target_shape = {3, -1}, .name = "r"}), {{-1, 12}});
  ConfigRoundTrip(PermuteLayer({.dims = {2, 1}}), {{-1, 3, 4}});
  ConfigRoundTrip(RepeatVectorLayer({.n = 4}), {{-1, 3}});
}

TEST_F(ReshapeLayersTest, ShapesWithoutACall) {
  const absl::StatusOr<TensorShape> shape =
      ReshapeLayer({.target_shape = {-1, 2}}).ComputeOutputShape({-1, 6});
  ASSERT_THAT(shape, IsOk());
  EXPECT_EQ(*shape, TensorShape({-1, 3, 2}));
}

}  // namespace
}  // namespace sluice::layers
