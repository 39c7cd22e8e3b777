#include "ops/gru_block.h"

#include <array>

#include "tests/testing/float_gradient.h"
#include "tests/testing/lstm_reference.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

// x, h_prev, w_ru, w_c, b_ru, b_c
std::vector<Tensor> Inputs(int64_t batch, int64_t inputs, int64_t size) {
  auto random = [](const TensorShape& shape, int seed) {
    return RandomTensor(DType::kFloat, shape, seed);
  };
  return {random({batch, inputs}, 1),
          random({batch, size}, 2),
          random({inputs + size, 2 * size}, 3),
          random({inputs + size, size}, 4),
          random({2 * size}, 5),
          random({size}, 6)};
}

std::vector<Tensor> SlowCell(const std::vector<Tensor>& in) {
  const TensorShape shape = in[1].shape();
  const int64_t batch = shape.dim(0), size = shape.dim(1);
  const Doubles x = ToDoubles(in[0]), h = ToDoubles(in[1]);
  Doubles r(batch * size), u(batch * size), hr(batch * size), c(batch * size), y(batch * size);
  if (batch * size > 0) {
    const Doubles gates = SlowGates(batch, x, h, ToDoubles(in[2]), ToDoubles(in[4]));
    for (int64_t i = 0; i < batch * size; ++i) {
      const int64_t at = i / size * 2 * size + i % size;
      r[i] = SlowSigmoid(gates[at]);
      u[i] = SlowSigmoid(gates[at + size]);
      hr[i] = h[i] * r[i];
    }
    const Doubles content = SlowGates(batch, x, hr, ToDoubles(in[3]), ToDoubles(in[5]));
    for (int64_t i = 0; i < batch * size; ++i) {
      c[i] = std::tanh(content[i]);
      y[i] = u[i] * h[i] + (1 - u[i]) * c[i];
    }
  }
  std::vector<Tensor> outputs;
  for (const Doubles& values : {r, u, c, y})
    outputs.push_back(FromDoubles(DType::kFloat, shape, values));
  return outputs;
}

TEST(GRUBlockCellTest, ByHand) {
  // Without weights: r = u = 1/2, c = 0, h = h_prev / 2.
  OpTest("GRUBlockCell")
      .Input({1, 1}, {7})
      .Input({1, 1}, {3})
      .Input(Tensor::Zeros(DType::kFloat, {2, 2}))
      .Input(Tensor::Zeros(DType::kFloat, {2, 1}))
      .Input(Tensor::Zeros(DType::kFloat, {2}))
      .Input(Tensor::Zeros(DType::kFloat, {1}))
      .ExpectAll({Tensor::Of<float>({1, 1}, {.5}), Tensor::Of<float>({1, 1}, {.5}),
                  Tensor::Of<float>({1, 1}, {0}), Tensor::Of<float>({1, 1}, {1.5})});
}

TEST(GRUBlockCellTest, MatchesSlowTwin) {
  for (const auto& [batch, inputs, size] :
       {std::array<int64_t, 3>{3, 5, 4}, {1, 1, 1}, {0, 3, 2}, {2, 0, 3}, {2, 3, 0}, {9, 17, 33}}) {
    const std::vector<Tensor> in = Inputs(batch, inputs, size);
    OpTest("GRUBlockCell").Inputs(in).ExpectAll(SlowCell(in), {1e-4, 1e-5});
  }
}

TEST(GRUBlockCellTest, GradientsAreNumeric) {
  CheckFloatGradient("GRUBlockCell", {}, Inputs(2, 3, 2),
                     {.wrt = {0, 1, 2, 3, 4, 5}, .outputs = {3}, .step = 2e-2f});
  CheckFloatGradient("GRUBlockCell", {}, Inputs(1, 1, 3),
                     {.wrt = {0, 1, 2, 3, 4, 5}, .outputs = {3}, .step = 2e-2f});
}

TEST(GRUBlockCellTest, Errors) {
  std::vector<Tensor> in = Inputs(2, 3, 2);
  in[2] = RandomTensor(DType::kFloat, {5, 3});
  OpTest("GRUBlockCell")
      .Inputs(in)
      .ExpectError(StatusCode::kInvalidArgument, "w_ru has shape [5,3], must be [5,4]");
  in = Inputs(2, 3, 2);
  in[1] = RandomTensor(DType::kFloat, {3, 2});
  OpTest("GRUBlockCell")
      .Inputs(in)
      .ExpectError(StatusCode::kInvalidArgument, "h_prev has shape [3,2]");
}

}  // namespace
}  // namespace sluice
