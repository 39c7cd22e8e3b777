// SparseTensorDenseMatMul: product[m, :] += a * b[k, :] for every element a at (m, k). Threads
// share the columns, so that the order of the sums is the same for any number of them.
#include "ops/sparse_matmul.h"

#include <algorithm>
#include <complex>

#include "core/status.h"
#include "core/threads.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/flops.h"
#include "ops/gather.h"
#include "ops/kernels/accumulate.h"
#include "ops/reduction.h"
#include "ops/strided_slice.h"
#include "ops/transpose.h"

namespace sluice::ops {
namespace {

absl::Status ProductShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(c.WithRank(0, 2).status());
  SLUICE_RETURN_IF_ERROR(c.WithRank(1, 1).status());
  SLUICE_ASSIGN_OR_RETURN(const TensorShape b, c.WithRank(3, 2));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape rank, c.WithRank(2, 1));
  if (!rank.CompatibleWith({2})) {
    return absl::InvalidArgumentError(
        absl::StrCat("Tensor 'a_shape' must have 2 elements, got ", rank.dim(0)));
  }
  TensorShape a = TensorShape::OfRank(2);
  if (const Tensor* known = c.value(2)) a = TensorShape(known->flat<int64_t>());  // of any size
  const bool adjoint_a = c.attr<bool>("adjoint_a"), adjoint_b = c.attr<bool>("adjoint_b");
  const int64_t inner_a = a.dim(adjoint_a ? 0 : 1), inner_b = b.dim(adjoint_b ? 1 : 0);
  if (inner_a >= 0 && inner_b >= 0 && inner_a != inner_b) {
    return absl::InvalidArgumentError(absl::StrCat(
        "Dimensions must be equal, but are ", inner_a, " and ", inner_b,
        ": cannot multiply A and B because inner dimension does not match: ", inner_a, " vs. ",
        inner_b, ".  Did you forget a transpose?  Dimensions of A: ", a.ToString(),
        ".  Dimensions of B: ", b.ToString()));
  }
  const TensorShape product = {a.dim(adjoint_a ? 1 : 0), b.dim(adjoint_b ? 0 : 1)};
  SLUICE_RETURN_IF_ERROR(product.Check());
  c.set_output(0, product);
  return absl::OkStatus();
}

// Which way the two matrices lie.
struct Layout {
  bool adjoint_a = false, adjoint_b = false;
  int64_t outer_left = 0, inner = 0, outer_right = 0;
};

template <typename T>
T Conjugate(const T& value) {
  if constexpr (std::is_same_v<T, std::complex<float>> || std::is_same_v<T, std::complex<double>>) {
    return std::conj(value);
  } else {
    return value;
  }
}

template <typename Index>
absl::Status CheckIndices(const Layout& l, absl::Span<const Index> indices) {
  for (size_t i = 0; i < indices.size(); i += 2) {
    const int64_t m = indices[i + (l.adjoint_a ? 1 : 0)], k = indices[i + (l.adjoint_a ? 0 : 1)];
    if (k < 0 || k >= l.inner) {
      return absl::InvalidArgumentError(absl::StrCat("k (", k, ") from index[", i / 2, ",",
                                                     l.adjoint_a ? 0 : 1,
                                                     "] out of bounds (>=", l.inner, ")"));
    }
    if (m < 0 || m >= l.outer_left) {
      return absl::InvalidArgumentError(absl::StrCat("m (", m, ") from index[", i / 2, ",",
                                                     l.adjoint_a ? 1 : 0,
                                                     "] out of bounds (>=", l.outer_left, ")"));
    }
  }
  return absl::OkStatus();
}

