// Diag, MatrixDiag and their inverses: a diagonal of an [m, n] matrix is a vector of stride n + 1.
// MatrixBandPart: y[i, j] = x[i, j] where i - j <= num_lower and j - i <= num_upper, else 0.
#include "ops/diag.h"

#include <algorithm>

#include "core/status.h"
#include "core/threads.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/kernels/strided_copy.h"

namespace sluice::ops {
namespace {

absl::Status DiagShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape half, c.WithRankAtLeast(0, 1));
  if (!half.rank_known()) return absl::OkStatus();
  TensorShape output = half;
  for (const int64_t d : half.dims()) output.AddDim(d);
  SLUICE_RETURN_IF_ERROR(output.Check());
  c.set_output(0, std::move(output));
  return absl::OkStatus();
}

absl::Status DiagPartShape(ShapeContext& c) {
  const TensorShape& input = c.input(0);
  if (!input.rank_known()) return absl::OkStatus();
  const absl::Span<const int64_t> dims = input.dims();
  const TensorShape front(dims.first(dims.size() / 2)), back(dims.subspan(dims.size() / 2));
  const absl::StatusOr<TensorShape> half = front.MergeWith(back);
  if (dims.empty() || !half.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "input must have a shape that repeats itself, such as [2,3,2,3], got ", input.ToString()));
  }
  c.set_output(0, *half);
  return absl::OkStatus();
}

absl::Status DiagKernel(KernelContext& c) {
  const Tensor& diagonal = c.input(0);
  Tensor& output = c.output(0);
  const int64_t n = diagonal.num_elements();
  ZeroElements(output.dtype(), output.mutable_raw(), output.num_elements());
  StridedCopy(output.dtype(), {n}, {0, {1}}, {0, {n + 1}})
      .Run(diagonal.raw(), output.mutable_raw());
  return absl::OkStatus();
}

absl::Status DiagPartKernel(KernelContext& c) {
  const Tensor& input = c.input(0);
  Tensor& output = c.output(0);
  const int64_t n = output.num_elements();
  StridedCopy(output.dtype(), {n}, {0, {n + 1}}, {0, {1}}).Run(input.raw(), output.mutable_raw());
  return absl::OkStatus();
}

// A batch of matrices.
struct Matrices {
  int64_t batch = 1, rows = 0, columns = 0;
  int64_t diagonal() const { return std::min(rows, columns); }
};

Matrices MatricesOf(const TensorShape& shape) {
  Matrices m;
  for (int i = 0; i + 2 < shape.rank(); ++i) m.batch *= shape.dim(i);
  m.rows = shape.dim(-2);
  m.columns = shape.dim(-1);
  return m;
}

// The shape of the diagonals of matrices.
TensorShape DiagonalShape(const TensorShape& matrices) {
  TensorShape diagonal = matrices;
  const int64_t m = matrices.dim(-2), n = matrices.dim(-1);
  diagonal.RemoveDim(-1);
  diagonal.set_dim(-1, m < 0 || n < 0 ? -1 : std::min(m, n));
  return diagonal;
}

absl::Status MatrixDiagShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(TensorShape output, c.WithRankAtLeast(0, 1));
  if (!output.rank_known()) return absl::OkStatus();
  output.AddDim(output.dim(-1));
  SLUICE_RETURN_IF_ERROR(output.Check());
  c.set_output(0, std::move(output));
  return absl::OkStatus();
}

absl::Status MatrixDiagPartShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape input, c.WithRankAtLeast(0, 2));
  if (input.rank_known()) c.set_output(0, DiagonalShape(input));
  return absl::OkStatus();
}

absl::Status MatrixSetDiagShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape input, c.WithRankAtLeast(0, 2));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape diagonal, c.WithRankAtLeast(1, 1));
  if (input.rank_known() && !DiagonalShape(input).CompatibleWith(diagonal)) {
    return absl::InvalidArgumentError(
        absl::StrCat("diagonal must have shape ", DiagonalShape(input).ToString(), " for input ",
                     input.ToString(), ", got ", diagonal.ToString()));
  }
  c.set_output(0, input);
  return absl::OkStatus();
}

