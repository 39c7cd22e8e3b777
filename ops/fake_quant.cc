// FakeQuant*: y = floor((clamp(x) - min) / scale + 1/2) * scale + min, with min and max nudged so
// that zero is a step.
#include "ops/fake_quant.h"

#include <algorithm>
#include <cmath>

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

enum class Range { kArgs, kVars, kPerChannel };

// inputs is input `i`; min and max, where they are inputs, follow. Its shape is the result.
absl::StatusOr<TensorShape> QuantizedShape(ShapeContext& c, int i, Range range) {
  TensorShape inputs = c.input(i);
  if (range == Range::kVars) {
    for (int k = 1; k < 3; ++k) SLUICE_RETURN_IF_ERROR(c.WithRank(i + k, 0).status());
  }
  if (range != Range::kPerChannel) return inputs;
  SLUICE_ASSIGN_OR_RETURN(inputs, c.WithRankAtLeast(i, 1));
  TensorShape depth = {inputs.rank_known() ? inputs.dim(-1) : -1};
  for (int k = 1; k < 3; ++k) {
    SLUICE_ASSIGN_OR_RETURN(const TensorShape bound, c.WithRank(i + k, 1));
    SLUICE_ASSIGN_OR_RETURN(depth, depth.MergeWith(bound));
  }
  if (inputs.rank_known()) inputs.set_dim(-1, depth.dim(0));
  return inputs;
}

template <Range range>
absl::Status ForwardShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(TensorShape shape, QuantizedShape(c, 0, range));
  c.set_output(0, std::move(shape));
  return absl::OkStatus();
}

template <Range range>
absl::Status GradientShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(TensorShape shape, QuantizedShape(c, 1, range));
  SLUICE_ASSIGN_OR_RETURN(shape, shape.MergeWith(c.input(0)));
  if (range != Range::kArgs) {
    TensorShape bound = range == Range::kVars
                            ? TensorShape()
                            : TensorShape({shape.rank_known() ? shape.dim(-1) : -1});
    c.set_output(1, bound);
    c.set_output(2, bound);
  }
  c.set_output(0, std::move(shape));
  return absl::OkStatus();
}

// --- kernels ---

struct Steps {
  float lowest = 0, highest = 255;  // numbers of the first and the last step
};

absl::StatusOr<Steps> StepsOf(PrepareContext& p) {
  const auto bits = p.attr<int64_t>("num_bits");
  if (bits < 2 || bits > 16) {
    return absl::InvalidArgumentError(
        absl::StrCat("num_bits must be between 2 and 16, inclusive, got ", bits));
  }
  return Steps{p.attr<bool>("narrow_range") ? 1.0f : 0.0f,
               static_cast<float>((int64_t{1} << bits) - 1)};
}

// The range moved so that zero is a step.
struct Nudged {
  Nudged(const Steps& steps, float range_min, float range_max)
      : zero_only(range_min == 0 && range_max == 0),
        scale((range_max - range_min) / (steps.highest - steps.lowest)) {
    const float zero = steps.lowest - range_min / scale;
    const float step = zero < steps.lowest    ? steps.lowest
                       : zero > steps.highest ? steps.highest
                                              : std::round(zero);
    min = (steps.lowest - step) * scale;
    max = (steps.highest - step) * scale;
  }

  float Clamp(float x) const {
    const float below = max < x ? max : x;
    return below < min ? min : below;
  }
  float Quantize(float x) const {
    if (zero_only) return 0;
    return UnfusedRound((Clamp(x) - min) / scale);
  }
  // With constant ranges TensorFlow multiplies.
  float QuantizeByProduct(float x) const {
    return UnfusedRound(kernels::UnfusedProduct(Clamp(x) - min, 1 / scale));
  }
  float UnfusedRound(float steps_from_min) const {
    return std::floor(steps_from_min + 0.5f) * scale + min;
  }
  bool Inside(float x) const { return zero_only || (x >= min && x <= max); }
  bool Below(float x) const { return !zero_only && x < min; }
  bool Above(float x) const { return !zero_only && x > max; }

  bool zero_only;
  float scale, min, max;
};

template <typename F>
void ForEach(int64_t n, F f) {
  ParallelFor(n, GrainFor(4), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) f(i);
  });
}

absl::StatusOr<Nudged> ArgsRange(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(const Steps steps, StepsOf(p));
  const auto min = p.attr<float>("min"), max = p.attr<float>("max");
  if (!(min < max)) {
    return absl::InvalidArgumentError(
        absl::StrCat("min has to be smaller than max, was: ", min, " >= ", max));
  }
  return Nudged(steps, min, max);
}

