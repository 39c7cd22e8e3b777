#include "ops/sparse_reduce.h"

#include <algorithm>
#include <complex>

#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/cast.h"
#include "ops/concat.h"
#include "ops/dynamic_stitch.h"
#include "ops/gather.h"
#include "ops/kernels/accumulate.h"
#include "ops/range.h"
#include "ops/reshape.h"
#include "ops/shape.h"
#include "ops/sparse_util.h"

namespace sluice::ops {
namespace {

enum class Reduction { kSum, kMax };

// The axes that `axes` names of `rank`.
absl::StatusOr<std::vector<bool>> ReducedAxes(const Tensor& axes, int rank) {
  SLUICE_ASSIGN_OR_RETURN(const Dims list, ReadInts(axes, "reduction_axes"));
  std::vector<bool> reduced(rank, false);
  for (const int64_t axis : list) {
    if (axis < -rank || axis >= rank) {
      return absl::InvalidArgumentError(absl::StrCat("Invalid reduction dimension ", axis,
                                                     ", for input with ", rank, " dimensions."));
    }
    reduced[axis < 0 ? axis + rank : axis] = true;
  }
  return reduced;
}

TensorShape ReducedShape(absl::Span<const int64_t> shape, const std::vector<bool>& reduced,
                         bool keep_dims) {
  TensorShape result;
  for (size_t d = 0; d < shape.size(); ++d) {
    if (!reduced[d]) result.AddDim(shape[d]);
    if (reduced[d] && keep_dims) result.AddDim(1);
  }
  return result;
}

// --- shapes --------------------------------------------------------------------------------------

absl::Status DenseShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(c.WithRank(2, 1).status());
  if (c.value(2) == nullptr || c.value(3) == nullptr) return absl::OkStatus();
  const TensorShape shape(c.value(2)->flat<int64_t>());  // may be larger than a dense one
  SLUICE_ASSIGN_OR_RETURN(const auto reduced, ReducedAxes(*c.value(3), shape.rank()));
  TensorShape result = ReducedShape(shape.dims(), reduced, c.attr<bool>("keep_dims"));
  SLUICE_RETURN_IF_ERROR(result.Check());
  c.set_output(0, std::move(result));
  return absl::OkStatus();
}

absl::Status SparseShape(ShapeContext& c) {
  c.set_output(0, TensorShape::OfRank(2));
  c.set_output(1, TensorShape::OfRank(1));
  c.set_output(2, TensorShape::OfRank(1));
  return absl::OkStatus();
}

// --- kernels -------------------------------------------------------------------------------------

// Reduces each run of values of the same `group`.
template <typename T, Reduction r>
T Combine(const T& a, const T& b) {
  if constexpr (r == Reduction::kSum) {
    return Plus(a, b);
  } else if constexpr (kIsHalf<T>) {
    return static_cast<float>(a) < static_cast<float>(b) ? b : a;
  } else {
    return std::max(a, b);
  }
}

struct Input {
  SparseView sparse;
  std::vector<bool> reduced;
  TensorShape shape;  // of the result
};

absl::StatusOr<Input> ReadInput(const KernelContext& c) {
  Input in;
  SLUICE_ASSIGN_OR_RETURN(in.sparse, ReadSparse(c, 0, 1, 2));
  SLUICE_ASSIGN_OR_RETURN(in.reduced, ReducedAxes(c.input(3), in.sparse.rank));
  SLUICE_RETURN_IF_ERROR(CheckBounds(in.sparse));
  in.shape = ReducedShape(in.sparse.shape, in.reduced, c.attr<bool>("keep_dims"));
  return in;
}

template <typename T, Reduction r>
absl::Status ReduceToDense(KernelContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const Input in, ReadInput(c));
  SLUICE_RETURN_IF_ERROR(in.shape.Check());
  Dims kept;
  for (int d = 0; d < in.sparse.rank; ++d) {
    if (!in.reduced[d]) kept.push_back(in.sparse.shape[d]);
  }
  const Dims strides = RowMajorStrides(kept);
  SLUICE_ASSIGN_OR_RETURN(Tensor * output, c.Allocate(0, in.shape));
  T* to = output->mutable_data<T>();
  ZeroElements(output->dtype(), to, output->num_elements());
  std::vector<bool> seen(output->num_elements(), false);
  const T* values = in.sparse.values->data<T>();
  for (int64_t i = 0; i < in.sparse.count; ++i) {
    int64_t position = 0;
    for (int d = 0, k = 0; d < in.sparse.rank; ++d) {
      if (!in.reduced[d]) position += in.sparse.row(i)[d] * strides[k++];
    }
    to[position] = seen[position] ? Combine<T, r>(to[position], values[i]) : values[i];
    seen[position] = true;
  }
  return absl::OkStatus();
}

