#include "ops/ragged_range.h"

#include <cmath>
#include <limits>
#include <vector>

#include "core/status.h"
#include "graph/op_spec.h"
#include "ops/kernels/accumulate.h"

namespace sluice::ops {
namespace {

constexpr const char* kNames[] = {"starts", "limits", "deltas"};

// The number of rows: of the inputs that are vectors; 1 when all are scalars, -1 when not known.
absl::StatusOr<int64_t> CountRows(const TensorShape shapes[3]) {
  TensorShape rows = {-1};
  bool known = true, vector = false;
  for (int i = 0; i < 3; ++i) {
    if (!shapes[i].rank_known()) {
      known = false;
      continue;
    }
    if (shapes[i].rank() > 1) {
      return absl::InvalidArgumentError(absl::StrCat(kNames[i], " must be a scalar or vector"));
    }
    if (shapes[i].rank() == 0) continue;
    vector = true;
    if (!rows.CompatibleWith(shapes[i])) {
      return absl::InvalidArgumentError("starts, limits, and deltas must have the same shape");
    }
    SLUICE_ASSIGN_OR_RETURN(rows, rows.MergeWith(shapes[i]));
  }
  return known && !vector ? 1 : rows.dim(0);
}

absl::Status RangeShape(ShapeContext& c) {
  const TensorShape shapes[] = {c.input(0), c.input(1), c.input(2)};
  SLUICE_ASSIGN_OR_RETURN(const int64_t rows, CountRows(shapes));
  c.set_output(0, {rows < 0 ? -1 : rows + 1});
  c.set_output(1, TensorShape::OfRank(1));
  return absl::OkStatus();
}

template <typename T>
bool IsZero(const T& x) {
  if constexpr (kIsHalf<T>) {
    return static_cast<float>(x) == 0;
  } else {
    return x == 0;
  }
}

// Elements of one row, or more than any tensor has.
template <typename T>
int64_t RangeSize(T start, T limit, T delta) {
  if constexpr (std::is_integral_v<T>) {
    if (delta > 0 ? limit <= start : limit >= start) return 0;
    const uint64_t distance = delta > 0
                                  ? static_cast<uint64_t>(limit) - static_cast<uint64_t>(start)
                                  : static_cast<uint64_t>(start) - static_cast<uint64_t>(limit);
    const uint64_t step = delta > 0 ? static_cast<uint64_t>(delta) : -static_cast<uint64_t>(delta);
    const uint64_t count = (distance - 1) / step + 1;
    return count > static_cast<uint64_t>(kMaxElements) ? kMaxElements + 1
                                                       : static_cast<int64_t>(count);
  } else {
    if ((delta > 0 && limit < start) || (delta < 0 && limit > start)) return 0;
    const double count = std::ceil(std::abs((limit - start) / delta));
    return count <= static_cast<double>(kMaxElements) ? static_cast<int64_t>(count)
                                                      : kMaxElements + 1;  // NaN too
  }
}

template <typename T, typename Split>
absl::Status RangeRun(KernelContext& c) {
  const TensorShape shapes[] = {c.input(0).shape(), c.input(1).shape(), c.input(2).shape()};
  SLUICE_ASSIGN_OR_RETURN(const int64_t rows, CountRows(shapes));
  const auto at = [&](int i, int64_t row) {
    return c.input(i).data<T>()[shapes[i].rank() == 0 ? 0 : row];
  };
  SLUICE_ASSIGN_OR_RETURN(Tensor * splits, c.Allocate(0, {rows + 1}));
  Split* split = splits->mutable_data<Split>();
  int64_t total = 0;
  split[0] = 0;
  for (int64_t row = 0; row < rows; ++row) {
    if (IsZero(at(2, row))) return absl::InvalidArgumentError("Requires delta != 0");
    if constexpr (kIsHalf<T>) {
      total += RangeSize(static_cast<float>(at(0, row)), static_cast<float>(at(1, row)),
                         static_cast<float>(at(2, row)));
    } else {
      total += RangeSize(at(0, row), at(1, row), at(2, row));
    }
    if (total > std::min<int64_t>(kMaxElements, std::numeric_limits<Split>::max())) {
      return absl::InvalidArgumentError("Requires ((limit - start) / delta) <= the largest size");
    }
    split[row + 1] = static_cast<Split>(total);
  }
  SLUICE_ASSIGN_OR_RETURN(Tensor * values, c.Allocate(1, {total}));
  T* to = values->mutable_data<T>();
  for (int64_t row = 0; row < rows; ++row) {
    T value = at(0, row);
    for (int64_t k = split[row]; k < split[row + 1]; ++k) {
      *to++ = value;
      value = Plus(value, at(2, row));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> RangePrepare(PrepareContext& p) {
  KernelRun run;
  SLUICE_RETURN_IF_ERROR(
      (Dispatch<BFloat16, float, double, int32_t, int64_t>(p.input_dtype(0), [&](auto tag) {
        using T = typename decltype(tag)::type;
        run = p.output_dtype(0) == DType::kInt32 ? &RangeRun<T, int32_t> : &RangeRun<T, int64_t>;
        return absl::OkStatus();
      })));
  return run;
}

}  // namespace

OpSpec RaggedRangeOp() {
  return OpSpec("RaggedRange")
      .Input("starts: T")
      .Input("limits: T")
      .Input("deltas: T")
      .Output("rt_nested_splits: Tsplits")
      .Output("rt_dense_values: T")
      .Attr("T: {bfloat16, float, double, int32, int64} = DT_INT32")
      .Attr("Tsplits: {int32, int64} = DT_INT64")
      .Shape(RangeShape)
      .Prepare(RangePrepare)
      .NotDifferentiable("TensorFlow defines no gradient for it");
}

Outputs RaggedRange(At at, Output starts, Output limits, Output deltas,
                    const RaggedRangeOptions& options) {
  return at.Nodes("RaggedRange", {starts, limits, deltas}, {{"Tsplits", options.Tsplits}});
}

}  // namespace sluice::ops