absl::StatusOr<KernelRun> ArgsPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(const Nudged range, ArgsRange(p));
  return KernelRun([range](KernelContext& c) {
    const float* x = c.input(0).data<float>();
    float* y = c.output(0).mutable_data<float>();
    ForEach(c.input(0).num_elements(), [&](int64_t i) { y[i] = range.QuantizeByProduct(x[i]); });
    return absl::OkStatus();
  });
}

absl::StatusOr<KernelRun> ArgsGradientPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(const Nudged range, ArgsRange(p));
  return KernelRun([range](KernelContext& c) {
    const float *dy = c.input(0).data<float>(), *x = c.input(1).data<float>();
    float* dx = c.output(0).mutable_data<float>();
    ForEach(c.input(1).num_elements(),
            [&](int64_t i) { dx[i] = dy[i] * (range.Inside(x[i]) ? 1.0f : 0.0f); });
    return absl::OkStatus();
  });
}

// min and max of one element, or of one per channel.
absl::StatusOr<KernelRun> VarsPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(const Steps steps, StepsOf(p));
  return KernelRun([steps](KernelContext& c) {
    const int64_t depth = c.input(1).num_elements();
    const float *x = c.input(0).data<float>(), *min = c.input(1).data<float>();
    const float* max = c.input(2).data<float>();
    float* y = c.output(0).mutable_data<float>();
    if (depth == 1) {
      const Nudged range(steps, *min, *max);
      ForEach(c.input(0).num_elements(), [&](int64_t i) { y[i] = range.Quantize(x[i]); });
      return absl::OkStatus();
    }
    const int64_t rows = depth == 0 ? 0 : c.input(0).num_elements() / depth;
    ParallelFor(depth, GrainFor(4 * static_cast<double>(rows)), [&](int64_t begin, int64_t end) {
      for (int64_t d = begin; d < end; ++d) {
        const Nudged range(steps, min[d], max[d]);
        for (int64_t i = d; i < rows * depth; i += depth) y[i] = range.Quantize(x[i]);
      }
    });
    return absl::OkStatus();
  });
}

absl::StatusOr<KernelRun> VarsGradientPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(const Steps steps, StepsOf(p));
  return KernelRun([steps](KernelContext& c) {
    const int64_t depth = c.input(2).num_elements();
    const int64_t rows = depth == 0 ? 0 : c.input(1).num_elements() / depth;
    const float *dy = c.input(0).data<float>(), *x = c.input(1).data<float>();
    const float *min = c.input(2).data<float>(), *max = c.input(3).data<float>();
    float* dx = c.output(0).mutable_data<float>();
    float *dmin = c.output(1).mutable_data<float>(), *dmax = c.output(2).mutable_data<float>();
    ParallelFor(depth, GrainFor(4 * static_cast<double>(rows)), [&](int64_t begin, int64_t end) {
      for (int64_t d = begin; d < end; ++d) {
        const Nudged range(steps, min[d], max[d]);
        double below = 0, above = 0;
        for (int64_t i = d; i < rows * depth; i += depth) {
          dx[i] = dy[i] * (range.Inside(x[i]) ? 1.0f : 0.0f);
          if (range.Below(x[i])) below += dy[i];
          if (range.Above(x[i])) above += dy[i];
        }
        dmin[d] = static_cast<float>(below);
        dmax[d] = static_cast<float>(above);
      }
    });
    return absl::OkStatus();
  });
}

// --- gradients ---

AttrMap Copied(const Node& op, std::initializer_list<const char*> names) {
  AttrMap attrs;
  for (const char* name : names) attrs[name] = op.attrs().find(name)->second;
  return attrs;
}

Outputs ArgsGradient(At at, const Node& op, const Outputs& dy) {
  return {at.Node("FakeQuantWithMinMaxArgsGradient", {dy[0], op.input(0)},
                  Copied(op, {"min", "max", "num_bits", "narrow_range"}))};
}

Outputs VarsGradient(At at, const Node& op, const Outputs& dy) {
  const Outputs d = at.Nodes(op.op() + "Gradient", {dy[0], op.input(0), op.input(1), op.input(2)},
                             Copied(op, {"num_bits", "narrow_range"}));
  return d.size() == 3 ? d : Outputs(3);
}

constexpr const char* kNone = "TensorFlow has no gradient for it";

AttrMap Attrs(const FakeQuantArgsOptions& o) {
  return {
      {"min", o.min}, {"max", o.max}, {"num_bits", o.num_bits}, {"narrow_range", o.narrow_range}};
}
AttrMap Attrs(const FakeQuantVarsOptions& o) {
  return {{"num_bits", o.num_bits}, {"narrow_range", o.narrow_range}};
}

