// Every name that pooling produces.
#include "layers/pooling.h"
#include "tests/testing/program/names.h"

namespace sluice::layers {
namespace {

class PoolingNamesTest : public NamesFixture {
 protected:
  Output x_ = ops::Placeholder(root_.Named("x"), DType::kFloat, {-1, 4, 4, 3});
};

TEST_F(PoolingNamesTest, OneNodeEach) {  // LY-4
  const Pooling2DOptions options = {.pool_size = 2, .strides = 2};
  MaxPooling2D(root_, x_, options);
  AveragePooling2D(root_, x_, options);
  MaxPooling2D(root_, x_, options);
  AveragePooling2D(root_, x_, {.pool_size = 2, .strides = 2, .name = "pool"});
  EXPECT_EQ(Nodes(), (Strings{"x Placeholder", "max_pooling2d/MaxPool MaxPool",
                              "average_pooling2d/AvgPool AvgPool",
                              "max_pooling2d_1/MaxPool MaxPool", "pool/AvgPool AvgPool"}));
  EXPECT_TRUE(Collections().empty());
}

TEST_F(PoolingNamesTest, ANameGivenTwiceIsNumbered) {  // L-3: layers without variables never clash
  const Pooling2DOptions options = {.pool_size = 2, .strides = 2, .name = "pool"};
  EXPECT_EQ(MaxPooling2D(root_, x_, options).name(), "pool/MaxPool:0");
  EXPECT_EQ(MaxPooling2D(root_, x_, options).name(), "pool_1/MaxPool:0");
}

}  // namespace
}  // namespace sluice::layers
