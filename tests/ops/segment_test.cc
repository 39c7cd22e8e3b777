#include "ops/segment.h"

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "graph/gradients.h"
#include "graph/graph.h"
#include "ops/all_ops.h"
#include "ops/const.h"
#include "session/session.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

const Tensor kData = Tensor::Of<float>({4, 2}, {1, 2, 3, 4, 5, 6, 7, 8});

OpTest Unsorted(const char* op, std::initializer_list<int32_t> ids, int32_t segments) {
  return OpTest(op)
      .Input(kData)
      .Input<int32_t>({static_cast<int64_t>(ids.size())}, ids)
      .Input<int32_t>({}, {segments});
}

OpTest Sorted(const char* op, std::initializer_list<int32_t> ids) {
  return OpTest(op).Input(kData).Input<int32_t>({static_cast<int64_t>(ids.size())}, ids);
}

TEST(UnsortedSegmentTest, ByHand) {
  constexpr float kLowest = std::numeric_limits<float>::lowest();
  constexpr float kMost = std::numeric_limits<float>::max();
  Unsorted("UnsortedSegmentSum", {2, 0, 2, -1}, 3).Expect({3, 2}, {3, 4, 0, 0, 6, 8});
  Unsorted("UnsortedSegmentProd", {2, 0, 2, -1}, 3).Expect({3, 2}, {3, 4, 1, 1, 5, 12});
  Unsorted("UnsortedSegmentMax", {2, 0, 2, -1}, 3).Expect({3, 2}, {3, 4, kLowest, kLowest, 5, 6});
  Unsorted("UnsortedSegmentMin", {2, 0, 2, -1}, 3).Expect({3, 2}, {3, 4, kMost, kMost, 1, 2});
  Unsorted("UnsortedSegmentSum", {-1, -1, -1, -1}, 0).Expect({0, 2}, {});
}

TEST(UnsortedSegmentTest, IdsOfSeveralDimensions) {
  OpTest("UnsortedSegmentSum")
      .Input({2, 2, 1}, {1, 2, 3, 4})
      .Input<int64_t>({2, 2}, {1, 0, 1, 1})
      .Input<int64_t>({}, {2})
      .Expect({2, 1}, {2, 8});
  OpTest("UnsortedSegmentSum")
      .Input({2, 2}, {1, 2, 3, 4})
      .Input<int32_t>({}, {1})
      .Input<int32_t>({}, {2})
      .Expect({2, 2, 2}, {0, 0, 0, 0, 1, 2, 3, 4});
  OpTest("UnsortedSegmentMax")
      .Input<int32_t>({2}, {3, -4})
      .Input<int32_t>({2}, {0, 0})
      .Input<int32_t>({}, {1})
      .Expect<int32_t>({1}, {3});
}

TEST(UnsortedSegmentTest, ManyColumnsUseThreads) {
  const Tensor data = RandomTensor(DType::kDouble, {500, 300});
  const Tensor ids = RandomTensor(DType::kInt32, {500}, 2, 0, 7);
  std::vector<double> sums(7 * 300);
  for (int64_t row = 0; row < 500; ++row) {
    for (int64_t i = 0; i < 300; ++i) {
      sums[ids.flat<int32_t>()[row] * 300 + i] += data.flat<double>()[row * 300 + i];
    }
  }
  OpTest("UnsortedSegmentSum")
      .Input(data)
      .Input(ids)
      .Input<int32_t>({}, {7})
      .Expect(Tensor::Of<double>({7, 300}, sums));
}

TEST(UnsortedSegmentTest, Errors) {
  Unsorted("UnsortedSegmentSum", {0, 1, 2, 3}, 3)
      .ExpectError(StatusCode::kInvalidArgument, "segment_ids[3] = 3 is out of range [0, 3)");
  Unsorted("UnsortedSegmentSum", {0, 1}, 3)
      .ExpectError(StatusCode::kInvalidArgument, "does not start with segment_ids.shape = [2]");
  Unsorted("UnsortedSegmentSum", {0, 0, 0, 0}, -1)
      .ExpectError(StatusCode::kInvalidArgument, "num_segments must be >= 0");
}

TEST(SegmentTest, ByHand) {
  Sorted("SegmentSum", {0, 0, 2, 2}).Expect({3, 2}, {4, 6, 0, 0, 12, 14});
  Sorted("SegmentMean", {0, 0, 2, 2}).Expect({3, 2}, {2, 3, 0, 0, 6, 7});
  Sorted("SegmentProd", {0, 0, 2, 2}).Expect({3, 2}, {3, 8, 1, 1, 35, 48});
  Sorted("SegmentMax", {0, 0, 2, 2}).Expect({3, 2}, {3, 4, 0, 0, 7, 8});
  Sorted("SegmentMin", {0, 0, 2, 2}).Expect({3, 2}, {1, 2, 0, 0, 5, 6});
  OpTest("SegmentSum").Input({0, 2}, {}).Input<int64_t>({0}, {}).Expect({0, 2}, {});
}

