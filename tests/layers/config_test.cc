// Configs: written from layers and read back (rule L-16).
#include "layers/config.h"

#include "layers/all_layers.h"
#include "layers/constraints.h"
#include "layers/conv.h"
#include "layers/core_layers.h"
#include "layers/dense.h"
#include "layers/initializers.h"
#include "layers/regularizers.h"
#include "ops/relu.h"
#include "ops/unary.h"
#include "proto/config.pb.h"
#include "tests/testing/program/program_fixture.h"

namespace sluice::layers {
namespace {

auto Invalid(const std::string& text) { return StatusIs(absl::StatusCode::kInvalidArgument, text); }

const Config& ObjectIn(const Config& config, const std::string& field) {
  return *std::get<std::shared_ptr<const Config>>(config.fields.at(field));
}

class ConfigTest : public ProgramFixture {};

TEST_F(ConfigTest, HoldsTheConstructorsArguments) {
  const Conv2DLayer layer({.filters = 8,
                           .kernel_size = {3, 5},
                           .padding = Padding::kSame,
                           .activation = ops::Relu,
                           .kernel_initializer = initializers::HeNormal(7),
                           .kernel_regularizer = L2Regularizer(0.5f),
                           .bias_constraint = constraints::NonNeg(),
                           .trainable = false,
                           .name = "conv"});
  const absl::StatusOr<Config> config = layer.ToConfig();
  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->class_name, "Conv2D");
  EXPECT_EQ(std::get<int64_t>(config->fields.at("filters")), 8);
  EXPECT_EQ(std::get<std::vector<int64_t>>(config->fields.at("kernel_size")),
            (std::vector<int64_t>{3, 5}));
  EXPECT_EQ(std::get<std::string>(config->fields.at("padding")), "same");
  EXPECT_EQ(std::get<std::string>(config->fields.at("data_format")), "channels_last");
  EXPECT_EQ(std::get<std::string>(config->fields.at("name")), "conv");
  EXPECT_EQ(std::get<bool>(config->fields.at("trainable")), false);
  EXPECT_EQ(ObjectIn(*config, "activation").class_name, "relu");
  const Config& he = ObjectIn(*config, "kernel_initializer");
  EXPECT_EQ(he.class_name, "VarianceScaling");
  EXPECT_EQ(std::get<double>(he.fields.at("scale")), 2.0);
  EXPECT_EQ(std::get<std::string>(he.fields.at("mode")), "fan_in");
  EXPECT_EQ(std::get<int64_t>(he.fields.at("seed")), 7);
  EXPECT_EQ(ObjectIn(*config, "kernel_regularizer").class_name, "L2Regularizer");
  EXPECT_EQ(ObjectIn(*config, "bias_constraint").class_name, "NonNeg");
  EXPECT_EQ(config->fields.at("bias_regularizer").index(), 0u);  // None
  EXPECT_EQ(config->fields.count("reuse"), 0u);
}

TEST_F(ConfigTest, RebuildsAnEqualLayer) {
  DenseLayer layer({.units = 2,
                    .activation = "tanh",
                    .kernel_initializer = initializers::Constant({1, 2, 3, 4}),
                    .bias_initializer = initializers::Constant(0.25),
                    .kernel_regularizer = L1L2Regularizer(1, 2),
                    .name = "mine"});
  const absl::StatusOr<proto::ObjectConfig> config = layer.GetConfig();
  ASSERT_THAT(config, IsOk());
  proto::ObjectConfig parsed;
  ASSERT_TRUE(parsed.ParseFromString(config->SerializeAsString()));
  const absl::StatusOr<std::shared_ptr<Layer>> twin = FromConfig(parsed);
  ASSERT_THAT(twin, IsOk());
  const Output x = Values({1, 2}, {0.1f, -0.2f});
  const Output a = layer(root_, x), b = (**twin)(root_, x);
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_EQ((*twin)->name(), "mine");
  EXPECT_EQ((*twin)->losses().size(), 1u);
  EXPECT_EQ((*twin)->weights().size(), 2u);
  const std::vector<Tensor> values = Run({a, b});
  // tanh(0.1 * 1 - 0.2 * 3 + 0.25), tanh(0.1 * 2 - 0.2 * 4 + 0.25)
  ExpectClose(values[0], Tensor::Of<float>({1, 2}, {std::tanh(-0.25f), std::tanh(-0.35f)}));
  ExpectClose(values[1], Tensor::Of<float>({1, 2}, {std::tanh(-0.25f), std::tanh(-0.35f)}));
  EXPECT_EQ((*twin)->GetConfig()->ShortDebugString(), config->ShortDebugString());
}

TEST_F(ConfigTest, FunctionsOfTheProgramHaveNone) {
  const DenseLayer layer(
      {.units = 2, .activation = [](At at, Output x) { return ops::Neg(at, x); }});
  EXPECT_THAT(layer.GetConfig().status(), Invalid("Dense: argument `activation`: is a function"));
  const DenseLayer init({.units = 2, .kernel_initializer = Tensor::Zeros(DType::kFloat, {1, 2})});
  EXPECT_THAT(init.GetConfig().status(), Invalid("`kernel_initializer`"));
}

TEST_F(ConfigTest, ATensorForTrainingHasNone) {
  const DropoutLayer layer({.training = Input({}, DType::kBool)});
  EXPECT_THAT(layer.GetConfig().status(), Invalid("`training`"));
}

TEST_F(ConfigTest, WhatIsNotGivenKeepsItsDefault) {
  const auto layer = LayerFromConfig({"Dense", {{"units", int64_t{3}}}});
  ASSERT_THAT(layer, IsOk());
  EXPECT_TRUE(dynamic_cast<DenseLayer&>(**layer).options().use_bias);
  EXPECT_EQ(dynamic_cast<DenseLayer&>(**layer).options().units, 3);
}

TEST_F(ConfigTest, OneIntegerStandsForAll) {
  const auto layer = LayerFromConfig({"Conv2D", {{"kernel_size", int64_t{3}}}});
  ASSERT_THAT(layer, IsOk());
  EXPECT_TRUE(dynamic_cast<Conv2DLayer&>(**layer).options().kernel_size == Int2(3, 3));
}

TEST_F(ConfigTest, CaseOfChoicesDoesNotMatter) {  // CV-11, CV-12
  const auto layer = LayerFromConfig(
      {"Conv2D",
       {{"padding", std::string("SAME")}, {"data_format", std::string("Channels_First")}}});
  ASSERT_THAT(layer, IsOk());
  const Conv2DOptions& o = dynamic_cast<Conv2DLayer&>(**layer).options();
  EXPECT_EQ(o.padding, Padding::kSame);
  EXPECT_EQ(o.data_format, DataFormat::kChannelsFirst);
}

TEST_F(ConfigTest, BadConfigsAreRefused) {
  const auto refused = [](Config config, const std::string& text) {
    EXPECT_THAT(LayerFromConfig(config).status(), Invalid(text));
  };
  refused({"Dens"}, "Unknown layer: Dens");
  refused({"Dense", {{"unit", int64_t{3}}}}, "Keyword argument not understood: unit");  // L-1
  refused({"Dense", {{"units", std::string("3")}}}, "argument `units`: expected an integer");
  refused({"Dense", {{"use_bias", int64_t{1}}}}, "argument `use_bias`: expected true or false");
  refused({"Conv2D", {{"strides", std::vector<int64_t>{1, 2, 3}}}},
          "The `strides` argument must be a tuple of 2 integers. Received: (1, 2, 3)");
  refused({"Conv2D", {{"padding", std::string("full")}}},
          "The `padding` argument must be one of \"valid\", \"same\", \"causal\". Received: full");
  refused({"Conv2D", {{"data_format", std::string("NHWC")}}},
          "The `data_format` argument must be one of \"channels_last\", \"channels_first\"");
  refused({"Dense", {{"activation", std::string("rleu")}}}, "Unknown activation function: rleu");
  const auto object = [](const char* name) { return std::make_shared<const Config>(Config{name}); };
  refused({"Dense", {{"kernel_initializer", object("Foo")}}}, "Unknown initializer: Foo");
  refused({"Dense", {{"bias_regularizer", object("Foo")}}}, "Unknown regularizer: Foo");
  refused({"Dense", {{"bias_constraint", object("Foo")}}}, "Unknown constraint: Foo");
}

TEST_F(ConfigTest, EveryClassIsMadeByItsNameAndKeepsItsConfig) {
  for (const std::string& name : LayerClassNames()) {
    const std::shared_ptr<Layer> layer = MakeLayer(name);
    ASSERT_NE(layer, nullptr) << name;
    EXPECT_EQ(layer->class_name(), name);
    const absl::StatusOr<proto::ObjectConfig> config = layer->GetConfig();
    ASSERT_THAT(config, IsOk()) << name;
    const auto twin = FromConfig(*config);
    ASSERT_THAT(twin, IsOk()) << name;
    EXPECT_EQ((*twin)->GetConfig()->ShortDebugString(), config->ShortDebugString());
  }
  EXPECT_EQ(MakeLayer("Nonsense"), nullptr);
}

TEST_F(ConfigTest, ActivationsByName) {  // CV-14
  const Output x = Values({1, 2}, {-1, 2});
  ExpectClose(Run(Activation("relu")(root_, x)), Tensor::Of<float>({1, 2}, {0, 2}));
  EXPECT_EQ(Activation("linear")(root_, x), x);
  EXPECT_EQ(Activation(ops::Relu).config()->class_name, "relu");
  Dense(root_, x, {.units = 1, .activation = "rleu"});
  ExpectInvalid("Unknown activation function: rleu");
}

}  // namespace
}  // namespace sluice::layers
