// UnsortedSegment*: y[s] = reduction of data[j] over ids[j] = s. Segment*: the same for ids in
// order, whose last tells how many segments there are. Threads share the columns, so the order of a
// segment's rows, and so every bit, is the same for any number of threads.
#include "ops/segment.h"

#include <algorithm>
#include <complex>
#include <limits>
#include <utility>

#include "core/status.h"
#include "core/threads.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/dtype_sets.h"
#include "ops/flops.h"
#include "ops/gather.h"
#include "ops/kernels/accumulate.h"
#include "ops/kernels/strided_copy.h"
#include "ops/reshape.h"
#include "ops/segment_util.h"
#include "ops/shape.h"
#include "ops/strided_slice.h"
#include "ops/tile.h"

namespace sluice::ops {
namespace {

constexpr char kNoQuantized[] = "sums of quantized numbers need their ranges";

enum class Reduction { kSum, kMean, kProd, kMax, kMin };

// The largest finite number.
template <typename T>
T Largest() {
  if constexpr (std::is_same_v<T, Half>) {
    return T(65504.0f);
  } else if constexpr (std::is_same_v<T, BFloat16>) {
    return T(0x1.fep127f);
  } else {
    return std::numeric_limits<T>::max();
  }
}

template <typename T>
T Lowest() {
  if constexpr (kIsHalf<T>) {
    return T(-static_cast<float>(Largest<T>()));
  } else {
    return std::numeric_limits<T>::lowest();
  }
}

// What a segment without rows gives.
template <typename T, Reduction r>
T EmptySegment(bool sorted) {
  if constexpr (r == Reduction::kProd) {
    if constexpr (kIsHalf<T>)
      return T(1.0f);
    else
      return T(1);
  } else if constexpr (r == Reduction::kMax) {
    return sorted ? T{} : Lowest<T>();
  } else if constexpr (r == Reduction::kMin) {
    return sorted ? T{} : Largest<T>();
  } else {
    return T{};
  }
}

template <typename T>
bool IsBefore(const T& a, const T& b) {
  if constexpr (kIsHalf<T>) {
    return static_cast<float>(a) < static_cast<float>(b);
  } else {
    return a < b;
  }
}

template <typename T, Reduction r>
T Combine(const T& a, const T& b) {
  if constexpr (r == Reduction::kProd) {
    return Times(a, b);
  } else if constexpr (r == Reduction::kMax) {
    return IsBefore(a, b) ? b : a;
  } else if constexpr (r == Reduction::kMin) {
    return IsBefore(b, a) ? b : a;
  } else {
    return Plus(a, b);
  }
}

struct SegmentLayout {
  int64_t rows = 1, inner = 1, segments = 0;
};

// Reduces columns [begin, end) of the rows.
template <typename T, Reduction r>
void ReduceUnsorted(const SegmentLayout& s, const T* data, const IndexView& ids, int64_t begin,
                    int64_t end, T* to) {
  for (int64_t row = 0; row < s.rows; ++row) {
    if (ids[row] < 0) continue;
    const T* from = data + row * s.inner;
    T* sum = to + ids[row] * s.inner;
    for (int64_t i = begin; i < end; ++i) sum[i] = Combine<T, r>(sum[i], from[i]);
  }
}

template <typename T, Reduction r>
void ReduceSorted(const SegmentLayout& s, const T* data, const IndexView& ids, int64_t begin,
                  int64_t end, T* to) {
  for (int64_t row = 0; row < s.rows;) {
    T* sum = to + ids[row] * s.inner;
    const int64_t first = row;
    std::copy(data + row * s.inner + begin, data + row * s.inner + end, sum + begin);
    for (++row; row < s.rows && ids[row] == ids[first]; ++row) {
      const T* from = data + row * s.inner;
      for (int64_t i = begin; i < end; ++i) sum[i] = Combine<T, r>(sum[i], from[i]);
    }
    if constexpr (r == Reduction::kMean) {
      for (int64_t i = begin; i < end; ++i) sum[i] = DividedBy(sum[i], row - first);
    }
  }
}

// The shape of data without the dimensions of ids, `segments` in front.
absl::StatusOr<TensorShape> SegmentedShape(const TensorShape& data, const TensorShape& ids,
                                           int64_t segments) {
  if (!data.rank_known() || !ids.rank_known()) return TensorShape::Unknown();
  bool prefix = ids.rank() <= data.rank();
  for (int i = 0; prefix && i < ids.rank(); ++i) {
    prefix = ids.dim(i) < 0 || data.dim(i) < 0 || ids.dim(i) == data.dim(i);
  }
  if (!prefix) {
    return absl::InvalidArgumentError(
        absl::StrCat("data.shape = ", data.ToString(),
                     " does not start with segment_ids.shape = ", ids.ToString()));
  }
  TensorShape output = {segments};
  for (int i = ids.rank(); i < data.rank(); ++i) output.AddDim(data.dim(i));
  SLUICE_RETURN_IF_ERROR(output.Check());
  return output;
}

absl::Status UnsortedSegmentShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(c.WithRank(2, 0).status());
  int64_t segments = -1;
  if (const Tensor* value = c.value(2)) {
    SLUICE_ASSIGN_OR_RETURN(segments, ReadInt(*value, "num_segments"));
    if (segments < 0) {
      return absl::InvalidArgumentError(absl::StrCat("num_segments must be >= 0, got ", segments));
    }
  }
  SLUICE_ASSIGN_OR_RETURN(TensorShape output, SegmentedShape(c.input(0), c.input(1), segments));
  c.set_output(0, std::move(output));
  return absl::OkStatus();
}

absl::Status SegmentShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(c.WithRankAtLeast(0, 1).status());
  SLUICE_ASSIGN_OR_RETURN(const TensorShape ids, c.WithRank(1, 1));
  int64_t segments = -1;
  if (const Tensor* value = c.value(1)) {
    SLUICE_ASSIGN_OR_RETURN(segments, CountSortedSegments(*value));
  }
  SLUICE_ASSIGN_OR_RETURN(TensorShape output, SegmentedShape(c.input(0), ids, segments));
  c.set_output(0, std::move(output));
  return absl::OkStatus();
}

