// HistogramFixedWidth: out[b] = how many values lie in [low + b step, low + (b + 1) step).
// Bucketize: y[i] = how many boundaries are <= x[i].
#include "ops/histogram.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "core/kernel.h"
#include "core/status.h"
#include "core/threads.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"

namespace sluice::ops {
namespace {

// --- shape functions ---

absl::StatusOr<int64_t> ReadBins(const Tensor& nbins) {
  SLUICE_ASSIGN_OR_RETURN(const int64_t bins, ReadInt(nbins, "nbins"));
  if (bins > 0) return bins;
  return absl::InvalidArgumentError(
      absl::StrCat("nbins should be a positive number, but got '", bins, "'"));
}

absl::Status HistogramShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape range, c.WithRank(1, 1));
  if (range.dim(0) >= 0 && range.dim(0) != 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("Dimension must be 2 but is ", range.dim(0),
                     ": value_range should be a vector of 2 elements"));
  }
  SLUICE_RETURN_IF_ERROR(c.WithRank(2, 0).status());
  int64_t bins = -1;
  if (c.value(2)) {
    SLUICE_ASSIGN_OR_RETURN(bins, ReadBins(*c.value(2)));
  }
  c.set_output(0, {bins});
  return absl::OkStatus();
}

// --- kernels ---

template <typename T>
absl::Status CheckRange(T low, T high) {
  if (low < high) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("value_range should satisfy value_range[0] < value_range[1], but got '[", low,
                   ", ", high, "]'"));
}

// high - low, rounded to T before it is double, as in TensorFlow: that decides about numbers on
// the edges.
template <typename T>
double Distance(T low, T high) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<double>(high) - static_cast<double>(low);
  } else {
    return static_cast<double>(high - low);
  }
}

template <typename T>
int64_t BinOf(T value, T low, T high, double step, int64_t bins) {
  if (!(value > low)) return 0;
  if (!(value < high)) return bins - 1;
  const double place = Distance(low, value) / step;
  return place < static_cast<double>(bins - 1) ? static_cast<int64_t>(place) : bins - 1;
}

template <typename T, typename Count>
absl::Status CountBins(KernelContext& c, int64_t bins) {
  const absl::Span<const T> values = c.input(0).flat<T>(), range = c.input(1).flat<T>();
  SLUICE_RETURN_IF_ERROR(CheckRange(range[0], range[1]));
  const absl::Span<Count> counts = c.output(0).mutable_flat<Count>();
  std::fill(counts.begin(), counts.end(), Count{0});
  const double step = Distance(range[0], range[1]) / static_cast<double>(bins);
  for (const T value : values) ++counts[BinOf(value, range[0], range[1], step, bins)];
  return absl::OkStatus();
}

absl::Status HistogramKernel(KernelContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const int64_t bins, ReadBins(c.input(2)));
  SLUICE_RETURN_IF_ERROR(CheckOutputShape(c, 0, {bins}));
  return Dispatch<float, double, int32_t, int64_t>(c.input(0).dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    return c.output(0).dtype() == DType::kInt32 ? CountBins<T, int32_t>(c, bins)
                                                : CountBins<T, int64_t>(c, bins);
  });
}

absl::StatusOr<KernelRun> BucketizePrepare(PrepareContext& p) {
  const std::vector<float> boundaries = p.attr<std::vector<float>>("boundaries");
  if (!std::is_sorted(boundaries.begin(), boundaries.end()))
    return absl::InvalidArgumentError("Expected sorted boundaries");
  return [boundaries](KernelContext& c) {
    return Dispatch<float, double, int32_t, int64_t>(c.input(0).dtype(), [&](auto tag) {
      using T = typename decltype(tag)::type;
      using Wide = std::conditional_t<std::is_same_v<T, double>, double, float>;
      const T* x = c.input(0).data<T>();
      int32_t* y = c.output(0).mutable_data<int32_t>();
      ParallelFor(c.input(0).num_elements(), GrainFor(10), [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          const auto above =
              std::upper_bound(boundaries.begin(), boundaries.end(), static_cast<Wide>(x[i]));
          y[i] = static_cast<int32_t>(above - boundaries.begin());
        }
      });
      return absl::OkStatus();
    });
  };
}

constexpr const char* kTypes = "T: {int32, int64, float, double}";
constexpr const char* kNotSmooth = "its result is a count";

}  // namespace

OpSpec HistogramFixedWidthOp() {
  return OpSpec("HistogramFixedWidth")
      .Input("values: T")
      .Input("value_range: T")
      .Input("nbins: int32")
      .Output("out: dtype")
      .Attr(kTypes)
      .Attr("dtype: {int32, int64} = DT_INT32")
      .Shape(HistogramShape)
      .Kernel(HistogramKernel)
      .NotDifferentiable(kNotSmooth);
}

OpSpec BucketizeOp() {
  return OpSpec("Bucketize")
      .Input("input: T")
      .Output("output: int32")
      .Attr(kTypes)
      .Attr("boundaries: list(float)")
      .Shape(shapes::SameAsInput)
      .Prepare(BucketizePrepare)
      .NotDifferentiable(kNotSmooth);
}

Output HistogramFixedWidth(At at, Output values, Output value_range, Ints nbins,
                           const HistogramFixedWidthOptions& options) {
  return at.Node("HistogramFixedWidth", {values, value_range, nbins.Tensor(at, "nbins")},
                 {{"dtype", options.dtype}});
}

Output Bucketize(At at, Output input, const std::vector<float>& boundaries) {
  return at.Node("Bucketize", {input}, {{"boundaries", boundaries}});
}

}  // namespace sluice::ops
