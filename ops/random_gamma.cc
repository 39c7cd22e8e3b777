#include "ops/random_gamma.h"

#include <memory>

#include "Eigen/Core"
#include "core/status.h"
#include "core/threads.h"
#include "graph/graph.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/kernels/broadcast.h"
#include "ops/kernels/random_samplers.h"
#include "ops/random_util.h"
#include "ops/range.h"
#include "ops/reduction.h"
#include "ops/shape.h"
#include "unsupported/Eigen/SpecialFunctions"

namespace sluice::ops {
namespace {

absl::Status GammaShape(ShapeContext& c) { return SampleShape(c, 1); }

// --- RandomGamma ---------------------------------------------------------------------------------

double Widened(double x) { return x; }
double Widened(Half x) { return static_cast<double>(static_cast<float>(x)); }

// Samples lie next to those of the other alphas; their blocks of the stream, to those of the same.
template <typename T>
void FillGamma(const kernels::RandomStream& stream, const Tensor& alpha, Tensor& out) {
  const int64_t alphas = alpha.num_elements();
  const int64_t samples = alphas > 0 ? out.num_elements() / alphas : 0;
  const T* parameters = alpha.data<T>();
  T* to = out.mutable_data<T>();
  ParallelFor(out.num_elements(), GrainFor(250), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t a = i / samples, s = i % samples;
      kernels::NumberSource numbers(stream, static_cast<uint64_t>(i) * kernels::kBlocksPerSample);
      const double sample = kernels::GammaSampler(Widened(parameters[a]))(numbers);
      if constexpr (std::is_same_v<T, Half>) {
        to[s * alphas + a] = Half(static_cast<float>(sample));
      } else {
        to[s * alphas + a] = static_cast<T>(sample);
      }
    }
  });
}

absl::StatusOr<KernelRun> GammaPrepare(PrepareContext& p) {
  return KernelRun(
      [seed = p.attr<int64_t>("seed"), seed2 = p.attr<int64_t>("seed2")](KernelContext& c) {
        const kernels::RandomStream stream = StreamOf(c, seed, seed2);
        return Dispatch<float, double, Half>(c.input(1).dtype(), [&](auto tag) {
          FillGamma<typename decltype(tag)::type>(stream, c.input(1), c.output(0));
          return absl::OkStatus();
        });
      });
}

// d/d alpha of every sample, summed over the samples of each alpha, which are the leading
// dimensions.
Outputs GammaGradient(At at, const Node& op, const Outputs& dy) {
  const Output partial = RandomGammaGrad(at, op.input(1), op.output(0));
  const Output product = at.Node("Mul", {dy[0], partial});
  const Output dimensions = SizeTensor(at, op.input(0));
  return {Output(), Sum(at, product, Range(at, 0, dimensions, 1))};
}

// --- RandomGammaGrad -----------------------------------------------------------------------------

// Steps are 1, or 0 where one element stands for all.
template <typename T, int kAlphaStep, int kSampleStep>
bool GammaGradLoop(const void* alpha, const void* sample, void* out, int64_t n) {
  const T *a = static_cast<const T*>(alpha), *x = static_cast<const T*>(sample);
  for (int64_t i = 0; i < n; ++i) {
    static_cast<T*>(out)[i] =
        Eigen::numext::gamma_sample_der_alpha(a[i * kAlphaStep], x[i * kSampleStep]);
  }
  return true;
}

template <typename T>
kernels::BinaryKernel GammaGradKernel() {
  return {GammaGradLoop<T, 1, 1>, GammaGradLoop<T, 0, 1>, GammaGradLoop<T, 1, 0>, 1000};
}

absl::StatusOr<KernelRun> GammaGradPrepare(PrepareContext& p) {
  const DType dtype = p.input_dtype(0);
  const kernels::BinaryKernel kernel =
      dtype == DType::kFloat ? GammaGradKernel<float>() : GammaGradKernel<double>();
  auto plan = std::make_shared<const kernels::BroadcastBinary>(kernel, dtype, dtype,
                                                               p.input_shape(0), p.input_shape(1));
  return KernelRun([plan](KernelContext& c) {
    plan->Run(c.input(0).raw(), c.input(1).raw(), c.output(0).mutable_raw());
    return absl::OkStatus();
  });
}

}  // namespace

OpSpec RandomGammaOp() {
  return OpSpec("RandomGamma")
      .Input("shape: S")
      .Input("alpha: T")
      .Output("output: T")
      .Attr("seed: int = 0")
      .Attr("seed2: int = 0")
      .Attr("S: {int32, int64}")
      .Attr("T: {half, float, double}")
      .Shape(GammaShape)
      .Prepare(GammaPrepare)
      .Random()
      .Gradient(GammaGradient);
}

OpSpec RandomGammaGradOp() {
  return OpSpec("RandomGammaGrad")
      .Input("alpha: T")
      .Input("sample: T")
      .Output("output: T")
      .Attr("T: {float, double}")
      .Shape(shapes::BroadcastBinary)
      .Prepare(GammaGradPrepare)
      .NotDifferentiable("TensorFlow has no second derivative of gamma samples");
}

Output RandomGamma(At at, Ints shape, Output alpha, std::optional<int64_t> seed) {
  const auto [seed1, seed2] = at.graph().OpSeeds(seed);
  const At in = at.Composite("RandomGamma");
  return in.AsScope().Node("RandomGamma", {shape.Tensor(in, "shape"), alpha},
                           {{"seed", seed1}, {"seed2", seed2}});
}

Output RandomGammaGrad(At at, Output alpha, Output sample) {
  return at.Node("RandomGammaGrad", {alpha, sample});
}

}  // namespace sluice::ops
