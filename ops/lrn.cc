// LRN: y_d = x_d n_d^-beta, n_d = bias + alpha * sum of x_k^2 over |k - d| <= radius.
// LRNGrad: dx_k = n_k^-beta dy_k - 2 alpha beta x_k * sum of dy_d y_d / n_d over the same range.
#include "ops/lrn.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/kernel.h"
#include "core/status.h"
#include "core/threads.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/float_view.h"

namespace sluice::ops {
namespace {

// --- shape functions ---

absl::Status LRNShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(TensorShape input, c.WithRank(0, 4));
  c.set_output(0, std::move(input));
  return absl::OkStatus();
}

absl::Status LRNGradShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(TensorShape shape, c.WithRank(0, 4));
  for (int i = 1; i < 3; ++i) {
    SLUICE_ASSIGN_OR_RETURN(shape, shape.MergeWith(c.input(i)));
  }
  c.set_output(0, std::move(shape));
  return absl::OkStatus();
}

// --- kernels ---

struct Normalizer {
  explicit Normalizer(PrepareContext& p)
      : depth(p.input_shape(0).dim(3)),
        radius(std::clamp<int64_t>(p.attr<int64_t>("depth_radius"), -1, depth)),
        bias(p.attr<float>("bias")),
        alpha(p.attr<float>("alpha")),
        beta(p.attr<float>("beta")) {}

  int64_t begin(int64_t d) const { return std::max<int64_t>(0, d - radius); }
  int64_t end(int64_t d) const { return std::min(depth, d + radius + 1); }

  float Norm(const float* x, int64_t d) const {
    float squares = 0;
    for (int64_t k = begin(d); k < end(d); ++k) squares += x[k] * x[k];
    return bias + alpha * squares;
  }

  // norm^-beta
  float Power(float norm) const {
    if (beta == 1) return 1 / norm;
    if (beta == 0.5f) return 1 / std::sqrt(norm);
    return std::pow(norm, -beta);
  }

  int64_t depth, radius;
  float bias, alpha, beta;
};

// Calls pixel(first element) for all pixels.
template <typename Pixel>
void ForEachPixel(const Normalizer& n, const Tensor& t, Pixel pixel) {
  if (t.num_elements() == 0) return;
  const double cost = static_cast<double>(n.depth) * (20 + static_cast<double>(n.radius));
  ParallelFor(t.num_elements() / n.depth, GrainFor(cost), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) pixel(i * n.depth);
  });
}

absl::StatusOr<KernelRun> LRNPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(const FloatView view, FloatView::Make(p, {0}, {0}));
  return KernelRun([n = Normalizer(p), view](KernelContext& c) {
    const float* x = view.Input(c, 0);
    float* y = view.Output(c, 0);
    ForEachPixel(n, c.input(0), [&](int64_t at) {
      for (int64_t d = 0; d < n.depth; ++d) y[at + d] = x[at + d] * n.Power(n.Norm(x + at, d));
    });
    view.Finish(c);
    return absl::OkStatus();
  });
}

void PixelGradient(const Normalizer& n, const float* dy, const float* x, const float* y,
                   float* dx) {
  std::fill_n(dx, n.depth, 0.0f);
  for (int64_t d = 0; d < n.depth; ++d) {
    const float norm = n.Norm(x, d);
    const float shared = -2 * n.alpha * n.beta * y[d] / norm * dy[d];
    for (int64_t k = n.begin(d); k < n.end(d); ++k) dx[k] += shared * x[k];
    if (n.radius >= 0) dx[d] += n.Power(norm) * dy[d];
  }
}

absl::StatusOr<KernelRun> LRNGradPrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(const FloatView view, FloatView::Make(p, {0, 1, 2}, {0}));
  return KernelRun([n = Normalizer(p), view](KernelContext& c) {
    const float *dy = view.Input(c, 0), *x = view.Input(c, 1), *y = view.Input(c, 2);
    float* dx = view.Output(c, 0);
    ForEachPixel(n, c.input(0),
                 [&](int64_t at) { PixelGradient(n, dy + at, x + at, y + at, dx + at); });
    view.Finish(c);
    return absl::OkStatus();
  });
}

// --- gradients ---

Outputs LRNGradient(At at, const Node& op, const Outputs& dy) {
  AttrMap attrs;
  for (const char* name : {"depth_radius", "bias", "alpha", "beta"})
    attrs[name] = op.attrs().find(name)->second;
  return {at.Node("LRNGrad", {dy[0], op.input(0), op.output(0)}, std::move(attrs))};
}

AttrMap Attrs(const LRNOptions& o) {
  return {{"depth_radius", o.depth_radius}, {"bias", o.bias}, {"alpha", o.alpha}, {"beta", o.beta}};
}

}  // namespace

OpSpec LRNOp() {
  return OpSpec("LRN")
      .Input("input: T")
      .Output("output: T")
      .Attr("depth_radius: int = 5")
      .Attr("bias: float = 1.0")
      .Attr("alpha: float = 1.0")
      .Attr("beta: float = 0.5")
      .Attr("T: {half, bfloat16, float} = DT_FLOAT")
      .Shape(LRNShape)
      .Prepare(LRNPrepare)
      .Gradient(LRNGradient);
}
OpSpec LRNGradOp() {
  return OpSpec("LRNGrad")
      .Input("input_grads: T")
      .Input("input_image: T")
      .Input("output_image: T")
      .Output("output: T")
      .Attr("depth_radius: int = 5")
      .Attr("bias: float = 1.0")
      .Attr("alpha: float = 1.0")
      .Attr("beta: float = 0.5")
      .Attr("T: {half, bfloat16, float} = DT_FLOAT")
      .Shape(LRNGradShape)
      .Prepare(LRNGradPrepare)
      .NotDifferentiable("TensorFlow has no gradient for it");
}

Output LRN(At at, Output input, const LRNOptions& options) {
  return at.Node("LRN", {input}, Attrs(options));
}
Output LRNGrad(At at, Output input_grads, Output input_image, Output output_image,
               const LRNOptions& options) {
  return at.Node("LRNGrad", {input_grads, input_image, output_image}, Attrs(options));
}

}  // namespace sluice::ops
