#include "ops/sparse_segment.h"

#include <cmath>
#include <string>
#include <vector>

#include "tests/testing/op_test.h"

namespace sluice {
namespace {

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
const Tensor kData = Tensor::Of<float>({3, 2}, {1, 2, 3, 4, 5, 6});

OpTest Sparse(const std::string& op, std::initializer_list<int32_t> indices,
              std::initializer_list<int32_t> ids) {
  return OpTest(op)
      .Input(kData)
      .Input<int32_t>({static_cast<int64_t>(indices.size())}, indices)
      .Input<int32_t>({static_cast<int64_t>(ids.size())}, ids);
}

const float kRoot2 = std::sqrt(2.0f);

TEST(SparseSegmentTest, ByHand) {
  // Segment 0: rows 0 and 2; segment 1: none; segment 2: row 0.
  Sparse("SparseSegmentSum", {0, 2, 0}, {0, 0, 2}).Expect({3, 2}, {6, 8, 0, 0, 1, 2});
  Sparse("SparseSegmentMean", {0, 2, 0}, {0, 0, 2}).Expect({3, 2}, {3, 4, 0, 0, 1, 2});
  Sparse("SparseSegmentSqrtN", {0, 2, 0}, {0, 0, 2})
      .Expect({3, 2}, {6 / kRoot2, 8 / kRoot2, 0, 0, 1, 2});
  Sparse("SparseSegmentSum", {}, {}).Expect({0, 2}, {});
  OpTest("SparseSegmentSum")
      .Input<int64_t>({3}, {7, 8, 9})
      .Input<int64_t>({2}, {2, 2})
      .Input<int32_t>({2}, {1, 1})
      .Expect<int64_t>({2}, {0, 18});
}

TEST(SparseSegmentTest, WithNumSegments) {
  for (const int32_t segments : {3, 4}) {
    const auto want = [&](std::vector<float> values) {
      values.resize(2 * segments, 0);
      return Tensor::Of<float>({segments, 2}, values);
    };
    const Tensor count = Tensor::Scalar(segments);
    Sparse("SparseSegmentSumWithNumSegments", {0, 2, 0}, {0, 0, 2})
        .Input(count)
        .Expect(want({6, 8, 0, 0, 1, 2}));
    Sparse("SparseSegmentMeanWithNumSegments", {0, 2, 0}, {0, 0, 2})
        .Input(count)
        .Expect(want({3, 4, 0, 0, 1, 2}));
    Sparse("SparseSegmentSqrtNWithNumSegments", {0, 2, 0}, {0, 0, 2})
        .Input(Tensor::Scalar(int64_t{segments}))
        .Expect(want({6 / kRoot2, 8 / kRoot2, 0, 0, 1, 2}));
  }
  Sparse("SparseSegmentSumWithNumSegments", {}, {})
      .Input<int32_t>({}, {2})
      .Expect({2, 2}, {0, 0, 0, 0});
}

TEST(SparseSegmentTest, GradOps) {
  const auto grad = [](const std::string& op) {
    return OpTest(op)
        .Input({2, 1}, {4, 6})
        .Input<int32_t>({3}, {2, 0, 2})
        .Input<int32_t>({3}, {0, 0, 1})
        .Input<int32_t>({}, {4});
  };
  grad("SparseSegmentMeanGrad").Expect({4, 1}, {2, 0, 8, 0});
  grad("SparseSegmentSqrtNGrad").Expect({4, 1}, {4 / kRoot2, 0, 4 / kRoot2 + 6, 0});
}

TEST(SparseSegmentTest, IntegersAndNarrowFloats) {
  for (const DType dtype : {DType::kInt8, DType::kUint8, DType::kInt32, DType::kInt64, DType::kHalf,
                            DType::kBfloat16, DType::kDouble}) {
    OpTest("SparseSegmentSum")
        .Input(FromDoubles(dtype, {3}, {1, 2, 3}))
        .Input<int32_t>({3}, {0, 1, 2})
        .Input<int32_t>({3}, {0, 0, 1})
        .Expect(FromDoubles(dtype, {2}, {3, 3}));
  }
}

TEST(SparseSegmentTest, Errors) {
  for (const std::string op : {"SparseSegmentSum", "SparseSegmentMean", "SparseSegmentSqrtN"}) {
    Sparse(op, {0, 1}, {1, 0}).ExpectError(kInvalid, "segment ids are not increasing");
    Sparse(op, {0, 1}, {-1, 0}).ExpectError(kInvalid, "segment ids must be >= 0");
    Sparse(op, {0, 3}, {0, 0}).ExpectError(kInvalid, "Bad: indices[1] == 3 out of range [0, 3)");
    Sparse(op, {-1, 0}, {0, 0}).ExpectError(kInvalid, "Bad: indices[0] == -1 out of range [0, 3)");
    Sparse(op, {0}, {0, 0}).ExpectError(kInvalid, "segment_ids and indices should have same size.");
    Sparse(op + "WithNumSegments", {0, 1}, {0, 2})
        .Input<int32_t>({}, {2})
        .ExpectError(kInvalid, "segment ids must be < num_segments");
    Sparse(op + "WithNumSegments", {0, 1}, {0, 2})
        .Input<int32_t>({}, {-1})
        .ExpectError(kInvalid, "num_segments must be >= 0");
  }
  OpTest("SparseSegmentMeanGrad")
      .Input({1, 1}, {4})
      .Input<int32_t>({1}, {0})
      .Input<int32_t>({1}, {1})
      .Input<int32_t>({}, {2})
      .ExpectError(kInvalid, "Segment id 1 out of range [0, 1)");
  OpTest("SparseSegmentMeanGrad")
      .Input({1, 1}, {4})
      .Input<int32_t>({1}, {2})
      .Input<int32_t>({1}, {0})
      .Input<int32_t>({}, {2})
      .ExpectError(kInvalid, "indices[0] == 2 out of range [0, 2)");
}

TEST(SparseSegmentTest, Gradients) {
  const Tensor data = RandomTensor(DType::kDouble, {4, 2}, 1);
  for (const std::string op : {"SparseSegmentSum", "SparseSegmentMean", "SparseSegmentSqrtN"}) {
    OpTest(op)
        .Input(data)
        .Input<int32_t>({4}, {3, 0, 3, 1})
        .Input<int32_t>({4}, {0, 0, 2, 2})
        .CheckGradient({.context = op});
    OpTest(op + "WithNumSegments")
        .Input(data)
        .Input<int32_t>({4}, {3, 0, 3, 1})
        .Input<int32_t>({4}, {0, 0, 2, 2})
        .Input<int32_t>({}, {5})
        .CheckGradient({.context = op});
  }
}

}  // namespace
}  // namespace sluice
