// Bitcast: a copy of the bytes under another dtype and shape.
#include "ops/bitcast.h"

#include <cstring>

#include "core/status.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"

namespace sluice::ops {
namespace {

absl::Status BitcastShape(ShapeContext& c) {
  TensorShape shape = c.input(0);
  const auto from = static_cast<int64_t>(SizeOf(c.input_dtype(0)));
  const auto to = static_cast<int64_t>(SizeOf(c.output_dtype(0)));
  if (!shape.rank_known()) return absl::OkStatus();
  if (to < from) shape.AddDim(from / to);
  if (to > from) {
    const int64_t last = shape.rank() == 0 ? 1 : shape.dim(-1);
    if (shape.rank() == 0 || (last >= 0 && last != to / from)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "Cannot bitcast from ", DTypeName(c.input_dtype(0)), " to ", DTypeName(c.output_dtype(0)),
          ": the last dimension must be ", to / from, ", got shape ", shape.ToString()));
    }
    shape.RemoveDim(-1);
  }
  SLUICE_RETURN_IF_ERROR(shape.Check());
  c.set_output(0, std::move(shape));
  return absl::OkStatus();
}

absl::Status BitcastKernel(KernelContext& c) {
  const Tensor& input = c.input(0);
  if (input.byte_size() > 0) {
    std::memcpy(c.output(0).mutable_raw(), input.raw(), static_cast<size_t>(input.byte_size()));
  }
  return absl::OkStatus();
}

constexpr char kTypes[] =
    "{bfloat16, half, float, double, int64, int32, uint8, uint16, uint32, uint64, int8, int16, "
    "complex64, complex128, qint8, quint8, qint16, quint16, qint32}";

}  // namespace

OpSpec BitcastOp() {
  return OpSpec("Bitcast")
      .Input("input: T")
      .Output("output: type")
      .Attr(absl::StrCat("T: ", kTypes))
      .Attr(absl::StrCat("type: ", kTypes))
      .Shape(BitcastShape)
      .Kernel(BitcastKernel)
      .NotDifferentiable("bits have no gradient");
}

Output Bitcast(At at, Output input, DType type) {
  return at.Node("Bitcast", {input}, {{"type", type}});
}

}  // namespace sluice::ops
