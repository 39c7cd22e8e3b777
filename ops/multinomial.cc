// Multinomial, StatelessMultinomial: a uniform number is looked up in the running sums of the
// probabilities.
#include "ops/multinomial.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "core/threads.h"
#include "graph/graph.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/kernels/random_fill.h"
#include "ops/random_util.h"

namespace sluice::ops {
namespace {

absl::Status MultinomialShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape logits, c.WithRank(0, 2));
  SLUICE_RETURN_IF_ERROR(c.WithRank(1, 0).status());
  int64_t samples = -1;
  if (const Tensor* value = c.value(1)) {
    SLUICE_ASSIGN_OR_RETURN(samples, ReadInt(*value, "num_samples"));
    if (samples < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("num_samples should be nonnegative, got ", samples));
    }
  }
  TensorShape shape = {logits.dim(0), samples};
  SLUICE_RETURN_IF_ERROR(shape.Check());
  c.set_output(0, std::move(shape));
  return absl::OkStatus();
}

absl::Status StatelessShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(CheckSeedShape(c, 2));
  return MultinomialShape(c);
}

// sums[j] = the sum of exp(logits[i] - the greatest) over all i <= j.
template <typename T>
void RunningSums(const T* logits, int64_t classes, double* sums) {
  double greatest = std::numeric_limits<double>::lowest();
  for (int64_t j = 0; j < classes; ++j) {
    sums[j] = static_cast<double>(
        static_cast<std::conditional_t<sizeof(T) == 8, double, float>>(logits[j]));
    if (std::isfinite(sums[j])) greatest = std::max(greatest, sums[j]);
  }
  double total = 0;
  for (int64_t j = 0; j < classes; ++j) {
    if (std::isfinite(sums[j])) total += std::exp(sums[j] - greatest);
    sums[j] = total;
  }
}

// Sample k of the whole result uses numbers k of the stream (FillUniform's doubles): half a block.
template <typename T, typename Class>
void DrawRows(const kernels::RandomStream& stream, const Tensor& logits, double* scratch,
              Tensor& out) {
  const int64_t classes = logits.dim(1), samples = out.dim(1);
  const Philox random(stream.key, stream.stream);
  Class* to = out.mutable_data<Class>();
  for (int64_t b = 0; b < out.dim(0); ++b) {
    RunningSums(logits.data<T>() + b * classes, classes, scratch);
    const double total = scratch[classes - 1];
    ParallelFor(samples, GrainFor(40), [&](int64_t begin, int64_t end) {
      for (int64_t k = b * samples + begin; k < b * samples + end; ++k) {
        const Philox::Block block = random(static_cast<uint64_t>(k / 2));
        const int first = k % 2 == 0 ? 0 : 2;
        const double wanted = UniformDouble(block[first], block[first + 1]) * total;
        to[k] = static_cast<Class>(std::upper_bound(scratch, scratch + classes, wanted) - scratch);
      }
    });
  }
}

absl::Status Draw(const kernels::RandomStream& stream, KernelContext& c) {
  const Tensor& logits = c.input(0);
  Tensor& out = c.output(0);
  if (logits.dim(1) == 0) {
    return absl::InvalidArgumentError("num_classes should be positive, got 0");
  }
  if (out.num_elements() == 0) return absl::OkStatus();
  auto* scratch = static_cast<double*>(c.scratch());
  return Dispatch<float, double, Half, BFloat16>(logits.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    if (out.dtype() == DType::kInt32) {
      DrawRows<T, int32_t>(stream, logits, scratch, out);
    } else {
      DrawRows<T, int64_t>(stream, logits, scratch, out);
    }
    return absl::OkStatus();
  });
}

void RequestSums(PrepareContext& p) {
  const TensorShape& logits = p.input_shape(0);
  if (logits.num_elements() == 0) return;
  p.RequestScratch(logits.dim(1) * static_cast<int64_t>(sizeof(double)));
}

absl::StatusOr<KernelRun> MultinomialPrepare(PrepareContext& p) {
  RequestSums(p);
  return KernelRun([seed = p.attr<int64_t>("seed"), seed2 = p.attr<int64_t>("seed2")](
                       KernelContext& c) { return Draw(StreamOf(c, seed, seed2), c); });
}

absl::StatusOr<KernelRun> StatelessPrepare(PrepareContext& p) {
  RequestSums(p);
  return KernelRun([](KernelContext& c) -> absl::Status {
    SLUICE_ASSIGN_OR_RETURN(const kernels::RandomStream stream, StatelessStreamOf(c.input(2)));
    return Draw(stream, c);
  });
}

OpSpec& Finish(OpSpec& spec) {
  return spec
      .NoKernelFor("T",
                   {DType::kInt8, DType::kInt16, DType::kInt32, DType::kInt64, DType::kUint8,
                    DType::kUint16, DType::kUint32, DType::kUint64},
                   "logarithms of probabilities are floating")
      .NotDifferentiable("a choice of classes has no derivative");
}

}  // namespace

OpSpec MultinomialOp() {
  OpSpec spec("Multinomial");
  spec.Input("logits: T")
      .Input("num_samples: int32")
      .Output("output: output_dtype")
      .Attr("seed: int = 0")
      .Attr("seed2: int = 0")
      .Attr("T: realnumbertype")
      .Attr("output_dtype: {int32, int64} = DT_INT64")
      .Shape(MultinomialShape)
      .Prepare(MultinomialPrepare)
      .Random();
  return Finish(spec);
}

OpSpec StatelessMultinomialOp() {
  OpSpec spec("StatelessMultinomial");
  spec.Input("logits: T")
      .Input("num_samples: int32")
      .Input("seed: Tseed")
      .Output("output: output_dtype")
      .Attr("T: realnumbertype")
      .Attr("Tseed: {int32, int64} = DT_INT64")
      .Attr("output_dtype: {int32, int64} = DT_INT64")
      .Shape(StatelessShape)
      .Prepare(StatelessPrepare);
  return Finish(spec);
}

Output Multinomial(At at, Output logits, Ints num_samples, MultinomialOptions options) {
  const auto [seed, seed2] = at.graph().OpSeeds(options.seed);
  const At in = at.Composite("Multinomial");
  return in.AsScope().Node(
      "Multinomial", {logits, num_samples.Tensor(in, "num_samples")},
      {{"seed", seed}, {"seed2", seed2}, {"output_dtype", options.output_dtype}});
}

Output StatelessMultinomial(At at, Output logits, Ints num_samples, Output seed,
                            DType output_dtype) {
  const At in = at.Composite("StatelessMultinomial");
  return in.AsScope().Node("StatelessMultinomial",
                           {logits, num_samples.Tensor(in, "num_samples"), seed},
                           {{"output_dtype", output_dtype}});
}

}  // namespace sluice::ops
