// SparseSegment*: y[s] = reduction of data[indices[i]] over segment_ids[i] = s. Threads share the
// columns, so the order of a segment's rows is the same for any number of threads.
#include "ops/sparse_segment.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "core/kernel.h"
#include "core/status.h"
#include "core/threads.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/gather.h"
#include "ops/segment.h"
#include "ops/segment_util.h"
#include "ops/shape.h"
#include "ops/strided_slice.h"

namespace sluice::ops {
namespace {

enum class Reduction { kSum, kMean, kSqrtN };

// --- shape functions ---

// `rows` rows like those of `data`.
absl::StatusOr<TensorShape> RowsLike(TensorShape data, int64_t rows) {
  if (!data.rank_known()) return data;
  data.set_dim(0, rows);
  SLUICE_RETURN_IF_ERROR(data.Check());
  return data;
}

// Inputs 1 and 2: indices and segment ids.
absl::Status CheckIndexShapes(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape indices, c.WithRank(1, 1));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape ids, c.WithRank(2, 1));
  if (indices.CompatibleWith(ids)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("Dimensions must be equal, but are ", indices.dim(0), " and ", ids.dim(0),
                   ": segment_ids and indices should have same size."));
}

// The value of scalar input i, -1 when unknown.
absl::StatusOr<int64_t> KnownCount(ShapeContext& c, int i, absl::string_view what) {
  SLUICE_RETURN_IF_ERROR(c.WithRank(i, 0).status());
  if (!c.value(i)) return -1;
  SLUICE_ASSIGN_OR_RETURN(const int64_t count, ReadInt(*c.value(i), what));
  if (count >= 0) return count;
  return absl::InvalidArgumentError(absl::StrCat(what, " must be >= 0, got ", count));
}

absl::Status ReductionShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape data, c.WithRankAtLeast(0, 1));
  SLUICE_RETURN_IF_ERROR(CheckIndexShapes(c));
  int64_t rows = -1;
  if (c.num_inputs() > 3) {
    SLUICE_ASSIGN_OR_RETURN(rows, KnownCount(c, 3, "num_segments"));
  } else if (c.value(2)) {
    SLUICE_ASSIGN_OR_RETURN(rows, CountSortedSegments(*c.value(2)));
  }
  SLUICE_ASSIGN_OR_RETURN(TensorShape output, RowsLike(data, rows));
  c.set_output(0, std::move(output));
  return absl::OkStatus();
}

absl::Status GradShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape grad, c.WithRankAtLeast(0, 1));
  SLUICE_RETURN_IF_ERROR(CheckIndexShapes(c));
  SLUICE_ASSIGN_OR_RETURN(const int64_t rows, KnownCount(c, 3, "output_dim0"));
  SLUICE_ASSIGN_OR_RETURN(TensorShape output, RowsLike(grad, rows));
  c.set_output(0, std::move(output));
  return absl::OkStatus();
}

// --- kernels ---

absl::Status CheckIndices(const IndexView& indices, int64_t rows) {
  for (int64_t i = 0; i < indices.size(); ++i) {
    if (indices[i] < 0 || indices[i] >= rows) {
      return absl::InvalidArgumentError(
          absl::StrCat("Bad: indices[", i, "] == ", indices[i], " out of range [0, ", rows, ")"));
    }
  }
  return absl::OkStatus();
}

int64_t RowSize(const TensorShape& shape) {
  int64_t size = 1;
  for (int i = 1; i < shape.rank(); ++i) size *= shape.dim(i);
  return size;
}

// Columns [begin, end) of the result; rows of `inner` elements.
template <typename T, Reduction r>
void ReduceColumns(const T* data, const IndexView& indices, const IndexView& ids, int64_t inner,
                   int64_t begin, int64_t end, T* to) {
  for (int64_t i = 0; i < ids.size();) {
    const int64_t first = i;
    T* sum = to + ids[i] * inner;
    for (; i < ids.size() && ids[i] == ids[first]; ++i) {
      const T* from = data + indices[i] * inner;
      for (int64_t k = begin; k < end; ++k) sum[k] = Plus(sum[k], from[k]);
    }
    if constexpr (r != Reduction::kSum) {
      const auto count = static_cast<T>(i - first);
      const T scale = r == Reduction::kMean ? count : std::sqrt(count);
      for (int64_t k = begin; k < end; ++k) sum[k] /= scale;
    }
  }
}

