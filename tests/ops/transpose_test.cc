#include "ops/transpose.h"

#include <algorithm>
#include <complex>
#include <vector>

#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

// y[j] = x[k] with k[perm[i]] = j[i], one element after the other.
Tensor SlowTranspose(const Tensor& x, const std::vector<int>& perm) {
  const int rank = static_cast<int>(perm.size());
  TensorShape shape;
  for (const int axis : perm) shape.AddDim(x.dim(axis));
  Tensor y = Tensor::Zeros(x.dtype(), shape);
  const std::vector<double> values = ToDoubles(x);
  std::vector<double> moved(values.size());
  for (int64_t n = 0; n < y.num_elements(); ++n) {
    std::vector<int64_t> k(rank);
    int64_t rest = n, position = 0;
    for (int i = rank; i-- > 0;) {
      k[perm[i]] = rest % shape.dim(i);
      rest /= shape.dim(i);
    }
    for (int i = 0; i < rank; ++i) position = position * x.dim(i) + k[i];
    moved[n] = values[position];
  }
  return FromDoubles(x.dtype(), shape, moved);
}

Tensor Perm(const std::vector<int>& perm) {
  return Tensor::Of<int32_t>({static_cast<int64_t>(perm.size())},
                             std::vector<int32_t>(perm.begin(), perm.end()));
}

TEST(TransposeTest, ByHand) {
  OpTest("Transpose")
      .Input({2, 3}, {1, 2, 3, 4, 5, 6})
      .Input<int32_t>({2}, {1, 0})
      .Expect({3, 2}, {1, 4, 2, 5, 3, 6});
  // Two pixels of three channels become three planes of two.
  OpTest("Transpose")
      .Input<int64_t>({1, 1, 2, 3}, {1, 2, 3, 4, 5, 6})
      .Input<int64_t>({4}, {0, 3, 1, 2})
      .Expect<int64_t>({1, 3, 1, 2}, {1, 4, 2, 5, 3, 6});
}

TEST(TransposeTest, MatchesSlowTwin) {
  struct Case {
    TensorShape shape;
    std::vector<int> perm;
  };
  const Case cases[] = {{{5}, {0}},
                        {{1, 7}, {1, 0}},
                        {{17, 19}, {1, 0}},
                        {{4, 5, 6}, {2, 0, 1}},
                        {{2, 7, 5, 3}, {0, 3, 1, 2}},
                        {{2, 3, 7, 5}, {0, 2, 3, 1}},
                        {{2, 9, 4, 8}, {0, 2, 1, 3}},
                        {{2, 3, 1, 4, 5}, {4, 2, 0, 3, 1}},
                        {{3, 0, 2}, {2, 1, 0}}};
  for (const Case& c : cases) {
    for (const DType dtype : {DType::kFloat, DType::kDouble, DType::kInt8, DType::kInt16}) {
      const Tensor x = RandomTensor(dtype, c.shape, 5, -100, 100);
      OpTest("Transpose").Input(x).Input(Perm(c.perm)).Expect(SlowTranspose(x, c.perm));
    }
  }
}

TEST(TransposeTest, AnyDType) {
  OpTest("Transpose")
      .Input<std::string>({2, 2}, {"a", "b", "c", "d"})
      .Input<int32_t>({2}, {1, 0})
      .Expect<std::string>({2, 2}, {"a", "c", "b", "d"});
  OpTest("Transpose")
      .Input<bool>({1, 3}, {true, false, true})
      .Input<int32_t>({2}, {1, 0})
      .Expect<bool>({3, 1}, {true, false, true});
  OpTest("Transpose").Input({}, {3}).Input<int32_t>({0}, {}).Expect({}, {3});
}

TEST(TransposeTest, ConjugateConjugatesComplexNumbers) {
  using C = std::complex<double>;
  OpTest("ConjugateTranspose")
      .Input<C>({1, 2}, {C(1, 2), C(3, -4)})
      .Input<int32_t>({2}, {1, 0})
      .Expect<C>({2, 1}, {C(1, -2), C(3, 4)});
  OpTest("Transpose")
      .Input<C>({1, 2}, {C(1, 2), C(3, -4)})
      .Input<int32_t>({2}, {1, 0})
      .Expect<C>({2, 1}, {C(1, 2), C(3, -4)});
  OpTest("ConjugateTranspose")
      .Input({2, 1}, {1, 2})
      .Input<int32_t>({2}, {1, 0})
      .Expect({1, 2}, {1, 2});
}

TEST(TransposeTest, RejectsWhatIsNoPermutation) {
  const auto with_perm = [](std::initializer_list<int32_t> perm) {
    return OpTest("Transpose")
        .Input({2, 3}, {1, 2, 3, 4, 5, 6})
        .Input<int32_t>({static_cast<int64_t>(perm.size())}, perm);
  };
  with_perm({0, 0}).ExpectError(StatusCode::kInvalidArgument, "exactly once");
  with_perm({0, 2}).ExpectError(StatusCode::kInvalidArgument,
                                "perm dim 2 is out of range of input rank 2");
  with_perm({-1, 0}).ExpectError(StatusCode::kInvalidArgument, "perm dim -1 is out of range");
  with_perm({0}).ExpectError(StatusCode::kInvalidArgument, "one entry per dimension");
}

TEST(TransposeTest, InfersWhatItCan) {
  const auto infer = [](const TensorShape& x, const std::vector<int>& known) {
    return OpTest("Transpose")
        .Input({1, 1, 1}, {0})
        .Input<int32_t>({3}, {2, 0, 1})
        .InferShape({x, {3}}, known);
  };
  EXPECT_EQ(infer({-1, 4, 5}, {1}).value(), (TensorShape{5, -1, 4}));
  EXPECT_EQ(infer({-1, 4, 5}, {}).value(), TensorShape::OfRank(3));
  EXPECT_EQ(infer(TensorShape::Unknown(), {1}).value(), TensorShape::OfRank(3));
}

TEST(TransposeTest, Gradient) {
  OpTest("Transpose")
      .Input(RandomTensor(DType::kDouble, {2, 3, 4}))
      .Input<int32_t>({3}, {2, 0, 1})
      .CheckGradient();
}

TEST(InvertPermutationTest, ByHandAndErrors) {
  OpTest("InvertPermutation").Input<int32_t>({4}, {2, 0, 3, 1}).Expect<int32_t>({4}, {1, 3, 0, 2});
  OpTest("InvertPermutation").Input<int64_t>({0}, {}).Expect<int64_t>({0}, {});
  OpTest("InvertPermutation")
      .Input<int32_t>({2}, {0, 0})
      .ExpectError(StatusCode::kInvalidArgument, "0 is duplicated");
  OpTest("InvertPermutation")
      .Input<int32_t>({2}, {0, 2})
      .ExpectError(StatusCode::kInvalidArgument, "2 is not between 0 and 2");
  OpTest("InvertPermutation")
      .Input<int32_t>({1, 1}, {0})
      .ExpectError(StatusCode::kInvalidArgument, "Shape must be rank 1 but is rank 2");
}

}  // namespace
}  // namespace sluice