// OK when every id is below `segments`.
absl::Status CheckUnsorted(const IndexView& ids, int64_t segments) {
  for (int64_t i = 0; i < ids.size(); ++i) {
    if (ids[i] >= segments) {
      return absl::InvalidArgumentError(
          absl::StrCat("segment_ids[", i, "] = ", ids[i], " is out of range [0, ", segments, ")"));
    }
  }
  return absl::OkStatus();
}

template <typename T, Reduction r, bool sorted>
absl::Status RunSegment(KernelContext& c, bool planned) {
  const IndexView ids(c.input(1));
  SegmentLayout s{.rows = ids.size()};
  if constexpr (sorted) {
    SLUICE_ASSIGN_OR_RETURN(s.segments, CountSortedSegments(c.input(1)));
  } else {
    SLUICE_ASSIGN_OR_RETURN(s.segments, ReadInt(c.input(2), "num_segments"));
    SLUICE_RETURN_IF_ERROR(CheckUnsorted(ids, s.segments));
  }
  SLUICE_ASSIGN_OR_RETURN(const TensorShape wanted,
                          SegmentedShape(c.input(0).shape(), c.input(1).shape(), s.segments));
  SLUICE_ASSIGN_OR_RETURN(Tensor * output, ProvideOutput(c, 0, planned, wanted));
  for (int i = 1; i < wanted.rank(); ++i) s.inner *= wanted.dim(i);
  const T empty = EmptySegment<T, r>(sorted);
  FillElements(output->dtype(), &empty, output->mutable_raw(), output->num_elements());
  const T* data = c.input(0).data<T>();
  T* to = output->mutable_data<T>();
  const double column_cost = static_cast<double>(s.rows) + 1;
  ParallelFor(s.inner, std::max<int64_t>(16, GrainFor(column_cost)),
              [&](int64_t begin, int64_t end) {
                if constexpr (sorted) {
                  ReduceSorted<T, r>(s, data, ids, begin, end, to);
                } else {
                  ReduceUnsorted<T, r>(s, data, ids, begin, end, to);
                }
              });
  return absl::OkStatus();
}

