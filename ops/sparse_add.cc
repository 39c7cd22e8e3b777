#include "ops/sparse_add.h"

#include <algorithm>
#include <complex>
#include <vector>

#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/kernels/accumulate.h"
#include "ops/kernels/strided_copy.h"
#include "ops/sparse_util.h"

namespace sluice::ops {
namespace {

// --- shapes --------------------------------------------------------------------------------------

absl::Status AddShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(CheckSparseRanks(c, 0, 1, 2));
  SLUICE_RETURN_IF_ERROR(CheckSparseRanks(c, 3, 4, 5));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape shape, c.WithRank(2, 1));
  c.set_output(0, {-1, shape.dim(0)});
  c.set_output(1, TensorShape::OfRank(1));
  if (c.num_outputs() == 3) {
    SLUICE_RETURN_IF_ERROR(c.WithRank(6, 0).status());
    c.set_output(2, shape);
  }
  return absl::OkStatus();
}

absl::Status AddGradShape(ShapeContext& c) {
  for (const int i : {1, 2}) {
    SLUICE_ASSIGN_OR_RETURN(const TensorShape indices, c.WithRank(i, 2));
    c.set_output(i - 1, {indices.dim(0)});
  }
  return absl::OkStatus();
}

// --- kernels -------------------------------------------------------------------------------------

struct Operands {
  SparseView a, b;
};

absl::StatusOr<Operands> ReadOperands(const KernelContext& c) {
  Operands in;
  SLUICE_ASSIGN_OR_RETURN(in.a, ReadSparse(c, 0, 1, 2));
  SLUICE_ASSIGN_OR_RETURN(in.b, ReadSparse(c, 3, 4, 5));
  if (in.a.rank != in.b.rank) {
    return absl::InvalidArgumentError(absl::StrCat(
        "Ranks of input tensors must match, but saw ranks: ", in.a.rank, " and ", in.b.rank));
  }
  for (int d = 0; d < in.a.rank; ++d) {
    if (in.a.shape[d] == in.b.shape[d]) continue;
    return absl::InvalidArgumentError(absl::StrCat("Input shapes must match: got ", in.a.shape[d],
                                                   " and ", in.b.shape[d], " for dimension ", d));
  }
  return in;
}

// The elements of both in row-major order; those at the same place as one.
struct Merged {
  std::vector<std::pair<int64_t, int64_t>> places;  // in a and in b; -1: not there
};

Merged Merge(const Operands& in) {
  Merged merged;
  for (int64_t i = 0, j = 0; i < in.a.count || j < in.b.count;) {
    int order = i == in.a.count ? 1 : j == in.b.count ? -1 : 0;
    if (order == 0) order = CompareRows(in.a.row(i), in.b.row(j), in.a.rank);
    merged.places.emplace_back(order <= 0 ? i++ : -1, order >= 0 ? j++ : -1);
  }
  return merged;
}

// Hands over the results at `places`: outputs 0 and 1.
template <typename T>
absl::Status SetResult(KernelContext& c, const Operands& in, const Merged& merged,
                       const std::vector<T>& sums) {
  const auto count = static_cast<int64_t>(sums.size());
  SLUICE_ASSIGN_OR_RETURN(Tensor * indices, c.Allocate(0, {count, in.a.rank}));
  SLUICE_ASSIGN_OR_RETURN(Tensor * values, c.Allocate(1, {count}));
  int64_t* to = indices->mutable_data<int64_t>();
  for (const auto& [i, j] : merged.places) {
    to = std::copy_n(i >= 0 ? in.a.row(i) : in.b.row(j), in.a.rank, to);
  }
  std::copy(sums.begin(), sums.end(), values->mutable_data<T>());
  return absl::OkStatus();
}

// long double holds every int64 and every double.
template <typename T>
long double Magnitude(const T& value) {
  if constexpr (kIsHalf<T>) {
    return std::abs(static_cast<float>(value));
  } else if constexpr (std::is_arithmetic_v<T>) {
    return std::abs(static_cast<long double>(value));
  } else {
    return std::abs(value);
  }
}

absl::StatusOr<long double> Threshold(const Tensor& thresh) {
  if (thresh.shape().rank() != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "The magnitude threshold must be a scalar: got shape ", thresh.shape().ToString()));
  }
  long double value = 0;
  SLUICE_RETURN_IF_ERROR(
      (Dispatch<float, double, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t,
                uint64_t, Half, BFloat16>(thresh.dtype(), [&](auto tag) {
        using T = typename decltype(tag)::type;
        if constexpr (kIsHalf<T>) {
          value = static_cast<float>(thresh.scalar<T>());
        } else {
          value = thresh.scalar<T>();
        }
        return absl::OkStatus();
      })));
  return value;
}

