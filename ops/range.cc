// Range: y[0] = start, y[i] = y[i - 1] + delta (rounded every time, as TensorFlow does). LinSpace:
// y[i] = start + i * (stop - start) / (num - 1), y[num - 1] = stop.
#include "ops/range.h"

#include <cmath>
#include <type_traits>

#include "core/status.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/kernels/accumulate.h"

namespace sluice::ops {
namespace {

// The type in which T is computed.
template <typename T>
using Wide = std::conditional_t<std::is_integral_v<T>, int64_t,
                                std::conditional_t<std::is_same_v<T, double>, double, float>>;

absl::Status TooLong(double count) {
  return absl::InvalidArgumentError(absl::StrCat("Range would have ", count, " elements, at most ",
                                                 kMaxElements, " are possible"));
}

template <typename T>
absl::StatusOr<int64_t> RangeSize(const Tensor& start_tensor, const Tensor& limit_tensor,
                                  const Tensor& delta_tensor) {
  const auto start = static_cast<Wide<T>>(start_tensor.scalar<T>());
  const auto limit = static_cast<Wide<T>>(limit_tensor.scalar<T>());
  const auto delta = static_cast<Wide<T>>(delta_tensor.scalar<T>());
  if (delta == 0) return absl::InvalidArgumentError("Requires delta != 0");
  if (delta > 0 ? start > limit : start < limit) {
    return absl::InvalidArgumentError(
        absl::StrCat("Requires start ", delta > 0 ? "<=" : ">=", " limit when delta ",
                     delta > 0 ? ">" : "<", " 0: ", start, "/", limit));
  }
  if constexpr (std::is_integral_v<T>) {
    const uint64_t distance = delta > 0
                                  ? static_cast<uint64_t>(limit) - static_cast<uint64_t>(start)
                                  : static_cast<uint64_t>(start) - static_cast<uint64_t>(limit);
    const uint64_t step = delta > 0 ? static_cast<uint64_t>(delta) : -static_cast<uint64_t>(delta);
    const uint64_t count = distance / step + (distance % step != 0);
    if (count > static_cast<uint64_t>(kMaxElements)) return TooLong(static_cast<double>(count));
    return static_cast<int64_t>(count);
  } else {
    const double count = std::ceil(std::abs(static_cast<double>((limit - start) / delta)));
    if (!(count <= static_cast<double>(kMaxElements))) return TooLong(count);
    return static_cast<int64_t>(count);
  }
}

template <typename F>
absl::Status DispatchRange(DType dtype, F f) {
  return Dispatch<int32_t, int64_t, float, double, Half, BFloat16>(dtype, f);
}

absl::Status RangeShape(ShapeContext& c) {
  for (int i = 0; i < 3; ++i) SLUICE_RETURN_IF_ERROR(c.WithRank(i, 0).status());
  int64_t size = -1;
  if (c.value(0) != nullptr && c.value(1) != nullptr && c.value(2) != nullptr) {
    SLUICE_RETURN_IF_ERROR(DispatchRange(c.input_dtype(0), [&](auto tag) -> absl::Status {
      SLUICE_ASSIGN_OR_RETURN(
          size, RangeSize<typename decltype(tag)::type>(*c.value(0), *c.value(1), *c.value(2)));
      return absl::OkStatus();
    }));
  }
  c.set_output(0, {size});
  return absl::OkStatus();
}

template <typename T>
absl::Status RangeRun(KernelContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const int64_t size, RangeSize<T>(c.input(0), c.input(1), c.input(2)));
  SLUICE_RETURN_IF_ERROR(CheckOutputShape(c, 0, {size}));
  T* to = c.output(0).mutable_data<T>();
  const auto start = static_cast<Wide<T>>(c.input(0).scalar<T>());
  const auto delta = static_cast<Wide<T>>(c.input(2).scalar<T>());
  Wide<T> next = start;
  for (int64_t i = 0; i < size; ++i, next = Plus(next, delta)) to[i] = T(next);
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> RangePrepare(PrepareContext& p) {
  KernelRun run;
  SLUICE_RETURN_IF_ERROR(DispatchRange(p.input_dtype(0), [&](auto tag) {
    run = &RangeRun<typename decltype(tag)::type>;
    return absl::OkStatus();
  }));
  return run;
}

absl::StatusOr<int64_t> ReadCount(const Tensor& tensor) {
  SLUICE_ASSIGN_OR_RETURN(const int64_t num, ReadInt(tensor, "num"));
  if (num > 0 && num <= kMaxElements) return num;
  return absl::InvalidArgumentError(absl::StrCat("Requires num > 0: ", num));
}

absl::Status LinSpaceShape(ShapeContext& c) {
  for (int i = 0; i < 3; ++i) SLUICE_RETURN_IF_ERROR(c.WithRank(i, 0).status());
  int64_t size = -1;
  if (c.value(2) != nullptr) {
    SLUICE_ASSIGN_OR_RETURN(size, ReadCount(*c.value(2)));
  }
  c.set_output(0, {size});
  return absl::OkStatus();
}

template <typename T>
absl::Status LinSpaceRun(KernelContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const int64_t num, ReadCount(c.input(2)));
  SLUICE_RETURN_IF_ERROR(CheckOutputShape(c, 0, {num}));
  T* to = c.output(0).mutable_data<T>();
  const auto start = static_cast<Wide<T>>(c.input(0).scalar<T>());
  const auto stop = static_cast<Wide<T>>(c.input(1).scalar<T>());
  const Wide<T> step = num > 1 ? (stop - start) / static_cast<Wide<T>>(num - 1) : 0;
  for (int64_t i = 0; i < num; ++i) to[i] = T(start + static_cast<Wide<T>>(i) * step);
  if (num > 1) to[num - 1] = T(stop);
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> LinSpacePrepare(PrepareContext& p) {
  KernelRun run;
  SLUICE_RETURN_IF_ERROR((Dispatch<float, double, Half, BFloat16>(p.input_dtype(0), [&](auto tag) {
    run = &LinSpaceRun<typename decltype(tag)::type>;
    return absl::OkStatus();
  })));
  return run;
}

}  // namespace

OpSpec RangeOp() {
  return OpSpec("Range")
      .Input("start: Tidx")
      .Input("limit: Tidx")
      .Input("delta: Tidx")
      .Output("output: Tidx")
      .Attr("Tidx: {bfloat16, half, float, double, int32, int64} = DT_INT32")
      .Shape(RangeShape)
      .Prepare(RangePrepare)
      .NotDifferentiable("its length would have to vary");
}

OpSpec LinSpaceOp() {
  return OpSpec("LinSpace")
      .Input("start: T")
      .Input("stop: T")
      .Input("num: Tidx")
      .Output("output: T")
      .Attr("T: {bfloat16, half, float, double}")
      .Attr("Tidx: {int32, int64} = DT_INT32")
      .Shape(LinSpaceShape)
      .Prepare(LinSpacePrepare)
      .NotDifferentiable("TensorFlow defines none for LinSpace");
}

Output Range(At at, Ints start, Ints limit, Ints delta) {
  const At in = at.Composite("Range");
  const DType dtype = CommonDType({&start, &limit, &delta});
  return in.AsScope().Node("Range",
                           {start.Tensor(in, "start", dtype), limit.Tensor(in, "limit", dtype),
                            delta.Tensor(in, "delta", dtype)});
}

Output LinSpace(At at, Output start, Output stop, Ints num) {
  const At in = at.Composite("LinSpace");
  return in.AsScope().Node("LinSpace", {start, stop, num.Tensor(in, "num")});
}

}  // namespace sluice::ops
