// The arithmetic of recurrent cells where the ops' tests do not go: extreme gates, every number of
// units in the last vector register, any number of threads.
#include <cmath>
#include <limits>
#include <vector>

#include "core/threads.h"
#include "gtest/gtest.h"
#include "ops/kernels/gru.h"
#include "ops/kernels/lstm.h"
#include "tests/testing/core/tensors.h"

namespace sluice::kernels {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// The outputs of one LSTM step of one cell: i, cs, f, o, ci, co, h, one line of `size` each.
std::vector<std::vector<float>> Step(const std::vector<float>& gates, float state) {
  const auto size = static_cast<int64_t>(gates.size());
  const std::vector<float> zeros(4 * size), cs_prev(size, state);
  std::vector<float> from_x;
  for (int block = 0; block < 4; ++block) {
    from_x.insert(from_x.end(), gates.begin(), gates.end());
  }
  std::vector<std::vector<float>> y(7, std::vector<float>(size));
  LstmForward(
      {.batch = 1, .size = size}, from_x.data(), zeros.data(), zeros.data(), cs_prev.data(),
      {y[0].data(), y[1].data(), y[2].data(), y[3].data(), y[4].data(), y[5].data(), y[6].data()});
  return y;
}

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

TEST(LstmKernelTest, GatesAreAccurateEverywhere) {
  std::vector<float> gates = {0, -0.0f, 1e-30f, -1e-5f, 3e-4f, 5e-4f, 80, -80, 8.1f, -7.9f};
  for (float x = -20; x < 20; x += 0.037f) gates.push_back(x);
  const std::vector<std::vector<float>> y = Step(gates, 0.25f);
  for (size_t k = 0; k < gates.size(); ++k) {
    const double x = gates[k], gate = Sigmoid(x), tanh = std::tanh(x);
    EXPECT_NEAR(y[0][k], gate, 1e-6 * gate) << x;
    EXPECT_NEAR(y[2][k], gate, 1e-6 * gate) << x;
    EXPECT_NEAR(y[3][k], gate, 1e-6 * gate) << x;
    EXPECT_NEAR(y[4][k], tanh, 1e-6 * std::abs(tanh)) << x;
    const double cs = tanh * gate + 0.25 * gate;
    EXPECT_NEAR(y[1][k], cs, 1e-6) << x;
    EXPECT_NEAR(y[6][k], std::tanh(cs) * gate, 1e-6) << x;
  }
}

TEST(LstmKernelTest, InfiniteGatesAreOpenOrClosedAndNanStays) {
  const std::vector<std::vector<float>> y = Step({kInfinity, -kInfinity, 1000, -1000, kNan}, 0.5f);
  const float tanh = std::tanh(1.5f);
  for (const int open : {0, 2}) {
    EXPECT_FLOAT_EQ(y[0][open], 1);
    EXPECT_FLOAT_EQ(y[1][open], 1.5f);
    EXPECT_FLOAT_EQ(y[6][open], tanh);
    EXPECT_NEAR(y[0][open + 1], 0, 1e-30);
    EXPECT_FLOAT_EQ(y[4][open + 1], -1);
    EXPECT_NEAR(y[6][open + 1], 0, 1e-30);
  }
  for (const std::vector<float>& line : y) EXPECT_TRUE(std::isnan(line[4]));
}

TEST(LstmKernelTest, NanStateIsNotClipped) {
  const float gates[4] = {0, 0, 0, 0}, state = kNan;
  float y[7];
  LstmForward({.batch = 1, .size = 1, .clip = 2}, gates, gates, gates, &state,
              {&y[0], &y[1], &y[2], &y[3], &y[4], &y[5], &y[6]});
  EXPECT_TRUE(std::isnan(y[1]));
  EXPECT_TRUE(std::isnan(y[6]));
}

// One step forward and back with peepholes: everything that it gives, one after the other.
std::vector<float> ForwardAndBack(int64_t batch, int64_t size) {
  const auto random = [](int64_t n, int seed) { return RandomTensor(DType::kFloat, {n}, seed); };
  const int64_t n = batch * size;
  const Tensor from_x = random(4 * n, 1), from_h = random(4 * n, 2), bias = random(4 * size, 3);
  const Tensor state = random(n, 4), peepholes = random(3 * size, 5), dy = random(4 * n, 6);
  const float* w = peepholes.data<float>();
  const LstmCell cell{.batch = batch,
                      .size = size,
                      .forget_bias = 0.5f,
                      .clip = 0.6f,
                      .wci = w,
                      .wcf = w + size,
                      .wco = w + 2 * size};
  std::vector<float> all(12 * n + 7 * size);
  float *y = all.data(), *d = y + 7 * n, *sums = y + 12 * n;
  LstmForward(cell, from_x.data<float>(), from_h.data<float>(), bias.data<float>(),
              state.data<float>(),
              {y, y + n, y + 2 * n, y + 3 * n, y + 4 * n, y + 5 * n, y + 6 * n});
  const float* g = dy.data<float>();
  LstmBackward(cell, {y, y + n, y + 2 * n, y + 3 * n, y + 4 * n, y + 5 * n, nullptr},
               state.data<float>(),
               {.dcs = g,
                .dh = g + n,
                .dcs_after = g + 2 * n,
                .dh_after = g + 3 * n,
                .dgates = d,
                .dcs_prev = d + 4 * n,
                .dbias = sums,
                .dwci = sums + 4 * size,
                .dwcf = sums + 5 * size,
                .dwco = sums + 6 * size});
  return all;
}

TEST(LstmKernelTest, ThreadsChangeNothing) {
  for (const auto& [batch, size] : {std::array<int64_t, 2>{40, 333}, {3, 70}, {1, 2000}}) {
    const ThreadBudget one(1);
    const std::vector<float> expected = ForwardAndBack(batch, size);
    const ThreadBudget four(4);
    EXPECT_EQ(ForwardAndBack(batch, size), expected);
  }
}

// The number of units must not matter: a cell of many is many cells of one.
TEST(GruKernelTest, EveryUnitByItself) {
  for (int64_t size = 1; size <= 40; ++size) {
    const auto random = [](int64_t n, int seed) { return RandomTensor(DType::kFloat, {n}, seed); };
    const Tensor x = random(2 * size, 1), h = random(2 * size, 2), bias = random(2 * size, 3);
    const Tensor state = random(size, 4);
    std::vector<float> r(size), u(size), hr(size), c(size), y(size);
    GruForwardGates({1, size}, {x.data<float>(), h.data<float>(), bias.data<float>(),
                                state.data<float>(), r.data(), u.data(), hr.data()});
    GruForwardContent({1, size}, {x.data<float>(), h.data<float>(), bias.data<float>(),
                                  state.data<float>(), u.data(), c.data(), y.data()});
    for (int64_t k = 0; k < size; ++k) {
      const auto sum = [&](int64_t i) {
        return static_cast<double>(x.data<float>()[i]) + h.data<float>()[i] + bias.data<float>()[i];
      };
      const double before = state.data<float>()[k];
      const double reset = Sigmoid(sum(k)), update = Sigmoid(sum(size + k));
      const double content = std::tanh(sum(k));
      EXPECT_NEAR(r[k], reset, 1e-6);
      EXPECT_NEAR(u[k], update, 1e-6);
      EXPECT_NEAR(hr[k], reset * before, 1e-6);
      EXPECT_NEAR(c[k], content, 1e-6);
      EXPECT_NEAR(y[k], update * before + (1 - update) * content, 1e-6);
    }
  }
}

}  // namespace
}  // namespace sluice::kernels
