#include "ops/array_util.h"

#include "core/status.h"

namespace sluice::ops {

absl::StatusOr<Dims> ReadInts(const Tensor& tensor, absl::string_view what) {
  if (tensor.shape().rank() > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, " must be a scalar or a vector, got shape ", tensor.shape().ToString()));
  }
  if (tensor.dtype() == DType::kInt32) {
    return Dims(tensor.flat<int32_t>().begin(), tensor.flat<int32_t>().end());
  }
  if (tensor.dtype() == DType::kInt64) {
    return Dims(tensor.flat<int64_t>().begin(), tensor.flat<int64_t>().end());
  }
  return absl::InvalidArgumentError(
      absl::StrCat(what, " must be int32 or int64, got ", DTypeName(tensor.dtype())));
}

absl::StatusOr<int64_t> ReadInt(const Tensor& tensor, absl::string_view what) {
  SLUICE_ASSIGN_OR_RETURN(const Dims values, ReadInts(tensor, what));
  if (values.size() == 1) return values[0];
  return absl::InvalidArgumentError(
      absl::StrCat(what, " must be a scalar, got shape ", tensor.shape().ToString()));
}

absl::StatusOr<int> CanonicalAxis(int64_t axis, int rank, absl::string_view what) {
  if (axis >= -rank && axis < rank) return static_cast<int>(axis < 0 ? axis + rank : axis);
  return absl::InvalidArgumentError(
      absl::StrCat(what, " must be in the range [", -rank, ", ", rank, "), got ", axis));
}

absl::Status CheckOutputShape(KernelContext& c, int i, const TensorShape& wanted) {
  if (c.output(i).shape() == wanted) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("the values of this run ask for shape ",
                                                 wanted.ToString(), ", the graph expects ",
                                                 c.output(i).shape().ToString()));
}

absl::StatusOr<Tensor*> ProvideOutput(KernelContext& c, int i, bool planned,
                                      const TensorShape& shape) {
  if (!planned) return c.Allocate(i, shape);
  SLUICE_RETURN_IF_ERROR(CheckOutputShape(c, i, shape));
  return &c.output(i);
}

absl::StatusOr<int64_t> MultiplySizes(int64_t a, int64_t b) {
  if (a < 0 || b < 0) return -1;
  if (a == 0 || b <= kMaxElements / a) return a * b;
  return absl::InvalidArgumentError(
      absl::StrCat("size ", a, " x ", b, " passes the limit of ", kMaxElements));
}

absl::StatusOr<int64_t> AddSizes(int64_t a, int64_t b) {
  if (a < 0 || b < 0) return -1;
  if (a <= kMaxElements && b <= kMaxElements - a) return a + b;
  return absl::InvalidArgumentError(
      absl::StrCat("size ", a, " + ", b, " passes the limit of ", kMaxElements));
}

absl::Status ShapeFromInput(ShapeContext& c, int i) {
  SLUICE_ASSIGN_OR_RETURN(TensorShape shape, c.ShapeFromValue(i));
  if (c.value(i) != nullptr && !shape.fully_defined()) {
    return absl::InvalidArgumentError(
        absl::StrCat("every dimension must be >= 0, got ", c.value(i)->DebugString()));
  }
  c.set_output(0, std::move(shape));
  return absl::OkStatus();
}

std::vector<StridedCopy> PlanPieces(DType dtype, const TensorShape& whole, int axis,
                                    absl::Span<const int64_t> sizes, PieceCopy direction) {
  int64_t outer = 1, stride = 1;
  for (int i = 0; i < axis; ++i) outer *= whole.dim(i);
  for (int i = axis + 1; i < whole.rank(); ++i) stride *= whole.dim(i);
  const int64_t pitch[] = {whole.dim(axis) * stride, 1};
  std::vector<StridedCopy> pieces;
  int64_t position = 0;
  for (const int64_t size : sizes) {
    const int64_t run = size * stride;
    const int64_t own_pitch[] = {run, 1};
    const StridedCopy::Layout piece{0, own_pitch}, inside{position, pitch};
    const bool join = direction == PieceCopy::kJoin;
    pieces.emplace_back(dtype, Dims{outer, run}, join ? piece : inside, join ? inside : piece);
    position += run;
  }
  return pieces;
}

absl::Status JoinPieces(KernelContext& c, const std::vector<StridedCopy>& pieces, int first) {
  for (size_t i = 0; i < pieces.size(); ++i) {
    pieces[i].Run(c.input(first + static_cast<int>(i)).raw(), c.output(0).mutable_raw());
  }
  return absl::OkStatus();
}

absl::Status CutPieces(KernelContext& c, const std::vector<StridedCopy>& pieces, int whole) {
  for (size_t i = 0; i < pieces.size(); ++i) {
    pieces[i].Run(c.input(whole).raw(), c.output(static_cast<int>(i)).mutable_raw());
  }
  return absl::OkStatus();
}

}  // namespace sluice::ops