template <typename T, Reduction r>
absl::Status ReductionRun(KernelContext& c, bool planned) {
  const Tensor& data = c.input(0);
  const IndexView indices(c.input(1)), ids(c.input(2));
  SLUICE_ASSIGN_OR_RETURN(int64_t rows, CountSortedSegments(c.input(2)));
  if (c.num_inputs() > 3) {
    SLUICE_ASSIGN_OR_RETURN(const int64_t segments, ReadInt(c.input(3), "num_segments"));
    if (segments < rows) {
      return absl::InvalidArgumentError(absl::StrCat("segment ids must be < num_segments, but ",
                                                     rows - 1, " is not less than ", segments));
    }
    rows = segments;
  }
  SLUICE_RETURN_IF_ERROR(CheckIndices(indices, data.dim(0)));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape shape, RowsLike(data.shape(), rows));
  SLUICE_ASSIGN_OR_RETURN(Tensor * output, ProvideOutput(c, 0, planned, shape));
  const absl::Span<T> to = output->mutable_flat<T>();
  std::fill(to.begin(), to.end(), T{});
  const int64_t inner = RowSize(shape);
  const double cost = static_cast<double>(ids.size()) + 1;
  ParallelFor(inner, std::max<int64_t>(16, GrainFor(cost)), [&](int64_t begin, int64_t end) {
    ReduceColumns<T, r>(data.data<T>(), indices, ids, inner, begin, end, to.data());
  });
  return absl::OkStatus();
}

template <Reduction r>
absl::StatusOr<KernelRun> ReductionPrepare(PrepareContext& p) {
  KernelRun run;
  // Of many ids nobody knows the last one before the run.
  const bool planned = p.output_shape(0).fully_defined();
  const auto pick = [&](auto tag) {
    using T = typename decltype(tag)::type;
    run = [planned](KernelContext& c) { return ReductionRun<T, r>(c, planned); };
    return absl::OkStatus();
  };
  if constexpr (r == Reduction::kSum) {
    SLUICE_RETURN_IF_ERROR(
        (Dispatch<float, double, Half, BFloat16, int8_t, int16_t, int32_t, int64_t, uint8_t,
                  uint16_t, uint32_t, uint64_t>(p.input_dtype(0), pick)));
  } else {
    SLUICE_RETURN_IF_ERROR((Dispatch<float, double>(p.input_dtype(0), pick)));
  }
  return run;
}

// What each segment's gradient is multiplied by: 1 / count, or 1 / sqrt(count).
template <typename T, Reduction r>
absl::StatusOr<std::vector<T>> SegmentScales(const IndexView& ids, int64_t segments) {
  std::vector<T> scales(segments, T{0});
  for (int64_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || ids[i] >= segments) {
      return absl::InvalidArgumentError(
          absl::StrCat("Segment id ", ids[i], " out of range [0, ", segments, ")."));
    }
    scales[ids[i]] += T{1};
  }
  for (T& scale : scales) {
    scale = std::max(scale, T{1});
    scale = r == Reduction::kMean ? T{1} / scale : T{1} / std::sqrt(scale);
  }
  return scales;
}

template <typename T, Reduction r>
absl::Status GradRun(KernelContext& c) {
  const Tensor& grad = c.input(0);
  const IndexView indices(c.input(1)), ids(c.input(2));
  SLUICE_ASSIGN_OR_RETURN(const int64_t rows, ReadInt(c.input(3), "output_dim0"));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape shape, RowsLike(grad.shape(), rows));
  SLUICE_RETURN_IF_ERROR(CheckOutputShape(c, 0, shape));
  SLUICE_RETURN_IF_ERROR(CheckIndices(indices, rows));
  SLUICE_ASSIGN_OR_RETURN(const std::vector<T> scales, (SegmentScales<T, r>(ids, grad.dim(0))));
  const absl::Span<T> to = c.output(0).mutable_flat<T>();
  std::fill(to.begin(), to.end(), T{0});
  const T* from = grad.data<T>();
  const int64_t inner = RowSize(shape);
  for (int64_t i = 0; i < ids.size(); ++i) {
    for (int64_t k = 0; k < inner; ++k)
      to[indices[i] * inner + k] += scales[ids[i]] * from[ids[i] * inner + k];
  }
  return absl::OkStatus();
}

template <Reduction r>
absl::Status GradKernel(KernelContext& c) {
  return Dispatch<float, double>(
      c.input(0).dtype(), [&](auto tag) { return GradRun<typename decltype(tag)::type, r>(c); });
}

// --- gradients ---

Output NumberOfRows(At at, const Output& x) {
  return StridedSlice(at, ShapeTensor(at, x), {0}, {1}, {1}, {.shrink_axis_mask = 1});
}

Outputs OnlyData(const Node& op, Output dx) {
  Outputs result(op.num_inputs());
  result[0] = std::move(dx);
  return result;
}

Outputs SumGradient(At at, const Node& op, const Outputs& dy) {
  const Output rows = Gather(at, dy[0], op.input(2));
  return OnlyData(op, UnsortedSegmentSum(at, rows, op.input(1), NumberOfRows(at, op.input(0))));
}

Outputs MeanGradient(At at, const Node& op, const Outputs& dy) {
  return OnlyData(op, SparseSegmentMeanGrad(at, dy[0], op.input(1), op.input(2),
                                            NumberOfRows(at, op.input(0))));
}

Outputs SqrtNGradient(At at, const Node& op, const Outputs& dy) {
  return OnlyData(op, SparseSegmentSqrtNGrad(at, dy[0], op.input(1), op.input(2),
                                             NumberOfRows(at, op.input(0))));
}

// --- specs ---

