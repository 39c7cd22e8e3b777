#include "ops/random_shuffle.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "core/random.h"
#include "graph/evaluate.h"
#include "ops/all_ops.h"
#include "tests/testing/op_test.h"
#include "tests/testing/statistics.h"

namespace sluice {
namespace {

Tensor Shuffled(const Tensor& value, int64_t seed, uint64_t run = 0) {
  EvaluateOptions options;
  options.random_run = run;
  const auto out =
      EvaluateOp(*ops::Builtin().Find("RandomShuffle"),
                 {{"T", value.dtype()}, {"seed", seed}, {"seed2", int64_t{1}}}, {value}, options);
  if (!out.ok()) {
    ADD_FAILURE() << out.status();
    return {};
  }
  return (*out)[0];
}

// Position i swaps with position i + word i % (n - i): TensorFlow's RandomShuffle of a generator
// with these seeds in its first run.
TEST(RandomShuffleTest, SwapsAsTheStreamSays) {
  const Philox philox(11, 1);
  std::vector<int32_t> want(9);
  std::iota(want.begin(), want.end(), 0);
  for (uint64_t i = 0; i + 1 < want.size(); ++i) {
    std::swap(want[i], want[i + philox(i / 4)[i % 4] % (want.size() - i)]);
  }
  std::vector<int32_t> numbers(9);
  std::iota(numbers.begin(), numbers.end(), 0);
  ExpectClose(Shuffled(Tensor::Of<int32_t>({9}, numbers), 11), Tensor::Of<int32_t>({9}, want));
}

TEST(RandomShuffleTest, RowsStayWhole) {
  const Tensor x = Tensor::Of<float>({3, 2, 1}, {0, 10, 1, 11, 2, 12});
  std::vector<int> firsts;
  const Tensor y = Shuffled(x, 3);
  ASSERT_EQ(y.shape(), x.shape());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(y.data<float>()[2 * i + 1], y.data<float>()[2 * i] + 10);
    firsts.push_back(static_cast<int>(y.data<float>()[2 * i]));
  }
  std::sort(firsts.begin(), firsts.end());
  EXPECT_EQ(firsts, (std::vector<int>{0, 1, 2}));
  const Tensor words = Shuffled(Tensor::Of<std::string>({2}, {"a", "b"}), 3);
  EXPECT_NE(words.data<std::string>()[0], words.data<std::string>()[1]);
}

TEST(RandomShuffleTest, AllOrdersAreEquallyLikely) {
  const Tensor x = Tensor::Of<int32_t>({3}, {0, 1, 2});
  std::vector<double> counts(9, 0);
  for (uint64_t run = 0; run < 6000; ++run) {
    const Tensor y = Shuffled(x, 17, run);
    ++counts.at(3 * y.data<int32_t>()[0] + y.data<int32_t>()[1]);
  }
  std::vector<double> orders;
  for (const int i : {1, 2, 3, 5, 6, 7}) orders.push_back(counts[i]);
  EXPECT_EQ(counts[0] + counts[4] + counts[8], 0);
  EXPECT_LT(ChiSquare(orders, std::vector<double>(6, 1000)), ChiSquareBound(6));
}

TEST(RandomShuffleTest, NothingToShuffle) {
  OpTest("RandomShuffle").Input({}, {3}).Expect({}, {3});
  OpTest("RandomShuffle").Input({1, 2}, {3, 4}).Expect({1, 2}, {3, 4});
  OpTest("RandomShuffle").Input({0, 2}, {}).Expect({0, 2}, {});
  OpTest("RandomShuffle").Input({2, 0}, {}).Expect({2, 0}, {});
}

}  // namespace
}  // namespace sluice
