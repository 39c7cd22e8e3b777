// QuantizeV2 and Dequantize: linear maps between a range of floats and the range of an integer.
#include "ops/quantize.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "core/kernel.h"
#include "core/status.h"
#include "core/threads.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/kernels/unfused.h"

namespace sluice::ops {
namespace {

// --- shape functions ---

absl::Status RangedShape(ShapeContext& c) {
  for (int i = 1; i < 3; ++i) SLUICE_RETURN_IF_ERROR(c.WithRank(i, 0).status());
  c.set_output(0, c.input(0));
  for (int i = 1; i < c.num_outputs(); ++i) c.set_output(i, {});
  return absl::OkStatus();
}

// --- kernels ---

enum class Mode { kMinCombined, kMinFirst, kScaled };

Mode ModeOf(PrepareContext& p) {
  const auto mode = p.attr<std::string>("mode");
  return mode == "MIN_FIRST" ? Mode::kMinFirst
         : mode == "SCALED"  ? Mode::kScaled
                             : Mode::kMinCombined;
}

// Calls f(TypeTag<T>{}) with the integer in which a quantized type is held.
template <typename F>
absl::Status DispatchQuantized(DType dtype, F f) {
  switch (dtype) {
    case DType::kQint8:
      return f(TypeTag<int8_t>{});
    case DType::kQuint8:
      return f(TypeTag<uint8_t>{});
    case DType::kQint16:
      return f(TypeTag<int16_t>{});
    case DType::kQuint16:
      return f(TypeTag<uint16_t>{});
    case DType::kQint32:
      return f(TypeTag<int32_t>{});
    default:
      return absl::UnimplementedError("no kernel for dtype " + DTypeName(dtype));
  }
}

// The integer's range, as numbers.
template <typename T>
struct Integer {
  static constexpr double kLowest = std::numeric_limits<T>::min();
  static constexpr double kHighest = std::numeric_limits<T>::max();
  static constexpr double kSteps = kHighest - kLowest;
  static constexpr double kHalf = std::is_signed_v<T> ? (kSteps + 1) / 2 : 0;
};

// x is whole. NaN gives the lowest.
template <typename T>
T ToInteger(float x) {
  if (!(x > static_cast<float>(Integer<T>::kLowest))) return std::numeric_limits<T>::min();
  if (x >= static_cast<float>(Integer<T>::kHighest)) return std::numeric_limits<T>::max();
  return static_cast<T>(x);
}

template <typename F>
void ForEach(int64_t n, F f) {
  ParallelFor(n, GrainFor(3), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) f(i);
  });
}

struct FloatRange {
  float min, max;
  float Clamp(float x) const { return std::max(std::min(x, max), min); }
};

// The range that input_min and input_max ask for: around zero and not too narrow.
absl::StatusOr<FloatRange> RangeToQuantize(float input_min, float input_max) {
  if (input_max < input_min) {
    return absl::InvalidArgumentError(
        absl::StrCat("input_max_range must be larger than input_min_range, got ", input_max,
                     " and ", input_min));
  }
  const float min = std::min(0.0f, input_min);
  const float largest = std::max(1.0f, std::max(std::abs(input_min), std::abs(input_max)));
  return FloatRange{min, std::max(0.0f, std::max(input_max, min + largest / 100))};
}

template <typename T>
void QuantizeMinCombined(const FloatRange& r, const float* x, T* y, int64_t n) {
  const float scale = static_cast<float>(Integer<T>::kSteps / (r.max - r.min));
  const float half = static_cast<float>(Integer<T>::kHalf);
  ForEach(n, [&](int64_t i) {
    const float steps = kernels::UnfusedProduct(r.Clamp(x[i]) - r.min, scale);
    y[i] = ToInteger<T>(std::is_signed_v<T> ? std::round(steps - half) : std::floor(steps + 0.5f));
  });
}

template <typename T>
void QuantizeMinFirst(const FloatRange& r, const float* x, T* y, int64_t n) {
  const float scale =
      r.max == r.min ? 0.0f : static_cast<float>(Integer<T>::kSteps / (r.max - r.min));
  const float offset = std::round(r.min * scale) - static_cast<float>(Integer<T>::kLowest);
  ForEach(n, [&](int64_t i) { y[i] = ToInteger<T>(std::round(x[i] * scale) - offset); });
}

// Returns the range that the integer then stands for.
template <typename T>
FloatRange QuantizeScaled(const FloatRange& wanted, bool to_even, const float* x, T* y, int64_t n) {
  const auto lowest = static_cast<float>(Integer<T>::kLowest);
  const auto highest = static_cast<float>(Integer<T>::kHighest);
  auto scale_for = [](float step, float end) {
    return step * end > 0 ? step / end : std::numeric_limits<float>::max();
  };
  const float scale = std::min(scale_for(lowest, wanted.min), scale_for(highest, wanted.max));
  const FloatRange r = {lowest / scale, highest / scale};
  ForEach(n, [&](int64_t i) {
    const float step = r.Clamp(x[i]) * scale;
    y[i] = ToInteger<T>(to_even ? std::nearbyint(step) : std::round(step));
  });
  return r;
}