template <typename T, Reduction r>
absl::Status ReduceToSparse(KernelContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const Input in, ReadInput(c));
  const bool keep_dims = c.attr<bool>("keep_dims");
  const int columns = in.shape.rank();
  // Coordinates of the results, then their order.
  std::vector<int64_t> groups(in.sparse.count * columns, 0);
  for (int64_t i = 0; i < in.sparse.count; ++i) {
    for (int d = 0, k = 0; d < in.sparse.rank; ++d) {
      if (!in.reduced[d]) groups[i * columns + k] = in.sparse.row(i)[d];
      k += !in.reduced[d] || keep_dims;
    }
  }
  SparseView grouped = in.sparse;
  grouped.indices = groups.data();
  grouped.rank = columns;
  const std::vector<int64_t> order = SortedOrder(grouped);
  const auto begins_group = [&](int64_t k) {
    return k == 0 || CompareRows(grouped.row(order[k - 1]), grouped.row(order[k]), columns) != 0;
  };
  int64_t count = 0;
  for (int64_t k = 0; k < in.sparse.count; ++k) count += begins_group(k);
  SLUICE_ASSIGN_OR_RETURN(Tensor * indices, c.Allocate(0, {count, columns}));
  SLUICE_ASSIGN_OR_RETURN(Tensor * values, c.Allocate(1, {count}));
  SLUICE_ASSIGN_OR_RETURN(Tensor * shape, c.Allocate(2, {columns}));
  std::copy(in.shape.dims().begin(), in.shape.dims().end(), shape->mutable_data<int64_t>());
  const T* from = in.sparse.values->data<T>();
  int64_t group = -1;
  for (int64_t k = 0; k < in.sparse.count; ++k) {
    T* to = values->mutable_data<T>();
    if (begins_group(k)) {
      to[++group] = from[order[k]];
      std::copy_n(grouped.row(order[k]), columns,
                  indices->mutable_data<int64_t>() + group * columns);
    } else {
      to[group] = Combine<T, r>(to[group], from[order[k]]);
    }
  }
  return absl::OkStatus();
}

template <Reduction r, bool to_sparse>
absl::StatusOr<KernelRun> ReducePrepare(PrepareContext& p) {
  KernelRun run;
  const auto pick = [&](auto tag) {
    using T = typename decltype(tag)::type;
    run = to_sparse ? &ReduceToSparse<T, r> : &ReduceToDense<T, r>;
    return absl::OkStatus();
  };
  const DType dtype = p.input_dtype(1);
  if constexpr (r == Reduction::kSum) {
    SLUICE_RETURN_IF_ERROR(
        (Dispatch<float, double, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, Half,
                  BFloat16, std::complex<float>, std::complex<double>>(dtype, pick)));
  } else {
    SLUICE_RETURN_IF_ERROR((Dispatch<float, double, int8_t, int16_t, int32_t, int64_t, uint8_t,
                                     uint16_t, Half, BFloat16>(dtype, pick)));
  }
  return run;
}

// --- gradient ------------------------------------------------------------------------------------

// `shape` (int64) with 1 for each reduced axis, as int64 (math_ops.reduced_shape).
Output KeptShape(At at, const Output& shape, const Output& axes) {
  const Output rank = Size(at, shape);
  const Output flat = Reshape(at, axes, {-1});
  const Output positive = at.Node("FloorMod", {flat + rank, rank});
  const Output all = Range(at, Const(at, 0), rank, Const(at, 1));
  const Output ones = at.Node("OnesLike", {Cast(at, positive, DType::kInt64)});
  return DynamicStitch(at, {all, positive}, {shape, ones});
}

