// The ops that chains become: what they compute, and that no attribute can lead them astray.
#include "ops/fused_elementwise.h"

#include <vector>

#include "graph/evaluate.h"
#include "graph/op_spec.h"
#include "gtest/gtest.h"
#include "ops/all_ops.h"
#include "ops/kernels/binary_math.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/core/tensors.h"

namespace sluice::ops {
namespace {

using absl::StatusCode;
using kernels::BinaryFunction;
using kernels::TileInput;
using kernels::TileOutput;
using kernels::TileSteps;

// (x - y) * x and, of [rows, columns], the sums of its columns.
TileSteps Steps(int64_t rows, int64_t columns, TileInput form) {
  const auto tile = [](BinaryFunction f) { return kernels::FindBinary(f, DType::kFloat).tile; };
  TileSteps steps;
  steps.rows = rows;
  steps.columns = columns;
  steps.inputs = {{DType::kFloat}, {DType::kFloat, form}};
  steps.steps = {{{tile(BinaryFunction::kSub)}, {0, 1}, DType::kFloat},
                 {{tile(BinaryFunction::kMul)}, {2, 0}, DType::kFloat}};
  steps.outputs = {{3}, {3, TileOutput::kColumnSums}};
  return steps;
}

absl::StatusOr<std::vector<Tensor>> RunChain(const AttrMap& attrs, std::vector<Tensor> inputs) {
  return EvaluateOp(*Builtin().Find(kFusedReduction), attrs, inputs);
}

const Tensor kX = Tensor::Of<float>({2, 3}, {1, 2, 3, 4, 5, 6});
const Tensor kRow = Tensor::Of<float>({3}, {1, 0, 2});

TEST(FusedElementwiseTest, ComputesItsChain) {
  const TileSteps steps = Steps(2, 3, TileInput::kRow);
  const auto results = RunChain(ChainAttrs(steps, {{2, 3}, {3}}, "Sub Mul"), {kX, kRow});
  ASSERT_THAT(results, IsOk());
  ExpectClose((*results)[0], Tensor::Of<float>({2, 3}, {0, 4, 3, 12, 25, 24}));
  ExpectClose((*results)[1], Tensor::Of<float>({3}, {12, 29, 27}));
}

TEST(FusedElementwiseTest, AttributesHoldTheChain) {
  const TileSteps steps = Steps(2, 3, TileInput::kRow);
  const auto back = ChainOf(ChainAttrs(steps, {{2, 3}, {3}}, ""));
  ASSERT_THAT(back, IsOk());
  EXPECT_EQ(back->rows, 2);
  EXPECT_EQ(back->columns, 3);
  ASSERT_EQ(back->steps.size(), 2u);
  EXPECT_EQ(back->steps[1].kernel.run, steps.steps[1].kernel.run);
  EXPECT_EQ(back->steps[1].operands, steps.steps[1].operands);
  EXPECT_EQ(back->outputs[1].form, TileOutput::kColumnSums);
}

TEST(FusedElementwiseTest, InputsAndOutputsMustFit) {
  const AttrMap attrs = ChainAttrs(Steps(2, 3, TileInput::kRow), {{2, 3}, {3}}, "");
  EXPECT_THAT(RunChain(attrs, {kX, kX}),
              StatusIs(StatusCode::kInvalidArgument, "input 1 does not fit"));
  const AttrMap wide = ChainAttrs(Steps(2, 3, TileInput::kRow), {{2, 4}, {3}}, "");
  EXPECT_THAT(RunChain(wide, {kX, kRow}),
              StatusIs(StatusCode::kInvalidArgument, "output 0 does not fit"));
  const AttrMap few = ChainAttrs(Steps(2, 3, TileInput::kRow), {{2, 3}}, "");
  EXPECT_THAT(RunChain(few, {kX, kRow}),
              StatusIs(StatusCode::kInvalidArgument, "one shape per output"));
}

// Whatever number of the code is another one, or missing: an error or another harmless chain.
TEST(FusedElementwiseTest, HostileCode) {
  const AttrMap attrs = ChainAttrs(Steps(2, 3, TileInput::kRow), {{2, 3}, {3}}, "");
  const auto code = GetAttr<std::vector<int64_t>>(attrs, "code");
  for (size_t i = 0; i <= code.size(); ++i) {
    AttrMap bad = attrs;
    std::vector<int64_t> shorter(code.begin(), code.begin() + i);
    if (i < code.size()) {
      bad["code"] = shorter;
      EXPECT_FALSE(RunChain(bad, {kX, kRow}).ok()) << i;
    }
    for (const int64_t number : {int64_t{-1}, int64_t{0}, int64_t{1}, int64_t{2}, int64_t{99},
                                 int64_t{1} << 40, INT64_MAX, INT64_MIN}) {
      std::vector<int64_t> other = code;
      i < code.size() ? void(other[i] = number) : other.push_back(number);
      bad["code"] = other;
      (void)RunChain(bad, {kX, kRow});
    }
  }
  AttrMap unknown = attrs;
  std::vector<int64_t> elsewhere = code;
  elsewhere[5] += 1;  // the first function's address
  unknown["code"] = elsewhere;
  EXPECT_THAT(RunChain(unknown, {kX, kRow}),
              StatusIs(StatusCode::kInvalidArgument, "the attribute 'code' holds no chain"));
}

}  // namespace
}  // namespace sluice::ops
