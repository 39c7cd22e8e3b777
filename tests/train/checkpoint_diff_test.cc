#include "train/checkpoint_diff.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sluice::train {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TensorFact Float(const std::string& name, const TensorShape& shape = {}) {
  return {name, DType::kFloat, shape};
}

std::vector<std::string> Names(const std::vector<TensorFact>& facts) {
  std::vector<std::string> names;
  for (const TensorFact& fact : facts) names.push_back(fact.name);
  return names;
}

TEST(CheckpointDiff, SortsIntoFourLists) {
  const CheckpointDiff diff = DiffTensors(
      {Float("d", {2}), Float("a"), Float("b", {3}), {"c", DType::kInt32, {}}, Float("same", {2})},
      {Float("x"), Float("same", {2}), Float("b", {4}), Float("c"), Float("e")});
  EXPECT_THAT(Names(diff.same), ElementsAre("same"));
  EXPECT_THAT(Names(diff.missing), ElementsAre("a", "d"));
  EXPECT_THAT(Names(diff.extra), ElementsAre("e", "x"));
  ASSERT_EQ(diff.mismatched.size(), 2u);
  EXPECT_EQ(diff.mismatched[0].held.Describe(), "float32[4]");
  EXPECT_EQ(diff.mismatched[1].wanted.Describe(), "int32[]");
  EXPECT_FALSE(diff.fits());
}

TEST(CheckpointDiff, NothingAndTheSame) {
  const CheckpointDiff none = DiffTensors({}, {});
  EXPECT_TRUE(none.equal());
  EXPECT_EQ(ToText(none), "");
  const CheckpointDiff more = DiffTensors({Float("a")}, {Float("a"), Float("b")});
  EXPECT_TRUE(more.fits());
  EXPECT_FALSE(more.equal());
}

TEST(CheckpointDiff, UnknownDimensionsFit) {
  EXPECT_TRUE(DiffTensors({Float("a", {-1, 3})}, {Float("a", {5, 3})}).equal());
  EXPECT_TRUE(DiffTensors({Float("a", TensorShape::Unknown())}, {Float("a", {5, 3})}).equal());
  EXPECT_FALSE(DiffTensors({Float("a", {-1, 4})}, {Float("a", {5, 3})}).fits());
}

// A whole model under another scope: one line, not one per tensor.
TEST(CheckpointDiff, AScopeThatWasRenamed) {
  std::vector<TensorFact> wanted, held;
  for (int i = 0; i < 50; ++i) {
    const std::string layer = absl::StrCat("block_", i, "/kernel");
    wanted.push_back(Float("net/" + layer, {3, 3}));
    held.push_back(Float("model/" + layer, {3, 3}));
  }
  const CheckpointDiff diff = DiffTensors(wanted, held);
  EXPECT_THAT(diff.guesses, ElementsAre(RenameGuess{RenameGuess::kScope, "model/", "net/", 50}));
  const std::string text = ToText(diff);
  EXPECT_THAT(text, HasSubstr("perhaps renamed: 'model/' -> 'net/' would find 50 of the 50"));
  EXPECT_THAT(text, Not(HasSubstr("nearest")));
  EXPECT_LT(text.size(), 1000u);
}

TEST(CheckpointDiff, ScopesFromAndToTheRoot) {
  EXPECT_THAT(DiffTensors({Float("a/w", {1}), Float("b/w", {2})},
                          {Float("m/a/w", {1}), Float("m/b/w", {2})})
                  .guesses,
              ElementsAre(RenameGuess{RenameGuess::kScope, "m/", "", 2}));
  EXPECT_THAT(DiffTensors({Float("m/a/w", {1}), Float("m/b/w", {2})},
                          {Float("a/w", {1}), Float("b/w", {2})})
                  .guesses,
              ElementsAre(RenameGuess{RenameGuess::kScope, "", "m/", 2}));
}

TEST(CheckpointDiff, GuessesLookAtDtypeAndShape) {
  EXPECT_THAT(DiffTensors({Float("net/a", {1}), Float("net/b", {2})},
                          {Float("model/a", {3}), {"model/b", DType::kDouble, {2}}})
                  .guesses,
              IsEmpty());
  // A single tensor is no rule.
  EXPECT_THAT(DiffTensors({Float("net/a")}, {Float("model/a")}).guesses, IsEmpty());
}