template <typename T>
absl::Status AddRun(KernelContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const Operands in, ReadOperands(c));
  SLUICE_ASSIGN_OR_RETURN(const long double thresh, Threshold(c.input(6)));
  const T* a = in.a.values->data<T>();
  const T* b = in.b.values->data<T>();
  std::vector<T> sums;
  Merged kept;
  for (const auto& [i, j] : Merge(in).places) {
    const T sum = i < 0 ? b[j] : j < 0 ? a[i] : Plus(a[i], b[j]);
    if (!(thresh <= Magnitude(sum))) continue;
    sums.push_back(sum);
    kept.places.emplace_back(i, j);
  }
  SLUICE_RETURN_IF_ERROR(SetResult(c, in, kept, sums));
  SLUICE_ASSIGN_OR_RETURN(Tensor * shape, c.Allocate(2, {in.a.rank}));
  std::copy(in.a.shape.begin(), in.a.shape.end(), shape->mutable_data<int64_t>());
  return absl::OkStatus();
}

template <typename T, bool maximum>
absl::Status ExtremeRun(KernelContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const Operands in, ReadOperands(c));
  const T* a = in.a.values->data<T>();
  const T* b = in.b.values->data<T>();
  const auto less = [](const T& x, const T& y) {
    if constexpr (kIsHalf<T>) {
      return static_cast<float>(x) < static_cast<float>(y);
    } else {
      return x < y;
    }
  };
  const Merged merged = Merge(in);
  std::vector<T> results;
  for (const auto& [i, j] : merged.places) {
    const T x = i < 0 ? T{} : a[i], y = j < 0 ? T{} : b[j];
    results.push_back((maximum ? less(x, y) : less(y, x)) ? y : x);
  }
  return SetResult(c, in, merged, results);
}

absl::StatusOr<KernelRun> AddPrepare(PrepareContext& p) {
  KernelRun run;
  SLUICE_RETURN_IF_ERROR(
      (Dispatch<float, double, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, Half, BFloat16,
                std::complex<float>, std::complex<double>>(p.input_dtype(1), [&](auto tag) {
        run = &AddRun<typename decltype(tag)::type>;
        return absl::OkStatus();
      })));
  return run;
}

template <bool maximum>
absl::StatusOr<KernelRun> ExtremePrepare(PrepareContext& p) {
  KernelRun run;
  SLUICE_RETURN_IF_ERROR((
      Dispatch<float, double, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, Half, BFloat16>(
          p.input_dtype(1), [&](auto tag) {
            run = &ExtremeRun<typename decltype(tag)::type, maximum>;
            return absl::OkStatus();
          })));
  return run;
}

absl::Status CheckAddGradInputs(const KernelContext& c) {
  const Tensor &grad = c.input(0), &a = c.input(1), &b = c.input(2), &sum = c.input(3);
  if (a.shape().rank() != 2 || b.shape().rank() != 2 || sum.shape().rank() != 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("Inputs a_indices and b_indices should be matrices but received shapes: ",
                     a.shape().ToString(), " and ", b.shape().ToString()));
  }
  if (grad.shape().rank() != 1 || grad.dim(0) != sum.dim(0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("# elements of backprop_val_grad and # rows of sum_indices should match (#nnz "
                     "of sum): got ",
                     grad.shape().ToString(), " and ", sum.dim(0)));
  }
  if (a.dim(1) != b.dim(1) || b.dim(1) != sum.dim(1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("The densified operands should have the same ndims; got a_indices, b_indices, "
                     "sum_indices: ",
                     a.dim(1), ", ", b.dim(1), ", ", sum.dim(1)));
  }
  return absl::OkStatus();
}

// The gradients for one operand, output `o`.
void GradientsOf(KernelContext& c, const Tensor& operand, int o) {
  const Tensor &grad = c.input(0), &sum = c.input(3);
  const auto rank = static_cast<int>(operand.dim(1));
  const int64_t* own = operand.data<int64_t>();
  const int64_t* sums = sum.data<int64_t>();
  Tensor& result = c.output(o);
  ZeroElements(result.dtype(), result.mutable_raw(), result.num_elements());
  for (int64_t i = 0, k = 0; i < operand.dim(0) && k < sum.dim(0);) {
    const int order = CompareRows(own + i * rank, sums + k * rank, rank);
    if (order == 0) {
      CopyElements(grad.dtype(), ElementAt(grad.raw(), k, grad.dtype()),
                   ElementAt(result.mutable_raw(), i, grad.dtype()), 1);
    }
    i += order <= 0;
    k += order > 0;
  }
}