template <typename T, typename Index>
absl::Status Multiply(const Layout& l, const KernelContext& c, T* to) {
  const absl::Span<const Index> indices = c.input(0).flat<Index>();
  SLUICE_RETURN_IF_ERROR(CheckIndices(l, indices));
  const absl::Span<const T> values = c.input(1).flat<T>();
  const T* b = c.input(3).data<T>();
  const size_t m_column = l.adjoint_a ? 1 : 0, k_column = l.adjoint_a ? 0 : 1;
  const int64_t row_stride = l.adjoint_b ? 1 : l.outer_right;
  const int64_t column_stride = l.adjoint_b ? l.inner : 1;
  const auto columns = [&](int64_t begin, int64_t end) {
    for (size_t i = 0; i < values.size(); ++i) {
      T* sum = to + indices[2 * i + m_column] * l.outer_right;
      const T* from = b + indices[2 * i + k_column] * row_stride;
      const T value = l.adjoint_a ? Conjugate(values[i]) : values[i];
      if (l.adjoint_b) {
        for (int64_t n = begin; n < end; ++n) {
          sum[n] = Plus(sum[n], Times(value, Conjugate(from[n * column_stride])));
        }
      } else {
        for (int64_t n = begin; n < end; ++n) sum[n] = Plus(sum[n], Times(value, from[n]));
      }
    }
  };
  ParallelFor(l.outer_right,
              std::max<int64_t>(16, GrainFor(static_cast<double>(values.size()) + 1)), columns);
  return absl::OkStatus();
}

absl::StatusOr<Layout> CheckInputs(const KernelContext& c) {
  const Tensor &indices = c.input(0), &values = c.input(1), &shape = c.input(2), &b = c.input(3);
  const char* problem = nullptr;
  if (b.shape().rank() != 2) problem = "Tensor 'b' is not a matrix";
  if (shape.shape().rank() != 1) problem = "Tensor 'a_shape' is not a vector";
  if (shape.num_elements() != 2) problem = "Tensor 'a_shape' must have 2 elements";
  if (values.shape().rank() != 1) problem = "Tensor 'a_values' is not a vector";
  if (indices.shape().rank() != 2) problem = "Tensor 'a_indices' is not a matrix";
  if (problem != nullptr) return absl::InvalidArgumentError(problem);
  if (indices.dim(0) != values.num_elements()) {
    return absl::InvalidArgumentError(
        "Number of rows of a_indices does not match number of entries in a_values");
  }
  if (indices.dim(1) != 2) {
    return absl::InvalidArgumentError(
        "Number of columns of a_indices does not match number of entries in a_shape");
  }
  Layout l = {.adjoint_a = c.attr<bool>("adjoint_a"), .adjoint_b = c.attr<bool>("adjoint_b")};
  const int64_t* a = shape.data<int64_t>();
  l.outer_left = a[l.adjoint_a ? 1 : 0];
  l.inner = b.dim(l.adjoint_b ? 1 : 0);
  l.outer_right = b.dim(l.adjoint_b ? 0 : 1);
  const int64_t inner_left = a[l.adjoint_a ? 0 : 1];
  if (l.outer_left < 0 || inner_left != l.inner) {
    return absl::InvalidArgumentError(
        absl::StrCat("Cannot multiply A and B because inner dimension does not match: ", inner_left,
                     " vs. ", l.inner, ".  Did you forget a transpose?  Dimensions of A: [", a[0],
                     ", ", a[1], ").  Dimensions of B: ", b.shape().ToString()));
  }
  return l;
}

template <typename T>
absl::Status MultiplyRun(KernelContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const Layout l, CheckInputs(c));
  const TensorShape shape = {l.outer_left, l.outer_right};
  SLUICE_RETURN_IF_ERROR(shape.Check());
  SLUICE_ASSIGN_OR_RETURN(Tensor * output, c.Allocate(0, shape));
  T* to = output->mutable_data<T>();
  ZeroElements(output->dtype(), to, output->num_elements());
  if (output->num_elements() == 0 || c.input(3).num_elements() == 0) return absl::OkStatus();
  return c.input(0).dtype() == DType::kInt32 ? Multiply<T, int32_t>(l, c, to)
                                             : Multiply<T, int64_t>(l, c, to);
}