OpSpec ReductionOp(absl::string_view name, absl::string_view types, bool num_segments) {
  OpSpec spec(name);
  spec.Input("data: T").Input("indices: Tidx").Input("segment_ids: int32");
  if (num_segments) spec.Input("num_segments: Tnumsegments");
  spec.Output("output: T").Attr(types).Attr("Tidx: {int32, int64} = DT_INT32");
  if (num_segments) spec.Attr("Tnumsegments: {int32, int64} = DT_INT32");
  return spec.Shape(ReductionShape);
}

OpSpec SumOp(absl::string_view name, bool num_segments) {
  return ReductionOp(name, "T: realnumbertype", num_segments)
      .Prepare(ReductionPrepare<Reduction::kSum>)
      .Gradient(SumGradient);
}

OpSpec MeanOp(absl::string_view name, bool num_segments) {
  return ReductionOp(name, "T: {float, double}", num_segments)
      .Prepare(ReductionPrepare<Reduction::kMean>)
      .Gradient(MeanGradient);
}

OpSpec SqrtNOp(absl::string_view name, bool num_segments) {
  return ReductionOp(name, "T: {float, double}", num_segments)
      .Prepare(ReductionPrepare<Reduction::kSqrtN>)
      .Gradient(SqrtNGradient);
}

OpSpec GradOp(absl::string_view name) {
  return OpSpec(name)
      .Input("grad: T")
      .Input("indices: Tidx")
      .Input("segment_ids: int32")
      .Input("output_dim0: int32")
      .Output("output: T")
      .Attr("T: {float, double}")
      .Attr("Tidx: {int32, int64} = DT_INT32")
      .Shape(GradShape)
      .NotDifferentiable("TensorFlow defines none");
}

Output CountedNode(At at, absl::string_view op, const Outputs& inputs, const Ints& count,
                   absl::string_view name) {
  return at.Node(op, {inputs[0], inputs[1], inputs[2], count.Tensor(at, name)});
}

}  // namespace

OpSpec SparseSegmentSumOp() { return SumOp("SparseSegmentSum", false); }
OpSpec SparseSegmentMeanOp() { return MeanOp("SparseSegmentMean", false); }
OpSpec SparseSegmentSqrtNOp() { return SqrtNOp("SparseSegmentSqrtN", false); }
OpSpec SparseSegmentSumWithNumSegmentsOp() {
  return SumOp("SparseSegmentSumWithNumSegments", true);
}
OpSpec SparseSegmentMeanWithNumSegmentsOp() {
  return MeanOp("SparseSegmentMeanWithNumSegments", true);
}
OpSpec SparseSegmentSqrtNWithNumSegmentsOp() {
  return SqrtNOp("SparseSegmentSqrtNWithNumSegments", true);
}
OpSpec SparseSegmentMeanGradOp() {
  return GradOp("SparseSegmentMeanGrad").Kernel(GradKernel<Reduction::kMean>);
}
OpSpec SparseSegmentSqrtNGradOp() {
  return GradOp("SparseSegmentSqrtNGrad").Kernel(GradKernel<Reduction::kSqrtN>);
}

Output SparseSegmentSum(At at, Output data, Output indices, Output segment_ids) {
  return at.Node("SparseSegmentSum", {data, indices, segment_ids});
}
Output SparseSegmentMean(At at, Output data, Output indices, Output segment_ids) {
  return at.Node("SparseSegmentMean", {data, indices, segment_ids});
}
Output SparseSegmentSqrtN(At at, Output data, Output indices, Output segment_ids) {
  return at.Node("SparseSegmentSqrtN", {data, indices, segment_ids});
}
Output SparseSegmentSumWithNumSegments(At at, Output data, Output indices, Output segment_ids,
                                       Ints num_segments) {
  return CountedNode(at, "SparseSegmentSumWithNumSegments", {data, indices, segment_ids},
                     num_segments, "num_segments");
}
Output SparseSegmentMeanWithNumSegments(At at, Output data, Output indices, Output segment_ids,
                                        Ints num_segments) {
  return CountedNode(at, "SparseSegmentMeanWithNumSegments", {data, indices, segment_ids},
                     num_segments, "num_segments");
}
Output SparseSegmentSqrtNWithNumSegments(At at, Output data, Output indices, Output segment_ids,
                                         Ints num_segments) {
  return CountedNode(at, "SparseSegmentSqrtNWithNumSegments", {data, indices, segment_ids},
                     num_segments, "num_segments");
}
Output SparseSegmentMeanGrad(At at, Output grad, Output indices, Output segment_ids,
                             Ints output_dim0) {
  return CountedNode(at, "SparseSegmentMeanGrad", {grad, indices, segment_ids}, output_dim0,
                     "output_dim0");
}
Output SparseSegmentSqrtNGrad(At at, Output grad, Output indices, Output segment_ids,
                              Ints output_dim0) {
  return CountedNode(at, "SparseSegmentSqrtNGrad", {grad, indices, segment_ids}, output_dim0,
                     "output_dim0");
}

}  // namespace sluice::ops
