// Layers of several inputs: values by hand, broadcasting, gradients, errors.
#include "layers/merge.h"

#include <cmath>

#include "tests/testing/program/layer_check.h"
#include "tests/testing/program/program_fixture.h"

namespace sluice::layers {
namespace {

class MergeTest : public ProgramFixture {
 protected:
  Output a_ = Values({2, 2}, {1, 2, 3, 4});
  Output b_ = Values({2, 2}, {10, -20, 30, 0});
  Output c_ = Values({2, 2}, {0, 1, 2, 3});
};

TEST_F(MergeTest, ElementByElement) {
  const auto is = [&](const Output& y, std::initializer_list<float> want) {
    ExpectClose(Run(y), Tensor::Of<float>({2, 2}, want));
  };
  is(Add(root_, {a_, b_, c_}), {11, -17, 35, 7});
  is(Subtract(root_, {a_, b_}), {-9, 22, -27, 4});
  is(Multiply(root_, {a_, b_, c_}), {0, -40, 180, 0});
  is(Average(root_, {a_, b_, c_}), {11.f / 3, -17.f / 3, 35.f / 3, 7.f / 3});
  is(Maximum(root_, {a_, b_, c_}), {10, 2, 30, 4});
  is(Minimum(root_, {a_, b_, c_}), {0, -20, 2, 0});
}

TEST_F(MergeTest, NamesOfOps) {
  EXPECT_EQ(Add(root_, {a_, b_, c_}).name(), "add/add_1:0");
  EXPECT_EQ(Add(root_, {a_, b_}, {.name = "joined"}).name(), "joined/add:0");
  EXPECT_EQ(Subtract(root_, {a_, b_}).name(), "subtract/sub:0");
  EXPECT_EQ(Average(root_, {a_, b_}).name(), "average/truediv:0");
  EXPECT_EQ(Concatenate(root_, {a_, b_}).name(), "concatenate/concat:0");
  EXPECT_TRUE(graph_.GlobalVariables().empty());
}

TEST_F(MergeTest, Broadcasts) {
  const Output row = Values({1, 2}, {100, 200}), cube = Values({2, 1, 2}, {1, 2, 3, 4});
  ExpectClose(Run(Add(root_, {a_, row})), Tensor::Of<float>({2, 2}, {101, 202, 103, 204}));
  // The smaller one gets a dimension behind the batch: [2, 1, 2].
  ExpectClose(Run(Add(root_, {cube, a_})), Tensor::Of<float>({2, 1, 2}, {2, 4, 6, 8}));
}

TEST_F(MergeTest, Concatenates) {
  ExpectClose(Run(Concatenate(root_, {a_, b_})),
              Tensor::Of<float>({2, 4}, {1, 2, 10, -20, 3, 4, 30, 0}));
  const Output x = Input({-1, 3, 2}), y = Input({-1, -1, 2});
  EXPECT_EQ(Concatenate(root_, {x, y}, {.axis = 1}).shape(), TensorShape({-1, -1, 2}));
  EXPECT_EQ(Concatenate(root_, {x, x}, {.axis = 1}).shape(), TensorShape({-1, 6, 2}));
}

TEST_F(MergeTest, DotOfVectors) {
  ExpectClose(Run(Dot(root_, {a_, b_}, {.axes = {1}})), Tensor::Of<float>({2, 1}, {-30, 90}));
  // 1*10 - 2*20 over |(1,2)| |(10,-20)|, and 3*30 over |(3,4)| |(30,0)|.
  ExpectClose(Run(Dot(root_, {a_, b_}, {.axes = {1}, .normalize = true})),
              Tensor::Of<float>({2, 1}, {-30.f / std::sqrt(5.f * 500.f), 90.f / (5 * 30)}));
}

// The slow twin of rank 3: sums over x's axis i and y's axis j.
TEST_F(MergeTest, DotOfMatrices) {
  std::vector<float> x(2 * 3 * 4), y(2 * 4 * 3);
  for (size_t i = 0; i < x.size(); ++i) x[i] = 0.5f * static_cast<float>(i) - 3;
  for (size_t i = 0; i < y.size(); ++i) y[i] = static_cast<float>(i % 7) - 2;
  const Output a = ops::Const<float>(root_, x, {2, 3, 4});
  const Output b = ops::Const<float>(root_, y, {2, 4, 3});
  const Tensor rows = Run(Dot(root_, {a, b}, {.axes = {2, 1}}));     // [2, 3, 3]
  const Tensor columns = Run(Dot(root_, {a, b}, {.axes = {1, 2}}));  // [2, 4, 4]
  ASSERT_EQ(rows.shape(), TensorShape({2, 3, 3}));
  ASSERT_EQ(columns.shape(), TensorShape({2, 4, 4}));
  for (int n = 0; n < 2; ++n) {
    for (int i = 0; i < 3; ++i) {
      for (int j = 0; j < 3; ++j) {
        float want = 0;
        for (int k = 0; k < 4; ++k) want += x[(n * 3 + i) * 4 + k] * y[(n * 4 + k) * 3 + j];
        EXPECT_FLOAT_EQ(rows.flat<float>()[(n * 3 + i) * 3 + j], want);
      }
    }
    for (int i = 0; i < 4; ++i) {
      for (int j = 0; j < 4; ++j) {
        float want = 0;
        for (int k = 0; k < 3; ++k) want += x[(n * 3 + k) * 4 + i] * y[(n * 4 + j) * 3 + k];
        EXPECT_FLOAT_EQ(columns.flat<float>()[(n * 4 + i) * 4 + j], want);
      }
    }
  }
}

TEST_F(MergeTest, DotOfMatrixAndVector) {
  const Output m = Values({1, 2, 3}, {1, 2, 3, 4, 5, 6}), v = Values({1, 3}, {1, 10, 100});
  ExpectClose(Run(Dot(root_, {m, v}, {.axes = {2, 1}})), Tensor::Of<float>({1, 2}, {321, 654}));
  const Output w = Values({1, 2}, {1, 10});
  ExpectClose(Run(Dot(root_, {w, m}, {.axes = {1, 1}})), Tensor::Of<float>({1, 3}, {41, 52, 63}));
}

TEST(MergeCheckTest, GradientsAndConfigs) {
  const Tensor x = Tensor::Of<double>({2, 3}, {0.5, -1, 2, 0.25, 3, -2});
  const Tensor y = Tensor::Of<double>({2, 3}, {1.5, 0.3, -0.7, 2, -1, 0.1});
  CheckLayerGradients(AddLayer({}), {x, y});
  CheckLayerGradients(SubtractLayer({}), {x, y});
  CheckLayerGradients(MultiplyLayer({}), {x, y});
  CheckLayerGradients(AverageLayer({}), {x, y});
  CheckLayerGradients(MaximumLayer({}), {x, y});
  CheckLayerGradients(MinimumLayer({}), {x, y});
  CheckLayerGradients(ConcatenateLayer({}), {x, y});
  CheckLayerGradients(DotLayer({.axes = {1}, .normalize = true}), {x, y});
  CheckLayerGradients(DotLayer({.axes = {1, 1}}), {x, y});
}

struct Refusal {
  std::vector<TensorShape> inputs;
  std::string text;
};

template <typename LayerT>
void ExpectRefusals(typename LayerT::Options options, const std::vector<Refusal>& refusals) {
  for (const Refusal& r : refusals) {
    Graph graph(ops::Builtin());
    const Scope root = Scope::Root(graph);
    Outputs inputs;
    for (const TensorShape& s : r.inputs)
      inputs.push_back(ops::Placeholder(root, DType::kFloat, s));
    EXPECT_TRUE(LayerT(options)(root, inputs).empty());
    EXPECT_THAT(graph.status(), StatusIs(absl::StatusCode::kInvalidArgument, r.text));
  }
}

TEST(MergeRefusalTest, Elementwise) {
  ExpectRefusals<AddLayer>(
      {}, {{{{2, 2}}, "should be called on a list of at least 2 inputs. Got 1 inputs."},
           {{{2, 2}, {3, 2}}, "Can not merge tensors with different batch sizes"},
           {{{2, 2}, {2, 3}}, "Operands could not be broadcast together with shapes [2,2], [2,3]"},
           {{}, "at least 2 inputs"}});
  ExpectRefusals<SubtractLayer>(
      {}, {{{{2, 2}, {2, 2}, {2, 2}},
            "A `Subtract` layer should be called on exactly 2 inputs. Got 3 inputs."}});
}

TEST(MergeRefusalTest, ConcatenateAndDot) {
  ExpectRefusals<ConcatenateLayer>(
      {}, {{{{2, 2}}, "A `Concatenate` layer should be called on a list of at least 2 inputs"},
           {{{2, 2}, {2, 2, 2}}, "requires inputs with matching shapes except for the concat axis"},
           {{{2, 3, 2}, {2, 4, 2}}, "requires inputs with matching shapes"}});
  ExpectRefusals<DotLayer>({.axes = {1}}, {{{{2, 2}, {2, 3}}, "Dimension incompatibility 2 != 3"},
                                           {{{2, 2}}, "exactly 2 inputs"},
                                           {{{2}, {2}}, "takes inputs of rank 2 or 3"}});
  ExpectRefusals<DotLayer>({.axes = {0}}, {{{{2, 2}, {2, 2}}, "axis 0 is none of [2,2]"}});
  ExpectRefusals<DotLayer>({.axes = {}}, {{{{2, 2}, {2, 2}}, "must contain 1 or 2 elements"}});
}

}  // namespace
}  // namespace sluice::layers
