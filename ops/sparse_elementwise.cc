#include "ops/sparse_elementwise.h"

#include <algorithm>
#include <cmath>
#include <complex>

#include "absl/strings/str_join.h"
#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/cast.h"
#include "ops/concat.h"
#include "ops/fill.h"
#include "ops/gather.h"
#include "ops/kernels/accumulate.h"
#include "ops/reshape.h"
#include "ops/shape.h"
#include "ops/slice.h"
#include "ops/sparse_reduce.h"
#include "ops/sparse_util.h"

namespace sluice::ops {
namespace {

// --- shapes --------------------------------------------------------------------------------------

absl::Status AddShape(ShapeContext& c) {
  c.set_output(0, c.input(3));
  return absl::OkStatus();
}

absl::Status CwiseShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape indices, c.WithRank(0, 2));
  c.set_output(0, {indices.dim(0)});
  return absl::OkStatus();
}

absl::Status SoftmaxShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(CheckSparseRanks(c, 0, 1, 2));
  c.set_output(0, {c.input(1).dim(0)});
  return absl::OkStatus();
}

// --- SparseTensorDenseAdd ------------------------------------------------------------------------

template <typename Index>
absl::Status CheckAddInputs(const KernelContext& c) {
  const Tensor &indices = c.input(0), &values = c.input(1), &shape = c.input(2), &b = c.input(3);
  if (indices.shape().rank() != 2) {
    return absl::InvalidArgumentError(absl::StrCat(
        "Input a_indices should be a matrix but received shape: ", indices.shape().ToString()));
  }
  if (values.shape().rank() != 1 || shape.shape().rank() != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("Inputs a_values and a_shape should be vectors but received shapes: ",
                     values.shape().ToString(), " and ", shape.shape().ToString()));
  }
  if (values.num_elements() != indices.dim(0) || shape.num_elements() != indices.dim(1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("a_indices ", indices.shape().ToString(), " do not fit a_values ",
                     values.shape().ToString(), " and a_shape ", shape.shape().ToString()));
  }
  if (shape.num_elements() != b.shape().rank()) {
    return absl::InvalidArgumentError(
        absl::StrCat("Two operands have different ranks; received: ", shape.num_elements(), " and ",
                     b.shape().rank()));
  }
  for (int d = 0; d < b.shape().rank(); ++d) {
    const int64_t size = shape.flat<Index>()[d];
    if (size == b.dim(d)) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "Dimension ", d, " does not equal (no broadcasting is supported): sparse side ", size,
        " vs dense side ", b.dim(d)));
  }
  return absl::OkStatus();
}