// Dense diagonals to the diagonals of matrices.
void WriteDiagonals(const Tensor& diagonal, Tensor* matrices) {
  const Matrices m = MatricesOf(matrices->shape());
  const int64_t n = m.diagonal();
  StridedCopy(matrices->dtype(), {m.batch, n}, {0, {n, 1}},
              {0, {m.rows * m.columns, m.columns + 1}})
      .Run(diagonal.raw(), matrices->mutable_raw());
}

absl::Status MatrixDiagKernel(KernelContext& c) {
  Tensor& output = c.output(0);
  ZeroElements(output.dtype(), output.mutable_raw(), output.num_elements());
  WriteDiagonals(c.input(0), &output);
  return absl::OkStatus();
}

absl::Status MatrixSetDiagKernel(KernelContext& c) {
  Tensor& output = c.output(0);
  CopyElements(output.dtype(), c.input(0).raw(), output.mutable_raw(), output.num_elements());
  WriteDiagonals(c.input(1), &output);
  return absl::OkStatus();
}

absl::Status MatrixDiagPartKernel(KernelContext& c) {
  const Tensor& input = c.input(0);
  const Matrices m = MatricesOf(input.shape());
  const int64_t n = m.diagonal();
  StridedCopy(input.dtype(), {m.batch, n}, {0, {m.rows * m.columns, m.columns + 1}}, {0, {n, 1}})
      .Run(input.raw(), c.output(0).mutable_raw());
  return absl::OkStatus();
}

absl::Status MatrixBandPartShape(ShapeContext& c) {
  for (const int scalar : {1, 2}) SLUICE_RETURN_IF_ERROR(c.WithRank(scalar, 0).status());
  SLUICE_ASSIGN_OR_RETURN(TensorShape input, c.WithRankAtLeast(0, 2));
  c.set_output(0, std::move(input));
  return absl::OkStatus();
}

// How many diagonals are kept on one side of the main one, of at most `most`.
absl::StatusOr<int64_t> ReadBand(const Tensor& tensor, int64_t most, const char* what) {
  SLUICE_ASSIGN_OR_RETURN(const int64_t band, ReadInt(tensor, what));
  if (band <= most) return band < 0 ? most : band;
  return absl::InvalidArgumentError(
      absl::StrCat(what, " must be negative or less or equal to ", most, ", got ", band));
}

absl::Status MatrixBandPartKernel(KernelContext& c) {
  const Tensor& input = c.input(0);
  Tensor& output = c.output(0);
  const Matrices m = MatricesOf(input.shape());
  SLUICE_ASSIGN_OR_RETURN(const int64_t lower, ReadBand(c.input(1), m.rows, "num_lower"));
  SLUICE_ASSIGN_OR_RETURN(const int64_t upper, ReadBand(c.input(2), m.columns, "num_upper"));
  const DType dtype = input.dtype();
  for (int64_t row = 0; row < m.batch * m.rows; ++row) {
    const int64_t i = row % m.rows;
    const int64_t begin = std::clamp<int64_t>(i - lower, 0, m.columns);
    const int64_t end = std::clamp<int64_t>(i + upper + 1, begin, m.columns);
    void* to = ElementAt(output.mutable_raw(), row * m.columns, dtype);
    ZeroElements(dtype, to, begin);
    CopyElements(dtype, ElementAt(input.raw(), row * m.columns + begin, dtype),
                 ElementAt(to, begin, dtype), end - begin);
    ZeroElements(dtype, ElementAt(to, end, dtype), m.columns - end);
  }
  return absl::OkStatus();
}

Outputs DiagGradient(At at, const Node&, const Outputs& dy) { return {DiagPart(at, dy[0])}; }
Outputs DiagPartGradient(At at, const Node&, const Outputs& dy) { return {Diag(at, dy[0])}; }
Outputs MatrixDiagGradient(At at, const Node&, const Outputs& dy) {
  return {MatrixDiagPart(at, dy[0])};
}

