// Scope::Recompute: activations are computed again for the gradients instead of being kept.
#include "session/recompute.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "session/compiler.h"
#include "session/layout.h"
#include "tests/testing/session/session_fixture.h"

namespace sluice {
namespace {

using namespace session_ops;  // NOLINT: the ops of these tests

class RecomputeTest : public SessionFixture {
 protected:
  // A chain of `n` works in `forward`; then, below "gradients", one work per activation, last
  // first.
  Output Chain(Scope forward, int n) {
    std::vector<Output> activations = {x_};
    for (int i = 0; i < n; ++i) {
      activations.push_back(Sub(forward, Square(forward, activations.back()), x_));
    }
    const Scope gradients = root_.Sub("gradients");
    Output g = Identity(root_, activations.back());
    for (int i = n; i-- > 0;) g = Sub(gradients, Add(gradients, g, activations[i]), x_);
    return g;
  }

  int64_t ArenaBytes(const Output& fetch) {
    SessionState state(MemoryBudget::DefaultLimit());
    const auto program = Compile(state, {feeds_, {&fetch, 1}, false});
    EXPECT_THAT(program, IsOk());
    return program.ok() ? PlanLayout(*program, true).arena_bytes : 0;
  }

  int64_t KernelRuns(const Output& fetch) {
    Session session = MakeSession();
    Run(session, feeds_, fetch);
    return TakeKernelRuns();
  }

  const Output x_ = Placeholder(root_, DType::kFloat, {1000});
  const Feeds feeds_ = {{x_, RandomTensor(DType::kFloat, {1000}, 3)}};
};

TEST_F(RecomputeTest, TheSameBits) {
  const Output kept = Chain(root_, 3), again = Chain(root_.Recompute(), 3);
  Session session = MakeSession();
  EXPECT_TRUE(BitEqual(Run(session, feeds_, kept), Run(session, feeds_, again)));
}

TEST_F(RecomputeTest, BlocksKeepOnlyWhatEntersThem) {
  // Blocks of four works; what goes from block to block is made outside of the scope.
  const auto network = [&](bool recompute) {
    std::vector<Output> activations;
    Output y = x_;
    for (int block = 0; block < 4; ++block) {
      const Scope inner = recompute ? root_.Recompute() : root_;
      for (int i = 0; i < 4; ++i) {
        activations.push_back(y);
        y = Sub(i == 3 ? root_ : inner, Square(inner, y), x_);
      }
    }
    const Scope gradients = root_.Sub("gradients");
    while (!activations.empty()) {
      y = Add(gradients, y, Square(gradients, activations.back()));
      activations.pop_back();
    }
    return y;
  };
  const Output kept = network(false), again = network(true);
  EXPECT_LT(ArenaBytes(again), ArenaBytes(kept) * 3 / 4);
  EXPECT_GT(KernelRuns(again), KernelRuns(kept));
  Session session = MakeSession();
  EXPECT_TRUE(BitEqual(Run(session, feeds_, kept), Run(session, feeds_, again)));
}

TEST_F(RecomputeTest, NothingIsDoubledWithoutGradientsThatNeedIt) {
  const Scope marked = root_.Recompute();
  const Output y = Sum(marked, Square(marked, Add(marked, x_, x_)));
  EXPECT_EQ(KernelRuns(y), 3);
  // Only the gradients read them: computed once, where they are needed.
  EXPECT_EQ(KernelRuns(Square(root_.Sub("gradients"), y)), 4);
}

TEST_F(RecomputeTest, EffectsAndRandomWorkRunOnce) {
  const Scope marked = root_.Recompute();
  const Output logged = Logged(marked, x_, "once");
  const Output g = Add(root_.Sub("gradients"), Square(root_, logged), logged);
  Session session = MakeSession();
  Run(session, feeds_, g);
  EXPECT_EQ(TakeLog().size(), 1u);
}

TEST_F(RecomputeTest, ActivationsUnderAnotherShape) {
  const Scope marked = root_.Recompute();
  const Output y = Square(marked, x_);
  const Output table = Reshape(marked, y, Const(root_, Ints({10, 100})));
  const Output sum = Sum(root_, table);
  const Scope gradients = root_.Sub("gradients");
  const Output g = Reshape(gradients, Square(gradients, table), Const(root_, Ints({1000})));
  const Output z = Add(gradients, g, y);
  Session session = MakeSession(), plain = MakeSession({.optimize = false});
  const auto results = session.Run(feeds_, {sum, z}), expected = plain.Run(feeds_, {sum, z});
  ASSERT_THAT(results, IsOk());
  ASSERT_THAT(expected, IsOk());
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(BitEqual((*results)[i], (*expected)[i]));
}

TEST_F(RecomputeTest, TheMarkIsAnAttributeOfTheNode) {
  const Output y = Square(root_.Recompute().Sub("block"), x_);
  EXPECT_EQ(y.node()->attr<int64_t>("_recompute_hint"), 1);
  EXPECT_EQ(FindAttr(Square(root_, x_).node()->attrs(), "_recompute_hint"), nullptr);
}

}  // namespace
}  // namespace sluice
