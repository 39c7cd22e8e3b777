#include "ops/strided_slice.h"

#include <limits>
#include <vector>

#include "graph/graph.h"
#include "ops/all_ops.h"
#include "ops/const.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

// One entry of a Python slice: a:b:c with parts that may be left out, an index, "..." or None.
struct Entry {
  enum Kind { kRange, kIndex, kEllipsis, kNewAxis } kind = kRange;
  int64_t begin = 0, end = 0, stride = 1;
  bool no_begin = false, no_end = false;
};
Entry Range(int64_t begin, int64_t end, int64_t stride = 1) {
  return {Entry::kRange, begin, end, stride, false, false};
}
Entry From(int64_t begin, int64_t stride = 1) {
  return {Entry::kRange, begin, 0, stride, false, true};
}
Entry To(int64_t end, int64_t stride = 1) { return {Entry::kRange, 0, end, stride, true, false}; }
Entry All(int64_t stride = 1) { return {Entry::kRange, 0, 0, stride, true, true}; }
Entry Index(int64_t i) { return {Entry::kIndex, i, i + 1, 1, false, false}; }
Entry Ellipsis() { return {Entry::kEllipsis}; }
Entry NewAxis() { return {Entry::kNewAxis}; }

// The indices that Python's slice takes of a dimension, by walking.
std::vector<int64_t> Walk(const Entry& e, int64_t dim) {
  std::vector<int64_t> taken;
  if (e.kind == Entry::kIndex) return {e.begin < 0 ? e.begin + dim : e.begin};
  int64_t begin = e.begin < 0 ? e.begin + dim : e.begin, end = e.end < 0 ? e.end + dim : e.end;
  if (e.stride > 0) {
    begin = e.no_begin ? 0 : std::max<int64_t>(begin, 0);
    end = e.no_end ? dim : std::min(end, dim);
    for (int64_t i = begin; i < end; i += e.stride) taken.push_back(i);
  } else {
    begin = e.no_begin ? dim - 1 : std::min(begin, dim - 1);
    end = e.no_end ? -1 : std::max<int64_t>(end, -1);
    for (int64_t i = begin; i > end; i += e.stride) taken.push_back(i);
  }
  return taken;
}

// numpy's x[entries].
Tensor SlowSlice(const Tensor& x, const std::vector<Entry>& entries) {
  int spoken_of = 0;
  bool ellipsis = false;
  for (const Entry& e : entries) {
    spoken_of += e.kind == Entry::kRange || e.kind == Entry::kIndex;
    ellipsis |= e.kind == Entry::kEllipsis;
  }
  std::vector<Entry> full = entries;
  if (!ellipsis) full.push_back(Ellipsis());
  std::vector<std::vector<int64_t>> taken;
  TensorShape shape;
  for (const Entry& e : full) {
    if (e.kind == Entry::kNewAxis) {
      shape.AddDim(1);
      continue;
    }
    const int times = e.kind == Entry::kEllipsis ? x.shape().rank() - spoken_of : 1;
    for (int k = 0; k < times; ++k) {
      const int64_t dim = x.dim(static_cast<int>(taken.size()));
      taken.push_back(Walk(e.kind == Entry::kEllipsis ? All() : e, dim));
      if (e.kind != Entry::kIndex) shape.AddDim(static_cast<int64_t>(taken.back().size()));
    }
  }
  const std::vector<double> values = ToDoubles(x);
  std::vector<double> picked;
  int64_t total = 1;
  for (const auto& t : taken) total *= static_cast<int64_t>(t.size());
  for (int64_t n = 0; n < total; ++n) {
    int64_t rest = n, position = 0, stride = 1;
    for (int i = x.shape().rank(); i-- > 0;) {
      const auto size = static_cast<int64_t>(taken[i].size());
      position += taken[i][rest % size] * stride;
      rest /= size;
      stride *= x.dim(i);
    }
    picked.push_back(values[position]);
  }
  return FromDoubles(x.dtype(), shape, picked);
}

OpTest SliceOf(const Tensor& x, const std::vector<Entry>& entries,
               const char* op = "StridedSlice") {
  int64_t masks[5] = {};
  std::vector<int32_t> begin, end, strides;
  for (size_t i = 0; i < entries.size(); ++i) {
    const Entry& e = entries[i];
    masks[0] |= int64_t{e.no_begin} << i;
    masks[1] |= int64_t{e.no_end} << i;
    masks[2] |= int64_t{e.kind == Entry::kEllipsis} << i;
    masks[3] |= int64_t{e.kind == Entry::kNewAxis} << i;
    masks[4] |= int64_t{e.kind == Entry::kIndex} << i;
    begin.push_back(static_cast<int32_t>(e.begin));
    end.push_back(static_cast<int32_t>(e.end));
    strides.push_back(static_cast<int32_t>(e.stride));
  }
  const auto n = static_cast<int64_t>(entries.size());
  return OpTest(op)
      .Attr("begin_mask", masks[0])
      .Attr("end_mask", masks[1])
      .Attr("ellipsis_mask", masks[2])
      .Attr("new_axis_mask", masks[3])
      .Attr("shrink_axis_mask", masks[4])
      .Input(x)
      .Input(Tensor::Of<int32_t>({n}, begin))
      .Input(Tensor::Of<int32_t>({n}, end))
      .Input(Tensor::Of<int32_t>({n}, strides));
}

