#include "train/pruning_hparams.h"

#include "gtest/gtest.h"
#include "tests/testing/core/status_matchers.h"

namespace sluice::pruning {
namespace {

using Strings = std::vector<std::string>;

TEST(PruningHParamsTest, DefaultsAreThoseOfTensorFlow115) {  // PR-8
  const HParams h;
  EXPECT_EQ(h.name, "model_pruning");
  EXPECT_EQ(h.begin_pruning_step, 0);
  EXPECT_EQ(h.end_pruning_step, -1);
  EXPECT_EQ(h.weight_sparsity_map, Strings{""});
  EXPECT_EQ(h.block_dims_map, Strings{""});
  EXPECT_EQ(h.threshold_decay, 0.0);
  EXPECT_EQ(h.pruning_frequency, 10);
  EXPECT_EQ(h.nbins, 256);
  EXPECT_EQ(h.block_height, 1);
  EXPECT_EQ(h.block_width, 1);
  EXPECT_EQ(h.block_pooling_function, "AVG");
  EXPECT_EQ(h.initial_sparsity, 0.0);
  EXPECT_EQ(h.target_sparsity, 0.5);
  EXPECT_EQ(h.sparsity_function_begin_step, 0);
  EXPECT_EQ(h.sparsity_function_end_step, 100);
  EXPECT_EQ(h.sparsity_function_exponent, 3.0);
  EXPECT_FALSE(h.use_tpu);
  EXPECT_EQ(h.do_not_prune, Strings{""});
  EXPECT_THAT(h.Validate(), IsOk());
}

TEST(PruningHParamsTest, ParsesEveryKindOfValue) {  // PR-8
  const absl::StatusOr<HParams> h = HParams::Parse(
      "name=test, threshold_decay=0.9,weight_sparsity_map=[conv1:0.8,conv2/kernel:0.8],"
      "pruning_frequency=3,do_not_prune=[a,b],use_tpu=true,block_pooling_function=MAX,"
      "sparsity_function_exponent=1,end_pruning_step=-1,block_dims_map=[dense:4x-1]");
  ASSERT_THAT(h, IsOk());
  EXPECT_EQ(h->name, "test");
  EXPECT_EQ(h->threshold_decay, 0.9);
  EXPECT_EQ(h->weight_sparsity_map, (Strings{"conv1:0.8", "conv2/kernel:0.8"}));
  EXPECT_EQ(h->pruning_frequency, 3);
  EXPECT_EQ(h->do_not_prune, (Strings{"a", "b"}));
  EXPECT_TRUE(h->use_tpu);
  EXPECT_EQ(h->block_pooling_function, "MAX");
  EXPECT_EQ(h->sparsity_function_exponent, 1);
  EXPECT_EQ(h->target_sparsity, 0.5);  // not named: the default
  ASSERT_THAT(h->WeightSparsities(), IsOk());
  EXPECT_EQ((*h->WeightSparsities())[1].first, "conv2/kernel");
  EXPECT_EQ((*h->WeightSparsities())[1].second, 0.8);
  ASSERT_THAT(h->WeightBlockDims(), IsOk());
  EXPECT_EQ((*h->WeightBlockDims())[0].second.height, 4);
  EXPECT_EQ((*h->WeightBlockDims())[0].second.width, -1);
}

TEST(PruningHParamsTest, EmptyTextChangesNothing) {
  ASSERT_THAT(HParams::Parse(""), IsOk());
  EXPECT_EQ(HParams::Parse("")->ToString(), HParams().ToString());
}

TEST(PruningHParamsTest, WritesWhatItReads) {
  const char* text = "name=p,threshold_decay=0.25,do_not_prune=[x,y],use_tpu=true";
  const absl::StatusOr<HParams> h = HParams::Parse(text);
  ASSERT_THAT(h, IsOk());
  const absl::StatusOr<HParams> again = HParams::Parse(h->ToString());
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->ToString(), h->ToString());
  EXPECT_EQ(again->do_not_prune, (Strings{"x", "y"}));
}

TEST(PruningHParamsTest, OverrideKeepsTheRestAndIsAllOrNothing) {
  HParams h{.name = "mine", .target_sparsity = 0.75};
  ASSERT_THAT(h.Override("weight_sparsity_map[0]=a:0.5"), IsOk());
  EXPECT_EQ(h.weight_sparsity_map, Strings{"a:0.5"});
  EXPECT_EQ(h.name, "mine");
  EXPECT_FALSE(h.Override("name=other,nonsense=1").ok());
  EXPECT_EQ(h.name, "mine");
}

TEST(PruningHParamsTest, RefusesTextThatItCannotRead) {
  const std::pair<const char*, const char*> cases[] = {
      {"nonsense=1", "Unknown hyperparameter type for nonsense"},
      {"nbins=many", "Could not parse hparam 'nbins' of type 'int' with value 'many'"},
      {"nbins=1.5", "Could not parse hparam"},
      {"threshold_decay=x", "of type 'float'"},
      {"use_tpu=maybe", "of type 'bool'"},
      {"nbins=[1,2]", "Must not pass a list for single-valued parameter: nbins"},
      {"do_not_prune=a", "Must pass a list for multi-valued parameter: do_not_prune"},
      {"nbins=1,nbins=2", "Multiple assignments to variable 'nbins'"},
      {"do_not_prune[7]=a", "Could not parse hparam"},
      {"nbins", "Malformed hyperparameter value"},
      {"do_not_prune=[a", "Malformed hyperparameter value"},
      {"=3", "Malformed hyperparameter value"},
  };
  for (const auto& [text, message] : cases)
    EXPECT_THAT(HParams::Parse(text).status(),
                StatusIs(absl::StatusCode::kInvalidArgument, message))
        << text;
}

TEST(PruningHParamsTest, ValidatesInTheWordsOfTheRule) {  // PR-9
  const std::pair<const char*, const char*> cases[] = {
      {"begin_pruning_step=-1", "Illegal value for begin_pruning_step"},
      {"begin_pruning_step=5,end_pruning_step=5", "Pruning must begin before it can end"},
      {"begin_pruning_step=5,end_pruning_step=-2", "Pruning must begin before it can end"},
      {"sparsity_function_begin_step=-1", "Illegal value for sparsity_function_begin_step"},
      {"sparsity_function_begin_step=100", "Sparsity function requires begin_step < end_step"},
      {"threshold_decay=1.0", "threshold_decay must be in range [0,1)"},
      {"threshold_decay=-0.1", "must be in range [0,1)"},
      {"initial_sparsity=1.0", "initial_sparsity must be in range [0,1)"},
      {"target_sparsity=1.0", "target_sparsity must be in range [0,1)"},
      {"target_sparsity=nan", "must be in range [0,1)"},
      {"weight_sparsity_map=[a:1.0]", "Weight sparsity can not exceed 1.0"},
      {"weight_sparsity_map=[a:0.5,b:1.2]", "Weight sparsity can not exceed 1.0"},
      {"weight_sparsity_map=[a]", "expected name:value"},
      {"weight_sparsity_map=[a:-1]", "must be in range [0,1)"},
      {"weight_sparsity_map=[a:b]", "expected a number"},
      {"weight_sparsity_map=[(:0.5]", "no regular expression"},
      {"weight_sparsity_map=[a:0.5],target_sparsity=0", "target_sparsity, which is 0"},
      {"block_dims_map=[a:4]", "Expected 2 values for block dim"},
      {"block_dims_map=[a:4x4x4]", "Expected 2 values for block dim"},
      {"block_dims_map=[a:0x4]", "must be positive, or -1"},
      {"block_height=0", "block_height must be positive, or -1"},
      {"do_not_prune=[(]", "no regular expression"},
  };
  for (const auto& [text, message] : cases) {
    const absl::StatusOr<HParams> h = HParams::Parse(text);
    ASSERT_THAT(h, IsOk()) << text;
    EXPECT_THAT(h->Validate(), StatusIs(absl::StatusCode::kInvalidArgument, message)) << text;
  }
}

TEST(PruningHParamsTest, EndOfMinusOneNeverEnds) {  // PR-9
  EXPECT_THAT(HParams({.begin_pruning_step = 1000, .end_pruning_step = -1}).Validate(), IsOk());
}

}  // namespace
}  // namespace sluice::pruning