TEST(SegmentTest, EveryNumberType) {
  for (const DType dtype :
       {DType::kHalf, DType::kBfloat16, DType::kInt8, DType::kInt16, DType::kInt32, DType::kInt64,
        DType::kUint8, DType::kUint16, DType::kUint32, DType::kUint64, DType::kDouble}) {
    const Tensor data = FromDoubles(dtype, {4}, {3, 1, 2, 5});
    const auto sorted = [&](const char* op, std::vector<double> want) {
      OpTest(op)
          .Input(data)
          .Input<int64_t>({4}, {0, 0, 2, 2})
          .Expect(FromDoubles(dtype, {3}, want));
    };
    sorted("SegmentSum", {4, 0, 7});
    sorted("SegmentProd", {3, 1, 10});
    sorted("SegmentMax", {3, 0, 5});
    sorted("SegmentMin", {1, 0, 2});
    sorted("SegmentMean", {2, 0, IsFloating(dtype) ? 3.5 : 3});
    const auto unsorted = [&](const char* op, std::vector<double> want) {
      OpTest(op)
          .Input(data)
          .Input<int32_t>({4}, {1, -1, 0, 1})
          .Input<int64_t>({}, {2})
          .Expect(FromDoubles(dtype, {2}, want));
    };
    unsorted("UnsortedSegmentSum", {2, 8});
    unsorted("UnsortedSegmentProd", {2, 15});
    unsorted("UnsortedSegmentMax", {2, 5});
    unsorted("UnsortedSegmentMin", {2, 3});
  }
}

TEST(SegmentTest, EmptySegmentsOfNarrowTypes) {
  OpTest("UnsortedSegmentMax")
      .Input(FromDoubles(DType::kHalf, {1}, {3}))
      .Input<int32_t>({1}, {-1})
      .Input<int32_t>({}, {1})
      .Expect(FromDoubles(DType::kHalf, {1}, {-65504}));
  OpTest("UnsortedSegmentMin")
      .Input<int8_t>({1}, {3})
      .Input<int32_t>({1}, {-1})
      .Input<int32_t>({}, {1})
      .Expect<int8_t>({1}, {127});
}

TEST(SegmentTest, TiesShareTheGradient) {
  Graph graph(ops::Builtin());
  Scope root = Scope::Root(graph);
  const Output data = ops::Const(root, Tensor::Of<float>({5}, {2, 2, 1, 7, 7}));
  const Output ids = ops::Const(root, Tensor::Of<int32_t>({5}, {0, 0, 0, 2, 2}));
  const Output three = ops::Const(root, 3);
  Outputs gradients;
  for (const Output& y :
       {ops::SegmentMax(root, data, ids), ops::UnsortedSegmentMax(root, data, ids, three)}) {
    gradients.push_back(Gradients(root, {y}, {data})[0]);
  }
  ASSERT_TRUE(graph.status().ok()) << graph.status();
  Session session = *Session::Create(graph);
  const std::vector<Tensor> values = session.Run({}, gradients).value();
  for (const Tensor& g : values) ExpectClose(g, Tensor::Of<float>({5}, {.5f, .5f, 0, .5f, .5f}));
}

TEST(SegmentTest, MoreIdsThanAreShownToShapeFunctions) {
  const int64_t n = 3000;
  std::vector<int32_t> ids(n);
  std::vector<float> sums(n / 3, 3.0f);
  for (int64_t i = 0; i < n; ++i) ids[i] = static_cast<int32_t>(i / 3);
  OpTest("SegmentSum")
      .Input(Tensor::Of<float>({n}, std::vector<float>(n, 1.0f)))
      .Input(Tensor::Of<int32_t>({n}, ids))
      .DataDependentShape()
      .Expect(Tensor::Of<float>({n / 3}, sums));
}

TEST(SegmentTest, Errors) {
  Sorted("SegmentSum", {0, 2, 1, 3})
      .ExpectError(StatusCode::kInvalidArgument, "segment ids are not increasing: segment_ids[2]");
  Sorted("SegmentSum", {-1, 0, 0, 0})
      .ExpectError(StatusCode::kInvalidArgument, "segment ids must be >= 0");
  Sorted("SegmentSum", {0, 1}).ExpectError(StatusCode::kInvalidArgument, "does not start with");
  OpTest("SegmentSum")
      .Input(kData)
      .Input<int64_t>({4}, {0, 0, 0, std::numeric_limits<int64_t>::max()})
      .ExpectError(StatusCode::kInvalidArgument, "is too large");
}

TEST(SegmentTest, InfersWhatItCan) {
  const auto infer = [](const std::vector<int>& known) {
    return Sorted("SegmentSum", {0, 0, 2, 2}).InferShape({{-1, 2}, {4}}, known).value();
  };
  EXPECT_EQ(infer({1}), (TensorShape{3, 2}));
  EXPECT_EQ(infer({}), (TensorShape{-1, 2}));
}

TEST(SegmentTest, Gradients) {
  const Tensor data = LadderTensor(DType::kDouble, {4, 2}, 3);
  for (const char* op :
       {"UnsortedSegmentSum", "UnsortedSegmentProd", "UnsortedSegmentMax", "UnsortedSegmentMin"}) {
    OpTest(op)
        .Input(data)
        .Input<int32_t>({4}, {2, 0, 2, -1})
        .Input<int32_t>({}, {3})
        .CheckGradient({.context = op});
  }
  for (const char* op : {"SegmentSum", "SegmentMean", "SegmentProd", "SegmentMax", "SegmentMin"}) {
    OpTest(op).Input(data).Input<int32_t>({4}, {0, 0, 2, 2}).CheckGradient({.context = op});
  }
}

TEST(SegmentTest, GradientOfProductsWithZeros) {
  // One zero in the first segment, two in the second.
  OpTest("UnsortedSegmentProd")
      .Input(Tensor::Of<double>({6}, {2, 0, 3, 0, 5, 0}))
      .Input<int32_t>({6}, {0, 0, 0, 1, 1, 1})
      .Input<int32_t>({}, {2})
      .CheckGradient();
}

}  // namespace
}  // namespace sluice