Outputs SumGradient(At at, const Node& op, const Outputs& dy) {
  const Output indices = op.input(0), shape = op.input(2);
  const Output kept = KeptShape(at, shape, op.input(3));
  const Output reshaped = Reshape(at, dy[0], kept);
  const Output one = Const(at, int64_t{1});
  const Output scale =
      at.Node("Maximum", {at.Node("FloorDiv", {shape, at.Node("Maximum", {kept, one})}), one});
  const Output rows = at.Node("FloorDiv", {indices, scale});
  return {Output(), GatherNd(at, reshaped, rows), Output(), Output()};
}

OpSpec ReduceSpec(absl::string_view name, absl::string_view types) {
  OpSpec spec(name);
  spec.Input("input_indices: int64")
      .Input("input_values: T")
      .Input("input_shape: int64")
      .Input("reduction_axes: int32")
      .Attr("keep_dims: bool = false")
      .Attr(types)
      .NoKernelFor("T", {DType::kUint32, DType::kUint64}, "TensorFlow has none either");
  return spec;
}

OpSpec ToSparse(OpSpec spec, KernelPrepare prepare) {
  return spec.Output("output_indices: int64")
      .Output("output_values: T")
      .Output("output_shape: int64")
      .Shape(SparseShape)
      .Prepare(std::move(prepare))
      .NotDifferentiable("TensorFlow defines no gradient for sparse results");
}

constexpr char kReal[] = "T: realnumbertype";
constexpr char kNumbers[] = "T: numbertype";
const std::vector<DType>& Quantized() {
  static const auto& types = *new std::vector<DType>{DType::kQint8, DType::kQuint8, DType::kQint32};
  return types;
}
constexpr char kNoSums[] = "quantized numbers have no sum";

Outputs ReduceNode(At at, absl::string_view op, const Outputs& sparse, const Ints& axes,
                   const SparseReduceOptions& options) {
  const At in = at.Composite(op);
  Outputs inputs = sparse;
  inputs.push_back(axes.Tensor(in, "reduction_axes"));
  return in.AsScope().Nodes(op, inputs, {{"keep_dims", options.keep_dims}});
}

}  // namespace

OpSpec SparseReduceSumOp() {
  return ReduceSpec("SparseReduceSum", kNumbers)
      .Output("output: T")
      .Shape(DenseShape)
      .Prepare(ReducePrepare<Reduction::kSum, false>)
      .NoKernelFor("T", Quantized(), kNoSums)
      .Gradient(SumGradient);
}
OpSpec SparseReduceMaxOp() {
  return ReduceSpec("SparseReduceMax", kReal)
      .Output("output: T")
      .Shape(DenseShape)
      .Prepare(ReducePrepare<Reduction::kMax, false>)
      .NotDifferentiable("TensorFlow defines no gradient for it");
}
OpSpec SparseReduceSumSparseOp() {
  return ToSparse(
      ReduceSpec("SparseReduceSumSparse", kNumbers).NoKernelFor("T", Quantized(), kNoSums),
      ReducePrepare<Reduction::kSum, true>);
}
OpSpec SparseReduceMaxSparseOp() {
  return ToSparse(ReduceSpec("SparseReduceMaxSparse", kReal), ReducePrepare<Reduction::kMax, true>);
}

Output SparseReduceSum(At at, Output input_indices, Output input_values, Output input_shape,
                       Ints reduction_axes, const SparseReduceOptions& options) {
  return ReduceNode(at, "SparseReduceSum", {input_indices, input_values, input_shape},
                    reduction_axes, options)[0];
}
Output SparseReduceMax(At at, Output input_indices, Output input_values, Output input_shape,
                       Ints reduction_axes, const SparseReduceOptions& options) {
  return ReduceNode(at, "SparseReduceMax", {input_indices, input_values, input_shape},
                    reduction_axes, options)[0];
}
Outputs SparseReduceSumSparse(At at, Output input_indices, Output input_values, Output input_shape,
                              Ints reduction_axes, const SparseReduceOptions& options) {
  return ReduceNode(at, "SparseReduceSumSparse", {input_indices, input_values, input_shape},
                    reduction_axes, options);
}
Outputs SparseReduceMaxSparse(At at, Output input_indices, Output input_values, Output input_shape,
                              Ints reduction_axes, const SparseReduceOptions& options) {
  return ReduceNode(at, "SparseReduceMaxSparse", {input_indices, input_values, input_shape},
                    reduction_axes, options);
}

}  // namespace sluice::ops
