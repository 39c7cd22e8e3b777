// Every name that conv2d_transpose and conv3d_transpose produce.
#include "layers/conv_transpose.h"
#include "ops/relu.h"
#include "tests/testing/program/names.h"

namespace sluice::layers {
namespace {

class ConvTransposeNamesTest : public NamesOfKind {
 protected:
  // Python's shape[i], in that scope.
  Strings Element(const std::string& scope) const {
    return List(Below(scope, {"stack Const", "stack_1 Const", "stack_2 Const"}),
                scope + " StridedSlice");
  }
  Strings IntOp(const std::string& scope, const char* op) const {
    return {scope + "/y Const", scope + " " + op};
  }
};
INSTANTIATE_TEST_SUITE_P(Kinds, ConvTransposeNamesTest, EitherKind(), NameOfKind);

TEST_P(ConvTransposeNamesTest, OneImageLayer) {  // CV-25
  const Output x = ops::Placeholder(root_.Named("x"), DType::kFloat, {-1, 7, 9, 4});
  const int start = graph_.num_nodes();
  Conv2DTranspose(scope_, x, {.filters = 8, .kernel_size = 3, .activation = ops::Relu});
  EXPECT_THAT(graph_.status(), IsOk());
  const std::string s = "conv2d_transpose";
  EXPECT_EQ(
      Nodes(start),
      List(GlorotVariable(kind_, s + "/kernel"), ConstantVariable(kind_, s + "/bias"),
           s + "/Shape Shape", Element(s + "/strided_slice"), Element(s + "/strided_slice_1"),
           Element(s + "/strided_slice_2"), IntOp(s + "/mul", "Mul"), IntOp(s + "/add", "AddV2"),
           IntOp(s + "/mul_1", "Mul"), IntOp(s + "/add_1", "AddV2"), s + "/stack/3 Const",
           s + "/stack Pack", s + "/conv2d_transpose Conv2DBackpropInput", s + "/BiasAdd BiasAdd",
           s + "/Relu Relu"));
  const Strings variables = {"conv2d_transpose/kernel:0", "conv2d_transpose/bias:0"};
  EXPECT_EQ(Collections(),
            (CollectionNames{{"variables", variables}, {"trainable_variables", variables}}));
  EXPECT_EQ(graph_.TrainableVariables()[0].shape(), TensorShape({3, 3, 8, 4}));
}

TEST_P(ConvTransposeNamesTest, SamePaddingOnlyMultiplies) {
  const Output x = ops::Placeholder(root_.Named("x"), DType::kFloat, {-1, 4, 7, 9});
  const int start = graph_.num_nodes();
  Conv2DTranspose(scope_, x,
                  {.filters = 8,
                   .kernel_size = 3,
                   .strides = 2,
                   .padding = Padding::kSame,
                   .data_format = DataFormat::kChannelsFirst,
                   .use_bias = false});
  const std::string s = "conv2d_transpose";
  EXPECT_EQ(Nodes(start), List(GlorotVariable(kind_, s + "/kernel"), s + "/Shape Shape",
                               Element(s + "/strided_slice"), Element(s + "/strided_slice_1"),
                               Element(s + "/strided_slice_2"), IntOp(s + "/mul", "Mul"),
                               IntOp(s + "/mul_1", "Mul"), s + "/stack/1 Const", s + "/stack Pack",
                               s + "/conv2d_transpose Conv2DBackpropInput"));
}

TEST_P(ConvTransposeNamesTest, OneVolumeLayer) {
  const Output x = ops::Placeholder(root_.Named("x"), DType::kFloat, {2, 5, 7, 9, 4});
  Conv3DTranspose(scope_, x, {.filters = 8, .kernel_size = 3, .name = "up"});
  EXPECT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(Names(graph_.GlobalVariables()), (Strings{"up/kernel:0", "up/bias:0"}));
  EXPECT_EQ(graph_.TrainableVariables()[0].shape(), TensorShape({3, 3, 3, 8, 4}));
  for (const char* name : {"up/Shape", "up/strided_slice_3", "up/add_2", "up/stack/4", "up/stack",
                           "up/conv3d_transpose", "up/BiasAdd"})
    EXPECT_NE(graph_.FindNode(name), nullptr) << name;
  EXPECT_EQ(graph_.FindNode("up/conv3d_transpose")->op(), "Conv3DBackpropInputV2");
}

TEST_P(ConvTransposeNamesTest, ReuseByNameAndByObject) {
  const Output x = ops::Placeholder(root_.Named("x"), DType::kFloat, {-1, 7, 9, 4});
  Conv2DTranspose(scope_, x, {.filters = 8, .kernel_size = 3, .name = "up"});
  const Output y = Conv2DTranspose(
      scope_, x, {.filters = 8, .kernel_size = 3, .name = "up", .reuse = Reuse::kTrue});
  EXPECT_EQ(y.name(), "up_1/BiasAdd:0");
  Conv2DTransposeLayer layer({.filters = 8, .kernel_size = 3});
  layer(scope_, x);
  EXPECT_EQ(layer(scope_, x).name(), "conv2d_transpose/BiasAdd_1:0");
  EXPECT_EQ(Names(graph_.GlobalVariables()),
            (Strings{"up/kernel:0", "up/bias:0", "conv2d_transpose/kernel:0",
                     "conv2d_transpose/bias:0"}));
  Conv2DTranspose(scope_, x, {.filters = 8, .kernel_size = 3, .name = "up"});
  ExpectError(absl::StatusCode::kAlreadyExists, "Variable up/kernel already exists");
}

}  // namespace
}  // namespace sluice::layers