template <typename T, typename Index>
absl::Status AddSparse(KernelContext& c) {
  SLUICE_RETURN_IF_ERROR(CheckAddInputs<Index>(c));
  const Tensor& b = c.input(3);
  const int rank = b.shape().rank();
  const Dims strides = RowMajorStrides(b.shape().dims());
  CopyElements(b.dtype(), b.raw(), c.output(0).mutable_raw(), b.num_elements());
  T* to = c.output(0).mutable_data<T>();
  const Index* index = c.input(0).data<Index>();
  const absl::Span<const T> values = c.input(1).flat<T>();
  for (size_t i = 0; i < values.size(); ++i, index += rank) {
    int64_t position = 0;
    for (int d = 0; d < rank; ++d) {
      if (index[d] < 0 || index[d] >= b.dim(d)) {
        return absl::InvalidArgumentError(
            absl::StrCat(RowText(static_cast<int64_t>(i), Dims(index, index + rank)),
                         " is out of bounds: need 0 <= index < ", b.shape().ToString()));
      }
      position += index[d] * strides[d];
    }
    to[position] = Plus(to[position], values[i]);
  }
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> AddPrepare(PrepareContext& p) {
  KernelRun run;
  SLUICE_RETURN_IF_ERROR(
      (Dispatch<float, double, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, Half, BFloat16,
                std::complex<float>, std::complex<double>>(p.output_dtype(0), [&](auto tag) {
        using T = typename decltype(tag)::type;
        run = p.input_dtype(0) == DType::kInt32 ? &AddSparse<T, int32_t> : &AddSparse<T, int64_t>;
        return absl::OkStatus();
      })));
  return run;
}

Outputs AddGradient(At at, const Node& op, const Outputs& dy) {
  return {Output(), GatherNd(at, dy[0], op.input(0)), Output(), dy[0]};
}

// --- SparseDenseCwise* ---------------------------------------------------------------------------

enum class Cwise { kMul, kDiv, kAdd };

template <typename T>
absl::StatusOr<T> Apply(Cwise how, const T& a, const T& b) {
  if (how == Cwise::kAdd) return Plus(a, b);
  if (how == Cwise::kMul) return Times(a, b);
  if constexpr (std::is_integral_v<T>) {
    if (b == T(0)) return absl::InvalidArgumentError("Integer division by zero");
    if constexpr (std::is_signed_v<T>) {
      if (b == T(-1)) return static_cast<T>(-static_cast<uint64_t>(a));  // wraps around
    }
    return static_cast<T>(a / b);
  } else if constexpr (kIsHalf<T>) {
    return T(static_cast<float>(a) / static_cast<float>(b));
  } else {
    return a / b;
  }
}

// Strides by which the coordinates of the sparse side reach the dense one: 0 where it is broadcast.
absl::StatusOr<Dims> BroadcastStrides(const SparseView& sparse, const TensorShape& dense) {
  const int rank = dense.rank();
  bool fits = rank <= sparse.rank;
  for (int d = 1; fits && d <= rank; ++d) {
    const int64_t size = dense.dim(-d), wanted = sparse.shape[sparse.rank - d];
    fits = size == wanted || (size == 1 && wanted > 1);
  }
  if (!fits) {
    return absl::InvalidArgumentError(absl::StrCat(
        "SparseDenseBinaryOpShared broadcasts dense to sparse only; got incompatible shapes: [",
        absl::StrJoin(sparse.shape, ","), "] vs. [", absl::StrJoin(dense.dims(), ","), "]"));
  }
  Dims strides(sparse.rank, 0);
  const Dims dense_strides = RowMajorStrides(dense.dims());
  for (int d = 1; d <= rank; ++d) {
    if (dense.dim(-d) != 1) strides[sparse.rank - d] = dense_strides[rank - d];
  }
  return strides;
}

template <typename T>
absl::Status CwiseRun(KernelContext& c, Cwise how) {
  SLUICE_ASSIGN_OR_RETURN(const SparseView sparse, ReadSparse(c, 0, 1, 2));
  if (sparse.rank < 1) {
    return absl::InvalidArgumentError("the sparse tensor must have rank 1 at least, got 0");
  }
  SLUICE_ASSIGN_OR_RETURN(const Dims strides, BroadcastStrides(sparse, c.input(3).shape()));
  if (!CheckBounds(sparse).ok()) {
    return absl::InvalidArgumentError(
        "Provided indices are out-of-bounds w.r.t. dense side with broadcasted shape");
  }
  const T* values = sparse.values->data<T>();
  const T* dense = c.input(3).data<T>();
  T* to = c.output(0).mutable_data<T>();
  for (int64_t i = 0; i < sparse.count; ++i) {
    int64_t position = 0;
    for (int d = 0; d < sparse.rank; ++d) position += sparse.row(i)[d] * strides[d];
    SLUICE_ASSIGN_OR_RETURN(to[i], Apply(how, values[i], dense[position]));
  }
  return absl::OkStatus();
}

template <Cwise how>
absl::StatusOr<KernelRun> CwisePrepare(PrepareContext& p) {
  KernelRun run;
  SLUICE_RETURN_IF_ERROR((
      Dispatch<float, double, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, Half, BFloat16>(
          p.output_dtype(0), [&](auto tag) {
            using T = typename decltype(tag)::type;
            run = [](KernelContext& c) { return CwiseRun<T>(c, how); };
            return absl::OkStatus();
          })));
  return run;
}

Outputs NoCwiseAddGradient(At at, const Node&, const Outputs&) {
  at.Fail("SparseDenseCwiseAdd",
          absl::UnimplementedError(
              "Gradient for SparseDenseCwiseAdd is currently not implemented yet."));
  return {Output(), Output(), Output(), Output()};
}

// The coordinates of each sparse element in the dense side.
Output ScaledIndices(At at, const Node& op, const Output& dense_shape) {
  const Output added =
      ExpandDims(at, Size(at, op.input(2)) - Size(at, dense_shape), 0);  // dims that dense lacks
  const Output ones = Fill(at, added, Const(at, int64_t{1}));
  const Output augmented = ConcatV2(at, {ones, dense_shape}, 0);
  // max: an empty dimension divides nothing, but must not divide by 0.
  const Output one = Const(at, int64_t{1});
  const auto at_least_1 = [&](const Output& x) { return at.Node("Maximum", {x, one}); };
  const Output scaling = at_least_1(at.Node("FloorDiv", {op.input(2), at_least_1(augmented)}));
  const Output scaled = at.Node("FloorDiv", {op.input(0), scaling});
  const Output begin = ConcatV2(at, {Const<int32_t>(at, {0}), added}, 0);
  return Slice(at, scaled, begin, {-1, -1});
}

template <Cwise how>
Outputs CwiseGradient(At at, const Node& op, const Outputs& dy) {
  const Output values = op.input(1), dense = op.input(3);
  const Output dense_shape = Shape(at, dense, {.out_type = DType::kInt64});
  const Output indices = ScaledIndices(at, op, dense_shape);
  const Output picked = GatherNd(at, dense, indices);
  const Output d_values = how == Cwise::kMul ? dy[0] * picked : dy[0] / picked;
  const Output d_picked =
      how == Cwise::kMul ? dy[0] * values : dy[0] * (-values / at.Node("Square", {picked}));
  // Indices repeat where dense was broadcast: they add.
  const Output d_dense =
      SparseTensorDenseAdd(at, indices, d_picked, dense_shape, at.Node("ZerosLike", {dense}));
  return {Output(), d_values, Output(), d_dense};
}

// --- SparseSoftmax -------------------------------------------------------------------------------

template <typename T>
void SoftmaxOf(const T* from, int64_t count, T* to) {
  const T most = *std::max_element(from, from + count);
  T sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += to[i] = std::exp(from[i] - most);
  for (int64_t i = 0; i < count; ++i) to[i] /= sum;
}

template <typename T>
absl::Status SoftmaxRun(KernelContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const SparseView sparse, ReadSparse(c, 0, 1, 2));
  if (sparse.rank < 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("Input should have rank >= 2, but received shape: [",
                     absl::StrJoin(sparse.shape, ","), "]"));
  }
  SLUICE_RETURN_IF_ERROR(CheckBounds(sparse));
  const T* from = sparse.values->data<T>();
  T* to = c.output(0).mutable_data<T>();
  for (int64_t begin = 0, end = 0; begin < sparse.count; begin = end) {
    for (end = begin + 1; end < sparse.count; ++end) {
      if (CompareRows(sparse.row(begin), sparse.row(end), sparse.rank - 1) != 0) break;
    }
    SoftmaxOf(from + begin, end - begin, to + begin);
  }
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> SoftmaxPrepare(PrepareContext& p) {
  return p.output_dtype(0) == DType::kFloat ? KernelRun(SoftmaxRun<float>)
                                            : KernelRun(SoftmaxRun<double>);
}