Outputs MatrixDiagPartGradient(At at, const Node& op, const Outputs& dy) {
  return {MatrixSetDiag(at, at.Node("ZerosLike", {op.input(0)}), dy[0])};
}

Outputs MatrixSetDiagGradient(At at, const Node& op, const Outputs& dy) {
  const Output zeros = at.Node("ZerosLike", {op.input(1)});
  return {MatrixSetDiag(at, dy[0], zeros), MatrixDiagPart(at, dy[0])};
}

Outputs MatrixBandPartGradient(At at, const Node& op, const Outputs& dy) {
  return {MatrixBandPart(at, dy[0], op.input(1), op.input(2)), Output(), Output()};
}

}  // namespace

OpSpec DiagOp() {
  return OpSpec("Diag")
      .Input("diagonal: T")
      .Output("output: T")
      .Attr("T: {bfloat16, half, float, double, int32, int64, complex64, complex128}")
      .Shape(DiagShape)
      .Kernel(DiagKernel)
      .Gradient(DiagGradient);
}

OpSpec DiagPartOp() {
  return OpSpec("DiagPart")
      .Input("input: T")
      .Output("diagonal: T")
      .Attr("T: {bfloat16, half, float, double, int32, int64, complex64, complex128}")
      .Shape(DiagPartShape)
      .Kernel(DiagPartKernel)
      .Gradient(DiagPartGradient);
}

OpSpec MatrixDiagOp() {
  return OpSpec("MatrixDiag")
      .Input("diagonal: T")
      .Output("output: T")
      .Attr("T: type")
      .Shape(MatrixDiagShape)
      .Kernel(MatrixDiagKernel)
      .Gradient(MatrixDiagGradient);
}

OpSpec MatrixDiagPartOp() {
  return OpSpec("MatrixDiagPart")
      .Input("input: T")
      .Output("diagonal: T")
      .Attr("T: type")
      .Shape(MatrixDiagPartShape)
      .Kernel(MatrixDiagPartKernel)
      .Gradient(MatrixDiagPartGradient);
}

OpSpec MatrixSetDiagOp() {
  return OpSpec("MatrixSetDiag")
      .Input("input: T")
      .Input("diagonal: T")
      .Output("output: T")
      .Attr("T: type")
      .Shape(MatrixSetDiagShape)
      .Kernel(MatrixSetDiagKernel)
      .InPlace(0, 0)
      .Gradient(MatrixSetDiagGradient);
}

OpSpec MatrixBandPartOp() {
  return OpSpec("MatrixBandPart")
      .Input("input: T")
      .Input("num_lower: Tindex")
      .Input("num_upper: Tindex")
      .Output("band: T")
      .Attr("T: type")
      .Attr("Tindex: {int32, int64} = DT_INT64")
      .Shape(MatrixBandPartShape)
      .Kernel(MatrixBandPartKernel)
      .InPlace(0, 0)
      .Gradient(MatrixBandPartGradient);
}

Output Diag(At at, Output diagonal) { return at.Node("Diag", {diagonal}); }
Output DiagPart(At at, Output input) { return at.Node("DiagPart", {input}); }
Output MatrixDiag(At at, Output diagonal) { return at.Node("MatrixDiag", {diagonal}); }
Output MatrixDiagPart(At at, Output input) { return at.Node("MatrixDiagPart", {input}); }
Output MatrixSetDiag(At at, Output input, Output diagonal) {
  return at.Node("MatrixSetDiag", {input, diagonal});
}

Output MatrixBandPart(At at, Output input, Ints num_lower, Ints num_upper) {
  const At in = at.Composite("MatrixBandPart");
  const DType dtype = CommonDType({&num_lower, &num_upper});
  return in.AsScope().Node("MatrixBandPart", {input, num_lower.Tensor(in, "num_lower", dtype),
                                              num_upper.Tensor(in, "num_upper", dtype)});
}

}  // namespace sluice::ops