template <typename T>
absl::Status Quantize(KernelContext& c, Mode mode, bool to_even) {
  SLUICE_ASSIGN_OR_RETURN(FloatRange r,
                          RangeToQuantize(c.input(1).scalar<float>(), c.input(2).scalar<float>()));
  const float* x = c.input(0).data<float>();
  T* y = static_cast<T*>(c.output(0).mutable_raw());
  const int64_t n = c.input(0).num_elements();
  if (mode == Mode::kMinCombined) QuantizeMinCombined(r, x, y, n);
  if (mode == Mode::kMinFirst) QuantizeMinFirst(r, x, y, n);
  if (mode == Mode::kScaled) r = QuantizeScaled(r, to_even, x, y, n);
  c.output(1).mutable_data<float>()[0] = r.min;
  c.output(2).mutable_data<float>()[0] = r.max;
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> QuantizePrepare(PrepareContext& p) {
  const Mode mode = ModeOf(p);
  const bool to_even = p.attr<std::string>("round_mode") == "HALF_TO_EVEN";
  if (to_even && mode != Mode::kScaled) {
    return absl::InvalidArgumentError(
        absl::StrCat("Round mode 'HALF_TO_EVEN' only supported for mode 'SCALED', but mode is '",
                     p.attr<std::string>("mode"), "'."));
  }
  KernelRun run;
  SLUICE_RETURN_IF_ERROR(DispatchQuantized(p.output_dtype(0), [&](auto tag) {
    using T = typename decltype(tag)::type;
    run = [mode, to_even](KernelContext& c) { return Quantize<T>(c, mode, to_even); };
    return absl::OkStatus();
  }));
  return run;
}

// y = (x + before) * scale + after.
struct LinearMap {
  float before = 0, scale = 1, after = 0;
};

template <typename T>
LinearMap DequantizeMap(Mode mode, const FloatRange& r) {
  const auto lowest = static_cast<float>(Integer<T>::kLowest);
  const auto highest = static_cast<float>(Integer<T>::kHighest);
  if (mode == Mode::kMinCombined) {
    return {static_cast<float>(Integer<T>::kHalf), (r.max - r.min) / (highest - lowest), r.min};
  }
  if (mode == Mode::kMinFirst) {
    const float scale = static_cast<float>((r.max - r.min) / Integer<T>::kSteps);
    const float first = r.max == r.min ? r.min : std::round(r.min / scale) * scale;
    return {0, scale, first - lowest * scale};
  }
  if (lowest == 0) return {0, r.max / highest, 0};
  return {0, std::max(r.min / lowest, r.max / highest), 0};
}

absl::StatusOr<KernelRun> DequantizePrepare(PrepareContext& p) {
  const Mode mode = ModeOf(p);
  KernelRun run;
  SLUICE_RETURN_IF_ERROR(DispatchQuantized(p.input_dtype(0), [&](auto tag) {
    using T = typename decltype(tag)::type;
    run = [mode](KernelContext& c) {
      const LinearMap map =
          DequantizeMap<T>(mode, {c.input(1).scalar<float>(), c.input(2).scalar<float>()});
      const T* x = static_cast<const T*>(c.input(0).raw());
      float* y = c.output(0).mutable_data<float>();
      ForEach(c.input(0).num_elements(), [&](int64_t i) {
        y[i] = (static_cast<float>(x[i]) + map.before) * map.scale + map.after;
      });
      return absl::OkStatus();
    };
    return absl::OkStatus();
  }));
  return run;
}

}  // namespace

OpSpec QuantizeV2Op() {
  return OpSpec("QuantizeV2")
      .Input("input: float")
      .Input("min_range: float")
      .Input("max_range: float")
      .Output("output: T")
      .Output("output_min: float")
      .Output("output_max: float")
      .Attr("T: quantizedtype")
      .Attr("mode: {'MIN_COMBINED', 'MIN_FIRST', 'SCALED'} = 'MIN_COMBINED'")
      .Attr("round_mode: {'HALF_AWAY_FROM_ZERO', 'HALF_TO_EVEN'} = 'HALF_AWAY_FROM_ZERO'")
      .Shape(RangedShape)
      .Prepare(QuantizePrepare)
      .NotDifferentiable("its result is made of integers");
}
OpSpec DequantizeOp() {
  return OpSpec("Dequantize")
      .Input("input: T")
      .Input("min_range: float")
      .Input("max_range: float")
      .Output("output: float")
      .Attr("T: quantizedtype")
      .Attr("mode: {'MIN_COMBINED', 'MIN_FIRST', 'SCALED'} = 'MIN_COMBINED'")
      .Shape(RangedShape)
      .Prepare(DequantizePrepare)
      .NotDifferentiable("TensorFlow has no gradient for it");
}

QuantizeV2Outputs QuantizeV2(At at, Output input, Output min_range, Output max_range, DType T,
                             const QuantizeV2Options& options) {
  const Outputs y =
      at.Nodes("QuantizeV2", {input, min_range, max_range},
               {{"T", T}, {"mode", options.mode}, {"round_mode", options.round_mode}});
  return y.size() == 3 ? QuantizeV2Outputs{y[0], y[1], y[2]} : QuantizeV2Outputs{};
}
Output Dequantize(At at, Output input, Output min_range, Output max_range,
                  const DequantizeOptions& options) {
  return at.Node("Dequantize", {input, min_range, max_range}, {{"mode", options.mode}});
}

}  // namespace sluice::ops
