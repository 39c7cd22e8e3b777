// Reverse, ReverseV2: y[..., i, ...] = x[..., size - 1 - i, ...] along the chosen dimensions:
// strides become negative. ReverseSequence: the same for the head of every sequence of a batch.
#include "ops/reverse.h"

#include "core/status.h"
#include "graph/node.h"
#include "graph/op_spec.h"
#include "ops/array_util.h"
#include "ops/kernels/strided_copy.h"

namespace sluice::ops {
namespace {

using Flags = absl::InlinedVector<bool, 8>;  // per dimension: reversed?

absl::StatusOr<Flags> FlagsOfBools(const Tensor& dims, int rank) {
  const absl::Span<const bool> values = dims.flat<bool>();
  if (static_cast<int>(values.size()) != rank) {
    return absl::InvalidArgumentError(absl::StrCat("dims must have one entry per dimension, got ",
                                                   values.size(), " for rank ", rank));
  }
  return Flags(values.begin(), values.end());
}

absl::StatusOr<Flags> FlagsOfAxes(const Tensor& axis, int rank) {
  SLUICE_ASSIGN_OR_RETURN(const Dims axes, ReadInts(axis, "axis"));
  Flags flags(rank, false);
  for (const int64_t given : axes) {
    SLUICE_ASSIGN_OR_RETURN(const int i, CanonicalAxis(given, rank));
    if (flags[i]) {
      return absl::InvalidArgumentError(absl::StrCat("axis ", i, " specified more than once."));
    }
    flags[i] = true;
  }
  return flags;
}

using FlagsFn = absl::StatusOr<Flags> (*)(const Tensor&, int);

template <FlagsFn flags_of>
absl::Status ReverseShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(c.WithRank(1, 1).status());
  if (c.value(1) != nullptr && c.input(0).rank_known()) {
    SLUICE_RETURN_IF_ERROR(flags_of(*c.value(1), c.input(0).rank()).status());
  }
  c.set_output(0, c.input(0));
  return absl::OkStatus();
}

StridedCopy PlanReverse(DType dtype, const TensorShape& shape, const Flags& flags) {
  const Dims strides = RowMajorStrides(shape.dims());
  Dims from = strides;
  int64_t first = 0;
  for (size_t i = 0; i < flags.size(); ++i) {
    if (!flags[i]) continue;
    first += (shape.dim(static_cast<int>(i)) - 1) * strides[i];
    from[i] = -strides[i];
  }
  return StridedCopy(dtype, shape.dims(), {first, from}, {0, strides});
}

template <FlagsFn flags_of>
absl::StatusOr<KernelRun> ReversePrepare(PrepareContext& p) {
  const TensorShape& shape = p.input_shape(0);
  if (const Tensor* value = p.constant_input(1)) {
    SLUICE_ASSIGN_OR_RETURN(const Flags flags, flags_of(*value, shape.rank()));
    return KernelRun([copy = PlanReverse(p.input_dtype(0), shape, flags)](KernelContext& c) {
      copy.Run(c.input(0).raw(), c.output(0).mutable_raw());
      return absl::OkStatus();
    });
  }
  return KernelRun([](KernelContext& c) -> absl::Status {
    const Tensor& input = c.input(0);
    SLUICE_ASSIGN_OR_RETURN(const Flags flags, flags_of(c.input(1), input.shape().rank()));
    PlanReverse(input.dtype(), input.shape(), flags).Run(input.raw(), c.output(0).mutable_raw());
    return absl::OkStatus();
  });
}

struct SequenceAxes {
  int seq = 0, batch = 0;
};

absl::StatusOr<SequenceAxes> AxesOf(const AttrMap& attrs, int rank) {
  SequenceAxes axes;
  SLUICE_ASSIGN_OR_RETURN(axes.seq,
                          CanonicalAxis(GetAttr<int64_t>(attrs, "seq_dim"), rank, "seq_dim"));
  SLUICE_ASSIGN_OR_RETURN(axes.batch,
                          CanonicalAxis(GetAttr<int64_t>(attrs, "batch_dim"), rank, "batch_dim"));
  if (axes.seq != axes.batch) return axes;
  return absl::InvalidArgumentError(absl::StrCat("batch_dim == seq_dim == ", axes.seq));
}

absl::Status ReverseSequenceShape(ShapeContext& c) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape lengths, c.WithRank(1, 1));
  const TensorShape& input = c.input(0);
  if (input.rank_known()) {
    SLUICE_ASSIGN_OR_RETURN(const SequenceAxes axes, AxesOf(c.attrs(), input.rank()));
    const int64_t batch = input.dim(axes.batch);
    if (batch >= 0 && lengths.dim(0) >= 0 && batch != lengths.dim(0)) {
      return absl::InvalidArgumentError(absl::StrCat("Length of seq_lengths != input.dims(",
                                                     axes.batch, "), (", lengths.dim(0), " vs. ",
                                                     batch, ")"));
    }
  }
  c.set_output(0, input);
  return absl::OkStatus();
}

