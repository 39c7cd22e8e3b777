#include "ops/random_poisson.h"

#include <limits>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "core/threads.h"
#include "graph/graph.h"
#include "graph/op_spec.h"
#include "ops/kernels/random_samplers.h"
#include "ops/random_util.h"

namespace sluice::ops {
namespace {

absl::Status PoissonShape(ShapeContext& c) { return SampleShape(c, 1); }

constexpr double kMostHalf = 65504;

// The largest number of a type.
double MostOf(DType dtype) {
  switch (dtype) {
    case DType::kHalf:
      return kMostHalf;
    case DType::kFloat:
      return std::numeric_limits<float>::max();
    case DType::kInt32:
      return std::numeric_limits<int32_t>::max();
    case DType::kInt64:  // rounded down to a double
      return 9223372036854774784.0;
    default:
      return std::numeric_limits<double>::max();
  }
}

// Element i of a tensor of these five types.
double RateAt(const Tensor& rates, int64_t i) {
  switch (rates.dtype()) {
    case DType::kHalf:
      return static_cast<float>(rates.data<Half>()[i]);
    case DType::kFloat:
      return rates.data<float>()[i];
    case DType::kInt32:
      return rates.data<int32_t>()[i];
    case DType::kInt64:
      return static_cast<double>(rates.data<int64_t>()[i]);
    default:
      return rates.data<double>()[i];
  }
}

absl::Status CheckRates(const Tensor& rates, double most) {
  for (int64_t i = 0; i < rates.num_elements(); ++i) {
    const double rate = RateAt(rates, i);
    if (!(rate <= most)) {
      return absl::InvalidArgumentError(
          absl::StrCat("rate must be a number up to ", most, ", got ", rate));
    }
  }
  return absl::OkStatus();
}

// Samples lie next to those of the other rates; their blocks of the stream, to those of the same.
template <typename T>
void FillPoisson(const kernels::RandomStream& stream, const Tensor& rates, double most,
                 Tensor& out) {
  const int64_t count = rates.num_elements();
  const int64_t samples = count > 0 ? out.num_elements() / count : 0;
  T* to = out.mutable_data<T>();
  ParallelFor(out.num_elements(), GrainFor(300), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t r = i / samples, s = i % samples;
      kernels::NumberSource numbers(stream, static_cast<uint64_t>(i) * kernels::kBlocksPerSample);
      const double sample = kernels::PoissonSampler(RateAt(rates, r), most)(numbers);
      if constexpr (std::is_same_v<T, Half>) {
        to[s * count + r] = Half(static_cast<float>(sample));
      } else {
        to[s * count + r] = static_cast<T>(sample);
      }
    }
  });
}

absl::StatusOr<KernelRun> PoissonPrepare(PrepareContext& p) {
  const double most = MostOf(p.output_dtype(0));
  return KernelRun([most, seed = p.attr<int64_t>("seed"),
                    seed2 = p.attr<int64_t>("seed2")](KernelContext& c) -> absl::Status {
    const kernels::RandomStream stream = StreamOf(c, seed, seed2);
    SLUICE_RETURN_IF_ERROR(CheckRates(c.input(1), most));
    Tensor& out = c.output(0);
    return Dispatch<float, double, Half, int32_t, int64_t>(out.dtype(), [&](auto tag) {
      FillPoisson<typename decltype(tag)::type>(stream, c.input(1), most, out);
      return absl::OkStatus();
    });
  });
}

OpSpec& Finish(OpSpec& spec) {
  return spec.Shape(PoissonShape)
      .Prepare(PoissonPrepare)
      .Random()
      .NotDifferentiable("whole numbers have no derivative");
}

}  // namespace

OpSpec RandomPoissonOp() {
  OpSpec spec("RandomPoisson");
  spec.Input("shape: S")
      .Input("rate: dtype")
      .Output("output: dtype")
      .Attr("seed: int = 0")
      .Attr("seed2: int = 0")
      .Attr("S: {int32, int64}")
      .Attr("dtype: {half, float, double}");
  return Finish(spec);
}

OpSpec RandomPoissonV2Op() {
  OpSpec spec("RandomPoissonV2");
  spec.Input("shape: S")
      .Input("rate: R")
      .Output("output: dtype")
      .Attr("seed: int = 0")
      .Attr("seed2: int = 0")
      .Attr("S: {int32, int64}")
      .Attr("R: {half, float, double, int32, int64} = DT_DOUBLE")
      .Attr("dtype: {half, float, double, int32, int64} = DT_INT64");
  return Finish(spec);
}

Output RandomPoissonV2(At at, Ints shape, Output rate, RandomPoissonOptions options) {
  const auto [seed, seed2] = at.graph().OpSeeds(options.seed);
  const At in = at.Composite("RandomPoissonV2");
  return in.AsScope().Node("RandomPoissonV2", {shape.Tensor(in, "shape"), rate},
                           {{"seed", seed}, {"seed2", seed2}, {"dtype", options.dtype}});
}

}  // namespace sluice::ops
