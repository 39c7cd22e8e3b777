// The checks of tests/testing/program/layer_check.h fail where they must.
#include "tests/testing/program/layer_check.h"

#include "gtest/gtest-spi.h"
#include "ops/binary.h"

namespace sluice {
namespace {

struct ScaleOptions {
  std::string wrong = {};  // "input" or "weight": half of its gradient is missing
  bool connected = true;   // else the output does not depend on the weight
  layers::LayerName name = {};
  void Fields(layers::ConfigFields& f) { f("name", name); }
};

// y = 2 w x.
class ScaleLayer : public layers::LayerOf<ScaleOptions> {
 public:
  explicit ScaleLayer(ScaleOptions options)
      : LayerOf(layers::LayerKind::kObject, "Scale", std::move(options)) {}

 private:
  absl::Status Build(At at, const TensorShape&) override {
    w_ = AddVariable(at, "w", {.shape = {1}, .initializer = OnesInitializer});
    return absl::OkStatus();
  }
  Output Call(At at, const Output& x, const layers::CallOptions&) override {
    if (!options_.connected) return ops::AddV2(at, x, x);
    const auto half = [&](const char* of, Output v) {
      return options_.wrong == of ? at.Node("StopGradient", {v}) : v;
    };
    return ops::AddV2(at, ops::Mul(at, x, w_), ops::Mul(at, half("input", x), half("weight", w_)));
  }

  Variable w_;
};

Tensor Input() { return RandomTensor(DType::kDouble, {2, 3}); }

TEST(LayerCheckTest, TakesWhatIsRight) {
  CheckLayerGradients(ScaleLayer({}), {Input()});
  OneStepLowersLoss(ScaleLayer({}), {Input()});
  const Tensor x = Tensor::Of<double>({1, 2}, {3, -4});
  ExpectClose(RunLayer(ScaleLayer({}), {x}, {Tensor::Of<double>({1}, {5})}),
              Tensor::Of<double>({1, 2}, {30, -40}));
}

TEST(LayerCheckTest, RefusesAWrongGradient) {
  EXPECT_FATAL_FAILURE(CheckLayerGradients(ScaleLayer({.wrong = "input"}), {Input()}),
                       "gradient by element 0 of input 0");
  EXPECT_FATAL_FAILURE(CheckLayerGradients(ScaleLayer({.wrong = "weight"}), {Input()}),
                       "gradient by element 0 of scale/w:0");
}

TEST(LayerCheckTest, RefusesAWeightWithoutGradient) {
  EXPECT_FATAL_FAILURE(CheckLayerGradients(ScaleLayer({.connected = false}), {Input()}),
                       "no gradient of scale/w:0");
  EXPECT_FATAL_FAILURE(OneStepLowersLoss(ScaleLayer({.connected = false}), {Input()}),
                       "no gradient of scale/w:0");
}

TEST(LayerCheckTest, RefusesAStepThatClimbs) {
  EXPECT_NONFATAL_FAILURE(OneStepLowersLoss(ScaleLayer({}), {Input()}, {.learning_rate = -0.01}),
                          "Expected: (");
}

TEST(LayerCheckTest, RefusesAConfigOfAnUnknownClass) {
  EXPECT_FATAL_FAILURE(ConfigRoundTrip(ScaleLayer({}), {{2, 3}}), "Unknown layer: Scale");
}

}  // namespace
}  // namespace sluice
