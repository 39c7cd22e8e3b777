// Rule LY-4.
#include "layers/pooling.h"

#include "tests/testing/program/program_fixture.h"

namespace sluice::layers {
namespace {

class PoolingTest : public ProgramFixture {
 protected:
  Output Nine() { return Values({1, 3, 3, 1}, {1, 2, 3, 4, 9, 6, 7, 8, 5}); }
};

TEST_F(PoolingTest, Max) {
  const Output y = MaxPooling2D(root_, Nine(), {.pool_size = {1, 2}, .strides = 1});
  EXPECT_EQ(y.name(), "max_pooling2d/MaxPool:0");
  ExpectClose(Run(y), Tensor::Of<float>({1, 3, 2, 1}, {2, 3, 9, 9, 8, 8}));
  EXPECT_TRUE(graph_.GlobalVariables().empty());
}

TEST_F(PoolingTest, AverageOfSamePaddingDividesByTheCellsThatExist) {
  const Output y =
      AveragePooling2D(root_, Nine(), {.pool_size = 2, .strides = 2, .padding = Padding::kSame});
  EXPECT_EQ(y.name(), "average_pooling2d/AvgPool:0");
  ExpectClose(Run(y), Tensor::Of<float>({1, 2, 2, 1}, {4, 4.5, 7.5, 5}));
}

TEST_F(PoolingTest, NamesAreUnique) {
  const Pooling2DOptions options = {.pool_size = 2, .strides = 2};
  EXPECT_EQ(MaxPooling2D(root_, Nine(), options).name(), "max_pooling2d/MaxPool:0");
  EXPECT_EQ(MaxPooling2D(root_, Nine(), options).name(), "max_pooling2d_1/MaxPool:0");
  EXPECT_EQ(MaxPooling2D(root_, Nine(), {.pool_size = 2, .strides = 2, .name = "pool"}).name(),
            "pool/MaxPool:0");
}

TEST_F(PoolingTest, Shapes) {
  EXPECT_EQ(MaxPooling2D(root_, Input({-1, 28, 28, 3}), {.pool_size = 2, .strides = 2}).shape(),
            TensorShape({-1, 14, 14, 3}));
  EXPECT_EQ(AveragePooling2D(
                root_, Input({2, 3, 7, 9}),
                {.pool_size = {3, 2}, .strides = {2, 3}, .data_format = DataFormat::kChannelsFirst})
                .shape(),
            TensorShape({2, 3, 3, 3}));
}

TEST_F(PoolingTest, StridesAreRequired) {
  EXPECT_TRUE(MaxPooling2D(root_, Nine(), {.pool_size = 2}).empty());
  ExpectInvalid("The `strides` argument must be a tuple of 2 integers > 0. Received: (0, 0)");
}

TEST_F(PoolingTest, PoolSizeIsRequired) {
  AveragePooling2D(root_, Nine(), {.strides = 2});
  ExpectInvalid("The `pool_size` argument must be a tuple of 2 integers > 0. Received: (0, 0)");
}

TEST_F(PoolingTest, RankIsChecked) {
  MaxPooling2D(root_, Input({3, 3, 1}), {.pool_size = 2, .strides = 2});
  ExpectInvalid("expected ndim=4, found ndim=3. Full shape received: [3,3,1]");
}

TEST_F(PoolingTest, AWindowLargerThanTheInputIsRefused) {
  MaxPooling2D(root_, Nine(), {.pool_size = 4, .strides = 1});
  ExpectInvalid("Negative dimension size caused by subtracting");
}

}  // namespace
}  // namespace sluice::layers