const Tensor kVector = Tensor::Of<float>({5}, {0, 1, 2, 3, 4});

TEST(StridedSliceTest, ByHand) {
  SliceOf(kVector, {Range(1, 4, 2)}).Expect({2}, {1, 3});
  SliceOf(kVector, {Index(-1)}).Expect({}, {4});
  SliceOf(kVector, {All(-2)}).Expect({3}, {4, 2, 0});
  SliceOf(kVector, {Range(3, 0, -1)}).Expect({3}, {3, 2, 1});
  SliceOf(kVector, {Range(-100, 100)}).Expect({5}, {0, 1, 2, 3, 4});
  SliceOf(kVector, {Range(4, 1)}).Expect({0}, {});
  SliceOf(kVector, {NewAxis(), To(2)}).Expect({1, 2}, {0, 1});
  const Tensor matrix = Tensor::Of<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  SliceOf(matrix, {All(), Index(1)}).Expect({2}, {2, 5});
  SliceOf(matrix, {Ellipsis(), From(1)}).Expect({2, 2}, {2, 3, 5, 6});
  SliceOf(matrix, {Index(1)}).Expect({3}, {4, 5, 6});
  SliceOf(matrix, {}).Expect({2, 3}, {1, 2, 3, 4, 5, 6});
  OpTest("StridedSlice")
      .Input<std::string>({3}, {"a", "b", "c"})
      .Input<int64_t>({1}, {2})
      .Input<int64_t>({1}, {0})
      .Input<int64_t>({1}, {-1})
      .Expect<std::string>({2}, {"c", "b"});
}

TEST(StridedSliceTest, MatchesPythonOnAVector) {
  for (int64_t begin = -7; begin <= 7; ++begin) {
    for (int64_t end = -7; end <= 7; ++end) {
      for (const int64_t stride : {-3, -1, 1, 2}) {
        for (const Entry& e : {Range(begin, end, stride), From(begin, stride), To(end, stride)}) {
          SliceOf(kVector, {e}).EvaluateOnly().Expect(SlowSlice(kVector, {e}));
        }
      }
    }
  }
}

TEST(StridedSliceTest, MatchesPythonInManyDimensions) {
  const Tensor x = RandomTensor(DType::kFloat, {3, 4, 5, 2});
  const std::vector<Entry> cases[] = {
      {All(), Index(2), Ellipsis()},
      {Ellipsis(), Index(-1)},
      {Ellipsis(), NewAxis(), From(1, 2), All(-1)},
      {NewAxis(), Index(0), NewAxis(), Range(3, 0, -2), Ellipsis(), NewAxis()},
      {Range(1, 3), Range(-3, -1), All(2), Index(1)},
      {Index(1), Index(2), Index(3), Index(1)},
      {All(-1), All(-1), All(-1), All(-1)},
      {From(2), Ellipsis()},
      {Ellipsis()},
      {Range(0, 0), Ellipsis(), Index(0)},
  };
  for (const std::vector<Entry>& entries : cases) {
    SliceOf(x, entries).Expect(SlowSlice(x, entries));
  }
}

TEST(StridedSliceTest, Errors) {
  SliceOf(kVector, {Range(0, 5, 0)})
      .ExpectError(StatusCode::kInvalidArgument, "strides[0] must be non-zero");
  SliceOf(kVector, {Index(5)})
      .ExpectError(StatusCode::kInvalidArgument, "slice index 5 of dimension 0 out of bounds");
  SliceOf(kVector, {Index(-6)}).ExpectError(StatusCode::kInvalidArgument, "out of bounds");
  SliceOf(kVector, {All(), All()}).ExpectError(StatusCode::kInvalidArgument, "Index out of range");
  SliceOf(kVector, {Ellipsis(), Ellipsis()})
      .ExpectError(StatusCode::kInvalidArgument, "Multiple ellipses");
  // Bits beyond the entries count too.
  OpTest("StridedSlice")
      .Attr("ellipsis_mask", 5)
      .Input(kVector)
      .Input<int32_t>({1}, {0})
      .Input<int32_t>({1}, {1})
      .Input<int32_t>({1}, {1})
      .ExpectError(StatusCode::kInvalidArgument, "Multiple ellipses");
  Entry backwards = Index(1);
  backwards.stride = -1;
  SliceOf(kVector, {backwards}).ExpectError(StatusCode::kInvalidArgument, "only stride 1");
  OpTest("StridedSlice")
      .Input(kVector)
      .Input<int32_t>({1}, {0})
      .Input<int32_t>({2}, {1, 1})
      .Input<int32_t>({1}, {1})
      .ExpectError(StatusCode::kInvalidArgument, "not compatible");
  const Tensor many = Tensor::Zeros(DType::kInt32, {32});
  OpTest("StridedSlice")
      .Attr("new_axis_mask", -1)
      .Input(kVector)
      .Input(many)
      .Input(many)
      .Input(many)
      .ExpectError(StatusCode::kInvalidArgument, "at most 31 entries");
}

