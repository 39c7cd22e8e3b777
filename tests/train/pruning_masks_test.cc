#include "train/pruning_masks.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "tests/testing/program/program_fixture.h"

namespace sluice::pruning {
namespace {

// Not of double: g++ 12.2 with AVX2 makes {1, 1, 1, 1} of std::vector<double>{1, 1, 0, 0}.
using Mask = std::vector<float>;

class PruningMasksTest : public ProgramFixture {
 protected:
  // Threshold and mask as the fixture computes them.
  struct Got {
    double threshold;
    Mask mask;
  };
  Got Masks(const TensorShape& shape, std::initializer_list<float> weights, float sparsity,
            double decay = 0, float old_threshold = 0, BlockDims block = {},
            const std::string& pooling = "AVG") {
    const NewMask made =
        LargestBlocks(root_, Values(shape, weights), ops::Const(root_, old_threshold),
                      ops::Const(root_, sparsity), decay, block, pooling);
    EXPECT_THAT(graph_.status(), IsOk());
    EXPECT_EQ(made.mask.shape(), shape);
    EXPECT_EQ(made.threshold.shape(), TensorShape({}));
    const std::vector<Tensor> run = Run(Outputs{made.threshold, made.mask});
    const std::vector<double> mask = ToDoubles(run[1]);
    return {ToDoubles(run[0])[0], Mask(mask.begin(), mask.end())};
  }
};

TEST_F(PruningMasksTest, KeepsTheLargest) {  // PR-11, its example
  const Got got = Masks({4}, {4, -3, 2, -1}, 0.5f);
  EXPECT_EQ(got.threshold, 3);
  EXPECT_EQ(got.mask, (Mask{1, 1, 0, 0}));
}

TEST_F(PruningMasksTest, SparsityZeroKeepsAll) {  // PR-11: k = n
  const Got got = Masks({2, 2}, {1, 2, 3, 4}, 0);
  EXPECT_EQ(got.threshold, 1);
  EXPECT_EQ(got.mask, (Mask{1, 1, 1, 1}));
}

TEST_F(PruningMasksTest, TiesWithTheThresholdStay) {  // PR-11: a >= threshold
  EXPECT_EQ(Masks({4}, {1, 2, 2, 3}, 0.5f).mask, (Mask{0, 1, 1, 1}));
}

TEST_F(PruningMasksTest, RoundsHalvesToEven) {                                           // PR-11
  EXPECT_EQ(Masks({5}, {5, 4, 3, 2, 1}, 0.5f).mask, (Mask{1, 1, 0, 0, 0}));              // 2.5 -> 2
  EXPECT_EQ(Masks({7}, {7, 6, 5, 4, 3, 2, 1}, 0.5f).mask, (Mask{1, 1, 1, 1, 0, 0, 0}));  // 3.5 -> 4
}

TEST_F(PruningMasksTest, AtLeastOneStays) {  // PR-11: TensorFlow takes element -1 here
  const Got got = Masks({4}, {4, 3, 2, 1}, 0.99f);
  EXPECT_EQ(got.threshold, 4);
  EXPECT_EQ(got.mask, (Mask{1, 0, 0, 0}));
  EXPECT_EQ(Masks({2}, {1, 2}, 1.5f).mask, (Mask{0, 1}));  // whatever an outside sparsity is
  EXPECT_EQ(Masks({2}, {1, 2}, -1.0f).mask, (Mask{1, 1}));
}

TEST_F(PruningMasksTest, ThresholdsAreSmoothed) {  // PR-11: 3 * (1 - 0.75) + 1 * 0.75
  const Got got = Masks({4}, {4, 3, 2, 1}, 0.5f, 0.75, 1);
  EXPECT_EQ(got.threshold, 1.5);
  EXPECT_EQ(got.mask, (Mask{1, 1, 1, 0}));
}

TEST_F(PruningMasksTest, HundredNumbersKeepFiftyOrSo) {
  std::vector<float> weights(100);
  for (int i = 0; i < 100; ++i) weights[i] = static_cast<float>((i * 37) % 100 + 1);
  const NewMask made = LargestWeights(root_, ops::Const<float>(root_, weights, {10, 10}),
                                      ops::Const(root_, 0.0f), ops::Const(root_, 0.5f), 0);
  const std::vector<double> mask = ToDoubles(Run(made.mask));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(mask[i], weights[i] >= 51 ? 1 : 0) << i;
}

TEST_F(PruningMasksTest, DoubleWeightsHaveDoubleMasks) {
  const NewMask made = LargestWeights(root_, ops::Const<double>(root_, {4, 3, 2, 1}),
                                      ops::Const(root_, 0.0), ops::Const(root_, 0.5f), 0);
  ASSERT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(made.mask.dtype(), DType::kDouble);
  ExpectClose(Run(made.mask), Tensor::Of<double>({4}, {1, 1, 0, 0}));
}

TEST_F(PruningMasksTest, BlocksByTheirMean) {  // PR-12, its example
  const Got got = Masks({2, 4}, {.4f, .4f, .1f, .1f, .3f, -.3f, .2f, .2f}, 0.5f, 0, 0, {1, 2});
  EXPECT_FLOAT_EQ(got.threshold, .3f);
  EXPECT_EQ(got.mask, (Mask{1, 1, 0, 0, 1, 1, 0, 0}));
}

TEST_F(PruningMasksTest, BlocksByTheirMaximum) {  // PR-12, the test of TensorFlow
  EXPECT_EQ(Masks({4, 4}, {.1f, 0, .2f, 0, 0, -.1f, 0, -.2f, .3f, 0, .4f, 0, 0, -.3f, 0, -.4f},
                  0.51f, 0, 0, {2, 2}, "MAX")
                .mask,
            (Mask{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1}));
}

TEST_F(PruningMasksTest, DimensionsOfOneDoNotCount) {  // PR-12: squeezed; TensorFlow's test
  EXPECT_EQ(Masks({1, 4, 4},
                  {.1f, .1f, .2f, .2f, .1f, .1f, .2f, .2f,  //
                   .3f, .3f, .4f, .4f, .3f, .3f, .4f, .4f},
                  0.51f, 0, 0, {2, 2})
                .mask,
            (Mask{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1}));
}

TEST_F(PruningMasksTest, BlocksThatStickOutAreMeasuredInside) {  // PR-12: SAME
  // Blocks of 2x2 over 3x3: means 1, 4 (two cells), 2 (two cells), 9 (one cell); k = 2.
  EXPECT_EQ(Masks({3, 3}, {1, 1, 4, 1, 1, 4, 2, 2, 9}, 0.5f, 0, 0, {2, 2}).mask,
            (Mask{0, 0, 1, 0, 0, 1, 0, 0, 1}));
}

TEST_F(PruningMasksTest, MinusOneIsTheFullExtent) {  // PR-12: whole columns
  EXPECT_EQ(Masks({2, 3}, {1, 5, 3, 1, -1, 3}, 1 / 3.0f, 0, 0, {-1, 1}).mask,
            (Mask{0, 1, 1, 0, 1, 1}));
  EXPECT_EQ(Masks({2, 2}, {1, 1, 2, 2}, 0.5f, 0, 0, {1, -1}).mask, (Mask{0, 0, 1, 1}));
  EXPECT_EQ(Masks({2, 2}, {1, 1, 2, 2}, 0.5f, 0, 0, {7, 1}).mask, (Mask{1, 1, 1, 1}));  // ties
}

TEST_F(PruningMasksTest, OtherRanksArePrunedOneByOne) {  // PR-12: not a matrix
  EXPECT_EQ(Masks({2, 1, 2, 2}, {8, 1, 7, 2, 6, 3, 5, 4}, 0.5f, 0, 0, {2, 2}).mask,
            (Mask{1, 0, 1, 0, 1, 0, 1, 0}));
}

TEST_F(PruningMasksTest, RefusesAnUnknownPoolingFunction) {  // PR-12
  LargestBlocks(root_, Values({2, 2}, {1, 2, 3, 4}), ops::Const(root_, 0.0f),
                ops::Const(root_, 0.5f), 0, {2, 2}, "SUM");
  ExpectInvalid("Unknown pooling function for block sparsity: SUM");
}

}  // namespace
}  // namespace sluice::pruning
