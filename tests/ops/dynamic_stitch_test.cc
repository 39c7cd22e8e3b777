#include "ops/dynamic_stitch.h"

#include <vector>

#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

TEST(DynamicStitchTest, ByHand) {
  for (const char* op : {"DynamicStitch", "ParallelDynamicStitch"}) {
    OpTest(op)
        .Input<int32_t>({}, {2})
        .Input<int32_t>({2}, {0, 3})
        .Input({2}, {5, 6})
        .Input({2, 2}, {1, 2, 7, 8})
        .Expect({4, 2}, {1, 2, 0, 0, 5, 6, 7, 8});
    OpTest(op).Input<int32_t>({0}, {}).Input<bool>({0, 3}, {}).Expect<bool>({0, 3}, {});
    OpTest(op)
        .Input<int32_t>({1}, {1})
        .Input<std::string>({1}, {"b"})
        .Expect<std::string>({2}, {"", "b"});
  }
  OpTest("DynamicStitch")
      .Input<int32_t>({1}, {0})
      .Input<int32_t>({1}, {0})
      .Input({1}, {1})
      .Input({1}, {2})
      .Expect({1}, {2});  // the last wins
}

TEST(DynamicStitchTest, Errors) {
  OpTest("DynamicStitch")
      .Input<int32_t>({1}, {-1})
      .Input({1}, {1})
      .ExpectError(StatusCode::kInvalidArgument, "indices must be >= 0, got -1");
  OpTest("DynamicStitch")
      .Input<int32_t>({2}, {0, 1})
      .Input({1}, {1})
      .ExpectError(StatusCode::kInvalidArgument, "does not start with indices.shape = [2]");
  OpTest("DynamicStitch")
      .Input<int32_t>({1}, {0})
      .Input<int32_t>({1}, {1})
      .Input({1, 2}, {1, 2})
      .Input({1, 3}, {1, 2, 3})
      .ExpectError(StatusCode::kInvalidArgument, "not compatible");
}

TEST(DynamicStitchTest, MoreIndicesThanAreShownToShapeFunctions) {
  const int64_t n = 2000;
  std::vector<int32_t> backwards(n);
  std::vector<float> data(n), merged(n);
  for (int64_t i = 0; i < n; ++i) {
    backwards[i] = static_cast<int32_t>(n - 1 - i);
    data[i] = static_cast<float>(i);
    merged[n - 1 - i] = data[i];
  }
  OpTest("DynamicStitch")
      .Input(Tensor::Of<int32_t>({n}, backwards))
      .Input(Tensor::Of<float>({n}, data))
      .DataDependentShape()
      .Expect(Tensor::Of<float>({n}, merged));
}

TEST(DynamicPartitionTest, ByHand) {
  OpTest("DynamicPartition")
      .Attr("num_partitions", 3)
      .Input({4, 2}, {1, 2, 3, 4, 5, 6, 7, 8})
      .Input<int32_t>({4}, {2, 0, 2, 0})
      .ExpectAll({Tensor::Of<float>({2, 2}, {3, 4, 7, 8}), Tensor::Of<float>({0, 2}, {}),
                  Tensor::Of<float>({2, 2}, {1, 2, 5, 6})});
  OpTest("DynamicPartition")
      .Attr("num_partitions", 2)
      .Input<std::string>({2, 2}, {"a", "b", "c", "d"})
      .Input<int32_t>({2, 2}, {0, 1, 1, 0})
      .ExpectAll(
          {Tensor::Of<std::string>({2}, {"a", "d"}), Tensor::Of<std::string>({2}, {"b", "c"})});
  OpTest("DynamicPartition")
      .Attr("num_partitions", 2)
      .Input({2}, {1, 2})
      .Input<int32_t>({}, {1})
      .ExpectAll({Tensor::Of<float>({0, 2}, {}), Tensor::Of<float>({1, 2}, {1, 2})});
}

TEST(DynamicPartitionTest, ManyRows) {
  const int64_t n = 2000;
  std::vector<int32_t> parity(n);
  std::vector<float> data(n), even, odd;
  for (int64_t i = 0; i < n; ++i) {
    parity[i] = static_cast<int32_t>(i % 2);
    data[i] = static_cast<float>(i);
    (i % 2 ? odd : even).push_back(data[i]);
  }
  OpTest("DynamicPartition")
      .Attr("num_partitions", 2)
      .Input(Tensor::Of<float>({n}, data))
      .Input(Tensor::Of<int32_t>({n}, parity))
      .DataDependentShape()
      .ExpectAll({Tensor::Of<float>({n / 2}, even), Tensor::Of<float>({n / 2}, odd)});
}

TEST(DynamicPartitionTest, Errors) {
  OpTest("DynamicPartition")
      .Attr("num_partitions", 2)
      .Input({1}, {1})
      .Input<int32_t>({1}, {2})
      .ExpectError(StatusCode::kInvalidArgument, "partitions[0] = 2 is not in [0, 2)");
  OpTest("DynamicPartition")
      .Attr("num_partitions", 2)
      .Input({1}, {1})
      .Input<int32_t>({2}, {0, 1})
      .ExpectError(StatusCode::kInvalidArgument, "does not start with partitions.shape = [2]");
}

TEST(DynamicStitchTest, Gradients) {
  OpTest("DynamicStitch")
      .Input<int32_t>({2}, {2, 0})
      .Input<int32_t>({}, {3})
      .Input(RandomTensor(DType::kDouble, {2, 2}, 1))
      .Input(RandomTensor(DType::kDouble, {2}, 2))
      .CheckGradient();
  OpTest("DynamicPartition")
      .Attr("num_partitions", 3)
      .Input(RandomTensor(DType::kDouble, {4, 2}))
      .Input<int32_t>({4}, {2, 0, 2, 0})
      .CheckGradient();
}

}  // namespace
}  // namespace sluice