// Copies sequence `b`: its elements [begin, end) along the sequence dimension, backwards when
// `reversed`.
void CopySequence(KernelContext& c, const SequenceAxes& axes, int64_t b, int64_t begin, int64_t end,
                  bool reversed) {
  const Tensor& input = c.input(0);
  const Dims strides = RowMajorStrides(input.shape().dims());
  Dims dims(input.shape().dims().begin(), input.shape().dims().end());
  Dims from = strides;
  dims[axes.batch] = 1;
  dims[axes.seq] = end - begin;
  const int64_t first = b * strides[axes.batch] + begin * strides[axes.seq];
  int64_t source = first;
  if (reversed) {
    source += (end - begin - 1) * strides[axes.seq];
    from[axes.seq] = -strides[axes.seq];
  }
  StridedCopy(input.dtype(), dims, {source, from}, {first, strides})
      .Run(input.raw(), c.output(0).mutable_raw());
}

absl::Status ReverseSequenceKernel(KernelContext& c) {
  const Tensor& input = c.input(0);
  const Tensor& lengths = c.input(1);
  SLUICE_ASSIGN_OR_RETURN(const SequenceAxes axes, AxesOf(c.attrs(), input.shape().rank()));
  const int64_t size = input.dim(axes.seq);
  for (int64_t b = 0; b < lengths.num_elements(); ++b) {
    const int64_t length =
        lengths.dtype() == DType::kInt32 ? lengths.flat<int32_t>()[b] : lengths.flat<int64_t>()[b];
    if (length < 0 || length > size) {
      return absl::InvalidArgumentError(
          absl::StrCat("seq_lengths[", b, "] must be in [0, ", size, "], got ", length));
    }
    CopySequence(c, axes, b, 0, length, true);
    CopySequence(c, axes, b, length, size, false);
  }
  return absl::OkStatus();
}

// The same op again, on dy.
Outputs SameAgain(At at, const Node& op, const Outputs& dy) {
  AttrMap attrs;
  for (const char* name : {"seq_dim", "batch_dim"}) {
    if (FindAttr(op.attrs(), name) != nullptr) attrs.emplace(name, op.attr<int64_t>(name));
  }
  return {at.Node(op.op(), {dy[0], op.input(1)}, std::move(attrs)), Output()};
}

}  // namespace

OpSpec ReverseOp() {
  return OpSpec("Reverse")
      .Input("tensor: T")
      .Input("dims: bool")
      .Output("output: T")
      .Attr(
          "T: {uint8, int8, uint16, int16, int32, int64, bool, half, float, double, complex64, "
          "complex128, string}")
      .Shape(ReverseShape<FlagsOfBools>)
      .Prepare(ReversePrepare<FlagsOfBools>)
      .Gradient(SameAgain);
}

OpSpec ReverseV2Op() {
  return OpSpec("ReverseV2")
      .Input("tensor: T")
      .Input("axis: Tidx")
      .Output("output: T")
      .Attr("Tidx: {int32, int64} = DT_INT32")
      .Attr(
          "T: {uint8, int8, uint16, int16, int32, int64, bool, bfloat16, half, float, double, "
          "complex64, complex128, string}")
      .Shape(ReverseShape<FlagsOfAxes>)
      .Prepare(ReversePrepare<FlagsOfAxes>)
      .Gradient(SameAgain);
}

OpSpec ReverseSequenceOp() {
  return OpSpec("ReverseSequence")
      .Input("input: T")
      .Input("seq_lengths: Tlen")
      .Output("output: T")
      .Attr("seq_dim: int")
      .Attr("batch_dim: int = 0")
      .Attr("T: type")
      .Attr("Tlen: {int32, int64} = DT_INT64")
      .Shape(ReverseSequenceShape)
      .Kernel(ReverseSequenceKernel)
      .Gradient(SameAgain);
}

Output ReverseV2(At at, Output tensor, Ints axis) {
  const At in = at.Composite("ReverseV2");
  return in.AsScope().Node("ReverseV2", {tensor, axis.Tensor(in, "axis")});
}

Output Reverse(At at, Output tensor, Output dims) { return at.Node("Reverse", {tensor, dims}); }

Output ReverseSequence(At at, Output input, Output seq_lengths, int64_t seq_dim,
                       const ReverseSequenceOptions& options) {
  return at.Node("ReverseSequence", {input, seq_lengths},
                 {{"seq_dim", seq_dim}, {"batch_dim", options.batch_dim}});
}

}  // namespace sluice::ops