// y (dy - sum(y dy)), the sum over each row.
Outputs SoftmaxGradient(At at, const Node& op, const Outputs& dy) {
  const Output indices = op.input(0), shape = op.input(2), y = op.output(0);
  const Output sums = SparseReduceSum(at, indices, y * dy[0], shape, {-1}, {.keep_dims = true});
  const Output difference = SparseDenseCwiseAdd(at, indices, dy[0], shape, -sums);
  return {Output(), difference * y, Output()};
}

OpSpec CwiseSpec(absl::string_view name, KernelPrepare prepare, GradientFn gradient) {
  return OpSpec(name)
      .Input("sp_indices: int64")
      .Input("sp_values: T")
      .Input("sp_shape: int64")
      .Input("dense: T")
      .Output("output: T")
      .Attr("T: numbertype")
      .Shape(CwiseShape)
      .Prepare(std::move(prepare))
      .NoKernelFor("T",
                   {DType::kUint32, DType::kUint64, DType::kComplex64, DType::kComplex128,
                    DType::kQint8, DType::kQuint8, DType::kQint32},
                   "TensorFlow has none either")
      .Gradient(std::move(gradient));
}

}  // namespace

OpSpec SparseTensorDenseAddOp() {
  return OpSpec("SparseTensorDenseAdd")
      .Input("a_indices: Tindices")
      .Input("a_values: T")
      .Input("a_shape: Tindices")
      .Input("b: T")
      .Output("output: T")
      .Attr("T: numbertype")
      .Attr("Tindices: {int32, int64}")
      .Shape(AddShape)
      .Prepare(AddPrepare)
      .NoKernelFor("T",
                   {DType::kUint32, DType::kUint64, DType::kQint8, DType::kQuint8, DType::kQint32},
                   "TensorFlow has none either")
      .Gradient(AddGradient);
}

