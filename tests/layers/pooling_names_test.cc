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

TEST_F(PoolingNamesTest, ASequenceIsAnImageOfWidth1) {
  const Output x = ops::Placeholder(root_.Named("line"), DType::kFloat, {-1, 4, 3});
  const int first = graph_.num_nodes();
  MaxPooling1D(root_, x, {.pool_size = 2, .strides = 2});
  EXPECT_EQ(Nodes(first),
            (Strings{"max_pooling1d/ExpandDims/dim Const", "max_pooling1d/ExpandDims ExpandDims",
                     "max_pooling1d/MaxPool MaxPool", "max_pooling1d/Squeeze Squeeze"}));
}

TEST_F(PoolingNamesTest, OneNodeForAVolume) {
  const Output x = ops::Placeholder(root_.Named("v"), DType::kFloat, {-1, 4, 4, 4, 3});
  const int first = graph_.num_nodes();
  MaxPooling3D(root_, x, {.pool_size = 2, .strides = 2});
  AveragePooling3D(root_, x, {.pool_size = 2, .strides = 2});
  EXPECT_EQ(Nodes(first), (Strings{"max_pooling3d/MaxPool3D MaxPool3D",
                                   "average_pooling3d/AvgPool3D AvgPool3D"}));
}

TEST_F(PoolingNamesTest, ANameGivenTwiceIsNumbered) {  // L-3: layers without variables never clash
  const Pooling2DOptions options = {.pool_size = 2, .strides = 2, .name = "pool"};
  EXPECT_EQ(MaxPooling2D(root_, x_, options).name(), "pool/MaxPool:0");
  EXPECT_EQ(MaxPooling2D(root_, x_, options).name(), "pool_1/MaxPool:0");
}

}  // namespace
}  // namespace sluice::layers
