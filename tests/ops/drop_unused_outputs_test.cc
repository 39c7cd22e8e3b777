// The rewrite drop_unused_outputs: outputs that nobody reads are told to the kernel, and the others
// stay as they are.
#include <string>
#include <vector>

#include "graph/gradients.h"
#include "ops/block_lstm.h"
#include "ops/const.h"
#include "ops/placeholder.h"
#include "ops/reduction.h"
#include "tests/testing/rewrite_fixture.h"

namespace sluice {
namespace {

constexpr char kRewrite[] = "drop_unused_outputs";
constexpr int64_t kSteps = 10, kBatch = 2, kInputs = 3, kSize = 4;
using Numbers = std::vector<int64_t>;

class DropUnusedOutputsTest : public RewriteFixture {
 protected:
  Output Feed(const TensorShape& shape) {
    const Output x = ops::Placeholder(root_, DType::kFloat, shape);
    feeds_.emplace_back(x, RandomTensor(DType::kFloat, shape, feeds_.size() + 1));
    return x;
  }
  Numbers UnusedOf(const Outputs& fetches, const std::string& op) {
    SessionState state(MemoryBudget::DefaultLimit());
    const auto program = Compile(state, {feeds_, fetches, false});
    EXPECT_THAT(program, IsOk());
    if (!program.ok()) return {};
    for (const ProgramStep& step : program->steps) {
      if (step.kind != StepKind::kKernel || step.node->op() != op) continue;
      if (FindAttr(step.node->attrs(), ops::kUnusedOutputsAttr) == nullptr) return {};
      return step.node->attr<Numbers>(ops::kUnusedOutputsAttr);
    }
    ADD_FAILURE() << "no " << op;
    return {};
  }

  Feeds feeds_;
  const Output x_ = Feed({kSteps, kBatch, kInputs}), w_ = Feed({kInputs + kSize, 4 * kSize});
  const Output cs_ = Feed({kBatch, kSize}), h_ = Feed({kBatch, kSize});
  const Output peephole_ = Feed({kSize}), bias_ = Feed({4 * kSize});
  const ops::BlockLSTMOutputs y_ =
      ops::BlockLSTM(root_, ops::Const(root_, kSteps), x_, cs_, h_, w_, peephole_, peephole_,
                     peephole_, bias_, {.use_peephole = true});
};

TEST_F(DropUnusedOutputsTest, EverySingleOutput) {
  const Outputs all = {y_.i, y_.cs, y_.f, y_.o, y_.ci, y_.co, y_.h};
  for (int64_t i = 0; i < 7; ++i) {
    Numbers others;
    for (int64_t j = 0; j < 7; ++j) {
      if (j != i) others.push_back(j);
    }
    EXPECT_EQ(UnusedOf({all[i]}, "BlockLSTM"), others);
    SameWithout(kRewrite, feeds_, {all[i]}, {0, 0});
  }
  EXPECT_EQ(UnusedOf(all, "BlockLSTM"), Numbers());
  SameWithout(kRewrite, feeds_, all, {0, 0});
}

TEST_F(DropUnusedOutputsTest, GradientsThatNobodyAsksFor) {
  const Output loss = ops::Sum(root_, y_.h, {0, 1, 2});
  const Outputs xs = {x_, cs_, h_, w_, peephole_, bias_};
  const Outputs dy = Gradients(root_, {loss}, xs);
  EXPECT_EQ(UnusedOf({dy[3], dy[5]}, "BlockLSTMGrad"), Numbers({0, 1, 2, 4, 5, 6}));
  EXPECT_EQ(UnusedOf({dy[0]}, "BlockLSTMGrad"), Numbers({1, 2, 3, 4, 5, 6, 7}));
  for (const Output& d : dy) SameWithout(kRewrite, feeds_, {d}, {0, 0});
  SameWithout(kRewrite, feeds_, {dy[3], dy[5]}, {0, 0});
  SameWithout(kRewrite, feeds_, dy, {0, 0});
}

}  // namespace
}  // namespace sluice
