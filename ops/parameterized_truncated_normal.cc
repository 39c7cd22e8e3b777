#include "ops/parameterized_truncated_normal.h"

#include <algorithm>
#include <atomic>
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

enum Input { kShape, kMeans, kStdevs, kMinvals, kMaxvals };
constexpr const char* kNames[] = {"shape", "means", "stddevs", "minvals", "maxvals"};

absl::Status CheckParameter(int i, const TensorShape& parameter, int64_t rows) {
  if (parameter.rank() > 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "Input ", kNames[i], " should be a scalar or vector, got shape: ", parameter.ToString()));
  }
  const int64_t length = parameter.rank() == 1 ? parameter.dim(0) : 1;
  if (length < 0 || rows < 0 || length == 1 || length == rows) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "Input ", kNames[i], " should have length 1 or shape[0], got shape: ", parameter.ToString()));
}

absl::Status TruncatedShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(RandomShape(c));
  const TensorShape& shape = c.output(0);
  if (shape.rank() == 0) {
    return absl::InvalidArgumentError("shape must have one dimension at least, got []");
  }
  const int64_t rows = shape.rank_known() ? shape.dim(0) : -1;
  for (int i = kMeans; i <= kMaxvals; ++i) {
    SLUICE_RETURN_IF_ERROR(CheckParameter(i, c.input(i), rows));
  }
  return absl::OkStatus();
}

template <typename T>
double ParameterAt(const Tensor& parameter, int64_t row) {
  const T value = parameter.data<T>()[parameter.num_elements() == 1 ? 0 : row];
  if constexpr (std::is_same_v<T, double>) {
    return value;
  } else {
    return static_cast<double>(static_cast<float>(value));
  }
}

absl::Status InvalidParameters(double mean, double stdev, double low, double high) {
  return absl::InvalidArgumentError(absl::StrCat("Invalid parameters: mean ", mean, ", stdev ",
                                                 stdev, ", minval ", low, ", maxval ", high));
}

// False when a sampler gave up.
template <typename T>
bool FillRow(const kernels::RandomStream& stream, const kernels::TruncatedNormalSampler& sampler,
             double low, double high, int64_t first, T* to, int64_t n) {
  constexpr int kBitsPerSample = 20;  // of the block's number: far more than 1000 tries need
  std::atomic<bool> all_found{true};
  ParallelFor(n, GrainFor(150), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      kernels::NumberSource numbers(stream, static_cast<uint64_t>(first + i) << kBitsPerSample);
      double sample = 0;
      if (!sampler(numbers, &sample)) all_found = false;
      sample = std::clamp(sample, low, high);
      if constexpr (std::is_same_v<T, double>) {
        to[i] = sample;
      } else {
        to[i] = T(static_cast<float>(sample));
      }
    }
  });
  return all_found;
}

template <typename T>
absl::Status Fill(const kernels::RandomStream& stream, KernelContext& c) {
  Tensor& out = c.output(0);
  const int64_t rows = out.dim(0), length = rows > 0 ? out.num_elements() / rows : 0;
  for (int64_t row = 0; row < rows && length > 0; ++row) {
    const double mean = ParameterAt<T>(c.input(kMeans), row);
    const double stdev = ParameterAt<T>(c.input(kStdevs), row);
    const double low = ParameterAt<T>(c.input(kMinvals), row);
    const double high = ParameterAt<T>(c.input(kMaxvals), row);
    if (!kernels::TruncatedNormalSampler::Valid(stdev, low, high)) {
      return InvalidParameters(mean, stdev, low, high);
    }
    const kernels::TruncatedNormalSampler sampler(mean, stdev, low, high);
    T* to = out.mutable_data<T>() + row * length;
    if (!FillRow(stream, sampler, low, high, row * length, to, length)) {
      return absl::InvalidArgumentError(
          absl::StrCat("TruncatedNormal rejection sampler failed to accept a sample: mean ", mean,
                       ", stdev ", stdev, ", minval ", low, ", maxval ", high));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> TruncatedPrepare(PrepareContext& p) {
  return KernelRun([seed = p.attr<int64_t>("seed"),
                    seed2 = p.attr<int64_t>("seed2")](KernelContext& c) -> absl::Status {
    const kernels::RandomStream stream = StreamOf(c, seed, seed2);
    for (int i = kMeans; i <= kMaxvals; ++i) {
      SLUICE_RETURN_IF_ERROR(CheckParameter(i, c.input(i).shape(), c.output(0).dim(0)));
    }
    return Dispatch<float, double, Half, BFloat16>(c.output(0).dtype(), [&](auto tag) {
      return Fill<typename decltype(tag)::type>(stream, c);
    });
  });
}

}  // namespace

OpSpec ParameterizedTruncatedNormalOp() {
  return OpSpec("ParameterizedTruncatedNormal")
      .Input("shape: T")
      .Input("means: dtype")
      .Input("stdevs: dtype")
      .Input("minvals: dtype")
      .Input("maxvals: dtype")
      .Output("output: dtype")
      .Attr("seed: int = 0")
      .Attr("seed2: int = 0")
      .Attr("dtype: {half, bfloat16, float, double}")
      .Attr("T: {int32, int64}")
      .Shape(TruncatedShape)
      .Prepare(TruncatedPrepare)
      .Random()
      .NotDifferentiable("TensorFlow gives it no gradient");
}

Output ParameterizedTruncatedNormal(At at, Ints shape, Output means, Output stdevs, Output minvals,
                                    Output maxvals, std::optional<int64_t> seed) {
  const auto [seed1, seed2] = at.graph().OpSeeds(seed);
  const At in = at.Composite("ParameterizedTruncatedNormal");
  return in.AsScope().Node("ParameterizedTruncatedNormal",
                           {shape.Tensor(in, "shape"), means, stdevs, minvals, maxvals},
                           {{"seed", seed1}, {"seed2", seed2}});
}

}  // namespace sluice::ops