template <Reduction r, bool sorted>
absl::StatusOr<KernelRun> SegmentPrepare(PrepareContext& p) {
  KernelRun run;
  const auto pick = [&](auto tag) {
    using T = typename decltype(tag)::type;
    // Of many ids nobody knows the last one before the run.
    const bool planned = p.output_shape(0).fully_defined();
    run = [planned](KernelContext& c) { return RunSegment<T, r, sorted>(c, planned); };
    return absl::OkStatus();
  };
  const DType dtype = p.input_dtype(0);
  absl::Status status = Dispatch<float, double, Half, BFloat16, int8_t, int16_t, int32_t, int64_t,
                                 uint8_t, uint16_t, uint32_t, uint64_t>(dtype, pick);
  if constexpr (r == Reduction::kSum || r == Reduction::kMean || r == Reduction::kProd) {
    if (IsComplex(dtype)) status = Dispatch<std::complex<float>, std::complex<double>>(dtype, pick);
  }
  SLUICE_RETURN_IF_ERROR(status);
  return run;
}

// `mask`, of a shape that is a prefix of x's, repeated to x's shape.
Output Spread(At at, Output mask, Output x) {
  const int missing = x.shape().rank_known() && mask.shape().rank_known()
                          ? x.shape().rank() - mask.shape().rank()
                          : -1;
  if (missing < 0) {  // shape(mask) + [1, 1, ...]
    const Output shape = Shape(at, x);
    const Output tail = StridedSlice(at, shape, at.Named("stack").Node("Pack", {Rank(at, mask)}),
                                     {0}, {1}, {.end_mask = 1});
    const Output ones = at.Node("OnesLike", {tail});
    mask = Reshape(at, mask, at.Node("ConcatV2", {Shape(at, mask), ones, Const(at, 0)}));
  }
  for (int i = 0; i < missing; ++i) mask = ExpandDims(at, mask, -1);
  return BroadcastTo(at, mask, ShapeTensor(at, x));
}

// params[ids], zero where an id is negative. `kept`: where it is not, in the result's shape.
Output GatherDropNegatives(At at, Output params, Output ids, Output* kept = nullptr) {
  const Output clipped = at.Node("Maximum", {ids, at.Node("ZerosLike", {ids})});
  const Output gathered = Gather(at, params, clipped);
  const Output positive =
      at.Node("GreaterEqual", {ids, ConstOf(at, ids.empty() ? DType::kInt32 : ids.dtype(), 0)});
  const Output mask = Spread(at, positive, gathered);
  if (kept != nullptr) *kept = mask;
  return at.Node("Select", {mask, gathered, at.Node("ZerosLike", {gathered})});
}

// The gradient function's results: something for data, nothing for the other inputs.
Outputs OnlyData(const Node& op, Output dx) {
  Outputs result(op.num_inputs());
  result[0] = std::move(dx);
  return result;
}

Outputs SumGradient(At at, const Node& op, const Outputs& dy) {
  return OnlyData(op, GatherDropNegatives(at, dy[0], op.input(1)));
}

Outputs SortedSumGradient(At at, const Node& op, const Outputs& dy) {
  return OnlyData(op, Gather(at, dy[0], op.input(1)));
}

Outputs MeanGradient(At at, const Node& op, const Outputs& dy) {
  const Output ones = at.Node("OnesLike", {op.input(0)});
  const Output counts = SegmentSum(at, ones, op.input(1));
  const Output one = ConstOf(at, dy[0].empty() ? DType::kFloat : dy[0].dtype(), 1);
  const Output share = at.Node("RealDiv", {dy[0], at.Node("Maximum", {counts, one})});
  return OnlyData(op, Gather(at, share, op.input(1)));
}

