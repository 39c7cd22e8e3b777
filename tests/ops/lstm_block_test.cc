#include "ops/lstm_block.h"

#include <array>

#include "tests/testing/float_gradient.h"
#include "tests/testing/lstm_reference.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

// x, cs_prev, h_prev, w, wci, wcf, wco, b
std::vector<Tensor> Inputs(DType dtype, int64_t batch, int64_t inputs, int64_t size,
                           double range = 1) {
  auto random = [&](const TensorShape& shape, int seed) {
    return RandomTensor(dtype, shape, seed, -range, range);
  };
  return {random({batch, inputs}, 1), random({batch, size}, 2),
          random({batch, size}, 3),   random({inputs + size, 4 * size}, 4),
          random({size}, 5),          random({size}, 6),
          random({size}, 7),          random({4 * size}, 8)};
}

std::vector<Tensor> SlowCell(const std::vector<Tensor>& in, double forget_bias, double clip,
                             bool peephole) {
  const DType dtype = in[0].dtype();
  const TensorShape shape = in[1].shape();
  SlowLstm lstm{.batch = shape.dim(0),
                .size = shape.dim(1),
                .forget_bias = forget_bias,
                .clip = clip,
                .w = ToDoubles(in[3]),
                .b = ToDoubles(in[7])};
  if (peephole) {
    lstm.wci = ToDoubles(in[4]);
    lstm.wcf = ToDoubles(in[5]);
    lstm.wco = ToDoubles(in[6]);
  }
  const SlowLstmStep y = lstm.Step(ToDoubles(in[0]), ToDoubles(in[1]), ToDoubles(in[2]));
  std::vector<Tensor> outputs;
  for (const Doubles& values : {y.i, y.cs, y.f, y.o, y.ci, y.co, y.h})
    outputs.push_back(FromDoubles(dtype, shape, values));
  return outputs;
}

OpTest Cell(float forget_bias, float clip, bool peephole) {
  OpTest test("LSTMBlockCell");
  return test.Attr("forget_bias", forget_bias)
      .Attr("cell_clip", clip)
      .Attr("use_peephole", peephole);
}

TEST(LSTMBlockCellTest, ByHand) {
  // Without weights: i = o = sigmoid(0) = 1/2, ci = 0, f = sigmoid(1), cs = cs_prev f.
  const float f = 1 / (1 + std::exp(-1.f)), cs = 2 * f, co = std::tanh(cs);
  OpTest("LSTMBlockCell")
      .Input({1, 1}, {7})
      .Input({1, 1}, {2})
      .Input({1, 1}, {3})
      .Input(Tensor::Zeros(DType::kFloat, {2, 4}))
      .Inputs({3, Tensor::Zeros(DType::kFloat, {1})})
      .Input(Tensor::Zeros(DType::kFloat, {4}))
      .ExpectAll({Tensor::Of<float>({1, 1}, {.5}), Tensor::Of<float>({1, 1}, {cs}),
                  Tensor::Of<float>({1, 1}, {f}), Tensor::Of<float>({1, 1}, {.5}),
                  Tensor::Of<float>({1, 1}, {0}), Tensor::Of<float>({1, 1}, {co}),
                  Tensor::Of<float>({1, 1}, {co / 2})});
}

TEST(LSTMBlockCellTest, MatchesSlowTwin) {
  for (const bool peephole : {false, true}) {
    for (const float clip : {0.f, 0.3f, 3.f}) {
      const std::vector<Tensor> in = Inputs(DType::kFloat, 3, 5, 4);
      Cell(0.7f, clip, peephole)
          .Inputs(in)
          .ExpectAll(SlowCell(in, 0.7f, clip, peephole), {1e-5, 1e-5});
    }
  }
  const std::vector<Tensor> half = Inputs(DType::kHalf, 2, 3, 2);
  Cell(1, 3, true).Inputs(half).ExpectAll(SlowCell(half, 1, 3, true), {4e-3, 4e-3});
}

TEST(LSTMBlockCellTest, EdgeShapes) {
  for (const auto& [batch, inputs, size] :
       {std::array<int64_t, 3>{0, 3, 2}, {2, 0, 3}, {2, 3, 0}, {1, 1, 1}}) {
    const std::vector<Tensor> in = Inputs(DType::kFloat, batch, inputs, size);
    Cell(1, 3, true).Inputs(in).ExpectAll(SlowCell(in, 1, 3, true), {1e-5, 1e-5});
  }
}

TEST(LSTMBlockCellTest, GradientsAreNumeric) {
  for (const bool peephole : {false, true}) {
    CheckFloatGradient("LSTMBlockCell", {{"cell_clip", 0.f}, {"use_peephole", peephole}},
                       Inputs(DType::kFloat, 2, 3, 2),
                       {.wrt = peephole ? std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7}
                                        : std::vector<int>{0, 1, 2, 3, 7},
                        .outputs = {1, 6},
                        .step = 2e-2f});
  }
  // One of the two may be missing.
  CheckFloatGradient("LSTMBlockCell", {{"cell_clip", 0.f}}, Inputs(DType::kFloat, 2, 3, 2),
                     {.wrt = {0, 3}, .outputs = {6}, .step = 2e-2f});
}

TEST(LSTMBlockCellTest, WithoutPeepholeItsGradientsAreZeros) {
  std::vector<Tensor> in = Inputs(DType::kFloat, 2, 1, 3);
  for (int i = 0; i < 8; ++i) in.push_back(RandomTensor(DType::kFloat, {2, 3}, 20 + i));
  const auto d = OpTest("LSTMBlockCellGrad").Attr("use_peephole", false).Inputs(in).Run();
  ASSERT_THAT(d, IsOk());
  for (int i = 2; i < 5; ++i) ExpectClose((*d)[i], Tensor::Zeros(DType::kFloat, {3}));
}

TEST(LSTMBlockCellTest, Errors) {
  std::vector<Tensor> in = Inputs(DType::kFloat, 2, 3, 2);
  in[3] = RandomTensor(DType::kFloat, {4, 8});
  Cell(1, 3, false).Inputs(in).ExpectError(StatusCode::kInvalidArgument, "w has shape [4,8]");
  in = Inputs(DType::kFloat, 2, 3, 2);
  in[2] = RandomTensor(DType::kFloat, {1, 2});
  Cell(1, 3, false).Inputs(in).ExpectError(StatusCode::kInvalidArgument, "h_prev has shape [1,2]");
  in = Inputs(DType::kFloat, 2, 3, 2);
  in[4] = RandomTensor(DType::kFloat, {1});
  Cell(1, 3, true).Inputs(in).ExpectError(StatusCode::kInvalidArgument, "wci has shape [1]");
  in[0] = RandomTensor(DType::kFloat, {3});
  Cell(1, 3, false).Inputs(in).ExpectError(StatusCode::kInvalidArgument, "rank 2 but is rank 1");
}

}  // namespace
}  // namespace sluice
