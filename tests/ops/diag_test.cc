#include "ops/diag.h"

#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

TEST(DiagTest, ByHand) {
  OpTest("Diag").Input({3}, {1, 2, 3}).Expect({3, 3}, {1, 0, 0, 0, 2, 0, 0, 0, 3});
  OpTest("Diag").Input<int32_t>({1, 2}, {4, 5}).Expect<int32_t>({1, 2, 1, 2}, {4, 0, 0, 5});
  OpTest("Diag").Input({0}, {}).Expect({0, 0}, {});
  OpTest("Diag").Input({}, {1}).ExpectError(StatusCode::kInvalidArgument, "at least rank 1");
  OpTest("DiagPart").Input({2, 2}, {1, 2, 3, 4}).Expect({2}, {1, 4});
  OpTest("DiagPart").Input({1, 2, 1, 2}, {4, 1, 2, 5}).Expect({1, 2}, {4, 5});
}

TEST(DiagPartTest, Errors) {
  for (const TensorShape& shape : {TensorShape{2, 3}, TensorShape{2, 2, 2}, TensorShape{}}) {
    OpTest("DiagPart")
        .Input(Tensor::Zeros(DType::kFloat, shape))
        .ExpectError(StatusCode::kInvalidArgument, "a shape that repeats itself");
  }
}

TEST(MatrixDiagTest, ByHand) {
  OpTest("MatrixDiag").Input({2, 2}, {1, 2, 3, 4}).Expect({2, 2, 2}, {1, 0, 0, 2, 3, 0, 0, 4});
  OpTest("MatrixDiagPart").Input({2, 3}, {1, 2, 3, 4, 5, 6}).Expect({2}, {1, 5});
  OpTest("MatrixDiagPart").Input({2, 2, 1}, {1, 2, 3, 4}).Expect({2, 1}, {1, 3});
  OpTest("MatrixSetDiag")
      .Input({2, 3}, {1, 2, 3, 4, 5, 6})
      .Input({2}, {7, 8})
      .Expect({2, 3}, {7, 2, 3, 4, 8, 6});
  OpTest("MatrixSetDiag")
      .Input<bool>({2, 1, 1}, {true, false})
      .Input<bool>({2, 1}, {false, true})
      .Expect<bool>({2, 1, 1}, {false, true});
  OpTest("MatrixDiag").Input({0, 2}, {}).Expect({0, 2, 2}, {});
}

TEST(MatrixDiagTest, Errors) {
  OpTest("MatrixDiagPart")
      .Input({2}, {1, 2})
      .ExpectError(StatusCode::kInvalidArgument, "at least rank 2 but is rank 1");
  OpTest("MatrixSetDiag")
      .Input({2, 3}, {1, 2, 3, 4, 5, 6})
      .Input({3}, {7, 8, 9})
      .ExpectError(StatusCode::kInvalidArgument, "diagonal must have shape [2]");
}

TEST(MatrixBandPartTest, ByHand) {
  const auto band = [](int64_t lower, int64_t upper) {
    return OpTest("MatrixBandPart")
        .Input({3, 4}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
        .Input<int64_t>({}, {lower})
        .Input<int64_t>({}, {upper});
  };
  band(0, 0).Expect({3, 4}, {1, 0, 0, 0, 0, 6, 0, 0, 0, 0, 11, 0});
  band(1, 1).Expect({3, 4}, {1, 2, 0, 0, 5, 6, 7, 0, 0, 10, 11, 12});
  band(-1, 0).Expect({3, 4}, {1, 0, 0, 0, 5, 6, 0, 0, 9, 10, 11, 0});
  band(0, -1).Expect({3, 4}, {1, 2, 3, 4, 0, 6, 7, 8, 0, 0, 11, 12});
  band(-1, -1).Expect({3, 4}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  band(4, 0).ExpectError(StatusCode::kInvalidArgument, "num_lower must be negative or less");
  band(0, 5).ExpectError(StatusCode::kInvalidArgument, "num_upper must be negative or less");
  OpTest("MatrixBandPart")
      .Input<std::string>({2, 1, 2}, {"a", "b", "c", "d"})
      .Input<int32_t>({}, {0})
      .Input<int32_t>({}, {0})
      .Expect<std::string>({2, 1, 2}, {"a", "", "c", ""});
  OpTest("MatrixBandPart")
      .Input({0, 2}, {})
      .Input<int32_t>({}, {0})
      .Input<int32_t>({}, {0})
      .Expect({0, 2}, {});
}

TEST(DiagTest, Gradients) {
  OpTest("Diag").Input(RandomTensor(DType::kDouble, {3})).CheckGradient();
  OpTest("DiagPart").Input(RandomTensor(DType::kDouble, {3, 3})).CheckGradient();
  OpTest("MatrixDiag").Input(RandomTensor(DType::kDouble, {2, 3})).CheckGradient();
  OpTest("MatrixDiagPart").Input(RandomTensor(DType::kDouble, {2, 2, 3})).CheckGradient();
  OpTest("MatrixSetDiag")
      .Input(RandomTensor(DType::kDouble, {2, 3, 2}, 1))
      .Input(RandomTensor(DType::kDouble, {2, 2}, 2))
      .CheckGradient();
  OpTest("MatrixBandPart")
      .Input(RandomTensor(DType::kDouble, {2, 3, 3}))
      .Input<int64_t>({}, {1})
      .Input<int64_t>({}, {0})
      .CheckGradient();
}

}  // namespace
}  // namespace sluice
