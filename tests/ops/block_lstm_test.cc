#include "ops/block_lstm.h"

#include <array>

#include "tests/testing/float_gradient.h"
#include "tests/testing/lstm_reference.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

// seq_len_max, x, cs_prev, h_prev, w, wci, wcf, wco, b
std::vector<Tensor> Inputs(DType dtype, int64_t length, int64_t steps, int64_t batch,
                           int64_t inputs, int64_t size) {
  auto random = [&](const TensorShape& shape, int seed) {
    return RandomTensor(dtype, shape, seed);
  };
  return {Tensor::Scalar<int64_t>(length),
          random({steps, batch, inputs}, 1),
          random({batch, size}, 2),
          random({batch, size}, 3),
          random({inputs + size, 4 * size}, 4),
          random({size}, 5),
          random({size}, 6),
          random({size}, 7),
          random({4 * size}, 8)};
}

std::vector<Tensor> SlowSequence(const std::vector<Tensor>& in, double forget_bias, double clip,
                                 bool peephole, bool v2) {
  const int64_t length = in[0].scalar<int64_t>(), steps = in[1].dim(0), batch = in[2].dim(0);
  const int64_t size = in[2].dim(1), row = batch * in[1].dim(2);
  SlowLstm lstm{.batch = batch,
                .size = size,
                .forget_bias = forget_bias,
                .clip = clip,
                .w = ToDoubles(in[4]),
                .b = ToDoubles(in[8]),
                .v2 = v2};
  if (peephole) {
    lstm.wci = ToDoubles(in[5]);
    lstm.wcf = ToDoubles(in[6]);
    lstm.wco = ToDoubles(in[7]);
  }
  const Doubles x = ToDoubles(in[1]);
  Doubles cs = ToDoubles(in[2]), h = ToDoubles(in[3]), all[7];
  for (int64_t t = 0; t < length; ++t) {
    const SlowLstmStep y =
        lstm.Step(Doubles(x.begin() + t * row, x.begin() + (t + 1) * row), cs, h);
    const Doubles* outputs[] = {&y.i, &y.cs, &y.f, &y.o, &y.ci, &y.co, &y.h};
    for (int i = 0; i < 7; ++i) all[i].insert(all[i].end(), outputs[i]->begin(), outputs[i]->end());
    cs = y.cs;
    h = y.h;
  }
  std::vector<Tensor> tensors;
  for (Doubles& values : all) {
    values.resize(steps * batch * size);
    tensors.push_back(FromDoubles(in[1].dtype(), {steps, batch, size}, values));
  }
  return tensors;
}

TEST(BlockLSTMTest, MatchesSlowTwin) {
  for (const int64_t length : {0, 1, 3, 4}) {
    for (const bool peephole : {false, true}) {
      const std::vector<Tensor> in = Inputs(DType::kFloat, length, 4, 2, 3, 5);
      OpTest("BlockLSTM")
          .Attr("forget_bias", 0.5f)
          .Attr("cell_clip", 0.4f)
          .Attr("use_peephole", peephole)
          .Inputs(in)
          .ExpectAll(SlowSequence(in, 0.5, 0.4f, peephole, false), {1e-4, 1e-5});
      OpTest("BlockLSTMV2")
          .Attr("use_peephole", peephole)
          .Inputs(in)
          .ExpectAll(SlowSequence(in, 0, 0, peephole, true), {1e-4, 1e-5});
    }
  }
  const std::vector<Tensor> half = Inputs(DType::kHalf, 2, 2, 2, 3, 2);
  OpTest("BlockLSTM").Inputs(half).ExpectAll(SlowSequence(half, 1, 3, false, false), {5e-3, 5e-3});
}

TEST(BlockLSTMTest, EdgeShapes) {
  for (const auto& [steps, batch, inputs, size] : {std::array<int64_t, 4>{0, 2, 3, 2},
                                                   {2, 0, 3, 2},
                                                   {2, 2, 0, 3},
                                                   {2, 3, 2, 0},
                                                   {1, 1, 1, 1}}) {
    const std::vector<Tensor> in = Inputs(DType::kFloat, steps, steps, batch, inputs, size);
    OpTest("BlockLSTM").Inputs(in).ExpectAll(SlowSequence(in, 1, 3, false, false), {1e-4, 1e-5});
  }
}

// Enough steps for packed weights, several steps' inputs at once and a rest, and units that fill
// more than one vector register.
TEST(BlockLSTMTest, LongSequences) {
  const std::vector<Tensor> wide = Inputs(DType::kFloat, 11, 11, 100, 7, 37);
  OpTest("BlockLSTM")
      .EvaluateOnly()
      .Inputs(wide)
      .ExpectAll(SlowSequence(wide, 1, 3, false, false), {1e-4, 1e-5});
  const std::vector<Tensor> part = Inputs(DType::kFloat, 9, 12, 3, 40, 33);
  OpTest("BlockLSTMV2")
      .Attr("use_peephole", true)
      .Inputs(part)
      .ExpectAll(SlowSequence(part, 0, 0, true, true), {1e-4, 1e-5});
}

TEST(BlockLSTMTest, GradientsAreNumeric) {
  for (const char* op : {"BlockLSTM", "BlockLSTMV2"}) {
    for (const int64_t length : {1, 2, 3}) {
      CheckFloatGradient(op, {{"cell_clip", 0.f}, {"use_peephole", true}},
                         Inputs(DType::kFloat, length, 3, 2, 2, 2),
                         {.wrt = {1, 2, 3, 4, 5, 6, 7, 8}, .outputs = {1, 6}, .step = 2e-2f});
    }
    CheckFloatGradient(op, {{"cell_clip", 0.f}}, Inputs(DType::kFloat, 2, 2, 1, 2, 2),
                       {.wrt = {1, 2, 3, 4, 8}, .outputs = {6}, .step = 2e-2f});
  }
  CheckFloatGradient("BlockLSTM", {{"cell_clip", 0.f}}, Inputs(DType::kFloat, 9, 9, 2, 3, 17),
                     {.wrt = {1, 2, 3, 8}, .outputs = {1, 6}, .step = 2e-2f});
}

TEST(BlockLSTMTest, Errors) {
  for (const int64_t length : {-1, 3}) {
    OpTest("BlockLSTM")
        .Inputs(Inputs(DType::kFloat, length, 2, 1, 1, 1))
        .ExpectError(StatusCode::kInvalidArgument, "seq_len_max must be in [0, 2]");
  }
  std::vector<Tensor> in = Inputs(DType::kFloat, 2, 2, 1, 1, 1);
  in[8] = RandomTensor(DType::kFloat, {3});
  OpTest("BlockLSTM").Inputs(in).ExpectError(StatusCode::kInvalidArgument, "divisible by 4");
  in[8] = RandomTensor(DType::kFloat, {8});
  OpTest("BlockLSTM").Inputs(in).ExpectError(StatusCode::kInvalidArgument, "b has shape [8]");
  in = Inputs(DType::kFloat, 2, 2, 1, 1, 1);
  in[4] = RandomTensor(DType::kFloat, {3, 4});
  OpTest("BlockLSTM").Inputs(in).ExpectError(StatusCode::kInvalidArgument, "w has shape [3,4]");
}

}  // namespace
}  // namespace sluice