// The number of segments: the last input, or the size of the result.
Output NumSegments(At at, const Node& op) {
  if (op.num_inputs() == 3) return op.input(2);
  const Output shape = ShapeTensor(at, op.output(0));
  return StridedSlice(at, shape, {0}, {1}, {1}, {.shrink_axis_mask = 1});
}

// Maximum and minimum: dy is shared by the rows that equal their segment's result.
Outputs ExtremeGradient(At at, const Node& op, const Outputs& dy) {
  const Output data = op.input(0), ids = op.input(1);
  Output kept;
  const Output extremes = GatherDropNegatives(at, op.output(0), ids, &kept);
  const Output selected = at.Node("LogicalAnd", {at.Node("Equal", {data, extremes}), kept});
  const Output chosen = at.Node("Cast", {selected}, {{"DstT", data.dtype()}});
  const Output counts = UnsortedSegmentSum(at, chosen, ids, NumSegments(at, op));
  const Output one = ConstOf(at, data.dtype(), 1);
  const Output share = at.Node("RealDiv", {dy[0], at.Node("Maximum", {counts, one})});
  const Output gathered = GatherDropNegatives(at, share, ids);
  return OnlyData(op, at.Node("Select", {selected, gathered, at.Node("ZerosLike", {gathered})}));
}

// dy times the product of the segment's other rows: product / x, or where x is the segment's only
// zero the product of the rest.
Outputs ProdGradient(At at, const Node& op, const Outputs& dy) {
  const Output data = op.input(0), ids = op.input(1);
  const Output segments = NumSegments(at, op);
  const Output zeros = at.Node("ZerosLike", {data}), ones = at.Node("OnesLike", {data});
  const Output is_zero = at.Node("Equal", {data, zeros});
  const Output zero_count =
      UnsortedSegmentSum(at, at.Node("Cast", {is_zero}, {{"DstT", data.dtype()}}), ids, segments);
  const Output several = at.Node("Greater", {zero_count, ConstOf(at, data.dtype(), 1)});
  const Output incoming = at.Node("Select", {several, at.Node("ZerosLike", {dy[0]}), dy[0]});
  const Output without_zeros = at.Node("Select", {is_zero, ones, data});
  const Output rest =
      GatherDropNegatives(at, UnsortedSegmentProd(at, without_zeros, ids, segments), ids);
  const Output whole = GatherDropNegatives(at, op.output(0), ids);
  const Output others =
      at.Node("Select", {is_zero, rest, at.Node("RealDiv", {whole, without_zeros})});
  return OnlyData(op, at.Node("Mul", {GatherDropNegatives(at, incoming, ids), others}));
}

OpSpec UnsortedSpec(absl::string_view name, absl::string_view types) {
  return OpSpec(name)
      .Input("data: T")
      .Input("segment_ids: Tindices")
      .Input("num_segments: Tnumsegments")
      .Output("output: T")
      .Attr(types)
      .Attr("Tindices: {int32, int64}")
      .Attr("Tnumsegments: {int32, int64} = DT_INT32")
      .Shape(UnsortedSegmentShape)
      .Flops(FlopsPerElement(1, 0));
}

OpSpec SortedSpec(absl::string_view name, absl::string_view types) {
  return OpSpec(name)
      .Input("data: T")
      .Input("segment_ids: Tindices")
      .Output("output: T")
      .Attr(types)
      .Attr("Tindices: {int32, int64}")
      .Shape(SegmentShape)
      .Flops(FlopsPerElement(1, 0));
}

Output UnsortedNode(At at, absl::string_view op, Output data, Output ids, const Ints& segments) {
  const At in = at.Composite(op);
  return in.AsScope().Node(op, {data, ids, segments.Tensor(in, "num_segments")});
}

}  // namespace