OpSpec SparseDenseCwiseMulOp() {
  return CwiseSpec("SparseDenseCwiseMul", CwisePrepare<Cwise::kMul>, CwiseGradient<Cwise::kMul>);
}
OpSpec SparseDenseCwiseDivOp() {
  return CwiseSpec("SparseDenseCwiseDiv", CwisePrepare<Cwise::kDiv>, CwiseGradient<Cwise::kDiv>);
}
OpSpec SparseDenseCwiseAddOp() {
  return CwiseSpec("SparseDenseCwiseAdd", CwisePrepare<Cwise::kAdd>, NoCwiseAddGradient);
}

OpSpec SparseSoftmaxOp() {
  return OpSpec("SparseSoftmax")
      .Input("sp_indices: int64")
      .Input("sp_values: T")
      .Input("sp_shape: int64")
      .Output("output: T")
      .Attr("T: {float, double}")
      .Shape(SoftmaxShape)
      .Prepare(SoftmaxPrepare)
      .Gradient(SoftmaxGradient);
}

Output SparseTensorDenseAdd(At at, Output a_indices, Output a_values, Output a_shape, Output b) {
  return at.Node("SparseTensorDenseAdd", {a_indices, a_values, a_shape, b});
}
Output SparseDenseCwiseMul(At at, Output sp_indices, Output sp_values, Output sp_shape,
                           Output dense) {
  return at.Node("SparseDenseCwiseMul", {sp_indices, sp_values, sp_shape, dense});
}
Output SparseDenseCwiseDiv(At at, Output sp_indices, Output sp_values, Output sp_shape,
                           Output dense) {
  return at.Node("SparseDenseCwiseDiv", {sp_indices, sp_values, sp_shape, dense});
}
Output SparseDenseCwiseAdd(At at, Output sp_indices, Output sp_values, Output sp_shape,
                           Output dense) {
  return at.Node("SparseDenseCwiseAdd", {sp_indices, sp_values, sp_shape, dense});
}
Output SparseSoftmax(At at, Output sp_indices, Output sp_values, Output sp_shape) {
  return at.Node("SparseSoftmax", {sp_indices, sp_values, sp_shape});
}

}  // namespace sluice::ops