OpSpec ArgsSpec(const char* name) {
  return OpSpec(name)
      .Attr("min: float = -6.0")
      .Attr("max: float = 6.0")
      .Attr("num_bits: int = 8")
      .Attr("narrow_range: bool = false");
}
OpSpec VarsSpec(const char* name) {
  return OpSpec(name)
      .Attr("num_bits: int = 8")
      .Attr("narrow_range: bool = false")
      .Input("inputs: float")
      .Input("min: float")
      .Input("max: float")
      .Output("outputs: float")
      .Prepare(VarsPrepare)
      .Gradient(VarsGradient);
}
OpSpec VarsGradientSpec(const char* name) {
  return OpSpec(name)
      .Attr("num_bits: int = 8")
      .Attr("narrow_range: bool = false")
      .Input("gradients: float")
      .Input("inputs: float")
      .Input("min: float")
      .Input("max: float")
      .Output("backprops_wrt_input: float")
      .Output("backprop_wrt_min: float")
      .Output("backprop_wrt_max: float")
      .Prepare(VarsGradientPrepare)
      .NotDifferentiable(kNone);
}

FakeQuantVarsGradients Three(const Outputs& d) {
  return d.size() == 3 ? FakeQuantVarsGradients{d[0], d[1], d[2]} : FakeQuantVarsGradients{};
}

}  // namespace

OpSpec FakeQuantWithMinMaxArgsOp() {
  return ArgsSpec("FakeQuantWithMinMaxArgs")
      .Input("inputs: float")
      .Output("outputs: float")
      .Shape(ForwardShape<Range::kArgs>)
      .Prepare(ArgsPrepare)
      .Gradient(ArgsGradient);
}
OpSpec FakeQuantWithMinMaxArgsGradientOp() {
  return ArgsSpec("FakeQuantWithMinMaxArgsGradient")
      .Input("gradients: float")
      .Input("inputs: float")
      .Output("backprops: float")
      .Shape(GradientShape<Range::kArgs>)
      .Prepare(ArgsGradientPrepare)
      .NotDifferentiable(kNone);
}
OpSpec FakeQuantWithMinMaxVarsOp() {
  return VarsSpec("FakeQuantWithMinMaxVars").Shape(ForwardShape<Range::kVars>);
}
OpSpec FakeQuantWithMinMaxVarsGradientOp() {
  return VarsGradientSpec("FakeQuantWithMinMaxVarsGradient").Shape(GradientShape<Range::kVars>);
}
OpSpec FakeQuantWithMinMaxVarsPerChannelOp() {
  return VarsSpec("FakeQuantWithMinMaxVarsPerChannel").Shape(ForwardShape<Range::kPerChannel>);
}
OpSpec FakeQuantWithMinMaxVarsPerChannelGradientOp() {
  return VarsGradientSpec("FakeQuantWithMinMaxVarsPerChannelGradient")
      .Shape(GradientShape<Range::kPerChannel>);
}

Output FakeQuantWithMinMaxArgs(At at, Output inputs, const FakeQuantArgsOptions& options) {
  return at.Node("FakeQuantWithMinMaxArgs", {inputs}, Attrs(options));
}
Output FakeQuantWithMinMaxArgsGradient(At at, Output gradients, Output inputs,
                                       const FakeQuantArgsOptions& options) {
  return at.Node("FakeQuantWithMinMaxArgsGradient", {gradients, inputs}, Attrs(options));
}
Output FakeQuantWithMinMaxVars(At at, Output inputs, Output min, Output max,
                               const FakeQuantVarsOptions& options) {
  return at.Node("FakeQuantWithMinMaxVars", {inputs, min, max}, Attrs(options));
}
FakeQuantVarsGradients FakeQuantWithMinMaxVarsGradient(At at, Output gradients, Output inputs,
                                                       Output min, Output max,
                                                       const FakeQuantVarsOptions& options) {
  return Three(
      at.Nodes("FakeQuantWithMinMaxVarsGradient", {gradients, inputs, min, max}, Attrs(options)));
}
Output FakeQuantWithMinMaxVarsPerChannel(At at, Output inputs, Output min, Output max,
                                         const FakeQuantVarsOptions& options) {
  return at.Node("FakeQuantWithMinMaxVarsPerChannel", {inputs, min, max}, Attrs(options));
}
FakeQuantVarsGradients FakeQuantWithMinMaxVarsPerChannelGradient(
    At at, Output gradients, Output inputs, Output min, Output max,
    const FakeQuantVarsOptions& options) {
  return Three(at.Nodes("FakeQuantWithMinMaxVarsPerChannelGradient", {gradients, inputs, min, max},
                        Attrs(options)));
}

}  // namespace sluice::ops
