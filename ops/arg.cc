// ArgMax and ArgMin: the position of the extreme element along one dimension.
#include "ops/arg.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/kernel.h"
#include "core/status.h"
#include "core/threads.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/kernels/narrow_float.h"

namespace sluice::ops {
namespace {

// --- shape functions ---

absl::Status ArgShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(c.WithRank(1, 0).status());
  const TensorShape& input = c.input(0);
  if (!input.rank_known()) return absl::OkStatus();
  if (!c.value(1)) {
    c.set_output(0, TensorShape::OfRank(std::max(0, input.rank() - 1)));
    return absl::OkStatus();
  }
  SLUICE_ASSIGN_OR_RETURN(const int64_t given, ReadInt(*c.value(1), "dimension"));
  TensorShape shape = input;
  // TensorFlow takes a scalar for a vector of one element.
  const int rank = std::max(1, input.rank());
  SLUICE_ASSIGN_OR_RETURN(const int axis, CanonicalAxis(given, rank, "Dimension"));
  if (input.rank() > 0) shape.RemoveDim(axis);
  c.set_output(0, std::move(shape));
  return absl::OkStatus();
}

// --- kernels ---

template <bool kMaximum, typename T>
bool Beats(T x, T best) {
  if constexpr (std::is_floating_point_v<T>) {
    if (best != best) return false;
    if (x != x) return true;
  }
  return kMaximum ? x > best : x < best;
}

template <typename T>
auto Comparable(T x) {
  if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
    return kernels::Widen(x);
  } else {
    return x;
  }
}

// x is [size, inner]; positions of the extremes of columns [begin, end).
template <bool kMaximum, typename T, typename U>
void FindColumns(const T* x, int64_t size, int64_t inner, int64_t begin, int64_t end, U* to) {
  for (int64_t j = begin; j < end; ++j) {
    auto best = Comparable(x[j]);
    U at = 0;
    for (int64_t k = 1; k < size; ++k) {
      const auto value = Comparable(x[k * inner + j]);
      if (Beats<kMaximum>(value, best)) {
        best = value;
        at = static_cast<U>(k);
      }
    }
    to[j] = at;
  }
}

template <bool kMaximum, typename T, typename U>
absl::Status ArgKernel(KernelContext& c) {
  const TensorShape& shape = c.input(0).shape();
  SLUICE_ASSIGN_OR_RETURN(const int64_t given, ReadInt(c.input(1), "dimension"));
  SLUICE_ASSIGN_OR_RETURN(const int axis,
                          CanonicalAxis(given, std::max(1, shape.rank()), "Dimension"));
  int64_t outer = 1, size = 1, inner = 1;
  TensorShape wanted;
  for (int i = 0; i < shape.rank(); ++i) {
    (i < axis ? outer : i == axis ? size : inner) *= shape.dim(i);
    if (i != axis) wanted.AddDim(shape.dim(i));
  }
  SLUICE_RETURN_IF_ERROR(CheckOutputShape(c, 0, wanted));
  if (outer * inner == 0) return absl::OkStatus();
  if (size == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("Reduction axis ", given, " is empty in shape ", shape.ToString()));
  }
  const T* x = c.input(0).data<T>();
  U* to = c.output(0).mutable_data<U>();
  constexpr int64_t kStrip = 256;
  const int64_t strips = (inner + kStrip - 1) / kStrip;
  const double cost = static_cast<double>(size) * std::min<double>(inner, kStrip);
  ParallelFor(outer * strips, GrainFor(cost), [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t slice = task / strips, first = task % strips * kStrip;
      FindColumns<kMaximum>(x + slice * size * inner, size, inner, first,
                            std::min(inner, first + kStrip), to + slice * inner);
    }
  });
  return absl::OkStatus();
}

template <bool kMaximum>
absl::StatusOr<KernelRun> ArgPrepare(PrepareContext& p) {
  KernelRun run;
  SLUICE_RETURN_IF_ERROR(
      (Dispatch<float, double, Half, BFloat16, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t,
                uint32_t, uint64_t>(p.input_dtype(0), [&](auto tag) {
        using T = typename decltype(tag)::type;
        run = p.output_dtype(0) == DType::kInt32 ? ArgKernel<kMaximum, T, int32_t>
                                                 : ArgKernel<kMaximum, T, int64_t>;
        return absl::OkStatus();
      })));
  return run;
}

OpSpec ArgOp(absl::string_view name) {
  return OpSpec(name)
      .Input("input: T")
      .Input("dimension: Tidx")
      .Output("output: output_type")
      .Attr("T: numbertype")
      .Attr("Tidx: {int32, int64} = DT_INT32")
      .Attr("output_type: {int32, int64} = DT_INT64")
      .NoKernelFor(
          "T",
          {DType::kComplex64, DType::kComplex128, DType::kQint8, DType::kQuint8, DType::kQint32},
          "TensorFlow has none for complex and quantized types either")
      .Shape(ArgShape)
      .NotDifferentiable("its result is a position");
}

Output ArgNode(At at, const char* op, const Output& input, const Ints& dimension,
               const ArgMaxOptions& options) {
  return at.Node(op, {input, dimension.Tensor(at, "dimension")},
                 {{"output_type", options.output_type}});
}

}  // namespace

OpSpec ArgMaxOp() { return ArgOp("ArgMax").Prepare(ArgPrepare<true>); }
OpSpec ArgMinOp() { return ArgOp("ArgMin").Prepare(ArgPrepare<false>); }

Output ArgMax(At at, Output input, Ints dimension, const ArgMaxOptions& options) {
  return ArgNode(at, "ArgMax", input, dimension, options);
}
Output ArgMin(At at, Output input, Ints dimension, const ArgMaxOptions& options) {
  return ArgNode(at, "ArgMin", input, dimension, options);
}

}  // namespace sluice::ops
