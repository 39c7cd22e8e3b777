// Rule LY-7: batch_norm and layer_norm.
#include "layers/contrib_normalization.h"

#include <cmath>

#include "graph/node.h"
#include "layers/regularizers.h"
#include "ops/relu.h"
#include "tests/testing/gradient_check.h"
#include "tests/testing/program/program_fixture.h"

namespace sluice::contrib {
namespace {

class ContribNormalizationTest : public ProgramFixture {
 protected:
  Output Two() { return Values({2, 2}, {0, 4, 2, 8}); }  // means 1 and 6, variances 1 and 4
};

TEST_F(ContribNormalizationTest, BatchNormTrainsAndScalesNot) {
  const Output y = BatchNorm(root_, Two());
  EXPECT_EQ(y.name().rfind("BatchNorm/", 0), 0u) << y.name();
  const Strings variables = {"BatchNorm/beta:0", "BatchNorm/moving_mean:0",
                             "BatchNorm/moving_variance:0"};
  EXPECT_EQ(Names(graph_.GlobalVariables()), variables);
  EXPECT_EQ(Names(graph_.Variables(keys::kModelVariables)), variables);
  EXPECT_EQ(Names(graph_.TrainableVariables()), (Strings{"BatchNorm/beta:0"}));
  const Outputs updates = graph_.OutputsIn(keys::kUpdateOps);
  ASSERT_EQ(updates.size(), 2u);
  const float a = 1 / std::sqrt(1.001f), b = 2 / std::sqrt(4.001f);
  ExpectClose(Run({y, updates[0], updates[1]})[0], Tensor::Of<float>({2, 2}, {-a, -b, a, b}));
  // decay 0.999
  ExpectClose(Run(graph_.GlobalVariables()[1].value()), Tensor::Of<float>({2}, {0.001f, 0.006f}));
}

TEST_F(ContribNormalizationTest, BatchNormUpdatesInPlace) {
  const Output y = BatchNorm(root_, Two(), {.decay = 0.5, .updates_collections = std::nullopt});
  EXPECT_TRUE(graph_.OutputsIn(keys::kUpdateOps).empty());
  EXPECT_EQ(y.node()->op(), "Identity");
  Run(y);
  ExpectClose(Run(graph_.GlobalVariables()[1].value()), Tensor::Of<float>({2}, {0.5, 3}));
}

TEST_F(ContribNormalizationTest, BatchNormCollections) {
  const Output y = BatchNorm(root_, Two(),
                             {.updates_collections = CollectionNames{"mine"},
                              .variables_collections = {"norms"},
                              .outputs_collections = {"ends"}});
  EXPECT_TRUE(graph_.OutputsIn(keys::kUpdateOps).empty());
  EXPECT_EQ(graph_.OutputsIn("mine").size(), 2u);
  EXPECT_EQ(graph_.Variables("norms").size(), 3u);
  EXPECT_EQ(graph_.OutputsIn("ends"), Outputs{y});
}

TEST_F(ContribNormalizationTest, BatchNormArguments) {
  const Output y = BatchNorm(root_, Values({1, 2}, {3, -7}),
                             {.center = false,
                              .scale = true,
                              .epsilon = 1,
                              .activation_fn = ops::Relu,
                              .gamma_initializer = initializers::Constant({2, 3}),
                              .moving_mean_initializer = initializers::Constant({1, 2}),
                              .moving_variance_initializer = initializers::Constant({3, 8}),
                              .gamma_regularizer = L2Regularizer(1),
                              .is_training = false,
                              .scope = "norm"});
  EXPECT_EQ(Names(graph_.GlobalVariables()),
            (Strings{"norm/gamma:0", "norm/moving_mean:0", "norm/moving_variance:0"}));
  EXPECT_EQ(graph_.RegularizationLosses().size(), 1u);
  // (3 - 1) / 2 * 2, and (-7 - 2) / 3 * 3 < 0.
  ExpectClose(Run(y), Tensor::Of<float>({1, 2}, {2, 0}));
}

TEST_F(ContribNormalizationTest, BatchNormChannelsFirstIsFused) {
  const Output y =
      BatchNorm(root_, Input({2, 3, 4, 5}), {.data_format = DataFormat::kChannelsFirst});
  EXPECT_EQ(y.name(), "BatchNorm/FusedBatchNorm:0");
  EXPECT_EQ(graph_.GlobalVariables()[0].shape(), TensorShape({3}));
}

TEST_F(ContribNormalizationTest, BatchNormIsReused) {
  BatchNorm(root_, Input({2, 3}), {.scope = "norm"});
  BatchNorm(root_, Input({2, 3}), {.reuse = Reuse::kTrue, .scope = "norm"});
  BatchNorm(root_, Input({2, 3}));
  BatchNorm(root_, Input({2, 3}));
  EXPECT_EQ(graph_.GlobalVariables().size(), 9u);
  EXPECT_EQ(graph_.GlobalVariables()[6].name(), "BatchNorm_1/beta:0");
  EXPECT_EQ(graph_.Variables(keys::kModelVariables).size(), 9u);
}

// --- layer_norm ---

TEST_F(ContribNormalizationTest, LayerNormOverAllButTheBatch) {
  const Output x = Values({1, 2, 2}, {1, 3, 5, 7});  // mean 4, variance 5
  const Output y = LayerNorm(root_, x);
  EXPECT_EQ(y.name(), "LayerNorm/batchnorm/add_1:0");
  EXPECT_EQ(Names(graph_.TrainableVariables()), (Strings{"LayerNorm/beta:0", "LayerNorm/gamma:0"}));
  EXPECT_EQ(Names(graph_.Variables(keys::kModelVariables)), Names(graph_.TrainableVariables()));
  EXPECT_EQ(graph_.GlobalVariables()[0].shape(), TensorShape({2}));
  const float s = std::sqrt(5.0f);
  ExpectClose(Run(y), Tensor::Of<float>({1, 2, 2}, {-3 / s, -1 / s, 1 / s, 3 / s}));
}

TEST_F(ContribNormalizationTest, LayerNormAxes) {
  const Output x = Values({1, 2, 2}, {1, 3, 5, 9});
  const Output y =
      LayerNorm(root_, x, {.center = false, .begin_norm_axis = -1, .begin_params_axis = 1});
  EXPECT_EQ(Names(graph_.GlobalVariables()), (Strings{"LayerNorm/gamma:0"}));
  EXPECT_EQ(graph_.GlobalVariables()[0].shape(), TensorShape({2, 2}));
  ExpectClose(Run(y), Tensor::Of<float>({1, 2, 2}, {-1, 1, -1, 1}));
}

TEST_F(ContribNormalizationTest, LayerNormGradient) {
  CheckGradient(
      [](At at, const Outputs& in) {
        return Outputs{LayerNorm(at, in[0], {.center = false, .scale = false})};
      },
      {RandomTensor(DType::kDouble, {2, 2, 3})}, {.unknown_rank = false});
}

TEST_F(ContribNormalizationTest, LayerNormErrors) {
  const struct {
    TensorShape shape;
    LayerNormOptions options;
    const char* text;
  } cases[] = {{TensorShape::Unknown(), {}, "has undefined rank."},
               {{2, -1}, {}, "Inputs [2,?]: shape(inputs)[1:] is not fully defined"},
               {{2, 3},
                {.begin_norm_axis = 2},
                "begin_params_axis (1) and begin_norm_axis (2) must be < rank(inputs) (2)"},
               {{2, 3},
                {.begin_params_axis = 2},
                "begin_params_axis (2) and begin_norm_axis (1) must be < rank(inputs) (2)"}};
  for (const auto& c : cases) {
    Graph graph(ops::Builtin());
    const Scope root = Scope::Root(graph);
    EXPECT_TRUE(LayerNorm(root, ops::Placeholder(root, DType::kFloat, c.shape), c.options).empty());
    EXPECT_THAT(graph.status(), StatusIs(absl::StatusCode::kInvalidArgument, c.text));
  }
}

}  // namespace
}  // namespace sluice::contrib