absl::Status AddGradKernel(KernelContext& c) {
  SLUICE_RETURN_IF_ERROR(CheckAddGradInputs(c));
  GradientsOf(c, c.input(1), 0);
  GradientsOf(c, c.input(2), 1);
  return absl::OkStatus();
}

Outputs AddGradient(At at, const Node& op, const Outputs& dy) {
  const Outputs grads = SparseAddGrad(at, dy[1], op.input(0), op.input(3), op.output(0));
  return {Output(), grads[0], Output(), Output(), grads[1], Output(), Output()};
}

template <bool maximum>
Outputs NoExtremeGradient(At at, const Node&, const Outputs&) {
  const char* op = maximum ? "SparseSparseMaximum" : "SparseSparseMinimum";
  at.Fail(op, absl::UnimplementedError(
                  absl::StrCat("Gradient for ", op, " is currently not implemented yet.")));
  return Outputs(6);
}

OpSpec TwoSparse(absl::string_view name) {
  return OpSpec(name)
      .Input("a_indices: int64")
      .Input("a_values: T")
      .Input("a_shape: int64")
      .Input("b_indices: int64")
      .Input("b_values: T")
      .Input("b_shape: int64");
}

constexpr char kNone[] = "TensorFlow has none either";

}  // namespace

OpSpec SparseAddOp() {
  return TwoSparse("SparseAdd")
      .Input("thresh: Treal")
      .Output("sum_indices: int64")
      .Output("sum_values: T")
      .Output("sum_shape: int64")
      .Attr("T: numbertype")
      .Attr("Treal: realnumbertype")
      .Shape(AddShape)
      .Prepare(AddPrepare)
      .NoKernelFor("T",
                   {DType::kUint32, DType::kUint64, DType::kQint8, DType::kQuint8, DType::kQint32},
                   kNone)
      .Gradient(AddGradient);
}

OpSpec SparseAddGradOp() {
  return OpSpec("SparseAddGrad")
      .Input("backprop_val_grad: T")
      .Input("a_indices: int64")
      .Input("b_indices: int64")
      .Input("sum_indices: int64")
      .Output("a_val_grad: T")
      .Output("b_val_grad: T")
      .Attr("T: numbertype")
      .Shape(AddGradShape)
      .Kernel(AddGradKernel)
      .NotDifferentiable("TensorFlow defines no second gradient");
}

OpSpec SparseSparseMaximumOp() {
  return TwoSparse("SparseSparseMaximum")
      .Output("output_indices: int64")
      .Output("output_values: T")
      .Attr("T: realnumbertype")
      .Shape(AddShape)
      .Prepare(ExtremePrepare<true>)
      .NoKernelFor("T", {DType::kUint32, DType::kUint64}, kNone)
      .Gradient(NoExtremeGradient<true>);
}

OpSpec SparseSparseMinimumOp() {
  return TwoSparse("SparseSparseMinimum")
      .Output("output_indices: int64")
      .Output("output_values: T")
      .Attr("T: numbertype")
      .Shape(AddShape)
      .Prepare(ExtremePrepare<false>)
      .NoKernelFor("T",
                   {DType::kUint32, DType::kUint64, DType::kComplex64, DType::kComplex128,
                    DType::kQint8, DType::kQuint8, DType::kQint32},
                   kNone)
      .Gradient(NoExtremeGradient<false>);
}

Outputs SparseAdd(At at, Output a_indices, Output a_values, Output a_shape, Output b_indices,
                  Output b_values, Output b_shape, Output thresh) {
  return at.Nodes("SparseAdd",
                  {a_indices, a_values, a_shape, b_indices, b_values, b_shape, thresh});
}
Outputs SparseAddGrad(At at, Output backprop_val_grad, Output a_indices, Output b_indices,
                      Output sum_indices) {
  return at.Nodes("SparseAddGrad", {backprop_val_grad, a_indices, b_indices, sum_indices});
}
Outputs SparseSparseMaximum(At at, Output a_indices, Output a_values, Output a_shape,
                            Output b_indices, Output b_values, Output b_shape) {
  return at.Nodes("SparseSparseMaximum",
                  {a_indices, a_values, a_shape, b_indices, b_values, b_shape});
}
Outputs SparseSparseMinimum(At at, Output a_indices, Output a_values, Output a_shape,
                            Output b_indices, Output b_values, Output b_shape) {
  return at.Nodes("SparseSparseMinimum",
                  {a_indices, a_values, a_shape, b_indices, b_values, b_shape});
}

}  // namespace sluice::ops
