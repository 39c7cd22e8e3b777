#include "ops/select.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

Tensor Bools(const TensorShape& shape, std::initializer_list<bool> values) {
  return Tensor::Of<bool>(shape, values);
}

TEST(SelectTest, ElementByElement) {
  const Tensor c = Bools({2, 2}, {true, false, false, true});
  OpTest("Select")
      .Input(c)
      .Input({2, 2}, {1, 2, 3, 4})
      .Input({2, 2}, {5, 6, 7, 8})
      .Expect({2, 2}, {1, 6, 7, 4});
  OpTest("Select").Input(Bools({0}, {})).Input({0}, {}).Input({0}, {}).Expect({0}, {});
}

TEST(SelectTest, ScalarTakesAllAndVectorTakesRows) {
  const Tensor t = Tensor::Of<float>({2, 2}, {1, 2, 3, 4}),
               e = Tensor::Of<float>({2, 2}, {5, 6, 7, 8});
  OpTest("Select").Input(Bools({}, {false})).Input(t).Input(e).Expect(e);
  OpTest("Select").Input(Bools({}, {true})).Input(t).Input(e).Expect(t);
  OpTest("Select").Input(Bools({2}, {false, true})).Input(t).Input(e).Expect({2, 2}, {5, 6, 3, 4});
  OpTest("Select")
      .Input(Bools({2}, {true, false}))
      .Input(Tensor::Zeros(DType::kFloat, {2, 0}))
      .Input(Tensor::Zeros(DType::kFloat, {2, 0}))
      .Expect({2, 0}, {});
}

TEST(SelectTest, EveryElementSize) {
  const Tensor c = Bools({3}, {true, false, true});
  for (DType dtype :
       {DType::kInt8, DType::kInt16, DType::kFloat, DType::kDouble, DType::kHalf, DType::kBool}) {
    OpTest("Select")
        .Input(c)
        .Input(FromDoubles(dtype, {3}, {1, 1, 1}))
        .Input(FromDoubles(dtype, {3}, {0, 0, 0}))
        .Expect(FromDoubles(dtype, {3}, {1, 0, 1}));
  }
  OpTest("Select")
      .Input(c)
      .Input<std::string>({3}, {"a", "b", "c"})
      .Input<std::string>({3}, {"x", "y", "z"})
      .Expect<std::string>({3}, {"a", "y", "c"});
  const Tensor x = RandomTensor(DType::kComplex128, {3}, 1),
               y = RandomTensor(DType::kComplex128, {3}, 2);
  EXPECT_THAT(OpTest("Select").Input(c).Input(x).Input(y).Run(), IsOk());
}

TEST(SelectTest, LargeOnesInParallel) {
  const int64_t n = 100003;
  const Tensor c = RandomTensor(DType::kBool, {n}, 1), t = RandomTensor(DType::kFloat, {n, 2}, 2);
  const Tensor e = RandomTensor(DType::kFloat, {n, 2}, 3);
  std::vector<double> x = ToDoubles(t), y = ToDoubles(e);
  for (int64_t i = 0; i < 2 * n; ++i) x[i] = c.flat<bool>()[i / 2] ? x[i] : y[i];
  OpTest("Select").Input(c).Input(t).Input(e).Expect(FromDoubles(DType::kFloat, {n, 2}, x));
}

TEST(SelectTest, RejectsShapesThatDoNotFit) {
  const Tensor x = Tensor::Zeros(DType::kFloat, {2, 2});
  OpTest("Select")
      .Input(Bools({2, 2}, {true, true, true, true}))
      .Input(x)
      .Input(Tensor::Zeros(DType::kFloat, {2, 3}))
      .ExpectError(absl::StatusCode::kInvalidArgument, "2");
  OpTest("Select")
      .Input(Bools({3}, {true, true, true}))
      .Input(x)
      .Input(x)
      .ExpectError(absl::StatusCode::kInvalidArgument, "3");
  OpTest("Select")
      .Input(Bools({2, 1}, {true, true}))
      .Input(x)
      .Input(x)
      .ExpectError(absl::StatusCode::kInvalidArgument, "1");
  const Tensor scalar = Tensor::Scalar(1.0f);
  OpTest("Select")
      .Input(Bools({1}, {true}))
      .Input(scalar)
      .Input(scalar)
      .ExpectError(absl::StatusCode::kInvalidArgument, "not compatible");
}

TEST(SelectTest, GradientIsNumeric) {
  const Tensor t = RandomTensor(DType::kDouble, {2, 2}, 1),
               e = RandomTensor(DType::kDouble, {2, 2}, 2);
  OpTest("Select")
      .Input(Bools({2, 2}, {true, false, false, true}))
      .Input(t)
      .Input(e)
      .CheckGradient();
  OpTest("Select").Input(Bools({2}, {true, false})).Input(t).Input(e).CheckGradient();
  OpTest("Select").Input(Bools({}, {true})).Input(t).Input(e).CheckGradient();
}

TEST(SelectV2Test, Broadcasts) {
  OpTest("SelectV2")
      .Input(Bools({2, 1}, {true, false}))
      .Input({2}, {1, 2})
      .Input({}, {9})
      .Expect({2, 2}, {1, 2, 9, 9});
  OpTest("SelectV2")
      .Input(Bools({}, {true}))
      .Input({1, 2}, {1, 2})
      .Input({2, 1}, {3, 4})
      .Expect({2, 2}, {1, 2, 1, 2});
  OpTest("SelectV2")
      .Input(Bools({3}, {true, false, true}))
      .Input({3}, {1, 2, 3})
      .Input({3}, {4, 5, 6})
      .Expect({3}, {1, 5, 3});
  OpTest("SelectV2").Input(Bools({1}, {true})).Input({0, 1}, {}).Input({}, {1}).Expect({0, 1}, {});
  OpTest("SelectV2").Input(Bools({}, {false})).Input({}, {1}).Input({}, {2}).Expect({}, {2});
  OpTest("SelectV2")
      .Input(Bools({2}, {true, true}))
      .Input({3}, {1, 2, 3})
      .Input({}, {1})
      .ExpectError(absl::StatusCode::kInvalidArgument, "Dimensions must be equal, but are 2 and 3");
}

TEST(SelectV2Test, GradientIsNumeric) {
  OpTest("SelectV2")
      .Input(Bools({2, 1}, {true, false}))
      .Input(RandomTensor(DType::kDouble, {3}, 1))
      .Input(RandomTensor(DType::kDouble, {}, 2))
      .CheckGradient();
}

}  // namespace
}  // namespace sluice