absl::StatusOr<KernelRun> MultiplyPrepare(PrepareContext& p) {
  KernelRun run;
  SLUICE_RETURN_IF_ERROR(
      (Dispatch<float, double, int32_t, int64_t, Half, BFloat16, std::complex<float>,
                std::complex<double>>(p.output_dtype(0), [&](auto tag) {
        run = &MultiplyRun<typename decltype(tag)::type>;
        return absl::OkStatus();
      })));
  return run;
}

// Column `i` of the indices.
Output Column(At at, const Output& indices, int64_t i) {
  return StridedSlice(at, indices, {0, i}, {0, i + 1}, {1, 1},
                      {.begin_mask = 1, .end_mask = 1, .shrink_axis_mask = 2});
}

Outputs MultiplyGradient(At at, const Node& op, const Outputs& dy) {
  const Output indices = op.input(0), b = op.input(3);
  const bool adjoint_a = op.attr<bool>("adjoint_a"), adjoint_b = op.attr<bool>("adjoint_b");
  if (IsComplex(op.output_dtype(0))) {
    at.Fail(
        "SparseTensorDenseMatMul",
        absl::UnimplementedError("SparseTensorDenseMatMul op does not support complex gradients."));
    return {Output(), Output(), Output(), Output()};
  }
  Output db = SparseTensorDenseMatMul(at, indices, op.input(1), op.input(2), dy[0],
                                      {.adjoint_a = !adjoint_a});
  if (adjoint_b) db = Transpose(at, db, {1, 0});
  const Output rows = Column(at, indices, 0), columns = Column(at, indices, 1);
  const Output from_dy = Gather(at, dy[0], adjoint_a ? columns : rows);
  const Output from_b =
      Gather(at, adjoint_b ? Transpose(at, b, {1, 0}) : b, adjoint_a ? rows : columns);
  return {Output(), Sum(at, from_dy * from_b, {1}), Output(), db};
}

// Every value meets a row of b.
double MultiplyFlops(const AttrMap&, absl::Span<const TensorShape> inputs,
                     absl::Span<const TensorShape> outputs) {
  const double columns = outputs[0].rank() == 2 ? static_cast<double>(outputs[0].dim(1)) : 0;
  return 2 * ElementsOf(inputs[1]) * std::max(columns, 0.0);
}

}  // namespace

OpSpec SparseTensorDenseMatMulOp() {
  return OpSpec("SparseTensorDenseMatMul")
      .Input("a_indices: Tindices")
      .Input("a_values: T")
      .Input("a_shape: int64")
      .Input("b: T")
      .Output("product: T")
      .Attr("T: type")
      .Attr("Tindices: {int32, int64} = DT_INT64")
      .Attr("adjoint_a: bool = false")
      .Attr("adjoint_b: bool = false")
      .Shape(ProductShape)
      .Prepare(MultiplyPrepare)
      .NoKernelFor(
          "T",
          {DType::kUint8, DType::kInt16, DType::kInt8, DType::kString, DType::kBool, DType::kQint8,
           DType::kQuint8, DType::kQint32, DType::kQint16, DType::kQuint16, DType::kUint16,
           DType::kResource, DType::kVariant, DType::kUint32, DType::kUint64},
          "TensorFlow has none either")
      .Flops(MultiplyFlops)
      .Gradient(MultiplyGradient);
}

Output SparseTensorDenseMatMul(At at, Output a_indices, Output a_values, Output a_shape, Output b,
                               const SparseTensorDenseMatMulOptions& options) {
  return at.Node("SparseTensorDenseMatMul", {a_indices, a_values, a_shape, b},
                 {{"adjoint_a", options.adjoint_a}, {"adjoint_b", options.adjoint_b}});
}

}  // namespace sluice::ops