OpSpec UnsortedSegmentSumOp() {
  return UnsortedSpec("UnsortedSegmentSum", "T: numbertype")
      .Prepare(SegmentPrepare<Reduction::kSum, false>)
      .NoKernelFor("T", QuantizedNumbers(), kNoQuantized)
      .Gradient(SumGradient);
}
OpSpec UnsortedSegmentProdOp() {
  return UnsortedSpec("UnsortedSegmentProd", "T: numbertype")
      .Prepare(SegmentPrepare<Reduction::kProd, false>)
      .NoKernelFor("T", QuantizedNumbers(), kNoQuantized)
      .Gradient(ProdGradient);
}
OpSpec UnsortedSegmentMaxOp() {
  return UnsortedSpec("UnsortedSegmentMax", "T: realnumbertype")
      .Prepare(SegmentPrepare<Reduction::kMax, false>)
      .Gradient(ExtremeGradient);
}
OpSpec UnsortedSegmentMinOp() {
  return UnsortedSpec("UnsortedSegmentMin", "T: realnumbertype")
      .Prepare(SegmentPrepare<Reduction::kMin, false>)
      .Gradient(ExtremeGradient);
}
OpSpec SegmentSumOp() {
  return SortedSpec("SegmentSum", "T: numbertype")
      .Prepare(SegmentPrepare<Reduction::kSum, true>)
      .NoKernelFor("T", QuantizedNumbers(), kNoQuantized)
      .Gradient(SortedSumGradient);
}
OpSpec SegmentMeanOp() {
  return SortedSpec("SegmentMean", "T: numbertype")
      .Prepare(SegmentPrepare<Reduction::kMean, true>)
      .NoKernelFor("T", QuantizedNumbers(), kNoQuantized)
      .Gradient(MeanGradient);
}
OpSpec SegmentProdOp() {
  return SortedSpec("SegmentProd", "T: numbertype")
      .Prepare(SegmentPrepare<Reduction::kProd, true>)
      .NoKernelFor("T", QuantizedNumbers(), kNoQuantized)
      .Gradient(ProdGradient);
}
OpSpec SegmentMaxOp() {
  return SortedSpec("SegmentMax", "T: realnumbertype")
      .Prepare(SegmentPrepare<Reduction::kMax, true>)
      .Gradient(ExtremeGradient);
}
OpSpec SegmentMinOp() {
  return SortedSpec("SegmentMin", "T: realnumbertype")
      .Prepare(SegmentPrepare<Reduction::kMin, true>)
      .Gradient(ExtremeGradient);
}

Output UnsortedSegmentSum(At at, Output data, Output segment_ids, Ints num_segments) {
  return UnsortedNode(at, "UnsortedSegmentSum", data, segment_ids, num_segments);
}
Output UnsortedSegmentProd(At at, Output data, Output segment_ids, Ints num_segments) {
  return UnsortedNode(at, "UnsortedSegmentProd", data, segment_ids, num_segments);
}
Output UnsortedSegmentMax(At at, Output data, Output segment_ids, Ints num_segments) {
  return UnsortedNode(at, "UnsortedSegmentMax", data, segment_ids, num_segments);
}
Output UnsortedSegmentMin(At at, Output data, Output segment_ids, Ints num_segments) {
  return UnsortedNode(at, "UnsortedSegmentMin", data, segment_ids, num_segments);
}
Output SegmentSum(At at, Output data, Output segment_ids) {
  return at.Node("SegmentSum", {data, segment_ids});
}
Output SegmentMean(At at, Output data, Output segment_ids) {
  return at.Node("SegmentMean", {data, segment_ids});
}
Output SegmentProd(At at, Output data, Output segment_ids) {
  return at.Node("SegmentProd", {data, segment_ids});
}
Output SegmentMax(At at, Output data, Output segment_ids) {
  return at.Node("SegmentMax", {data, segment_ids});
}
Output SegmentMin(At at, Output data, Output segment_ids) {
  return at.Node("SegmentMin", {data, segment_ids});
}

}  // namespace sluice::ops
