// Rule LY-6.
#include "layers/embedding.h"

#include "graph/gradients.h"
#include "layers/constraints.h"
#include "layers/regularizers.h"
#include "tests/testing/program/layer_check.h"
#include "tests/testing/program/program_fixture.h"

namespace sluice::layers {
namespace {

class EmbeddingTest : public ProgramFixture {
 protected:
  // The rows (1, 2), (3, 4), (5, 6).
  const Initializer table_ = initializers::Constant({1, 2, 3, 4, 5, 6});
};

TEST_F(EmbeddingTest, RowsByNumber) {
  const Output ids = ops::Const<int32_t>(root_, {2, 0, 1, 2}, {2, 2});
  EmbeddingLayer layer({.input_dim = 3, .output_dim = 2, .embeddings_initializer = table_});
  const Output y = layer(root_, ids);
  ExpectClose(Run(y), Tensor::Of<float>({2, 2, 2}, {5, 6, 1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(layer.embeddings().name(), "embedding/embeddings:0");
  EXPECT_EQ(layer.embeddings().shape(), TensorShape({3, 2}));
  EXPECT_EQ(Names(graph_.TrainableVariables()), (Strings{"embedding/embeddings:0"}));
  EXPECT_EQ(*layer.CountParams(), 6);
}

TEST_F(EmbeddingTest, OtherDtypesOfIds) {
  const EmbeddingOptions options = {
      .input_dim = 3, .output_dim = 2, .embeddings_initializer = table_};
  for (const DType dtype : {DType::kInt64, DType::kFloat, DType::kUint8, DType::kDouble}) {
    session_.reset();
    const Output y =
        Embedding(root_, ops::Const(root_, FromDoubles(dtype, {3}, {1, 2, 0})), options);
    EXPECT_EQ(y.dtype(), DType::kFloat);
    ExpectClose(Run(y), Tensor::Of<float>({3, 2}, {3, 4, 5, 6, 1, 2}));
  }
}

TEST_F(EmbeddingTest, StartsUniformInFiveHundredths) {
  EmbeddingLayer layer({.input_dim = 100, .output_dim = 50});
  layer(root_, Input({-1}, DType::kInt32));
  const std::vector<double> values = ToDoubles(Run(layer.embeddings().value()));
  double low = 1, high = -1, squares = 0;
  for (const double v : values) {
    low = std::min(low, v);
    high = std::max(high, v);
    squares += v * v / 5000;
  }
  EXPECT_GE(low, -0.05);
  EXPECT_LE(high, 0.05);
  EXPECT_LT(low, -0.0495);
  EXPECT_GT(high, 0.0495);
  EXPECT_NEAR(squares, 0.1 * 0.1 / 12, 5e-5);
}

TEST_F(EmbeddingTest, ShapesAndDtype) {
  const Output y = Embedding(root_, Input({-1, -1}, DType::kInt32),
                             {.input_dim = 7, .output_dim = 4, .dtype = DType::kDouble});
  EXPECT_EQ(y.shape(), TensorShape({-1, -1, 4}));
  EXPECT_EQ(y.dtype(), DType::kDouble);
}

TEST_F(EmbeddingTest, TheGradientIsOfTheRowsThatWereRead) {
  const Output ids = ops::Const<int32_t>(root_, {2, 0, 2}, {3});
  EmbeddingLayer layer({.input_dim = 3, .output_dim = 2, .embeddings_initializer = table_});
  const Output y = layer(root_, ids);
  const Output weights = Values({3, 2}, {1, 2, 3, 4, 5, 6});
  const Outputs gradients =
      Gradients(root_, {y}, {layer.embeddings().handle()}, {.grad_ys = {weights}});
  ASSERT_THAT(graph_.status(), IsOk());
  // Row 2 was read twice: (1 + 5, 2 + 6); row 0 once; row 1 never.
  ExpectClose(Run(gradients[0]), Tensor::Of<float>({3, 2}, {3, 4, 0, 0, 6, 8}));
}

TEST_F(EmbeddingTest, Trains) {
  const Tensor ids = Tensor::Of<int32_t>({2, 2}, {1, 0, 2, 1});
  OneStepLowersLoss(EmbeddingLayer({.input_dim = 3, .output_dim = 2}), {ids});
}

TEST_F(EmbeddingTest, MasksZero) {
  const Output ids = ops::Const<int32_t>(root_, {2, 0, 1}, {1, 3});
  EmbeddingLayer layer({.input_dim = 3, .output_dim = 2, .mask_zero = true});
  layer(root_, ids);
  EXPECT_TRUE(layer.supports_masking());
  ExpectClose(Run(*layer.GetOutputMaskAt(0)), Tensor::Of<bool>({1, 3}, {true, false, true}));
  EmbeddingLayer plain({.input_dim = 3, .output_dim = 2});
  plain(root_, ids);
  EXPECT_TRUE(plain.GetOutputMaskAt(0)->empty());
}

TEST_F(EmbeddingTest, EveryArgument) {
  EmbeddingLayer layer({.input_dim = 3,
                        .output_dim = 2,
                        .embeddings_initializer = initializers::Constant(2),
                        .embeddings_regularizer = L2Regularizer(1),
                        .activity_regularizer = L2Regularizer(1),
                        .embeddings_constraint = constraints::NonNeg(),
                        .trainable = false});
  layer(root_, ops::Const<int32_t>(root_, {2}, {1}));
  EXPECT_TRUE(graph_.TrainableVariables().empty());
  EXPECT_TRUE(static_cast<bool>(layer.embeddings().constraint()));
  ASSERT_EQ(layer.losses().size(), 2u);
  const std::vector<Tensor> losses = Run(layer.losses());
  ExpectClose(losses[0], Tensor::Scalar(12.0f));  // 6 * 2^2 / 2
  ExpectClose(losses[1], Tensor::Scalar(4.0f));   // 2 * 2^2 / 2
}

TEST_F(EmbeddingTest, ReferenceVariables) {
  const Scope scope = root_.With({.use_resource = false});
  const Output y = Embedding(scope, ops::Const<int32_t>(root_, {1}, {1}),
                             {.input_dim = 3, .output_dim = 2, .embeddings_initializer = table_});
  ExpectClose(Run(y), Tensor::Of<float>({1, 2}, {3, 4}));
}

TEST_F(EmbeddingTest, IdsOutsideTheTableFail) {
  const Output y =
      Embedding(root_, ops::Const<int32_t>(root_, {3}, {1}), {.input_dim = 3, .output_dim = 2});
  EXPECT_THAT(TryRun({y}).status(), StatusIs(absl::StatusCode::kInvalidArgument, "[0, 3)"));
}

TEST_F(EmbeddingTest, SizesAreRequired) {
  Embedding(root_, Input({1}, DType::kInt32), {.output_dim = 2});
  ExpectInvalid("The `input_dim` argument must be > 0. Received: 0");
}

TEST_F(EmbeddingTest, OutputSizeIsRequired) {
  Embedding(root_, Input({1}, DType::kInt32), {.input_dim = 2});
  ExpectInvalid("The `output_dim` argument must be > 0. Received: 0");
}

TEST_F(EmbeddingTest, LengthIsChecked) {
  const EmbeddingOptions options = {.input_dim = 3, .output_dim = 2, .input_length = {4}};
  EXPECT_FALSE(Embedding(root_, Input({-1, -1}, DType::kInt32), options).empty());
  EXPECT_FALSE(Embedding(root_, Input({7, 4}, DType::kInt32), options).empty());
  Embedding(root_, Input({7, 5}, DType::kInt32), options);
  ExpectInvalid("\"input_length\" is 4, but received input has shape [7,5]");
}

TEST_F(EmbeddingTest, Config) {
  ConfigRoundTrip(EmbeddingLayer({.input_dim = 3,
                                  .output_dim = 2,
                                  .embeddings_regularizer = L2Regularizer(0.5),
                                  .embeddings_constraint = constraints::NonNeg(),
                                  .mask_zero = true,
                                  .input_length = {4},
                                  .dtype = DType::kDouble,
                                  .name = "words"}),
                  {{-1, 4}}, DType::kInt32);
}

}  // namespace
}  // namespace sluice::layers