TEST(StridedSliceTest, ExtremeNumbers) {
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  OpTest("StridedSlice")
      .Input(kVector)
      .Input<int64_t>({1}, {kMin})
      .Input<int64_t>({1}, {kMax})
      .Input<int64_t>({1}, {kMax})
      .Expect({1}, {0});
  OpTest("StridedSlice")
      .Input(kVector)
      .Input<int64_t>({1}, {kMax})
      .Input<int64_t>({1}, {kMin})
      .Input<int64_t>({1}, {kMin})
      .Expect({1}, {4});
}

TEST(StridedSliceTest, InfersWhatItCan) {
  const Tensor x = Tensor::Zeros(DType::kFloat, {1, 1, 1});
  const auto infer = [&](const std::vector<Entry>& entries, const TensorShape& shape,
                         const std::vector<int>& known) {
    const auto n = static_cast<int64_t>(entries.size());
    return SliceOf(x, entries).InferShape({shape, {n}, {n}, {n}}, known);
  };
  const TensorShape shape = {-1, 4, 5};
  EXPECT_EQ(infer({All(), Index(1)}, shape, {1, 2, 3}).value(), (TensorShape{-1, 5}));
  EXPECT_EQ(infer({Range(0, 1), From(1), Ellipsis()}, shape, {1, 2, 3}).value(),
            (TensorShape{-1, 3, 5}));
  // The values of begin and end do not matter where masks say "everything".
  EXPECT_EQ(infer({All(), Index(1), All()}, shape, {3}).value(), (TensorShape{-1, 5}));
  EXPECT_EQ(infer({NewAxis(), Range(0, 1), Ellipsis()}, shape, {}).value(),
            (TensorShape{1, -1, 4, 5}));
  EXPECT_FALSE(infer({All()}, TensorShape::Unknown(), {1, 2, 3}).value().rank_known());
}

TEST(StridedSliceTest, Gradient) {
  const Tensor x = RandomTensor(DType::kDouble, {3, 4, 2});
  for (const std::vector<Entry>& entries : {std::vector<Entry>{All(), Index(2), NewAxis()},
                                            {Range(2, 0, -1), Ellipsis(), All(-1)},
                                            {From(1, 2), To(-1)}}) {
    SliceOf(x, entries).CheckGradient();
  }
}

TEST(StridedSliceGradTest, PutsDyWhereItWasRead) {
  const auto grad = [](const Tensor& dy, int64_t shrink, int32_t end) {
    return OpTest("StridedSliceGrad")
        .Attr("shrink_axis_mask", shrink)
        .Input<int32_t>({1}, {5})
        .Input<int32_t>({1}, {1})
        .Input<int32_t>({1}, {end})
        .Input<int32_t>({1}, {2})
        .Input(dy);
  };
  grad(Tensor::Of<float>({2}, {7, 8}), 0, 5).Expect({5}, {0, 7, 0, 8, 0});
  grad(Tensor::Of<float>({}, {7}), 1, 0).Expect({5}, {0, 7, 0, 0, 0});
  grad(Tensor::Of<float>({3}, {7, 8, 9}), 0, 5)
      .ExpectError(StatusCode::kInvalidArgument, "dy must have the slice's shape [2]");
  grad(RandomTensor(DType::kDouble, {2}), 0, 5).CheckGradient();
}

TEST(StridedSliceTest, Builder) {
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  const Output x = ops::Const<float>(root, {1, 2, 3, 4, 5, 6}, {2, 3});
  const Output column = ops::StridedSlice(root, x, {0, 1}, {0, 2}, {1, 1},
                                          {.begin_mask = 1, .end_mask = 1, .shrink_axis_mask = 2});
  EXPECT_EQ(column.shape(), (TensorShape{2}));
  EXPECT_EQ(column.name(), "StridedSlice:0");
  EXPECT_THAT(graph.status(), IsOk());
}

}  // namespace
}  // namespace sluice
