// Where: rows of indices i with input[i] != 0. Two passes: count, then write.
#include "ops/where.h"

#include <algorithm>
#include <complex>

#include "core/status.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/dtype_sets.h"
#include "ops/kernels/accumulate.h"

namespace sluice::ops {
namespace {

absl::Status WhereShape(ShapeContext& c) {
  c.set_output(0, {-1, c.input(0).rank()});  // the rank of an unknown shape is -1
  return absl::OkStatus();
}

template <typename T>
bool IsTrue(const T& value) {
  if constexpr (kIsHalf<T>) {
    return static_cast<float>(value) != 0;
  } else {
    return value != T(0);
  }
}

template <typename T>
absl::Status WhereRun(KernelContext& c) {
  const Tensor& input = c.input(0);
  const absl::Span<const T> values = input.flat<T>();
  const int64_t count = std::count_if(values.begin(), values.end(), IsTrue<T>);
  const int rank = input.shape().rank();
  SLUICE_ASSIGN_OR_RETURN(Tensor * output, c.Allocate(0, {count, rank}));
  int64_t* to = output->mutable_data<int64_t>();
  Dims index(rank, 0);
  for (const T& value : values) {
    if (IsTrue(value)) to = std::copy(index.begin(), index.end(), to);
    for (int i = rank; i-- > 0;) {
      if (++index[i] < input.dim(i)) break;
      index[i] = 0;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<KernelRun> WherePrepare(PrepareContext& p) {
  KernelRun run;
  SLUICE_RETURN_IF_ERROR(
      (Dispatch<bool, float, double, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t,
                uint64_t, Half, BFloat16, std::complex<float>, std::complex<double>>(
          p.input_dtype(0), [&](auto tag) {
            run = &WhereRun<typename decltype(tag)::type>;
            return absl::OkStatus();
          })));
  return run;
}

}  // namespace

OpSpec WhereOp() {
  return OpSpec("Where")
      .Input("input: T")
      .Output("index: int64")
      .Attr(
          "T: {float, double, int32, uint8, int16, int8, complex64, int64, qint8, quint8, qint32, "
          "bfloat16, uint16, complex128, half, uint32, uint64, bool} = DT_BOOL")
      .Shape(WhereShape)
      .Prepare(WherePrepare)
      .NoKernelFor("T", QuantizedNumbers(), "quantized numbers are not told from zero")
      .NotDifferentiable("positions have no gradient");
}

Output Where(At at, Output input) { return at.Node("Where", {input}); }

}  // namespace sluice::ops
