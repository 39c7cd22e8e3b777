#include "ops/nth_element.h"

#include <algorithm>
#include <vector>

#include "tests/testing/op_test.h"

namespace sluice {
namespace {

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TEST(NthElementTest, ByHand) {
  const Tensor x = Tensor::Of<float>({2, 3}, {3, 1, 2, 6, 6, 4});
  OpTest("NthElement").Input(x).Input<int32_t>({}, {0}).Expect({2}, {1, 4});
  OpTest("NthElement").Input(x).Input<int32_t>({}, {1}).Expect({2}, {2, 6});
  OpTest("NthElement").Attr("reverse", true).Input(x).Input<int32_t>({}, {0}).Expect({2}, {3, 6});
  OpTest("NthElement").Attr("reverse", true).Input(x).Input<int32_t>({}, {2}).Expect({2}, {1, 4});
  OpTest("NthElement").Input({3}, {5, 4, 7}).Input<int32_t>({}, {1}).Expect({}, {5});
  OpTest("NthElement").Input({0, 3}, {}).Input<int32_t>({}, {1}).Expect({0}, {});
}

TEST(NthElementTest, EveryRealTypeAndManyRows) {
  for (const DType dtype : {DType::kFloat, DType::kDouble, DType::kHalf, DType::kBfloat16,
                            DType::kInt8, DType::kInt32, DType::kInt64, DType::kUint8}) {
    const Tensor x = RandomTensor(dtype, {4, 31}, 5, 0, 100);
    const std::vector<double> values = ToDoubles(x);
    std::vector<double> want;
    for (int64_t r = 0; r < 4; ++r) {
      std::vector<double> row(values.begin() + r * 31, values.begin() + (r + 1) * 31);
      std::sort(row.begin(), row.end());
      want.push_back(row[12]);
    }
    OpTest("NthElement").Input(x).Input<int32_t>({}, {12}).Expect(FromDoubles(dtype, {4}, want));
  }
}

TEST(NthElementTest, Errors) {
  const Tensor x = Tensor::Of<float>({2, 3}, {3, 1, 2, 6, 6, 4});
  OpTest("NthElement")
      .Input(x)
      .Input<int32_t>({}, {-1})
      .ExpectError(kInvalid, "n must be non-negative, got -1");
  OpTest("NthElement")
      .Input(x)
      .Input<int32_t>({}, {3})
      .ExpectError(kInvalid, "last dimension > n = 3");
  OpTest("NthElement")
      .Input({}, {1})
      .Input<int32_t>({}, {0})
      .ExpectError(kInvalid, "at least rank 1");
  OpTest("NthElement").Input(x).Input<int32_t>({1}, {0}).ExpectError(kInvalid, "rank 0");
}

TEST(NthElementTest, Gradient) {
  OpTest("NthElement")
      .Input(LadderTensor(DType::kDouble, {3, 4}))
      .Input<int32_t>({}, {2})
      .CheckGradient();
}

}  // namespace
}  // namespace sluice
