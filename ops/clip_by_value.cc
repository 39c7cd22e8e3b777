// ClipByValue: y = min(max(t, low), high).
#include "ops/clip_by_value.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "core/kernel.h"
#include "core/status.h"
#include "core/threads.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/broadcast_gradient.h"
#include "ops/comparison.h"
#include "ops/fill.h"
#include "ops/flops.h"
#include "ops/kernels/accumulate.h"
#include "ops/select.h"

namespace sluice::ops {
namespace {

// --- shape functions ---

absl::Status ClipShape(ShapeContext& c) {
  TensorShape shape = c.input(0);
  for (int i = 1; i < 3; ++i) {
    const TensorShape& bound = c.input(i);
    if (!bound.rank_known() || bound.num_elements() == 1) continue;
    absl::StatusOr<TensorShape> merged = shape.MergeWith(bound);
    // A bound of which not everything is known may turn out to be one element.
    if (!merged.ok() && !bound.fully_defined()) continue;
    if (!merged.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("clip_value_min and clip_value_max must be either of the same shape as "
                       "input, or a scalar: input shape ",
                       shape.ToString(), ", bound shape ", bound.ToString()));
    }
  }
  c.set_output(0, std::move(shape));
  return absl::OkStatus();
}

// --- kernels ---

template <typename T>
bool IsLess(const T& a, const T& b) {
  if constexpr (kIsHalf<T>) {
    return static_cast<float>(a) < static_cast<float>(b);
  } else {
    return a < b;
  }
}

template <typename T>
T Clipped(const T& x, const T& low, const T& high) {
  const T raised = IsLess(x, low) ? low : x;
  return IsLess(high, raised) ? high : raised;
}

template <typename T>
absl::Status ClipKernel(KernelContext& c) {
  const T* x = c.input(0).data<T>();
  const T* low = c.input(1).data<T>();
  const T* high = c.input(2).data<T>();
  const int64_t low_step = c.input(1).num_elements() == 1 ? 0 : 1;
  const int64_t high_step = c.input(2).num_elements() == 1 ? 0 : 1;
  T* y = c.output(0).mutable_data<T>();
  ParallelFor(c.input(0).num_elements(), GrainFor(0.3), [&](int64_t begin, int64_t end) {
    if (low_step == 0 && high_step == 0) {
      const T floor = *low, ceiling = *high;
#pragma omp simd
      for (int64_t i = begin; i < end; ++i) y[i] = Clipped(x[i], floor, ceiling);
    } else {
      for (int64_t i = begin; i < end; ++i)
        y[i] = Clipped(x[i], low[i * low_step], high[i * high_step]);
    }
  });
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> ClipPrepare(PrepareContext& p) {
  KernelRun run;
  SLUICE_RETURN_IF_ERROR(
      (Dispatch<float, double, Half, BFloat16, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t,
                uint32_t, uint64_t>(p.input_dtype(0), [&](auto tag) {
        run = ClipKernel<typename decltype(tag)::type>;
        return absl::OkStatus();
      })));
  return run;
}

template <typename T>
void ClipTile(const void* const* inputs, void* output, int64_t n, const double*) {
  const T* x = static_cast<const T*>(inputs[0]);
  const T* low = static_cast<const T*>(inputs[1]);
  const T* high = static_cast<const T*>(inputs[2]);
  T* y = static_cast<T*>(output);
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) y[i] = Clipped(x[i], low[i], high[i]);
}

std::optional<TileKernel> ClipTileOf(const AttrMap&, DType dtype) {
  if (dtype == DType::kFloat) return TileKernel{ClipTile<float>};
  if (dtype == DType::kDouble) return TileKernel{ClipTile<double>};
  return std::nullopt;
}

// --- gradients ---

Outputs ClipGradient(At at, const Node& op, const Outputs& dy) {
  const Output x = op.input(0), low = op.input(1), high = op.input(2);
  const Output zeros = ZerosLike(at, x);
  const Output below = Less(at, x, low), above = Greater(at, x, high);
  const Output dx = Select(at, LogicalOr(at, below, above), zeros, dy[0]);
  const Output dlow = Select(at, below, dy[0], zeros);
  const Output dhigh = Select(at, above, dy[0], zeros);
  return {dx, SumToShape(at, low, x, dlow), SumToShape(at, high, x, dhigh)};
}

}  // namespace

OpSpec ClipByValueOp() {
  return OpSpec("ClipByValue")
      .Input("t: T")
      .Input("clip_value_min: T")
      .Input("clip_value_max: T")
      .Output("output: T")
      .Attr("T: numbertype")
      .NoKernelFor(
          "T",
          {DType::kComplex64, DType::kComplex128, DType::kQint8, DType::kQuint8, DType::kQint32},
          "TensorFlow has none for complex and quantized types either")
      .Shape(ClipShape)
      .Prepare(ClipPrepare)
      .Tiled(ClipTileOf)
      .InPlace(0, 0)
      .Flops(FlopsPerElement(2))
      .Gradient(ClipGradient);
}

Output ClipByValue(At at, Output t, Output clip_value_min, Output clip_value_max) {
  return at.Node("ClipByValue", {t, clip_value_min, clip_value_max});
}

}  // namespace sluice::ops
