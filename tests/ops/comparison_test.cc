#include "ops/comparison.h"

#include <complex>
#include <limits>
#include <string>

#include "gtest/gtest.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TEST(ComparisonTest, OrdersEveryRealType) {
  std::vector<DType> dtypes = kIntegerDTypes;
  dtypes.insert(dtypes.end(), {DType::kFloat, DType::kDouble, DType::kHalf, DType::kBfloat16});
  for (DType dtype : dtypes) {
    const Tensor x = FromDoubles(dtype, {3}, {1, 2, 3}), y = FromDoubles(dtype, {3}, {2, 2, 2});
    OpTest("Less").Input(x).Input(y).Expect<bool>({3}, {true, false, false});
    OpTest("LessEqual").Input(x).Input(y).Expect<bool>({3}, {true, true, false});
    OpTest("Greater").Input(x).Input(y).Expect<bool>({3}, {false, false, true});
    OpTest("GreaterEqual").Input(x).Input(y).Expect<bool>({3}, {false, true, true});
    if (dtype == DType::kUint16 || dtype == DType::kUint32 || dtype == DType::kUint64) continue;
    OpTest("Equal").Input(x).Input(y).Expect<bool>({3}, {false, true, false});
    OpTest("NotEqual").Input(x).Input(y).Expect<bool>({3}, {true, false, true});
  }
}

TEST(ComparisonTest, UnsignedAndSignedExtremes) {
  OpTest("Less")
      .Input<uint64_t>({1}, {1})
      .Input<uint64_t>({1}, {~uint64_t{0}})
      .Expect<bool>({1}, {true});
  OpTest("Less").Input<int64_t>({1}, {1}).Input<int64_t>({1}, {-1}).Expect<bool>({1}, {false});
}

TEST(ComparisonTest, NanEqualsNothing) {
  const Tensor x = Tensor::Of<float>({2}, {kNan, 1}), y = Tensor::Of<float>({2}, {kNan, kNan});
  for (const char* op : {"Equal", "Less", "LessEqual", "Greater", "GreaterEqual"})
    OpTest(op).Input(x).Input(y).Expect<bool>({2}, {false, false});
  OpTest("NotEqual").Input(x).Input(y).Expect<bool>({2}, {true, true});
}

TEST(ComparisonTest, EqualityOfOtherTypes) {
  OpTest("Equal")
      .Input<std::string>({2}, {"a", "b"})
      .Input<std::string>({}, {"b"})
      .Expect<bool>({2}, {false, true});
  OpTest("Equal")
      .Input<bool>({2}, {true, false})
      .Input<bool>({1}, {true})
      .Expect<bool>({2}, {true, false});
  using C = std::complex<float>;
  OpTest("NotEqual").Input<C>({1}, {{1, 2}}).Input<C>({1}, {{1, 3}}).Expect<bool>({1}, {true});
}

TEST(ComparisonTest, Broadcasts) {
  OpTest("Greater")
      .Input({2, 1}, {1, 3})
      .Input({3}, {0, 2, 4})
      .Expect<bool>({2, 3}, {true, false, false, true, true, false});
  OpTest("Equal").Input({0, 2}, {}).Input({2}, {0, 1}).Expect<bool>({0, 2}, {});
}

TEST(ComparisonTest, ShapesThatDoNotFit) {
  OpTest("Equal")
      .Input({2}, {1, 2})
      .Input({3}, {1, 2, 3})
      .ExpectError(absl::StatusCode::kInvalidArgument, "Dimensions must be equal, but are 2 and 3");
  OpTest("Equal")
      .Attr("incompatible_shape_error", false)
      .Input({2}, {1, 2})
      .Input({3}, {1, 2, 3})
      .Expect<bool>({}, {false});
  OpTest("NotEqual")
      .Attr("incompatible_shape_error", false)
      .Input({2}, {1, 2})
      .Input({3}, {1, 2, 3})
      .Expect<bool>({}, {true});
  OpTest("Equal")
      .Attr("incompatible_shape_error", false)
      .Input({2}, {1, 2})
      .Input({}, {2})
      .Expect<bool>({2}, {false, true});
}

TEST(ComparisonTest, ApproximateEqual) {
  OpTest("ApproximateEqual")
      .Input({3}, {1, 1, kNan})
      .Input({3}, {1.000001f, 1.1f, kNan})
      .Expect<bool>({3}, {true, false, false});
  OpTest("ApproximateEqual")
      .Attr("tolerance", 2.0f)
      .Input<int32_t>({2}, {1, 1})
      .Input<int32_t>({2}, {2, 3})
      .Expect<bool>({2}, {true, false});
  OpTest("ApproximateEqual")
      .Input({2}, {1, 2})
      .Input({3}, {1, 2, 3})
      .ExpectError(absl::StatusCode::kInvalidArgument, "2");
}

TEST(ComparisonTest, Logic) {
  const Tensor x = Tensor::Of<bool>({2, 1}, {true, false}),
               y = Tensor::Of<bool>({2}, {true, false});
  OpTest("LogicalAnd").Input(x).Input(y).Expect<bool>({2, 2}, {true, false, false, false});
  OpTest("LogicalOr").Input(x).Input(y).Expect<bool>({2, 2}, {true, true, true, false});
}

}  // namespace
}  // namespace sluice