// Layers of one shape, numbered otherwise: each of the checkpoint's is used once.
TEST(CheckpointDiff, EachExtraTensorIsUsedOnce) {
  std::vector<TensorFact> wanted, held;
  for (const char* leaf : {"bias", "kernel"}) {
    for (int i = 1; i <= 2; ++i) {
      wanted.push_back(Float(absl::StrCat("conv_", i, "/", leaf)));
      held.push_back(Float(absl::StrCat("conv", i, "/", leaf)));
    }
  }
  EXPECT_THAT(DiffTensors(wanted, held).guesses,
              ElementsAre(RenameGuess{RenameGuess::kScope, "conv1/", "conv_1/", 2},
                          RenameGuess{RenameGuess::kScope, "conv2/", "conv_2/", 2}));
}

TEST(CheckpointDiff, LeavesThatWereRenamed) {
  const CheckpointDiff diff =
      DiffTensors({Float("a/kernel", {1}), Float("b/kernel", {2}), Float("c/kernel", {3})},
                  {Float("a/weights", {1}), Float("b/weights", {2}), Float("c/weights", {3})});
  EXPECT_THAT(diff.guesses, ElementsAre(RenameGuess{RenameGuess::kLeaf, "weights", "kernel", 3}));
  EXPECT_THAT(ToText(diff), HasSubstr("perhaps renamed: '.../weights' -> '.../kernel'"));
}

TEST(CheckpointDiff, TheTextAsAWhole) {
  const CheckpointDiff diff =
      DiffTensors({Float("net/conv1/bias", {8}), Float("net/conv1/kernel", {3, 3, 1, 8}),
                   Float("net/step"), Float("net/fc/kernel", {10, 3})},
                  {Float("model/conv1/bias", {8}), Float("model/conv1/kernel", {3, 3, 1, 8}),
                   Float("net/fc/kernel", {10, 4}), Float("net/steps")});
  EXPECT_EQ(ToText(diff),
            "missing in the checkpoint: 3 of 4\n"
            "  net/ (1): step float32[]\n"
            "  net/conv1/ (2): bias float32[8], kernel float32[3,3,1,8]\n"
            "of another dtype or shape: 1\n"
            "  net/fc/kernel: the graph has float32[10,3], the checkpoint float32[10,4]\n"
            "only in the checkpoint: 3\n"
            "  model/conv1/ (2): bias float32[8], kernel float32[3,3,1,8]\n"
            "  net/ (1): steps float32[]\n"
            "perhaps renamed: 'model/' -> 'net/' would find 2 of the 3 missing\n"
            "net/step: the nearest name is 'net/steps'\n");
}

TEST(CheckpointDiff, ManyScopesAreTakenTogether) {
  std::vector<TensorFact> wanted;
  for (int i = 0; i < 30; ++i) {
    for (const char* top : {"encoder/", "decoder/"}) {
      wanted.push_back(Float(absl::StrCat(top, "layer_", i, "/kernel"), {2}));
    }
  }
  const std::string text = ToText(DiffTensors(wanted, {}));
  EXPECT_THAT(text,
              HasSubstr("missing in the checkpoint: 60 of 60\n  decoder/ (30): layer_0/kernel"));
  EXPECT_THAT(text, HasSubstr("encoder/ (30): "));
  EXPECT_THAT(text, HasSubstr("and 24 more\n"));
}

// Names come from files.
TEST(CheckpointDiff, NamesArePrintable) {
  const std::string text =
      ToText(DiffTensors({Float("a\x1b[31m/w\n")}, {Float(std::string(70000, '/'))}));
  for (const char c : text) EXPECT_TRUE(c == '\n' || (c >= ' ' && c < 127));
  EXPECT_LT(text.size(), 2000u);
}

// Quadratic work would take minutes.
TEST(CheckpointDiff, TenThousandTensorsOfOneEnding) {
  std::vector<TensorFact> wanted, held;
  for (int i = 0; i < 10000; ++i) {
    wanted.push_back(Float(absl::StrCat("net/l", i, "/kernel")));
    held.push_back(Float(absl::StrCat("model/l", i, "/kernel")));
  }
  const CheckpointDiff diff = DiffTensors(wanted, held);
  ASSERT_FALSE(diff.guesses.empty());
  EXPECT_EQ(diff.guesses[0], (RenameGuess{RenameGuess::kScope, "model/", "net/", 10000}));
}

}  // namespace
}  // namespace sluice::train
